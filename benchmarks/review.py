"""The review page over a large run: how long until it is listed, searched, opened, decided on, and how much memory that takes.

"First page" is the list with what is known then; "list complete" what it takes in all until every score is there and every text can be searched.

The run is the last one of this project, its articles copied under other names and with texts of their own: `make demo` makes one. A part of them is
given goldens. Each size is measured in a process of its own, the pages asked of the app as a server would.
"""

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from starlette.testclient import TestClient

from workbench.canonical import hash_text
from workbench.decisions import Log
from workbench.goldens import read_goldens, write_golden
from workbench.ledger import Ledger
from workbench.review.app import app
from workbench.review.desk import Desk
from workbench.runs import RunWriter, latest_run, open_run
from workbench.settings import find_project
from workbench.tasks import load_task
from workbench.texts import texts_in


def build(into: Path, articles: int, goldens: int) -> None:
    """A run of so many articles, of which so many have goldens."""
    here = find_project(Path(__file__).parent)
    run = latest_run(here.path(here.settings.runs))
    task = load_task(run.info.task, here.root)
    answers = read_goldens(here.path("goldens") / task.name, task.schema)
    texts = texts_in(here.root)
    extractions = [(one, texts(one) or "") for one in run.extractions()]
    (into / "articles").mkdir()
    folder = _folder(into)
    with RunWriter(folder, run.info.model_copy(update={"id": "large"}), Ledger(folder)) as writer:
        for number in range(articles):
            one, text = extractions[number % len(extractions)]
            name, text = f"{one.article}-{number:05}", f"{text}{number}\n"
            file = into / "articles" / f"{name}.txt"
            file.write_text(text, encoding="utf-8")
            writer.keep(
                one.model_copy(update={"article": name, "text": hash_text(text), "place": f"articles/{name}.txt"})
            )
            golden = answers.find(one.article, one.text)
            if golden and number < goldens:
                write_golden(
                    golden.model_copy(update={"id": name, "texts": (hash_text(text),)}), into / "goldens" / task.name
                )


def _folder(into: Path) -> Path:
    folder = into / "runs" / "large"
    folder.mkdir(parents=True)
    return folder


def measure(into: Path) -> dict[str, float]:
    """What a person waits for, in CPU seconds (the machine may be busy), and the memory in MB."""
    here = find_project(Path(__file__).parent)
    run = open_run(into / "runs" / "large")
    task = load_task(run.info.task, here.root)
    folder = into / "goldens" / task.name
    desk = Desk(
        task=task,
        run=run,
        against=None,
        folder=folder,
        log=Log(folder),
        texts=texts_in(into),
        by="benchmark",
        writable=True,
        order="worst",
        language="en",
        uncertainty=list,
    )
    site = app(desk)
    client = TestClient(site)
    (last,) = deque(run.extractions(), maxlen=1)
    found: dict[str, float] = {}

    def measured(what: str, act: Callable[[], object]) -> None:
        start = time.process_time()
        act()
        found[what] = round(time.process_time() - start, 3)

    def get(address: str) -> None:
        answer = client.get(address)
        assert answer.status_code == 200, answer.text

    def complete() -> None:
        while 'id="looking"' in (text := client.get("/?order=article&q=nowhere").text) or 'id="searching"' in text:
            time.sleep(2)

    def decide() -> None:
        page = client.get(f"/article/{last.article}").text
        fields = {name: _field(page, name) for name in ("at", "record_at", "seen")}
        answer = client.post(
            f"/article/{last.article}/decide", data={**fields, "action": "keep"}, follow_redirects=False
        )
        assert answer.status_code == 303, answer.text
        assert "refused=" not in answer.headers["location"]

    measured("first page", lambda: get("/"))
    found["MB then"] = _megabytes()
    measured("list complete", complete)
    measured("listed again", lambda: get("/"))
    measured("filtered", lambda: get("/?undecided=1&page=3"))
    measured("searched first", lambda: get("/?q=산업"))
    measured("searched again", lambda: get("/?q=육성"))
    measured("one article", lambda: get(f"/article/{last.article}"))
    if desk.writable and _golden_of(folder, last.article):
        measured("decide one leaf", decide)
    found["MB"] = _megabytes()
    return found


def _megabytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _golden_of(folder: Path, article: str) -> bool:
    return (folder / f"{article}.json").exists()


def _field(page: str, name: str) -> str:
    """What the first form that decides sends in a field."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    return found[1] if found else ""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--articles", type=int, nargs="*", default=[1_000, 10_000])
    arguments.add_argument(
        "--goldens", type=int, nargs="*", help="How many have goldens; a twentieth, and all, if not given."
    )
    arguments.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.measure:
        print(json.dumps(measure(given.measure)))
        return
    for articles in given.articles:
        for goldens in given.goldens or (articles // 20, articles):
            with tempfile.TemporaryDirectory() as folder:
                build(Path(folder), articles, goldens)
                for opening in ("first opening", "opened again"):
                    done = subprocess.run(
                        [sys.executable, __file__, "--measure", folder],
                        check=True,
                        capture_output=True,
                        text=True,
                        env={**os.environ, "XDG_CACHE_HOME": f"{folder}/cache"},
                    )
                    print(f"{articles:,} articles, {goldens:,} goldens, {opening}: {done.stdout.strip()}")


if __name__ == "__main__":
    main()
