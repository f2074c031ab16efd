"""``workbench review``, as a person at a terminal uses it."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from loopback import Loopback
from small_project import Command, lines

from workbench.decide import decide
from workbench.decisions import Log
from workbench.errors import SettingsError
from workbench.review.doubts import MOST_RUNS, doubts, others_of
from workbench.review.person import name_of
from workbench.review.serve import listen
from workbench.runs import Run, now, open_run
from workbench.schema import load_schema
from workbench.wishes import Subject, Wish

PROGRAM = [sys.executable, "-m", "workbench", "review"]


def environment(**changes: str) -> dict[str, str]:
    """That of the tests, and no git settings but the project's own."""
    own = {name: value for name, value in os.environ.items() if name not in {"CI", "BROWSER"}}
    return {**own, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", **changes}


@dataclass
class Started:
    """A review that is running."""

    process: subprocess.Popen[str]
    first: str

    @property
    def said(self) -> dict[str, Any]:
        """The one object on stdout."""
        found: dict[str, Any] = json.loads(self.first)
        return found

    def end(self) -> tuple[int, str, str]:
        """Press Ctrl-C: the exit code, the rest of stdout, and stderr."""
        self.process.send_signal(signal.SIGINT)
        out, err = self.process.communicate(timeout=300)
        return self.process.returncode, out, err


@contextmanager
def started(*arguments: str | Path, **changes: str) -> Iterator[Started]:
    """A review in a process of its own, once it has said where it is."""
    process = subprocess.Popen(  # noqa: S603 - our own program
        [*PROGRAM, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env=environment(**changes),
    )
    assert process.stdout
    try:
        yield Started(process, process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


def tried(*arguments: str | Path, **changes: str) -> subprocess.CompletedProcess[str]:
    """A review that is not expected to start."""
    command = [*PROGRAM, "--no-browser", *map(str, arguments)]
    return subprocess.run(  # noqa: S603 - our own program
        command, capture_output=True, encoding="utf-8", check=False, timeout=300, env=environment(**changes)
    )


@pytest.fixture
def run(project: Path, workbench: Command, server: Loopback) -> Path:
    """A run of the small project."""
    return Path(workbench("run", "--base-url", server.base_url, "--json").json["run"])


@contextmanager
def client(url: str) -> Iterator[httpx2.Client]:
    """A browser that came in by the address."""
    split = urlsplit(url)
    with httpx2.Client(base_url=f"{split.scheme}://{split.netloc}", follow_redirects=True, timeout=300) as made:
        assert made.get(url).status_code == 200
        yield made


def post(browser: httpx2.Client, target: str, **fields: str) -> httpx2.Response:
    """Send a form as the page does."""
    origin = str(browser.base_url).rstrip("/")
    return browser.post(target, data=fields, headers={"Origin": origin, "Sec-Fetch-Site": "same-origin"})


# --- the whole way


def test_a_person_opens_the_address_decides_and_the_golden_is_there(run: Path, project: Path) -> None:
    with started(run, "--no-browser", "--json", "--as", "김하나") as review, client(review.said["url"]) as browser:
        assert review.said | {"url": ""} == {
            "url": "",
            "run": str(run),
            "goldens": str(project / "goldens" / "street"),
            "by": "김하나",
            "writable": True,
        }
        page = browser.get("/article/bakery")
        assert (page.status_code, "밀밭" in page.text) == (200, True)
        answer = post(browser, "/article/bakery/decide", action="accept", at="", record_at="", seen="")
        assert (answer.status_code, answer.url.path) == (200, "/article/bakery")
        assert review.end()[0] == 0
    golden = project / "goldens" / "street" / "bakery.json"
    assert json.loads(golden.read_bytes())["record"]["shops"] == [{"name": "밀밭", "since": "2031년 3월"}]
    (decision,) = lines(golden.with_name("decisions.jsonl"))
    assert (decision["action"], decision["by"], decision["article"]) == ("accept", "김하나", "bakery")


def test_two_windows_do_not_overwrite_each_other_nor_a_hand(run: Path, project: Path) -> None:
    golden = project / "goldens" / "street" / "bakery.json"
    with started(run, "--no-browser", "--json") as review, client(review.said["url"]) as browser:
        post(browser, "/article/bakery/decide", action="accept", at="", record_at="", seen="")
        edited = golden.read_bytes().replace("동문로".encode(), "동문길".encode())
        golden.write_bytes(edited)
        answer = post(browser, "/article/bakery/decide", action="absent", at="/street", seen="")
        assert "Not written" in answer.text
    assert golden.read_bytes() == edited


def test_ctrl_c_ends_it_cleanly(run: Path) -> None:
    with started(run, "--no-browser") as review:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=[\w-]{40,}\n", review.first)
        code, out, err = review.end()
    assert (code, out) == (0, "")
    assert "Traceback" not in err
    assert f"reviewing {run} as " in err


INTERRUPTED = """
import os, signal, sys

class Now:
    def find_spec(self, name, *_):
        if name == "workbench.review.guard":
            exec("os.kill(os.getpid(), signal.SIGINT)")  # as a module's dataclasses run strings

sys.meta_path.insert(0, Now())
"""


def test_ctrl_c_ends_it_cleanly_also_while_the_pages_are_being_made(run: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(INTERRUPTED)
    ended = tried(run, PYTHONPATH=str(tmp_path))
    assert (ended.returncode, ended.stdout[:17]) == (0, "http://127.0.0.1:"), ended.stderr
    assert "Traceback" not in ended.stderr


def test_each_start_has_a_token_of_its_own(run: Path) -> None:
    tokens = []
    for _ in range(2):
        with started(run, "--no-browser", "--json") as review:
            tokens.append(review.said["url"].partition("token=")[2])
    assert len(set(tokens)) == 2


def test_without_the_token_there_is_no_page(run: Path) -> None:
    with started(run, "--no-browser", "--json") as review:
        address = review.said["url"].partition("?")[0]
        assert [httpx2.get(address + target).status_code for target in ("", "article/bakery", "help")] == [403] * 3


def test_the_browser_is_opened_with_a_token_that_is_good_once(run: Path, tmp_path: Path) -> None:
    seen = tmp_path / "opened"
    os.mkfifo(seen)
    script = tmp_path / "browser.py"
    script.write_text(f"import sys; open({str(seen)!r}, 'w').write(sys.argv[1])")
    with started(run, "--json", BROWSER=f"{sys.executable} {script} %s") as review:
        opened = seen.read_text()
        assert opened.partition("?")[0] == review.said["url"].partition("?")[0]
        assert opened != review.said["url"]
        assert httpx2.get(opened).status_code == 303
        assert httpx2.get(opened).status_code == 403
        assert httpx2.get(review.said["url"]).status_code == 303


def test_a_browser_that_would_take_the_terminal_is_not_opened(run: Path, tmp_path: Path) -> None:
    with started(run, PATH=str(tmp_path), DISPLAY="", WAYLAND_DISPLAY="") as review:
        assert review.first.startswith("http://127.0.0.1:")
        assert review.process.stderr
        assert any("open the address yourself" in line for line in iter(review.process.stderr.readline, ""))


def test_the_port_can_be_chosen_and_one_that_is_taken_is_said(run: Path) -> None:
    with listen(0) as taken:
        port = taken.getsockname()[1]
        refused = tried(run, "--port", str(port))
    assert (refused.returncode, f"port {port} cannot be had" in refused.stderr) == (2, True)
    with started(run, "--no-browser", "--json", "--port", str(port)) as review:
        assert f"127.0.0.1:{port}/" in review.said["url"]


def test_nothing_but_this_machine_can_connect() -> None:
    with listen(0) as listening:
        assert listening.getsockname()[0] == "127.0.0.1"
        with socket.socket() as other:
            other.settimeout(5)
            assert other.connect_ex(("127.0.0.2", listening.getsockname()[1])) != 0


# --- who


def test_who_decides_is_given_or_gits_or_the_accounts(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("LOGNAME", "hana")
    assert name_of(" 김하나 ", project) == "김하나"
    assert name_of(None, project) == "hana"
    subprocess.run(["git", "init", "-q", str(project)], check=True)  # noqa: S603, S607 - git itself
    subprocess.run(["git", "-C", str(project), "config", "user.name", "박두리"], check=True)  # noqa: S603, S607
    assert name_of(None, project) == "박두리"
    monkeypatch.setenv("PATH", str(project))  # no git
    assert name_of(None, project) == "hana"


def test_nobody_cannot_decide(project: Path) -> None:
    with pytest.raises(SettingsError, match="nobody is named"):
        name_of("  ", project)


# --- what is refused and said


def test_a_run_of_another_task_is_not_put_beside(run: Path, project: Path) -> None:
    other = project / "runs" / "other"
    other.mkdir()
    info = json.loads((run / "run.json").read_text(encoding="utf-8")) | {"task": "square"}
    (other / "run.json").write_text(json.dumps(info), encoding="utf-8")
    refused = tried(run, "--against", other)
    assert (refused.returncode, "the other of 'square'" in refused.stderr) == (2, True)


def test_what_is_no_run_is_refused(project: Path) -> None:
    assert (tried().returncode, tried(project).returncode) == (2, 2)


def test_where_ci_is_set_it_says_that_it_does_not_write(run: Path) -> None:
    with started(run, "--no-browser", "--json", CI="true") as review:
        assert review.said["writable"] is False
        assert "nothing is written without --allow-writes" in review.end()[2]
    with started(run, "--no-browser", "--json", "--allow-writes", CI="true") as review:
        assert review.said["writable"] is True


def test_a_decision_that_never_came_into_its_golden_is_said_at_the_start(run: Path, project: Path) -> None:
    folder = project / "goldens" / "street"
    schema = load_schema("schemas/street.py:Street", project)
    about = Subject("bakery", {"street": "동문로", "shops": []}, "sha256:" + "0" * 64, None)
    decide(
        Log(folder), about, Wish(action="accept", at=""), schema, seen=None, by="나", now=now(), writable=True
    )  # fmt: skip
    (folder / "bakery.json").unlink()
    with (folder / "decisions.jsonl").open("a", encoding="utf-8") as log:
        log.write('{"format": "workb')
    with started(run, "--no-browser", "--json") as review:
        err = " ".join(review.end()[2].split())
    assert "bakery: what 나 decided at" in err
    assert "is in the log but not in the golden" in err
    assert "the last line was never finished" in err


# --- where runs disagree


def copy_of(run: Path, name: str, change: Any = None, **info: Any) -> Run:
    """A run like another, but for what is changed in its records."""
    folder = run.parent / name
    folder.mkdir()
    changed = json.loads((run / "run.json").read_text(encoding="utf-8")) | {"id": name} | info
    (folder / "run.json").write_text(json.dumps(changed), encoding="utf-8")
    with (folder / "extractions.jsonl").open("w", encoding="utf-8") as file:
        for extraction in lines(run / "extractions.jsonl"):
            if change:
                change(extraction)
            file.write(json.dumps(extraction) + "\n")
    return open_run(folder)


def renamed(extraction: dict[str, Any]) -> None:
    if extraction["article"] == "bookshop":
        extraction["record"]["shops"][0]["name"] = "다른 집"


def known(found: Iterable[tuple[str, float | None]]) -> dict[str, float]:
    return {article: doubt for article, doubt in found if doubt is not None}


def test_articles_on_which_runs_disagree_are_in_doubt(run: Path, project: Path) -> None:
    schema = load_schema("schemas/street.py:Street", project)
    other = copy_of(run, "other", renamed)
    found = known(doubts(open_run(run), [other], schema))
    assert found["bakery"] == 0
    assert 0 < found["bookshop"] < 1


def test_an_article_that_no_other_run_has_a_record_of_is_left_out(run: Path, project: Path) -> None:
    schema = load_schema("schemas/street.py:Street", project)

    def lost(extraction: dict[str, Any]) -> None:
        if extraction["article"] == "bakery":
            extraction |= {"state": "failed", "record": None}
        else:
            extraction["text"] = "sha256:" + "1" * 64

    assert known(doubts(open_run(run), [copy_of(run, "other", lost)], schema)) == {}


def test_the_latest_finished_runs_of_the_same_schema_are_asked(run: Path) -> None:
    folder = run.parent
    started_at = [f"2031-01-{day:02}T00:00:00Z" for day in range(1, MOST_RUNS + 3)]
    made = [copy_of(run, f"same-{i}", started=day, finished=day) for i, day in enumerate(started_at)]
    copy_of(run, "other-task", task="square")
    copy_of(run, "other-schema", json_schema="sha256:1")
    copy_of(run, "unfinished", finished=None)
    (folder / "broken").mkdir()
    (folder / "broken" / "run.json").write_text("{}")
    assert [other.folder.name for other in others_of(open_run(run), folder)] == [
        one.folder.name for one in reversed(made[2:])
    ]


def compared(browser: httpx2.Client) -> str:
    """The list once all articles are compared."""
    until = time.monotonic() + 300
    while 'id="comparing"' in (page := browser.get("/").text):
        assert time.monotonic() < until
        time.sleep(0.05)
    return page


def test_the_list_begins_with_what_runs_disagree_on(run: Path) -> None:
    refused = tried(run, "--order", "uncertainty")
    assert (refused.returncode, "no other run" in refused.stderr) == (2, True)
    copy_of(run, "other", renamed)
    with (
        started(run, "--no-browser", "--json", "--order", "uncertainty") as review,
        client(review.said["url"]) as browser,
    ):
        page = compared(browser)
    assert page.index("/article/bookshop") < page.index("/article/bakery")


VOTES = [{"id": name, "model": "small", "prompt": "sha256:0"} for name in ("one", "other")]


def surely(extraction: dict[str, Any]) -> None:
    """Two runs agreed on the bakery; on the bookshop's name only one of two was so."""
    sure = {"/street/value": 1.0, "/shops/0/name": 1.0, "/shops/0/since": 1.0, "/shops/0/cost": 1.0}
    unsure = sure | {"/shops/0/name": 0.5} if extraction["article"] == "bookshop" else sure
    extraction["confidence"] = {} if extraction["article"] == "unlabelled" else unsure


def test_a_vote_doubts_what_its_runs_agreed_least_on_whatever_other_runs_say(run: Path, project: Path) -> None:
    """An article without a leaf that was voted on is left out."""
    schema = load_schema("schemas/street.py:Street", project)
    vote = copy_of(run, "vote", surely, votes=VOTES)
    assert known(doubts(vote, [], schema)) == {"bakery": 0, "bookshop": pytest.approx(0.125)}
    assert [*doubts(vote, [open_run(run)], schema)] == [*doubts(vote, [], schema)]


def test_a_vote_is_not_asked_what_another_run_is_in_doubt_of(run: Path) -> None:
    copy_of(run, "vote", surely, votes=VOTES)
    assert others_of(open_run(run), run.parent) == []


def test_the_page_of_a_vote_begins_with_the_least_sure_article_and_says_how_sure_a_value_is(run: Path) -> None:
    """What all runs agreed on has nothing beside it; the vote needs no other run to doubt by."""
    vote = copy_of(run, "vote", surely, votes=VOTES).folder
    with (
        started(vote, "--no-browser", "--json", "--order", "uncertainty") as review,
        client(review.said["url"]) as browser,
    ):
        page = compared(browser)
        bookshop, bakery = browser.get("/article/bookshop").text, browser.get("/article/bakery").text
    assert page.index("/article/bookshop") < page.index("/article/bakery")
    assert bookshop.count("confidence 0.50") == 1
    assert "confidence" not in bakery


# --- light


def test_other_commands_do_not_wait_for_the_server_to_be_imported() -> None:
    heavy = ["starlette", "uvicorn", "h11", "multipart", "python_multipart", "webbrowser", "workbench.decisions"]
    program = f"import sys, workbench.cli.main; print([name for name in {heavy} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603
    assert ran.stdout.strip() == "[]"
