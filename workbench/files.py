"""A file written whole or not at all: whatever ends the process, a reader finds the old text or the new."""

import shutil
from pathlib import Path

__all__ = ["write_whole"]


def write_whole(file: Path, text: str) -> None:
    """Put a text in the place of whatever the file holds; who may read it stays as it was."""
    part = file.with_name(file.name + ".part")
    part.write_bytes(text.encode())  # line ends as they are
    if file.exists():
        shutil.copymode(file, part)
    part.replace(file)
