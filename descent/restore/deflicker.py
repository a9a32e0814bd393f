"""Deflicker: one gain a frame, from what registered neighbours show of the same ground.

Only what two frames both show is compared, and by its median: so a shield that leaves or dust
that comes in move no gain while they cover less than half of it. The bright spot opposite the
Sun is found by itself and taken out of what is compared; since a frame gets one number,
nothing within it is flattened. Links over 1, 2, 4 and 8 frames are solved together, which
keeps the level from wandering. Frames that register with no neighbour follow the ones beside
them; frames of nothing but noise, which a stretch has made bright, are made dark again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from pydantic import Field
from scipy.linalg import solveh_banded

from descent.clip import Clip
from descent.model import Format, Frame, Stage
from descent.restore import light, spot
from descent.restore.params import Params
from descent.tools.register import Features, features, match

if TYPE_CHECKING:
    from numpy.typing import NDArray

WORK_PX = 400  # longest side of the small pictures that are registered
LINKS = (1, 2, 4, 8)  # frames apart that are compared
FEATURES = 700
_DARK, _BRIGHT = 0.02, 0.97
_FEWEST_PX = 500
_SPREAD, _APART = 0.08, 0.15  # share of the spread's ratio, and how far it is believed
_BESIDE = 0.3  # weight of "as the frame beside" where nothing registers
_NOISE_ONLY = 2.0  # fine noise over coarser structure: pictures have 0.03 to 0.4
_PEAK = 99.5  # percentile of a frame that must not clip


class Deflicker(Params):
    """How far the levels are evened out."""

    hold: float = Field(
        0.01,
        ge=0,
        le=10,
        description="pull of each frame towards its own level; a larger one corrects slow "
        "changes less, and 0 makes the whole film as one exposure",
    )
    headroom: bool = Field(
        True,
        description="darken the whole film by one factor where gains would clip its "
        "highlights; false keeps the level and clips",
    )
    spot: bool = Field(
        True,
        description="look for the bright spot opposite the Sun, so that it sways no gain; false "
        "leaves it to the median of what two frames share",
    )


def small(frame: Frame, format: Format) -> NDArray[np.float32]:
    """The frame as a grey picture of linear light, at most `WORK_PX` long."""
    pixels: Any = light.linear_frame(frame, format).pixels
    if format.kind == "mosaic" and min(pixels.shape) > 1:
        rows, cols = pixels.shape[0] // 2 * 2, pixels.shape[1] // 2 * 2
        even = pixels[:rows, :cols]
        pixels = (even[::2, ::2] + even[::2, 1::2] + even[1::2, ::2] + even[1::2, 1::2]) / 4
    elif pixels.ndim == 3:
        pixels = pixels.mean(axis=2, dtype=np.float32)
    scale = min(1.0, WORK_PX / max(pixels.shape))
    size = max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.float32)


def centre_of(frame: Frame, format: Format) -> NDArray[np.float32]:
    """The middle of the frame at full size, grey, at most 512 px a side: where noise shows."""
    pixels: Any = frame.pixels
    if format.kind == "mosaic" and min(pixels.shape) > 1:
        pixels = pixels[: pixels.shape[0] // 2 * 2 : 2, : pixels.shape[1] // 2 * 2 : 2]
    top, left = max(0, pixels.shape[0] // 2 - 256), max(0, pixels.shape[1] // 2 - 256)
    part = light.as_linear(np.ascontiguousarray(pixels[top : top + 512, left : left + 512]), format)
    return part if part.ndim == 2 else np.asarray(part.mean(axis=2), np.float32)


def compare(
    a: NDArray[np.float32], b: NDArray[np.float32], matrix: NDArray[np.float64]
) -> float | None:
    """Log of how much brighter b shows what a shows too, by the overlap's median.

    How much wider its values spread has a small say: levels alone would let contrast drift.
    """
    size = b.shape[1], b.shape[0]
    warped = cv2.warpPerspective(a, matrix, size, flags=cv2.INTER_LINEAR)
    inside = cv2.warpPerspective(np.ones_like(a), matrix, size, flags=cv2.INTER_LINEAR) > 0.99
    good = inside & (warped > _DARK) & (b > _DARK) & (warped < _BRIGHT) & (b < _BRIGHT)
    if good.sum() < _FEWEST_PX:
        return None
    return ratio_of(np.asarray(warped[good], np.float32), b[good])


def ratio_of(here: NDArray[np.float32], there: NDArray[np.float32]) -> float:
    """`compare` of pixels (n,) that show the same in two frames."""
    level = float(np.median(np.log(there / here)))
    spread = float(np.log(max(there.std(), 1e-4) / max(here.std(), 1e-4)))
    apart = spread - level
    # Further apart than that, something came into view: then only the level counts.
    return level + (_SPREAD * apart if abs(apart) < _APART else 0.0)


def solve(
    pairs: Mapping[tuple[int, int], float],
    count: int,
    hold: float,
    breaks: frozenset[int] = frozenset(),
) -> NDArray[np.float64]:
    """Log gains (count,) that make all pairs agree best, in the least-squares sense.

    `pairs[i, j]` is the log of how much brighter j is than i. Where no pair bridges two
    neighbours (and no break parts them) the second follows the first.
    """
    reach = max(LINKS)
    band = np.zeros((reach + 1, count))  # lower form: band[d, i] couples i and i + d
    right = np.zeros(count)
    band[0] = max(hold, 1e-4) ** 2

    def link(i: int, j: int, ratio: float, weight: float) -> None:
        band[0, i] += weight
        band[0, j] += weight
        band[j - i, i] -= weight
        right[i] += weight * ratio
        right[j] -= weight * ratio

    bridged = np.zeros(count + 1, np.int64)
    for (i, j), ratio in pairs.items():
        link(i, j, ratio, 1.0 / (j - i))
        bridged[i + 1] += 1
        bridged[j + 1] -= 1
    alone = np.cumsum(bridged)[: count + 1] == 0
    for j in range(1, count):
        if alone[j] and j not in breaks:
            link(j - 1, j, 0.0, _BESIDE**2)
    return np.asarray(solveh_banded(band, right, lower=True), np.float64)


def noise(picture: NDArray[np.float32]) -> tuple[float, float]:
    """Fine noise of a picture (rows, cols), and how it compares with coarser structure.

    Fine: the median of Immerkaer's difference of Laplacians ("Fast noise variance
    estimation", 1996). Coarser: what remains between Gaussians of 2 and 8 px.
    """
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32) / 6
    inside = (picture > _DARK) & (picture < _BRIGHT)
    if inside.sum() < _FEWEST_PX:
        return 0.0, 0.0
    fine = float(np.median(np.abs(cv2.filter2D(picture, -1, kernel))[inside])) / 0.6745
    coarse = cv2.GaussianBlur(picture, (0, 0), 2) - cv2.GaussianBlur(picture, (0, 0), 8)
    return fine, fine / max(float(coarse[inside].std()), 1e-6)


def gives(format: Format, params: Deflicker) -> Format:  # noqa: ARG001 - one signature
    """Float32 linear light of the same shape."""
    return light.linear_format(format, stage="deflicker")


def measure(
    clip: Clip, params: Deflicker, progress: Callable[[int, int], None] | None = None
) -> dict[str, Any]:
    """The gain of every frame, from one pass over the clip at small size."""
    kept: dict[int, tuple[NDArray[np.float32], Features]] = {}
    search = spot.Search()
    pairs: dict[tuple[int, int], float] = {}
    count = len(clip)
    peaks, fines, shares = np.zeros(count), np.zeros(count), np.zeros(count)
    for j, frame in enumerate(clip.pull(range(count))):
        if frame is not None:
            picture = small(frame, clip.format)
            peaks[j] = np.percentile(picture, _PEAK)
            fines[j], shares[j] = noise(centre_of(frame, clip.format))
            kept[j] = (picture, features(picture, most=FEATURES))
            search.add(j, picture)
            for i in (j - d for d in LINKS):
                if i in kept and not any(i < k <= j for k in clip.breaks):
                    found = match(kept[i][1], kept[j][1])
                    ratio = compare(kept[i][0], picture, found.matrix) if found else None
                    if found and ratio is not None:
                        pairs[i, j] = ratio
                        search.link(i, j, found.matrix, max(picture.shape))
        kept.pop(j - max(LINKS), None)
        if progress:
            progress(j + 1, count)
    if not count:
        return {"gains": [], "linked": [], "dark": []}
    bright = search.find(count) if params.spot else None
    if bright is not None:
        pairs = spot.without(search, bright, pairs, ratio_of)
    logs = solve(pairs, count, params.hold, clip.breaks)
    linked = sorted({k for pair in pairs for k in pair})
    dark = _darken(logs, fines, shares, linked)
    if params.headroom and linked:
        lit = [k for k in linked if k not in dark]
        over = np.percentile(np.log(np.maximum(peaks[lit], 1e-3)) + logs[lit], 95)
        logs -= max(float(over), 0.0)
    gains = [round(float(g), 6) for g in np.exp(logs)]
    return {
        "gains": gains, "linked": linked, "dark": dark, "pairs": len(pairs),
        **spot.told(bright, count),
    }  # fmt: skip


def _darken(
    logs: NDArray[np.float64],
    fines: NDArray[np.float64],
    shares: NDArray[np.float64],
    linked: list[int],
) -> list[int]:
    """Lower the gains of frames that are noise stretched bright; which those are.

    A camera's noise is much the same from frame to frame: where it stands out, the stretch
    has multiplied it, and the frame with it.
    """
    dark = [int(k) for k in np.flatnonzero(shares > _NOISE_ONLY) if k not in set(linked)]
    usual = fines[linked] * np.exp(logs[linked]) if linked else np.zeros(0)
    usual = usual[usual > 0]
    if not len(usual):
        return []
    for k in dark:
        # Lit frames also hold the noise of their light and fine detail: the quietest count.
        logs[k] = min(logs[k], float(np.log(np.percentile(usual, 10) / fines[k])))
    return dark


def apply(
    frames: list[Frame],
    centre: int,
    params: Deflicker,  # noqa: ARG001 - the stages' one signature
    measured: Mapping[str, Any] | None,
    index: int,
    format: Format,
) -> Frame:
    """The frame times its gain, clipped to 0 and 1."""
    frame = light.linear_frame(frames[centre], format)
    if not measured:
        return frame
    gain = float(measured["gains"][index])
    pixels: Any = frame.pixels
    out = Frame(np.clip(pixels * np.float32(gain), 0, 1), frame.flags, frame.warp, frame.notes)
    where = measured["spot"][index] if measured.get("spot") else None
    light.note(out, "deflicker", gain=gain, **({"spot": where} if where else {}))
    return out


STAGE = Stage(
    name="deflicker",
    version=2,
    params=Deflicker,
    apply=apply,
    gives=gives,
    measure=measure,
    per_frame=("gains", "spot"),
    order=30,
)
