"""The loopback server with OpenAI's files and batches: uploads are parsed, a batch's rows are answered by the same answers as live requests.

    with BatchServer(answer=lambda request: {"plans": []}) as server:
        server.rows = lambda row: EXPIRED if … else None  # None: the server's own answer
        …  # something hands in a batch
        server.end()  # every batch that is under way: no clock does

A batch goes from ``validating`` to ``in_progress`` when it is asked for the second time, and to its end when the test says so.
"""

from __future__ import annotations

import io
import json
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import parse_qs, urlsplit

from loopback import CHAT, CREATED, Answer, Loopback, Message, Plain, Received, Says, Whole, error, ok, status
from python_multipart.multipart import parse_form

FILES = "/v1/files"
BATCHES = "/v1/batches"

Fate = Literal["expired", "missing"]
EXPIRED: Final = "expired"
"""The row was not done when its batch ended; the error file says so."""
MISSING: Final = "missing"
"""The row is in neither file."""

RowSays = Answer | Mapping[str, Any] | Fate | None
"""What becomes of a row; None for the server's own answer."""


LIVE: Final = Decimal("0.0048")
"""What a request costs one by one in a project that is `priced`: 1,200 tokens at 2 and 300 at 8 for a million."""
GOOD: Final[dict[str, Any]] = {"street": None, "shops": []}
"""An answer that fits the small project's schema."""


def priced(project: Path, more: str = "") -> None:
    """Give the small project's model a price, and whatever else its table is to say."""
    settings = f"""
[tool.workbench]
task = "street"
articles = "articles"
model = "small"
retries = 2

[tool.workbench.models.small]
price = {{ input = 2, output = 8 }}
{more}
"""
    (project / "pyproject.toml").write_text(settings, encoding="utf-8")


def hold_articles(project: Path, names: Iterable[str]) -> None:
    """Put articles into the small project, in place of its own, that each say their id first."""
    for file in (project / "articles").iterdir():
        file.unlink()
    for name in names:
        (project / "articles" / f"{name}.txt").write_text(f"{name} 거리 소식이다.\n", encoding="utf-8")


@dataclass
class StoredFile:
    id: str
    name: str
    purpose: str
    content: bytes

    def body(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": "file",
            "bytes": len(self.content),
            "created_at": CREATED,
            "filename": self.name,
            "purpose": self.purpose,
            "status": "processed",
        }


@dataclass
class StoredBatch:
    id: str
    file: str
    metadata: Mapping[str, str]
    status: str = "validating"
    output: str | None = None
    errors: str | None = None
    why: list[dict[str, Any]] = field(default_factory=list)
    total: int = 0
    completed: int = 0
    failed: int = 0

    def body(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": "batch",
            "endpoint": CHAT,
            "errors": {"object": "list", "data": self.why} if self.why else None,
            "input_file_id": self.file,
            "completion_window": "24h",
            "status": self.status,
            "output_file_id": self.output,
            "error_file_id": self.errors,
            "created_at": CREATED,
            "request_counts": {"total": self.total, "completed": self.completed, "failed": self.failed},
            "metadata": dict(self.metadata),
        }


class BatchServer(Loopback):
    """The server, as a context manager."""

    def __init__(self, answer: Says | Callable[[Received], Says] = "{}") -> None:
        super().__init__(answer)
        self.files: dict[str, StoredFile] = {}
        self.batches: dict[str, StoredBatch] = {}
        self.rows: Callable[[dict[str, Any]], RowSays] = lambda _: None
        self.answered: list[dict[str, Any]] = []
        """Each row that was done, which is what is paid for."""
        self.oldest_first = False
        """Whether lists begin with what was made first."""
        self.forgets_after = False
        """Whether a list's second page is its first again."""
        self._lock = threading.RLock()

    def end(self, status: str = "completed", why: str | None = None, *, reverse: bool = True) -> list[StoredBatch]:
        """Let every batch that is under way come to this end; rows come out in another order than they went in."""
        with self._lock:
            ended = [
                each for each in self.batches.values() if each.status in {"validating", "in_progress", "cancelling"}
            ]
            for batch in ended:
                batch.status = status
                if status == "failed":
                    batch.why = [{"code": "invalid_request", "message": why, "line": None, "param": None}]
                else:
                    self._answer(batch, reverse=reverse)
            return ended

    def _answer(self, batch: StoredBatch, *, reverse: bool) -> None:
        rows = [json.loads(line) for line in self.files[batch.file].content.splitlines()]
        done: list[dict[str, Any]] = []
        failed: list[dict[str, Any]] = []
        for row in reversed(rows) if reverse else rows:
            says = self.rows(row)
            if says == MISSING:
                continue
            base = {"id": f"batch_req_{len(done) + len(failed)}", "custom_id": row["custom_id"]}
            if says == EXPIRED:
                told = {
                    "code": "batch_expired",
                    "message": "This request could not be executed before the completion window expired.",
                }
                failed.append(base | {"response": None, "error": told})
                continue
            message = self._message(row, says)
            response = {"status_code": message.status, "request_id": "req", "body": json.loads(message.body)}
            (done if message.status == 200 else failed).append(base | {"response": response, "error": None})
            if message.status == 200:
                self.answered.append(row)
        batch.completed, batch.failed = len(done), len(failed)
        batch.output = self.store(f"{batch.id}_output.jsonl", "batch_output", _lines(done)).id if done else None
        batch.errors = self.store(f"{batch.id}_error.jsonl", "batch_output", _lines(failed)).id if failed else None

    def _message(self, row: Mapping[str, Any], says: RowSays) -> Message:
        body = json.dumps(row["body"], ensure_ascii=False).encode()
        received = Received("POST", CHAT, {}, body, row["body"], 0)
        if says is None:
            given = self._default(received) if callable(self._default) else self._default
            says = given if isinstance(given, Answer) else ok(given)
        elif isinstance(says, Mapping):
            says = ok(says)
        assert isinstance(says, Whole)
        return says.message(received)

    def store(self, name: str, purpose: str, content: bytes) -> StoredFile:
        with self._lock:
            made = StoredFile(f"file-{len(self.files) + 1}", name, purpose, content)
            self.files[made.id] = made
            return made

    def _choose(self, request: Received) -> Answer:
        path = urlsplit(request.path).path
        if not path.startswith((FILES, BATCHES)):
            return super()._choose(request)
        if self._scripts[path]:
            return self._scripts[path].popleft()
        with self._lock:
            return self._files(request, path) if path.startswith(FILES) else self._batches(request, path)

    def _files(self, request: Received, path: str) -> Answer:
        query = {name: values[0] for name, values in parse_qs(urlsplit(request.path).query).items()}
        if path == FILES and request.method == "POST":
            return self._upload(request)
        if path == FILES:
            return self._page(
                [each.body() for each in self.files.values() if each.purpose == query.get("purpose", each.purpose)],
                query,
                10_000,
            )
        found = re.fullmatch(f"{FILES}/([^/]+)(/content)?", path)
        file = self.files.get(found[1]) if found else None
        if file is None or found is None:
            return status(404, error("No such File object"))
        if found[2]:
            return Plain(Message(200, file.content, "application/octet-stream"))
        return status(200, file.body())

    def _upload(self, request: Received) -> Answer:
        fields: dict[str, str] = {}
        uploads: list[tuple[str, bytes]] = []

        def on_file(file: Any) -> None:
            file.file_object.seek(0)
            uploads.append((file.file_name.decode(), file.file_object.read()))

        headers = {
            "Content-Type": request.headers["content-type"].encode(),
            "Content-Length": str(len(request.body)).encode(),
        }
        parse_form(
            headers,
            io.BytesIO(request.body),
            lambda each: fields.update({(each.field_name or b"").decode(): (each.value or b"").decode()}),
            on_file,
        )
        if len(uploads) != 1 or fields.get("purpose") != "batch" or not uploads[0][0].endswith(".jsonl"):
            return status(400, error("Expected one .jsonl file with the purpose batch"))
        return status(200, self.store(uploads[0][0], "batch", uploads[0][1]).body())

    def _batches(self, request: Received, path: str) -> Answer:
        query = {name: values[0] for name, values in parse_qs(urlsplit(request.path).query).items()}
        if path == BATCHES and request.method == "POST":
            return self._create(request.json)
        if path == BATCHES:
            return self._page([each.body() for each in self.batches.values()], query, 20)
        found = re.fullmatch(f"{BATCHES}/([^/]+)(/cancel)?", path)
        batch = self.batches.get(found[1]) if found else None
        if batch is None or found is None:
            return status(404, error("No batch found with this id"))
        if found[2]:
            if batch.status not in {"validating", "in_progress"}:
                return status(409, error(f"Cannot cancel a batch with status {batch.status}"))
            batch.status = "cancelling"
        told = batch.body()
        if batch.status == "validating":
            batch.status = "in_progress"
        return status(200, told)

    def _page(self, bodies: list[dict[str, Any]], query: Mapping[str, str], most: int) -> Answer:
        """One page of a list."""
        listed = bodies if self.oldest_first else bodies[::-1]
        begun = None if self.forgets_after else query.get("after")
        after = next((at + 1 for at, each in enumerate(listed) if each["id"] == begun), 0)
        limit = int(query.get("limit", most))
        page = listed[after : after + limit]
        return status(
            200,
            {
                "object": "list",
                "data": page,
                "first_id": page[0]["id"] if page else None,
                "last_id": page[-1]["id"] if page else None,
                "has_more": after + limit < len(listed),
            },
        )

    def _create(self, body: Any) -> Answer:
        file = self.files.get(body["input_file_id"])
        if file is None or body["endpoint"] != CHAT or body["completion_window"] != "24h":
            return status(400, error("Invalid batch"))
        rows = [json.loads(line) for line in file.content.splitlines()]
        batch = StoredBatch(f"batch_{len(self.batches) + 1}", file.id, body.get("metadata") or {}, total=len(rows))
        names = [row["custom_id"] for row in rows]
        fine = all(row["method"] == "POST" and row["url"] == CHAT and isinstance(row["body"], dict) for row in rows)
        if len(set(names)) < len(names) or not fine:
            batch.status = "failed"
            batch.why = [
                {
                    "code": "invalid_request",
                    "message": "A row is malformed, or given twice.",
                    "line": None,
                    "param": None,
                }
            ]
        self.batches[batch.id] = batch
        return status(200, batch.body())


def _lines(rows: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
