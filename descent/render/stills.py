"""Stills: one frame at full resolution straight from the restored light, or several composed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from descent.clock.doors import digits_for, tai_to_utc
from descent.compose.canvas import Composer, TileInput
from descent.compose.fit import REASONS, axes, fit_planes, flag_shares
from descent.compose.geometry import Rect, Tile, Window
from descent.compose.instruments import Instruments, Texts, magnified
from descent.compose.warp import warp_linear
from descent.errors import EncodeError
from descent.model import Format, Frame, OutputResult, Planes
from descent.plan import OutputPlan, Plan
from descent.render.scene import open_camera
from descent.render.tasks import Cast, camera_slice, with_reach
from descent.render.words import MAGNIFIED
from descent.restore.light import as_linear
from descent.sources.stills import read_still
from descent.tools.colour import (
    grey_to_planes,
    linear_to_rgb,
    planes_to_rgb,
    rgb_to_planes,
)
from descent.tools.files import atomic, sha256
from descent.tools.pictures import Label, kind_of, pixel_digest, save
from descent.tools.resample import resample_linear

Shares = Mapping[str, Mapping[str, float]]
TOLD_S = Fraction(1, 20)  # a frame this far from the still's moment is marked


def still(plan: Plan, output: OutputPlan, cast: Mapping[str, Cast], path: Path) -> OutputResult:
    """Make the still of a plan as the file `path`, whose suffix says the format.

    One camera at its own size is written as it comes out of its stages, sRGB of 8 bits, or
    16 in a TIFF; without stages, what was decoded, sample by sample. Several cameras, or
    another size, are composed at 10 bits without subsampled colour, with the words that the
    output asks for. Title, caption, credit, alternative text and the time of exposure lie
    in the file. It is read back before it gets its name. Raises what reading a frame raises.
    """
    kind = kind_of(path)
    deep = kind == "tiff"
    if alone(plan, output):
        pixels, shares = _alone(output, cast, deep)
    else:
        pixels, shares = _composed(plan, output, cast, deep)
    with atomic(path) as temporary:
        save(temporary, pixels, kind, label_of(plan, output))
        back = read_still(temporary, where=str(path)).pixels
        same = back.shape == pixels.shape and back.dtype == pixels.dtype
        if not same or (kind != "jpeg" and not np.array_equal(back, pixels)):
            raise EncodeError("does not read back as it was written", where=str(path))
        record = {
            "version": "still.1",
            "rows": pixels.shape[0],
            "cols": pixels.shape[1],
            "format": kind,
            "bits": 16 if pixels.dtype == np.uint16 else 8,
            "bytes": temporary.stat().st_size,
            "sha256": sha256(temporary),
            "picture_hash": pixel_digest(back),
        }
    return OutputResult(output.name, path.name, record, (shares,))


def alone(plan: Plan, output: OutputPlan) -> bool:
    """Whether a still is one camera's frame at its own size, with nothing drawn on it."""
    assert output.still is not None
    tiles = output.still.layout.tiles
    own = plan.cameras[tiles[0].camera].format
    return len(tiles) == 1 and (own.rows, own.cols) == (output.rows, output.cols)


def pulled(cast: Cast, index: int, until: str | None = None) -> tuple[Frame, Format]:
    """Frame `index` of a camera after the stage `until` (None: all), and its format.

    Its pixels are an array, also where no stage runs.
    """
    frames = with_reach({index}, cast.reach, len(cast.plan.shots))
    until = until or (cast.plan.stages[-1].name if cast.plan.stages else "source")
    clip = open_camera(cast.plan.name, camera_slice(cast, frames), until=until)
    frame = next(clip.pull([frames.index(index)]))
    assert frame is not None
    return frame, clip.format


def shown(
    frame: Frame, made: Format, *, deep: bool = False, curve: Literal["srgb", "bt709"] = "srgb"
) -> NDArray[Any]:
    """A frame as sRGB for looking at: uint8, or uint16 with `deep`; (rows, cols[, 3]).

    Linear light goes through `curve`; gamma-coded samples stay what they are. A
    mosaic of counts is shown as it is, grey, its full scale made white.
    """
    pixels = frame.pixels
    assert not isinstance(pixels, Planes)
    if frame.warp is not None and pixels.dtype == np.float32:
        rows, cols = pixels.shape[:2]
        tile = Tile("", Rect(0, 0, rows, cols), Window(0, 0, rows, cols), 1.0)
        pixels, _ = warp_linear(pixels, frame.warp, tile)
    if pixels.dtype != np.float32:
        if made.kind == "mosaic":
            return _scaled(pixels, int(made.white), 65535 if deep else 255)
        if made.transfer == "bt709":
            return _scaled(
                pixels, 255 if pixels.dtype == np.uint8 else 65535, 65535 if deep else 255
            )
        pixels = as_linear(pixels, made)
    return linear_to_rgb(pixels, curve, 16 if deep else 8)


def own_shares(frame: Frame) -> dict[str, float]:
    """The shares of a frame's own pixels, 0 to 1, by reason; those that are not 0."""
    if frame.flags is None:
        return {}
    counts = {reason: np.count_nonzero(frame.flags & bit) for bit, reason in REASONS.items()}
    return {r: round(int(n) / frame.flags.size, 6) for r, n in counts.items() if n}


def _scaled(pixels: NDArray[Any], white: int, full: int) -> NDArray[Any]:
    """Samples of full scale `white` as ones of `full`: exact upwards, rounded downwards."""
    kind = np.uint16 if full == 65535 else np.uint8
    if white == full and pixels.dtype == kind:
        return pixels
    wide = (np.minimum(pixels, white).astype(np.int64) * full + white // 2) // white
    return np.asarray(wide, kind)


def _alone(
    output: OutputPlan, cast: Mapping[str, Cast], deep: bool
) -> tuple[NDArray[Any], dict[str, dict[str, float]]]:
    assert output.still is not None
    (name,) = (tile.camera for tile in output.still.layout.tiles)
    frame, made = pulled(cast[name], output.still.frames[name])
    return shown(frame, made, deep=deep), {name: own_shares(frame)}


def _composed(
    plan: Plan, output: OutputPlan, cast: Mapping[str, Cast], deep: bool
) -> tuple[NDArray[Any], dict[str, dict[str, float]]]:
    assert output.still is not None
    layout = output.still.layout
    inputs, shares, tiles = {}, {}, []
    for tile in layout.tiles:
        frame, made = pulled(cast[tile.camera], output.still.frames[tile.camera])
        planes = _fitted(frame, made, tile)
        inputs[tile.camera] = TileInput(tile.camera, planes)
        found = flag_shares(frame, tile)
        shares[tile.camera] = {reason: round(float(share), 6) for reason, share in found.items()}
        rows, cols = planes.y.shape
        # Fitted already: on the canvas it is a copy.
        tiles.append(replace(tile, window=Window(0, 0, rows, cols), magnification=1.0))
    canvas = layout._replace(tiles=tuple(tiles))
    credit = output.credit if output.text["credit"] else ""
    titles = {t.camera: plan.cameras[t.camera].title for t in tiles if output.text["titles"]}
    at = output.still.at
    clocks = [plan.clocks.show(at, face) for face in output.text["clock"] if at is not None]
    clock = "  ·  ".join(clocks)
    words = Instruments(canvas, Texts(titles, clock=clock, credit=credit)).words(
        clock=clock, marks=_marks(plan, output) if output.text["marks"] else {}
    )
    picture = Composer(canvas, "444", 10).picture(inputs, words)
    if not deep:
        return planes_to_rgb(picture), shares
    # 10 bits hold 876 steps between black and white; what lies between is not known.
    return planes_to_rgb(picture, depth=10), shares


def _fitted(frame: Frame, made: Format, tile: Tile) -> Planes:
    """A frame at its tile's size, sRGB in 4:4:4 planes of 10 bits; light is resampled as light."""
    pixels = frame.pixels
    assert not isinstance(pixels, Planes)
    if pixels.dtype != np.float32 and made.transfer != "bt709":
        pixels = as_linear(pixels, made)
    if pixels.dtype == np.float32:
        if frame.warp is not None:
            light, _ = warp_linear(pixels, frame.warp, tile)
        else:
            light = resample_linear(pixels, *axes(tile))
        return _planes(linear_to_rgb(light, "srgb", 16))
    return fit_planes(_planes(pixels), tile, "444", 10)


def _planes(rgb: NDArray[Any]) -> Planes:
    to_planes = rgb_to_planes if rgb.ndim == 3 else grey_to_planes
    return to_planes(rgb, chroma="444", depth=10)


def _marks(plan: Plan, output: OutputPlan) -> dict[str, list[str]]:
    """What a viewer should know of each picture: how far magnified, how far from the moment."""
    assert output.still is not None
    found: dict[str, list[str]] = {}
    for tile in output.still.layout.tiles:
        said = []
        times = plan.cameras[tile.camera].track.times
        if output.still.at is not None and times:
            off = times[output.still.frames[tile.camera]] - output.still.at
            if abs(off) >= TOLD_S:
                said.append(f"{float(abs(off)):.1f} s {'later' if off > 0 else 'earlier'}")
        if tile.magnification > MAGNIFIED:
            said.append(magnified(tile.magnification))
        if said:
            found[tile.camera] = said
    return found


def label_of(plan: Plan, output: OutputPlan) -> Label:
    """What a still says of itself: the output's words, and when and from what it was taken."""
    assert output.still is not None
    shown = [plan.cameras[name] for name in output.cameras]
    first = shown[0]
    time = output.still.at
    if len(shown) == 1 and first.track.times:
        time = first.track.times[output.still.frames[first.name]]
    date = ""
    if time is not None and plan.clocks.epoch.tai_s is not None:
        digits = digits_for(first.track.resolution_s, 6)
        date = tai_to_utc(plan.clocks.epoch.tai(time), digits)
    return Label(
        title=output.title,
        caption=output.caption or "",
        alt=output.alt or "",
        credit=output.credit,
        creators=tuple(dict.fromkeys(c.credit for c in shown if c.credit)),
        rights=plan.credit.get("licence") or "",
        date=date,
        sources=tuple(c.shots[output.still.frames[c.name]].path.name for c in shown),
    )
