"""Field: flat field, vignette, dust and lens marks, divided out; real light left alone.

The flat comes from a calibration file, or the frames tell it themselves: what stays in place
while the scene moves is the camera's. Light that depends on the view (the bright spot opposite
the Sun, ground that is brighter towards it) stays in place for a while only: a pattern that
the first and the second half of a film do not agree on is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import cv2
import numpy as np
from pydantic import Field as Described

from descent.clip import Clip
from descent.errors import FormatError
from descent.model import REPAIRED, Format, Frame, Stage
from descent.restore import flatten, light
from descent.restore.deflicker import small
from descent.restore.params import Params
from descent.tools.files import sha256
from descent.tools.register import Features, features, match

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_FRAMES = 120
APART = (1, 2, 4, 8)  # frames between two that are compared
_FEATURES = 700
_SHOWS = 0.01  # log light from end to end below which a pattern is not worth dividing by
_SIGMA = 4.0
_STEADY = 0.4  # of the pattern: how far its two halves may differ
_FLAGGED = 0.03
_MOVES_PX = 8.0
_LEAST_FLAT, _MOST_FLAT = 0.1, 10.0


class Field(Params):
    """What is divided out."""

    FILES = {"flat": ("calibration picture", "a TIFF or a PNG beside the frames")}  # noqa: RUF012

    flat: str | None = Described(
        None,
        description="calibration picture of an even light, as large as the frames: a TIFF or "
        "PNG in the folder of the frames; a mosaic for a mosaic",
    )
    flat_sha256: str | None = Described(
        None, description="what it holds, written by the plan so that a changed one is seen"
    )
    vignette: Literal["auto", "none"] = Described(
        "auto", description="auto: the smooth pattern that stays in place while the scene moves"
    )
    marks: Literal["auto", "none"] = Described(
        "auto", description="auto: dust and scratches that stay in place while the scene moves"
    )


def gives(format: Format, params: Field) -> Format:  # noqa: ARG001 - the stages' one signature
    """Float32 linear light of the same shape."""
    return light.linear_format(format, stage="field")


class _Seen:
    """The small pictures of a clip that are compared, with their features and matches."""

    def __init__(self) -> None:
        self.pictures: list[NDArray[np.float32]] = []
        self.features: list[Features] = []
        self.matches: dict[tuple[int, int], NDArray[np.float64]] = {}

    def add(self, picture: NDArray[np.float32], first: int) -> None:
        """Take in the next picture; `first` is the earliest one it may be compared with."""
        self.pictures.append(picture)
        self.features.append(features(picture, most=_FEATURES))
        j = len(self.pictures) - 1
        for i in (j - d for d in APART if j - d >= first):
            found = match(self.features[i], self.features[j])
            if found is not None:
                self.matches[i, j] = found.matrix


def _picks(count: int, breaks: frozenset[int]) -> list[list[int]]:
    """Runs of frames that are looked at: the whole clip, or runs spread over a long one."""
    reach = max(APART) + 1
    if count <= MOST_FRAMES:
        bounds = sorted({0, count, *(b for b in breaks if 0 < b < count)})
        return [list(range(a, b)) for a, b in pairwise(bounds)]
    starts = np.unique(np.linspace(0, count - reach, MOST_FRAMES // reach).astype(int)).tolist()
    return [list(range(s, s + reach)) for s in starts if not any(s < b < s + reach for b in breaks)]


def measure(
    clip: Clip, params: Field, progress: Callable[[int, int], None] | None = None
) -> dict[str, Any]:
    """The pattern and the marks, from one pass over small pictures."""
    count = len(clip)
    if not count or params.vignette == params.marks == "none":
        return {"pattern": [], "marks": [], "shape": [], "pairs": 0}
    runs = _picks(count, clip.breaks)
    order = [k for run in runs for k in run]
    firsts = {k: len([j for r in runs[:n] for j in r]) for n, run in enumerate(runs) for k in run}
    seen = _Seen()
    flat = _Flat(params, clip.format)
    for done, (k, frame) in enumerate(zip(order, clip.pull(order), strict=True), 1):
        assert frame is not None
        even = light.linear_frame(frame, clip.format)
        even.pixels = flat.divide(even.pixels)
        linear = light.linear_format(clip.format, stage="field")
        seen.add(small(even, linear), firsts[k])
        if progress:
            progress(done, len(order))
    pattern = _pattern(seen) if params.vignette == "auto" else None
    found = _marks(seen) if params.marks == "auto" else []
    shape = seen.pictures[0].shape
    return {
        "pattern": [] if pattern is None else np.round(pattern, 5).tolist(),
        "marks": [mark.as_json() for mark in found],
        "shape": list(shape),
        "pairs": len(seen.matches),
    }


def _pattern(seen: _Seen) -> NDArray[np.float64] | None:
    """The pattern of the whole film, where both halves of it show the same one."""
    pairs = [
        found
        for (i, j), matrix in sorted(seen.matches.items(), key=lambda item: item[0][::-1])
        if (found := flatten.pair(seen.pictures[i], seen.pictures[j], matrix)) is not None
    ]
    whole = flatten.solve(pairs)
    early = flatten.solve(pairs[: len(pairs) // 2])
    late = flatten.solve(pairs[len(pairs) // 2 :])
    if whole is None or early is None or late is None:
        return None
    pattern, error = whole
    apart = early[0] - early[0].mean() - (late[0] - late[0].mean())
    if float(apart.std()) > _STEADY * float(pattern.std()):
        return None
    return pattern if np.ptp(pattern) > max(_SHOWS, _SIGMA * error) else None


def _marks(seen: _Seen) -> list[flatten.Mark]:
    """Marks, from pictures between which the scene moved."""
    moving: list[NDArray[np.float32]] = []
    kept: int | None = None
    corners = np.array([[0.0, 0, 1], [1, 1, 1]])
    for k, picture in enumerate(seen.pictures):
        if kept is not None:
            matrix = seen.matches.get((kept, k))
            if matrix is None:
                # What cannot be laid over the last one shows something else: it has moved.
                if k - kept < max(APART):
                    continue
            else:
                size = np.array([picture.shape[1], picture.shape[0], 1.0])
                moved = corners * size @ matrix.T
                moved = moved[:, :2] / moved[:, 2:] - (corners * size)[:, :2]
                if np.hypot(*moved.T).min() < _MOVES_PX:
                    continue
        moving.append(picture)
        kept = k
    return flatten.marks(moving)


class _Flat:
    """The calibration picture of a camera, as what to multiply by."""

    def __init__(self, params: Field, format: Format) -> None:
        self.gain = None if params.flat is None else _read(params.flat, params.flat_sha256, format)

    def divide(self, pixels: Any) -> NDArray[np.float32]:
        """Pixels with the flat divided out; as they are where there is none."""
        return pixels if self.gain is None else np.asarray(pixels * self.gain, np.float32)


@lru_cache(maxsize=8)
def _read(path: str, digest: str | None, format: Format) -> NDArray[np.float32]:
    """What to multiply frames of that format by, from the calibration picture at `path`.

    `digest` keeps a picture that was replaced apart from the one before.
    """
    if digest is not None and sha256(Path(path)) != digest:
        raise FormatError("changed after it was planned with", where=path, do="run again")
    picture = cv2.imread(path, cv2.IMREAD_UNCHANGED)
    if picture is None:
        raise FormatError("is no picture that can be read", where=path, do="name a TIFF or a PNG")
    if picture.ndim == 3:
        picture = np.ascontiguousarray(picture[..., 2::-1])
    flat = picture.astype(np.float32)
    wanted = (format.rows, format.cols) + ((3,) if format.kind == "rgb" else ())
    if flat.ndim == 2 and format.kind == "rgb":
        flat = np.repeat(flat[..., None], 3, axis=2)
    if flat.shape != wanted:
        raise FormatError(
            f"a flat of {flat.shape[1]} x {flat.shape[0]} for frames of "
            f"{format.cols} x {format.rows} {format.kind}",
            where=path,
            do="hand over one made by the same camera, uncropped and of the same kind",
        )
    # Each colour by itself, so that a tint of the lamp changes no balance.
    step = 2 if format.kind == "mosaic" else 1
    gain = np.empty_like(flat)
    for y in range(step):
        for x in range(step):
            part = flat[y::step, x::step]
            mean = part.mean(axis=(0, 1))
            if not np.isfinite(part).all() or np.min(mean) <= 0:
                raise FormatError("a flat without light", where=path, do="name another picture")
            gain[y::step, x::step] = mean / np.maximum(part, mean / _MOST_FLAT)
    return np.asarray(np.maximum(gain, _LEAST_FLAT), np.float32)


def _log_map(
    measured: Mapping[str, Any], params: Field
) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
    """Log light of the pattern, and of the marks, both at work size; None if none."""
    if not measured.get("shape"):
        return None
    rows, cols = (int(v) for v in measured["shape"])
    smooth, marks = np.zeros((rows, cols), np.float32), np.zeros((rows, cols), np.float32)
    any_of = False
    if params.vignette == "auto" and measured["pattern"]:
        nodes = np.array(measured["pattern"], np.float64)
        y, x = np.mgrid[:rows, :cols]
        places = np.stack([(y.ravel() + 0.5) / rows, (x.ravel() + 0.5) / cols], axis=1)
        smooth += _on_grid(nodes, (rows, cols), places)
        any_of = True
    if params.marks == "auto":
        for row, col, depth in measured["marks"]:
            part = np.array(depth, np.float32)
            marks[row : row + part.shape[0], col : col + part.shape[1]] += part
            any_of = True
    return (smooth, marks) if any_of else None


def _on_grid(
    nodes: NDArray[np.float64], shape: tuple[int, int], places: NDArray[np.float64]
) -> NDArray[np.float32]:
    """The pattern of the nodes over a picture: cubic between them, so that no line shows."""
    rows, cols = nodes.shape
    x = (places[:, 1] * (cols - 1)).reshape(shape).astype(np.float32)
    y = (places[:, 0] * (rows - 1)).reshape(shape).astype(np.float32)
    made = cv2.remap(
        nodes.astype(np.float32), x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(made, np.float32)


def apply(
    frames: list[Frame],
    centre: int,
    params: Field,
    measured: Mapping[str, Any] | None,
    index: int,  # noqa: ARG001 - the stages' one signature
    format: Format,
) -> Frame:
    """The frame with its field divided out; under marks it is flagged `REPAIRED`."""
    frame = light.linear_frame(frames[centre], format)
    flat = _Flat(params, format)
    found = None if measured is None else _log_map(measured, params)
    if found is None:
        if flat.gain is not None:
            frame.pixels = np.clip(flat.divide(frame.pixels), 0, 1)
            light.note(frame, "field", flat=True)
        return frame
    smooth, marks = found
    rows, cols = format.rows, format.cols
    gain = cv2.resize(np.exp(-(smooth + marks)), (cols, rows), interpolation=cv2.INTER_LINEAR)
    pixels: Any = flat.divide(frame.pixels)
    made = np.clip(pixels * (gain if pixels.ndim == 2 else gain[..., None]), 0, 1)
    out = Frame(np.asarray(made, np.float32), frame.flags, frame.warp, frame.notes)
    under = marks < -_FLAGGED
    repaired = 0
    if under.any():
        whole = cv2.resize(under.astype(np.uint8), (cols, rows), interpolation=cv2.INTER_NEAREST)
        out.flags = light.flagged(out)
        out.flags[whole > 0] |= REPAIRED
        repaired = int(whole.sum())
    light.note(
        out, "field", flat=flat.gain is not None,
        falls=round(float(1 - np.exp(smooth.min())), 4), repaired=repaired,
    )  # fmt: skip
    return out


STAGE = Stage(
    name="field",
    version=1,
    params=Field,
    apply=apply,
    gives=gives,
    measure=measure,
    pinned=("pattern", "marks", "shape"),
    order=35,
)
