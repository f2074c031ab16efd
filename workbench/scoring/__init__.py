"""Scores a record against its golden: optimal alignment, typed comparison, a verdict and a reason for every leaf.

>>> from workbench.scoring import score
>>> score({"a": ["x", "y"]}, {"a": ["y"]}).recall
0.5

It stands alone: it needs pydantic, numpy, scipy and RapidFuzz, and nothing of a model or a network.
"""

from workbench.scoring.align import MOST_CELLS
from workbench.scoring.comparators import (
    Category,
    Comparator,
    Comparison,
    Context,
    Exact,
    Number,
    Reading,
    Set,
    Text,
    Url,
)
from workbench.scoring.readings import Amount, Date, Region
from workbench.scoring.reasons import Language, Reason
from workbench.scoring.score import score
from workbench.scoring.shape import Critical, Floor, Identity, Weight
from workbench.scoring.values import TooLarge
from workbench.scoring.verdicts import VERDICTS, Items, Leaf, Measures, Score, Tally, Verdict

__all__ = [
    "MOST_CELLS",
    "VERDICTS",
    "Amount",
    "Category",
    "Comparator",
    "Comparison",
    "Context",
    "Critical",
    "Date",
    "Exact",
    "Floor",
    "Identity",
    "Items",
    "Language",
    "Leaf",
    "Measures",
    "Number",
    "Reading",
    "Reason",
    "Region",
    "Score",
    "Set",
    "Tally",
    "Text",
    "TooLarge",
    "Url",
    "Verdict",
    "Weight",
    "score",
]
