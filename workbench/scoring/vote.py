"""Several records of one article become one: each leaf is what most of them say, each item what more than half of them have.

Samples of one model, or answers of several, are wrong in different places more often than they are right in different ways, and so the
value that most of them give is right more often than any one of them (self-consistency: Wang et al., arXiv 2203.11171). How many gave it
says how sure it is.

Which item of one list is which of another is decided by the scorer's own alignment. The samples' lists are taken one after the other, the longest
first, in an order that follows from what they hold and not from which came first, and the items of each are paired with the *clusters* that those
before it left. A cluster stands in that pairing as its commonest member, word for word. What is paired with no cluster begins one; and so does
what was paired with another item that it stands beside in some sample, word for word: that sample knows them as two things, however alike they
are. Then all lists are paired once more with the clusters as the first round knew them, for a pairing made early may be the wrong one. Objects
in a cluster are voted on field by field, and the lists in them are clustered among themselves.

Values that a comparator holds equal are counted together. Such an equality need not be transitive (a tolerance of 1 has 1 = 2 and 2 = 3): a value
has the votes of all those that equal it, and the value with the most votes wins, spelt as most of its voters spell it. Nothing here depends on
the seed of a hash.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from pydantic import JsonValue

from workbench.pointers import step, steps_of
from workbench.scoring.align import Aligner
from workbench.scoring.comparators import Context
from workbench.scoring.shape import Shape
from workbench.scoring.values import Kind, Rows, blank, kind_of, rows

__all__ = ["Source", "Tie", "Voted", "vote"]


class Source(NamedTuple):
    """Where in a sample something stands: the sample's number, from 0, and a JSON Pointer into it."""

    sample: int
    at: str


class Tie(NamedTuple):
    """A place at which two answers had the most votes: a JSON Pointer into the merged value, and what the others had, in words."""

    at: str
    says: str


@dataclass(frozen=True)
class Voted:
    """What samples come to. Keys are JSON Pointers (RFC 6901) into the value.

    Attributes:
        value: The merged value, in the samples' form.
        confidence: Of each leaf, null and a list that counts as one value among them: the share of all samples that say so, above 0 and at most 1.
        sources: Of each place, the samples that have it. Of a leaf those that agree with it, who spell it so first; of an object or a list
            those that agree with most of the leaves directly in it first, then with most of all its leaves.
        ties: Where the earliest sample decided.
        notes: The alignment's: short cuts that may have cost an optimum.
    """

    value: JsonValue
    confidence: Mapping[str, float]
    sources: Mapping[str, tuple[Source, ...]]
    ties: tuple[Tie, ...]
    notes: tuple[str, ...]


def vote(samples: Sequence[JsonValue], shape: Shape, context: Context = Context()) -> Voted:  # noqa: B008 - it is frozen
    """Merge samples of one record.

    At each place those vote that have what the place is in: an object that 3 of 5 have stands, and its fields are voted on by the 3. Saying
    nothing (null, a missing key, blank text) is a vote like any other. An item stands if more than half of those that have its list, or could
    have, have it. Where two answers have equally many votes, the earliest sample that gave one of them decides, and where exactly half have an
    item, the earliest of all that vote there; either is a tie. Confidence is always a share of all samples.

    Args:
        samples: JSON values of one form, the earliest first; at least one.
        shape: What the values are: see `workbench.scoring.shape.shape_of`.
        context: What comparators need to know.

    Raises:
        TooLarge: If lists are too long to be aligned, or values too deep.
        ValueError: If there is no sample.
    """
    if not samples:
        raise ValueError("no sample, no vote")
    voter = _Voter([*samples], context)
    found = voter.place([_Ballot(number, value, "") for number, value in enumerate(samples)], shape, "", "")
    return Voted(found.value, voter.confidence, voter.sources, tuple(voter.ties), tuple(voter.aligner.notes))


class _Ballot(NamedTuple):
    """What one sample has at a place."""

    sample: int
    value: Any
    at: str


@dataclass(slots=True)
class _Option:
    """One answer at a place, spelt one way, and who gave it, the earliest first."""

    kind: Kind
    value: Any
    ballots: list[_Ballot] = field(default_factory=list)


class _Result(NamedTuple):
    """What came of a place: its value, and how many of the leaves in it each sample agrees with, and spells so."""

    value: Any
    leaf: bool
    agreed: Counter[int]
    exact: Counter[int]


class _Cluster:
    """The items of several samples that are one thing, at most one of each sample.

    Args:
        face: What it was known by before, and goes on being known by: an item and its key.
    """

    __slots__ = ("_counts", "_face", "_items", "ballots")

    def __init__(self, face: tuple[str, Any] | None = None) -> None:
        self.ballots: dict[int, _Ballot] = {}
        self._face = face
        self._counts: Counter[str] = Counter()
        self._items: dict[str, Any] = {}

    def add(self, ballot: _Ballot, key: str) -> None:
        self.ballots[ballot.sample] = ballot
        self._counts[key] += 1
        self._items.setdefault(key, ballot.value)

    @property
    def keys(self) -> set[str]:
        """The texts of its members and of what it is known by."""
        return {*self._counts, self.face[0]}

    @property
    def uniform(self) -> bool:
        """Whether its members are the same, word for word."""
        return len(self._items) == 1

    @property
    def face(self) -> tuple[str, Any]:
        """What it is known by: its commonest member, word for word, with its key; of equals that with the lowest key."""
        if self._face is not None:
            return self._face
        key = min(self._counts, key=lambda key: (-self._counts[key], key))
        return key, self._items[key]


_MISSING: Final = object()
"""In place of the value of a key that an object has not."""


class _Voter:
    """Walks the samples from the root, all at once, and decides each place once."""

    def __init__(self, samples: list[Any], context: Context) -> None:
        self.context = context
        self.total = len(samples)
        self.rows = rows(samples)
        self.aligner = Aligner(self.rows, context)
        self.confidence: dict[str, float] = {}
        self.sources: dict[str, tuple[Source, ...]] = {}
        self.ties: list[Tie] = []

    def place(self, ballots: list[_Ballot], shape: Shape, at: str, path: str) -> _Result:
        """Decide a place, by those that vote there, the earliest first."""
        options = self._options(ballots, shape)
        chosen, agreeing = self._elect(options, len(ballots), shape, at)
        if chosen.kind == "object":
            return self._object(chosen.ballots, shape, at, path)
        if chosen.kind == "list":
            return self._list(chosen.ballots, ballots, shape, at, path)
        if chosen.value is not _MISSING:
            self.confidence[at] = len(agreeing) / self.total
            self.sources[at] = tuple(Source(ballot.sample, ballot.at) for ballot in agreeing)
        return _Result(
            chosen.value,
            True,
            Counter(ballot.sample for ballot in agreeing),
            Counter(ballot.sample for ballot in chosen.ballots),
        )

    def _options(self, ballots: list[_Ballot], shape: Shape) -> list[_Option]:
        """The answers given, in the order of who gave them first. All objects are one answer here, and so are all lists."""
        options: dict[tuple[Kind, str], _Option] = {}
        for ballot in ballots:
            kind = "nothing" if ballot.value is _MISSING else kind_of(ballot.value, shape)
            spelt = "" if kind in {"object", "list"} else self._key(ballot.value)
            option = options.setdefault((kind, spelt), _Option(kind, ballot.value))
            option.ballots.append(ballot)
        return [*options.values()]

    def _key(self, value: Any) -> str:
        """A text that tells any two values apart, but not two orders of a list."""
        if value is _MISSING:
            return "missing"
        return f"[{','.join(self.rows[id(value)].keys)}]" if type(value) is list else repr(value)

    def _elect(self, options: list[_Option], voters: int, shape: Shape, at: str) -> tuple[_Option, list[_Ballot]]:
        """The answer with the most votes and all ballots for it, those first that spell it so."""
        if len(options) == 1:
            return options[0], options[0].ballots
        alike = [[self._same(one, other, shape) for other in options] for one in options]
        votes = [sum(len(other.ballots) for other, same in zip(options, row, strict=True) if same) for row in alike]
        top = [index for index, count in enumerate(votes) if count == max(votes)]
        first = top[0]
        camp = [i for i in top if alike[first][i]]
        index = max(camp, key=lambda i: (len(options[i].ballots), -i))
        chosen = options[index]
        if not all(alike[i][j] for i in top for j in top):
            rivals = [options[i] for i in top if not alike[first][i]] or [options[i] for i in top[1:]]
            says = _tie_words(votes[first], voters, rivals)
            if chosen.value is _MISSING:  # what has no place in the merged value is told of where it would stand
                at, says = at.rpartition("/")[0], f"{steps_of(at)[-1]}: {says}"
            self.ties.append(Tie(at, says))
        others = [
            ballot for i, option in enumerate(options) if i != index and alike[index][i] for ballot in option.ballots
        ]
        return chosen, [*chosen.ballots, *sorted(others, key=lambda ballot: ballot.sample)]

    def _same(self, one: _Option, other: _Option, shape: Shape) -> bool:
        if one is other:
            return True
        if one.kind != other.kind:
            return False
        return one.kind == "nothing" or shape.comparator.compare(one.value, other.value, self.context).equal

    def _object(self, ballots: list[_Ballot], shape: Shape, at: str, path: str) -> _Result:
        value: dict[str, Any] = {}
        fields: list[_Result] = []
        for name in dict.fromkeys(name for ballot in ballots for name in ballot.value):
            inner = [_Ballot(b.sample, b.value.get(name, _MISSING), b.at + step(name)) for b in ballots]
            of_field = f"{path}.{name}" if path else name
            found = self.place(inner, shape.of_field(name), at + step(name), of_field)
            if found.value is not _MISSING:
                value[name] = found.value
            fields.append(found)
        return self._holding(value, ballots, at, fields)

    def _list(self, ballots: list[_Ballot], voters: list[_Ballot], shape: Shape, at: str, path: str) -> _Result:
        value: list[Any] = []
        items: list[_Result] = []
        for cluster in _in_order(self._clusters(ballots, shape, path), ballots):
            members = sorted(cluster.ballots.values(), key=lambda ballot: ballot.sample)
            against = len(voters) - len(members)
            here = f"{at}/{len(value)}"
            if against > len(members):
                continue
            if against == len(members):
                if members[0].sample != voters[0].sample:
                    says = f"{len(members)} of {len(voters)} have an item here that the earliest has not: {_words(members[0].value)}"
                    self.ties.append(Tie(at, says))
                    continue
                self.ties.append(Tie(here, f"{against} of {len(voters)} do not have this item"))
            found = self.place(members, shape.of_item(), here, f"{path}[]")
            value.append(found.value)
            items.append(found)
        return self._holding(value, ballots, at, items)

    def _holding(self, value: Any, ballots: list[_Ballot], at: str, parts: Iterable[_Result]) -> _Result:
        """What holds parts that are decided; who agrees with most of them is its first source."""
        own: Counter[int] = Counter()
        own_exact: Counter[int] = Counter()
        agreed: Counter[int] = Counter()
        exact: Counter[int] = Counter()
        for part in parts:
            agreed.update(part.agreed)
            exact.update(part.exact)
            if part.leaf:
                own.update(part.agreed)
                own_exact.update(part.exact)

        def rank(ballot: _Ballot) -> tuple[int, ...]:
            number = ballot.sample
            return -own[number], -own_exact[number], -agreed[number], -exact[number], number

        self.sources[at] = tuple(Source(ballot.sample, ballot.at) for ballot in sorted(ballots, key=rank))
        return _Result(value, False, agreed, exact)

    def _clusters(self, ballots: list[_Ballot], shape: Shape, path: str) -> list[_Cluster]:
        """The items of the samples' lists, by which thing they are."""
        order = sorted(ballots, key=lambda ballot: (-len(ballot.value), self._key(ballot.value), ballot.sample))
        holders: dict[str, set[int]] = defaultdict(set)
        for ballot in ballots:
            for key in self.rows[id(ballot.value)].keys:
                holders[key].add(ballot.sample)
        clusters: list[_Cluster] = []
        self._gather(clusters, order, holders, shape, path)
        if not all(cluster.uniform for cluster in clusters):
            clusters = [_Cluster(cluster.face) for cluster in clusters]
            self._gather(clusters, order, holders, shape, path)
        return [cluster for cluster in clusters if cluster.ballots]

    def _gather(
        self,
        clusters: list[_Cluster],
        order: list[_Ballot],
        holders: Mapping[str, set[int]],
        shape: Shape,
        path: str,
    ) -> None:
        """Give each item of each list to the cluster that it is paired with, or to a new one."""
        for ballot in order:
            of_list = self.rows[id(ballot.value)]
            partners = self._partners(clusters, ballot.value, shape, path)
            for position, key in zip(of_list.positions, of_list.keys, strict=True):
                cluster = partners.get(position)
                if cluster is None or any(
                    other != key and not holders[other].isdisjoint(holders[key]) for other in cluster.keys
                ):
                    cluster = _Cluster()
                    clusters.append(cluster)
                cluster.add(_Ballot(ballot.sample, ballot.value[position], f"{ballot.at}/{position}"), key)

    def _partners(self, clusters: list[_Cluster], items: list[Any], shape: Shape, path: str) -> dict[int, _Cluster]:
        """The cluster that each item of a list belongs to, by its position; none for what belongs to none yet."""
        if not (clusters and items):
            return {}
        faces = [cluster.face for cluster in clusters]
        order = sorted(range(len(faces)), key=lambda index: faces[index][0])
        stand_ins = [value for _, value in faces]
        self.rows[id(stand_ins)] = Rows([stand_ins[i] for i in order], order, [faces[i][0] for i in order])
        try:
            pairing = self.aligner.pair(stand_ins, items, shape, 1.0, path)
        finally:
            del self.rows[id(stand_ins)]  # another list may get its address
        return {j: clusters[i] for i, j, _ in pairing.pairs}


def _in_order(clusters: list[_Cluster], ballots: list[_Ballot]) -> Iterator[_Cluster]:
    """The earliest list's order; an item that it has not stands after the one that it stands after in the list that has it."""
    owner = {
        (one.sample, one.at): number for number, cluster in enumerate(clusters) for one in cluster.ballots.values()
    }
    following: dict[int, int] = {}
    placed: set[int] = set()
    for ballot in ballots:
        before = _HEAD
        for position in range(len(ballot.value)):
            number = owner[ballot.sample, f"{ballot.at}/{position}"]
            if number not in placed:
                placed.add(number)
                following[number] = following.get(before, _HEAD)
                following[before] = number
            before = number
    number = following.get(_HEAD, _HEAD)
    while number != _HEAD:
        yield clusters[number]
        number = following[number]


_HEAD: Final = -1


def _tie_words(votes: int, voters: int, rivals: list[_Option]) -> str:
    """What the others had."""
    return f"{votes} of {voters} say this, and as many say {' or '.join(_words(rival.value) for rival in rivals)}"


def _words(value: Any) -> str:
    return "nothing" if value is _MISSING or blank(value) else json.dumps(value, ensure_ascii=False)
