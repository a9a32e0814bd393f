"""The words of a camera: its files, its clock, and what is done to its pictures."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)

from descent.config.known import Wrong
from descent.config.models.base import (
    Flag,
    Hold,
    Model,
    Paths,
    PathText,
    Pixels,
    Positive,
    Rate,
    Ratio,
    Seconds,
    Size,
    TextList,
    Tie,
    Words,
    known,
    listed,
    told,
)
from descent.config.models.hearing import Hearing
from descent.model import MissingPolicy

WAYS = (
    "write table, order with rate and anchor, index with rate and start, rate with start, "
    "timecode with start, or none: yes"
)


class Anchor(Model):
    """One frame whose time a person knows."""

    file: PathText = Field(description="the frame's file name", examples=["frame_0412.png"])
    at: Tie = Field(description="when it was exposed", examples=["touchdown - 2s"])


class Times(Model):
    """Where a camera's times come from, when not from its names or its video stamps.

    Exactly one way: a table; an order with a rate and an anchor; a frame number in the names
    with a rate and a start; a rate and a start; a time code track with a start; the local solar
    time in the names with a sol; or none.
    """

    table: PathText | None = Field(
        None, description="a CSV file with a row for each frame, relative to `folder`"
    )
    name_column: Words | None = Field(None, description="the table's column of file names")
    utc_column: Words | None = Field(None, description="the table's column of UTC times")
    sclk_column: Words | None = Field(
        None, description="the table's column of spacecraft-clock seconds"
    )
    seconds_column: Words | None = Field(
        None, description="the table's column of seconds after `start`"
    )
    resolution: Positive | None = Field(
        None,
        description="half-width of what a time can mean; by default half of its last digit. "
        "Larger says that the times are less sure",
    )
    rate: Rate | None = Field(None, description="frames a second")
    start: Tie | None = Field(
        None,
        description="when the first frame, or frame 0, was exposed, or the time code was at 0",
    )
    timecode: Literal["track"] | None = Field(
        None,
        description="the time code track of its clips (MOV, MP4) tells the time, counted from "
        "`start`: when it read 00:00:00:00",
    )
    order: Literal["name", "time"] | None = Field(
        None, description="frames follow each other by name or by time of the file, at `rate`"
    )
    anchor: Anchor | None = Field(None, description="one frame whose time is known by hand")
    index: Words | None = Field(
        None,
        description="a pattern with `{index}` where file names hold the frame number",
        examples=["frame_{index}.png"],
    )
    local: Literal["name"] | None = Field(
        None,
        description="its file names hold the local solar time, as LVS_15_50_40 does: Mars "
        "seconds of the release's spacecraft clock",
    )
    sol: int | None = Field(None, description="the sol of the first of them")
    none: Flag = Field(False, description="the camera has no times: only stills use it")

    @model_validator(mode="after")
    def _one_way(self) -> Times:
        ways = {
            "table": self.table is not None,
            "order": self.order is not None,
            "index": self.index is not None,
            "rate": self.rate is not None
            and (self.order, self.index, self.timecode) == (None, None, None),
            "timecode": self.timecode is not None,
            "local": self.local is not None,
            "none": self.none,
        }
        chosen = [name for name, on in ways.items() if on]
        if len(chosen) != 1:
            fact = f"tells the time in {len(chosen)} ways ({', '.join(chosen)})"
            raise Wrong(fact if chosen else "says no way to tell the time", WAYS)
        if self.table is not None:
            self._check_table()
        elif self.order is not None and (self.rate is None or self.anchor is None):
            raise Wrong(
                "order needs rate and anchor",
                "write order: name, rate: 12, anchor: {file: X, at: touchdown - 2s}",
            )
        elif chosen[0] in {"index", "rate"} and (self.rate is None or self.start is None):
            raise Wrong("a rate and a start go together", "write rate: 12, start: T+0s")
        elif (self.local is None) != (self.sol is None):
            raise Wrong(
                "a local solar time is one of some sol", "write times: {local: name, sol: 0}"
            )
        elif self.timecode is not None and self.start is None:
            raise Wrong(
                "a time code tells the time of a day, and nothing says of which",
                "write start: 2024-05-01T00:00:00Z, when the time code read 00:00:00:00",
            )
        if self.index is not None and self.index.count("{index}") != 1:
            raise Wrong(
                "does not say where the number stands",
                "write index: 'frame_{index}.png'",
                at=("index",),
            )
        return self

    def _check_table(self) -> None:
        columns = (self.utc_column, self.sclk_column, self.seconds_column)
        if self.name_column is None or sum(c is not None for c in columns) != 1:
            raise Wrong(
                "a table needs a column of names and one of times",
                "write name_column and one of utc_column, sclk_column, seconds_column",
            )
        if self.seconds_column is not None and self.start is None:
            raise Wrong("seconds_column needs a start", "write start: T+0s")


class Clock(Model):
    """By-hand corrections of a camera's clock."""

    add: Seconds = Field(
        Fraction(0), description="added to every time; larger shows the camera later"
    )
    rate: Ratio = Field(
        Fraction(1), description="mission seconds in a camera second; larger stretches its times"
    )
    resets: Flag = Field(
        False,
        description="its clock was set back while it ran: frames follow each other as they are "
        "listed, and where the clock goes back it goes on one frame later, until descent sync "
        "measures by how much",
    )
    accept_product_times: Flag = Field(
        False,
        description="take names whose clock is the making of the product, not the exposure",
    )


class Missing(Model):
    """What is shown where a camera has no frame near enough."""

    hold: Hold = Field(
        Fraction(1, 2),
        description="how long the last frame stays: until_next, `2 frames` or `0.5s`; "
        "larger keeps a still picture longer",
    )
    then: Literal["card", "black", "close_up"] = Field(
        "card", description="shown after that: a card that says so, black, or the other cameras"
    )

    def policy(self) -> MissingPolicy:
        """The record that the timeline takes."""
        return MissingPolicy(self.hold, self.then)


class Crop(Model):
    """A rectangle of a camera's picture, in px of the stored frame."""

    top: Pixels = Field(0, description="first row kept")
    left: Pixels = Field(0, description="first column kept")
    height: Size = Field(description="rows kept", examples=[960])
    width: Size = Field(description="columns kept", examples=[1280])


_RANGE = re.compile(r"(\d{1,9})(?:\s*-\s*(\d{1,9}))?", re.ASCII)


def _frames(value: Any) -> str:
    """`612`, `612-615` or a file name, as text."""
    if isinstance(value, bool) or not isinstance(value, int | str) or value == "":
        raise Wrong(f"is {told(value)} where frames are expected", "write 612, 612-615 or a file")
    text = str(value)
    match = _RANGE.fullmatch(text.strip())
    if match and match[2] and int(match[1]) > int(match[2]):
        raise Wrong(f"{text} runs backwards", f"write {match[2]}-{match[1]}")
    return text


class Skip(Model):
    """Frames left out on purpose, with the reason that the manifest repeats."""

    frames: Annotated[
        tuple[Annotated[str, PlainValidator(_frames)], ...],
        BeforeValidator(listed),
        WithJsonSchema({"x-kind": "frames"}),
    ] = Field(
        description="frame numbers, ranges with both ends left out, or file names",
        examples=["612-615"],
    )
    reason: Words = Field("left out by hand", description="why; the manifest repeats it")


def _skips(value: Any) -> Any:
    return [i if isinstance(i, dict | Skip) else {"frames": [i]} for i in listed(value)]


def _restore(value: Any) -> Any:
    if value is None or value == "none":
        return {}
    if not isinstance(value, dict):
        raise Wrong(f"is {told(value)} where stages are expected", "write {deflicker: {}} or none")
    stages: dict[str, Any] = {}
    for name, params in value.items():
        on = {"yes": True, "no": False, "on": True, "off": False}.get(str(params).lower())
        chosen = {} if params is None else params if on is None else on
        if not isinstance(chosen, dict | bool):
            raise Wrong(
                f"is {told(params)} where a stage's parameters are expected",
                "write {} for its defaults, or no to turn it off",
                at=(name,),
            )
        stages[name] = chosen
    return stages


def _point(value: Any) -> tuple[float, float]:
    good = isinstance(value, list | tuple) and len(value) == 2
    if not good or any(isinstance(v, bool) or not isinstance(v, int | float) for v in value):
        raise Wrong(f"is {told(value)} where a point is expected", "write [0.5, 0.5]")
    if not all(0 <= v <= 1 for v in value):
        raise Wrong("lies outside the picture", "write two numbers from 0 to 1, such as [0.5, 0.4]")
    return float(value[0]), float(value[1])


_DEGREES = {"type": "number", "minimum": 1, "maximum": 170}


def _degrees(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Wrong(f"is {told(value)} where an angle is expected", "write degrees, such as 48")
    if not 1 <= value <= 170:
        raise Wrong(f"is {value} degrees, outside 1 to 170", "write the angle across the picture")
    return float(value)


class Camera(Model):
    """A camera of the release; what `kind` names is a camera file whose values it starts from.

    A camera file holds the same words. What the release says wins; `restore`, `clock` and
    `missing` are joined key by key.
    """

    kind: Words | None = Field(
        None,
        description="a camera file: a shipped one such as mars2020/ddc, or a path such as "
        "./mine.yaml, relative to the file that names it",
    )
    files: Paths = Field(
        (), description="files, folders or patterns, relative to `folder`", examples=["ddc/"]
    )
    title: Words | None = Field(
        None, description="the name drawn in its picture; by default the camera's key"
    )
    credit: Words | None = Field(
        None, description="who took its pictures; by default the release's credit"
    )
    names: Literal["mars2020", "plain"] = Field(
        "plain", description="how its file names read: by the Mars 2020 convention, or not at all"
    )
    instruments: TextList = Field(
        (), description="codes that its names may start with, such as ES; any when empty"
    )
    clock_name: Literal["sclk", "utc", "media"] | None = Field(
        None,
        description="the clock that its names and labels carry; a camera file says so. By "
        "default that of its names, else the UTC of its labels",
    )
    exposure: Positive | None = Field(
        None,
        description="how long its shutter stays open; by default as its labels say. A stamp "
        "tells when it opens and a frame's time is the middle, so larger shows frames later",
        examples=["0.15ms"],
    )
    rate: Rate | None = Field(
        None,
        description="declared cadence, frames a second; by default the local median. A frame "
        "counts as repeated until half of this interval past its middle",
    )
    timecode: Words | None = Field(
        None,
        description="the time code of its first frame, for marks that are time codes; by default "
        "00:00:00:00",
        examples=["10:41:00;00"],
    )
    view: Annotated[float, PlainValidator(_degrees), WithJsonSchema(_DEGREES)] | None = Field(
        None,
        description="the angle of view across its pictures, degrees, roughly: what `descent sync` "
        "takes turns of the camera by; 60 by default",
        examples=[48],
    )
    pattern: Literal["RGGB", "BGGR", "GRBG", "GBRG"] | None = Field(
        None, description="Bayer pattern from the top left pixel; empty: not a mosaic"
    )
    transfer: Literal["raw", "bt709"] | None = Field(
        None,
        description="what its numbers mean: raw counts of light, or BT.709 for a screen; by "
        "default raw for a mosaic and BT.709 for the rest",
    )
    times: Times | None = Field(
        None, description="where its times come from, when not from its names or video stamps"
    )
    clock: Clock = Field(Clock(), description="corrections of its clock by hand")
    sound: Hearing = Field(
        Hearing(), description="what it hears, where clocks are refined by sound"
    )
    missing: Missing = Field(
        Missing(), description="what is shown where it has no frame near enough"
    )
    skip: Annotated[
        tuple[Skip, ...], BeforeValidator(_skips), WithJsonSchema({"x-kind": "skip"})
    ] = Field((), description="frames left out on purpose", examples=["[612-615]"])
    turn: Literal[0, 90, 180, 270] = Field(0, description="turned clockwise, degrees")
    mirror: Literal["none", "horizontal", "vertical"] = Field(
        "none", description="mirrored left to right (horizontal) or top to bottom, before `turn`"
    )
    crop: Crop | None = Field(None, description="the part of the stored frame that is used")
    focus: Annotated[
        tuple[float, float],
        BeforeValidator(_point),
        WithJsonSchema({"x-kind": "point"}),
    ] = Field(
        (0.5, 0.5), description="the point kept when cropped to fit: across, down, each 0 to 1"
    )
    restore: Annotated[
        dict[str, dict[str, Any] | bool],
        BeforeValidator(_restore),
        PlainSerializer(lambda stages: stages or "none"),
        WithJsonSchema({"x-kind": "restore"}),
    ] = Field(
        {},
        description="stages by name with their parameters, in any order; `no` turns one off, "
        "`restore: none` all",
    )
    white: Words | None = Field(
        None, description="where its white balance comes from, in words that the manifest repeats"
    )

    @model_validator(mode="after")
    def _has_files(self, info: ValidationInfo) -> Camera:
        if known(info) is not None and not self.files:
            raise Wrong("has no files", "write files: and a folder, a file or a pattern")
        return self
