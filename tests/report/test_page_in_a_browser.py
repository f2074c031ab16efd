"""The page as a browser has it: nothing blocked, nothing run, fields and quotes found from each other, a thousand articles usable."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import PATIENCE
from playwright.sync_api import expect
from report.made_up import TEXT, article, evaluation, hostile

from workbench.evaluate import Evaluation
from workbench.report import html


class Tab:
    """A tab with the page open, and what it complained of or asked for."""

    def __init__(self, browser: Any, of: Evaluation, file: Path, text: str = TEXT, width: int = 1280) -> None:
        file.write_text(
            html.report(of, lambda _: text, title="run-1", language="en", info={"task": "street"}), encoding="utf-8"
        )
        self.complaints: list[str] = []
        self.asked: list[str] = []
        self.page = browser.new_page(viewport={"width": width, "height": 800})
        self.page.set_default_timeout(PATIENCE)
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(dialog.message))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(file.as_uri())

    def open(self, name: str) -> Any:
        self.page.click(f'#articles a:text-is("{name}")')
        expect(self.title).to_have_text(name)
        return self.page

    @property
    def title(self) -> Any:
        """Of the article that is shown: an address that has changed is heard of a moment later."""
        return self.page.locator("#one-title")


@pytest.fixture
def tab(browser: Any, tmp_path: Path) -> Iterator[Tab]:
    opened = Tab(browser, evaluation(), tmp_path / "page.html")
    yield opened
    assert opened.complaints == []
    assert len(opened.asked) == 1
    opened.page.close()


def test_a_field_goes_to_its_quote_and_the_quote_back(tab: Tab) -> None:
    page = tab.open("bakery")
    page.click(".f.mismatch a.k")
    lit = "".join(page.locator(".q.on").all_text_contents())
    assert lit == "새 빵집 밀밭이 2031년 3월에 문을 연다"
    assert page.locator(".q.on.here").all_text_contents() == ["2031년 3월"]
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.textContent") == "since"


def test_pressing_a_shared_stretch_again_reaches_every_field(tab: Tab) -> None:
    page = tab.open("bakery")
    page.click("[data-show=all]")
    shared = page.locator('.q:text-is("새 빵집 ")')
    reached = set()
    for _ in range(4):
        shared.click()
        reached.add(page.locator(".f.on .k").text_content())
    assert reached == {"street", "name", "since", "cost"}


def test_only_what_differs_or_everything(tab: Tab) -> None:
    page = tab.open("bakery")
    assert page.locator(".f.correct:visible").count() == 0
    assert page.locator(".f.mismatch:visible").count() > 0
    page.click("[data-show=all]")
    assert page.locator(".f.correct:visible").count() > 0
    page.click("#next")
    expect(tab.title).not_to_have_text("bakery")
    assert page.locator(".f.correct:visible").count() > 0


def test_tables_are_sorted_by_a_press_on_their_heads(tab: Tab) -> None:
    tab.page.click('#fields thead button:text-is("recall")')
    recall = [float(text) for text in tab.page.locator("#fields tbody td:nth-child(7)").all_text_contents()]
    assert recall == sorted(recall)
    assert tab.page.get_attribute("#fields th[aria-sort]", "aria-sort") == "ascending"
    tab.page.click('#fields thead button:text-is("recall")')
    assert tab.page.get_attribute("#fields th[aria-sort]", "aria-sort") == "descending"


def test_figures_stand_under_their_heads(tab: Tab) -> None:
    right = "(cells) => cells.map((cell) => Math.round(cell.getBoundingClientRect().right))"
    for table in ("#fields", "#articles"):
        heads = tab.page.eval_on_selector_all(f"{table} thead th", right)
        assert tab.page.eval_on_selector_all(f"{table} tbody tr:first-child > *", right) == heads


def test_a_field_narrows_the_articles_to_those_that_differ_in_it(tab: Tab) -> None:
    tab.page.click("#fields .name >> text=since")
    assert tab.page.locator("#articles tbody tr:visible th").all_text_contents() == ["lost", "bakery"]
    tab.page.click("#only")
    assert tab.page.locator("#articles tbody tr:visible").count() == 4


def test_back_leads_to_the_overview(tab: Tab) -> None:
    tab.open("bakery")
    tab.page.go_back()
    tab.page.wait_for_selector("#fields")
    assert tab.page.is_hidden("#one")


@pytest.mark.parametrize("width", [400, 640, 1280])
def test_nothing_stands_beyond_the_edge(browser: Any, tmp_path: Path, width: int) -> None:
    opened = Tab(browser, evaluation(), tmp_path / "page.html", width=width)
    wide = "document.documentElement.scrollWidth"
    assert opened.page.evaluate(wide) <= width
    assert opened.open("bakery").evaluate(wide) <= width
    opened.page.close()


def test_an_enemys_text_runs_nothing(browser: Any, tmp_path: Path) -> None:
    of, text = hostile()
    opened = Tab(browser, of, tmp_path / "page.html", text)
    for number in range(2):
        opened.page.evaluate(f'location.hash = "#article-{number}"')
        name = str(opened.page.locator(f'#articles tr[data-a="{number}"] > :first-child').text_content())
        expect(opened.title).to_have_text(name)
        assert opened.page.locator("#body script, #body img").count() == 0
    assert opened.complaints == []
    assert len(opened.asked) == 1
    opened.page.close()


def test_of_a_thousand_articles_only_the_one_that_is_read_is_built(browser: Any, tmp_path: Path) -> None:
    base = article()
    many = (
        type(base)(base.extraction.model_copy(update={"article": f"a{number:04}"}), base.golden, base.score)
        for number in range(1000)
    )
    opened = Tab(browser, evaluation(*many), tmp_path / "page.html")
    opened.open("a0500")
    assert opened.page.evaluate('document.querySelectorAll("*").length') < 30_000
    opened.page.close()
