"""What all readings share: the text made plain, and how one is refused."""

import re
import unicodedata
from functools import lru_cache

from workbench.errors import ReadingRefused

__all__ = ["plain", "refused"]

# What is read is a phrase out of an article. Anything longer was copied by mistake, and is not worth a clever parser's time.
LONGEST = 100

DASHES = str.maketrans(dict.fromkeys("∼〜～–—―‒‐‑−－", "~") | dict.fromkeys("‘’‛′`´", "'") | dict.fromkeys("“”″", '"'))


def refused(text: str, why: str, *, expected: str = "", leftover: str = "", way_out: str = "") -> ReadingRefused:
    """The refusal to read a text, saying why and what of it was left over."""
    tail = f"; left over: {leftover!r}" if leftover else ""
    return ReadingRefused(f"{text!r} {why}{tail}", expected=expected, way_out=way_out)


@lru_cache(maxsize=1 << 12)
def plain(text: str, *, kind: str) -> str:
    """The text in one form: NFKC, single spaces, one kind of dash (`~`) and of quotation mark.

    Raises:
        ReadingRefused: It is empty, longer than a phrase, or holds a digit that is none, such as a circled one (`①` is a list marker,
            and NFKC would make a 1 of it).
    """
    if len(text) > LONGEST:
        raise refused(text[:20] + "…", f"is too long to be {kind}", expected=f"at most {LONGEST} characters")
    for char in text:
        if unicodedata.category(char) in {"No", "Nl"} and char not in "²³":
            raise refused(text, f"holds {char!r}, which is no plain digit")
    minus = re.sub(r"^\s*[−－]\s*(?=[0-9０-９.])", "-", text)  # a minus sign, before all dashes become one
    flat = unicodedata.normalize("NFKC", minus.translate(DASHES)).translate(DASHES)
    flat = re.sub(r"\s+", " ", flat).strip()
    if not flat:
        raise refused(text, f"is no text, so it is not {kind}")
    return flat
