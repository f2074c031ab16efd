"""``workbench read`` and ``workbench score``: the readers and the scorer by themselves."""

import json
from pathlib import Path

import pytest
from small_project import Command


def test_an_amount_is_read_into_number_and_currency(workbench: Command) -> None:
    result = workbench("read", "amount", "1조 2,000억원", "--json").json
    assert (result["low"], result["currency"], result["bound"]) == ("1200000000000", "KRW", "exact")


def test_a_date_is_read_from_the_articles_day(workbench: Command) -> None:
    result = workbench("read", "date", "오는 9월", "--as-of", "2025-06-12", "--json").json
    assert (result["start"], result["end"], result["grain"]) == ("2025-09-01", "2025-10-01", "month")


def test_a_date_that_hangs_on_what_is_not_known_says_on_what(workbench: Command) -> None:
    result = workbench("read", "date", "오는 9월", "--json").json
    assert (result["start"], bool(result["hangs_on"])) == (None, True)


def test_a_region_is_settled_by_the_article(workbench: Command, tmp_path: Path) -> None:
    article = tmp_path / "article.txt"
    article.write_bytes("강원특별자치도와 고성군이 손잡았다.".encode("cp949"))
    result = workbench("read", "region", "고성군", "--context", article, "--json").json
    assert result["name"] == "강원특별자치도 고성군"


@pytest.mark.parametrize(("kind", "text"), [("amount", "수십억원"), ("date", "머지않아"), ("region", "고성군")])
def test_what_cannot_be_read_without_guessing_is_refused_with_exit_code_1(
    workbench: Command, kind: str, text: str
) -> None:
    result = workbench("read", kind, text)
    assert result.code == 1
    assert text in result.err


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    golden, record = tmp_path / "golden.json", tmp_path / "record.json"
    golden.write_text(json.dumps({"name": "가나", "items": [{"n": 1}, {"n": 2}]}), encoding="utf-8")
    record.write_text(json.dumps({"name": "가나", "items": [{"n": 2}], "more": "다"}), encoding="utf-8")
    return golden, record


def test_two_files_are_scored_leaf_by_leaf_without_a_project(
    workbench: Command, pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(pair[0].parent)
    result = workbench("score", *pair, "--json").json
    assert result["counts"] == {"correct": 2, "mismatch": 0, "omission": 1, "hallucination": 1, "absent": 0}
    assert (result["precision"], result["recall"]) == (pytest.approx(2 / 3), pytest.approx(2 / 3))
    assert {leaf["path"]: leaf["verdict"] for leaf in result["leaves"]}["more"] == "hallucination"


def test_a_json_schema_says_how_a_field_is_compared(workbench: Command, tmp_path: Path) -> None:
    golden, record, schema = (tmp_path / name for name in ("golden.json", "record.json", "schema.json"))
    golden.write_text('{"budget": "1조 2,000억원"}', encoding="utf-8")
    record.write_text('{"budget": "1.2조원"}', encoding="utf-8")
    field = {"type": "string", "x-workbench": {"comparator": "amount"}}
    schema.write_text(json.dumps({"type": "object", "properties": {"budget": field}}), encoding="utf-8")
    assert workbench("score", golden, record, "--json").json["f1"] == 0
    assert workbench("score", golden, record, "--schema", schema, "--json").json["f1"] == 1


def test_a_file_that_is_no_json_is_named(workbench: Command, pair: tuple[Path, Path], tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text("{", encoding="utf-8")
    result = workbench("score", pair[0], broken)
    assert (result.code, "broken.json" in result.err) == (2, True)


@pytest.mark.parametrize(("schema", "says"), [('{"type": 5}', "5 makes no sense"), ("[]", "[] is no schema")])
def test_a_schema_that_makes_no_sense_is_the_users_to_mend(
    workbench: Command, pair: tuple[Path, Path], tmp_path: Path, schema: str, says: str
) -> None:
    file = tmp_path / "schema.json"
    file.write_text(schema, encoding="utf-8")
    result = workbench("score", *pair, "--schema", file)
    assert (result.code, says in result.err, result.out) == (2, True, "")


@pytest.mark.parametrize("day", ["zzz", "2025-02-30", "20250612"])
def test_a_day_that_is_none_is_refused_whether_or_not_it_is_needed(
    workbench: Command, pair: tuple[Path, Path], day: str
) -> None:
    result = workbench("score", *pair, "--as-of", day)
    assert (result.code, "--as-of" in result.err, result.out) == (2, True, "")


@pytest.mark.parametrize("number", ["1e999", "-1e999", "Infinity", "NaN"])
def test_a_number_that_json_cannot_hold_is_refused_and_not_taken_for_infinity(
    workbench: Command, pair: tuple[Path, Path], tmp_path: Path, number: str
) -> None:
    file = tmp_path / "huge.json"
    file.write_text(f'{{"n": {number}}}', encoding="utf-8")
    result = workbench("score", file, pair[1])
    assert (result.code, "huge.json" in result.err, result.out) == (2, True, "")
