"""Pictures that carry their own number, in blocks that any codec leaves readable."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from descent.encode.encoder import planes_of
from descent.encode.profile import Profile
from descent.model import Planes

ROWS, COLS, BLOCK, BITS = 64, 160, 16, 10


def picture(number: int, profile: Profile, rows: int = ROWS, cols: int = COLS) -> Planes:
    """A textured picture with `number` in its first row of blocks, most significant first."""
    down, across = profile.subsampling
    scale = 1 if profile.depth == 8 else 4
    dtype = np.uint8 if profile.depth == 8 else np.uint16
    y = np.add.outer(np.arange(rows) * 2, np.arange(cols)) % 60 + 80
    for bit in range(BITS):
        value = 220 if number >> (BITS - 1 - bit) & 1 else 30
        y[:BLOCK, bit * BLOCK : (bit + 1) * BLOCK] = value
    u = np.full((rows // down, cols // across), 110)
    v = np.full((rows // down, cols // across), 140)
    return Planes(*((p * scale).astype(dtype) for p in (y, u, v)))


def pictures(numbers: Iterable[int], profile: Profile) -> Iterator[Planes]:
    """Numbered pictures, one after another."""
    return (picture(n, profile) for n in numbers)


def number_of(y: NDArray[np.generic], depth: int) -> int:
    """The number that a decoded luma plane shows."""
    found = 0
    for bit in range(BITS):
        block = y[4 : BLOCK - 4, bit * BLOCK + 4 : (bit + 1) * BLOCK - 4]
        found = found << 1 | int(np.asarray(block, np.float64).mean() > (125 << (depth - 8)))
    return found


def read(path: Path, profile: Profile) -> tuple[list[int], list[Fraction]]:
    """The numbers and the times that a film shows, by a decoder of its own."""
    numbers, times = [], []
    with av.open(str(path)) as file:
        for frame in file.decode(video=0):
            assert frame.pts is not None
            assert frame.time_base is not None
            numbers.append(number_of(planes_of(frame, profile.depth > 8).y, profile.depth))
            times.append(frame.pts * frame.time_base)
    return numbers, times
