"""How a camera turned from frame to frame, from its small grey pictures alone.

Corners are followed from each picture to the next (pyramidal Lucas-Kanade), less those on
what rides with the camera, and one rotation with a zoom is fitted to all that is left:
robustly, so that what moves by itself counts for nothing. Where a picture is dark, empty or
at odds with itself, the turn is said to be not seen rather than guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]
Floats = NDArray[np.float64]
Pixels = NDArray[np.float32]

CORNERS = 110  # more are slower and tell little more: their errors are not independent
FEWEST = 10
_SHARE = 0.35  # of what was followed must agree, or the picture is at odds with itself
_INLIER_PX = 1.5
_STEADY = 0.45  # share of a patch's contrast that stays put: more of it rides with the camera
_SAMPLES = 24  # pictures of a stretch that are compared to find what rides along
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
    nothing moves: near 1 for a camera that stands still.
    """

    by: Floats
    noise: Floats
    zoom: Floats
    twist: Floats
    state: NDArray[np.int64]
    steady: float = 0.0

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
    for group in _grouped(pictures, stretch):
        views = [_Picture.of(picture) for picture in group]
        around = ([follow.before] if follow.before is not None else []) + views
        whole = _free(around)
        steady += [_steady_share(whole)] * len(views)
        part = max(8, -(-len(around) // 3))
        for first in range(0, len(views), part):
            # What starts to move half-way rode along until then: parts are looked at too.
            free = whole & _free(around[first : first + part + 1])
            for view in views[first : first + part]:
                follow(view, free)
    return replace(follow.seen, steady=float(np.mean(steady)) if steady else 0.0)


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
        smooth = cv2.GaussianBlur(picture, (0, 0), 0.8).astype(np.float32)
        side = max(9, (min(picture.shape) // 10) | 1)
        mean = cv2.boxFilter(smooth, -1, (side, side))
        left = smooth - mean
        spread = np.sqrt(cv2.boxFilter(left * left, -1, (side, side)))
        contrast = float(np.percentile(spread[::4, ::4], 75))
        left /= spread + np.float32(max(0.25 * contrast, 1.0))
        codes = np.clip(left * np.float32(40) + np.float32(128), 0, 255).astype(np.uint8)
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

    def __call__(self, view: _Picture, free: Grey) -> None:
        before, self.before = self.before, view
        if before is None:
            return
        row = self._turn(before, view, free, self._usual)
        if row[4] == LOST and self._usual is not None:
            row = self._turn(before, view, free, None)
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
        self, a: _Picture, b: _Picture, free: Grey, usual: tuple[Floats, float] | None
    ) -> _Row:
        none = np.zeros(3), float("inf"), 0.0, 0.0
        if min(a.contrast, b.contrast) < _LEAST_CONTRAST:
            return *none, DARK
        if (free > 0).mean() < _LEAST_FREE:
            return *none, STILL
        apart = max(4, min(a.codes.shape) // 24)
        found = cv2.goodFeaturesToTrack(a.codes, CORNERS, 0.03, apart, mask=free)
        if found is None or len(found) < FEWEST:
            return *none, DARK
        rows, cols = a.codes.shape
        centre = np.array([(cols - 1) / 2, (rows - 1) / 2])
        corners = (found.reshape(-1, 2) - centre) / self.focal_px
        guess = found.copy()
        if usual is not None:  # it goes on much as it did
            guess = (_moved(corners, *usual) * self.focal_px + centre).astype(np.float32)
        moved, good, _ = cv2.calcOpticalFlowPyrLK(
            a.codes, b.codes, found, guess.reshape(-1, 1, 2), winSize=(13, 13), maxLevel=3,
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
    turn, zoom = np.zeros(3), 0.0
    p, q = here.astype(np.float64), there.astype(np.float64)
    spread = 1.0
    inverse: Floats = np.eye(4)
    for _ in range(4):
        at = _moved(p, turn, zoom)
        left = (q - at).ravel()
        u, v = at[:, 0], at[:, 1]
        J = np.empty((len(p), 2, 4))
        J[:, 0] = np.stack([-u * v, 1 + u * u, -v, u], axis=1)
        J[:, 1] = np.stack([-(1 + v * v), u * v, u, v], axis=1)
        rows = J.reshape(-1, 4)
        size = np.hypot(left[::2], left[1::2])
        spread = max(float(np.median(size)) / 1.1774, 1e-7)
        weight = np.clip(1 - (size / (4.685 * spread)) ** 2, 0, None) ** 2
        w = np.repeat(weight, 2)[:, None]
        inverse = np.asarray(np.linalg.inv(rows.T @ (w * rows) + 1e-9 * np.eye(4)), np.float64)
        step = inverse @ (rows.T @ (w[:, 0] * left))
        turn, zoom = turn + step[:3], zoom + float(step[3])
    noise = spread * float(np.sqrt(np.trace(inverse[:3, :3]) / 3))
    return turn, noise, zoom
