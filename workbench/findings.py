"""What code notices about a record without knowing the answer: each finding has a name, a place and words."""

from dataclasses import dataclass
from typing import Literal

from workbench.evidence import Grounding

__all__ = ["Finding", "FindingName", "findings"]

FindingName = Literal["ungrounded_quote", "ambiguous_quote", "value_outside_quote", "value_not_in_article"]


@dataclass(frozen=True)
class Finding:
    """Something about a record that a person should look at.

    Attributes:
        name: Of the kind.
        at: JSON Pointer into the record.
        says: In words.
    """

    name: FindingName
    at: str
    says: str


def findings(grounding: Grounding) -> list[Finding]:
    """The findings that a record's evidence gives, in the record's order within each kind."""
    return [
        *(Finding("ungrounded_quote", at, "this quote stands nowhere in the article") for at in grounding.ungrounded),
        *(Finding("value_not_in_article", at, "this value stands nowhere in the article") for at in grounding.unfound),
        *(
            Finding("value_outside_quote", at, "this value is not in its quote, but elsewhere")
            for at in grounding.beside
        ),
        *(
            Finding(
                "ambiguous_quote",
                at,
                f"this quote stands in {places} places; the one nearest the other evidence is taken",
            )
            for at, places in grounding.ambiguous.items()
        ),
    ]
