"""An evaluation in Markdown, for a pull request: the figures, the fields that are worst, the articles that differ most, the notes.

What a report says of a figure stands here too, because the page and the pull request are to say the same. Names, values and reasons are
other people's text: they reach Markdown as text that is no markup, calls no person and links to nothing.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from workbench.evaluate import ArticleScore, Evaluation
from workbench.report.reliability import HEADER, articles_words, cells, error_words, figures_of
from workbench.report.spans import clip, visible
from workbench.report.terminal import COUNTED, SIGNS, short_paths
from workbench.scoring import Language, Leaf, Tally
from workbench.scoring.reliability import Reliability
from workbench.scoring.stats import Interval, interval
from workbench.scoring.verdicts import NOT_WRONG

__all__ = ["Field", "Headline", "beside_of", "fields_of", "headline_of", "others_of", "report", "wrong"]

MOST_FIELDS: Final = 20
MOST_ARTICLES: Final = 10
MOST_NOTES: Final = 10
MOST_LEAVES: Final = 3
"""Differences named of one article: enough to see of what kind they are."""

_BY_HAND = re.compile(r"^\d+ of \d+ responses are \w+: ")


@dataclass(frozen=True)
class Headline:
    """The figures of a run, each a mean over its articles."""

    f1: Interval
    precision: Interval
    recall: Interval


@dataclass(frozen=True)
class Field:
    """What a field is worth.

    Attributes:
        path: ``orders[].items[].price``.
        name: The path as people are shown it.
        f1: The mean over the articles that have the field, golden or record.
        tally: The field's leaves of all articles, pooled.
    """

    path: str
    name: str
    f1: Interval
    tally: Tally


def headline_of(evaluation: Evaluation) -> Headline | None:
    """The figures; None if no article was scored."""
    scored = evaluation.scored
    if not scored:
        return None
    return Headline(
        interval([article.f1 for article in scored]),
        interval([article.precision for article in scored]),
        interval([article.recall for article in scored]),
    )


def fields_of(evaluation: Evaluation) -> list[Field]:
    """Every field that a golden or a record fills, the worst first."""
    names = short_paths(evaluation.fields)
    fields = [Field(path, names[path], of, evaluation.fields[path]) for path, of in evaluation.field_intervals.items()]
    return sorted(fields, key=lambda field: (field.f1.mean, field.tally.f1, field.path))


def beside_of(evaluation: Evaluation) -> list[str]:
    """The notes that stand beside the number, because they say that no model answered."""
    return [note for note in evaluation.notes if _BY_HAND.search(note)]


def others_of(evaluation: Evaluation) -> list[str]:
    """The other notes."""
    return [note for note in evaluation.notes if not _BY_HAND.search(note)]


def wrong(article: ArticleScore) -> list[Leaf]:
    """The leaves that differ, in the golden's order."""
    leaves = article.score.leaves if article.score else ()
    return [leaf for leaf in leaves if leaf.verdict not in NOT_WRONG]


def report(evaluation: Evaluation, *, title: str = "Evaluation", language: Language = "en") -> str:
    """The evaluation as Markdown that GitHub shows; short, whatever the run's size.

    Args:
        evaluation: What to report.
        title: What the report is of: the run's name.
        language: Of the reasons.
    """
    parts = [f"### {_escape(title)}", *_headline(evaluation)]
    fields = fields_of(evaluation)
    if fields:
        parts.append(_fields_table(fields))
    if evaluation.reliability:
        parts.append(_reliability(evaluation.reliability))
    worst = sorted((article for article in evaluation.scored if wrong(article)), key=_badness)
    if worst:
        parts.append(_articles_table(worst, evaluation))
        parts.append(_differences(worst[:MOST_ARTICLES], language))
    elif evaluation.scored:
        parts.append("No article differs from its golden.")
    notes = others_of(evaluation)
    if notes:
        shown = [f"- {_escape(note)}" for note in notes[:MOST_NOTES]]
        if len(notes) > MOST_NOTES:
            shown.append(f"- and {len(notes) - MOST_NOTES} more notes")
        parts.append("\n".join(["**Notes**", "", *shown]))
    return "\n\n".join(parts) + "\n"


def _headline(evaluation: Evaluation) -> Iterator[str]:
    figures = headline_of(evaluation)
    if figures is None:
        yield f"No score: none of the {len(evaluation.articles)} articles has a golden."
    else:
        micro = evaluation.micro
        counts = ", ".join(f"{micro.counts[verdict]} {verdict}" for verdict in COUNTED)
        unlike = _unlike_ok(evaluation)
        yield (
            f"**F1 {figures.f1}** · precision {figures.precision} · recall {figures.recall} "
            f"· n = {figures.f1.n} articles, 95% intervals"
        )
        yield f"Leaves pooled: F1 {micro.f1:.3f}, {counts}." + (f" Not answered: {unlike}." if unlike else "")
    for note in beside_of(evaluation):
        yield f"> **Note** {_escape(note)}"


def _unlike_ok(evaluation: Evaluation) -> str:
    states = Counter(article.extraction.state for article in evaluation.articles)
    return ", ".join(f"{count} {state}" for state, count in states.items() if state != "ok")


def _badness(article: ArticleScore) -> tuple[float, int, str]:
    return article.f1, -len(wrong(article)), article.extraction.article


def _table(header: Iterable[str], align: str, rows: Iterable[Iterable[str]]) -> str:
    rule = ["---:" if side == "r" else "---" for side in align]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [list(header), rule, *map(list, rows)])


def _fields_table(fields: list[Field]) -> str:
    faulty = [field for field in fields if field.f1.mean < 1]
    if not faulty:
        return f"All {len(fields)} fields are without a fault."
    rows = (
        [
            _code(field.name),
            f"{field.f1.mean:.3f}",
            _bounds(field.f1),
            str(field.f1.n),
            f"{field.tally.precision:.3f}",
            f"{field.tally.recall:.3f}",
            *(str(field.tally.counts[verdict] or "") for verdict in COUNTED),
        ]
        for field in faulty[:MOST_FIELDS]
    )
    header = ["field", "F1", "95%", "n", "precision", "recall", *(SIGNS[verdict] for verdict in COUNTED)]
    table = _table(header, "lrrrrrrrrr", rows)
    legend = "F1: mean over the n articles that have the field; the rest: leaves pooled. " + " · ".join(
        f"{SIGNS[verdict]} {verdict}" for verdict in COUNTED
    )
    rest = [
        *([f"{len(faulty) - MOST_FIELDS} more fields with faults"] if len(faulty) > MOST_FIELDS else []),
        *([f"{len(fields) - len(faulty)} fields without a fault"] if len(fields) > len(faulty) else []),
    ]
    if rest:
        legend = f"And {', '.join(rest)}. {legend}"
    return f"{table}\n\n<sub>{legend}</sub>"


def _reliability(of: Reliability) -> str:
    lines = [
        f"- {what}: F1 {figures.f1}, precision {figures.precision}, recall {figures.recall}"
        for what, figures in figures_of(of)
    ]
    words = articles_words(of)
    table = _table(HEADER, "rrrrr", map(cells, of.levels))
    return "\n".join([f"**Confidence** ({error_words(of)})", "", table, "", *lines, *([f"- {words}"] if words else [])])


def _bounds(figure: Interval) -> str:
    bounds = figure.clipped()
    return f"{bounds[0]:.2f} to {bounds[1]:.2f}" if bounds else ""


def _articles_table(worst: list[ArticleScore], evaluation: Evaluation) -> str:
    names = short_paths(evaluation.fields)
    rows = (
        [
            _code(article.extraction.article),
            article.extraction.state,
            f"{article.f1:.3f}",
            *(str(article.score.counts[verdict] or "") for verdict in COUNTED if article.score),
            _code(names[article.worst]) if article.worst else "",
        ]
        for article in worst[:MOST_ARTICLES]
    )
    header = ["article", "state", "F1", *(SIGNS[verdict] for verdict in COUNTED), "worst field"]
    table = _table(header, "llrrrrrl", rows)
    more = len(worst) - MOST_ARTICLES
    return table + (f"\n\n<sub>And {more} more articles that differ.</sub>" if more > 0 else "")


def _differences(worst: list[ArticleScore], language: Language) -> str:
    lines = ["<details><summary>The first differences of each</summary>", ""]
    for article in worst:
        leaves = wrong(article)
        names = short_paths(leaf.path for leaf in article.score.leaves) if article.score else {}
        lines.append(f"- {_code(article.extraction.article)}")
        if article.extraction.reason:
            lines.append(f"  - {article.extraction.state}: {_escape(article.extraction.reason)}")
            continue
        lines += [
            f"  - {SIGNS[leaf.verdict]} {_code(names[leaf.path])}: {_said(leaf)} ({_escape(leaf.reason.words(language))})"
            for leaf in islice(leaves, MOST_LEAVES)
        ]
        if len(leaves) > MOST_LEAVES:
            lines.append(f"  - and {len(leaves) - MOST_LEAVES} more")
    return "\n".join([*lines, "", "</details>"])


def _said(leaf: Leaf) -> str:
    golden, record = _value(leaf.golden), _value(leaf.record)
    return f"{golden} → {record}" if leaf.verdict == "mismatch" else golden if leaf.verdict == "omission" else record


def _value(value: object) -> str:
    return _escape("" if value is None else str(value), most=80)


_PLAIN = re.compile(r"\w[\w.\- ]*")
_MARKUP = re.compile(r"""[\\`*_{}\[\]<>!|~$"'&@#^=]|://|(?i:www\.|gh-)""")


def _code(name: str) -> str:
    """A name as code, if it is such as names are."""
    shown = visible(clip(name, 100).text)
    return f"`{shown}`" if _PLAIN.fullmatch(shown) and "  " not in shown else _escape(name, most=100)


def _escape(text: str, most: int = 300) -> str:
    """Text as Markdown that means no more than its letters.

    Marks become character references, which are no markup wherever they stand (https://spec.commonmark.org/0.31.2/#entity-and-numeric-character-references),
    in a table as elsewhere. GitHub looks for ``@name`` and ``#1`` in the text that comes of it; an empty comment parts them.
    """
    clipped = clip(" ".join(visible(text).split()), most)
    escaped = _MARKUP.sub(_reference, clipped.text)
    escaped = re.sub(r"^(\d+)([.)])", r"\1\\\2", escaped)
    escaped = re.sub(r"^([-+])", r"\\\1", escaped)
    return escaped + (f" ({clipped.length:,} characters)" if clipped.length else "")


def _reference(found: re.Match[str]) -> str:
    mark = found.group()
    if mark in "@#":
        return f"&#{ord(mark)};<!-- -->"
    if mark.lower() == "gh-":
        return f"{mark[:2]}<!-- -->-"
    if mark.lower() == "www.":
        return f"{mark[:3]}&#46;"
    return f"&#{ord(mark[0])};{mark[1:]}"
