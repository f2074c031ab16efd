"""``workbench eval``, ``diff`` and ``show``: what a run is worth."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from workbench.cli.common import (
    as_json,
    evaluation_of,
    language,
    print_json,
    project,
    run_called,
    stderr,
    stdout,
    the_run,
)
from workbench.compare import check_same_task, compare
from workbench.errors import RunError
from workbench.evaluate import ArticleScore, Evaluation
from workbench.extract import Extraction
from workbench.gates import ended, field_paths, judge, no_worse_than, parse_gate, require
from workbench.report.markdown import report as markdown_report
from workbench.report.plain import report
from workbench.report.reliability import reliability_table
from workbench.report.terminal import (
    LEGEND,
    articles_table,
    extraction_view,
    fields_table,
    headline,
    note_line,
    short_paths,
)
from workbench.report.terminal import diff as diff_view
from workbench.runs import Run
from workbench.settings import Project
from workbench.texts import texts_in

__all__ = ["diff", "evaluate", "show"]

run_option = click.option(
    "--run", "folder", type=click.Path(path_type=Path), help="A run, by folder or by name; the last run if not given."
)


@click.command("eval")
@click.argument("folder", metavar="[RUN]", required=False, type=click.Path(path_type=Path))
@click.option(
    "--goldens", metavar="FOLDER", type=click.Path(path_type=Path), help="Goldens other than the project's own."
)
@click.option(
    "--fail-under", multiple=True, metavar="NAME=LEAST", help="F1, precision, recall or a field, such as F1=0.9."
)
@click.option(
    "--no-worse-than",
    "baseline",
    metavar="RUN",
    type=click.Path(path_type=Path),
    help="Hold it against a run, by folder or by name.",
)
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write a page that opens from disk.")
@click.option("--markdown", type=click.Path(path_type=Path, dir_okay=False), help="Write a summary for a pull request.")
@click.option("--margin", default=0.0, show_default=True, help="How much worse than that run is still let through.")
@as_json
def evaluate(  # noqa: PLR0917 - click gives each option by its name
    folder: Path | None,
    goldens: Path | None,
    fail_under: tuple[str, ...],
    baseline: Path | None,
    html: Path | None,
    markdown: Path | None,
    margin: float,
    as_json: bool,
) -> None:
    """Score a run (the last one, if none is named) against the goldens, by article and by field.

    --fail-under and --no-worse-than are gates: they hold on the lower bound of the 95% interval over articles, and exit with 1 if they do not.
    """
    here = project()
    run = the_run(here, folder)
    task, evaluation = evaluation_of(here, run, goldens)
    fields = short_paths(field_paths(task.schema, evaluation))
    judgements = [judge(parse_gate(gate, fields), evaluation) for gate in fail_under]
    judged = [run]
    if baseline is not None:
        judged.append(run_called(here, baseline))
        check_same_task(judged[-1].info, run.info)
        judgements.append(no_worse_than(compare(evaluation_of(here, judged[-1], goldens)[1], evaluation), margin))
    if judgements:
        judgements += [ended(one.info) for one in judged if one.info.finished is None]
    if html:
        _write(html, _page(here, run, evaluation))
    if markdown:
        _write(markdown, markdown_report(evaluation, title=f"{run.info.task}: {run.info.id}", language=language()))
    if as_json:
        gates = [asdict(judgement) for judgement in judgements]
        print_json({"run": str(run.folder), **report(evaluation).model_dump(mode="json"), "gates": gates})
    else:
        out = stdout()
        out.print(articles_table(evaluation))
        out.print()
        out.print(fields_table(evaluation.fields))
        out.print()
        if evaluation.reliability:
            out.print(reliability_table(evaluation.reliability), soft_wrap=True)
            out.print()
        out.print(headline(evaluation))
        out.print(f"run folder  {run.folder}", markup=False, soft_wrap=True)
        for judgement in judgements:
            out.print(f"{'passed' if judgement.passed else 'FAILED'}  {judgement.reason}", markup=False)
    require(judgements)


@click.command()
@click.argument("articles", nargs=-1)
@run_option
@click.option("--all", "everything", is_flag=True, help="Also what agrees.")
@as_json
def diff(articles: tuple[str, ...], folder: Path | None, everything: bool, as_json: bool) -> None:
    """Show where records differ from their goldens, leaf by leaf, with the reason.

    ARTICLES are ids; without them every article is shown.
    """
    here = project()
    run = the_run(here, folder)
    evaluation = evaluation_of(here, run)[1]
    chosen = _chosen(evaluation, articles, run)
    if as_json:
        print_json(
            {
                "run": str(run.folder),
                "articles": [_difference(article) for article in chosen],
                "notes": list(evaluation.notes),
            }
        )
        return
    out = stdout()
    for article in chosen:
        out.print(diff_view(article, language(), everything=everything))
        out.print()
    out.print(LEGEND)
    for note in evaluation.notes:
        out.print(note_line(note))


def _difference(article: ArticleScore) -> dict[str, Any]:
    """One article of ``diff --json``; the figures are those of ``eval``, which counts an article without a record as 0."""
    extraction = article.extraction
    known = {"article": extraction.article, "state": extraction.state, "reason": extraction.reason}
    if article.score is None:
        return known
    figures = {"f1": article.f1, "precision": article.precision, "recall": article.recall}
    return {**known, **article.score.to_json(language()), **figures}


@click.command()
@click.argument("article")
@run_option
@as_json
def show(article: str, folder: Path | None, as_json: bool) -> None:
    """Show one article's extraction: the record, the passage behind each value, the findings."""
    here = project()
    run = the_run(here, folder)
    found = _find(run, article)
    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    stdout().print(extraction_view(found))


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    stderr().print(f"written  {file}", markup=False)


def _page(here: Project, run: Run, evaluation: Evaluation) -> str:
    from workbench.report.html import report as html_report  # noqa: PLC0415 - templates, which only this needs

    info = {
        "run": run.info.id,
        "started": run.info.started.isoformat(),
        "task": run.info.task,
        "model": run.info.model,
        "endpoint": run.info.endpoint or "replayed",
    }
    return html_report(
        evaluation, texts_in(here.root), title=f"{run.info.task}: {run.info.id}", language=language(), info=info
    )


def _chosen(evaluation: Evaluation, ids: tuple[str, ...], run: Run) -> list[ArticleScore]:
    known = {article.extraction.article: article for article in evaluation.articles}
    for wanted in ids:
        if wanted not in known:
            raise _unknown(wanted, run)
    return [known[wanted] for wanted in ids] if ids else list(evaluation.articles)


def _find(run: Run, article: str) -> Extraction:
    for extraction in run.extractions():
        if extraction.article == article:
            return extraction
    raise _unknown(article, run)


def _unknown(article: str, run: Run) -> RunError:
    some = ", ".join(extraction.article for extraction, _ in zip(run.extractions(), range(5), strict=False))
    return RunError(f"no article {article!r} in this run", where=str(run.folder), expected=f"an id, such as {some}")
