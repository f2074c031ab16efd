"""The parts of a run that is made in several processes, on the disk: written, merged, and merged again where that was cut short."""

import json
import os
import shutil
from collections import Counter
from pathlib import Path

import pytest
from helpers import article_of
from loopback import Loopback
from sittings import CRASHED, CRASHED_WRITING, Crash, Sittings
from small_project import Command, lines

from workbench.articles import Article, Rejected
from workbench.shards import Share, articles_of, write

NEWS = 12
EVERY = 1 if int(os.environ.get("WORKBENCH_KILLS", "24")) >= 200 else 13
"""Steps from one death to the next."""


def test_articles_come_back_as_they_were_each_text_in_one_shard_in_order(tmp_path: Path) -> None:
    given = [
        *(
            Share(article_of(f"거리 {number // 2}", f"소식 {number}", title="제목"), number % 3)
            for number in range(2_500)
        ),
        Share(Rejected("빈 글", "articles/빈 글.txt", "it is empty"), 0),
    ]
    made = write(tmp_path, given, 7)
    back = {shard: [*articles_of(shard)] for shard in made}
    assert len(made) == 7
    assert sorted(map(str, given)) == sorted(str(share) for shares in back.values() for share in shares)
    places = {share.article.id: number for number, share in enumerate(given)}
    homes: dict[str, Path] = {}
    for shard, shares in back.items():
        numbers = [places[share.article.id] for share in shares]
        assert numbers == sorted(numbers)
        for share in shares:
            if isinstance(share.article, Article):
                assert homes.setdefault(share.article.hash, shard) == shard


@pytest.fixture
def left(project: Path, server: Loopback, workbench: Command) -> Path:
    """A run that was left with two shards: one has done all of its articles, the other some, and a request was under way."""
    with (project / "news.jsonl").open("w", encoding="utf-8") as file:
        for number in range(NEWS):
            file.write(json.dumps({"id": f"소식 {number}", "text": f"{number}번 거리"}, ensure_ascii=False) + "\n")
    parts = []
    for limit in (4, 8):  # what each shard did, another run made
        ran = workbench("run", "news.jsonl", "--limit", str(limit), "--base-url", server.base_url, "--json")
        assert ran.code == 0, ran.err
        parts.append(Path(ran.json["run"]))
        shutil.move(project / "recordings", parts[-1] / "recordings")
        (project / "news.jsonl").rename(project / "all.jsonl")
        rest = (project / "all.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)[limit:]
        (project / "news.jsonl").write_text("".join(rest), encoding="utf-8")
        if limit == 4:
            everything = [*lines(project / "all.jsonl")]
    (project / "news.jsonl").write_text("".join(json.dumps(one) + "\n" for one in everything), encoding="utf-8")
    ran = workbench("run", "news.jsonl", "--base-url", "http://127.0.0.1:9/v1", "--limit", "12", "--json")
    run = Path(ran.json["run"])  # nobody answered: all have failed, and are to be done again
    for name in ("extractions.jsonl", "failures.jsonl", "attempts.jsonl"):
        (run / name).write_text("")
    account = json.loads((run / "run.json").read_text("utf-8")) | {"endpoint": server.base_url, "finished": None}
    (run / "run.json").write_text(json.dumps(account), "utf-8")
    for number, part in enumerate(parts, 1):
        shutil.move(part, run / "shards" / f"{number:04}")
        (run / "shards" / f"{number:04}" / "articles.jsonl").touch()
    unbegun = run / "shards" / "0003"
    unbegun.mkdir()
    (unbegun / "articles.jsonl").touch()
    second = run / "shards" / "0002"
    told = (second / "extractions.jsonl").read_text("utf-8").splitlines(keepends=True)
    (second / "extractions.jsonl").write_text("".join(told[:-2]) + told[-2][:40], "utf-8")  # it died in a line
    attempt = lines(second / "attempts.jsonl")[0]
    sending = {"key": "sha256:under-way", "text": "sha256:그", "number": 1, "started": attempt["started"]}
    worst = {"prompt": 900, "completion": 500, "cached": 0}
    (second / "sent.jsonl").write_text(json.dumps(sending | {"worst": worst}) + "\n", "utf-8")
    return run


def check(run: Path, server: Loopback) -> None:
    """Each article once, each request once in the ledger, nothing that was recorded asked again."""
    told = [one["article"] for one in lines(run / "extractions.jsonl")]
    assert sorted(told) == sorted(f"소식 {number}" for number in range(NEWS))
    assert len(server.requests) == NEWS
    ledger = lines(run / "attempts.jsonl")
    assert Counter(one["outcome"] for one in ledger) == {"answered": NEWS, "killed": 1}
    assert sum(one["assumed"] for one in ledger) == 1
    recorded = [one["key"] for one in lines(run.parent.parent / "recordings" / "local-model.jsonl")]
    assert len(recorded) == len({*recorded}) == NEWS
    assert not (run / "shards").exists()


def test_a_run_that_was_left_with_shards_is_gone_on_with(left: Path, server: Loopback, workbench: Command) -> None:
    """What they did is taken in, one that was not begun is dropped, and what was under way stands at its worst."""
    result = workbench("run", "--resume", left, "--base-url", server.base_url, "--json")
    assert result.code == 0, result.err
    assert result.json["kept"] == NEWS - 2
    check(left, server)
    # Also where it was recorded and no line told of it: this run has sent it, at a price that nobody knows.
    assert [one["cost"] for one in lines(left / "extractions.jsonl")] == [None] * NEWS


def test_a_merge_that_is_cut_short_at_any_step_is_made_again(
    left: Path, project: Path, server: Loopback, sittings: Sittings
) -> None:
    """Dead at one step after the other, and once more while it is made again; then all is as it must be."""
    step = 1
    while True:
        copy = shutil.copytree(project, project.with_name(f"died-{step}"))
        run = copy / left.relative_to(project)
        go_on = ("run", "--resume", str(run), "--base-url", server.base_url)
        died = sittings.run(copy, *go_on, crash=Crash(step, torn=step % 2 == 0))
        sittings.run(copy, *go_on, crash=Crash(1 + step // 2))
        ended = sittings.run(copy, *go_on)
        assert ended.code == 0, f"step {step}: {ended.err}"
        check(run, server)
        if died.code not in {CRASHED, CRASHED_WRITING}:
            assert step > 60
            return
        step += EVERY
