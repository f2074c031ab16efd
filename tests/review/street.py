"""A project of three articles, a run of them, two goldens: what lies on the desk in these tests."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from helpers import write

from workbench.articles import Article, read_articles
from workbench.decisions import Log
from workbench.evidence import ground
from workbench.extract import Extraction, unextracted
from workbench.findings import findings
from workbench.goldens import Golden, write_golden
from workbench.leaves import walk
from workbench.ledger import Ledger
from workbench.readings import readings
from workbench.review.desk import Desk, Order
from workbench.runs import RunInfo, RunWriter, now, open_run
from workbench.schema import schema_version
from workbench.tasks import Task, load_task

SCHEMA = '''
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, Field

from workbench.schema import Cited, Quote
from workbench.scoring import Amount, Date, Identity


class Shop(BaseModel):
    """가게 하나."""

    name: Annotated[str, Identity()]
    since: Annotated[str, Date()] | None
    cost: Annotated[str, Amount()] | None
    state: Literal["open", "planned", "closed"]
    quote: Quote


class Street(BaseModel):
    """거리 하나."""

    version: ClassVar[str] = "1"

    street: Cited[Annotated[str, Field(max_length=8)]] | None
    shops: list[Shop]
    slogans: list[Cited[str]]
'''
PROMPT = '+++\nschema = "schemas/street.py:Street"\n+++\n# system\n적는다.\n# user\n{{ article.text }}\n'
BAKERY = "동문로에 새 빵집 밀밭이 2031년 3월에 문을 연다. 밀밭은 101조원을 들여 동문로를 바꾼다. 이웃 가게 종이숲은 2029년부터 자리를 지킨다.\n"
TEXTS = {
    "bakery": BAKERY,
    "bookshop": "서문길의 헌책방 종이숲이 2029년부터 자리를 지키고 있다.\n",
    "unlabelled": "남문로의 찻집 물결이 올해 문을 연다.\n",
}
RECORDS: dict[str, dict[str, Any]] = {
    "bakery": {
        "street": {"value": "동문로", "quote": "동문로에 새 빵집 밀밭이"},
        "shops": [
            {"name": "밀밭", "since": "2031년 3월", "cost": "101조원", "state": "planned", "quote": "새 빵집 밀밭이 2031년 3월에 문을 연다"},
            {"name": "종이숲", "since": "2029년", "cost": None, "state": "open", "quote": "이웃 가게 종이숲은 2029년부터"},
        ],
        "slogans": [{"value": "동문로를 바꾼다", "quote": "동문로를 바꾼다"}, {"value": "없는 말", "quote": "이런 말은 기사에 없다"}],
    },
    "bookshop": {
        "street": {"value": "서문길", "quote": "서문길의 헌책방"},
        "shops": [{"name": "종이숲", "since": "2029년", "cost": None, "state": "open", "quote": "헌책방 종이숲이 2029년부터"}],
        "slogans": [],
    },
    "unlabelled": {
        "street": {"value": "남문로", "quote": "남문로의 찻집"},
        "shops": [{"name": "물결", "since": "올해", "cost": None, "state": "planned", "quote": "찻집 물결이 올해 문을 연다"}],
        "slogans": [],
    },
}  # fmt: skip
GOLDENS: dict[str, Any] = {
    "bakery": {
        "street": "동문로",
        "shops": [
            {"name": "밀밭", "since": "2031년 4월", "cost": None, "state": "planned"},
            {"name": "꽃집", "since": None, "cost": None, "state": "open"},
        ],
        "slogans": ["동문로를 바꾼다"],
    },
    "bookshop": {
        "street": "서문길",
        "shops": [{"name": "종이숲", "since": "2029년", "cost": None, "state": "open"}],
        "slogans": [],
    },
}


def make_project(root: Path, texts: Mapping[str, str] = TEXTS) -> Task:
    """The project's files but its goldens and runs."""
    write(root, {"pyproject.toml": "[tool.workbench]\n", "schemas/street.py": SCHEMA, "prompts/street.md": PROMPT})
    write(root, {f"articles/{name}.txt": text for name, text in texts.items()})
    return load_task("street", root)


def make_run(root: Path, task: Task, name: str, records: Mapping[str, Any], origins: tuple[str, ...] = ()) -> Path:
    """A run folder as a run leaves it."""
    folder = root / "runs" / name
    folder.mkdir(parents=True)
    info = RunInfo(
        id=name, started=now(), task="street", model="small", endpoint=None, prompt=task.prompt_hash, json_schema="sha256:0",
        front_matter={}, reasks=0, retries=0, articles=["articles"], limit=None, versions={},
    )  # fmt: skip
    with RunWriter(folder, info, Ledger(folder)) as writer:
        for article in read_articles([root / "articles"]):
            assert isinstance(article, Article)
            made = extraction_of(article, records.get(article.id), task)
            writer.keep(made.model_copy(update={"origins": origins}))
        writer.finish()
    return folder


def extraction_of(article: Article, record: Any, task: Task) -> Extraction:
    """What a run would have made of a record that a model gave."""
    if record is None:
        return unextracted(article, "failed", "the provider is down")
    walked = walk(filled := task.schema.model_validate(record))
    grounding = ground(walked, article.text)
    return unextracted(article, "ok", None).model_copy(
        update={
            "record": filled.model_dump(mode="json"),
            "spans": grounding.spans,
            "quotes": grounding.quotes,
            "leaves": grounding.leaves,
            "findings": tuple(findings(walked, grounding, readings(walked, article), article)),
        }
    )


def golden_of(root: Path, task: Task, name: str, record: Any) -> Path:
    """Write a golden that answers an article of the project."""
    (article,) = read_articles([root / "articles" / f"{name}.txt"])
    assert isinstance(article, Article)
    golden = Golden(id=name, schema=schema_version(task.schema), texts=(article.hash,), record=record)
    return write_golden(golden, root / "goldens" / "street")


def make_desk(
    root: Path,
    *,
    texts: Mapping[str, str] = TEXTS,
    records: Mapping[str, Any] = RECORDS,
    goldens: Mapping[str, Any] = GOLDENS,
    against: Mapping[str, Any] | None = None,
    order: Order = "worst",
    writable: bool = True,
    origins: tuple[str, ...] = (),
) -> Desk:
    """All of it, on a desk."""
    task = make_project(root, texts)
    run = open_run(make_run(root, task, "run-1", records, origins))
    second = open_run(make_run(root, task, "run-2", against)) if against is not None else None
    for name, record in goldens.items():
        golden_of(root, task, name, record)
    folder = root / "goldens" / "street"
    found = {f.stem: f.read_text(encoding="utf-8") for f in (root / "articles").glob("*.txt")}
    return Desk(
        task=task,
        run=run,
        against=second,
        folder=folder,
        log=Log(folder),
        texts=lambda extraction: found.get(extraction.article),
        by="지수",
        writable=writable,
        order=order,
        language="en",
        uncertainty=lambda: [("bakery", 0.2), ("bookshop", 0.9), ("unlabelled", None)],
    )


def golden(root: Path, name: str = "bakery") -> Any:
    """A golden's record as its file has it."""
    return json.loads((root / "goldens" / "street" / f"{name}.json").read_text(encoding="utf-8"))["record"]


def log_lines(root: Path) -> list[dict[str, Any]]:
    """The log's lines."""
    file = root / "goldens" / "street" / "decisions.jsonl"
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []
