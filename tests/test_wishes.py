"""What a wish makes of a golden."""

import json
import unicodedata
from copy import deepcopy
from pathlib import Path
from typing import Annotated, Any, ClassVar, get_args

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from labelled import ABOUT, HASH, LABELLED, RECORD, TEXT, Street, golden, records, wishes
from pydantic import BaseModel

from workbench.canonical import hash_text
from workbench.errors import WishError
from workbench.goldens import Golden, golden_text, parse_golden
from workbench.pointers import steps_of
from workbench.scoring import Identity, Region
from workbench.wishes import Action, Change, Subject, Wish, apply, select, typed


def wish(action: Any, at: str | None = None, record_at: str | None = None, **more: Any) -> Wish:
    return Wish(action=action, at=at, record_at=record_at, **more)


def change(made: Wish, of: Golden | None = None, about: Subject = ABOUT) -> Change:
    return apply(of or golden(), made, about, Street)


def record(made: Wish, of: Golden | None = None) -> Any:
    found = change(made, of).golden
    assert found
    return found.record


def shop(**changes: Any) -> dict[str, Any]:
    return {"name": "밀밭", "since": "2031년 3월", "kind": "new", "tags": ["빵"], **changes}


FILE = Path("a.json")


# --- accept


@pytest.mark.parametrize(
    ("at", "record_at", "expected"),
    [
        ("/shops/0/since", "/shops/1/since", {"shops": [shop(since=None), LABELLED["shops"][1]]}),
        ("/shops/0/tags", "/shops/1/tags", {"shops": [shop(tags=["빵", "커피"]), LABELLED["shops"][1]]}),
        ("/shops/0", "/shops/1", {"shops": [RECORD["shops"][1], LABELLED["shops"][1]]}),
        (None, "/street", {"street": "동문로"}),
        (None, "/mayor", {"mayor": RECORD["mayor"]}),
        (None, "/colours", {"colours": ["빨강"]}),
        (None, "/shops/1/since", {"shops": [shop(since=None), LABELLED["shops"][1]]}),
    ],
)
def test_accept_takes_the_records_value(at: str | None, record_at: str, expected: dict[str, Any]) -> None:
    assert record(wish("accept", at, record_at)) == LABELLED | expected


@pytest.mark.parametrize(
    ("record_at", "names"),
    [
        ("/shops/0", ["종이숲", "밀밭", "달빛 사진관"]),  # before the next that the golden has
        ("/shops/2", ["밀밭", "솔바람 국수", "달빛 사진관"]),  # after the one before it
    ],
)
def test_an_item_that_the_golden_lacks_comes_in_beside_its_neighbours(record_at: str, names: list[str]) -> None:
    made = change(wish("accept", None, record_at))
    assert made.golden
    assert [one["name"] for one in record(wish("accept", None, record_at))["shops"]] == names
    assert made.item == "added"
    assert made.value == RECORD["shops"][int(record_at[-1])]
    assert made.at == f"/shops/{names.index(RECORD['shops'][int(record_at[-1])]['name'])}"


def test_a_value_of_a_list_comes_in_after_the_one_before_it() -> None:
    assert record(wish("accept", None, "/slogans/1"))["slogans"] == ["빵과 책", "걷고 싶은 거리", "함께 여는 아침"]


def test_a_value_inside_an_item_that_both_have_comes_into_that_item() -> None:
    assert record(wish("accept", None, "/shops/1/tags/1"))["shops"][0]["tags"] == ["빵", "커피"]


def test_an_item_without_neighbours_comes_last() -> None:
    of = golden({**LABELLED, "shops": [LABELLED["shops"][1]]})
    about = Subject("a", {**RECORD, "shops": [RECORD["shops"][0]]}, HASH, None)
    made = change(wish("accept", None, "/shops/0"), of, about)
    assert made.at == "/shops/1"


def test_the_article_settles_which_item_is_meant_as_it_does_when_they_are_scored() -> None:
    class Place(BaseModel):
        region: Annotated[str, Identity(), Region()]
        since: str | None

    class Places(BaseModel):
        version: ClassVar[str] = "1"

        places: list[Place]

    of = golden({"places": [{"region": "경기도 광주시", "since": None}, {"region": "광주광역시", "since": None}]})
    extracted: Any = {"places": [{"region": "광주시", "since": "2031년"}]}
    for article, place in (("전남과 광주광역시가 함께", 1), ("경기도와 광주시가 함께", 0)):
        about = Subject("a", extracted, HASH, None, lambda article=article: article)  # type: ignore[misc]
        assert apply(of, wish("accept", None, "/places/0/since"), about, Places).at == f"/places/{place}/since"


@pytest.mark.parametrize(
    ("record_at", "says", "at"),
    [
        ("/shops/2/since", "accept the item first", "/shops"),
        ("/shops/0/tags/0", "accept the item first", "/shops"),
        ("/mayor/age", "accept the whole first", "/mayor"),
    ],
)
def test_a_value_in_what_the_golden_lacks_has_to_wait_for_it(record_at: str, says: str, at: str) -> None:
    with pytest.raises(WishError, match=says) as caught:
        change(wish("accept", None, record_at))
    assert caught.value.at == at


def test_accepting_that_the_record_has_nothing_is_the_same_as_absent() -> None:
    for at in ("/shops/0/since", "/shops/1", "/slogans/1"):
        assert change(wish("accept", at)) == change(wish("absent", at))


# --- keep, skip, flag


@pytest.mark.parametrize("made", [wish("keep", "/shops/0/since"), wish("skip", "/street"), wish("flag", note="왜?")])
def test_keep_skip_and_flag_leave_the_golden_as_it_is(made: Wish) -> None:
    of = golden()
    assert change(made, of).golden is of


def test_a_decision_says_what_it_is_about_but_does_not_repeat_the_whole() -> None:
    assert change(wish("keep", "/shops/0/since")).value == "2031년 3월"
    assert change(wish("keep", "")).value is None


def test_a_flag_needs_a_note() -> None:
    with pytest.raises(WishError, match="needs a note"):
        change(wish("flag", "/street", note=" \n"))


@pytest.mark.parametrize("action", get_args(Action))
@pytest.mark.parametrize("at", ["street", "#/street", "$.street", " /street"])
def test_what_is_no_pointer_is_refused(action: Any, at: str) -> None:
    for places in ((at, None), (None, at), (at, "/street"), ("/street", at)):
        for of in (None, golden()):
            with pytest.raises(WishError, match="is no JSON Pointer"):
                apply(of, wish(action, *places, note="왜?"), ABOUT, Street)


def test_what_is_kept_or_skipped_has_to_be_there() -> None:
    for action in ("keep", "skip"):
        for at, record_at in (("/none", None), (None, "/shops/9"), ("/shops/-1", None)):
            with pytest.raises(WishError, match="has nothing at"):
                change(wish(action, at, record_at))
    with pytest.raises(WishError, match="no field was named"):
        change(wish("keep"))


# --- correct


@pytest.mark.parametrize(
    ("at", "value", "expected"),
    [
        ("/street", "서문길", {"street": "서문길"}),
        ("/shops/0/since", None, {"shops": [shop(since=None), LABELLED["shops"][1]]}),
        ("/slogans/0", "책과 빵", {"slogans": ["책과 빵", "걷고 싶은 거리"]}),
        ("/slogans/-", "책과 빵", {"slogans": ["빵과 책", "걷고 싶은 거리", "책과 빵"]}),
        ("/shops/0/tags/-", "떡", {"shops": [shop(tags=["빵", "떡"]), LABELLED["shops"][1]]}),
        (
            "/shops/-",
            "종이숲",
            {"shops": [*LABELLED["shops"], {"name": "종이숲", "since": None, "kind": None, "tags": []}]},
        ),
        (
            "/shops/-",
            {"name": "종이숲", "kind": "old"},
            {"shops": [*LABELLED["shops"], {"name": "종이숲", "since": None, "kind": "old", "tags": []}]},
        ),
        ("/mayor", "박두리", {"mayor": {"name": "박두리", "age": None}}),
        ("/colours", ["파랑"], {"colours": ["파랑"]}),
    ],
)
def test_correct_puts_in_what_was_typed(at: str, value: Any, expected: dict[str, Any]) -> None:
    assert record(wish("correct", at, value=value)) == LABELLED | expected


def test_a_place_that_only_the_record_has_can_be_corrected_as_well() -> None:
    assert record(wish("correct", None, "/street", value="동문길"))["street"] == "동문길"
    made = change(wish("correct", None, "/slogans/1", value="함께 여는 저녁"))
    assert (made.at, made.item, made.value) == ("/slogans/2", "added", "함께 여는 저녁")


@pytest.mark.parametrize(
    ("at", "value", "field", "says"),
    [
        ("/street", 5, "/street", "valid string"),
        ("/shops/0/name", None, "/shops/0/name", "the schema wants a value here"),
        ("/shops/0/kind", "odd", "/shops/0/kind", "'new' or 'old'"),
        ("/shops/-", {"since": None}, "/shops/2/name", "the schema wants a value here"),
        ("/shops/-", {"name": "가", "size": 3}, "/shops/2/size", "Extra inputs"),
        ("/shops/-", {"name": "가", "tags": ["나", 1]}, "/shops/2/tags/1", "valid string"),
        ("/shops/0", 5, "/shops/0", "an object"),
        ("/mayor", {"name": "가", "age": "51"}, "/mayor/age", "valid integer"),
        ("/slogans/5", "가", "/slogans/5", "has nothing at"),
        ("/street/-", "가", "/street", "no list"),
        ("/shops/0/name", "\ud800", "/shops/0/name", "half a character"),
        ("/mayor", {"name": "가", "age": float("nan")}, "/mayor/age", "no number"),
        ("/size", 1, "/size", "no such place"),
    ],
)
def test_what_the_schema_does_not_take_is_refused_at_its_field(at: str, value: Any, field: str, says: str) -> None:
    with pytest.raises(WishError) as caught:
        change(wish("correct", at, value=value))
    assert (caught.value.at, says in caught.value.what) == (field, True), caught.value


def test_what_was_typed_on_a_mac_is_in_nfc() -> None:
    typed_there = unicodedata.normalize("NFD", "동문로")
    assert record(wish("correct", "/street", value=typed_there))["street"] == "동문로"


# --- absent


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("/shops/0/since", {"shops": [shop(since=None), LABELLED["shops"][1]]}),
        ("/shops/0/tags", {"shops": [shop(tags=[]), LABELLED["shops"][1]]}),
        ("/shops/0", {"shops": [LABELLED["shops"][1]]}),
        ("/slogans/1", {"slogans": ["빵과 책"]}),
        ("/shops", {"shops": []}),
    ],
)
def test_absent_empties_a_value_and_removes_an_item(at: str, expected: dict[str, Any]) -> None:
    made = change(wish("absent", at))
    assert made.golden
    assert made.golden.record == LABELLED | expected
    assert made.item == ("removed" if at[-1].isdigit() else None)


def test_what_the_schema_insists_on_cannot_be_absent() -> None:
    with pytest.raises(WishError, match="the schema wants a value here") as caught:
        change(wish("absent", "/shops/0/name"))
    assert caught.value.at == "/shops/0/name"


def test_that_the_golden_lacks_it_can_be_right() -> None:
    of = golden()
    assert change(wish("absent", None, "/mayor"), of).golden is of


# --- alternates


def test_an_alternate_joins_those_there_are() -> None:
    of = golden(alternates={"/shops/0/since": ["올봄"]})
    made = change(wish("alternate", "/shops/0/since", value="2031년"), of).golden
    assert made
    assert made.alternates == {"/shops/0/since": ("올봄", "2031년")}
    assert made.record == LABELLED


def test_the_records_value_can_be_an_alternate_and_so_can_its_silence() -> None:
    given = {
        ("/slogans/0", "/slogans/1"): "함께 여는 아침",
        (None, "/street"): "동문로",
        ("/shops/0/name", None): None,
    }
    for (at, record_at), value in given.items():
        made = change(wish("alternate", at, record_at))
        assert made.golden
        assert list(made.golden.alternates.values()) == [(value,)]


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (wish("alternate", "/shops/0", "/shops/1"), "only a single value"),
        (wish("alternate", "/street", "/mayor"), "only a single value"),
        (wish("alternate", None, "/shops/0"), "no such item"),
        (wish("alternate", "/shops/0/kind", value="odd"), "'new' or 'old'"),
        (wish("alternate", "/shops/0/since", value="2031년 3월"), "already"),
        (wish("alternate", "/none", value="가"), "has nothing at"),
    ],
)
def test_what_is_no_alternate_is_refused(made: Wish, says: str) -> None:
    with pytest.raises(WishError, match=says):
        change(made)


ALTERNATES = {"/street": ["x"], "/shops/0/since": ["가"], "/shops/1/name": ["나"], "/slogans/1": ["다"]}


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (wish("accept", None, "/shops/0"), {"/shops/1/since": ("가",), "/shops/2/name": ("나",)}),
        (wish("accept", None, "/shops/2"), {"/shops/0/since": ("가",), "/shops/2/name": ("나",)}),
        (wish("absent", "/shops/0"), {"/shops/0/name": ("나",)}),
        (wish("absent", "/shops/1"), {"/shops/0/since": ("가",)}),
        (wish("absent", "/shops"), {}),
        (wish("accept", "/shops/1", "/shops/0"), {"/shops/0/since": ("가",)}),
        (wish("correct", "/shops/0/since", value="가"), {"/shops/1/name": ("나",)}),
        (wish("correct", "/shops/0/since", value="라"), {"/shops/0/since": ("가",), "/shops/1/name": ("나",)}),
    ],
)
def test_alternates_follow_what_they_belong_to(made: Wish, expected: dict[str, tuple[str, ...]]) -> None:
    after = change(made, golden(alternates=ALTERNATES)).golden
    assert after
    assert after.alternates == {"/street": ("x",), **expected, "/slogans/1": ("다",)}


# --- a golden where there was none


def start(made: Wish, about: Subject = ABOUT, schema: type[BaseModel] = Street) -> Golden:
    found = apply(None, made, about, schema).golden
    assert found
    return found


def test_a_golden_starts_from_the_record() -> None:
    made = start(wish("accept", "", ""))
    assert (made.id, made.texts, made.published, made.record) == ("a", (HASH,), "2031-02-03", RECORD)


def test_a_golden_starts_from_nothing() -> None:
    assert start(wish("absent", "")).record == {
        "street": None,
        "mayor": None,
        "slogans": [],
        "shops": [],
        "colours": [],
    }


def test_a_schema_that_insists_says_so_when_a_golden_starts_from_nothing() -> None:
    class Insists(BaseModel):
        shops: list[str]
        town: str

    with pytest.raises(WishError, match="the schema wants a value here") as caught:
        start(wish("absent", ""), schema=Insists)
    assert caught.value.at == "/town"


@pytest.mark.parametrize(
    ("made", "about", "says"),
    [
        (wish("accept", "/street", "/street"), ABOUT, "has no golden yet"),
        (wish("keep", ""), ABOUT, "has no golden yet"),
        (wish("accept", ""), Subject("a", None, HASH, None), "no record to start from"),
        (wish("absent", ""), Subject("a", None, None, None), "could not be read"),
        (wish("absent", ""), Subject("../a", None, HASH, None), "could not name a golden"),
    ],
)
def test_what_cannot_start_a_golden_says_why(made: Wish, about: Subject, says: str) -> None:
    with pytest.raises(WishError, match=says):
        start(made, about)


def test_an_article_without_a_golden_can_be_skipped_and_flagged() -> None:
    assert apply(None, wish("skip"), ABOUT, Street).golden is None
    assert apply(None, wish("flag", note="왜?", record_at="/street"), ABOUT, Street).golden is None


def test_a_golden_is_started_once() -> None:
    for made in (wish("accept", "", ""), wish("absent", "")):
        with pytest.raises(WishError, match="there is a golden already"):
            change(made)


# --- whatever is wished


@given(records, records, st.lists(wishes, max_size=8), st.booleans())
def test_a_golden_that_a_wish_made_is_one_that_can_be_read(
    labelled: Any, extracted: Any, wanted: list[Wish], started: bool
) -> None:
    """Its alternates stay with the leaf that they were given to."""
    about = Subject("a", extracted, HASH, None)
    now = None if started else golden(labelled)
    for made in wanted:
        before = deepcopy(now)
        try:
            done = apply(now, made, about, Street)
        except WishError:
            assert now == before
            continue
        assert now == before
        if done.golden:
            text = golden_text(done.golden).encode()
            assert parse_golden(text, FILE, Street) == done.golden
        now = done.golden


@given(records, records, st.data())
def test_an_alternate_stays_with_its_leaf_when_items_come_and_go(labelled: Any, extracted: Any, data: Any) -> None:
    assume(labelled["shops"])
    marked = data.draw(st.integers(0, len(labelled["shops"]) - 1))
    labelled["shops"][marked]["name"] = "표"
    now = golden(labelled, alternates={f"/shops/{marked}/name": ["다른 표"]})
    for _ in range(4):
        made = data.draw(
            st.one_of(
                st.builds(lambda i: wish("absent", f"/shops/{i}"), st.integers(0, 4)),
                st.builds(lambda i: wish("accept", None, f"/shops/{i}"), st.integers(0, 2)),
                st.builds(lambda name: wish("correct", "/shops/-", value=name), st.sampled_from(["가", "나"])),
            )
        )
        if made.action == "accept":
            extracted["shops"] = [one for one in extracted["shops"] if one["name"] != "표"]
        try:
            found = change(made, now, Subject("a", extracted, HASH, None)).golden
        except WishError:
            continue
        assert found
        now = found
    left: Any = now.record
    places = [i for i, one in enumerate(left["shops"]) if one["name"] == "표"]
    assert list(now.alternates) == [f"/shops/{i}/name" for i in places]


# --- what was typed and selected


@pytest.mark.parametrize(
    ("at", "text", "value"),
    [
        ("/street", " 동문로 ", "동문로"),
        ("/street", "35", "35"),
        ("/street", " ", None),
        ("/shops/0/kind", "old", "old"),
        ("/shops/-", "종이숲", "종이숲"),
        ("/shops/-", '{"name": "종이숲"}', {"name": "종이숲"}),
        ("/street", "[사진]", "[사진]"),
        ("/street", "[1]", "[1]"),
        ("/street", "null", "null"),
        ("/colours", '["빨강"]', ["빨강"]),
    ],
)
def test_what_is_typed_is_of_the_fields_type(at: str, text: str, value: Any) -> None:
    assert typed(golden(), at, text, Street) == value


def test_a_number_is_typed_as_a_number() -> None:
    of = golden({**LABELLED, "mayor": RECORD["mayor"]})
    assert typed(of, "/mayor/age", "52", Street) == 52
    with pytest.raises(WishError, match="valid integer") as caught:
        typed(of, "/mayor/age", "쉰둘", Street)
    assert caught.value.at == "/mayor/age"
    with pytest.raises(WishError, match="valid integer"):
        typed(of, "/mayor/age", '"52"', Street)


@given(st.text(max_size=30), st.data())
def test_what_is_selected_stands_there(text: str, data: Any) -> None:
    start_at = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start_at, len(text)))
    try:
        words, selected = select(text, start_at, end)
    except WishError:
        assert not text[start_at:end].strip()
        return
    assert "".join(words.split()) == "".join(text[selected.start : selected.end].split())
    assert (start_at <= selected.start < selected.end <= end, selected.text) == (True, hash_text(text))
    assert text[selected.start : selected.end].strip() == text[selected.start : selected.end]


@pytest.mark.parametrize(("start_at", "end"), [(-1, 2), (3, 2), (0, 9999), (4, 5)])
def test_nothing_cannot_be_selected(start_at: int, end: int) -> None:
    with pytest.raises(WishError):
        select(TEXT, start_at, end)


def test_a_wish_is_read_strictly() -> None:
    with pytest.raises(ValueError, match="Extra inputs"):
        Wish.model_validate_json(json.dumps({"action": "keep", "by": "나"}))
    assert steps_of("/a~1b/0") == ["a/b", "0"]
