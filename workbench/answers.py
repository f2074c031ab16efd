"""Which of several recorded lines answers a request.

In one file the last line counts, whatever the clock said; of several files' last lines the newest, and two that differ must not be of one time.
A new first answer outdates the re-asks of the one before it: they were put to what that one said.
"""

from collections.abc import Iterator

from workbench.entries import Line
from workbench.index import Index

__all__ = ["Dispute", "answer", "dead", "differing"]


class Dispute(Exception):
    """Two files answer one request differently, and neither is the newer."""

    def __init__(self, *lines: Line) -> None:
        super().__init__(*lines)
        self.lines = lines


def answer(index: Index, key: bytes) -> Line | None:
    """The line that answers a request, None if none does.

    Raises:
        Dispute: If two files differ, and neither is the newer.
    """
    standing = _standing(index, key)
    if not standing:
        return None
    newest = max(standing, key=lambda line: line.recorded)  # the first of equals
    for line in standing:
        if line.recorded == newest.recorded and line.answer != newest.answer:
            raise Dispute(newest, line)
    return newest


def _standing(index: Index, key: bytes) -> list[Line]:
    """Each file's last line, but for re-asks of an answer that was replaced."""
    last = {line.file: line for line in index.of_request(key)}
    return [line for line in last.values() if line.parent is None or not _outdated(index, line, line.parent)]


def _outdated(index: Index, reask: Line, parent: bytes) -> bool:
    """Whether the answer that was asked again was replaced since: in the re-ask's own file by a later line, in another by the time."""
    firsts = {line.file: line for line in index.of_request(parent) if line.parent is None}
    if reask.file in firsts and firsts[reask.file].start > reask.start:
        return True
    newest = max(firsts.values(), key=lambda line: line.recorded, default=reask)
    return newest.file != reask.file and newest.recorded > reask.recorded


def dead(index: Index) -> Iterator[Line]:
    """The lines that answer nothing, by key.

    Raises:
        Dispute: As ``answer`` does.
    """
    for key in index.contested():
        counts = answer(index, key)
        yield from (line for line in index.of_request(key) if line != counts)


def differing(index: Index) -> Iterator[tuple[Line, Line]]:
    """For each request that two files answer differently the line that counts and one that does not.

    Raises:
        Dispute: As ``answer`` does.
    """
    for key in index.differing():
        counts = answer(index, key)
        other = next((line for line in _standing(index, key) if counts and line.answer != counts.answer), None)
        if counts and other:
            yield counts, other
