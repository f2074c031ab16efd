"""One column of scalars against another: which are equal, and how much alike the others are."""

from collections import Counter
from collections.abc import Hashable, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any, TypeAlias

from workbench.scoring.comparators import ALMOST, LONG, SAME, Comparator, Context, Reading, letters_in_common
from workbench.scoring.values import Either

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Cells: TypeAlias = NDArray[np.float32]

__all__ = ["compared"]

_MANY = 100_000  # cells from which a second thread pays


def compared(
    golden: Sequence[Any], record: Sequence[Any], comparator: Comparator, context: Context, least: float
) -> "Cells":
    """How much alike every value of one column is to every value of another: 1 exactly where equal; n × m.

    Values are read once each and joined on their readings' keys, so that the comparator decides only what may be equal. Likeness is
    RapidFuzz's ratio (Indel) between the texts of the readings; below ``least`` it counts as none, being what any two names share.
    Null is alike to nothing.
    """
    import numpy as np  # noqa: PLC0415

    if any(type(value) is Either for value in golden):
        answers = [(value.value, *value.alternates) if type(value) is Either else (value,) for value in golden]
        alike = compared([answer for some in answers for answer in some], record, comparator, context, least)
        return np.maximum.reduceat(alike, np.cumsum([0, *map(len, answers[:-1])]), axis=0)
    left, left_codes = _distinct(golden)
    right, right_codes = _distinct(record)
    alike = _each(left, right, comparator, context, least)
    if len(left) == len(golden) and len(right) == len(record):
        return alike
    return alike[np.ix_(left_codes, right_codes)]


def _distinct(values: Sequence[Any]) -> tuple[list[Any], Sequence[int]]:
    """The distinct values in order, and for each value which of them it is. ``1``, ``1.0`` and ``true`` are three."""
    if set(map(type, values)) == {str} and len(found := list(dict.fromkeys(values))) == len(values):
        return found, range(len(values))
    codes: dict[Hashable, int] = {}
    firsts: list[Any] = []
    indexes = []
    for value in values:
        key = value if type(value) is str or value is None else (type(value), repr(value))
        code = codes.setdefault(key, len(firsts))
        if code == len(firsts):
            firsts.append(value)
        indexes.append(code)
    return firsts, indexes


def _each(left: list[Any], right: list[Any], comparator: Comparator, context: Context, least: float) -> "Cells":
    import numpy as np  # noqa: PLC0415

    readings = [None if value is None else comparator.read(value, context) for value in left]
    others = [None if value is None else comparator.read(value, context) for value in right]
    floor = getattr(comparator, "floor", 1.0)
    alike = _likeness(readings, others, min(least, floor))
    perhaps = _sharing(readings, others)
    if floor < 1:
        perhaps += [(i, j) for i, j in np.argwhere(alike >= floor).tolist()]
    for i, j in perhaps:
        one, other = left[i], right[j]
        comparison = SAME if type(one) is str and one == other else comparator.compare(one, other, context)
        alike[i, j] = 1.0 if comparison.equal else min(comparison.similarity, ALMOST)
    return alike


def _sharing(readings: list[Reading | None], others: list[Reading | None]) -> list[tuple[int, int]]:
    """The places of readings that share a key; more than once, where they share more."""
    places: dict[Hashable, list[int]] = {}
    for j, reading in enumerate(others):
        for key in reading.keys if reading else ():
            places.setdefault(key, []).append(j)
    return [
        (i, j) for i, reading in enumerate(readings) if reading for key in reading.keys for j in places.get(key, ())
    ]


def _likeness(readings: list[Reading | None], others: list[Reading | None], least: float) -> "Cells":
    """The likeness of texts. Two that are quite alike share a key, and are compared after."""
    import numpy as np  # noqa: PLC0415

    texts = [reading.text if reading else None for reading in readings]
    other_texts = [reading.text if reading else None for reading in others]
    if None not in texts and None not in other_texts:
        return _ratios(texts, other_texts, least)
    # Only texts are given to cdist: where one is None, it leaves its cell as the memory was (RapidFuzz 3.14).
    alike = np.zeros((len(texts), len(other_texts)), np.float32)
    rows = [i for i, text in enumerate(texts) if text is not None]
    columns = [j for j, text in enumerate(other_texts) if text is not None]
    if rows and columns:
        alike[np.ix_(rows, columns)] = _ratios([texts[i] for i in rows], [other_texts[j] for j in columns], least)
    return alike


def _ratios(texts: list[str | None], others: list[str | None], least: float) -> "Cells":
    import numpy as np  # noqa: PLC0415
    from rapidfuzz.fuzz import ratio  # noqa: PLC0415
    from rapidfuzz.process import cdist  # noqa: PLC0415

    long = [i for i, text in enumerate(texts) if text and len(text) > LONG]
    others_long = [j for j, text in enumerate(others) if text and len(text) > LONG]
    if long and others_long:
        return _ratios_of_some_long(texts, others, least, long, others_long)
    workers = -1 if len(texts) * len(others) > _MANY else 1
    cells: Cells = cdist(
        texts,
        others,
        scorer=ratio,
        score_cutoff=100 * least,
        score_multiplier=0.01,
        dtype=np.float32,
        workers=workers,
    )
    return cells


def _ratios_of_some_long(
    texts: list[str | None], others: list[str | None], least: float, long: list[int], others_long: list[int]
) -> "Cells":
    """The same where texts are so long that the time, which grows with the product of two lengths, would be minutes.

    Of two long ones the likeness is what it could be at the most: the share of letters that they have in common, wherever they stand.
    """
    import numpy as np  # noqa: PLC0415

    short = sorted({*range(len(texts))} - {*long})
    others_short = sorted({*range(len(others))} - {*others_long})
    alike = np.zeros((len(texts), len(others)), np.float32)
    for rows, columns in ((short, [*range(len(others))]), (long, others_short)):
        if rows and columns:
            alike[np.ix_(rows, columns)] = _ratios([texts[i] for i in rows], [others[j] for j in columns], least)
    letters = {i: Counter(texts[i] or "") for i in long}
    other_letters = {j: Counter(others[j] or "") for j in others_long}
    for i, j in product(long, others_long):
        most = letters_in_common(letters[i], other_letters[j])
        alike[i, j] = most if most >= least else 0.0
    return alike
