"""The folder of goldens while a review is open: which golden answers which text, and what has changed, whoever changed it."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

from workbench.articles import is_id

__all__ = ["Folder", "Stat"]

Stat: TypeAlias = tuple[int, int, int, int]
"""What tells one state of a file from another: when it was written, and when it or its name was changed, in nanoseconds; its bytes; its inode."""


class Folder:
    """The goldens of a task by what they answer. Empty until it is brought up to date.

    Args:
        folder: Where they are.

    Attributes:
        stats: The state of each golden's file.
        texts: The hashes of the texts that each answers; none of one that cannot be read, of which `read_shown` says why.
        notes: What a reviewer should know of them.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stats: Mapping[str, Stat] = {}
        self.texts: dict[str, tuple[str, ...]] = {}
        self.notes: tuple[str, ...] = ()
        self._by_text: dict[str, str] = {}

    def golden_of(self, article: str, text: str | None) -> str | None:
        """The golden that answers a text; one that cannot be read is its namesake's."""
        found = self._by_text.get(text or "")
        if found is None and (not text or not self.texts.get(article, ("",))):
            return article if article in self.stats else None
        return found

    def update(self, known: Mapping[tuple[str, Stat], tuple[str, ...]] | None = None) -> set[str]:
        """The goldens whose files are not what they were, and the texts that these answer or answered.

        Args:
            known: The texts of goldens that were read before, by name and state.
        """
        stats = _stats(self.folder)
        changed = {name for name in stats.keys() | self.stats.keys() if stats.get(name) != self.stats.get(name)}
        texts: set[str] = set()
        for name in changed:
            texts.update(self.texts.pop(name, ()))
            if name in stats:
                found = (known or {}).get((name, stats[name]))
                self.texts[name] = _texts(self.folder / f"{name}.json") if found is None else found
                texts.update(self.texts[name])
        self.stats = stats
        if changed:
            self._index()
        return changed | texts

    def _index(self) -> None:
        """Find goldens by their texts; where two answer the same, the first by name does, and that is said."""
        by_text: dict[str, str] = {}
        notes = []
        for name, some in sorted(self.texts.items()):
            for text in some:
                first = by_text.setdefault(text, name)
                if first != name:
                    notes.append(f"{first} and {name} answer the same text, {text}: delete it from one of the two")
        self._by_text = by_text
        self.notes = tuple(notes)


def _stats(folder: Path) -> dict[str, Stat]:
    if not folder.is_dir():
        return {}
    with os.scandir(folder) as entries:
        files = [(entry.name.removesuffix(".json"), entry.stat()) for entry in entries if entry.name.endswith(".json")]
    return {
        name: (stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino) for name, stat in files if is_id(name)
    }


def _texts(file: Path) -> tuple[str, ...]:
    try:
        found = json.loads(file.read_bytes())["texts"]
    except (OSError, ValueError, KeyError, TypeError):
        return ()
    return tuple(text for text in found if isinstance(text, str)) if isinstance(found, list) else ()
