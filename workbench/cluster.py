"""A run past one machine: its articles fall to shards, and the workers of a Dask cluster do them, each as a run of one process is done.

The driver, which is the process that the run was begun in, writes the shards and merges each when it is done. The limits and the budget of all lie on
the scheduler. A worker that dies takes nothing along: its shard is begun again elsewhere and goes on from its own files. A driver that dies
leaves its shards as they are; going on with the run, on one machine or on many, merges them first.
"""

import os
import signal
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import dask
from distributed import Client, LocalCluster, Scheduler
from distributed.comm.addressing import parse_address
from distributed.comm.registry import get_backend
from distributed.diagnostics.plugin import SchedulerPlugin, WorkerPlugin
from distributed.security import Security

from workbench.budget import Budget, Spend
from workbench.driver import Driver, Say, reached
from workbench.endpoints import Endpoint
from workbench.errors import SettingsError, WorkbenchError
from workbench.jobs import Job, Resume, info_of, versions_of
from workbench.live import check_priced, close_left_over
from workbench.recordings import Recordings
from workbench.runs import now, open_run
from workbench.seat import STOPPING, Seat
from workbench.sittings import Sitting, sitting_at
from workbench.summary import Summary, Watch
from workbench.workers import Order, look

__all__ = ["Where", "run_sharded"]

CERTIFICATES: Final = tuple(
    f"DASK_DISTRIBUTED__COMM__TLS__{name}" for name in ("CA_FILE", "CLIENT__CERT", "CLIENT__KEY")
)
ADDRESS: Final = "an address such as tls://host:8786"
QUIET: Final = 60.0
"""Seconds in which any shard that is left would have said something, many times over."""
CONNECT: Final = 30.0
"""Seconds in which a scheduler must answer, and its first worker be there."""


@dataclass(frozen=True)
class Where:
    """Where a run past one machine is done.

    Attributes:
        root: The project's folder, which all workers see under the same path.
        environment: The folder whose ``.env`` is read, likewise.
        scheduler: Its address; None to start as many processes here as there are cores.
    """

    root: Path
    environment: Path
    scheduler: str | None = None


class _Seated(SchedulerPlugin):
    """The seat of a run, in its scheduler."""

    def __init__(self, name: str, client: str, job: Job, spent: Spend) -> None:
        self.name = name
        self._client = client
        self._limits = (job.model.requests_per_minute, job.model.tokens_per_minute)
        self._budget = (job.budget, job.most_tokens, spent)
        self._quiet = False

    async def start(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._seat = Seat(*self._limits, Budget(*self._budget))
        scheduler.handlers[self.name] = self._heard

    async def _heard(self, operation: str, **message: Any) -> dict[str, Any]:
        self._quiet = False
        if operation == "close":
            del self._scheduler.handlers[self.name]
            return {}
        return await self._seat.heard(operation, **message)

    def remove_worker(self, scheduler: Scheduler, worker: str, **_: Any) -> None:  # noqa: ARG002 - distributed's
        self._seat.lost(worker)

    def remove_client(self, scheduler: Scheduler, client: str) -> None:  # noqa: ARG002 - distributed's
        if client == self._client:  # the driver is gone: nobody would merge what the shards still do
            self._seat.stop = STOPPING
            self._leave_when_quiet()

    def _leave_when_quiet(self) -> None:
        """Leave a scheduler that lives on, once no shard has anything to say any more."""
        if self._quiet:
            self._scheduler.handlers.pop(self.name, None)
            self._scheduler.remove_plugin(self.name)
            return
        self._quiet = True
        self._scheduler.loop.call_later(QUIET, self._leave_when_quiet)


class _Undisturbed(WorkerPlugin):
    """A terminal's Ctrl-C reaches all processes that it started; what it means to the workers is the driver's to say."""

    name = "workbench-undisturbed"

    def setup(self, worker: Any) -> None:  # noqa: ARG002 - distributed's
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def run_sharded(
    job: Job,
    runs: Path,
    store: Recordings,
    where: Where,
    *,
    resume: Resume | None = None,
    watch: Watch | None = None,
    before: Callable[[Sitting], None] = lambda _: None,
) -> Summary:
    """Do what ``run_job`` does, over the workers of a cluster.

    Args:
        job: What is to be done.
        runs: The folder in which a new run gets its own.
        store: Where answers are recorded, or stand recorded.
        where: The cluster, and what its workers need to know.
        resume: The run that is gone on with.
        watch: Who is told.
        before: What is to be done before anything is sent.

    Raises:
        As ``run_job``, and
        SettingsError: If there is nobody to ask, the scheduler does not answer, or a worker could not do the same as this process.
        RunError: If the scheduler is lost; the run can be gone on with.
    """
    watch = watch or Watch()
    if job.endpoint is None:
        raise SettingsError("a replay asks nobody: it needs no cluster", way_out="leave --engine away")
    with _connected(where.scheduler, watch.notify) as client:
        order = _order(job, job.endpoint, where, runs)
        _check(client, order, runs)  # before there is a run
        with sitting_at(job, runs, store, resume=resume, watch=watch) as sitting:
            close_left_over(sitting)
            check_priced(job, sitting.summary)
            before(sitting)
            # What shards were left with is among it by now.
            recorded = str(store.folder.resolve()) if len(store) else None
            order = _begun(order, sitting, recorded)
            with _seated(client, order.seat, job, sitting.ledger.totals.spend) as say:
                Driver(client, order, sitting, say).drive()
    return sitting.summary


@contextmanager
def _connected(address: str | None, notify: Callable[[str], None]) -> Iterator[Client]:
    if address is None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        # Whoever reaches a scheduler can have any code run: on a machine with other users not even loopback is private.
        try:
            security = Security.temporary()
        except ImportError as error:
            raise SettingsError(
                f"no certificate can be made for the processes here: {error}", way_out="install workbench[dask]"
            ) from error
        with (
            dask.config.set({f"distributed.{kind}.http.routes": [] for kind in ("scheduler", "worker")}),
            LocalCluster(
                n_workers=cores,
                threads_per_worker=2,  # one shard begins while another ends
                processes=True,
                host="127.0.0.1",
                security=security,
                dashboard_address=None,
                worker_dashboard_address=None,
                # Without a dashboard there is an HTTP server all the same: it has nothing to tell, and no port that another has.
                scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
            ) as cluster,
            Client(cluster) as client,
        ):
            client.register_plugin(_Undisturbed())
            yield client
        return
    _check_address(address)
    notify(f"looking for the scheduler at {address}")
    try:
        client = Client(address, timeout=CONNECT)
    except OSError as error:
        raise SettingsError(
            f"the scheduler does not answer: {error}",
            where=address,
            expected=ADDRESS,
            way_out="start one with `dask scheduler`, or leave --scheduler away to use this machine alone",
        ) from error
    except (TypeError, RuntimeError) as error:  # which is how distributed says that it has no certificates
        raise SettingsError(
            f"the scheduler cannot be spoken to: {error}",
            where=address,
            expected="certificates for tls:// in Dask's configuration",
            way_out=f"set {', '.join(CERTIFICATES)} to the files",
        ) from error
    with client:
        if not client.scheduler_info()["workers"]:
            notify(f"{address} has no workers yet: waiting for one")
            try:
                client.wait_for_workers(1, timeout=CONNECT)
            except TimeoutError as error:
                raise SettingsError(
                    "the scheduler has no workers", where=address, way_out=f"start some with `dask worker {address}`"
                ) from error
        yield client


def _check_address(address: str) -> None:
    """Refuse what Dask cannot speak here, before it is tried again and again.

    Raises:
        SettingsError: If it is no address, or of a protocol that is not installed.
    """
    protocol, place = parse_address(address)
    try:
        backend = get_backend(protocol)
        backend.get_connector()
        backend.get_address_host(place)
    except (ValueError, TypeError, ImportError, RuntimeError) as error:  # as each of Dask's protocols says it
        raise SettingsError(
            f"Dask cannot speak to this address here: {error}",
            where=address,
            expected=ADDRESS,
            way_out="name the scheduler's tls:// or tcp:// address, or install what Dask needs for this one",
        ) from error


def _order(job: Job, endpoint: Endpoint, where: Where, runs: Path) -> Order:
    """What workers can be told before there is a run."""
    return Order(
        root=str(where.root),
        environment=str(where.environment),
        run=str(runs.resolve()),
        info=info_of(job, "", now()).model_dump_json(),
        seat=f"workbench-{uuid.uuid4().hex}",
        base_url=endpoint.base_url,
        source=endpoint.source,
        has_key=bool(endpoint.key),
        timeout=job.timeout,
        concurrency=job.concurrency,
        keep_bodies=job.keep_bodies,
        before=None,
        since=None,
        examples=job.task.examples,
    )


def _begun(order: Order, sitting: Sitting, before: str | None) -> Order:
    """What they are told of the run."""
    folder = sitting.summary.folder.resolve()
    info = open_run(folder).info.model_dump_json()
    return replace(order, run=str(folder), info=info, before=before, since=sitting.kept.since)


def _check(client: Client, order: Order, runs: Path) -> None:
    """See that the scheduler and each worker that is there can do what they will be told, and see the folder that runs are in.

    Raises:
        SettingsError: If one cannot; names it.
        RunError: If the scheduler is lost.
    """
    where = "the scheduler"
    runs.mkdir(parents=True, exist_ok=True)
    token = runs / f".seen-{uuid.uuid4().hex}"
    token.touch()
    try:
        with reached(client, "start the run again when there is one"):
            own = client.run_on_scheduler(versions_of)
        if own != versions_of():
            raise SettingsError(f"it has other versions: {own}", where=where, expected=str(versions_of()))
        with reached(client, "start the run again when there is one"):
            answers = client.run(look, order, str(token), on_error="return")
        where, failed = next(((f"the worker {at}", one) for at, one in answers.items() if one is not None), ("", None))
    except ImportError as error:
        failed = error
    finally:
        token.unlink()
    if isinstance(failed, WorkbenchError):
        raise SettingsError(
            failed.what,
            where=f"{where}, {failed.where}" if failed.where else where,
            expected=failed.expected,
            way_out=failed.way_out,
        ) from failed
    if isinstance(failed, ImportError):
        raise SettingsError(
            f"the workbench cannot be loaded there: {failed}", where=where, way_out="install what uv.lock says"
        ) from failed
    if isinstance(failed, OSError):
        raise SettingsError(f"it cannot be looked at: {failed}", where=where) from failed
    if failed is not None:
        raise failed


@contextmanager
def _seated(client: Client, name: str, job: Job, spent: Spend) -> Iterator[Say]:
    with reached(client):
        client.register_plugin(_Seated(name, client.id, job, spent), name=name)

    def say(operation: str, **message: Any) -> dict[str, Any]:
        with reached(client):
            answer: dict[str, Any] = client.sync(getattr(client.scheduler, name), operation=operation, **message)
        return answer

    yield say
    # On an error the shards are told to stop by the driver's going, and need the seat until they have.
    say("close")
    with reached(client):
        client.unregister_scheduler_plugin(name)
