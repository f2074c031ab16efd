"""An article on standard input, in whatever encoding it comes."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from loopback import Loopback
from small_project import ARTICLES, lines


def run(server: Loopback, raw: bytes, **environment: str) -> Any:
    """What a process of its own makes of these bytes."""
    command = [sys.executable, "-m", "workbench", "run", "-", "--base-url", server.base_url, "--json"]
    done = subprocess.run(command, input=raw, env={**os.environ, **environment}, capture_output=True, check=False)  # noqa: S603 - our own interpreter
    (extraction,) = lines(Path(json.loads(done.stdout)["run"], "extractions.jsonl"))
    return extraction


@pytest.mark.parametrize("encoding", ["utf-8", "cp949", "utf-16"])
def test_standard_input_is_read_in_its_own_encoding_and_not_the_terminals(
    project: Path, server: Loopback, encoding: str
) -> None:
    article = run(server, ARTICLES["bakery"].encode(encoding), PYTHONIOENCODING="ascii")
    assert (article["article"], article["state"]) == ("stdin", "ok")
    assert ARTICLES["bakery"].strip().encode() in server.requests[0].body


@pytest.mark.parametrize("raw", [b"%PDF-1.7 \xe2\xe3\xcf\xd3", b"\xff\xff\xff"])
def test_what_is_no_text_is_rejected_with_the_reason_and_not_sent(project: Path, server: Loopback, raw: bytes) -> None:
    article = run(server, raw)
    assert (article["article"], article["state"]) == ("stdin", "rejected")
    assert "expected: " in article["reason"]
    assert server.requests == []
