"""The review as a person has it: a real server behind its guard, a real browser, the keyboard, the mouse, a finger, or no script at all."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from browsing import PATIENCE
from report.made_up import HOSTILE
from review.serving import TOKEN, Served, running, serving
from review.street import RECORDS, TEXTS, golden, log_lines, make_desk

from workbench.extract import Extraction
from workbench.review.app import app, assets
from workbench.review.guard import Guard
from workbench.review.serve import listen

PENDING = "document.querySelectorAll('details.decide.wants').length"


HANGUL: dict[str, tuple[Any, ...]] = {
    "a": ("KeyA", "ㅁ", 65), "b": ("KeyB", "ㅠ", 66), "d": ("KeyD", "ㅇ", 68), "e": ("KeyE", "ㄷ", 69), "f": ("KeyF", "ㄹ", 70),
    "j": ("KeyJ", "ㅓ", 74), "k": ("KeyK", "ㅏ", 75), "l": ("KeyL", "ㅣ", 76), "n": ("KeyN", "ㅜ", 78), "p": ("KeyP", "ㅔ", 80),
    "r": ("KeyR", "ㄱ", 82), "s": ("KeyS", "ㄴ", 83), "u": ("KeyU", "ㅕ", 85), "x": ("KeyX", "ㅌ", 88), "0": ("Digit0", "0", 48),
    "/": ("Slash", "/", 191), "?": ("Slash", "?", 191, "shift"), "esc": ("Escape", "Escape", 27),
}  # fmt: skip
"""Each key of the help: its place, what a Hangul keyboard makes of it, its Windows code."""


class Tab:
    """A tab on the review, and all that it complained of."""

    def __init__(self, browser: Any, served: Served, **context: Any) -> None:
        self.context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **context})
        self.context.set_default_timeout(PATIENCE)
        self.origin = served.origin
        self.complaints: list[str] = []
        self.page = self.context.new_page()
        self._listen(self.page)

    def _listen(self, page: Any) -> None:
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: self.complaints.append(dialog.message))
        page.on("requestfailed", self._failed)
        page.on("request", lambda request: self._own(request.url))

    def _failed(self, request: Any) -> None:
        if request.url.endswith("/check") and request.failure == "net::ERR_ABORTED":
            return  # the page was left, as by a decision, before the check while one types was answered
        self.complaints.append(f"failed: {request.url}, {request.failure}")

    def _own(self, address: str) -> None:
        if not address.startswith(self.origin):
            self.complaints.append(f"asked elsewhere: {address}")

    def open(self, address: str = "/") -> Any:
        self.page.goto(f"{self.origin}{address}{'&' if '?' in address else '?'}token={TOKEN}")
        return self.page

    def another(self) -> Any:
        """A second tab of the same browser."""
        page = self.context.new_page()
        self._listen(page)
        return page

    def keys(self, *keys: str) -> None:
        """Press keys one after the other; one that leads to another page has done so before the next."""
        for key in keys:
            self.page.keyboard.press(key)
            self.page.wait_for_load_state("load")

    def decide(self, *keys: str) -> None:
        """Press keys, of which the last sends a form."""
        self.keys(*keys[:-1])
        with self.page.expect_navigation(wait_until="load"):
            self.page.keyboard.press(keys[-1])
        self.settled()

    def settled(self) -> None:
        """Wait until the script of the page has opened it."""
        self.page.wait_for_selector("#one[data-open], main:not(#one)")

    @property
    def focused(self) -> str:
        """What has the focus, as a screen reader would say it."""
        return str(self.page.evaluate("document.activeElement.textContent.trim()"))


Opener = Callable[..., Tab]


@pytest.fixture
def tab(browser: Any, tmp_path: Path) -> Iterator[Opener]:
    """Opens a tab on a desk of its own; at the end it must have complained of nothing."""
    with ExitStack() as stack:
        tabs: list[Tab] = []

        def opened(context: dict[str, Any] | None = None, **desk: Any) -> Tab:
            styles, scripts = assets()
            sources = {"styles": [one.source for one in styles], "scripts": [one.source for one in scripts]}
            served = stack.enter_context(serving(app(make_desk(tmp_path, **desk), patience=60), **sources))
            made = Tab(browser, served, **(context or {}))
            stack.callback(made.context.close)
            tabs.append(made)
            return made

        yield opened
        for made in tabs:
            assert made.complaints == []


def since(root: Path) -> Any:
    return golden(root)["shops"][0]["since"]


class TestKeyboard:
    def test_from_the_list_to_a_changed_golden_and_back(self, tab: Opener, tmp_path: Path) -> None:
        file = tmp_path / "goldens/street/bakery.json"
        opened = tab()
        opened.open()
        before = file.read_bytes()
        opened.keys("j")
        assert opened.focused == "bakery"
        opened.decide("Enter")
        assert opened.focused == "decide: shops 1 › since"
        opened.decide("a")
        assert since(tmp_path) == "2031년 3월"
        opened.decide("u")
        assert file.read_bytes() == before
        assert [line["action"] for line in log_lines(tmp_path)] == ["accept", "undo"]

    def test_each_key_decides_as_its_button_does(self, tab: Opener, tmp_path: Path) -> None:
        opened = tab()
        page = opened.open("/article/bakery")
        opened.settled()
        opened.decide("l")
        assert since(tmp_path) == "2031년 4월"
        assert opened.focused == "decide: shops 1 › cost"
        opened.keys("e")
        page.keyboard.press("ControlOrMeta+a")
        page.keyboard.type("100조원")
        opened.decide("Enter")
        assert golden(tmp_path)["shops"][0]["cost"] == "100조원"
        assert opened.focused == "decide: shops 2"
        opened.decide("x")
        opened.keys("f")
        page.keyboard.type("ajx0 이상하다")
        opened.decide("Enter")
        opened.decide("s")
        opened.keys("k")
        actions = [(line["action"], line.get("note", "")) for line in log_lines(tmp_path)]
        assert [action for action, _ in actions] == ["alternate", "correct", "keep", "flag", "skip"]
        assert ("flag", "ajx0 이상하다") in actions

    def test_absent_is_zero(self, tab: Opener, tmp_path: Path) -> None:
        opened = tab()
        opened.open("/article/bakery")
        opened.settled()
        opened.decide("0")
        assert since(tmp_path) is None

    def test_an_item_is_taken_whole_and_its_place_in_the_list_is_the_next(self, tab: Opener, tmp_path: Path) -> None:
        opened = tab()
        opened.open("/article/bakery")
        opened.settled()
        opened.keys("j", "j", "j")
        assert opened.focused == "decide: shops (record 2)"
        opened.decide("a")
        assert [shop["name"] for shop in golden(tmp_path)["shops"]] == ["밀밭", "종이숲", "꽃집"]
        assert opened.focused == "decide: slogans › record 2"

    @pytest.mark.parametrize("key", ["e", "l"])
    @pytest.mark.parametrize(
        ("label", "words"),
        [
            ("shops (record 2)", "accept what the record has (A) and edit it then"),
            ("slogans › record 2", "accept what the record has (A) and edit it then"),
            ("shops 2", "keep it (X), take it out (0)"),
            ("shops 1", "edit one of its fields"),
        ],
    )
    def test_what_has_no_value_of_its_own_says_what_can_be_done_instead(
        self, tab: Opener, tmp_path: Path, label: str, words: str, key: str
    ) -> None:
        """On the page, and to a screen reader, to who would correct it or add an alternate; before the key is pressed it says nothing."""
        opened = tab()
        page = opened.open("/article/bakery")
        opened.settled()
        page.click("[data-show=all]")
        page.locator("details.decide summary", has_text=re.compile(f": {re.escape(label)}$")).click()
        said = page.locator("details[open] [data-instead]")
        assert not said.is_visible()
        opened.keys(key)
        assert said.is_visible()
        assert words in str(said.text_content())
        assert page.locator("#said").text_content() == said.text_content()
        assert log_lines(tmp_path) == []

    def test_what_was_accepted_as_a_whole_can_be_edited_then(self, tab: Opener, tmp_path: Path) -> None:
        opened = tab()
        page = opened.open("/article/bakery")
        opened.settled()
        opened.keys("j", "j", "j")
        opened.decide("a")
        page.click("[data-show=all]")
        page.locator("details.decide summary", has_text=re.compile(": shops 3 › since$|: shops 2 › since$")).click()
        opened.keys("e")
        page.keyboard.press("ControlOrMeta+a")
        page.keyboard.type("2030년")
        opened.decide("Enter")
        assert [(shop["name"], shop["since"]) for shop in golden(tmp_path)["shops"]][1] == ("종이숲", "2030년")

    def test_what_only_the_second_run_has_and_a_golden_not_started_say_so_too(self, tab: Opener) -> None:
        bakery = RECORDS["bakery"]
        second = {**bakery, "shops": [*bakery["shops"], {**bakery["shops"][1], "name": "새 가게"}]}
        opened = tab(against={**RECORDS, "bakery": second})
        page = opened.open("/article/bakery")
        opened.settled()
        page.click("[data-show=all]")
        page.locator(".unit:has-text('only B has this') summary").click()
        opened.keys("e")
        assert "accept B (A)" in str(page.locator("details[open] [data-instead]:visible").text_content())
        page = opened.open("/article/unlabelled")
        opened.settled()
        opened.keys("e")
        assert "start one from the record (A)" in str(page.locator(".start [data-instead]:visible").text_content())

    def test_a_key_says_that_nothing_is_open(self, tab: Opener, tmp_path: Path) -> None:
        """To everybody, until the next key."""
        opened = tab()
        page = opened.open("/article/bakery")
        opened.settled()
        page.locator("details.decide[open] summary").click()
        told = page.locator(".told[role=status]")
        assert told.count() == 0
        for key in "axl0sebf":
            opened.keys(key)
            assert "No field is open: J opens the next" in str(told.text_content())
            assert told.is_visible()
        opened.keys("j")
        assert told.count() == 0
        assert log_lines(tmp_path) == []

    def test_where_nothing_differs_a_key_says_how_to_see_the_fields(self, tab: Opener) -> None:
        opened = tab()
        page = opened.open("/article/bookshop")
        opened.settled()
        for key in "ej":
            opened.keys(key)
            assert "D shows them all" in str(page.locator(".told").text_content())
        opened.keys("d", "j")
        assert opened.focused == "edit: street"

    def test_keys_that_lead_nowhere_say_so(self, tab: Opener) -> None:
        opened = tab()
        page = opened.open("/article/unlabelled")
        opened.settled()
        for key, words in {
            "n": "last article",
            "u": "nothing to undo",
            "r": "nothing to redo",
            "d": "Without a golden",
        }.items():
            opened.keys(key)
            assert words in str(page.locator(".told").text_content())
        opened.open("/article/bakery")
        opened.settled()
        opened.keys("b")
        assert "no second run" in str(page.locator(".told").text_content())
        page = opened.open("/")
        opened.keys("e")
        assert "No article is open" in str(page.locator(".told").text_content())

    def test_all_is_decided_and_the_next_article_is_a_key_away(self, tab: Opener) -> None:
        opened = tab()
        page = opened.open("/article/bakery")
        opened.settled()
        while page.evaluate(PENDING):
            opened.decide("a")
        assert opened.focused.startswith("✓ Nothing left to decide here.")
        opened.decide("n")
        assert page.url.endswith("/article/bookshop")
        opened.decide("p")
        assert page.url.endswith("/article/bakery")

    def test_an_article_is_labelled_from_its_record(self, tab: Opener, tmp_path: Path) -> None:
        opened = tab()
        page = opened.open("/article/unlabelled")
        opened.settled()
        opened.decide("a")
        assert golden(tmp_path, "unlabelled")["street"] == "남문로"
        while page.evaluate(PENDING):
            opened.decide("x")
        assert page.locator("#done").is_visible()

    def test_only_what_differs_or_everything(self, tab: Opener) -> None:
        opened = tab()
        page = opened.open("/article/bakery")
        opened.settled()
        shown = page.locator(".f.correct:visible")
        assert shown.count() == 0
        opened.keys("d")
        assert shown.count() > 0
        opened.decide("n")
        assert shown.count() > 0
        opened.keys("d")
        assert shown.count() == 0

    def test_search_and_help(self, tab: Opener) -> None:
        opened = tab()
        page = opened.open("/article/bakery")
        opened.settled()
        opened.decide("/")
        assert page.evaluate("document.activeElement.id") == "q"
        page.keyboard.type("찻집")
        opened.decide("Enter")
        assert page.locator("#articles tbody a").all_text_contents() == ["unlabelled"]
        opened.decide("?")
        assert page.url.split("?")[0].endswith("/help")

    def test_a_key_held_down_decides_once(self, tab: Opener, tmp_path: Path) -> None:
        opened = tab()
        page = opened.open("/article/bakery")
        opened.settled()
        with page.expect_navigation(wait_until="load"):
            page.keyboard.down("a")
            page.keyboard.down("a")
            page.keyboard.down("a")
        page.keyboard.up("a")
        assert len(log_lines(tmp_path)) == 1

    def test_where_the_eye_was_stays_where_it_was(self, tab: Opener) -> None:
        shops = [{**RECORDS["bakery"]["shops"][0], "name": f"가게 {n}"} for n in range(60)]
        opened = tab(records={**RECORDS, "bakery": {**RECORDS["bakery"], "shops": shops}})
        page = opened.open("/article/bakery")
        opened.settled()
        opened.keys(*"j" * 30)
        before = page.evaluate("document.querySelector('.right').scrollTop")
        assert before > 0
        opened.decide("x")
        after = page.evaluate("document.querySelector('.right').scrollTop")
        assert abs(after - before) < 400
        assert page.evaluate(
            "(() => { const at = document.activeElement.getBoundingClientRect(); return at.top >= 0 && at.bottom <= innerHeight; })()"
        )


class TestHelp:
    def test_escape_leaves_it_for_where_one_came_from(self, tab: Opener) -> None:
        opened = tab()
        page = opened.open("/article/bakery")
        opened.settled()
        with page.expect_navigation(url="**/help*"):
            page.keyboard.press("?")
        with page.expect_navigation(url="**/article/bakery*"):
            page.keyboard.press("Escape")

    @pytest.mark.parametrize("by_key", [True, False])
    def test_one_comes_back_to_the_field_that_one_left(self, tab: Opener, by_key: bool) -> None:
        opened = tab()
        page = opened.open("/article/bakery")
        opened.settled()
        opened.keys("j", "j")
        left = opened.focused
        assert left != "decide: shops 1 › since"
        with page.expect_navigation(url="**/help*"):
            page.keyboard.press("?") if by_key else page.click("#help")
        with page.expect_navigation(url="**/article/bakery*"):
            page.keyboard.press("Escape") if by_key else page.go_back()
        opened.settled()
        assert opened.focused == left

    @pytest.mark.parametrize("by_key", [True, False])
    def test_one_comes_back_to_what_was_refused(self, tab: Opener, by_key: bool) -> None:
        """To the field, with what was typed: the form is not sent again, and nobody is asked whether to."""
        opened = tab()
        page = opened.open("/article/bakery")
        opened.settled()
        page.click("[data-show=all]")
        page.click("li.f:has(summary:has-text(': street')) a.k")
        opened.keys("e")
        page.keyboard.type("여덟 자보다 긴 이름")
        opened.decide("Enter")
        posts: list[str] = []
        page.on("request", lambda request: posts.append(request.url) if request.method == "POST" else None)
        opened.keys("Escape")
        with page.expect_navigation(url="**/help*"):
            page.keyboard.press("?") if by_key else page.click("#help")
        with page.expect_navigation(url="**/article/bakery?*"):
            page.keyboard.press("Escape") if by_key else page.go_back()
        opened.settled()
        assert page.locator("[data-value]:focus").input_value() == "여덟 자보다 긴 이름"
        page.reload()
        opened.settled()
        assert page.locator("[data-value]:focus").input_value() == "여덟 자보다 긴 이름"
        assert posts == []

    def test_an_article_opened_anew_after_the_help_begins_as_any(self, tab: Opener) -> None:
        opened = tab()
        page = opened.open("/article/bakery")
        opened.settled()
        first = opened.focused
        opened.keys("j", "?")
        page.wait_for_url("**/help*")
        opened.open("/article/bakery")
        opened.settled()
        assert opened.focused == first


class TestHangul:
    """With a Hangul keyboard on, a key gives a jamo, and letters are being composed."""

    def press(self, page: Any, code: str, key: str, virtual: int, modifiers: int = 0) -> None:
        session = page.context.new_cdp_session(page)
        for kind in ("rawKeyDown", "keyUp"):
            session.send("Input.dispatchKeyEvent", {"type": kind, "code": code, "key": key, "windowsVirtualKeyCode": virtual, "modifiers": modifiers})  # fmt: skip
        session.detach()

    @pytest.mark.parametrize("board", ["hangul", "caps lock", "an input source that names no key"])
    def test_every_key_of_the_help_works(self, tab: Opener, tmp_path: Path, board: str) -> None:
        """By what each does; `?` too, which is a place and Shift."""
        opened = tab()
        page = opened.open("/article/bakery")
        opened.settled()
        said = page.locator("#said")

        def press(name: str) -> None:
            code, jamo, virtual, *shift = HANGUL[name]
            key = {"hangul": jamo, "caps lock": name.upper()}.get(board, "Process")
            self.press(page, code, key, 229 if key == "Process" else virtual, 8 if shift else 0)

        def decide(name: str) -> str:
            with page.expect_navigation(wait_until="load"):
                press(name)
            opened.settled()
            return str(log_lines(tmp_path)[-1]["action"]) if log_lines(tmp_path) else ""

        press("j")
        assert opened.focused == "decide: shops 1 › cost"
        press("k")
        assert opened.focused == "decide: shops 1 › since"
        assert [decide(name) for name in "laxs0"] == ["alternate", "accept", "keep", "skip", "absent"]
        assert [decide(name) for name in "ur"] == ["undo", "undo"]
        press("d")
        page.wait_for_selector("[data-show=all][aria-pressed=true]")
        page.click("a.k:text-is('since') >> nth=0")
        press("e")
        page.wait_for_selector("[data-value]:focus")
        page.keyboard.press("Escape")
        press("f")
        page.wait_for_selector("[data-note]:focus")
        page.keyboard.press("Escape")
        press("b")
        assert "no second run" in str(said.text_content())
        decide("n")
        assert page.url.split("?")[0].endswith("/article/bookshop")
        decide("p")
        assert page.url.split("?")[0].endswith("/article/bakery")
        with page.expect_navigation(url="**/help*"):
            press("?")
        with page.expect_navigation(url="**/article/bakery*"):
            press("esc")
        opened.settled()
        with page.expect_navigation(wait_until="load"):
            press("/")
        page.wait_for_selector("#q:focus")

    def test_no_key_does_anything_while_a_letter_is_composed_in_a_field(self, tab: Opener, tmp_path: Path) -> None:
        opened = tab()
        page = opened.open("/article/bakery")
        opened.settled()
        for key, field in (("e", "[data-value]:focus"), ("f", "[data-note]:focus")):
            opened.keys(key)
            page.keyboard.press("ControlOrMeta+a")
            session = page.context.new_cdp_session(page)
            session.send("Input.imeSetComposition", {"text": "ㅁ", "selectionStart": 1, "selectionEnd": 1})
            for code, _, _, *shift in HANGUL.values():
                self.press(page, code, "Process", 229, 8 if shift else 0)
            assert page.locator(field).input_value() == "ㅁ"
            session.send("Input.insertText", {"text": "마"})
            assert page.locator(field).input_value() == "마"
            page.keyboard.press("Escape")
        page.keyboard.press("j")  # had one of them decided, this would be on another page
        assert opened.focused == "decide: shops 1 › cost"
        assert log_lines(tmp_path) == []

    def test_keys_that_an_input_source_keeps_to_itself_go_by_their_place_where_nothing_is_typed(
        self, tab: Opener
    ) -> None:
        """Some input sources call every key `Process`, on the list and on a field as in a text."""
        opened = tab()
        page = opened.open()
        self.press(page, "KeyJ", "Process", 229)
        self.press(page, "KeyJ", "Process", 229)
        assert opened.focused == "bookshop"
        opened.open("/article/bakery")
        opened.settled()
        self.press(page, "KeyJ", "Process", 229)
        assert opened.focused == "decide: shops 1 › cost"

    def test_nothing_is_decided_while_composing(self, tab: Opener, tmp_path: Path) -> None:
        opened = tab()
        page = opened.open("/article/bakery")
        opened.settled()
        page.evaluate(
            "document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {code: 'KeyA', key: 'ㅁ', isComposing: true, bubbles: true}))"
        )
        opened.keys("e")
        self.press(page, "KeyA", "Process", 229)
        self.press(page, "Escape", "Process", 229)  # ends the letter, not the typing
        assert page.locator("[data-value]:focus").count() == 1
        page.keyboard.press("Escape")
        page.keyboard.press("j")  # had one of them decided, this would be on another page
        assert opened.focused == "decide: shops 1 › cost"
        assert log_lines(tmp_path) == []

    def test_in_a_text_field_letters_are_letters(self, tab: Opener, tmp_path: Path) -> None:
        opened = tab()
        page = opened.open("/article/bakery")
        opened.settled()
        opened.keys("e")
        page.keyboard.insert_text("마을")
        page.keyboard.type("ajxu0")
        field = page.locator("[data-value]:focus")
        assert field.input_value() == "마을ajxu0"
        assert log_lines(tmp_path) == []
        page.keyboard.press("Escape")
        assert opened.focused == "decide: shops 1 › since"


class TestMouse:
    def test_a_field_goes_to_its_quote_and_the_quote_to_its_fields(self, tab: Opener) -> None:
        opened = tab()
        page = opened.open("/article/bakery")
        opened.settled()
        page.click("li.f:has(summary:has-text('shops 1 › since')) a.k")
        assert "".join(page.locator(".q.on").all_text_contents()) == "새 빵집 밀밭이 2031년 3월에 문을 연다"
        assert page.locator("details.decide[open] summary .unseen").text_content() == ": shops 1 › since"
        page.click("[data-show=all]")
        shared = page.locator(".q", has_text="새 빵집").first
        reached = set()
        for _ in range(5):
            shared.click()
            reached.add(page.locator(".f.on .k").text_content())
        assert {"street", "name"} <= reached

    def test_selected_text_becomes_a_value_and_keeps_its_place(self, tab: Opener, tmp_path: Path) -> None:
        opened = tab()
        page = opened.open("/article/bakery")
        opened.settled()
        page.evaluate(
            """() => {
              const text = document.querySelector(".text"), walker = document.createTreeWalker(text, NodeFilter.SHOW_TEXT);
              for (let node; (node = walker.nextNode());) {
                const at = node.data.indexOf("동문로를");
                if (at >= 0) { getSelection().setBaseAndExtent(node, at, node, at + 3); return; }
              }
            }"""
        )
        page.wait_for_selector("[data-take]:visible")
        opened.keys("e")
        assert page.locator("[data-value]:focus").input_value() == "동문로"
        opened.decide("Enter")
        assert since(tmp_path) == "동문로"
        (line,) = log_lines(tmp_path)
        selected = line["selected"]
        assert TEXTS["bakery"][selected["start"] : selected["end"]] == "동문로"
        assert selected["start"] == TEXTS["bakery"].index("동문로를")

    def test_while_typing_the_field_says_what_is_wrong_and_what_is_read(self, tab: Opener) -> None:
        opened = tab()
        page = opened.open("/article/bakery")
        opened.settled()
        opened.keys("e")
        page.keyboard.press("ControlOrMeta+a")
        page.keyboard.type("2031년 5월")
        page.wait_for_selector("details[open] [data-says]:has-text('2031-05-01 to 2031-05-31')")
        page.click("[data-show=all]")
        page.click("li.f:has(summary:has-text(': street')) a.k")
        opened.keys("e")
        page.keyboard.type("여덟 자보다 긴 이름")
        page.wait_for_selector("details[open] [data-says].bad:has-text('8 characters')")
        assert page.locator("[data-value]:focus").get_attribute("aria-invalid") == "true"

    def test_what_the_schema_does_not_take_comes_back_with_the_focus_in_the_field(
        self, tab: Opener, tmp_path: Path
    ) -> None:
        opened = tab()
        page = opened.open("/article/bakery")
        opened.settled()
        page.click("[data-show=all]")
        page.click("li.f:has(summary:has-text(': street')) a.k")
        opened.keys("e")
        page.keyboard.type("여덟 자보다 긴 이름")
        opened.decide("Enter")
        assert page.locator("[data-value]:focus").input_value() == "여덟 자보다 긴 이름"
        assert page.evaluate("document.activeElement.selectionStart") == len("여덟 자보다 긴 이름")
        assert log_lines(tmp_path) == []

    def test_a_decision_does_not_wait_for_the_check_while_one_types(self, tab: Opener, tmp_path: Path) -> None:
        opened = tab()
        page = opened.open("/article/bakery")
        opened.settled()
        page.route("**/check", lambda _: None)  # asked, and never answered
        opened.keys("e")
        page.keyboard.press("ControlOrMeta+a")
        with page.expect_request("**/check"):
            page.keyboard.type("2031년 7월")
        opened.decide("Enter")
        assert since(tmp_path) == "2031년 7월"


def test_two_tabs_lose_neither_decision(tab: Opener, tmp_path: Path) -> None:
    opened = tab()
    page = opened.open("/article/bakery")
    opened.settled()
    other = opened.another()
    other.goto(page.url)
    other.wait_for_selector("#one[data-open]")
    opened.decide("a")
    other.keyboard.press("e")
    other.keyboard.press("ControlOrMeta+a")
    other.keyboard.type("2031년 6월")
    with other.expect_navigation(wait_until="load"):
        other.keyboard.press("Enter")
    clash = other.locator(".clash")
    assert "2031년 6월" in str(clash.text_content())
    assert "2031년 3월" in str(clash.text_content())
    assert since(tmp_path) == "2031년 3월"
    other.wait_for_selector(".clash .button:focus")
    with other.expect_navigation(wait_until="load"):
        other.keyboard.press("Enter")
    assert since(tmp_path) == "2031년 6월"


def test_reload_and_back_after_a_decision_send_nothing_again_and_show_what_is(tab: Opener, tmp_path: Path) -> None:
    opened = tab()
    page = opened.open("/article/bakery")
    opened.settled()
    opened.decide("a")
    opened.decide("a")
    assert len(log_lines(tmp_path)) == 2
    page.reload()
    opened.settled()
    assert page.locator(".left-over .num").text_content() == "3"
    page.go_back()
    opened.settled()
    assert page.locator(".left-over .num").text_content() == "3"
    assert len(log_lines(tmp_path)) == 2
    opened.decide("x")  # on what stands there now, so that nothing clashes
    assert page.locator(".clash").count() == 0
    assert len(log_lines(tmp_path)) == 3


@pytest.mark.parametrize("opened_anew", [False, True])
def test_what_is_decided_when_the_server_has_gone_is_not_lost_without_a_word(
    browser: Any, tmp_path: Path, opened_anew: bool
) -> None:
    """It stays where it was typed, and can be sent once the server is there again, under the same secret or after its page was opened."""
    desk = make_desk(tmp_path)
    styles, scripts = assets()
    sources = {"styles": [one.source for one in styles], "scripts": [one.source for one in scripts]}
    with serving(app(desk, patience=60), **sources) as served:
        tab = Tab(browser, served)
        page = tab.open("/article/bakery")
        tab.settled()
    tab.keys("e")
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("2031년 7월")
    page.keyboard.press("Enter")
    page.wait_for_selector(".told[role=status]:has-text('Not written')")
    assert page.locator("[data-value]:focus").input_value() == "2031년 7월"
    assert log_lines(tmp_path) == []
    secret = "another" if opened_anew else TOKEN
    guard = Guard(
        app(desk, patience=60), port=served.port, token=secret, styles=sources["styles"], scripts=sources["scripts"]
    )
    with running(guard, listen(served.port)):
        if opened_anew:
            page.keyboard.press("Enter")
            page.wait_for_selector(".told[role=status]:has-text('Not written')")
            tab.another().goto(f"{served.origin}/?token={secret}")
        tab.decide("Enter")
    assert since(tmp_path) == "2031년 7월"
    tab.context.close()


def test_without_a_script_every_decision_is_a_click(tab: Opener, tmp_path: Path) -> None:
    file = tmp_path / "goldens/street/bakery.json"
    opened = tab(context={"java_script_enabled": False})
    page = opened.open()

    def follow(selector: str) -> None:
        with page.expect_navigation(wait_until="load"):
            page.click(selector)

    before = file.read_bytes()
    follow("text=bakery")
    page.click("li.f:has-text('2031년 4월') summary")
    follow("details[open] [value=accept]")
    assert since(tmp_path) == "2031년 3월"
    page.click("li.f:has-text('101조원') summary")
    page.fill("details[open] [name=value]", "100조원")
    follow("details[open] [value=correct]")
    assert golden(tmp_path)["shops"][0]["cost"] == "100조원"
    follow("[data-key=U]")
    follow("[data-key=U]")
    assert file.read_bytes() == before
    follow("text=← Articles")
    follow("a:has-text('To decide')")
    page.select_option("[name=finding]", "ungrounded_quote")
    page.fill("#q", "밀밭")
    follow("text=Show")
    assert page.locator("#articles tbody a").all_text_contents() == ["bakery"]


@pytest.mark.parametrize("width", [320, 400, 640, 1280])
@pytest.mark.parametrize("address", ["/", "/article/bakery", "/article/unlabelled", "/help"])
def test_nothing_stands_beyond_the_edge(tab: Opener, width: int, address: str) -> None:
    """640 is 1280 at 200%."""
    opened = tab(context={"viewport": {"width": width, "height": 700}})
    page = opened.open(address)
    opened.settled()
    if address == "/article/bakery":
        page.click("[data-show=all]")
        page.click(".whole-article > summary")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


LONG = {**TEXTS, "bakery": TEXTS["bakery"] + "이 동네의 나머지 이야기는 길다.\n" * 60}


@pytest.mark.parametrize("width", [400, 700, 1280])
def test_on_paper_text_and_fields_stand_one_after_the_other_and_nothing_can_be_pressed(tab: Opener, width: int) -> None:
    """All of a text that is longer than the window."""
    opened = tab(texts=LONG, context={"viewport": {"width": width, "height": 700}})
    page = opened.open("/article/bakery")
    opened.settled()
    page.emulate_media(media="print")
    text, left, right = (page.locator(part).bounding_box() for part in (".text", ".left", ".right"))
    assert text["height"] > 700
    assert left["height"] >= text["height"]
    assert right["y"] >= left["y"] + left["height"]
    assert page.locator("main button:visible, main summary:visible:not(.things > summary)").count() == 0


@pytest.mark.parametrize("width", [320, 400])
def test_why_a_value_was_refused_is_in_sight_beside_it(tab: Opener, width: int) -> None:
    opened = tab(texts=LONG, context={"viewport": {"width": width, "height": 640}})
    page = opened.open("/article/bakery")
    opened.settled()
    page.click("[data-show=all]")
    page.click("li.f:has(summary:has-text(': street')) a.k")
    opened.keys("e")
    page.keyboard.type("여덟 자보다 긴 이름")
    opened.decide("Enter")
    pane = page.locator(".left").bounding_box()
    for part in ("[data-value]:focus", "details[open] [data-says].bad"):
        box = page.locator(part).bounding_box()
        assert box["y"] >= pane["y"] + pane["height"]
        assert box["y"] + box["height"] <= 640


def test_with_colours_forced_what_is_chosen_lit_and_open_still_looks_different(tab: Opener) -> None:
    opened = tab(context={"forced_colors": "active"})
    page = opened.open()

    def backgrounds(*parts: str) -> list[str]:
        return [page.locator(part).first.evaluate("part => getComputedStyle(part).backgroundColor") for part in parts]

    chosen, other = backgrounds(".chip[aria-current]", ".chip:not([aria-current])")
    assert chosen != other
    opened.open("/article/bakery")
    opened.settled()
    assert len(set(backgrounds(".q.on.here", ".q.on:not(.here)", ".q:not(.on)"))) == 3
    chosen, other = backgrounds("[aria-pressed=true]", "[aria-pressed=false]")
    assert chosen != other
    outline = "field => getComputedStyle(field).outlineStyle"
    assert page.locator(".f:has(details.decide[open])").evaluate(outline) == "solid"
    assert page.locator(".f:not(:has(details.decide[open]))").first.evaluate(outline) == "none"


def test_what_one_comes_to_does_not_stand_under_the_text_that_stays_in_sight(tab: Opener) -> None:
    """An item as a whole, and that all is decided."""
    opened = tab(texts=LONG, context={"viewport": {"width": 400, "height": 640}})
    page = opened.open("/article/bakery")
    opened.settled()
    reached = []
    while page.evaluate(PENDING):
        opened.decide("x")
        at, pane = page.locator(":focus").bounding_box(), page.locator(".left").bounding_box()
        assert at["y"] >= pane["y"] + pane["height"]
        assert at["y"] + at["height"] <= 640
        reached.append(opened.focused)
    assert "decide: shops 2" in reached
    assert reached[-1].startswith("✓ Nothing left to decide here.")


def test_a_narrow_list_shows_all_of_what_is_to_decide(tab: Opener) -> None:
    opened = tab(context={"viewport": {"width": 320, "height": 640}})
    page = opened.open("/article/bakery")
    opened.settled()
    opened.decide("x")
    widths = (
        "(() => { const list = document.querySelector('.scroll'); return [list.scrollWidth, list.clientWidth]; })()"
    )
    opened.open("/")
    assert page.inner_text("#articles tbody tr:has-text('bakery') td:last-child") == "4 of 5"
    assert len(set(page.evaluate(widths))) == 1
    opened.open("/article/bakery")
    opened.settled()
    while page.evaluate(PENDING):
        opened.decide("x")
    opened.open("/")
    assert page.inner_text("#articles tbody tr:has-text('bakery') td:last-child").startswith("✓")
    assert len(set(page.evaluate(widths))) == 1


def test_a_narrow_list_shows_all_of_what_is_to_decide_beside_a_name_that_has_nowhere_to_break(tab: Opener) -> None:
    """As many differences as two digits count, some of them decided."""
    page = tab(context={"viewport": {"width": 320, "height": 640}}).open("/")
    page.evaluate(
        """() => {
            const row = document.querySelector("#articles tbody tr:has(.todo)");
            row.querySelector("th a").textContent = "2031_03_14_bakeries_and_bookshops_0001_retold";
            row.querySelector(".todo").textContent = "33 of 34";
        }"""
    )
    list_width, window = page.evaluate(
        "(() => { const list = document.querySelector('.scroll'); return [list.scrollWidth, list.clientWidth]; })()"
    )
    assert list_width == window


def test_a_finger_does_it_too(tab: Opener, tmp_path: Path) -> None:
    opened = tab(context={"viewport": {"width": 400, "height": 800}, "has_touch": True, "is_mobile": True})
    page = opened.open()
    with page.expect_navigation(wait_until="load"):
        page.tap("text=bakery")
    opened.settled()
    page.tap("li.f:has(summary:has-text('shops 1 › cost')) summary")
    with page.expect_navigation(wait_until="load"):
        page.tap("details[open] [value=accept]")
    assert golden(tmp_path)["shops"][0]["cost"] == "101조원"


def test_a_second_run_stands_beside_the_first(tab: Opener, tmp_path: Path) -> None:
    bakery = RECORDS["bakery"]
    second = {**bakery, "shops": [{**bakery["shops"][0], "since": "2031년 5월"}]}
    opened = tab(against={**RECORDS, "bakery": second})
    page = opened.open("/article/bakery")
    opened.settled()
    row = page.locator("li.f:has(summary:has-text('shops 1 › since'))")
    assert [value.split()[0] for value in row.locator(".v.two").all_text_contents()] == ["golden", "A", "B"]
    opened.decide("b")
    assert since(tmp_path) == "2031년 5월"


def test_where_only_the_second_run_is_wrong_that_is_shown_among_what_differs(tab: Opener) -> None:
    second = {**RECORDS, "bookshop": {**RECORDS["bookshop"], "street": {"value": "북문로", "quote": "서문길의 헌책방"}}}
    opened = tab(against=second)
    page = opened.open("/article/bookshop")
    opened.settled()
    row = page.locator("li.f:has-text('북문로')")
    assert page.locator("[data-show=differs][aria-pressed=true]").count() == 1
    assert row.is_visible()
    assert row.evaluate("row => getComputedStyle(row).borderLeftWidth") == "0px"  # a field, no note


@pytest.mark.parametrize(("second", "sign", "like"), [("2031년 4월", "=", "correct"), ("2031년 5월", "≠", "mismatch")])
def test_the_second_runs_verdict_stands_in_the_line_of_its_value(
    tab: Opener, second: str, sign: str, like: str
) -> None:
    """And in the colour that the verdict has elsewhere."""
    bakery = RECORDS["bakery"]
    record = {**bakery, "shops": [{**bakery["shops"][0], "since": second}]}
    opened = tab(against={**RECORDS, "bakery": record})
    page = opened.open("/article/bakery")
    opened.settled()
    page.keyboard.press("d")
    line = page.locator(f".v.two:has(i:text-is('B')):has-text('{second}')").first
    value, verdict = line.locator("bdi").bounding_box(), line.locator(".s").bounding_box()
    assert line.locator(".s").text_content() == sign
    assert verdict["x"] >= value["x"] + value["width"]
    assert verdict["y"] < value["y"] + value["height"]
    colour = "sign => getComputedStyle(sign).color"
    assert line.locator(".s").evaluate(colour) == page.locator(f"li.{like} > .s").first.evaluate(colour)


def test_an_enemys_text_runs_nothing(tab: Opener) -> None:
    shops = [{"name": text, "since": text, "cost": None, "state": "open", "quote": text} for text in HOSTILE]
    record = {"street": None, "shops": shops, "slogans": []}
    answer = {"street": None, "shops": [{"name": HOSTILE[0], "since": HOSTILE[1], "cost": None, "state": "open"}], "slogans": [HOSTILE[4]]}  # fmt: skip
    texts = {"bakery": " ".join(HOSTILE[:-1]), "<img src=x>": "글\n"}
    opened = tab(texts=texts, records={"bakery": record}, goldens={"bakery": answer})
    page = opened.open()
    opened.decide("j", "Enter")
    page.click("[data-show=all]")
    assert page.locator("main script, main img, main iframe").count() == 0
    opened.keys("e", "Escape", "j", "j")
    opened.keys("f")
    page.keyboard.type(HOSTILE[2])
    opened.decide("Enter")
    page.click(".past summary")
    assert HOSTILE[2] in str(page.locator(".past").text_content())
    opened.open("/?q=%3Cscript%3Ealert(1)%3C/script%3E&field=%22onerror=alert(1)")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1280])
@pytest.mark.parametrize("address", ["/", "/article/bakery", "/article/unlabelled", "/help"])
def test_axe_finds_nothing_serious(tab: Opener, address: str, width: int, scheme: str) -> None:
    opened = tab(
        context={"viewport": {"width": width, "height": 800}, "color_scheme": scheme, "reduced_motion": "reduce"}
    )
    page = opened.open(address)
    opened.settled()
    assert serious(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_what_comes_of_keys(tab: Opener, tmp_path: Path, scheme: str) -> None:
    """A key that can do nothing, something to add, a value that was refused, a clash, all decided."""
    opened = tab(
        context={"viewport": {"width": 400, "height": 800}, "color_scheme": scheme, "reduced_motion": "reduce"}
    )
    page = opened.open("/article/bakery")
    opened.settled()
    page.click("#adding summary")
    page.click(".whole-article summary")
    opened.keys("b")
    page.wait_for_selector(".told")
    assert serious(page) == []
    page.click("[data-show=all]")
    page.click("li.f:has(summary:has-text(': street')) a.k")
    opened.keys("e")
    page.keyboard.type("여덟 자보다 긴 이름")
    opened.decide("Enter")
    assert serious(page) == []
    (tmp_path / "goldens/street/bakery.json").unlink()
    opened.keys("Escape")
    opened.decide("a")
    page.wait_for_selector(".clash")
    assert serious(page) == []
    opened.open("/article/bookshop")
    opened.settled()
    page.wait_for_selector("#done")
    assert serious(page) == []


def serious(page: Any) -> list[Any]:
    """What axe finds on the page that is serious or worse."""
    page.evaluate(AXE_SCRIPT)
    found = page.evaluate("axe.run(document)")["violations"]
    return [
        (one["id"], [node["html"][:160] for node in one["nodes"]])
        for one in found
        if one["impact"] in {"serious", "critical"}
    ]


@contextmanager
def unscored(browser: Any, tmp_path: Path) -> Iterator[tuple[Tab, Event]]:
    """A tab on a list none of whose articles is scored before the event."""
    free = Event()
    desk = make_desk(tmp_path)

    def texts(extraction: Extraction) -> str | None:
        assert free.wait(60)
        return desk.texts(extraction)

    styles, scripts = assets()
    sources = {"styles": [one.source for one in styles], "scripts": [one.source for one in scripts]}
    with serving(app(replace(desk, texts=texts), patience=0), **sources) as served:
        tab = Tab(browser, served)
        tab.open()
        yield tab, free


def test_the_list_fills_itself_while_articles_are_scored_and_keeps_the_focus(browser: Any, tmp_path: Path) -> None:
    with unscored(browser, tmp_path) as (tab, free):
        page = tab.page
        assert "of 3 articles so far" in page.inner_text("#looking")
        page.focus("#articles a >> text=bookshop")
        free.set()
        page.wait_for_selector("#looking", state="detached")
        assert tab.focused == "bookshop"
        assert page.inner_text("#articles tbody tr:has-text('bookshop') td:nth-of-type(1)").startswith("1.000")
        assert tab.complaints == []
        tab.context.close()


def test_a_list_that_fills_itself_says_so_when_the_review_ends(browser: Any, tmp_path: Path) -> None:
    """And what is there stays."""
    with unscored(browser, tmp_path) as (tab, free):
        page = tab.page
        page.route("**/*", lambda route: route.abort("connectionrefused"))
        page.wait_for_selector("#said.told:has-text('does not answer, or has ended')")
        assert page.locator("#articles tbody tr").count() == 3
        free.set()
        tab.context.close()
