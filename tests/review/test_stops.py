"""What there is to decide: a field, or an item that only one side has, once and in the order shown."""

from pathlib import Path

import pytest
from review.street import GOLDENS, RECORDS, make_desk

from workbench.review.page import Page, page_of
from workbench.review.pile import Pile
from workbench.review.stops import NOWHERE, item_of, value_at


@pytest.fixture
def page(tmp_path: Path) -> Page:
    desk = make_desk(tmp_path)
    opened = Pile(desk).open("bakery")
    assert opened is not None
    return page_of(opened, desk)


def places(page: Page) -> list[tuple[str | None, str | None]]:
    return [panel.stop.place for panel in page.panels]


def test_a_field_of_both_sides_is_a_stop_by_both_places(page: Page) -> None:
    assert ("/shops/0/since", "/shops/0/since") in places(page)


def test_an_item_that_only_the_record_has_is_one_stop(page: Page) -> None:
    panel = next(panel for panel in page.panels if panel.stop.place == (None, "/shops/1"))
    assert panel.stop.whole
    assert len(panel.stop.rows) == 3
    assert panel.stop.target is None
    assert not panel.types
    assert (panel.gives, panel.has) == (True, False)


def test_an_item_that_only_the_golden_has_is_one_stop(page: Page) -> None:
    panel = next(panel for panel in page.panels if panel.stop.place == ("/shops/1", None))
    assert (panel.gives, panel.has) == (False, True)


def test_a_field_that_the_golden_leaves_empty_is_a_stop_of_its_own_and_can_be_typed(page: Page) -> None:
    panel = next(panel for panel in page.panels if panel.stop.place == (None, "/shops/0/cost"))
    assert panel.stop.target == "/shops/0/cost"
    assert panel.types
    assert panel.fill == "101조원"


def test_a_value_in_a_list_that_the_golden_lacks_is_an_item(page: Page) -> None:
    assert (None, "/slogans/1") in places(page)


def test_each_field_shown_is_in_one_stop(page: Page) -> None:
    rows = [row.number for group in page.view.groups for row in group.rows]
    assert sorted(number for panel in page.panels for number in panel.stop.rows) == sorted(rows)


def test_what_differs_waits_and_what_agrees_does_not(page: Page) -> None:
    assert {stop.place for stop in page.waiting} == {
        ("/shops/0/since", "/shops/0/since"),
        (None, "/shops/0/cost"),
        ("/shops/1", None),
        (None, "/shops/1"),
        (None, "/slogans/1"),
    }


def test_a_closed_list_is_offered_as_it_is(page: Page) -> None:
    panel = next(panel for panel in page.panels if panel.stop.place == ("/shops/0/state", "/shops/0/state"))
    assert panel.wanted is not None
    assert panel.wanted.choices == ("open", "planned", "closed")


def test_what_can_be_added_is_every_list_and_every_empty_field(page: Page) -> None:
    assert [gap.at for gap in page.lists] == ["/shops/-", "/slogans/-"]
    assert [gap.at for gap in page.empty] == ["/shops/0/cost", "/shops/1/since", "/shops/1/cost"]


def test_an_article_without_a_golden_has_nothing_to_decide_on_yet(tmp_path: Path) -> None:
    desk = make_desk(tmp_path)
    opened = Pile(desk).open("unlabelled")
    assert opened is not None
    assert page_of(opened, desk).panels == ()


def test_a_failed_article_against_its_golden_is_left_or_taken_by_its_parts(tmp_path: Path) -> None:
    desk = make_desk(tmp_path, records={**RECORDS, "bakery": None})
    opened = Pile(desk).open("bakery")
    assert opened is not None
    assert places(page_of(opened, desk)) == [("/street", None), ("/shops", None), ("/slogans", None)]


class TestBeside:
    @pytest.fixture
    def page(self, tmp_path: Path) -> Page:
        bakery = RECORDS["bakery"]
        first, second = bakery["shops"]
        florist = {"name": "꽃집", "since": None, "cost": None, "state": "open", "quote": "이웃 가게"}
        other = {**bakery, "shops": [florist, {**first, "since": "2031년 4월"}], "slogans": []}
        desk = make_desk(tmp_path, against={**RECORDS, "bakery": other})
        assert second["name"] == "종이숲"
        opened = Pile(desk).open("bakery")
        assert opened is not None
        return page_of(opened, desk)

    def test_a_field_shows_what_both_runs_have(self, page: Page) -> None:
        row = next(row for group in page.view.groups for row in group.rows if row.golden_at == "/shops/0/since")
        assert row.record is not None
        assert row.record.text == "2031년 3월"
        assert row.beside is not None
        assert row.beside.value is not None
        assert (row.beside.value.text, row.beside.verdict, row.beside.at) == ("2031년 4월", "correct", "/shops/1/since")

    def test_an_item_that_the_second_run_found_stands_with_the_goldens(self, page: Page) -> None:
        row = next(row for group in page.view.groups for row in group.rows if row.golden_at == "/shops/1/name")
        assert row.record is None
        assert row.beside is not None
        assert row.beside.verdict == "correct"

    def test_what_only_the_second_run_has_stands_at_the_end(self, tmp_path: Path) -> None:
        extra = {"name": "새집", "since": "2030년", "cost": None, "state": "open", "quote": "새 빵집"}
        bookshop = {**RECORDS["bookshop"], "shops": [*RECORDS["bookshop"]["shops"], extra]}
        desk = make_desk(tmp_path / "other", against={**RECORDS, "bookshop": bookshop})
        opened = Pile(desk).open("bookshop")
        assert opened is not None
        page = page_of(opened, desk)
        assert page.view.groups[-1].label == "Only B has"
        last = page.panels[-1].stop
        assert (last.place, last.beside) == (NOWHERE, (None, "/shops/1"))
        assert not page.waiting

    def test_runs_are_held_against_each_other_where_there_is_no_golden(self, tmp_path: Path) -> None:
        second = {**RECORDS["unlabelled"], "street": {"value": "북문로", "quote": "남문로의 찻집"}}
        desk = make_desk(tmp_path / "other", against={**RECORDS, "unlabelled": second})
        opened = Pile(desk).open("unlabelled")
        assert opened is not None
        rows = [row for group in page_of(opened, desk).view.groups for row in group.rows]
        assert [row.beside.value.text for row in rows if row.differs and row.beside and row.beside.value] == ["북문로"]


def test_an_items_place_is_that_of_the_innermost_list() -> None:
    assert item_of(("/plans/0/projects/2/name", "/plans/0/projects/3/name")) == (
        "/plans/0/projects/2",
        "/plans/0/projects/3",
    )
    assert item_of(("/slogans/1", "/slogans/1")) is None
    assert item_of(("/street", "/street")) is None


def test_a_pointer_to_nothing_is_nothing() -> None:
    golden = GOLDENS["bakery"]
    assert value_at(golden, "/shops/0/name") == "밀밭"
    assert value_at(golden, "/shops/7/name") is value_at(golden, "/street/x") is value_at(golden, "/shops/-") is None
