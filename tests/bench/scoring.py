"""How restored pictures are scored and what making them costs: time, CPU, peak memory."""

from __future__ import annotations

import ctypes
import gc
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
Picture = NDArray[np.float32]


class Cost(NamedTuple):
    """Of one call: wall and CPU milliseconds, and how far memory rose above what was held."""

    wall_ms: float
    cpu_ms: float
    peak_mib: float

    def __str__(self) -> str:
        return f"{self.wall_ms:9.1f}{self.cpu_ms:9.1f}{self.peak_mib:9.1f}"


COSTS = f"{'ms':>9}{'CPU ms':>9}{'MiB':>9}"


def best_time(work: Callable[[], object], times: int = 9) -> tuple[float, float]:
    """Wall and CPU seconds of the better runs (their lower quartile)."""
    work()
    wall, cpu = [], []
    for _ in range(times):
        a, b = time.perf_counter(), time.process_time()
        work()
        wall.append(time.perf_counter() - a)
        cpu.append(time.process_time() - b)
    return float(np.percentile(wall, 25)), float(np.percentile(cpu, 25))


def cost_of(work: Callable[[], object], times: int = 5) -> Cost:
    """What one call of `work` takes, once all is compiled; its result counts as memory."""
    wall, cpu = best_time(work, times)
    return Cost(1e3 * wall, 1e3 * cpu, peak_mib(work))


def peak_mib(work: Callable[[], object]) -> float:
    """How many MiB a call needs beyond what this process holds; nan but on Linux."""
    if not sys.platform.startswith("linux"):
        return float("nan")
    gc.collect()
    # What earlier rows freed and the allocator kept would be used again unseen.
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5", "ascii")
    before = _status_kib("VmRSS")
    work()
    return (_status_kib("VmHWM") - before) / 1024


def _status_kib(name: str) -> int:
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


def mosaic(rgb: NDArray[Any]) -> NDArray[Any]:
    """An RGGB mosaic of an RGB picture."""
    out = np.ascontiguousarray(rgb[..., 1])
    out[::2, ::2], out[1::2, 1::2] = rgb[::2, ::2, 0], rgb[1::2, 1::2, 2]
    return out


def psnr(made: NDArray[Any], truth: NDArray[Any], white: float = 1.0) -> float:
    """PSNR in dB, 8 px off each border."""
    apart_ = (made.astype(np.float64) - truth)[8:-8, 8:-8]
    return float(10 * np.log10(white**2 / np.mean(apart_**2)))


def cpsnr(made: Picture, truth: Picture) -> float:
    """CPSNR in dB on 8-bit codes, 8 px off each border."""
    codes = np.clip(np.rint(made * 255), 0, 255)
    return psnr(codes, np.rint(truth * 255), 255)


def apart(made: Picture, truth: Picture) -> float:
    """Mean squared error over the best shift within 7 px, in quarters, 25 px off each border."""
    rows, cols = truth.shape
    inside = (slice(25, rows - 25), slice(25, cols - 25))

    def error(y: float, x: float) -> float:
        move = np.array([[1, 0, x], [0, 1, y]], np.float32)
        moved = cv2.warpAffine(made, move, (cols, rows), flags=cv2.INTER_CUBIC)
        return float(((moved[inside] - truth[inside]).astype(np.float64) ** 2).mean())

    whole = {(y, x): error(y, x) for y in range(-7, 8) for x in range(-7, 8)}
    y, x = min(whole, key=whole.__getitem__)
    return min(error(y + a / 4, x + b / 4) for a in range(-4, 5) for b in range(-4, 5))


def affine_db(picture: NDArray[Any], truth: NDArray[Any], edge: int = 40, reach: int = 4) -> float:
    """PSNR after the best whole-pixel shift and a line fitted to each channel."""
    rows, cols = truth.shape[:2]
    want, best = truth[edge:-edge, edge:-edge], -np.inf
    for dy in range(-reach, reach + 1):
        for dx in range(-reach, reach + 1):
            part = picture[edge + dy : rows - edge + dy, edge + dx : cols - edge + dx]
            errors = []
            for k in range(3):
                x, y = part[..., k].ravel().astype(np.float64), want[..., k].ravel()
                slope = np.cov(x, y, bias=True)[0, 1] / x.var()
                errors.append(np.mean((y - y.mean() - slope * (x - x.mean())) ** 2))
            best = max(best, float(-10 * np.log10(np.mean(errors))))
    return best
