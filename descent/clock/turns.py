"""How a camera turned from frame to frame, from its small grey pictures alone.

Corners are followed from each picture to the next (pyramidal Lucas-Kanade), less those on
what rides with the camera, and one rotation with a zoom is fitted to all that is left:
robustly, so that what moves by itself counts for nothing. Where a picture is dark, empty or
at odds with itself, the turn is said to be not seen rather than guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from descent.tools.compiled import kernel

Grey = NDArray[np.uint8]
Floats = NDArray[np.float64]
Pixels = NDArray[np.float32]

CORNERS = 110  # more are slower and tell little more: their errors are not independent
FEWEST = 10
_SHARE = 0.35  # of what was followed must agree, or the picture is at odds with itself
_INLIER_PX = 1.5
_STEADY = 0.45  # share of a patch's contrast that stays put: more of it rides with the camera
_SAMPLES = 24  # pictures of a stretch that are compared to find what rides along
_BESIDE_PX = 32  # of what is free is kept in view while it is followed
_LEAST_FREE = 0.03  # of a picture must be left when what rides along is taken away
_LEAST_CONTRAST = 1.5  # grey levels; below it a picture is dark or empty

MOVED, DARK, STILL, LOST = range(4)
REASONS = ("seen", "dark or empty", "nothing in it moves", "nothing agrees")


@dataclass(frozen=True, slots=True)
class Seen:
    """What n pictures tell of n - 1 turns.

    `by` (n-1, 3) is the turn between neighbours in rad about the picture's right, down and
    forward axes, 0 where not seen; `noise` (n-1,) its standard deviation a component, rad,
    infinite where not seen; `zoom` (n-1,) the logarithm of the growth of what is looked at,
    `twist` (n-1,) its turn in rad about the line of sight to its middle; `state` (n-1,)
    indexes `REASONS`. `steady` is the share of the pictures, 0 to 1, in which
    nothing moves: near 1 for a camera that stands still; `stood` (n-1,) tells it of each turn.
    """

    by: Floats
    noise: Floats
    zoom: Floats
    twist: Floats
    state: NDArray[np.int64]
    steady: float = 0.0
    stood: Floats = field(default_factory=lambda: np.zeros(0))

    @property
    def seen(self) -> NDArray[np.bool_]:
        """Which turns were seen (n-1,)."""
        return np.asarray(self.state == MOVED)

    @property
    def says(self) -> str:
        """What was seen of how many, and why not the rest."""
        counts = np.bincount(self.state, minlength=len(REASONS))
        why = [f"{c} {REASONS[k]}" for k, c in enumerate(counts) if k != MOVED and c]
        told = f"{counts[MOVED]} of {len(self.state)} turns seen"
        return f"{told} ({', '.join(why)})" if why else told


def turns(pictures: Iterable[Grey], focal_px: float, *, stretch: int = 48) -> Seen:
    """The turns between neighbouring pictures (rows, cols) uint8 of one size.

    `focal_px` is the focal length in px of these pictures, approximately: an error scales
    the turns about the right and down axes by as much. `stretch` is how many pictures are
    looked at together to find what rides with the camera: larger tells slow ground from it,
    smaller follows what changes. Holds two stretches at a time, however many come.

    Source of the parts: Lucas and Kanade 1981 by Bouguet's pyramid; Shi and Tomasi 1994.
    """
    if focal_px <= 0 or stretch < 2:
        raise ValueError(f"focal_px {focal_px} and stretch {stretch} must be larger")
    follow = _Follower(focal_px)
    steady: list[float] = []
    stood: list[float] = []
    for group in _grouped(pictures, stretch):
        views = [_Picture.of(picture) for picture in group]
        around = ([follow.before] if follow.before is not None else []) + views
        whole = _free(around)
        steady += [_steady_share(whole)] * len(views)
        part = max(8, -(-len(around) // 3))
        for first in range(0, len(views), part):
            # What starts to move half-way rode along until then: parts are looked at too.
            own = _free(around[first : first + part + 1])
            free = whole & own
            box = _box(free)
            stood += [_steady_share(own)] * len(views[first : first + part])
            for view in views[first : first + part]:
                follow(view, free, box)
    share = float(np.mean(steady)) if steady else 0.0
    return replace(follow.seen, steady=share, stood=np.array(stood[1:], np.float64))


def _grouped(pictures: Iterable[Grey], size: int) -> Iterator[list[Grey]]:
    group: list[Grey] = []
    for picture in pictures:
        group.append(picture)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group


@dataclass(frozen=True, slots=True)
class _Picture:
    """A picture with its contrast evened out, so that light and flicker move nothing."""

    codes: Grey
    contrast: float

    @classmethod
    def of(cls, picture: Grey) -> _Picture:
        smooth = cv2.GaussianBlur(picture, (5, 5), 0.8).astype(np.float32)
        rows, cols = picture.shape
        # Contrast is told at half the size: it is that of a tenth of the picture anyway.
        half = max(cols // 2, 1), max(rows // 2, 1)
        side = max(5, (min(picture.shape) // 20) | 1)
        mean, power = (
            cv2.boxFilter(cv2.resize(of, half, interpolation=cv2.INTER_AREA), -1, (side, side))
            for of in (smooth, smooth * smooth)
        )
        spread = np.sqrt(np.maximum(power - mean * mean, 0))
        contrast = float(np.percentile(spread[::2, ::2], 75))
        gain = np.float32(40) / (spread + np.float32(max(0.25 * contrast, 1.0)))
        smooth -= cv2.resize(mean, (cols, rows))
        smooth *= cv2.resize(gain, (cols, rows))
        codes = np.clip(smooth + np.float32(128.5), 0, 255).astype(np.uint8)
        return cls(codes, contrast)


def _free(views: list[_Picture]) -> Grey:
    """255 where what is looked at moves, else 0 (rows, cols).

    The mean of many pictures keeps what rides along as it is, and blurs the rest away.
    """
    step = max(1, len(views) // _SAMPLES)
    chosen = [view.codes.astype(np.float32) - 128 for view in views[::step]]
    total, power = np.zeros_like(chosen[0]), np.zeros_like(chosen[0])
    for codes in chosen:
        total += codes
        power += codes * codes
    count = len(chosen)
    side = max(7, (min(total.shape) // 20) | 1)
    kept = cv2.boxFilter((total / count) ** 2, -1, (side, side))
    whole = cv2.boxFilter(power / count, -1, (side, side))
    steady = kept > _STEADY * whole + 1e-3 if count > 3 else np.zeros(kept.shape, bool)
    mask = np.where(steady, 0, 255).astype(np.uint8)
    mask = np.asarray(cv2.erode(mask, np.ones((5, 5), np.uint8)), np.uint8)
    edge = max(3, side // 2)
    mask[:edge], mask[-edge:], mask[:, :edge], mask[:, -edge:] = 0, 0, 0, 0
    return mask


def _box(free: Grey) -> tuple[slice, slice]:
    """The rows and columns in which anything is free, and what is needed to follow it."""
    # Specks are light and noise: where most is free in one place, that is looked at alone.
    whole = cv2.morphologyEx(free, cv2.MORPH_OPEN, np.ones((7, 7), np.uint8))
    most = 2 * cv2.countNonZero(whole) >= cv2.countNonZero(free)
    x, y, cols, rows = cv2.boundingRect(whole if most else free)
    return slice(max(y - _BESIDE_PX, 0), y + rows + _BESIDE_PX), slice(
        max(x - _BESIDE_PX, 0), x + cols + _BESIDE_PX
    )


def _steady_share(free: Grey) -> float:
    """The share of a picture, less its edge, that is not free."""
    edge = max(3, max(7, (min(free.shape) // 20) | 1) // 2) + 2
    inside = free[edge:-edge, edge:-edge]
    return float((inside == 0).mean()) if inside.size else 1.0


# Turn (3,) rad, its noise, the zoom, the twist, and whether it was seen.
_Row = tuple[Floats, float, float, float, int]


class _Follower:
    """Goes from picture to picture and keeps what each turn was."""

    def __init__(self, focal_px: float) -> None:
        self.focal_px = focal_px
        self.before: _Picture | None = None
        self._usual: tuple[Floats, float] | None = None  # the last turn and zoom
        self._rows: list[_Row] = []

    def __call__(self, view: _Picture, free: Grey, box: tuple[slice, slice]) -> None:
        before, self.before = self.before, view
        if before is None:
            return
        row = self._turn(before, view, free, box, self._usual)
        if row[4] == LOST and self._usual is not None:
            row = self._turn(before, view, free, box, None)
        self._usual = (row[0], row[2]) if row[4] == MOVED else None
        self._rows.append(row)

    @property
    def seen(self) -> Seen:
        """What was seen until now."""
        rows = self._rows
        return Seen(
            np.array([r[0] for r in rows], np.float64).reshape(-1, 3),
            np.array([r[1] for r in rows], np.float64),
            np.array([r[2] for r in rows], np.float64),
            np.array([r[3] for r in rows], np.float64),
            np.array([r[4] for r in rows], np.int64),
        )

    def _turn(
        self, a: _Picture, b: _Picture, free: Grey, box: tuple[slice, slice],
        usual: tuple[Floats, float] | None,
    ) -> _Row:  # fmt: skip
        none = np.zeros(3), float("inf"), 0.0, 0.0
        if min(a.contrast, b.contrast) < _LEAST_CONTRAST:
            return *none, DARK
        if (free > 0).mean() < _LEAST_FREE:
            return *none, STILL
        apart = max(4, min(a.codes.shape) // 24)
        # What is still is not looked at: a fixed camera's pictures are followed in a moment.
        here_codes, there_codes = a.codes[box], b.codes[box]
        found = cv2.goodFeaturesToTrack(here_codes, CORNERS, 0.03, apart, mask=free[box])
        if found is None or len(found) < FEWEST:
            return *none, DARK
        rows, cols = a.codes.shape
        centre = np.array([(cols - 1) / 2 - box[1].start, (rows - 1) / 2 - box[0].start])
        corners = (found.reshape(-1, 2) - centre) / self.focal_px
        guess = found.copy()
        if usual is not None:  # it goes on much as it did
            guess = (_moved(corners, *usual) * self.focal_px + centre).astype(np.float32)
        moved, good, _ = cv2.calcOpticalFlowPyrLK(
            here_codes, there_codes, found, guess.reshape(-1, 1, 2), winSize=(13, 13), maxLevel=3,
            criteria=(cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 9, 0.01),
            flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
        )  # fmt: skip
        kept = good.ravel() == 1
        here, there = found.reshape(-1, 2)[kept], moved.reshape(-1, 2)[kept]
        if len(here) < FEWEST:
            return *none, LOST
        cv2.setRNGSeed(0)
        _, inside = cv2.estimateAffinePartial2D(
            here, there, method=cv2.RANSAC, ransacReprojThreshold=_INLIER_PX, maxIters=200
        )
        agree = inside.ravel() == 1 if inside is not None else np.zeros(len(here), bool)
        if agree.sum() < max(FEWEST, _SHARE * len(here)):
            return *none, LOST
        mine = corners[kept][agree]
        turn, noise, zoom = _fit(mine, (there[agree] - centre) / self.focal_px)
        sight = np.append(mine.mean(axis=0), 1.0)
        twist = float(turn @ sight / np.sqrt(sight @ sight))
        return turn, noise, zoom, twist, MOVED


def _moved(points: Floats, turn: Floats, zoom: float) -> Floats:
    """Points (n, 2) on the plane z = 1 after a turn and a zoom."""
    rays = np.concatenate([points, np.ones((len(points), 1))], axis=1)
    matrix, _ = cv2.Rodrigues(turn)
    spun = rays @ np.asarray(matrix, np.float64).T
    moved: Floats = spun[:, :2] / spun[:, 2:] * np.exp(zoom)
    return moved


def _fit(here: Floats, there: Floats) -> tuple[Floats, float, float]:
    """The rotation and zoom that take points (n, 2) on the plane z = 1 to others."""
    p, q = (np.ascontiguousarray(side, np.float64) for side in (here, there))
    answer, noise = _fitted(p, q)
    return answer[:3], float(noise), float(answer[3])


@kernel
def _spun(points: Any, answer: Any) -> Any:  # pragma: no cover - compiled
    """Points (n, 2) on the plane z = 1 after a turn (by Rodrigues' formula) and a zoom."""
    x, y, z = answer[0], answer[1], answer[2]
    angle = np.sqrt(x * x + y * y + z * z)
    sine = np.sin(angle) / angle if angle > 1e-12 else 1.0
    rest = (1 - np.cos(angle)) / (angle * angle) if angle > 1e-6 else 0.5
    grow = np.exp(answer[3])
    out = np.empty((len(points), 2))
    for k in range(len(points)):
        u, v = points[k, 0], points[k, 1]
        along = rest * (x * u + y * v + z)
        still = 1 - rest * (x * x + y * y + z * z)
        ahead = still + sine * (x * v - y * u) + z * along
        out[k, 0] = grow * (still * u + sine * (y - z * v) + x * along) / ahead
        out[k, 1] = grow * (still * v + sine * (z * u - x) + y * along) / ahead
    return out


@kernel
def _fitted(p: Any, q: Any) -> Any:  # pragma: no cover - compiled
    """Turn and zoom (4,) by Tukey's weights, and the standard deviation of a turn, rad."""
    answer, row, spread = np.zeros(4), np.zeros(4), 1.0
    inverse = np.eye(4)
    for _ in range(4):
        at = _spun(p, answer)
        size = np.sqrt((at[:, 0] - q[:, 0]) ** 2 + (at[:, 1] - q[:, 1]) ** 2)
        spread = max(np.median(size) / 1.1774, 1e-7)
        whole, right = 1e-9 * np.eye(4), np.zeros(4)
        for k in range(len(p)):
            weight = 1 - (size[k] / (4.685 * spread)) ** 2
            if weight <= 0:
                continue
            weight *= weight
            u, v = at[k, 0], at[k, 1]
            for axis in range(2):
                if axis == 0:
                    row[0], row[1], row[2], row[3] = -u * v, 1 + u * u, -v, u
                else:
                    row[0], row[1], row[2], row[3] = -(1 + v * v), u * v, u, v
                left = q[k, axis] - at[k, axis]
                for i in range(4):
                    right[i] += weight * row[i] * left
                    for j in range(4):
                        whole[i, j] += weight * row[i] * row[j]
        inverse = _inverse(whole)
        for i in range(4):
            for j in range(4):
                answer[i] += inverse[i, j] * right[j]
    return answer, spread * np.sqrt((inverse[0, 0] + inverse[1, 1] + inverse[2, 2]) / 3)


@kernel
def _inverse(of: Any) -> Any:  # pragma: no cover - compiled
    """Of a symmetric matrix with a positive diagonal, by Gauss and Jordan."""
    count = len(of)
    left, out = of.copy(), np.eye(count)
    for i in range(count):
        pivot = left[i, i]
        for j in range(count):
            left[i, j] /= pivot
            out[i, j] /= pivot
        for k in range(count):
            share = left[k, i]
            if k != i and share != 0:
                for j in range(count):
                    left[k, j] -= share * left[i, j]
                    out[k, j] -= share * out[i, j]
    return out
