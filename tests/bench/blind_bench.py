"""The last step of blind estimation, chosen on pictures that no table is scored on.

Run it from the project's folder: `python -m tests.bench.blind_bench [made|levin] [FIRST LAST]`.
Kodak and McMaster crops blurred by made-up shakes, other kernels and other scenes than the
Levin pictures: each way to finish a kernel is held against the true one. `levin` scores the
same ways on the eight pictures of the table, to be looked at afterwards.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import cv2
import numpy as np
from PIL import Image

from descent.restore import blind
from descent.restore.deconvolve import MODEL_ERROR, deconvolve, noise_of
from descent.restore.psf import motion_kernel
from descent.tools import tiles
from tests.bench.scoring import DATA, Picture, apart

SIDE, NOISE = 255, 0.0015
Case = tuple[str, Picture, Picture, Picture]


def shake(seed: int) -> Picture:
    """A kernel (odd, odd) of a hand's shake: a speed that wanders, 8 to 22 px across."""
    rng = np.random.default_rng((41, seed))
    speed = np.zeros((400, 2))
    for k in range(1, len(speed)):
        speed[k] = 0.985 * speed[k - 1] + rng.standard_normal(2)
    path = np.cumsum(speed + rng.normal(0, 2, 2), axis=0)
    path *= rng.uniform(8, 22) / np.ptp(path, axis=0).max()
    path -= (path.max(axis=0) + path.min(axis=0)) / 2
    kernel = np.asarray(motion_kernel(path[::8]), np.float32)
    side = max(kernel.shape) | 1
    out = np.zeros((side, side), np.float32)
    top, left = side // 2 - kernel.shape[0] // 2, side // 2 - kernel.shape[1] // 2
    out[top : top + kernel.shape[0], left : left + kernel.shape[1]] = kernel
    return out


def made() -> Iterator[Case]:
    """Name, blurred picture, truth and kernel of each made-up case."""
    paths = [*sorted((DATA / "kodak").iterdir()), *sorted((DATA / "mcmaster").iterdir())]
    for n, path in enumerate(paths):
        grey = np.asarray(Image.open(path).convert("L"), np.float32) / np.float32(255)
        kernel = shake(n)
        wide = cv2.filter2D(grey, cv2.CV_32F, kernel[::-1, ::-1].copy())
        top, left = (grey.shape[0] - SIDE) // 2, (grey.shape[1] - SIDE) // 2
        part = (slice(top, top + SIDE), slice(left, left + SIDE))
        noisy = wide[part] + np.random.default_rng(n).normal(0, NOISE, (SIDE, SIDE))
        codes = np.clip(np.rint(noisy * 255), 0, 255).astype(np.float32)
        yield f"{path.parent.name}/{path.stem}", codes / np.float32(255), grey[part], kernel


def levin() -> Iterator[Case]:
    """The eight pictures of the table."""
    folder = DATA / "deblur" / "levin"
    for path in sorted(folder.glob("im*.png")):
        scene, number = path.stem.split("_")[:2]
        truth = np.asarray(Image.open(folder / "gt" / f"{scene}.png").convert("L"), np.float32)
        kernel = np.load(folder / "gt" / f"{number}_conv.npy").astype(np.float32)
        taken = np.asarray(Image.open(path).convert("L"), np.float32) / np.float32(255)
        yield path.stem, taken, truth / np.float32(255), kernel


def ways(grey: Picture, size: int) -> dict[str, Picture]:
    """The kernel that each last step ends with, all from the same seven climbs."""
    noise = float(np.hypot(noise_of(grey), MODEL_ERROR))
    room = max(min((size + 2 * -(-size // 5)) | 1, (min(grey.shape) // 2 - 1) | 1), size)
    climbs = [blind._climb(grey, room, s) for s in blind._SCHEDULES]
    cache_: dict[int, float] = {}

    def flaw(kernel: Picture, share: float = blind._SHARE) -> float:
        key = hash((kernel.tobytes(), share))
        if key not in cache_:
            cache_[key] = blind._flaw(grey, kernel, noise, share)
        return cache_[key]

    climbs.sort(key=flaw)

    @cache
    def natural(k: int, rounds: int) -> Any:
        return climbs[k] if not rounds else blind._natural(grey, natural(k, rounds - 1), noise)

    def best(kernels: list[Picture], share: float = blind._SHARE) -> Picture:
        return min(kernels, key=lambda k: flaw(k, share))

    found = {"few edges only": climbs[0]}
    for rounds in (1, 2, 3, 5):
        found[f"best of 3, natural x {rounds}"] = best([natural(k, rounds) for k in range(3)])
    found["best of 1, natural x 3"] = natural(0, 3)
    found["best of 7, natural x 3"] = best([natural(k, 3) for k in range(7)])
    every = [natural(k, r) for k in range(3) for r in range(4)]
    found["best of all of 3, 0 to 3 rounds"] = best(every)
    soft: list[Picture] = []
    quiet, blind._QUIET = blind._QUIET, 0.0
    for k in range(3):
        soft += blind._finished(grey, climbs[k], noise)
    blind._QUIET = quiet
    found["softer edges too"] = best(soft)
    found["softer edges too, share 0.6"] = best(soft, blind._SHARE_NOISY)
    return {name: blind._fitted(kernel, size) for name, kernel in found.items()}


def main(cases: Callable[[], Iterator[Case]], first: int, last: int) -> None:
    """One line a case and way: decibels and error ratio."""
    tiles.set_threads(1)
    for n, (name, taken, truth, kernel) in enumerate(cases()):
        if not first <= n < last:
            continue
        start = time.process_time()
        true = apart(deconvolve(taken, kernel), truth)
        before = apart(taken, truth)
        print(f"{name}|as taken|{-10 * np.log10(before):.2f}|{before / true:.3f}", flush=True)
        print(f"{name}|true kernel|{-10 * np.log10(true):.2f}|1", flush=True)
        for way, found in ways(taken, len(kernel)).items():
            error = apart(deconvolve(taken, found), truth)
            print(f"{name}|{way}|{-10 * np.log10(error):.2f}|{error / true:.3f}", flush=True)
        print(f"# {name}: {time.process_time() - start:.0f} CPU s, {len(kernel)} px", flush=True)


if __name__ == "__main__":
    words = sys.argv[1:]
    main(
        levin if words[:1] == ["levin"] else made,
        int(words[1]) if len(words) > 1 else 0,
        int(words[2]) if len(words) > 2 else 99,
    )
