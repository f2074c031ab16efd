"""Evaluations made up for the reports: one as they are, one by an enemy."""

from typing import Any

from helpers import article_of
from pydantic import BaseModel

from workbench.evaluate import ArticleScore, Evaluation
from workbench.evidence import ground
from workbench.extract import Extraction
from workbench.findings import findings
from workbench.leaves import walk
from workbench.schema import Cited, Quote, form, values
from workbench.scoring import score

TEXT = "동문로에 새 빵집 밀밭이 2031년 3월에 문을 연다. 밀밭은 101조원을 들여 동문로를 바꾼다.\n"


class Shop(BaseModel):
    """A shop."""

    name: str
    since: str | None
    cost: str | None
    quote: Quote


class Street(BaseModel):
    """A street."""

    street: Cited[str] | None
    shops: list[Shop]
    slogans: list[Cited[str]]


RECORD: dict[str, Any] = {
    "street": {"value": "동문로", "quote": "동문로에 새 빵집 밀밭이"},
    "shops": [
        {"name": "밀밭", "since": "2031년 3월", "cost": "101조원", "quote": "새 빵집 밀밭이 2031년 3월에 문을 연다"},
        {"name": "없는집", "since": None, "cost": None, "quote": "이런 말은 기사에 없다"},
    ],
    "slogans": [{"value": "동문로를 바꾼다", "quote": "동문로를 바꾼다"}],
}
GOLDEN: dict[str, Any] = {
    "street": "동문로",
    "shops": [
        {"name": "밀밭", "since": "2031년 4월", "cost": "101조원"},
        {"name": "종이숲", "since": None, "cost": None},
    ],
    "slogans": ["동문로를 바꾼다"],
}

HOSTILE = (
    "<script>alert(1)</script>",
    '" onerror="alert(1)" x="',
    "<img src=x onerror=alert(1)>",
    "javascript:alert(1)",
    "{{7*7}}{% raw %}",
    "a\u202eb\u200bc\u2066d",
    "</script><script>alert(2)</script>",
    "<!--<script>",
    "</style></template></textarea>",
    "| a | ` @someone #1 [link](https://example.org) www.example.org ![](x) **b**",
    "x" * 1_000_000,
)


def article(
    name: str = "bakery", record: dict[str, Any] = RECORD, golden: dict[str, Any] | None = GOLDEN, text: str = TEXT
) -> ArticleScore:
    """An article that was read, with its evidence found as a run finds it."""
    filled = Street.model_validate(record)
    walked = walk(filled)
    grounding = ground(walked, text)
    extraction = Extraction(
        article=name,
        text="sha256:0",
        place=f"articles/{name}.txt",
        state="ok",
        record=filled.model_dump(mode="json"),
        spans=grounding.spans,
        quotes=grounding.quotes,
        findings=tuple(findings(walked, grounding, {}, article_of(text))),
        origins=("transcribed",),
    )
    if golden is None:
        return ArticleScore(extraction, None, None)
    return ArticleScore(extraction, name, score(golden, values(filled), form(Street)))


def agreeing() -> ArticleScore:
    """An article that was read as its golden has it."""
    golden = values(Street.model_validate(RECORD))
    assert isinstance(golden, dict)
    return article("right", golden=golden)


def failed(name: str = "lost", reason: str = "the provider is down") -> ArticleScore:
    """An article of which there is no record."""
    extraction = Extraction(article=name, text=None, place=f"articles/{name}.txt", state="failed", reason=reason)
    return ArticleScore(extraction, name, score(GOLDEN, None, form(Street)))


def evaluation(*articles: ArticleScore, notes: tuple[str, ...] = ()) -> Evaluation:
    """An evaluation of the articles, or of one that differs, one that is right, one without a golden and one that failed."""
    usual = (article(), agreeing(), article("new", golden=None), failed())
    return Evaluation(articles or usual, notes)


def hostile() -> tuple[Evaluation, str]:
    """An evaluation of an article and a record that mean harm, and the article's text."""
    text = " ".join(HOSTILE[:-1])
    items = [{"name": value, "since": value, "cost": None, "quote": value} for value in HOSTILE]
    record = {"street": {"value": HOSTILE[0], "quote": HOSTILE[0]}, "shops": items, "slogans": []}
    golden = {"street": HOSTILE[2], "shops": [{"name": HOSTILE[4], "since": None, "cost": HOSTILE[9]}], "slogans": []}
    articles = (article(HOSTILE[2], record, golden, text), failed(HOSTILE[9], HOSTILE[0]))
    return Evaluation(articles, HOSTILE), text
