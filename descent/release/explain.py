"""What any second of a release video shows, and from which files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from descent.clock.doors import Clocks, Epoch
from descent.errors import VerifyError
from descent.release.manifest import read_manifest, seconds


@dataclass(frozen=True, slots=True)
class Picture:
    """One camera's picture in one frame of a video.

    `exposed` is the exposure mid-time in words with its resolution; `error_s` that time
    minus the frame's mission time; `filled` and `repaired` are shares of the shown pixels,
    0 to 1; `magnification` is output px a source px.
    """

    camera: str
    title: str
    state: str
    file: str | None
    index: int | None
    version: int | None
    sha256: str | None
    exposed: str | None
    resolution_s: float
    error_s: float | None
    filled: float
    repaired: float
    stages: tuple[str, ...]
    magnification: float
    white: str | None
    by_hand: bool
    credit: str | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """What one frame of a video shows."""

    video: str
    tick: int
    film_s: float
    mission: str
    span: str
    note: str | None
    pictures: tuple[Picture, ...]


def explain(
    video: Path, *, at_s: Fraction | None = None, utc_t: Fraction | None = None
) -> list[Explanation]:
    """What a release video shows at a film second, or at each showing of a mission time.

    `at_s` is seconds from the start of the video; `utc_t` mission time in s from the
    manifest's epoch: a span shown twice gives two explanations, first showing first.
    Raises `VerifyError` where the video is not of the release in its folder, or the time
    is not in it.
    """
    body = read_manifest(video.parent)
    output = _output(body, video)
    return [_explain(body, output, tick) for tick in _ticks(output, video, at_s, utc_t)]


def clocks_of(body: Mapping[str, Any]) -> Clocks:
    """The clocks that a manifest's times count by."""
    clocks = body["clocks"]
    tai, zero = clocks["epoch_tai_s"], clocks["zero_s"]
    epoch = Epoch(None if tai is None else seconds(tai), clocks["epoch"])
    return Clocks(epoch, None if zero is None else seconds(zero))


def _output(body: Mapping[str, Any], video: Path) -> Mapping[str, Any]:
    for output in body["outputs"].values():
        if output.get("file") == video.name and "records" in output:
            return dict(output)
    known = ", ".join(sorted(o["file"] for o in body["outputs"].values() if "file" in o))
    raise VerifyError(
        "is not in the manifest beside it", where=str(video), do=f"name one of {known}"
    )


def _ticks(
    output: Mapping[str, Any], video: Path, at_s: Fraction | None, utc_t: Fraction | None
) -> list[int]:
    rate, frames = Fraction(output["rate"]), len(output["records"])
    if at_s is not None:
        tick = int(at_s * rate)
        if not 0 <= tick < frames:
            raise VerifyError(
                f"has no frame at {float(at_s):g} s",
                where=str(video),
                do=f"it runs from 0 to {float(frames / rate):g} s",
            )
        return [tick]
    if utc_t is None:
        raise ValueError("explain needs at_s or utc_t")
    found = []
    for span in output["spans"]:
        first, count = span["first_tick"], span["ticks"]
        times = [seconds(r["t"]) for r in output["records"][first : first + count]]
        if times and times[0] <= utc_t <= times[-1]:
            near = min(range(count), key=lambda k: (abs(times[k] - utc_t), k))
            found.append(first + near)
    if not found:
        spans = [(output["records"][s["first_tick"]]["clock"]) for s in output["spans"]]
        raise VerifyError(
            "does not show that time", where=str(video), do=f"its spans start at {', '.join(spans)}"
        )
    return found


def _explain(body: Mapping[str, Any], output: Mapping[str, Any], tick: int) -> Explanation:
    record = output["records"][tick]
    span = next(
        s for s in output["spans"] if s["first_tick"] <= tick < s["first_tick"] + s["ticks"]
    )
    rate = Fraction(output["rate"])
    tiles = {tile["camera"]: tile for tile in span["tiles"]}
    pictures = tuple(
        _picture(body, camera, cell, tiles.get(camera, {}), seconds(record["t"]))
        for camera, cell in record["show"].items()
    )
    return Explanation(
        video=output["file"],
        tick=tick,
        film_s=float(tick / rate),
        mission=record["clock"],
        span=span.get("title") or span["layout"],
        note=span["note"],
        pictures=pictures,
    )


def _picture(
    body: Mapping[str, Any], camera: str, cell: list[Any], tile: Mapping[str, Any], t: Fraction
) -> Picture:
    source = body["sources"][camera]
    state, frame, filled, repaired = cell
    file = index = time = None
    if frame is not None:
        position, index, stamp = source["frames"][frame]
        file, time = source["files"][position], seconds(stamp)
    resolution_s = float(source["resolution_s"])
    return Picture(
        camera=camera,
        title=source["title"],
        state=state,
        file=file["name"] if file else None,
        index=index,
        version=file["version"] if file else None,
        sha256=file["sha256"] if file else None,
        exposed=_when(clocks_of(body), time, resolution_s) if time is not None else None,
        resolution_s=resolution_s,
        error_s=float(time - t) if time is not None else None,
        filled=filled,
        repaired=repaired,
        stages=tuple(stage["label"] for stage in source["stages"]),
        magnification=tile.get("magnification", 1.0),
        white=source.get("white"),
        by_hand=source["by_hand"],
        credit=source.get("credit"),
    )


def _when(clocks: Clocks, time: Fraction, resolution_s: float) -> str:
    face: Literal["utc", "t"] = "utc" if clocks.epoch.tai_s is not None else "t"
    if face == "t" and clocks.zero is None:
        return f"{float(time):.6f} s after {clocks.epoch.name}"
    return clocks.show(time, face, Fraction(str(resolution_s)), most_digits=6)
