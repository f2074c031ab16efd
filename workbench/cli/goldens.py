"""``workbench goldens check`` and ``agreement``: do the answers hold, and how far do two labellers agree?"""

from pathlib import Path
from typing import Any

import click
from rich.table import Table

from workbench.agreement import Agreement, agree
from workbench.articles import Article
from workbench.cli.common import as_json, print_json, project, source, stdout, task_of
from workbench.errors import AnswerIsNo
from workbench.evidence import Text
from workbench.goldens import Goldens, read_goldens
from workbench.report.terminal import plain, short_paths
from workbench.schema import Copied, copied_texts, form

__all__ = ["agreement", "goldens"]


@click.group()
def goldens() -> None:
    """The hand-labelled answers."""


@goldens.command()
@click.argument("articles", nargs=-1)
@click.option("--task", help="The task whose goldens are meant; the project's own if not given.")
@as_json
def check(articles: tuple[str, ...], task: str | None, as_json: bool) -> None:
    """Check every golden against schema, version and text; exit 1 if one does not hold.

    ARTICLES are the files or folders whose texts the goldens answer; the project's own if not given. A value that its article does not
    have is reported, and so is an article that no golden answers.
    """
    here = project()
    found = task_of(here, task)
    answers = read_goldens(here.path("goldens") / found.name, found.schema)
    texts = [article for article in source(articles, here).read() if isinstance(article, Article)]
    missing = {golden: values for golden, values in _missing(answers, texts, form(found.schema)).items() if values}
    unanswered = [article.id for article in texts if article.hash not in answers.by_text]
    if as_json:
        print_json(
            {"goldens": len(answers.by_id), "articles": len(texts), "not_found": missing, "unanswered": unanswered}
        )
    else:
        out = stdout()
        out.print(
            f"{len(answers.by_id)} goldens are of the schema's form and version; {len(texts)} articles were looked through"
        )
        for golden, values in missing.items():
            for at, value in values.items():
                out.print(f"{golden} {at}: {value!r} stands nowhere in the article", markup=False)
        for article in unanswered:
            out.print(f"{article}: no golden answers this text", markup=False)
    if missing or unanswered:
        raise AnswerIsNo(
            f"{sum(map(len, missing.values()))} values were not found, {len(unanswered)} articles have no golden"
        )


def _missing(answers: Goldens, texts: list[Article], shape: Any) -> dict[str, dict[str, str]]:
    """For each golden the values, by JSON Pointer, that an article of its does not have."""
    found: dict[str, dict[str, str]] = {}
    for article in texts:
        golden = answers.by_text.get(article.hash)
        if golden:
            text = Text(article.text)
            values: list[Copied] = list(copied_texts(shape.model_validate(golden.record)))
            found[golden.id] = {value.at: value.text for value in values if not text.find(value.text)}
    return found


@click.command()
@click.argument("first", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("second", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--task", help="The task whose schema is meant; the project's own if not given.")
@as_json
def agreement(first: Path, second: Path, task: str | None, as_json: bool) -> None:
    """Hold two labellings against each other: F1 between the labellers, by field, with its interval over articles."""
    here = project()
    schema = task_of(here, task).schema
    result = agree(read_goldens(first, schema), read_goldens(second, schema), schema)
    if as_json:
        print_json(result.to_json())
        return
    out = stdout()
    out.print(_fields(result))
    out.print()
    out.print(
        f"agreement F1 {result.interval} over {len(result.articles)} articles (95% interval); micro {result.micro.f1:.3f}"
    )
    for which, ids in (("first", result.only_first), ("second", result.only_second)):
        if ids:
            out.print(f"only in the {which}, not counted: {', '.join(ids)}", markup=False)


def _fields(result: Agreement) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("field", no_wrap=True)
    for name in ("F1", "kappa", "leaves", "same", "differ", "first only", "second only"):
        table.add_column(name, justify="right")
    names = short_paths(result.fields)
    counted = {
        path: tally for path, tally in result.fields.items() if sum(tally.counts.values()) > tally.counts["absent"]
    }
    for path, tally in sorted(counted.items(), key=lambda item: (item[1].f1, item[0])):
        counts = tally.counts
        kappa = result.kappa(path)
        table.add_row(
            plain(names[path]),
            f"{tally.f1:.3f}",
            "" if kappa is None else f"{kappa:.2f}",
            str(sum(counts.values()) - counts["absent"]),
            *(str(counts[verdict] or "") for verdict in ("correct", "mismatch", "omission", "hallucination")),
        )
    return table
