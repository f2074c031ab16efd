"""``workbench batch``: a run whose requests are answered by a provider's Batch API, or elsewhere, at another time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn, Unpack, get_args

import click

from workbench.batch import Batches, ReasksGo, part_file, read_batches
from workbench.batching import gathering
from workbench.cli.account import leave, run_with_batches, show
from workbench.cli.asking import JobOptions, count_articles, job_of, job_options, model_of, named_run, say_what, say_who
from workbench.cli.common import MONEY, as_json, project, say, stderr
from workbench.cli.copies import check_free, copies
from workbench.cli.progress import progress
from workbench.endpoints import Endpoint, Model
from workbench.errors import InUse, RunError, SettingsError
from workbench.extract import State
from workbench.handover import Fetched, fetch, look, send
from workbench.handover import cancel as end_batches
from workbench.intake import Handed
from workbench.jobs import Job, Resume
from workbench.recordings import Origin, Recordings
from workbench.runs import Run, open_run
from workbench.settings import Project
from workbench.sittings import Answering, run_job
from workbench.summary import Notify, Watch

if TYPE_CHECKING:
    from workbench.depot import Depot, Standing

__all__ = ["batch"]

FIRST_WAIT: Final = 10.0
LONGEST_WAIT: Final = 300.0
"""Seconds between two looks at a batch: from the one to the other, each half as long again as that before."""

model_option = click.option("--model", help="A model of the settings, or its name at the endpoint.")
resume_option = click.option(
    "--resume", "resumed", metavar="RUN", help="Ask again what failed in a run, with what else is left of it."
)
reasks_option = click.option(
    "--reasks",
    type=click.Choice(get_args(ReasksGo)),
    help="Ask again for what does not fit the schema in another batch, or one by one at the full price.  [default: as before; first: batch]",
)
run_argument = click.argument("name", metavar="[RUN]", required=False)
to_option = click.option(
    "--to", type=click.Path(path_type=Path), help="Copy what is to be answered into this .jsonl file, or this folder."
)


def endpoint_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that name an endpoint."""
    for option in (
        click.option("--allow-http", is_flag=True, help="Allow plain http beyond this machine."),
        click.option("--base-url", help="The endpoint that the run asked, where the settings do not name it."),
    ):
        command = option(command)
    return command


@click.group()
def batch() -> None:
    """Have a run's requests answered in batches, at half the price, some time within a day.

    `submit` hands them in and returns; `collect` fetches what is done, hands in what follows from it, and may be called as often as one likes.
    Every step can be interrupted: nothing is asked twice, and nothing that was answered is lost.
    """


@batch.command()
@job_options
@model_option
@resume_option
@reasks_option
@as_json
def submit(
    model: str | None,
    resumed: str | None,
    reasks: ReasksGo | None,
    as_json: bool,
    **options: Unpack[JobOptions],
) -> None:
    """Hand in the requests of a new run, or what failed in an earlier one.

    ARTICLES are files or folders (.txt, .md, .html, .jsonl); without them the project's own are taken. What is recorded is not asked. A run may have several batches: 50,000 requests and 200 MB go into each.
    """
    here = project()
    run = named_run(here, resumed) if resumed else None
    _check_stay(options)
    job = job_of(here, options, model, earlier=run)
    with progress(stderr(), count_articles(job)) as watch:
        say_what(job, watch.notify)
        folder, fetched = asyncio.run(_sit(here, job, run, watch, reasks, again=run is not None))
    _leave(folder, job.model, fetched, as_json=as_json)


@batch.command()
@run_argument
@endpoint_options
@as_json
def status(name: str | None, base_url: str | None, allow_http: bool, as_json: bool) -> None:
    """Ask how the batches of RUN stand, the last run that has any if none is named. Nothing is fetched."""
    here = project()
    run = run_with_batches(here, name)
    model = model_of(here, None, run, base_url, say, allow_http=allow_http)
    if not read_batches(run.folder).there:
        show(run.folder, model, {}, as_json=as_json)  # nobody need be asked
        return
    asked, fetched = asyncio.run(_look(here, model, run.folder))
    if not (fetched.lost and as_json):
        show(run.folder, model, asked, as_json=as_json)
    fetched.check()


@batch.command()
@run_argument
@reasks_option
@click.option("--wait", is_flag=True, help="Look again and again until nothing is left to wait for.")
@click.option("--concurrency", type=click.IntRange(1, 4096), help="How many re-asks at once, where they go one by one.")
@click.option("--budget", type=MONEY, help="Another budget for the run, in the price list's currency: 5.00.")
@click.option("--max-tokens-total", type=click.IntRange(1), help="Another number of tokens that the run may take.")
@endpoint_options
@as_json
def collect(  # noqa: PLR0917 - click gives each option by its name
    name: str | None,
    reasks: ReasksGo | None,
    wait: bool,
    concurrency: int | None,
    budget: Decimal | None,
    max_tokens_total: int | None,
    base_url: str | None,
    allow_http: bool,
    as_json: bool,
) -> None:
    """Fetch what has been answered, and hand in what follows from it.

    Articles that have all their answers are done. For answers that do not fit the schema another batch is handed in, or with --reasks live they
    are asked again at once. RUN is the last run that has batches, if none is named. Where all is done by hand nobody is asked, and what somebody
    gave up ends so.
    """
    here = project()
    run = run_with_batches(here, name)
    options = _options(base_url, allow_http=allow_http)
    options["concurrency"], options["budget"], options["max_tokens_total"] = concurrency, budget, max_tokens_total
    batches = read_batches(run.folder)
    if batches.by_hand:
        job = _job_by_hand(here, options, None, run)
        answering = gathering("hand", reasks or batches.reasks, priced=_priced(job, run, base_url))
        leave(_by_hand(here, job, run, answering, None), job.model, as_json=as_json)
    job = job_of(here, options, None, earlier=run)
    with progress(stderr(), count_articles(job)) as watch:
        say_what(job, watch.notify)
        fetched = asyncio.run(_collect(here, job, run, watch, reasks, wait=wait))
    _leave(run.folder, job.model, fetched, as_json=as_json)


@batch.command()
@run_argument
@click.option(
    "--give-up",
    is_flag=True,
    help="Give up also what the endpoint has no more (a batch, its answers), or does not end or tell of: it may have been paid for, and counts at its worst case. "
    "Rows that cannot be read any more, too, which are in no account.",
)
@endpoint_options
@as_json
def cancel(name: str | None, give_up: bool, base_url: str | None, allow_http: bool, as_json: bool) -> None:
    """End the batches of RUN: no more is asked. What is done by then is paid for, and `collect` fetches it."""
    here = project()
    run = run_with_batches(here, name)
    if not read_batches(run.folder).open:
        raise RunError("no batch of this run is under way", where=str(run.folder))
    model = model_of(here, None, run, base_url, say, allow_http=allow_http)
    asyncio.run(_cancel(here, model, run.folder, give_up=give_up))
    show(run.folder, model, {}, as_json=as_json)


@batch.command()
@job_options
@model_option
@resume_option
@to_option
@as_json
def export(
    model: str | None, resumed: str | None, to: Path | None, as_json: bool, **options: Unpack[JobOptions]
) -> None:
    """Write the requests of a run into files in the form of OpenAI's Batch API, to be answered by hand: in a console, or elsewhere.

    The run folder is made as `submit` makes it; `import` takes the answers. Nothing is sent, and neither key nor endpoint is needed. For a price,
    name the endpoint whose price list holds by --base-url.
    """
    here = project()
    run = named_run(here, resumed) if resumed else None
    _check_stay(options)
    job = _job_by_hand(here, options, model, run)
    answering = gathering("hand", again=run is not None, priced=_priced(job, run, options["base_url"]))
    leave(_by_hand(here, job, run, answering, to, again=run is not None), job.model, as_json=as_json)


@batch.command("import")
@click.argument("name", metavar="RUN")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="FILE…"
)
@click.option(
    "--origin",
    type=click.Choice(get_args(Origin)),
    default="api",
    show_default=True,
    help="Where the answers come from: it is recorded, and reports say it beside their figures.",
)
@to_option
@reasks_option
@endpoint_options
@as_json
def import_(  # noqa: PLR0917 - click gives each option by its name
    name: str,
    files: tuple[Path, ...],
    origin: Origin,
    to: Path | None,
    reasks: ReasksGo | None,
    base_url: str | None,
    allow_http: bool,
    as_json: bool,
) -> None:
    """Take answers to RUN's requests from files in the form of OpenAI's Batch API: output files, error files, in any order.

    What waits for an answer goes on waiting. For answers that do not fit the schema another file of requests is written.
    """
    here = project()
    run = named_run(here, name)
    if not read_batches(run.folder).parts:
        raise RunError("this run has no batch", where=str(run.folder), way_out="`workbench batch export` makes one")
    options = _options(base_url, allow_http=allow_http)
    job = _job_by_hand(here, options, None, run)
    goes = reasks or read_batches(run.folder).reasks
    answering = gathering("hand", goes, handed=Handed(files, origin), priced=_priced(job, run, base_url))
    leave(_by_hand(here, job, run, answering, to, again=True), job.model, as_json=as_json)


@asynccontextmanager
async def _depot(here: Project, model: Model, notify: Notify) -> AsyncIterator["Depot"]:
    from workbench.depot import Depot  # noqa: PLC0415 - 2.5 s
    from workbench.model import Client  # noqa: PLC0415 - the same

    if model.endpoint is None:
        raise SettingsError(
            "there is no endpoint to ask",
            way_out="pass --base-url, or set OPENAI_API_KEY; `workbench batch export` writes files without one",
        )
    async with Client(model.endpoint, retries=here.settings.retries, timeout=here.settings.timeout) as client:
        yield Depot(client, notify)


async def _sit(
    here: Project, job: Job, run: Run | None, watch: Watch, reasks: ReasksGo | None, *, again: bool = False
) -> tuple[Path, Fetched]:
    """Fetch, take in, walk where there is something to walk for, and hand in; returns the run's folder, and what was fetched."""
    async with _depot(here, job.model, watch.notify) as depot:
        store = here.path(here.settings.recordings)
        fetched = await fetch(depot, run, store, watch.notify) if run else Fetched()
        before = read_batches(run.folder) if run else Batches()
        came_in = before.waits_elsewhere or any(part.ended for part in before.open)
        kept = open_run(run.folder).info if run else None  # as the last walk has left it
        limited = kept is not None and (job.budget, job.most_tokens) != (kept.budget, kept.most_tokens)
        chosen = limited or reasks not in {None, before.reasks}
        if run is None or again or before.walked is None or came_in or chosen:
            goes = reasks or before.reasks
            folder = await _walk(here, job, run, gathering("api", goes, again=again), watch, again=again)
            watch.notify(f"run folder {folder}")
        else:
            folder = run.folder
        await send(depot, folder, watch.notify, but=fetched.lost)
    return folder, fetched


async def _walk(here: Project, job: Job, run: Run | None, answering: Answering, watch: Watch, *, again: bool) -> Path:
    """One walk over the articles that are left; returns the run's folder."""
    resume = None
    if run:
        # What has failed is asked again when somebody says so; until then it need not be walked over each time.
        spared = frozenset[State]() if again or read_batches(run.folder).asks_again else frozenset[State]({"failed"})
        resume = Resume(open_run(run.folder), spared=spared)
    with Recordings(here.path(here.settings.recordings), notify=watch.notify) as store:
        summary = await run_job(job, here.path(here.settings.runs), store, answering, resume=resume, watch=watch)
        for note in store.notes:
            watch.notify(note)
    if summary.interrupted:
        raise KeyboardInterrupt
    return summary.folder


def _leave(folder: Path, model: Model, fetched: Fetched, *, as_json: bool) -> NoReturn:
    """Show what has come of a run; what the endpoint should have given and did not is said last."""
    if fetched.lost and not as_json:
        show(folder, model, {}, as_json=False)
    fetched.check()
    leave(folder, model, as_json=as_json)


_pause = asyncio.sleep


async def _collect(here: Project, job: Job, run: Run, watch: Watch, reasks: ReasksGo | None, *, wait: bool) -> Fetched:
    """Look at a run's batches, or again and again for as long as there is something to wait for; returns what came of the last look."""
    seconds = FIRST_WAIT
    while True:
        try:
            _, fetched = await _sit(here, job, run, watch, reasks)
            batches = read_batches(run.folder)
            left = {part.number for part in batches.open if part.written.how == "api"}
            if not wait or (left <= fetched.lost.keys() and not batches.waits_elsewhere):
                return fetched
        except InUse as error:
            if not wait:
                raise
            fetched = Fetched()
            watch.notify(f"{error.where}: {error.what}")
        seconds = FIRST_WAIT if fetched.ended else min(seconds * 1.5, LONGEST_WAIT)
        watch.notify(f"looking again in {seconds:.0f} s (Ctrl-C leaves everything as it is)")
        await _pause(seconds)


async def _look(here: Project, model: Model, folder: Path) -> "tuple[dict[int, Standing], Fetched]":
    say_who(model, say)
    async with _depot(here, model, say) as depot:
        return await look(depot, folder)


async def _cancel(here: Project, model: Model, folder: Path, *, give_up: bool) -> None:
    if model.endpoint is None:
        await end_batches(None, folder, say, give_up=give_up)
        return
    say_who(model, say)
    async with _depot(here, model, say) as depot:
        await end_batches(depot, folder, say, give_up=give_up)


def _by_hand(
    here: Project, job: Job, run: Run | None, answering: Answering, to: Path | None, *, again: bool = False
) -> Path:
    if to:
        check_free(to)
    before = len(read_batches(run.folder).parts) if run else 0
    with progress(stderr(), count_articles(job)) as watch:
        folder = asyncio.run(_walk(here, job, run, answering, watch, again=again))
    written = [number for number in read_batches(folder).parts if number > before]
    files = [part_file(folder, number, "requests") for number in written]
    for file in copies(files, folder.name, to) if to else files:
        say(f"to be answered: {file}")
    return folder


def _job_by_hand(here: Project, options: JobOptions, model: str | None, run: Run | None) -> Job:
    """The job as it is; with nobody to ask where there is no endpoint, as nobody needs to be."""
    asked = model_of(here, model, run, options["base_url"], say, allow_http=options["allow_http"])
    return job_of(here, options, model, replay=asked.endpoint is None, earlier=run)


def _priced(job: Job, run: Run | None, base_url: str | None) -> Model:
    """The model with the address whose price list holds."""
    address = base_url or (run.info.endpoint if run else None)
    if job.endpoint or address is None:
        return job.model
    return replace(job.model, endpoint=Endpoint(address, None, "the run"))


def _check_stay(options: JobOptions) -> None:
    if "-" in options["articles"]:
        raise click.UsageError("a batch is collected later, when standard input is gone: name files")


def _options(base_url: str | None, *, allow_http: bool) -> JobOptions:
    """The options of a command that goes on with a run: what they do not say is as the run has it."""
    return JobOptions(
        articles=(),
        task=None,
        base_url=base_url,
        allow_http=allow_http,
        concurrency=None,
        limit=None,
        budget=None,
        max_tokens_total=None,
        keep_requests=False,
    )
