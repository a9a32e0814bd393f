"""A command's wall time, CPU time and peak memory, its whole process tree together."""

from __future__ import annotations

import os
import re
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

EVERY_S = 0.1  # between looks at the memory


@dataclass(frozen=True, slots=True)
class Cost:
    """What a command took: seconds of wall and of CPU, and MB of summed PSS at the peak.

    The peak is 0 where it was not looked at.
    """

    wall_s: float
    cpu_s: float
    peak_mb: float


def measure(
    command: Sequence[str], environment: Mapping[str, str] | None = None, *, memory: bool
) -> Cost:
    """Run `command`, and watch its tree's `memory`, which holds up whoever maps some meanwhile.

    Raises `CalledProcessError` with what it said.
    """
    before = os.times()
    start = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603
        list(command),
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    peak = 0.0
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(EVERY_S):
            peak = max(peak, tree_mb(process.pid))

    watcher = threading.Thread(target=watch)
    if memory:
        watcher.start()
    said, _ = process.communicate()
    wall = time.perf_counter() - start
    done.set()
    if memory:
        watcher.join()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, said)
    after = os.times()
    cpu = after.children_user + after.children_system
    return Cost(wall, cpu - before.children_user - before.children_system, peak)


def tree_mb(pid: int) -> float:
    """The proportional set sizes of a process and all below it, added up, in MB."""
    try:
        root = psutil.Process(pid)
        family = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0.0
    return sum(_pss_mb(p.pid) for p in family)


def _pss_mb(pid: int) -> float:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii")
    except OSError:
        return 0.0
    found = re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)
    return int(found.group(1)) / 1024 if found else 0.0
