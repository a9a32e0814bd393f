"""Which pixel of one picture is which of another: features, matched and checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEATURES = 1200
_RATIO = 0.8  # Lowe's test: a second-best match nearly as good means neither is sure
_REACH_PX = 3.0
_FEWEST = 12


@dataclass(frozen=True)
class Features:
    """Points (n, 2) as x, y in px with descriptors (n, 128), of a picture (rows, cols)."""

    points: NDArray[np.float32]
    descriptors: NDArray[np.float32]
    shape: tuple[int, int]


@dataclass(frozen=True)
class Match:
    """`matrix` (3, 3) takes x, y of the first picture to the second; `inliers` agree with it.

    `here` and `there` (inliers, 2) are where those lie in the two pictures, x, y in px.
    """

    matrix: NDArray[np.float64]
    inliers: int
    tried: int
    here: NDArray[np.float32]
    there: NDArray[np.float32]


def features(picture: NDArray[Any], *, most: int = FEATURES) -> Features:
    """SIFT features of a grey picture (rows, cols), float or uint8, whatever its contrast.

    The `most` strongest are kept; more find smaller overlaps and take longer to match.

    Source: Lowe, "Distinctive image features from scale-invariant keypoints", IJCV 2004.
    """
    grey = picture.astype(np.float32)
    low, high = np.percentile(grey, (1, 99))
    if high - low < 1e-6:
        empty = np.zeros((0, 2), np.float32), np.zeros((0, 128), np.float32)
        return Features(*empty, (grey.shape[0], grey.shape[1]))
    codes = np.clip((grey - low) * (255 / (high - low)), 0, 255).astype(np.uint8)
    # Local contrast evened out: flat hazy ground has features as well as a crater rim.
    codes = cv2.createCLAHE(clipLimit=3.0, tileGridSize=(8, 8)).apply(codes)
    points, descriptors = cv2.SIFT_create(most).detectAndCompute(codes, None)  # type: ignore[attr-defined]
    where = np.array([p.pt for p in points], np.float32).reshape(-1, 2)
    what = np.zeros((0, 128), np.float32) if descriptors is None else descriptors
    return Features(where, what, (grey.shape[0], grey.shape[1]))


def match(a: Features, b: Features, *, fewest: int = _FEWEST) -> Match | None:
    """The homography from picture a to b that enough features agree on, or None.

    `fewest` inliers are asked for; a larger number refuses more. A map that folds, flips or
    scales by more than two is refused however many agree. The same features give the same
    answer: the sampling is seeded.
    """
    if min(len(a.points), len(b.points)) < fewest:
        return None
    pairs = cv2.BFMatcher(cv2.NORM_L2).knnMatch(a.descriptors, b.descriptors, k=2)
    good = [p[0] for p in pairs if len(p) == 2 and p[0].distance < _RATIO * p[1].distance]
    if len(good) < fewest:
        return None
    here = a.points[[m.queryIdx for m in good]]
    there = b.points[[m.trainIdx for m in good]]
    cv2.setRNGSeed(0)
    matrix, mask = cv2.findHomography(here, there, cv2.RANSAC, _REACH_PX, maxIters=4000)
    if matrix is None:
        return None
    inliers = int(mask.sum())
    if inliers < max(fewest, 0.2 * len(good)) or not _sane(matrix, a.shape):
        return None
    kept = mask.ravel().astype(bool)
    return Match(matrix.astype(np.float64), inliers, len(good), here[kept], there[kept])


def _sane(matrix: NDArray[Any], shape: tuple[int, int]) -> bool:
    """Whether the map keeps the picture's corners a picture of about the same size."""
    rows, cols = shape
    corners = np.array([[0, 0, 1], [cols, 0, 1], [cols, rows, 1], [0, rows, 1]], float)
    mapped = corners @ matrix.T
    if (mapped[:, 2] <= 0.2 * abs(mapped[:, 2]).max()).any():
        return False
    x, y = mapped[:, 0] / mapped[:, 2], mapped[:, 1] / mapped[:, 2]
    area = 0.5 * float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))
    return 0.25 < area / (rows * cols) < 4.0
