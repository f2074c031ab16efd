"""A night's run against an endpoint that fails by plan: every article ends as it must, and the ledger is what the server counted.

``WORKBENCH_SOAK`` is the number of articles (``make soak`` takes 20,000).
"""

import json
import os
import subprocess
import sys
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sittings import Sittings
from small_project import lines
from unruly import ANSWERED, LOST, MOST_TOKENS, Plan, Seen, Unruly, article_text

from workbench.canonical import hash_text

ARTICLES = int(os.environ.get("WORKBENCH_SOAK", "1000"))
RETRIES, REASKS = 2, 2
TIMEOUT = 120
"""Seconds: longer than any machine keeps an answer waiting that is not held back, or the ledger would not be what the plan says."""
STALLED = 10
"""The same where requests stall, which costs the test as long: 25 times what the slowest answer took, of those that are slow on purpose too."""
PLAN = Plan(
    wire={"429": 0.10, "500": 0.03, "reset": 0.008, "dropped": 0.006, "cut": 0.006, "slow": 0.008, "stall": 0.002},
    content={"truncated": 0.01, "invalid": 0.01, "hopeless": 0.002},
)
QUICK = Plan({fate: share for fate, share in PLAN.wire.items() if fate not in {"slow", "stall"}}, PLAN.content)
SETTINGS = f"""[tool.workbench]
task = "street"
model = "small"
retries = {RETRIES}
reasks = {REASKS}
timeout = {TIMEOUT}

[tool.workbench.models.small]
price = {{ input = 1, output = 4 }}
"""
PRICE = Decimal(1) / 1_000_000, Decimal(4) / 1_000_000


@pytest.fixture
def soaked(project: Path) -> Path:
    (project / "pyproject.toml").write_text(SETTINGS, encoding="utf-8")
    return project


def write_articles(project: Path, count: int) -> list[str]:
    ids = [f"{number:05}" for number in range(count)]
    with (project / "news.jsonl").open("w", encoding="utf-8") as file:
        for one in ids:
            file.write(json.dumps({"id": one, "text": article_text(one)}, ensure_ascii=False) + "\n")
    return ids


def options(server: Unruly, *more: str | Path) -> list[str | Path]:
    """The command line of a live run."""
    return ["run", "--base-url", server.base_url, "--concurrency", "32", "--json", *more]


def folder_of(project: Path, said: Any) -> Path:
    return project / str(said["run"])


def must_end(plan: Plan, ids: list[str], before: list[Seen]) -> tuple[dict[str, str], Counter[tuple[str, int, str]]]:
    """How each article must end after what came before, and the requests that this takes, by article, asking and fate."""
    asked = Counter((seen.article, seen.ask) for seen in before)
    states, requests = {}, Counter[tuple[str, int, str]]()
    for one in ids:
        states[one], made = plan.outcome(one, retries=RETRIES, reasks=REASKS, asked=asked)
        requests.update((one, ask, fate) for ask, fate in made)
    return states, requests


def extractions(folder: Path) -> dict[str, dict[str, Any]]:
    """By article, of which each must stand there once."""
    found = lines(folder / "extractions.jsonl")
    assert len({line["article"] for line in found}) == len(found)
    return {line["article"]: line for line in found}


def states(folder: Path) -> dict[str, str]:
    return {article: line["state"] for article, line in extractions(folder).items()}


def check_ledger(folder: Path, seen: list[Seen]) -> None:
    """The ledger has a line for every request that the server saw, and no other; tokens and money to the last."""
    ledger = lines(folder / "attempts.jsonl")
    names = {hash_text(article_text(one.article)): one.article for one in seen}

    def line(name: str, status: int | None, usage: tuple[int, int], assumed: bool) -> tuple[Any, ...]:
        money = usage[0] * PRICE[0] + usage[1] * PRICE[1]
        return name, status, usage, assumed, money

    def expected(one: Seen) -> tuple[Any, ...]:
        if one.fate in LOST:
            return line(one.article, None, (one.bytes, MOST_TOKENS), assumed=True)
        return line(
            one.article,
            200 if one.fate in ANSWERED else int(one.fate),
            (one.prompt, one.completion),
            assumed=False,
        )

    assert Counter(
        (
            names[line["text"]],
            line["status"],
            (line["usage"]["prompt"], line["usage"]["completion"]),
            line["assumed"],
            Decimal(line["cost"]["amount"]),
        )
        for line in ledger
    ) == Counter(map(expected, seen))
    assert not (folder / "sent.jsonl").exists()


def check_recordings(project: Path, seen: list[Seen]) -> None:
    """The recordings are the answers that came through, each once."""
    recorded = [
        (line["request"], line["response"]["model"]) for line in lines(project / "recordings/local-model.jsonl")
    ]
    answered = [(f"sha256:{one.body}", f"served-{one.serial}") for one in seen if one.fate in ANSWERED]
    assert sorted(recorded) == sorted(answered)
    assert len({request for request, _ in recorded}) == len(recorded)


def spent(seen: list[Seen]) -> tuple[int, Decimal]:
    """What the server counted, answers that were lost on the way among it."""
    prompt, completion = sum(one.prompt for one in seen), sum(one.completion for one in seen)
    return prompt + completion, prompt * PRICE[0] + completion * PRICE[1]


def test_every_article_ends_as_it_must_and_the_ledger_is_what_the_server_counted(
    soaked: Path, tmp_path: Path, sittings: Sittings
) -> None:
    ids = write_articles(soaked, ARTICLES)
    settings = SETTINGS.replace(f"timeout = {TIMEOUT}", f"timeout = {STALLED}")
    (soaked / "pyproject.toml").write_text(settings, encoding="utf-8")
    with Unruly(PLAN, tmp_path / "server.jsonl") as server:
        command = [sys.executable, "-m", "workbench", *options(server, "news.jsonl")]
        done = subprocess.run(command, cwd=soaked, capture_output=True, text=True, check=False)  # noqa: S603 - our own
        assert done.returncode == 5, done.stderr
        folder = folder_of(soaked, json.loads(done.stdout))
        seen = server.log()
        ended, requests = must_end(PLAN, ids, [])
        assert set(ended.values()) == {"ok", "failed", "truncated", "invalid"}  # else this shows less than it says
        assert {one.fate for one in seen} == {"good", *PLAN.wire}
        assert states(folder) == ended
        assert Counter((one.article, one.ask, one.fate) for one in seen) == requests
        check_ledger(folder, seen)
        check_recordings(soaked, seen)
        failures = lines(folder / "failures.jsonl")
        assert {line["article"]: line["state"] for line in failures} == {
            article: state for article, state in ended.items() if state != "ok"
        }
        assert {line["article"]: line["attempts"] for line in failures} == {
            article: count for article, count in Counter(one.article for one in seen).items() if ended[article] != "ok"
        }
        assert len(failures) == len({line["article"] for line in failures})

        # What failed is asked again and nothing else is; then a replay says the same to the byte.
        again, requests = must_end(PLAN, ids, seen)
        failed = {article for article, state in ended.items() if state == "failed"}
        assert failed
        sittings.run(soaked, *options(server, "--resume", folder))
        resumed = server.log()[len(seen) :]
        assert {one.article for one in resumed} <= failed
        assert Counter((one.article, one.ask, one.fate) for one in resumed) == requests
        assert states(folder) == again
        check_ledger(folder, seen + resumed)
        check_recordings(soaked, seen + resumed)
    live = extractions(folder)
    first, second = (sittings.run(soaked, "run", "--replay", "--json", "news.jsonl").json for _ in range(2))
    once, twice = (folder_of(soaked, said) for said in (first, second))
    assert (once / "extractions.jsonl").read_bytes() == (twice / "extractions.jsonl").read_bytes()
    answered = {article for article, state in again.items() if state != "failed"}
    same = ("state", "record", "spans", "findings", "exchanges", "tokens")
    replayed = extractions(once)
    for article in answered:
        assert [raw(replayed[article][name]) for name in same] == [raw(live[article][name]) for name in same]


def raw(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


@pytest.mark.parametrize("limit", ["--max-tokens-total", "--budget"])
def test_a_budget_that_ends_in_the_middle_is_kept_by_the_servers_own_count(
    soaked: Path, tmp_path: Path, sittings: Sittings, limit: str
) -> None:
    ids = write_articles(soaked, max(ARTICLES // 5, 100))
    most = (len(ids) * 350, len(ids) * Decimal("0.0007"))
    which = 1 if limit == "--budget" else 0
    with Unruly(QUICK, tmp_path / "server.jsonl") as server:
        sitting = sittings.run(soaked, *options(server, "news.jsonl", limit, str(most[which])))
        folder = folder_of(soaked, sitting.json)
        seen = server.log()
        assert most[which] * Decimal("0.5") < spent(seen)[which] <= most[which]
        assert sitting.code == 5
        ended, _ = must_end(QUICK, ids, [])
        found = states(folder)
        assert found.keys() == set(ids)
        assert 0.2 * len(ids) < list(found.values()).count("unspent") < 0.8 * len(ids)
        assert all(state in {"unspent", ended[article]} for article, state in found.items())
        check_ledger(folder, seen)
        check_recordings(soaked, seen)

        again, requests = must_end(QUICK, ids, seen)
        sittings.run(soaked, *options(server, "--resume", folder, limit, str(most[which] * 100)))
        resumed = server.log()[len(seen) :]
        assert states(folder) == again
        assert Counter((one.article, one.ask, one.fate) for one in resumed) == requests
        check_ledger(folder, seen + resumed)
        check_recordings(soaked, seen + resumed)
