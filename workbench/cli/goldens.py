"""``workbench goldens check`` and ``agreement``: do the answers hold, and how far do two labellers agree?"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import click
from rich.table import Table
from rich.text import Text

from workbench.agreement import Agreement, Containment, agree, look_up
from workbench.articles import Article
from workbench.canonical import canonical_json
from workbench.carryover import Carryover, by_field, carry_over, survey
from workbench.cli.common import as_json, check_may_write, print_json, project, source, stdout, task_of
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
@click.option(
    "--goldens",
    "folder",
    metavar="FOLDER",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Goldens other than the project's own.",
)
@click.option("--write", is_flag=True, help="Carry renamed fields over, and set the version of goldens that then fit.")
@click.option("--allow-writes", is_flag=True, help="Write even where CI is set.")
@as_json
def check(  # noqa: PLR0917 - click gives each option by its name
    articles: tuple[str, ...], task: str | None, folder: Path | None, write: bool, allow_writes: bool, as_json: bool
) -> None:
    """Check every golden against schema, version and text; exit 1 if one does not hold.

    After a change of the schema: what of each golden fits, what is carried over because its field says Formerly(NAME), what is to be labelled
    (null where the article says nothing), and what the schema has no place for. --write carries over, in the goldens and in the log of decisions
    on them, and changes nothing else in the files; nothing is dropped.

    ARTICLES are the files or folders whose texts the goldens answer; the project's own if not given. A value is reported that one of its
    golden's articles does not have, an alternate that none of them has, and an article that no golden answers. Goldens none of whose articles
    is given are named as not looked at, and fail nothing. A file that is no golden ends the check with exit 2.
    """
    from workbench.decisions import Log  # noqa: PLC0415 - every command imports this module

    here = project()
    found = task_of(here, task)
    place = folder or here.path("goldens") / found.name
    if write:
        check_may_write(allowed=allow_writes)
    answers, changes = survey(place, found.schema)
    log = Log(place)
    decided = log.carry_over(found.schema) if write else log.outdated(found.schema)
    written = [change for change in changes if write and change.writes]
    for change in written:
        carry_over(change)
    if written:
        answers, _ = survey(place, found.schema)
    waiting = [change for change in changes if not (write and change.settled)]
    answered = {text for change in waiting for text in change.texts}
    texts = [one for one in source(articles, here).read() if isinstance(one, Article) and one.hash not in answered]
    containment = look_up(answers, texts, found.schema)
    if as_json:
        print_json(
            {
                "goldens": len(answers.by_id) + len(waiting),
                "articles": len(texts),
                "changed": {change.golden: {**change.to_json(), "written": change in written} for change in changes},
                "to_be_labelled": dict(by_field(changes)),
                "decisions_carried_over": decided,
                **containment.to_json(),
            }
        )
    else:
        out = stdout()
        for change in changes:
            out.print(_change(change, written=change in written))
        if decided:
            out.print(plain(f"{log.file.name}: {decided} lines name renamed fields" + ("; written" if write else "")))
        for field, places in by_field(changes).most_common():
            out.print(plain(f"to be labelled  {field}: {places} places"))
        out.print(
            f"{len(answers.by_id)} goldens are of the schema's form and version; {len(texts)} articles were looked through"
        )
        for line in _containment(containment):
            out.print(plain(line))
    _require(waiting, containment)


def _require(waiting: Sequence[Carryover], containment: Containment) -> None:
    """Go on if every golden holds.

    Raises:
        AnswerIsNo: If one does not, or an article has none.
    """
    if waiting:
        settled = sum(change.settled for change in waiting)
        raise AnswerIsNo(
            f"{len(waiting)} goldens are not of the schema's form and version",
            expected=f"version {waiting[0].wanted}",
            way_out=f"{settled} of them fit once --write has carried them over"
            if settled
            else "label what is listed above",
        )
    if containment.lost or containment.unanswered:
        lost, unanswered = containment.lost, len(containment.unanswered)
        raise AnswerIsNo(f"{lost} values were not found, {unanswered} articles have no golden")


def _change(change: Carryover, *, written: bool) -> Text:
    versions = f"answers version {change.version}, the schema is version {change.wanted}"
    if change.version == change.wanted:
        versions = f"is not of the schema's form, though of its version, {change.wanted}"
    lines = [f"{change.golden} {versions}: {change.fits} values fit" + ("; written" if written else "")]
    lines += [f"  carried over    {now} (was {before})" for before, now in change.renamed.items()]
    lines += [f"  to be labelled  {at}" for at in change.missing]
    lines += [f"  no place for    {at}: {canonical_json(value)}" for at, value in change.gone.items()]
    lines += [f"  does not fit    {at or 'the record'}: {why}" for at, why in change.unfit.items()]
    return plain("\n".join(lines))


def _containment(containment: Containment) -> Iterator[str]:
    for golden, values in containment.missing.items():
        for at, value in values.items():
            yield f"{golden} {at}: {value!r} is missing from an article that it answers"
    for golden, alternates in containment.alternates.items():
        for at, others in alternates.items():
            for value in others:
                yield f"{golden} {at}: the alternate {value!r} stands in none of its articles"
    for article in containment.unanswered:
        yield f"{article}: no golden answers this text"
    if containment.unseen:
        yield f"not looked at: {', '.join(containment.unseen)} (their articles are not among these)"


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
