"""A small signature of a picture, and the test that a decoded film shows what was fed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import cv2
import numpy as np
from blake3 import blake3
from numpy.typing import NDArray

from descent.model import Planes

BANDS = (36, 18, 18)  # rows of blocks in a luma and a chroma plane
MOST_ERROR = 28.0  # levels of 255 that a block's mean may move
MOST_RMS = 6.0  # and all of them together
SURE_CHANGE = 2.0  # levels: what a lossless encoder cannot have taken for noise

Signature = NDArray[np.float32]


def signature(picture: Planes) -> Signature:
    """The means of coarse blocks of all three planes, (n,) float32 in levels of 0 to 255.

    Blocks are squares of about a 36th of the height, so that one changed digit of a clock
    moves one block by levels; every pixel counts. Costs about 0.6 ms for 4K.
    """
    return np.concatenate(
        [_means(plane, bands).ravel() for plane, bands in zip(picture, BANDS, strict=True)]
    )


def _means(plane: NDArray[Any], bands: int) -> NDArray[np.float32]:
    rows, cols = plane.shape
    side = max(4, -(-rows // bands))
    deep = plane.dtype == np.uint16
    kind = cv2.CV_32F if deep else cv2.CV_32S  # exact: 64 rows of 1023 stay below 2**24
    tops = range(0, rows, side)
    lefts = np.arange(0, cols, side)
    sums = np.concatenate(
        [cv2.reduce(plane[top : top + side], 0, cv2.REDUCE_SUM, dtype=kind) for top in tops]
    ).astype(np.float64)
    sums = np.add.reduceat(sums, lefts, axis=1)
    heights = np.minimum(rows - np.asarray(tops), side)[:, None]
    widths = np.minimum(cols - lefts, side)[None, :]
    return np.asarray(sums / (heights * widths) / (4 if deep else 1), np.float32)


def picture_digest(picture: Planes) -> bytes:
    """The BLAKE3 hash of a picture's samples, plane after plane, rows without padding."""
    digest = blake3()
    for plane in picture:
        digest.update(np.ascontiguousarray(plane).data.cast("B"))
    return digest.digest()


def film_hash(digests: Iterable[bytes]) -> str:
    """A film's picture hash: the BLAKE3 hash of its frames' digests, in order."""
    film = blake3()
    for digest in digests:
        film.update(digest)
    return film.hexdigest()


def sure_change(crf: float | None) -> float:
    """Levels that a block's mean must change by before an encoder surely shows it.

    x264 and x265 may skip what lies below their quantiser's step, 0.625 * 2 ** (qp / 6)
    levels: a digit of a small draft's clock stays as it was. A larger `crf` skips more.
    """
    return SURE_CHANGE if crf is None else float(max(SURE_CHANGE, 0.625 * 2 ** (crf / 6)))


def mismatch(
    fed: Sequence[Signature], decoded: Sequence[Signature], sure_levels: float = SURE_CHANGE
) -> tuple[int, str] | None:
    """The first frame that does not show what was fed, and in words why; None if all do.

    A count alone misses one dropped plus one doubled frame. So beside a bound on the error,
    each frame is held against its neighbours: where two fed pictures surely differ, the
    decoded one must lie on its own side of the middle between them (a matched filter along
    their difference, which averages the encoder's noise over all blocks that changed).
    Blocks count that changed by `sure_levels` or more; with more, fewer frames are told apart.
    """
    if len(fed) != len(decoded):
        return min(len(fed), len(decoded)), f"{len(fed)} frames were fed, {len(decoded)} came back"
    for k, (want, got) in enumerate(zip(fed, decoded, strict=True)):
        error = (got - want).astype(np.float64)
        rms = float(np.sqrt(np.mean(error**2)))
        if rms > MOST_RMS or np.abs(error).max() > MOST_ERROR:
            return k, f"is off by {rms:.1f} levels, {np.abs(error).max():.0f} at most"
        for other in (k - 1, k + 1):
            if not 0 <= other < len(fed):
                continue
            change = (fed[other] - want).astype(np.float64)
            sure = np.abs(change) >= max(sure_levels, 3 * rms)
            if sure.any() and error[sure] @ change[sure] > 0.5 * (change[sure] @ change[sure]):
                return k, f"shows what was fed as frame {other}"
    return None
