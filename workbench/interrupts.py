"""Ctrl-C and SIGTERM: the user stops a run, and if that takes too long gives it up."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from workbench.summary import Notify, Summary

__all__ = ["interruptible"]

Act = Callable[[], object]


@contextmanager
def interruptible(
    summary: Summary, notify: Notify, give_up: Act, soon: Callable[[Act], object] = lambda act: act()
) -> Iterator[None]:
    """The first Ctrl-C or SIGTERM lets what is under way come to its end, the second gives it up.

    Args:
        summary: Says that the run is interrupted; where it does so already, the first gives up.
        notify: Called with words for the user.
        give_up: Drops what is under way.
        soon: Has it done where a signal's handler could not: by a loop, when that comes to it.
    """

    def interrupt() -> None:
        if summary.interrupted:
            give_up()
            return
        summary.interrupted = True
        notify("stopping: what is under way comes to its end; Ctrl-C again gives it up (it may be billed all the same)")

    kinds = (signal.SIGINT, signal.SIGTERM)
    try:
        before = [signal.signal(kind, lambda *_: soon(interrupt)) for kind in kinds]
    except ValueError:  # only the main thread has signals
        yield
        return
    try:
        yield
    finally:
        for kind, handler in zip(kinds, before, strict=True):
            signal.signal(kind, handler)
