"""Against labels and outputs that others made: DocuBench (DocuPipe, 2026, CC BY 4.0), 25 documents and six systems.

Its own comparison is applied to both sides first (strings lowercased, without white space and punctuation; numbers to six places; what is
empty dropped), so that only the alignment and the measure differ. Its measure is not F1: it counts null against null as right, and an
unmatched item less; so F1 may be higher, and an optimal alignment must not make it lower.
"""

import json
import os
import re
import statistics
from pathlib import Path
from typing import Any

import pytest

from workbench.scoring import Score, score

FOLDER = os.environ.get("WORKBENCH_DOCUBENCH")
ROUNDING = 0.0005

pytestmark = pytest.mark.skipif(not FOLDER, reason="WORKBENCH_DOCUBENCH names no folder with the DocuBench data")


def normal(value: Any) -> Any:
    if isinstance(value, dict):
        children = {name: normal(child) for name, child in value.items()}
        return {name: child for name, child in children.items() if child not in ("", [], {})}
    if isinstance(value, list):
        return [child for child in map(normal, value) if child not in ("", [], {})]
    if isinstance(value, str):
        return re.sub(r"[\W_]+", "", value.lower())
    return round(float(value), 6) if isinstance(value, int | float) and not isinstance(value, bool) else value


def has_list(value: Any) -> bool:
    return isinstance(value, list) or (isinstance(value, dict) and any(map(has_list, value.values())))


@pytest.fixture(scope="module")
def published() -> dict[tuple[str, str], float]:
    rows = json.loads((Path(str(FOLDER)) / "published_scores.json").read_text())
    return {(row["doc_id"], system): row[system] for row in rows for system in row if system != "doc_id"}


@pytest.fixture(scope="module")
def pairs(published: dict[tuple[str, str], float]) -> dict[tuple[str, str], tuple[Any, Any]]:
    folder = Path(str(FOLDER))
    return {
        (document, system): (
            normal(json.loads((folder / f"labels/{document}.json").read_text())),
            normal(json.loads((folder / f"results/{system}/{document}.json").read_text()).get("data")),
        )
        for document, system in published
    }


@pytest.fixture(scope="module")
def scores(pairs: dict[tuple[str, str], tuple[Any, Any]]) -> dict[tuple[str, str], Score]:
    return {key: score(*pair) for key, pair in pairs.items()}


def test_no_document_with_a_list_scores_below_the_greedy_matching(
    scores: dict[tuple[str, str], Score],
    pairs: dict[tuple[str, str], tuple[Any, Any]],
    published: dict[tuple[str, str], float],
) -> None:
    lower = {
        key: (result.f1, published[key])
        for key, result in scores.items()
        if has_list(pairs[key][0]) and result.f1 < published[key] - ROUNDING
    }
    assert lower == {}


def test_the_systems_come_out_in_the_published_order(
    scores: dict[tuple[str, str], Score], published: dict[tuple[str, str], float]
) -> None:
    systems = {system for _, system in published}

    def ranked(scores: dict[tuple[str, str], float]) -> list[str]:
        means = {name: statistics.mean(scores[key] for key in scores if key[1] == name) for name in systems}
        return sorted(means, key=means.__getitem__)

    assert ranked({key: result.f1 for key, result in scores.items()}) == ranked(published)


def test_all_outputs_of_all_systems_are_scored(scores: dict[tuple[str, str], Score]) -> None:
    assert len(scores) == 150
