"""What the scorer's tests share."""

import pytest

from workbench.scoring import score


@pytest.fixture(scope="session", autouse=True)
def _solver() -> None:
    """Imports numpy, scipy and RapidFuzz, which the first list does and which takes longer than any test may."""
    score(["가", "나"], ["나", "다"])
