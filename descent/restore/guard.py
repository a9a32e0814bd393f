"""Whether unblurring did good: judged by the picture itself, place by place, without flicker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# What part of a change overshoots, and what the kernel leaves unexplained, in noise. Where the
# change is large against noise both grow, so they are allowed more for each noise of it. On
# the synthetic landing (seeds 2 to 4) true kernels gave 0 to 0.41 and 1.0 to 1.5, those a third
# too long, or turned by 30 degrees, up to 0.6 and 1.8.
_RINGS, _RINGS_MUCH, _RINGS_MORE = 0.27, 0.36, 0.02
_OFF, _FAR_OFF, _OFF_MORE = 1.26, 1.45, 0.028
_MOST_MORE = 8.0
# More structure than that, as a ratio of mean gradients, no true kernel gave.
_SHARPER, _MUCH_SHARPER = 1.35, 1.6
_KEEP = 0.3  # a share below which a place is left as it was
_NEAR = 2  # frames before and after that have a say


def judge(
    before: NDArray[np.float32],
    after: NDArray[np.float32],
    kernel: NDArray[np.float32],
    trust: NDArray[np.float32],
    noise: float,
    *,
    sharpest: tuple[float, float] = (_SHARPER, _MUCH_SHARPER),
    beside_px: int = 1,
) -> float:
    """How much of `after` to take, 0 to 1, for a part `before` blurred by `kernel`.

    Parameters
    ----------
    before, after, trust : (rows, cols); trust is 0 to 1, -1 where clipped.
    noise : standard deviation that flat ground of `before` has.
    sharpest : times the mean gradient that `after` may have, and from where it is refused.
    beside_px : side of the square, at least, whose light the result may take without ringing.

    It asks three things: whether blurring the result gives back what was seen, as well as the
    noise allows; whether it overshoots, which rings; whether it is sharper than it can be.
    """
    good = trust > 0
    if good.sum() < 100:
        return 0.0
    back = cv2.filter2D(after, -1, cv2.flip(kernel, -1), borderType=cv2.BORDER_REFLECT_101)
    weight = np.where(good, trust, 0)
    off = float(np.sqrt((weight * (back - before) ** 2).sum() / weight.sum())) / noise
    side = max(*kernel.shape, beside_px) | 1
    box = np.ones((side, side), np.uint8)
    over = np.maximum(after - cv2.dilate(before, box), 0)
    over += np.maximum(cv2.erode(before, box) - after, 0)
    change = float(np.sqrt(((after - before)[good] ** 2).mean()))
    if change < 0.1 * noise:
        return 1.0  # nothing was done, so nothing can be wrong
    rings = float(np.sqrt((over[good] ** 2).mean())) / change
    sharper = _gradient(after) / max(_gradient(before), 1e-9)
    more = min(change / noise, _MOST_MORE)
    share = min(
        _fade(rings - more * _RINGS_MORE, _RINGS, _RINGS_MUCH),
        _fade(off - more * _OFF_MORE, _OFF, _FAR_OFF),
        _fade(sharper, *sharpest),
    )
    return share if share >= _KEEP else 0.0


def _fade(value: float, good: float, bad: float) -> float:
    return float(np.clip((bad - value) / (bad - good), 0, 1))


def _gradient(picture: NDArray[Any]) -> float:
    return float(np.abs(np.diff(picture, axis=0)).mean() + np.abs(np.diff(picture, axis=1)).mean())


def steady(
    shares: Sequence[NDArray[np.float64] | None], breaks: frozenset[int] = frozenset()
) -> list[NDArray[np.float64] | None]:
    """The shares (down, across) of each frame, evened out over its neighbours.

    A place that is restored in one frame and left in the next would flicker: each takes the
    mean of two frames either side, never more than twice its own.
    """
    out: list[NDArray[np.float64] | None] = []
    for i, own in enumerate(shares):
        if own is None:
            out.append(None)
            continue
        near = [own]
        for step in (1, -1):
            for d in range(1, _NEAR + 1):
                j = i + step * d
                if not 0 <= j < len(shares) or (j if step == 1 else j + 1) in breaks:
                    break
                other = shares[j]
                near.append(np.zeros_like(own) if other is None else other)
        even = np.minimum(np.mean(near, axis=0), 2 * own)
        even[even < _KEEP / 2] = 0.0
        out.append(even)
    return out
