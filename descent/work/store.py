"""Where finished jobs lie: files named by their key, each with a small JSON. No ledger."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from descent.errors import DescentError
from descent.model import Job
from descent.tools.files import FileLock, sweep, write_text

VERSION = "job.1"


class Store:
    """A folder of finished jobs; `path(out)` is where a job's out lies."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)

    def path(self, out: str) -> Path:
        """An out's path: relative names lie in the store."""
        return self.folder / out

    def outs(self, job: Job) -> tuple[Path, ...]:
        """The paths that a job writes."""
        return tuple(self.path(out) for out in job.outs)

    def result(self, job: Job) -> dict[str, Any] | None:
        """What a finished job returned, or None if it has to be done (again).

        Done means: its JSON is whole and of this version, and every out is there with the
        size it had. What the JSON's own words promise was checked before it was written.
        """
        try:
            read = json.loads(self._record(job).read_bytes())
            if read["version"] != VERSION or read["key"] != job.key:
                return None
            sizes = {str(k): int(v) for k, v in read["outs"].items()}
            if sizes != {out: self.path(out).stat().st_size for out in job.outs}:
                return None
            return dict(read["result"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def finish(self, job: Job, result: Mapping[str, Any] | None) -> dict[str, Any]:
        """Note a job as done; raises `DescentError` if it left an out unwritten."""
        missing = [out for out in job.outs if not self.path(out).is_file()]
        if missing:
            raise DescentError(f"did not write {', '.join(missing)}", where=f"job {job.key}")
        values = dict(result or {})
        record = {
            "version": VERSION,
            "key": job.key,
            "call": job.call,
            "outs": {out: self.path(out).stat().st_size for out in job.outs},
            "result": values,
        }
        write_text(self._record(job), json.dumps(record, sort_keys=True, indent=1) + "\n")
        return values

    def _record(self, job: Job) -> Path:
        return self.folder / f"{job.key}.json"

    def sweep(self, jobs: tuple[Job, ...] = ()) -> list[Path]:
        """Remove what dead writers left in the store and where `jobs` write."""
        folders = {self.folder, *(path.parent for job in jobs for path in self.outs(job))}
        return [path for folder in sorted(folders) for path in sweep(folder)]

    @contextmanager
    def held(self, wait_s: float | None) -> Iterator[None]:
        """The store for this run alone; raises `DescentError` saying who holds it.

        A larger `wait_s` waits longer for the other run to end (None: for ever).
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        holder = self.folder / ".holder.json"
        lock = FileLock(self.folder / ".lock", wait_s=wait_s)
        if not lock.acquire():
            raise DescentError(
                f"is in use by {_who(holder)}",
                where=str(self.folder),
                do="wait for that run to end, or stop it",
            )
        try:
            me = {"pid": os.getpid(), "host": socket.gethostname(), "since": int(time.time())}
            write_text(holder, json.dumps(me))
            yield
        finally:
            holder.unlink(missing_ok=True)
            lock.release()


def _who(holder: Path) -> str:
    try:
        read = json.loads(holder.read_bytes())
        since = time.strftime("%H:%M", time.localtime(read["since"]))
        return f"process {read['pid']} on {read['host']}, since {since}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another run"
