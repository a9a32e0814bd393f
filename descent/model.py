"""The few records that travel between rooms; everything else is an array, a number or a path."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class State(StrEnum):
    """What a picture on screen is; one list everywhere."""

    EXPOSED = "exposed"  # shown for the first time, within half its interval
    REPEATED = "repeated"  # the same frame again, still within half its interval
    HELD = "held"  # shown past half its interval, as the camera's policy allows
    INTERPOLATED = "interpolated"  # computed from two frames
    MISSING = "missing"  # no frame: card, black or close_up


@dataclass(frozen=True, slots=True)
class Stamp:
    """A time as its camera wrote it.

    `value` is in seconds of `clock` (for "index" a frame number, for "utc" TAI s past
    2000-01-01T12:00:00 TAI),
    `resolution_s` the half-width of what the stamp can mean (a value rounded to 0.1 s:
    0.05). `exposure_s` is how long the shutter stayed open from then on, 0 where nothing
    tells: the middle of it is the frame's time.
    """

    value: Fraction
    clock: Literal["sclk", "utc", "media", "index", "seconds"]
    resolution_s: Fraction = Fraction(0)
    exposure_s: Fraction = Fraction(0)


@dataclass(frozen=True, slots=True)
class Shot:
    """One frame that exists: a file, or frame `index` of a video file.

    `version` is the product version when several files hold one instant (larger is
    better); `size` and `mtime_ns` are the file's, so that a digest can be remembered. `pts`
    is a video frame's own time stamp, in ticks of its stream, by which it is found again.
    """

    camera: str
    path: Path
    stamp: Stamp | None
    index: int = 0
    version: int = 0
    size: int = 0
    mtime_ns: int = 0
    pts: int | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """Something noticed that a person should know: never swallowed, never fatal by itself.

    `code` is a stable word ("gap", "duplicate", "clock_back", "size_change", ...).
    """

    code: str
    where: str
    what: str
    do: str = ""
    level: Literal["note", "warning", "refused"] = "warning"


@dataclass(frozen=True, slots=True)
class Format:
    """What the pixels of a clip are; stages are checked against it when planning.

    `rows`, `cols` in px; `kind` mosaic, grey, rgb, or yuv420 (BT.709 planes, left-sited
    chroma); `cfa` the Bayer phase of pixel (0, 0), such as "RGGB"; `transfer` raw (camera
    counts), linear (0 to 1) or bt709; `white` the value of full scale.
    """

    rows: int
    cols: int
    kind: Literal["mosaic", "grey", "rgb", "yuv420"]
    dtype: Literal["uint8", "uint16", "float32"] = "uint8"
    cfa: str | None = None
    transfer: Literal["raw", "linear", "bt709"] = "bt709"
    white: float = 255.0


class Planes(NamedTuple):
    """A BT.709 limited-range 4:2:0 picture: `y` (rows, cols), `u` and `v` (rows/2, cols/2)."""

    y: NDArray[Any]
    u: NDArray[Any]
    v: NDArray[Any]


# Bits of `Frame.flags`, one a reason.
SATURATED, REPAIRED, LOST, FILLED, INTERPOLATED, GENERATIVE = 1, 2, 4, 8, 16, 32


@dataclass(slots=True)
class Frame:
    """One picture on its way.

    `pixels` is (rows, cols) or (rows, cols, 3), or `Planes`; `flags` None or uint8 (rows,
    cols), a bit a reason; `warp` None or a 3 x 3 float64 matrix from picture to output
    pixel coordinates, composed by stages and applied once, at fit; `notes` are the few
    numbers a stage wants in the frame's record.
    """

    pixels: NDArray[Any] | Planes
    flags: NDArray[np.uint8] | None = None
    warp: NDArray[np.float64] | None = None
    notes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stage:
    """A restoration step: a name, a version, parameters declared once, and pure functions.

    `params` is a frozen pydantic model class. `gives(format, params) -> Format` returns the
    format after the stage or raises `FormatError`. `apply(frames, centre, params, measured,
    index, format) -> Frame` takes the window of frames (the one to restore at
    `frames[centre]`; shorter at ends and breaks), what `measure` found or None, the frame's
    `index` in its clip and the `format` of the frames handed in; it is pure and leaves the
    frames it was handed alone. `radius` is the reach of that window in frames, a number or a
    function of the parameters. `measure(clip, params, progress=None) -> Mapping` looks once
    and returns plain JSON numbers (lists a frame allowed), calling `progress(done, total)`;
    None where nothing is measured. Of what it found `apply` reads only `per_frame` (lists of
    one value a frame) and `pinned` (the same for all); the rest is for people. A `timed` stage
    measures with `clip.times` in seconds; for others they may be numbers of frames. `order`
    is its place in the chain, smaller first.
    """

    name: str
    version: int
    params: Any
    apply: Callable[..., Frame]
    gives: Callable[..., Format]
    radius: int | Callable[[Any], int] = 0
    measure: Callable[..., Mapping[str, Any]] | None = None
    per_frame: tuple[str, ...] = ()
    pinned: tuple[str, ...] = ()
    timed: bool = False
    order: int = 0

    @property
    def label(self) -> str:
        """The versioned name that manifests hold, such as `debayer@2`."""
        return f"{self.name}@{self.version}"


@dataclass(frozen=True, slots=True)
class MissingPolicy:
    """What a camera shows where it has no frame near enough.

    `hold` is "until_next", a number of frames, or seconds as a Fraction; a larger value
    keeps a still picture longer. `then` is shown after that.
    """

    hold: Literal["until_next"] | int | Fraction = Fraction(1, 2)
    then: Literal["card", "black", "close_up"] = "card"


@dataclass(frozen=True, slots=True)
class Track:
    """A camera laid on mission time.

    `times[i]` is the exposure mid-time of frame i, strictly increasing; `resolution_s`
    its half-width; `interval_s` the declared cadence or None (then the local median).
    """

    camera: str
    times: tuple[Fraction, ...]
    resolution_s: Fraction = Fraction(0)
    interval_s: Fraction | None = None
    missing: MissingPolicy = MissingPolicy()


@dataclass(frozen=True, slots=True)
class Cell:
    """What one camera shows at one tick: `frame` indexes the camera's track.

    `error_s` is the frame's mid-time minus the tick's mission time. `frame_b` and
    `fraction` (0 at `frame`, 1 at `frame_b`) are set for interpolated pictures only.
    """

    state: State
    frame: int | None
    error_s: Fraction | None = None
    then: Literal["card", "black", "close_up"] | None = None
    frame_b: int | None = None
    fraction: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """Plain data that travels to any worker.

    `key` names the result: the hash of everything that decides it. `call` is
    "module:function"; it gets `args` and writes `outs` atomically. `needs` are keys of
    jobs that come first.
    """

    key: str
    call: str
    args: Mapping[str, Any]
    outs: tuple[str, ...]
    needs: tuple[str, ...] = ()
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class OutputResult:
    """A finished output as the release writes it down.

    `file` is its name in the release folder (a folder's for `frames`); `record` what was
    made: a film record as JSON, or a still's facts with the same words (`bytes`, `sha256`,
    `picture_hash`, `encoder`). `shares[tick][camera][reason]` are shares, 0 to 1, of the
    shown pixels that were filled, repaired, lost, saturated ...
    """

    name: str
    file: str
    record: Mapping[str, Any]
    shares: tuple[Mapping[str, Mapping[str, float]], ...] = ()
