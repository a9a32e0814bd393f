"""Corners of one body followed through a run of pictures, each held against one key picture.

From picture to picture errors add up; held against the key they do not. Each picture is first
laid on the key by the similarity that the corners moved by so far, so that a body that turned,
grew and went aside looks as it did there, and only what its relief moves is left to find.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

CORNERS = 160
FEWEST = 15  # corners, below which a body is lost
APART_PX = 5
_EDGE_PX = 8  # of a key without corners: headers and filters
_WINDOW_PX = 11
_BACK_PX = 0.5  # following there and back must end so near to where it began
_ODD_PX = 2.0  # off the common similarity: another body, or nothing
_RELIEF_PX = 4.0  # what relief moves a corner by at most, beside that
_SHARE = 0.35  # of the corners found must move together
_KEPT = 0.3  # of the key's corners must still be found
_SEEN = 0.4  # of the pictures must show a corner
_LEAST_PICTURES = 40
_TERM = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 15, 0.005)


@dataclass(frozen=True, slots=True)
class Run:
    """Corners followed through neighbouring pictures.

    `first` is the number of the first of n pictures and `key` that of the key among them; `at`
    (n, m, 2) px from the middle of the picture, right and down, is where each corner was,
    `seen` (n, m) whether it was, `corners` (m, 2) px where it is in the key.
    """

    first: int
    key: int
    at: Floats
    seen: Bools
    corners: Floats


def runs(pictures: Sequence[Grey], rate: float, least_s: float) -> list[Run]:
    """The runs of `least_s` or longer in pictures (rows, cols) uint8 of one size, in order.

    `rate` is how many pictures a second there are. A key is chosen some seconds into what no
    run covers yet, and followed both ways until its body is lost.
    """
    ahead = max(1, round(4.0 * rate))
    least = max(_LEAST_PICTURES, round(least_s * rate))
    found = []
    start = 0
    while len(pictures) - start >= least:
        key = min(start + ahead, len(pictures) - 1)
        run = run_of(pictures, key)
        if run is not None and len(run.at) >= least:
            found.append(run)
            start = max(run.first + len(run.at), start + ahead)
        else:
            start += ahead
    return found


def run_of(pictures: Sequence[Grey], key: int) -> Run | None:
    """What is followed from a key picture both ways; None where nothing can be."""
    picture = pictures[key]
    rows, cols = picture.shape
    mask = np.zeros((rows, cols), np.uint8)
    mask[_EDGE_PX:-_EDGE_PX, _EDGE_PX:-_EDGE_PX] = 255
    soft = cv2.GaussianBlur(picture, (3, 3), 0.8)
    found = cv2.goodFeaturesToTrack(soft, CORNERS, 0.01, APART_PX, mask=mask)
    if found is None or len(found) < FEWEST:
        return None
    corners = found.reshape(-1, 2).astype(np.float64)
    before = _followed(pictures, key, range(key - 1, -1, -1), corners)
    after = _followed(pictures, key, range(key + 1, len(pictures)), corners)
    own = corners, np.ones(len(corners), dtype=bool)
    rows_of = [*reversed(before), own, *after]
    at = np.stack([row[0] for row in rows_of])
    seen = np.stack([row[1] for row in rows_of])
    often = seen.mean(axis=0) >= _SEEN
    if often.sum() < FEWEST:
        return None
    middle = np.array([(cols - 1) / 2, (rows - 1) / 2])
    return Run(
        key - len(before), len(before), at[:, often] - middle, seen[:, often],
        corners[often] - middle,
    )  # fmt: skip


def _followed(
    pictures: Sequence[Grey], key: int, order: Iterable[int], corners: Floats
) -> list[tuple[Floats, Bools]]:
    """Where the key's corners (m, 2) px are in each picture, and whether, until they are lost."""
    moved = np.array([1.0, 0.0, 0.0, 0.0])
    step = moved
    relief = np.zeros_like(corners)
    out: list[tuple[Floats, Bools]] = []
    for k in order:
        found = None
        for guess in (after(step, moved), moved):  # it goes on as it did, or stays
            found = _found(pictures[key], pictures[k], guess, corners, relief)
            if found is not None:
                break
        if found is None or found[1].sum() < max(FEWEST, _KEPT * len(corners)):
            break
        at, seen, new, relief = found
        step, moved = after(new, backward(moved)), new
        out.append((at, seen))
    return out


def _found(
    key: Grey, picture: Grey, guess: Floats, corners: Floats, relief: Floats
) -> tuple[Floats, Bools, Floats, Floats] | None:
    """Places (m, 2), whether found (m,), the similarity (4,) and what relief adds (m, 2)."""
    rows, cols = key.shape
    start = corners.astype(np.float32).reshape(-1, 1, 2)
    for level in (2, 1):  # coarse, then laid on the key anew and fine
        matrix = np.array([[guess[0], -guess[1], guess[2]], [guess[1], guess[0], guess[3]]])
        warped = cv2.warpAffine(
            picture, matrix, (cols, rows), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REFLECT,
        )  # fmt: skip
        laid = np.asarray(warped, np.uint8)
        there, good = _flow(key, laid, start, (corners + relief).astype(np.float32), level)
        seen = good
        if level == 1:
            back, good = _flow(laid, key, there.astype(np.float32), start.reshape(-1, 2), level)
            seen &= good & (np.sqrt(((back - corners) ** 2).sum(axis=1)) < _BACK_PX)
        at = moved_by(guess, there)
        seen &= (at > 3).all(axis=1) & (at < (cols - 4, rows - 4)).all(axis=1)
        if seen.sum() < FEWEST:
            return None
        cv2.setRNGSeed(0)
        _, inside = cv2.estimateAffinePartial2D(
            corners[seen].astype(np.float32), at[seen].astype(np.float32), method=cv2.RANSAC,
            ransacReprojThreshold=_ODD_PX, maxIters=200,
        )  # fmt: skip
        if inside is None or inside.sum() < max(FEWEST / 2, _SHARE * seen.sum()):
            return None
        common = np.nonzero(seen)[0][inside.ravel() == 1]
        guess = similarity(corners[common], at[common])
        left = np.clip(moved_by(backward(guess), at) - corners, -_RELIEF_PX, _RELIEF_PX)
        relief = np.where(seen[:, None], left, 0.0)
    return at, seen, guess, relief


def _flow(
    here: Grey, there: Grey, start: NDArray[np.float32], guess: NDArray[np.float32], level: int
) -> tuple[Floats, Bools]:
    moved, good, _ = cv2.calcOpticalFlowPyrLK(
        here, there, start.reshape(-1, 1, 2), guess.reshape(-1, 1, 2).copy(),
        winSize=(_WINDOW_PX, _WINDOW_PX), maxLevel=level, criteria=_TERM,
        flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
    )  # fmt: skip
    return moved.reshape(-1, 2).astype(np.float64), good.ravel() == 1


# A similarity (4,) is a, b, x, y: (u, v) goes to (a u - b v + x, b u + a v + y).


def similarity(here: Floats, there: Floats) -> Floats:
    """The similarity (4,) that takes points (n, 2) to others, robustly."""
    weight = np.ones(len(here))
    out = np.zeros(4)
    for _ in range(6):
        share = weight / weight.sum()
        one, two = here - share @ here, there - share @ there
        size = float(weight @ (one**2).sum(axis=1))
        a = float(weight @ (one * two).sum(axis=1)) / size
        b = float(weight @ (one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0])) / size
        out = np.array([a, b, 0.0, 0.0])
        out[2:] = share @ there - moved_by(out, (share @ here)[None])[0]
        left = np.sqrt(((moved_by(out, here) - there) ** 2).sum(axis=1))
        spread = max(float(np.median(left)) / 1.1774, 1e-9)
        weight = 1 / (1 + (left / (2 * spread)) ** 2)
    return out


def moved_by(by: Floats, points: Floats) -> Floats:
    """Points (n, 2) after a similarity."""
    a, b, x, y = by
    u, v = points[:, 0], points[:, 1]
    out: Floats = np.stack([a * u - b * v + x, b * u + a * v + y], axis=1)
    return out


def backward(by: Floats) -> Floats:
    """The similarity that undoes one."""
    a, b, x, y = by
    size = a * a + b * b
    c, d = a / size, -b / size
    return np.array([c, d, d * y - c * x, -d * x - c * y])


def after(second: Floats, first: Floats) -> Floats:
    """The similarity that does `first` and then `second`."""
    a, b = second[:2] * (first[0], first[0]), second[:2] * (first[1], first[1])
    x, y = moved_by(second, first[None, 2:])[0]
    return np.array([a[0] - b[1], a[1] + b[0], x, y])
