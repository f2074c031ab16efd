"""The guard against other people's pages, in a real browser: what it sends by itself, and what it lets them send."""

from collections.abc import Iterator
from typing import Any

import pytest
from browsing import PATIENCE
from review.serving import TOKEN, Served, serving, unguarded
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

FORM = '<form method="post" action="{action}"><button name="action" value="accept">go</button></form>'
changed: list[str] = []


def page(body: str) -> Starlette:
    """An app with one page, a form that changes something, and one that answers it."""

    async def show(_: Request) -> Response:
        return HTMLResponse(f"<!doctype html><title>page</title>{body}")

    async def change(request: Request) -> Response:
        async with request.form() as form:
            changed.append(str(form["action"]))
        return RedirectResponse("/", 303)

    return Starlette(
        routes=[Route("/", show, methods=["GET"]), Route("/decide", change, methods=["POST"]), Route("/framed", show)]
    )


@pytest.fixture
def tab(browser: Any) -> Iterator[Any]:
    """A tab whose browser holds the cookie of the review that it opened."""
    changed.clear()
    context = browser.new_context()
    context.set_default_timeout(PATIENCE)
    yield context.new_page()
    context.close()


@pytest.fixture
def review() -> Iterator[Served]:
    with serving(page(FORM.format(action="/decide"))) as served:
        yield served


def entered(tab: Any, review: Served) -> None:
    tab.goto(f"{review.origin}/?token={TOKEN}")
    assert (tab.url, tab.title()) == (f"{review.origin}/", "page")


def test_the_pages_own_form_comes_through(tab: Any, review: Served) -> None:
    """That is: the browser says its origin, which it does not under every policy for referrers."""
    entered(tab, review)
    with tab.expect_navigation(wait_until="load"):
        tab.click("button")
    assert (changed, tab.url) == (["accept"], f"{review.origin}/")


def test_the_pages_own_script_may_not_read_the_token(tab: Any, review: Served) -> None:
    entered(tab, review)
    assert tab.evaluate("document.cookie") == ""


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("how", ["form", "fetch", "link", "frame", "image"])
def test_another_page_of_this_machine_or_another_site_changes_and_shows_nothing(
    tab: Any, review: Served, host: str, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Same site (another port) and cross site (another name), with the cookie in the browser."""
    target = f"{review.origin}/decide"
    bodies = {
        "form": FORM.format(action=target),
        "fetch": "",
        "link": f'<a href="{review.origin}/">go</a>',
        "frame": f'<iframe src="{review.origin}/framed"></iframe>',
        "image": f'<img src="{review.origin}/" alt="">',
    }
    with unguarded(page(bodies[how])) as enemy:
        entered(tab, review)
        answers: list[Response | None] = []  # the browser does not show them to the page, nor to us
        judged = review.guard.refusal

        def noted(scope: Any) -> Response | None:
            answers.append(judged(scope))
            return answers[-1]

        monkeypatch.setattr(review.guard, "refusal", noted)
        tab.goto(f"http://{host}:{enemy}/")
        if how == "fetch":
            tab.evaluate(
                "target => fetch(target, {method: 'POST', credentials: 'include', mode: 'no-cors',"
                " headers: {'Content-Type': 'application/x-www-form-urlencoded'}, body: 'action=accept'}).catch(() => null)",
                target,
            )
        elif how in {"form", "link"}:
            with tab.expect_navigation(wait_until="load"):
                tab.click("button, a")
    assert (changed, [answer and answer.status_code for answer in answers]) == ([], [403])
