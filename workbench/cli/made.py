"""A run that was just made, as the command that made it shows it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from workbench.evaluate import Evaluation, evaluate
from workbench.extract import Extraction
from workbench.goldens import Goldens
from workbench.report.plain import report
from workbench.runs import open_run

__all__ = ["MOST_SHOWN", "evaluation_of_made", "figures"]

MOST_SHOWN = 1_000
"""Articles up to which each is shown; of a larger run only those that have a golden, the others are in its folder."""


def evaluation_of_made(
    folder: Path,
    articles: int,
    goldens: Goldens,
    schema: type[BaseModel],
    texts: Callable[[Extraction], str | None],
) -> Evaluation:
    """The run's score; of a large one only what has a golden is read.

    Args:
        folder: Of the run.
        articles: How many it has.
        goldens: The task's.
        schema: The task's.
        texts: Gives an article's text.
    """
    made = open_run(folder)
    every = articles <= MOST_SHOWN
    shown = made.extractions() if every else made.extractions(lambda *article: goldens.find(*article) is not None)
    return evaluate(shown, goldens, schema, texts)


def figures(evaluation: Evaluation) -> dict[str, Any]:
    """What ``--json`` says of the score."""
    scored = report(evaluation).model_dump(mode="json")
    return {name: scored[name] for name in ("f1", "precision", "recall", "articles", "origins", "notes")}
