"""Which pictures of a camera that comes down see the ground, told by the pictures alone.

Coming down, a picture of the ground grows and moves from one frame to the next, and much of
what both frames show takes part. What rides along (a wheel, dust on the lens) stays where it
is, and what drops away (a shield) takes few features along; a count of matches alone cannot
tell them from the ground.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from descent.tools.register import Features, Match, match

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE_PX = 400
_LEAST_GROWTH = 1.005  # by the median of all pairs: a camera that comes down
_LEAST_MOVED = 2.0  # px of 400; what rides along moves by its features' error, under 1.4
_LEAST_SHARE = 0.12  # of the features in what both show
_FEWEST_PAIRS = 8  # on fewer nobody says that a camera comes down


@dataclass(frozen=True, slots=True)
class Pair:
    """How a picture and the next agree.

    `inliers` features agree on one motion, `share` of those in what both show; `growth` is how
    much larger the second shows things, `moved` the median motion in px of a picture scaled
    to 400 px. No inliers: nothing agrees.
    """

    inliers: int = 0
    share: float = 0.0
    growth: float = 1.0
    moved: float = 0.0

    @property
    def ground(self) -> bool:
        """Whether both show ground that moves."""
        return self.share >= _LEAST_SHARE and self.moved >= _LEAST_MOVED


def small(picture: NDArray[Any]) -> NDArray[Any]:
    """A grey picture (rows, cols) at no more than 400 px, which is enough and quick."""
    shape = np.array(picture.shape[:2])
    scale = SIDE_PX / float(shape.max())
    if scale >= 1:
        return picture
    rows, cols = (max(16, round(float(n) * scale)) for n in shape)
    made: NDArray[Any] = cv2.resize(picture, (cols, rows), interpolation=cv2.INTER_AREA)
    return made


def pair(a: Features, b: Features) -> Pair:
    """How picture a and the next one, b, agree."""
    found = match(a, b)
    if found is None:
        return Pair()
    # Either side's features may be the fewer: after a fast approach b shows a corner of a.
    sides = (_inside(found.matrix, a, b), _inside(np.linalg.inv(found.matrix), b, a))
    share = max(found.inliers / max(n, found.inliers) for n in sides)
    moved = np.median(np.linalg.norm(found.there - found.here, axis=1))
    return Pair(found.inliers, float(share), _growth(found, a.shape), float(moved))


def _inside(matrix: NDArray[Any], a: Features, b: Features) -> int:
    """How many of a's features lie in what b shows."""
    points = np.c_[a.points.astype(np.float64), np.ones(len(a.points))] @ matrix.T
    with np.errstate(divide="ignore", invalid="ignore"):
        x, y = points[:, 0] / points[:, 2], points[:, 1] / points[:, 2]
    rows, cols = b.shape
    return int(((x >= 0) & (x < cols) & (y >= 0) & (y < rows) & (points[:, 2] > 0)).sum())


def _growth(found: Match, shape: tuple[int, int]) -> float:
    """How much longer lines about the middle of what matches become."""
    x, y = found.here.mean(axis=0).astype(np.float64)
    step = min(shape) / 8
    corners = np.array([[x - step, y - step], [x + step, y - step],
                        [x + step, y + step], [x - step, y + step]])  # fmt: skip
    mapped = np.c_[corners, np.ones(4)] @ found.matrix.T
    mapped = mapped[:, :2] / mapped[:, 2:]
    area = cv2.contourArea(mapped.astype(np.float32))
    return float(np.sqrt(area) / (2 * step))


def seen(pairs: Sequence[Pair]) -> tuple[bool, ...] | None:
    """For each picture whether it sees the ground; None where the camera does not come down.

    `pairs[i]` is that of pictures i and i + 1. The ground is what the longest run of pairs
    shows, with single failures bridged; a picture belongs to it by either of its pairs.
    """
    good = [p.ground for p in pairs]
    growths = sorted(p.growth for p in pairs if p.ground)
    if len(growths) < _FEWEST_PAIRS or growths[len(growths) // 2] < _LEAST_GROWTH:
        return None
    runs: list[list[int]] = []
    for k, is_good in enumerate(good):
        if is_good and runs and k - runs[-1][-1] <= 2:
            runs[-1].append(k)
        elif is_good:
            runs.append([k])
    longest = max(runs, key=len)
    there = {k for run in longest for k in (run, run + 1)}
    return tuple(k in there for k in range(len(pairs) + 1))
