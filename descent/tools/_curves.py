"""Transfer curves as tables, and the dither matrix: the same numbers on every machine.

No pixel goes through a floating `pow`: numpy's differs between processors. The tables are
made once with the scalar `pow` of the C library, whose error is far below the distance of
any entry to a rounding tie (a test measures it), so each machine builds the same table.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from descent.tools.compiled import kernel

Transfer = Literal["bt709", "srgb"]

#: Steps of a curve's table between linear 0 and 1; linear interpolation between them is
#: within 0.001 of a 10-bit level of the exact curve.
CURVE_STEPS = 4096
#: Full scale of gamma-coded values inside, 14 bits: finer than any plane written from them.
FULL = 16383
DITHER_SIZE = 64


def _bt709(light: float) -> float:
    return 4.5 * light if light < 0.018 else 1.099 * light**0.45 - 0.099


def _bt709_inverse(signal: float) -> float:
    return signal / 4.5 if signal < 0.081 else ((signal + 0.099) / 1.099) ** (1 / 0.45)


def _srgb(light: float) -> float:
    return 12.92 * light if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055


def _srgb_inverse(signal: float) -> float:
    return signal / 12.92 if signal <= 0.04045 else ((signal + 0.055) / 1.055) ** 2.4


ENCODE: dict[Transfer, Callable[[float], float]] = {"bt709": _bt709, "srgb": _srgb}
DECODE: dict[Transfer, Callable[[float], float]] = {
    "bt709": _bt709_inverse,
    "srgb": _srgb_inverse,
}


@lru_cache(maxsize=4)
def encode_table(transfer: Transfer) -> NDArray[np.float32]:
    """Signal for linear light k / 4096, as float32 (4098,); the last entry repeats 1."""
    curve = ENCODE[transfer]
    values = [curve(k / CURVE_STEPS) for k in range(CURVE_STEPS)]
    return np.array([*values, 1.0, 1.0], dtype=np.float32)


@lru_cache(maxsize=8)
def decode_table(transfer: Transfer, white: int) -> NDArray[np.float32]:
    """Linear light for each integer signal 0 to `white`, float32 (white + 1,)."""
    curve = DECODE[transfer]
    return np.array([curve(k / white) for k in range(white + 1)], dtype=np.float32)


@lru_cache(maxsize=1)
def blue_noise() -> NDArray[np.int32]:
    """A 64 x 64 matrix of the ranks 0 to 4095 without low frequencies, made from a seed.

    Ordered dither with it is fixed in space, so a still picture does not crawl, and has
    no visible grain direction. Method: void and cluster (Ulichney 1993).
    """
    size = DITHER_SIZE
    reach = np.minimum(np.arange(size), size - np.arange(size)).astype(np.float64)
    near = np.exp(-(reach[:, None] ** 2 + reach[None, :] ** 2) / (2 * 1.5**2))
    # Integers, so that no sum depends on the order it was added in.
    ranks: NDArray[np.int32] = _void_and_cluster(
        np.rint(near * (1 << 24)).astype(np.int64), 20210218
    )
    return ranks


@kernel
def _splat(field: Any, near: Any, at: int, sign: int) -> None:
    size = near.shape[0]
    row, col = at // size, at % size
    for y in range(size):
        for x in range(size):
            field[y, x] += sign * near[(y - row) % size, (x - col) % size]


@kernel
def _extreme(field: Any, on: Any, want: bool, largest: bool) -> int:
    best, where = 0, -1
    for at in range(on.size):
        if on.flat[at] == want:
            value = field.flat[at] if largest else -field.flat[at]
            if where < 0 or value > best:
                best, where = value, at
    return where


@kernel
def _void_and_cluster(near: Any, seed: int) -> Any:
    size = near.shape[0]
    total = size * size
    on = np.zeros((size, size), np.bool_)
    field = np.zeros((size, size), np.int64)
    ones, state = total // 10, seed
    placed = 0
    while placed < ones:
        state = (state * 1103515245 + 12345) % 2147483648
        at = (state >> 8) % total
        if not on.flat[at]:
            on.flat[at] = True
            _splat(field, near, at, 1)
            placed += 1
    while True:  # spread the first pattern until moving its tightest point changes nothing
        tight = _extreme(field, on, True, True)
        on.flat[tight] = False
        _splat(field, near, tight, -1)
        void = _extreme(field, on, False, False)
        on.flat[void] = True
        _splat(field, near, void, 1)
        if void == tight:
            break
    rank = np.zeros((size, size), np.int32)
    first, first_field = on.copy(), field.copy()
    for k in range(ones - 1, -1, -1):
        tight = _extreme(first_field, first, True, True)
        first.flat[tight] = False
        _splat(first_field, near, tight, -1)
        rank.flat[tight] = k
    for k in range(ones, total):
        void = _extreme(field, on, False, False)
        on.flat[void] = True
        _splat(field, near, void, 1)
        rank.flat[void] = k
    return rank
