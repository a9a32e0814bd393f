"""How long the shutter was open, as the pictures tell it: how far their known motion smeared.

A blur of known direction leaves a shape in the power spectrum that no scene has: it falls off,
and comes back, along the motion only. The spectrum of the scene itself is not known but much
the same in all directions. So the evidence for an exposure is how well it explains the
spectra of a few textured places, when the scene's own falls with frequency as it likes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from descent.restore.motion import centres

if TYPE_CHECKING:
    from numpy.typing import NDArray

PATCH_PX = 128
STEPS = 32  # exposures tried, evenly spread over the longest
_RINGS = 24
_LOWEST, _HIGHEST = 0.03, 0.45  # cycles a px that count
_PLACES = 20  # of most texture that are looked at in a frame
_LEAST_PX = 0.8  # of blur at the longest exposure: below, nothing can be told
_CLIPPED_SHARE = 0.05
# A spectrum's zeros are filled: by noise that debayering made coarser than it was, by what moves
# otherwise, by aliasing. Shares of the scene's own power, and of the noise's variance.
_FLOOR, _NOISIER = 0.12, 5.0
_OUTLIER = 4.0  # squared log power beyond which a bin counts no more
_WORTH = 0.1  # bins of a windowed and blurred spectrum tell each other: what one is worth


@lru_cache(maxsize=2)
def _rings(size: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Frequencies y and x, the ring, and which bins count, of a half spectrum."""
    y = np.fft.fftfreq(size)[:, None] + np.zeros(size // 2 + 1)
    x = np.zeros(size)[:, None] + np.fft.rfftfreq(size)
    radius = np.hypot(y, x)
    good = (radius >= _LOWEST) & (radius < _HIGHEST)
    # The axis of x = 0 holds each bin twice, and window leakage of frames' edges.
    good &= ~((x == 0) & (y < 0))
    ring = ((radius - _LOWEST) / (_HIGHEST - _LOWEST) * _RINGS).astype(int)
    return y[good], x[good], ring[good], good


@lru_cache(maxsize=2)
def _leaning(size: int) -> NDArray[Any]:
    """How a scene may lean to one direction at all frequencies alike: (bins, 2), orthonormal.

    Wind-blown ground does; a blur of the same mean slope would be read into it.
    """
    y, x, ring, _ = _rings(size)
    counts = np.maximum(np.bincount(ring, minlength=_RINGS), 1)
    turn = 2 * np.arctan2(y, x)
    basis = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    for k in range(2):
        basis[:, k] -= (np.bincount(ring, basis[:, k], _RINGS) / counts)[ring]
    return np.asarray(np.linalg.qr(basis)[0], np.float64)


def evidence(
    plane: NDArray[np.float32],
    motion: NDArray[np.float64],
    longest: float,
    noise: float,
    clipped: NDArray[np.bool_] | None = None,
) -> NDArray[np.float64] | None:
    """The log likelihood (33,) of exposures 0, 1/32 ... 1 of `longest`, from one frame.

    Parameters
    ----------
    plane : (rows, cols), linear light.
    motion : (6, 8, 2) px for each unit of time at the places of `motion.centres`.
    longest : the longest exposure, in that unit.
    noise : standard deviation of the plane's noise.
    clipped : (rows, cols), where light is not known: places full of it do not count.

    None where the frame moves too little, or shows too little, to tell.
    """
    rows, cols = plane.shape
    size = min(PATCH_PX, rows // 2 * 2, cols // 2 * 2)
    if size < 32 or np.hypot(*np.moveaxis(motion, -1, 0)).max() * longest < _LEAST_PX:
        return None
    window = np.outer(np.hanning(size), np.hanning(size)).astype(np.float32)
    power = float((window**2).sum())
    found = []
    for spot, speed in zip(
        centres((rows, cols)).reshape(-1, 2), motion.reshape(-1, 2), strict=True
    ):
        top = int(np.clip(spot[1] - size // 2, 0, rows - size))
        left = int(np.clip(spot[0] - size // 2, 0, cols - size))
        part = np.s_[top : top + size, left : left + size]
        if clipped is not None and clipped[part].mean() > _CLIPPED_SHARE:
            continue
        if np.hypot(*speed) * longest < _LEAST_PX:
            continue
        texture = cv2.GaussianBlur(plane[part], (0, 0), 1.0)
        found.append((float(np.abs(np.diff(texture, axis=1)).mean()), part, speed))
    found = sorted(found, key=lambda f: -f[0])[:_PLACES]
    found = [f for f in found if f[0] > 0.3 * noise]
    if not found:
        return None
    total = np.zeros(STEPS + 1)
    for _, part, speed in found:
        flat = plane[part] - _plane_of(plane[part])
        spectrum = np.abs(np.fft.rfft2(flat * window)) ** 2 / power
        total += _likelihood(spectrum, speed * longest, noise * noise, size)
    return total * _WORTH


def _plane_of(part: NDArray[np.float32]) -> NDArray[np.float32]:
    """The tilted plane through a patch: its slope would leak along both axes."""
    size = len(part)
    ramp = (np.arange(size, dtype=np.float32) - (size - 1) / 2) / np.float32(size)
    norm = float((ramp**2).mean())
    a, b = float((part.mean(axis=1) * ramp).mean()), float((part.mean(axis=0) * ramp).mean())
    return np.asarray(
        part.mean() + (a * ramp[:, None] + b * ramp[None]) / np.float32(norm), np.float32
    )


def _likelihood(
    spectrum: NDArray[np.float64], longest_px: NDArray[np.float64], noise: float, size: int
) -> NDArray[np.float64]:
    """The evidence of one place's power spectrum (size, size // 2 + 1)."""
    y, x, ring, good = _rings(size)
    counts = np.maximum(np.bincount(ring, minlength=_RINGS), 1)
    # Of the logarithm, bounded: a few strong lines of the scene must not decide.
    soft = cv2.blur(np.fft.fftshift(spectrum, axes=0), (3, 3))
    seen = np.fft.ifftshift(soft, axes=0)[good]
    level = np.log(seen + 1e-12)
    power = np.bincount(ring, seen, _RINGS) / counts
    floor = np.maximum(_FLOOR, np.minimum(_NOISIER * noise / np.maximum(power, 1e-12), 1))[ring]
    along = x * longest_px[0] + y * longest_px[1]
    leaning = _leaning(size)
    out = np.empty(STEPS + 1)
    for k in range(STEPS + 1):
        apart = level - np.log(np.sinc(along * (k / STEPS)) ** 2 + floor)
        apart -= (np.bincount(ring, apart, _RINGS) / counts)[ring]
        apart -= leaning @ (leaning.T @ apart)
        out[k] = -float(np.minimum(apart * apart, _OUTLIER).sum())
    return out


def together(
    told: Sequence[NDArray[np.float64] | None], reach: int, breaks: frozenset[int] = frozenset()
) -> list[NDArray[np.float64] | None]:
    """The evidence of each frame with that of its neighbours, less the further they are."""
    out: list[NDArray[np.float64] | None] = []
    for i in range(len(told)):
        total: NDArray[np.float64] | None = None
        for step in (1, -1):
            for d in range(0 if step == 1 else 1, reach + 1):
                j = i + step * d
                if not 0 <= j < len(told) or (d and (j if step == 1 else j + 1) in breaks):
                    break
                own = told[j]
                if own is not None:
                    part = (own - own.max()) * (1 - d / (reach + 1))
                    total = part if total is None else total + part
        out.append(total)
    return out


def best(told: NDArray[np.float64]) -> tuple[float, float]:
    """The likeliest exposure as a share of the longest, and how much it explains over none.

    The second is a difference of log likelihoods: above 10 or so it is no accident.
    """
    k = int(np.argmax(told))
    share = float(k)
    if 0 < k < len(told) - 1:
        a, b, c = told[k - 1 : k + 2]
        if a + c - 2 * b < -1e-9:
            share += 0.5 * float((a - c) / (a + c - 2 * b))
    return share / (len(told) - 1), float(told[k] - told[0])
