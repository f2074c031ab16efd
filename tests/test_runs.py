"""A run folder, read."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.extract import Extraction
from workbench.findings import Finding
from workbench.runs import Glimpse, Run, RunInfo, new_folder

TEXT = st.text(st.characters(codec="utf-8"), max_size=20) | st.sampled_from(
    [',"record":', ',"findings":[]', '"title":"', "\\", '\\"', '{"article":']
)
NAMES = TEXT | st.sampled_from(["record", "findings", "title", "origins", "article", "state", "text"])
RECORDS = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
EXTRACTIONS = st.builds(
    Extraction,
    article=TEXT,
    text=st.none() | TEXT,
    place=TEXT,
    title=st.none() | TEXT,
    publisher=st.none() | TEXT,
    state=st.sampled_from(["ok", "failed"]),
    reason=st.none() | TEXT,
    record=RECORDS,
    spans=st.just({}),
    readings=st.just({}),
    findings=st.lists(st.builds(Finding, name=TEXT, at=TEXT, says=TEXT), max_size=3).map(tuple),
    origins=st.lists(TEXT, max_size=2).map(tuple),
    examples=st.just(()),
    exchanges=st.lists(TEXT, max_size=2).map(tuple),
)


def glimpsed(extraction: Extraction) -> dict[str, Any]:
    """What of it a list shows."""
    shown = extraction.model_dump(mode="json", include=set(Glimpse.model_fields))
    return {**shown, "findings": [{"name": finding.name} for finding in extraction.findings]}


@given(EXTRACTIONS)
def test_a_glimpse_is_what_the_whole_line_says_whatever_the_record_holds(extraction: Extraction) -> None:
    line = extraction.model_dump_json().encode() + b"\n"
    assert Glimpse.read(line).model_dump(mode="json") == glimpsed(extraction)


@given(EXTRACTIONS, st.permutations(sorted(Extraction.model_fields)))
def test_a_glimpse_is_the_same_in_whatever_order_the_keys_stand(extraction: Extraction, order: list[str]) -> None:
    fields = extraction.model_dump(mode="json")
    line = json.dumps(
        {name: fields[name] for name in order if name in fields}, ensure_ascii=False, separators=(",", ":")
    )
    assert Glimpse.read(line.encode()).model_dump(mode="json") == glimpsed(extraction)


def begun(name: str, started: datetime = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)) -> Run:
    info = RunInfo(
        id=name,
        started=started,
        task="plan",
        model="m",
        endpoint=None,
        prompt="",
        json_schema="",
        front_matter={},
        reasks=0,
        retries=0,
        articles=[],
        limit=None,
        versions={},
    )
    return Run(Path(name), info)


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("plan-20260102-030405", "plan-20260102-030405-2"),
        ("plan-20260102-030405-9", "plan-20260102-030405-10"),
        ("plan-20260102-030405-2", "plan-vote-20260102-030405-3"),
        ("plan-vote-20260102-030405-2", "plan-20260102-030405-3"),
    ],
)
def test_of_two_runs_of_one_second_the_number_says_which_is_the_later(earlier: str, later: str) -> None:
    assert begun(earlier).rank < begun(later).rank


def test_runs_and_votes_of_one_second_are_numbered_together(tmp_path: Path) -> None:
    started = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    made = [new_folder(tmp_path, name, started) for name in ("plan", "plan", "plan-vote", "plan")]
    second = "20260102-030405"
    assert [folder.name for folder in made] == [
        f"plan-{second}",
        f"plan-{second}-2",
        f"plan-vote-{second}-3",
        f"plan-{second}-4",
    ]


def test_a_later_second_goes_before_any_number() -> None:
    assert begun("plan-20260102-030405-10").rank < begun("mine", datetime(2026, 1, 2, 3, 4, 6, tzinfo=UTC)).rank
