"""What each public module offers."""

import importlib
import inspect
import pkgutil
from types import ModuleType

import pytest

import workbench

MODULES = sorted(
    info.name
    for info in pkgutil.walk_packages(workbench.__path__, "workbench.")
    if not any(part.startswith("_") for part in info.name.split("."))
)


def kind(name: str) -> int:
    """Constants before classes before functions, as the linter sorts them."""
    return 0 if name.isupper() and len(name) > 1 else 1 if name[0].isupper() else 2


@pytest.fixture(params=["workbench", *MODULES])
def module(request: pytest.FixtureRequest) -> ModuleType:
    return importlib.import_module(request.param)


def own(module: ModuleType) -> set[str]:
    """The public classes and functions that a module defines."""
    return {
        name
        for name, one in vars(module).items()
        if not name.startswith("_")
        and (isinstance(one, type) or inspect.isfunction(one))
        and one.__module__ == module.__name__
    }


def test_a_module_that_defines_something_says_what_it_offers_in_order(module: ModuleType) -> None:
    offered = list(module.__all__) if own(module) else []
    assert offered == sorted(set(offered), key=lambda name: (kind(name), name))


def test_what_a_module_offers_exists(module: ModuleType) -> None:
    assert [name for name in getattr(module, "__all__", []) if not hasattr(module, name)] == []


def test_what_a_module_defines_is_documented(module: ModuleType) -> None:
    assert [name for name in own(module) if not getattr(module, name).__doc__] == []
    assert module.__doc__
