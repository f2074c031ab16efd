"""Goldens as examples: what a model is shown of other articles and their right answers before it is asked about one.

Which goldens are examples is decided once for a task, by a rule that no run and no machine changes: those whose ids have the lowest SHA-256. So all
articles share their examples (which an endpoint can cache), a golden added or corrected moves no other, and nobody picked those that flatter. An
article is never shown its own golden, and takes the next one in its place.

A golden holds values, an answer cites: each quote is looked up in the example's article. It is the shortest run of whole words that holds all of
the item's values, if one line does; else of the line with the first value and the most others. A run that stands in several places is
widened to its sentence. A golden for which that finds no quote is passed over, and said.
"""

import re
import types
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, JsonValue, TypeAdapter, ValidationError

from workbench.articles import Article, Rejected
from workbench.canonical import canonical_json, canonical_text, first_problem, hash_json, hash_text
from workbench.errors import GoldenError, TaskError
from workbench.evidence import Span, Text
from workbench.goldens import Golden, Goldens
from workbench.leaves import walk
from workbench.pointers import put, steps_of
from workbench.schema import Cited, form

__all__ = ["Example", "Examples", "answer", "choose", "version"]

BREAK = re.compile(r"(?<=[.!?])\s+|(?<=[.!?][\"'”’)])\s+|\n+")
"""What stands between two sentences."""


@dataclass(frozen=True)
class Example:
    """An article and its right answer, to be shown with another article.

    Attributes:
        golden: The id of the golden that it is made of.
        version: The hash of that golden's record: it tells whether the golden changed since.
        texts: Hashes of all texts that the golden answers.
        article: One of these texts.
        answer: The JSON text that a model should have answered, quotes included.
    """

    golden: str
    version: str
    texts: tuple[str, ...]
    article: Article
    answer: str

    def gives_away(self, article: Article) -> bool:
        """Whether it is the article's own golden: by the text, which may be a retelling of the one shown, or by the id."""
        return article.hash in self.texts or article.id in {self.golden, self.article.id}


@dataclass(frozen=True)
class Examples:
    """The examples of a task. Each article is shown the first ``count`` that do not give its own answer away.

    Attributes:
        count: How many an article is shown.
        pool: One more than that, in the order in which they are shown.
        notes: What a person should know: the goldens that can be no example, and why.
    """

    count: int
    pool: tuple[Example, ...]
    notes: tuple[str, ...] = ()

    @property
    def versions(self) -> dict[str, str]:
        """The goldens that they are made of, with their versions."""
        return {example.golden: example.version for example in self.pool}

    def of(self, article: Article) -> tuple[Example, ...]:
        """The examples that are shown with an article.

        Raises:
            TaskError: If too few are left without the article's own.
        """
        others = [example for example in self.pool if not example.gives_away(article)]
        if len(others) < self.count:
            raise TaskError(
                f"{len(others)} examples are left without its own golden",
                where=article.id,
                expected=f"examples = {self.count}",
                way_out="rename the article: its id is one golden's, its text another's",
            )
        return tuple(others[: self.count])


def version(golden: Golden) -> str:
    """What changes when a golden's answer does."""
    return hash_json(golden.record)


def choose(goldens: Goldens, articles: Iterable[Article | Rejected], schema: type[BaseModel], count: int) -> Examples:
    """The examples of a task: ``count`` goldens, and one to take the place of an article's own.

    Args:
        goldens: To choose from.
        articles: Where the texts of the goldens are to be found; read no further than needed.
        schema: What the answers fill.
        count: How many an article is to be shown.

    Raises:
        GoldenError: If a golden that would be an example has none of its texts among the articles, or there are too few goldens.
    """
    texts = _texts(goldens, articles)
    pool: list[Example] = []
    notes = []
    for golden in sorted(goldens.by_id.values(), key=lambda golden: hash_text(golden.id)):
        if len(pool) > count:
            break
        article = next((texts[text] for text in golden.texts if text in texts), None)
        if article is None:
            raise GoldenError(
                "it is to be an example, and none of its texts is among the project's articles",
                where=str(goldens.folder / f"{golden.id}.json"),
                expected="an article whose text it answers, in the folder that `articles` names under [tool.workbench]",
                way_out="put the article there, or set examples = 0",
            )
        try:
            answered = answer(golden, article, schema)
        except GoldenError as error:
            notes.append(f"{golden.id} is passed over as an example: {error.what}")
        else:
            pool.append(Example(golden.id, version(golden), golden.texts, article, answered))
    if len(pool) <= count:
        raise GoldenError(
            f"{len(pool)} of {len(goldens.by_id)} goldens can be examples" + "".join(f"\n  {note}" for note in notes),
            where=str(goldens.folder),
            expected=f"{count + 1} for examples = {count}: one more, as no article is shown its own",
            way_out="ask for fewer examples, or label more articles",
        )
    return Examples(count, tuple(pool), tuple(notes))


def _texts(goldens: Goldens, articles: Iterable[Article | Rejected]) -> dict[str, Article]:
    """The articles that goldens answer, by their hashes."""
    wanted = set(goldens.by_text)
    texts: dict[str, Article] = {}
    for article in articles:
        if not wanted:
            break
        if isinstance(article, Article) and article.hash in wanted:
            wanted.remove(article.hash)
            texts[article.hash] = article
    return texts


def answer(golden: Golden, article: Article, schema: type[BaseModel]) -> str:
    """A golden as a model should have answered it: JSON in the schema's order, each quote a passage of the article.

    Raises:
        GoldenError: If a value stands nowhere in the article, or an item has none to look a quote up by; names the place.
    """
    # Any text will do where the quotes will be; the article holds all that a rule for quotes may ask of one.
    draft = _validated(_cited(schema, golden.record, article.text), schema, golden)
    fields = draft.model_dump(mode="json")
    text = Text(article.text)
    for quote, _, leaves in walk(draft).citations:
        places = [(at, text.find(value)) for at, value, _ in leaves if value.strip()]
        lost = [at for at, found in places if not found]
        if lost:
            raise GoldenError(f"its value at {lost[0]} stands nowhere in {article.id}", where=golden.id)
        if not places:
            raise GoldenError(f"nothing that {quote} supports is copied text, so that no passage is its quote")
        span = _passage(article.text, [found for _, found in places], text)
        put(fields, steps_of(quote), article.text[slice(*span)])
    return canonical_text(_validated(fields, schema, golden).model_dump_json())


def _cited(kind: Any, value: JsonValue, quote: str) -> JsonValue:
    """A golden's value as an answer of this type has it, one text standing for every quote; what is of another type stays as it is."""
    arms = get_args(kind)
    if hasattr(kind, "__value__"):  # a type alias
        return _cited(kind.__value__, value, quote)
    if get_origin(kind) is Annotated:
        return _cited(arms[0], value, quote)
    if get_origin(kind) in (Union, types.UnionType):
        answers = ((arm, _cited(arm, value, quote)) for arm in arms)
        return next((answer for arm, answer in answers if _fits(arm, answer)), value)
    if isinstance(kind, type) and issubclass(kind, Cited):
        return {"value": _cited(kind.model_fields["value"].annotation, value, quote), "quote": quote}
    if isinstance(kind, type) and issubclass(kind, BaseModel) and isinstance(value, dict):
        quotes = dict.fromkeys(kind.model_fields.keys() - form(kind).model_fields.keys(), quote)
        types_of = {name: field.annotation for name, field in kind.model_fields.items()}
        return {name: _cited(types_of.get(name), inner, quote) for name, inner in value.items()} | quotes
    if isinstance(value, list) and arms:
        of_items = arms if len(arms) == len(value) and Ellipsis not in arms else (arms[0],) * len(value)
        return [_cited(arm, item, quote) for arm, item in zip(of_items, value, strict=True)]
    if isinstance(value, dict) and len(arms) == 2:
        return {key: _cited(arms[1], inner, quote) for key, inner in value.items()}
    return value


def _fits(kind: Any, value: JsonValue) -> bool:
    try:
        TypeAdapter(kind).validate_json(canonical_json(value), strict=True)
    except ValidationError:
        return False
    return True


def _validated(fields: Any, schema: type[BaseModel], golden: Golden) -> BaseModel:
    try:
        return schema.model_validate_json(canonical_json(fields), strict=True)
    except ValidationError as error:
        raise GoldenError(f"with quotes it does not fit the schema: {first_problem(error)}", where=golden.id) from error


def _passage(article: str, places: Sequence[Sequence[Span]], text: Text) -> Span:
    """The passage that is quoted for values that stand at these places, those of each in order."""
    starts = [0, *(match.end() for match in re.finditer(r"\n", article))]
    lines: dict[int, dict[int, list[Span]]] = defaultdict(lambda: defaultdict(list))
    for value, spans in enumerate(places):
        for span in spans:
            lines[bisect_right(starts, span[0])][value].append(span)
    with_first = [line for line in lines.values() if 0 in line]
    most = max(len(line) for line in with_first)
    best = min((_shortest(line) for line in with_first if len(line) == most), key=_length)
    words = _words(article, best)
    return words if len(text.find(article[slice(*words)])) == 1 else _sentence(article, words)


def _length(span: Span) -> tuple[int, int]:
    return span[1] - span[0], span[0]


def _shortest(line: dict[int, list[Span]]) -> Span:
    """The shortest span that holds a place of each value: of those that end with each place, the one with the last places before it."""
    last: dict[int, Span] = {}
    found: list[Span] = []
    for span, value in sorted((span, value) for value, spans in line.items() for span in spans):
        last[value] = span
        if len(last) == len(line):
            found.append((min(start for start, _ in last.values()), max(end for _, end in last.values())))
    return min(found, key=_length)


def _words(article: str, span: Span) -> Span:
    """The span with the rest of the words in which it begins and ends."""
    start, end = span
    while start and not article[start - 1].isspace():
        start -= 1
    while end < len(article) and not article[end].isspace():
        end += 1
    return start, end


def _sentence(article: str, span: Span) -> Span:
    start, end = 0, len(article)
    for gap in BREAK.finditer(article):
        if gap.end() <= span[0]:
            start = gap.end()
        elif gap.start() >= span[1]:
            end = gap.start()
            break
    return start, end
