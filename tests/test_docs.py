"""Documentation that cannot go stale."""

import re
import runpy
import tomllib

import click
import pytest
from small_project import ROOT

from workbench.cli.main import COMMANDS, cli
from workbench.settings import Differences, ModelSettings, Settings

PAGES: dict[str, str] = runpy.run_path(str(ROOT / "docs" / "generate.py"))["pages"]()


@pytest.mark.parametrize("page", PAGES)
def test_each_generated_page_is_what_the_code_says(page: str) -> None:
    """Otherwise `make docs` was forgotten."""
    assert (ROOT / "docs" / page).read_text(encoding="utf-8") == PAGES[page]


def test_every_command_that_the_readme_names_exists() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"\bworkbench (\w+)", readme.split("## ", 1)[1])) <= {*COMMANDS, "is"}


@pytest.mark.parametrize("name", COMMANDS)
def test_what_a_command_does_is_said_of_it_as_it_says_itself(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert COMMANDS[name].does == command.get_short_help_str(limit=200)


def test_every_module_stands_in_the_readmes_map() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    modules = {file.stem for file in (ROOT / "workbench").glob("*.py")} - {"__init__", "__main__"}
    packages = {file.parent.name for file in (ROOT / "workbench").glob("*/__init__.py")}
    assert {name for name in modules | packages if f"`{name}" not in readme} == set()


def test_every_setting_of_a_model_is_on_its_page_and_the_pages_example_holds() -> None:
    page = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
    rows = {name for row in re.findall(r"^\| (`[^|]*) \|", page, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    assert rows == set(ModelSettings.model_fields)
    (example,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    settings = Settings.model_validate(tomllib.loads(example)["tool"]["workbench"])
    assert settings.models["near"].differences == Differences(max_tokens_field="max_tokens", temperature=False)
