"""The options that say what a job asks, of whom and within which limits; every command that makes runs has them."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import TypedDict

import click

from workbench.articles import check_ids
from workbench.cli.common import MONEY, asked_task, run_called, say_note, source, source_of
from workbench.completions import Usage
from workbench.endpoints import Endpoint, Model, resolve_endpoint, resolve_model
from workbench.errors import ArticleError, RunError, SettingsError
from workbench.jobs import Job
from workbench.runs import Run
from workbench.settings import Project, environment, find_project
from workbench.summary import Notify

__all__ = [
    "JobOptions",
    "count_articles",
    "endpoint_of",
    "job_of",
    "job_options",
    "model_of",
    "named_run",
    "price_words",
    "sample_words",
    "say_what",
    "say_who",
]


class JobOptions(TypedDict):
    """What `job_options` gives a command."""

    articles: tuple[str, ...]
    task: str | None
    base_url: str | None
    allow_http: bool
    concurrency: int | None
    limit: int | None
    budget: Decimal | None
    max_tokens_total: int | None
    keep_requests: bool


OPTIONS = (
    click.argument("articles", nargs=-1),
    click.option("--task", help="The prompt to use: prompts/TASK.md."),
    click.option("--base-url", help="An OpenAI-compatible endpoint, such as http://127.0.0.1:8000/v1."),
    click.option("--allow-http", is_flag=True, help="Allow plain http beyond this machine."),
    click.option("--concurrency", type=click.IntRange(1, 4096), help="How many articles at once."),
    click.option("--limit", type=click.IntRange(1), help="Only the first so many articles."),
    click.option("--budget", type=MONEY, help="Money that it may cost in all, in the price list's currency: 5.00."),
    click.option("--max-tokens-total", type=click.IntRange(1), help="Tokens that it may take in all."),
    click.option(
        "--keep-requests", is_flag=True, help="Store the requests' texts in the recordings, articles included."
    ),
)


def job_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of a job."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def job_of(
    here: Project,
    options: JobOptions,
    model: str | None,
    *,
    replay: bool = False,
    refresh: bool = False,
    earlier: Run | None = None,
    new: bool = False,
    notify: Notify = say_note,
) -> Job:
    """The job that the command line and the settings describe.

    Args:
        here: The project.
        options: Of the command line.
        model: The model that it names; None for the project's own.
        replay: Answer from recordings only.
        refresh: Ask again what is recorded.
        earlier: A run whose task, model, articles and limits are taken where the command line names no others.
        new: Whether that run is to be made anew rather than gone on with.
        notify: Told of what a person should know about what is asked.

    Raises:
        SettingsError: If no endpoint can be asked that the earlier run was.
    """
    settings, info = here.settings, earlier.info if earlier else None
    model = model or (info.label if info else None)
    endpoint = None
    if not replay:
        endpoint = endpoint_of(here, model, options["base_url"], allow_http=options["allow_http"])
    if info and info.endpoint and endpoint is None and not (replay or new):
        raise SettingsError(
            f"the run asked {info.endpoint}, and there is neither key nor address to ask it with",
            where=info.id,
            way_out=f"pass --base-url {info.endpoint}, set OPENAI_API_KEY, or pass --replay to take only what is recorded",
        )
    asked = resolve_model(settings, model, endpoint)
    given = source(options["articles"], here) if options["articles"] or info is None else source_of(info, here)
    kept = info if not new else None
    return Job(
        task=asked_task(here, options["task"] or (info.task if info else None), asked.differences.mode, notify),
        model=asked,
        read=given.read,
        sources=given.names(),
        reasks=settings.reasks,
        retries=settings.retries,
        timeout=settings.timeout,
        concurrency=options["concurrency"] or settings.concurrency,
        limit=options["limit"] or (info.limit if info else None),
        refresh=refresh or bool(kept and kept.refresh),
        keep_bodies=options["keep_requests"],
        budget=options["budget"] or (kept.budget if kept else None),
        most_tokens=options["max_tokens_total"] or (kept.most_tokens if kept else None),
        sample=info.sample if info else 0,
        samples=info.samples if info else 1,
        like=earlier if new else None,
    )


def endpoint_of(here: Project, model: str | None, base_url: str | None, *, allow_http: bool) -> Endpoint | None:
    """The endpoint that a model is asked at, by the command line, the working directory's ``.env`` and the environment; None to replay.

    Raises:
        SettingsError: As `resolve_endpoint`.
    """
    given = environment(Path.cwd())
    return resolve_endpoint(here.settings, *given, model=model, base_url=base_url, allow_http=allow_http)


def model_of(
    here: Project, model: str | None, run: Run | None, base_url: str | None, notify: Notify, *, allow_http: bool
) -> Model:
    """The model that is named, or that a run asked, with its endpoint where one can be asked. Neither prompt nor schema is read."""
    named = model or (run.info.label if run else None)
    try:
        endpoint = endpoint_of(here, named, base_url, allow_http=allow_http)
    except SettingsError as error:
        notify(f"no endpoint is asked: {error.what}")
        endpoint = None
    return resolve_model(here.settings, named, endpoint)


def count_articles(job: Job) -> int:
    """How many articles a job has.

    Raises:
        ArticleError: If there is none, or two have one id.
    """
    total = check_ids(job.articles)
    if not total:
        raise ArticleError(
            "there is no article here", where=", ".join(job.sources), expected=".txt, .md, .html or .jsonl"
        )
    return total


def named_run(here: Project, name: str) -> Run:
    """A run by its name in the project's runs, or by its folder.

    Raises:
        RunError: If it is none, or lies in another project: its articles, prompt and recordings are there.
    """
    run = run_called(here, name)
    try:
        of = find_project(run.folder)
    except SettingsError:
        return run  # it was moved out of any
    if of.root != here.root:
        raise RunError(
            "this run is of another project", where=str(run.folder), way_out=f"go into {of.root} and try again there"
        )
    return run


def say_what(job: Job, notify: Notify) -> None:
    """Tell who is about to be asked, before anybody is."""
    model, front = job.model, job.task.front
    if job.samples > 1:
        notify(sample_words(job))
    if model.endpoint is None:
        notify("replaying recordings: no key, no network")
        return
    say_who(model, notify)
    if job.price(Usage(1, 1)) is None:
        notify(
            f"no price is known for {model.name} at this endpoint, so that the cost stays unknown; "
            f"{price_words(model)}, for a million tokens"
        )
    if not model.differences.usage:
        notify(f"it reports no tokens (usage = false in {model.table}): each request stands at its worst case")
    if job.samples > 1 and front.temperature == 0 and front.seed is None:
        notify(
            f"samples taken at temperature 0 differ little: prompts/{job.task.name}.md could set another temperature, or a seed"
        )


def price_words(model: Model) -> str:
    """How a model is given a price."""
    return f"give it one: price = {{ input = …, output = … }} in {model.table}"


def sample_words(job: Job) -> str:
    """Which of several samples a job takes, and of which model."""
    return f"sample {job.sample + 1} of {job.samples}, model {job.model.label}"


def say_who(model: Model, notify: Notify) -> None:
    """Tell which endpoint is about to be asked for a model, if any is."""
    if model.endpoint:
        key = "with a key" if model.endpoint.key else "without a key"
        notify(f"endpoint {model.endpoint.base_url} (from {model.endpoint.source}, {key}), model {model.name}")
