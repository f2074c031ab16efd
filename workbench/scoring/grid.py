"""What the values of two columns have in common, pair by pair, and what a pair is worth to an assignment."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from workbench.scoring.values import Rows, TooLarge

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Cells: TypeAlias = NDArray[np.float32]

__all__ = ["Grid", "Pairing", "Pairings"]


@dataclass(slots=True)
class Grid:
    """What n golden values and m record values of one column have in common. An array that would be all zeros is None.

    Attributes:
        gain: n × m, the leaves that are right, weighted.
        alike: n × m, the likeness of leaves, summed.
        named: n × m, the likeness of leaves that identify, weighted by how much.
        leaves: n, the leaves of each golden value.
        other_leaves: m, the leaves of each record value.
        names: n, how much each golden value's leaves identify it.
        other_names: m, how much each record value's do.
        fields: The grids of an object's fields that hold lists.
        pairings: The pairings of the lists in the column; None where there are no lists.
    """

    gain: "Cells | None" = None
    alike: "Cells | None" = None
    named: "Cells | None" = None
    leaves: "Cells | None" = None
    other_leaves: "Cells | None" = None
    names: "Cells | None" = None
    other_names: "Cells | None" = None
    fields: dict[str, "Grid"] = field(default_factory=dict)
    pairings: "Pairings | None" = None

    def add(self, part: "Grid") -> None:
        """Adds what a part of the values has in common."""
        self.gain = _plus(self.gain, part.gain)
        self.alike = _plus(self.alike, part.alike)
        self.leaves = _plus(self.leaves, part.leaves)
        self.other_leaves = _plus(self.other_leaves, part.other_leaves)
        if part.names is not None or part.other_names is not None:
            self.named = _plus(self.named, part.named)
            self.names = _plus(self.names, part.names)
            self.other_names = _plus(self.other_names, part.other_names)

    def worth(self, size: tuple[int, int], floor: float, path: str) -> "NDArray[np.float64]":
        """What each pair is worth to an assignment, as whole numbers; 0 for two that are not the same thing."""
        import numpy as np  # noqa: PLC0415

        if self.alike is None and floor > 0:
            return np.zeros(size)
        gain, alike, named = (
            np.zeros(size, np.float32) if some is None else some for some in (self.gain, self.alike, self.named)
        )
        leaves = _outer(self.leaves, self.other_leaves, size)
        if self.names is None and self.other_names is None:
            likeness = _share(alike, leaves)
        else:
            # Items are the same thing if their names are alike, or if the names and all else are, taken together.
            names = _outer(self.names, self.other_names, size)
            likeness = np.maximum(_share(alike + named, leaves + names), np.where(names > 0, _share(named, names), 0))
            gain = gain + named
        hundredths: NDArray[np.float64] = np.rint(gain.astype(np.float64) * 100)
        # One step is more than the thousandths of all pairs together, and one more for each, for being a pair at all.
        step = 1001 * min(size) + 1
        if hundredths.max(initial=0) * step * min(size) > 2**53:
            raise TooLarge("the items hold too much, or weigh too much, to be aligned exactly", where=f"{path}[]")
        hundredths *= step
        hundredths += np.rint(likeness * 1000) + 1
        hundredths[likeness < floor - 1e-6] = 0
        return hundredths


def _outer(leaves: "Cells | None", other_leaves: "Cells | None", size: tuple[int, int]) -> "Cells":
    """The sum for each pair."""
    import numpy as np  # noqa: PLC0415

    one, other = (
        np.zeros(n, np.float32) if some is None else some for some, n in zip((leaves, other_leaves), size, strict=True)
    )
    return one[:, None] + other


def _plus(one: "Cells | None", other: "Cells | None") -> "Cells | None":
    if one is None or other is None:
        return other if one is None else one
    one += other
    return one


def _share(alike: "Cells", leaves: "Cells") -> "Cells":
    """The likeness of two items from the leaves of both (Dice's coefficient); two without leaves are alike."""
    import numpy as np  # noqa: PLC0415

    return np.divide(2 * alike, leaves, out=np.ones_like(alike), where=leaves > 0)


@dataclass(slots=True)
class Pairing:
    """Which items of two lists are the same thing.

    Attributes:
        pairs: Where each stands in the golden's list and in the record's, and its place in the grid where one was needed.
        grid: The grid of the items.
    """

    pairs: list[tuple[int, int, tuple[int, int] | None]]
    grid: Grid | None = None


@dataclass(slots=True)
class Pairings:
    """The pairings of each of n golden lists with each of m record lists.

    Attributes:
        golden: The golden's lists, and where the items of each begin in the grid.
        record: The same of the record's.
        grid: The grid of all items.
        found: Where in the grid, counted from the beginning of its lists, the pairs of two lists are.
    """

    golden: tuple[Sequence[Rows | None], list[int]]
    record: tuple[Sequence[Rows | None], list[int]]
    grid: Grid
    found: "dict[tuple[int, int], tuple[NDArray[np.intp], NDArray[np.intp]]]" = field(default_factory=dict)

    def of(self, i: int, j: int) -> Pairing:
        """The pairing of one list with one other."""
        left, right = self.golden[0][i], self.record[0][j]
        if left is None or right is None or (i, j) not in self.found:
            return Pairing([])
        start, other_start = self.golden[1][i], self.record[1][j]
        places = zip(*(array.tolist() for array in self.found[i, j]), strict=True)
        pairs = [(left.positions[r], right.positions[c], (start + r, other_start + c)) for r, c in places]
        return Pairing([*pairs], self.grid)
