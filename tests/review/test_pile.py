"""The list of a run: there at once, filled as articles are scored, and kept for the next time, but never believed over the files."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from bs4 import BeautifulSoup
from review.street import GOLDENS, RECORDS, TEXTS, golden_of, make_desk, make_run
from starlette.testclient import TestClient

from workbench.decide import decide, read_shown
from workbench.extract import Extraction
from workbench.review.app import app
from workbench.review.desk import Desk
from workbench.review.listing import Row
from workbench.review.page import page_of
from workbench.review.pile import Pile
from workbench.runs import now, open_run
from workbench.schema import values
from workbench.tasks import load_task
from workbench.wishes import Subject, Wish


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return make_desk(tmp_path)


def looked_through(desk: Desk) -> Pile:
    pile = Pile(desk)
    assert pile.wait(60)
    pile.rows()  # raises what ended it
    return pile


@contextmanager
def held(desk: Desk) -> Iterator[tuple[Desk, Callable[[], None]]]:
    """A desk whose texts are not to be had until they are let go: the looking through stands still after one score."""
    free = Event()

    def texts(extraction: Extraction) -> str | None:
        assert free.wait(60)
        return desk.texts(extraction)

    try:
        yield replace(desk, texts=texts), free.set
    finally:
        free.set()


def keep(desk: Desk, article: str, action: Any = "keep", at: str = "/shops/0/since") -> None:
    golden, seen = read_shown(desk.folder, article, desk.task.schema)
    assert golden
    record = values(desk.task.schema.model_validate(RECORDS[article]))
    about = Subject(article, record, golden.texts[0], None, lambda: TEXTS[article])
    wish = Wish(action=action, at=at, record_at=at)
    decide(desk.log, about, wish, desk.task.schema, seen=seen, by="지수", now=now(), writable=True)


# --- while it is looked through


def test_the_list_is_there_before_the_scores_and_says_how_many_are_missing(desk: Desk) -> None:
    with held(desk) as (waiting, let_go):
        site = app(waiting, patience=0)
        page = BeautifulSoup(TestClient(site).get("/").text, "html.parser")
        assert len(page.select("#articles tbody tr")) == 3
        said = page.select_one("#looking")
        assert said is not None
        assert re.search(r"Scoring \d of 3 articles so far", said.get_text())
        assert said.select_one("a[href]")
        let_go()


def test_the_list_is_there_while_runs_are_compared_and_fills_itself_when_they_are(desk: Desk) -> None:
    """Nobody waits for how far runs disagree, not even for the pile: until it is known articles stand by name, and that is said."""
    free, compared = Event(), Event()

    def uncertainty() -> Iterator[tuple[str, float | None]]:
        yield "bakery", 0.2
        compared.set()
        assert free.wait(60)
        yield "bookshop", 0.9

    site = app(replace(desk, uncertainty=uncertainty), patience=0)
    client = TestClient(site)
    try:
        client.get("/?order=uncertainty")
        assert compared.wait(60)
        page = BeautifulSoup(client.get("/?order=uncertainty").text, "html.parser")
        said = page.select_one("#comparing")
        assert said is not None
        assert re.search("Comparing 1 of 3 articles so far", said.get_text())
        assert [link.get_text() for link in page.select("#articles th a")] == ["bakery", "bookshop", "unlabelled"]
        assert page.select_one("option[value=uncertainty][selected]")
        assert client.get("/article/bakery?order=uncertainty").status_code == 200
    finally:
        free.set()
    for _ in range(600):
        page = BeautifulSoup(client.get("/?order=uncertainty").text, "html.parser")
        if not page.select("#comparing"):
            break
        time.sleep(0.1)
    assert [link.get_text() for link in page.select("#articles th a")] == ["bookshop", "bakery", "unlabelled"]


def test_what_ends_the_comparing_is_said_to_whoever_asks_for_that_order_and_to_nobody_else(desk: Desk) -> None:
    def uncertainty() -> list[tuple[str, float | None]]:
        raise OSError("the disk is gone")

    pile = Pile(replace(desk, uncertainty=uncertainty))
    pile.begin("uncertainty")
    assert pile.wait(60)
    assert len(pile.rows("worst")) == 3
    with pytest.raises(OSError, match="the disk is gone"):
        pile.rows("uncertainty")


def test_who_ends_the_review_does_not_wait_for_all_runs_to_be_compared(desk: Desk) -> None:
    def uncertainty() -> Iterator[tuple[str, float | None]]:
        for _ in count():
            yield "bakery", 0.5

    pile = Pile(replace(desk, uncertainty=uncertainty))
    pile.begin("uncertainty")
    pile.close()
    assert pile.wait(60)


def test_a_search_says_of_how_many_articles_it_is(desk: Desk) -> None:
    with held(desk) as (waiting, let_go):
        client = TestClient(app(waiting, patience=0))
        page = BeautifulSoup(client.get("/?q=종이숲").text, "html.parser")
        said = page.select_one("#searching")
        assert said is not None
        assert "Searched 0 of 3 articles so far" in said.get_text()
        let_go()


def test_when_all_is_known_nothing_is_said_and_every_text_is_searched(desk: Desk) -> None:
    client = TestClient(app(desk, patience=60))
    page = BeautifulSoup(client.get("/?q=종이숲").text, "html.parser")
    assert not page.select("#looking, #searching")
    assert [link.get_text() for link in page.select("#articles tbody a")] == ["bakery", "bookshop"]


def test_an_article_can_be_opened_and_decided_on_before_it_is_scored(desk: Desk) -> None:
    with held(desk) as (waiting, let_go):
        pile = Pile(waiting)
        opened = pile.open("bakery")
        assert opened is not None
        let_go()
        keep(desk, "bakery")
        assert pile.wait(60)
        row = next(row for row in pile.rows() if row.article == "bakery")
        assert row.decided == 1


def test_what_ends_the_looking_is_said_to_whoever_asks_next(desk: Desk) -> None:
    def fail(_: Extraction) -> str | None:
        raise OSError("the disk is gone")

    pile = Pile(replace(desk, texts=fail))
    pile.wait(60)
    with pytest.raises(OSError, match="the disk is gone"):
        pile.rows()


def test_a_record_that_fits_the_schema_no_more_is_said_in_its_line(tmp_path: Path) -> None:
    desk = make_desk(tmp_path)
    file = desk.run.folder / "extractions.jsonl"
    file.write_text(
        file.read_text(encoding="utf-8").replace('"state":"planned"', '"state":"gone"', 1), encoding="utf-8"
    )
    rows = {row.article: row for row in looked_through(desk).rows()}
    assert "does not fit the schema" in rows["bakery"].trouble
    assert not rows["bookshop"].trouble


# --- the next time


def test_the_next_review_scores_nothing_and_lists_the_same(desk: Desk) -> None:
    first = looked_through(desk)
    assert first.scored == 2
    again = looked_through(desk)
    assert again.scored == 0
    assert again.rows() == first.rows()


@pytest.mark.parametrize("change", ["golden", "decision"])
def test_what_changed_in_between_is_scored_again_and_nothing_else(
    desk: Desk, tmp_path: Path, change: str, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    looked_through(desk)
    if change == "golden":
        golden_of(tmp_path, desk.task, "bookshop", {**GOLDENS["bookshop"], "street": "서문로"})
    else:
        keep(desk, "bakery")
    again = looked_through(desk)
    assert again.scored == 1
    assert again.rows() == _afresh(desk, monkeypatch, cache)


def _afresh(desk: Desk, monkeypatch: pytest.MonkeyPatch, cache: Path) -> list[Row]:
    """The rows, with nothing that was kept."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache / "empty"))
    return looked_through(desk).rows()


def test_a_golden_that_is_new_or_gone_counts_at_once(desk: Desk, tmp_path: Path) -> None:
    looked_through(desk)
    (desk.folder / "bookshop.json").unlink()
    golden_of(tmp_path, desk.task, "unlabelled", {"street": "남문로", "shops": [], "slogans": []})
    golden = {row.article: row.golden for row in looked_through(desk).rows()}
    assert golden == {"bakery": "bakery", "bookshop": None, "unlabelled": "unlabelled"}


def test_nothing_is_taken_over_from_another_run_in_the_same_folder(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    looked_through(desk)
    for file in desk.run.folder.iterdir():
        file.unlink()
    desk.run.folder.rmdir()
    again = open_run(make_run(tmp_path, desk.task, "run-1", {**RECORDS, "bakery": RECORDS["bookshop"]}))
    pile = looked_through(replace(desk, run=again))
    assert pile.scored == 2
    assert pile.rows() == _afresh(pile.desk, monkeypatch, cache)


def test_nothing_is_taken_over_from_another_schema(desk: Desk, tmp_path: Path) -> None:
    looked_through(desk)
    schema = tmp_path / "schemas" / "street.py"
    schema.write_text(schema.read_text(encoding="utf-8").replace("Annotated[str, Date()]", "str"), encoding="utf-8")
    assert looked_through(replace(desk, task=load_task("street", tmp_path))).scored == 2


def test_what_is_kept_and_broken_is_made_again(desk: Desk, cache: Path) -> None:
    first = looked_through(desk)
    (file,) = (cache / "workbench").glob("review-*.sqlite")
    file.write_bytes(b"no database" * 1000)
    again = looked_through(desk)
    assert (again.scored, again.rows()) == (2, first.rows())
    assert looked_through(desk).scored == 0


def test_where_nothing_can_be_kept_that_is_said_and_all_else_works(desk: Desk, cache: Path) -> None:
    (cache / "workbench").write_text("no folder", encoding="utf-8")
    pile = looked_through(desk)
    assert len(pile.rows()) == 3
    assert any("cannot be kept" in note for note in pile.notes)


# --- one word for one thing


@pytest.mark.parametrize(
    "records",
    [RECORDS, {**RECORDS, "bakery": None}, {**RECORDS, "bookshop": RECORDS["bakery"]}],
    ids=["all", "failed", "other"],
)
def test_to_decide_is_the_same_number_on_the_list_and_on_the_page(tmp_path: Path, records: Any) -> None:
    desk = make_desk(tmp_path, records=records)
    client = TestClient(app(desk, patience=60), follow_redirects=True)
    for action in ("", "skip", "keep", "accept", "flag", "absent"):
        page = BeautifulSoup(client.get("/article/bakery").text, "html.parser")
        button = page.select_one(f".decide.wants [value={action}]") if action else None
        form = button and button.find_parent("form")
        if form:
            fields = {str(field["name"]): str(field.get("value", "")) for field in form.select("input[name]")}
            note = {"note": "왜?"} if action == "flag" else {}
            assert client.post(str(form["action"]), data={**fields, **note, "action": action}).status_code == 200
        pile = Pile(desk)
        for row in pile.rows() if pile.wait(60) else []:
            opened = pile.open(row.article)
            assert opened is not None
            shown = page_of(opened, desk)
            if opened.golden:
                assert row.open == len(shown.waiting), (action, row.article)
                decided = sum(panel.mark is not None and not panel.wants for panel in shown.panels)
                assert row.decided == decided, (action, row.article)


def test_of_a_golden_that_was_started_every_stop_is_to_be_decided_on_the_list_too(tmp_path: Path) -> None:
    desk = make_desk(tmp_path)
    client = TestClient(app(desk, patience=60), follow_redirects=True)
    page = BeautifulSoup(client.get("/article/unlabelled").text, "html.parser")
    button = page.select_one(".start [value=accept], .start button[name=action]")
    assert button is not None
    form = button.find_parent("form")
    assert form is not None
    fields = {str(field["name"]): str(field.get("value", "")) for field in form.select("input[name]")}
    page = BeautifulSoup(
        client.post(str(form["action"]), data={**fields, "action": str(button["value"])}).text, "html.parser"
    )
    left = page.select_one(".left-over .num")
    assert left is not None
    assert int(left.get_text()) > 1
    row = next(row for row in looked_through(desk).rows() if row.article == "unlabelled")
    assert row.open == int(left.get_text())
