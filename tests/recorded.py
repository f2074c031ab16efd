"""Recordings for the tests of stores: what asks, what answers, and what a plain reader of the files finds."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from workbench.recordings import Origin, Recording, record
from workbench.requests import Facets, Request

FACETS = Facets(prompt="sha256:p", schema="sha256:s", article="sha256:a", model="m", settings="sha256:t")
FIRSTS = [Request({"content": content}, FACETS) for content in "abc"]
REQUESTS = [*FIRSTS, *(first.reask(attempt) for first in FIRSTS for attempt in (1, 2))]
FILES: tuple[Origin, ...] = ("api", "transcribed")


def made(one: Request, answer: Any = 0, origin: Origin = "api", seconds: int = 0) -> Recording:
    """A recording of a time that the test chooses."""
    time = datetime(2031, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    return record(one, {"n": answer}, origin).model_copy(update={"recorded": time})


def line(recording: Recording) -> bytes:
    return recording.model_dump_json().encode() + b"\n"


recorded = st.builds(made, st.sampled_from(REQUESTS), st.integers(0, 1), st.sampled_from(FILES), st.integers(0, 2))


def plain(folder: Path) -> dict[str, Any]:
    """The line under each key that a reader of every line finds to answer: the specification, without an index.

    Raises:
        ValueError: If a line is no JSON, or two files differ at one time.
    """
    files: list[dict[str, Any]] = []
    for file in sorted(folder.glob("*.jsonl")):
        last: dict[str, Any] = {}
        *whole, rest = file.read_bytes().split(b"\n")
        for number, raw in enumerate([*whole, rest]):
            try:
                found = json.loads(raw)
            except ValueError:
                if number < len(whole):
                    raise
                continue
            if not found["parent"]:
                last = {key: one for key, one in last.items() if one["parent"] != found["key"]}
            last[found["key"]] = found
        files.append(last)
    answers = {}
    for key in {key for last in files for key in last}:
        standing = []
        for last in files:
            one = last.get(key)
            firsts = [other[one["parent"]] for other in files if one["parent"] in other] if one else []
            newest = max(firsts, key=lambda first: str(first["recorded"]), default=None)
            if one and (newest is None or newest in last.values() or newest["recorded"] <= one["recorded"]):
                standing.append(one)
        if standing:
            latest = max(one["recorded"] for one in standing)
            top = [one for one in standing if one["recorded"] == latest]
            if any(one["response"] != top[0]["response"] for one in top):
                raise ValueError(key)
            answers[key] = top[0]
    return answers
