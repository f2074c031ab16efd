"""The data set of a run: tables that join, typed, whole, and harmless in a spreadsheet."""

import csv
import json
import shutil
import weakref
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from enum import Enum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Literal, get_args

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from helpers import article_of
from hypothesis import given
from hypothesis import strategies as st
from loopback import Loopback
from pydantic import BaseModel, Field
from small_project import ROOT, Command, lines

from workbench.articles import Article, read_articles
from workbench.cli.export import export as command
from workbench.errors import InputError, RunError
from workbench.evidence import Text, ground
from workbench.export import Format, export, unguarded
from workbench.extract import Extraction
from workbench.findings import Finding, findings
from workbench.leaves import walk
from workbench.readings import readings
from workbench.runs import open_run
from workbench.schema import Cited, Quote
from workbench.scoring import Amount, Date
from workbench.tables import PLACES, WHOLE, Table, rows, tables
from workbench.tasks import load_task

FORMATS: tuple[Format, ...] = get_args(Format)
ARTICLE = "동문시장이 문을 열었다. 밀밭은 오는 9월부터 빵을 약 3천원에 판다. 빵은 통밀로 만든다. 떡은 수십 원이다."


class Part(BaseModel):
    name: str
    quote: Quote


class Owner(BaseModel):
    by: str | None
    since: Annotated[str, Date()] | None


class Shelf(Enum):
    UPPER = "upper"
    LOWER = "lower"


class Item(BaseModel):
    name: str
    price: Annotated[str, Amount()] | None = None
    sold: Cited[Annotated[str, Date()]] | None = None
    owner: Owner | None = None
    parts: list[Part] = []
    shelf: Shelf | None = None
    quote: Quote


class Market(BaseModel):
    market: Cited[str] | None = None
    items: list[Item] = []
    slogans: list[Cited[str]] = []
    tags: list[str] = []


def extraction(record: BaseModel | None, name: str = "market", *, published: str | None = "2025-06-12") -> Extraction:
    if record is None:
        return Extraction(article=name, text=None, place="a.txt", state="rejected", reason="the file is empty")
    walked, article = walk(record), article_of(ARTICLE, published=published)
    grounding = ground(walked, ARTICLE)
    return Extraction(
        article=name,
        text="sha256:0",
        place="a.txt",
        published=published,
        state="ok",
        record=record.model_dump(mode="json"),
        spans=grounding.spans,
        quotes=grounding.quotes,
        findings=tuple(findings(walked, grounding, readings(walked, article), article)),
    )


def named(table: Table, row: Sequence[Any]) -> dict[str, Any]:
    return dict(zip([column.name for column in table.columns], row, strict=True))


def found(record: BaseModel | None, **known: Any) -> dict[str, list[dict[str, Any]]]:
    """The rows of a record's extraction by table and column."""
    top = tables(Market if record is None else type(record))
    rows_of: dict[str, list[dict[str, Any]]] = {table.name: [] for table in top.all()}
    for table, row in rows(top, extraction(record, **known)):
        rows_of[table.name].append(named(table, row))
    return rows_of


def item(**fields: Any) -> Item:
    return Item.model_validate({"name": "빵", "quote": "밀밭은 오는 9월부터 빵을 약 3천원에 판다"} | fields)


MARKET = Market(
    market=Cited(value="동문시장", quote="동문시장이 문을 열었다"),
    items=[
        item(),
        item(price="약 3천원", parts=[Part(name="통밀", quote="통밀로 만든다"), Part(name="물", quote="물")]),
    ],
    slogans=[Cited(value="통밀", quote="빵은 통밀로 만든다")],
    tags=["빵", "떡"],
)


def test_each_list_of_a_schema_is_a_table_named_by_its_path() -> None:
    assert [table.name for table in tables(Market).all()] == ["articles", "items", "items_parts", "slogans", "tags"]


def test_columns_are_keys_then_fields_in_the_schemas_order_then_findings() -> None:
    columns = {table.name: [column.name for column in table.columns] for table in tables(Market).all()}
    assert columns["items_parts"] == [
        *("article", "items_index", "items_parts_index"),
        *("name", "name_span_start", "name_span_end", "quote", "quote_start", "quote_end", "findings"),
    ]
    assert columns["tags"] == ["article", "tags_index", "value", "findings"]


def test_keys_join_each_row_with_the_row_around_it() -> None:
    of = found(MARKET)
    keys = [(row["article"], row["items_index"], row["items_parts_index"]) for row in of["items_parts"]]
    assert keys == [("market", 1, 0), ("market", 1, 1)]
    assert [(row["article"], row["items_index"]) for row in of["items"]] == [("market", 0), ("market", 1)]


def test_an_article_without_a_record_has_its_row_and_says_why() -> None:
    of = found(None, name="empty")
    assert [(row["article"], row["state"], row["reason"]) for row in of.pop("articles")] == [
        ("empty", "rejected", "the file is empty")
    ]
    assert not any(of.values())


def test_an_articles_row_counts_its_quotes_and_holds_the_records_own_values() -> None:
    (row,) = found(MARKET)["articles"]
    assert (row["quotes"], row["grounded"], row["published"]) == (6, 5, "2025-06-12")
    assert (row["market"], row["market_quote"]) == ("동문시장", "동문시장이 문을 열었다")


def test_offsets_of_a_value_and_its_quote_are_where_they_stand_in_the_text() -> None:
    of = found(MARKET)
    for row, name, quote in (
        (of["articles"][0], "market", "market_quote"),
        (of["items_parts"][0], "name", "quote"),
        (of["slogans"][0], "value", "quote"),
    ):
        assert ARTICLE[row[f"{name}_span_start"] : row[f"{name}_span_end"]] == row[name]
        assert ARTICLE[row[f"{quote}_start"] : row[f"{quote}_end"]] == row[quote]


def test_a_votes_confidence_stands_beside_each_value_and_what_says_nothing_too() -> None:
    """A part of what was voted on as one has the confidence of that; a quote has none; the articles' table has the mean."""
    record = Market(
        market=Cited(value="동문시장", quote="동문시장이 문을 열었다"), items=[item(price="약 3천원")], tags=["빵"]
    )
    sure = {"/market/value": 1.0, "/items/0/name": 1.0, "/items/0/price": 0.75, "/items/0/sold": 0.5, "/tags": 0.25}
    voted = extraction(record).model_copy(update={"confidence": sure | {"/items/0/owner": 1.0}})
    of = {table.name: named(table, row) for table, row in rows(tables(Market, vote=True), voted)}
    assert (of["articles"]["confidence"], of["articles"]["market_confidence"]) == (0.75, 1.0)
    shown = {name: share for name, share in of["items"].items() if name.endswith("_confidence")}
    assert shown == {
        "name_confidence": 1.0,
        "price_confidence": 0.75,
        "sold_confidence": 0.5,
        "owner_by_confidence": 1.0,
        "owner_since_confidence": 1.0,
        "shelf_confidence": None,
    }
    assert of["tags"]["value_confidence"] == 0.25


def test_what_stays_whole_is_as_sure_as_its_least_sure_leaf() -> None:
    class Named(BaseModel):
        by_name: dict[str, str]

    record = Named(by_name={"가": "나", "다": "라"})
    voted = extraction(record).model_copy(update={"confidence": {"/by_name/가": 1.0, "/by_name/다": 0.5}})
    ((table, row),) = rows(tables(Named, vote=True), voted)
    assert named(table, row)["by_name_confidence"] == 0.5


def test_a_run_that_is_no_vote_has_no_columns_of_confidence() -> None:
    names = [column.name for table in tables(Market).all() for column in table.columns]
    assert not [name for name in names if "confidence" in name]


def test_an_amount_stands_beside_its_text() -> None:
    row = found(Market(items=[item(price="약 3천원")]))["items"][0]
    read = {
        name: row[name] for name in row if name.startswith("price") and row[name] is not None and "span" not in name
    }
    assert read == {
        "price": "약 3천원",
        "price_low": Decimal(3000),
        "price_high": Decimal(3000),
        "price_currency": "KRW",
        "price_bound": "about",
    }


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("수십 원", "without a number"),
        ("3분의 1", "1/3 is no decimal exactly"),
        ("1" + "0" * 20 + "원", "more than 20 digits before the point"),
        ("0." + "0" * 18 + "1%", "18 behind it"),
    ],
)
def test_an_amount_that_cannot_be_read_or_held_is_empty_and_says_why(text: str, reason: str) -> None:
    row = found(Market(items=[item(price=text)]))["items"][0]
    assert (row["price"], row["price_low"], row["price_high"]) == (text, None, None)
    assert reason in row["price_unread"]


def test_the_largest_amount_that_a_table_takes_is_one_that_parquet_holds(tmp_path: Path) -> None:
    """What a decimal may be is said in one place for both."""
    text = f"{'9' * WHOLE}.{'9' * PLACES}%"
    export([extraction(Market(items=[item(price=text)]))], Market, tmp_path, "parquet")
    assert pq.read_table(tmp_path / "items.parquet")["price_low"].to_pylist() == [Decimal(text.rstrip("%"))]


def test_a_date_is_read_from_the_articles_day_and_an_open_end_is_empty() -> None:
    sold = Cited(value="오는 9월부터", quote="밀밭은 오는 9월부터")
    row = found(Market(items=[item(sold=sold)]))["items"][0]
    assert [row[f"sold_{name}"] for name in ("start", "end", "grain", "approximate", "unread")] == [
        *(date(2025, 9, 1), None, "month", False, None)
    ]
    assert (row["sold_quote"], row["sold_quote_start"]) == ("밀밭은 오는 9월부터", ARTICLE.index("밀밭"))


def test_a_date_that_hangs_on_what_is_not_known_is_empty_and_says_on_what() -> None:
    sold = Cited(value="오는 9월", quote="오는 9월")
    row = found(Market(items=[item(sold=sold)]), published=None)["items"][0]
    assert (row["sold_start"], row["sold_end"]) == (None, None)
    assert row["sold_unread"] == "hangs on the year of the article"


def test_a_model_in_a_model_is_flattened_and_empty_where_there_is_none() -> None:
    owned, unowned = found(Market(items=[item(owner=Owner(by="밀밭", since="1987년")), item()]))["items"]
    assert (owned["owner_by"], owned["owner_since_end"]) == ("밀밭", date(1988, 1, 1))
    assert {unowned[name] for name in unowned if name.startswith("owner")} == {None}


def test_a_value_that_was_chosen_is_one_column() -> None:
    names = [column.name for table in tables(Market).all() for column in table.columns]
    assert [name for name in names if name.startswith("shelf")] == ["shelf"]
    assert found(Market(items=[item(shelf=Shelf.LOWER)]))["items"][0]["shelf"] == "lower"


def test_a_finding_stands_in_its_own_row_and_in_its_articles() -> None:
    of = found(MARKET)
    assert [row["findings"] for row in of["items_parts"]] == [None, "ungrounded_quote value_not_in_article"]
    assert [row["findings"] for row in of["items"]] == [None, None]
    assert of["articles"][0]["findings"] == "ungrounded_quote value_not_in_article"


def test_a_finding_about_no_row_is_its_articles() -> None:
    whole = extraction(MARKET)
    notes = tuple(Finding("a", at, "") for at in ("", "x", "/items"))
    ((_, row), *rest) = rows(tables(Market), whole.model_copy(update={"findings": notes}))
    assert row[-1] == "a"
    assert {other[-1] for _, other in rest} == {None}


class Leaf(BaseModel):
    size: float | int


class Branch(BaseModel):
    kind: Literal[1, 2]
    branches: "list[Branch]" = []
    either: Leaf | Part | None = None


class Odd(BaseModel):
    article: str
    articles: list[int]
    Items: list[Branch]
    items: list[Branch]
    grid: list[list[int]]
    by_name: dict[str, Annotated[int, Field(ge=0)]]
    either: int | str
    when: Annotated[str, Date()]
    when_start: date


ODD = Odd(
    article="빵",
    articles=[3],
    Items=[Branch(kind=1, branches=[Branch(kind=2)], either=Leaf(size=2))],
    items=[],
    grid=[[1], [2, 3]],
    by_name={"빵": 1},
    either=5,
    when="2025년",
    when_start=date(2025, 1, 1),
)


def test_what_fits_no_table_is_json_in_one_column() -> None:
    of = found(ODD)
    assert [of["articles"][0][name] for name in ("grid", "by_name", "either")] == ["[[1], [2, 3]]", '{"빵": 1}', "5"]
    assert json.loads(of["Items"][0]["branches"])[0]["kind"] == 2


def test_fields_of_either_model_are_columns() -> None:
    row = found(ODD)["Items"][0]
    assert (row["kind"], row["either_size"], row["either_name"]) == (1, 2.0, None)


def test_a_name_that_is_taken_is_told_apart() -> None:
    of = found(ODD)
    assert list(of) == ["articles", "record_articles", "Items", "record_items"]
    row = of["articles"][0]
    assert (row["article"], row["record_article"]) == ("market", "빵")
    assert (row["when_start"], row["record_when_start"]) == (date(2025, 1, 1), date(2025, 1, 1))


def test_types_come_from_the_schema() -> None:
    kinds = {column.name: column.kind for column in tables(Odd).columns}
    assert (kinds["record_when_start"], kinds["either"], kinds["cost"]) == ("day", "text", "decimal")


class Typed(BaseModel):
    text: str
    whole: int | None
    ratio: float | None
    exact: Decimal | None
    yes: bool | None
    day: date | None
    price: Annotated[str, Amount()] | None
    words: list[str]


class Sheet(BaseModel):
    lines: list[Typed]


TEXTS = st.text() | st.text("=+-@'\t\r\n\",;가 ＝0", max_size=6)
SHEETS = st.builds(
    Sheet,
    lines=st.lists(
        st.builds(
            Typed,
            text=TEXTS,
            whole=st.none() | st.integers(-(2**63), 2**63 - 1),
            ratio=st.none() | st.floats(allow_nan=False, allow_infinity=False),
            exact=st.none() | st.decimals(-(10**19), 10**19, places=18),
            yes=st.none() | st.booleans(),
            day=st.none() | st.dates(),
            price=st.none() | st.sampled_from(["1~2조원", "3.5%", "수십억원", "0.000001%"]) | TEXTS,
            words=st.lists(TEXTS, max_size=3),
        ),
        max_size=4,
    ),
)
ARROW = {
    "text": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "decimal": pa.decimal128(38, 18),
    "day": pa.date32(),
}

Rows = dict[str, list[tuple[Any, ...]]]


def written(sheet: Sheet, to: Format) -> Rows:
    """The rows of a sheet, written and read back by a reader that is not ours."""
    with TemporaryDirectory() as folder:
        done = export([extraction(sheet)], Sheet, Path(folder), to)
        return {one.table.name: read(one.file, to, {c.name: c.kind for c in one.table.columns}) for one in done}


def read(file: Path, to: Format, kinds: dict[str, str]) -> list[tuple[Any, ...]]:
    if to == "jsonl":
        objects = [json.loads(raw, parse_float=Decimal) for raw in file.read_bytes().splitlines()]
        assert all(list(fields) == list(kinds) for fields in objects)
        return [tuple(from_json(fields[name], kinds[name]) for name in kinds) for fields in objects]
    if to == "parquet":
        table = pq.read_table(file)
    else:
        table = pyarrow.csv.read_csv(
            file,
            parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types={name: ARROW[kind] for name, kind in kinds.items()},
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
    assert {field.name: field.type for field in table.schema} == {name: ARROW[kind] for name, kind in kinds.items()}
    back = unguarded if to == "csv" else str
    return [tuple(back(v) if isinstance(v, str) else v for v in row.values()) for row in table.to_pylist()]


def from_json(value: Any, kind: str) -> Any:
    if value is None:
        return None
    return date.fromisoformat(value) if kind == "day" else float(value) if kind == "number" else value


def expected(sheet: Sheet) -> Rows:
    top = tables(Sheet)
    of: Rows = {table.name: [] for table in top.all()}
    for table, row in rows(top, extraction(sheet)):
        of[table.name].append(tuple(row))
    return of


@pytest.mark.parametrize("to", FORMATS)
@given(sheet=SHEETS)
def test_what_is_written_is_read_back_as_it_was(to: Format, sheet: Sheet) -> None:
    """Also nothing and the empty text, apart; and so the three formats hold the same values."""
    assert written(sheet, to) == expected(sheet)


@given(TEXTS)
def test_a_csv_cell_starts_no_formula_and_the_way_back_is_sure(text: str) -> None:
    with TemporaryDirectory() as folder:
        record = Market(tags=[text])
        export([extraction(record)], Market, Path(folder), "csv")
        with (Path(folder) / "tags.csv").open(encoding="utf-8-sig", newline="") as file:
            _, row = csv.reader(file)
    cell = row[2]
    assert not cell.lstrip().startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠"))
    assert not cell.startswith(("\t", "\r", "\n"))
    assert unguarded(cell) == text


@pytest.mark.parametrize("text", ["=1+1", "+82", "-5", "@SUM(A1)", "\t=1", "\r", "＝1", " =1", "'=1"])
def test_a_hostile_text_gets_one_apostrophe(text: str, tmp_path: Path) -> None:
    export([extraction(Market(tags=[text]))], Market, tmp_path, "csv")
    assert f'"\'{text}"' in (tmp_path / "tags.csv").read_bytes().decode()


def test_numbers_stay_numbers_in_csv(tmp_path: Path) -> None:
    sheet = Sheet(
        lines=[Typed(text="", whole=-5, ratio=-0.5, exact=Decimal("-1E+3"), yes=True, day=None, price=None, words=[])]
    )
    export([extraction(sheet)], Sheet, tmp_path, "csv")
    assert '"market",0,"",-5,-0.5,-1000,true,,' in (tmp_path / "lines.csv").read_text(encoding="utf-8-sig")


def test_hangul_opens_right_in_a_spreadsheet(tmp_path: Path) -> None:
    export([extraction(MARKET)], Market, tmp_path, "csv")
    raw = (tmp_path / "tags.csv").read_bytes()
    assert raw == '\ufeffarticle,tags_index,value,findings\r\n"market",0,"빵",\r\n"market",1,"떡",\r\n'.encode()


def test_json_lines_hold_real_characters_and_every_column(tmp_path: Path) -> None:
    export([extraction(MARKET)], Market, tmp_path, "jsonl")
    first = (tmp_path / "tags.jsonl").read_text(encoding="utf-8").split("\n")[0]
    assert first == '{"article": "market", "tags_index": 0, "value": "빵", "findings": null}'


def test_parquet_is_typed_and_written_in_row_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.export.ROW_GROUP", 2)
    export([extraction(Market(tags=list("가나다라마")))], Market, tmp_path, "parquet")
    file = pq.ParquetFile(tmp_path / "tags.parquet")
    assert [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)] == [2, 2, 1]
    assert pq.read_schema(tmp_path / "items.parquet").field("price_low").type == pa.decimal128(38, 18)


@pytest.mark.parametrize("to", FORMATS)
def test_a_table_without_rows_is_written_with_its_columns(to: Format, tmp_path: Path) -> None:
    done = {one.table.name: one for one in export([extraction(None)], Market, tmp_path, to)}
    assert (done["articles"].rows, done["items"].rows) == (1, 0)
    columns = [column.name for column in done["items"].table.columns]
    if to == "parquet":
        assert pq.read_schema(done["items"].file).names == columns
    elif to == "csv":
        assert done["items"].file.read_text(encoding="utf-8-sig").strip() == ",".join(columns)
    else:
        assert done["items"].file.read_bytes() == b""


@pytest.mark.parametrize("to", FORMATS)
def test_extractions_are_let_go_as_their_rows_are_written(to: Format, tmp_path: Path) -> None:
    alive: list[weakref.ref[Extraction]] = []
    most = 0

    def many() -> Iterator[Extraction]:
        nonlocal most
        for number in range(50):
            one = extraction(MARKET, str(number))
            alive.append(weakref.ref(one))
            yield one
            del one
            most = max(most, sum(ref() is not None for ref in alive))

    export(many(), Market, tmp_path, to)
    assert most <= 2


def test_files_that_are_there_are_not_overwritten_without_being_told(tmp_path: Path) -> None:
    (tmp_path / "tags.csv").write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match=r"tags\.csv") as refused:
        export([extraction(MARKET)], Market, tmp_path, "csv")
    assert "--force" in refused.value.way_out
    assert [file.name for file in tmp_path.iterdir()] == ["tags.csv"]
    export([extraction(MARKET)], Market, tmp_path, "csv", force=True)
    assert "떡" in (tmp_path / "tags.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize("to", FORMATS)
def test_an_error_on_the_way_leaves_everything_as_it_was(to: Format, tmp_path: Path) -> None:
    (tmp_path / f"tags.{to}").write_text("mine", encoding="utf-8")
    broken = extraction(MARKET, "broken").model_copy(update={"record": {"items": [{"name": 1}]}})
    with pytest.raises(RunError, match="does not fit the schema as it is now") as refused:
        export([extraction(MARKET), broken], Market, tmp_path, to, force=True)
    assert refused.value.where == "broken"
    assert [file.read_text(encoding="utf-8") for file in tmp_path.iterdir()] == ["mine"]


def test_a_number_that_no_column_of_parquet_holds_is_an_error_with_a_way_out(tmp_path: Path) -> None:
    typed = Typed(text="", whole=2**63, ratio=None, exact=None, yes=None, day=None, price=None, words=[])
    with pytest.raises(RunError, match="does not fit its column") as refused:
        export([extraction(Sheet(lines=[typed]))], Sheet, tmp_path, "parquet")
    assert "jsonl" in refused.value.way_out
    assert list(tmp_path.iterdir()) == []


def test_parquet_without_pyarrow_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(InputError) as refused:
        export([extraction(MARKET)], Market, tmp_path, "parquet")
    assert refused.value.way_out == "pip install pyarrow"


def test_a_folder_that_is_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be written"):
        export([extraction(MARKET)], Market, tmp_path / "out", "csv")


def invoke(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(command, arguments)
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def run(project: Path, server: Loopback, workbench: Command) -> Path:
    return Path(workbench("run", "--base-url", server.base_url, "--json").json["run"])


def test_json_is_one_object_with_tables_rows_and_files(run: Path) -> None:
    code, out, _ = invoke(str(run), "--to", "jsonl", "--json")
    told = json.loads(out)
    assert (code, told["run"], told["folder"]) == (0, str(run), str(run / "export"))
    assert {name: table["rows"] for name, table in told["tables"].items()} == {"articles": 2, "shops": 2}
    assert list(told["tables"]["shops"]["columns"])[:3] == ["article", "shops_index", "name"]
    assert [row["name"] for row in lines(Path(told["tables"]["shops"]["file"]))] == ["밀밭", "종이숲"]


def test_without_a_run_it_is_the_last_and_tables_rows_and_paths_are_printed(run: Path, tmp_path: Path) -> None:
    code, out, err = invoke("--to", "csv", "--out", str(tmp_path / "set"))
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        f"articles  2 rows  {tmp_path}/set/articles.csv",
        f"shops     2 rows  {tmp_path}/set/shops.csv",
    ]


def test_a_schema_that_changed_since_the_run_is_said(run: Path) -> None:
    schema = Path("schemas/street.py")
    schema.write_text(schema.read_text(encoding="utf-8").replace("가게 하나", "점포 하나"), encoding="utf-8")
    assert "the schema changed since this run" in invoke(str(run), "--to", "csv")[2]


def test_a_run_that_was_broken_off_is_said(run: Path) -> None:
    info = json.loads((run / "run.json").read_text(encoding="utf-8"))
    (run / "run.json").write_text(json.dumps(info | {"finished": None}), encoding="utf-8")
    assert "not come to its end" in invoke(str(run), "--to", "csv")[2]


@pytest.fixture
def seeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workbench: Command) -> Path:
    """A replay of the project's own articles, away from the checkout."""
    for name in ("prompts", "schemas", "goldens", "seeds"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    monkeypatch.chdir(tmp_path)
    return Path(workbench("run", "--json").json["run"])


def items(record: Any, steps: Sequence[str]) -> int:
    """How many items the lists have that the steps lead to, through every list on the way."""
    if isinstance(record, list):
        return sum(items(child, steps) for child in record) if steps else len(record)
    return items((record or {}).get(steps[0]), steps[1:]) if steps else 0


def test_the_seed_run_is_exported_whole(seeds: Path) -> None:
    task = load_task("plan", ROOT)
    records = [made.record for made in open_run(seeds).extractions()]
    done = {one.table.name: one.rows for one in export(open_run(seeds).extractions(), task.schema, seeds / "x", "csv")}
    assert done["articles"] == len(records)
    for name, steps in {
        "plans": ["plans"],
        "plans_targets": ["plans", "targets"],
        "plans_vision": ["plans", "vision"],
        "plans_strategies_tasks": ["plans", "strategies", "tasks"],
    }.items():
        assert done[name] == items(records, steps) > 0


def test_offsets_of_the_seed_run_lead_to_the_quotes(seeds: Path) -> None:
    task = load_task("plan", ROOT)
    texts = {a.id: a.text for a in read_articles([ROOT / "seeds" / "articles"]) if isinstance(a, Article)}
    made = list(open_run(seeds).extractions())
    top = tables(task.schema)
    quoted = [
        (texts[one.article][row["quote_start"] : row["quote_end"]], row["quote"])
        for one in made
        for table, values in rows(top, one)
        for row in [named(table, values)]
        if row.get("quote_start") is not None
    ]
    assert len(quoted) > 100
    assert [quote for passage, quote in quoted if Text(passage).find(quote)[:1] != [(0, len(passage))]] == []
