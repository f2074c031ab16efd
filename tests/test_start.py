"""What a command does not import: that is what it need not wait for, and what can be tested without a clock."""

import subprocess
import sys
from pathlib import Path

import pytest
from small_project import Command

HEAVY = {
    "numpy",
    "scipy",
    "rapidfuzz",
    "pyarrow",
    "openai",
    "instructor",
    "tenacity",
    "aiohttp",
    "httpx2",
    "genai_prices",
    "rs_bpe",
    "jsonlines",
}
"""What scores, what talks to a model, what knows prices, what writes tables."""
ASKED = """
import sys
if sys.argv[1] == "review":
    import workbench.review.serve as served
    served.serve = lambda *_: None  # everything that is imported before the first request is by then
from workbench.cli import main
try:
    main()
finally:
    print("imported", *sorted({name.partition(".")[0] for name in sys.modules} | {name for name in sys.modules if name.startswith("rich.")}))
"""


def imported(*arguments: str) -> set[str]:
    """What a command has imported when it is done."""
    command = [sys.executable, "-c", ASKED, *arguments]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=True)  # noqa: S603 - our own program
    return set(done.stdout.splitlines()[-1].split()[1:])


def test_help_imports_no_command() -> None:
    found = imported("--help")
    assert "workbench" in found
    assert not found & {*HEAVY, "pydantic", "rich", "jinja2", "starlette", "asyncio"}


@pytest.fixture
def run(project: Path, workbench: Command) -> Path:
    """A run of which nothing was recorded."""
    assert workbench("run", "--replay").code
    return project


@pytest.mark.parametrize(
    ("command", "more"),
    [
        (("review", "--no-browser"), {"rich.progress"}),
        (("show", "bakery"), {"rich.progress", "jinja2", "starlette", "uvicorn"}),
    ],
    ids=["review", "show"],
)
@pytest.mark.usefixtures("run")
def test_a_start_imports_nothing_that_it_does_not_need(command: tuple[str, ...], more: set[str]) -> None:
    found = imported(*command)
    assert "pydantic" in found
    assert not found & (HEAVY | more)
