"""What tells a still's time: its label, the feed's record beside it, or its name."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Literal

from descent.errors import Damaged, DescentError
from descent.model import Finding, Stamp
from descent.sources.feed import BESIDE, FeedRecord, read_feed
from descent.sources.gather import Found, examples, many
from descent.sources.label import Label
from descent.sources.names import Mars2020Name

ReadUtc = Callable[[str], Fraction]

HALF_MS = Fraction(1, 2000)
_SECONDS = re.compile(r"\d{1,12}(?:\.(\d{1,12}))?", re.ASCII)
_UTC_DIGITS = re.compile(r"T\d\d:\d\d:\d\d(?:\.(\d{1,12}))?Z?\Z", re.ASCII)
_NEAR_S = HALF_MS  # a name is rounded to the millisecond


@dataclass(slots=True)
class Telling:
    """How the stills of one camera tell their time, and what was noticed on the way.

    `clock` is the clock wanted of labels and feed records: sclk, utc, or None for UTC
    where there is one. `utc` turns UTC text into TAI s; without it UTC is not read.
    """

    clock: Literal["sclk", "utc"] | None = None
    utc: ReadUtc | None = None
    _folders: dict[str, frozenset[str]] = field(default_factory=dict)
    _labelled: list[tuple[str, str, Fraction]] = field(default_factory=list)
    _apart: list[tuple[Fraction, str]] = field(default_factory=list)
    _lost: list[str] = field(default_factory=list)
    _broken: list[tuple[str, DescentError]] = field(default_factory=list)

    def still(self, file: Found, label: Label | None, record: Mars2020Name | None) -> Stamp | None:
        """The stamp of a still: by its label, else by the feed's record, else by its name."""
        named = record.sclk if record is not None else None
        told = None
        if label is not None:
            told = self._of(label.sclk, label.start_time, label.exposure_s)
            source = f"{label.kind} labels"
        elif (feed := self._feed(file, record)) is not None:
            told = self._of(feed.sclk, feed.utc, None)
            source = "records of the public feed"
        if told is not None:
            self._labelled.append((file.name, source, told.resolution_s))
            if named is not None and told.clock == "sclk":
                self._apart.append((abs(told.value - named), file.name))
            return told
        if label is not None:
            self._lost.append(file.name)
        return None if named is None else Stamp(named, "sclk", HALF_MS)

    def _of(self, sclk: str | None, utc: str | None, exposure_s: Fraction | None) -> Stamp | None:
        length = exposure_s or Fraction(0)
        if self.clock != "sclk" and self.utc is not None and utc is not None:
            shape = _UTC_DIGITS.search(utc)
            if shape is not None:
                try:
                    value = self.utc(utc.removesuffix("Z") + "Z")
                except ValueError:
                    return None
                return Stamp(value, "utc", _half(shape[1]), length)
        shape = _SECONDS.fullmatch(sclk or "")
        if self.clock == "utc" or sclk is None or shape is None:
            return None
        return Stamp(Fraction(sclk), "sclk", _half(shape[1]), length)

    def _feed(self, file: Found, record: Mars2020Name | None) -> FeedRecord | None:
        folder, stem = os.path.dirname(file.path), file.name[: len(file.name) - len(file.suffix)]  # noqa: PTH120
        if folder not in self._folders:
            with os.scandir(folder or ".") as entries:
                self._folders[folder] = frozenset(e.name for e in entries if e.name[-5:] == ".json")
        name = next((stem + end for end in BESIDE if stem + end in self._folders[folder]), None)
        if name is None:
            return None
        path = Path(folder) / name
        try:
            records = read_feed(path)
            wanted = (record.text() if record is not None else stem).upper()
            fits = [r for r in records if wanted.startswith(r.imageid.upper())]
            if len(fits) != 1:
                raise Damaged(f"tells of {len(records)} pictures, not of {stem} alone")
        except DescentError as error:
            self._broken.append((str(path), error))
            return None
        return fits[0]

    def findings(self, camera: str) -> list[Finding]:
        """What a person should know of how the stills told their time."""
        said = []
        if self._labelled:
            sources = " and ".join(dict.fromkeys(source for _, source, _ in self._labelled))
            worst = max(half for *_, half in self._labelled)
            text = f"{many(len(self._labelled), 'frame')} told by {sources}, to +-{_ms(worst)}"
            apart = [pair for pair in self._apart if pair[0] > _NEAR_S]
            if apart:
                most, name = max(apart)
                text += f"; up to {_ms(most)} from their names ({name}): the labels are believed"
            said.append(Finding("label_time", camera, text, level="note"))
        if self._lost:
            wanted = {"sclk": "spacecraft clock in decimal seconds", "utc": "UTC"}
            what = wanted.get(self.clock or "", "time that is read")
            said.append(
                Finding(
                    "label_time", camera,
                    f"no {what} in the labels of {many(len(self._lost), 'file')} "
                    f"({examples(self._lost)})",
                    "write clock_name: utc or sclk, whichever they hold, or times:",
                )
            )  # fmt: skip
        for path, error in self._broken[:5]:
            said.append(Finding("feed", path, f"{error.what}; it is not used", error.do))
        if more := self._broken[5:]:
            text = f"{many(len(more), 'more record')} like that"
            said.append(Finding("feed", camera, text, "fetch them again"))
        return said


def _half(digits: str | None) -> Fraction:
    """Half of the last digit written."""
    return Fraction(1, 2 * 10 ** len(digits or ""))


def _ms(seconds: Fraction) -> str:
    return f"{float(seconds * 1000):.3g} ms" if seconds < 1 else f"{float(seconds):.3g} s"
