"""Files and batches at the endpoint: what is handed in there, and fetched when it is ready.

A batch is never made twice: where it is not known whether the last attempt reached the endpoint, by a label that only its part has it is looked for first.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import httpx2
import openai
from openai.pagination import AsyncCursorPage
from openai.types import Batch, BatchError, FileObject

from workbench.errors import ProviderError
from workbench.gatherer import CHAT
from workbench.limits import PATIENCE
from workbench.model import Client, Passing

__all__ = ["Depot", "Standing"]

UPLOAD: Final = 1_800.0
"""Seconds that an upload or a download of some hundred MB may take without a word."""
ENDED: Final = frozenset({"completed", "expired", "cancelled", "failed"})
NO_BATCHES = "it may have no Batch API: `workbench run` asks it one by one, and `workbench batch export` writes files to be answered elsewhere"
GONE = (
    "if another key made it, set that; if it was deleted, `workbench batch cancel --give-up` counts what was not fetched at its worst case, "
    "and `workbench batch submit --resume` then asks again"
)

Result = TypeVar("Result")
Listed = TypeVar("Listed", FileObject, Batch)


@dataclass(frozen=True, slots=True)
class Standing:
    """A batch as the endpoint tells of it.

    Attributes:
        batch: Its id there.
        status: In the endpoint's word.
        completed: Rows that were answered so far.
        failed: Rows that were not.
        total: All rows, None where it does not say.
        answers: The id of the file of answers, if there is one.
        errors: The id of the file of errors, if there is one.
        why: Why the whole of it failed, in the endpoint's words, if it did.
    """

    batch: str
    status: str
    completed: int
    failed: int
    total: int | None
    answers: str | None
    errors: str | None
    why: str | None

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will come of it."""
        return self.status in ENDED


class Depot:
    """The files and batches of an endpoint.

    Args:
        client: Of the endpoint.
        notify: Called with words for the user.
    """

    def __init__(self, client: Client, notify: Callable[[str], None] = lambda _: None) -> None:
        self._client = client
        self._notify = notify

    @property
    def address(self) -> str:
        """Of the endpoint."""
        return self._client.endpoint.base_url

    async def upload(self, file: Path, name: str, *, look: bool) -> str:
        """Hand in a file of requests, under a name that no other has; returns its id there.

        Args:
            file: Of requests.
            name: By which it is found again.
            look: Whether it may be there already.

        Raises:
            ProviderError: If the endpoint does not take it, or does not say whether it is there.
        """

        async def make() -> str:
            with file.open("rb") as content:
                made = await self._client.api.files.create(file=(name, content), purpose="batch", timeout=UPLOAD)
            return _id(made, FileObject)

        return await self._make(make, lambda: self._find_file(name), look=look)

    async def submit(self, file: str, metadata: dict[str, str], *, look: bool) -> str:
        """Have the requests of a file answered; returns the id of the batch.

        Args:
            file: Its id.
            metadata: By which the batch is found again.
            look: Whether it may be there already.

        Raises:
            ProviderError: If the endpoint does not take it, or does not say whether it is there.
        """

        async def make() -> str:
            made = await self._client.api.batches.create(
                input_file_id=file, endpoint=CHAT, completion_window="24h", metadata=metadata
            )
            return _id(made, Batch)

        return await self._make(make, lambda: self._find_batch(metadata), look=look)

    async def _make(
        self, make: Callable[[], Awaitable[str]], find: Callable[[], Awaitable[str | None]], *, look: bool
    ) -> str:
        """Make a thing, but where an attempt may have made it before look for it first; returns its id."""

        async def attempt(number: int) -> str:
            if (look or number > 1) and (there := await find()):
                return there
            return await make()

        return await self._repeat(attempt, NO_BATCHES)

    async def find(self, metadata: dict[str, str]) -> str | None:
        """The id of the batch with this metadata, if there is one.

        Raises:
            ProviderError: If the endpoint does not say.
        """
        return await self._repeat(lambda _: self._find_batch(metadata), NO_BATCHES)

    async def batch(self, batch: str) -> Standing:
        """How a batch stands.

        Raises:
            ProviderError: If the endpoint does not say.
        """

        async def attempt(_: int) -> Standing:
            return self._standing(await self._client.api.batches.retrieve(batch))

        return await self._repeat(attempt, GONE)

    async def cancel(self, batch: str) -> Standing:
        """Have a batch ended; what is done of it by then can be fetched, and is paid for.

        Raises:
            ProviderError: If the endpoint does not.
        """

        async def attempt(_: int) -> Standing:
            return self._standing(await self._client.api.batches.cancel(batch))

        return await self._repeat(attempt, GONE)

    async def fetch(self, file: str, into: Path) -> None:
        """Fetch a file, whole or not at all.

        Raises:
            ProviderError: If the endpoint does not give it, or not all of it.
        """
        part = into.with_name(into.name + ".part")
        api = self._client.api

        async def attempt(_: int) -> None:
            with part.open("wb") as content:
                async with api.files.with_streaming_response.content(file, timeout=UPLOAD) as response:
                    async for block in response.iter_bytes(1 << 16):
                        content.write(block)

        await self._repeat(attempt, GONE)
        part.replace(into)

    async def _find_file(self, name: str) -> str | None:
        async for file in self._listed(self._client.api.files.list(purpose="batch")):
            if file.filename == name:
                return _id(file, FileObject)
        return None

    async def _find_batch(self, metadata: dict[str, str]) -> str | None:
        async for batch in self._listed(self._client.api.batches.list(limit=100)):
            # A provider may have added to it; the label is ours alone.
            if isinstance(batch.metadata, dict) and batch.metadata.get("label") == metadata["label"]:
                return _id(batch, Batch)
        return None

    async def _listed(self, listing: Awaitable[AsyncCursorPage[Listed]]) -> AsyncIterator[Listed]:
        """Everything that an endpoint lists, to the end: OpenAI promises no order of batches, and others keep to none.

        Raises:
            ProviderError: If it begins its list anew instead of going on with it.
        """
        seen: set[str] = set()
        async for page in (await listing).iter_pages():
            new = {one.id: one for one in page.data if one.id not in seen}
            if page.data and not new:
                raise ProviderError(
                    "the endpoint lists the same again and again, so that it is not known whether this was handed in already",
                    status=200,
                    where=self.address,
                    way_out="look in its console; `workbench batch cancel --give-up` gives up what may be there at its worst case",
                )
            for one in new.values():
                yield one
            seen |= new.keys()

    def _standing(self, batch: Batch) -> Standing:
        name, counts = _id(batch, Batch), batch.request_counts
        problems = [one for one in getattr(batch.errors, "data", None) or [] if isinstance(one, BatchError)]
        words = [
            f"{problem.code}: {problem.message}" + (f" (line {problem.line})" if problem.line else "")
            for problem in problems[:3]
        ]
        more = [f"and {len(problems) - 3} more"] if len(problems) > 3 else []
        return Standing(
            batch=name,
            status=str(batch.status),
            completed=_count(counts, "completed") or 0,
            failed=_count(counts, "failed") or 0,
            total=_count(counts, "total"),
            answers=batch.output_file_id,
            errors=batch.error_file_id,
            why=self._client.endpoint.scrub("; ".join(words + more)) or None,
        )

    async def _repeat(self, call: Callable[[int], Awaitable[Result]], way_out: str) -> Result:
        """The result of a call, which is told which attempt it is, from 1, and made again after transient failures.

        Args:
            call: Of the endpoint.
            way_out: What to do where the endpoint knows nothing of what is asked.

        Raises:
            ProviderError: If it gives none within the retries.
        """
        return await self._client.repeat(lambda number: self._once(call, number, way_out))

    async def _once(self, call: Callable[[int], Awaitable[Result]], number: int, way_out: str) -> Result:
        try:
            return await call(number)
        except openai.APIStatusError as error:
            failure = self._client.status_error(error)
            if error.status_code in {404, 405}:
                failure.error.way_out = way_out
        except (openai.APIConnectionError, httpx2.HTTPError, TimeoutError) as error:
            failure = self._client.connection_error(error)
        except (openai.OpenAIError, AttributeError, TypeError, ValueError) as error:
            # The client builds its objects of whatever comes, and stumbles later.
            raise ProviderError(
                f"the endpoint's answer is no file and no batch: {type(error).__name__}",
                status=200,
                where=self._client.endpoint.base_url,
                way_out=way_out,
            ) from error
        failure.error.where = failure.error.where or self._client.endpoint.base_url
        if failure.wait is None:
            raise failure.error
        if failure.wait >= PATIENCE:
            self._notify(f"the endpoint asks to wait {failure.wait:,.0f} s: {failure.error.what}")
        raise Passing(failure.error, failure.wait)


def _count(counts: object, name: str) -> int | None:
    """One of the numbers that a batch gives of its rows, if it is one."""
    found = getattr(counts, name, None)
    return found if isinstance(found, int) else None


def _id(made: Any, kind: type) -> str:
    found = getattr(made, "id", None)
    if not isinstance(made, kind) or not isinstance(found, str) or not found:
        raise TypeError
    return found
