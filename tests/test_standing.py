"""What stands decided, wherever items have moved and whatever was undone or edited by hand."""

import json
from typing import Any

import pytest
from deciding import Desk, fresh
from hypothesis import given, settings
from hypothesis import strategies as st
from labelled import HASH, RECORD, Street, golden

from workbench.decide import read_shown, record_hash
from workbench.errors import WorkbenchError
from workbench.goldens import Golden, write_golden
from workbench.standing import Mark, Standing
from workbench.wishes import Subject

RECORD_HASH = record_hash(RECORD)


def standing(desk: Desk) -> Standing:
    return desk.log.standing("a", desk.seen)


def action_at(desk: Desk, golden_at: str | None, record_at: str | None = None, record: str | None = RECORD_HASH) -> Any:
    now, _ = read_shown(desk.folder, "a", Street)
    mark = standing(desk).of(golden_at, record_at, record, now)
    return mark and mark.action


def shown(desk: Desk) -> Golden:
    now, _ = read_shown(desk.folder, "a", Street)
    assert now
    return now


def edit(desk: Desk, old: str, new: str) -> None:
    content = desk.file.read_text(encoding="utf-8")
    assert old in content
    desk.file.write_text(content.replace(old, new), encoding="utf-8")


# --- which leaves


def test_nothing_stands_where_nothing_was_decided(desk: Desk) -> None:
    found = standing(desk)
    assert (found.marks, found.undoable, found.redoable, found.started, found.unwritten) == ((), None, None, None, None)
    assert not found.changed_elsewhere
    assert action_at(desk, "/street", "/street") is None


def test_a_decision_is_about_its_leaf_and_no_other(desk: Desk) -> None:
    desk.decide("keep", "/shops/0/since")
    assert action_at(desk, "/shops/0/since", "/shops/1/since") == "keep"
    for other in ("/shops/0/name", "/shops/0", "/shops/1/since", "/shops/0/since/0"):
        assert action_at(desk, other) == ("keep" if other.endswith("/0") and "since" in other else None)


def test_a_decision_about_an_item_is_about_its_leaves(desk: Desk) -> None:
    desk.decide("keep", "/shops/1")
    assert action_at(desk, "/shops/1/tags/0") == "keep"
    assert action_at(desk, "/shops/0/name") is None


def test_the_latest_decision_counts_be_it_about_the_leaf_or_the_item(desk: Desk) -> None:
    desk.decide("correct", "/shops/0/since", value="올봄")
    desk.decide("keep", "/shops/0")
    assert action_at(desk, "/shops/0/since") == "keep"
    desk.decide("skip", "/shops/0/since")
    assert action_at(desk, "/shops/0/since") == "skip"
    assert action_at(desk, "/shops/0/name") == "keep"


def test_that_the_whole_is_right_is_about_every_leaf_but_a_skip_of_the_whole_is_about_none(desk: Desk) -> None:
    desk.decide("skip", "")
    desk.decide("flag", note="왜?")
    assert action_at(desk, "/shops/0/name") is None
    desk.decide("keep", "")
    assert action_at(desk, "/shops/0/name") == "keep"
    assert [mark.action for mark in standing(desk).marks] == ["skip", "flag", "keep"]


def test_what_only_the_record_has_is_decided_for_that_record(desk: Desk) -> None:
    desk.decide("keep", None, "/shops/2")
    assert action_at(desk, None, "/shops/2/name") == "keep"
    assert action_at(desk, None, "/shops/2/name", "sha256:other") is None
    assert action_at(desk, None, "/shops/0/name") is None
    assert action_at(desk, "/shops/1/name", "/shops/2/name") is None


def test_an_item_that_was_taken_in_is_decided(desk: Desk) -> None:
    desk.decide("accept", None, "/shops/0")
    assert action_at(desk, "/shops/0/name", "/shops/0/name") == "accept"
    assert action_at(desk, "/shops/1/name", "/shops/1/name") is None


# --- moved, undone, done again


def test_decisions_follow_items_that_others_push_about(desk: Desk) -> None:
    desk.decide("keep", "/shops/1/name")
    added = desk.decide("accept", None, "/shops/0")
    assert (action_at(desk, "/shops/2/name"), action_at(desk, "/shops/1/name")) == ("keep", None)
    removed = desk.decide("absent", "/shops/2")
    assert action_at(desk, "/shops/2/name") is None
    desk.undo(removed.id)
    assert action_at(desk, "/shops/2/name") == "keep"
    desk.undo(added.id)
    assert action_at(desk, "/shops/1/name") == "keep"


def test_what_went_with_an_item_comes_back_with_it_however_often(desk: Desk) -> None:
    desk.decide("keep", "/shops/0/name")
    removed = desk.decide("absent", "/shops/0")
    for _ in range(2):
        back = desk.undo(removed.id)
        assert action_at(desk, "/shops/0/name") == "keep"
        desk.undo(back.id)
        assert action_at(desk, "/shops/0/name") is None
    desk.undo(removed.id)
    assert action_at(desk, "/shops/0/name") == "keep"


def test_an_undone_decision_counts_no_more_and_that_before_it_does_again(desk: Desk) -> None:
    desk.decide("keep", "/street")
    second = desk.decide("correct", "/street", value="서문길")
    back = desk.undo(second.id)
    assert action_at(desk, "/street") == "keep"
    desk.undo(back.id)
    assert action_at(desk, "/street") == "correct"


def test_undo_goes_back_and_redo_forth_again(desk: Desk) -> None:
    made = [desk.decide("correct", "/street", value=f"{i}길").id for i in range(3)]
    for expected in reversed(made):
        assert standing(desk).undoable == expected
        desk.undo(expected)
    assert standing(desk).undoable is None
    for i, expected in enumerate(made):
        again = standing(desk).redoable
        assert again
        desk.undo(again)
        assert (standing(desk).undoable, json.loads(desk.file.read_bytes())["record"]["street"]) == (expected, f"{i}길")
    assert standing(desk).redoable is None


def test_a_new_decision_ends_what_can_be_done_again(desk: Desk) -> None:
    desk.undo(desk.decide("keep", "/street").id)
    assert standing(desk).redoable
    desk.decide("skip", "/street")
    assert standing(desk).redoable is None


@settings(max_examples=80)
@given(st.data())
def test_a_decision_stays_with_its_item_whatever_comes_goes_and_is_undone(data: Any) -> None:
    """The items' names say which is which."""
    fresh_names = iter(f"새 {i}" for i in range(100))
    blank: Any = {"since": None, "kind": None, "tags": []}
    shops = [{"name": f"옛 {i}", **blank} for i in range(3)]
    start: Any = {"street": None, "mayor": None, "slogans": [], "shops": shops, "colours": []}
    with fresh(Subject("a", None, HASH, None)) as desk:
        write_golden(golden(start), desk.folder)
        kept: dict[str, str] = {}  # the decision's id, and the name of the item that it was about
        for _ in range(data.draw(st.integers(1, 14))):
            labelled: Any = shown(desk).record
            names = [one["name"] for one in labelled["shops"]]
            what = data.draw(st.sampled_from(["keep", "remove", "add", "undo", "redo"]))
            found = standing(desk)
            if what in {"keep", "remove"} and names:
                place = data.draw(st.integers(0, len(names) - 1))
                made = desk.decide("keep" if what == "keep" else "absent", f"/shops/{place}")
                if what == "keep":
                    kept[made.id] = names[place]
            elif what == "add":
                name = next(fresh_names)
                kept[desk.decide("correct", "/shops/-", value=name).id] = name
            elif what == "undo" and found.undoable:
                desk.undo(found.undoable)
            elif what == "redo" and found.redoable:
                desk.undo(found.redoable)
        found, now = standing(desk), shown(desk)
        in_force = {kept[mark.id]: mark.id for mark in found.marks if mark.id in kept}  # the latest of each item
        items: Any = now.record
        for place, one in enumerate(items["shops"]):
            mark = found.of(f"/shops/{place}/name", None, None, now)
            assert (mark and mark.id) == in_force.get(one["name"])


# --- by hand


def test_after_an_edit_by_hand_what_was_decided_stands_as_long_as_the_value_does(desk: Desk) -> None:
    desk.decide("keep", "/shops/0/since")
    desk.decide("keep", "/shops/1/name")
    desk.decide("keep", "/shops/1")
    desk.decide("keep", "")
    edit(desk, "달빛 사진관", "달빛 영화관")
    assert standing(desk).changed_elsewhere
    assert action_at(desk, "/shops/0/since") == "keep"
    assert action_at(desk, "/shops/0/name") is None
    assert action_at(desk, "/shops/1/name") is None
    desk.decide("keep", "/street")
    assert not standing(desk).changed_elsewhere
    assert [action_at(desk, at) for at in ("/street", "/shops/0/since", "/shops/1/name")] == ["keep", "keep", None]


def test_an_item_put_in_by_hand_does_not_inherit_what_was_decided_about_another(desk: Desk) -> None:
    desk.decide("keep", "/slogans/0")
    edit(desk, '"slogans": [', '"slogans": [\n      "새 구호",')
    assert action_at(desk, "/slogans/0") is None


def test_an_alternate_stands_as_long_as_the_leaf_that_has_it(desk: Desk) -> None:
    desk.decide("alternate", "/shops/0/since", value="올봄")
    edit(desk, "밀밭", "보리밭")
    assert action_at(desk, "/shops/0/since") == "alternate"
    edit(desk, "2031년 3월", "2031년 4월")
    assert action_at(desk, "/shops/0/since") is None


def test_a_golden_that_was_put_back_shows_that_the_decision_is_not_in_it(desk: Desk) -> None:
    before = desk.file.read_bytes()
    desk.decide("keep", "/shops/1/name")
    made = desk.decide("absent", "/shops/0")
    desk.file.write_bytes(before)
    found = standing(desk)
    assert (found.unwritten, found.changed_elsewhere, [mark.action for mark in found.marks]) == (
        made.id,
        False,
        ["keep"],
    )
    assert action_at(desk, "/shops/1/name") == "keep"


def test_an_undo_that_is_not_in_the_golden_leaves_what_it_undid_in_force(desk: Desk) -> None:
    made = desk.decide("absent", "/shops/0")
    with_it = desk.file.read_bytes()
    desk.decide("keep", "/shops/0/name")
    lost = desk.undo(made.id)
    desk.file.write_bytes(with_it)
    found = standing(desk)
    assert (found.unwritten, [mark.action for mark in found.marks]) == (lost.id, ["absent", "keep"])
    assert action_at(desk, "/shops/0/name") == "keep"


def test_an_undone_start_is_none(tmp_path: Any) -> None:
    desk = Desk(tmp_path)
    desk.undo(desk.decide("accept", "", "").id)
    assert standing(desk).started is None


def test_a_log_that_names_an_unknown_undo_is_folded_all_the_same() -> None:
    """As where a merge has lost a line."""
    mark = Mark("2", "undo", "/street", None, None, None, "1", "x", "x", None)
    assert Standing([mark], "x").marks == ()


def test_a_place_that_is_no_place_has_no_standing(desk: Desk) -> None:
    desk.decide("keep", "/street")
    assert action_at(desk, "", "") is None
    with pytest.raises(WorkbenchError):
        desk.decide("keep", "/")
