"""A run that dies at any moment goes on: one extraction an article, nothing asked again that was recorded, every request in the ledger.

Deaths come from outside, kill -9 at random moments, and from inside, at the steps that a small run takes on its files. ``WORKBENCH_KILLS``
is the number of the former; with 200 and more (``make soak``) the latter are all there are, else every second. ``WORKBENCH_SEED`` draws others.
"""

import json
import os
import random
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sittings import CRASHED, CRASHED_WRITING, Crash, Kill, Sitting, Sittings
from small_project import lines
from unruly import ANSWERED, LOST, MOST_TOKENS, Plan, Seen, Unruly, article_text

from workbench.canonical import hash_text

KILLS = int(os.environ.get("WORKBENCH_KILLS", "24"))
SEED = int(os.environ.get("WORKBENCH_SEED", "1"))
EVERY = 1 if KILLS >= 200 else 2
RETRIES = 1
SETTINGS = f'[tool.workbench]\ntask = "street"\nmodel = "small"\nretries = {RETRIES}\n'
PLAN = Plan(
    wire={"429": 0.08, "500": 0.04, "cut": 0.03, "reset": 0.02, "slow": 0.02},
    content={"truncated": 0.05, "invalid": 0.1, "hopeless": 0.03},
    # What can happen to an article, in few: the steps of a run of these are all the steps that there are.
    scripts={"invalid": ["429", "invalid"], "truncated": ["cut", "truncated"], "failed": ["500", "429"]},
)


@pytest.fixture(scope="module")
def unruly(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Unruly]:
    with Unruly(PLAN, tmp_path_factory.mktemp("server") / "seen.jsonl") as started:
        yield started


class World:
    """A project whose articles nobody else has, and its one run, which may die and is gone on with."""

    def __init__(self, name: str, project: Path, sittings: Sittings, server: Unruly, articles: list[str]) -> None:
        self.name = f"{name}-"
        self.project = project
        self.ids = [self.name + article for article in articles]
        self._sittings = sittings
        self._server = server
        (project / "pyproject.toml").write_text(SETTINGS, encoding="utf-8")
        with (project / "news.jsonl").open("w", encoding="utf-8") as file:
            for one in self.ids:
                file.write(json.dumps({"id": one, "text": article_text(one)}, ensure_ascii=False) + "\n")

    @property
    def folder(self) -> Path | None:
        """Of the run, if it has come so far that it can be gone on with."""
        found = list(self.project.glob("runs/*/run.json"))
        assert len(found) <= 1
        return found[0].parent if found else None

    @property
    def seen(self) -> list[Seen]:
        """What the server saw of it."""
        return self._server.log(self.name)

    def sit(self, *options: str, kill: Kill | None = None, crash: Crash | None = None) -> Sitting:
        """Begin the run, or go on with it."""
        folder = self.folder
        assert folder or not self.seen, "something was sent before the run could be gone on with"
        which = ("--resume", folder) if folder else ("news.jsonl",)
        where = ("--base-url", self._server.base_url, "--json")
        return self._sittings.run(self.project, "run", *which, *where, *options, kill=kill, crash=crash)

    def finish(self, *options: str) -> None:
        """Go on until nothing has failed: what fails does so for one sitting only."""
        for _ in range(5):
            sitting = self.sit(*options)
            assert sitting.code in {0, 3, 5}, sitting.err
            if not sitting.json["states"].get("failed"):
                return
        raise AssertionError("it fails for ever")

    def check(self) -> None:
        """All that must hold of a run that is done, however often it died."""
        folder = self.folder
        assert folder
        self._check_extractions(folder)
        self._check_recordings()
        self._check_ledger(folder)
        names = {file.name for file in folder.iterdir() if file.suffix != ".torn"}
        whole = {"run.json", "prompt.md", "schema.json", "extractions.jsonl", "failures.jsonl", "attempts.jsonl"}
        assert names == whole
        assert json.loads((folder / "run.json").read_text("utf-8"))["finished"]

    def _check_extractions(self, folder: Path) -> None:
        ended = {"valid": "ok", "invalid": "ok", "truncated": "truncated", "hopeless": "invalid"}
        states = [(line["article"], line["state"]) for line in lines(folder / "extractions.jsonl")]
        assert sorted(states) == sorted((one, ended[PLAN.content_of(one)]) for one in self.ids)
        failures = [(line["article"], line["state"]) for line in lines(folder / "failures.jsonl")]
        assert sorted(failures) == sorted(one for one in states if one[1] != "ok")

    def recordings(self) -> list[dict[str, Any]]:
        """What is recorded, line by line."""
        return lines(self.project / "recordings" / "local-model.jsonl")

    def _check_recordings(self) -> None:
        """What is recorded came from the server, and was not asked for once more."""
        seen = {one.serial: one for one in self.seen}
        bodies = Counter(recording["request"] for recording in self.recordings())
        assert set(bodies.values()) == {1}
        for recording in self.recordings():
            serial = int(recording["response"]["model"].removeprefix("served-"))
            assert seen[serial].fate in ANSWERED
            assert recording["request"] == f"sha256:{seen[serial].body}"
            assert all(one.serial <= serial for one in seen.values() if one.body == seen[serial].body)

    def _check_ledger(self, folder: Path) -> None:
        """Every request that the server saw stands in the ledger, as it ended or at its worst; nothing else does that was sent."""
        names = {hash_text(article_text(one)): one for one in self.ids}
        ledger = defaultdict(list)
        for line in lines(folder / "attempts.jsonl"):
            ledger[names[line["text"]]].append(line)
        seen = defaultdict(list)
        for one in self.seen:
            seen[one.article].append(one)
        recorded = defaultdict(list)
        for recording in self.recordings():
            usage = recording["response"]["usage"]
            recorded[names[recording["facets"]["article"]]].append((usage["prompt_tokens"], usage["completion_tokens"]))
        for article in self.ids:
            ended = [line for line in ledger[article] if line["outcome"] != "killed"]
            killed = [line for line in ledger[article] if line["outcome"] == "killed"]
            assert 0 <= len(ledger[article]) - len(seen[article]) <= len(killed)
            statuses = Counter(_status(one) for one in seen[article])
            assert Counter(line["status"] for line in ended) <= statuses
            answered = [line for line in ended if line["outcome"] == "answered"]
            assert sorted(map(_tokens, answered)) == sorted(recorded[article])
            assert not any(line["assumed"] for line in answered)
            sizes = {one.bytes for one in seen[article]}
            for line in killed:
                assert line["assumed"]
                assert _tokens(line)[1] == MOST_TOKENS
                assert _tokens(line)[0] in sizes or not sizes
            assert sum(sum(_tokens(line)) for line in ledger[article]) >= sum(one.tokens for one in seen[article])


def _status(one: Seen) -> int | None:
    return None if one.fate in LOST else 200 if one.fate in ANSWERED else int(one.fate)


def _tokens(line: dict[str, Any]) -> tuple[int, int]:
    return line["usage"]["prompt"], line["usage"]["completion"]


@pytest.mark.parametrize("sitting", ["first", "second", "only"])
def test_a_run_that_dies_at_any_step_goes_on(project: Path, sittings: Sittings, unruly: Unruly, sitting: str) -> None:
    """At one step after the other that a sitting takes: let it die there, go on until the end, and see that all is as it must be."""
    articles = ["invalid", "truncated"] if sitting == "first" else ["failed", "truncated"]
    words = ("--only", "failed") if sitting == "only" else ()
    step, torn = 1 + SEED % EVERY, False
    while True:
        name = f"{sitting}.{step}{'.torn' * torn}"
        world = World(name, shutil.copytree(project, project.with_name(name)), sittings, unruly, articles)
        if sitting == "second":
            # One article has failed, the other's answer is recorded and not in the ledger: there is something of everything to put in order.
            died = world.sit("--concurrency", "1", crash=Crash(6, file="attempts.jsonl"))
            assert (died.code, len(world.recordings())) == (CRASHED_WRITING, 1)
        elif sitting == "only":
            assert world.sit().json["states"] == {"failed": 1, "truncated": 1}
        died = world.sit("--concurrency", "2", *words, crash=Crash(step, torn))
        try:
            world.finish(*words)
            world.check()
        except AssertionError as error:
            error.add_note(f"it had died at step {step}{', in the middle of a line' * torn}")
            raise
        if died.code not in {CRASHED, CRASHED_WRITING}:
            assert step > 20, died.err
            return
        torn = died.code == CRASHED_WRITING and not torn
        step += 0 if torn else EVERY


def test_a_run_that_is_killed_at_random_moments_goes_on(project: Path, sittings: Sittings, unruly: Unruly) -> None:
    """The moments are drawn from a seed; each run is killed eight times at the most, and then let come to its end."""
    chance = random.Random(SEED)  # noqa: S311 - the same moments each time
    articles = [f"{number:03}" for number in range(120)]
    kills = 0
    for number in range(KILLS):
        name = f"kill.{number}"
        world = World(name, shutil.copytree(project, project.with_name(name)), sittings, unruly, articles)
        for _ in range(min(8, KILLS - kills)):
            after, working = chance.uniform(0.0, 0.4), chance.random() < 0.7
            concurrency = str(chance.choice([1, 4, 16, 64]))
            sitting = world.sit("--concurrency", concurrency, kill=Kill(after, working=working))
            assert sitting.code in {-9, 0, 5}, sitting.err
            kills += sitting.code == -9
        world.finish("--concurrency", "16")
        world.check()
        if kills == KILLS:
            return
    raise AssertionError(f"only {kills} of {KILLS} sittings lived long enough to be killed")
