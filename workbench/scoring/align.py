"""Which item of a golden's list is which item of the record's: an optimal assignment, from the leaves up.

Records are compared as sets of matched substructures, built bottom-up (arXiv 2310.13793). A *grid* holds what every golden value of a
column has in common with every record value of it; the grid of a list's items is the sum of the grids of their fields; and where a
field is a list again, the assignment between its items is solved for every pair of parents, so that the parents' own assignment is
optimal over what is inside them.

The objective. Two items are worth the leaves that they have right (times their weights), and on top the likeness of the fields that
identify them (times theirs); of assignments worth the same, the one whose items are more alike is taken. Leaves of the golden and of
the record are fixed in number, so without `Identity` marks and with a floor of 0 no alignment has a higher precision, recall or F1.
Worth and likeness are whole numbers in hundredths and thousandths, combined so that no sum of likeness outweighs a hundredth of a
leaf and every sum stays below 2**53: in floating point they are exact, and so optimal means optimal.

The solver is scipy's linear_sum_assignment (Crouse 2016, doi:10.1109/TAES.2016.140952).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import accumulate, chain, pairwise
from typing import TYPE_CHECKING, Any, TypeAlias

from workbench.scoring.columns import compared
from workbench.scoring.comparators import Context
from workbench.scoring.grid import Grid, Pairing, Pairings
from workbench.scoring.shape import Shape
from workbench.scoring.values import Rows, TooLarge, blank

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Cells: TypeAlias = NDArray[np.float32]

__all__ = ["MOST_CELLS", "Aligner"]

MOST_CELLS = 16_000_000
"""The largest grid: 4,000 items against 4,000. With five scalars each it takes some 600 MB and 5 s; memory is proportional to the pairs."""


class Aligner:
    """Aligns the lists of one golden with those of one record.

    Args:
        rows: The rows of every list in either.
        context: What comparators need to know.

    Attributes:
        notes: The short cuts taken that may have cost an optimum.
    """

    def __init__(self, rows: Mapping[int, Rows], context: Context) -> None:
        self.rows = rows
        self.context = context
        self.notes: list[str] = []

    def pair(self, golden: list[Any], record: list[Any], shape: Shape, weight: float, path: str) -> Pairing:
        """The optimal pairing of two lists' items.

        Three short cuts spare the grid, and none costs the optimum unless `notes` says so. Let x be an item that is in both lists,
        word for word: p times among P in the golden and q times among Q in the record. Nothing is worth more to x than x itself,
        which has all of its leaves right and is entirely alike.

        1. If every item of one list has an equal in the other, those pairs are an optimum: each has the most that it can have.
        2. Take an optimum that has the most pairs. If it left over a copy of x on both sides, the two could be paired as well; so
           on one side there is none. If that is the golden's, its p copies are paired, at most Q - q of them with what is not x;
           if it is the record's, the same with P - p. So at least min(p - (Q - q), q - (P - p)) copies of each x are paired with
           their equals, and as copies are interchangeable, so many are paired beforehand.
        3. Where the grid would still be too large, all equal items are paired beforehand. Under a floor, or a comparator that is not
           transitive, that can cost leaves (x may bridge two items that are not alike): it is noted.

        Raises:
            TooLarge: If what is left to align has more than `MOST_CELLS` pairs.
        """
        left, right = self.rows[id(golden)], self.rows[id(record)]
        in_golden, in_record = Counter(left.keys), Counter(right.keys)
        equal = in_golden & in_record
        if equal.total() < min(len(golden), len(record)):
            spare = len(golden) - len(record)
            sure = +Counter(
                {x: p + in_record[x] - max(len(golden), len(record)) for x, p in in_golden.items() if in_record[x]}
            )
            rest = len(golden) - sure.total()
            if rest * (rest - spare) <= MOST_CELLS:
                equal = sure
            else:
                self.notes.append(
                    f"{path}[]: {equal.total():,} items that are equal word for word were paired before {len(golden):,} × "
                    f"{len(record):,} were aligned, which may cost the optimum"
                )
        equal_left, rest_left = left.split(equal)
        equal_right, rest_right = right.split(equal)
        equals = [(i, j, None) for i, j in zip(equal_left.positions, equal_right.positions, strict=True)]
        if not (rest_left.items and rest_right.items):
            return Pairing([*equals])
        _, others = self._lists([rest_left], [rest_right], shape, weight, path)
        inner = others.of(0, 0)
        return Pairing([*equals, *inner.pairs], inner.grid)

    def _grid(
        self, golden: Sequence[Any], record: Sequence[Any], shape: Shape, weight: float, path: str, *, floor: float
    ) -> Grid:
        """The grid of two columns of values of any types; null is no value. Texts less alike than the list's floor are not alike."""
        import numpy as np  # noqa: PLC0415

        weight *= shape.weight
        leaves, objects, lists = _by_kind(golden, shape)
        other_leaves, other_objects, other_lists = _by_kind(record, shape)
        grid = Grid(leaves=_ones(leaves), other_leaves=_ones(other_leaves))
        if shape.identity:
            identity = np.float32(shape.identity)
            grid.names = None if grid.leaves is None else grid.leaves * identity
            grid.other_names = None if grid.other_leaves is None else grid.other_leaves * identity
        if leaves and other_leaves:
            grid.alike = compared(leaves, other_leaves, shape.comparator, self.context, floor)
            grid.gain = (grid.alike == 1).astype(np.float32)
            if weight != 1:
                grid.gain *= np.float32(weight)
            grid.named = grid.alike * np.float32(shape.identity) if shape.identity else None
        if objects or other_objects:
            objects, other_objects = objects or [_NO_FIELDS] * len(golden), other_objects or [_NO_FIELDS] * len(record)
            for name in dict.fromkeys(chain.from_iterable((*objects, *other_objects))):
                column, other = [some.get(name) for some in objects], [some.get(name) for some in other_objects]
                part = self._grid(column, other, shape.of_field(name), weight, f"{path}.{name}", floor=floor)
                grid.add(part)
                if part.fields or part.pairings:
                    grid.fields[name] = part
        if lists or other_lists:
            left = [self.rows.get(id(items)) for items in lists or [None] * len(golden)]
            right = [self.rows.get(id(items)) for items in other_lists or [None] * len(record)]
            part, grid.pairings = self._lists(left, right, shape, weight, path)
            grid.add(part)
        return grid

    def _lists(
        self, golden: Sequence[Rows | None], record: Sequence[Rows | None], shape: Shape, weight: float, path: str
    ) -> tuple[Grid, Pairings]:
        """The grid of two columns of lists, and the pairing of each list with each."""
        import numpy as np  # noqa: PLC0415

        ends = [0, *accumulate(len(some.items) if some else 0 for some in golden)]
        other_ends = [0, *accumulate(len(some.items) if some else 0 for some in record)]
        size = ends[-1], other_ends[-1]
        if size[0] * size[1] > MOST_CELLS:
            raise TooLarge(
                f"{size[0]:,} items against {size[1]:,} are too many to be aligned optimally",
                where=f"{path}[]",
                expected=f"at most {MOST_CELLS:,} pairs, those that are equal word for word aside",
                way_out="score the list in parts that belong together",
            )
        left = [item for some in golden if some for item in some.items]
        right = [item for some in record if some for item in some.items]
        items = self._grid(left, right, shape.of_item(), weight, f"{path}[]", floor=shape.floor)
        pairings = Pairings((golden, ends), (record, other_ends), items)
        grid = Grid(leaves=_summed(items.leaves, ends), other_leaves=_summed(items.other_leaves, other_ends))
        worth = items.worth(size, shape.floor, path)
        for i, j in _promising(worth, ends, other_ends):
            one, other = golden[i], record[j]
            block = worth[ends[i] : ends[i + 1], other_ends[j] : other_ends[j + 1]]
            pairings.found[i, j] = _assigned(block, swap=bool(one and other and one.keys > other.keys))
        if pairings.found:
            count = len(golden) * len(record)
            rows = np.concatenate([found[0] + ends[i] for (i, _), found in pairings.found.items()])
            columns = np.concatenate([found[1] + other_ends[j] for (_, j), found in pairings.found.items()])
            of_lists = np.array(
                [i * len(record) + j for (i, j), found in pairings.found.items() for _ in found[0]], np.intp
            )
            for name in ("gain", "alike"):
                cells = getattr(items, name)
                if cells is not None:
                    sums = np.bincount(of_lists, cells[rows, columns], count).astype(np.float32)
                    setattr(grid, name, sums.reshape(len(golden), len(record)))
        items.gain = items.alike = items.named = None  # only the pairings are needed from here on
        return grid, pairings


_NO_FIELDS: dict[str, Any] = {}


def _by_kind(values: Sequence[Any], shape: Shape) -> tuple[list[Any] | None, list[Any] | None, list[Any] | None]:
    """The leaves, the objects and the lists of a column, each with nothing in place of the others; None where there are none."""
    kinds = set(map(type, values))
    if kinds == {str}:
        return [value if value.strip() else None for value in values], None, None
    objects = [value if type(value) is dict else _NO_FIELDS for value in values] if dict in kinds else None
    lists = [value if type(value) is list else None for value in values] if list in kinds and not shape.whole else None
    inner = {dict} if shape.whole else {dict, list}
    if not kinds - inner - {type(None)}:
        return None, objects, lists
    return [None if type(value) in inner or blank(value) else value for value in values], objects, lists


def _ones(leaves: list[Any] | None) -> "Cells | None":
    """1 for each value that is a leaf."""
    import numpy as np  # noqa: PLC0415

    if leaves is None:
        return None
    if None in leaves:
        return np.array([value is not None for value in leaves], np.float32)
    return np.ones(len(leaves), np.float32)


def _summed(leaves: "Cells | None", ends: list[int]) -> "Cells | None":
    """The leaves of lists, from those of their items. What identifies an item does not identify what holds the list."""
    import numpy as np  # noqa: PLC0415

    if leaves is None:
        return None
    totals = [0.0, *accumulate(leaves.tolist())]
    return np.array([totals[end] - totals[start] for start, end in pairwise(ends)], np.float32)


def _promising(worth: "NDArray[np.float64]", ends: list[int], other_ends: list[int]) -> list[tuple[int, int]]:
    """The pairs of lists of which at least two items may be paired."""
    import numpy as np  # noqa: PLC0415

    left = [i for i in range(len(ends) - 1) if ends[i] < ends[i + 1]]
    right = [j for j in range(len(other_ends) - 1) if other_ends[j] < other_ends[j + 1]]
    if not (left and right):
        return []
    most = np.maximum.reduceat(worth, [ends[i] for i in left], axis=0)
    most = np.maximum.reduceat(most, [other_ends[j] for j in right], axis=1)
    return [(left[i], right[j]) for i, j in np.argwhere(most > 0).tolist()]


def _assigned(worth: "NDArray[np.float64]", swap: bool) -> "tuple[NDArray[np.intp], NDArray[np.intp]]":
    """The assignment worth most, without the pairs that are worth nothing.

    Which of several optima the solver finds may depend on which side is which. ``swap`` says that the record's list comes first in
    the order, and so the same two lists are solved the same way whichever is the golden.
    """
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415

    if swap:
        columns, rows = linear_sum_assignment(worth.T, maximize=True)
    else:
        rows, columns = linear_sum_assignment(worth, maximize=True)
    kept = worth[rows, columns] > 0
    return rows[kept], columns[kept]
