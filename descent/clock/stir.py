"""What moves in front of a fixed camera: its pictures' changes, kept small."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from descent.clock.sweep import Floats, Singles, Sweep, flow, sweep

LONG_SIDE_PX = 160
STIR_PX = 108
"""What stirs is looked at smaller still: lines of a pencil are wider than a picture's pixels."""

MOST_PICTURES = 4000
"""More are not looked at: memory stays at 60 MB a camera however long the clip is."""

_SOFT_DN = 5.0  # a change this large counts half of one that is huge
_DUPLICATE_DN = 1e-3


@dataclass(frozen=True, slots=True)
class Stir:
    """Changes between pictures as a list: `frame`, `pixel` and `size` (k,), on an even grid.

    `x` and `y` (pixels,) are in long sides from the picture's middle; row n of `count` was
    seen at `start_s + n * step_s`.
    """

    frame: NDArray[np.int32]
    pixel: NDArray[np.int32]
    size: Singles
    x: Singles
    y: Singles
    start_s: float
    step_s: float
    count: int

    def cut(self, first: int, last: int) -> Stir:
        """The rows from `first` up to `last`: none where there are none."""
        first = min(max(first, 0), self.count)
        last = min(max(last, first), self.count)
        i, j = np.searchsorted(self.frame, (first, last))
        return Stir(
            self.frame[i:j] - np.int32(first), self.pixel[i:j], self.size[i:j], self.x, self.y,
            self.start_s + first * self.step_s, self.step_s, last - first,
        )  # fmt: skip

    def backwards(self) -> Stir:
        """The same run backwards: as lively, and never what the other camera saw."""
        order = np.argsort(self.count - 1 - self.frame, kind="stable")
        return Stir(
            (np.int32(self.count - 1) - self.frame[order]).astype(np.int32), self.pixel[order],
            self.size[order], self.x, self.y, self.start_s, self.step_s, self.count,
        )  # fmt: skip


@dataclass(slots=True)
class Watched:
    """A fixed camera's small pictures (n, rows, cols) and their stamps (n,), s from `epoch`."""

    times: Floats
    pictures: NDArray[np.uint8]
    epoch: int
    step_s: float
    kept: dict[Any, Any] = field(default_factory=dict)
    _stirs: dict[int, Stir] = field(default_factory=dict)
    _flows: dict[tuple[int, int, bool], Singles] = field(default_factory=dict)

    def stir(self, interval_s: float) -> Stir:
        """What changes within about `interval_s`, on the camera's own grid."""
        apart = max(1, round(interval_s / self.step_s))
        if apart not in self._stirs:
            self._stirs[apart] = _stir(self, apart)
        return self._stirs[apart]

    def sweep(
        self, interval_s: float, first: int = 0, last: int | None = None, *, rough: bool = False
    ) -> Sweep:
        """How it moves within about `interval_s`, in rows `first` up to `last` of `stir`."""
        apart = max(1, round(interval_s / self.step_s))
        start_s, count = _grid(self, apart)
        return sweep(self, apart, start_s, first, count if last is None else last, rough=rough)

    def flow(self, k: int, apart: int, rough: bool = False) -> Singles:
        """The flow from picture k to the one `apart` later, as `sweep.flow` gives it."""
        key = k, apart, rough
        if key not in self._flows:
            self._flows[key] = flow(self.pictures[k], self.pictures[k + apart], rough)
        return self._flows[key]


def watch(times: Any, pictures: Iterable[NDArray[Any]], *, most: int = MOST_PICTURES) -> Watched:
    """A fixed camera's pictures made small as they come; at most `most` are kept.

    `times` (n,) are stamps in s, rising; pictures are grey (rows, cols), uint8 or float on
    that scale, of one size. Pictures are let go one by one. A picture that repeats the one
    before tells nothing and is left out. ValueError where the two do not go together.
    """
    stamps = np.asarray(times, dtype=np.float64)
    if stamps.ndim != 1 or len(stamps) < 2 or not (np.diff(stamps) > 0).all():
        raise ValueError("times must be two or more finite stamps that rise")
    epoch = int(np.floor(stamps[0]))
    kept: list[NDArray[np.uint8]] = []
    when: list[float] = []
    for time, picture in zip(stamps[:most], pictures, strict=False):
        small = thumb(picture)
        if kept and small.shape != kept[-1].shape:
            raise ValueError(f"pictures change size: {kept[-1].shape}, then {small.shape}")
        if kept and cv2.norm(small, kept[-1], cv2.NORM_L1) < _DUPLICATE_DN * small.size:
            continue
        kept.append(small)
        when.append(float(time) - epoch)
    if not kept:
        raise ValueError("there are no pictures")
    gaps = np.diff(when) if len(when) > 1 else np.diff(stamps)
    return Watched(np.array(when), np.stack(kept), epoch, float(np.median(gaps)))


def thumb(picture: NDArray[Any], long_side_px: int = LONG_SIDE_PX) -> NDArray[np.uint8]:
    """A grey picture (rows, cols) made at most `long_side_px` long."""
    if picture.ndim != 2:
        raise ValueError(f"pictures must be grey (rows, cols), not {picture.shape}")
    rows, cols = picture.shape
    scale = long_side_px / max(rows, cols)
    if scale < 1:
        size = max(2, round(cols * scale)), max(2, round(rows * scale))
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    if picture.dtype != np.uint8:
        picture = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
    return np.asarray(picture, np.uint8)


def _grid(seen: Watched, apart: int) -> tuple[float, int]:
    """An even grid of times on which most changes over `apart` pictures fall: start, rows."""
    middles, step = (seen.times[apart:] + seen.times[:-apart]) / 2, seen.step_s
    if len(middles) < 2:
        middles = np.array([seen.times[0], seen.times[0] + step])
    phase = np.angle(np.exp(2j * np.pi * middles / step).sum()) / (2 * np.pi)
    start_s = (np.floor(middles[0] / step - phase + 1e-3) + phase) * step
    return float(start_s), int(np.ceil((middles[-1] - start_s) / step - 1e-3)) + 1


def _stir(seen: Watched, apart: int) -> Stir:
    pictures = [thumb(picture, STIR_PX) for picture in seen.pictures]
    rows, cols = pictures[0].shape
    middles, step = (seen.times[apart:] + seen.times[:-apart]) / 2, seen.step_s
    # Most frames fall on the grid's rows; only late ones are shared between two.
    start, count = _grid(seen, apart)
    floor = _noise(pictures, apart)
    row_parts, pixel_parts, size_parts = [], [], []
    ends = seen.times[apart:] - seen.times[:-apart]
    soft = [_soft(picture) for picture in pictures[:apart]]
    for k in range(len(pictures) - apart):
        soft.append(_soft(pictures[k + apart]))
        change = cv2.absdiff(soft[-1], soft.pop(0)) - floor
        if ends[k] > (apart + 0.6) * step:  # across a drop-out: not a change like the others
            continue
        flat = change.ravel()
        pixels = np.flatnonzero(flat > 0)
        sizes = flat[pixels] / (flat[pixels] + np.float32(_SOFT_DN))
        row = (middles[k] - start) / step
        low = max(int(row + 0.02), 0)
        part = max(row - low, 0.0)
        for at, share in ((low, 1 - part), (low + 1, part)):
            if share > 0.02 and at < count:
                row_parts.append(np.full(len(pixels), at, np.int32))
                pixel_parts.append(pixels.astype(np.int32))
                size_parts.append(sizes * np.float32(share))
    y, x = np.mgrid[:rows, :cols].astype(np.float32)
    long_side = max(rows, cols)
    where = ((x - (cols - 1) / 2) / long_side).ravel(), ((y - (rows - 1) / 2) / long_side).ravel()
    frame = np.concatenate(row_parts) if row_parts else np.zeros(0, np.int32)
    order = np.argsort(frame, kind="stable")
    pixel = np.concatenate(pixel_parts) if pixel_parts else np.zeros(0, np.int32)
    size = np.concatenate(size_parts) if size_parts else np.zeros(0, np.float32)
    return Stir(
        frame[order], pixel[order], size[order].astype(np.float32), *where,
        start, step, count,
    )  # fmt: skip


def _soft(picture: NDArray[np.uint8]) -> Singles:
    return np.asarray(cv2.GaussianBlur(picture.astype(np.float32), (0, 0), 0.7), np.float32)


def _noise(pictures: Sequence[NDArray[np.uint8]], apart: int) -> float:
    """What a change must exceed to be motion, DN: where most of the picture is still."""
    some = np.linspace(0, len(pictures) - apart - 1, 12).astype(int)
    if len(pictures) <= apart:
        return 1.2
    still = [
        float(np.median(cv2.absdiff(_soft(pictures[k + apart]), _soft(pictures[k])))) for k in some
    ]
    return max(1.2, 3.0 * float(np.median(still)))
