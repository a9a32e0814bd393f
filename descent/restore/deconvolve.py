"""Deconvolution with a known kernel: total variation, unknown boundaries, masked pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import scipy.fft as sf

from descent.errors import FormatError
from descent.restore import light
from descent.restore.psf import checked, fast_length, gradient_spectrum, spectrum, trimmed
from descent.tools.compiled import float_kernel, kernel
from descent.tools.tiles import over_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

ITERATIONS = 60
# How strongly total variation weighs at a noise and a mean gradient, and the two penalties of
# the splitting as multiples of it: found on other pictures than those that are scored, at
# noises from 0.0015 to 0.03.
_WEIGHT, _RHO_DATA, _RHO_GRADIENT = 0.055, 182.0, 73.0
# No measured kernel is exact. What it leaves unexplained acts as noise of about this much.
MODEL_ERROR = 0.0033
_ADAPT_AT = (20, 30, 40)
_ADAPT_PX = 2.0
_BLOCK_PX = 16
CLIPPED = 0.997  # of full scale: 254.2 of 255
_LEAST_NOISE = 2e-4
_IMMERKAER = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32) / 6


def deconvolve(
    picture: NDArray[Any], kernel: NDArray[Any], *, noise: float | None = None
) -> NDArray[np.float32]:
    """The picture that, blurred by `kernel`, gives this one: float32 from 0 to 1.

    Total variation with unknown boundaries; what clipped at full scale is only held to
    be at least that bright. Colours share one weight, so that they keep together.

    Parameters
    ----------
    picture : (rows, cols) or (rows, cols, 3); uint8, uint16 or float from 0 to 1. Light
        should be linear, as it was when it blurred.
    kernel : (rows, cols), no larger than the picture, summing to 1, for true convolution;
        its middle is (rows // 2, cols // 2): of a side of 4 the third, as in `psf`.
    noise : standard deviation of the picture's noise, of full scale; a larger one is
        smoother. None measures it and allows for a kernel that is not quite right.

    Raises
    ------
    FormatError
        for other shapes and types, pixels that are not numbers, kernels that `kernel` above
        does not describe, a noise that is negative or not a number.
    """
    shape = np.shape(picture)
    if len(shape) not in (2, 3) or 0 in shape or shape[2:] not in ((), (3,)):
        raise FormatError(f"a picture of shape {shape}", do="hand over (rows, cols), or with 3")
    unit = light.as_unit(picture, what="the picture")
    weights = trimmed(checked(kernel, (shape[0], shape[1])))
    if noise is not None and not 0 <= noise <= 1:
        raise FormatError(f"a noise of {noise}", do="write a share of full scale, such as 0.01")
    if weights.size == 1:
        return np.asarray(np.clip(unit, 0, 1), np.float32)
    planes = unit[None] if unit.ndim == 2 else np.ascontiguousarray(unit.transpose(2, 0, 1))
    grey = np.asarray(planes.mean(axis=0, dtype=np.float32))
    sigma = float(np.hypot(noise_of(grey), MODEL_ERROR)) if noise is None else float(noise)
    weight = weight_for(grey, weights, max(sigma, _LEAST_NOISE))
    out = np.empty_like(planes)

    def one(k: int, _: int) -> None:
        mask = np.where(planes[k] >= CLIPPED, np.float32(-1), np.float32(1))
        np.clip(solve(planes[k], weights, weight, mask=mask), 0, 1, out=out[k])

    over_rows(one, len(planes), grain=1)
    return out[0] if unit.ndim == 2 else np.ascontiguousarray(out.transpose(1, 2, 0))


@float_kernel
def bridge(
    y: NDArray[np.float32], rows: int, cols: int, top: int, left: int, out: NDArray[np.float32]
) -> None:
    """Lay `y` into the field `out` and go smoothly from each edge round to the other."""
    height, width = out.shape
    for r in range(rows):
        for c in range(cols):
            out[top + r, left + c] = y[r, c]
        gap = width - cols
        a, b = y[r, cols - 1], y[r, 0]
        for k in range(gap):
            w = np.float32(k + 1) / np.float32(gap + 1)
            out[top + r, (left + cols + k) % width] = a + (b - a) * w
    gap = height - rows
    for k in range(gap):
        w = np.float32(k + 1) / np.float32(gap + 1)
        r = (top + rows + k) % height
        for c in range(width):
            a, b = out[top + rows - 1, c], out[top, c]
            out[r, c] = a + (b - a) * w


@float_kernel
def _data_step(
    kx: NDArray[np.float32], d: NDArray[np.float32], y: NDArray[np.float32],
    mask: NDArray[np.float32], rho: np.float32, top: int, left: int,
    out: NDArray[np.float32],
) -> None:  # fmt: skip
    """The data's split: where `mask` trusts a pixel towards it, elsewhere free."""
    height, width = kx.shape
    rows, cols = y.shape
    for r in range(height):
        inside = top <= r < top + rows
        for c in range(width):
            w = kx[r, c] - d[r, c]
            u = w
            if inside and left <= c < left + cols:
                m = mask[r - top, c - left]
                if m < 0:  # clipped: at least as bright as it reads
                    u = max(y[r - top, c - left], w)
                else:
                    u = (m * y[r - top, c - left] + rho * w) / (m + rho)
            out[r, c] = u + u - w  # u plus the new multiplier, for the next picture
            d[r, c] = u - w


@float_kernel
def wanted(
    x: NDArray[np.float32], dy: NDArray[np.float32], dx: NDArray[np.float32],
    power: NDArray[np.float32],
) -> None:  # fmt: skip
    """The gradients less their multipliers, over those, and their squared size."""
    height, width = x.shape
    for r in range(height):
        below = r + 1 if r + 1 < height else 0
        for c in range(width):
            right = c + 1 if c + 1 < width else 0
            wy = x[below, c] - x[r, c] - dy[r, c]
            wx = x[r, right] - x[r, c] - dx[r, c]
            dy[r, c], dx[r, c] = wy, wx
            power[r, c] = wy * wy + wx * wx


@float_kernel
def shrunk(
    power: NDArray[np.float32], threshold: NDArray[np.float32], dy: NDArray[np.float32],
    dx: NDArray[np.float32], py: NDArray[np.float32], px: NDArray[np.float32],
) -> None:  # fmt: skip
    """The gradients' split, shrunk by isotropic total variation, multipliers updated.

    A gradient counts half by its own size and half by that of the 3 x 3 about it: edges are
    long, noise stands alone.
    """
    height, width = power.shape
    three = np.empty(width + 2, np.float32)
    for r in range(height):
        above, below = r - 1, r + 1 if r + 1 < height else 0
        # Sums of three rows first: plain loops, which run several pixels at a time.
        for c in range(width):
            three[c + 1] = power[above, c] + power[r, c] + power[below, c]
        three[0], three[width + 1] = three[width], three[1]
        for c in range(width):
            around = three[c] + three[c + 1] + three[c + 2]
            size = np.float32(0.5) * np.sqrt(power[r, c]) + np.sqrt(around) / np.float32(6)
            t = threshold[r, c]
            keep = max(np.float32(1) - t / max(size, np.float32(1e-20)), np.float32(0))
            wy, wx = dy[r, c], dx[r, c]
            vy, vx = keep * wy, keep * wx
            dy[r, c], dx[r, c] = vy - wy, vx - wx
            py[r, c], px[r, c] = vy + vy - wy, vx + vx - wx


@kernel
def divergence(py: NDArray[np.float32], px: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    """The transpose of forward differences."""
    height, width = py.shape
    for r in range(height):
        above = r - 1 if r > 0 else height - 1
        for c in range(width):
            left = c - 1 if c > 0 else width - 1
            out[r, c] = py[above, c] - py[r, c] + px[r, left] - px[r, c]


@float_kernel
def _combine(
    data: NDArray[np.complex64], prior: NDArray[np.complex64], kernel: NDArray[np.complex64],
    grads: NDArray[np.float32], rho_d: np.float32, rho_g: np.float32,
) -> None:  # fmt: skip
    """The picture's spectrum into `prior`, and its blurred one into `data`."""
    for r in range(data.shape[0]):
        for c in range(data.shape[1]):
            k = kernel[r, c]
            power = k.real * k.real + k.imag * k.imag
            below = rho_d * power + rho_g * grads[r, c] + np.float32(1e-9)
            kc = np.complex64(complex(k.real, -k.imag))
            x = (rho_d * (kc * data[r, c]) + rho_g * prior[r, c]) / below
            prior[r, c] = x
            data[r, c] = k * x


def noise_of(picture: NDArray[np.float32]) -> float:
    """The noise (standard deviation) of a plane (rows, cols), from its quietest blocks.

    Source: Immerkaer, "Fast noise variance estimation", CVIU 1996, over blocks of 16 px, so
    that texture is not taken for noise; blocks without any (clipped) do not count.
    """
    if min(picture.shape) < 3:
        return 0.0
    size = min(_BLOCK_PX, min(picture.shape) - 2)
    rows, cols = ((side - 2) // size for side in picture.shape)
    size_y, size_x = rows * size, cols * size
    fine = np.abs(cv2.filter2D(picture, -1, _IMMERKAER))[1 : 1 + size_y, 1 : 1 + size_x]
    means = fine.reshape(rows, size, cols, size).mean(axis=(1, 3)) * np.sqrt(np.pi / 2)
    means = means[means > 1e-5]
    # The tenth percentile of what even pure noise scatters to lies a little low.
    return float(np.percentile(means, 10)) * 1.05 if len(means) else 0.0


def weight_for(picture: NDArray[np.float32], kernel: NDArray[np.float32], noise: float) -> float:
    """The weight of total variation for a plane's noise and how much structure it has.

    The structure is the mean gradient of a first Wiener estimate.
    """
    rows, cols = picture.shape
    top, left = kernel.shape[0] // 2, kernel.shape[1] // 2
    shape = fast_length(rows + 2 * top), fast_length(cols + 2 * left)
    field = np.empty(shape, np.float32)
    bridge(picture, rows, cols, top, left, field)
    inner = np.s_[top : top + rows, left : left + cols]
    return structure_weight(sf.rfft2(field), spectrum(kernel, shape), shape, inner, noise)


def structure_weight(
    seen: NDArray[np.complex64],
    k: NDArray[np.complex64],
    shape: tuple[int, int],
    inner: tuple[slice, slice],
    noise: float,
) -> float:
    """`weight_for` of spectra on a field of `shape`, of which the picture is the part `inner`."""
    made = np.empty_like(k)
    _wiener(seen, k, gradient_spectrum(shape), np.float32(5 * noise), made)
    gradient = _steepness(sf.irfft2(made, shape)[inner])
    return _WEIGHT * noise * float(np.sqrt(noise)) / max(gradient, 0.005)


@float_kernel
def _wiener(
    seen: NDArray[np.complex64], k: NDArray[np.complex64], grads: NDArray[np.float32],
    smooth: np.float32, out: NDArray[np.complex64],
) -> None:  # fmt: skip
    """A first estimate of what was seen: Wiener's, with less of what is steep."""
    for r in range(k.shape[0]):
        for c in range(k.shape[1]):
            v = k[r, c]
            power = v.real * v.real + v.imag * v.imag + np.float32(0.01) + smooth * grads[r, c]
            out[r, c] = np.complex64(complex(v.real, -v.imag)) * seen[r, c] / power


@kernel
def _steepness(x: NDArray[np.float32]) -> float:
    """The mean absolute differences down and across of a plane (rows, cols), added up."""
    rows, cols = x.shape
    down, across = 0.0, 0.0
    for r in range(rows):
        if r + 1 < rows:
            for c in range(cols):
                down += abs(x[r + 1, c] - x[r, c])
        for c in range(cols - 1):
            across += abs(x[r, c + 1] - x[r, c])
    return float(down / max((rows - 1) * cols, 1) + across / max(rows * (cols - 1), 1))


def _adapted(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Weights (rows, cols) that spare texture and smooth what is flat, about 1 in the middle."""
    size = np.hypot(np.roll(x, -1, 0) - x, np.roll(x, -1, 1) - x)
    local = cv2.GaussianBlur(size, (0, 0), _ADAPT_PX)
    middle = np.float32(np.median(local) + 1e-6)
    out: NDArray[np.float32] = np.sqrt(2 * middle / (local + middle))
    return out


def solve(
    picture: NDArray[np.float32],
    kernel: NDArray[np.float32],
    weight: float,
    *,
    mask: NDArray[np.float32] | None = None,
    iterations: int = ITERATIONS,
    penalties: tuple[float, float] = (_RHO_DATA, _RHO_GRADIENT),
) -> NDArray[np.float32]:
    """One plane (rows, cols) deconvolved with an odd kernel that sums to 1.

    Minimises ``|mask * (kernel * x - picture)|^2 / 2 + weight * TV(x)``. What lies beyond
    the edges is unknown instead of periodic or mirrored, and so is what `mask` (rows, cols,
    0 to 1, how far a pixel is to be believed) leaves out; at -1 a pixel clipped and was at
    least as bright as it reads. A larger `weight` is smoother. `penalties` of the splitting,
    data and gradient, are multiples of the weight: they decide how few `iterations` do.

    Source: Almeida and Figueiredo, "Deconvolving images with unknown boundaries using the
    alternating direction method of multipliers", IEEE TIP 2013; gradients weighed in groups
    after Selesnick and Chen, "Total variation denoising with overlapping group sparsity",
    ICASSP 2013.
    """
    rows, cols = picture.shape
    top, left = kernel.shape[0] // 2, kernel.shape[1] // 2
    shape = fast_length(rows + 2 * top), fast_length(cols + 2 * left)
    rho_d, rho_g = (np.float32(p * weight) for p in penalties)
    adapt_at = _ADAPT_AT if iterations > max(_ADAPT_AT) else (iterations // 2,)
    k, grads = spectrum(kernel, shape), gradient_spectrum(shape)
    trust = np.ones(picture.shape, np.float32) if mask is None else mask
    u = np.empty(shape, np.float32)
    bridge(picture, rows, cols, top, left, u)
    py, px, prior = (np.zeros(shape, np.float32) for _ in range(3))
    d, dy, dx = (np.zeros(shape, np.float32) for _ in range(3))
    x = u.copy()
    threshold = np.full(shape, 1 / penalties[1], np.float32)
    power = np.empty(shape, np.float32)
    # The first picture's gradients come from the blurred one.
    wanted(x, dy, dx, power)
    shrunk(power, threshold, dy, dx, py, px)
    for step in range(iterations):
        divergence(py, px, prior)
        data, blend = sf.rfft2(u), sf.rfft2(prior)
        _combine(data, blend, k, grads, rho_d, rho_g)
        x, kx = sf.irfft2(blend, shape), sf.irfft2(data, shape)
        _data_step(kx, d, picture, trust, rho_d, top, left, u)
        if step in adapt_at:
            threshold = _adapted(x) * np.float32(1 / penalties[1])
        wanted(x, dy, dx, power)
        shrunk(power, threshold, dy, dx, py, px)
    return np.ascontiguousarray(x[top : top + rows, left : left + cols])
