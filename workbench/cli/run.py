"""``workbench run``: articles in, a run folder out."""

import asyncio
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from workbench.articles import check_ids
from workbench.cli.common import as_json, print_json, project, source, stderr, stdout, task_of
from workbench.endpoints import Model, resolve_endpoint, resolve_model
from workbench.errors import ArticleError
from workbench.evaluate import Evaluation, evaluate
from workbench.extract import Extraction
from workbench.goldens import read_goldens
from workbench.jobs import Job, Summary, estimate, run_job
from workbench.recordings import Recordings
from workbench.report.plain import report
from workbench.report.terminal import articles_table, cost_words, fields_table, headline, plain
from workbench.runs import open_run
from workbench.settings import Project, environment

__all__ = ["run"]


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
    dry_run: bool,
    keep_requests: bool,
    as_json: bool,
) -> None:
    """Extract a record from every article.

    ARTICLES are files or folders (.txt, .md, .html, .jsonl), or - for standard input; without them the project's own are taken. What is
    recorded is replayed, the rest is sent to the endpoint and recorded. With neither key nor endpoint everything is replayed.
    """
    if replay and (refresh or base_url):
        raise click.UsageError("--replay sends nothing: it goes with neither --refresh nor --base-url")
    here = project()
    settings = here.settings
    endpoint = None
    if not replay:
        endpoint = resolve_endpoint(
            settings, *environment(Path.cwd()), model=model, base_url=base_url, allow_http=allow_http
        )
    asked = resolve_model(settings, model, endpoint)
    given = source(articles, here)
    job = Job(
        task=task_of(here, task, asked.differences.mode),
        model=asked,
        read=given.read,
        sources=given.names(),
        reasks=settings.reasks,
        retries=settings.retries,
        timeout=settings.timeout,
        concurrency=concurrency or settings.concurrency,
        limit=limit,
        refresh=refresh,
        keep_bodies=keep_requests,
    )
    total = check_ids(job.articles())
    if not total:
        raise ArticleError(
            "there is no article here", where=", ".join(job.sources), expected=".txt, .md, .html or .jsonl"
        )
    goldens = read_goldens(here.path("goldens") / job.task.name, job.task.schema)  # before money is spent
    with Recordings(here.path(settings.recordings)) as store:
        if dry_run:
            _dry_run(job, store, as_json=as_json)
            return
        _say_where(asked)
        summary = _run(job, here, store, total)
        for note in store.notes:
            stderr().print(Text.assemble(("note", "yellow"), "  ", plain(note)))
    evaluation = evaluate(open_run(summary.folder).extractions(), goldens, job.task.schema)
    if as_json:
        print_json(_as_json(summary, evaluation))
    else:
        _print(job, summary, evaluation)
    raise click.exceptions.Exit(_exit_code(summary, replayed=endpoint is None))


def _say_where(model: Model) -> None:
    endpoint, err = model.endpoint, stderr()
    if endpoint is None:
        err.print("replaying recordings: no key, no network")
        return
    key = "with a key" if endpoint.key else "without a key"
    err.print(plain(f"endpoint {endpoint.base_url} (from {endpoint.source}, {key}), model {model.name}"))
    if not model.differences.usage:
        err.print(plain(f"it reports no tokens (usage = false in {model.table}): what the run costs will not be known"))


def _run(job: Job, here: Project, store: Recordings, total: int) -> Summary:
    console = stderr()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[states]}"),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("extracting", total=total, states="")
        states: dict[str, int] = {}

        def done(extraction: Extraction) -> None:
            states[extraction.state] = states.get(extraction.state, 0) + 1
            progress.update(bar, advance=1, states=" ".join(f"{state} {n}" for state, n in states.items()))

        notify: Callable[[str], None] = lambda words: console.print(plain(words))  # noqa: E731
        return asyncio.run(run_job(job, here.path(here.settings.runs), store, done=done, notify=notify))


def _exit_code(summary: Summary, *, replayed: bool) -> int:
    lost = {state: count for state, count in summary.states.items() if state != "ok"}
    if summary.refused:
        return 3
    if replayed and lost.get("missed"):
        return 4
    if lost.get("failed") and len(summary.states) == 1:
        return 3
    return 5 if lost else 0


def _as_json(summary: Summary, evaluation: Evaluation) -> dict[str, Any]:
    cost = summary.cost
    scored = report(evaluation).model_dump(mode="json")
    return {
        "run": str(summary.folder),
        "states": dict(summary.states),
        "tokens": {
            "prompt": summary.tokens.prompt,
            "completion": summary.tokens.completion,
            "cached": summary.tokens.cached,
        },
        "cost": {"amount": str(cost.amount), "currency": cost.currency} if cost else None,
        **{name: scored[name] for name in ("f1", "precision", "recall", "articles", "origins", "notes")},
    }


def _print(job: Job, summary: Summary, evaluation: Evaluation) -> None:
    out = stdout()
    out.print(articles_table(evaluation))
    for article in evaluation.articles:
        if article.extraction.reason:
            out.print(plain(f"\n{article.extraction.article}: {article.extraction.reason}"))
    out.print()
    if evaluation.scored:
        out.print(fields_table(evaluation.fields))
        out.print()
    out.print(headline(evaluation))
    tokens = f"{summary.tokens.prompt:,} + {summary.tokens.completion:,} tokens, " if summary.tokens.prompt else ""
    out.print(f"\n{tokens}{cost_words(summary.cost, job.model.name)}", markup=False)
    out.print(f"run folder  {summary.folder}", markup=False, soft_wrap=True)
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
