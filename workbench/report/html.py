"""An evaluation as one page that opens from disk: the figures, the fields, and each article beside what was made of it.

The page holds all that it needs. A policy in its head forbids everything else: no address is ever asked for anything, and no script or style
runs but the two whose hashes stand there. Article and answer are other people's text; Jinja2 escapes every one of them, and nothing is excepted.
"""

from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from workbench.evaluate import ArticleScore, Evaluation
from workbench.extract import Extraction
from workbench.report.markdown import beside_of, fields_of, headline_of, others_of, wrong
from workbench.report.reliability import HEADER, articles_words, cells, error_words, figures_of
from workbench.report.spans import clip, visible
from workbench.report.terminal import COUNTED, SIGNS, short_paths
from workbench.report.view import view
from workbench.scoring import Language
from workbench.scoring.stats import Interval

__all__ = ["Asset", "asset", "environment", "report"]

MOST_NOTES: Final = 12


@dataclass(frozen=True, slots=True)
class Asset:
    """A style or script to be written into a page.

    Attributes:
        text: What stands between its tags.
        source: How a Content Security Policy names it: ``'sha256-…'``.
    """

    text: Markup
    source: str


@cache
def asset(name: str, package: str = "workbench.report") -> Asset:
    """A style or script of a page's, such as ``report.css``."""
    text = (files(package) / "templates" / name).read_text(encoding="utf-8")
    digest = b64encode(sha256(text.encode()).digest()).decode()
    return Asset(Markup(text), f"'sha256-{digest}'")  # noqa: S704 - our own file, not data


@cache
def environment() -> Environment:
    """What renders the templates: everything escaped, a name that is not given is an error, what is not seen made visible."""
    made = Environment(
        loader=PackageLoader("workbench.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(clip=clip, figure="{:.3f}".format, count="{:,}".format)
    made.globals.update(signs=SIGNS, counted=COUNTED)
    return made


def _finalize(value: object) -> object:
    """The last gate before the page."""
    return visible(value) if type(value) is str else value


def report(
    evaluation: Evaluation,
    texts: Callable[[Extraction], str | None],
    *,
    title: str,
    language: Language,
    info: Mapping[str, str],
) -> str:
    """The page.

    Args:
        evaluation: What to report.
        texts: An article's text, None where it is not to be had.
        title: What the page is of: the run's name.
        language: Of the reasons.
        info: What to say of the run: names and values.
    """
    style, script = asset("report.css"), asset("report.js")
    fields = fields_of(evaluation)
    numbers = {field.path: number for number, field in enumerate(fields)}
    return (
        environment()
        .get_template("report.html")
        .render(
            title=title,
            info=info,
            language=language,
            style=style,
            script=script,
            evaluation=evaluation,
            headline=headline_of(evaluation),
            beside=beside_of(evaluation),
            notes=others_of(evaluation),
            most_notes=MOST_NOTES,
            fields=fields,
            reliability=_reliability(evaluation),
            voted=any(article.extraction.confidence for article in evaluation.articles),
            names=short_paths(evaluation.fields),
            articles=sorted(evaluation.articles, key=_badness),
            states=Counter(article.extraction.state for article in evaluation.articles),
            wrong_in=lambda article: sorted({numbers[leaf.path] for leaf in wrong(article)}),
            differing=lambda article: len(wrong(article)),
            bar=_bar,
            view=lambda article: view(article, texts(article.extraction), language, evaluation.fields),
        )
    )


def _reliability(evaluation: Evaluation) -> dict[str, Any] | None:
    """What the page says of a vote's confidence; None of any other run."""
    of = evaluation.reliability
    if of is None:
        return None
    return {
        "header": HEADER,
        "rows": [(cells(level), level.correct) for level in of.levels],
        "error": error_words(of),
        "figures": figures_of(of),
        "articles": articles_words(of),
    }


def _badness(article: ArticleScore) -> tuple[bool, float, str]:
    return article.score is None, article.f1, article.extraction.article


def _bar(figure: Interval) -> dict[str, float]:
    """A figure and its interval in hundredths, as a bar has them."""
    low, high = figure.clipped() or (figure.mean, figure.mean)
    return {"mean": round(figure.mean * 100, 1), "low": round(low * 100, 1), "high": round(high * 100, 1)}
