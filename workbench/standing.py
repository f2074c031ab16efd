"""What stands decided about a golden: its decisions folded, whatever was undone, moved to another place or overtaken by hand.

An item that comes or goes gives its neighbours other numbers, so that what was decided about them has to follow; an undo takes them back. That the
golden was as one decision left it when the next was made is known by the hashes of its file: where they do not join, somebody edited it by hand, and what
was decided before stands only as long as the same value does.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from workbench.canonical import hash_json
from workbench.errors import WishError
from workbench.goldens import Golden
from workbench.places import found_at
from workbench.pointers import pointer, steps_of
from workbench.wishes import Action

__all__ = ["DECIDED", "Mark", "Standing"]

DECIDED: Final = frozenset({"accept", "keep", "correct", "alternate", "absent"})
"""What settles a leaf. Who skips or flags leaves it open."""


class Mark(NamedTuple):
    """A decision, as far as it matters to what stands.

    Attributes:
        id: The decision's.
        action: What was done.
        at: The place in the golden; None if the golden has no such place.
        record_at: The place in the record.
        record: The hash of the record's form; None if there was none.
        item: Whether an item came or went.
        undoes: The decision that it undoes.
        before: The hash of the golden's file; None for no file.
        after: The same, when it was done.
        value: The hash of what the golden held at the place when it was done; None where that is all of it.
    """

    id: str
    action: Action | Literal["undo"]
    at: str | None
    record_at: str | None
    record: str | None
    item: Literal["added", "removed"] | None
    undoes: str | None
    before: str | None
    after: str | None
    value: str | None


@dataclass(slots=True)
class _Entry:
    """A mark, where its place is now (None once it has gone with its item), and whether it is in force."""

    mark: Mark
    at: tuple[str, ...] | None
    in_force: bool = True
    void: bool = False


class Standing:
    """What stands decided about one golden.

    Args:
        marks: Its decisions, oldest first.
        seen: The hash of its file, None for no file.

    Attributes:
        started: The decision that started the golden; None if the golden was there before, or the start was undone.
        unwritten: The decision that is in the log and not in the golden: the process ended between the two, or the golden was put back.
        changed_elsewhere: Whether the golden is not as its last decision left it.
        undoable: The latest decision in force.
        redoable: The latest undo that nothing has been decided since.
    """

    def __init__(self, marks: Sequence[Mark], seen: str | None) -> None:
        self._entries: list[_Entry] = []
        self._by_id: dict[str, _Entry] = {}
        self._gone: dict[str, list[tuple[_Entry, tuple[str, ...]]]] = {}
        self._sure = 0
        for number, mark in enumerate(marks):
            if number and not self._joins(mark.before):
                self._sure = number
            self._take(mark)
        self.unwritten: str | None = None
        self.changed_elsewhere = False
        if marks and not self._joins(seen):
            self._sure = len(marks)
            self.changed_elsewhere = True
        elif marks and self._entries[-1].void:
            self.unwritten = marks[-1].id
        in_force = [entry.mark for entry in self._entries if entry.in_force and not entry.void]
        self.marks = tuple(mark for mark in in_force if mark.action != "undo")
        self.started = next((mark.id for mark in self.marks if mark.at == "" and mark.before != mark.after), None)
        self.undoable = self.marks[-1].id if self.marks else None
        self.redoable = self._redoable(in_force)
        self._places: dict[str, int] = {}
        self._records: dict[tuple[str | None, str], int] = {}
        for number, entry in enumerate(self._entries):
            mark = entry.mark
            if not entry.in_force or entry.void or mark.action == "undo":
                continue
            if mark.at is None and mark.record_at is not None:
                self._records[mark.record, mark.record_at] = number
            elif entry.at:
                self._places[pointer(*entry.at)] = number
            elif entry.at is not None and mark.action == "keep" and number >= self._sure:
                # The golden is right as a whole: in what it has, and in lacking what else the record has.
                self._places[""] = self._records[mark.record, ""] = number

    def is_in_force(self, decision: str) -> bool:
        """Whether a decision was neither undone nor lost."""
        entry = self._by_id[decision]
        return entry.in_force and not entry.void

    def of(
        self, golden_at: str | None, record_at: str | None, record: str | None, golden: Golden | None
    ) -> Mark | None:
        """The latest mark in force on a leaf, or on what it is in.

        Args:
            golden_at: Where the golden has the leaf.
            record_at: Where the record has it.
            record: The hash of the record's form.
            golden: The golden as it is.
        """
        found = [self._places[at] for at in _upward(golden_at) if at in self._places] if self._places else []
        found = [number for number in found if number >= self._sure or self._still(number, golden)]
        if golden_at is None and self._records:
            found += [self._records[record, at] for at in _upward(record_at) if (record, at) in self._records]
        return self._entries[max(found)].mark if found else None

    def _still(self, number: int, golden: Golden | None) -> bool:
        """Whether the golden holds what it held when this was decided."""
        entry = self._entries[number]
        if golden is None or not entry.at or entry.mark.value is None:
            return False
        try:
            return hash_json(found_at(golden.record, pointer(*entry.at), "the golden")) == entry.mark.value
        except WishError:
            return False

    def _joins(self, before: str | None) -> bool:
        """Whether the golden was as the last decision left it, or as if that had never been: then that is void."""
        last = self._entries[-1]
        if before == last.mark.after:
            return True
        if before != last.mark.before:
            return False
        if not last.void:
            last.void = True
            self._toggle(last, in_force=False)
            self._move(last.mark, back=True)
        return True

    def _take(self, mark: Mark) -> None:
        placed = mark.at is not None and mark.item != "removed" and mark.action != "undo"
        entry = _Entry(mark, tuple(steps_of(mark.at or "")) if placed else None)
        if mark.undoes is not None and mark.undoes in self._by_id:
            self._toggle(self._by_id[mark.undoes], in_force=False)
        self._move(mark, back=False)
        self._entries.append(entry)
        self._by_id[mark.id] = entry

    def _toggle(self, entry: _Entry, *, in_force: bool) -> None:
        """Put a decision in or out of force; with an undo, what it undid goes the other way."""
        while True:
            entry.in_force = in_force
            if entry.mark.undoes is None or entry.mark.undoes not in self._by_id:
                return
            entry, in_force = self._by_id[entry.mark.undoes], not in_force

    def _move(self, mark: Mark, *, back: bool) -> None:
        """Give the neighbours of an item that came or went their new numbers."""
        if mark.item is None or mark.at is None:
            return
        *above, own = steps_of(mark.at)
        came = (mark.item == "added") is not back
        item = self._roots(mark)[-1]  # whichever undo of an undo took it out or puts it back
        returning = self._gone.pop(item, []) if came else []
        gone = []
        for entry in self._entries:
            at = entry.at
            if at is None or len(at) <= len(above) or list(at[: len(above)]) != above or not at[len(above)].isdecimal():
                continue
            number = int(at[len(above)])
            if not came and number == int(own):
                gone.append((entry, at))
                entry.at = None
            elif number >= int(own):
                entry.at = (*above, str(number + (1 if came else -1)), *at[len(above) + 1 :])
        if gone:
            self._gone[item] = gone
        for entry, at in returning:
            entry.at = at

    def _redoable(self, in_force: Sequence[Mark]) -> str | None:
        for mark in reversed(in_force):
            if mark.action != "undo":
                return None
            if len(self._roots(mark)) % 2 == 0:  # an undo; the undo of one is passed over
                return mark.id
        return None

    def _roots(self, mark: Mark) -> list[str]:
        """A decision, what it undoes, what that undoes, and so on to one that is no undo."""
        found = [mark.id]
        while mark.undoes is not None and mark.undoes in self._by_id:
            mark = self._by_id[mark.undoes].mark
            found.append(mark.id)
        return found


def _upward(at: str | None) -> Iterable[str]:
    """A place and all that it is in."""
    while at:
        yield at
        at = at.rpartition("/")[0]
    if at is not None:
        yield at
