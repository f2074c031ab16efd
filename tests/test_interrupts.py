"""Ctrl-C and SIGTERM, once and once more."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest

from workbench.interrupts import interruptible
from workbench.ledger import Totals
from workbench.summary import Summary


@pytest.fixture
def summary(tmp_path: Path) -> Summary:
    return Summary(tmp_path, Totals())


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_the_first_stops_and_says_so_and_the_second_gives_up(summary: Summary, kind: signal.Signals) -> None:
    before, told, given_up = signal.getsignal(kind), list[str](), list[bool]()
    with interruptible(summary, told.append, lambda: given_up.append(True)):
        os.kill(os.getpid(), kind)
        assert (summary.interrupted, len(told), given_up) == (True, 1, [])
        os.kill(os.getpid(), kind)
        assert (len(told), given_up) == (1, [True])
    assert signal.getsignal(kind) is before


def test_a_run_that_stops_by_itself_is_given_up_by_the_first(summary: Summary) -> None:
    told, given_up = list[str](), list[bool]()
    summary.interrupted = True
    with interruptible(summary, told.append, lambda: given_up.append(True)):
        os.kill(os.getpid(), signal.SIGINT)
    assert (told, given_up) == ([], [True])


def test_a_loop_does_it_when_it_comes_to_it(summary: Summary) -> None:
    later: list[Callable[[], object]] = []
    with interruptible(summary, lambda _: None, lambda: None, later.append):
        os.kill(os.getpid(), signal.SIGINT)
        assert not summary.interrupted
        later[0]()
    assert summary.interrupted


def test_beside_the_main_thread_nothing_is_heard_and_nothing_fails(summary: Summary) -> None:
    before, during = signal.getsignal(signal.SIGINT), []

    def run() -> None:
        with interruptible(summary, lambda _: None, lambda: None):
            during.append(signal.getsignal(signal.SIGINT))

    thread = Thread(target=run)
    thread.start()
    thread.join()
    assert during == [before]
