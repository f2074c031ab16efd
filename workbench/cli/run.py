"""``workbench run``: articles in, a run folder out."""

import asyncio
import shlex
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import click
from rich.text import Text

from workbench.articles import check_ids
from workbench.cli.common import (
    MONEY,
    as_json,
    asked_task,
    print_json,
    project,
    source,
    source_of,
    stderr,
    stdout,
    texts_of,
)
from workbench.cli.progress import events, progress
from workbench.completions import Usage
from workbench.endpoints import Model, resolve_endpoint, resolve_model
from workbench.errors import ArticleError, SettingsError
from workbench.estimate import estimate
from workbench.evaluate import Evaluation, evaluate
from workbench.extract import State
from workbench.goldens import read_goldens
from workbench.jobs import Job, Notify, Resume, Summary, run_job
from workbench.prices import Cost
from workbench.recordings import Recordings
from workbench.report.plain import report
from workbench.report.terminal import articles_table, cost_words, fields_table, headline, plain
from workbench.resume import REDONE
from workbench.runs import Run, latest_run, open_run
from workbench.settings import Project, environment

__all__ = ["run"]

STATE = click.Choice(get_args(State))
MOST_SHOWN = 1_000
"""Articles up to which a run shows each; of a larger one only those that have a golden, the others are in its folder."""


@click.command()
@click.argument("articles", nargs=-1)
@click.option("--replay", is_flag=True, help="Answer from recordings only: no key, no network.")
@click.option("--refresh", is_flag=True, help="Ask again what is recorded, and record the new answer.")
@click.option("--task", help="The prompt to use: prompts/TASK.md.")
@click.option("--model", help="A model of the settings, or its name at the endpoint.")
@click.option("--base-url", help="An OpenAI-compatible endpoint, such as http://127.0.0.1:8000/v1.")
@click.option("--allow-http", is_flag=True, help="Allow plain http beyond this machine.")
@click.option("--concurrency", type=click.IntRange(1, 4096), help="How many articles at once.")
@click.option("--limit", type=click.IntRange(1), help="Only the first so many articles.")
@click.option("--budget", type=MONEY, help="Money that the run may cost in all, in the price list's currency: 5.00.")
@click.option("--max-tokens-total", type=click.IntRange(1), help="Tokens that the run may take in all.")
@click.option("--resume", "resumed", metavar="RUN", help="Go on with a run: what it has not done, or could not.")
@click.option("--retry", multiple=True, type=STATE, help="When going on, ask these anew too, as another sample.")
@click.option("--only", multiple=True, type=STATE, help="Do nothing but what ended so, in RUN or in the last run.")
@click.option("--new", is_flag=True, help="With --resume: start another run of that run's articles instead.")
@click.option("--events", "as_events", is_flag=True, help="Tell of progress in JSON Lines on stderr.")
@click.option("--dry-run", is_flag=True, help="Say what would be sent and what it would cost; send nothing.")
@click.option("--keep-requests", is_flag=True, help="Store the requests' texts in the recordings, articles included.")
@as_json
def run(  # noqa: PLR0917 - click gives each option by its name
    articles: tuple[str, ...],
    replay: bool,
    refresh: bool,
    task: str | None,
    model: str | None,
    base_url: str | None,
    allow_http: bool,
    concurrency: int | None,
    limit: int | None,
    budget: Decimal | None,
    max_tokens_total: int | None,
    resumed: str | None,
    retry: tuple[State, ...],
    only: tuple[State, ...],
    new: bool,
    as_events: bool,
    dry_run: bool,
    keep_requests: bool,
    as_json: bool,
) -> None:
    """Extract a record from every article.

    ARTICLES are files or folders (.txt, .md, .html, .jsonl), or - for standard input; without them the project's own are taken. What is
    recorded is replayed, the rest is sent to the endpoint and recorded. With neither key nor endpoint everything is replayed. Of more than
    1,000 articles only those that have a golden are shown, here and with --json: the others are in the run's folder.

    --resume takes the articles, the task and the model from RUN and goes on with it: what was never done, and what ended failed, unspent
    or missed. A run pays for nothing twice.
    """
    if replay and (refresh or base_url):
        raise click.UsageError("--replay sends nothing: it goes with neither --refresh nor --base-url")
    here = project()
    settings = here.settings
    earlier = _earlier(here, resumed, going_on=bool(only))
    _check_options(earlier, retry, only, new=new, refresh=refresh, dry_run=dry_run)
    info = earlier.info if earlier else None
    model = model or (info.alias or info.model if info else None)
    endpoint = None
    if not replay:
        endpoint = resolve_endpoint(
            settings, *environment(Path.cwd()), model=model, base_url=base_url, allow_http=allow_http
        )
    if info and info.endpoint and endpoint is None and not (replay or new):
        raise SettingsError(
            f"the run asked {info.endpoint}, and there is neither key nor address to ask it with",
            where=info.id,
            way_out=f"pass --base-url {info.endpoint}, set OPENAI_API_KEY, or pass --replay to take only what is recorded",
        )
    asked = resolve_model(settings, model, endpoint)
    given = source(articles, here) if articles or info is None else source_of(info, here)
    job = Job(
        task=asked_task(here, task or (info.task if info else None), asked.differences.mode),
        model=asked,
        read=given.read,
        sources=given.names(),
        reasks=settings.reasks,
        retries=settings.retries,
        timeout=settings.timeout,
        concurrency=concurrency or settings.concurrency,
        limit=limit or (info.limit if info else None),
        refresh=refresh or bool(info and info.refresh and not new),
        keep_bodies=keep_requests,
        budget=budget or (info.budget if info and not new else None),
        most_tokens=max_tokens_total or (info.most_tokens if info and not new else None),
    )
    resume = Resume(earlier, frozenset(retry), frozenset(only)) if earlier and not new else None
    total = check_ids(job.articles)
    if not total:
        raise ArticleError(
            "there is no article here", where=", ".join(job.sources), expected=".txt, .md, .html or .jsonl"
        )
    goldens = read_goldens(here.path("goldens") / job.task.name, job.task.schema)  # before money is spent
    with Recordings(here.path(settings.recordings)) as store:
        if dry_run:
            _dry_run(job, store, as_json=as_json)
            return
        with events(total) if as_events else progress(stderr(), total) as (done, notify):
            _say_where(asked, notify)
            summary = asyncio.run(
                run_job(job, here.path(settings.runs), store, resume=resume, done=done, notify=notify)
            )
        for note in store.notes:
            stderr().print(Text.assemble(("note", "yellow"), "  ", plain(note)))
    made = open_run(summary.folder)
    whole = summary.states.total() <= MOST_SHOWN
    shown = made.extractions() if whole else made.extractions(lambda *article: goldens.find(*article) is not None)
    evaluation = evaluate(shown, goldens, job.task.schema, texts_of(here))
    if as_json:
        print_json(_as_json(summary, evaluation))
    else:
        _print(job, summary, evaluation, whole=whole)
    raise click.exceptions.Exit(_exit_code(summary, replayed=endpoint is None))


def _check_options(
    earlier: Run | None, retry: tuple[State, ...], only: tuple[State, ...], *, new: bool, refresh: bool, dry_run: bool
) -> None:
    if earlier is None and (retry or new):
        raise click.UsageError("--retry and --new go with --resume RUN")
    if new and (retry or only):
        raise click.UsageError("--new starts with every article: it goes with neither --retry nor --only")
    if refresh and earlier and not new:
        raise click.UsageError("--refresh asks everything again: it goes with a new run, not with --resume")
    if earlier and dry_run and not new:
        raise click.UsageError("--dry-run counts what a new run would send: it goes with neither --resume nor --only")
    if answered := {*only} - REDONE - {*retry}:
        raise click.UsageError(f"{', '.join(sorted(answered))}: there is an answer; --retry asks anew")


def _earlier(here: Project, named: str | None, *, going_on: bool) -> Run | None:
    """The run to go on with: by its folder or its name in the project's runs; with --only the last one, if none is named."""
    if named is None:
        return latest_run(here.path(here.settings.runs), ended=False) if going_on else None
    own = here.path(here.settings.runs) / named
    return open_run(own if own.is_dir() else Path(named))


def _say_where(model: Model, notify: Notify) -> None:
    endpoint = model.endpoint
    if endpoint is None:
        notify("replaying recordings: no key, no network")
        return
    key = "with a key" if endpoint.key else "without a key"
    notify(f"endpoint {endpoint.base_url} (from {endpoint.source}, {key}), model {model.name}")
    if not model.differences.usage:
        notify(f"it reports no tokens (usage = false in {model.table}): each request stands at its worst case")


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


def _as_json(summary: Summary, evaluation: Evaluation) -> dict[str, Any]:
    usage = _usage(summary)
    cost = summary.cost
    scored = report(evaluation).model_dump(mode="json")
    return {
        "run": str(summary.folder),
        "kept": summary.kept,
        "interrupted": summary.interrupted,
        "states": dict(summary.states),
        "tokens": {"prompt": usage.prompt, "completion": usage.completion, "cached": usage.cached},
        "cost": {"amount": str(cost.amount), "currency": cost.currency} if cost else None,
        "attempts": summary.totals.attempts,
        "assumed": {"attempts": summary.totals.assumed, "amount": str(summary.totals.assumed_money)},
        **{name: scored[name] for name in ("f1", "precision", "recall", "articles", "origins", "notes")},
    }


def _print(job: Job, summary: Summary, evaluation: Evaluation, *, whole: bool) -> None:
    out = stdout()
    if not whole:
        states = ", ".join(f"{count:,} {state}" for state, count in summary.states.most_common())
        out.print(f"{summary.states.total():,} articles: {states}; below are those that have a golden\n")
    out.print(articles_table(evaluation))
    for article in evaluation.articles:
        if article.extraction.reason:
            out.print(plain(f"\n{article.extraction.article}: {article.extraction.reason}"))
    out.print()
    if evaluation.scored:
        out.print(fields_table(evaluation.fields))
        out.print()
    out.print(headline(evaluation))
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
    if summary.interrupted or REDONE & summary.states.keys():
        left = "stopped" if summary.interrupted else "some articles can be asked again"
        endpoint = job.endpoint
        there = f" --base-url {endpoint.base_url}" if endpoint and endpoint.source == "--base-url" else ""
        command = f"workbench run --resume {_argument(str(summary.folder))}{there}"
        out.print(f"{left}: go on with  {command}", markup=False, soft_wrap=True)
    first = next((_argument(a.extraction.article) for a in evaluation.scored if a.worst), "ARTICLE")
    out.print("\nnext", style="bold")
    for command, what in (
        (f"workbench diff {first}", "what differs from the golden, and why"),
        ("workbench eval --html report.html", "the same as a page, each article beside its diff"),
        (f"workbench show {first}", "the record, and the passage behind each value"),
        ("workbench run --model MODEL FILES", "the same with OPENAI_API_KEY set"),
    ):
        out.print(f"  {command:<36}{what}", markup=False, soft_wrap=True)


def _argument(article: str) -> str:
    """An id as a shell takes it for one argument and a command for no option: ids are other people's."""
    return ("-- " if article.startswith("-") else "") + shlex.quote(article)


def _dry_run(job: Job, store: Recordings, *, as_json: bool) -> None:
    found = estimate(job, store)
    sent = found.articles - found.rejected - found.recorded
    if as_json:
        print_json(
            {
                "articles": found.articles,
                "rejected": found.rejected,
                "recorded": found.recorded,
                "requests": sent,
                "prompt_tokens": found.prompt_tokens,
                "completion_tokens": found.completion_tokens,
                "cost": {"amount": str(found.cost.amount), "currency": found.cost.currency} if found.cost else None,
            }
        )
        return
    out = stdout()
    where = (
        job.endpoint.base_url
        if job.endpoint
        else "nobody: there is neither key nor endpoint, and a replay would miss them"
    )
    out.print(
        f"{found.articles} articles: {found.recorded} recorded, {found.rejected} rejected, {sent} to be sent to {where}",
        markup=False,
    )
    most = "no limit is set" if found.completion_tokens is None else f"at most {found.completion_tokens:,}"
    out.print(f"prompt tokens {found.prompt_tokens:,} (by o200k; another tokenizer differs), completion tokens {most}")
    if found.completion_tokens is None:
        out.print("cost unknown: the prompt sets no max_tokens, so that an answer has no bound")
    elif found.cost:
        out.print(
            f"at most {cost_words(found.cost, job.model.name)}, re-asks aside: each costs as much again, and more"
        )
    else:
        out.print(
            plain(
                f"{cost_words(None, job.model.name)}; give it one: price = {{ input = …, output = … }} in {job.model.table}"
            )
        )
    out.print("nothing was sent")
