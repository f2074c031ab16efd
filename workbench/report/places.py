"""Where a leaf stands, for people: ``orders 1 › items 3 › price``."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from workbench.pointers import steps_of
from workbench.report.spans import clip
from workbench.scoring import Leaf

__all__ = ["RECORDS", "Step", "place_of", "shared_root", "steps_for_people"]

RECORDS: Final = "record "
"""Stands before the number of an item that only the record has: the golden may have another of that number."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a JSON Pointer for people: a field, and which item of it, counted from one."""

    name: str
    number: str = ""

    def __str__(self) -> str:
        if self.number.startswith(RECORDS):
            return f"{self.name} ({self.number})"
        return f"{self.name} {self.number}" if self.number else self.name


def steps_for_people(at: str, known: int | None = None) -> tuple[Step, ...]:
    """The steps of a pointer: ``/orders/0/items/2/price`` is ``orders 1``, ``items 3``, ``price``.

    Args:
        at: The pointer.
        known: From which step on a number is one of the record's list, and has to say so.
    """
    steps: list[Step] = []
    for index, step in enumerate(steps_of(at), 1):
        if steps and step.isascii() and step.isdigit():
            before = f"{steps[-1].number} " if steps[-1].number else ""
            own = RECORDS if known is not None and index >= known else ""
            steps[-1] = Step(steps[-1].name, f"{before}{own}{int(step) + 1}")
        else:
            steps.append(Step(clip(step, 60).text))
    return tuple(steps) or (Step("record"),)


def shared_root(paths: Iterable[str]) -> str:
    """The list that all fields are in: ``orders`` of ``orders[].number`` and all the others; empty if there is none."""
    roots = {path.partition("[].")[0] if "[]." in path else "" for path in paths}
    return roots.pop() if len(roots) == 1 else ""


def place_of(leaf: Leaf, partners: Mapping[str, str]) -> tuple[Step, ...]:
    """Where the leaf stands, by the golden's numbers; an item that only the record has goes by the record's.

    Args:
        leaf: The leaf.
        partners: Which item of the record is which of the golden: see `workbench.scoring.verdicts.partners`.
    """
    at = leaf.golden_at
    if at is not None or leaf.record_at is None:
        return steps_for_people(at or "")
    steps = leaf.record_at.split("/")
    for known in range(len(steps) - 1, 0, -1):
        partner = partners.get("/".join(steps[:known]))
        if partner is not None:
            return steps_for_people("/".join([partner, *steps[known:]]), known)
    return steps_for_people(leaf.record_at)
