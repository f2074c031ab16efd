"""``workbench compare``: a run against a run, and how it is shown."""

from pathlib import Path

import click
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from workbench.cli.common import as_json, evaluation_of, print_json, project, run_called, stdout
from workbench.compare import Comparison, asked_differently, check_same_task
from workbench.compare import compare as compare_runs
from workbench.report.terminal import note_line, plain, short_paths

__all__ = ["compare", "comparison_view"]

MOST_ARTICLES = 20
"""So many articles are shown; --json has them all."""


@click.command()
@click.argument("run_a", type=click.Path(path_type=Path))
@click.argument("run_b", type=click.Path(path_type=Path))
@click.option(
    "--goldens",
    "folder",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="A folder of goldens; the project's own if not given.",
)
@as_json
def compare(run_a: Path, run_b: Path, folder: Path | None, as_json: bool) -> None:
    """Compare RUN_B with RUN_A, the baseline: by how much it is better or worse, and where.

    Each is named by its folder, or by its name in the project's runs. Both are scored against the same goldens, and paired by article.
    """
    here = project()
    baseline, candidate = run_called(here, run_a), run_called(here, run_b)
    check_same_task(baseline.info, candidate.info)
    comparison = compare_runs(
        evaluation_of(here, baseline, folder)[1],
        evaluation_of(here, candidate, folder)[1],
        asked_differently(baseline.info, candidate.info),
    )
    if as_json:
        print_json(
            {"runs": {"baseline": str(baseline.folder), "candidate": str(candidate.folder)}, **comparison.to_json()}
        )
        return
    out = stdout()
    out.print(Text.assemble(("A  ", "bold"), plain(baseline.folder), ("  (the baseline)", "dim")))
    out.print(Text.assemble(("B  ", "bold"), plain(candidate.folder)))
    out.print()
    out.print(comparison_view(comparison))


def comparison_view(comparison: Comparison) -> RenderableType:
    """The answer and its figures, then its notes, what was asked differently, and the fields and articles that changed."""
    parts: list[RenderableType] = [_headline(comparison)]
    # What limits the figures stands beside them, not below the tables.
    parts += [note_line(note) for note in comparison.notes]
    for run, ids in (("A", comparison.only_baseline), ("B", comparison.only_candidate)):
        if ids:
            parts.append(Text.assemble((f"only in {run}, not counted  ", "yellow"), plain(", ".join(ids))))
    if comparison.asked:
        parts += [Text(), _asked(comparison)]
    return Group(*parts, Text(), _fields(comparison), Text(), _articles(comparison))


def _headline(comparison: Comparison) -> RenderableType:
    change = comparison.change
    answer = {"better": "B is better than A", "worse": "B is worse than A", "undecided": "undecided"}[comparison.answer]
    why = "" if comparison.answer != "undecided" else ": a difference such as this may be chance"
    if not change.wins + change.losses:
        why = ": both score the same on every article"
    style = {"better": "bold green", "worse": "bold red", "undecided": "bold"}[comparison.answer]
    bounds = change.clipped()
    seen = (
        "what difference these articles could have shown is not known: they do not differ"
        if change.detectable is None
        else f"these articles would show a true difference of {change.detectable:.3f} four times in five"
    )
    return Group(
        Text.assemble((answer, style), why),
        Text.assemble(
            ("F1  ", "bold"),
            f"A {comparison.baseline.mean:.3f}   B {comparison.candidate.mean:.3f}   "
            f"B − A {change.difference:+.3f} {f'[{bounds[0]:+.3f}, {bounds[1]:+.3f}]' if bounds else '(no interval)'}   "
            f"p {_p(change.p)}",
        ),
        Text(
            f"{change.n} articles in both: B better on {change.wins}, same on {change.ties}, worse on {change.losses}"
        ),
        Text(seen, style="dim"),
    )


def _asked(comparison: Comparison) -> RenderableType:
    table = _table("asked differently", "A", "B", folded=3)
    for question in comparison.asked:
        table.add_row(plain(question.what), plain(_short(question.baseline)), plain(_short(question.candidate)))
    return table


def _fields(comparison: Comparison) -> RenderableType:
    changed = [field for field in comparison.fields if field.change.wins or field.change.losses]
    same = Text(f"{len(comparison.fields) - len(changed)} fields score the same on every article", style="dim")
    if not changed:
        return same
    table = _table("field", "A", "B", "B − A", "p", "p (Holm)", "articles")
    names = short_paths(field.path for field in comparison.fields)
    for field in changed:
        table.add_row(
            plain(names[field.path]),
            f"{field.baseline:.3f}",
            f"{field.candidate:.3f}",
            _signed(field.change.difference),
            _p(field.change.p),
            _p(field.p_adjusted),
            str(field.change.n),
        )
    legend = Text(f"p (Holm): p raised for having looked at {len(comparison.fields)} fields", style="dim")
    return Group(table, legend, same)


def _articles(comparison: Comparison) -> RenderableType:
    table = _table("article", "A", "B", "B − A", "state")
    for article in comparison.articles[:MOST_ARTICLES]:
        before, after = article.states
        table.add_row(
            plain(article.article),
            f"{article.baseline:.3f}",
            f"{article.candidate:.3f}",
            _signed(article.difference),
            before if before == after else f"{before} → {after}",
        )
    more = len(comparison.articles) - MOST_ARTICLES
    return Group(table, Text(f"and {more} more that lost less or gained", style="dim")) if more > 0 else table


def _table(first: str, *columns: str, folded: int = 1) -> Table:
    """Words on the left, folded where they are long; figures on the right."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(first, overflow="fold", min_width=8)
    for index, column in enumerate(columns, start=1):
        if index < folded:
            table.add_column(column, overflow="fold")
        else:
            table.add_column(column, justify="right", no_wrap=True)
    return table


def _signed(difference: float) -> Text:
    if abs(difference) < 0.0005:
        return Text("same" if not difference else f"{difference:+.3f}", style="dim")
    return Text(f"{difference:+.3f}", style="green" if difference > 0 else "red")


def _p(p: float) -> str:
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def _short(value: object) -> object:
    """A hash needs only its first letters to be told from another."""
    return value[:13] if isinstance(value, str) and value.startswith("sha256:") else value
