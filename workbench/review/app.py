"""The review page: what it answers to each address. Forms send decisions, and every answer to one is the page as it then is.

An article is looked up by its id among those of the run; nothing in an address is ever a path. What the page shows comes from templates that
it shares with the HTML report, where everything is escaped.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import cache
from math import ceil
from typing import Any, Final
from urllib.parse import parse_qsl, quote

from jinja2 import ChoiceLoader, Environment, PackageLoader
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from workbench.decide import decide, undo
from workbench.errors import GoldenChanged, GoldenError, InputError, WishError, WorkbenchError
from workbench.evaluate import origin_notes
from workbench.pointers import pointer, steps_of
from workbench.report.html import Asset, asset, environment
from workbench.report.terminal import short_paths
from workbench.report.view import value
from workbench.review.desk import Desk, Order
from workbench.review.forms import Asked, wish_of
from workbench.review.listing import PAGE, Filters, listed, tallies
from workbench.review.opened import Opened
from workbench.review.page import Page, page_of
from workbench.review.panels import Problem, history, place_words
from workbench.review.pile import Pile
from workbench.review.refused import Refusal, Refused
from workbench.review.stops import Stop, value_at
from workbench.runs import now
from workbench.wishes import apply

__all__ = ["app", "assets"]

PATIENCE: Final = 0.2
"""Seconds."""
SOON: Final = 100
"""Articles that may be scored in that time; for more it is not worth waiting."""
FILTERS: Final = "back"
"""The form field that holds the address's query, so that the article after this one is the list's next."""
REFUSED: Final = "refused"
"""What names in an address the decision that was not taken."""


def assets() -> tuple[tuple[Asset, ...], tuple[Asset, ...]]:
    """The styles and the scripts that stand in the pages, for a policy that allows no others."""
    here = "workbench.review"
    return (asset("report.css"), asset("review.css", here)), (asset("report.js"), asset("review.js", here))


@cache
def _environment() -> Environment:
    """The report's templates and ours."""
    own = environment().overlay()
    own.loader = ChoiceLoader([PackageLoader("workbench.review"), PackageLoader("workbench.report")])
    own.filters = {**own.filters, "segment": lambda text: quote(text, safe="")}
    own.globals = {**own.globals, "place_words": place_words}
    return own


def app(desk: Desk, patience: float = PATIENCE) -> Starlette:
    """The pages of a run. Who may see them, and from where, is the guard's to say.

    Args:
        desk: What lies on the reviewer's desk.
        patience: How many seconds the first page waits for what is not known yet, before it shows what is.
    """
    pages = _Pages(desk, patience)
    routes = [
        Route("/", pages.list, methods=["GET"]),
        Route("/help", pages.help, methods=["GET"]),
        Route("/article/{article}", pages.article, methods=["GET"]),
        Route("/article/{article}/decide", pages.decide, methods=["POST"]),
        Route("/article/{article}/undo", pages.undo, methods=["POST"]),
        Route("/article/{article}/check", pages.check, methods=["POST"]),
    ]
    handlers: Mapping[Any, Any] = {WorkbenchError: pages.fault, HTTPException: pages.missing}
    return Starlette(routes=routes, exception_handlers=handlers, lifespan=pages.lifespan)


class _Pages:
    """The answers, over one pile of articles."""

    def __init__(self, desk: Desk, patience: float) -> None:
        self.desk = desk
        self.pile = Pile(desk)
        self.refused = Refused()
        self._patience = patience
        self._waited: set[Order] = set()

    @asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """Begin to look through the articles while the browser opens; an error is said to whoever asks for a page."""
        looking = asyncio.create_task(asyncio.to_thread(self.pile.begin))
        looking.add_done_callback(lambda task: task.cancelled() or task.exception())
        try:
            yield
        finally:
            await asyncio.to_thread(self.pile.close)

    async def list(self, request: Request) -> Response:
        """The articles that the address asks for, a page of them; of those that are being looked through, what is known."""
        filters = Filters.parse(request.query_params)
        await self._wait(filters)
        progress = self.pile.progress
        rows = self.pile.rows(filters.order)
        found = listed(rows, filters, self.pile.words_of)
        pages = max(1, ceil(len(found) / PAGE))
        number = min(filters.page, pages)
        scores = [row.f1 for row in rows if row.f1 is not None]
        counts = tallies(rows)
        return self._page(
            "list.html",
            filters=replace(filters, page=number),
            rows=found[(number - 1) * PAGE : number * PAGE],
            found=len(found),
            first=(number - 1) * PAGE + 1,
            pages=pages,
            counts=counts,
            progress=progress,
            f1=sum(scores) / len(scores) if scores else None,
            scored=len(scores),
            names=short_paths(counts.fields),
            order=filters.order or self.desk.order,
            notes=[*origin_notes([row.origins for row in rows]), *self.pile.notes],
            doubts=progress.compared is not None or any(row.doubt is not None for row in rows),
        )

    async def _wait(self, filters: Filters) -> None:
        """Begin what the page takes, and wait for it once: of a small run it is all there a moment later, of a large one it takes as long as it takes."""
        order = filters.order or self.desk.order
        await asyncio.to_thread(self.pile.begin, order)
        progress = await asyncio.to_thread(lambda: self.pile.progress)
        left = max(progress.articles - progress.known, 0 if progress.compared is None else progress.articles)
        if order not in self._waited and left <= SOON:
            await asyncio.to_thread(self.pile.wait, self._patience)
        self._waited.add(order)

    async def help(self, request: Request) -> Response:
        """What can be done, and by which key."""
        return self._page("help.html", filters=Filters.parse(request.query_params))

    async def article(self, request: Request) -> Response:
        """One article; and why the last decision on it was not taken, if the address says that one was not."""
        filters = Filters.parse(request.query_params)
        await self._wait(filters)
        opened = self._open(request)
        return self._article(opened, filters, self.refused.of(opened.article, request.query_params.get(REFUSED, "")))

    async def decide(self, request: Request) -> Response:
        """A decision; then the article again, at the next thing to decide."""
        form = await _form(request)
        filters = _filters(form)
        opened = self._open(request)
        asked = Asked.parse(form)
        before = page_of(opened, self.desk)
        try:
            self._decide(opened, asked)
        except (WishError, GoldenError) as error:
            return self._refuse(opened.article, filters, asked, error)
        self.refused.settle(opened.article, asked)
        return self._next(request, before, asked, filters)

    def _decide(self, opened: Opened, asked: Asked) -> None:
        desk = self.desk
        about = opened.about
        if asked.beside:
            about = replace(about, record=opened.beside)
        wish = wish_of(asked, opened.golden, about, desk.task.schema, desk.texts(opened.scored.extraction))
        decide(
            desk.log, about, wish, desk.task.schema, seen=asked.seen, by=desk.by, now=now(), writable=desk.writable
        )  # fmt: skip

    async def undo(self, request: Request) -> Response:
        """A decision undone, or an undo."""
        form = await _form(request)
        filters = _filters(form)
        opened = self._open(request)
        desk = self.desk
        try:
            undo(
                desk.log,
                opened.about.golden,
                form.get("decision", ""),
                seen=form.get("seen") or None,
                by=desk.by,
                now=now(),
                writable=desk.writable,
            )
        except GoldenError as error:
            return self._refuse(opened.article, filters, None, error)
        anchor = form.get("anchor", "")
        here = f"#{anchor}" if anchor[:1] in {"f", "u"} and anchor[1:].isascii() and anchor[1:].isdigit() else ""
        return RedirectResponse(_address(opened.article, filters) + here, status_code=303)

    def _refuse(self, article: str, filters: Filters, asked: Asked | None, error: WishError | GoldenError) -> Response:
        clash = isinstance(error, GoldenChanged)
        says = (
            error.what
            if clash or isinstance(error, WishError)
            else ": ".join(filter(None, (error.what, error.way_out)))
        )
        name = self.refused.keep(article, Refusal(asked, says, clash))
        address = _address(article, filters)
        return RedirectResponse(f"{address}{'&' if '?' in address else '?'}{REFUSED}={name}", status_code=303)

    async def check(self, request: Request) -> Response:
        """Whether the schema takes what is being typed, and what code reads in it. Nothing is written."""
        form = await _form(request)
        opened = self._open(request)
        try:
            asked = Asked.parse(form)
            wish = wish_of(asked, opened.golden, opened.about, self.desk.task.schema, None)
            apply(opened.golden, wish, opened.about, self.desk.task.schema)
        except WishError as error:
            return JSONResponse({"error": error.what, "reading": ""})
        shown = value(wish.value)
        return JSONResponse({"error": "", "reading": (shown.reading if shown else None) or ""})

    async def fault(self, _: Request, error: WorkbenchError) -> Response:
        """An error in words: a golden that does not hold, a run that changed."""
        return self._page(
            "error.html", filters=Filters(), title="This cannot be shown", error=error, status=_status(error)
        )  # fmt: skip

    async def missing(self, request: Request, error: HTTPException) -> Response:
        """An address that leads nowhere."""
        says = WorkbenchError(error.detail, where=request.url.path)
        return self._page(
            "error.html", filters=Filters(), title="Not here", error=says, status=error.status_code
        )  # fmt: skip

    def _open(self, request: Request) -> Opened:
        opened = self.pile.open(request.path_params["article"])
        if opened is None:
            raise HTTPException(404, "this run has no such article")
        return opened

    def _article(self, opened: Opened, filters: Filters, refusal: Refusal | None) -> Response:
        asked = refusal.asked if refusal else None
        problem = Problem(asked, refusal.says) if refusal and asked and not refusal.clash else None
        page = page_of(opened, self.desk, problem)
        rows = self.pile.rows(filters.order)
        order = [row.article for row in listed(rows, filters, self.pile.words_of)]
        everything = [row.article for row in rows]
        earlier, place, later = _neighbours(opened.article, order, everything)
        unplaced = refusal is not None and (refusal.clash or page.unplaced)
        now_there = None
        if unplaced and asked and opened.golden and (at := asked.target or asked.at):
            now_there = value(value_at(opened.golden.record, at))
        return self._page(
            "one.html",
            filters=filters,
            opened=opened,
            page=page,
            view=page.view,
            language=self.desk.language,
            earlier=earlier,
            later=later,
            place=place,
            found=len(order),
            problem=problem,
            refusal=refusal,
            unplaced=unplaced,
            now_there=now_there,
            past=history(self.desk.log.of(opened.about.golden)),
            seen=opened.seen or "",
            anchor=_anchor(page, problem),
        )

    def _next(self, request: Request, before: Page, asked: Asked, filters: Filters) -> Response:
        """To the next thing to decide after the one decided on, by what it was before: numbers may have changed since."""
        opened = self._open(request)
        after = page_of(opened, self.desk)
        places = [panel.stop.place for panel in before.panels]
        here = (asked.at, asked.record_at)
        start = places.index(here) + 1 if here in places else 0
        waiting = {_key(stop, opened): stop for stop in after.waiting}
        turn = before.panels[start:] + before.panels[:start]
        following = (waiting[key] for panel in turn if (key := _key(panel.stop, before.opened)) in waiting)
        found = next(following, None) or next(iter(after.waiting), None)
        anchor = f"#{found.anchor}" if found else "#done" if after.panels else ""
        return RedirectResponse(_address(opened.article, filters) + anchor, status_code=303)

    def _page(self, template: str, *, filters: Filters, status: int = 200, **given: object) -> Response:
        styles, scripts = assets()
        text = (
            _environment()
            .get_template(template)
            .render(
                desk=self.desk,
                styles=styles,
                scripts=scripts,
                filters=filters,
                query=filters.query(page=filters.page),
                **given,
            )
        )
        return HTMLResponse(text, status_code=status)


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form, which are text; a field sent twice is the page's last word."""
    async with request.form() as form:
        return {name: field for name, field in form.items() if isinstance(field, str)}


def _filters(form: Mapping[str, str]) -> Filters:
    return Filters.parse(dict(parse_qsl(form.get(FILTERS, "").removeprefix("?"))))


def _address(article: str, filters: Filters) -> str:
    return f"/article/{quote(article, safe='')}{filters.query(page=filters.page)}"


def _key(stop: Stop, opened: Opened) -> tuple[str, str, str]:
    """What tells a stop from others whatever was inserted or removed before it: its place in the record, else what the golden has there."""
    golden_at, record_at = stop.place
    if record_at is not None:
        return "record", record_at, ""
    found = value_at(opened.golden.record, golden_at) if opened.golden and golden_at is not None else None
    path = pointer(*("-" if step.isdigit() else step for step in steps_of(golden_at or "")))
    return "golden", path, repr(found)


def _neighbours(article: str, order: list[str], everything: list[str]) -> tuple[str | None, int | None, str | None]:
    """The articles before and after, and the place among them; of one that the list does not hold any more, those that stood around it."""
    if article in order:
        at = order.index(article)
        return (order[at - 1] if at else None), at + 1, (order[at + 1] if at + 1 < len(order) else None)
    rank = {other: number for number, other in enumerate(everything)}
    here = rank[article]
    before = [other for other in order if rank[other] < here]
    return (before[-1] if before else None), None, (order[len(before)] if len(before) < len(order) else None)


def _anchor(page: Page, problem: Problem | None) -> str:
    """The stop at which the page opens."""
    if problem:
        wrong = next((panel.stop.anchor for panel in page.panels if panel.error), "")
        return wrong or "adding"
    return page.waiting[0].anchor if page.waiting else ""


def _status(error: WorkbenchError) -> int:
    return 400 if type(error) is InputError else 409
