"""Deblur: what moved while the shutter was open, put back as far as the pictures allow.

`measure` looks at the whole camera: how far the picture moves from frame to frame, place by
place; how long the shutter must have been open for what is smeared; and where restoring does
good. A label's exposure is believed only when the pictures do not contradict it. Frames are
left alone where nothing moves, nothing is smeared, or a restored one would be worse.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from descent.clip import Clip
from descent.model import Format, Frame, Stage
from descent.restore import exposure, guard, light, network
from descent.restore.accumulate import accumulate
from descent.restore.blind import estimate_kernel
from descent.restore.deblur_params import LONGEST_PX, Deblur, gives
from descent.restore.deconvolve import deconvolve, noise_of
from descent.restore.gathered import gather
from descent.restore.motion import GRID, View, agreed, link, rate, view_of
from descent.restore.places import BLIND_ERROR, kernels_in, laid_out, listed
from descent.restore.unblur import (
    MODEL_ERROR,
    MOST_PX,
    counts,
    judged,
    kernels_of,
    recolour,
    unblur,
)
from descent.restore.window import neighbours, plane_of, seen

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["STAGE", "Deblur", "accumulate", "deconvolve", "estimate_kernel"]

_SURE = 30.0  # evidence for a blur, over none, that is no accident
_APART = 0.25  # share by which a label's exposure may differ from what the pictures tell
_NEAR = 4  # frames either side that have a say in a frame's exposure
_OPEN = 0.95  # of the time from frame to frame that a shutter can be open
_LABEL_REACH = 2.5  # times a label's exposure that is tried
_LEAST_PX = 1.5  # of smear that can be told from none


def measure(
    clip: Clip, params: Deblur, progress: Callable[[int, int], None] | None = None
) -> dict[str, Any]:
    """The smear, noise and shares of each frame, and what became of a label's exposure.

    `smears[i]` are 6 x 8 x 2 px (right, down; row by row) or None where nothing is done,
    `shares[i]` how much of each tile is restored, `noise[i]` of full scale, `maps[i]` the
    matrix (row by row) from frame i to the next or None, `kernels[i]` those of the tiles where
    they were found blind. Looks at each frame twice: motion first, then what restoring would
    do; blind or with a network once.
    """
    count = len(clip)
    passes = 2 if params.method == "motion" else 1
    done = [0]

    def step() -> None:
        done[0] += 1
        if progress:
            progress(done[0], passes * count)

    noises = [0.0] * count
    if params.method == "network":
        return network.looked(clip, params, step)
    if params.method == "blind":
        return _blind(clip, params, noises, step)
    if params.method == "burst":  # each frame and its neighbours tell all there is to know
        lists: dict[str, Any] = {k: [None] * count for k in STAGE.per_frame}
        return {"exposure": "not asked for", **lists}
    maps: list[list[float] | None] = [None] * count
    found: dict[str, Any]
    if params.method == "known":
        assert params.smear is not None
        flat = np.broadcast_to(np.asarray(params.smear, np.float64), (*GRID, 2))
        smears: list[NDArray[np.float64] | None] = [flat] * count
        found = {"exposure": "not asked for"}
    else:
        rates, told, longest = _motion(clip, params, noises, maps, step)
        smears, found = _exposed(rates, told, longest, params, clip.breaks)
    # A smear that somebody told is taken as long as it is.
    most = LONGEST_PX if params.method == "known" else MOST_PX
    shares: list[NDArray[np.float64] | None] = [None] * count
    wanted = [i for i in range(count) if smears[i] is not None]
    for i, frame in zip(wanted, clip.pull(wanted), strict=True):
        smear = smears[i]
        if frame is not None and smear is not None:
            y, known = plane_of(frame, clip.format)
            noises[i] = noise_of(y)
            shares[i] = judged(y, known, kernels_of(smear, y.shape, most), noises[i])
        step()
    shares = guard.steady(shares, clip.breaks)
    return found | _told(smears, shares, noises) | {"maps": maps, "kernels": [None] * count}


def _blind(
    clip: Clip, params: Deblur, noises: list[float], step: Callable[[], None]
) -> dict[str, Any]:
    """What `measure` gives for kernels found in each frame alone."""
    count = len(clip)
    shares: list[NDArray[np.float64] | None] = [None] * count
    kernels: list[list[list[float] | None] | None] = [None] * count
    for i, frame in enumerate(clip.pull(range(count))):
        if frame is not None:
            y, known = plane_of(frame, clip.format)
            noises[i], found = noise_of(y), kernels_in(y, params.size)
            shares[i] = judged(y, known, found, noises[i], BLIND_ERROR)
            kernels[i] = listed(found)
        step()
    shares = guard.steady(shares, clip.breaks)
    none: list[NDArray[np.float64] | None] = [None] * count
    told = _told([None if k is None else np.zeros((*GRID, 2)) for k in kernels], shares, noises)
    del told["median_smear_px"]
    kept = [k if s is not None else None for k, s in zip(kernels, told["shares"], strict=True)]
    return {"exposure": "not asked for"} | told | {"smears": none, "maps": none, "kernels": kept}


def _motion(
    clip: Clip,
    params: Deblur,
    noises: list[float],
    maps: list[list[float] | None],
    step: Callable[[], None],
) -> tuple[list[Any], list[Any], float]:
    """The motion of each frame in px/s, the evidence for each exposure, and the longest."""
    count = len(clip)
    gaps = [
        float(clip.times[i + 1] - clip.times[i])
        for i in range(count - 1)
        if i + 1 not in clip.breaks and clip.times[i + 1] > clip.times[i]
    ]
    longest = _OPEN * min(gaps) if gaps else 1.0
    if params.exposure_s is not None:
        longest = min(longest, _LABEL_REACH * params.exposure_s)
    rates: list[NDArray[np.float64] | None] = [None] * count
    told: list[NDArray[np.float64] | None] = [None] * count
    before: tuple[int, View, Any, Any, NDArray[np.float64] | None] | None = None

    def settle(on: NDArray[np.float64] | None) -> None:
        if before is None:
            return
        i, _, y, known, back = before
        rates[i] = found = rate(back, on)
        if found is not None:
            told[i] = exposure.evidence(y, found, longest, noises[i], known < 1)

    for j, frame in enumerate(clip.pull(range(count))):
        if frame is not None:
            y, known = plane_of(frame, clip.format)
            noises[j], view = noise_of(y), view_of(y)
            on = back = there = None
            if before is not None and before[0] == j - 1 and j not in clip.breaks:
                gap = float(clip.times[j] - clip.times[j - 1])
                there, here = link(before[1], view), link(view, before[1])
                if there is not None and here is not None and gap > 0:
                    on = agreed(there.moved, here.moved) / gap
                    back = -agreed(here.moved, there.moved) / gap
                    maps[j - 1] = [float(f"{v:.8g}") for v in there.matrix.ravel()]
            settle(on)
            before = (j, view, y, known, back)
        step()
    settle(None)
    return rates, told, longest


def _exposed(
    rates: Sequence[NDArray[np.float64] | None],
    told: Sequence[NDArray[np.float64] | None],
    longest: float,
    params: Deblur,
    breaks: frozenset[int],
) -> tuple[list[NDArray[np.float64] | None], dict[str, Any]]:
    """The smear of each frame, and in words where its exposure comes from."""
    every = [t for t in told if t is not None]
    if not every:
        text = "nothing moves, or nothing shows that it does: the frames are left alone"
        return [None] * len(rates), {"exposure": text, "exposure_s": None}
    label = params.exposure_s
    overall, sure = exposure.best(np.sum(every, axis=0))
    lengths = [_length(r) * overall * longest for r in rates if r is not None]
    blurred = sure >= _SURE and float(np.median(lengths)) >= _LEAST_PX
    text = f"the pictures tell: {overall * longest:.6g} s" if blurred else "no blur shows"
    if label is not None:
        share = label / longest
        at_label = float(np.interp(share, np.linspace(0, 1, exposure.STEPS + 1), np.sum(every, 0)))
        worse = float(np.sum(every, axis=0).max()) - at_label
        fits = share <= 1 and (worse < _SURE or (blurred and abs(overall / share - 1) <= _APART))
        if fits and blurred:
            smears = [None if r is None else r * label for r in rates]
            return smears, {
                "exposure": f"the label's {label:g} s, which the pictures bear out",
                "exposure_s": label,
                "contradicted": False,
            }
        told_s = f"{overall * longest:.6g} s" if blurred else "no blur at all"
        text = f"the label says {label:g} s, the pictures show {told_s}: they are believed"
    smears: list[NDArray[np.float64] | None] = []  # type: ignore[no-redef]
    exposures = []
    for own, near in zip(rates, exposure.together(told, _NEAR, breaks), strict=True):
        share, explains = exposure.best(near) if near is not None else (0.0, 0.0)
        smear = None if own is None else own * share * longest
        good = smear is not None and explains >= _SURE and _length(smear) >= _LEAST_PX
        smears.append(smear if good else None)
        if good:
            exposures.append(share * longest)
    middle = float(np.median(exposures)) if exposures else 0.0
    return smears, {
        "exposure": text, "exposure_s": round(middle, 8), "contradicted": label is not None,
    }  # fmt: skip


def _length(smear: NDArray[np.float64]) -> float:
    """How long a smear is where it is long: its upper quartile, px."""
    return float(np.percentile(np.hypot(*np.moveaxis(smear, -1, 0)), 75))


def _told(
    smears: Sequence[NDArray[np.float64] | None],
    shares: Sequence[NDArray[np.float64] | None],
    noises: Sequence[float],
) -> dict[str, Any]:
    """The lists of a value a frame as plain numbers, and how many frames are restored."""
    rows: list[list[float] | None] = []
    takes: list[list[float] | None] = []
    lengths = []
    for smear, share in zip(smears, shares, strict=True):
        if smear is None or share is None or not share.any():
            rows.append(None)
            takes.append(None)
            continue
        rows.append([round(float(v), 3) for v in smear.ravel()])
        takes.append([round(float(v), 3) for v in share.ravel()])
        lengths.append(float(np.median(np.hypot(*np.moveaxis(smear, -1, 0)))))
    restored = len(lengths)
    return {
        "smears": rows,
        "shares": takes,
        "noise": [round(float(v), 6) for v in noises],
        "restored": restored,
        "kept": len(rows) - restored,
        "share": round(float(np.mean([np.mean(t) for t in takes if t is not None])), 3)
        if restored
        else 0.0,
        "median_smear_px": round(float(np.median(lengths)), 3) if lengths else 0.0,
    }


def apply(
    frames: list[Frame],
    centre: int,
    params: Deblur,
    measured: Mapping[str, Any] | None,
    index: int,
    format: Format,
) -> Frame:
    """The frame unblurred where that does good; otherwise as it was, to the bit."""
    frame = light.linear_frame(frames[centre], format)
    after = light.linear_format(format, stage="deblur")
    if params.method == "network":
        known = measured["shares"][index] if measured else network.alone(frame, params, after)
        return network.restored(frame, params, known, after)
    if params.method == "burst":
        return _gathered(frame, frames, centre, params, format)
    if not measured:
        measured, index = _alone(frames, params, format), centre
    smear, share = measured["smears"][index], measured["shares"][index]
    blind = measured["kernels"][index]
    if (smear is None and blind is None) or share is None or params.strength == 0:
        light.note(frame, "deblur", restored=False)
        return frame
    assert isinstance(frame.pixels, np.ndarray)
    pixels = frame.pixels
    y, known = seen(frames[centre], format)
    take = np.asarray(share, np.float64).reshape(counts(y.shape[:2])) * params.strength
    noise, told = float(measured["noise"][index]), {}
    if blind is not None:
        kernels, sigma = laid_out(blind), float(np.hypot(noise, BLIND_ERROR))
        beside = []
    else:
        grid = np.asarray(smear, np.float64).reshape(*GRID, 2)
        kernels = kernels_of(grid, (y.shape[0], y.shape[1]), LONGEST_PX)
        sigma = float(np.hypot(noise, MODEL_ERROR))
        beside = neighbours(frames, centre, params.frames, measured, index, format)
        told = {"smear_px": round(float(np.median(np.hypot(*np.moveaxis(grid, -1, 0)))), 2)}
    bright = unblur(y, known, kernels, sigma, take, beside)
    made = np.clip(bright, 0, 1) if pixels.ndim == 2 else recolour(pixels, y, bright)
    out = Frame(made, frame.flags, frame.warp, frame.notes)
    light.note(
        out, "deblur", restored=True, share=round(float(take.mean()), 3),
        neighbours=len(beside), **told,
    )  # fmt: skip
    return out


def _gathered(
    frame: Frame, frames: Sequence[Frame], centre: int, params: Deblur, format: Format
) -> Frame:
    """The frame with what its neighbours show sharper; what clipped stays as it was."""
    y, known = seen(frames[centre], format)
    pictures = [np.asarray(light.linear_frame(f, format).pixels, np.float32) for f in frames]
    found = gather(pictures, centre, noise_of(y))
    if not found.share or not params.strength:
        light.note(frame, "deblur", restored=False)
        return frame
    before = pictures[centre]
    made = before + np.float32(params.strength) * (found.pixels - before)
    made[known < 1] = before[known < 1]
    out = Frame(made, frame.flags, frame.warp, frame.notes)
    light.note(
        out, "deblur", restored=True, share=round(found.share * params.strength, 3),
        neighbours=round(found.neighbours, 1),
    )  # fmt: skip
    return out


def _alone(frames: list[Frame], params: Deblur, format: Format) -> dict[str, Any]:
    """What the frame and its neighbours tell where nobody measured the whole camera."""

    def pull(indices: Iterable[int | None]) -> Iterator[Frame | None]:
        return (None if k is None else frames[k] for k in indices)

    times = [Fraction(k) for k in range(len(frames))]
    # The label's exposure is in seconds, which are not known here.
    told = params.model_copy(update={"exposure_s": None})
    return measure(Clip(times, format, lambda _: frozenset(), pull), told)


def _reach(params: Deblur) -> int:
    if params.method == "burst":
        return params.frames
    return max(1, params.frames) if params.method == "motion" else 0


STAGE = Stage(
    name="deblur",
    version=4,
    params=Deblur,
    apply=apply,
    gives=gives,
    radius=_reach,
    measure=measure,
    per_frame=("smears", "shares", "noise", "maps", "kernels"),
    timed=True,
    order=45,
)
