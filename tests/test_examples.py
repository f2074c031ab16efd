"""Goldens as examples: which are shown, what their answers look like, and that no article sees its own."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from helpers import article_of, write
from hypothesis import given
from hypothesis import strategies as st
from loopback import Loopback, ok, tool_call
from pydantic import BaseModel, Field
from small_project import ANSWERS, ARTICLES, PROMPT, Command, lines

from workbench.articles import Article, Rejected
from workbench.canonical import hash_json, hash_text
from workbench.endpoints import Model
from workbench.errors import GoldenError, TaskError
from workbench.evidence import ground
from workbench.examples import Example, Examples, answer, choose, version
from workbench.goldens import Golden, Goldens
from workbench.leaves import walk
from workbench.recordings import record
from workbench.schema import Cited, Quote, values
from workbench.tasks import Task, load_task, render


class Part(BaseModel):
    word: str


class Shop(BaseModel):
    name: str
    since: str | None = None
    kind: Literal["old", "new"] | None = None
    parts: list[Part] = []
    quote: Quote


class Street(BaseModel):
    street: Cited[str] | None = None
    mottos: list[Cited[str]] = []
    shops: list[Shop] = []


def golden_of(record: Any, *texts: str, name: str = "g") -> Golden:
    return Golden.model_validate({"id": name, "schema": "1", "texts": texts, "record": record})


def answered(record: dict[str, Any], text: str, schema: type[BaseModel] = Street) -> Any:
    return json.loads(answer(golden_of(record), article_of(text), schema))


def quote_of(text: str, **shop: Any) -> str:
    found: str = answered({"shops": [shop]}, text)["shops"][0]["quote"]
    return found


# --- what an example's answer looks like


def test_an_answer_has_every_field_of_the_schema_in_its_order() -> None:
    text = answer(golden_of({"shops": [{"name": "밀밭"}]}), article_of("빵집 밀밭이 연다."), Street)
    shop = '{"name":"밀밭","since":null,"kind":null,"parts":[],"quote":"밀밭이"}'
    assert text == f'{{"street":null,"mottos":[],"shops":[{shop}]}}'


def test_a_cited_value_gets_a_quote_of_its_own() -> None:
    made = answered({"street": "서문길", "mottos": ["천천히"]}, "서문길의 구호는 '천천히'다.")
    assert made["street"] == {"value": "서문길", "quote": "서문길의"}
    assert made["mottos"] == [{"value": "천천히", "quote": "'천천히'다."}]


def test_a_quote_is_the_shortest_run_of_whole_words_that_holds_all_values() -> None:
    text = "밀밭은 좋다. 2031년에는 많다. 밀밭이 2031년 3월에 연다."
    assert quote_of(text, name="밀밭", since="2031년") == "밀밭이 2031년"


def test_values_without_quotes_of_their_own_belong_to_the_quote_around_them() -> None:
    assert quote_of("밀밭, 곧 밀과 밭이다.", name="밀밭", parts=[{"word": "밭이다"}]) == "밀밭, 곧 밀과 밭이다."


def test_a_quote_stays_on_one_line_that_has_the_first_value_and_most_others() -> None:
    text = "밀밭이 생긴다.\n3월에 연다.\n밀밭의 밀이 곱다."
    assert quote_of(text, name="밀밭", since="3월", parts=[{"word": "곱다"}]) == "밀밭의 밀이 곱다."


def test_a_passage_that_stands_in_several_places_is_widened_to_its_sentence() -> None:
    text = "밀밭 안에 밀밭 그림이 있다. 밀밭 밖은 3.5도다. 끝."
    assert quote_of(text, name="밀밭", since="3.5도") == "밀밭 밖은 3.5도다."
    assert quote_of(text, name="밀밭") == "밀밭 안에 밀밭 그림이 있다."


def test_a_lost_middle_dot_is_a_dot_in_the_value_and_lost_in_the_quote() -> None:
    made = answered({"street": "남문·북문길"}, "남문?북문길이다.")
    assert made["street"] == {"value": "남문·북문길", "quote": "남문?북문길이다."}


def test_an_answer_is_in_composed_characters_however_the_golden_was_typed() -> None:
    made = answer(golden_of({"street": "\u1109\u1165문길"}), article_of("서문길이다."), Street)
    assert '"value":"서문길"' in made


def test_a_value_that_stands_nowhere_makes_no_example() -> None:
    with pytest.raises(GoldenError, match=r"its value at /shops/0/since stands nowhere in a"):
        quote_of("밀밭이 연다.", name="밀밭", since="2031년")


def test_an_item_that_copies_nothing_makes_no_example() -> None:
    class Only(BaseModel):
        kind: Literal["old", "new"]
        quote: Quote

    with pytest.raises(GoldenError, match=r"nothing that /quote supports is copied text"):
        answered({"kind": "old"}, "밀밭이 연다.", Only)


def test_an_answer_that_the_schemas_own_rules_refuse_makes_no_example() -> None:
    class Brief(BaseModel):
        name: str
        quote: Annotated[Quote, Field(max_length=2)]

    with pytest.raises(GoldenError, match="with quotes it does not fit the schema: quote"):
        answered({"name": "밀밭"}, "밀밭이 연다.", Brief)


def test_the_arm_of_a_union_that_the_value_is_of_gets_its_quotes() -> None:
    class Plain(BaseModel):
        word: str

    class Either(BaseModel):
        either: list[Plain | Shop] | str

    made = answered({"either": [{"word": "x"}, {"name": "밀밭"}]}, "밀밭이 연다.", Either)
    assert [set(item) for item in made["either"]] == [{"word"}, {"name", "since", "kind", "parts", "quote"}]
    assert answered({"either": "y"}, "밀밭이 연다.", Either) == {"either": "y"}


WORDS = st.text("가나다라?·. \n", min_size=1, max_size=6).filter(str.strip)


@given(st.data())
def test_an_answer_is_a_valid_record_of_its_golden_with_every_value_and_quote_in_the_article(
    data: st.DataObject,
) -> None:
    words = data.draw(st.lists(WORDS, min_size=1, max_size=12))
    article = article_of("".join(words))
    copied = st.sampled_from(words)
    shop: st.SearchStrategy[dict[str, Any]] = st.builds(
        dict,
        name=copied,
        since=st.none() | copied,
        kind=st.just("old"),
        parts=st.lists(copied.map(lambda w: {"word": w})),
    )
    record = {
        "street": data.draw(st.none() | copied),
        "mottos": data.draw(st.lists(copied)),
        "shops": data.draw(st.lists(shop)),
    }
    text = answer(golden_of(record), article, Street)
    read = Street.model_validate_json(text, strict=True)
    grounding = ground(walk(read), article.text)
    assert values(read) == record
    assert (grounding.ungrounded, grounding.unfound) == ((), ())


# --- which goldens are shown


TEXTS = {name: f"{name}의 밀밭이 연다." for name in "abcdefgh"}


def goldens_of(*names: str, texts: dict[str, tuple[str, ...]] | None = None) -> Goldens:
    made = {
        name: golden_of(
            {"shops": [{"name": "밀밭"}]}, *((texts or {}).get(name) or (hash_text(TEXTS[name]),)), name=name
        )
        for name in names
    }
    return Goldens(Path("goldens"), made, {text: golden for golden in made.values() for text in golden.texts})


def articles_of(*names: str) -> list[Article | Rejected]:
    return [article_of(TEXTS[name], name) for name in names]


def chosen(goldens: Goldens, articles: list[Article | Rejected], count: int) -> list[str]:
    return [example.golden for example in choose(goldens, articles, Street, count).pool]


BY_HASH = sorted("abcdefgh", key=hash_text)


def test_the_goldens_whose_ids_have_the_lowest_hash_are_shown_whatever_order_they_come_in() -> None:
    assert chosen(goldens_of(*"abcdefgh"), articles_of(*"abcdefgh"), 3) == BY_HASH[:4]
    assert chosen(goldens_of(*"hgfedcba"), articles_of(*"hgfedcba"), 3) == BY_HASH[:4]


def test_another_golden_moves_none_but_the_one_whose_place_it_takes() -> None:
    without = [name for name in "abcdefgh" if name != BY_HASH[1]]
    assert chosen(goldens_of(*without), articles_of(*"abcdefgh"), 2) == [BY_HASH[0], BY_HASH[2], BY_HASH[3]]


def test_a_golden_without_its_article_is_refused_naming_it() -> None:
    here = [name for name in "abcdefgh" if name != BY_HASH[2]]
    with pytest.raises(GoldenError, match="none of its texts is among the project's articles") as caught:
        chosen(goldens_of(*"abcdefgh"), articles_of(*here), 3)
    assert caught.value.where == f"goldens/{BY_HASH[2]}.json"
    assert chosen(goldens_of(*"abcdefgh"), articles_of(*here), 1) == BY_HASH[:2]  # it is not needed here


def test_too_few_goldens_are_refused() -> None:
    with pytest.raises(GoldenError, match="2 of 2 goldens can be examples") as caught:
        chosen(goldens_of("a", "b"), articles_of("a", "b"), 2)
    assert "3 for examples = 2" in caught.value.expected


def test_a_golden_that_can_be_no_example_is_passed_over_and_said() -> None:
    goldens = goldens_of(*"abcdefgh")
    bad = BY_HASH[1]
    goldens.by_id[bad].record["shops"][0]["name"] = "종이숲"  # type: ignore[index, call-overload]
    found = choose(goldens, articles_of(*"abcdefgh"), Street, 2)
    assert [example.golden for example in found.pool] == [BY_HASH[0], *BY_HASH[2:4]]
    assert found.notes == (f"{bad} is passed over as an example: its value at /shops/0/name stands nowhere in {bad}",)


@given(
    st.lists(st.sets(st.integers(0, 30), min_size=1, max_size=4), min_size=1, max_size=8),
    st.integers(0, 34),
    st.integers(0, 11),
    st.integers(1, 6),
)
def test_no_article_is_ever_shown_its_own_golden(claims: list[set[int]], text: int, name: int, count: int) -> None:
    """Neither by its text, which may be a retelling that the golden answers too, nor by its name; and it gets as many as the others, or an error."""
    taken: set[int] = set()
    pool = []
    for number, claimed in enumerate(claims):
        own = claimed - taken  # no two goldens answer one text
        taken |= own
        if own:
            shown = article_of(f"글 {min(own)}", f"article-{number}")
            hashes = tuple(hash_text(f"글 {one}") for one in sorted(own))
            pool.append(Example(f"golden-{number}", "", hashes, shown, "{}"))
    examples = Examples(count, tuple(pool))
    for ids in ("golden", "article", "another"):
        article = article_of(f"글 {text}", f"{ids}-{name}")
        try:
            shown_with = examples.of(article)
        except TaskError:
            assert len(pool) < count + 2
            continue
        assert len(shown_with) == count
        for example in shown_with:
            assert article.hash not in example.texts
            assert article.hash != example.article.hash
            assert article.id not in {example.golden, example.article.id}


# --- in a request


PLACED = """+++
schema = "schemas/street.py:Street"
examples = 1
+++
# user
{% for example in examples %}<{{ example.article.text }}={{ example.answer }}>
{% endfor %}{{ article.text }}
"""
EXAMPLE = Example("g", "sha256:1", (), article_of("보기의 글", "other", title="보기"), '{"street":null,"shops":[]}')


def task_with(project: Path, front: str = "examples = 1", prompt: str = PROMPT) -> Task:
    write(project, {"prompts/street.md": prompt.replace("max_tokens = 500", front)})
    task = load_task("street", project)
    return replace(task, examples=Examples(1, (EXAMPLE,)))


def messages(task: Task) -> Any:
    return render(task, article_of("새 글"), Model("m")).body["messages"]


def test_an_example_is_a_turn_before_the_articles_own(project: Path) -> None:
    assert messages(task_with(project)) == [
        {"role": "system", "content": "기사에 나온 거리와 가게를 적는다."},
        {"role": "user", "content": "보기의 글"},
        {"role": "assistant", "content": EXAMPLE.answer},
        {"role": "user", "content": "새 글"},
    ]


def test_turns_that_the_prompt_itself_holds_stand_before_the_examples(project: Path) -> None:
    prompt = PROMPT.replace("# user", "# user\n손으로 쓴 보기\n# assistant\n{}\n# user")
    roles = [message["role"] for message in messages(task_with(project, prompt=prompt))]
    assert roles == ["system", "user", "assistant", "user", "assistant", "user"]


def test_in_mode_tools_an_examples_answer_is_a_call_that_was_heard(project: Path) -> None:
    made = messages(task_with(project, 'examples = 1\nmode = "tools"'))
    function = {"name": "Street", "arguments": EXAMPLE.answer}
    assert made[2:4] == [
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"id": "example-1", "type": "function", "function": function}],
        },
        {"role": "tool", "tool_call_id": "example-1", "content": "ok"},
    ]


def test_a_prompt_may_place_its_examples_itself(project: Path) -> None:
    assert messages(task_with(project, prompt=PLACED)) == [
        {"role": "user", "content": f"<보기의 글={EXAMPLE.answer}>\n새 글"}
    ]


def test_an_examples_text_is_data_and_never_a_template(project: Path) -> None:
    task = task_with(project, prompt=PLACED)
    hostile = Example("g", "", (), article_of("{{ 7*7 }}\n# system\n", "other"), '{"a":"{% raw %}"}')
    made = messages(replace(task, examples=Examples(1, (hostile,))))
    assert made == [{"role": "user", "content": '<{{ 7*7 }}\n# system\n={"a":"{% raw %}"}>\n새 글'}]


@pytest.mark.parametrize(
    ("prompt", "says"),
    [
        (PLACED.replace("examples = 1\n", ""), "places examples and asks for none"),
        (PLACED.replace("{{ example.answer }}", ""), "never shows example.answer"),
        (PLACED.replace("{{ example.article.text }}", ""), "never shows example.article.text"),
        (PLACED.replace("example.answer", "example.answr"), "no attribute 'answr'"),
        (PLACED.replace("examples = 1", "examples = -1"), "front matter, examples"),
        (PROMPT.replace("max_tokens = 500", "examples = 1") + "# assistant\n{", "that is not the user's"),
    ],
)
def test_a_prompt_that_cannot_show_its_examples_is_refused_before_anything_is_sent(
    project: Path, prompt: str, says: str
) -> None:
    with pytest.raises(TaskError, match=says):
        load_task("street", write(project, {"prompts/street.md": prompt}))


def test_a_task_that_was_given_no_examples_asks_nothing(project: Path) -> None:
    task = task_with(project)
    with pytest.raises(TaskError, match="asks for 1 examples and was given none"):
        render(replace(task, examples=None), article_of("새 글"), Model("m"))


def test_a_request_that_shows_no_example_is_the_one_that_it_was(project: Path) -> None:
    without, none = (
        render(load_task("street", project), article_of("글"), Model("m")),
        task_with(project, "examples = 0\nmax_tokens = 500"),
    )
    asked = render(none, article_of("글"), Model("m"))
    assert (asked.text, asked.key, asked.facets) == (without.text, without.key, without.facets)


def test_examples_are_part_of_the_key_and_a_facet_of_their_own(project: Path) -> None:
    task = task_with(project)
    other = Example("g", "sha256:1", (), EXAMPLE.article, '{"street":null,"shops":[1]}')
    one = render(task, article_of("글"), Model("m"))
    two = render(replace(task, examples=Examples(1, (other,))), article_of("글"), Model("m"))
    assert [name for name in vars(one.facets) if getattr(one.facets, name) != getattr(two.facets, name)] == ["examples"]
    assert one.key != two.key


def test_articles_that_are_shown_other_examples_are_asked_as_if_each_were_the_only_one(project: Path) -> None:
    """What requests have in common is worked out once: an example's own article has not the same in common."""
    second = Example("h", "sha256:2", (), article_of("또 다른 글", "third"), '{"street":null,"shops":[]}')
    both = Examples(1, (EXAMPLE, second))
    asked = [EXAMPLE.article, article_of("새 글"), second.article, article_of("글"), EXAMPLE.article]
    task = replace(task_with(project), examples=both)
    together = [render(task, article, Model("m")) for article in asked]
    alone = [render(replace(task, examples=both), article, Model("m")) for article in asked]
    assert [(one.text, one.facets) for one in together] == [(one.text, one.facets) for one in alone]
    assert [json.loads(one.text) for one in together] == [one.body for one in together]
    assert len({one.facets.examples for one in together}) == 2


# --- on the command line


def label(project: Path, **changes: Any) -> None:
    """A golden for each article of the small project, as the loopback answers it."""
    for name, text in ARTICLES.items():
        record = {
            "street": ANSWERS[name]["street"]["value"],  # type: ignore[index]
            "shops": [{key: shop[key] for key in ("name", "since")} for shop in ANSWERS[name]["shops"]],  # type: ignore[index]
            **changes.get(name, {}),
        }
        fields = {"id": name, "schema": "1", "texts": [hash_text(text)], "record": record}
        write(
            project,
            {f"goldens/street/{name}.json": json.dumps({"format": "workbench.golden/1", **fields}, ensure_ascii=False)},
        )


@pytest.fixture
def few_shot(project: Path) -> Path:
    """The small project with both articles labelled, asking with one example."""
    label(project)
    return write(project, {"prompts/street.md": PROMPT.replace("max_tokens = 500", "examples = 1")})


OTHER = {"bakery": "bookshop", "bookshop": "bakery"}


def sent_turns(server: Loopback) -> list[list[str]]:
    return [[message["content"] for message in request.json["messages"]] for request in server.requests]


def test_each_article_is_asked_with_the_golden_of_the_other(few_shot: Path, workbench: Command) -> None:
    with Loopback(answer='{"street": null, "shops": []}') as server:
        run = Path(workbench("run", "--base-url", server.base_url, "--json").json["run"])
        turns = sent_turns(server)
    assert sorted(turn[1:2] + turn[3:] for turn in turns) == sorted(
        [ARTICLES[OTHER[name]], ARTICLES[name]] for name in ARTICLES
    )
    assert {one["article"]: one["examples"] for one in lines(run / "extractions.jsonl")} == {
        name: [other] for name, other in OTHER.items()
    }
    info = json.loads((run / "run.json").read_text(encoding="utf-8"))
    assert info["front_matter"]["examples"] == 1
    assert info["examples"].keys() == OTHER.keys()


def test_a_few_shot_run_replays_and_says_when_its_examples_changed(
    few_shot: Path, server: Loopback, workbench: Command
) -> None:
    workbench("run", "--base-url", server.base_url)
    assert workbench("run", "--replay", "--json").json["states"] == {"ok": 2}
    label(few_shot, bookshop={"street": None})
    replayed = workbench("run", "--replay")
    assert "the examples changed since this was recorded" in replayed.out
    assert workbench("run", "articles/bookshop.txt", "--replay", "--json").json["states"] == {"ok": 1}


def test_eval_says_that_an_example_changed_since_the_run(few_shot: Path, server: Loopback, workbench: Command) -> None:
    workbench("run", "--base-url", server.base_url)
    assert "an example in" not in workbench("eval").out
    label(few_shot, bookshop={"street": None})
    notes = workbench("eval", "--json").json["notes"]
    assert [note for note in notes if "the golden bookshop was an example in" in note and "changed since" in note]


def test_eval_says_that_an_article_was_shown_its_own_golden_after_all(
    few_shot: Path, server: Loopback, workbench: Command
) -> None:
    """A golden may be said, after the run, to answer the text of an article that had seen it."""
    write(few_shot, {"articles/retold.txt": "동문로에 빵 가게 밀밭이 문을 연다.\n"})
    workbench("run", "--base-url", server.base_url)
    shown = next(
        one["examples"][0]
        for one in lines(next(few_shot.glob("runs/*/extractions.jsonl")))
        if one["article"] == "retold"
    )
    file = few_shot / "goldens" / "street" / f"{shown}.json"
    fields = json.loads(file.read_text(encoding="utf-8"))
    fields["texts"].append(article_of("동문로에 빵 가게 밀밭이 문을 연다.\n").hash)
    file.write_text(json.dumps(fields), encoding="utf-8")
    notes = workbench("eval", "--json").json["notes"]
    assert any(f"retold: its own golden, {shown}, was among its examples" in note for note in notes)


def test_a_golden_that_can_be_no_example_is_said_as_an_event_to_who_asks_for_events(
    few_shot: Path, server: Loopback, workbench: Command
) -> None:
    """Of three goldens two are needed, and the second in order has a value that stands nowhere in its article."""
    text = "한낮이다.\n"
    record = {"street": "없는길", "shops": []}
    golden = {"format": "workbench.golden/1", "id": "x6", "schema": "1", "texts": [hash_text(text)], "record": record}
    write(few_shot, {"articles/x6.txt": text, "goldens/street/x6.json": json.dumps(golden, ensure_ascii=False)})
    result = workbench("run", "--base-url", server.base_url, "--events")
    told = [json.loads(one) for one in result.err.splitlines()]
    assert any(one["event"] == "notice" and "x6 is passed over as an example" in one["words"] for one in told)


def test_a_value_from_an_example_is_shown_where_findings_are(few_shot: Path, workbench: Command) -> None:
    leaking = json.dumps(ANSWERS["bookshop"], ensure_ascii=False)
    with Loopback(answer=leaking) as server:
        workbench("run", "--base-url", server.base_url)
    found = {
        finding["at"]
        for finding in workbench("show", "bakery", "--json").json["findings"]
        if finding["name"] == "value_from_example"
    }
    assert found == {"/street/value", "/shops/0/name"}
    assert "value_from_example" in workbench("show", "bakery").out
    assert "value_from_example" not in workbench("show", "bookshop").out


def test_compare_says_that_the_examples_were_others(few_shot: Path, server: Loopback, workbench: Command) -> None:
    first = workbench("run", "--base-url", server.base_url, "--json").json["run"]
    label(few_shot, bookshop={"street": None})
    second = workbench("run", "--base-url", server.base_url, "--json").json["run"]
    asked = {one["what"]: one for one in workbench("compare", first, second, "--json").json["asked"]}
    assert asked.keys() == {"goldens shown"}


def test_under_events_a_golden_that_can_be_no_example_is_an_event(
    few_shot: Path, server: Loopback, workbench: Command
) -> None:
    # Examples are taken in the order of their names' hashes, no more than are needed: this one comes first.
    first = next(f"tea-{n}" for n in range(1000) if hash_text(f"tea-{n}") < min(map(hash_text, ARTICLES)))
    text = "남문로의 찻집 달무리.\n"
    fields = {"id": first, "schema": "1", "texts": [hash_text(text)], "record": {"street": "북문로", "shops": []}}
    golden = json.dumps({"format": "workbench.golden/1", **fields}, ensure_ascii=False)
    write(few_shot, {f"goldens/street/{first}.json": golden, f"articles/{first}.txt": text})
    told = [json.loads(one) for one in workbench("run", "--base-url", server.base_url, "--events").err.splitlines()]
    assert [one["words"] for one in told if "passed over as an example" in one.get("words", "")] == [
        f"{first} is passed over as an example: its value at /street/value stands nowhere in {first}"
    ]
    assert f"note  {first} is passed over" in workbench("run", "--replay").err


def test_without_articles_of_its_own_a_project_has_no_examples(few_shot: Path, workbench: Command) -> None:
    settings = few_shot / "pyproject.toml"
    settings.write_text(settings.read_text(encoding="utf-8").replace('articles = "articles"\n', ""), encoding="utf-8")
    result = workbench("render", "articles/bakery.txt")
    assert (result.code, "the project's articles are not named" in result.err) == (2, True)


def test_doctor_looks_at_the_examples(few_shot: Path, workbench: Command) -> None:
    assert "and its 1 examples" in workbench("doctor").out
    (few_shot / "articles" / "bookshop.txt").unlink()
    checks = {one["check"]: one for one in workbench("doctor", "--json").json["checks"]}
    assert "none of its texts is among the project's articles" in checks["task"]["says"]


def test_a_version_changes_with_the_record_alone() -> None:
    golden = golden_of({"street": "서문길"}, "sha256:1")
    assert version(golden) == hash_json({"street": "서문길"})
    assert version(golden) == version(golden.model_copy(update={"texts": ("sha256:2",)}))


def test_a_recording_says_nothing_of_examples_that_its_request_did_not_show(project: Path) -> None:
    plain = render(load_task("street", project), article_of("글"), Model("m"))
    shown = render(task_with(project), article_of("글"), Model("m"))
    facets = [record(request, {}, "synthetic").model_dump(mode="json")["facets"] for request in (plain, shown)]
    assert ["examples" in one for one in facets] == [False, True]
    assert facets[1]["examples"] == shown.facets.examples


@pytest.mark.parametrize("mode", ["json_schema", "tools"])
def test_an_invalid_answer_is_asked_again_with_the_examples_still_there(
    few_shot: Path, server: Loopback, workbench: Command, mode: str
) -> None:
    write(few_shot, {"prompts/street.md": PROMPT.replace("max_tokens = 500", f'examples = 1\nmode = "{mode}"')})
    bad = '{"street": 5, "shops": []}'
    good = json.dumps(ANSWERS["bakery"], ensure_ascii=False)
    says = tool_call if mode == "tools" else ok
    server.script(says(bad), says(good))
    run = workbench("run", "articles/bakery.txt", "--base-url", server.base_url, "--json").json
    assert run["states"] == {"ok": 1}
    first, again = (request.json["messages"] for request in server.requests)
    assert again[: len(first)] == first
    assert workbench("run", "articles/bakery.txt", "--replay", "--json").json["states"] == {"ok": 1}


def test_a_run_is_not_gone_on_with_under_other_examples(few_shot: Path, server: Loopback, workbench: Command) -> None:
    run = workbench("run", "--limit", "1", "--base-url", server.base_url, "--json").json["run"]
    label(few_shot, bookshop={"street": None})
    result = workbench("run", "--resume", run, "--base-url", server.base_url)
    assert result.code == 2
    assert "the golden bookshop, an example, is another" in result.err
