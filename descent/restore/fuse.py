"""One picture from several blurred ones: neighbours fill in what the own blur took away.

A smear takes whole frequencies out of a frame. Its neighbours, smeared by other lengths and
ways, still hold some of them, and each has its own noise. So all are explained by one sharp
picture at once: laid on each other, each blurred by its own kernel.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np
import scipy.fft as sf

from descent.restore.deconvolve import bridge, divergence, shrunk, structure_weight, wanted
from descent.restore.psf import fast_length, gradient_spectrum, spectrum
from descent.tools.compiled import float_kernel, kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

ITERATIONS = 4
_REFRESH = 2  # iterations before which neighbours are let in, and trust begins to count
_RHO = 33.0  # of the splitting, as a multiple of the weight
_SMOOTHER = 1.7  # than a single frame solved to the end: this stops early
_ROUNDS = 2  # of fitting a neighbour's place and light
_STEP = 2  # px between those that fit it
_FAR_PX = 2.0  # a neighbour that lies further off is not the same ground
_GAIN = 0.25  # most that its light may differ by
_OUTLIER = 3.0  # noises beyond which a pixel says less about place and light
# What two frames, each blurred by the other's kernel too, may differ by, as shares of the
# noise's variance: fully believed, and no longer.
_AGREE, _DIFFER = 1.0, 4.0
_AGREE_PX = 5  # at half the size
_LEAST = 0.05  # mean trust below which a neighbour is left out


class Seen(NamedTuple):
    """A picture of the same part: `y` (rows, cols), its kernel, and how far to believe it.

    `trust` (rows, cols) is 0 to 1: 0 where nothing is known, -1 where it clipped.
    """

    y: NDArray[np.float32]
    kernel: NDArray[np.float32]
    trust: NDArray[np.float32]


@kernel
def _normal(
    p: NDArray[np.float32], q: NDArray[np.float32], a: NDArray[np.float32],
    b: NDArray[np.float32], top: int, left: int, now: NDArray[np.float64], scale: float,
    middle: float, left_side: NDArray[np.float64], right_side: NDArray[np.float64],
) -> None:  # fmt: skip
    """Normal equations of p - q by q's slopes, its brightness and 1, where `a` and `b` trust.

    `p` and `q` are half as large as `a` and `b`: their pixel r, c is pixel 2 r, 2 c there.
    """
    rows, cols = a.shape[0] // 2, a.shape[1] // 2
    row = np.empty(4, np.float64)
    for y in range(1, rows - 1, _STEP):
        for x in range(1, cols - 1, _STEP):
            w = min(a[2 * y, 2 * x], b[2 * y, 2 * x])
            if w <= 0:
                continue
            r, c = top + y, left + x
            row[0] = (q[r + 1, c] - q[r - 1, c]) / 4
            row[1] = (q[r, c + 1] - q[r, c - 1]) / 4
            row[2], row[3] = q[r, c] - middle, 1.0
            off = p[r, c] - q[r, c]
            rest = off - (row[0] * now[0] + row[1] * now[1] + row[2] * now[2] + now[3])
            w = w / (1 + (rest * scale) ** 2)
            for i in range(4):
                wr = w * row[i]
                right_side[i] += wr * off
                for k in range(i, 4):
                    left_side[i, k] += wr * row[k]


@float_kernel
def _apart(
    p: NDArray[np.float32], q: NDArray[np.float32], top: int, left: int,
    now: NDArray[np.float32], middle: np.float32, out: NDArray[np.float32],
) -> None:  # fmt: skip
    """Squared differences that place and light leave between p and q."""
    rows, cols = out.shape
    down, right = now[0] / np.float32(4), now[1] / np.float32(4)
    for y in range(rows):
        r = top + y
        for x in range(cols):
            c = left + x
            rest = p[r, c] - q[r, c] - (q[r, c] - middle) * now[2] - now[3]
            rest -= (q[r + 1, c] - q[r - 1, c]) * down + (q[r, c + 1] - q[r, c - 1]) * right
            out[y, x] = rest * rest


@float_kernel
def _believed(
    y: NDArray[np.float32], trust: NDArray[np.float32], rest: NDArray[np.float32],
    low: np.float32, high: np.float32, gain: np.float32, offset: np.float32,
    out_y: NDArray[np.float32], out: NDArray[np.float32],
) -> None:  # fmt: skip
    """A neighbour's light made that of the frame, and its trust less where they differ."""
    for r in range(y.shape[0]):
        for c in range(y.shape[1]):
            out_y[r, c] = (y[r, c] - offset) * gain
            w = (high - rest[r, c]) / (high - low)
            out[r, c] = max(trust[r, c], np.float32(0)) * min(max(w, np.float32(0)), np.float32(1))


@float_kernel
def _blend(
    kx: NDArray[np.float32], y: NDArray[np.float32], trust: NDArray[np.float32],
    top: int, left: int,
) -> None:  # fmt: skip
    """The blurred picture drawn towards what was seen, where that is believed."""
    for r in range(y.shape[0]):
        for c in range(y.shape[1]):
            v = kx[top + r, left + c]
            t = trust[r, c]
            if t < 0:  # clipped: at least as bright as it reads
                kx[top + r, left + c] = max(v, y[r, c])
            else:
                kx[top + r, left + c] = v + t * (y[r, c] - v)


@float_kernel
def _gathered(
    k: NDArray[np.complex64], data: NDArray[np.complex64], first: bool,
    total: NDArray[np.complex64],
) -> None:  # fmt: skip
    """Add the data times the kernel's conjugate."""
    for r in range(k.shape[0]):
        for c in range(k.shape[1]):
            v = np.complex64(complex(k[r, c].real, -k[r, c].imag)) * data[r, c]
            total[r, c] = v if first else total[r, c] + v


@float_kernel
def _power(k: NDArray[np.complex64], first: bool, total: NDArray[np.float32]) -> None:
    for r in range(k.shape[0]):
        for c in range(k.shape[1]):
            v = k[r, c].real * k[r, c].real + k[r, c].imag * k[r, c].imag
            total[r, c] = v if first else total[r, c] + v


@float_kernel
def _solved(
    data: NDArray[np.complex64], prior: NDArray[np.complex64], power: NDArray[np.float32],
    grads: NDArray[np.float32], rho: np.float32,
) -> None:  # fmt: skip
    """The picture's spectrum into `prior`."""
    for r in range(data.shape[0]):
        for c in range(data.shape[1]):
            below = power[r, c] + rho * grads[r, c] + np.float32(1e-9)
            prior[r, c] = (data[r, c] + rho * prior[r, c]) / below


@float_kernel
def _times(a: NDArray[np.complex64], b: NDArray[np.complex64], out: NDArray[np.complex64]) -> None:
    for r in range(a.shape[0]):
        for c in range(a.shape[1]):
            out[r, c] = a[r, c] * b[r, c]


@float_kernel
def _turned(
    k: NDArray[np.complex64], down: NDArray[np.complex64], right: NDArray[np.complex64],
    out: NDArray[np.complex64],
) -> None:  # fmt: skip
    for r in range(k.shape[0]):
        for c in range(k.shape[1]):
            out[r, c] = k[r, c] * (down[r] * right[c])


def _shifted(
    k: NDArray[np.complex64], shape: tuple[int, int], dy: float, dx: float
) -> NDArray[np.complex64]:
    """A kernel's spectrum, the kernel moved by a fraction of a pixel."""
    down = np.exp(-2j * np.pi * dy * np.fft.fftfreq(shape[0])).astype(np.complex64)
    right = np.exp(-2j * np.pi * dx * np.fft.rfftfreq(shape[1])).astype(np.complex64)
    out = np.empty_like(k)
    _turned(k, down, right, out)
    return out


class _Field:
    """The periodic field that a part lies in, with room for the kernels about it."""

    def __init__(self, shape: tuple[int, int], kernels: Sequence[NDArray[np.float32]]) -> None:
        self.rows, self.cols = shape
        # Even, and sides of a multiple of four: half a field is a field too.
        self.top = 2 * (max(k.shape[0] for k in kernels) // 4 + 1)
        self.left = 2 * (max(k.shape[1] for k in kernels) // 4 + 1)
        self.shape = _side(self.rows + 2 * self.top), _side(self.cols + 2 * self.left)
        self.inner = np.s_[self.top : self.top + self.rows, self.left : self.left + self.cols]

    def laid(self, y: NDArray[np.float32]) -> NDArray[np.float32]:
        out = np.empty(self.shape, np.float32)
        bridge(y, self.rows, self.cols, self.top, self.left, out)
        return out

    def half(self, spectrum: NDArray[np.complex64]) -> NDArray[np.complex64]:
        """The lower half of the frequencies of each axis."""
        low, across = self.shape[0] // 4, self.shape[1] // 4 + 1
        return np.concatenate([spectrum[:low, :across], spectrum[-low:, :across]])

    def small(self, half: NDArray[np.complex64]) -> NDArray[np.float32]:
        """The field at half its size, of its lower frequencies."""
        shape = self.shape[0] // 2, self.shape[1] // 2
        return np.asarray(sf.irfft2(half * np.float32(0.25), shape), np.float32)


def _side(length: int) -> int:
    while (length := fast_length(length)) % 4:
        length += 1
    return length


def _fitted(
    field: _Field,
    own: Seen,
    its: Seen,
    halves: tuple[NDArray[np.complex64], NDArray[np.complex64]],
    noise: float,
) -> tuple[Seen, NDArray[np.complex64]] | None:
    """A neighbour laid on the frame to a fraction of a pixel and of its light, or None.

    `halves` are of the frame's spectrum and its kernel's. Each is blurred by the other's
    kernel: then they show the same, whatever their blurs, and so coarsely that half the size
    will do. Returns the neighbour with trust only where they do, and its kernel's spectrum
    moved to where it lies.
    """
    k1 = spectrum(its.kernel, field.shape)
    p = field.small(halves[1] * field.half(sf.rfft2(field.laid(its.y))))
    q = field.small(halves[0] * field.half(k1))
    top, left = field.top // 2, field.left // 2
    at: NDArray[np.float64] = np.zeros(4)
    middle = float(own.y.mean())
    # Light is the same and places are right unless the pictures say otherwise.
    ridge = noise * noise * np.array([5.0, 5.0, 5e3, 5e3])
    for _ in range(_ROUNDS):
        a, b = np.zeros((4, 4)), np.zeros(4)
        scale = 1 / (_OUTLIER * noise)
        _normal(p, q, own.trust, its.trust, top, left, at, scale, middle, a, b)
        full = np.triu(a) + np.triu(a, 1).T + np.diag(ridge)
        at = np.asarray(np.linalg.solve(full, b), np.float64)
    if np.hypot(at[0], at[1]) > _FAR_PX or abs(at[2]) > _GAIN:
        return None
    rest: NDArray[np.float32] = np.empty(((field.rows + 1) // 2, (field.cols + 1) // 2), np.float32)
    _apart(p, q, top, left, at.astype(np.float32), np.float32(middle), rest)
    soft = cv2.resize(cv2.blur(rest, (_AGREE_PX, _AGREE_PX)), (field.cols, field.rows))
    # p is q, further on by `at` and of other light: p = q + g (q - m) + o.
    gain = 1 / (1 + at[2])
    offset = at[3] - at[2] * middle
    y, trust = np.empty_like(its.y), np.empty_like(its.y)
    limit = np.float32(noise * noise)
    _believed(
        its.y, its.trust, np.asarray(soft, np.float32), _AGREE * limit, _DIFFER * limit,
        np.float32(gain), np.float32(offset), y, trust,
    )  # fmt: skip
    if float(trust.mean()) < _LEAST:
        return None
    return Seen(y, its.kernel, trust), _shifted(k1, field.shape, -float(at[0]), -float(at[1]))


def fuse(own: Seen, others: Sequence[Seen], noise: float) -> NDArray[np.float32]:
    """The sharp picture (rows, cols) that `own` and the others were blurred from.

    Parameters
    ----------
    own : the frame that is restored.
    others : neighbours laid on it to within a px or two; what does not fit is not believed.
    noise : standard deviation of flat ground; a larger one gives a smoother picture.

    Total variation, edges in groups; what lies beyond the edges and what is not trusted is
    filled with what the picture itself gives there, again as it grows. It stops early, which
    keeps what the kernels do not quite explain from ringing.

    Source: for several blurred pictures of one thing, Sroubek and Milanfar, "Robust
    multichannel blind deconvolution via fast alternating minimization", IEEE TIP 2012; the
    filling is that of a majorised mask, Figueiredo and Nowak, IEEE TIP 2003.
    """
    field = _Field(own.y.shape, [own.kernel, *(s.kernel for s in others)])
    shape, top, left = field.shape, field.top, field.left
    u = field.laid(own.y)
    k0, y0 = spectrum(own.kernel, shape), sf.rfft2(u)
    grads = gradient_spectrum(shape)
    weight = _SMOOTHER * structure_weight(y0, k0, shape, field.inner, noise)
    rho = np.float32(_RHO * weight)
    halves = field.half(y0), field.half(k0)
    near = [_fitted(field, own, other, halves, noise) for other in others]
    seen = [(own, k0), *(n for n in near if n is not None)]
    power, data = np.empty(k0.shape, np.float32), np.empty_like(k0)
    _power(k0, True, power)
    _gathered(k0, y0, True, data)
    py, px, dy, dx, prior = (np.zeros(shape, np.float32) for _ in range(5))
    threshold, size = np.full(shape, 1 / _RHO, np.float32), np.empty(shape, np.float32)
    x, whole, work = u, y0, np.empty_like(k0)
    wanted(x, dy, dx, size)
    shrunk(size, threshold, dy, dx, py, px)
    for step in range(ITERATIONS):
        if step == _REFRESH:
            for n, (part, k) in enumerate(seen):
                _times(whole, k, work)
                kx = sf.irfft2(work, shape)
                _blend(kx, part.y, part.trust, top, left)
                _gathered(k, sf.rfft2(kx), n == 0, data)
                if n:
                    _power(k, False, power)
        divergence(py, px, prior)
        whole = sf.rfft2(prior)
        _solved(data, whole, power, grads, rho)
        x = sf.irfft2(whole, shape)
        if step < ITERATIONS - 1:
            wanted(x, dy, dx, size)
            shrunk(size, threshold, dy, dx, py, px)
    return np.ascontiguousarray(x[field.inner])
