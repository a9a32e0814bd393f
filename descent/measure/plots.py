"""A tie as a picture: what is left over time, and how well every offset of the clocks fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from descent.clock import faces_look
from descent.clock.faces import MUTUAL
from descent.clock.fit import ClockFit
from descent.clock.hearing import Hearing, listen
from descent.clock.joint import Tie
from descent.clock.motion import Look, look
from descent.compose.type import face
from descent.tools.files import atomic

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

    from descent.measure.sync import Synced

WIDE, HIGH, LEFT, RIGHT = 1200, 640, 96, 28
GROUND, INK, PALE, FAINT = "#fbfaf8", "#2b2622", "#6d655d", "#ded8d0"
COLOURS = ("#b3541e", "#1e6fb3", "#5a8a34")
AXES = ("right", "down", "forward")

Box = tuple[int, int, int, int]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Left:
    """What is left over: `errors` (n, k) at `times` (n,) s of b, `used` (n,); `names` are k."""

    title: str
    times: Floats
    errors: Floats
    used: NDArray[np.bool_]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Curve:
    """How well every offset fits: `values` (m,) at `lags` (m,) s, and places worth a word."""

    title: str
    lags: Floats
    values: Floats
    places: tuple[tuple[float, str], ...]
    digits: int = 2
    low: float | None = None
    high: float | None = None


def draw(found: Synced, folder: Path) -> list[Path]:
    """A PNG for each pair tied by motion or by sound, in `folder`; their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    made: list[Path] = []
    for tie in found.joint.kept:
        if tie.kind == "motion":
            image = picture(tie, look(found.turned[tie.a], found.turned[tie.b], tie.fit))
        elif tie.kind == MUTUAL:
            a, b = found.bodies[tie.a], found.bodies[tie.b]
            image = picture_mutual(tie, faces_look.look(a, b, tie.fit))
        elif tie.kind == "sound":
            one, other = found.heard[tie.a].heard, found.heard[tie.b].heard
            image = picture_sound(tie, listen(one, other))
        else:
            continue
        path = folder / f"{tie.a}-{tie.b}.png"
        if path in made:
            path = folder / f"{tie.a}-{tie.b}-{tie.kind.split()[0]}.png"
        with atomic(path) as temporary:
            image.save(temporary, "PNG")
        made.append(path)
    return made


def picture(tie: Tie, seen: Look) -> Any:
    """The two charts of a tie by shared motion, as a Pillow image."""
    left = Left(
        "What is left between the two motions, mrad a frame", seen.times, seen.errors * 1000,
        seen.used, AXES,
    )  # fmt: skip
    title = "Agreement at every offset of the two clocks"
    return _page(tie, left, (_offsets(title, seen, seen.agreement, 3.0, high=1.05),))


def picture_mutual(tie: Tie, seen: faces_look.Look) -> Any:
    """The two charts of a tie by mutual motion, as a Pillow image."""
    left = Left(
        "How far the other's body is from where that one's view puts it, mrad", seen.times,
        seen.errors * 1000, seen.used, AXES,
    )  # fmt: skip
    title = "Evidence at every offset of the two clocks"
    return _page(tie, left, (_offsets(title, seen, seen.evidence, 6.0, digits=0, low=0.0),))


def _offsets(
    title: str, seen: Look | faces_look.Look, values: Floats, least_s: float, **scale: Any
) -> Curve:
    """`values` at the offsets around the best: `least_s` either side, or past the next best."""
    reach = max(least_s, 2.5 * abs(seen.rival_s - seen.best_s))
    near = np.abs(seen.lags - seen.best_s) <= reach
    places = ((seen.best_s, "best"), (seen.rival_s, "next best"))
    return Curve(title, seen.lags[near], values[near], places, **scale)


def picture_sound(tie: Tie, seen: Hearing) -> Any:
    """The three charts of a tie by sound, as a Pillow image."""
    told = seen.told
    left = Left(
        "What each two seconds of sound are off by, ms", told.times, told.off_s[:, None] * 1000,
        told.used, ("used",),
    )  # fmt: skip
    onsets, best = seen.onsets, seen.best
    lag_s = best.lag_s
    around = (onsets.offsets[1].lag_s, "next best") if len(onsets.offsets) > 1 else None
    first = onsets.offsets[0]
    if abs(first.lag_s - lag_s) > 0.1:
        around = first.lag_s, "next best"
    begins = ((lag_s, "best"), *((around,) if around else ()))
    near = ((lag_s, "best"), (seen.echo_s, "next best"))
    return _page(
        tie, left,
        (
            Curve("Sounds beginning together, sigmas", onsets.lags, onsets.score, begins, 1),
            Curve("Waves near the best, sigmas", best.lags, best.curve, near, 1),
        ),
    )  # fmt: skip


def _page(tie: Tie, left: Left, curves: Sequence[Curve]) -> Any:
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (WIDE, HIGH), GROUND)
    pen = ImageDraw.Draw(image)
    fit: ClockFit = tie.fit
    _write(pen, (LEFT, 14), f"{tie.b} on the clock of {tie.a}", 24, INK, "Semibold")
    said = (
        f"offset {fit.offset:+.4f} s, drift {fit.drift * 1e6:+.1f} ppm, "
        f"±{fit.interval * 1000:.2f} ms, margin {fit.margin:.1f}"
    )
    _write(pen, (LEFT, 44), said, 18, PALE)
    _residuals(pen, (LEFT, 110, WIDE - RIGHT, 300), left, fit)
    width = (WIDE - RIGHT - LEFT - (len(curves) - 1) * LEFT) // len(curves)
    for k, curve in enumerate(curves):
        x = LEFT + k * (width + LEFT)
        _curve(pen, (x, 400, x + width, 580), curve)
    return image


def _residuals(pen: ImageDraw, box: Box, left: Left, fit: ClockFit) -> None:
    _write(pen, (box[0], box[1] - 28), left.title, 18)
    top = max(4 * float(np.percentile(np.abs(left.errors[left.used]), 98)), 0.05)
    start = float(left.times[0])
    span = max(float(left.times[-1]) - start, 1e-3)
    _frame(pen, box, (start, start + span), (-top, top), 2)
    for at, _ in fit.steps:
        x = _across(box, (at - start) / span)
        pen.line([(x, box[1]), (x, box[3])], fill=INK, width=2)
        _write(pen, (x + 4, box[1] + 2), "step", 15, INK)
    names = (*zip(COLOURS, left.names, strict=False), (FAINT, "set aside"))
    for k, (colour, name) in enumerate(names):
        at, middle = box[2] - 90 * (len(names) - k), box[1] - 16
        pen.ellipse([at - 12, middle - 4, at - 4, middle + 4], fill=colour)
        _write(pen, (at, middle - 10), name, 15, PALE)
    for k in range(left.errors.shape[1]):
        for t, error, used in zip(left.times, left.errors[:, k], left.used, strict=True):
            x = _across(box, (float(t) - start) / span)
            y = _down(box, (float(np.clip(error, -top, top)) + top) / (2 * top))
            pen.ellipse([x - 2, y - 2, x + 2, y + 2], fill=COLOURS[k] if used else FAINT)


def _curve(pen: ImageDraw, box: Box, curve: Curve) -> None:
    _write(pen, (box[0], box[1] - 28), curve.title, 18)
    lags, values = curve.lags, curve.values
    low, high = float(lags[0]), float(lags[-1])
    floor = min(-0.2, float(values.min())) if curve.low is None else curve.low
    top = 1.1 * float(values.max()) if curve.high is None else curve.high
    across = 3 if high - low < 1 else 2
    _frame(pen, box, (low, high), (floor, top), across, curve.digits)
    # Of many values in one column of pixels the largest is drawn, so that no peak is lost.
    column = ((lags - low) / max(high - low, 1e-9) * (box[2] - box[0])).astype(int)
    begins = np.nonzero(np.diff(column, prepend=-1))[0]
    tallest = np.maximum.reduceat(values, begins)
    points = [
        (float(box[0] + column[k]), _down(box, (float(v) - floor) / (top - floor)))
        for k, v in zip(begins, tallest, strict=True)
    ]
    pen.line(points, fill=COLOURS[1], width=2)
    for (lag, word), colour in zip(curve.places, (COLOURS[0], PALE), strict=False):
        near = np.abs(lags - lag) <= np.median(np.diff(lags))
        value = float(values[near].max()) if near.any() else float(np.interp(lag, lags, values))
        x = _across(box, (lag - low) / (high - low))
        y = _down(box, (value - floor) / (top - floor))
        pen.ellipse([x - 5, y - 5, x + 5, y + 5], outline=colour, width=3)
        text = f"{word} {value:.{curve.digits}f} at {lag:+.{across if across > 2 else 3}f} s"
        room = pen.textlength(text, font=face("Regular", 16))
        # At the right end the words stand to the left of their place.
        beside = x + 10 if x + 10 + room <= box[2] else x - 10 - room
        _write(pen, (beside, y - 12), text, 16, colour)


def _frame(
    pen: ImageDraw, box: Box, across: tuple[float, float], up: tuple[float, float],
    places: int, digits: int = 2,
) -> None:  # fmt: skip
    pen.rectangle(box, outline=FAINT, width=1)
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        x, y = _across(box, share), _down(box, share)
        pen.line([(x, box[3]), (x, box[3] + 6)], fill=PALE)
        pen.line([(box[0], y), (box[2], y)], fill=FAINT)
        value = across[0] + share * (across[1] - across[0])
        text = f"{value:.{places}f} s"
        most = WIDE - 4 - pen.textlength(text, font=face("Regular", 15))
        _write(pen, (min(x - 24, most), box[3] + 8), text, 15, PALE)
        level = up[0] + share * (up[1] - up[0])
        _write(pen, (box[0] - 62, y - 9), f"{level:+.{digits}f}", 15, PALE)


def _across(box: Box, share: float) -> float:
    return box[0] + share * (box[2] - box[0])


def _down(box: Box, share: float) -> float:
    return box[3] - share * (box[3] - box[1])


def _write(
    pen: ImageDraw, at: tuple[float, float], text: str, px: int, fill: str = INK,
    weight: Any = "Regular",
) -> None:  # fmt: skip
    pen.text(at, text, font=face(weight, px), fill=fill)
