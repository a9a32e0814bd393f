"""Cameras that nothing else ties, held against each other by the body that each sees.

What a camera sees is followed from key pictures, shape and poses are adjusted to it, and only
the poses are kept. Frames are read once more for it, small and no more than some a second.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations, islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from descent.clock.faces import LEAST_S, MUTUAL, Posed, fit_faces
from descent.clock.follow import runs
from descent.clock.joint import Tie
from descent.clock.rigid import body_of
from descent.errors import UnsureSync
from descent.measure.motion import small_cols, small_pictures
from descent.measure.views import Against
from descent.model import Format, Job, Shot
from descent.plan import canonical, plain
from descent.tools.files import write_text
from descent.work import Progress, run

BODIES_VERSION = "bodies.1"
RATE = 15.0  # pictures a second, about: more cost more and tell little more
BLOCK = 900  # pictures that a job holds, 97 KB each
SHARED = 300  # of them with the next job, so that what happens in between is seen whole

Eyes = Mapping[str, tuple[Sequence[Shot], Sequence[float], Format, float]]


def tie_bodies(
    cameras: Eyes,
    ties: Sequence[Tie],
    most_s: Callable[[str, str], float],
    *,
    store: Path,
    workers: int | None = None,
    progress: Callable[[Progress], None] | None = None,
    say: Callable[[str, int, int], None],
) -> tuple[list[Tie], list[Against], dict[str, list[Posed]]]:
    """Ties by mutual motion between cameras that `ties` do not join, and why not the others.

    `cameras` holds those that move: frames, their own times in s, format and angle of view in
    degrees; `most_s` is how far apart the clocks of two can be. What is refused is told as
    (a, b, why, what helps); the bodies that were looked for come last, for drawing.
    """
    pairs = [pair for pair in combinations(cameras, 2) if not _joined(*pair, ties)]
    names = {name for pair in pairs for name in pair}
    eyes = {name: cameras[name] for name in cameras if name in names}
    seen = measure_bodies(eyes, store=store, workers=workers, progress=progress) if eyes else {}
    found: list[Tie] = []
    against: list[Against] = []
    for count, (a, b) in enumerate(pairs, 1):
        try:
            found.append(Tie(a, b, fit_faces(seen[a], seen[b], most_s(a, b)), MUTUAL))
        except UnsureSync as error:
            against.append((a, b, f"by mutual motion: {error.what}", error.do))
        say(MUTUAL, count, len(pairs))
    return found, against, seen


def _joined(a: str, b: str, ties: Sequence[Tie]) -> bool:
    """Whether ties lead from one camera to the other."""
    reached = {a}
    for _ in ties:
        reached |= {n for t in ties if {t.a, t.b} & reached for n in (t.a, t.b)}
    return b in reached


def measure_bodies(
    cameras: Eyes,
    *,
    store: Path,
    workers: int | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> dict[str, list[Posed]]:
    """The bodies that each camera saw: (shots, their own times in s, format, view in degrees).

    Jobs run in parallel, and what they find is kept in `store` under a name that changes with
    the files. A worker holds `BLOCK` small pictures, 90 MB, however long the clips.
    """
    jobs: dict[str, list[tuple[Job, NDArray[np.float64]]]] = {}
    for name, (shots, times, stored, view_deg) in cameras.items():
        own = np.asarray(times, np.float64)
        rate = 1 / max(float(np.median(np.diff(own))), 1e-6) if len(own) > 1 else 1.0
        every = max(1, round(rate / RATE))
        block, step = BLOCK * every, (BLOCK - SHARED) * every
        firsts = range(0, max(1, len(shots) - SHARED * every), step)
        jobs[name] = [
            (_job(name, shots[k : k + block], stored, view_deg, every, rate / every),
             own[k : k + block : every])
            for k in firsts
        ]  # fmt: skip
    every_job = [job for own_jobs in jobs.values() for job, _ in own_jobs]
    run(every_job, store=store, workers=workers, progress=progress).check()
    return {
        name: [posed for job, own in own_jobs for posed in _read(store / job.outs[0], own)]
        for name, own_jobs in jobs.items()
    }


def _job(
    name: str, shots: Sequence[Shot], stored: Format, view_deg: float, every: int, rate: float
) -> Job:
    # Of stills those that are not needed are not read; clips are decoded straight on.
    clip = all(shot.pts is not None for shot in shots)
    chosen, skip = (shots, every) if clip else (shots[::every], 1)
    decides = {
        "version": BODIES_VERSION,
        "frames": [[str(s.path.absolute()), s.size, s.mtime_ns, s.index, s.pts] for s in chosen],
        "stored": stored,
        "view_deg": view_deg,
        "every": skip,
        "rate": round(rate, 6),
    }
    key = hashlib.sha256(canonical(decides).encode()).hexdigest()
    outs = (f"measured/bodies-{name}-{key[:16]}.json",)
    call = "descent.measure.bodies:bodies_of_frames"
    return Job(f"bodies-{key}", call, {**plain(decides), "camera": name}, outs, weight=len(chosen))


def bodies_of_frames(args: Mapping[str, Any], outs: tuple[Path, ...]) -> dict[str, Any]:
    """The job: read the frames small, follow a body, find its poses, write these down."""
    shots = [
        Shot(args["camera"], Path(path), None, index, size=size, mtime_ns=mtime_ns, pts=pts)
        for path, size, mtime_ns, index, pts in args["frames"]
    ]
    stored = Format(**args["stored"])
    focal_px = 0.5 * small_cols(stored) / math.tan(math.radians(args["view_deg"]) / 2)
    pictures = list(islice(small_pictures(shots, stored), 0, None, args["every"]))
    found = []
    for followed in runs(pictures, args["rate"], LEAST_S):
        body = body_of(followed, focal_px)
        if body is not None:
            rows = np.concatenate([body.turn.reshape(-1, 9), body.place], axis=1)
            found.append({
                "first": body.first, "corners": body.corners,
                "left_px": round(body.left_rad * focal_px, 3),
                "poses": [[round(float(v), 8) for v in row] for row in rows],
            })  # fmt: skip
    body_text = {"version": BODIES_VERSION, "camera": args["camera"], "bodies": found}
    write_text(outs[0], json.dumps(body_text) + "\n")
    return {"says": f"{len(found)} bodies followed"}


def _read(path: Path, times: NDArray[np.float64]) -> Iterator[Posed]:
    """The bodies that a job found, at the times (n,) s of its pictures."""
    for body in json.loads(path.read_text("utf-8"))["bodies"]:
        rows = np.array(body["poses"], np.float64)
        own = times[body["first"] : body["first"] + len(rows)]
        yield Posed(own, rows[:, :9].reshape(-1, 3, 3), rows[:, 9:])
