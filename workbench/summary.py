"""What has come of a run so far, and who is told of it while it is under way."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from workbench.completions import Usage
from workbench.errors import EndpointRefused
from workbench.extract import Extraction, State
from workbench.ledger import Totals
from workbench.prices import Cost

__all__ = ["Notify", "Summary", "Watch"]


@dataclass
class Summary:
    """What came of a run.

    Attributes:
        folder: Of the run.
        states: How many of its articles ended in each, earlier sittings' among them.
        kept: How many articles earlier sittings had done.
        tokens: Of this sitting's exchanges, sent or replayed.
        totals: Of the ledger: what the run has sent in all.
        left: How many articles this sitting came to and could not end: their requests were not sent, or are not answered yet.
        left_again: How those of them had ended that are done again: until they are, the run has their old lines.
        refused: Why the endpoint stopped the run, if it did.
        interrupted: Whether the user stopped it.
    """

    folder: Path
    totals: Totals
    states: Counter[State] = field(default_factory=Counter)
    kept: int = 0
    tokens: Usage = field(default_factory=Usage)
    left: int = 0
    left_again: Counter[str] = field(default_factory=Counter)
    refused: EndpointRefused | None = None
    interrupted: bool = False

    @property
    def cost(self) -> Cost | None:
        """Of what was sent; None if its price is not known."""
        return self.totals.cost

    @property
    def nothing_to_do(self) -> bool:
        """Whether a sitting that has ended came to no article that was to be done."""
        stopped = self.interrupted or self.refused is not None
        return not stopped and not self.left and self.states.total() == self.kept

    def add(self, extraction: Extraction) -> None:
        """Count one more article."""
        self.states[extraction.state] += 1
        self.tokens += extraction.tokens


Notify = Callable[[str], None]
"""Called with words for the user."""


@dataclass(frozen=True)
class Watch:
    """Who is told of a run while it is under way.

    Attributes:
        begun: Called with what has come of the run so far, which is kept up to date, before the first article.
        done: Called with each extraction when it is on the disk, and with the same.
        under_way: Called now and then with what has come of it so far, articles among it that no line of the run tells of yet.
        notify: Called with words for the user.
    """

    begun: Callable[[Summary], None] = lambda _: None
    under_way: Callable[[Summary], None] = lambda _: None
    done: Callable[[Extraction, Summary], None] = lambda *_: None
    notify: Notify = lambda _: None

    def torn(self, file: Path) -> None:
        """Tell of a file whose last line was torn."""
        self.notify(f"{file}: its last line was torn, and is set aside in {file.name}.torn")
