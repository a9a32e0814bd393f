"""Fourier burst accumulation: several blurred pictures of one thing make one sharp one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import scipy.fft as sf

from descent.errors import FormatError
from descent.restore import light
from descent.restore.deconvolve import bridge
from descent.restore.psf import fast_length
from descent.tools.compiled import kernel
from descent.tools.register import Features, features, match
from descent.tools.tiles import over_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BRIDGE_PX = 32  # over which the picture's edges run into each other, for the transform
_SMOOTH = 100  # spectra are smoothed over this fraction of the shorter side
_ALIGN_PX = 400  # features are found at this size of the longer side
_FEATURES = 500
# Two blurred pictures cannot be laid on each other better than this, and each resampling
# blurs: what lies nearer is left where it is.
_ALIGNED_PX = 1.5
_FINISH, _FINISH_PX = 0.4, 2.0
_LEAST = 1e-4
_FEW = 12  # features below which a frame says nothing about where it lies


@kernel
def _gather(
    planes: NDArray[np.complex64], size: NDArray[np.float32], power: int,
    total: NDArray[np.complex128], amplitude: NDArray[np.float64], most: NDArray[np.float32],
    first: int, last: int,
) -> None:  # fmt: skip
    """Add rows of a frame's planes (channels, rows, cols), weighted by `size` to a power."""
    for r in range(first, last):
        for c in range(size.shape[1]):
            m = size[r, c]
            w, base, n = 1.0, np.float64(m), power
            while n > 0:  # products: the same everywhere, as powers are not
                if n & 1:
                    w *= base
                base *= base
                n >>= 1
            for k in range(planes.shape[0]):
                total[k, r, c] += w * planes[k, r, c]
            amplitude[r, c] += w * m
            most[r, c] = max(most[r, c], m)


def accumulate(pictures: Sequence[NDArray[Any]], *, power: int = 11) -> NDArray[np.float32]:
    """One picture made of several of the same thing, each blurred in its own way.

    The pictures are laid on the sharpest, and each frequency is averaged over them by how
    strong it is there: blur only ever weakens. Needs no kernel, and does not ring.

    Parameters
    ----------
    pictures : one or more of (rows, cols) or (rows, cols, 3), all of a shape; uint8, uint16
        or float from 0 to 1.
    power : of the weights, 0 to 64; 0 is the mean of all, a larger one takes each frequency
        from fewer pictures and keeps more of their noise.

    Returns
    -------
    float32 from 0 to 1, of the pictures' shape, laid on the sharpest of them.

    Raises
    ------
    FormatError
        for no pictures, different shapes, pixels that are not numbers, or another power.

    Source: Delbracio and Sapiro, "Removing camera shake via weighted Fourier burst
    accumulation", IEEE TIP 2015; here the amplitude is that of the strongest picture.
    """
    if isinstance(power, bool) or not isinstance(power, int) or not 0 <= power <= 64:
        raise FormatError(f"a power of {power!r}", do="write a whole number from 0 to 64")
    frames = [light.as_unit(p, what=f"picture {k}") for k, p in enumerate(pictures)]
    if not frames:
        raise FormatError("no pictures to accumulate", do="hand over one or more")
    shape = frames[0].shape
    if len(shape) not in (2, 3) or not frames[0].size or shape[2:] not in ((), (3,)):
        raise FormatError(f"a picture of shape {shape}", do="hand over (rows, cols) or with 3")
    for k, frame in enumerate(frames):
        if frame.shape != shape:
            raise FormatError(
                f"picture {k} is {frame.shape}, picture 0 {shape}", do="hand over one shape"
            )
    if len(frames) == 1:
        return np.asarray(np.clip(frames[0], 0, 1), np.float32)
    return accumulated(aligned(frames), power)


def accumulated(frames: Sequence[NDArray[np.float32]], power: int) -> NDArray[np.float32]:
    """Pictures of one shape that lie right, accumulated; `power` as in `accumulate`."""
    rows, cols = frames[0].shape[:2]
    channels = 1 if frames[0].ndim == 2 else frames[0].shape[2]
    field = fast_length(rows + _BRIDGE_PX), fast_length(cols + _BRIDGE_PX)
    half = (field[0], field[1] // 2 + 1)
    total = np.zeros((channels, *half), np.complex128)
    amplitude = np.zeros(half)
    most, mean = np.zeros(half, np.float32), np.zeros(half, np.float32)
    laid = np.empty((channels, *field), np.float32)
    planes = np.empty((channels, *half), np.complex64)
    sigma = max(min(rows, cols) / _SMOOTH, 0.5)
    scale: NDArray[np.float32] = np.ones(half, np.float32)
    for number, frame in enumerate(frames):
        stack = frame[None] if frame.ndim == 2 else frame.transpose(2, 0, 1)

        def transform(k: int, _: int, stack: NDArray[np.float32] = stack) -> None:
            bridge(np.ascontiguousarray(stack[k]), rows, cols, 0, 0, laid[k])
            planes[k] = sf.rfft2(laid[k])

        over_rows(transform, channels, grain=1)
        size = _smoothed(np.abs(planes.sum(axis=0)), sigma)
        if number == 0:
            # Relative to the first frame, so that float64 holds even the 64th power.
            floor = max(1e-6 * float(size.max()), 1e-12)
            scale = np.asarray(np.reciprocal(np.maximum(size, np.float32(floor))), np.float32)
        size = np.clip(size * scale, np.float32(_LEAST), np.float32(1 / _LEAST))

        def gather(first: int, last: int, size: NDArray[np.float32] = size) -> None:
            _gather(planes, size, power, total, amplitude, most, first, last)

        over_rows(gather, half[0])
        mean += size
    finish = _finish(field, mean / (len(frames) * most))
    found = (total * (most / amplitude * finish)).astype(np.complex64)
    out = np.empty((channels, rows, cols), np.float32)

    def back(k: int, _: int) -> None:
        np.clip(sf.irfft2(found[k], field)[:rows, :cols], 0, 1, out=out[k])

    over_rows(back, channels, grain=1)
    return out[0] if frames[0].ndim == 2 else np.ascontiguousarray(out.transpose(1, 2, 0))


def _smoothed(size: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """A half spectrum's magnitudes (rows, cols) blurred, periodic from top to bottom."""
    top = size.shape[0] // 2
    turned = np.roll(size, top, axis=0)
    soft = cv2.GaussianBlur(turned, (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101)
    out: NDArray[np.float32] = np.roll(np.asarray(soft, np.float32), -top, axis=0)
    return out


def _finish(field: tuple[int, int], share: NDArray[Any]) -> NDArray[Any]:
    """The mild sharpening that ends the method, stronger the more the pictures differ.

    `share` is the mean picture's strength over the strongest's: pictures that are all alike
    have nothing that accumulation could have missed, and come out unchanged.
    """
    y = np.fft.fftfreq(field[0]).astype(np.float32)[:, None]
    x = np.fft.rfftfreq(field[1]).astype(np.float32)[None]
    squared: NDArray[Any] = y * y + x * x
    middle = (squared > 0.02**2) & (squared < 0.2**2)
    differ = 1 - float(share[middle].mean()) if middle.any() else 0.0
    soft = np.exp(np.float32(-2 * (np.pi * _FINISH_PX) ** 2) * squared)
    return np.float32(1) + np.float32(_FINISH * max(differ, 0.0)) * (1 - soft)


def aligned(frames: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
    """The frames laid on the sharpest of them; those that match nothing are left out.

    Frames in which no features are found at all (dark, foggy) are taken to lie right.
    """
    rows, cols = frames[0].shape[:2]
    factor = min(1.0, _ALIGN_PX / max(rows, cols))
    size = max(1, round(cols * factor)), max(1, round(rows * factor))
    small = [_grey(cv2.resize(f, size, interpolation=cv2.INTER_AREA)) for f in frames]
    best = int(np.argmax([_sharpness(s) for s in small]))
    if min(size) < 32:
        return list(frames)
    points: list[Features | None] = [None] * len(small)

    def find(k: int, _: int) -> None:
        points[k] = features(small[k], most=_FEATURES)

    over_rows(find, len(small), grain=1)
    return _all_laid(frames, [p for p in points if p is not None], best, size)


def _all_laid(
    frames: Sequence[NDArray[np.float32]],
    points: Sequence[Features],
    best: int,
    size: tuple[int, int],
) -> list[NDArray[np.float32]]:
    """The frames laid on number `best` by their features, found at `size` (cols, rows)."""
    rows, cols = frames[0].shape[:2]
    if len(points[best].points) < _FEW:
        return list(frames)
    scale = np.diag([size[0] / cols, size[1] / rows, 1.0])
    out = []
    for k, frame in enumerate(frames):
        found = None if k == best else match(points[best], points[k])
        if k == best or len(points[k].points) < _FEW:
            out.append(frame)
        elif found is not None:
            out.append(_laid(frame, np.linalg.inv(scale) @ found.matrix @ scale))
    return out


def _laid(frame: NDArray[np.float32], matrix: NDArray[np.float64]) -> NDArray[np.float32]:
    """The frame drawn where `matrix` (from the reference to it) says, if it is elsewhere."""
    rows, cols = frame.shape[:2]
    y, x = np.mgrid[0.25:0.76:0.25, 0.25:0.76:0.25].reshape(2, -1)
    at = np.stack([x * cols, y * rows, np.ones_like(x)])
    to = matrix @ at
    if np.hypot(*(to[:2] / to[2] - at[:2])).mean() < _ALIGNED_PX:
        return frame
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return np.asarray(
        cv2.warpPerspective(frame, matrix, (cols, rows), flags=flags, borderMode=cv2.BORDER_REFLECT)
    )


def _grey(picture: NDArray[Any]) -> NDArray[np.float32]:
    return np.asarray(picture if picture.ndim == 2 else picture.mean(axis=2, dtype=np.float32))


def _sharpness(picture: NDArray[np.float32]) -> float:
    """How much of a picture's change is from pixel to pixel."""
    fine = cv2.Laplacian(picture, cv2.CV_32F)
    return float(np.abs(fine).mean()) / max(float(picture.mean()), 1e-6)
