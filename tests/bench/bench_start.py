"""How long `descent --help` takes, as a multiple of an interpreter that does nothing."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

RUNS = 25
MOST = 12.0  # times an empty interpreter's start


def least_s(command: list[str]) -> float:
    """The shortest of several runs in s: what else the machine does only ever adds."""
    took = []
    for _ in range(RUNS):
        start = time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)  # noqa: S603
        took.append(time.perf_counter() - start)
    return min(took)


def test_help_starts_fast() -> None:
    """`descent --help` takes under 12 times an empty interpreter's start."""
    empty = least_s([sys.executable, "-c", "pass"])
    help_ = least_s([str(Path(sys.executable).with_name("descent")), "--help"])
    print(f"\nempty {1e3 * empty:.1f} ms, --help {1e3 * help_:.1f} ms: {help_ / empty:.1f} times")
    assert help_ / empty < MOST
