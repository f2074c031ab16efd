"""Reading Korean: amounts, dates and regions out of the words that an article prints.

Pure functions on short texts. Each reads the whole text or refuses (`ReadingRefused`), and none of them guesses.
"""

from workbench.korean.amounts import Amount, read_amount
from workbench.korean.asof import AsOf, read_as_of
from workbench.korean.dates import DateReading, Period, read_date
from workbench.korean.datewords import Moment
from workbench.korean.regions import Region, leading_name, read_region, regions_called
from workbench.korean.terms import Term, term

__all__ = [
    "Amount",
    "AsOf",
    "DateReading",
    "Moment",
    "Period",
    "Region",
    "Term",
    "leading_name",
    "read_amount",
    "read_as_of",
    "read_date",
    "read_region",
    "regions_called",
    "term",
]
