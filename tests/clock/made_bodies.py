"""Two made-up bodies that hang below one another, as a camera on each would see the other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from descent.clock.faces import Posed
from descent.clock.rigid import rotations

Floats = NDArray[np.float64]
FOCAL_PX = 300.0
TURNED = np.diag([1.0, -1.0, -1.0])  # from one camera's axes to those of the one it faces


def swing(t: Floats, seed: int, pace_hz: float = 0.45) -> Floats:
    """Angles (n, 3) rad of a body that rocks at about one pace, and twists slowly."""
    rng = np.random.default_rng(seed)
    out = np.zeros((len(t), 3))
    for axis, size in ((0, 0.06), (1, 0.06), (2, 0.15)):
        for share, times in ((1.0, 1.0), (0.3, 2.3), (0.1, 5.0)):
            hz = pace_hz * times * rng.uniform(0.85, 1.15) * (0.4 if axis == 2 else 1.0)
            out[:, axis] += size * share * np.sin(2 * np.pi * hz * t + rng.uniform(0, 6.3))
    return out


def between(t: Floats, seed: int) -> tuple[Floats, Floats]:
    """Where b's camera is as a's sees it: turns (n, 3, 3) of its axes, and its place (n, 3) m.

    Both rock; b hangs 8 m below a.
    """
    above, below = rotations(swing(t, seed)), rotations(swing(t, seed + 1000))
    turn = np.swapaxes(above, 1, 2) @ below
    hang = rotations(0.02 * swing(t, seed + 2000, 0.1)) @ np.array([0.4, -0.3, 8.0])
    return turn @ TURNED, (np.swapaxes(above, 1, 2) @ hang[..., None])[..., 0]


def watching(t: Floats, seed: int, below: bool, middle: Floats) -> tuple[Floats, Floats]:
    """The pose of the other's body: turns (n, 3, 3), and the place (n, 3) of its `middle` (3,)."""
    turn, place = between(t, seed)
    if below:
        turn = np.swapaxes(turn, 1, 2)
        place = -(turn @ place[..., None])[..., 0]
    return turn, place + turn @ middle


def posed(rate: float, span: tuple[float, float], seed: int, below: bool, off_s: float) -> Posed:
    """What a camera tells of the other's body while it is seen, in its own unit and axes."""
    t = np.arange(*span, 1 / rate)
    rng = np.random.default_rng([seed, below])
    middle = np.array([0.5, 0.7, -0.6]) if below else np.array([-0.3, 0.8, 0.5])
    turn, place = watching(t, seed, below, middle)
    wrong = rotations(rng.normal(size=(len(t), 3)) * (1.5e-3, 1.5e-3, 3e-4))
    own = rotations(rng.normal(size=3))
    scale = rng.uniform(0.05, 0.2)
    seen = place * (1 + rng.normal(size=(len(t), 1)) * 5e-4) + rng.normal(size=place.shape) * 2e-3
    return Posed(t + off_s, wrong @ turn @ own, seen * scale)


def points(seed: int, count: int = 70) -> Floats:
    """Points (count, 3) m of a body some metres wide, with relief."""
    rng = np.random.default_rng(seed)
    return rng.uniform((-1.4, -1.2, -0.5), (1.4, 1.2, 0.5), (count, 3))


def pictures(t: Floats, seed: int, below: bool, rows: int = 200, cols: int = 240) -> list[
    NDArray[np.uint8]
]:  # fmt: skip
    """What a camera sees: the other body's points as dark and bright spots, uint8."""
    rng = np.random.default_rng(seed)
    body = points(seed + below)
    level = rng.uniform(40, 110, len(body)) * rng.choice([-1.0, 1.0], len(body))
    size = rng.uniform(1.6, 3.0, len(body))
    turn, place = watching(t, seed, below, np.zeros(3))
    y, x = np.mgrid[:rows, :cols].astype(np.float64)
    out = []
    for each, where in zip(turn, place, strict=True):
        seen = body @ each.T + where
        at = FOCAL_PX * seen[:, :2] / seen[:, 2:] + ((cols - 1) / 2, (rows - 1) / 2)
        picture = np.full((rows, cols), 120.0)
        for (u, v), height, width in zip(at, level, size, strict=True):
            top, left = max(int(v) - 12, 0), max(int(u) - 12, 0)
            part = np.s_[top : int(v) + 13, left : int(u) + 13]
            far = (x[part] - u) ** 2 + (y[part] - v) ** 2
            picture[part] += height * np.exp(-far / (2 * width**2))
        picture += rng.normal(size=picture.shape) * 1.5
        out.append(np.clip(picture + 0.5, 0, 255).astype(np.uint8))
    return out
