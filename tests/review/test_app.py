"""The pages as plain HTML: every function by forms alone, without a script; ids looked up; an enemy's text stays text."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from bs4 import BeautifulSoup, Tag
from helpers import text_of
from report.made_up import HOSTILE
from review.street import GOLDENS, RECORDS, TEXTS, golden, golden_of, log_lines, make_desk
from starlette.testclient import TestClient

from workbench.review.app import app, assets
from workbench.review.desk import Desk
from workbench.review.listing import PAGE
from workbench.review.pile import Pile


class Site:
    """The pages of a desk, and what a browser without scripts does with them."""

    def __init__(self, root: Path, **desk: Any) -> None:
        self.root = root
        self.desk: Desk = make_desk(root, **desk)
        self.client = TestClient(app(self.desk, patience=60), follow_redirects=True)

    def get(self, address: str, status: int = 200) -> BeautifulSoup:
        answer = self.client.get(address)
        assert answer.status_code == status
        return BeautifulSoup(answer.text, "html.parser")

    def press(self, page: Tag, button: str, status: int = 200, **typed: str) -> BeautifulSoup:
        """Press a button, found by CSS, with fields of its form typed into."""
        pressed = page.select_one(button)
        assert pressed is not None, button
        form = pressed.find_parent("form")
        assert form is not None
        fields = {str(field["name"]): _value(field) for field in form.select("[name]") if field.name != "button"}
        data = {**fields, str(pressed["name"]): str(pressed["value"]), **typed}
        answer = self.client.post(str(form["action"]), data=data)
        self.address = str(answer.url.copy_with(scheme="", host=None, port=None)) if answer.is_success else ""
        assert answer.status_code == status, answer.text[-300:]
        return BeautifulSoup(answer.text, "html.parser")

    def stop(self, page: Tag, label: str) -> Tag:
        """The controls of what goes by a name."""
        for details in page.select("details.decide"):
            said = details.select_one("summary .unseen")
            if said and said.get_text() == f": {label}":
                return details
        raise AssertionError(label)


def _value(field: Tag) -> str:
    if field.name == "select":
        chosen = field.select_one("option[selected]") or field.select_one("option")
        return chosen.get_text() if chosen and not chosen.has_attr("value") else str(chosen["value"]) if chosen else ""
    if field.name == "textarea":
        return field.get_text().removeprefix("\n")
    return str(field.get("value", ""))


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def rows_of(page: BeautifulSoup) -> list[str]:
    return [text_of(link) for link in page.select("#articles tbody th a")]


class TestList:
    def test_the_worst_stands_first(self, site: Site) -> None:
        assert rows_of(site.get("/")) == ["bakery", "bookshop", "unlabelled"]

    def test_it_says_how_far_the_work_has_come_and_of_nothing_that_somebody_decided_it(self, site: Site) -> None:
        """The record of one article is as its golden: there is nothing to decide, and nobody has."""
        assert log_lines(site.root) == []
        page = site.get("/")
        assert text_of(page.select_one(".far p")) == "1 of 3 has nothing to decide"
        far = page.select_one(".far")
        assert far is not None
        assert far["aria-label"] == text_of(far.select_one("p"))
        assert text_of(page.select_one("#articles tr.done td:last-child")) == "✓ nothing to decide"

    def test_what_is_to_decide_goes_by_one_name_and_one_count(self, site: Site) -> None:
        """In the column, in the filter and on the article's page; an article that somebody began says of how many."""

        def column() -> str:
            page = site.get("/?q=밀밭")
            assert text_of(page.select_one("#articles thead th:last-child")) == "to decide"
            return text_of(page.select_one("#articles tbody td:last-child"))

        assert text_of(site.get("/").find("a", href="/?undecided=1")) == "To decide 2"
        page = site.get("/article/bakery")
        assert text_of(page.select_one(".left-over")) == "5 to decide"
        assert column() == "5"
        page = site.press(site.stop(page, "shops 1 › since"), "[value=keep]")
        assert text_of(page.select_one(".left-over")) == "4 to decide"
        assert column() == "4 of 5"
        while stop := page.select_one("details.wants"):
            page = site.press(stop, "[value=keep]")
        assert column() == "5 decided ✓ nothing to decide"

    @pytest.mark.parametrize(
        ("query", "left"),
        [
            ("?differs=1", ["bakery"]),
            ("?ungrounded=1", ["bakery"]),
            ("?undecided=1", ["bakery", "unlabelled"]),
            ("?field=shops[].since", ["bakery"]),
            ("?finding=ungrounded_quote", ["bakery"]),
            ("?q=찻집", ["unlabelled"]),
            ("?q=2031년+3월", ["bakery"]),
            ("?order=article", ["bakery", "bookshop", "unlabelled"]),
            ("?order=uncertainty", ["bookshop", "bakery", "unlabelled"]),
            ("?q=없는낱말", []),
        ],
    )
    def test_the_address_narrows_it_down(self, site: Site, query: str, left: list[str]) -> None:
        assert rows_of(site.get(f"/{query}")) == left

    def test_what_says_nothing_of_a_model_is_said_beside_the_figure(self, tmp_path: Path) -> None:
        page = Site(tmp_path, origins=("transcribed",)).get("/")
        assert "3 of 3 responses are transcribed" in text_of(page.select_one(".beside"))

    def test_every_filter_that_can_be_pressed_leads_somewhere(self, site: Site) -> None:
        for chip in site.get("/").select("a.chip"):
            site.get(str(chip["href"]))

    def test_pages_are_of_bounded_size(self, tmp_path: Path) -> None:
        texts = {f"a{n:03}": f"글 {n}\n" for n in range(PAGE + 5)}
        site = Site(tmp_path, texts=texts, records={}, goldens={})
        first = site.get("/?order=article")
        assert len(rows_of(first)) == PAGE
        following = first.select_one("#next")
        assert following is not None
        assert rows_of(site.get(str(following["href"]))) == [f"a{n:03}" for n in range(PAGE, PAGE + 5)]
        assert rows_of(site.get("/?page=99&order=article")) == [f"a{n:03}" for n in range(PAGE, PAGE + 5)]


class TestArticle:
    def test_the_record_is_hashed_once_however_many_fields_it_has(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Each field asks by it what was decided: an article of 200 items took twice the time over this alone."""
        shops = [{**RECORDS["bakery"]["shops"][0], "name": f"가게 {n}"} for n in range(20)]
        site = Site(tmp_path, records={"bakery": {**RECORDS["bakery"], "shops": shops}})
        site.get("/")
        hashed: list[Any] = []

        def counted(record: Any) -> str:
            hashed.append(record)
            return "sha256:0"

        monkeypatch.setattr("workbench.review.opened.record_hash", counted)
        assert len(site.get("/article/bakery").select("details.decide")) > 20
        assert len(hashed) == 1

    def test_an_id_that_the_run_has_not_is_not_found(self, site: Site) -> None:
        assert "no such article" in site.get("/article/nobody", 404).get_text()

    @pytest.mark.parametrize(
        "path", ["../pyproject.toml", "..%2f..%2fpyproject.toml", "%2e%2e%2fbakery", "bakery/../x"]
    )
    def test_an_id_is_never_a_path(self, site: Site, path: str) -> None:
        site.get(f"/article/{path}", 404)

    def test_previous_and_next_follow_the_list_as_it_is_narrowed(self, site: Site) -> None:
        page = site.get("/article/bakery?undecided=1")
        following = page.select_one("#next")
        assert following is not None
        assert following["href"] == "/article/unlabelled?undecided=1"
        assert page.select_one("#previous[href]") is None
        assert text_of(page.select_one("#place")) == "1 of 2"

    def test_every_stop_has_its_controls_and_a_name(self, site: Site) -> None:
        page = site.get("/article/bakery")
        names = [said.get_text() for said in page.select("details.decide:not(.item) summary .unseen")]
        assert len(names) == len(set(names)) == len(page.select("details.decide:not(.item)"))
        assert ": shops (record 2)" in names

    def test_it_shows_golden_record_reason_reading_and_finding(self, site: Site) -> None:
        field = site.stop(site.get("/article/bakery"), "shops 1 › since").find_parent("li")
        words = text_of(field)
        for part in ("golden 2031년 4월", "record 2031년 3월", "mismatch", "2031-03-01 to 2031-03-31"):
            assert part in words

    def test_addresses_quote_their_ids(self, tmp_path: Path) -> None:
        name = "가 나?#&%"
        site = Site(tmp_path, texts={name: "글\n"}, records={}, goldens={})
        link = site.get("/").select_one("#articles tbody a")
        assert link is not None
        assert str(link["href"]) == f"/article/{quote(name, safe='')}"
        assert text_of(site.get(str(link["href"])).h1) == name

    def test_nothing_is_changed_by_looking(self, site: Site) -> None:
        before = {file: file.read_bytes() for file in (site.root / "goldens").rglob("*.json")}
        for address in ("/", "/article/bakery", "/article/unlabelled", "/help", "/article/bakery/decide"):
            site.client.get(address)
        assert {file: file.read_bytes() for file in (site.root / "goldens").rglob("*.json")} == before
        assert log_lines(site.root) == []


class TestDecide:
    def test_accept_takes_the_records_value(self, site: Site) -> None:
        stop = site.stop(site.get("/article/bakery"), "shops 1 › since")
        site.press(stop, "[value=accept]")
        assert golden(site.root)["shops"][0]["since"] == "2031년 3월"
        (line,) = log_lines(site.root)
        assert (line["action"], line["by"], line["article"]) == ("accept", "지수", "bakery")

    def test_keep_leaves_the_golden_and_the_field_is_decided(self, site: Site) -> None:
        stop = site.stop(site.get("/article/bakery"), "shops 1 › since")
        page = site.press(stop, "[value=keep]")
        assert golden(site.root) == GOLDENS["bakery"]
        assert text_of(site.stop(page, "shops 1 › since").summary).startswith("kept")
        assert text_of(page.select_one(".left-over")) == "4 to decide"

    def test_correct_writes_what_was_typed(self, site: Site) -> None:
        stop = site.stop(site.get("/article/bakery"), "shops 1 › since")
        site.press(stop, "[value=correct]", value="2031년 봄")
        assert golden(site.root)["shops"][0]["since"] == "2031년 봄"

    def test_a_field_that_the_golden_leaves_empty_can_be_typed_into(self, site: Site) -> None:
        stop = site.stop(site.get("/article/bakery"), "shops 1 › cost")
        site.press(stop, "[value=correct]", value="100조원")
        assert golden(site.root)["shops"][0]["cost"] == "100조원"

    def test_what_the_schema_does_not_take_is_said_at_the_field_and_kept(self, site: Site) -> None:
        stop = site.stop(site.get("/article/bakery"), "street")
        page = site.press(stop, "[value=correct]", value="여덟 자보다 훨씬 긴 거리 이름")
        stop = site.stop(page, "street")
        field = stop.select_one("[name=value]")
        assert field is not None
        assert _value(field) == "여덟 자보다 훨씬 긴 거리 이름"
        assert field["aria-invalid"] == "true"
        assert stop.has_attr("open")
        says = page.find(id=str(field["aria-describedby"]))
        assert isinstance(says, Tag)
        assert "8 characters" in text_of(says)
        assert log_lines(site.root) == []

    def test_alternate_counts_beside_the_goldens_value(self, site: Site) -> None:
        stop = site.stop(site.get("/article/bakery"), "shops 1 › since")
        page = site.press(stop, "[value=alternate]")
        assert golden(site.root)["shops"][0]["since"] == "2031년 4월"
        field = site.stop(page, "shops 1 › since").find_parent("li")
        assert field is not None
        assert "correct" in field["class"]

    def test_absent_empties_the_field(self, site: Site) -> None:
        stop = site.stop(site.get("/article/bakery"), "shops 1 › since")
        site.press(stop, "[value=absent]")
        assert golden(site.root)["shops"][0]["since"] is None

    def test_skip_leaves_the_field_undecided(self, site: Site) -> None:
        stop = site.stop(site.get("/article/bakery"), "shops 1 › since")
        page = site.press(stop, "[value=skip]")
        assert text_of(page.select_one(".left-over")) == "5 to decide"
        assert text_of(site.stop(page, "shops 1 › since").summary).startswith("skipped")

    def test_a_flag_keeps_its_note(self, site: Site) -> None:
        stop = site.stop(site.get("/article/bakery"), "shops 1 › since")
        page = site.press(stop, "[value=flag]", note="기사마다 다르다")
        assert "기사마다 다르다" in text_of(site.stop(page, "shops 1 › since").select_one(".panel"))

    def test_an_item_that_only_the_record_has_is_taken_whole(self, site: Site) -> None:
        stop = site.stop(site.get("/article/bakery"), "shops (record 2)")
        site.press(stop, "[value=accept]")
        item = {"name": "종이숲", "since": "2029년", "cost": None, "state": "open"}
        assert item in golden(site.root)["shops"]

    def test_an_item_that_only_the_golden_has_can_be_removed(self, site: Site) -> None:
        stop = site.stop(site.get("/article/bakery"), "shops 2")
        site.press(stop, "[value=accept]")
        assert [shop["name"] for shop in golden(site.root)["shops"]] == ["밀밭"]

    def test_an_item_of_both_sides_is_decided_as_a_whole(self, site: Site) -> None:
        stop = site.stop(site.get("/article/bakery"), "shops 1")
        site.press(stop, "[value=accept]")
        assert golden(site.root)["shops"][0] == {
            "name": "밀밭",
            "since": "2031년 3월",
            "cost": "101조원",
            "state": "planned",
        }

    def test_what_is_missing_on_both_sides_can_be_added(self, site: Site) -> None:
        page = site.get("/article/bakery")
        adding = page.select_one("#adding")
        assert adding is not None
        site.press(adding, "[value=correct]", target=quote("/slogans/-"), value="새 거리")
        assert golden(site.root)["slogans"] == ["동문로를 바꾼다", "새 거리"]

    def test_what_cannot_be_added_is_said_where_it_was_typed(self, site: Site) -> None:
        adding = site.get("/article/bakery").select_one("#adding")
        assert adding is not None
        page = site.press(adding, "[value=correct]", target=quote("/shops/-"), value="이름만")
        again = page.select_one("#adding")
        assert again is not None
        assert again.has_attr("open")
        assert "이름만" in str(again)
        assert text_of(again.select_one(".says"))

    def test_the_golden_can_be_right_throughout(self, site: Site) -> None:
        page = site.press(site.get("/article/bakery"), ".whole-article [value=keep]")
        assert not page.select(".decide.wants")
        assert "bakery" not in rows_of(site.get("/?undecided=1"))
        assert golden(site.root) == GOLDENS["bakery"]

    def test_an_article_can_be_flagged_and_stays_undecided(self, site: Site) -> None:
        page = site.press(site.get("/article/bakery"), ".whole-article [value=flag]", note="두 기사가 섞였다")
        assert "두 기사가 섞였다" in text_of(page.select_one(".past"))
        assert "bakery" in rows_of(site.get("/?undecided=1"))

    def test_the_next_thing_to_decide_is_where_the_page_opens(self, site: Site) -> None:
        stop = site.stop(site.get("/article/bakery"), "shops 1 › since")
        button = stop.select_one("[value=accept]")
        assert button is not None
        form = button.find_parent("form")
        assert form is not None
        fields = {str(field["name"]): _value(field) for field in form.select("input")}
        answer = site.client.post(str(form["action"]), data={**fields, "action": "accept"}, follow_redirects=False)
        assert answer.status_code == 303
        anchor = answer.headers["location"].rpartition("#")[2]
        place = site.get("/article/bakery").find(id=anchor)
        assert isinstance(place, Tag)
        assert place.select_one("summary .unseen") is not None
        assert "cost" in text_of(place.select_one("summary"))

    def test_what_was_refused_has_an_address_that_can_be_loaded_again_until_it_is_settled(self, site: Site) -> None:
        """And no other article shows it."""
        refused = site.press(
            site.stop(site.get("/article/bakery?q=밀밭"), "street"),
            "[value=correct]",
            value="여덟 자보다 훨씬 긴 거리 이름",
        )
        address = site.address
        assert "/decide" not in address
        again = site.stop(site.get(address), "street")
        assert str(again) == str(site.stop(refused, "street"))
        assert "여덟 자보다" not in str(site.get(address.replace("bakery", "bookshop")))
        site.press(again, "[value=correct]", value="서문로")
        settled = site.get(address)
        assert settled.select_one("[data-problem], [aria-invalid]") is None
        assert golden(site.root)["street"] == "서문로"

    def test_the_page_of_the_list_is_kept_through_a_decision(self, site: Site) -> None:
        page = site.press(site.stop(site.get("/article/bakery?page=2"), "shops 1 › since"), "[value=keep]")
        back = page.select_one("#back")
        assert back is not None
        assert back["href"] == "/?page=2"

    def test_filters_are_kept_through_a_decision(self, site: Site) -> None:
        stop = site.stop(site.get("/article/bakery?differs=1&q=밀밭"), "shops 1 › since")
        page = site.press(stop, "[value=keep]")
        back = page.select_one("#back")
        assert back is not None
        assert back["href"] == f"/?differs=1&q={quote('밀밭')}"

    def test_where_goldens_may_not_be_written_it_says_so(self, tmp_path: Path) -> None:
        site = Site(tmp_path, writable=False)
        page = site.get("/article/bakery")
        assert "--allow-writes" in text_of(page.select_one(".beside"))
        page = site.press(site.stop(page, "shops 1 › since"), "[value=correct]", value="2032년", note="본문 셋째 줄")
        stop = site.stop(site.get(site.address), "shops 1 › since")
        assert "pass --allow-writes" in text_of(stop.select_one("[data-says].bad"))
        assert _value(stop.select("[name=value]")[0]) == "2032년"
        assert golden(site.root) == GOLDENS["bakery"]

    @pytest.mark.parametrize("button", ["[value=accept]", "[value=absent]"])
    def test_where_goldens_may_not_be_written_none_is_started_and_the_article_stays_open(
        self, tmp_path: Path, button: str
    ) -> None:
        site = Site(tmp_path, writable=False)
        page = site.press(site.get("/article/unlabelled"), f".start {button}")
        assert site.address.startswith("/article/unlabelled?refused=")
        assert "pass --allow-writes" in text_of(page.select_one(".clash h2"))
        assert not (site.root / "goldens/street/unlabelled.json").exists()


class TestStart:
    def test_from_the_record_every_field_wants_a_look(self, site: Site) -> None:
        page = site.press(site.get("/article/unlabelled"), ".start [value=accept]")
        assert golden(site.root, "unlabelled")["street"] == "남문로"
        assert page.select_one(".start") is None
        assert len(page.select(".decide.wants")) == 4

    def test_from_nothing_the_record_does_not_lead(self, site: Site) -> None:
        site.press(site.get("/article/unlabelled"), ".start [value=absent]")
        assert golden(site.root, "unlabelled") == {"street": None, "shops": [], "slogans": []}

    def test_an_article_to_be_labelled_is_undecided_until_all_is_looked_at(self, site: Site) -> None:
        assert "unlabelled" in rows_of(site.get("/?undecided=1"))
        page = site.press(site.get("/article/unlabelled"), ".start [value=accept]")
        assert "unlabelled" in rows_of(site.get("/?undecided=1"))
        while page.select(".decide.wants"):
            page = site.press(page, ".decide.wants [value=keep]")
        assert "unlabelled" not in rows_of(site.get("/?undecided=1"))
        assert page.select_one("#done") is not None


class TestUndo:
    def test_undo_restores_the_file_and_says_who_did_what(self, site: Site) -> None:
        file = site.root / "goldens/street/bakery.json"
        before = file.read_bytes()
        page = site.press(site.stop(site.get("/article/bakery"), "shops (record 2)"), "[value=accept]")
        assert file.read_bytes() != before
        page = site.press(page, "[data-key=U]")
        assert file.read_bytes() == before
        lines = [text_of(line) for line in page.select(".past li")]
        assert "지수 undone: accepted" in lines[0]
        assert lines[1].endswith("(undone)")

    def test_undo_can_be_undone(self, site: Site) -> None:
        page = site.press(site.stop(site.get("/article/bakery"), "shops 1 › since"), "[value=accept]")
        page = site.press(page, "[data-key=U]")
        page = site.press(page, "[data-key=R]")
        assert golden(site.root)["shops"][0]["since"] == "2031년 3월"
        assert [bool(line.get("class")) for line in page.select(".past li")] == [False, True, False]

    def test_undo_goes_back_as_far_as_there_are_decisions(self, site: Site) -> None:
        before = (site.root / "goldens/street/bakery.json").read_bytes()
        page = site.get("/article/bakery")
        while page.select(".decide.wants"):
            page = site.press(page, ".decide.wants [value=accept]")
        while page.select_one("[data-key=U]"):
            page = site.press(page, "[data-key=U]")
        assert (site.root / "goldens/street/bakery.json").read_bytes() == before

    def test_a_start_can_be_undone(self, site: Site) -> None:
        page = site.press(site.get("/article/unlabelled"), ".start [value=accept]")
        page = site.press(page, "[data-key=U]")
        assert page.select_one(".start") is not None
        assert not (site.root / "goldens/street/unlabelled.json").exists()


class TestMeanwhile:
    def test_two_tabs_lose_neither_decision(self, site: Site) -> None:
        one, other = site.get("/article/bakery"), site.get("/article/bakery")
        site.press(site.stop(one, "shops 1 › since"), "[value=correct]", value="2031년 5월")
        page = site.press(site.stop(other, "shops 1 › since"), "[value=correct]", value="2031년 6월")
        clash = text_of(page.select_one(".clash"))
        assert "2031년 6월" in clash
        assert "2031년 5월" in clash
        assert golden(site.root)["shops"][0]["since"] == "2031년 5월"
        site.press(page, ".clash [name=action]")
        assert golden(site.root)["shops"][0]["since"] == "2031년 6월"
        assert len(log_lines(site.root)) == 2

    def test_a_hand_edit_is_noticed(self, site: Site) -> None:
        page = site.get("/article/bakery")
        golden_of(site.root, site.desk.task, "bakery", {**GOLDENS["bakery"], "street": "동문길"})
        page = site.press(site.stop(page, "shops 1 › since"), "[value=accept]")
        assert page.select_one(".clash") is not None
        assert golden(site.root)["street"] == "동문길"
        assert log_lines(site.root) == []

    def test_an_undo_after_a_hand_edit_is_refused_in_words(self, site: Site) -> None:
        page = site.press(site.stop(site.get("/article/bakery"), "shops 1 › since"), "[value=accept]")
        golden_of(site.root, site.desk.task, "bakery", {**GOLDENS["bakery"], "street": "동문길"})
        page = site.press(page, "[data-key=U]")
        assert page.select_one(".clash") is not None
        assert golden(site.root)["street"] == "동문길"

    def test_a_clash_can_be_loaded_again_until_it_is_settled(self, site: Site) -> None:
        page = site.get("/article/bakery")
        golden_of(site.root, site.desk.task, "bakery", {**GOLDENS["bakery"], "street": "동문길"})
        site.press(site.stop(page, "shops 1 › since"), "[value=accept]")
        address = site.address
        site.press(site.get(address), ".clash [name=action]")
        assert golden(site.root)["shops"][0]["since"] == "2031년 3월"
        assert site.get(address).select_one(".clash") is None

    def test_what_was_typed_for_a_golden_deleted_meanwhile_is_shown(self, site: Site) -> None:
        page = site.get("/article/bakery")
        (site.root / "goldens/street/bakery.json").unlink()
        page = site.press(site.stop(page, "shops 1 › since"), "[value=correct]", value="2031년 6월")
        clash = text_of(page.select_one(".clash"))
        assert "there is no golden to write this into" in clash
        assert "2031년 6월" in clash
        site.press(page, ".start [value=accept]")
        assert golden(site.root)["shops"][0]["since"] == "2031년 3월"

    def test_that_a_golden_was_deleted_meanwhile_is_a_clash(self, site: Site) -> None:
        page = site.get("/article/bakery")
        (site.root / "goldens/street/bakery.json").unlink()
        page = site.press(site.stop(page, "shops 1 › since"), "[value=accept]")
        assert "which has no golden any more" in text_of(page.select_one(".clash"))
        page = site.press(page, ".clash [name=action]")
        assert page.select_one(".clash, .start") is not None
        assert not (site.root / "goldens/street/bakery.json").exists()

    def test_the_list_sees_a_hand_edit(self, site: Site) -> None:
        assert "bakery" in rows_of(site.get("/?differs=1"))
        from workbench.schema import values

        right = values(site.desk.task.schema.model_validate(RECORDS["bakery"]))
        golden_of(site.root, site.desk.task, "bakery", right)
        assert "bakery" not in rows_of(site.get("/?differs=1"))

    def test_a_golden_that_does_not_hold_is_named_in_the_list_and_on_its_page(self, site: Site) -> None:
        site.get("/")
        (site.root / "goldens/street/bakery.json").write_text("{", encoding="utf-8")
        assert "its golden does not hold" in text_of(site.get("/").find("tbody"))
        assert "bakery.json" in site.get("/article/bakery", 409).get_text()


class TestCheck:
    def ask(self, site: Site, **fields: str) -> Any:
        place = quote("/shops/0/since")
        data = {"action": "correct", "at": place, "record_at": place, "target": place, **fields}
        return site.client.post("/article/bakery/check", data=data).json()

    def test_what_is_typed_is_read_and_judged_without_being_written(self, site: Site) -> None:
        assert self.ask(site, value="2031년 5월") == {"error": "", "reading": "2031-05-01 to 2031-05-31"}
        place = quote("/shops/0/state")
        assert "open" in self.ask(site, at=place, record_at=place, target=place, value="soon")["error"]
        assert golden(site.root) == GOLDENS["bakery"]
        assert log_lines(site.root) == []


class TestHostile:
    @pytest.fixture
    def site(self, tmp_path: Path) -> Site:
        shops = [{"name": text, "since": text, "cost": None, "state": "open", "quote": text} for text in HOSTILE]
        record = {"street": None, "shops": shops, "slogans": []}
        golden = {"street": None, "shops": [{"name": HOSTILE[0], "since": HOSTILE[1], "cost": HOSTILE[2], "state": "open"}], "slogans": [HOSTILE[4]]}  # fmt: skip
        texts = {"bakery": " ".join(HOSTILE[:-1]), "a&b <i>": TEXTS["bookshop"]}
        return Site(tmp_path, texts=texts, records={"bakery": record}, goldens={"bakery": golden})

    @pytest.mark.parametrize(
        "address", ["/", "/article/bakery", "/article/a%26b%20%3Ci%3E", "/?q=%3Cscript%3E&field=%22%3E%3Cimg%3E"]
    )
    def test_text_stays_text(self, site: Site, address: str) -> None:
        answer = site.client.get(address).text
        page = BeautifulSoup(answer, "html.parser")
        assert not page.select("img, [onerror], [x], i[class=''], [style], iframe, object")
        assert "<script>alert" not in answer
        assert len(page.select("script")) == len(page.select("style")) == 2
        for link in page.select("[href], [action]"):
            assert re.match(r"[/#]", str(link.get("href") or link.get("action")))

    def test_a_template_in_data_is_not_run(self, site: Site) -> None:
        assert "{{7*7}}{% raw %}" in site.get("/article/bakery").get_text()

    def test_what_is_not_seen_is_made_visible_and_fills_no_field(self, site: Site) -> None:
        answer = site.client.get("/article/bakery").text
        assert "a⟨U+202E⟩b⟨U+200B⟩c⟨U+2066⟩d" in answer
        assert not re.search("[\u202a-\u202e\u2066-\u2069\u200b-\u200f\ufeff\x00-\x08]", answer)

    def test_a_megabyte_is_cut_and_can_still_be_accepted(self, site: Site) -> None:
        page = site.get("/article/bakery")
        assert len(str(page)) < 400_000
        stop = next(stop for stop in page.select(".unit details") if "xxxx" in str(stop.find_parent("section")))
        site.press(stop, "[value=accept]")
        assert any(shop["name"] == HOSTILE[-1] for shop in golden(site.root)["shops"])

    def test_a_hostile_note_stays_text(self, site: Site) -> None:
        page = site.get("/article/bakery")
        page = site.press(page, ".decide [value=flag]", note="<img src=x onerror=alert(1)>")
        assert not page.select("img")
        assert "<img src=x onerror=alert(1)>" in page.get_text()


class TestAssets:
    def test_a_page_holds_what_the_policy_names_and_nothing_else(self, site: Site) -> None:
        from base64 import b64encode
        from hashlib import sha256

        styles, scripts = assets()
        for address in ("/", "/article/bakery", "/help", "/article/nobody"):
            page = BeautifulSoup(site.client.get(address).text, "html.parser")
            for tag, named in (("style", styles), ("script", scripts)):
                hashes = [b64encode(sha256(one.get_text().encode()).digest()).decode() for one in page.select(tag)]
                assert [f"'sha256-{one}'" for one in hashes] == [one.source for one in named]

    def test_nothing_is_asked_of_elsewhere(self, site: Site) -> None:
        for address in ("/", "/article/bakery", "/help"):
            text = site.client.get(address).text
            assert not re.search(r"https?:|[\"']//[a-z]|url\(|@import|XMLHttp|import\(", text)
            page = BeautifulSoup(text, "html.parser")
            assert not page.select("[src], [srcset], link, iframe, object, embed, base, [target], meta[http-equiv]")


class TestWork:
    def test_scores_are_computed_once_and_again_only_for_what_changed(self, tmp_path: Path) -> None:
        texts = {f"a{n:04}": f"글 {n}: {TEXTS['bookshop']}" for n in range(300)}
        goldens = dict.fromkeys(list(texts)[:50], GOLDENS["bookshop"])
        desk = make_desk(tmp_path, texts=texts, records=dict.fromkeys(texts, RECORDS["bookshop"]), goldens=goldens)
        pile = Pile(desk)
        assert pile.wait()
        assert pile.scored == 50
        pile.rows()
        assert pile.scored == 50
        golden_of(tmp_path, desk.task, "a0007", {**GOLDENS["bookshop"], "street": "서문로"})
        assert sum(row.wrong > 0 for row in pile.rows()) == 1
        assert pile.scored == 51

    def test_an_article_keeps_its_place_while_one_works_on_it(self, tmp_path: Path) -> None:
        site = Site(tmp_path)
        before = rows_of(site.get("/"))
        page = site.get("/article/bakery")
        while page.select(".decide.wants"):
            page = site.press(page, ".decide.wants [value=accept]")
        assert rows_of(site.get("/")) == before
