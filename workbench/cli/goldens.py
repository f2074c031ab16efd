"""``workbench goldens check`` and ``agreement``: do the answers hold, and how far do two labellers agree?"""

from pathlib import Path

import click
from rich.table import Table

from workbench.agreement import Agreement, agree, look_up
from workbench.articles import Article
from workbench.cli.common import as_json, print_json, project, source, stdout, task_of
from workbench.errors import AnswerIsNo
from workbench.goldens import read_goldens
from workbench.report.terminal import plain, short_paths

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

    ARTICLES are the files or folders whose texts the goldens answer; the project's own if not given. A value is reported that one of its
    golden's articles does not have, an alternate that none of them has, and an article that no golden answers. Goldens none of whose articles
    is given are named as not looked at, and fail nothing.

    A golden that cannot be read, or is not of the schema's form and version, ends the check with exit 2: the first such is named.
    """
    here = project()
    found = task_of(here, task)
    answers = read_goldens(here.path("goldens") / found.name, found.schema)
    texts = [article for article in source(articles, here).read() if isinstance(article, Article)]
    standing = look_up(answers, texts, found.schema)
    if as_json:
        print_json({"goldens": len(answers.by_id), "articles": len(texts), **standing.to_json()})
    else:
        out = stdout()
        out.print(
            f"{len(answers.by_id)} goldens are of the schema's form and version; {len(texts)} articles were looked through"
        )
        for golden, values in standing.missing.items():
            for at, value in values.items():
                out.print(f"{golden} {at}: {value!r} is missing from an article that it answers", markup=False)
        for golden, alternates in standing.alternates.items():
            for at, others in alternates.items():
                for value in others:
                    out.print(f"{golden} {at}: the alternate {value!r} stands in none of its articles", markup=False)
        for article in standing.unanswered:
            out.print(f"{article}: no golden answers this text", markup=False)
        if standing.unseen:
            out.print(f"not looked at: {', '.join(standing.unseen)} (their articles are not among these)", markup=False)
    if standing.lost or standing.unanswered:
        raise AnswerIsNo(f"{standing.lost} values were not found, {len(standing.unanswered)} articles have no golden")


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
