"""The conductor of jobs: what exists is done, the rest is made, and a crash costs little."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty
from typing import Any, Literal

from descent.errors import Damaged, DescentError, Interrupted
from descent.model import Job
from descent.work.crew import Crew, Event, Here, Pool
from descent.work.store import Store
from descent.work.worker import prepare

Where = Literal["auto", "here", "pool"]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: jobs and their weights done (kept ones included), and the pace.

    `rate` is weight a second of what this run has made, None before the first; `eta_s` the
    seconds left at that pace. `running` are keys; `note` says what just happened, if worth it.
    """

    done: int
    total: int
    weight: float
    weight_total: float
    rate: float | None
    eta_s: float | None
    running: tuple[str, ...]
    draining: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """A job that was not done, and why."""

    key: str
    error: DescentError


@dataclass(slots=True)
class Outcome:
    """What a run came to: `results` of every finished job by key, made now or kept.

    `failed` are errors of jobs, `left` the keys never started: after an interruption, an
    error, or because a job they need failed.
    """

    results: dict[str, dict[str, Any]] = field(default_factory=dict)
    made: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    interrupted: bool = False
    retried: int = 0

    def check(self) -> None:
        """Raise what went wrong: the first job's error, or `Interrupted`."""
        if self.failed:
            raise self.failed[0].error
        if self.interrupted:
            count = len(self.left)
            what = f"stopped with {count} job{'s' * (count != 1)} left, all finished ones kept"
            raise Interrupted(what, do="run the same command again to go on")


class _Stop:
    """How far a run has been asked to stop: 0 not, 1 drain, 2 now."""

    level = 0


_stop = _Stop()


def checkpoint(*, starting: bool = False) -> None:
    """Raise `Interrupted` if this process was told to stop at once; call it once a frame.

    A job that is only `starting` stops also where those that run are to be finished.
    """
    if _stop.level >= (1 if starting else 2):
        raise Interrupted("stopped at once")


def fitting_workers(wanted: int | None, need_bytes: int, limit_bytes: int | None = None) -> int:
    """Workers that fit: `wanted` (default: half the cores), never more than memory holds.

    `need_bytes` is what one worker needs at its peak; `limit_bytes` what all may take,
    by default 80 % of the memory that is free now.
    """
    import psutil

    if limit_bytes is None:
        limit_bytes = int(psutil.virtual_memory().available * 0.8)
    if wanted is None:
        wanted = max(1, _cores() // 2)
    return max(1, min(wanted, limit_bytes // max(1, need_bytes)))


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run(
    jobs: Iterable[Job],
    *,
    store: Path,
    workers: int | None = None,
    where: Where = "auto",
    overlap: int = 1,
    need_bytes: int | Callable[[Job], int] = 0,
    limit_bytes: int | None = None,
    progress: Callable[[Progress], None] | None = None,
    tries: int = 3,
    wait_s: float | None = 0.0,
    crew: Callable[[int, int], Crew] | None = None,
) -> Outcome:
    """Do the jobs that are not done yet and return what came of all of them.

    A job is done when its outs and the JSON of its key are in `store`. One run has the
    store at a time; `wait_s` is how long to wait for another (None: for ever). `where` is
    "here" (threads of this process), "pool" (processes), or "auto": here for one worker.
    `overlap` jobs run at once in this process, for jobs that leave it idle by turns; in a
    pool it is one a worker.
    `need_bytes` is a worker's peak, or a function of its job; `limit_bytes` caps the sum.
    A worker that dies costs its jobs one of their `tries`. A job's own error is final: a
    damaged frame lets the others go on, any other stops handing out. The first Ctrl-C (or
    SIGTERM) drains, the second ends at once; both keep all that is finished.
    """
    wanted = tuple(jobs)
    _check(wanted)
    place = Store(store)
    with place.held(wait_s), _signals():
        place.sweep(wanted)
        outcome = Outcome()
        for job in wanted:
            if (known := place.result(job)) is not None:
                outcome.results[job.key] = known
                outcome.kept.append(job.key)
        todo = [job for job in wanted if job.key not in outcome.results]
        if todo:
            need = max(need_bytes(job) if callable(need_bytes) else need_bytes for job in todo)
            count = min(fitting_workers(workers, need, limit_bytes), len(todo))
            if crew is not None:
                hands = crew(count, overlap)
            elif where == "here" or (where == "auto" and count == 1):
                prepare()
                hands = Here(overlap)
            else:
                hands = Pool(count)
            _Run(wanted, todo, place, hands, outcome, progress, tries).go()
            place.sweep(wanted)
    return outcome


def _check(jobs: tuple[Job, ...]) -> None:
    keys = [job.key for job in jobs]
    if len(set(keys)) != len(keys):
        twice = next(k for k in keys if keys.count(k) > 1)
        raise DescentError("two jobs have one key", where=f"job {twice}")
    seen: set[str] = set()
    for job in jobs:
        for need in job.needs:
            if need not in seen:
                what = f"needs {need}, which is not among the jobs before it"
                raise DescentError(what, where=f"job {job.key}")
        seen.add(job.key)


@contextmanager
def _signals() -> Iterator[None]:
    _stop.level = 0
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def heard(*_: object) -> None:
        _stop.level += 1

    names = [signal.SIGINT, signal.SIGTERM]
    before = {name: signal.signal(name, heard) for name in names}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


class _Run:
    """One pass over the jobs that are left to do."""

    def __init__(
        self,
        jobs: tuple[Job, ...],
        todo: list[Job],
        store: Store,
        crew: Crew,
        outcome: Outcome,
        progress: Callable[[Progress], None] | None,
        tries: int,
    ) -> None:
        self.jobs = {job.key: job for job in jobs}
        # Heaviest first, so that no long job starts last and leaves the others idle.
        self.waiting = sorted(todo, key=lambda job: -job.weight)
        self.store, self.crew, self.outcome, self.report = store, crew, outcome, progress
        self.tries_left = dict.fromkeys(self.jobs, tries)
        self.running: dict[str, Job] = {}
        self.began = time.monotonic()
        self.halted = False

    def go(self) -> None:
        """Hand out, listen, and stop as asked."""
        told = 0
        self._tell("")
        try:
            while self.running or (self.waiting and not self.halted):
                if _stop.level > told:
                    told = _stop.level
                    self.halted = self.outcome.interrupted = True
                    if told >= 2:
                        self.crew.kill()
                        break
                    self._tell("finishing what is running; once more stops at once")
                self._hand_out()
                if not self.running:
                    break
                try:
                    event = self.crew.events.get(timeout=0.2)
                except Empty:
                    continue
                self._hear(event)
        finally:
            if _stop.level < 2:
                self.crew.close()
            self.outcome.left = [job.key for job in self.waiting] + list(self.running)

    def _hand_out(self) -> None:
        while self.waiting and not self.halted and self.crew.room():
            ready = (j for j in self.waiting if all(n in self.outcome.results for n in j.needs))
            job = next(ready, None)
            if job is None:
                return
            self.waiting.remove(job)
            self.running[job.key] = job
            self.crew.start(job, self.store.outs(job))

    def _hear(self, event: Event) -> None:
        job = self.running.pop(event.key)
        note = ""
        if event.kind == "lost":
            note = self._lost(job, event.what)
        elif event.kind == "done":
            try:
                self.outcome.results[job.key] = self.store.finish(job, event.result)
                self.outcome.made.append(job.key)
            except DescentError as error:
                self._fail(job, error)
        elif event.error is not None:
            if isinstance(event.error, Interrupted):
                self.waiting.insert(0, job)
            else:
                self._fail(job, event.error)
        self._tell(note)

    def _lost(self, job: Job, what: str) -> str:
        self.tries_left[job.key] -= 1
        self.store.sweep((job,))
        if self.tries_left[job.key] > 0:
            self.outcome.retried += 1
            self.waiting.insert(0, job)
            return f"job {job.key}: {what}; it is done again"
        error = DescentError(
            f"was given up: {what}, every time",
            where=f"job {job.key} ({job.call})",
            do="look at what it reads, or lower --workers if memory ran out",
        )
        self._fail(job, error)
        return ""

    def _fail(self, job: Job, error: DescentError) -> None:
        self.outcome.failed.append(Failure(job.key, error))
        if not isinstance(error, Damaged):
            self.halted = True

    def _tell(self, note: str) -> None:
        if self.report is None:
            return
        done = self.outcome.results
        weight = sum(self.jobs[key].weight for key in done)
        total = sum(job.weight for job in self.jobs.values())
        made = sum(self.jobs[key].weight for key in self.outcome.made)
        rate = made / max(1e-9, time.monotonic() - self.began) if made else None
        eta = (total - weight) / rate if rate else None
        count = len(self.jobs)
        state = (tuple(self.running), self.outcome.interrupted, note)
        self.report(Progress(len(done), count, weight, total, rate, eta, *state))
