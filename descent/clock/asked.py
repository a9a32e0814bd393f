"""The words of a release file's `times:`, as clocks read them, and a clip's time code."""

from __future__ import annotations

from fractions import Fraction
from typing import Literal, Protocol

from descent.clock.expression import Moment


class AnchorWords(Protocol):
    """One frame whose time a person knows."""

    @property
    def file(self) -> str:
        """The frame's file name."""
        ...

    @property
    def at(self) -> Moment:
        """When it was exposed."""
        ...


class TimesWords(Protocol):
    """The words of `times:` in a release file."""

    @property
    def table(self) -> str | None:
        """A CSV file with a row for each frame."""
        ...

    @property
    def name_column(self) -> str | None:
        """Its column of file names."""
        ...

    @property
    def utc_column(self) -> str | None:
        """Its column of UTC times."""
        ...

    @property
    def sclk_column(self) -> str | None:
        """Its column of spacecraft-clock seconds."""
        ...

    @property
    def seconds_column(self) -> str | None:
        """Its column of seconds after `start`."""
        ...

    @property
    def resolution(self) -> Fraction | None:
        """Half-width of what a time can mean, s."""
        ...

    @property
    def rate(self) -> Fraction | None:
        """Frames a second."""
        ...

    @property
    def start(self) -> Moment | None:
        """When the first frame, or frame 0, was exposed."""
        ...

    @property
    def order(self) -> Literal["name", "time"] | None:
        """What the frames' order is."""
        ...

    @property
    def anchor(self) -> AnchorWords | None:
        """One frame whose time is known."""
        ...

    @property
    def index(self) -> str | None:
        """The pattern that names the frame number."""
        ...

    @property
    def timecode(self) -> Literal["track"] | None:
        """Where a time code is: in a track of its clips."""
        ...

    @property
    def local(self) -> Literal["name"] | None:
        """Where a local solar time is: in its file names."""
        ...

    @property
    def sol(self) -> int | None:
        """The sol of the first of them."""
        ...

    @property
    def none(self) -> bool:
        """Whether the camera has no times."""
        ...


class Code(Protocol):
    """The time code of a clip's first frame."""

    @property
    def frames(self) -> int:
        """Its count from 00:00:00:00."""
        ...

    @property
    def rate(self) -> Fraction:
        """How many of them a second."""
        ...

    @property
    def drop(self) -> bool:
        """Whether its labels leave some out."""
        ...

    @property
    def first_pts(self) -> int:
        """The stamp of that frame."""
        ...

    @property
    def time_base(self) -> Fraction:
        """Seconds a tick of stamps."""
        ...
