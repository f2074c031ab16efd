"""Places of JSON values: what leads there leads there, whatever the names are, and what leads nowhere says so."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.pointers import pointer, resolve, steps_of

LEAVES = st.none() | st.booleans() | st.integers() | st.text()
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


def places(value: Any, *steps: str | int) -> list[tuple[str, Any]]:
    """Every place of a value with what stands there."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [(pointer(*steps), value), *(found for step, child in inner for found in places(child, *steps, step))]


@given(VALUES)
def test_every_place_of_a_value_is_found_by_its_pointer(value: Any) -> None:
    assert [resolve(value, at) for at, _ in places(value)] == [held for _, held in places(value)]


@given(st.lists(st.text()))
def test_a_pointer_has_the_steps_that_it_was_made_of(steps: list[str]) -> None:
    assert steps_of(pointer(*steps)) == steps


@pytest.mark.parametrize("at", ["/0", "/b", "/a/2", "/a/-1", "/a/01", "/a/²", "/a/", "/a/0/0", "/a/" + "9" * 5000])
def test_what_points_at_nothing_says_so(at: str) -> None:
    with pytest.raises(KeyError):
        resolve({"a": ["한", "둘"]}, at)
