"""One article as its page shows it: its view, its stops in order, and the controls of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from workbench.decisions import Decision
from workbench.report.view import ArticleView, Group, view
from workbench.review.against import with_beside
from workbench.review.desk import Desk
from workbench.review.opened import Opened
from workbench.review.panels import Gap, Panel, Problem, gaps, panel
from workbench.review.stops import NOWHERE, Place, Stop, item_of, stops
from workbench.scoring.verdicts import partners

__all__ = ["Page", "page_of"]


@dataclass(frozen=True)
class Page:
    """An article as its page shows it.

    Attributes:
        opened: The article.
        view: How it is shown.
        panels: The controls of each stop, in order; none where there is no golden to decide on.
        lists: The lists of the golden that take one more item.
        empty: The fields of the golden that hold nothing.
        problem: Why the last decision was not taken.
    """

    opened: Opened
    view: ArticleView
    panels: tuple[Panel, ...]
    lists: tuple[Gap, ...]
    empty: tuple[Gap, ...]
    problem: Problem | None

    @cached_property
    def waiting(self) -> list[Stop]:
        """What nobody has decided on, in order."""
        return [panel.stop for panel in self.panels if panel.wants]

    @cached_property
    def in_row(self) -> Mapping[int, Panel]:
        """The controls that stand with a field."""
        return {panel.stop.number: panel for panel in self.panels if not panel.stop.whole}

    @cached_property
    def over_rows(self) -> Mapping[int, Panel]:
        """The controls that stand over the fields of an item."""
        return {panel.stop.number: panel for panel in self.panels if panel.stop.whole}

    @property
    def astray(self) -> Problem | None:
        """A problem that stands with none of the fields: of something that was to be added."""
        return None if any(panel.error for panel in self.panels) else self.problem

    @property
    def unplaced(self) -> bool:
        """Whether there is a problem with what stands nowhere on the page any more: its field or its golden has gone meanwhile."""
        asked = self.astray.asked if self.astray else None
        return asked is not None and (self.opened.golden is None or (asked.at, asked.record_at) != NOWHERE)

    def item(self, group: Group) -> Place | None:
        """The item that a group of fields is of, where both sides have it."""
        if not group.label or not group.rows[0].golden_at:
            return None
        places = {item_of((row.golden_at, row.at)) for row in group.rows if row.golden_at and row.at}
        return places.pop() if len(places) == 1 else None


def page_of(opened: Opened, desk: Desk, problem: Problem | None = None) -> Page:
    """An article's page."""
    schema = desk.task.schema
    scored = opened.scored
    seen = view(scored, desk.texts(scored.extraction), desk.language)
    if opened.against is not None:
        seen = with_beside(seen, scored, opened.against, schema)
    if opened.golden is None or scored.score is None:
        return Page(opened, seen, (), (), (), problem)
    beside = partners(opened.against.score.leaves) if opened.against and opened.against.score else None
    found = stops(seen, partners(scored.score.leaves), opened.golden.record, opened.about.record, beside)
    lines = desk.log.of(opened.about.golden)
    decisions = {line.id: line for line in lines if isinstance(line, Decision)}
    panels = tuple(panel(stop, opened, schema, decisions, problem) for stop in found)
    lists, empty = gaps(opened.golden)
    return Page(opened, seen, panels, tuple(lists), tuple(empty), problem)
