"""Votes: what wins, how sure it is, what ties, and what neither order nor spelling changes."""

import itertools
import os
import subprocess
import sys
from typing import Annotated, Any

import pytest
from helpers import resolve
from hypothesis import given
from hypothesis import strategies as st
from labelled import Street, records
from pydantic import BaseModel

from workbench.schema import form, scalars
from workbench.scoring import Context, Identity, Number, Set, Text, TooLarge, score
from workbench.scoring.shape import Shape, shape_of
from workbench.scoring.values import blank, rows
from workbench.scoring.vote import Voted, vote

STREET = shape_of(form(Street))
samples_of_streets = st.lists(records, min_size=1, max_size=5)
LISTS = st.lists(
    st.lists(st.sampled_from(["밀밭", "밀밭빵집", "보리밭", "종이숲", "달빛"]), max_size=4), min_size=1, max_size=5
)


class Near(BaseModel):
    """Equality that is not transitive."""

    year: Annotated[int | None, Number(tolerance=1)] = None
    tags: Annotated[list[str], Set()] = []
    name: str | None = None


class Tree(BaseModel):
    """A schema that holds itself."""

    name: Annotated[str, Identity()]
    children: "list[Tree]" = []


NEAR = shape_of(Near)


def sorted_lists(value: Any) -> str:
    """A text that two values share if they differ in the order of lists alone."""
    holder = [value]
    return rows(holder)[id(holder)].keys[0]


def near(**fields: Any) -> dict[str, Any]:
    return {"year": None, "tags": [], "name": None, **fields}


def slogans(*lists: list[str]) -> list[Any]:
    return [{"slogans": names} for names in lists]


def year(*years: int | None) -> Voted:
    return vote([near(year=one) for one in years], NEAR)


# --- what holds of every vote


@given(record=records, count=st.integers(1, 4))
def test_copies_of_one_record_give_that_record_and_are_sure_of_it(record: Any, count: int) -> None:
    found = vote([record] * count, STREET)
    assert found.value == record
    assert set(found.confidence.values()) <= {1.0}
    assert found.ties == ()


@given(samples=samples_of_streets)
def test_every_scalar_of_the_result_has_a_confidence_above_0_and_at_most_1(samples: list[Any]) -> None:
    found = vote(samples, STREET)
    leaves = {at for at, _ in scalars(found.value) if not at.startswith("/colours")} | {"/colours"}
    assert found.confidence.keys() == leaves
    assert all(0 < share <= 1 for share in found.confidence.values())


@given(samples=samples_of_streets)
def test_every_leaf_of_the_result_stands_in_the_samples_that_are_its_sources(samples: list[Any]) -> None:
    found = vote(samples, STREET)
    for at in found.confidence:
        sources = found.sources[at]
        assert resolve(samples[sources[0].sample], sources[0].at) == resolve(found.value, at)
        assert found.confidence[at] == len({source.sample for source in sources}) / len(samples)


@given(samples=samples_of_streets, data=st.data())
def test_the_order_of_items_in_a_list_changes_nothing_but_order(samples: list[Any], data: st.DataObject) -> None:
    def shuffled(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: shuffled(child) for name, child in value.items()}
        if isinstance(value, list):
            return data.draw(st.permutations([shuffled(child) for child in value]))
        return value

    one, other = vote(samples, STREET), vote([shuffled(sample) for sample in samples], STREET)
    assert sorted_lists(one.value) == sorted_lists(other.value)
    assert sorted(one.confidence.values()) == sorted(other.confidence.values())
    assert len(one.ties) == len(other.ties)


@given(samples=st.lists(records, min_size=2, max_size=5), data=st.data())
def test_the_order_of_samples_changes_nothing_where_there_is_no_tie(samples: list[Any], data: st.DataObject) -> None:
    """Nothing but how a value is spelt, where its spellings are equally common."""
    one = vote(samples, STREET)
    other = vote(data.draw(st.permutations(samples)), STREET)
    assert bool(one.ties) == bool(other.ties)
    if not one.ties:
        assert sorted(one.confidence.values()) == sorted(other.confidence.values())
        assert score(one.value, other.value, form(Street)).f1 == 1


@given(lists=LISTS)
def test_no_sample_gives_an_item_twice(lists: list[list[str]]) -> None:
    """An item of the result is a thing of its own: it has at most one source a sample, and no source is shared."""
    found = vote(slogans(*lists), STREET)
    sources = [source for at, some in found.sources.items() if at.startswith("/slogans/") for source in some]
    assert len(sources) == len(set(sources))
    assert all(2 * share * len(lists) >= 1 for share in found.confidence.values())


@given(lists=LISTS)
def test_an_item_stands_if_more_than_half_have_it_or_half_with_the_earliest(lists: list[list[str]]) -> None:
    """Lists whose items are equal or have nothing in common, so that which is which is plain."""
    letters = {"밀밭": "aaaa", "밀밭빵집": "bbbb", "보리밭": "cccc", "종이숲": "dddd", "달빛": "eeee"}
    samples = [[letters[name] for name in dict.fromkeys(names)] for names in lists]
    expected = {
        name
        for name in letters.values()
        if (have := sum(name in sample for sample in samples)) * 2 > len(samples)
        or (have * 2 == len(samples) and name in samples[0])
    }
    assert set(resolve(vote(slogans(*samples), STREET).value, "/slogans")) == expected


# --- leaves


def test_a_value_wins_with_the_most_votes_though_it_has_not_half() -> None:
    found = vote([near(name="가"), near(name="나"), near(name="나"), near(name="다"), near(name="라")], NEAR)
    assert (found.value, found.confidence["/name"], found.ties) == (near(name="나"), 2 / 5, ())


def test_nothing_is_a_vote_like_any_other() -> None:
    found = vote([near(name="가"), near(name=None), near(name=" ")], NEAR)
    assert blank(resolve(found.value, "/name"))
    assert found.confidence["/name"] == 2 / 3


def test_values_that_the_comparator_holds_equal_are_counted_together_and_spelt_as_most_spell_it() -> None:
    found = vote([near(name="밀밭 "), near(name="보리밭"), near(name="밀밭"), near(name="밀밭")], NEAR)
    assert (resolve(found.value, "/name"), found.confidence["/name"]) == ("밀밭", 3 / 4)
    assert [source.sample for source in found.sources["/name"]] == [2, 3, 0]


def test_of_equals_that_are_not_equal_to_each_other_the_one_that_equals_most_wins() -> None:
    """1 = 2 and 2 = 3, but not 1 = 3: all three votes are for 2, in whatever order they come."""
    for years in itertools.permutations((1, 2, 3)):
        found = year(*years)
        assert (resolve(found.value, "/year"), found.confidence["/year"], found.ties) == (2, 1, ())


def test_a_tie_is_the_earliests_and_says_what_the_others_have() -> None:
    found = year(10, 20, 20, 10, None)
    assert resolve(found.value, "/year") == 10
    (tie,) = found.ties
    assert (tie.at, tie.says) == ("/year", "2 of 5 say this, and as many say 20")


def test_a_tie_that_leaves_a_key_out_is_told_of_where_the_key_would_stand() -> None:
    found = vote([{"counts": {}}, {"counts": {"a": 1}}], shape_of(None))
    assert found.value == {"counts": {}}
    (tie,) = found.ties
    assert (tie.at, tie.says) == ("/counts", "a: 1 of 2 say this, and as many say 1")


def test_who_gave_none_of_the_tied_answers_does_not_decide() -> None:
    assert resolve(year(99, 20, 10, 10, 20).value, "/year") == 20


def test_a_cycle_of_equals_ties_when_its_ends_differ() -> None:
    """1 = 2 and 3 = 4 have two votes each, 2 = 3 gives both three."""
    found = year(1, 2, 3, 4)
    assert resolve(found.value, "/year") == 2
    assert found.confidence["/year"] == 3 / 4
    assert found.ties == ()


def test_a_list_that_counts_as_one_value_is_voted_on_as_one() -> None:
    found = vote([near(tags=["빵", "커피"]), near(tags=["커피", "빵"]), near(tags=["빵"])], NEAR)
    assert (resolve(found.value, "/tags"), found.confidence["/tags"]) == (["빵", "커피"], 2 / 3)
    assert "/tags/0" not in found.confidence


def test_an_empty_list_that_counts_as_one_value_is_nothing() -> None:
    found = vote([near(tags=["빵"]), near(), near()], NEAR)
    assert (resolve(found.value, "/tags"), found.confidence["/tags"]) == ([], 2 / 3)


def test_the_day_that_dates_are_read_from_is_known_to_the_comparators() -> None:
    from workbench.scoring import Date

    class Opening(BaseModel):
        on: Annotated[str, Date()]

    samples: list[Any] = [{"on": "2030년"}, {"on": "내년"}, {"on": "2031년"}]
    found = vote(samples, shape_of(Opening), Context(as_of="2030-05-01"))
    assert found.confidence == {"/on": 2 / 3}


# --- objects and lists


def test_inside_an_object_only_those_vote_that_have_it_and_confidence_counts_all() -> None:
    mayor: dict[str, Any] = {"name": "김하나", "age": None}
    base: dict[str, Any] = {"street": None, "slogans": [], "shops": [], "colours": []}
    found = vote([{**base, "mayor": one} for one in (mayor, None, mayor, None, {**mayor, "age": 51})], STREET)
    assert resolve(found.value, "/mayor") == mayor
    assert (found.confidence["/mayor/name"], found.confidence["/mayor/age"]) == (3 / 5, 2 / 5)


def test_the_first_source_of_an_item_is_who_agrees_with_most_of_its_leaves() -> None:
    def shop(since: str | None, kind: str | None, tags: list[str]) -> dict[str, Any]:
        return {"shops": [{"name": "밀밭", "since": since, "kind": kind, "tags": tags}]}

    found = vote(
        [shop("2031년", None, []), shop("2030년", "old", ["빵"]), shop("2030년", "new", []), shop("2030년", "new", [])],
        STREET,
    )
    assert found.sources["/shops/0"][0] == (2, "/shops/0")


def test_items_are_paired_though_a_field_that_names_them_differs_a_little() -> None:
    lists = [["특장차 전문단지", "백구면"], ["백구면", "특장차 전문단지 조성"], ["특장차 전문단지"]]
    found = vote(slogans(*lists), STREET)
    assert found.value == {"slogans": ["특장차 전문단지", "백구면"]}
    assert found.confidence == {"/slogans/0": 2 / 3, "/slogans/1": 2 / 3}


def test_two_items_that_are_alike_are_kept_apart_where_another_sample_has_both() -> None:
    for lists in itertools.permutations((["사업 100", "달빛"], ["사업 0", "달빛"], ["사업 0", "사업 100"])):
        found = vote(slogans(*lists), STREET)
        assert sorted_lists(found.value) == sorted_lists({"slogans": ["사업 0", "사업 100", "달빛"]})
        assert set(found.confidence.values()) == {2 / 3}


def test_an_item_in_exactly_half_stands_if_the_earliest_has_it_and_is_said_either_way() -> None:
    kept = vote(slogans(["aaaa"], []), STREET)
    assert (kept.value, [tie.at for tie in kept.ties]) == ({"slogans": ["aaaa"]}, ["/slogans/0"])
    dropped = vote(slogans([], ["aaaa"]), STREET)
    assert (dropped.value, [tie.at for tie in dropped.ties]) == ({"slogans": []}, ["/slogans"])
    assert "aaaa" in dropped.ties[0].says


def test_an_item_that_the_earliest_lacks_stands_after_the_one_it_follows_elsewhere() -> None:
    lists = [["aaaa", "cccc"], ["aaaa", "bbbb", "cccc"], ["zzzz", "aaaa", "bbbb"], ["zzzz", "aaaa"], ["zzzz", "bbbb"]]
    found = vote(slogans(*lists), STREET)
    assert found.value == {"slogans": ["zzzz", "aaaa", "bbbb"]}


def test_a_record_of_two_kinds_of_object_keeps_no_key_that_most_lack() -> None:
    samples: list[Any] = [{"type": "원", "radius": 1}, {"type": "원", "radius": 1}, {"type": "네모", "side": 2}]
    assert vote(samples, Shape()).value == samples[0]


def test_a_schema_that_holds_itself_is_voted_on_to_its_depth() -> None:
    def tree(*names: str) -> dict[str, Any]:
        return {
            "name": "뿌리",
            "children": [{"name": "가지", "children": [{"name": name, "children": []} for name in names]}],
        }

    found = vote([tree("잎", "꽃"), tree("꽃"), tree("꽃", "열매")], shape_of(Tree))
    assert found.value == tree("꽃")
    assert found.confidence["/children/0/children/0/name"] == 1


def test_a_value_that_holds_itself_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(TooLarge):
        vote([endless], Shape())


def test_no_samples_are_no_vote() -> None:
    with pytest.raises(ValueError, match="no sample"):
        vote([], Shape())


def test_long_lists_of_items_that_are_much_alike_keep_apart_what_is_not_the_same() -> None:
    """Three hundred items in five samples, each without another fifteen, all of them a number after the same word."""
    names = [f"사업 {number}" for number in range(300)]
    samples = slogans(*(names[:start] + names[start + 15 :] for start in range(0, 75, 15)))
    found = vote(samples, STREET)
    assert found.value == {"slogans": names}
    assert [found.confidence[f"/slogans/{number}"] for number in (0, 74, 75)] == [4 / 5, 4 / 5, 1]


def test_a_floor_on_texts_counts_what_is_alike_together() -> None:
    class Loose(BaseModel):
        name: Annotated[str, Text(floor=0.8)]

    found = vote([{"name": "특장차 전문단지 조성"}, {"name": "특장차 전문단지 조성사업"}], shape_of(Loose))
    assert (found.confidence, found.ties) == ({"/name": 1.0}, ())


def test_a_vote_does_not_depend_on_the_seed_of_hashes() -> None:
    program = (
        "from workbench.scoring.shape import Shape; from workbench.scoring.vote import vote; "
        "lists = (['사업 1', '사업 2', '달빛'], ['사업 2', '사업 3'], ['사업 3', '사업 1', '보리'], ['보리', '달빛']); "
        "found = vote([{'a': one, 'b': {name: 1 for name in one}} for one in lists], Shape()); "
        "print(found.value, found.confidence, found.ties, found.sources)"
    )
    said = {
        subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-c", program], capture_output=True, check=True, env={**os.environ, "PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(said) == 1
