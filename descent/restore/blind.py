"""Blind kernel estimation: what blurred a picture, from its own sharpest gradients."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import scipy.fft as sf

from descent.errors import FormatError
from descent.restore import light
from descent.restore.deconvolve import (
    CLIPPED,
    MODEL_ERROR,
    bridge,
    noise_of,
    solve,
    weight_for,
)
from descent.restore.psf import fast_length, gradient_spectrum, spectrum
from descent.tools.compiled import kernel
from descent.tools.tiles import over_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

LARGEST_PX = 101
_PATCH_PX = 512  # the kernel is looked for in the part of a picture with the most to see
_STEP = 2**-0.5  # from scale to scale
_ROUNDS = 5
# How strongly gradients are made few, at the coarsest and the finest scale. Which of these
# works is a matter of the picture; all are tried and the best kept.
_SCHEDULES = (
    (8e-3, 3e-4), (8e-3, 1e-3), (8e-3, 2e-3),
    (1.6e-2, 3e-4), (1.6e-2, 1e-3), (1.6e-2, 4e-3), (3e-2, 1e-3),
)  # fmt: skip
_FINALISTS = 3
# A larger share holds what is left unexplained more against a kernel than ringing: with noise,
# for finer versions, which differ little in how they ring.
_SHARE, _SHARE_NOISY = 0.25, 0.6
_QUIET = 0.007  # of full scale, with what a kernel leaves unexplained
_SPARSE_FINE = 1e-3
_SOFT_PX = (0.5, 0.7)  # edges of lenses and sensors are as soft as this
_RIDGE = 0.01  # of the gradients' energy; a larger one makes softer kernels
_FAINT = 0.03  # weights below this share of the largest are noise
_REFINE, _REFINE_WEIGHT = 3, 4.0
_STEPS = 150
_BETA_MOST, _BETA_FILL = 1e5, 1e3


@kernel
def _sparse_gradients(
    x: NDArray[np.float32], least: np.float32, py: NDArray[np.float32], px: NDArray[np.float32]
) -> None:
    """Forward differences whose squared size exceeds `least`, others zero."""
    height, width = x.shape
    for r in range(height):
        below = r + 1 if r + 1 < height else 0
        for c in range(width):
            right = c + 1 if c + 1 < width else 0
            gy, gx = x[below, c] - x[r, c], x[r, right] - x[r, c]
            keep = gy * gy + gx * gx > least
            py[r, c] = gy if keep else np.float32(0)
            px[r, c] = gx if keep else np.float32(0)


def _transposed(py: NDArray[np.float32], px: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.roll(py, 1, 0) - py + np.roll(px, 1, 1) - px


def _latent(
    picture: NDArray[np.float32], kernel: NDArray[np.float32], sparse: float
) -> NDArray[np.float32]:
    """The picture of few, strong edges that `kernel` blurs into `picture` (rows, cols).

    What lies beyond the edges is not taken to be periodic but filled with what the estimate
    says, again and again.

    Source: Xu, Zheng and Jia, "Unnatural L0 sparse representation for natural image
    deblurring", CVPR 2013; Pan et al., "L0-regularized intensity and gradient prior", PAMI
    2017.
    """
    rows, cols = picture.shape
    half = kernel.shape[0] // 2
    shape = fast_length(rows + 2 * half), fast_length(cols + 2 * half)
    x = np.empty(shape, np.float32)
    bridge(picture, rows, cols, half, half, x)
    k, grads = spectrum(kernel, shape), gradient_spectrum(shape)
    power = k.real * k.real + k.imag * k.imag + np.float32(1e-9)
    blurred = sf.rfft2(x)
    py, px = np.empty_like(x), np.empty_like(x)
    beta = 2 * sparse
    while beta < _BETA_MOST:
        _sparse_gradients(x, np.float32(sparse / beta), py, px)
        pull = np.float32(beta)
        found = np.conj(k) * blurred + pull * sf.rfft2(_transposed(py, px))
        found /= power + pull * grads
        x = sf.irfft2(found, shape)
        if beta < _BETA_FILL:
            again = sf.irfft2(found * k, shape)
            again[half : half + rows, half : half + cols] = picture
            blurred = sf.rfft2(again)
        beta *= 2
    return np.ascontiguousarray(x[half : half + rows, half : half + cols])


def _differences(x: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    gy, gx = np.zeros_like(x), np.zeros_like(x)
    gy[:-1], gx[:, :-1] = np.diff(x, axis=0), np.diff(x, axis=1)
    return gy, gx


def _kernel_from(
    sharp: tuple[NDArray[np.float32], NDArray[np.float32]],
    blurred: tuple[NDArray[np.float32], NDArray[np.float32]],
    size: int,
    soft_px: float = 0.0,
) -> NDArray[np.float32]:
    """The kernel (size, size), none below 0, that takes sharp gradients to blurred ones.

    `soft_px` is how soft edges were before they blurred: the sharp gradients are blurred by
    a Gaussian of it first. Ridge regression by accelerated projected gradients on the normal
    equations.
    """
    rows, cols = sharp[0].shape
    shape = fast_length(rows + size), fast_length(cols + size)
    y = np.fft.fftfreq(shape[0])[:, None]
    x = np.fft.rfftfreq(shape[1])[None]
    soft = np.exp(-2 * (np.pi * soft_px) ** 2 * (y * y + x * x)).astype(np.float32)
    auto = np.zeros((shape[0], shape[1] // 2 + 1), np.float32)
    cross = np.zeros_like(auto, np.complex64)
    for s, b in zip(sharp, blurred, strict=True):
        f = sf.rfft2(s, shape) * soft
        auto += f.real * f.real + f.imag * f.imag
        cross += np.conj(f) * sf.rfft2(b, shape)
    half = size // 2
    around = np.arange(-half, half + 1)
    target = sf.irfft2(cross, shape)[np.ix_(around, around)].astype(np.float64)
    wide = np.arange(-2 * half, 2 * half + 1)
    relation = sf.irfft2(auto, shape)[np.ix_(wide, wide)].astype(np.float64)
    ridge = _RIDGE * float(relation[2 * half, 2 * half]) + 1e-12
    field = fast_length(3 * size), fast_length(3 * size)
    turned = np.zeros(field)
    turned[np.ix_(wide, wide)] = relation
    operator = sf.rfft2(turned)
    most = float(np.abs(operator).max()) + ridge
    kernel = np.maximum(target, 0)
    kernel /= max(float(kernel.sum()), 1e-12)
    ahead, momentum = kernel, 1.0
    for _ in range(_STEPS):
        pushed = sf.irfft2(operator * sf.rfft2(ahead, field), field)[:size, :size]
        after = np.maximum(ahead - (pushed + ridge * ahead - target) / most, 0)
        following = (1 + np.sqrt(1 + 4 * momentum * momentum)) / 2
        ahead = after + (momentum - 1) / following * (after - kernel)
        kernel, momentum = after, following
    return np.asarray(kernel, np.float32)


def _cleaned(kernel: NDArray[np.float32], faint: float = _FAINT) -> NDArray[np.float32]:
    """The kernel without faint weights and specks, summing to 1, its mass in the middle."""
    out = np.where(kernel < faint * kernel.max(), 0, kernel).astype(np.float32)
    count, labels = cv2.connectedComponents((out > 0).astype(np.uint8), connectivity=8)
    for k in range(1, count):
        part = labels == k
        if out[part].sum() < 0.1 * out.sum():
            out[part] = 0
    if out.sum() <= 0:
        out[out.shape[0] // 2, out.shape[1] // 2] = 1
    return _centred(np.asarray(out / out.sum(), np.float32))


def _centred(kernel: NDArray[np.float32]) -> NDArray[np.float32]:
    """The kernel moved by whole pixels so that what it covers is in the middle."""
    size = kernel.shape[0]
    rows, cols = np.flatnonzero(kernel.any(1)), np.flatnonzero(kernel.any(0))
    dy = int(rows[0] + rows[-1]) // 2 - size // 2
    dx = int(cols[0] + cols[-1]) // 2 - size // 2
    if dy == dx == 0:
        return kernel
    wide = np.zeros((3 * size, 3 * size), np.float32)
    wide[size - dy : 2 * size - dy, size - dx : 2 * size - dx] = kernel
    out: NDArray[np.float32] = wide[size : 2 * size, size : 2 * size]
    return np.asarray(out / out.sum(), np.float32)


def _strong(
    gradients: tuple[NDArray[np.float32], NDArray[np.float32]], size: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The strongest gradients of each of four directions, as many as a kernel needs."""
    gy, gx = gradients
    power = gy * gy + gx * gx
    direction = (gy * gx > 0).astype(np.int8) * 2 + (np.abs(gy) > np.abs(gx))
    want = min(int(2 * size * np.sqrt(power.size)) // 4, power.size // 8)
    least = np.inf
    for k in range(4):
        found = power[direction == k]
        if len(found) > want:
            least = min(least, float(np.partition(found, -want)[-want]))
    keep = power > (least if np.isfinite(least) else 0)
    return gy * keep, gx * keep


def _climb(
    picture: NDArray[np.float32], size: int, schedule: tuple[float, float]
) -> NDArray[np.float32]:
    """A kernel (size, size) found from coarse to fine, of the picture (rows, cols)."""
    sizes = [size]
    while sizes[-1] > 3:
        sizes.append(max(3, min(int(sizes[-1] * _STEP) | 1, sizes[-1] - 2)))
    start = np.zeros((sizes[-1], sizes[-1]), np.float32)
    middle = sizes[-1] // 2
    # Neither a point, which is a trap, nor of any direction to speak of.
    start[middle, middle] = start[middle, min(middle + 1, sizes[-1] - 1)] = 0.5
    kernel, step, last = start, 0, len(sizes) * _ROUNDS - 1
    for side in reversed(sizes):
        scale = side / size
        small = picture if side == size else _shrunk(picture, scale)
        if side != len(kernel):
            grown = cv2.resize(kernel, (side, side), interpolation=cv2.INTER_LINEAR)
            kernel = _cleaned(np.asarray(np.maximum(grown, 0), np.float32))
        blurred = _differences(small)
        for _ in range(_ROUNDS):
            sparse = schedule[0] * math.pow(schedule[1] / schedule[0], step / last)
            sharp = _differences(_latent(small, kernel, sparse))
            kernel = _cleaned(_kernel_from(sharp, blurred, side))
            step += 1
    return kernel


def _shrunk(picture: NDArray[np.float32], scale: float) -> NDArray[np.float32]:
    rows, cols = (max(3, round(side * scale)) for side in picture.shape)
    return np.asarray(cv2.resize(picture, (cols, rows), interpolation=cv2.INTER_AREA), np.float32)


def _softened(kernel: NDArray[np.float32], soft_px: float) -> NDArray[np.float32]:
    wide = cv2.copyMakeBorder(kernel, 3, 3, 3, 3, cv2.BORDER_CONSTANT, value=0)
    return np.asarray(
        cv2.GaussianBlur(wide, (7, 7), soft_px, borderType=cv2.BORDER_CONSTANT), np.float32
    )


def _natural(
    picture: NDArray[np.float32], kernel: NDArray[np.float32], noise: float
) -> NDArray[np.float32]:
    """A finer version of a kernel, from the strongest natural gradients instead of a few edges."""
    size = len(kernel)
    weight = _REFINE_WEIGHT * weight_for(picture, kernel, noise)
    sharp = _differences(solve(picture, kernel, weight, iterations=40))
    return _cleaned(_kernel_from(_strong(sharp, size), _differences(picture), size))


def _finished(
    picture: NDArray[np.float32], kernel: NDArray[np.float32], noise: float
) -> list[NDArray[np.float32]]:
    """Finer versions of a kernel: natural instead of few edges, and edges of other softness.

    In a quiet picture only the last natural one, which there is best; noise is taken for
    natural gradients too, so in a noisy one the others are tried as well.
    """
    found, k = [kernel], kernel
    for _ in range(_REFINE):
        k = _natural(picture, k, noise)
        found.append(k)
    if noise < _QUIET:
        return [k]
    blurred = _differences(picture)
    for soft in _SOFT_PX:
        k = kernel
        for _ in range(2):
            sharp = _differences(_latent(picture, _softened(k, soft), _SPARSE_FINE))
            k = _cleaned(_kernel_from(sharp, blurred, len(k), soft))
        found += [k, _natural(picture, k, noise)]
    return found


def _flaw(
    picture: NDArray[np.float32], kernel: NDArray[np.float32], noise: float, share: float = _SHARE
) -> float:
    """How bad a kernel is, without the truth: what it leaves unexplained, and what rings.

    Normalised sparsity of the restored gradients (Krishnan, Tay and Fergus, CVPR 2011) times
    the residual's standard deviation to the power of `share`: ringing raises the first, a
    wrong shape the second.
    """
    x = solve(picture, kernel, weight_for(picture, kernel, noise), iterations=40)
    size = np.hypot(np.diff(x, axis=0)[:, :-1], np.diff(x, axis=1)[:-1]).astype(np.float64)
    sparsity = size.sum() / max(float(np.sqrt((size * size).sum() * size.size)), 1e-12)
    half = len(kernel) // 2
    blurred = cv2.filter2D(x, cv2.CV_32F, kernel[::-1, ::-1], borderType=cv2.BORDER_REPLICATE)
    rest = (blurred - picture)[half : -half or None, half : -half or None]
    left = float(np.sqrt((rest.astype(np.float64) ** 2).mean())) if rest.size else 1.0
    # Explaining the noise as well is no merit: kernels close to a point do that.
    left = max(left, noise_of(picture), 1e-6)
    return float(sparsity) * math.pow(left, share)


def _patch(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """The part of a picture, at most `_PATCH_PX` a side, with the most gradients to learn from."""
    rows, cols = min(grey.shape[0], _PATCH_PX), min(grey.shape[1], _PATCH_PX)
    if grey.shape == (rows, cols):
        return grey
    gy, gx = _differences(grey)
    # Clipped places teach nothing: their gradients are of another light.
    power = np.where(grey < CLIPPED, gy * gy + gx * gx, 0)
    total = cv2.integral(power.astype(np.float32))
    step = 32
    tops = range(0, grey.shape[0] - rows + 1, step)
    lefts = range(0, grey.shape[1] - cols + 1, step)
    sums = [
        (
            float(
                total[t + rows, c + cols] - total[t, c + cols] - total[t + rows, c] + total[t, c]
            ),
            t,
            c,
        )
        for t in tops
        for c in lefts
    ]
    _, top, left = max(sums, key=lambda found: (found[0], -found[1], -found[2]))
    return np.ascontiguousarray(grey[top : top + rows, left : left + cols])


def estimate_kernel(picture: NDArray[Any], *, size: int) -> NDArray[np.float32]:
    """The kernel (size, size) that blurred a picture, from the picture alone.

    Found coarse to fine on the sharpest gradients, several ways, of which the best is kept.
    Up to a shift: what moves the kernel moves the picture.

    Parameters
    ----------
    picture : (rows, cols) or (rows, cols, 3); uint8, uint16 or float from 0 to 1. A picture
        that holds nothing (one brightness) has no blur to find: the kernel is a point.
    size : odd, 3 to 101, no larger than half the picture; of the square that the kernel must
        fit into. A larger one allows longer motion, takes longer and errs more.

    Returns
    -------
    float32, summing to 1, for true convolution.

    Raises
    ------
    FormatError
        for other shapes, types and sizes, and pixels that are not numbers.
    """
    shape = np.shape(picture)
    if len(shape) not in (2, 3) or 0 in shape or shape[2:] not in ((), (3,)):
        raise FormatError(f"a picture of shape {shape}", do="hand over (rows, cols), or with 3")
    if isinstance(size, bool) or not isinstance(size, int | np.integer):
        raise FormatError(f"a kernel size of {size!r}", do="write an odd number of px")
    if size % 2 == 0 or not 3 <= size <= LARGEST_PX:
        raise FormatError(f"a kernel size of {size}", do=f"write an odd number, 3 to {LARGEST_PX}")
    if 2 * size > min(shape[:2]):
        raise FormatError(
            f"a kernel of {size} px in a picture of {shape[1]} x {shape[0]}",
            do="look for a smaller kernel, or hand over a larger picture",
        )
    unit = light.as_unit(picture, what="the picture")
    grey = _patch(np.ascontiguousarray(unit if unit.ndim == 2 else unit.mean(axis=2)))
    point = np.zeros((size, size), np.float32)
    point[size // 2, size // 2] = 1
    if float(grey.max() - grey.min()) < 1e-3:
        return point
    noise = float(np.hypot(noise_of(grey), MODEL_ERROR))
    # Room to grow to one side while it is found; cut back to `size` in the end.
    room = min((size + 2 * math.ceil(0.2 * size)) | 1, (min(grey.shape) // 2 - 1) | 1)
    room = max(room, size)
    found: list[NDArray[np.float32]] = [point] * len(_SCHEDULES)

    def climb(k: int, _: int) -> None:
        found[k] = _climb(grey, room, _SCHEDULES[k])

    over_rows(climb, len(_SCHEDULES), grain=1)
    found.sort(key=lambda k: _flaw(grey, k, noise))
    finer = [k for first in found[:_FINALISTS] for k in _finished(grey, first, noise)]
    share = _SHARE if noise < _QUIET else _SHARE_NOISY
    return _fitted(min(finer, key=lambda k: _flaw(grey, k, noise, share)), size)


def _fitted(kernel: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """The part (size, size) of a larger kernel that holds the most of it, summing to 1."""
    spare = len(kernel) - size
    if spare <= 0:
        return kernel
    total = cv2.integral(kernel)
    held = total[size:, size:] - total[:-size, size:] - total[size:, :-size] + total[:-size, :-size]
    # Of windows that hold as much, the most central.
    away = np.abs(np.arange(spare + 1) - spare / 2)
    top, left = np.unravel_index(
        int(np.argmax(held - 1e-6 * (away[:, None] + away[None]))), held.shape
    )
    out = kernel[top : top + size, left : left + size]
    return np.ascontiguousarray(out / out.sum(), np.float32)
