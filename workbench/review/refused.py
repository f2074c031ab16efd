"""What was not taken of what forms asked, kept for the page that says so.

A form is answered with an address and never with a page: so that page can be loaded again, left for the help and come back to, and no browser asks
whether to send the form once more.
"""

from collections import OrderedDict
from dataclasses import dataclass
from secrets import token_urlsafe
from typing import Final

from workbench.review.forms import Asked

__all__ = ["MOST", "Refusal", "Refused"]

MOST: Final = 200
"""So many are kept, the latest: each is shown at once, and may be come back to."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a decision was not taken.

    Attributes:
        asked: What was asked, to be shown again as it was typed; None for an undo.
        says: What is the matter.
        clash: Whether the golden had changed since the page was made, so that the same may be asked again.
    """

    asked: Asked | None
    says: str
    clash: bool


class Refused:
    """What was not taken, by the name that its page has in the address."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[str, Refusal]] = OrderedDict()

    def keep(self, article: str, refusal: Refusal) -> str:
        """Keep a refusal, and give it a name."""
        name = token_urlsafe(6)
        self._kept[name] = article, refusal
        while len(self._kept) > MOST:
            self._kept.popitem(last=False)
        return name

    def of(self, article: str, name: str) -> Refusal | None:
        """A refusal that is kept of an article; None of one that was settled, or was long ago."""
        held, refusal = self._kept.get(name, (None, None))
        return refusal if held == article else None

    def settle(self, article: str, asked: Asked) -> None:
        """Forget what was not taken of a place: a decision on it was taken since."""
        for name, (held, refusal) in list(self._kept.items()):
            if held == article and refusal.asked and _place(refusal.asked) == _place(asked):
                del self._kept[name]


def _place(asked: Asked) -> tuple[str | None, str | None]:
    return (asked.target, None) if asked.at is None and asked.record_at is None else (asked.at, asked.record_at)
