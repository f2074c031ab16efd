"""A real scheduler and two real worker processes, for tests and benchmarks."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any


class Cluster:
    """A scheduler and two worker processes; one that a test has killed is started anew by the next that wants two."""

    def __init__(self, folder: Path, key: str) -> None:
        self._file = folder / "scheduler.json"
        self._started: list[subprocess.Popen[bytes]] = []
        # One death is an accident, the second is the shard's doing.
        self._environment = {**os.environ, "OPENAI_API_KEY": key, "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1"}
        self._start("dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-show")
        self._workers = [self._worker() for _ in range(2)]
        until = time.monotonic() + 300
        while not (self._file.exists() and self._file.read_text()):
            assert time.monotonic() < until, "the scheduler did not start"
            time.sleep(0.05)
        self.address: str = json.loads(self._file.read_text())["address"]

    def _start(self, module: str, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.{module}", "--scheduler-file", str(self._file), *arguments]
        quiet = subprocess.DEVNULL
        self._started.append(subprocess.Popen(command, env=self._environment, stdout=quiet, stderr=quiet))  # noqa: S603
        return self._started[-1]

    def _worker(self) -> subprocess.Popen[bytes]:
        return self._start("dask_worker", "--nthreads", "2", "--no-nanny", "--no-dashboard")

    def ready(self) -> subprocess.Popen[bytes]:
        """Return one of the two workers, once both are ready to work."""
        from distributed import Client

        self._workers = [one if one.poll() is None else self._worker() for one in self._workers]
        with Client(self.address) as client:
            client.wait_for_workers(2, timeout=300)
            client.run(
                import_module, "workbench.model"
            )  # which takes its time, and would have one begin before the other
        return self._workers[0]

    @contextmanager
    def restarting(self) -> Iterator[None]:
        """Start another worker for each that dies, as Dask's nannies do."""
        over = threading.Event()

        def watch() -> None:
            while not over.wait(0.1):
                self._workers = [one if one.poll() is None else self._worker() for one in self._workers]

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield
        finally:
            over.set()
            watcher.join()

    def lose_workers(self) -> None:
        """Kill both."""
        for one in self._workers:
            one.kill()
            one.wait()

    def wait_until_stopping(self, seconds: float = 300) -> None:
        """Return once the seat of the run that is under way has heard that the run is to stop: it lets no request go any more."""
        from distributed import Client

        async def told(dask_scheduler: Any) -> bool:
            seats = [heard for name, heard in dask_scheduler.handlers.items() if name.startswith("workbench-")]
            return any([(await heard("stop", level=0))["stop"] for heard in seats])  # to go on changes nothing

        until = time.monotonic() + seconds
        with Client(self.address, set_as_default=False) as client:
            while not client.run_on_scheduler(told):
                assert time.monotonic() < until, "nobody has told the seat to stop"
                time.sleep(0.02)

    def close(self) -> None:
        for process in reversed(self._started):
            process.kill()
            process.wait()
