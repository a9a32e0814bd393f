"""Resampling along rows and columns: one cubic kernel, antialiased, the same on every processor.

Planes are resampled in integers, linear light in float32 in one fixed order, never through
a library whose result depends on the processor. The kernel is Catmull-Rom (Keys 1981,
a = -1/2): it passes through the samples, so nothing moves or blurs at scale 1, and it is
stretched by the scale where a picture shrinks, so that nothing aliases. Outside the picture
its edge samples repeat.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from descent.tools.compiled import kernel

i32 = np.int32

#: Bits of the integer weights; each output sample's weights sum to exactly 1 << 14.
WEIGHT_BITS = 14
#: Output rows worked on at once: small enough that both passes stay in the cache.
STRIP = 64


@dataclass(frozen=True, slots=True)
class Axis:
    """Where `count` output samples lie along one axis of the source.

    Output sample k reads source position `start + k * step`, in samples, where 0 is the
    centre of the first source sample; `step` above 1 shrinks. Equal axes share their
    weights.
    """

    count: int
    start: float
    step: float

    @property
    def whole(self) -> bool:
        """Whether every output sample is exactly a source sample: then it is copied."""
        return self.step == 1.0 and self.start == round(self.start)


def cubic(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """The Catmull-Rom kernel at `distance` in samples."""
    a = np.abs(distance)
    near = (1.5 * a - 2.5) * a * a + 1.0
    far = ((-0.5 * a + 2.5) * a - 4.0) * a + 2.0
    return np.where(a < 1, near, np.where(a < 2, far, 0.0))


def taps(axis: Axis, length: int) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """First source sample (count,) and weights (count, n) of every output sample.

    Weights sum to 1; those that would fall outside 0 to `length` are added to the edge.
    """
    widen = max(1.0, axis.step)
    centre = axis.start + np.arange(axis.count) * axis.step
    reach = 2.0 * widen
    n = int(np.ceil(2 * reach))
    first = np.floor(centre - reach).astype(np.int64) + 1
    at = first[:, None] + np.arange(n)
    weights = cubic((centre[:, None] - at) / widen)
    weights /= weights.sum(axis=1, keepdims=True)
    keep = min(n, length)
    start = np.clip(first, 0, length - keep)
    folded = np.zeros((axis.count, keep))
    column = np.clip(at, 0, length - 1) - start[:, None]
    np.add.at(folded, (np.arange(axis.count)[:, None], np.clip(column, 0, keep - 1)), weights)
    return start.astype(np.int32), folded


@lru_cache(maxsize=256)
def _integer_taps(axis: Axis, length: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    first, weights = taps(axis, length)
    whole = np.rint(weights * (1 << WEIGHT_BITS)).astype(np.int32)
    # What rounding took goes to the largest weight: flat areas stay exactly flat.
    largest = np.argmax(whole, axis=1)
    whole[np.arange(axis.count), largest] += (1 << WEIGHT_BITS) - whole.sum(axis=1)
    return first, whole


@lru_cache(maxsize=64)
def _float_taps(axis: Axis, length: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    first, weights = taps(axis, length)
    return first, weights.astype(np.float32)


@kernel
def _mix(source: Any, first: Any, weights: Any, shift: Any, low: Any, high: Any, out: Any) -> None:
    """Rows of `out` as weighted sums of rows of `source`, shifted and clipped."""
    rows, cols = out.shape
    n = weights.shape[1]
    half = i32(1 << (shift - 1))
    total = np.empty(cols, np.int32)
    for row in range(rows):
        at, into = first[row], out[row]
        if n == 4:  # nearly always: kept in registers
            a, b, c, d = source[at], source[at + 1], source[at + 2], source[at + 3]
            wa, wb, wc, wd = weights[row, 0], weights[row, 1], weights[row, 2], weights[row, 3]
            for x in range(cols):
                value = i32(
                    i32(wa * i32(a[x])) + i32(wb * i32(b[x])) + i32(wc * i32(c[x]))
                    + i32(wd * i32(d[x])) + half
                )  # fmt: skip
                into[x] = min(max(i32(value >> shift), low), high)
            continue
        total[:] = half
        for t in range(n):
            weight, line = weights[row, t], source[at + t]
            if weight != 0:
                for x in range(cols):
                    total[x] = i32(total[x] + i32(weight * i32(line[x])))
        for x in range(cols):
            into[x] = min(max(i32(total[x] >> shift), low), high)


@kernel
def _mix_float(source: Any, first: Any, weights: Any, out: Any) -> None:
    """Rows of float32 `out` as weighted sums of rows of `source`, in order."""
    rows, cols = out.shape
    n = weights.shape[1]
    for row in range(rows):
        into = out[row]
        line, weight = source[first[row]], weights[row, 0]
        for x in range(cols):
            into[x] = weight * line[x]
        for t in range(1, n):
            line, weight = source[first[row] + t], weights[row, t]
            for x in range(cols):
                into[x] += weight * line[x]


def resample_plane(
    plane: NDArray[Any],
    down: Axis,
    across: Axis,
    *,
    low: int,
    high: int,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """An integer plane (rows, cols), 8 or up to 12 bits, on other rows and columns.

    The result has `down.count` rows and `across.count` columns, the plane's type, rounded
    once at full precision and once to 1/4 level or finer on the way, clipped to `low` to
    `high`. Axes that fall on whole samples are copied exactly. `out` may be a window of a
    larger plane to write into.
    """
    if out is None:
        out = np.empty((down.count, across.count), plane.dtype)
    if down.whole and across.whole:
        out[:] = _copied(_copied(plane, down, 0), across, 1)
        return out
    spare = 14 - (8 if plane.dtype == np.uint8 else 12)  # fraction bits between the passes
    wide = (-(1 << 15), (1 << 15) - 1)
    left, right, across = _needed(across, plane.shape[1])
    plane = np.ascontiguousarray(plane[:, left:right])
    rows = None if down.whole else _integer_taps(down, plane.shape[0])
    cols = None if across.whole else _integer_taps(across, plane.shape[1])
    if cols is None:
        assert rows is not None
        plane = np.ascontiguousarray(_copied(plane, across, 1))
        whole = np.empty(out.shape, out.dtype)  # a window of a larger plane would be slow
        _mix(plane, *rows, i32(WEIGHT_BITS), i32(low), i32(high), whole)
        out[:] = whole
        return out
    for top in range(0, down.count, STRIP):
        last = min(top + STRIP, down.count)
        if rows is None:
            strip = _copied(plane, Axis(last - top, down.start + top, 1.0), 0).astype(np.int16)
            strip <<= spare
        else:
            strip = np.empty((last - top, plane.shape[1]), np.int16)
            part = (rows[0][top:last], rows[1][top:last])
            _mix(plane, *part, i32(WEIGHT_BITS - spare), i32(wide[0]), i32(wide[1]), strip)
        # Columns are rows of the transpose: there the compiler works on many at once.
        mixed = np.empty((across.count, last - top), plane.dtype)
        shift = i32(WEIGHT_BITS + spare)
        _mix(cv2.transpose(strip), *cols, shift, i32(low), i32(high), mixed)
        out[top:last] = cv2.transpose(mixed)
    return out


def resample_linear(picture: NDArray[np.float32], down: Axis, across: Axis) -> NDArray[np.float32]:
    """Linear light (rows, cols) or (rows, cols, 3), float32, on other rows and columns.

    Overshoot is left in: what follows clips.
    """
    if down.whole and across.whole:
        return np.ascontiguousarray(_copied(_copied(picture, down, 0), across, 1))
    left, right, across = _needed(across, picture.shape[1])
    source = np.ascontiguousarray(picture[:, left:right])
    tail, channels = picture.shape[2:], 1 if picture.ndim == 2 else picture.shape[2]
    rows, cols = _float_taps(down, source.shape[0]), _float_taps(across, source.shape[1])
    out = np.empty((down.count, across.count, *tail), np.float32)
    flat = source.reshape(source.shape[0], -1)
    for top in range(0, down.count, STRIP):
        last = min(top + STRIP, down.count)
        strip = np.empty((last - top, flat.shape[1]), np.float32)
        _mix_float(flat, rows[0][top:last], rows[1][top:last], strip)
        turned = cv2.transpose(strip.reshape(last - top, -1, *tail))
        mixed = np.empty((across.count, (last - top) * channels), np.float32)
        _mix_float(turned.reshape(turned.shape[0], -1), *cols, mixed)
        out[top:last] = cv2.transpose(mixed.reshape(across.count, last - top, *tail))
    return out


def _needed(axis: Axis, length: int) -> tuple[int, int, Axis]:
    """The samples that `axis` reads of `length`, and the axis seen from the first of them."""
    reach = 2 * max(1.0, axis.step) + 1
    low = max(0, int(np.floor(axis.start - reach)))
    high = min(length, int(np.ceil(axis.start + (axis.count - 1) * axis.step + reach)) + 1)
    return low, high, Axis(axis.count, axis.start - low, axis.step)


def _copied(picture: NDArray[Any], axis: Axis, dimension: int) -> NDArray[Any]:
    """The samples of a whole axis; what lies outside repeats the edge."""
    start, length = round(axis.start), picture.shape[dimension]
    if start >= 0 and start + axis.count <= length:
        part = slice(start, start + axis.count)
        return picture[part] if dimension == 0 else picture[:, part]
    index = np.clip(np.arange(start, start + axis.count), 0, length - 1)
    return np.take(picture, index, axis=dimension)
