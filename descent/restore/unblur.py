"""One picture unblurred along its measured motion: in tiles, brightness first, colour after it.

Brightness is deconvolved, each tile by the motion at its middle; colours follow by how they
go with brightness nearby. That is sharper than deconvolving three noisy colours, and a third
of the work.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from descent.restore.beside import Beside, laid_on, seen_by
from descent.restore.deconvolve import noise_of
from descent.restore.fuse import Seen, fuse
from descent.restore.guard import judge
from descent.restore.motion import GRID
from descent.restore.psf import line_kernel
from descent.tools.compiled import float_kernel, kernel
from descent.tools.tiles import over_rows

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    Kernel: TypeAlias = NDArray[np.float32]

CORE_PX, MARGIN_PX = 256, 16  # a tile, and what it sees beyond itself on each side
FADE_PX = 10  # of the margin over which tiles run into each other
MODEL_ERROR = 0.0025  # noise that stands for a kernel not quite right, in flat ground
# The same at edges, as px by which they may stand wrong: no measured motion is better.
_EDGE_PX = 0.35
_WIDE_PX, _SOFT_PX = 9, 9  # of a clipped area, and over which what clipped runs into what did not
_FOLLOW_PX = 17  # over which colours are compared with brightness
_CALM = 1e-5  # variance of brightness below which colours do not follow it
_TOLD = 0.5  # share of a tile's surroundings whose motion must be known
_NOISIER = 2.0  # than the whole, that a tile may be
LEAST_PX, MOST_PX = 0.7, 16.0  # smears shorter or longer are left: these are seldom measured right


class Tile(NamedTuple):
    """Part of a picture: its core and what it sees, as row and column ranges."""

    core: tuple[int, int, int, int]
    seen: tuple[int, int, int, int]
    place: tuple[int, int]


def tiles(shape: tuple[int, int]) -> Iterator[Tile]:
    """The tiles of a picture of `shape` (rows, cols), row by row."""
    down, across = counts(shape)
    rows, cols = shape
    for j in range(down):
        for i in range(across):
            core = (
                j * rows // down, (j + 1) * rows // down,
                i * cols // across, (i + 1) * cols // across,
            )  # fmt: skip
            seen = (
                max(core[0] - MARGIN_PX, 0), min(core[1] + MARGIN_PX, rows),
                max(core[2] - MARGIN_PX, 0), min(core[3] + MARGIN_PX, cols),
            )  # fmt: skip
            yield Tile(core, seen, (j, i))


def counts(shape: tuple[int, int]) -> tuple[int, int]:
    """How many tiles down and across."""
    return max(1, round(shape[0] / CORE_PX)), max(1, round(shape[1] / CORE_PX))


def smears(motion: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.float64]:
    """The motion (6, 8, 2) at the tiles' middles: (down, across, 2)."""
    down, across = counts(shape)
    y = (np.arange(down) + 0.5) / down * GRID[0] - 0.5
    x = (np.arange(across) + 0.5) / across * GRID[1] - 0.5
    at = np.meshgrid(np.clip(x, 0, GRID[1] - 1), np.clip(y, 0, GRID[0] - 1))
    # Places of which nothing is known (0) have no say in what lies between them and others.
    told = (motion != 0).any(axis=-1)
    layers = np.dstack([motion, told]).astype(np.float32)
    laid = cv2.remap(
        layers, at[0].astype(np.float32), at[1].astype(np.float32),
        cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE,
    ).reshape(down, across, 3)  # fmt: skip
    share = np.asarray(laid[..., 2:], np.float64)
    return np.where(share >= _TOLD, laid[..., :2] / np.maximum(share, _TOLD), 0.0)


@float_kernel
def _trust(
    y: NDArray[np.float32], known: NDArray[np.float32], noise2: np.float32, edge2: np.float32,
    out: NDArray[np.float32],
) -> None:  # fmt: skip
    """Squared differences of `y`, as the share of the data's variance that is plain noise."""
    rows, cols = y.shape
    for r in range(rows):
        up, down = max(r - 1, 0), min(r + 1, rows - 1)
        for c in range(cols):
            left, right = max(c - 1, 0), min(c + 1, cols - 1)
            gy, gx = (y[down, c] - y[up, c]) / 2, (y[r, right] - y[r, left]) / 2
            m = known[r, c]
            out[r, c] = noise2 / (noise2 + edge2 * (gy * gy + gx * gx)) if m > 0 else m


def trusted(
    y: NDArray[np.float32], known: NDArray[np.float32], noise: float
) -> NDArray[np.float32]:
    """How far each pixel (rows, cols) may be believed, 0 to 1; -1 where it clipped.

    A kernel that is a little off errs most at edges, so those count less.
    """
    soft = np.asarray(cv2.GaussianBlur(y, (0, 0), 1.4), np.float32)
    out = np.empty_like(y)
    _trust(soft, known, np.float32(noise * noise), np.float32(_EDGE_PX**2), out)
    return out


def kernel_of(smear: NDArray[np.float64]) -> NDArray[np.float32]:
    """The kernel of an even straight motion (x, y) in px."""
    return _line(float(smear[0]), float(smear[1]))


@lru_cache(maxsize=512)
def _line(x: float, y: float) -> NDArray[np.float32]:
    """The kernel of a motion, kept: a frame's are those of a neighbour four times more."""
    made = line_kernel(float(np.hypot(x, y)), float(np.degrees(np.arctan2(y, x))))
    made.flags.writeable = False
    return made


def kernels_of(
    motion: NDArray[np.float64], shape: tuple[int, int], most: float = MOST_PX
) -> list[Kernel | None]:
    """The kernel of each tile for a motion (6, 8, 2) in px; None: too short or over `most`."""
    moved = smears(motion, shape)
    return [
        kernel_of(moved[part.place]) if LEAST_PX <= np.hypot(*moved[part.place]) <= most else None
        for part in tiles(shape)
    ]


def unblur_tile(
    y: NDArray[np.float32],
    known: NDArray[np.float32],
    kernel: Kernel,
    sigma: float,
    others: Sequence[tuple[NDArray[np.float32], NDArray[np.float32], Kernel]] = (),
) -> NDArray[np.float32]:
    """A tile of brightness (rows, cols) as it was before `kernel` blurred it.

    `sigma` is its noise with what the kernel leaves unexplained; `others` are the brightness,
    what is known and the kernel of neighbours laid on it.
    """
    if kernel.size == 1 or max(kernel.shape) * 2 > min(y.shape):
        return y
    trust = trusted(y, known, sigma)
    # Edges of neighbours laid on it are where its own are.
    beside = [Seen(o, theirs, trust * k) for o, k, theirs in others]
    made = fuse(Seen(y, kernel, trust), beside, sigma)
    clipped = (known < 0).astype(np.uint8)
    if not clipped.any():
        return made
    # How bright a clipped area was is anyone's guess, so what smeared from there is left. What
    # is narrow hardly smeared: that the light was at least so much is enough.
    box = np.ones((_WIDE_PX, _WIDE_PX), np.uint8)
    clipped = np.asarray(cv2.morphologyEx(clipped, cv2.MORPH_OPEN, box), np.uint8)
    near = cv2.dilate(clipped, np.ones(kernel.shape, np.uint8)).astype(np.float32)
    keep = cv2.blur(near, (_SOFT_PX, _SOFT_PX))
    return np.asarray(made + keep * (y - made), np.float32)


def unblur(
    y: NDArray[np.float32],
    known: NDArray[np.float32],
    kernels: Sequence[Kernel | None],
    sigma: float,
    strength: NDArray[np.float64] | None = None,
    beside: Sequence[Beside] = (),
) -> NDArray[np.float32]:
    """Brightness (rows, cols) as it was before each tile was blurred by its kernel.

    Parameters
    ----------
    y : linear light, 0 to 1.
    known : 1 where `y` is known, 0 where not, -1 where it is at least that bright.
    kernels : of the tiles, row by row; None leaves a tile.
    sigma : noise of flat ground with what the kernels leave unexplained; a larger one gives a
        smoother picture.
    strength : (down, across) of the tiles, 0 keeps what it was, 1 takes all of the result.
    beside : neighbours that help where they show the same; more of them take longer.
    """
    shape = y.shape
    size = (shape[0], shape[1])
    theirs = [kernels_of(other.motion, size) for other in beside]
    parts = list(tiles(size))
    made: list[NDArray[np.float32] | None] = [None] * len(parts)
    shares = np.ones(len(parts)) if strength is None else np.ravel(strength)
    wanted = [k for k in range(len(parts)) if shares[k] > 0 and kernels[k] is not None]
    laid = laid_on(beside, [parts[k].seen for k in wanted], size)

    def one(n: int, _: int) -> None:
        k = wanted[n]
        kernel = kernels[k]
        assert kernel is not None
        a, b, c, d = parts[k].seen
        own = np.ascontiguousarray(y[a:b, c:d])
        near = [
            seen_by(o, whole, parts[k].seen, t[k])
            for o, whole, t in zip(beside, laid, theirs, strict=True)
        ]
        out = unblur_tile(
            own, np.ascontiguousarray(known[a:b, c:d]), kernel, sigma,
            [o for o in near if o is not None],
        )  # fmt: skip
        made[k] = (out - own) * np.float32(shares[k])

    over_rows(one, len(wanted), grain=1)
    out = y.copy()
    for part, own in zip(parts, made, strict=True):
        if own is not None:
            a, b, c, d = part.seen
            down = _ramp(a, b, part.core[0], part.core[1], shape[0])
            across = _ramp(c, d, part.core[2], part.core[3], shape[1])
            _faded_in(own, down, across, out[a:b, c:d])
    return np.asarray(np.maximum(out, 0, out=out), np.float32)


def spread(shares: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.float32]:
    """The shares of the tiles (down, across) as weights of the pixels of `shape`."""
    out = np.zeros(shape, np.float32)
    for part in tiles(shape):
        a, b, c, d = part.seen
        out[a:b, c:d] += np.float32(shares[part.place]) * np.outer(*ramps(part, shape))
    return out


def ramps(part: Tile, shape: tuple[int, int]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The weights of a tile's rows and columns; over all tiles of `shape` they add up to 1."""
    a, b, c, d = part.seen
    down = _ramp(a, b, part.core[0], part.core[1], shape[0])
    return down, _ramp(c, d, part.core[2], part.core[3], shape[1])


@kernel
def _faded_in(
    own: NDArray[np.float32], down: NDArray[np.float32], across: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:  # fmt: skip
    """Add a tile's change to what it sees, by the weights of its rows and columns."""
    for r in range(own.shape[0]):
        for c in range(own.shape[1]):
            out[r, c] += own[r, c] * (down[r] * across[c])


def _ramp(first: int, last: int, core: int, end: int, size: int) -> NDArray[np.float32]:
    """Weights along one side of a tile; those of neighbours add up to 1."""
    at = np.arange(first, last) + 0.5
    up = np.ones(len(at)) if core == 0 else np.clip((at - core) / (2 * FADE_PX) + 0.5, 0, 1)
    down = np.ones(len(at)) if end == size else np.clip((end - at) / (2 * FADE_PX) + 0.5, 0, 1)
    return np.asarray(up * down, np.float32)


def recolour(
    pixels: NDArray[np.float32], before: NDArray[np.float32], after: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The colours (rows, cols, 3), 0 to 1, for a brightness that was `before`, now `after`.

    Each colour moves by the local slope with which it goes with brightness, the way of the
    guided filter (He, Sun and Tang, ECCV 2010); what does not go with it is kept.
    """
    rows, cols = before.shape
    # Slopes change slowly: a half of the size will do for them (He and Sun, arXiv 1505.00996).
    half = max(1, cols // 2), max(1, rows // 2)
    near, change = cv2.resize(before, half, interpolation=cv2.INTER_AREA), after - before
    size = (_FOLLOW_PX // 2 | 1, _FOLLOW_PX // 2 | 1)
    mean = cv2.blur(near, size)
    spread = cv2.blur(near * near, size) - mean * mean + np.float32(_CALM)
    small = cv2.resize(pixels, half, interpolation=cv2.INTER_AREA)
    out = np.empty_like(pixels)

    def one(k: int, _: int) -> None:
        own = np.ascontiguousarray(small[..., k])
        slope = (cv2.blur(own * near, size) - cv2.blur(own, size) * mean) / spread
        slope = np.clip(cv2.blur(slope, size), -4, 4)
        whole = np.asarray(cv2.resize(slope, (cols, rows)), np.float32)
        _followed(pixels, whole, change, k, out)

    over_rows(one, 3, grain=1)
    return out


@kernel
def _followed(
    pixels: NDArray[np.float32], slope: NDArray[np.float32], change: NDArray[np.float32],
    k: int, out: NDArray[np.float32],
) -> None:  # fmt: skip
    """One colour moved by its slope times the change of brightness, 0 to 1."""
    for r in range(slope.shape[0]):
        for c in range(slope.shape[1]):
            v = pixels[r, c, k] + slope[r, c] * change[r, c]
            out[r, c, k] = min(max(v, np.float32(0)), np.float32(1))


def judged(
    y: NDArray[np.float32],
    known: NDArray[np.float32],
    kernels: Sequence[Kernel | None],
    noise: float,
    error: float = MODEL_ERROR,
) -> NDArray[np.float64]:
    """How much of each tile (down, across) to take, 0 to 1: what `guard.judge` says of it.

    `error` is what kernels leave unexplained, as noise: a larger one expects worse kernels.
    """
    shape = (y.shape[0], y.shape[1])
    parts = list(tiles(shape))
    out = np.zeros(counts(shape))

    def one(k: int, _: int) -> None:
        kernel = kernels[k]
        if kernel is None:
            return
        a, b, c, d = parts[k].seen
        own, where = np.ascontiguousarray(y[a:b, c:d]), np.ascontiguousarray(known[a:b, c:d])
        after = unblur_tile(own, where, kernel, float(np.hypot(noise, error)))
        # Bright ground is noisier than the quietest, which `noise` is of.
        local = float(np.clip(noise_of(own), noise, _NOISIER * noise))
        sigma = float(np.hypot(local, error))
        out[parts[k].place] = judge(own, after, kernel, trusted(own, where, sigma), sigma)

    over_rows(one, len(parts), grain=1)
    return out


def known_of(
    flags: NDArray[np.uint8] | None, shape: tuple[int, ...], *, clipped: int, lost: int
) -> NDArray[np.float32]:
    """What `unblur` calls known: 1, 0 where a bit of `lost` is set, -1 where `clipped` is."""
    out = np.ones(shape[:2], np.float32)
    if flags is not None:
        out[(flags & lost) != 0] = 0
        out[(flags & clipped) != 0] = -1
    return out
