"""White balance by a patch: the gains that make something grey or white in the pictures grey.

Clipping is checked first: a channel that clipped is darker than it was, and gains from it
would tint all that did not. A patch that is clipped, dark, or not the same thing throughout
the film is refused, and no other place is looked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from descent.errors import FormatError
from descent.model import LOST, REPAIRED, SATURATED

if TYPE_CHECKING:
    from numpy.typing import NDArray

DARK = 0.01  # of full scale: below it black level and noise decide the ratios
CLIPS = 0.88  # of the ceiling: what lies beside clipped pixels falls short of it
MOST_GAIN = 8.0
ALIKE = 0.1  # by how much most frames' ratios of colours may differ
_ENOUGH = 0.5  # of the patch that must be lit and not clipped
_NOT_SEEN = SATURATED | REPAIRED | LOST


@dataclass(frozen=True)
class Seen:
    """One frame's patch: mean red, green and blue (3,) where it can be used, and the shares."""

    colour: tuple[float, float, float] | None
    clipped: float
    dark: float


def neutral_gains(
    picture: NDArray[np.float32], patch: tuple[float, float], *, size: float = 0.04
) -> tuple[float, float, float]:
    """The gains of red, green (1) and blue that make a patch of one picture grey.

    Parameters
    ----------
    picture : (rows, cols, 3), linear light from 0 to 1, before any gains.
    patch : the middle of something grey or white, [across, down], 0 to 1.
    size : side of the patch, of the picture's width; a larger one averages more.

    Raises `FormatError` where half of it or more is clipped or dark, for gains above 8.
    """
    seen = look(picture, None, patch, size, 1.0)
    return gains_of([seen], patch)


def look(
    picture: NDArray[np.float32],
    flags: NDArray[np.uint8] | None,
    patch: tuple[float, float],
    size: float,
    ceiling: float,
) -> Seen:
    """What a frame (rows, cols, 3) shows in the patch; `ceiling` is the light that clipped at."""
    if picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
        raise FormatError(f"a picture of shape {picture.shape}", do="hand over (rows, cols, 3)")
    rows, cols = picture.shape[:2]
    half = max(size * cols / 2, 0.5)
    y, x = patch[1] * rows, patch[0] * cols
    top, left = min(max(round(y - half), 0), rows - 1), min(max(round(x - half), 0), cols - 1)
    part = np.s_[top : max(round(y + half), top + 1), left : max(round(x + half), left + 1)]
    light = picture[part]
    clipped = light.max(axis=2) >= CLIPS * ceiling
    hidden = np.zeros(clipped.shape, np.bool_)
    if flags is not None:
        clipped |= (flags[part] & SATURATED) > 0
        hidden = (flags[part] & _NOT_SEEN) > 0
    dark = light.min(axis=2) < DARK
    good = ~(clipped | dark | hidden)
    mean = light[good].mean(axis=0, dtype=np.float64) if good.mean() > _ENOUGH else None
    colour = None if mean is None else (float(mean[0]), float(mean[1]), float(mean[2]))
    return Seen(colour, float(clipped.mean()), float(dark.mean()))


def gains_of(seen: Sequence[Seen], patch: tuple[float, float]) -> tuple[float, float, float]:
    """The gains by the median of all frames that show the patch lit and not clipped.

    Raises `FormatError` where none does, where most frames show another colour there than the
    median, and for gains above 8.
    """
    where = f"the patch at [{patch[0]:g}, {patch[1]:g}]"
    colours = np.array([s.colour for s in seen if s.colour is not None], np.float64)
    if not len(colours):
        clipped = max((s.clipped for s in seen), default=0.0)
        dark = max((s.dark for s in seen), default=0.0)
        raise FormatError(
            f"{where} is up to {clipped:.0%} clipped and up to {dark:.0%} dark: its colour is "
            "not known",
            do="mark something grey or white that is lit and did not clip, or write gains",
        )
    ratios = colours[:, 1:2] / colours[:, ::2]
    middle = np.median(ratios, axis=0)
    apart = float(np.median(np.abs(ratios / middle - 1).max(axis=1)))
    if apart > ALIKE:
        raise FormatError(
            f"{where} does not show one thing: its colour differs by {apart:.0%} from frame "
            "to frame",
            do="mark something that stays in its place, or write the gains of one frame",
        )
    if middle.max() > MOST_GAIN or middle.min() < 1 / MOST_GAIN:
        raise FormatError(
            f"{where} would take gains of {middle[0]:.3g}, 1, {middle[1]:.3g}: it is no grey",
            do="mark something grey or white",
        )
    return round(float(middle[0]), 4), 1.0, round(float(middle[1]), 4)


def told(seen: Sequence[Seen], patch: tuple[float, float]) -> dict[str, Any]:
    """The gains, and in words where they are from, as a measured file holds them."""
    gains = gains_of(seen, patch)
    used = sum(s.colour is not None for s in seen)
    return {
        "gains": list(gains),
        "white": f"measured: a patch at {patch[0]:.0%} across and {patch[1]:.0%} down, lit and "
        f"not clipped in {used} of {len(seen)} frames looked at; gains "
        + ", ".join(f"{g:g}" for g in gains),
    }
