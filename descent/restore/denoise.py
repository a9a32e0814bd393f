"""Denoise: neighbouring frames averaged along motion, then what noise is left thinned out.

It runs on RGB after debayer, not on the mosaic. Neighbours must be laid onto a frame to a
fraction of a pixel, and one colour of a mosaic alone, at half the resolution, is too coarse
for that: fine detail would alias, be taken for change, and stay noisy.

A neighbour counts at a place only where it differs by no more than noise, by two tests: the
energy of the difference, which finds what moved, and its local mean, which finds what is
fainter than the noise (dust, shadows). So nothing leaves a ghost. What noise remains, all of
it where no neighbour fits, is taken out of each frame in overlapping blocks of its cosine
transform.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from pydantic import Field

from descent.clip import Clip
from descent.errors import FormatError
from descent.model import Format, Frame, Stage
from descent.restore import light
from descent.restore.align import aligned
from descent.restore.dct import shrink
from descent.restore.noise import Blocks, Noise, blocks, fit, from_axes, lower, to_axes
from descent.restore.params import Params
from descent.tools.compiled import float_kernel, kernel
from descent.tools.tiles import over_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

PAIRS = 6  # pairs of neighbours, spread over the clip, that the noise is measured from
_PATCH_PX = 7
_BOUND = 2.7  # deviations below which a coefficient counts as noise
_ENERGY = (1.3, 2.2)  # of the difference to the expected: fully, and no longer believed
_OFFSET = (3.0, 8.0)  # squared deviations of the local mean: the same
_CLIPS_FROM = 0.97


class Denoise(Params):
    """How much, and over how many frames."""

    strength: float = Field(
        1.0,
        ge=0,
        le=4,
        description="what counts as noise, in units of the measured noise; a larger one takes "
        "out more, from 1.5 on detail too",
    )
    frames: int = Field(
        2,
        ge=0,
        le=6,
        description="neighbours on either side that are averaged; a larger number takes out "
        "more and takes longer, 0 uses each frame alone",
    )


def gives(format: Format, params: Denoise) -> Format:  # noqa: ARG001 - the stages' one signature
    """Float32 linear light of the same shape."""
    after = light.linear_format(format, stage="denoise")
    if format.kind == "mosaic":
        raise FormatError(
            "denoise reads RGB or grey, and these pixels are a mosaic",
            do="debayer first: debayer: {}",
        )
    return after


def measure(
    clip: Clip, params: Denoise, progress: Callable[[int, int], None] | None = None
) -> dict[str, Any]:
    """The camera's noise, from the differences of registered neighbours spread over the clip."""
    starts = [k for k in range(len(clip) - 1) if k + 1 not in clip.breaks]
    chosen = np.linspace(0, len(starts) - 1, min(PAIRS, len(starts))).astype(int)
    firsts = sorted({starts[k] for k in chosen}) if params.frames else []
    wanted = sorted({j for k in firsts for j in (k, k + 1)} or range(min(PAIRS, len(clip))))
    pairs: list[Blocks] = []
    single: list[Blocks] = []
    before: tuple[int, Frame] | None = None
    for done, (k, frame) in enumerate(zip(wanted, clip.pull(wanted), strict=True), 1):
        if frame is not None:
            shown = light.linear_frame(frame, clip.format)
            single.append(_alone(shown))
            if before is not None and before[0] == k - 1 and k - 1 in firsts:
                pairs.append(_between(before[1], shown, single[-1]))
            before = k, shown
        if progress:
            progress(done, len(wanted))
    mean = float(np.mean([b.light.mean() for b in single if len(b.light)] or [0.0]))
    found = lower(fit(pairs, alone=False), fit(single, alone=True), mean)
    return found.as_json() if found else {"shot": 0.0, "read": 0.0, "shape": []}


def _gain(frame: Frame) -> float:
    """What the light of this frame was multiplied by since the camera counted it."""
    return float(frame.notes.get("deflicker", {}).get("gain", 1.0))


def _alone(frame: Frame) -> Blocks:
    pixels: Any = frame.pixels
    planes = to_axes(pixels / np.float32(_gain(frame)))
    return blocks(planes, planes, _unclipped(pixels))


def _unclipped(pixels: NDArray[np.float32]) -> NDArray[np.bool_]:
    top = pixels if pixels.ndim == 2 else pixels.max(axis=2)
    return np.asarray(top < _CLIPS_FROM)


def _between(a: Frame, b: Frame, alone: Blocks) -> Blocks:
    """The blocks of the difference of two registered neighbours, on the camera's own scale."""
    here: Any = a.pixels
    guess = fit([alone], alone=True)
    sigma = guess.sigma(float(here.mean())) if guess else 0.01
    there, inside = aligned(here, b.pixels, sigma)  # type: ignore[arg-type]
    good = inside & _unclipped(here) & _unclipped(there)
    scale = np.float32(1 / _gain(a))
    return blocks(to_axes(here * scale), to_axes((here - there) * scale), good)


@float_kernel
def _differ(
    here: NDArray[np.float32], there: NDArray[np.float32], spread: NDArray[np.float32],
    shot: float, read: float, energy: NDArray[np.float32], offset: NDArray[np.float32],
    first: int, last: int,
) -> None:  # fmt: skip
    """Energy of the difference to its expectation, and its brightness in deviations."""
    count, _, cols = here.shape
    root = np.sqrt(np.float32(count))
    for y in range(first, last):
        for x in range(cols):
            mean = max((here[0, y, x] + there[0, y, x]) / (2 * root), np.float32(0))
            unit = np.float32(2 * (shot * mean + read))
            total = np.float32(0)
            for k in range(count):
                d = here[k, y, x] - there[k, y, x]
                total += d * d / spread[k]
            energy[y, x] = total / (unit * count)
            offset[y, x] = (here[0, y, x] - there[0, y, x]) / np.sqrt(unit)


@kernel
def _gather(
    there: NDArray[np.float32], energy: NDArray[np.float32], offset: NDArray[np.float32],
    close: NDArray[np.float32], inside: NDArray[np.bool_], scale: float,
    limits: NDArray[np.float32], total: NDArray[np.float32], weight: NDArray[np.float32],
    squares: NDArray[np.float32], first: int, last: int,
) -> None:  # fmt: skip
    """Add the neighbour where it is believed; `scale` turns a local mean into deviations."""
    zero, one = np.float32(0), np.float32(1)
    for y in range(first, last):
        for x in range(total.shape[2]):
            if not inside[y, x]:
                continue
            far = offset[y, x] * offset[y, x] * np.float32(scale)
            w = min(max((limits[1] - energy[y, x]) / (limits[1] - limits[0]), zero), one)
            w *= min(max((limits[3] - far) / (limits[3] - limits[2]), zero), one)
            w *= min(max((limits[5] - close[y, x]) / (limits[5] - limits[4]), zero), one)
            if w > 0:
                for k in range(total.shape[0]):
                    total[k, y, x] += w * there[k, y, x]
                weight[y, x] += w
                squares[y, x] += w * w


_CLOSE = (2.2, 4.5)  # of 3 x 3 px: thin things that a patch's mean would pass over


def average(
    pictures: list[NDArray[np.float32]], centre: int, noise: Noise, gain: float, strength: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The centre picture averaged with its neighbours, and what share of the noise is left.

    Pictures are (rows, cols[, 3]); returns planes (channels, rows, cols) by `to_axes`, and
    the share of the variance (rows, cols), 1 where no neighbour was believed.
    """
    here = to_axes(pictures[centre])
    shape = here.shape[1:]
    total, weight = here.copy(), np.ones(shape, np.float32)
    squares = np.ones(shape, np.float32)
    shot, read = (v * strength**2 for v in noise.scaled(gain))
    forms = np.array(noise.shape, np.float64)
    spread = forms.mean(axis=(1, 2)).astype(np.float32)
    # How the noise of a mean over a patch compares with that of independent pixels.
    coarse = float(forms[0, :2, :2].mean())
    scale = _PATCH_PX**2 / max(coarse, 0.2)
    limits = np.array((*_ENERGY, *_OFFSET, *_CLOSE), np.float32)
    sigma = noise.sigma(float(pictures[centre].mean()) / gain) * gain
    energy, offset = np.empty(shape, np.float32), np.empty(shape, np.float32)
    for k, picture in enumerate(pictures):
        if k == centre or picture.shape != pictures[centre].shape:
            continue
        laid, inside = aligned(pictures[centre], picture, sigma)
        there = to_axes(laid)
        over_rows(
            lambda a, b, there=there: _differ(  # type: ignore[misc]
                here, there, spread, shot, read, energy, offset, a, b
            ),
            shape[0],
        )
        patch = cv2.blur(energy, (_PATCH_PX, _PATCH_PX)), cv2.blur(offset, (_PATCH_PX, _PATCH_PX))
        close = cv2.blur(energy, (3, 3))
        over_rows(
            lambda a, b, there=there, patch=patch, close=close, inside=inside: _gather(  # type: ignore[misc]
                there, patch[0], patch[1], close, inside, scale, limits,
                total, weight, squares, a, b,
            ),
            shape[0],
        )  # fmt: skip
    return total / weight, squares / (weight * weight)


def apply(
    frames: list[Frame],
    centre: int,
    params: Denoise,
    measured: Mapping[str, Any] | None,
    index: int,  # noqa: ARG001 - the stages' one signature
    format: Format,
) -> Frame:
    """The frame with its noise taken out; flags and clipped pixels stay."""
    frame = light.linear_frame(frames[centre], format)
    pixels: Any = frame.pixels
    known = measured if measured is not None else _measure_one(frame)
    if not params.strength or not known.get("shape"):
        return frame
    noise, gain = Noise.of(known), _gain(frame)
    # The frames as they were handed in where they are linear: what was seen of them is kept.
    window: list[Any] = [
        p.pixels if format.dtype == "float32" else light.linear_frame(p, format).pixels
        for p in frames
    ]
    planes, share = average(window, centre, noise, gain, params.strength)
    # Where neighbours took most of it out, what is left is thinned less than it allows: there
    # the gain is small, and detail fainter than the noise of one frame is seen and kept.
    bound = _BOUND * params.strength
    thin = shrink(planes, share**3, noise.shape, noise.scaled(gain), bound)
    made = from_axes(thin)
    clipped = pixels >= np.float32(_CLIPS_FROM)
    made[clipped] = pixels[clipped]
    out = Frame(made, frame.flags, frame.warp, frame.notes)
    light.note(out, "denoise", sigma=_rounded(noise.sigma(float(pixels.mean()) / gain) * gain),
               averaged=_rounded(float((1 / share).mean())))  # fmt: skip
    return out


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")


def _measure_one(frame: Frame) -> Mapping[str, Any]:
    """The noise that the frame's own flattest blocks show."""
    found = fit([_alone(frame)], alone=True)
    return found.as_json() if found else {}


STAGE = Stage(
    name="denoise",
    version=1,
    params=Denoise,
    apply=apply,
    gives=gives,
    radius=lambda params: params.frames if params.strength else 0,
    measure=measure,
    pinned=("shot", "read", "shape"),
    order=42,
)
