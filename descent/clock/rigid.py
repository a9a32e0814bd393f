"""A rigid body's shape and its pose in every picture, from corners followed on it.

Corners that one similarity a picture does not explain move with their depth: the first
component of what is left tells depths and tilts, but for which of the two is how large and
whether both are turned over. Both are then adjusted with the poses (bundle adjustment,
reprojection errors weighed after Cauchy), from either side, and the better one is kept.

Source of the parts: Tomasi and Kanade 1992; Triggs and others 2000, points last.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from descent.clock.follow import FEWEST, Run, moved_by, similarity

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

RELIEF = 0.25
"""The usual depth of a body, of its width: where the adjustment starts."""

_ROUNDS = 25
_STILL = 1e-5  # of the cost: less is no gain
_ODD = 3.0  # times the usual error, and a corner is none of the body's
_LEAST_ERROR = 2e-5  # rad
_HELD = 1e-6  # how firmly points stay where they are, of what pictures tell


@dataclass(frozen=True, slots=True)
class Body:
    """A body as a camera saw it in n pictures, the first of them its picture number `first`.

    `turn` (n, 3, 3) takes the body's axes to the camera's (right, down, forward), `place`
    (n, 3) is its middle in those, in units of its distance in the key picture. `left_rad` is
    how far a corner usually is from where shape and pose put it, `corners` how many tell.
    """

    first: int
    turn: Floats
    place: Floats
    left_rad: float
    corners: int


@dataclass(slots=True)
class _Fit:
    """Poses (n, 3, 3) and (n, 3), points (m, 3), errors (n, m, 2) rad, and what they cost."""

    turn: Floats
    place: Floats
    points: Floats
    errors: Floats
    spread: float
    cost: float


def body_of(run: Run, focal_px: float) -> Body | None:
    """The body that a run of pictures shows; None where its corners are of no rigid one.

    `focal_px` is the focal length in px, roughly: depths and tilts are off by as much.
    """
    at, seen, rays = run.at / focal_px, run.seen, run.corners / focal_px
    for _ in range(2):
        turn, place = _flat(at, seen, rays)
        keep = _agreeing(_errors(at, turn, place, _on_plane(rays)), seen)
        at, seen, rays = at[:, keep], seen[:, keep], rays[keep]
        if len(rays) < FEWEST or (seen.sum(axis=1) < FEWEST / 2).any():
            return None
    turn, place = _flat(at, seen, rays)
    depth, tilt = _relief(_errors(at, turn, place, _on_plane(rays)), seen, rays)
    best: _Fit | None = None
    for side in (1.0, -1.0):
        points = _on_plane(rays) * (1 + side * depth)[:, None]
        tilted = rotations(side * tilt) @ turn
        middle = np.append(rays.mean(axis=0), 1.0)
        fit = _adjusted(at, seen, _Fit(tilted, place + (turn - tilted) @ middle, points,
                                       np.zeros(0), 1.0, np.inf))  # fmt: skip
        best = fit if best is None or fit.cost < best.cost else best
    assert best is not None
    keep = _agreeing(best.errors, seen)
    if keep.sum() < FEWEST:
        return None
    best.points = best.points[keep]
    best = _adjusted(at[:, keep], seen[:, keep], best)
    place = best.turn @ best.points.mean(axis=0) + best.place
    return Body(run.first, best.turn, place, best.spread, int(keep.sum()))


def rotations(vectors: Floats) -> Floats:
    """The rotations (..., 3, 3) about vectors (..., 3) by their length in rad."""
    angle = np.maximum(np.sqrt((vectors**2).sum(axis=-1)), 1e-12)[..., None, None]
    cross = _cross(vectors)
    out: Floats = (
        np.eye(3) + np.sin(angle) / angle * cross + (1 - np.cos(angle)) / angle**2 * cross @ cross
    )
    return out


def _cross(v: Floats) -> Floats:
    """The matrices (..., 3, 3) that take the cross product with vectors (..., 3)."""
    out = np.zeros((*v.shape, 3))
    out[..., 0, 1], out[..., 0, 2] = -v[..., 2], v[..., 1]
    out[..., 1, 0], out[..., 1, 2] = v[..., 2], -v[..., 0]
    out[..., 2, 0], out[..., 2, 1] = -v[..., 1], v[..., 0]
    return out


def _on_plane(rays: Floats) -> Floats:
    return np.concatenate([rays, np.ones((len(rays), 1))], axis=1)


def _errors(at: Floats, turn: Floats, place: Floats, points: Floats) -> Floats:
    """How far corners (n, m, 2) are from where points (m, 3) would be seen."""
    there = points @ np.swapaxes(turn, 1, 2) + place[:, None]
    out: Floats = at - there[..., :2] / there[..., 2:]
    return out


def _agreeing(errors: Floats, seen: Bools) -> Bools:
    """Which corners (m,) are usually where they should be."""
    size = np.where(seen, np.sqrt((errors**2).sum(axis=-1)), np.nan)
    usual = np.nanmedian(size, axis=0)
    out: Bools = usual < _ODD * float(np.median(usual))
    return out


def _flat(at: Floats, seen: Bools, rays: Floats) -> tuple[Floats, Floats]:
    """Poses of a flat body that always faces the camera: what similarities tell."""
    middle = np.append(rays.mean(axis=0), 1.0)
    far = float(np.sqrt(middle @ middle))
    sight = middle / far
    turns, places = [], []
    for where, there in zip(at, seen, strict=True):
        by = similarity(rays[there], where[there])
        seen_at = np.append(moved_by(by, middle[None, :2])[0], 1.0)
        seen_at /= np.sqrt(seen_at @ seen_at)
        aside = np.cross(sight, seen_at)
        size = float(np.sqrt(aside @ aside))
        aside *= np.arcsin(min(size, 1.0)) / max(size, 1e-12)
        twist = float(np.arctan2(by[1], by[0]))
        turn = rotations(aside) @ rotations(sight * twist)
        turns.append(turn)
        places.append(seen_at * far / np.hypot(by[0], by[1]) - turn @ middle)
    return np.array(turns), np.array(places)


def _relief(errors: Floats, seen: Bools, rays: Floats) -> tuple[Floats, Floats]:
    """Depths (m,) and tilts (n, 3) rad whose products explain most of the errors (n, m, 2)."""
    size = np.sqrt((errors**2).sum(axis=-1))
    usual = max(float(np.median(size[seen])), _LEAST_ERROR)
    weight = seen / (1 + (size / (4 * usual)) ** 2)
    # A depth that is alike everywhere, or slopes, is no relief: poses take it up.
    even = np.linalg.qr(_on_plane(rays - rays.mean(axis=0)))[0]

    def free(depth: Floats) -> Floats:
        depth = depth - even @ (even.T @ depth)
        out: Floats = depth / max(float(depth.std()), 1e-12)
        return out

    rows = (errors * weight[..., None]).transpose(0, 2, 1).reshape(-1, len(rays))
    # Its own products tell the first component more quickly than the whole does.
    depth = free(np.linalg.eigh(rows.T @ rows)[1][:, -1])
    for _ in range(40):
        slope = np.einsum("nmi,nm,m->ni", errors, weight, depth)
        slope /= np.maximum(weight @ depth**2, 1e-12)[:, None]
        depth = np.einsum("nmi,nm,ni->m", errors, weight, slope)
        depth = free(depth / np.maximum((slope**2).sum(axis=1) @ weight, 1e-12))
    width = float(np.sqrt(((rays - rays.mean(axis=0)) ** 2).sum(axis=1).mean()))
    scale = RELIEF * width
    tilt = np.stack([-slope[:, 1], slope[:, 0], np.zeros(len(slope))], axis=1) / scale
    return scale * np.clip(depth, -3, 3), tilt


def _adjusted(at: Floats, seen: Bools, start: _Fit) -> _Fit:
    """Poses and points for which corners are best where they were seen."""
    fit, damping = start, 1e-3
    fit.errors = _errors(at, fit.turn, fit.place, fit.points)
    for _ in range(_ROUNDS):
        size = np.sqrt((fit.errors**2).sum(axis=-1))
        spread = max(float(np.median(size[seen])) / 1.1774, _LEAST_ERROR)
        weight = seen / (1 + (size / (2 * spread)) ** 2) / spread**2
        fit.spread, before = spread, _cost(fit.errors, seen, spread)
        moved = _step(fit, weight, damping)
        after = _cost(moved.errors_at(at), seen, spread)
        if after < before:
            gain = before - after
            fit = moved.fit(at, spread)
            damping = max(damping / 5, 1e-7)
            if gain < _STILL * before:
                break
        else:
            damping *= 10
            if damping > 1e3:
                break
    # Costs of different spreads are compared as likelihoods are.
    fit.cost = _cost(fit.errors, seen, fit.spread) + 2 * int(seen.sum()) * float(np.log(fit.spread))
    return fit


def _cost(errors: Floats, seen: Bools, spread: float) -> float:
    return float(2 * np.log1p((errors**2).sum(axis=-1)[seen] / (4 * spread**2)).sum())


@dataclass(frozen=True, slots=True)
class _Moved:
    """Poses and points after a step."""

    turn: Floats
    place: Floats
    points: Floats

    def errors_at(self, at: Floats) -> Floats:
        return _errors(at, self.turn, self.place, self.points)

    def fit(self, at: Floats, spread: float) -> _Fit:
        return _Fit(self.turn, self.place, self.points, self.errors_at(at), spread, np.inf)


def _step(fit: _Fit, weight: Floats, damping: float) -> _Moved:
    """One damped step of Gauss and Newton, poses eliminated first."""
    count = len(fit.points)
    turned = fit.points @ np.swapaxes(fit.turn, 1, 2)
    there = turned + fit.place[:, None]
    near = 1 / there[..., 2]
    by_place = np.zeros((*there.shape[:2], 2, 3))
    by_place[..., 0, 0] = by_place[..., 1, 1] = near
    by_place[..., 2] = -there[..., :2] * (near**2)[..., None]
    by_pose = np.concatenate([-by_place @ _cross(turned), by_place], axis=-1)
    by_point = by_place @ fit.turn[:, None]
    pose_rows = np.swapaxes(by_pose * weight[..., None, None], -1, -2)
    point_rows = np.swapaxes(by_point * weight[..., None, None], -1, -2)
    errors = fit.errors[..., None]
    poses = (pose_rows @ by_pose).sum(axis=1) * (1 + damping * np.eye(6))
    poses += 1e-9 * np.trace(poses, axis1=1, axis2=2).mean() * np.eye(6)
    pull = (pose_rows @ errors).sum(axis=1)
    both = (pose_rows @ by_point).transpose(0, 2, 1, 3).reshape(len(poses), 6, 3 * count)
    root = np.linalg.cholesky(poses)
    both = np.linalg.solve(root, np.ascontiguousarray(both))
    pull = np.linalg.solve(root, pull)[..., 0]
    flat = both.reshape(-1, 3 * count)
    whole = -(flat.T @ flat)
    right = (point_rows @ errors).sum(axis=0).ravel() - flat.T @ pull.ravel()
    blocks = (point_rows @ by_point).sum(axis=0) * (1 + damping)
    blocks += _HELD * np.eye(3) * float(weight.max())
    for k, block in enumerate(blocks):
        whole[3 * k : 3 * k + 3, 3 * k : 3 * k + 3] += block
    points = np.linalg.solve(whole, right)
    back = np.swapaxes(root, 1, 2)
    pose = np.asarray(np.linalg.solve(back, (pull - both @ points)[..., None])[..., 0], np.float64)
    return _Moved(
        rotations(pose[:, :3]) @ fit.turn, fit.place + pose[:, 3:],
        fit.points + points.reshape(-1, 3),
    )  # fmt: skip
