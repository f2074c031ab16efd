"""Records of one article become one record of the schema, its quotes from those that gave what won."""

from typing import Annotated, Any, Literal

from helpers import resolve
from hypothesis import given
from hypothesis import strategies as st
from labelled import Shop, Street, records
from pydantic import BaseModel, Field, model_validator

from workbench.consensus import agree_on, stored_places
from workbench.leaves import walk
from workbench.schema import Cited, Quote, scalars, values
from workbench.scoring import Context, Identity

NO_CONTEXT = Context()
quotes = st.text("가나다라 ", min_size=1, max_size=5)


@st.composite
def quoted(draw: st.DrawFn) -> Street:
    """A record of the schema with any quotes."""
    value: Any = draw(records)

    def cited(text: str | None) -> Any:
        return None if text is None else {"value": text, "quote": draw(quotes)}

    return Street.model_validate(
        {
            **value,
            "street": cited(value["street"]),
            "mayor": value["mayor"] and {**value["mayor"], "quote": draw(quotes)},
            "slogans": [cited(text) for text in value["slogans"]],
            "shops": [{**shop, "quote": draw(quotes)} for shop in value["shops"]],
        }
    )


def street(**fields: Any) -> Street:
    return Street.model_validate({"street": None, "mayor": None, "slogans": [], "shops": [], "colours": [], **fields})


def shop(name: str, since: str | None, quote: str) -> dict[str, Any]:
    return {"name": name, "since": since, "kind": None, "tags": [], "quote": quote}


@given(record=quoted(), count=st.integers(1, 3))
def test_copies_of_one_record_give_that_record_quotes_and_all(record: Street, count: int) -> None:
    found = agree_on([record] * count, Street, NO_CONTEXT)
    assert found.record == record


@given(samples=st.lists(quoted(), min_size=1, max_size=4))
def test_every_quote_stands_beside_a_value_that_it_stood_beside(samples: list[Street]) -> None:
    """No quote is put together or moved to another value: each is one of a sample's, of the same kind of place."""
    found = agree_on(samples, Street, NO_CONTEXT)
    assert found.record is not None
    given_by = {(at.split("/")[1], quote) for sample in samples for at, quote, _ in walk(sample).citations}
    assert {(at.split("/")[1], quote) for at, quote, _ in walk(found.record).citations} <= given_by
    cited = {(value.value, value.quote) for sample in samples for value in (sample.street, *sample.slogans) if value}
    merged = found.record
    assert isinstance(merged, Street)
    assert {(value.value, value.quote) for value in (merged.street, *merged.slogans) if value} <= cited


@given(samples=st.lists(quoted(), min_size=1, max_size=4))
def test_confidence_stands_at_the_leaves_of_the_record_as_it_is_stored(samples: list[Street]) -> None:
    found = agree_on(samples, Street, NO_CONTEXT)
    assert found.record is not None
    dumped = found.record.model_dump(mode="json")
    leaves = {at for at, _ in scalars(dumped) if not at.endswith("/quote") and not at.startswith("/colours")}
    assert found.confidence.keys() == leaves | {"/colours"}
    for tie in found.ties:
        resolve(dumped, tie.at)


def test_the_quote_of_a_cited_value_is_that_of_the_first_who_spells_it_so() -> None:
    samples = [
        street(street={"value": "서문길", "quote": "서문길의"}),
        street(street={"value": "동문로 ", "quote": "동문로 에"}),
        street(street={"value": "동문로", "quote": "동문로에"}),
        street(street={"value": "동문로", "quote": "동문로를"}),
    ]
    found = agree_on(samples, Street, NO_CONTEXT)
    assert found.record == street(street={"value": "동문로", "quote": "동문로에"})
    assert found.confidence["/street/value"] == 3 / 4


def test_the_quote_of_an_item_is_that_of_the_record_that_agrees_with_most_of_its_leaves() -> None:
    samples = [
        street(shops=[shop("밀밭", "2030년", "첫째")]),
        street(shops=[shop("밀밭", "2031년", "둘째")]),
        street(shops=[shop("밀밭", "2031년", "셋째")]),
    ]
    found = agree_on(samples, Street, NO_CONTEXT)
    assert found.record == street(shops=[shop("밀밭", "2031년", "둘째")])


def test_a_tie_is_at_the_value_as_it_is_stored() -> None:
    one, other = ({"value": name, "quote": name} for name in ("동문로", "서문길"))
    (tie,) = agree_on([street(street=one), street(street=other)], Street, NO_CONTEXT).ties
    assert (tie.at, "서문길" in tie.says) == ("/street/value", True)


def test_what_a_value_of_several_parts_stores_is_found_below_it() -> None:
    class Deep(BaseModel):
        shop: Cited[Shop]
        by_name: dict[str, Cited[list[Cited[str]]]]

    inner = shop("밀밭", None, "가")
    deep = {
        "shop": {"value": inner, "quote": "나"},
        "by_name": {"a/b": {"value": [{"value": "다", "quote": "라"}], "quote": "마"}},
    }
    record = Deep.model_validate(deep)
    stored = stored_places(record)
    assert stored("/shop/name") == "/shop/value/name"
    assert stored("/by_name/a~1b/0") == "/by_name/a~1b/value/0/value"
    assert stored("") == ""
    assert agree_on([record, record], Deep, NO_CONTEXT).record == record


def test_items_of_two_kinds_keep_the_fields_of_the_kind_that_won() -> None:
    class Circle(BaseModel):
        type: Literal["circle"]
        name: Annotated[str, Identity()]
        radius: int
        quote: Quote

    class Square(BaseModel):
        type: Literal["square"]
        name: Annotated[str, Identity()]
        side: int

    class Shapes(BaseModel):
        shapes: list[Annotated[Circle | Square, Field(discriminator="type")]]

    circle = {"type": "circle", "name": "가", "radius": 1, "quote": "나"}
    samples = [{"shapes": [{"type": "square", "name": "가", "side": 2}]}, {"shapes": [circle]}, {"shapes": [circle]}]
    found = agree_on([Shapes.model_validate(sample) for sample in samples], Shapes, NO_CONTEXT)
    assert found.record == Shapes.model_validate({"shapes": [circle]})


def test_what_makes_no_record_together_is_said_and_not_mended() -> None:
    class Span(BaseModel):
        begin: int
        end: int

        @model_validator(mode="after")
        def _ordered(self) -> "Span":
            if self.begin > self.end:
                raise ValueError("it ends before it begins")
            return self

    samples = [Span(begin=5, end=6), Span(begin=5, end=9), Span(begin=1, end=2), Span(begin=0, end=2)]
    found = agree_on(samples, Span, NO_CONTEXT)
    assert found.record is None
    assert "it ends before it begins" in (found.problem or "")


def test_where_validators_change_what_won_the_first_such_place_is_named() -> None:
    """A validator of the whole record, which none of the samples alone sets off: the place is that of the record as it is stored."""

    class Plot(BaseModel):
        street: Cited[str] | None
        built: int
        closed: int

        @model_validator(mode="before")
        @classmethod
        def _ordered(cls, given: Any) -> Any:
            return given | {"closed": max(given["built"], given["closed"])} if given["built"] > 2000 else given

    samples = [Plot(street=None, built=1, closed=0), Plot(street=None, built=2001, closed=2002)]
    samples += [Plot(street=None, built=2001, closed=2003), Plot(street=None, built=1, closed=0)]
    samples += [Plot(street=None, built=2001, closed=2004), Plot(street=None, built=3, closed=0)]
    found = agree_on(samples, Plot, NO_CONTEXT)
    assert found.record is None
    assert found.problem == "the schema's validators change what won at /closed: 0 became 2001"


def test_a_cited_value_that_validators_change_is_named_where_it_is_stored() -> None:
    class Marked(BaseModel):
        open: bool
        street: Cited[str]

        @model_validator(mode="after")
        def _closed(self) -> "Marked":
            if not self.open:
                self.street.value = f"{self.street.value.removesuffix(' (닫음)')} (닫음)"
            return self

    samples = [
        Marked.model_validate({"open": open_, "street": {"value": name, "quote": name}})
        for open_, name in ((True, "동문로"), (False, "서문길"), (True, "동문로"), (False, "남문길"), (False, "북문길"))
    ]
    found = agree_on(samples, Marked, NO_CONTEXT)
    assert found.problem == 'the schema\'s validators change what won at /street/value: "동문로" became "동문로 (닫음)"'


def test_the_form_of_the_consensus_is_what_won() -> None:
    samples = [street(colours=["빨강"], slogans=[{"value": "빵과 책", "quote": "빵"}]), street(colours=["빨강"])]
    found = agree_on(samples, Street, NO_CONTEXT)
    assert found.record is not None
    assert values(found.record) == values(samples[0])
