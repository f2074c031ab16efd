"""How a run with batches stands: part by part, and what to type next."""

import shlex
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click
from rich.table import Table

from workbench.batch import Batches, Part, read_batches
from workbench.cli.asking import named_run
from workbench.cli.common import cost_fields, print_json, stdout
from workbench.endpoints import Endpoint, Model
from workbench.errors import RunError
from workbench.ledger import Totals, read_attempts
from workbench.lines import read_lines
from workbench.report.terminal import cost_words, plain
from workbench.resume import REDONE
from workbench.runs import Run, open_run, runs_in
from workbench.settings import Project

if TYPE_CHECKING:
    from workbench.depot import Standing

__all__ = ["Account", "account_of", "leave", "run_with_batches", "show"]


@dataclass(frozen=True)
class Account:
    """What a run's files say of it: the same whichever command made them.

    Attributes:
        states: How many of its articles ended in each; what is asked again waits, and has not ended.
        batches: Its parts.
        totals: Of its ledger.
        has_ended: Whether nothing is left to do.
        limit: The option whose larger value takes on what is unspent.
    """

    folder: Path
    states: Counter[str]
    batches: Batches
    totals: Totals
    has_ended: bool
    limit: str

    @property
    def lost(self) -> int:
        """How many articles have no record and wait for none."""
        return self.states.total() - self.states["ok"]

    def next(self, endpoint: Endpoint | None) -> list[str]:
        """What to type next."""
        there = f" --base-url {endpoint.base_url}" if endpoint and endpoint.source == "--base-url" else ""
        more = f" {self.limit} MORE" if self.states["unspent"] else ""
        run = shlex.quote(self.folder.name)
        commands = []
        waits = self.batches.walked is None or self.batches.waits_elsewhere
        if waits or any(part.written.how == "api" for part in self.batches.open):
            commands.append(f"workbench batch collect {run}{there}")
        if any(part.written.how == "hand" for part in self.batches.open):
            commands.append(f"workbench batch import {run} FILE…{there}")
        if not commands and self.states.keys() & REDONE:
            commands.append(f"workbench batch submit --resume {run}{there}{more}")
        if self.has_ended:
            commands.append(f"workbench eval {shlex.quote(str(self.folder))}")
        return commands


def account_of(folder: Path) -> Account:
    """The account of the run in a folder."""
    states: Counter[str] = Counter()
    for _, _, fields in read_lines(folder / "extractions.jsonl", missing_ok=True):
        states[str(fields.get("state"))] += 1
    totals = Totals()
    for attempt in read_attempts(folder):
        totals.add(attempt)
    info = open_run(folder).info
    limit = "--max-tokens-total" if info.most_tokens and info.budget is None else "--budget"
    batches = read_batches(folder)
    if batches.walked:
        states -= Counter(batches.walked.again)
    return Account(folder, states, batches, totals, info.finished is not None, limit)


def leave(folder: Path, model: Model, *, as_json: bool) -> NoReturn:
    """Show what has come of a run, and leave with what it means for its articles."""
    account = show(folder, model, {}, as_json=as_json)
    none_answered = account.has_ended and account.states["failed"] == account.states.total()
    raise click.exceptions.Exit(0 if not account.lost else 3 if none_answered else 5)


def show(folder: Path, model: Model, asked: "Mapping[int, Standing]", *, as_json: bool) -> Account:
    """Print it, with what the endpoint has said of its parts."""
    account = account_of(folder)
    totals, walked = account.totals, account.batches.walked
    parts = [_part(part, asked.get(part.number)) for part in account.batches.parts.values()]
    if as_json:
        print_json(
            {
                "run": str(folder),
                "states": dict(account.states),
                "waiting": walked.waiting if walked else None,
                "parts": parts,
                "tokens": asdict(totals.usage),
                "cost": cost_fields(totals.cost),
                "attempts": totals.attempts,
                "assumed": {"attempts": totals.assumed, "amount": str(totals.assumed_money)},
                "finished": account.has_ended,
                "next": account.next(model.endpoint),
            }
        )
        return account
    out = stdout()
    table = Table("part", "requests", "state", "answered", "failed", "batch", box=None, pad_edge=False)
    for part in parts:
        table.add_row(
            *(plain("" if part[name] is None else str(part[name])) for name in ("part", "requests", "state")),
            *(plain("" if part[name] is None else f"{part[name]:,}") for name in ("answered", "failed")),
            plain(part["batch"] or ""),
        )
    if parts:
        out.print(table)
    for part in parts:
        if part["why"]:
            out.print(plain(f"part {part['part']}: {part['why']}"), soft_wrap=True)
    states = ", ".join(f"{count:,} {state}" for state, count in account.states.most_common()) or "none done yet"
    waiting = f"; {walked.waiting:,} wait for an answer" if walked and walked.waiting else ""
    out.print(f"\narticles  {states}{waiting}", markup=False)
    if account.states["unspent"]:
        out.print(
            f"the budget was reached: what is unspent could cost more than is left of it, and a larger {account.limit} takes it on"
        )
    if totals.attempts:
        out.print(plain(f"cost  {cost_words(totals.cost, model.name)}, {totals.attempts:,} requests"), soft_wrap=True)
    if totals.assumed:
        out.print(f"in it {totals.assumed:,} requests stand at their worst case: what became of them is not known")
    out.print(f"run folder  {folder}", markup=False, soft_wrap=True)
    for command in account.next(model.endpoint):
        out.print(f"next  {command}", markup=False, soft_wrap=True)
    return account


def _part(part: Part, asked: "Standing | None") -> dict[str, Any]:
    """A part as a program reads it."""
    done = part.collected
    state = (
        ("given up" if done.given_up and not (done.answered or done.failed) else "collected")
        if done
        else f"{part.ended.status}, to be taken in"
        if part.ended
        else asked.status
        if asked
        else "in somebody's hands"
        if part.written.how == "hand"
        else "handed in"
        if part.submitted
        else "not handed in"
    )
    return {
        "part": part.number,
        "how": part.written.how,
        "requests": part.written.requests,
        "batch": part.submitted.batch if part.submitted else None,
        "state": state,
        "answered": done.answered if done else asked.completed if asked else None,
        "failed": done.failed if done else asked.failed if asked else None,
        "why": (part.ended.why if part.ended else None) or (asked.why if asked else None),
    }


def run_with_batches(here: Project, name: str | None) -> Run:
    """The run that is named, else the last that has batches.

    Raises:
        RunError: If there is none.
    """
    if name:
        run = named_run(here, name)
        if not (run.folder / "batches.jsonl").is_file():
            raise RunError("this run has no batch", where=str(run.folder), way_out="`workbench batch submit` makes one")
        return run
    found = [run for run in runs_in(here.path(here.settings.runs)) if (run.folder / "batches.jsonl").is_file()]
    if not found:
        raise RunError(
            "no run has a batch", where=str(here.settings.runs), way_out="`workbench batch submit` makes one"
        )
    return max(found, key=lambda run: run.rank)
