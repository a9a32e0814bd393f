"""Small spots that never change: dead clusters and specks on the sensor, found over a sequence.

A pixel that lost its neighbours too, or was spread over them by scaling and JPEG, stands out
from no neighbour by itself. Over many frames of a scene that moves it does: it differs from
the ground about it each time, and by more than chance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEWEST = 16  # frames
_AROUND_PX = 5  # side of the square whose median stands for what lies about a spot
_DARKEST = 0.03  # light that is as good as none
_MOST = 1.0  # log light that one frame may say
_STANDS, _SURE = 0.12, 6.0  # mean log light off what lies about, and that over its error
_ALIKE = 0.7  # of the frames that say darker, less those that say brighter, or the other way
_BELONGS, _LIKELY = 0.05, 4.0  # the same for what touches a spot
_MOVES = 0.15  # log light by which the scene about a spot must change: else it may be a thing
_LARGEST = 9  # px


class Spots:
    """What frames say of each pixel, added up: memory stays the same however many there are."""

    def __init__(self, shape: tuple[int, int], step: int) -> None:
        self.step, self.seen = step, 0
        self.off, self.off2, self.about, self.about2 = (
            np.zeros(shape, np.float32) for _ in range(4)
        )
        self.ways = np.zeros(shape, np.int16)

    def add(self, plane: NDArray[np.float32]) -> None:
        """Take in a frame (rows, cols) of linear light; colours of a mosaic are kept apart."""
        logs = np.log(np.maximum(plane, np.float32(_DARKEST)))
        around = np.empty_like(logs)
        for y in range(self.step):
            for x in range(self.step):
                own = np.ascontiguousarray(logs[y :: self.step, x :: self.step])
                if own.size:
                    around[y :: self.step, x :: self.step] = cv2.medianBlur(own, _AROUND_PX)
        off = np.clip(logs - around, -_MOST, _MOST)
        # Frames stretched one by one differ as wholes, which is no movement.
        around -= np.median(around)
        self.off += off
        self.off2 += off * off
        self.ways += np.sign(off).astype(np.int16)
        self.about += around
        self.about2 += around * around
        self.seen += 1

    def found(self) -> NDArray[np.bool_]:
        """Which pixels (rows, cols) belong to a spot; none of fewer than 16 frames."""
        none = np.zeros(self.off.shape, np.bool_)
        # A spot lies amid its own colour: smaller pictures have no middle.
        if self.seen < FEWEST or min(none.shape) < 2 * _AROUND_PX * self.step:
            return none
        mean = self.off / self.seen
        spread = np.sqrt(np.maximum(self.off2 / self.seen - mean * mean, 1e-4))
        sure = np.abs(mean) * np.sqrt(self.seen) / spread
        level = self.about / self.seen
        moves = np.maximum(self.about2 / self.seen - level * level, 0) > _MOVES**2
        alike = np.abs(self.ways) > _ALIKE * self.seen
        seeds = (np.abs(mean) > _STANDS) & (sure > _SURE) & moves & alike
        near = (np.abs(mean) > _BELONGS) & (sure > _LIKELY) & moves
        made = none.copy()
        for y in range(self.step):
            for x in range(self.step):
                part = np.s_[y :: self.step, x :: self.step]
                made[part] = _small(seeds[part], near[part])
        # Of what lies at the edges half the neighbours are not known.
        edge = _AROUND_PX // 2 * self.step
        none[edge:-edge, edge:-edge] = made[edge:-edge, edge:-edge]
        return none


def _small(seeds: NDArray[np.bool_], near: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Seeds that are a few pixels together, and of those `near` what touches them."""
    _, labels, facts, _ = cv2.connectedComponentsWithStats(
        np.ascontiguousarray(seeds, np.uint8), connectivity=8
    )
    holds = np.asarray(facts[:, cv2.CC_STAT_AREA] <= _LARGEST)
    holds[0] = False
    small = np.asarray(holds[labels], np.uint8)
    touched = cv2.dilate(small, np.ones((3, 3), np.uint8)) > 0
    return np.asarray((small > 0) | (touched & near), np.bool_)
