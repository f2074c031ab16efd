"""An endpoint in a process of its own that misbehaves by plan, and counts for itself.

What becomes of a request is a function of its article, of how often that was asked again, and of which attempt at it this is: a test
knows beforehand how every article must end. The server writes each request down when it has come in, with what it counts for it.

    with Unruly(Plan(wire={"429": 0.1}), tmp_path / "server.jsonl") as server:
        …  # a run against server.base_url
        server.log()
"""

import hashlib
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from loopback import Answer, Loopback, Received, dropped, dropped_midway, ok, rate_limited, slow, stalled, status
from loopback import Usage as Counted

MOST_TOKENS = 500
"""Of an answer: what the small project's prompt asks for."""
SLOW = 0.3
"""Seconds that a slow answer takes."""

LOST = frozenset({"reset", "dropped", "cut", "stall"})
"""Fates after which a client cannot know what was counted."""
ANSWERED = frozenset({"good", "slow"})
STREETS = ["동문로", "서문길", "남문로", "북문길", "중앙로", "시장길"]


@dataclass(frozen=True)
class Plan:
    """What becomes of requests.

    Attributes:
        wire: The share of attempts that each fate meets: ``429``, ``500``, ``reset`` (before an answer), ``dropped`` (the same, in good
            order), ``cut`` (in the middle of one), ``stall`` (no answer ever), ``slow``; the rest is ``good``.
        content: The share of articles whose answer is ``truncated``, ``invalid`` (until it is asked again) or ``hopeless`` (for ever).
        scripts: Fates of the attempts at the articles whose id ends so, for as long as there are some, by ``-NAME``.
    """

    wire: Mapping[str, float] = field(default_factory=dict)
    content: Mapping[str, float] = field(default_factory=dict)
    scripts: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def fate(self, article: str, ask: int, attempt: int) -> str:
        """What becomes of the attempt (from 1) at asking (from 0)."""
        script = self.scripts.get(_name(article))
        if script is not None:
            fates = [fate for fate in script if fate not in {"truncated", "invalid", "hopeless"}]
            return fates[attempt - 1] if not ask and attempt <= len(fates) else "good"
        return _drawn(self.wire, "good", article, ask, attempt)

    def content_of(self, article: str) -> str:
        """What the answers about an article are like."""
        script = self.scripts.get(_name(article))
        if script is not None:
            return next((fate for fate in script if fate in {"truncated", "invalid", "hopeless"}), "valid")
        return _drawn(self.content, "valid", article)

    def outcome(
        self, article: str, *, retries: int, reasks: int, asked: Mapping[tuple[str, int], int] | None = None
    ) -> tuple[str, list[tuple[int, str]]]:
        """How an article must end, and what its requests meet: which asking, which fate.

        Args:
            article: Its id.
            retries: How often an attempt is repeated.
            reasks: How often an invalid answer is asked again.
            asked: Attempts that earlier sittings made, by article and asking. An answered one is not made again.
        """
        requests: list[tuple[int, str]] = []
        content = self.content_of(article)
        for ask in range(reasks + 1):
            before = (asked or {}).get((article, ask), 0)
            if not before or self.fate(article, ask, before) not in ANSWERED:
                for attempt in range(before + 1, before + retries + 2):
                    requests.append((ask, self.fate(article, ask, attempt)))
                    if requests[-1][1] in ANSWERED:
                        break
                else:
                    return "failed", requests
            if content == "truncated":
                return "truncated", requests
            if content == "valid" or (content == "invalid" and ask):
                return "ok", requests
        return "invalid", requests


def article_text(article: str) -> str:
    """The text of an article: it holds its id, so that the server knows it again."""
    street = STREETS[_hash("street", article) % len(STREETS)]
    return f"{street}에 새 빵집이 들어선다. 가게 이름은 밀밭 {article}호점이며 2031년 3월에 문을 연다.\n"


def record_of(article: str) -> dict[str, Any]:
    """The record that the server answers with."""
    street = STREETS[_hash("street", article) % len(STREETS)]
    shop = {
        "name": f"밀밭 {article}호점",
        "since": "2031년 3월",
        "quote": f"가게 이름은 밀밭 {article}호점이며 2031년 3월에 문을 연다",
    }
    return {"street": {"value": street, "quote": f"{street}에 새 빵집이 들어선다"}, "shops": [shop]}


def _name(article: str) -> str:
    return article.rpartition("-")[2]


def _hash(*parts: object) -> int:
    return int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=8).digest())


def _drawn(shares: Mapping[str, float], otherwise: str, *parts: object) -> str:
    drawn = _hash(*parts) / 2**64
    for fate, share in shares.items():
        drawn -= share
        if drawn < 0:
            return fate
    return otherwise


@dataclass(frozen=True)
class Seen:
    """A request as the server saw it: a line of its log.

    Attributes:
        serial: Its number among all, from 1. A completion has it in the name of its model.
        article: The id that it is about.
        ask: Which asking, from 0.
        attempt: Which attempt at it, from 1.
        fate: What became of it.
        body: The SHA-256 of what was sent.
        bytes: How much that was.
        prompt: Tokens that the server counts, an answer that was lost on the way among them.
        completion: The same of the answer.
    """

    serial: int
    article: str
    ask: int
    attempt: int
    fate: str
    body: str
    bytes: int
    prompt: int
    completion: int

    @property
    def tokens(self) -> int:
        """Prompt and completion together."""
        return self.prompt + self.completion


class Unruly:
    """The server, as a context manager.

    Args:
        plan: What becomes of requests.
        file: Where it writes down what it saw.
    """

    def __init__(self, plan: Plan, file: Path) -> None:
        self.plan = plan
        self.base_url = ""
        self._file = file

    def log(self, world: str = "") -> list[Seen]:
        """What has come in about the articles whose ids begin so."""
        with self._file.open(encoding="utf-8") as file:
            seen = [Seen(**json.loads(line)) for line in file]
        return [one for one in seen if one.article.startswith(world)]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(  # noqa: S603 - this very file
            [sys.executable, __file__, json.dumps(asdict(self.plan)), str(self._file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout
        self.base_url = self._process.stdout.readline().strip()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.communicate()  # the end of its input is its end
        if raised is None and self._process.returncode:
            raise RuntimeError("the server failed; its error stands above")


class _Server:
    def __init__(self, plan: Plan, file: Path) -> None:
        self._plan = plan
        self._file = file.open("a", encoding="utf-8", buffering=1)
        self._serial = 0
        self._attempts: Counter[tuple[str, int]] = Counter()
        self.loopback: Loopback

    def answer(self, request: Received) -> Answer:
        self.loopback.requests.clear()  # twenty thousand bodies are no use to anybody
        messages = request.json["messages"]
        found = re.search(r"밀밭 (\S+)호점", messages[1]["content"])
        assert found
        article, ask = found[1], sum(message["role"] == "assistant" for message in messages)
        self._serial += 1
        self._attempts[article, ask] += 1
        attempt = self._attempts[article, ask]
        fate = self._plan.fate(article, ask, attempt)
        content = self._plan.content_of(article)
        says = json.dumps(record_of(article), ensure_ascii=False)
        if content == "hopeless" or (content == "invalid" and not ask):
            says = says[: 20 + ask]
        # Whatever a model makes of a text: less than a token a byte, and less than the limit.
        usage = Counted(len(request.body) // 4 + _hash("prompt", article) % 50, 20 + _hash(article, ask, attempt) % 400)
        counted = fate in ANSWERED or fate == "cut"
        seen = Seen(
            serial=self._serial,
            article=article,
            ask=ask,
            attempt=attempt,
            fate=fate,
            body=hashlib.sha256(request.body).hexdigest(),
            bytes=len(request.body),
            prompt=usage.prompt if counted else 0,
            completion=usage.completion if counted else 0,
        )
        self._file.write(json.dumps(asdict(seen), ensure_ascii=False) + "\n")
        finish: Literal["length", "stop"] = "length" if content == "truncated" else "stop"
        full = ok(says, usage=usage, model=f"served-{self._serial}", finish_reason=finish)
        return {
            "429": rate_limited(headers={"retry-after-ms": "5"} if attempt % 2 else {"retry-after": "0"}),
            "500": status(500, headers={"retry-after": "0"} if attempt % 2 else None),
            "reset": dropped(reset=True),
            "dropped": dropped(),
            "cut": dropped_midway(full),
            "stall": stalled(),
            "slow": slow(full, SLOW),
            "good": full,
        }[fate]


def _serve(plan: str, file: str) -> None:
    server = _Server(Plan(**json.loads(plan)), Path(file))
    with Loopback(answer=server.answer) as server.loopback:
        print(server.loopback.base_url, flush=True)  # noqa: T201 - it is asked for
        sys.stdin.read()


if __name__ == "__main__":
    _serve(*sys.argv[1:])
