"""What any second of a release video shows, and from which files."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

from descent.clock.doors import Clocks, Epoch, tai_to_utc
from descent.clock.expression import parse_moment, resolve
from descent.errors import TimeUnknown, VerifyError
from descent.release.manifest import read_manifest

_FACE = re.compile(r"(\d{1,2}):(\d\d):(\d\d)(?:\.(\d{1,9}))?\s*(?:UTC|Z)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Picture:
    """One camera's picture in one frame of a video.

    `exposed` is the exposure mid-time in words, `resolution_s` its half-width, `error_s`
    that time minus the frame's mission time. `shares` are those of the shown pixels, 0 to
    1, that were filled, repaired, lost, saturated ...; `magnification` is output px a
    source px. `file_b` is the second of two frames that an interpolated one lies between.
    """

    camera: str
    title: str
    state: str
    file: str | None
    index: int | None
    version: int | None
    sha256: str | None
    file_b: str | None
    fraction: float | None
    exposed: str | None
    resolution_s: float
    error_s: float | None
    shares: Mapping[str, float]
    stages: tuple[str, ...]
    magnification: float
    white: str | None
    how: str
    by_hand: bool
    credit: str | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """What one frame of an output shows; `film_s` is None for a still."""

    file: str
    tick: int
    film_s: float | None
    mission: str | None
    layout: str
    title: str | None
    note: str | None
    pictures: tuple[Picture, ...]


def explain(
    path: Path, *, at_s: Fraction | None = None, moment: str | None = None
) -> tuple[Explanation, ...]:
    """What an output of a release shows, by film time or at each showing of a moment.

    `at_s` is seconds from the start of the video. `moment` is a mission time as people write
    it: a clock reading of its day (`20:43:46.1`), a UTC, or one by an event of the release
    (`touchdown - 2s`); a span shown twice gives two explanations, the first showing first.
    A still needs neither. Raises `VerifyError` where the file is not of the release in its
    folder or never shows that time, `TimeUnknown` where no clock explains the moment.
    """
    body = read_manifest(path.parent)
    output = _output(body, path)
    if len(output["records"]) == 1 and at_s is None and moment is None:
        ticks = [0]
    elif at_s is not None:
        ticks = [_tick(output, path, at_s)]
    elif moment is not None:
        ticks = _ticks(body, output, path, moment)
    else:
        raise ValueError("explain needs at_s or moment")
    return tuple(_explain(body, output, tick) for tick in ticks)


def clocks_of(body: Mapping[str, Any]) -> Clocks:
    """The clocks that a manifest's times count by; that of the spacecraft is not among them."""
    clocks = body["clocks"]
    tai, zero = clocks["epoch_tai_s"], clocks["zero_s"]
    epoch = Epoch(None if tai is None else Fraction(tai), clocks["epoch"])
    return Clocks(epoch, None if zero is None else Fraction(zero))


def _output(body: Mapping[str, Any], path: Path) -> Mapping[str, Any]:
    found = next((o for o in body["outputs"].values() if o["file"] == path.name), None)
    if found is not None:
        return dict(found)
    known = ", ".join(sorted(o["file"] for o in body["outputs"].values()))
    raise VerifyError("is not in the manifest beside it", where=str(path), do=f"name {known}")


def _tick(output: Mapping[str, Any], path: Path, at_s: Fraction) -> int:
    frames = len(output["records"])
    rate = Fraction(output["rate"] or 1)
    if not 0 <= at_s * rate < frames:
        raise VerifyError(
            f"has no frame at {float(at_s):g} s",
            where=str(path),
            do=f"it runs from 0 up to {float(frames / rate):g} s",
        )
    return int(at_s * rate)


def _ticks(body: Mapping[str, Any], output: Mapping[str, Any], path: Path, text: str) -> list[int]:
    """The ticks on screen at a moment, one a showing; a frozen moment gives its first."""
    records = output["records"]
    t, step = _moment(body, records, text)
    found = []
    for _, group in groupby(output["spans"], key=lambda span: span["run"]):
        spans = list(group)
        first, last = spans[0], spans[-1]
        if first["start"] is None:
            continue
        start, to = Fraction(first["start"]), Fraction(last["to"])
        if first["kind"] in ("freeze", "still"):
            # A clock that was read to a tenth means all of that tenth.
            if t <= start < t + step:
                found.append(first["first_tick"])
        elif start <= t < to:
            ticks = range(first["first_tick"], last["first_tick"] + last["ticks"])
            times = [Fraction(records[k]["t"]) for k in ticks]
            found.append(ticks[max(0, bisect_right(times, t) - 1)])
    if not found:
        shown = ", ".join(dict.fromkeys(_stretch(output, span) for span in output["spans"]))
        raise VerifyError(f"never shows {text}", where=str(path), do=f"it shows {shown}")
    return found


def _stretch(output: Mapping[str, Any], span: Mapping[str, Any]) -> str:
    records = output["records"][span["first_tick"] : span["first_tick"] + span["ticks"]]
    return f"{records[0]['clock']} to {records[-1]['clock']}"


def _moment(
    body: Mapping[str, Any], records: Sequence[Mapping[str, Any]], text: str
) -> tuple[Fraction, Fraction]:
    """The mission time that was meant, and how finely it was written, s."""
    clocks = clocks_of(body)
    match = _FACE.fullmatch(text.strip())
    if match is None:
        events = {name: Fraction(event["t"]) for name, event in body["events"].items()}
        try:
            moment = parse_moment(text)
        except ValueError as error:
            raise TimeUnknown(str(error)) from None
        t = resolve(moment, events=events, zero=clocks.zero, epoch=clocks.epoch)
        return t, Fraction(1, 1000)
    digits = match[4] or ""
    times = [Fraction(r["t"]) for r in records if r["t"] is not None]
    if not times:
        raise TimeUnknown("its pictures have no times", where=text)
    face = f"{int(match[1]):02d}:{match[2]}:{match[3]}{'.' if digits else ''}{digits}Z"
    days = dict.fromkeys(tai_to_utc(clocks.epoch.tai(t), 0)[:10] for t in (times[0], times[-1]))
    step = Fraction(1, 10 ** len(digits))
    meant = [resolve(parse_moment(f"{day}T{face}"), events={}, epoch=clocks.epoch) for day in days]
    low, high = min(times), max(times)
    return next((t for t in meant if low - step < t <= high), meant[0]), step


def _explain(body: Mapping[str, Any], output: Mapping[str, Any], tick: int) -> Explanation:
    record = output["records"][tick]
    span = next(
        s for s in output["spans"] if s["first_tick"] <= tick < s["first_tick"] + s["ticks"]
    )
    closed = span["close_ups"].get("+".join(record["show"]), span["tiles"])
    tiles = {tile["camera"]: tile for tile in closed}
    t = None if record["t"] is None else Fraction(record["t"])
    pictures = tuple(
        _picture(body, camera, cell, tiles[camera], t) for camera, cell in record["show"].items()
    )
    return Explanation(
        file=output["file"],
        tick=tick,
        film_s=None if output["rate"] is None else float(tick / Fraction(output["rate"])),
        mission=record["clock"],
        layout=span["layout"],
        title=span["title"],
        note=span["note"],
        pictures=pictures,
    )


def _picture(
    body: Mapping[str, Any],
    camera: str,
    cell: Sequence[Any],
    tile: Mapping[str, Any],
    t: Fraction | None,
) -> Picture:
    source = body["sources"][camera]
    state, frame, shares, *between = cell
    file = index = time = second = None
    if frame is not None:
        position, index, stamp = source["frames"][frame]
        file, time = source["files"][position], None if stamp is None else Fraction(stamp)
    if between:
        second = source["files"][source["frames"][between[0]][0]]["name"]
    resolution = Fraction(source["resolution_s"])
    return Picture(
        camera=camera,
        title=source["title"],
        state=state,
        file=file["name"] if file else None,
        index=index,
        version=file["version"] if file else None,
        sha256=file["sha256"] if file else None,
        file_b=second,
        fraction=float(Fraction(between[1])) if between else None,
        exposed=_when(clocks_of(body), time, resolution) if time is not None else None,
        resolution_s=float(resolution),
        error_s=float(time - t) if time is not None and t is not None else None,
        shares=shares,
        stages=tuple(stage["label"] for stage in source["stages"]),
        magnification=tile["magnification"],
        white=source["white"],
        how=source["how"],
        by_hand=source["by_hand"],
        credit=source["credit"],
    )


def _when(clocks: Clocks, time: Fraction, resolution_s: Fraction) -> str:
    face: Literal["utc", "t"] = "utc" if clocks.epoch.tai_s is not None else "t"
    if face == "t" and clocks.zero is None:
        return f"{float(time):.6f} s after {clocks.epoch.name}"
    return clocks.show(time, face, resolution_s, most_digits=6)
