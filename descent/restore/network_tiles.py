"""The tiles that a network is handed: sizes it divides well, overlaps that fade."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MULTIPLE = 64  # px: sizes that networks which halve a picture again and again divide well


@dataclass(frozen=True)
class Row:
    """Tiles along one side: where each begins, how long all are, and how they fade."""

    starts: tuple[int, ...]
    size: int
    overlap: int

    @property
    def end(self) -> int:
        """Where the last tile ends."""
        return self.starts[-1] + self.size

    def __iter__(self) -> Iterator[tuple[int, NDArray[np.float32]]]:
        d = np.arange(self.size, dtype=np.float64) + 0.5
        near = np.clip((d - self.overlap / 4) / max(self.overlap / 2, 1e-9), 0, 1)
        ramp = near * near * (3 - 2 * near)
        for k, start in enumerate(self.starts):
            fade = np.ones(self.size)
            if k > 0:
                fade *= ramp
            if k + 1 < len(self.starts):
                fade *= ramp[::-1]
            yield start, fade.astype(np.float32)


def laid(length: int, fixed: int | None, tile: int, overlap: int) -> Row:
    """Tiles over `length` px, evenly spread, that share `overlap` px or more."""
    size = fixed or min(tile, -(-length // _MULTIPLE) * _MULTIPLE)
    if length <= size:
        return Row((0,), size, overlap)
    steps = -(-(length - size) // max(1, size - overlap))
    starts = tuple(k * (length - size) // steps for k in range(steps + 1))
    return Row(starts, size, overlap)
