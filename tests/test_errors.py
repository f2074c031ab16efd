"""The tree of errors."""

import copy
import pickle
import re

import pytest

from workbench import errors
from workbench.errors import AnswerIsNo, InputError, ProviderError, ReplayMiss, SettingsError, WorkbenchError

TREE = re.compile(r"^    (?P<bars>[│├└─ ]*)(?P<name>[A-Z]\w+)(?:.*exit code (?P<code>\d+))?")


def drawn() -> dict[str, tuple[str, int]]:
    """Each error of the docstring's tree, with its parent and its exit code (its parent's where none is drawn)."""
    found: dict[str, tuple[str, int]] = {}
    branch: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        match = TREE.match(line)
        if match:
            depth = len(match["bars"]) // 4
            branch[depth:] = [match["name"]]
            parent = branch[depth - 1] if depth else "Exception"
            code = int(match["code"] or found.get(parent, ("", WorkbenchError.exit_code))[1])
            found[match["name"]] = (parent, code)
    return found


def test_the_tree_that_is_drawn_is_the_tree_of_classes() -> None:
    classes = {name: getattr(errors, name) for name in errors.__all__}
    assert drawn() == {name: (cls.__mro__[1].__name__, cls.exit_code) for name, cls in classes.items()}


def test_a_message_says_where_what_expected_and_way_out() -> None:
    error = SettingsError("no such task", where="pyproject.toml", expected="one of: plan", way_out="add a prompt")
    assert str(error) == "pyproject.toml: no such task\n  expected: one of: plan\n  way out: add a prompt"


def test_a_message_without_a_place_is_the_sentence_alone() -> None:
    assert str(WorkbenchError("it is so")) == "it is so"


@pytest.mark.parametrize(("error", "code"), [(InputError, 2), (AnswerIsNo, 1), (ProviderError, 3), (ReplayMiss, 4)])
def test_each_branch_has_its_exit_code(error: type[WorkbenchError], code: int) -> None:
    assert error("no").exit_code == code


@pytest.mark.parametrize("again", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))])  # noqa: S301 - our own
def test_an_error_survives_copying_between_processes(again: object) -> None:
    assert callable(again)
    error = again(ProviderError("it failed", status=429, where="https://host", way_out="wait"))
    assert (str(error), error.status) == ("https://host: it failed\n  way out: wait", 429)
