"""The bright spot opposite the Sun: where it stands in each frame, how bright and how wide.

Ground seen from straight in front of the Sun hides its own shadows and looks brighter (Hapke,
"Bidirectional reflectance spectroscopy 4", Icarus 67, 1986). That spot goes neither with the
ground nor with the frame. So the ground is taken out first: of a frame and those 4 and 8 away,
laid over it, what is left is the light. A bump that stands out there and in the frame itself,
and moves steadily, is the spot. Where the same track, mirrored, fits the films as well, there
is none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SMALL_PX = 48  # longest side of the pictures that are searched
STEPS = (4, 8)  # frames between two that are compared: nearer ones move too little
_LIFT = 0.1  # light added before the log: the feed's stretch took about that much darkness away
_DARK = 0.01
_WIDTH = 0.085  # half-width that is searched for, of the longest side
_WIDTHS = (0.04, 0.055, 0.07, 0.085, 0.1, 0.12, 0.145, 0.17, 0.2)
_HALF = 2**0.5 - 1  # so that the bump has halved at its width
_FITTED = 0.3  # around a place that tells width and peak, of the longest side
_REACH = 2.5  # half-widths around a place that are compared with the bump
_GRID = 0.04  # distance of the places that are tried
_COVERED = 0.8
_LEAST_SEEN = 200  # px that two frames must share
_FAR = 0.6
# What a frame's evidence is worth, in squared deviations of what is seen anywhere.
_GROUND_GONE, _IN_FRAME = 6.0, 4.0
_NEEDED, _STARTS, _STIFF = 7.0, 8.0, 150.0
_FEWEST_FRAMES = 6
_FAINTEST = 0.05  # log light at the peak
_LEAPS, _AS_BRIGHT = 0.2, 0.5  # what parts a track, and the share of its peak that a part needs
_STANDS_OUT = 3.0  # times what the mirrored tracks show


@dataclass(frozen=True)
class Spot:
    """A track: for each frame its place (row, column; of the longest side) or None.

    `peak` is log light at its middle, `width` where that has halved, of the longest side, and
    `control` the most that the same track shows mirrored, where no spot is.
    """

    track: tuple[tuple[float, float] | None, ...]
    peak: float
    width: float
    control: float

    def field(self, k: int, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """Log light (n,) that the spot adds to frame k at places (n, 2; of the longest side)."""
        where = self.track[k]
        if where is None:
            return np.zeros(len(places))
        return self.peak * _bump(places - np.array(where), self.width)


def _bump(away: NDArray[np.float64], width: float) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + _HALF * (away**2).sum(axis=1) / width**2) ** 2, np.float64)


class Search:
    """Small pictures of a film and how they lie on one another; then the spot in them."""

    def __init__(self) -> None:
        self.pictures: dict[int, NDArray[np.float16]] = {}
        self.maps: dict[tuple[int, int], NDArray[np.float64]] = {}
        self.shape = (0, 0)

    def add(self, k: int, picture: NDArray[np.float32]) -> None:
        """Take in frame k, linear light (rows, cols)."""
        scale = SMALL_PX / max(picture.shape)
        size = tuple(max(1, round(n * scale)) for n in picture.shape[::-1])
        logs = np.log(cv2.resize(picture, size, interpolation=cv2.INTER_AREA) + _LIFT)
        self.pictures[k] = np.asarray(logs, np.float16)
        self.shape = self.pictures[k].shape

    def link(self, i: int, j: int, matrix: NDArray[np.float64], longest_px: int) -> None:
        """Frame i lies on frame j by `matrix` (3, 3), x and y in px of a picture so long."""
        scale = np.diag([SMALL_PX / longest_px, SMALL_PX / longest_px, 1.0])
        self.maps[i, j] = scale @ matrix @ np.linalg.inv(scale)

    def places(self) -> NDArray[np.float64]:
        """The middles of the small pictures' pixels (n, 2; row, column of the longest side)."""
        y, x = np.mgrid[: self.shape[0], : self.shape[1]]
        return np.stack([y.ravel() + 0.5, x.ravel() + 0.5], axis=1) / SMALL_PX

    def pair(self, i: int, j: int) -> Pair | None:
        """Frame j with the ground of frame i taken out; None where they share too little."""
        if (min(i, j), max(i, j)) not in self.maps:
            return None
        onto = self.maps[i, j] if i < j else np.linalg.inv(self.maps[j, i])
        a, b = self.pictures[i].astype(np.float32), self.pictures[j].astype(np.float32)
        size = b.shape[1], b.shape[0]
        laid = cv2.warpPerspective(a, onto, size)
        seen = cv2.warpPerspective(np.ones_like(a), onto, size) > 0.99
        least = np.log(_LIFT + _DARK)
        seen &= (laid > least) & (b > least)
        if seen.sum() < _LEAST_SEEN:
            return None
        left = np.where(seen, b - laid, 0).astype(np.float32)
        level = float(np.median(left[seen]))
        left = np.where(seen, left - level, 0).astype(np.float32)
        return Pair(i, j, level, left.ravel(), seen.ravel(), self._back(np.linalg.inv(onto)))

    def _back(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where the pixels of a picture lie in the one that `matrix` leads back to."""
        there = self.places() * SMALL_PX - 0.5
        points = np.stack([there[:, 1], there[:, 0], np.ones(len(there))]).T @ matrix.T
        return np.asarray((points[:, 1::-1] / points[:, 2:] + 0.5) / SMALL_PX, np.float64)

    def find(self, count: int) -> Spot | None:
        """The spot of a film of `count` frames, or None where nothing proves one."""
        frames = [k for k in range(count) if k in self.pictures]
        if len(frames) < _FEWEST_FRAMES or min(self.shape) < SMALL_PX // 4:
            return None
        here = self.places()
        tries = _candidates(self.shape)
        bumps, shares = _filters(here, tries)
        pairs: list[Pair] = []
        inside = np.zeros((len(frames), len(tries)))
        gone = np.full((len(frames), len(tries)), np.nan)
        for n, j in enumerate(frames):
            inside[n] = bumps @ self.pictures[j].astype(np.float32).ravel()
            shown = []
            for i in (j + s * d for d in STEPS for s in (-1, 1)):
                found = self.pair(i, j)
                if found is None:
                    continue
                if i < j:
                    pairs.append(found)
                seen = bumps @ found.filled(self.shape)
                seen[shares @ found.seen.astype(np.float32) < _COVERED] = np.nan
                shown.append(seen)
            if shown:
                sums = np.stack(shown)
                known = np.isfinite(sums).sum(axis=0)
                total = np.nansum(sums, axis=0) / np.sqrt(np.maximum(known, 1))
                gone[n] = np.where(known > 0, total, np.nan)
        if np.isfinite(gone).mean() < 0.05:
            return None
        usual = (
            float(np.nanmedian(np.abs(gone))) / 0.6745,
            float(np.median(np.abs(inside))) / 0.6745,
        )
        if min(usual) <= 1e-9:
            return None
        path = _track(gone / usual[0], inside / usual[1], tries)
        return _measured(path, frames, count, tries, pairs, here, self.shape)


@dataclass(frozen=True)
class Pair:
    """Frame j less the ground of frame i, as log light.

    Its median, how far each place is from that (n,), where it is known, where it lay in i.
    """

    i: int
    j: int
    level: float
    left: NDArray[np.float32]
    seen: NDArray[np.bool_]
    back: NDArray[np.float64]

    def filled(self, shape: tuple[int, int]) -> NDArray[np.float32]:
        """What is left, with what is not known taken from around it."""
        known = self.seen.reshape(shape).astype(np.float32)
        around = cv2.GaussianBlur(self.left.reshape(shape), (0, 0), 3)
        share = np.maximum(cv2.GaussianBlur(known, (0, 0), 3), 0.05)
        return np.where(self.seen, self.left, (around / share).ravel()).astype(np.float32)


def _candidates(shape: tuple[int, int]) -> NDArray[np.float64]:
    """The places that are tried (n, 2), of the longest side."""
    steps = [round(side / SMALL_PX / _GRID) + 1 for side in shape]
    y, x = (np.linspace(0, s / SMALL_PX, n) for s, n in zip(shape, steps, strict=True))
    return np.stack([v.ravel() for v in np.meshgrid(y, x, indexing="ij")], axis=1)


def _filters(
    here: NDArray[np.float64], tries: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What tells a bump at each place from a slope there, and the share of pixels known."""
    bumps = np.zeros((len(tries), len(here)), np.float32)
    shares = np.zeros_like(bumps)
    for n, place in enumerate(tries):
        away = here - place
        near = (away**2).sum(axis=1) < (_REACH * _WIDTH) ** 2
        bump = _beside_a_slope(_bump(away[near], _WIDTH), away[near])
        bumps[n, near] = bump / max(float(np.linalg.norm(bump)), 1e-9)
        shares[n, near] = 1 / max(int(near.sum()), 1)
    return bumps, shares


def _beside_a_slope(values: NDArray[np.float64], away: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values less the plane that fits them best: haze and falloff of the lens are slopes here."""
    plane, _ = np.linalg.qr(np.concatenate([np.ones((len(away), 1)), away], axis=1))
    return np.asarray(values - plane @ (plane.T @ values), np.float64)


def _track(
    gone: NDArray[np.float64], inside: NDArray[np.float64], tries: NDArray[np.float64]
) -> list[int]:
    """The most likely place of every frame by its number, -1 where none is (Viterbi 1967)."""
    known = np.nan_to_num(gone, nan=0.0)
    score = np.sign(known) * np.minimum(np.abs(known), _GROUND_GONE) ** 2
    score += 0.5 * np.minimum(np.maximum(inside, 0), _IN_FRAME) ** 2 - _NEEDED
    score[inside < 1] = -np.inf
    apart = np.hypot(*(tries[:, None] - tries[None]).transpose(2, 0, 1))
    none = len(tries)
    move = np.full((none + 1, none + 1), _STARTS)
    move[:none, :none] = _STIFF * np.minimum(apart, _FAR) ** 2
    move[none, none] = 0
    cost = np.append(-score[0], 0.0)
    back = []
    for row in score[1:]:
        whole = cost[:, None] + move
        back.append(whole.argmin(axis=0).astype(np.int32))
        cost = whole.min(axis=0) + np.append(-row, 0.0)
    path = [int(cost.argmin())]
    for step in reversed(back):
        path.append(int(step[path[-1]]))
    return [-1 if p == none else p for p in reversed(path)]


def _measured(
    path: Sequence[int],
    frames: Sequence[int],
    count: int,
    tries: NDArray[np.float64],
    pairs: Sequence[Pair],
    here: NDArray[np.float64],
    shape: tuple[int, int],
) -> Spot | None:
    """The spot along a track, its peak and width by least squares; None where unproved."""
    track: list[tuple[float, float] | None] = [None] * count
    for k, p in zip(frames, path, strict=True):
        if p >= 0:
            track[k] = (float(tries[p][0]), float(tries[p][1]))
    if sum(p >= 0 for p in path) < _FEWEST_FRAMES:
        return None
    track = _proved(track, pairs, here)
    best = max((_fit(track, pairs, here, width) for width in _WIDTHS), key=lambda found: found[1])
    peak, _, width = best
    far = np.array(shape) / SMALL_PX
    mirrored = []
    for rows, cols in ((True, False), (False, True), (True, True)):
        flip = [
            None
            if t is None
            else (far[0] - t[0] if rows else t[0], far[1] - t[1] if cols else t[1])
            for t in track
        ]
        mirrored.append(_fit(flip, pairs, here, width)[0])
    control = max(0.0, *mirrored)
    if peak < max(_FAINTEST, _STANDS_OUT * control):
        return None
    return Spot(tuple(track), round(peak, 4), width, round(control, 4))


def _proved(
    track: Sequence[tuple[float, float] | None], pairs: Sequence[Pair], here: NDArray[np.float64]
) -> list[tuple[float, float] | None]:
    """The track less the stretches of it that show no such bump by themselves."""
    runs: list[list[int]] = []
    for k, place in enumerate(track):
        if place is None:
            continue
        last = runs[-1][-1] if runs else -2
        before = track[last] if last == k - 1 else None
        if before is None or np.hypot(*np.subtract(place, before)) > _LEAPS:
            runs.append([])
        runs[-1].append(k)
    kept: list[tuple[float, float] | None] = [None] * len(track)
    whole = _fit(track, pairs, here, _WIDTH)[0]
    for run in runs:
        alone = [place if k in set(run) else None for k, place in enumerate(track)]
        if _fit(alone, pairs, here, _WIDTH)[0] > _AS_BRIGHT * whole:
            places = np.array([track[k] for k in run])
            even = np.pad(places, ((1, 1), (0, 0)), "reflect", reflect_type="odd")
            # Places were tried on a grid: neighbours tell where between its points.
            even = (even[:-2] + 2 * even[1:-1] + even[2:]) / 4 if len(run) > 2 else places
            for k, (row, col) in zip(run, even, strict=True):
                kept[k] = (float(row), float(col))
    return kept


def _fit(
    track: Sequence[tuple[float, float] | None],
    pairs: Sequence[Pair],
    here: NDArray[np.float64],
    width: float,
) -> tuple[float, float, float]:
    """Peak of a bump of that width along a track, how much it explains, and the width."""
    alike = against = 0.0
    for pair in pairs:
        a, b = track[pair.i], track[pair.j]
        if a is None or b is None:
            continue
        # Both disks: the spot where it is, and where it was when the other frame was taken.
        mine, its = here - np.array(b), pair.back - np.array(a)
        bump = _bump(mine, width) - _bump(its, width)
        for away in (mine, its):
            near = ((away**2).sum(axis=1) < _FITTED**2) & pair.seen
            if near.sum() < 12:
                continue
            wanted = _beside_a_slope(bump[near], away[near])
            left = pair.left[near].astype(np.float64)
            alike += float(wanted @ left)
            against += float(wanted @ wanted)
    peak = alike / max(against, 1e-9)
    return peak, alike * peak, width


def without(
    search: Search,
    spot: Spot,
    ratios: Mapping[tuple[int, int], float],
    ratio_of: Callable[[NDArray[np.float32], NDArray[np.float32]], float],
) -> dict[tuple[int, int], float]:
    """Log ratios of pairs of frames with the spot's share taken out.

    `ratio_of` tells the log ratio of two frames' pixels (n,), see `deflicker`. Only where the
    spot was found in both frames: where it was in one alone nobody knows.
    """
    here = search.places()
    clean = dict(ratios)
    for i, j in ratios:
        pair = search.pair(i, j) if spot.track[i] and spot.track[j] else None
        if pair is None:
            continue
        seen = pair.seen
        there = search.pictures[j].astype(np.float32).ravel()[seen]
        laid = there - pair.left[seen] - pair.level
        # Both frames with and without it: the rest of what moves a ratio cancels.
        mine = spot.field(j, here[seen]).astype(np.float32)
        its = spot.field(i, pair.back[seen]).astype(np.float32)
        clean[i, j] += ratio_of(_light(laid - its), _light(there - mine)) - ratio_of(
            _light(laid), _light(there)
        )
    return clean


def _light(logs: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(np.maximum(np.exp(logs) - _LIFT, _DARK), np.float32)


def told(spot: Spot | None, count: int) -> dict[str, Any]:
    """What was found, for the measured file and the manifest."""
    if spot is None:
        return {"spot": [None] * count, "spot_frames": 0}
    return {
        "spot": [None if t is None else [round(t[0], 3), round(t[1], 3)] for t in spot.track],
        "spot_frames": sum(t is not None for t in spot.track),
        "spot_peak": round(float(np.exp(spot.peak)), 4),
        "spot_width": spot.width,
        "spot_control": round(float(np.exp(spot.control)), 4),
    }
