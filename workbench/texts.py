"""The texts of articles, found again where a run read them.

Of a file of many articles no text is held, but where each stands: two numbers an article, so that a million fit into memory. What is read there is
believed only if it has the text's hash.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from workbench.articles import Article, is_lines, placed_articles, read_articles, text_at
from workbench.canonical import fingerprint, hash_text
from workbench.errors import ArticleError
from workbench.extract import Extraction

__all__ = ["HELD", "texts_in"]

HELD: Final = 64
"""Articles of a file each whose texts are held."""


class _Placed(NamedTuple):
    """Where a file has each text, by its mark, and what the file was then."""

    state: tuple[int, int]
    offsets: dict[int, int]


def texts_in(root: Path) -> Callable[[Extraction], str | None]:
    """Gives the text of an extraction's article, as long as it still stands in the file where the run found it; else None.

    Args:
        root: What the places of extractions are relative to.
    """
    placed: dict[Path, _Placed] = {}
    few: dict[Path, Article] = {}

    def text(extraction: Extraction) -> str | None:
        if not extraction.text:
            return None
        file = root / re.sub(r":\d+$", "", extraction.place)
        if not file.is_file():
            return None
        if is_lines(file):
            return _among_many(placed, file, extraction.text)
        known = few.get(file) or next((one for one in read_articles([file]) if isinstance(one, Article)), None)
        if known:
            few[file] = known
            for oldest in list(few)[:-HELD]:
                few.pop(oldest, None)
        return known.text if known and known.hash == extraction.text else None

    return text


def _among_many(placed: dict[Path, _Placed], file: Path, text_hash: str) -> str | None:
    found = file.stat()
    state = found.st_mtime_ns, found.st_size
    known = placed.get(file)
    if known is None or known.state != state:
        known = placed[file] = _Placed(state, _offsets(file))
    offset = known.offsets.get(fingerprint(text_hash))
    text = None if offset is None else text_at(file, offset)
    return text if text is not None and hash_text(text) == text_hash else None


def _offsets(file: Path) -> dict[int, int]:
    """Where each text of a file of many stands; none where it is no such file any more."""
    try:
        return {fingerprint(one.hash): offset for offset, one in placed_articles(file) if isinstance(one, Article)}
    except (ArticleError, OSError):  # as where articles are read: it is rejected, and has no text
        return {}
