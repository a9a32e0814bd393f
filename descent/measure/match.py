"""Cameras shown together, matched: one ground (and one white) looked at in both at once."""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from descent.clip import Clip
from descent.errors import FormatError
from descent.model import Job
from descent.plan import CameraPlan, canonical, plain
from descent.restore.match import Match, chosen, difference, ways
from descent.stages import run_stage
from descent.tools.files import write_text
from descent.work import checkpoint

MATCH_VERSION = "match.2"
INSTANTS = 16  # some measure, others choose how, the rest prove
WORK_PX = 480
_APART_S = Fraction(1, 4)  # the longest that two frames of one instant may be apart
_NEAR_PX = 14  # about a point that both show: there the ground is the same
_DARK, _BRIGHT = 0.004, 0.9
_FEWEST_PX = 200
_WORSE = 2.0  # of CIE 1976, by which one part may lie further off than before
_CELL_PX, _MOSTLY = 40, 0.5  # parts of an overlap, and how much of one must be good
Colours = tuple[NDArray[np.float64], NDArray[np.float64]]


def target_of(camera: CameraPlan) -> str | None:
    """The camera that this one is matched to; None where it is not. Raises for none named."""
    for part in camera.stages:
        if part.name == "match":
            to = part.params.get("to")
            if not to or to == camera.name:
                raise FormatError(
                    "does not say which other camera it is matched to",
                    where=f"cameras.{camera.name}.restore.match",
                    do="write match: {to: CAMERA}",
                )
            return str(to)
    return None


def match_job(
    here: Job,
    there: Job | None,
    camera: CameraPlan,
    other: CameraPlan | None,
    used: tuple[Sequence[int], Sequence[int]],
    files: Sequence[Path | None],
) -> Job:
    """The job that matches a camera to another: `used` and measured `files` of both."""
    to = target_of(camera)
    where = f"cameras.{camera.name}.restore.match"
    if other is None or there is None or not used[1]:
        raise FormatError(
            f"is matched to {to!r}, which no output shows",
            where=where,
            do=f"show {to} in an output, or match to a camera that is shown",
        )
    if target_of(other) is not None:
        raise FormatError(
            f"is matched to {to}, which is itself matched to {target_of(other)}",
            where=where,
            do=f"write to: {target_of(other)} for both",
        )
    times = [[c.track.times[i] for i in own] for c, own in zip((camera, other), used, strict=True)]
    picks = _instants(*times)
    if not picks:
        raise FormatError(
            f"and {to} have no frame of the same time", where=where,
            do=f"match to a camera that is shown while {camera.name} is",
        )  # fmt: skip
    args: dict[str, Any] = {"version": MATCH_VERSION, "picks": picks, "cameras": []}
    for job, file in zip((here, there), files, strict=True):
        args["cameras"].append({**job.args, "measured": str(file.absolute()) if file else None})
    key = hashlib.sha256(
        canonical([here.key, there.key, MATCH_VERSION, picks]).encode()
    ).hexdigest()
    outs = (f"measured/{camera.name}-match-{key[:16]}.json",)
    return Job(f"match-{key}", "descent.measure.match:match_cameras", plain(args), outs)


def _instants(mine: Sequence[Fraction], its: Sequence[Fraction]) -> list[list[int]]:
    """Frames of both (n, 2) that were taken at about one time, spread over all such."""
    pairs = []
    for k, time in enumerate(mine):
        at = bisect_left(its, time)
        near = [n for n in (at - 1, at) if 0 <= n < len(its)]
        best = min(near, key=lambda n: abs(its[n] - time), default=None)
        if best is not None and abs(its[best] - time) <= _APART_S:
            pairs.append([k, best])
    spread = np.unique(np.linspace(0, len(pairs) - 1, min(INSTANTS, len(pairs))).astype(int))
    return [pairs[n] for n in spread]


def match_cameras(args: Mapping[str, Any], outs: tuple[Path, ...]) -> dict[str, Any]:
    """The job: the matrix by half of the instants, and what it does to the others."""
    mine, its = args["cameras"]
    part = next(p for p in mine["stages"] if p["name"] == "match")
    params = Match.model_validate(part["params"])
    where = f"cameras.{mine['camera']}.restore.match"
    seen = []
    for a, b in _pictures(args["picks"], mine, its):
        checkpoint()
        seen.append(look(a, b, params))
    grounds = [s for s in seen if s.ground is not None]
    whites = [s for s in grounds if s.white is not None]
    if not grounds or (params.white and not whites):
        what = "white" if grounds else "ground"
        raise FormatError(
            f"and {params.to} show no unclipped {what} in common", where=where,
            do=f"mark one in both: {what}: [[0.5, 0.8], [0.4, 0.7]], across and down in each, "
            "or leave match out",
        )  # fmt: skip
    try:
        found = fitted(whites if params.white else grounds, marked=params.white is not None)
    except FormatError as error:
        raise FormatError(error.what, where=where, do=error.do) from None
    body: dict[str, Any] = {
        "to": params.to,
        **found,
        "ground": "marked" if params.ground else "found where they overlap",
        "white": "marked" if params.white else "each camera's own",
        "checks": max(len(s.checks) for s in seen),
    }
    write_text(outs[0], json.dumps({"version": MATCH_VERSION, **body}, indent=1) + "\n")
    return {k: found[k] for k in ("difference_before", "difference_after")}


class Seen(NamedTuple):
    """Colours (3,) of one instant in both cameras; None where they are clipped or in no view."""

    ground: Colours | None
    white: Colours | None
    checks: tuple[Colours, ...]


def look(a: NDArray[np.float32], b: NDArray[np.float32], params: Match) -> Seen:
    """What two pictures of one instant show of the ground, the white and the checks."""
    white = _patches(a, b, params.white, params.patch) if params.white else None
    marked = [_patches(a, b, points, params.patch) for points in params.check]
    checks = tuple(found for found in marked if found is not None)
    if params.ground:
        return Seen(_patches(a, b, params.ground, params.patch), white, checks)
    ground, cells = _overlap(a, b) or (None, ())
    return Seen(ground, white, checks + tuple(cells))


def fitted(seen: Sequence[Seen], *, marked: bool) -> dict[str, Any]:
    """The matrix by a third of the instants, chosen by the next, proved by the last.

    `marked` says that whites count; else each camera's own is neutral and is to stay so. Two
    instants measure and prove, one alone does both. Where the proof comes no nearer, nothing
    is done.
    """
    parts = [seen[k::3] for k in range(3)] if len(seen) >= 6 else [seen[::2]] + 2 * [seen[1::2]]
    fit, choose, prove = (part or seen for part in parts)
    ground = _middle([s.ground for s in fit if s.ground])
    white = _middle([s.white for s in fit if s.white]) if marked else None
    made = {"none": np.eye(3), **ways(ground, white)}
    told = {name: apart(matrix, choose, marked) for name, matrix in made.items()}
    # What brings the ground nearer by taking the white away, or the checks, is no match.
    fair = {
        name: float(np.mean(parts))
        for name, parts in told.items()
        if all(b <= a + _WORSE for a, b in zip(told["none"], parts, strict=True))
    }
    way = chosen(fair)
    before, after = (float(np.mean(apart(made[name], prove, marked))) for name in ("none", way))
    kept = after >= before
    return {
        "matrix": np.eye(3).tolist() if kept else np.round(made[way], 5).tolist(),
        "way": "none" if kept else way,
        "instants": len(seen),
        "difference_before": round(before, 3),
        "difference_after": round(before if kept else after, 3),
        "held_out": len(parts[2]),
        "kept_as_it_was": kept,
    }


def apart(matrix: NDArray[np.float64], seen: Sequence[Seen], marked: bool) -> list[float]:
    """How far ground, white and, where there are some, checks stay apart, CIE 1976.

    An unmarked white is a neutral that is to stay one: its brightness has no say.
    """

    def median(pairs: Sequence[Colours | None]) -> float:
        return float(np.median([difference(matrix @ p[0], p[1]) for p in pairs if p is not None]))

    grey = np.full(3, 0.5)
    made = matrix @ grey
    parts = [median([s.ground for s in seen])]
    parts.append(
        median([s.white for s in seen])
        if marked
        else difference(made / max(float(made.mean()), 1e-6) * 0.5, grey)
    )
    checks = [pair for s in seen for pair in s.checks]
    if checks:
        parts.append(float(np.mean([difference(matrix @ a, b) for a, b in checks])))
    return parts


def _middle(seen: Sequence[Colours]) -> tuple[list[float], list[float]]:
    one, two = (np.exp(np.median(np.log([pair[k] for pair in seen]), axis=0)) for k in (0, 1))
    return one.tolist(), two.tolist()


def _pictures(
    picks: Sequence[Sequence[int]], mine: Mapping[str, Any], its: Mapping[str, Any]
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Both cameras' pictures (rows, cols, 3) of each instant, restored, in linear light."""
    from descent.restore.light import as_linear

    clips = [_restored(camera) for camera in (mine, its)]
    pulls = [c.pull([pick[n] for pick in picks]) for n, c in enumerate(clips)]
    for frames in zip(*pulls, strict=True):
        pictures = []
        for frame, clip in zip(frames, clips, strict=True):
            assert frame is not None
            assert isinstance(frame.pixels, np.ndarray)
            light = as_linear(frame.pixels, clip.format)
            pictures.append(np.repeat(light[..., None], 3, axis=2) if light.ndim == 2 else light)
        yield pictures[0], pictures[1]


def _restored(args: Mapping[str, Any]) -> Clip:
    """A camera's frames after every stage but `match`."""
    from descent.measure.stages import open_camera

    clip = open_camera(args)
    found: Mapping[str, Any] = {}
    if args["measured"]:
        found = json.loads(Path(args["measured"]).read_text("utf-8"))["stages"]
    for part in args["stages"]:
        if part["name"] != "match":
            clip = run_stage(clip, part["name"], part["params"], found.get(part["name"]))
    return clip


def _patches(
    a: NDArray[np.float32],
    b: NDArray[np.float32],
    points: Sequence[Sequence[float]],
    patch: float,
) -> Colours | None:
    """The medians of the marked patch in both; None where one is clipped or black."""
    found = []
    for picture, (across, down) in zip((a, b), points, strict=True):
        rows, cols = picture.shape[:2]
        half = max(1, round(patch * cols / 2))
        y, x = round(down * (rows - 1)), round(across * (cols - 1))
        part = picture[max(0, y - half) : y + half + 1, max(0, x - half) : x + half + 1]
        middle = np.median(part.reshape(-1, 3), axis=0).astype(np.float64)
        if middle.min() < _DARK or middle.max() > _BRIGHT:
            return None
        found.append(middle)
    return found[0], found[1]


def _overlap(
    a: NDArray[np.float32], b: NDArray[np.float32]
) -> tuple[Colours, tuple[Colours, ...]] | None:
    """The medians of the ground that both show, found by its features; None where none is.

    Also those of its parts, cell by cell, which are checks: they hold other colours.
    """
    import cv2

    from descent.tools.register import features, match

    small = []
    for picture in (a, b):
        scale = min(1.0, WORK_PX / max(picture.shape[:2]))
        size = max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale))
        small.append(np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA)))
    found = match(*(features(np.sqrt(p.mean(axis=2))) for p in small))
    if found is None:
        return None
    rows, cols = small[1].shape[:2]
    laid = cv2.warpPerspective(small[0], found.matrix, (cols, rows))
    inside = cv2.warpPerspective(
        np.ones(small[0].shape[:2], np.float32), found.matrix, (cols, rows)
    )
    near = np.zeros((rows, cols), np.uint8)
    for x, y in np.rint(found.there).astype(int).tolist():
        cv2.circle(near, (x, y), _NEAR_PX, 1, -1)
    both = np.concatenate([laid, small[1]], axis=2)
    good = (inside > 0.99) & (near > 0) & (both.min(axis=2) > _DARK) & (both.max(axis=2) < _BRIGHT)
    if good.sum() < _FEWEST_PX:
        return None
    middle = np.median(both[good], axis=0).astype(np.float64)
    cells = []
    for y in range(0, rows - _CELL_PX + 1, _CELL_PX):
        for x in range(0, cols - _CELL_PX + 1, _CELL_PX):
            part = np.s_[y : y + _CELL_PX, x : x + _CELL_PX]
            if good[part].mean() > _MOSTLY:
                own = np.median(both[part][good[part]], axis=0).astype(np.float64)
                cells.append((own[:3], own[3:]))
    return (middle[:3], middle[3:]), tuple(cells)
