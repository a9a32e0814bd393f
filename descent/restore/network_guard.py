"""Whether a network did good: some blur must make what was seen out of what it made.

A network tells no kernel. So the blur that leads best from its picture back to the one seen
is found in each tile, and the guard of deblur judges by that. What no blur explains (another
brightness, things that are not there, a softer picture, one that moved) is not taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.fft as sf

from descent.restore.deconvolve import noise_of
from descent.restore.guard import judge
from descent.restore.motion import luma
from descent.restore.psf import trimmed
from descent.restore.unblur import MODEL_ERROR, counts, tiles, trusted
from descent.tools.tiles import over_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SIZE_PX = 21  # of the square that a blur is looked for in
_RIDGE = 1e-4  # of the picture's power, so that what it does not hold decides nothing
_LEAST = 0.02  # of the largest weight of a kernel, below which it is none
_ASTRAY_PX = 0.75  # by which a blur may move the picture
_NOISIER = 2.0  # than the whole, that a tile may be
# Sharp pictures had up to 2.1 times the gradients of those that 9 px had smeared.
_SHARPEST = 2.2, 2.6
_BESIDE_PX = 5
_SHIFT, _MUCH_SHIFT = 0.02, 0.04  # of its mean, by which any colour of a tile may change
_DARK = 0.01  # mean light below which that is of this


def judged(
    before: NDArray[np.float32], after: NDArray[np.float32], known: NDArray[np.float32]
) -> NDArray[np.float64]:
    """How much of each tile (down, across) of `after` to take for `before`, 0 to 1.

    Parameters
    ----------
    before, after : (rows, cols) or with 3, linear light, as seen and as the network made it.
    known : (rows, cols), 1 where `before` is known, 0 where not, -1 where it clipped.
    """
    shape = (before.shape[0], before.shape[1])
    light, new = luma(before), luma(after)
    parts, noise, out = list(tiles(shape)), noise_of(light), np.zeros(counts(shape))

    def one(k: int, _: int) -> None:
        a, b, c, d = parts[k].seen
        shift = _shift(before[a:b, c:d], after[a:b, c:d])
        own, made = (np.ascontiguousarray(y[a:b, c:d]) for y in (light, new))
        kernel = blur_between(made, own) if shift < _MUCH_SHIFT else None
        if kernel is None:
            return
        local = float(np.clip(noise_of(own), noise, _NOISIER * noise))
        sigma = float(np.hypot(local, MODEL_ERROR))
        trust = trusted(own, np.ascontiguousarray(known[a:b, c:d]), sigma)
        share = judge(own, made, kernel, trust, sigma, sharpest=_SHARPEST, beside_px=_BESIDE_PX)
        level = (_MUCH_SHIFT - shift) / (_MUCH_SHIFT - _SHIFT)
        out[parts[k].place] = min(share, max(level, 0.0))

    over_rows(one, len(parts), grain=1)
    return out


def _shift(before: NDArray[np.float32], after: NDArray[np.float32]) -> float:
    """The most that the mean of any colour changed, as a share of it: no blur changes it."""
    mean = before.mean(axis=(0, 1), dtype=np.float64)
    moved = np.abs(after.mean(axis=(0, 1), dtype=np.float64) - mean)
    return float(np.max(moved / np.maximum(mean, _DARK)))


def blur_between(
    sharp: NDArray[np.float32], seen: NDArray[np.float32]
) -> NDArray[np.float32] | None:
    """The kernel that blurs `sharp` to what comes nearest to `seen`; None: no blur does.

    Least squares over kernels of up to 21 px, none of whose weights is negative; it sums to 1.
    """
    side = min(_SIZE_PX, min(seen.shape) // 3)
    reach = (side - 1) // 2
    if reach < 1:
        return np.ones((1, 1), np.float32)
    middle = float(seen.mean())
    fade = np.outer(_taper(seen.shape[0]), _taper(seen.shape[1]))
    shape = tuple(sf.next_fast_len(n + 2 * reach, real=True) for n in seen.shape)
    a, b = (sf.rfft2((y.astype(np.float64) - middle) * fade, shape) for y in (sharp, seen))
    own = sf.irfft2(np.abs(a) ** 2, shape)
    if own[0, 0] <= 0:
        return None
    both = sf.irfft2(np.conj(a) * b, shape)
    y, x = (g.ravel() for g in np.mgrid[-reach : reach + 1, -reach : reach + 1])
    take = np.ones(len(y), bool)
    weights = np.zeros(len(y))
    for _ in range(2):
        # Once with all places, then with those alone that a blur without negatives has.
        v, u = y[take], x[take]
        power = own[v[:, None] - v, u[:, None] - u]
        power[np.diag_indices(len(v))] += _RIDGE * own[0, 0]
        weights[:] = 0
        weights[take] = np.linalg.solve(power, both[v, u])
        take = weights > _LEAST * weights.max()
        if not take.any():
            return None
    weights = np.where(take, weights, 0)
    weights /= weights.sum()
    if np.hypot(weights @ y, weights @ x) > _ASTRAY_PX:
        return None
    return trimmed(weights.reshape(2 * reach + 1, -1).astype(np.float32))


def _taper(length: int) -> NDArray[np.float64]:
    """Weights that fall to nothing at both ends, over an eighth of the length."""
    at = (np.arange(length) + 0.5) / max(length / 8, 1)
    rise = np.sin(np.pi / 2 * np.clip(at, 0, 1)) ** 2
    return np.asarray(rise * rise[::-1])
