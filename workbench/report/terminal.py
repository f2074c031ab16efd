"""Runs, evaluations and diffs in a terminal: tables whose columns hold Hangul, colours that are never the only sign."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from itertools import islice

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from workbench.evaluate import ArticleScore, Evaluation
from workbench.extract import Extraction, State
from workbench.prices import Cost
from workbench.schema import scalars
from workbench.scoring import Language, Leaf, Tally, Verdict

__all__ = [
    "COUNTED",
    "LEGEND",
    "SIGNS",
    "articles_table",
    "cost_words",
    "diff",
    "extraction_view",
    "fields_table",
    "headline",
    "note_line",
    "outcome",
    "plain",
    "short_paths",
]

STYLES: Mapping[Verdict, str] = {
    "correct": "green",
    "mismatch": "yellow",
    "omission": "red",
    "hallucination": "magenta",
    "absent": "dim",
}
SIGNS: Mapping[Verdict, str] = {"correct": "=", "mismatch": "≠", "omission": "−", "hallucination": "+", "absent": " "}
COUNTED: tuple[Verdict, ...] = ("correct", "mismatch", "omission", "hallucination")
SHORT_ID = 24
"""Letters of an article's id that always stand on one line."""
SHOWN = 5
"""Reasons that are shown of each state; further ones are counted."""
LEGEND = Text("   ".join(f"{SIGNS[verdict]} {verdict}" for verdict in COUNTED), style="dim")
"""What the signs mean."""


def plain(value: object) -> Text:
    """A value as text that cannot speak to the terminal: control characters are shown, not sent."""
    if value is None:
        return Text("—", style="dim")
    shown = "".join(
        letter if letter.isprintable() or letter == "\n" else f"\\x{ord(letter):02x}" for letter in str(value)
    )
    return Text(shown)


def note_line(words: str) -> Text:
    """Something that a person should know, beside figures or before them."""
    return Text.assemble(("note  ", "yellow"), plain(words))


def short_paths(paths: Iterable[str]) -> dict[str, str]:
    """Field paths without what all of them begin with: ``orders[].items[].price`` → ``items.price``."""
    paths = list(paths)
    roots = {path.partition("[].")[0] for path in paths}
    shared = f"{roots.pop()}[]." if len(roots) == 1 else ""
    return {path: path.removeprefix(shared).replace("[]", "") for path in paths}


def outcome(evaluation: Evaluation, states: Counter[State]) -> RenderableType:
    """What came of a run: each article, why those without a record have none, and the figures.

    Args:
        evaluation: Of the run, or where it is large of those of its articles that have a golden.
        states: How many of all its articles ended in each.
    """
    parts: list[RenderableType] = []
    counted = f"{states.total():,} articles: " + ", ".join(f"{count:,} {name}" for name, count in states.most_common())
    if in_part := states.total() > len(evaluation.articles):
        parts.append(f"{counted}; below are those that have a golden\n")
    parts += [articles_table(evaluation), *_reasons(evaluation)]
    if not in_part and len(states) > 1:
        parts += ["", counted]
    if evaluation.scored:
        parts += ["", fields_table(evaluation.fields)]
    return Group(*parts, "", headline(evaluation))


def _reasons(evaluation: Evaluation) -> Iterator[RenderableType]:
    """Why articles have no record, each reason once; a night's run may have a thousand of a kind."""
    by_state: dict[State, dict[str, list[str]]] = {}
    for article in evaluation.articles:
        one = article.extraction
        if one.reason:
            by_state.setdefault(one.state, {}).setdefault(one.reason, []).append(one.article)
    for state, reasons in by_state.items():
        for reason, articles in islice(reasons.items(), SHOWN):
            more = f" and {len(articles) - 1:,} more" if len(articles) > 1 else ""
            yield plain(f"\n{articles[0]}{more}: {reason}")
        if rest := sum(map(len, islice(reasons.values(), SHOWN, None))):
            yield plain(f"\n{rest:,} more {state}, each with its reason in the run's failures.jsonl")


def articles_table(evaluation: Evaluation) -> RenderableType:
    """A row an article: state, values, quotes found, and its measures where it has a golden."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    short = all(len(article.extraction.article) <= SHORT_ID for article in evaluation.articles)
    table.add_column("article", overflow="fold", min_width=8, no_wrap=short)
    table.add_column("state", no_wrap=True)
    for name in ("values", "quotes", "precision", "recall", "F1"):
        table.add_column(name, justify="right")
    table.add_column("worst field", overflow="fold")
    names = short_paths(evaluation.fields)
    for article in evaluation.articles:
        extraction = article.extraction
        measures = (article.precision, article.recall, article.f1) if article.score else (None, None, None)
        table.add_row(
            plain(extraction.article),
            Text(extraction.state, style="green" if extraction.state == "ok" else "red"),
            str(article.filled) if extraction.state == "ok" else "—",
            f"{article.grounded}/{extraction.quotes}" if extraction.quotes else "—",
            *("—" if measure is None else f"{measure:.3f}" for measure in measures),
            names[article.worst] if article.worst else "",
        )
    return table


def headline(evaluation: Evaluation) -> RenderableType:
    """The figures in two lines, and the notes that belong beside them."""
    lines = []
    if evaluation.interval is not None:
        micro = evaluation.micro
        lines += [
            Text.assemble(
                ("F1 ", "bold"),
                (str(evaluation.interval), "bold green"),
                f"   precision {evaluation.precision:.3f}   recall {evaluation.recall:.3f}"
                f"   (means over {len(evaluation.scored)} articles, 95% interval)",
            ),
            Text(
                f"micro F1 {micro.f1:.3f} over {sum(n for v, n in micro.counts.items() if v != 'absent')} leaves: "
                + ", ".join(f"{count} {verdict}" for verdict, count in micro.counts.items() if verdict != "absent"),
                style="dim",
            ),
        ]
    if evaluation.grounded is not None and evaluation.contained is not None:
        lines.append(
            Text(
                f"evidence: {evaluation.grounded:.1%} of quotes found, {evaluation.contained:.1%} of values inside their quote",
                style="dim",
            )
        )
    lines += [note_line(note) for note in evaluation.notes]
    return Group(*lines)


def fields_table(fields: Mapping[str, Tally]) -> RenderableType:
    """A row a field, the worst first: measures over all leaves of all articles, and the verdicts counted."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("field (micro)", no_wrap=True)
    for name in ("F1", "precision", "recall"):
        table.add_column(name, justify="right")
    for verdict in COUNTED:
        table.add_column(SIGNS[verdict], justify="right", style=STYLES[verdict], min_width=4)
    names = short_paths(fields)
    counted = {path: tally for path, tally in fields.items() if any(tally.counts[verdict] for verdict in COUNTED)}
    for path, tally in sorted(counted.items(), key=lambda item: (item[1].f1, item[0])):
        table.add_row(
            names[path],
            f"{tally.f1:.3f}",
            f"{tally.precision:.3f}",
            f"{tally.recall:.3f}",
            *(str(tally.counts[verdict] or "") for verdict in COUNTED),
        )
    return Group(table, LEGEND)


def diff(article: ArticleScore, language: Language, *, everything: bool = False) -> RenderableType:
    """A record beside its golden, leaf by leaf; only what differs, unless ``everything``."""
    extraction = article.extraction
    title = Text.assemble(plain(extraction.article), style="bold")
    if article.score is None:
        return Group(title, Text("  no golden answers this text", style="dim"))
    title.append(
        f"   {extraction.state}   F1 {article.f1:.3f}   precision {article.precision:.3f}   recall {article.recall:.3f}"
    )
    names = short_paths(leaf.path for leaf in article.score.leaves)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold", expand=True)
    table.add_column("", no_wrap=True)
    table.add_column("field", no_wrap=True)
    table.add_column("golden", ratio=1, overflow="fold")
    table.add_column("record", ratio=1, overflow="fold")
    shown = [
        leaf for leaf in article.score.leaves if leaf.verdict != "absent" and (everything or leaf.verdict != "correct")
    ]
    for leaf in shown:
        table.add_row(*_leaf_row(leaf, names[leaf.path], language))
    parts: list[RenderableType] = [title]
    if extraction.reason:
        parts.append(Padding(plain(extraction.reason), (0, 0, 0, 2)))
    parts.append(table if shown else Text("  nothing differs", style="green"))
    counted = Counter(finding.name for finding in extraction.findings)
    if counted:
        parts.append(Text("! " + ", ".join(f"{count} {name}" for name, count in counted.items()), style="yellow"))
    return Group(*parts)


def _leaf_row(leaf: Leaf, name: str, language: Language) -> tuple[Text, ...]:
    style = STYLES[leaf.verdict]
    at = leaf.golden_at or leaf.record_at or ""
    numbers = "".join(f" {int(number) + 1}" for number in re.findall(r"/(\d+)", at)[1:])
    record = plain(leaf.record)
    if leaf.verdict == "mismatch":  # of the others the sign says it all
        record.append(f"\n{leaf.reason.words(language)}", style="dim")
    return Text(SIGNS[leaf.verdict], style=style), Text(name + numbers, style=style), plain(leaf.golden), record


def extraction_view(extraction: Extraction) -> RenderableType:
    """One extraction: its record, where each quote and value stands in the article (code points), and its findings."""
    parts: list[RenderableType] = [
        Text.assemble(plain(extraction.article), f"   {extraction.state}   ", plain(extraction.place), style="bold")
    ]
    if extraction.reason:
        parts.append(plain(extraction.reason))
    if extraction.record is not None:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold", expand=True)
        table.add_column("field", ratio=2, overflow="fold")
        table.add_column("value", ratio=3, overflow="fold")
        table.add_column("stands at", no_wrap=True, justify="right")
        for at, value in scalars(extraction.record):
            if value is None:
                continue
            span = extraction.spans.get(at)
            shown = plain(value)
            if at.endswith("/quote"):
                shown.stylize("dim")
            if (read := extraction.readings.get(at)) and read.code:
                shown.append(f"  → {read}", style="dim")
            table.add_row(Text(at, style="dim"), shown, f"{span[0]}–{span[1]}" if span else "")
        parts.append(table)
    parts += [
        Text.assemble((f"! {finding.name}  ", "yellow"), (f"{finding.at}  ", "dim"), plain(finding.says))
        for finding in extraction.findings
    ]
    return Group(*parts)


def cost_words(cost: Cost | None, model: str) -> str:
    """What was paid, in words; an unknown price is said, never shown as nothing."""
    if cost is None:
        return f"cost unknown: there is no price for {model} at this endpoint"
    if not cost.amount:
        return "nothing to pay"
    least = Decimal("0.0001")
    return f"{cost.amount:.4f} {cost.currency}" if cost.amount >= least else f"less than {least} {cost.currency}"
