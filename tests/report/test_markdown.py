"""The Markdown of a pull request: short, and harmless whatever is in it."""

import re

import pytest
from pydantic import BaseModel, create_model
from report.made_up import HOSTILE, agreeing, article, evaluation, failed, hostile

from workbench.evaluate import ArticleScore, Evaluation
from workbench.report import markdown
from workbench.scoring import score

NOTE = "1 of 4 responses are transcribed: written by hand from the rendered request, not by a model behind an endpoint"


@pytest.fixture(scope="module")
def said() -> str:
    return markdown.report(hostile()[0], title=HOSTILE[9])


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def test_the_headline_has_its_interval_and_n() -> None:
    said = markdown.report(evaluation(), title="run-1")
    assert said.startswith("### run-1\n")
    assert re.search(r"\*\*F1 0\.\d{3} \[0\.\d{3}, 1\.000\]\*\* .* n = 3 articles, 95% intervals", said)


def test_transcribed_recordings_are_said_right_under_the_number_and_once() -> None:
    said = markdown.report(evaluation(notes=(NOTE, "another note")))
    assert said.count("are transcribed") == 1
    assert said.index("are transcribed") < said.index("| field |")
    assert "- another note" in said


def test_what_was_not_answered_is_said() -> None:
    assert "Not answered: 1 failed." in markdown.report(evaluation())


def test_fields_stand_worst_first_and_those_without_a_fault_are_counted() -> None:
    said = markdown.report(evaluation(article()))
    rows = [cells(line) for line in said.splitlines() if line.startswith("| `")]
    fields = [row for row in rows if len(row) == 10]
    assert [row[0] for row in fields] == ["`shops.since`", "`shops.name`"]
    assert "2 fields without a fault" in said or "fields without a fault" in said


def test_no_more_than_twenty_fields_are_named() -> None:
    names = [f"f{number:02}" for number in range(50)]
    schema: type[BaseModel] = create_model("Wide", **dict.fromkeys(names, (str, ...)))  # type: ignore[call-overload]
    wide = score(dict.fromkeys(names, "a"), dict.fromkeys(names, "b"), schema)
    said = markdown.report(evaluation(ArticleScore(article().extraction, "g", wide)))
    assert len([line for line in said.splitlines() if line.startswith("| `f")]) == 20
    assert "30 more fields with faults" in said


def test_articles_that_differ_most_come_first_and_no_more_than_ten() -> None:
    many = [article(f"a{number:02}") for number in range(30)]
    said = markdown.report(evaluation(*many, failed()))
    rows = [line for line in said.splitlines() if line.startswith("| ") and len(cells(line)) == 8 and "`" in line]
    assert len(rows) == 10
    assert rows[0].startswith("| `lost` | failed | 0.000 ")
    assert "And 21 more articles that differ." in said
    assert len(said) < 6000


def test_differences_carry_sign_values_and_reason_in_the_language() -> None:
    said = markdown.report(evaluation(article()), language="ko")
    assert re.search(r"- ≠ `shops\.since`: 2031년 4월 → 2031년 3월 \([^)]*[가-힣]", said)


def test_articles_that_agree_are_no_table() -> None:
    assert "No article differs" in markdown.report(evaluation(agreeing()))


def test_without_a_golden_there_is_no_score() -> None:
    assert "none of the 1 articles has a golden" in markdown.report(evaluation(article(golden=None)))


class TestHostile:
    def test_there_is_no_markup_but_ours(self, said: str) -> None:
        tags = set(re.findall(r"<[^>]*>", said))
        assert tags <= {"<!-- -->", "<sub>", "</sub>", "<details>", "</details>", "<summary>", "</summary>"}

    def test_nobody_is_called_and_nothing_linked(self, said: str) -> None:
        assert "@" not in said
        assert not re.search(r"#\d+(?!;)\b", said)
        assert "](" not in said
        assert "://" not in said
        assert "www." not in said

    def test_tables_keep_their_columns(self, said: str) -> None:
        widths = [len(re.split(r"\|", line)) for line in said.splitlines() if line.startswith("|")]
        assert set(widths) == {12, 10}

    def test_backticks_are_only_ours(self, said: str) -> None:
        assert all(line.count("`") % 2 == 0 for line in said.splitlines())

    def test_what_is_not_seen_is_made_visible_and_long_is_cut(self, said: str) -> None:
        assert not re.search("[\u202a-\u202e\u2066-\u2069\u200b-\u200f]", said)
        assert len(said) < 12_000
        assert "1,000,000 characters" in markdown.report(evaluation(notes=("x" * 1_000_000,)))

    def test_half_a_pair_can_be_written_to_a_file(self) -> None:
        assert markdown.report(evaluation(notes=("\ud800",)), title="\ud800").encode()

    def test_line_breaks_in_values_begin_no_line(self) -> None:
        evil = "one\n# heading\n- item\n```\ncode"
        said = markdown.report(Evaluation((failed(evil, evil),), (evil,)), title=evil)
        assert not [line for line in said.splitlines() if line.startswith(("# ", "```", "- item"))]
