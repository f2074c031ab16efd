"""The page: what it says, what it cannot be made to do, how large it grows."""

import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from typing import Annotated, ClassVar

import pytest
from bs4 import BeautifulSoup, Tag
from helpers import article_of, text_of
from pydantic import BaseModel
from report.made_up import GOLDEN, HOSTILE, RECORD, TEXT, article, evaluation, failed, hostile

from workbench.consensus import stored_places
from workbench.evaluate import ArticleScore, Evaluation
from workbench.evidence import ground
from workbench.extract import Extraction
from workbench.findings import findings
from workbench.leaves import walk
from workbench.readings import RegionReading, readings
from workbench.report import html
from workbench.report.view import Value, value
from workbench.report.view import view as view_of
from workbench.schema import Cited, Quote, form, values
from workbench.scoring import Language, Region, Set, Text, score

NOTE = "4 of 4 responses are transcribed: written by hand from the rendered request, not by a model behind an endpoint"


def render(
    of: Evaluation, text: str | None = TEXT, language: Language = "en", title: str = "run-1", **info: str
) -> str:
    return html.report(of, lambda _: text, title=title, language=language, info=info)


def soup(page: str) -> BeautifulSoup:
    return BeautifulSoup(page, "html.parser")


def bodies(page: str) -> list[BeautifulSoup]:
    """What the page shows of each article when it is asked to, in the order of its table."""
    return [soup(body.get_text()) for body in soup(page).find_all("script", type="text/html")]


@pytest.fixture(scope="module")
def page() -> str:
    return render(evaluation(notes=(NOTE, "another note")), model="small", task="street")


@pytest.fixture(scope="module")
def harmful() -> str:
    of, text = hostile()
    return html.report(of, lambda _: text, title=HOSTILE[0], language="en", info={HOSTILE[2]: HOSTILE[1]})


@pytest.fixture(scope="module")
def bakery(page: str) -> BeautifulSoup:
    rows = soup(page).select("#articles tbody tr")
    index = next(i for i, row in enumerate(rows) if "bakery" in row.get_text())
    return bodies(page)[index]


def row(body: BeautifulSoup, name: str, group: str = "") -> Tag:
    for section in body.select(".g"):
        heading = section.h2
        if (text_of(heading) if heading else "").startswith(group):
            for item in section.select("li.f"):
                if text_of(item.select_one(".k")) == name:
                    return item
    raise AssertionError(f"no row {group} {name}")


class TestFigures:
    def test_the_headline_has_its_interval_and_n(self, page: str) -> None:
        figure = text_of(soup(page).select_one(".figure.main"))
        assert re.search(r"F1 0\.\d{3} 95% 0\.\d{3} to 1\.000, n = 3", figure)

    def test_transcribed_recordings_are_said_beside_the_number(self, page: str) -> None:
        head = soup(page).select_one(".head")
        assert NOTE in text_of(head)
        assert text_of(head).count("are transcribed") == 1
        assert "another note" in text_of(head)

    def test_what_the_run_was_stands_at_the_top(self, page: str) -> None:
        assert text_of(soup(page).select_one(".info")) == "model small task street"

    def test_fields_stand_worst_first_with_a_bar_and_its_interval(self, page: str) -> None:
        rows = soup(page).select("#fields tbody tr")
        f1 = [float(row.select("td")[0].get_text()) for row in rows]
        assert f1 == sorted(f1)
        assert text_of(rows[0].th) == "shops. since"
        for field in rows:
            fill = field.select_one("svg rect.fill")
            assert fill is not None
            assert float(str(fill["width"])) == pytest.approx(float(field.select("td")[0].get_text()) * 100, abs=0.1)
            assert field.select_one("svg path.whisker") is not None

    def test_one_article_leaves_no_interval_and_the_page_says_so(self) -> None:
        page = render(evaluation(article()))
        assert "no interval" in text_of(soup(page).select_one(".figure.main"))
        assert soup(page).select_one("path.whisker") is None

    def test_without_a_golden_there_is_no_score_and_no_error(self) -> None:
        page = render(evaluation(article(golden=None)))
        assert "none of the 1 articles has a golden" in text_of(soup(page).select_one(".head"))
        assert soup(page).select_one("#fields") is None

    def test_a_run_without_articles_is_a_page_too(self) -> None:
        assert "none of the 0 articles" in render(Evaluation((), ()))

    def test_articles_stand_worst_first_and_those_without_a_golden_last(self, page: str) -> None:
        rows = [text_of(row) for row in soup(page).select("#articles tbody tr")]
        assert [words.split()[0] for words in rows] == ["lost", "bakery", "right", "new"]
        assert rows[0].startswith("lost failed 0.000")
        assert "2 / 3" not in rows[0]
        assert "3 / 4" in rows[1]

    def test_a_field_knows_the_articles_that_differ_in_it(self, page: str) -> None:
        names = [text_of(row.th) for row in soup(page).select("#fields tbody tr")]
        since = str(names.index("shops. since"))
        wrong = {text_of(row.th): str(row["data-wrong"]).split() for row in soup(page).select("#articles tbody tr")}
        assert since in wrong["bakery"]
        assert wrong["right"] == []


class TestArticle:
    def test_the_text_is_all_there(self, bakery: BeautifulSoup) -> None:
        text = bakery.select_one(".text")
        assert text is not None
        assert text.get_text() == TEXT
        assert text["lang"] == "ko"

    def test_a_field_names_its_quote_and_the_quote_its_fields(self, bakery: BeautifulSoup) -> None:
        since = row(bakery, "since", "shops 1")
        link = since.select_one("a.k")
        assert link is not None
        segment = bakery.select_one(str(link["href"]))
        assert segment is not None
        assert since["data-q"] in str(segment["data-q"]).split()
        quoted = "".join(q.get_text() for q in bakery.select(".q") if since["data-q"] in str(q.get("data-q")).split())
        assert quoted == RECORD["shops"][0]["quote"]
        value = bakery.select_one(f'.q[data-v="{str(since["id"])[1:]}"]')
        assert text_of(value) == "2031년 3월"

    def test_overlapping_quotes_are_both_reachable(self, bakery: BeautifulSoup) -> None:
        street, name = row(bakery, "street"), row(bakery, "name", "shops 1")
        both = [
            q for q in bakery.select(".q") if {street["data-q"], name["data-q"]} <= set(str(q.get("data-q")).split())
        ]
        assert "".join(q.get_text() for q in both) == "새 빵집 밀밭이"
        for field in (street, name):
            link = field.select_one("a.k")
            assert link is not None
            assert bakery.select_one(str(link["href"])) is not None

    def test_a_mismatch_shows_golden_record_sign_and_reason(self, bakery: BeautifulSoup) -> None:
        since = row(bakery, "since", "shops 1")
        assert [text_of(v) for v in since.select(".v")] == [
            "golden 2031년 4월 2031-04-01 to 2031-04-30",
            "record 2031년 3월 2031-03-01 to 2031-03-31",
        ]
        assert "≠" in text_of(since)
        assert text_of(since.select_one(".why")).startswith("mismatch: ")
        sign = since.select_one(".s")
        assert sign is not None
        assert sign["aria-label"] == "mismatch"

    def test_reasons_are_in_the_users_language(self) -> None:
        why = row(bodies(render(evaluation(article()), language="ko"))[0], "since", "shops 1").select_one(".why")
        assert why is not None
        assert why.span is not None
        assert why.span["lang"] == "ko"
        assert re.search("[가-힣]", text_of(why))

    def test_an_amount_is_shown_as_code_reads_it(self, bakery: BeautifulSoup) -> None:
        assert "101,000,000,000,000 KRW" in text_of(row(bakery, "cost", "shops 1"))

    def test_a_date_is_shown_as_the_days_that_it_names(self, bakery: BeautifulSoup) -> None:
        assert "2031-03-01 to 2031-03-31" in text_of(row(bakery, "since", "shops 1"))

    def test_fields_stand_in_the_schemas_order(self, bakery: BeautifulSoup) -> None:
        headings = [text_of(section.h2).split()[0] if section.h2 else "" for section in bakery.select(".g")]
        assert headings == ["", "shops", "shops", "slogans"]

    def test_an_item_that_only_the_record_has_goes_by_the_records_number(self) -> None:
        more = {**RECORD, "shops": [*RECORD["shops"], {**RECORD["shops"][0], "name": "새집", "cost": None}]}
        body = bodies(render(evaluation(article(record=more))))[0]
        heading = next(title for title in body.select("h2") if "record" in title.get_text())
        assert re.match(r"shops \(record [23]\)", text_of(heading))
        assert "hallucination" in text_of(heading.parent)

    def test_what_could_not_be_found_has_its_own_list(self, bakery: BeautifulSoup) -> None:
        lost = bakery.select_one(".things")
        assert text_of(lost).startswith("Not found in the article 2")
        assert "이런 말은 기사에 없다" in text_of(lost)
        for link in lost.select("a.to") if lost else ():
            assert bakery.select_one(str(link["href"])) is not None

    def test_a_quote_that_cannot_be_pointed_at_stands_with_its_field(self, bakery: BeautifulSoup) -> None:
        cited = [field for field in bakery.select("li.f") if "이런 말은 기사에 없다" in field.get_text()]
        assert cited
        assert all(field.select_one("a.k") is None for field in cited)

    def test_what_is_right_can_be_left_out_and_is_counted(self, bakery: BeautifulSoup) -> None:
        assert text_of(bakery.select_one("[data-show=differs] .n")) == str(len(bakery.select("li.f:not(.correct)")))
        assert all(not section.select("li.f:not(.correct)") for section in bakery.select(".g.same"))

    def test_an_article_that_agrees_says_so(self, page: str) -> None:
        assert "Nothing differs." in bodies(page)[2].get_text()

    def test_an_article_without_a_golden_shows_its_record_without_verdicts(self, page: str) -> None:
        body = bodies(page)[3]
        assert "no golden answers this text" in body.get_text()
        assert body.select_one("[data-show]") is None
        assert body.select_one("li.f .s") is None
        assert "밀밭" in body.get_text()
        assert body.select_one("a.k") is not None

    def test_an_article_that_failed_says_why_and_misses_everything(self, page: str) -> None:
        body = bodies(page)[0]
        assert text_of(body.select_one(".state")) == "failed : the provider is down"
        assert {str(field["class"][1]) for field in body.select("li.f")} == {"omission"}

    def test_a_text_that_is_gone_leaves_the_quotes_with_the_fields(self) -> None:
        body = bodies(render(evaluation(article()), text=None))[0]
        assert "no longer stands where it was read" in body.get_text()
        assert RECORD["shops"][0]["quote"] in text_of(row(body, "name", "shops 1"))

    def test_a_text_that_changed_since_breaks_nothing(self) -> None:
        body = bodies(render(evaluation(article()), text="짧다"))[0]
        assert body.select_one(".q") is None

    def test_a_long_article_is_shown_in_part(self) -> None:
        body = bodies(render(evaluation(article()), text="가" * 1_000_000))[0]
        assert "The first part of 1,000,000 characters." in body.get_text()
        assert len(str(body)) < 300_000

    def test_ids_are_there_once(self, page: str) -> None:
        for body in bodies(page):
            ids = [str(tag["id"]) for tag in body.select("[id]")]
            assert len(ids) == len(set(ids))


class TestPolicy:
    def test_hashes_of_style_and_script_are_right(self, page: str) -> None:
        found = soup(page)
        policy = found.find("meta", attrs={"http-equiv": "Content-Security-Policy"})
        assert policy is not None
        style, script = found.select_one("style"), found.select_one("script:not([type])")
        assert style is not None
        assert script is not None
        wanted = [
            f"{kind}-src 'sha256-{b64encode(sha256(tag.get_text().encode()).digest()).decode()}'"
            for kind, tag in (("style", style), ("script", script))
        ]
        directives = str(policy["content"]).split("; ")
        assert directives == ["default-src 'none'", *wanted, "base-uri 'none'", "form-action 'none'"]

    def test_the_policy_stands_before_all_that_it_governs(self, page: str) -> None:
        assert page.index("Content-Security-Policy") < page.index("<title>") < page.index("<style>")

    def test_there_is_one_style_one_script_and_otherwise_only_text(self, page: str) -> None:
        found = soup(page)
        assert len(found.find_all("style")) == 1
        assert [tag.attrs for tag in found.find_all("script") if tag.get("type") != "text/html"] == [{}]
        assert not found.select("[style]")
        assert all(not body.select("[style], script, style") for body in bodies(page))

    def test_nothing_is_asked_of_elsewhere(self, page: str) -> None:
        assert not re.search(r"https?:|//[a-z]|url\(|@import|fetch\(|XMLHttp|import\(", page)
        for tree in (soup(page), *bodies(page)):
            assert not tree.select("[src], [srcset], [data], link, iframe, object, embed, img, form, base")
            assert all(str(tag["href"]).startswith("#") for tag in tree.select("[href]"))


class TestHostile:
    def test_text_stays_text(self, harmful: str) -> None:
        for tree in (soup(harmful), *bodies(harmful)):
            assert not tree.select("img, [onerror], [x]")
            assert "<script>alert(1)</script>" in tree.get_text()
            assert all(str(tag["href"]).startswith("#") for tag in tree.select("[href]"))
        assert len(bodies(harmful)) == 2
        assert len(soup(harmful).select("script:not([type])")) == 1
        assert "<script>alert" not in harmful
        assert "<img" not in harmful
        assert "<!--<" not in harmful

    def test_templates_in_data_are_not_run(self, harmful: str) -> None:
        assert "{{7*7}}{% raw %}" in bodies(harmful)[1].get_text()

    def test_what_is_not_seen_is_made_visible(self, harmful: str) -> None:
        assert "a⟨U+202E⟩b⟨U+200B⟩c⟨U+2066⟩d" in bodies(harmful)[1].get_text()
        assert not re.search("[\u202a-\u202e\u2066-\u2069\u200b-\u200f\ufeff\x00-\x08]", harmful)

    def test_a_megabyte_is_cut_and_its_length_said(self, harmful: str) -> None:
        assert len(harmful) < 150_000
        assert "1,000,000 characters" in bodies(harmful)[1].get_text()

    def test_half_a_pair_can_be_written_to_a_file(self) -> None:
        assert render(evaluation(failed("\ud800", "\ud800")), title="\ud800").encode()

    def test_every_stretch_of_the_text_is_there(self, harmful: str) -> None:
        text = bodies(harmful)[1].select_one(".text")
        assert text is not None
        assert "</script><script>alert(2)</script>" in text.get_text()

    def test_many_fields_are_counted_not_shown(self) -> None:
        shops = [{"name": f"집 {n}", "since": None, "cost": None, "quote": "밀밭"} for n in range(5000)]
        body = bodies(render(evaluation(article(record={**RECORD, "shops": shops}, golden=None))))[0]
        assert len(body.select("li.f")) == 2000
        assert "and 3,002 more fields" in body.get_text()

    def test_spans_that_lie_are_passed_over(self) -> None:
        one = article()
        spans = {"/street/value": (5, 2), "/street/quote": (0, 10**9), "/shops/0/quote": (-5, 3)}
        lying = one.extraction.model_copy(update={"spans": spans})
        body = bodies(render(Evaluation((type(one)(lying, one.golden, one.score),), ())))[0]
        assert body.select_one(".text") is not None
        assert body.select_one(".q") is None


class TestLooks:
    def colours(self) -> list[dict[str, str]]:
        css = str(html.asset("report.css").text)
        light, dark = re.findall(r":root \{(.*?)\}", css, re.DOTALL)
        day = dict(re.findall(r"--([\w-]+): (#\w+)", light))
        return [day, {**day, **dict(re.findall(r"--([\w-]+): (#\w+)", dark))}]

    def luminance(self, colour: str) -> float:
        digits = colour[1:] if len(colour) == 7 else "".join(c * 2 for c in colour[1:])
        parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    @pytest.mark.parametrize("ink", ["ink", "dim", "accent", "bad"])
    @pytest.mark.parametrize("ground", ["paper", "raised", "tint"])
    def test_contrast_is_at_least_4_5_by_day_and_by_night(self, ink: str, ground: str) -> None:
        for colours in self.colours():
            lighter, darker = sorted((self.luminance(colours[name]) for name in (ink, ground)), reverse=True)
            assert (lighter + 0.05) / (darker + 0.05) >= 4.5

    @pytest.mark.parametrize("ground", ["tint-2", "strong"])
    def test_highlighted_text_can_be_read(self, ground: str) -> None:
        for colours in self.colours():
            lighter, darker = sorted((self.luminance(colours[name]) for name in ("ink", ground)), reverse=True)
            assert (lighter + 0.05) / (darker + 0.05) >= 4.5

    def test_a_verdict_has_a_sign_and_a_name_not_only_a_colour(self, page: str) -> None:
        for body in bodies(page):
            for sign in body.select(".s"):
                assert sign.get_text() in "=≠−+"
                assert sign["aria-label"]

    def test_hangul_is_broken_between_words(self) -> None:
        assert "word-break: keep-all" in html.asset("report.css").text
        assert "overflow-wrap: anywhere" in html.asset("report.css").text


def test_a_thousand_articles_are_bounded() -> None:
    base = article()
    many = [
        type(base)(base.extraction.model_copy(update={"article": f"a{n:04}"}), base.golden, base.score)
        for n in range(1000)
    ]
    one, all_of_them = len(render(evaluation(base)).encode()), len(render(evaluation(*many)).encode())
    assert all_of_them < 1000 * 8_000
    assert all_of_them < 1000 * one


def test_texts_are_asked_for_by_extraction() -> None:
    asked: list[Extraction] = []

    def text(extraction: Extraction) -> str:
        asked.append(extraction)
        return TEXT

    html.report(evaluation(article(), failed()), text, title="t", language="en", info={})
    assert sorted(extraction.article for extraction in asked) == ["bakery", "lost"]


def test_the_same_evaluation_gives_the_same_page() -> None:
    assert render(evaluation()) == render(evaluation())


def test_a_view_of_one_article_is_to_be_had_without_a_page() -> None:
    view = view_of(article(), TEXT, "en")
    assert view.differing == len([row for group in view.groups for row in group.rows if row.differs])
    assert GOLDEN["shops"][1]["name"] in {row.golden.text for group in view.groups for row in group.rows if row.golden}


def headings(page: str) -> list[str]:
    return [text_of(head) for head in soup(page).select("#articles thead th")]


def test_the_articles_of_a_vote_say_how_sure_it_is_of_each() -> None:
    """The mean over the record's leaves; where there is no record nothing."""
    found = article()
    voted = replace(found, extraction=found.extraction.model_copy(update={"confidence": {"/a": 1.0, "/b": 0.5}}))
    page = render(evaluation(voted, failed()))
    column = headings(page).index("confidence")
    cells = {
        text_of(row.select("th, td")[0]): text_of(row.select("th, td")[column])
        for row in soup(page).select("#articles tbody tr")
    }
    assert cells == {"bakery": "0.75", "lost": "—"}


def test_the_articles_of_an_ordinary_run_have_no_column_of_confidence() -> None:
    assert "confidence" not in headings(render(evaluation()))


def test_a_confidence_stands_with_its_value_and_not_below_the_label() -> None:
    found = article()
    sure = {leaf.record_at: 0.5 for leaf in found.score.leaves if leaf.record_at} if found.score else {}
    voted = replace(found, extraction=found.extraction.model_copy(update={"confidence": sure}))
    body = bodies(render(evaluation(voted)))[0]
    lines = body.select(".v.two")
    assert any("confidence 0.50" in text_of(line) for line in lines)
    assert {len(line.find_all(recursive=False)) for line in lines} == {2}


def with_regions(readings: dict[str, RegionReading]) -> ArticleScore:
    found = article()
    return replace(found, extraction=found.extraction.model_copy(update={"readings": readings}))


def test_the_region_that_the_run_read_stands_beside_the_value() -> None:
    """Of a cited value by its place as it is stored, of a bare one by its own; and an article is no other for it."""
    gimje = RegionReading(code="45210", name="김제시", sido="전라북도", as_of="2025-06-12")
    jeonbuk = RegionReading(code="45", name="전라북도", sido="전라북도")
    found = with_regions({"/street/value": gimje, "/shops/0/name": jeonbuk})
    body = bodies(render(evaluation(found)))[0]
    assert text_of(row(body, "street").select_one("small.read")) == "전라북도 김제시 (45210)"
    assert "전라북도 (45)" in [text_of(small) for small in body.select("small.read")]
    assert view_of(found, TEXT, "en").differing == view_of(article(), TEXT, "en").differing


def test_a_region_that_was_not_read_and_hostile_words_of_one_show_nothing_that_runs() -> None:
    unread = RegionReading(unread="<script>alert(1)</script>")
    odd = RegionReading(code="1", name="<script>a\u202eb", sido="시도")
    body = bodies(render(evaluation(with_regions({"/street/value": unread, "/shops/0/name": odd}))))[0]
    assert not row(body, "street").select("small.read")
    assert "\u202e" not in str(body)
    assert not body.select("script")


def test_a_second_runs_value_is_the_same_though_only_one_run_read_a_region_in_it() -> None:
    assert value("김제시") == replace(value("김제시") or Value(""), reading="전라북도 김제시 (45210)")


class Plot(BaseModel):
    """A plot of land."""

    region: Annotated[str, Region()]
    beside: list[Annotated[str, Region()]]


class Plots(BaseModel):
    """Plots, each cited as a whole."""

    version: ClassVar[str] = "1"

    first: Cited[Plot]
    others: list[Cited[Plot]]
    named: Cited[list[Annotated[str, Region()]]]


@pytest.mark.parametrize("scored", [True, False])
def test_what_is_cited_as_a_whole_shows_its_values_regions_places_and_quote(scored: bool) -> None:
    """With a golden or without: the score names a value by its form, the run by where it is stored."""
    text = "전북 김제시 백구면에 공장이 선다. 완주군과 익산시는 아직이다."
    plot = {"value": {"region": "김제시", "beside": ["완주군"]}, "quote": "전북 김제시 백구면에"}
    filled = Plots.model_validate(
        {"first": plot, "others": [plot], "named": {"value": ["익산시"], "quote": "완주군과 익산시는"}}
    )
    walked, source = walk(filled), article_of(text)
    grounding = ground(walked, text)
    extraction = Extraction(
        article="plots", text="sha256:0", place="plots.txt", state="ok", record=filled.model_dump(mode="json"),
        spans=grounding.spans, readings=readings(walked, source), findings=tuple(findings(walked, grounding, {}, source)),
    )  # fmt: skip
    answer = score(values(filled), values(filled), form(Plots)) if scored else None
    shown = view_of(ArticleScore(extraction, "plots" if scored else None, answer), text, "en")
    rows = [row for group in shown.groups for row in group.rows]
    assert [group.label for group in shown.groups] == [
        "first",
        "first › beside",
        "others 1",
        "others 1 › beside",
        "named",
    ]
    assert [row.record.reading for row in rows if row.record] == [
        "전북특별자치도 김제시 (52210)", "전북특별자치도 완주군 (52710)", "전북특별자치도 김제시 (52210)",
        "전북특별자치도 완주군 (52710)", "전북특별자치도 익산시 (52140)",
    ]  # fmt: skip
    assert [row.quote for row in rows] == [0, 0, 1, 1, 2]
    own = {number: segment.text for segment in shown.text or () for number in segment.values}
    assert own == {0: "김제시", 1: "완주군", 2: "김제시", 3: "완주군", 4: "익산시"}
    assert {noticed.label for noticed in shown.findings} == {"first › beside › 1", "others 1 › beside › 1"}


class Labels(BaseModel):
    """Labels that are cited and scored as a whole, beside what another passage supports."""

    labels: Cited[Annotated[list[str], Set(Text())]]
    quote: Quote


def test_a_list_cited_and_scored_as_a_whole_shows_its_own_quote_and_how_sure_a_vote_is_of_it() -> None:
    text = "밀밭과 새집이 열었다. 다른 말이다."
    filled = Labels.model_validate(
        {"labels": {"value": ["밀밭", "새집"], "quote": "밀밭과 새집이"}, "quote": "다른 말"}
    )
    extraction = Extraction(
        article="labels", text="sha256:0", place="labels.txt", state="ok", record=filled.model_dump(mode="json"),
        spans=ground(walk(filled), text).spans, confidence={stored_places(filled)("/labels"): 0.5},
    )  # fmt: skip
    answer = score({"labels": ["밀밭"]}, values(filled), form(Labels))
    shown = view_of(ArticleScore(extraction, "labels", answer), text, "en")
    (row,) = [row for group in shown.groups for row in group.rows]
    assert [segment.text for segment in shown.text or () if row.quote in segment.quotes] == ["밀밭과 새집이"]
    assert row.confidence == 0.5
