"""The scorer beside its peers, in the same run, on the same data: pairs a second, and milliseconds by the length of a list.

    python benchmarks/scoring.py [--pairs 200] [--lengths 5,20,80,200,1000] [--patience 60] [--json]

Peers: stickler-eval, anls-star, deepdiff (``ignore_order=True``); install those that you want to see. One that is not installed is left out,
and said so. So is a list that would take a peer longer than the patience: its time grows at least with the square of the length, so
the length before tells.

Peers are given as many pairs as fit into the patience. What is timed is scoring alone, in CPU seconds of one process; the
scorer's caches of normalised text are empty when its turn begins. ``--json`` prints the numbers for a machine.
"""

import argparse
import importlib
import json
import random
import resource
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from workbench.scoring import score

SYLLABLES = "가나다라마바사아자차카타파하거너더러머버서어저처커터퍼허고노도로모보소오조초코토포호"
GOALS = {"stickler": 100.0, "deepdiff": 3.0}
LIST_GOAL = ("stickler", 200, 50.0)

Record = dict[str, Any]
Scorer = Callable[[Record, Record], float]


@dataclass(frozen=True)
class Peer:
    """One way to score a record against a golden; None where it is not installed."""

    name: str
    nested: Scorer | None
    flat: Scorer | None


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


def seconds(scorer: Scorer, pairs: list[tuple[Record, Record]], patience: float) -> tuple[float, int]:
    """CPU seconds a pair, and over how many pairs."""
    began, done = time.process_time(), 0
    for golden, record in pairs:
        scorer(golden, record)
        done += 1
        if time.process_time() - began > patience:
            break
    return (time.process_time() - began) / done, done


def by_pairs(peers: list[Peer], count: int, patience: float) -> dict[str, float]:
    """Pairs a second of nested records."""
    maker = Maker(1)
    goldens = [maker.plan() for _ in range(count)]
    pairs = [(golden, maker.edited(golden, 0.1)) for golden in goldens]
    warm = maker.plan()
    rates = {}
    for peer in peers:
        assert peer.nested
        peer.nested(warm, maker.edited(warm, 0.1))  # imports
        each, done = seconds(peer.nested, pairs, patience)
        rates[peer.name] = 1 / each
        print(f"  {peer.name:<10} {1 / each:8.1f} pairs a second  ({done} pairs)", file=sys.stderr)
    return rates


def by_length(peers: list[Peer], lengths: list[int], patience: float) -> dict[str, dict[int, float]]:
    """Milliseconds for one flat list, a fifth of its leaves edited."""
    maker = Maker(2)
    lists = {length: maker.listed(length) for length in lengths}
    found: dict[str, dict[int, float]] = {}
    for peer in peers:
        assert peer.flat
        found[peer.name] = {}
        expected = 0.0
        for length in lengths:
            if expected > patience:
                print(
                    f"  {peer.name}, {length} items: left out, it would take {expected:,.0f} s or more", file=sys.stderr
                )
                break
            pair = lists[length], Maker(length).edited(lists[length], 0.2)
            each, _ = seconds(peer.flat, [pair] * 5, patience / 10)
            found[peer.name][length] = each * 1000
            longer = next((other for other in lengths if other > length), length)
            expected = each * (longer / length) ** 2
    return found


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

    print(f"{options.pairs} pairs of nested records, 153 leaves each", file=sys.stderr)
    rates = by_pairs(peers, options.pairs, options.patience)
    print("\nms by length of one flat list, seven leaves an item", file=sys.stderr)
    lengths = by_length(peers, options.lengths, options.patience)
    for name, times in lengths.items():
        print(f"  {name:<10}" + "".join(f"  {length}: {each:,.1f}" for length, each in times.items()), file=sys.stderr)

    ratios = {name: rates["workbench"] / rate for name, rate in rates.items()}
    list_ratios = {
        name: {length: each / lengths["workbench"][length] for length, each in times.items()}
        for name, times in lengths.items()
    }
    missed = [
        f"{ratios[name]:.1f} × {name}, not {goal}" for name, goal in GOALS.items() if ratios.get(name, goal) < goal
    ]
    name, length, goal = LIST_GOAL
    if list_ratios.get(name, {}).get(length, goal) < goal:
        missed.append(f"{list_ratios[name][length]:.1f} × {name} on {length} items, not {goal}")
    print("\nworkbench is so many times as fast as", file=sys.stderr)
    for name, ratio in ratios.items():
        lists = "".join(f"  {length}: {each:,.1f}" for length, each in list_ratios[name].items())
        print(f"  {name:<10} {ratio:8.1f} on pairs; on lists of{lists}", file=sys.stderr)
    print(
        "goals missed: " + "; ".join(missed) if missed else "all goals met, of the peers that are here", file=sys.stderr
    )
    if options.json:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(
            json.dumps(
                {"pairs_a_second": rates, "list_ms": lengths, "ratios": ratios, "missed": missed, "peak_MiB": peak}
            )
        )
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main())
