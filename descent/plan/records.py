"""What a plan is made of: plain records, printable as canonical JSON and hashed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from enum import Enum
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from descent.clock.doors import Clocks
from descent.compose.geometry import Layout
from descent.model import Cell, Finding, Format, Shot, Track
from descent.timeline import Timeline

PLAN_VERSION = "plan.1"


@dataclass(frozen=True, slots=True)
class StagePlan:
    """A restoration stage with every parameter written out.

    A parameter that names a file holds its name alone; `files` says where that lies.
    """

    name: str
    label: str
    params: Mapping[str, Any]
    files: Mapping[str, Path] = field(default_factory=dict)

    @property
    def decides(self) -> dict[str, Any]:
        """The parameters that pixels depend on: of a file what it holds, not what it is called."""
        return {key: value for key, value in self.params.items() if key not in self.files}

    @property
    def paths(self) -> dict[str, str]:
        """Where a worker finds the files, as plain data."""
        return {key: str(path) for key, path in self.files.items()}


@dataclass(frozen=True, slots=True)
class CameraPlan:
    """A camera as it will be used.

    `shots[i]` and `track.times[i]` belong together. `stored` is the format of the
    stored picture, `source` that after turn, mirror and crop, `format` after the stages.
    `planes` says that no stage runs, so that decoded planes go straight to fit.
    """

    name: str
    title: str
    credit: str | None
    shots: tuple[Shot, ...]
    track: Track
    how: str
    by_hand: bool
    stored: Format
    source: Format
    format: Format
    stages: tuple[StagePlan, ...]
    turn: int
    mirror: str
    crop: tuple[int, int, int, int] | None
    focus: tuple[float, float]
    white: str | None
    planes: bool
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class SpanPlan:
    """How one span of a timeline is shown.

    `layout` places its cameras; `close_ups` the layouts without the cameras whose policy
    is to close up over a gap, by the cameras that remain. `speed` is mission seconds a film
    second, None for `every_frame`; `note` is what the picture says where that is not 1.
    """

    kind: Literal["run", "replay", "freeze", "every_frame"]
    name: str
    layout: Layout
    close_ups: Mapping[tuple[str, ...], Layout]
    speed: Fraction | None
    title: str | None
    note: str | None

    def shown(self, cells: Mapping[str, Cell]) -> tuple[str, ...]:
        """The cameras in the picture, in the layout's order: less those closed up over."""
        names = tuple(tile.camera for tile in self.layout.tiles)
        there = tuple(name for name in names if cells[name].then != "close_up")
        return there if there in self.close_ups else names


@dataclass(frozen=True, slots=True)
class StillPlan:
    """A still: the frame that each camera shows, at a moment where one is given."""

    at: Fraction | None
    frames: Mapping[str, int]
    layout: Layout


@dataclass(frozen=True, slots=True)
class OutputPlan:
    """One file to make, everything about it decided; `credit` is composed from what it shows."""

    name: str
    kind: Literal["video", "frames", "still"]
    title: str
    rows: int
    cols: int
    scale: str
    rate: Fraction
    profile: str
    text: Mapping[str, Any]
    credit: str
    suffix: str
    spans: tuple[SpanPlan, ...] = ()
    timeline: Timeline | None = None
    still: StillPlan | None = None
    sound: bool = False
    burn: bool = False
    alt: str | None = None
    caption: str | None = None
    cut: str | None = None

    @property
    def ticks(self) -> int:
        """How many frames the output has."""
        return 1 if self.timeline is None else self.timeline.count

    @property
    def cameras(self) -> tuple[str, ...]:
        """Every camera that is shown, in order of appearance."""
        layouts = [s.layout for s in self.spans] + ([self.still.layout] if self.still else [])
        return tuple(dict.fromkeys(tile.camera for layout in layouts for tile in layout.tiles))

    @property
    def filename(self) -> str:
        """The file's, or for `frames` the folder's, name in the release folder."""
        return self.name if self.kind == "frames" else f"{self.name}{self.suffix}"


@dataclass(frozen=True, slots=True)
class SoundPlan:
    """The sound track: a file whose first sample was heard at mission time `starts`.

    Of a camera's own sound `camera` says which, and `path` is its first recording.
    """

    path: Path
    starts: Fraction
    credit: str | None
    camera: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What will happen, before a pixel is read."""

    title: str
    clocks: Clocks
    events: Mapping[str, tuple[Fraction, str | None]]
    cameras: Mapping[str, CameraPlan]
    outputs: tuple[OutputPlan, ...]
    credit: Mapping[str, str | None]
    sound: SoundPlan | None = None
    findings: tuple[Finding, ...] = ()

    def canonical(self) -> str:
        """The plan as canonical JSON: sorted keys, fractions as n/d, paths by name only."""
        body = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "clocks"}
        clocks = {"epoch": str(self.clocks.epoch), "zero": self.clocks.zero}
        return canonical({"version": PLAN_VERSION, "clocks": clocks, **body})

    def digest(self) -> str:
        """SHA-256 of the canonical JSON."""
        return hashlib.sha256(self.canonical().encode()).hexdigest()


def plain(value: Any) -> Any:
    """The value as JSON types: fractions "n/d", enums by value, paths by file name."""
    if isinstance(value, bool | int | float | str) or value is None:
        return value.value if isinstance(value, Enum) else value
    if isinstance(value, Fraction):
        return f"{value.numerator}/{value.denominator}"
    if isinstance(value, Path):
        return value.name
    if isinstance(value, Timeline):
        return value.plain()
    if isinstance(value, Shot):
        # When a file was written to this disk decides nothing.
        return {
            f.name: plain(getattr(value, f.name)) for f in fields(value) if f.name != "mtime_ns"
        }
    if isinstance(value, StagePlan):
        # Nor does where one lies; what it is called is among the parameters.
        return {"name": value.name, "label": value.label, "params": plain(value.params)}
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {"+".join(k) if isinstance(k, tuple) else str(k): plain(v) for k, v in value.items()}
    if isinstance(value, tuple | list | range):
        return [plain(v) for v in value]
    if isinstance(value, set | frozenset):
        return sorted(plain(v) for v in value)
    raise TypeError(f"a plan cannot hold {type(value).__name__}")


def canonical(value: Any) -> str:
    """Canonical JSON of plain records: the same value always gives the same bytes."""
    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
