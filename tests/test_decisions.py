"""The log of decisions."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from labelled import ABOUT, Street, golden
from small_project import ROOT, lines

from workbench.decide import decide, read_shown
from workbench.decisions import Adjudication, Decision, Log
from workbench.errors import GoldenError, InputError, WishError
from workbench.goldens import write_golden
from workbench.wishes import Selection, Wish

NOW = datetime(2031, 2, 3, 4, 5, 6, tzinfo=UTC)
OLD = (
    '{"format": "workbench.decision/1", "article": "a", "when": "2026-11-22T18:40:00Z", "by": "adjudication", "at": "/street", '
    '"first": null, "second": "동문로", "took": null, "reason": "규칙 5"}\n'
)
NEW = '{"format": "workbench.decision/1", "id": "1", "article": "b", "when": "2031-02-03T04:05:06Z", "by": "나", "action": "skip"}\n'


def log(folder: Path, *content: str) -> Log:
    folder.mkdir(exist_ok=True)
    (folder / "decisions.jsonl").write_text("".join(content), encoding="utf-8")
    return Log(folder)


def ids(found: Log, article: str = "b") -> list[str]:
    return [line.id for line in found.of(article) if isinstance(line, Decision)]


def test_there_need_be_no_log(tmp_path: Path) -> None:
    found = Log(tmp_path / "none")
    assert (found.of("a"), found.articles, found.torn) == ((), (), 0)
    assert not (tmp_path / "none").exists()


def test_a_log_holds_decisions_and_the_adjudications_from_before(tmp_path: Path) -> None:
    found = log(tmp_path, OLD, NEW)
    assert [type(line) for line in (*found.of("a"), *found.of("b"))] == [Adjudication, Decision]
    assert found.articles == ("a", "b")


def test_our_own_log_is_read_whole() -> None:
    folder = ROOT / "goldens" / "plan"
    found = Log(folder)
    read = [line for article in found.articles for line in found.of(article)]
    assert len(read) == len(lines(folder / "decisions.jsonl"))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('{"format": "workbench.decision/2", "id": "1"}\n', "format: Input should be"),
        (NEW.replace("/1", "/2"), "format"),
        (NEW.replace('"skip"', '"burn"'), "action"),
        (NEW.replace('"id"', '"more": 1, "id"'), "more: Extra inputs"),
        (OLD.replace('"reason"', '"because"'), "reason: Field required"),
    ],
)
def test_a_line_that_does_not_hold_is_named(tmp_path: Path, line: str, says: str) -> None:
    with pytest.raises(GoldenError, match=says) as caught:
        log(tmp_path, OLD, line).of("a")
    assert caught.value.where == f"{tmp_path / 'decisions.jsonl'}:2"


def test_a_line_that_is_no_object_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no JSON object") as caught:
        log(tmp_path, OLD, "[]\n", NEW).of("a")
    assert caught.value.where.endswith(":2")


def test_one_bad_line_does_not_hide_what_is_mended_later(tmp_path: Path) -> None:
    found = log(tmp_path, NEW, "{}\n")
    for _ in range(2):
        with pytest.raises(GoldenError):
            found.of("b")
    found.file.write_text(NEW, encoding="utf-8")
    assert ids(found) == ["1"]


def test_what_is_appended_by_another_process_is_seen(tmp_path: Path) -> None:
    found = log(tmp_path, NEW)
    assert ids(found) == ["1"]
    second = NEW.replace('"1"', '"2"')
    program = f"open({str(found.file)!r}, 'a', encoding='utf-8').write({second!r})"
    subprocess.run([sys.executable, "-c", program], check=True)  # noqa: S603 - our own program
    assert ids(found) == ["1", "2"]


def test_only_what_was_appended_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = log(tmp_path, *(NEW for _ in range(50)))
    assert len(found.of("b")) == 50
    with found.file.open("a", encoding="utf-8") as appending:
        appending.write(NEW)
    read: list[Decision | Adjudication] = []
    monkeypatch.setattr(found, "_take", lambda line, _: read.append(line))
    found.standing("b", None)
    assert len(read) == 1


@pytest.mark.parametrize("content", ["", NEW.replace('"1"', '"9"'), NEW.replace('"1"', '"9"') * 3])
def test_a_file_that_was_written_anew_is_read_anew(tmp_path: Path, content: str) -> None:
    found = log(tmp_path, NEW, NEW.replace('"1"', '"2"'))
    assert ids(found) == ["1", "2"]
    found.file.write_text(content, encoding="utf-8")
    assert ids(found) == ["9"] * content.count("\n")


def test_a_file_that_is_gone_holds_nothing(tmp_path: Path) -> None:
    found = log(tmp_path, NEW)
    assert ids(found) == ["1"]
    found.file.unlink()
    assert ids(found) == []


def test_a_last_line_without_its_end_counts_and_the_next_comes_after_it(tmp_path: Path) -> None:
    found = log(tmp_path, OLD, NEW.rstrip())
    assert ids(found) == ["1"]
    skip(found)
    assert ids(found) == ["1"]
    assert [type(line) for line in found.of("a")] == [Adjudication, Decision]


def skip(found: Log) -> Decision:
    write_golden(golden(), found.folder)
    _, seen = read_shown(found.folder, "a", Street)
    return decide(found, ABOUT, Wish(action="skip"), Street, seen=seen, by="나", now=NOW, writable=True)


def test_a_torn_line_is_said_and_the_next_decision_sets_it_aside(tmp_path: Path) -> None:
    found = log(tmp_path, OLD, NEW[:40])
    assert (ids(found), found.torn) == ([], 40)
    skip(found)
    assert found.torn == 0
    assert len(found.of("a")) == 2
    assert (tmp_path / "decisions.jsonl.torn").read_text(encoding="utf-8") == NEW[:40] + "\n"


def test_a_decision_is_found_by_its_id(tmp_path: Path) -> None:
    found = log(tmp_path, OLD, NEW)
    assert found.get("b", "1").by == "나"
    for article, name in (("a", "1"), ("b", "2"), ("b", "")):
        with pytest.raises(WishError, match="there is no decision"):
            found.get(article, name)


def test_a_line_says_all_that_is_not_as_always(tmp_path: Path) -> None:
    write_golden(golden(), tmp_path)
    _, seen = read_shown(tmp_path, "a", Street)
    made = decide(
        Log(tmp_path),
        ABOUT,
        Wish(action="correct", at="/street", value="동문로", selected=Selection(text="sha256:1", start=3, end=6)),
        Street,
        seen=seen,
        by="나",
        now=NOW,
        writable=True,
    )
    (written,) = lines(tmp_path / "decisions.jsonl")
    assert written == {
        "format": "workbench.decision/1",
        "id": made.id,
        "article": "a",
        "when": "2031-02-03T04:05:06Z",
        "by": "나",
        "action": "correct",
        "at": "/street",
        "record": made.record,
        "value": "동문로",
        "selected": {"text": "sha256:1", "start": 3, "end": 6},
        "before": seen,
        "after": made.after,
        "edits": [[made.edits[0].start, "null", '"동문로"']],
    }
    assert "동문로" in (tmp_path / "decisions.jsonl").read_text(encoding="utf-8")


def test_what_is_written_reads_as_it_was(tmp_path: Path) -> None:
    found = Log(tmp_path)
    made = skip(found)
    assert found.of("a") == (made,)


@pytest.mark.parametrize("content", [OLD, NEW])
def test_both_kinds_of_line_stand_in_the_formats_schema(content: str) -> None:
    schema = json.loads((ROOT / "docs" / "formats" / "decision.schema.json").read_text(encoding="utf-8"))
    arms: list[dict[str, Any]] = [schema["$defs"][arm["$ref"].rpartition("/")[2]] for arm in schema["oneOf"]]
    line = json.loads(content)
    fitting = [arm for arm in arms if set(arm["required"]) <= line.keys() <= arm["properties"].keys()]
    assert len(fitting) == 1
