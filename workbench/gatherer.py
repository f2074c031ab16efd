"""Requests are gathered into the files of a batch."""

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from workbench.batch import BatchLog, How, Written, part_file
from workbench.canonical import canonical_json
from workbench.errors import ArticleError
from workbench.requests import Request
from workbench.rows import row_of, write_row

__all__ = ["CHAT", "Gatherer"]

CHAT: Final = "/v1/chat/completions"
"""What a batch asks, and each of its requests."""
MOST_REQUESTS = 50_000
MOST_BYTES = 200_000_000
"""What a provider takes in one file."""


class Gatherer:
    """Writes requests into parts, a new one whenever a file has all that a provider takes.

    Args:
        log: Of the run.
        how: Who takes the parts on.
        endpoint: The address that they are for; None where a person takes them on.
        keep_bodies: Whether the recordings are to hold the requests' texts.
        again: Whether they may hold what had failed before.
    """

    def __init__(self, log: BatchLog, how: How, endpoint: str | None, *, keep_bodies: bool, again: bool) -> None:
        self._log = log
        self._how: How = how
        self._endpoint = endpoint
        self._keep_bodies = keep_bodies
        self._again = again
        self._files: tuple[BinaryIO, BinaryIO] | None = None
        self._requests = self._bytes = 0

    def add(self, request: Request) -> None:
        """Write one more request.

        Raises:
            ArticleError: If no file would take it.
        """
        raw = f'{{"custom_id":{canonical_json(request.key)},"method":"POST","url":"{CHAT}","body":{request.text}}}\n'.encode()
        if len(raw) > MOST_BYTES:
            raise ArticleError(f"the request has {len(raw):,} bytes, more than a batch takes ({MOST_BYTES:,})")
        if self._requests == MOST_REQUESTS or self._bytes + len(raw) > MOST_BYTES:
            self.finish()
        requests, rows = self._files or self._begin()
        rows.write(write_row(row_of(request, self._bytes)))
        requests.write(raw)
        self._requests += 1
        self._bytes += len(raw)

    @property
    def _number(self) -> int:
        return len(self._log.batches.parts) + 1

    def _parts(self) -> Iterator[tuple[Path, Path]]:
        """Each file of the part that is being written, as it is called until it is whole, and after."""
        for kind in ("rows", "requests"):
            file = part_file(self._log.folder, self._number, kind)
            yield file.with_name(file.name + ".part"), file

    def _begin(self) -> tuple[BinaryIO, BinaryIO]:
        (rows, _), (requests, _) = self._parts()
        rows.parent.mkdir(exist_ok=True)
        self._files = requests.open("wb"), rows.open("wb")
        return self._files

    def finish(self) -> None:
        """End the part that is being written, if one is: from here on it is to be sent."""
        if self._files is None:
            return
        for file in self._files:
            file.close()
        for part, whole in self._parts():
            part.replace(whole)
        written = Written(
            part=self._number,
            how=self._how,
            label=secrets.token_hex(8),
            requests=self._requests,
            bytes=self._bytes,
            keep_bodies=self._keep_bodies,
            again=self._again,
            endpoint=self._endpoint,
        )
        self._files, self._requests, self._bytes = None, 0, 0
        self._log.note(written)

    def abandon(self) -> None:
        """Forget the part that is being written: its requests are gathered again by the next sitting."""
        if self._files is not None:
            for file in self._files:
                file.close()
            for part, _ in self._parts():
                part.unlink()
            self._files = None
