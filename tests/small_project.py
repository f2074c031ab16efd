"""A small project, an endpoint on loopback and the command line, for the tests that walk the whole path."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from loopback import Loopback

from workbench.cli.main import main

ROOT = Path(__file__).parent.parent
SCHEMA = '''
from typing import ClassVar

from pydantic import BaseModel

from workbench.schema import Cited, Quote


class Shop(BaseModel):
    """가게 하나."""

    name: str
    since: str | None
    quote: Quote


class Street(BaseModel):
    """거리 하나."""

    version: ClassVar[str] = "1"

    street: Cited[str] | None
    shops: list[Shop]
'''
PROMPT = """+++
schema = "schemas/street.py:Street"
max_tokens = 500
+++
# system
기사에 나온 거리와 가게를 적는다.
# user
{{ article.text }}
"""
ARTICLES = {
    "bakery": "동문로에 새 빵집이 들어선다. 가게 이름은 밀밭이며 2031년 3월에 문을 연다.\n",
    "bookshop": "서문길의 헌책방 종이숲이 2029년부터 자리를 지키고 있다.\n",
}
ANSWERS = {
    "bakery": {
        "street": {"value": "동문로", "quote": "동문로에 새 빵집이 들어선다"},
        "shops": [{"name": "밀밭", "since": "2031년 3월", "quote": "가게 이름은 밀밭이며 2031년 3월에 문을 연다"}],
    },
    "bookshop": {
        "street": {"value": "서문길", "quote": "서문길의 헌책방"},
        "shops": [{"name": "종이숲", "since": None, "quote": "헌책방 종이숲"}],
    },
}


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the machine's own: no key, no address, no locale."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_LOG", "LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.setenv("COLUMNS", "160")


@pytest.fixture
def server() -> Iterator[Loopback]:
    """An endpoint that answers each article of the small project rightly, until it is told otherwise."""

    def answer(received: Any) -> str:
        text = received.json["messages"][1]["content"]
        name = next((name for name, article in ARTICLES.items() if article.strip() in text), None)
        return json.dumps(ANSWERS[name] if name else {"street": None, "shops": []}, ensure_ascii=False)

    with Loopback(answer=answer) as started:
        yield started


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of its own with two articles and one golden; the working directory is in it."""
    files = {
        "pyproject.toml": '[tool.workbench]\ntask = "street"\narticles = "articles"\nmodel = "small"\nretries = 2\n',
        "prompts/street.md": PROMPT,
        "schemas/street.py": SCHEMA,
        **{f"articles/{name}.txt": text for name, text in ARTICLES.items()},
    }
    root = tmp_path / "project"
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    monkeypatch.chdir(root)
    return root


@dataclass(frozen=True)
class Result:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one object on stdout."""
        return json.loads(self.out)


Command = Callable[..., Result]


@pytest.fixture
def workbench(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run a command as a user would, in this process."""

    def run(*arguments: str | Path) -> Result:
        monkeypatch.setattr("sys.argv", ["workbench", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as left:
            main()
        out, err = capfd.readouterr()
        return Result(int(left.value.code or 0), out, err)

    return run


def lines(file: Path) -> list[dict[str, Any]]:
    """The objects of a JSON Lines file."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def published() -> Path | None:
    """The folder of the articles as published, where there is one."""
    folder = os.environ.get("WORKBENCH_PUBLISHED")
    return Path(folder) if folder else None
