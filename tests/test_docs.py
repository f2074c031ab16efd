"""Documentation that cannot go stale."""

import re
import runpy

import pytest
from small_project import ROOT

from workbench.cli.main import cli

PAGES: dict[str, str] = runpy.run_path(str(ROOT / "docs" / "generate.py"))["pages"]()


@pytest.mark.parametrize("page", PAGES)
def test_each_generated_page_is_what_the_code_says(page: str) -> None:
    """Otherwise `make docs` was forgotten."""
    assert (ROOT / "docs" / page).read_text(encoding="utf-8") == PAGES[page]


def test_every_command_that_the_readme_names_exists() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"\bworkbench (\w+)", readme.split("## ", 1)[1])) <= {*cli.commands, "is"}


def test_every_module_stands_in_the_readmes_map() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    modules = {file.stem for file in (ROOT / "workbench").glob("*.py")} - {"__init__", "__main__"}
    packages = {file.parent.name for file in (ROOT / "workbench").glob("*/__init__.py")}
    assert {name for name in modules | packages if f"`{name}" not in readme} == set()
