"""A file written whole or not at all: whatever ends the process, a reader finds the old text or the new."""

from pathlib import Path

__all__ = ["write_whole"]


def write_whole(file: Path, text: str) -> None:
    """Put a text in the place of whatever the file holds."""
    part = file.with_name(file.name + ".part")
    part.write_bytes(text.encode())  # line ends as they are
    part.replace(file)
