"""The page's forms: what they send becomes a wish, and what a wish was can be put into a form again."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, Self, get_args
from urllib.parse import quote, unquote

from pydantic import BaseModel, JsonValue

from workbench.errors import InputError, WishError
from workbench.goldens import Golden
from workbench.report.spans import LONGEST_TEXT, visible
from workbench.review.stops import value_at
from workbench.wishes import Action, Selection, Subject, Wish, select, typed

__all__ = ["LONGEST_FIELD", "Asked", "in_source", "shown_value", "wish_of"]

LONGEST_FIELD: Final = 2_000
"""Characters of a value that a field is filled with beforehand: who wants more of it can take it as it is."""
TYPED: Final[tuple[Action, ...]] = ("correct", "alternate")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a form sent, each part as it came.

    Attributes:
        action: What to do.
        at: JSON Pointer into the golden; None if the form did not have one.
        record_at: JSON Pointer into the record's form; likewise.
        target: Where in the golden a typed value goes.
        typed: What stood in its text field.
        note: What stood in the field for a note.
        seen: The hash of the golden's file when the page was made; None where there was none.
        beside: Whether the record is that of the second run.
        start: Where in the text as it is shown a selection begins, in code points; None if nothing was selected.
        end: Where it ends.
    """

    action: Action
    at: str | None = None
    record_at: str | None = None
    target: str | None = None
    typed: str = ""
    note: str = ""
    seen: str | None = None
    beside: bool = False
    start: int | None = None
    end: int | None = None

    @classmethod
    def parse(cls, form: Mapping[str, str]) -> Self:
        """What a form sent.

        Raises:
            InputError: If the page never has such a form.
        """
        action = next((known for known in get_args(Action) if known == form.get("action")), None)
        if action is None:
            raise InputError(
                f"there is no decision {form.get('action', '')!r}", expected="one of " + ", ".join(get_args(Action))
            )
        return cls(
            action=action,
            at=_pointer(form.get("at")),
            record_at=_pointer(form.get("record_at")),
            target=_pointer(form.get("target")),
            typed=unicodedata.normalize("NFC", form.get("value", "").replace("\r\n", "\n")),
            note=form.get("note", "").strip(),
            seen=form.get("seen") or None,
            beside=form.get("of") == "B",
            start=_number(form.get("start", "")),
            end=_number(form.get("end", "")),
        )

    def fields(self) -> dict[str, str]:
        """The fields of a form that asks for the same, what the golden was left aside."""
        places = {"at": self.at, "record_at": self.record_at, "target": self.target}
        parts: dict[str, str | None] = {"action": self.action}
        parts |= {name: None if at is None else quote(at) for name, at in places.items()}
        parts |= {"value": self.typed, "note": self.note, "of": "B" if self.beside else None}
        parts |= {name: None if at is None else str(at) for name, at in (("start", self.start), ("end", self.end))}
        return {name: value for name, value in parts.items() if value is not None}


def wish_of(asked: Asked, golden: Golden | None, about: Subject, schema: type[BaseModel], text: str | None) -> Wish:
    """What a form asks of a golden.

    An alternate is what was typed, if that is not what the record has there.

    Args:
        asked: What the form sent.
        golden: The golden as it is; None if there is none.
        about: The article and its record.
        schema: The task's schema.
        text: The article's text, None where it is not to be had.

    Raises:
        WishError: If what was typed is no value of its field.
    """
    wish = {"action": asked.action, "at": asked.at, "record_at": asked.record_at, "note": asked.note}
    if asked.action not in TYPED:
        return Wish.model_validate(wish)
    own = None if asked.record_at is None else value_at(about.record, asked.record_at)
    if asked.action == "alternate" and own is not None and asked.typed in {"", shown_value(own)}:
        return Wish.model_validate(wish)
    at = asked.target or asked.at
    if golden is None or at is None:
        raise WishError("there is no golden to write this into", at=at or "")
    value = typed(golden, at, asked.typed, schema)
    if asked.action == "alternate":
        return Wish.model_validate({**wish, "at": at, "record_at": None, "value": value})
    selected = _selection(asked, text, about)
    if asked.at is None and asked.record_at is None:
        wish["at"] = at
    return Wish.model_validate({**wish, "value": value, "selected": selected})


def _selection(asked: Asked, text: str | None, about: Subject) -> Selection | None:
    """Where the value was selected; None if it was not, or was changed since."""
    if asked.start is None or asked.end is None or text is None or about.text is None:
        return None
    words, selection = select(text, in_source(text, asked.start), in_source(text, asked.end))
    return selection if words == " ".join(asked.typed.split()) else None


def in_source(text: str, shown: int) -> int:
    """A place of a text as the page shows it, as a place of the text itself: what is not seen takes more room there."""
    part = text[:LONGEST_TEXT]
    if visible(part) == part:
        return min(shown, len(part))
    for place, reached in enumerate(accumulate((len(visible(letter)) for letter in part), initial=0)):
        if reached >= shown:
            return place
    return len(part)


def shown_value(value: JsonValue) -> str:
    """A value as a field is filled with it; empty for what no field could hold, or would hold without its being seen."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        text = str(value)
        return text if len(text) <= LONGEST_FIELD and visible(text) == text else ""
    return ""


def _pointer(sent: str | None) -> str | None:
    """A pointer as a form holds it: quoted, because a form would change some letters that a key may have."""
    return None if sent is None else unquote(sent)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
