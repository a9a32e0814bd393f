"""Who does the jobs: threads in this process, or worker processes that may die."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Queue
from typing import IO, Any, Literal, Protocol

from descent.errors import DescentError
from descent.model import Job
from descent.work.worker import call, read_message, write_message


@dataclass(frozen=True, slots=True)
class Event:
    """What became of a job: a result, an error, or its worker gone (`what` says how)."""

    key: str
    kind: Literal["done", "error", "lost"]
    result: Mapping[str, Any] | None = None
    error: DescentError | None = None
    what: str = ""


class Crew(Protocol):
    """What the conductor asks of those who work; another kind (a farm) has these four.

    `events` tells what became of each job that was handed over.
    """

    events: Queue[Event]

    def room(self) -> bool:
        """Whether one more job is welcome now."""

    def start(self, job: Job, outs: tuple[Path, ...]) -> None:
        """Hand over a job and the paths it writes."""

    def kill(self) -> None:
        """Stop everything at once."""

    def close(self) -> None:
        """Let everyone go; called when nothing runs."""


class Here:
    """Jobs in threads of this process: `overlap` at once."""

    def __init__(self, overlap: int) -> None:
        self.events: Queue[Event] = Queue()
        self._free = self._overlap = overlap
        self._changed = threading.Condition()

    def room(self) -> bool:
        """Whether fewer than `overlap` jobs are running."""
        return self._free > 0

    def start(self, job: Job, outs: tuple[Path, ...]) -> None:
        """Run a job in a thread of its own."""
        with self._changed:
            self._free -= 1
        threading.Thread(target=self._do, args=(job, outs), daemon=True).start()

    def _do(self, job: Job, outs: tuple[Path, ...]) -> None:
        event = _event(job.key, call(job, outs))
        with self._changed:
            self._free += 1
            self._changed.notify_all()
        self.events.put(event)

    def kill(self) -> None:
        """Wait for the jobs to reach a checkpoint; a thread cannot be killed."""
        with self._changed:
            self._changed.wait_for(lambda: self._free == self._overlap, timeout=10)

    def close(self) -> None:
        """Nothing is held."""


def _event(key: str, answer: tuple[str, Any]) -> Event:
    kind, value = answer
    if kind == "done":
        return Event(key, "done", result=value)
    return Event(key, "error", error=value)


@dataclass(eq=False)
class _Worker:
    process: subprocess.Popen[bytes]
    running: set[str] = field(default_factory=set)
    listener: threading.Thread = field(default_factory=threading.Thread)

    @property
    def pipe(self) -> IO[bytes]:
        pipe = self.process.stdin
        if pipe is None:
            raise AssertionError("a worker without a pipe")
        return pipe


class Pool:
    """`workers` processes, one job at once in each; a dead one is replaced.

    A worker reads its jobs from a pipe that only this process holds open: when this process
    ends, however it ends, the pipe does, and with it the worker. Plain pipes and a thread
    a worker work alike on Linux, macOS and Windows.
    """

    def __init__(self, workers: int) -> None:
        self.events: Queue[Event] = Queue()
        self._most = workers
        self._workers: list[_Worker] = []
        self._lock = threading.Lock()

    def room(self) -> bool:
        """Whether a worker is idle, or one more may be started."""
        with self._lock:
            return len(self._workers) < self._most or self._idle() is not None

    def _idle(self) -> _Worker | None:
        return next((w for w in self._workers if not w.running), None)

    def start(self, job: Job, outs: tuple[Path, ...]) -> None:
        """Send a job to an idle worker, starting one if there is none."""
        with self._lock:
            worker = self._idle() or self._hire()
            worker.running.add(job.key)
        with suppress(OSError):  # it just died: its listener tells the job as lost
            write_message(worker.pipe, (job, outs))

    def _hire(self) -> _Worker:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p or "." for p in sys.path)}
        flags: dict[str, Any] = {"start_new_session": True}  # Ctrl-C is the conductor's to hear
        if sys.platform == "win32":
            flags = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
        process = subprocess.Popen(
            [sys.executable, "-c", "from descent.work.worker import main; main()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            **flags,
        )
        worker = _Worker(process)
        self._workers.append(worker)
        worker.listener = threading.Thread(target=self._listen, args=(worker,), daemon=True)
        worker.listener.start()
        return worker

    def _listen(self, worker: _Worker) -> None:
        answers = worker.process.stdout
        while answers is not None:
            try:
                key, answer = read_message(answers)
            except (EOFError, OSError, pickle.UnpicklingError):
                break
            with self._lock:
                worker.running.discard(key)
            self.events.put(_event(key, answer))
        code = worker.process.wait()
        for pipe in (worker.process.stdin, worker.process.stdout):
            with suppress(OSError):
                if pipe is not None:
                    pipe.close()
        with self._lock:
            self._workers.remove(worker)
            lost, worker.running = worker.running, set()
        what = f"signal {-code}" if code < 0 else f"exit code {code}"
        for key in sorted(lost):
            self.events.put(Event(key, "lost", what=f"its worker ended by {what}"))

    def kill(self) -> None:
        """End every worker now."""
        with self._lock:
            workers = list(self._workers)
        for worker in workers:
            worker.process.kill()
        for worker in workers:
            worker.listener.join()

    def close(self) -> None:
        """Let idle workers go, and wait until they have."""
        with self._lock:
            workers = list(self._workers)
        for worker in workers:
            with suppress(OSError):
                worker.pipe.close()
        for worker in workers:
            worker.listener.join()
