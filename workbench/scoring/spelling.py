"""What the spellings of one Korean name have in common.

Newspapers print the same name in many ways: decomposed Hangul, stray spaces, quotation marks, list marks, a gloss in brackets that the
next newspaper leaves out, the particle that the sentence needed, and a middle dot that an encoding error turned into ``?``. `spell` takes
all of that away; `same` compares what is left.
"""

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

__all__ = ["Spelling", "glosses_differ", "same", "spell"]

# A `?` between letters is a middle dot that an encoding lost, elsewhere a quotation mark.
_MIDDLE_DOTS = re.compile(r"[·‧․・ㆍ･•∙⋅]|(?<=\w)\?(?=\w)")
_LIST_MARK = re.compile(r"^(?:[▲△▶▷►◆◇○●◎■□▪▫◦※☞✔✓★☆·①-⑳❶-❿]|[-–—*](?=\s)|\s)+")
_IGNORED = re.compile(r"[\s\u200b\u2060\ufeff\"'“”‘’‛„‟`´＂＇「」『』《》〈〉?]+")
_GLOSS = re.compile(r"\(([^()]*)\)")
_PLAIN = re.compile(r"[가-힣A-Za-z0-9 ]+")
_PARENTHESES = str.maketrans("（）", "()")
_PARTICLES = "은는이가을를의에와과로서"  # the last syllables of those below
_PARTICLE = re.compile(r"(?:에서|으로|[은는이가을를의에와과로])$")
_TAKES_FINAL = {
    "은": True,
    "는": False,
    "이": True,
    "가": False,
    "을": True,
    "를": False,
    "과": True,
    "와": False,
    "으로": True,
}


class Spelling(NamedTuple):
    """A text without what does not matter.

    Attributes:
        forms: The bare text; where it may end in a particle, also the text without it.
        glosses: What stood in brackets, each with its offset in the bare text.
    """

    forms: tuple[str, ...]
    glosses: tuple[tuple[int, str], ...]


@lru_cache(maxsize=1 << 16)
def spell(text: str) -> Spelling:
    """The spelling of a text: NFC, middle dots alike, without list mark, spaces, quotation marks, closing marks and glosses.

    A bracket that holds a digit tells things apart (``정책(1)``) and stays; so does one that is the whole text.
    """
    glosses: tuple[tuple[int, str], ...] = ()
    if _PLAIN.fullmatch(text):  # most are: Hangul, Latin letters, digits and spaces have nothing else to lose
        normal = text
        bare = text.replace(" ", "")
    else:
        normal = unicodedata.normalize("NFC", text)
        bare = _MIDDLE_DOTS.sub("·", _LIST_MARK.sub("", normal.translate(_PARENTHESES)))
        bare, glosses = _without_glosses(_IGNORED.sub("", bare).rstrip(".,;:"))
    if not bare:
        return Spelling((normal,), ())
    stem = _without_particle(bare) if bare[-1] in _PARTICLES else None
    return Spelling((bare,) if stem is None else (bare, stem), glosses)


def same(one: Spelling, other: Spelling) -> bool:
    """Whether two spellings are of one name: a form in common, and no two glosses at one place that differ."""
    return not set(one.forms).isdisjoint(other.forms) and not glosses_differ(one, other)


def glosses_differ(one: Spelling, other: Spelling) -> bool:
    """Whether both have a gloss at the same place and the glosses are not the same."""
    if not (one.glosses and other.glosses):
        return False
    others = dict(other.glosses)
    return any(others.get(offset, gloss) != gloss for offset, gloss in one.glosses)


def _without_glosses(text: str) -> tuple[str, tuple[tuple[int, str], ...]]:
    if "(" not in text:
        return text, ()
    parts: list[str] = []
    glosses: list[tuple[int, str]] = []
    start = length = 0
    for match in _GLOSS.finditer(text):
        if any(character.isdigit() for character in match[1]):
            continue
        parts.append(text[start : match.start()])
        length += len(parts[-1])
        glosses.append((length, match[1]))
        start = match.end()
    return "".join(parts) + text[start:], tuple(glosses)


def _without_particle(text: str) -> str | None:
    """The text without the particle at its end, if it ends in one that agrees with the syllable before.

    A single syllable is never taken for a stem, nor is ``…회의`` (a meeting) for ``…회`` with a possessive.
    """
    match = _PARTICLE.search(text, max(len(text) - 2, 0))
    if match is None or match.start() < 2 or text.endswith("회의"):
        return None
    before = text[match.start() - 1]
    if not "가" <= before <= "힣":
        return text[: match.start()]
    final = (ord(before) - ord("가")) % 28  # 0: no final consonant; 8: ㄹ, after which it is 로
    if match[0] == "로":
        return text[: match.start()] if final in (0, 8) else None
    if match[0] == "으로" and final == 8:
        return None
    takes_final = _TAKES_FINAL.get(match[0])
    return text[: match.start()] if takes_final is None or takes_final == (final > 0) else None
