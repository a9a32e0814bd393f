"""How a picture moves from frame to frame, place by place: what blurs it while it is exposed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np

from descent.restore.deconvolve import noise_of
from descent.tools.register import Features, features, match

if TYPE_CHECKING:
    from numpy.typing import NDArray

GRID = (6, 8)  # places down and across at which motion is told
WORK_PX = 640  # longest side of what is registered
FEATURES = 700
LUMA = (0.25, 0.5, 0.25)  # of red, green and blue: as a mosaic samples them, whatever the white
_DIFFER = 0.15  # share of a motion by which two neighbours may tell it differently
_ALIKE = 0.5  # correlation of two frames laid on each other, below which they show other things
_TEXTURE = 0.15  # of the picture's median texture, below which a place follows the whole
_NOISE = 18.0  # standard deviations of noise, below which a slope is no texture


def luma(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """One plane (rows, cols) of a grey or RGB picture."""
    if pixels.ndim == 2:
        return pixels
    return np.asarray(cv2.transform(pixels, np.array([LUMA], np.float32)), np.float32)


@dataclass(frozen=True)
class View:
    """What is kept of a frame to register it: small, at `scale` of its size (rows, cols)."""

    small: NDArray[np.uint8]
    points: Features
    scale: float
    shape: tuple[int, int]


def view_of(plane: NDArray[np.float32]) -> View:
    """The view of a plane (rows, cols) of linear light."""
    rows, cols = plane.shape
    scale = min(1.0, WORK_PX / max(rows, cols))
    size = max(1, round(cols * scale)), max(1, round(rows * scale))
    small = np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA))
    low, high = np.percentile(small, (0.5, 99.5))
    unit = np.clip((small - low) / max(float(high - low), 1e-6), 0, 1)
    return View(
        (np.sqrt(unit) * 255).astype(np.uint8), features(small, most=FEATURES), scale, (rows, cols)
    )


def centres(shape: tuple[int, int]) -> NDArray[np.float64]:
    """The places (6, 8, 2) as x, y in px of a picture of `shape` (rows, cols)."""
    y = (np.arange(GRID[0]) + 0.5) / GRID[0] * shape[0]
    x = (np.arange(GRID[1]) + 0.5) / GRID[1] * shape[1]
    return np.stack(np.meshgrid(x, y), axis=-1)


class Link(NamedTuple):
    """How far each place moves from one frame to another, and one map for the whole.

    `moved` is (6, 8, 2) in px; `matrix` (3, 3) takes x, y in px of the first to the second.
    """

    moved: NDArray[np.float64]
    matrix: NDArray[np.float64]


def link(a: View, b: View) -> Link | None:
    """Where what stands at each place of `a` goes in `b`; None if unknown.

    A homography from features, then dense flow (Kroeger and others, "Fast optical flow using
    dense inverse search", ECCV 2016) for what moves differently; the median over each place.
    """
    rows, cols = a.small.shape
    if min(rows, cols) < 48:
        return None
    found = match(a.points, b.points)
    if found is None:
        return None
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    laid = cv2.warpPerspective(b.small, found.matrix, (cols, rows), flags=flags)
    inside = cv2.warpPerspective(np.ones_like(b.small), found.matrix, (cols, rows), flags=flags) > 0
    if inside.mean() < 0.2 or _alike(a.small, laid, inside) < _ALIKE:
        return None
    flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST).calc(a.small, laid, None)  # type: ignore[attr-defined]
    y, x = np.mgrid[0:rows, 0:cols].astype(np.float32)
    at = np.stack([x + flow[..., 0], y + flow[..., 1]], axis=-1).reshape(-1, 1, 2)
    to = cv2.perspectiveTransform(at, found.matrix).reshape(rows, cols, 2)
    moved = np.asarray(to - np.stack([x, y], axis=-1), np.float32)
    texture = np.abs(cv2.Sobel(a.small, cv2.CV_32F, 1, 0)) + np.abs(
        cv2.Sobel(a.small, cv2.CV_32F, 0, 1)
    )
    places = _places(moved, np.where(inside, texture, 0), found.matrix, a) / a.scale
    small = np.array([[a.scale, 0, a.scale / 2 - 0.5], [0, a.scale, a.scale / 2 - 0.5], [0, 0, 1]])
    whole = np.linalg.inv(small) @ found.matrix @ small
    return Link(places, np.asarray(whole / whole[2, 2], np.float64))


def _alike(a: NDArray[Any], b: NDArray[Any], inside: NDArray[np.bool_]) -> float:
    """The correlation of two pictures where both are."""
    u, v = a[inside].astype(np.float64), b[inside].astype(np.float64)
    spread = float(u.std() * v.std())
    return float(((u - u.mean()) * (v - v.mean())).mean()) / spread if spread > 1e-9 else 0.0


def _places(
    motion: NDArray[np.float32], texture: NDArray[Any], matrix: NDArray[np.float64], a: View
) -> NDArray[np.float64]:
    """The motion of each place: the median where there is texture, else as the whole moves."""
    rows, cols = a.small.shape
    spots = centres((rows, cols))
    whole = cv2.perspectiveTransform(spots.reshape(-1, 1, 2), matrix).reshape(spots.shape) - spots
    grain = _NOISE * noise_of(a.small.astype(np.float32))
    limit = max(_TEXTURE * float(np.median(texture)), grain, _TEXTURE)
    out = np.asarray(whole, np.float64)
    for j in range(GRID[0]):
        for i in range(GRID[1]):
            part = np.s_[
                j * rows // GRID[0] : (j + 1) * rows // GRID[0],
                i * cols // GRID[1] : (i + 1) * cols // GRID[1],
            ]
            # Edges tell motion; the flat ground between them only repeats what is beside it.
            strong = texture[part] > max(limit, float(np.percentile(texture[part], 70)))
            if strong.sum() >= 30:
                out[j, i] = np.median(motion[part][strong], axis=0)
    return out


def agreed(there: NDArray[np.float64], back: NDArray[np.float64]) -> NDArray[np.float64]:
    """`there` (6, 8, 2) where the motion `back` of the same two frames undoes it, else 0."""
    out = there.copy()
    out[_differ(there, -back)] = 0.0
    return out


def _differ(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which places are told differently by two measurements (6, 8, 2) of one motion."""
    size = np.hypot(*np.moveaxis((a + b) / 2, -1, 0))
    apart = np.hypot(*np.moveaxis(a - b, -1, 0)) / 2
    usual = max(float(np.median(size)), 1e-9)
    return np.asarray(apart > _DIFFER * np.maximum(size, usual) + 1e-9)


def rate(
    back: NDArray[np.float64] | None, on: NDArray[np.float64] | None
) -> NDArray[np.float64] | None:
    """The motion (6, 8, 2) at a frame's middle, in px for each unit of time.

    `back` and `on` are the rates of the links to the frame before (with its sign turned) and
    after, 0 where unknown. Where they contradict each other nothing is known, and the motion
    is 0: such places are left as they are.
    """
    if back is None or on is None:
        return on if back is None else back
    back = np.where(back.any(axis=-1, keepdims=True), back, on)
    on = np.where(on.any(axis=-1, keepdims=True), on, back)
    mean = (back + on) / 2
    mean[_differ(back, on)] = 0.0
    return np.asarray(mean, np.float64)
