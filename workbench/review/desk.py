"""What lies on the reviewer's desk: a run, the goldens that grow, who decides."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from workbench.decisions import Log
from workbench.extract import Extraction
from workbench.runs import Run
from workbench.scoring import Language
from workbench.tasks import Task

__all__ = ["Desk", "Order"]

Order = Literal["worst", "article", "uncertainty"]


@dataclass(frozen=True)
class Desk:
    """A run to be reviewed."""

    task: Task
    run: Run
    against: Run | None
    folder: Path
    log: Log
    texts: Callable[[Extraction], str | None]
    by: str
    writable: bool
    order: Order
    language: Language
    uncertainty: Callable[[], Iterable[tuple[str, float | None]]]
