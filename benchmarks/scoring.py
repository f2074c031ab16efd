"""The scorer beside its peers, in the same run, on the same data: pairs a second, and milliseconds by the length of a list.

    python benchmarks/scoring.py [--pairs 200] [--lengths 5,20,80,200,1000] [--patience 60] [--json]

Peers: stickler-eval, anls-star, deepdiff (``ignore_order=True``); install those that you want to see. One that is not installed is left out,
and said so. So is a list that would take a peer longer than the patience: its time grows at least with the square of the length, so
the length before tells.

What is timed is scoring alone, in CPU seconds of one process. Peers take turns, so that a busy machine is busy for all; a slow one is given
as many pairs as fit into the patience. ``--json`` prints the numbers for a machine. The exit code is 1 if a goal is missed.
"""

import argparse
import importlib
import json
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from workbench.scoring import score

SYLLABLES = "가나다라마바사아자차카타파하거너더러머버서어저처커터퍼허고노도로모보소오조초코토포호"
GOALS = {"stickler": 100.0, "deepdiff": 3.0}
LIST_GOALS = [("stickler", 200, 50.0)]

Record = dict[str, Any]
Scorer = Callable[[Record, Record], float]


@dataclass(frozen=True)
class Peer:
    """One way to score a record against a golden, for either kind of record."""

    name: str
    nested: Scorer
    flat: Scorer


class Maker:
    """Makes goldens, and records as a model would return them: shuffled, edited, incomplete."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)

    def words(self, length: int) -> str:
        return "".join(self.dice.choices(SYLLABLES, k=length))

    def task(self) -> Record:
        return {
            "name": self.words(12),
            "metric": self.words(6),
            "amount": f"{self.dice.randrange(1, 999)}억원",
            "by": f"{self.dice.randrange(2020, 2040)}년",
            "place": self.words(3),
            "owner": self.words(5),
            "status": self.dice.choice(["planned", "under_way", "done"]),
        }

    def plan(self) -> Record:
        """5 strategies of 4 tasks: 153 leaves."""
        strategies = [
            {"name": self.words(14), "group": self.words(4), "tasks": [self.task() for _ in range(4)]} for _ in range(5)
        ]
        return {"title": self.words(20), "by": self.words(3), "announced": "2025년 3월", "strategies": strategies}

    def listed(self, length: int) -> Record:
        return {"rows": [self.task() for _ in range(length)]}

    def edited(self, value: Any, share: float) -> Any:
        """One leaf in so many changed, lists shuffled, of long ones now and then the last item lost."""
        if isinstance(value, dict):
            return {name: self.edited(child, share) for name, child in value.items()}
        if isinstance(value, list):
            items = [self.edited(child, share) for child in value]
            self.dice.shuffle(items)
            return items[:-1] if len(items) > 3 and self.dice.random() < share else items
        return value[:-1] + self.words(1) if self.dice.random() < share else value


def ours() -> Peer:
    def scored(golden: Record, record: Record) -> float:
        return score(golden, record).f1

    return Peer("workbench", scored, scored)


def stickler() -> Peer:
    structured: Any = importlib.import_module("stickler").StructuredModel

    class Task(structured):  # type: ignore[misc]
        name: str
        metric: str
        amount: str
        by: str
        place: str
        owner: str
        status: str

    class Strategy(structured):  # type: ignore[misc]
        name: str
        group: str
        tasks: list[Task]

    class Plan(structured):  # type: ignore[misc]
        title: str
        by: str
        announced: str
        strategies: list[Strategy]

    class Rows(structured):  # type: ignore[misc]
        rows: list[Task]

    def with_model(model: Any) -> Scorer:
        return lambda golden, record: float(model(**golden).compare_with(model(**record))["overall_score"])

    return Peer("stickler", with_model(Plan), with_model(Rows))


def anls_star() -> Peer:
    anls: Any = importlib.import_module("anls_star").anls_score

    def scored(golden: Record, record: Record) -> float:
        return float(anls(golden, record))

    return Peer("anls-star", scored, scored)


def deepdiff() -> Peer:
    diff: Any = importlib.import_module("deepdiff").DeepDiff

    def scored(golden: Record, record: Record) -> float:
        return float(len(diff(golden, record, ignore_order=True)))

    return Peer("deepdiff", scored, scored)


def installed() -> Iterator[Peer]:
    for make in (ours, deepdiff, stickler, anls_star):
        try:
            yield make()
        except ImportError as error:
            print(f"{make.__name__} is left out: {error}", file=sys.stderr)


def seconds(scorer: Scorer, pairs: list[tuple[Record, Record]], patience: float) -> float:
    """CPU seconds a pair, over as many pairs as the patience lasts for."""
    began, done = time.process_time(), 0
    for golden, record in pairs:
        scorer(golden, record)
        done += 1
        if time.process_time() - began > patience:
            break
    return (time.process_time() - began) / done


def by_pairs(peers: list[Peer], count: int, patience: float) -> dict[str, float]:
    """CPU seconds for a pair of nested records: the median of ten rounds, in each of which every peer has its turn."""
    maker = Maker(1)
    goldens = [maker.plan() for _ in range(count + 1)]
    pairs = [(golden, maker.edited(golden, 0.1)) for golden in goldens]
    for peer in peers:
        peer.nested(*pairs[-1])  # imports
    times: dict[str, list[float]] = {peer.name: [] for peer in peers}
    for turn in range(10):
        for peer in peers:
            times[peer.name].append(seconds(peer.nested, pairs[turn:count:10], patience / 10))
    return {name: statistics.median(each) for name, each in times.items()}


def by_length(peers: list[Peer], lengths: list[int], patience: float) -> dict[str, dict[int, float]]:
    """CPU seconds for one flat list, a fifth of its leaves edited: the least of three."""
    maker = Maker(2)
    found: dict[str, dict[int, float]] = {peer.name: {} for peer in peers}
    for before, length in pairwise([0, *lengths]):
        golden = maker.listed(length)
        pair = golden, maker.edited(golden, 0.2)
        for peer in peers:
            known = found[peer.name]
            expected = known[before] * (length / before) ** 2 if before in known else 0.0
            if before and (before not in known or expected > patience):
                print(
                    f"{peer.name} on {length} items is left out: it would take {expected:,.0f} s or more",
                    file=sys.stderr,
                )
                continue
            known[length] = min(
                seconds(peer.flat, [pair], patience) for _ in range(3 if expected < patience / 3 else 1)
            )
    return found


def table(title: str, rows: dict[str, dict[int, float]], lengths: list[int]) -> None:
    """A row for each peer, a column for each length."""
    print(f"\n{title}\n{'':<12}" + "".join(f"{length:>12,}" for length in lengths), file=sys.stderr)
    for name, cells in rows.items():
        columns = (f"{cells[length]:>12,.1f}" if length in cells else f"{'–':>12}" for length in lengths)
        print(f"{name:<12}" + "".join(columns), file=sys.stderr)


def main() -> int:
    """Runs both, prints a table and says which goals are met; exit code 1 if one is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument(
        "--lengths", type=lambda text: sorted(map(int, text.split(","))), default=[5, 20, 80, 200, 1000]
    )
    parser.add_argument("--patience", type=float, default=60.0, help="seconds for each peer and measurement")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    peers = list(installed())

    each = by_pairs(peers, options.pairs, options.patience)
    ratios = {name: seconds / each["workbench"] for name, seconds in each.items()}
    print(f"{options.pairs} pairs of nested records, 153 leaves each", file=sys.stderr)
    for name, ratio in ratios.items():
        print(f"{name:<12}{1 / each[name]:>8,.1f} pairs a second; workbench: {ratio:,.1f} ×", file=sys.stderr)

    times = by_length(peers, options.lengths, options.patience)
    of_lists = {
        name: {length: seconds / times["workbench"][length] for length, seconds in cells.items()}
        for name, cells in times.items()
    }
    in_ms = {name: {length: 1000 * seconds for length, seconds in cells.items()} for name, cells in times.items()}
    table("ms for one flat list, by length", in_ms, options.lengths)
    table("workbench: × as fast", of_lists, options.lengths)

    measured = [(f"{name} on pairs", ratios.get(name), goal) for name, goal in GOALS.items()]
    measured += [(f"{name} on {n} items", of_lists.get(name, {}).get(n), goal) for name, n, goal in LIST_GOALS]
    missed = [f"{ratio:.1f} × {what}, not {goal:.0f} ×" for what, ratio, goal in measured if ratio and ratio < goal]
    print("\ngoals missed: " + "; ".join(missed) if missed else "\nno goal missed of the peers here", file=sys.stderr)
    if options.json:
        rates = {name: 1 / seconds for name, seconds in each.items()}
        print(
            json.dumps(
                {"pairs_a_second": rates, "list_ms": in_ms, "ratios": ratios, "missed": missed}, ensure_ascii=False
            )
        )
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main())
