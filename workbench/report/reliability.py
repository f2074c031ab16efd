"""What the confidence of a vote is worth, in the words and rows that every report shows."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from workbench.scoring.reliability import Figures, Level, Reliability

__all__ = ["HEADER", "articles_words", "cells", "error_words", "figures_of", "reliability_table"]

HEADER = ("confidence", "leaves", "correct", "mean over articles, 95%", "n")
"""The columns of the reliability table: `cells` gives a level's."""


def cells(level: Level) -> tuple[str, ...]:
    """A level's row."""
    confidence = f"{level.low:.2f}" if level.low == level.high else f"{level.low:.2f} to {level.high:.2f}"
    return confidence, f"{level.leaves:,}", f"{level.share:.3f}", str(level.correct), f"{level.correct.n:,}"


def error_words(of: Reliability) -> str:
    """The calibration error."""
    return f"expected calibration error {of.calibration_error:.3f}"


def figures_of(of: Reliability) -> tuple[tuple[str, Figures], ...]:
    """The figures of all values, and of the surest half, each with what it is of."""
    return (
        ("every value", of.everything),
        (f"only the surest half, at {of.threshold:.2f} or more ({of.kept:.0%} of the values)", of.surest),
    )


def articles_words(of: Reliability) -> str | None:
    """The surer half of the articles against the others; None where they cannot be told apart."""
    if of.surer is None or of.others is None or of.article_threshold is None:
        return None
    left = f"; {of.unsure:,} without a leaf are in neither" if of.unsure else ""
    return (
        f"articles at a mean confidence of {of.article_threshold:.2f} or more: F1 {of.surer} (n = {of.surer.n:,}); "
        f"the others: F1 {of.others} (n = {of.others.n:,}){left}"
    )


def reliability_table(of: Reliability) -> RenderableType:
    """The reliability table for a terminal, and under it what is left if only the surest values are kept."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in HEADER:
        table.add_column(name, justify="right")
    for level in of.levels:
        table.add_row(*cells(level))
    lines = [Text(error_words(of))]
    lines += [
        Text(f"{what}: F1 {figures.f1}   precision {figures.precision}   recall {figures.recall}")
        for what, figures in figures_of(of)
    ]
    words = articles_words(of)
    return Group(table, *lines, *([Text(words)] if words else []))
