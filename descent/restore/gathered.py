"""A frame and its neighbours accumulated in the Fourier domain, place by place.

For bursts and slow scenes: what a shaking hand or a gust smeared in one frame another shows
sharp. Neighbours are laid on the frame; a place takes from those only that show the same there,
however they are smeared; and stays as it was, to the bit, where nothing comes out sharper.
Source: Delbracio and Sapiro, "Hand-held video deblurring via efficient Fourier aggregation",
IEEE TCI 2015.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from descent.restore.accumulate import accumulated
from descent.restore.align import aligned
from descent.restore.unblur import counts, ramps, tiles

if TYPE_CHECKING:
    from numpy.typing import NDArray

POWER = 11
# A smear moves light by its length at most: a neighbour's mean over this many px is one of
# those that the frame has as near as that, but for a share of its light and for noise.
_SAME_PX, _SAME_BY, _SAME_SIGMA = 25, 0.025, 4.0
_MOSTLY = 0.7  # of a place that must be the same
_SHARPER = 1.04  # of the structure between 1 and 3 px, below which nothing is taken


class Gathered(NamedTuple):
    """A frame (rows, cols[, 3]), the share of its places taken, and neighbours used in each."""

    pixels: NDArray[np.float32]
    share: float
    neighbours: float


def gather(pictures: Sequence[NDArray[np.float32]], centre: int, noise: float) -> Gathered:
    """The picture at `centre` made sharper from the others, all (rows, cols[, 3]).

    `noise` is the standard deviation of a pixel's noise; a larger one lets places differ more.
    """
    here = pictures[centre]
    laid = [
        aligned(here, other, max(noise, 1e-4))
        for k, other in enumerate(pictures)
        if k != centre and other.shape == here.shape
    ]
    shape = here.shape[0], here.shape[1]
    own = _means(here)
    same = [_alike(own, picture, inside, noise) for picture, inside in laid]
    # Where a neighbour shows something else (what moves by itself) it shows the frame's own.
    others = [
        here + (picture - here) * (good if here.ndim == 2 else good[..., None])
        for (picture, _), good in zip(laid, same, strict=True)
    ]
    parts = list(tiles(shape))
    changes: list[NDArray[np.float32] | None] = [None] * len(parts)
    used = np.zeros(len(parts))

    for k, part in enumerate(parts):  # one after the other: each runs on all threads itself
        a, b, c, d = part.seen
        stack = [here[a:b, c:d]]
        for picture, good in zip(others, same, strict=True):
            if good[a:b, c:d].mean() >= _MOSTLY:
                stack.append(picture[a:b, c:d])
        if len(stack) == 1:
            continue
        made = accumulated(stack, POWER)
        if _structure(made) >= _SHARPER * _structure(stack[0]):
            changes[k], used[k] = made - stack[0], len(stack) - 1

    out = here.copy()
    for part, change in zip(parts, changes, strict=True):
        if change is None:
            continue
        a, b, c, d = part.seen
        weight = np.outer(*ramps(part, shape))
        out[a:b, c:d] += change * (weight if here.ndim == 2 else weight[..., None])
    taken = used > 0
    rows, cols = counts(shape)
    return Gathered(
        np.clip(out, 0, 1) if taken.any() else here,
        float(taken.sum()) / (rows * cols),
        float(used[taken].mean()) if taken.any() else 0.0,
    )


def _grey(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    return picture if picture.ndim == 2 else np.asarray(picture.mean(axis=2), np.float32)


def _means(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(cv2.blur(_grey(picture), (_SAME_PX, _SAME_PX)), np.float32)


def _alike(
    own: NDArray[np.float32],
    picture: NDArray[np.float32],
    inside: NDArray[np.bool_],
    noise: float,
) -> NDArray[np.float32]:
    """How surely, 0 to 1, a neighbour laid on the frame shows the same but for its smear."""
    most = np.float32(_SAME_SIGMA * noise / _SAME_PX) + np.float32(_SAME_BY) * own
    box = np.ones((_SAME_PX, _SAME_PX), np.uint8)
    theirs = _means(picture)
    same = (theirs <= cv2.dilate(own, box) + most) & (theirs >= cv2.erode(own, box) - most)
    sure = cv2.erode(np.asarray(inside & same, np.float32), box)
    return np.asarray(cv2.blur(sure, (_SAME_PX, _SAME_PX)), np.float32)


def _structure(picture: NDArray[np.float32]) -> float:
    """How much there is between 1 and 3 px: finer is noise as well, coarser blur leaves."""
    grey = _grey(picture)
    fine = cv2.GaussianBlur(grey, (0, 0), 1.0) - cv2.GaussianBlur(grey, (0, 0), 3.0)
    return float(np.sqrt(np.mean(fine * fine)))
