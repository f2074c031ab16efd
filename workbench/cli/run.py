"""``workbench run``: articles in, a run folder out; several where several models or samples are asked for."""

import asyncio
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, Unpack, get_args

import click
from rich.table import Table

from workbench.batching import tell_all, telling
from workbench.cli.asking import JobOptions, count_articles, job_of, job_options, named_run, say_what
from workbench.cli.common import as_json, cost_fields, print_json, project, say, say_note, stderr, stdout
from workbench.cli.estimate import dry_run_of
from workbench.cli.made import evaluation_of_made, figures
from workbench.cli.progress import events, notice, progress
from workbench.completions import Usage
from workbench.errors import SettingsError
from workbench.evaluate import Evaluation
from workbench.extract import State
from workbench.goldens import read_goldens
from workbench.jobs import Job, Resume
from workbench.live import live
from workbench.prices import Cost
from workbench.recordings import Recordings
from workbench.report.terminal import cost_words, note_line, outcome, plain
from workbench.resume import REDONE, check_asked
from workbench.runs import Run, latest_run
from workbench.settings import Project
from workbench.sittings import replaying, run_job
from workbench.summary import Summary, Watch
from workbench.texts import texts_in
from workbench.underway import check_none_under_way

__all__ = ["run"]

STATE = click.Choice(get_args(State))


@click.command()
@job_options
@click.option(
    "--model", "models", multiple=True, help="A model of the settings, or its name at the endpoint; may be repeated."
)
@click.option(
    "--samples",
    type=click.IntRange(1, 1000),
    default=1,
    help="Ask each article so many times, each time for a run of its own.",
)
@click.option("--replay", is_flag=True, help="Answer from recordings only: no key, no network.")
@click.option("--refresh", is_flag=True, help="Ask again what is recorded, and record the new answer.")
@click.option("--resume", "resumed", metavar="RUN", help="Go on with a run: what it has not done, or could not.")
@click.option("--retry", multiple=True, type=STATE, help="When going on, ask these anew too, as another sample.")
@click.option("--only", multiple=True, type=STATE, help="Do nothing but what ended so, in RUN or in the last run.")
@click.option("--new", is_flag=True, help="With --resume: start another run of that run's articles instead.")
@click.option(
    "--engine",
    type=click.Choice(["local", "dask"]),
    default="local",
    help="In this process, or over the workers of a Dask cluster (docs/cluster.md).",
)
@click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="With --engine dask: the cluster's scheduler; without it this machine's cores are used.",
)
@click.option("--events", "as_events", is_flag=True, help="Tell of progress in JSON Lines on stderr.")
@click.option("--dry-run", is_flag=True, help="Say what would be sent and what it would cost; send nothing.")
@as_json
def run(  # noqa: PLR0917 - click gives each option by its name
    models: tuple[str, ...],
    samples: int,
    replay: bool,
    refresh: bool,
    resumed: str | None,
    retry: tuple[State, ...],
    only: tuple[State, ...],
    new: bool,
    engine: Literal["local", "dask"],
    scheduler: str | None,
    as_events: bool,
    dry_run: bool,
    as_json: bool,
    **options: Unpack[JobOptions],
) -> None:
    """Extract a record from every article.

    ARTICLES are files or folders (.txt, .md, .html, .jsonl), or - for standard input; without them the project's own are taken. What is
    recorded is replayed, the rest is sent to the endpoint and recorded. With neither key nor endpoint everything is replayed. Of more than
    1,000 articles only those that have a golden are shown, here and with --json: the others are in the run's folder.

    --resume takes the articles, the task and the model from RUN and goes on with it: what was never done, and what ended failed, unspent
    or missed. A run pays for nothing twice. With --dry-run it says what that would cost.

    Several --model and --samples make a run for each model and sample, one after the other, within one budget: `workbench vote` merges
    them, `workbench compare` tells which is better.
    """
    if replay and (refresh or options["base_url"]):
        raise click.UsageError("--replay sends nothing: it goes with neither --refresh nor --base-url")
    _check_engine(engine, scheduler, replay=replay)
    here = project()
    earlier = _earlier(here, resumed, going_on=bool(only), new=new)
    _check_options(earlier, retry, only, new=new, refresh=refresh)
    if earlier and (len(models) > 1 or samples > 1):
        raise click.UsageError("a run is of one model and one sample: several go with neither --resume nor --only")
    notify, note = (notice, notice) if as_events else (say, say_note)
    jobs = [
        replace(job, sample=job.sample + sample, samples=max(samples, job.samples))
        for model in models or (None,)
        for job in [job_of(here, options, model, replay=replay, refresh=refresh, earlier=earlier, new=new, notify=note)]
        for sample in range(samples)
    ]
    _check_currency(jobs)
    resume = Resume(earlier, frozenset(retry), frozenset(only)) if earlier and not new else None
    if resume:
        check_none_under_way(resume.run.folder, notify)
    total = count_articles(jobs[0])
    task = jobs[0].task
    goldens = read_goldens(here.path("goldens") / task.name, task.schema)  # before money is spent
    ended: list[tuple[Job, Summary]] = []
    with Recordings(here.path(here.settings.recordings), notify=notify) as store:
        if dry_run:
            dry_run_of(jobs, store, resume, Watch(notify=notify), as_json=as_json)
            return
        for job in _within_budget(jobs, ended):
            watching: AbstractContextManager[Watch] = events(total) if as_events else progress(stderr(), total)
            with watching as watch:
                say_what(job, watch.notify)
                runs = here.path(here.settings.runs)
                if engine == "dask":
                    summary = _past_one_machine(here, job, store, scheduler, resume, watch)
                else:
                    answering = telling(live) if job.endpoint else replaying
                    summary = asyncio.run(run_job(job, runs, store, answering, resume=resume, watch=watch))
                if resume and summary.nothing_to_do:
                    watch.notify(_nothing_to_do(resume, summary))
            ended.append((job, summary))
            if summary.interrupted or summary.refused:
                break
        for words in store.notes:
            note(words)
    texts = texts_in(here.root)
    evaluations = [
        evaluation_of_made(summary.folder, summary.states.total(), goldens, task.schema, texts) for _, summary in ended
    ]
    _show(ended, evaluations, single=len(jobs) == 1, as_json=as_json)
    codes = {_exit_code(summary, replayed=job.endpoint is None) for job, summary in ended}
    raise click.exceptions.Exit(next((code for code in (130, 3, 4, 5) if code in codes), 0))


def _nothing_to_do(resume: Resume, summary: Summary) -> str:
    """Why going on did nothing, and what would do something."""
    why = f"none of these articles ended {' or '.join(sorted(resume.only))}" if resume.only else "no article is left"
    answered = ", ".join(state for state in summary.states if state not in REDONE | {"ok"})
    more = f"; --retry asks anew what ended {answered}" if answered else ""
    return f"nothing was to be done: {why}{more}; what follows is the run as it stood"


def _past_one_machine(  # noqa: PLR0917 - as `run_job`
    here: Project, job: Job, store: Recordings, scheduler: str | None, resume: Resume | None, watch: Watch
) -> Summary:
    try:
        from workbench.cluster import Where, run_sharded  # noqa: PLC0415 - a second, and an extra that need not be there
    except ImportError as error:
        raise SettingsError(
            f"--engine dask needs packages that are not installed: {error}",
            way_out="install the extra: pip install 'workbench[dask]'",
        ) from error
    where = Where(here.root, Path.cwd(), scheduler)
    return run_sharded(job, here.path(here.settings.runs), store, where, resume=resume, watch=watch, before=tell_all)


def _within_budget(jobs: Sequence[Job], ended: Sequence[tuple[Job, Summary]]) -> Iterator[Job]:
    """Each job with what those that have ended left of the budget, which is for all of them together."""
    for job in jobs:
        money = sum((summary.totals.money for _, summary in ended), Decimal(0))
        tokens = sum(summary.totals.spend.tokens for _, summary in ended)
        yield replace(
            job,
            budget=None if job.budget is None else max(Decimal(0), job.budget - money),
            most_tokens=None if job.most_tokens is None else max(0, job.most_tokens - tokens),
        )


def _check_currency(jobs: Sequence[Job]) -> None:
    """One budget is in one currency."""
    priced = {job.model.name: cost.currency for job in jobs if job.budget and (cost := job.price(Usage(1, 1)))}
    if len({*priced.values()}) > 1:
        raise SettingsError(
            f"one budget, and models priced in {', '.join(f'{c} ({m})' for m, c in priced.items())}",
            way_out="run them one by one, or limit --max-tokens-total",
        )


def _check_options(
    earlier: Run | None, retry: tuple[State, ...], only: tuple[State, ...], *, new: bool, refresh: bool
) -> None:
    if earlier is None and (retry or new):
        raise click.UsageError("--retry and --new go with --resume RUN")
    if new and (retry or only):
        raise click.UsageError("--new starts with every article: it goes with neither --retry nor --only")
    if refresh and earlier and not new:
        raise click.UsageError("--refresh asks everything again: it goes with a new run, not with --resume")
    if answered := {*only} - REDONE - {*retry}:
        raise click.UsageError(f"{', '.join(sorted(answered))}: there is an answer; --retry asks anew")


def _check_engine(engine: Literal["local", "dask"], scheduler: str | None, *, replay: bool) -> None:
    if engine == "local" and scheduler:
        raise click.UsageError("--scheduler goes with --engine dask")
    if engine == "dask" and replay:
        raise click.UsageError("a replay asks nobody: it goes without --engine dask")


def _earlier(here: Project, named: str | None, *, going_on: bool, new: bool) -> Run | None:
    """The run to go on with; with --only the last one, if none is named."""
    if named is None:
        return latest_run(here.path(here.settings.runs), ended=False, votes=False) if going_on else None
    run = named_run(here, named)
    check_asked(run, new=new)
    return run


def _exit_code(summary: Summary, *, replayed: bool) -> int:
    lost = {state: count for state, count in summary.states.items() if state != "ok"}
    if summary.interrupted:
        return 130
    if summary.refused:
        return 3
    if replayed and lost.get("missed"):
        return 4
    if lost.get("failed") and len(summary.states) == 1:
        return 3
    return 5 if lost else 0


def _usage(summary: Summary) -> Usage:
    """The tokens that stand beside the cost: the ledger's, or where nothing was sent those of what was replayed."""
    return summary.totals.usage if summary.totals.attempts else summary.tokens


def _show(
    ended: Sequence[tuple[Job, Summary]], evaluations: Sequence[Evaluation], *, single: bool, as_json: bool
) -> None:
    if as_json:
        shown = [_as_json(summary, found) for (_, summary), found in zip(ended, evaluations, strict=True)]
        print_json(shown[0] if single else {"runs": shown})
    elif single:
        _print(*ended[0], evaluations[0])
    else:
        _print_all(ended, evaluations)


def _as_json(summary: Summary, evaluation: Evaluation) -> dict[str, Any]:
    return {
        "run": str(summary.folder),
        "kept": summary.kept,
        "nothing_to_do": summary.nothing_to_do,
        "interrupted": summary.interrupted,
        "states": dict(summary.states),
        "tokens": asdict(_usage(summary)),
        "cost": cost_fields(summary.cost),
        "attempts": summary.totals.attempts,
        "assumed": {"attempts": summary.totals.assumed, "amount": str(summary.totals.assumed_money)},
        **figures(evaluation),
    }


def _print(job: Job, summary: Summary, evaluation: Evaluation) -> None:
    out = stdout()
    out.print(outcome(evaluation, summary.states))
    noticed = Counter(finding.name for article in evaluation.articles for finding in article.extraction.findings)
    if noticed:
        out.print("findings: " + ", ".join(f"{count:,} {name}" for name, count in noticed.most_common()), markup=False)
    usage = _usage(summary)
    tokens = f"{usage.prompt:,} + {usage.completion:,} tokens, " if usage.prompt else ""
    out.print(f"\n{tokens}{cost_words(summary.cost, job.model.name)}", markup=False)
    if summary.totals.assumed:
        assumed = Cost(summary.totals.assumed_money, summary.totals.currency)
        out.print(
            f"in it {cost_words(assumed, job.model.name)} is assumed: "
            f"what became of {summary.totals.assumed} requests is not known, and they stand at their worst case",
            soft_wrap=True,
        )
    out.print(f"run folder  {summary.folder}", markup=False, soft_wrap=True)
    _print_way_on(job, summary)
    looked_at = [*(a for a in evaluation.scored if a.worst), *evaluation.articles]
    first = _argument(looked_at[0].extraction.article) if looked_at else "ARTICLE"
    differs = (
        (f"workbench diff {first}", "what differs from the golden, and why"),
        ("workbench eval --html report.html", "the same as a page, each article beside its diff"),
    )
    out.print("\nnext", style="bold")
    for command, what in (
        *(differs if evaluation.scored else ()),
        (f"workbench show {first}", "the record, and the passage behind each value"),
        ("workbench review", "a page on which a person decides what is right"),
        ("workbench export --to csv", "the data set: a table of articles, and one of each list"),
        ("workbench run --model MODEL FILES", "the same with OPENAI_API_KEY set"),
    ):
        out.print(f"  {command:<36}{what}", markup=False, soft_wrap=True)


def _print_way_on(job: Job, summary: Summary) -> None:
    """How to go on with a run that was stopped, or has ended with something to be asked again."""
    if not (summary.interrupted or REDONE & summary.states.keys()):
        return
    left = "stopped" if summary.interrupted else "some articles can be asked again"
    endpoint = job.endpoint
    there = f" --base-url {endpoint.base_url}" if endpoint and endpoint.source == "--base-url" else ""
    command = f"workbench run --resume {_argument(str(summary.folder))}{there}"
    if summary.states["unspent"]:
        unspent = f"{summary.states['unspent']:,} unspent, which a larger budget lets through"
        left = f"stopped, and {unspent}" if summary.interrupted else unspent
        limits = {"--budget": job.budget, "--max-tokens-total": job.most_tokens}
        command += "".join(f" {option} MORE" for option, limit in limits.items() if limit is not None)
    stdout().print(f"{left}: go on with  {command}", markup=False, soft_wrap=True)


def _print_all(ended: Sequence[tuple[Job, Summary]], evaluations: Sequence[Evaluation]) -> None:
    """Several runs: a row each, and what to do with them."""
    out = stdout()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("run", "model", "sample", "articles", "F1"):
        table.add_column(name, no_wrap=name != "model")
    for (job, summary), evaluation in zip(ended, evaluations, strict=True):
        states = ", ".join(f"{count:,} {state}" for state, count in summary.states.most_common())
        f1 = str(evaluation.interval or "")
        table.add_row(*map(plain, (summary.folder.name, job.model.label, str(job.sample), states, f1)))
    out.print(table)
    for note in dict.fromkeys(note for evaluation in evaluations for note in evaluation.notes):
        out.print(note_line(note))
    for job, summary in ended:
        if summary.totals.attempts:
            out.print(plain(f"{summary.folder.name}: {cost_words(summary.cost, job.model.name)}"))
        if summary.refused:
            out.print(plain(f"{summary.folder.name}: {summary.refused}"), soft_wrap=True)
        _print_way_on(job, summary)
    if len(ended) == 1:
        return
    folders = [_argument(str(summary.folder)) for _, summary in ended]
    out.print("\nnext", style="bold")
    out.print(f"  workbench vote {' '.join(folders)}", markup=False, soft_wrap=True)
    out.print(f"  workbench compare {' '.join(folders[:2])}", markup=False, soft_wrap=True)


def _argument(article: str) -> str:
    """An id as a shell takes it for one argument and a command for no option: ids are other people's."""
    return ("-- " if article.startswith("-") else "") + shlex.quote(article)
