"""Neighbouring frames laid onto one another: one map for all, then each place by itself."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from descent.tools.register import Features, features, match

if TYPE_CHECKING:
    from numpy.typing import NDArray

WORK_PX = 640  # longest side of the grey pictures that are registered
FEATURES = 500
_POOR = 0.03  # share of a frame that may miss one map before places are moved by themselves
_REACH_PX = 6.0  # farthest that a place is moved by itself, at work size

_seen: dict[int, tuple[weakref.ref[Any], NDArray[np.float32], Features]] = {}


def _looked(pixels: NDArray[np.float32]) -> tuple[NDArray[np.float32], Features]:
    """The small grey picture of a frame and its features, kept while the frame lives.

    The frames of a window come back in the next ones: each is looked at once.
    """
    kept = _seen.get(id(pixels))
    if kept is not None and kept[0]() is pixels:
        return kept[1], kept[2]
    grey = pixels if pixels.ndim == 2 else pixels.mean(axis=2, dtype=np.float32)
    scale = min(1.0, WORK_PX / max(grey.shape))
    size = max(1, round(grey.shape[1] * scale)), max(1, round(grey.shape[0] * scale))
    small = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.float32)
    found = features(small, most=FEATURES)
    for key in [k for k, entry in _seen.items() if entry[0]() is None]:
        _seen.pop(key, None)
    _seen[id(pixels)] = weakref.ref(pixels), small, found
    return small, found


def aligned(
    here: NDArray[np.float32], there: NDArray[np.float32], sigma: float
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """`there` as seen from `here`, both (rows, cols[, 3]), and where it shows anything.

    One homography is found from features (none: the frames lie as they are). Where it leaves
    more than a few places apart by more than the noise (`sigma`, of a pixel at mean light)
    dense flow moves those. Light is matched by one gain. Sources: Lowe 2004 for features;
    Kroeger and others, "Fast optical flow using dense inverse search", ECCV 2016.
    """
    small, mine = _looked(here)
    other, its = _looked(there)
    found = match(its, mine)
    matrix = found.matrix if found else np.eye(3)
    back = np.asarray(np.linalg.inv(matrix), np.float64)  # from here to there, at work size
    rows, cols = small.shape
    onto = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    laid = np.asarray(cv2.warpPerspective(other, back, (cols, rows), flags=onto), np.float32)
    field: NDArray[np.float32] | None = None
    if _apart(small, laid, sigma) > _POOR:
        field = _flow(small, laid)
    x, y = _where(here.shape, small.shape, back, field)
    warped = cv2.remap(there, x, y, cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REPLICATE)
    inside = (x >= 0) & (x <= here.shape[1] - 1) & (y >= 0) & (y <= here.shape[0] - 1)
    return _even(here, np.asarray(warped, np.float32), inside), inside


def _apart(a: NDArray[np.float32], b: NDArray[np.float32], sigma: float) -> float:
    """Share of the places whose light differs by far more than noise."""
    differ = np.abs(cv2.blur(a - b, (5, 5)))
    return float((differ > 1.5 * sigma + 0.02 * a).mean())


def _flow(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """Where each place of a is in b, as shifts (rows, cols, 2) in px at work size."""
    if min(a.shape) < 32:
        return None
    top = max(float(np.percentile(a, 99)), 1e-4)
    codes = [np.clip(p * (255 / top), 0, 255).astype(np.uint8) for p in (a, b)]
    dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST)  # type: ignore[attr-defined]
    flow = np.asarray(dis.calc(codes[0], codes[1], None), np.float32)
    return np.clip(cv2.GaussianBlur(flow, (0, 0), 2), -_REACH_PX, _REACH_PX)


def _where(
    shape: tuple[int, ...],
    small: tuple[int, ...],
    back: NDArray[np.float64],
    flow: NDArray[np.float32] | None,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """For each pixel of the whole frame the place (x, y) in the other one."""
    rows, cols = shape[:2]
    sx, sy = cols / small[1], rows / small[0]
    grow = np.array([[sx, 0, sx / 2 - 0.5], [0, sy, sy / 2 - 0.5], [0, 0, 1]])
    m = grow @ back @ np.linalg.inv(grow)
    y, x = np.mgrid[:rows, :cols].astype(np.float64)
    if flow is not None:
        # The flow was found on the frame already laid by the map: its shifts come first.
        whole = cv2.resize(flow, (cols, rows), interpolation=cv2.INTER_LINEAR)
        x, y = x + whole[..., 0] * sx, y + whole[..., 1] * sy
    depth = m[2, 0] * x + m[2, 1] * y + m[2, 2]
    u = (m[0, 0] * x + m[0, 1] * y + m[0, 2]) / depth
    v = (m[1, 0] * x + m[1, 1] * y + m[1, 2]) / depth
    return u.astype(np.float32), v.astype(np.float32)


def _even(
    here: NDArray[np.float32], warped: NDArray[np.float32], inside: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """`warped` times the one gain that matches its light to `here`."""
    a, b, good = here[::8, ::8], warped[::8, ::8], inside[::8, ::8]
    if a.ndim == 3:
        a, b = a.mean(axis=2), b.mean(axis=2)
    good = good & (a > 0.01) & (b > 0.01) & (a < 0.95) & (b < 0.95)
    if good.sum() < 100:
        return warped
    gain = float(np.median(a[good] / b[good]))
    return warped * np.float32(gain) if 0.8 < gain < 1.25 else warped
