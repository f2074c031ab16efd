"""The forms: what is sent becomes a wish, and nothing that was typed is lost or changed on the way."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from review.street import BAKERY, GOLDENS, RECORDS, make_project

from workbench.errors import InputError, WishError
from workbench.goldens import Golden
from workbench.report.spans import visible
from workbench.review.forms import Asked, in_source, shown_value, wish_of
from workbench.schema import values
from workbench.tasks import Task
from workbench.wishes import Subject

TEXT = "sha256:" + "1" * 64
GOLDEN = Golden(id="bakery", schema="1", texts=(TEXT,), record=GOLDENS["bakery"])
pointers = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=10).map(lambda key: f"/{key}")


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    return make_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def about(task: Task) -> Subject:
    return Subject("bakery", values(task.schema.model_validate(RECORDS["bakery"])), TEXT, None)


@given(pointers, pointers, st.text("가나 abc\n\u200b", max_size=20), st.text("note ", max_size=9).map(str.strip))
def test_what_a_form_asked_can_be_asked_again(at: str | None, record_at: str | None, typed: str, note: str) -> None:
    asked = Asked("correct", at=at, record_at=record_at, target=at, typed=typed, note=note, start=1, end=4)
    assert Asked.parse(asked.fields()) == asked


def test_a_form_that_the_page_never_has_is_refused() -> None:
    with pytest.raises(InputError, match="no decision 'erase'"):
        Asked.parse({"action": "erase"})


def test_a_field_that_is_not_there_is_not_the_whole() -> None:
    assert Asked.parse({"action": "skip"}).at is None
    assert Asked.parse({"action": "skip", "at": ""}).at == ""


def test_line_ends_of_a_form_and_nfd_become_ours() -> None:
    assert Asked.parse({"action": "correct", "value": "\u1100\u1161\r\n나"}).typed == "가\n나"


def test_what_is_typed_goes_to_its_place(task: Task, about: Subject) -> None:
    asked = Asked("correct", record_at="/shops/0/cost", target="/shops/0/cost", typed="5억원")
    wish = wish_of(asked, GOLDEN, about, task.schema, BAKERY)
    assert (wish.action, wish.at, wish.record_at, wish.value) == ("correct", None, "/shops/0/cost", "5억원")


def test_a_value_that_the_schema_does_not_take_is_refused_at_the_field(task: Task, about: Subject) -> None:
    asked = Asked("correct", at="/shops/0/state", record_at="/shops/0/state", target="/shops/0/state", typed="soon")
    with pytest.raises(WishError, match="open"):
        wish_of(asked, GOLDEN, about, task.schema, BAKERY)


def test_the_records_own_value_as_an_alternate_is_named_by_its_place(task: Task, about: Subject) -> None:
    place: Any = {"at": "/shops/0/since", "record_at": "/shops/0/since", "target": "/shops/0/since"}
    wish = wish_of(Asked("alternate", typed="2031년 3월", **place), GOLDEN, about, task.schema, BAKERY)
    assert (wish.record_at, wish.value) == ("/shops/0/since", None)
    other = wish_of(Asked("alternate", typed="2031년 봄", **place), GOLDEN, about, task.schema, BAKERY)
    assert (other.record_at, other.value) == (None, "2031년 봄")


def test_a_selection_keeps_its_span(task: Task, about: Subject) -> None:
    start = BAKERY.index("101조원")
    asked = Asked("correct", target="/shops/0/cost", at="/shops/0/cost", typed="101조원", start=start, end=start + 5)
    selected = wish_of(asked, GOLDEN, about, task.schema, BAKERY).selected
    assert selected is not None
    assert BAKERY[selected.start : selected.end] == "101조원"


def test_a_selection_that_was_changed_since_keeps_none(task: Task, about: Subject) -> None:
    start = BAKERY.index("101조원")
    asked = Asked("correct", target="/shops/0/cost", at="/shops/0/cost", typed="102조원", start=start, end=start + 5)
    assert wish_of(asked, GOLDEN, about, task.schema, BAKERY).selected is None


@given(st.text("가a\u202e\u200b\U0001f388", max_size=30), st.data())
def test_a_place_on_the_page_is_found_in_the_text(text: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(text)))
    assert in_source(text, len(visible(text[:place]))) == place


def test_a_field_is_not_filled_with_what_it_cannot_show() -> None:
    assert shown_value("밀밭") == "밀밭"
    assert shown_value("밀\u200b밭") == ""
    assert shown_value("x" * 1_000_000) == ""
    assert shown_value(True) == "true"
    assert shown_value(None) == shown_value([]) == ""
