"""``workbench render`` and ``doctor``: what would be sent, and whether everything is in order."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import click

from workbench.articles import Rejected
from workbench.cli.common import as_json, print_json, project, source, stdout, task_of
from workbench.endpoints import resolve_endpoint, resolve_model
from workbench.errors import ArticleError, WorkbenchError
from workbench.goldens import read_goldens
from workbench.recordings import Recordings
from workbench.settings import Project, environment
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
    request = render_request(task_of(here, task, asked.differences.mode), first, asked)
    if as_json:
        print_json({"key": request.key, "body": request.body})
        return
    print_json(request.body)


@click.command()
@click.option("--task", help="The task to look at; the project's own if not given.")
@click.option("--base-url", help="The endpoint to look at.")
@click.option("--allow-http", is_flag=True, help="Allow plain http beyond this machine.")
@as_json
def doctor(task: str | None, base_url: str | None, allow_http: bool, as_json: bool) -> None:
    """Check key, endpoint, model, prompt, schema, goldens and recordings; exit 1 if something is wrong."""
    here = project()
    checks: list[tuple[str, Callable[[], str]]] = [
        ("project", lambda: str(here.root)),
        ("task", lambda: _task(here, task)),
        ("goldens", lambda: _goldens(here, task)),
        ("recordings", lambda: _recordings(here)),
        ("endpoint", lambda: _endpoint(here, base_url, allow_http=allow_http)),
    ]
    results = [(name, *_check(check)) for name, check in checks]
    healthy = all(fine for _, fine, _ in results)
    if as_json:
        print_json({"ok": healthy, "checks": [{"check": n, "ok": fine, "says": says} for n, fine, says in results]})
    else:
        out = stdout()
        for name, fine, says in results:
            out.print(f"[{'green' if fine else 'red'}]{'ok ' if fine else 'NO '}[/] {name:<11}", end="")
            out.print(says, markup=False)
    raise click.exceptions.Exit(0 if healthy else 1)


def _check(check: Callable[[], str]) -> tuple[bool, str]:
    try:
        return True, check()
    except WorkbenchError as error:
        return False, str(error)


def _task(here: Project, name: str | None) -> str:
    task = task_of(here, name)
    return f"{task.name}: {task.front.schema_} fits mode {task.front.mode}; the prompt has every variable that it names"


def _goldens(here: Project, name: str | None) -> str:
    task = task_of(here, name)
    goldens = read_goldens(here.path("goldens") / task.name, task.schema)
    return f"{len(goldens.by_id)} for {len(goldens.by_text)} texts, all of the schema's form"


def _recordings(here: Project) -> str:
    store = Recordings(here.path(here.settings.recordings))
    kinds = ", ".join(f"{count} {origin}" for origin, count in store.origins().items())
    return f"{len(store)} in {here.settings.recordings}" + (f" ({kinds})" if kinds else "")


def _endpoint(here: Project, base_url: str | None, *, allow_http: bool) -> str:
    endpoint = resolve_endpoint(here.settings, *environment(Path.cwd()), base_url=base_url, allow_http=allow_http)
    if endpoint is None:
        return "no key and no endpoint: runs replay recordings (set OPENAI_API_KEY to ask a model)"
    from workbench.model import Client  # noqa: PLC0415 - 2.5 s, and without an endpoint it is not needed

    async def ask() -> list[str]:
        async with Client(endpoint, retries=0, timeout=15, ledger=lambda _: None, notify=lambda _: None) as client:
            return await client.models()

    models = asyncio.run(ask())
    wanted = here.settings.model
    known = f"; it has {wanted}" if wanted in models else f"; it has no {wanted} (pass --model)" if wanted else ""
    some = ", ".join(models[:8]) + (", …" if len(models) > 8 else "")
    return f"{endpoint.base_url} (from {endpoint.source}) answers with {len(models)} models: {some}{known}"
