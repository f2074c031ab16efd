"""The texts of articles, found again where a run read them, however many there are."""

import json
import tracemalloc
from pathlib import Path

import pytest

from workbench.articles import Article, read_articles
from workbench.extract import Extraction, unextracted
from workbench.texts import HELD, texts_in


def write_lines(file: Path, texts: list[str]) -> None:
    entries = ({"id": f"a{number}", "text": text} for number, text in enumerate(texts))
    file.write_text("".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries), encoding="utf-8")


def extractions(root: Path, *names: str) -> list[Extraction]:
    """What a run would have of the articles of some files."""
    read = read_articles([root / name for name in names])
    found = [unextracted(one, "ok", None) for one in read if isinstance(one, Article)]
    return [one.model_copy(update={"place": str(Path(one.place).relative_to(root))}) for one in found]


def test_each_text_of_a_file_of_many_is_found_in_any_order(tmp_path: Path) -> None:
    texts = [f"글 {number}" for number in range(9)]
    write_lines(tmp_path / "a.jsonl", [*texts[:4], "", *texts[4:]])
    found = extractions(tmp_path, "a.jsonl")
    text_of = texts_in(tmp_path)
    assert [text_of(one) for one in reversed(found)] == texts[::-1]


def test_what_an_edited_run_has_for_a_hash_has_no_text(tmp_path: Path) -> None:
    write_lines(tmp_path / "a.jsonl", ["글", "말"])
    found = extractions(tmp_path, "a.jsonl")
    text_of = texts_in(tmp_path)
    assert [text_of(one.model_copy(update={"text": "sha256:none"})) for one in found] == [None, None]
    assert text_of(found[1]) == "말"


def test_a_file_of_many_is_not_held_in_memory(tmp_path: Path) -> None:
    """What is held of twenty megabytes is less than one: where each text stands, and none of them."""
    write_lines(tmp_path / "a.jsonl", [f"{number} " + "가" * 7_000 for number in range(1_000)])
    found = extractions(tmp_path, "a.jsonl")
    text_of = texts_in(tmp_path)
    tracemalloc.start()
    try:
        assert all((text_of(one) or "").endswith("가") for one in found)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 1_000_000


def test_a_line_that_moved_is_found_and_one_that_changed_is_not(tmp_path: Path) -> None:
    """Also by who looked at the file before: nothing stale is believed."""
    file = tmp_path / "a.jsonl"
    write_lines(file, ["하나", "둘", "셋"])
    found = extractions(tmp_path, "a.jsonl")
    text_of = texts_in(tmp_path)
    assert [text_of(one) for one in found] == ["하나", "둘", "셋"]
    write_lines(file, ["새로운 글", "셋", "둘", "하나 더"])
    assert [text_of(one) for one in found] == [None, "둘", "셋"]
    file.unlink()
    assert [text_of(one) for one in found] == [None, None, None]


@pytest.mark.parametrize("broken", [b"\xff\xfe{}", b"\x00\x00"])
def test_a_file_that_is_none_of_articles_any_more_has_no_text(tmp_path: Path, broken: bytes) -> None:
    write_lines(tmp_path / "a.jsonl", ["하나"])
    (one,) = extractions(tmp_path, "a.jsonl")
    (tmp_path / "a.jsonl").write_bytes(broken)
    assert texts_in(tmp_path)(one) is None


def test_texts_of_files_of_one_are_found_past_those_that_are_held(tmp_path: Path) -> None:
    names = [f"a{number}.txt" for number in range(HELD + 3)]
    for name in names:
        (tmp_path / name).write_text(f"글 {name}", encoding="utf-8")
    found = extractions(tmp_path, *names)
    text_of = texts_in(tmp_path)
    for _ in range(2):
        assert [text_of(one) for one in found] == [f"글 {name}" for name in names]
