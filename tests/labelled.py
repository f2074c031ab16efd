"""A schema with every kind of place, goldens and records of it, and wishes that make sense for them."""

from typing import Annotated, Any, ClassVar, Literal

from hypothesis import strategies as st
from pydantic import BaseModel, JsonValue

from workbench.goldens import Golden
from workbench.schema import Cited, Quote
from workbench.scoring import Identity, Set
from workbench.wishes import Subject, Wish


class Shop(BaseModel):
    name: Annotated[str, Identity()]
    since: str | None
    kind: Literal["new", "old"] | None
    tags: list[str]
    quote: Quote


class Mayor(BaseModel):
    """누가 말했는가."""

    name: str
    age: int | None
    quote: Quote


class Street(BaseModel):
    version: ClassVar[str] = "1"

    street: Cited[str] | None
    mayor: Mayor | None
    slogans: list[Cited[str]]
    shops: list[Shop]
    colours: Annotated[list[str], Set()]


TEXT = "동문로에 새 빵집 밀밭이 들어선다. 서문길의 헌책방 종이숲은 2029년부터 자리를 지킨다.\n"
HASH = "sha256:" + "0" * 64
RECORD: dict[str, Any] = {
    "street": "동문로",
    "mayor": {"name": "김하나", "age": 51},
    "slogans": ["걷고 싶은 거리", "함께 여는 아침", "빵과 책"],
    "shops": [
        {"name": "종이숲", "since": "2029년", "kind": "old", "tags": ["헌책"]},
        {"name": "밀밭", "since": None, "kind": "new", "tags": ["빵", "커피"]},
        {"name": "솔바람 국수", "since": None, "kind": None, "tags": []},
    ],
    "colours": ["빨강"],
}
LABELLED: dict[str, Any] = {
    "street": None,
    "mayor": None,
    "slogans": ["빵과 책", "걷고 싶은 거리"],
    "shops": [
        {"name": "밀밭", "since": "2031년 3월", "kind": "new", "tags": ["빵"]},
        {"name": "달빛 사진관", "since": None, "kind": None, "tags": []},
    ],
    "colours": [],
}
ABOUT = Subject("a", RECORD, HASH, "2031-02-03")


def golden(record: JsonValue = None, **changes: Any) -> Golden:
    return Golden.model_validate(
        {"id": "a", "schema": "1", "texts": [HASH], "record": LABELLED if record is None else record, **changes}
    )


words = st.text('가나다 빵책ab"\\/~\n0🥖', max_size=6)
shops = st.fixed_dictionaries(
    {
        "name": words,
        "since": st.none() | words,
        "kind": st.sampled_from([None, "new", "old"]),
        "tags": st.lists(words, max_size=2),
    }
)
records = st.fixed_dictionaries(
    {
        "street": st.none() | words,
        "mayor": st.none() | st.fixed_dictionaries({"name": words, "age": st.none() | st.integers(0, 99)}),
        "slogans": st.lists(words, max_size=3),
        "shops": st.lists(shops, max_size=3),
        "colours": st.lists(words, max_size=2),
    }
)
"""Records in the schema's form."""
pointers = st.sampled_from(
    [
        *("", "/street", "/mayor", "/mayor/name", "/mayor/age", "/slogans", "/shops", "/colours", "/colours/0"),
        *("/slogans/-", "/shops/-", "/shops/0/tags/-", "/none", "/shops/x", "street", "/shops/0/none"),
        *(f"/slogans/{i}" for i in range(3)),
        *(f"/shops/{i}{field}" for i in range(3) for field in ("", "/name", "/since", "/kind", "/tags", "/tags/0")),
    ]
)
wishes = st.builds(
    Wish,
    action=st.sampled_from(["accept", "keep", "correct", "alternate", "absent", "skip", "flag"]),
    at=st.none() | pointers,
    record_at=st.none() | pointers,
    value=st.none() | words | st.integers(0, 9) | shops | st.lists(words, max_size=2),
    note=st.sampled_from(["", "왜?"]),
)
"""Wishes, sensible or not."""
