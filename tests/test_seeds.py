"""The project's own articles, goldens and recordings: they hold together, and the sentences are ours."""

import re
from pathlib import Path
from typing import Any

import pytest
from loopback import Loopback
from small_project import ROOT, Command, lines, published

from workbench.articles import Article, decode, read_articles
from workbench.evidence import Text
from workbench.goldens import Golden, Goldens, read_goldens
from workbench.tasks import load_task

TASK = load_task("plan", ROOT)
GOLDENS: Goldens = read_goldens(ROOT / "goldens" / "plan", TASK.schema)
ARTICLES = {
    article.id: article for article in read_articles([ROOT / "seeds" / "articles"]) if isinstance(article, Article)
}
CHOSEN = {"basis", "status"}
"""Fields whose value is chosen from a closed list rather than copied."""
SHARED = 36
"""Letters, white space aside, from which a run that two texts share is no name any more but a sentence."""

needs_published = pytest.mark.skipif(
    published() is None, reason="WORKBENCH_PUBLISHED does not name the folder of the articles as published"
)


def copied(value: Any, name: str = "") -> list[str]:
    if isinstance(value, dict):
        return [leaf for key, child in value.items() for leaf in copied(child, key)]
    if isinstance(value, list):
        return [leaf for child in value for leaf in copied(child, name)]
    return [value] if isinstance(value, str) and name not in CHOSEN else []


def published_articles() -> list[Article]:
    folder = published()
    assert folder is not None
    return [article for article in read_articles([folder]) if isinstance(article, Article)]


def test_every_seed_article_has_a_golden() -> None:
    assert {article.hash for article in ARTICLES.values()} <= GOLDENS.by_text.keys()


@pytest.mark.parametrize("golden", GOLDENS.by_id.values(), ids=lambda golden: golden.id)
def test_every_value_of_a_golden_stands_in_its_article(golden: Golden) -> None:
    text = Text(ARTICLES[golden.id].text)
    assert [value for value in copied(golden.record) if not text.find(value)] == []


@needs_published
def test_every_value_of_a_golden_stands_in_the_article_as_published() -> None:
    missing = {
        article.id: [
            value for value in copied(GOLDENS.by_text[article.hash].record) if not Text(article.text).find(value)
        ]
        for article in published_articles()
    }
    assert missing == {article.id: [] for article in published_articles()}


@needs_published
def test_no_file_of_ours_shares_a_sentence_with_a_published_article() -> None:
    def letters(text: str) -> str:
        return "".join(text.split())

    sentences = {
        joined[start : start + SHARED]
        for article in published_articles()
        for joined in [letters(article.text)]
        for start in range(len(joined) - SHARED)
    }
    shared = {
        str(file.relative_to(ROOT)): joined[start : start + SHARED]
        for folder in ("seeds", "goldens", "prompts", "schemas", "docs")
        for file in sorted((ROOT / folder).rglob("*"))
        if file.is_file() and file.suffix in {".txt", ".md", ".json", ".jsonl", ".py"}
        for joined in [letters(decode(file.read_bytes()))]
        for start in range(len(joined) - SHARED)
        if joined[start : start + SHARED] in sentences
    }
    assert shared == {}


def test_every_seed_recording_says_that_it_was_transcribed() -> None:
    recordings = lines(ROOT / "seeds" / "recordings" / "transcribed.jsonl")
    assert {(recording["origin"], recording["model"]) for recording in recordings} == {("transcribed", "transcribed")}
    assert all("usage" not in recording["response"] for recording in recordings)


def test_hangul_is_written_as_itself() -> None:
    escaped = re.compile(r"\\u[abcdABCD][0-9a-fA-F]{3}")
    files = [file for folder in ("seeds", "goldens") for file in (ROOT / folder).rglob("*.json*")]
    assert [file.name for file in files if escaped.search(file.read_text(encoding="utf-8"))] == []


def test_the_house_does_not_know_its_first_task() -> None:
    """Another task needs no change in workbench/: no module names plans, nor a field of theirs."""
    names = re.compile(r"\bplans?\b|jurisdiction|declared_counts|legal_bases", re.IGNORECASE)
    modules = (ROOT / "workbench").rglob("*.py")
    known = {str(file.relative_to(ROOT)): names.findall(file.read_text(encoding="utf-8")) for file in modules}
    assert {file: found for file, found in known.items() if found} == {}


@needs_published
def test_the_published_articles_run_against_an_endpoint_and_find_their_goldens(
    workbench: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Goldens are found by the hash of the text, so that the originals and our retellings share them."""
    for name in ("prompts", "schemas", "goldens"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "pyproject.toml").write_text('[tool.workbench]\ntask = "plan"\nmodel = "any"\n', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    folder = published()
    assert folder is not None
    with Loopback(answer='{"plans": []}') as server:
        result = workbench("run", folder.resolve(), "--base-url", server.base_url, "--json")
    assert (result.code, result.json["states"]) == (0, {"ok": 5})
    scored = workbench("eval", "--json").json
    answered = {article["article"]: article["golden"] for article in scored["articles"]}
    assert answered == {article.id: GOLDENS.by_text[article.hash].id for article in published_articles()}
    assert (scored["f1"], scored["recall"]) == (0, 0)


def test_each_article_has_three_samples() -> None:
    recordings = lines(ROOT / "seeds" / "recordings" / "transcribed.jsonl")
    articles = {recording["facets"]["article"] for recording in recordings}
    assert len(articles) == len([*(ROOT / "seeds" / "articles").glob("*.txt")])
    assert (
        len(recordings) == len({(one["facets"]["article"], one["sample"]) for one in recordings}) == 3 * len(articles)
    )
    assert {one["sample"] for one in recordings} == {0, 1, 2}
