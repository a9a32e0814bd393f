"""How a camera turned, from its frames read small: one job a few hundred frames."""

from __future__ import annotations

import hashlib
import json
import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from descent.clock.motion import Turned
from descent.clock.stir import MOST_PICTURES, thumb
from descent.clock.turns import turns
from descent.model import Format, Frame, Job, Planes, Shot
from descent.plan import canonical, plain
from descent.sources.reader import open_clip
from descent.sources.scan import open_video
from descent.sources.video import turn_of
from descent.sources.yuv import source_of
from descent.tools.files import atomic, write_text
from descent.work import Progress, checkpoint, run

TURNS_VERSION = "turns.7"
WIDE_PX = 360  # pictures are read about so wide, or high: finer ones tell the turns little better
FRAMES_A_JOB = 240
CLIP_FRAMES_A_JOB = 900  # a job begins at a keyframe, which may lie far back
LOOKED_AT_S = 4.0  # pictures of so long are compared to find what rides with the camera
USUAL_VIEW_DEG = 60.0  # where a config says no `view`


@dataclass(frozen=True, slots=True)
class Seen:
    """What a camera saw: its turns, and the share of its pictures in which nothing moved.

    `least_steady` is that share in the job where it is least: what another body rode before
    and then left may be most of a long record.
    `thumbs` are the files of its pictures smaller still, (n, rows, cols) each, one a job; of
    a camera that moves, and beyond the first `stir.MOST_PICTURES`, they are empty. `own` are
    its turns less those of pictures in which hardly anything moved.
    """

    turned: Turned
    steady: float
    thumbs: tuple[Path, ...] = ()
    least_steady: float = 0.0
    own: Turned | None = None


STEADY = 0.75
"""The share of a camera's pictures in which nothing moves that makes it a fixed one."""

LEAST_STEADY = 0.5
"""The share of a job's pictures in which nothing moves below which none are kept: it moves."""

Greys = Iterator[NDArray[np.uint8]]


def measure_turns(
    cameras: Mapping[str, tuple[Sequence[Shot], Sequence[float], Format, float]],
    *,
    store: Path,
    workers: int | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> dict[str, Seen]:
    """The turns of each camera: (shots, their own times in s, format, view in degrees).

    The frames are read in jobs of a few hundred, in parallel; what was read is kept in
    `store` under a name that changes with the files. Memory is that of a few seconds of
    small pictures a worker, however long the clips.
    """
    jobs: dict[str, list[Job]] = {}
    for name, (shots, times, stored, view_deg) in cameras.items():
        step_s = float(np.median(np.diff(times))) if len(times) > 1 else 1.0
        stretch = int(np.clip(round(LOOKED_AT_S / max(step_s, 1e-3)), 12, 300))
        # Neighbouring jobs share a frame, so that no turn between them is lost.
        size = CLIP_FRAMES_A_JOB if _is_clip(shots) else FRAMES_A_JOB
        firsts = range(0, max(1, len(shots) - 1), size)
        jobs[name] = [
            _job(name, k, shots[k : k + size + 1], stored, view_deg, stretch) for k in firsts
        ]
    every = [job for own in jobs.values() for job in own]
    run(every, store=store, workers=workers, progress=progress).check()
    found = {}
    for name, (_, times, _, _) in cameras.items():
        parts = [json.loads((store / job.outs[0]).read_text("utf-8")) for job in jobs[name]]
        by = [row for part in parts for row in part["by"]]
        noise = [math.inf if v is None else v for part in parts for v in part["noise"]]
        turned = Turned(
            np.asarray(times, np.float64), np.array(by, np.float64).reshape(-1, 3),
            np.array(noise, np.float64),
            np.array([v for part in parts for v in part["zoom"]], np.float64),
            np.array([v for part in parts for v in part["twist"]], np.float64),
        )  # fmt: skip
        counts = [max(len(part["by"]), 1) for part in parts]
        steady = float(np.average([part["steady"] for part in parts], weights=counts))
        whole = replace(turned, noise=np.where(_gaps(turned.times), np.inf, turned.noise))
        stood = np.array([v for part in parts for v in part["stood"]]) >= STEADY
        own = replace(whole, noise=np.where(stood, np.inf, whole.noise))
        thumbs = tuple(store / job.outs[1] for job in jobs[name])
        least_steady = min(part["steady"] for part in parts)
        found[name] = Seen(whole, steady, thumbs, least_steady, own)
    return found


def comparable(a: Seen, b: Seen) -> tuple[Turned, Turned]:
    """The turns of two cameras that may be held against each other.

    What moves before a fixed camera is no turn of it, so of two such cameras only what they
    turned themselves is. Where one moves all is: under the other another body may ride.
    """
    if min(a.steady, b.steady) >= STEADY and a.own is not None and b.own is not None:
        return a.own, b.own
    return a.turned, b.turned


def _job(
    name: str, first: int, shots: Sequence[Shot], stored: Format, view_deg: float, stretch: int
) -> Job:
    decides = {
        "version": TURNS_VERSION,
        "frames": [[str(s.path.absolute()), s.size, s.mtime_ns, s.index, s.pts] for s in shots],
        "stored": stored,
        "view_deg": view_deg,
        "stretch": stretch,
        "factor": _factor(stored),
        "thumbs": first < MOST_PICTURES,
    }
    key = hashlib.sha256(canonical(decides).encode()).hexdigest()
    args = {**plain(decides), "camera": name}
    outs = (f"measured/turns-{name}-{key[:16]}.json", f"measured/thumbs-{name}-{key[:16]}.npy")
    call = "descent.measure.motion:turns_of_frames"
    return Job(f"turns-{key}", call, args, outs, weight=len(shots))


def turns_of_frames(args: Mapping[str, Any], outs: tuple[Path, ...]) -> dict[str, Any]:
    """The job: read the frames small, follow what they show, write the turns down."""
    shots = [
        Shot(args["camera"], Path(path), None, index, size=size, mtime_ns=mtime_ns, pts=pts)
        for path, size, mtime_ns, index, pts in args["frames"]
    ]
    stored = Format(**args["stored"])
    focal_px = 0.5 * small_cols(stored) / math.tan(math.radians(args["view_deg"]) / 2)
    thumbs: list[NDArray[np.uint8]] = []

    def kept() -> Greys:
        for picture in small_pictures(shots, stored):
            if args["thumbs"]:
                thumbs.append(thumb(picture))
            yield picture

    seen = turns(kept(), focal_px, stretch=args["stretch"])
    if seen.steady < LEAST_STEADY:
        thumbs.clear()
    with atomic(outs[1]) as path, path.open("wb") as file:
        np.save(file, np.stack(thumbs) if thumbs else np.zeros((0, 0, 0), np.uint8))
    body = {
        "version": TURNS_VERSION,
        "camera": args["camera"],
        "by": [[round(float(v), 8) for v in row] for row in seen.by],
        "noise": [round(float(v), 8) if np.isfinite(v) else None for v in seen.noise],
        "zoom": [round(float(v), 8) for v in seen.zoom],
        "twist": [round(float(v), 8) for v in seen.twist],
        "state": [int(v) for v in seen.state],
        "steady": round(seen.steady, 4),
        "stood": [round(float(v), 3) for v in seen.stood],
    }
    write_text(outs[0], json.dumps(body) + "\n")
    return {"says": seen.says}


def small_cols(stored: Format) -> int:
    """The width in px to which frames of a format are read."""
    return stored.cols // _factor(stored)


def _factor(stored: Format) -> int:
    return max(1, round(max(stored.rows, stored.cols) / WIDE_PX))


def small_pictures(shots: Sequence[Shot], stored: Format) -> Greys:
    """The frames as small grey pictures (rows, cols) uint8, one at a time."""
    import cv2

    factor = _factor(stored)
    rows, cols = stored.rows // factor, stored.cols // factor
    for whole in _lumas(shots, stored) if _is_clip(shots) else _greys(shots, stored):
        checkpoint()
        # Any two by two of a mosaic hold each colour alike.
        grey = cv2.blur(whole, (2, 2)) if stored.kind == "mosaic" else whole
        if factor > 1:
            grey = grey[: rows * factor, : cols * factor]
            # By halves first, which is many times quicker than all at once.
            left = factor
            while left % 2 == 0 and left > 1:
                left //= 2
                size = cols * left, rows * left
                grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
            if left > 1:
                grey = cv2.resize(grey, (cols, rows), interpolation=cv2.INTER_AREA)
        yield np.array(grey, np.uint8)


def _is_clip(shots: Sequence[Shot]) -> bool:
    return all(shot.pts is not None for shot in shots)


def _lumas(shots: Sequence[Shot], stored: Format) -> Iterator[NDArray[Any]]:
    """The luma of a clip's frames as it was decoded, where nothing has to be done to it."""
    at = 0
    while at < len(shots):
        path = shots[at].path
        own = [shot for shot in shots[at:] if shot.path == path]
        for luma in _forward(path, [shot.pts for shot in own], stored):
            yield luma
            at += 1
        if at < len(shots) and shots[at].path == path:
            # The careful reader takes what this cannot, or says what is wrong with it.
            rest = [shot for shot in shots[at:] if shot.path == path]
            yield from _greys(rest, stored)
            at += len(rest)


def _forward(path: Path, wanted: Sequence[int | None], stored: Format) -> Iterator[NDArray[Any]]:
    """The luma of frames by their time stamps, decoded straight on; stops at the first odd one."""
    container, stream = open_video(path)
    context = stream.codec_context
    context.thread_count = 1
    # Seams between blocks stay in pictures that few others are made from: a sixth less to do,
    # and 0.2 grey levels off once they are small.
    context.options = {"skip_loop_filter": "bidir"}
    left = deque(wanted)
    try:
        container.seek(wanted[0] or 0, stream=stream, backward=True)
        for frame in container.decode(stream):
            if frame.pts is None or frame.pts < (left[0] or 0):
                continue
            source = source_of(frame, str(context.name))
            as_is = source.bits == 8 and frame.format.is_planar and source.matrix != "rgb"
            if frame.pts != left[0] or frame.is_corrupt or not as_is or turn_of(frame):
                return
            if (frame.height, frame.width) != (stored.rows, stored.cols):
                return
            plane = frame.planes[0]
            rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
            yield rows[: frame.height, : frame.width]
            left.popleft()
            if not left:
                return
    except (OSError, ValueError):  # PyAV's errors are of these
        return
    finally:
        container.close()


def _greys(shots: Sequence[Shot], stored: Format) -> Iterator[NDArray[Any]]:
    """The frames of any camera in grey, at their full size."""
    even = stored.rows % 2 == 0 and stored.cols % 2 == 0
    planes = stored.kind == "rgb" and stored.transfer != "raw" and even
    clip = open_clip(shots, [Fraction(k) for k in range(len(shots))], stored, planes=planes)
    for frame in clip.pull(range(len(shots))):
        assert frame is not None
        yield _grey(frame, stored)


def _grey(frame: Frame, stored: Format) -> NDArray[Any]:
    import cv2

    if isinstance(frame.pixels, Planes):
        return frame.pixels.y
    pixels = frame.pixels
    if pixels.ndim == 3:
        pixels = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY))
    if pixels.dtype != np.uint8:
        pixels = np.clip(pixels * (255.0 / stored.white), 0, 255).astype(np.uint8)
    return pixels


def _gaps(times: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which turns (n-1,) bridge a gap of more than a second and many frames: nobody saw them."""
    steps = np.diff(times)
    return np.asarray(steps > max(1.0, 8 * float(np.median(steps))))
