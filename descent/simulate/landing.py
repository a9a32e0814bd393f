"""The synthetic landing as files: which frames, by whose clock, under which names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from fractions import Fraction
from math import pi, sin
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np

from descent.clock.expression import parse_moment
from descent.errors import DescentError, TimeUnknown
from descent.simulate import sensor, truth
from descent.simulate.clocks import CALM, FLIGHT, CameraClock, Disturbance, make_clock, stream
from descent.simulate.optics import CAMERAS
from descent.simulate.scene import Scene
from descent.simulate.trajectory import EVENTS, SCLK_ZERO, Trajectory
from descent.sources.names import Mars2020Name
from descent.tools.text import did_you_mean

Names = Literal["archive", "public_feed", "plain"]
When = str | float
Windows = Mapping[str, Sequence[tuple[When, When]]]

# What is worth showing of each camera: about a thousand frames.
HIGHLIGHTS: dict[str, tuple[tuple[When, When], ...]] = {
    "puc1": (("parachute - 0.3s", "parachute + 3.2s"),),
    "rdc": (("heat_shield - 0.5s", "heat_shield + 4s"), ("touchdown - 8s", "touchdown + 0.5s")),
    "ddc": (("rover_lowered - 0.5s", "bridles_cut + 1s"),),
    "ruc": (
        ("rover_lowered - 0.5s", "rover_lowered + 4.5s"),
        ("bridles_cut - 0.5s", "bridles_cut + 2.5s"),
    ),
}
# The longest share of a frame's interval that a shutter may stay open.
_OPEN = 0.93


@dataclass(frozen=True)
class Task:
    """One frame to make."""

    clock: CameraClock
    frame: int
    exposure_s: float
    file: str


def landing(
    folder: Path | str,
    *,
    seed: int = 1,
    scale: Fraction | float | str = Fraction(1, 2),
    start: When | None = None,
    end: When | None = None,
    cameras: Sequence[str] = tuple(CAMERAS),
    windows: Windows | None = None,
    names: Names = "archive",
    flight: bool = False,
    stretch: bool | None = None,
    every: int = 1,
    truth_frames: bool = False,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Make the frames of the synthetic landing and return the path of their truth.json.

    A folder a camera, each frame an 8-bit Bayer mosaic (rows, cols) as PNG. The same
    arguments give the same bytes, with any number of workers.

    Parameters
    ----------
    scale : share of the real size (1: 1280 x 1024, DDC 2048 x 1536); a larger one takes
        longer with its square.
    start, end : times such as "touchdown - 2s", or SCLK in s; with them all cameras run
        from `start` to `end`.
    windows : for each camera spans of such times, half-open; without any times, HIGHLIGHTS.
    names : archive names carry the time of exposure by the camera's clock, public_feed
        names the time the product was made, days later; plain names only the frame number.
    flight : the least disturbances that later checks use: swing 0.2 rad/s, clocks off by
        up to 2 s and 100 ppm, 2 % drops, noise, frames stretched, and 3 to 12 px of blur
        (at full size) while a camera's subject moves; each frame's own is in the truth.
    stretch : whether each frame is stretched by itself; default: public_feed and flight do.
    every : keep each n-th frame; a larger one makes fewer.
    truth_frames : also write the sharp picture of each mid-exposure to truth/CAMERA, linear
        RGB (rows, cols, 3) in 16 bits, 65535 being raw count 255.

    Raises
    ------
    DescentError
        for an unknown camera, a size out of range, or a span in which no camera runs.
    TimeUnknown
        for a time that is neither a number nor an event with an offset.
    """
    share = _scale(scale)
    rough = FLIGHT if flight else CALM
    if stretch is not None or names == "public_feed":
        rough = replace(rough, stretch=True if stretch is None else stretch)
    path = Trajectory(seed, rough.swing)
    spans = _spans(cameras, windows, start, end)
    scene = Scene(seed, share, path)
    tasks, dropped = _tasks(scene, spans, rough, names=names, seed=seed, every=every)
    if not tasks:
        raise DescentError("no camera runs in these spans", do=f"choose from {_runs()}")
    out = Path(folder)
    _vacate(out, tasks)
    for name in {t.clock.camera.name for t in tasks}:
        (out / name).mkdir(parents=True, exist_ok=True)
        if truth_frames:
            (out / "truth" / name).mkdir(parents=True, exist_ok=True)
    # In the order of time, so that the ground's levels are made as the height falls.
    tasks.sort(key=lambda t: (t.clock.opens(t.frame), t.clock.camera.name))
    # Each level goes when the last frame that draws it is done.
    last: dict[int, int] = {}
    for i, t in enumerate(tasks):
        last.update(dict.fromkeys(scene.needed(t.clock.camera, t.clock.opens(t.frame)), i))
    scene.ground.wanted = frozenset(last)
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in CAMERAS}
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        with ThreadPoolExecutor(max(1, workers)) as pool:
            made = pool.map(lambda t: _make(scene, t, rough, out, truth_frames), tasks)
            for done, (task, row) in enumerate(zip(tasks, made, strict=True), 1):
                rows[task.clock.camera.name].append(row)
                for level in [k for k, i in last.items() if i == done - 1]:
                    scene.ground.release(level)
                if progress is not None:
                    progress(done, len(tasks))
    finally:
        cv2.setNumThreads(threads)
    parts = {
        t.clock.camera.name: truth.camera_truth(
            t.clock, share, rows[t.clock.camera.name], dropped[t.clock.camera.name]
        )
        for t in tasks
    }
    shown = {name: spans[name] for name in parts}
    return truth.write(
        out, seed=seed, scale=share, names=names, flight=flight, rough=rough, path=path,
        cameras=parts, shown=shown,
    )  # fmt: skip


def _vacate(out: Path, tasks: Sequence[Task]) -> None:
    """Refuse a folder that holds frames of another landing; they would mix unseen."""
    ours = {f"{t.clock.camera.name}/{t.file}" for t in tasks}
    for name in CAMERAS:
        for path in (out / name).glob("*"):
            if f"{name}/{path.name}" not in ours:
                raise DescentError(
                    "holds a frame that this landing does not make", where=str(path),
                    do="name an empty folder, or remove this one",
                )  # fmt: skip
    (out / "truth.json").unlink(missing_ok=True)


def _make(scene: Scene, task: Task, rough: Disturbance, out: Path, sharp: bool) -> dict[str, Any]:
    camera, seed = task.clock.camera, task.clock.seed
    opens = task.clock.opens(task.frame)
    light = scene.expose(camera, opens, task.exposure_s)
    rng = stream(seed, camera.name, task.frame, "noise")
    raw = sensor.counts(sensor.electrons(light, camera), rng, rough.read_noise_e)
    clock_s = task.clock.stamp(task.frame)
    # A frame narrower than the header is of no camera; it then holds what fits.
    head = sensor.header(task.frame, clock_s, task.exposure_s, raw.shape)[: raw.shape[1]]
    raw[0, : len(head)] = head
    change = sensor.Stretch()
    if rough.stretch:
        change = sensor.find_stretch(raw[1:], stream(seed, camera.name, task.frame, "stretch"))
        raw = sensor.stretched(raw, change)
    _write(out / camera.name / task.file, raw)
    if sharp:
        still = scene.sharp(camera, opens + task.exposure_s / 2)
        shade = np.array(camera.response, np.float32) * np.float32(camera.level)
        deep = np.clip(np.rint(still * shade * np.float32(65535)), 0, 65535).astype(np.uint16)
        _write(out / "truth" / camera.name / task.file, np.ascontiguousarray(deep[..., ::-1]))
    return truth.frame_truth(
        scene, task.clock, task.frame, task.exposure_s, f"{camera.name}/{task.file}", change
    )


def _write(path: Path, picture: Any) -> None:
    done, data = cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 2])
    if not done:
        raise DescentError("the PNG encoder refused a frame", where=str(path))
    path.write_bytes(data.tobytes())


def _tasks(
    scene: Scene, spans: Mapping[str, list[tuple[float, float]]], rough: Disturbance, *,
    names: Names, seed: int, every: int,
) -> tuple[list[Task], dict[str, list[int]]]:  # fmt: skip
    tasks: list[Task] = []
    dropped: dict[str, list[int]] = {}
    for name, stretches in spans.items():
        clock = make_clock(CAMERAS[name], seed, rough)
        wanted = sorted({i for low, high in stretches for i in clock.frames(low, high)})[::every]
        dropped[name] = [i for i in wanted if clock.dropped(i)]
        for frame in wanted:
            if not clock.dropped(frame):
                exposure = _exposure(scene, clock, frame, rough)
                tasks.append(Task(clock, frame, exposure, file_name(clock, frame, names)))
    return tasks, dropped


def _exposure(scene: Scene, clock: CameraClock, frame: int, rough: Disturbance) -> float:
    """The exposure of a frame in s: fixed in calm, in flight such that its subject smears."""
    camera = clock.camera
    if rough.blur_px is None:
        return camera.exposure_s
    longest = _OPEN / float(camera.rate)
    opens = clock.opens(frame)
    # The metering hunts slowly between a third and two thirds of the allowed blur.
    least, most = rough.blur_px
    aim = least + (most - least) * (0.36 + 0.14 * sin(2 * pi * opens / 3.1 + camera.rows))
    exposure = longest / 3
    for _ in range(3):
        # Speed changes while the shutter is open: look again at what it would have seen.
        ends = scene.motion(camera, opens, exposure, 9)[[0, -1]] / float(scene.scale)
        smear = float(np.sqrt(((ends[1] - ends[0]) ** 2).sum())) * 9 / 8
        exposure = min(longest, max(0.0008, exposure * aim / max(smear, 1e-6)))
    return round(exposure, 7)


def file_name(clock: CameraClock, frame: int, names: Names) -> str:
    """The file name of a frame, suffix included."""
    camera = clock.camera
    if names == "plain":
        return f"{camera.name}_{frame:06}.png"
    if names == "archive":
        sol, sclk = 0, clock.stamp(frame)
        product, number, colour = "FDR", f"{frame:07}", "F"
        specific, compression = "_000", "LU"
    else:
        # Products are made one by one, hours and days after the landing.
        sclk = Fraction(667022261840 + 5741 * frame + 131 * (frame % 7), 1000)
        sol = 1 + int(sclk - 667022261) // 88775
        product, number, colour = "ECM", "0010052", "E"
        specific, compression = "_001", "LU"
    milliseconds = int(sclk * 1000)
    return (
        Mars2020Name(
            instrument=camera.instrument, colour=colour, sol=sol,
            clock_s=milliseconds // 1000, clock_ms=milliseconds % 1000, product=product,
            site=number[:3], drive=number[3:], sequence=f"EDLC{sol:05}",
            camera_specific=specific, downsample="0", compression=compression, producer="J",
            version_text="01",
        ).text()
        + ".png"
    )  # fmt: skip


def _scale(scale: Fraction | float | str) -> Fraction:
    try:
        share = Fraction(str(scale)).limit_denominator(1024)
    except (ValueError, ZeroDivisionError):
        share = Fraction(0)
    if not Fraction(1, 64) <= share <= 2:
        raise DescentError(f"a scale of {scale}", do="write a share of the real size, 1/64 to 2")
    return share


def _runs() -> str:
    return ", ".join(f"{c.name} {c.starts:.1f} to {c.ends:.1f}" for c in CAMERAS.values())


def moment(when: When) -> float:
    """A time as seconds after SCLK 666952000: "touchdown - 2s", "sclk:666952937.7" or a number."""
    if isinstance(when, (int, float)):
        return float(when) - (SCLK_ZERO if when >= SCLK_ZERO else 0)
    parsed = parse_moment(when)
    if parsed.kind == "event" and parsed.base in EVENTS:
        return EVENTS[parsed.base] + float(parsed.offset_s)
    if parsed.kind == "t":
        return EVENTS["touchdown"] + float(parsed.offset_s)
    if parsed.kind == "sclk":
        return float(Fraction(parsed.base) + parsed.offset_s - SCLK_ZERO)
    hint = did_you_mean(parsed.base, EVENTS) or f"write one of {', '.join(EVENTS)}"
    raise TimeUnknown(f"{when!r} is no time of the landing", do=hint)


def _spans(
    cameras: Sequence[str], windows: Windows | None, start: When | None, end: When | None
) -> dict[str, list[tuple[float, float]]]:
    for name in (*cameras, *(windows or ())):
        if name not in CAMERAS:
            hint = did_you_mean(name, CAMERAS) or f"write one of {', '.join(CAMERAS)}"
            raise DescentError(f"there is no camera {name!r}", do=hint)
    if windows is None and start is None and end is None:
        windows = HIGHLIGHTS
    if windows is not None:
        return {
            name: sorted((moment(a), moment(b)) for a, b in windows[name])
            for name in CAMERAS
            if name in cameras and name in windows
        }
    low = -1e9 if start is None else moment(start)
    high = 1e9 if end is None else moment(end)
    return {
        n: [(max(low, c.starts), min(high, c.ends))]
        for n, c in CAMERAS.items()
        if n in cameras and max(low, c.starts) < min(high, c.ends)
    }
