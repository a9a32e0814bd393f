"""Rows of a picture shared out to threads, the same bytes for any number of them."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

_limit: list[int] = []


def set_threads(count: int) -> None:
    """Use at most `count` threads for one picture from now on; workers of a pool set 1."""
    if count < 1:
        raise ValueError(f"threads must be at least 1, not {count}")
    _limit[:] = [count]


def threads() -> int:
    """How many threads work on one picture: what was set, else the cores this process may use."""
    if _limit:
        return _limit[0]
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@cache
def _pool(pid: int, count: int) -> ThreadPoolExecutor:  # noqa: ARG001 - a fork needs its own
    return ThreadPoolExecutor(count, thread_name_prefix="rows")


def over_rows(work: Callable[[int, int], object], rows: int, *, grain: int = 64) -> None:
    """Call `work(first, last)` for half-open bands that cover 0 to `rows`.

    The bands depend on `rows` and `grain` (rows a band) alone, never on the number of
    threads, and `work` must write only its own rows: so the result cannot depend on either.
    """
    bands = [(first, min(first + grain, rows)) for first in range(0, rows, grain)]
    count = min(threads(), len(bands))
    if count <= 1:
        for first, last in bands:
            work(first, last)
        return
    # list() waits for all of them and lets the first error through.
    list(_pool(os.getpid(), count).map(lambda band: work(*band), bands))
