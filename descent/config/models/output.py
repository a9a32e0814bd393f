"""The words of an output: what to make, how large, how fast, and with which words in it."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Annotated, Any, Literal, cast

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)

from descent.config.known import Wrong
from descent.config.models.base import (
    At,
    CameraName,
    CutName,
    Flag,
    Model,
    PathText,
    ProfileName,
    Prose,
    Rate,
    Words,
    known,
    listed,
    told,
)
from descent.config.models.film import Show
from descent.tools.text import did_you_mean

CLOCKS = ("utc", "t", "sclk", "earth", "mars")


_NEEDS = {
    "utc": ("UTC", "write t, or give the release an epoch"),
    "t": ("T", "write zero: and an event"),
    "sclk": ("a spacecraft clock", "write clock: mars2020 at the top"),
    "earth": ("when Earth hears of it", "write light_time: 682s at the top"),
    "mars": ("Mars local time", "write clock: mars2020 at the top"),
}


def _clocks(value: Any, info: ValidationInfo) -> tuple[str, ...]:
    chosen = () if value == "none" else tuple(listed(value))
    around = known(info)
    for index, name in enumerate(chosen):
        at = (index,) if isinstance(value, list) else ()
        if name not in CLOCKS:
            cure = did_you_mean(str(name), CLOCKS) or f"write one of {', '.join(CLOCKS)}, or none"
            raise Wrong(f"there is no clock {name!r} to show", cure, at=at)
        if around is not None:
            there = {
                "utc": around.utc,
                "t": around.has_zero,
                "sclk": around.sclk,
                "earth": around.light,
                "mars": around.sclk,
            }
            if not there[name]:
                why, cure = _NEEDS[name]
                raise Wrong(f"nothing in this release ties it to {why}", cure, at=at)
    return chosen


class Text(Model):
    """Which words are drawn into the picture."""

    titles: Flag = Field(True, description="the cameras' titles and those of spans")
    events: Flag = Field(True, description="titles of events as they happen")
    credit: Flag = Field(True, description="the credit line, composed from what is shown")
    marks: Flag = Field(
        True,
        description="small words where a picture is held, missing, slowed or magnified. Turning "
        "them off is recorded in the manifest",
    )
    clock: Annotated[
        tuple[Literal["utc", "t", "sclk", "earth", "mars"], ...],
        BeforeValidator(_clocks),
        WithJsonSchema({"x-kind": "clocks"}),
    ] = Field(
        ("utc",),
        description="clocks shown: utc, t, sclk, earth (when Earth hears of it), mars (local "
        "time, with the sol); by default utc, or t where no UTC is",
    )


def _text(value: Any, info: ValidationInfo) -> Any:
    """`none`, `all`, or a map; what is not written depends on the clocks there are."""
    if isinstance(value, Text):
        return value
    if value in ("none", False, "no"):
        return {"titles": False, "events": False, "credit": False, "marks": False, "clock": ()}
    if value in ("all", True, "yes", None):
        value = {}
    if not isinstance(value, dict):
        raise Wrong(f"is {told(value)}", "write all, none or {titles: yes, clock: [utc, t]}")
    around = known(info)
    if "clock" not in value and around is not None and not around.utc:
        return {**value, "clock": ("t",) if around.has_zero else ()}
    return value


SIZES: dict[str, tuple[int, int]] = {
    "uhd": (3840, 2160), "qhd": (2560, 1440), "hd": (1920, 1080), "hd720": (1280, 720),
    "vertical": (1080, 1920), "square": (1080, 1080),
}  # fmt: skip
_SIZE_CURE = f"write {', '.join(SIZES)} or 1920x1080"
_USUAL = {
    "4k": "uhd",
    "2160p": "uhd",
    "1080p": "hd",
    "fullhd": "hd",
    "720p": "hd720",
    "1440p": "qhd",
    "portrait": "vertical",
}


def _size(value: Any) -> tuple[int, int] | None:
    if value is None:
        return None
    size: tuple[int, ...] | None = None
    if isinstance(value, str):
        text = value.lower().replace(" ", "")
        if text in SIZES:
            return SIZES[text]
        match = re.fullmatch(r"(\d{1,6})[x×](\d{1,6})", text, re.ASCII)
        size = (int(match[1]), int(match[2])) if match else None
        if size is None:
            near = _USUAL.get(text.replace("-", ""))
            cure = f"write {near}" if near else did_you_mean(text, SIZES) or _SIZE_CURE
            raise Wrong(f"{value!r} is no size", cure)
    elif isinstance(value, list | tuple) and len(value) == 2 and all(type(v) is int for v in value):
        size = (value[0], value[1])
    if size is None:
        raise Wrong(f"is {told(value)} where a size is expected", _SIZE_CURE)
    if not all(16 <= v <= 65_535 for v in size):
        raise Wrong(f"{size[0]}x{size[1]} is outside 16x16 to 65535x65535", _SIZE_CURE)
    return size[0], size[1]


def _is_camera(value: Any) -> str:
    return "camera" if isinstance(value, str) else "layout"


Still = Annotated[
    Annotated[CameraName, Tag("camera")] | Annotated[Show, Tag("layout")],
    Discriminator(_is_camera),
]


class Output(Model):
    """One thing to make: a video of a cut, a video of each camera, or a still."""

    cut: CutName | None = Field(None, description="a video of this cut")
    each: Literal["camera"] | None = Field(
        None, description="a video of each camera, with the output's name and the camera's"
    )
    full_length: Flag = Field(
        False, description="with `each`: all of its frames at its own cadence, from first to last"
    )
    still: Still | None = Field(None, description="a still of a camera, or of a layout of several")
    at: At | None = Field(None, description="the moment of a still")
    frame: PathText | None = Field(
        None, description="a still's file by name, where its camera has no times"
    )
    alt: Prose | None = Field(None, description="a still's alternative text, for who cannot see it")
    caption: Prose | None = Field(None, description="a still's caption, kept in the file")
    title: Words | None = Field(None, description="its title; by default the release's")
    show: Show | None = Field(
        None, description="one layout for the whole output, instead of the cut's"
    )
    size: Annotated[
        tuple[int, int] | None, BeforeValidator(_size), WithJsonSchema({"x-kind": "size"})
    ] = Field(
        None,
        description=f"width and height in px: {', '.join(SIZES)} or 1920x1080; by default hd for "
        "a cut, and the camera's own size for `each` and a still",
    )
    scale: Literal["fit", "native"] = Field(
        "fit",
        description="fit scales pictures to their cells; native shows them pixel for pixel, "
        "and is refused where that does not fit",
    )
    rate: Rate = Field(
        Fraction(30), description="frames a second, such as 30 or 30000/1001; larger is smoother"
    )
    use: Literal["web", "broadcast", "editors", "archive", "frames"] = Field(
        "web", alias="for", description="who it is for, which chooses the encode profile"
    )
    profile: ProfileName | None = Field(
        None, description="an encode profile of configs/profiles by name, instead of `for`"
    )
    text: Annotated[Text, BeforeValidator(_text), WithJsonSchema({"x-kind": "text"})] = Field(
        cast(Text, "all"),  # read like any other, since the clocks decide its clock
        validate_default=True,
        description="the words drawn into the picture: all, none, or a map of which",
    )
    sound: Flag = Field(True, description="the release's sound is joined in")
    format: Literal["png", "jpeg", "tiff"] | None = Field(
        None, description="a still's file format; by default png"
    )

    @model_validator(mode="after")
    def _one_thing(self, info: ValidationInfo) -> Output:
        ways = [n for n in ("cut", "each", "still") if getattr(self, n) is not None]
        if len(ways) != 1:
            raise Wrong(
                f"makes {' and '.join(ways)} at once" if ways else "says nothing to make",
                "write one of cut: CUT, each: camera and still: CAMERA",
            )
        for name in ("at", "frame", "alt", "caption", "format"):
            if self.still is None and getattr(self, name) is not None:
                raise Wrong(f"{name} goes with still", f"leave {name} out", at=(name,))
        if self.full_length and self.each is None:
            raise Wrong("full_length goes with each", "write each: camera", at=("full_length",))
        if self.show is not None and self.cut is None:
            raise Wrong("show goes with cut", "leave show out", at=("show",))
        if self.still is None:
            self._check_video()
        else:
            self._check_still(info)
        return self

    def _check_video(self) -> None:
        if self.size is not None and self.use != "frames" and any(v % 2 for v in self.size):
            even = "x".join(str(v - v % 2) for v in self.size)
            raise Wrong(
                f"{self.size[0]}x{self.size[1]} is odd, and video stores colour for pairs of px",
                f"write {even}",
                at=("size",),
            )

    def _check_still(self, info: ValidationInfo) -> None:
        if self.at is not None and self.frame is not None:
            raise Wrong("names a moment and a file", "leave at or frame out", at=("frame",))
        shown = (
            (self.still,)
            if isinstance(self.still, str)
            else (self.still.cameras if self.still else ())
        )
        if self.frame is not None and len(shown) > 1:
            raise Wrong("one file cannot fill several cameras", "write at: MOMENT", at=("frame",))
        around = known(info)
        if around is None:
            return
        timed = [c for c in shown if c not in around.timeless]
        if self.at is None and self.frame is None and timed:
            raise Wrong("says no moment", "write at: touchdown - 2s, or frame: FILE")
        if self.at is not None and not timed:
            raise Wrong(
                "its cameras have no times", "leave at out, or write frame: FILE", at=("at",)
            )
