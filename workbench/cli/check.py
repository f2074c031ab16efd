"""``workbench render`` and ``doctor``: what would be sent, and whether everything is in order."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from workbench.articles import Rejected
from workbench.batch import read_batches
from workbench.cli import probe as probing
from workbench.cli.asking import endpoint_of
from workbench.cli.common import as_json, asked_task, print_json, project, say, source, stdout, task_of
from workbench.endpoints import resolve_model
from workbench.errors import ArticleError, ProviderError, SettingsError, WorkbenchError
from workbench.goldens import read_goldens
from workbench.probes import context_of, entry_of
from workbench.recordings import Recordings
from workbench.report.terminal import plain
from workbench.settings import Mode, Project
from workbench.tasks import render as render_request

__all__ = ["doctor", "render"]


@click.command()
@click.argument("article")
@click.option("--task", help="The prompt to use: prompts/TASK.md.")
@click.option("--model", help="A model of the settings, or its name at the endpoint.")
@as_json
def render(article: str, task: str | None, model: str | None, as_json: bool) -> None:
    """Show the exact request that would be sent for an article (a file, or the id of one of the project's own)."""
    here = project()
    file = Path(article)
    given = source((article,) if article == "-" or file.exists() else (), here)
    found = [read for read in given.read() if file.exists() or article in {"-", read.id}]
    if not found:
        raise ArticleError(
            f"there is no article {article!r}", expected="a file, or the id of one of the project's articles"
        )
    first = found[0]
    if isinstance(first, Rejected):
        raise ArticleError(first.reason, where=first.place)
    asked = resolve_model(here.settings, model)
    request = render_request(asked_task(here, task, asked.differences.mode), first, asked)
    if as_json:
        print_json({"key": request.key, "body": request.body})
        return
    print_json(request.body)


@click.command()
@click.option("--task", help="The task to look at; the project's own if not given.")
@click.option("--model", help="A model of the settings, or its name at the endpoint.")
@click.option("--base-url", help="The endpoint to look at.")
@click.option("--allow-http", is_flag=True, help="Allow plain http beyond this machine.")
@click.option(
    "--probe", is_flag=True, help="Ask the model what it takes, by a few tiny requests, and print its settings."
)
@as_json
def doctor(  # noqa: PLR0917 - click gives each option by its name
    task: str | None, model: str | None, base_url: str | None, allow_http: bool, probe: bool, as_json: bool
) -> None:
    """Check key, endpoint, model, prompt, schema, goldens, recordings and batches; exit 1 if something is wrong.

    With --probe the model is asked what its endpoint takes, which costs a few hundred tokens. What it differs in is printed as the
    lines that the project's pyproject.toml needs; nothing is written.
    """
    here = project()
    found: list[probing.Found] = []
    checks: list[tuple[str, Callable[[], str]]] = [
        ("project", lambda: str(here.root)),
        ("task", lambda: _task(here, task, model)),
        ("goldens", lambda: _goldens(here, task, model)),
        ("recordings", lambda: _recordings(here)),
        ("batches", lambda: _batches(here)),
        ("endpoint", lambda: _endpoint(here, model, base_url, allow_http=allow_http, probed=probe)),
    ]
    if probe:
        checks.append(("probe", lambda: _probe(here, task, model, base_url, found, allow_http=allow_http)))
    results = [(name, *_check(check)) for name, check in checks]
    healthy = all(fine for _, fine, _ in results)
    if as_json:
        fields = {"ok": healthy, "checks": [{"check": n, "ok": fine, "says": says} for n, fine, says in results]}
        print_json(fields | ({"probe": probing.as_fields(found[0]) if found else None} if probe else {}))
    else:
        out = stdout()
        for name, fine, says in results:
            out.print(f"[{'green' if fine else 'red'}]{'ok ' if fine else 'NO '}[/] {name:<11}", end="")
            out.print(plain(says))
        for each in found:
            probing.show(each)
    raise click.exceptions.Exit(0 if healthy else 1)


def _check(check: Callable[[], str]) -> tuple[bool, str]:
    try:
        return True, check()
    except WorkbenchError as error:
        return False, str(error)


def _task(here: Project, name: str | None, model: str | None) -> str:
    task = asked_task(here, name, _mode(here, model))
    says = f"{task.name}: {task.front.schema_} fits mode {task.front.mode}; the prompt has every variable that it names"
    return f"{says}, and its {task.front.examples} examples" if task.front.examples else says


def _mode(here: Project, model: str | None) -> Mode | None:
    return resolve_model(here.settings, model).differences.mode if model or here.settings.model else None


def _goldens(here: Project, name: str | None, model: str | None) -> str:
    task = task_of(here, name, _mode(here, model))
    goldens = read_goldens(here.path("goldens") / task.name, task.schema)
    return f"{len(goldens.by_id)} for {len(goldens.by_text)} texts, all of the schema's form"


def _recordings(here: Project) -> str:
    store = Recordings(here.path(here.settings.recordings), notify=say)
    kinds = ", ".join(f"{count} {origin}" for origin, count in store.origins().items())
    return f"{len(store)} in {here.settings.recordings}" + (f" ({kinds})" if kinds else "")


def _batches(here: Project) -> str:
    under_way = [
        f"{sum(part.written.requests for part in waiting):,} requests of {file.parent.name} wait for an answer"
        for file in sorted(here.path(here.settings.runs).glob("*/batches.jsonl"))
        if (waiting := read_batches(file.parent).open)
    ]
    return "; ".join(under_way) + " (`workbench batch collect RUN`)" if under_way else "none is under way"


def _endpoint(here: Project, model: str | None, base_url: str | None, *, allow_http: bool, probed: bool) -> str:
    endpoint = endpoint_of(here, model, base_url, allow_http=allow_http)
    unnamed = (
        "" if model or here.settings.model else "; no model is named: a run wants --model, or `model` in the settings"
    )
    if endpoint is None:
        return f"no key and no endpoint: runs replay recordings (set OPENAI_API_KEY to ask a model){unnamed}"
    from workbench.model import Client  # noqa: PLC0415 - 2.5 s, and without an endpoint it is not needed

    async def ask() -> list[dict[str, Any]]:
        async with Client(endpoint, retries=0, timeout=15) as client:
            return await client.models()

    where = f"{endpoint.base_url} (from {endpoint.source})"
    try:
        models = asyncio.run(ask())
    except ProviderError as error:
        if probed and error.status in {404, 405}:
            return f"{where} lists no models; it is probed all the same"
        raise
    wanted = resolve_model(here.settings, model).name if model or here.settings.model else None
    has = entry_of(models, wanted or "")
    known = f"; it has {wanted}" if has else f"; it has no {wanted} (pass --model)" if wanted else ""
    reads = f", which reads {context_of(has):,} tokens" if context_of(has) else ""
    some = ", ".join(model["id"] for model in models[:8]) + (", …" if len(models) > 8 else "")
    more = "" if probed else "; --probe asks what it takes"
    return f"{where} answers with {len(models)} models: {some}{known}{reads}{more}{unnamed}"


def _probe(
    here: Project,
    task: str | None,
    model: str | None,
    base_url: str | None,
    found: list[probing.Found],
    *,
    allow_http: bool,
) -> str:
    endpoint = endpoint_of(here, model, base_url, allow_http=allow_http)
    if endpoint is None:
        raise SettingsError(
            "there is neither key nor endpoint to probe", way_out="set OPENAI_API_KEY, or pass --base-url"
        )
    asked = resolve_model(here.settings, model, endpoint)
    found.append(probing.ask(asked, endpoint, task_of(here, task).front, here.settings))
    if not found[0].probed.usable:
        raise ProviderError("there is no mode in which this model can be given a schema", where=endpoint.base_url)
    return found[0].words
