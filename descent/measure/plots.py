"""A tie as a picture: what is left over time, and how alike two motions are at every offset."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from descent.clock.fit import ClockFit
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


def draw(found: Synced, folder: Path) -> list[Path]:
    """A PNG for each pair tied by motion, in `folder`; their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for tie in found.joint.kept:
        if tie.kind != "motion":
            continue
        path = folder / f"{tie.a}-{tie.b}.png"
        seen = look(found.turned[tie.a], found.turned[tie.b], tie.fit)
        with atomic(path) as temporary:
            picture(tie, seen).save(temporary, "PNG")
        made.append(path)
    return made


def picture(tie: Tie, seen: Look) -> Any:
    """The two charts of a tie, as a Pillow image."""
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
    _residuals(pen, (LEFT, 110, WIDE - RIGHT, 300), seen, fit)
    _agreement(pen, (LEFT, 400, WIDE - RIGHT, 580), seen)
    return image


def _residuals(pen: ImageDraw, box: Box, seen: Look, fit: ClockFit) -> None:
    _write(pen, (box[0], box[1] - 28), "What is left between the two motions, mrad a frame", 18)
    errors = seen.errors * 1000
    top = max(4 * float(np.percentile(np.abs(errors[seen.used]), 98)), 0.05)
    start = float(seen.times[0])
    span = max(float(seen.times[-1]) - start, 1e-3)
    _frame(pen, box, (start, start + span), (-top, top), "s")
    for at, _ in fit.steps:
        x = _across(box, (at - start) / span)
        pen.line([(x, box[1]), (x, box[3])], fill=INK, width=2)
        _write(pen, (x + 4, box[1] + 2), "step", 15, INK)
    names = (*zip(COLOURS, AXES, strict=True), (FAINT, "set aside"))
    for k, (colour, name) in enumerate(names):
        left, middle = box[2] - 360 + 90 * k, box[1] - 16
        pen.ellipse([left - 12, middle - 4, left - 4, middle + 4], fill=colour)
        _write(pen, (left, middle - 10), name, 15, PALE)
    for k in range(3):
        for t, error, used in zip(seen.times, errors[:, k], seen.used, strict=True):
            x = _across(box, (float(t) - start) / span)
            y = _down(box, (float(np.clip(error, -top, top)) + top) / (2 * top))
            pen.ellipse([x - 2, y - 2, x + 2, y + 2], fill=COLOURS[k] if used else FAINT)


def _agreement(pen: ImageDraw, box: Box, seen: Look) -> None:
    _write(pen, (box[0], box[1] - 28), "Agreement at every offset of the two clocks", 18)
    reach = max(3.0, 2.5 * abs(seen.rival_s - seen.best_s))
    near = np.abs(seen.lags - seen.best_s) <= reach
    lags, values = seen.lags[near], seen.agreement[near]
    low, high = float(lags[0]), float(lags[-1])
    floor = min(-0.2, float(values.min()))
    _frame(pen, box, (low, high), (floor, 1.05), "s")
    points = [
        (_across(box, (float(t) - low) / (high - low)),
         _down(box, (float(v) - floor) / (1.05 - floor)))
        for t, v in zip(lags, values, strict=True)
    ]  # fmt: skip
    pen.line(points, fill=COLOURS[1], width=2)
    for lag, word, colour in (
        (seen.best_s, "best", COLOURS[0]), (seen.rival_s, "next best", PALE),
    ):  # fmt: skip
        value = float(np.interp(lag, lags, values))
        x = _across(box, (lag - low) / (high - low))
        y = _down(box, (value - floor) / (1.05 - floor))
        pen.ellipse([x - 5, y - 5, x + 5, y + 5], outline=colour, width=3)
        _write(pen, (x + 10, y - 12), f"{word} {value:.2f} at {lag:+.3f} s", 16, colour)


def _frame(
    pen: ImageDraw, box: Box, across: tuple[float, float], up: tuple[float, float], unit: str
) -> None:
    pen.rectangle(box, outline=FAINT, width=1)
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        x, y = _across(box, share), _down(box, share)
        pen.line([(x, box[3]), (x, box[3] + 6)], fill=PALE)
        pen.line([(box[0], y), (box[2], y)], fill=FAINT)
        value = across[0] + share * (across[1] - across[0])
        _write(pen, (x - 24, box[3] + 8), f"{value:.2f} {unit}", 15, PALE)
        _write(pen, (box[0] - 62, y - 9), f"{up[0] + share * (up[1] - up[0]):+.2f}", 15, PALE)


def _across(box: Box, share: float) -> float:
    return box[0] + share * (box[2] - box[0])


def _down(box: Box, share: float) -> float:
    return box[3] - share * (box[3] - box[1])


def _write(
    pen: ImageDraw, at: tuple[float, float], text: str, px: int, fill: str = INK,
    weight: Any = "Regular",
) -> None:  # fmt: skip
    pen.text(at, text, font=face(weight, px), fill=fill)
