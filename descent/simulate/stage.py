"""The descent stage from below, the heat shield from within, the ropes between the bodies."""

from __future__ import annotations

from functools import lru_cache
from math import cos, pi, sin

import numpy as np

from descent.simulate.mesh import Colour, Mesh, ball, box, cable, crumple, tube, turned
from descent.simulate.optics import Vector
from descent.simulate.rover import (
    BLACK,
    BRIDLE_POINTS,
    COPPER,
    DARK,
    GOLD,
    GREY,
    SILVER,
    UMBILICAL_POINT,
    WHITE,
)  # fmt: skip
from descent.simulate.trajectory import STOWED_M, Trajectory, rotation

FOIL: Colour = (0.60, 0.57, 0.55)
# The bridles run over one plate at the stage's middle.
PLATE = np.array([0.0, 0.0, 0.06])
UMBILICAL_TOP = np.array([-0.28, 0.36, 0.30])


def _ring(
    radius: float, z: float, count: int, start: float = 0.0
) -> list[tuple[float, float, float]]:
    angles = [start + 2 * pi * k / count for k in range(count)]
    return [(radius * cos(a), radius * sin(a), z) for a in angles]


def _engine(x: float, y: float, cant: float) -> list[Mesh]:
    out = np.array([x, y, 0.0]) / (x * x + y * y) ** 0.5
    down = -np.array([0.0, 0.0, cos(cant)]) + out * sin(cant)
    bell = [(0.0, 0.055), (0.05, 0.05), (0.10, 0.075), (0.20, 0.115), (0.30, 0.145), (0.38, 0.16)]
    inner = [(d + 0.002, r - 0.012) for d, r in bell]
    top = np.array([x, y, 0.12])
    return [
        turned(bell, (0.34, 0.33, 0.33), at=tuple(top), along=tuple(down), gloss=0.55, sides=26),
        turned(
            inner, (0.035, 0.030, 0.028), at=tuple(top), along=tuple(down), gloss=0.05, sides=26
        ),
        turned([(-0.24, 0.07), (0.02, 0.07)], SILVER, at=tuple(top), along=tuple(down), gloss=0.5),
        box((0.16, 0.16, 0.14), COPPER, at=(x, y, 0.34), gloss=0.3),
    ]


def _frame() -> list[Mesh]:
    low, high = _ring(1.22, 0.10, 6, pi / 6), _ring(1.22, 0.62, 6, pi / 6)
    inner = _ring(0.42, 0.16, 6, pi / 6)
    parts: list[Mesh] = []
    for k in range(6):
        n = (k + 1) % 6
        for a, b, r in (
            (low[k], low[n], 0.034), (high[k], high[n], 0.04), (low[k], high[k], 0.030),
            (low[k], high[n], 0.022), (inner[k], low[k], 0.028), (inner[k], inner[n], 0.032),
            (inner[k], high[k], 0.02),
        ):  # fmt: skip
            parts.append(tube(a, b, r, (0.55, 0.53, 0.52), gloss=0.35))
    # The bridle device: a hexagonal plate with a dark hole, held by three arms.
    parts.append(
        turned(
            [(0, 0.0), (0.002, 0.17), (0.05, 0.17)], SILVER, at=(0, 0, 0.05), sides=6, gloss=0.25
        )
    )
    parts.append(turned([(0, 0.055), (0.004, 0.0)], BLACK, at=(0, 0, 0.044), sides=20))
    parts.append(turned([(0, 0.16), (0.3, 0.14), (0.301, 0)], GREY, at=(0, 0, 0.1), gloss=0.3))
    return parts


@lru_cache(maxsize=1)
def stage() -> Mesh:
    """The descent stage's mesh, m: origin at its underside's middle, z up."""
    rng = np.random.default_rng(1969)
    parts = _frame()
    # Three fuel tanks and two pressurant balls, wrapped in foil.
    for x, y, _ in _ring(0.74, 0.0, 3, pi / 2):
        tank = ball(0.41, FOIL, at=(x, y, 0.52), gloss=0.92, rows=30, sides=50)
        parts.append(crumple(tank, rng, 0.0075))
    for x, y in ((0.62, -0.62), (-0.62, -0.62)):
        parts.append(
            crumple(ball(0.22, FOIL, at=(x, y, 0.46), gloss=0.9, rows=20, sides=32), rng, 0.006)
        )
    for corner in (pi / 4, 3 * pi / 4, 5 * pi / 4, 7 * pi / 4):
        for step in (-0.14, 0.14):
            parts += _engine(1.40 * cos(corner + step), 1.40 * sin(corner + step), 0.30)
        hub = (1.30 * cos(corner), 1.30 * sin(corner), 0.42)
        parts.append(
            crumple(box((0.34, 0.34, 0.22), FOIL, at=hub, gloss=0.9, cell=0.05), rng, 0.014)
        )
        for lift in (0.16, 0.60):
            inner = (0.86 * cos(corner + 0.25), 0.86 * sin(corner + 0.25), lift)
            parts.append(tube(inner, hub, 0.028, SILVER, gloss=0.4))
    # Avionics under blankets, the radar's discs, orange harness.
    for sx, sy, sz, x, y, z, hue in (
        (0.62, 0.36, 0.26, 0.0, 1.08, 0.34, FOIL),
        (0.42, 0.50, 0.30, 1.02, 0.08, 0.42, (0.62, 0.50, 0.44)),
        (0.40, 0.46, 0.28, -1.04, 0.05, 0.42, FOIL), (0.5, 0.3, 0.2, 0.0, -1.08, 0.42, GOLD),
    ):  # fmt: skip
        parts.append(
            crumple(box((sx, sy, sz), hue, at=(x, y, z), gloss=0.85, cell=0.06), rng, 0.016)
        )
    for x, y, lean in ((0.28, -1.22, 0.3), (-0.28, -1.22, 0.3), (0.0, -1.42, 0.5)):
        turn = rotation(np.array([lean, 0.0, 0.0]))
        parts.append(
            turned([(0, 0.15), (0.04, 0.15), (0.041, 0)], WHITE, along=(0, 0, 1))
            .moved((0, 0, 0), turn)
            .moved((x, y, 0.12))
        )
        parts.append(
            turned([(-0.004, 0.0), (-0.003, 0.14)], (0.72, 0.70, 0.68))
            .moved((0, 0, 0), turn)
            .moved((x, y, 0.12))
        )
    for _ in range(30):
        # Propellant lines: silver tubes that turn square corners.
        a = rng.uniform(0, 2 * pi)
        r = rng.uniform(0.3, 1.15)
        spot = np.array([r * cos(a), r * sin(a), rng.uniform(0.12, 0.4)])
        for _step in range(4):
            axis = int(rng.integers(0, 3))
            move = np.zeros(3)
            move[axis] = rng.uniform(0.08, 0.32) * rng.choice((-1, 1)) * (0.4 if axis == 2 else 1)
            after = np.clip(spot + move, (-1.15, -1.15, 0.1), (1.15, 1.15, 0.55))
            if float(np.abs(after - spot).max()) > 0.02:
                parts.append(tube(spot, after, 0.0075, SILVER, gloss=0.5, sides=6))
            spot = after
    for _ in range(34):
        a, r = rng.uniform(0, 2 * pi), rng.uniform(0.25, 1.1)
        size = rng.uniform((0.05, 0.05, 0.04), (0.20, 0.16, 0.12))
        hue = ((0.30, 0.29, 0.28), DARK, (0.48, 0.44, 0.40), COPPER, SILVER)[
            int(rng.integers(0, 5))
        ]
        parts.append(box(size, hue, at=(r * cos(a), r * sin(a), rng.uniform(0.2, 0.5)), gloss=0.15))
    for _ in range(90):
        a = rng.uniform(0, 2 * pi)
        r0, r1 = rng.uniform(0.35, 1.2, 2)
        b = a + rng.uniform(-0.6, 0.6)
        start = np.array([r0 * cos(a), r0 * sin(a), rng.uniform(0.12, 0.4)])
        end = np.array([r1 * cos(b), r1 * sin(b), rng.uniform(0.12, 0.5)])
        sag = (start + end) / 2 + rng.normal(0, 0.06, 3) - np.array([0, 0, 0.05])
        u = np.linspace(0, 1, 8)[:, None]
        path = (1 - u) ** 2 * start + 2 * u * (1 - u) * sag + u * u * end
        parts.append(
            cable(path, float(rng.uniform(0.007, 0.015)), COPPER if rng.random() < 0.7 else DARK)
        )
    # A lid of dark structure behind everything, so that little sky shows through the middle.
    parts.append(
        crumple(
            turned(
                [(0.70, 0.0), (0.72, 1.05), (0.74, 1.16)], (0.11, 0.095, 0.085), sides=40, gloss=0.5
            ),
            rng,
            0.02,
        )
    )
    return Mesh.join(parts)


@lru_cache(maxsize=1)
def heat_shield() -> Mesh:
    """The heat shield from within, m: rim at z = 0, its nose 0.7 m below."""
    rng = np.random.default_rng(45)
    # Finely cut, so that the rim's shadow has an edge.
    spine = np.array(
        [(0.0, 2.25), (-0.06, 2.18), (-0.28, 1.6), (-0.48, 1.0), (-0.62, 0.5), (-0.70, 0.02)]
    )
    u = np.linspace(0, 1, 26)
    at = np.linspace(0, 1, len(spine))
    profile = list(zip(np.interp(u, at, spine[:, 0]), np.interp(u, at, spine[:, 1]), strict=True))
    skin = turned(profile, (0.105, 0.078, 0.056), sides=96)
    skin.paint *= (1 + rng.uniform(-0.16, 0.16, (len(skin.paint), 1))).astype(np.float32)
    rim = [(0.0, 2.25), (0.03, 2.28), (0.03, 2.2), (0.0, 2.15)]
    hoop = [(-0.36, 1.42), (-0.33, 1.42), (-0.33, 1.36), (-0.36, 1.36)]
    parts = [
        skin,
        turned(rim, (0.26, 0.20, 0.135), sides=96),
        turned(hoop, (0.20, 0.16, 0.12), sides=64),
    ]
    for k in range(18):
        a = 2 * pi * k / 18 + 0.1
        low = (0.5 * cos(a), 0.5 * sin(a), -0.60)
        high = (2.1 * cos(a), 2.1 * sin(a), -0.09)
        parts.append(tube(low, high, 0.016, (0.17, 0.135, 0.10)))
        fitting = (2.05 * cos(a), 2.05 * sin(a), -0.08)
        parts.append(box((0.07, 0.07, 0.05), (0.19, 0.17, 0.14) if k % 3 else GOLD, at=fitting))
    for k in range(7):
        x, y = 1.1 * cos(k * 0.9), 1.1 * sin(k * 0.9)
        parts.append(box((0.22, 0.16, 0.09), (0.25, 0.22, 0.18), at=(x, y, -0.40), gloss=0.1))
    loop = [(0.9 * cos(a) + 0.1 * sin(7 * a), 0.9 * sin(a), -0.46) for a in np.linspace(0, 6, 60)]
    parts.append(cable(np.array(loop), 0.012, (0.16, 0.09, 0.05)))
    return Mesh.join(parts)


@lru_cache(maxsize=1)
def backshell_gear() -> Mesh:
    """What of the backshell stands in the parachute camera's picture, m in the capsule's axes."""
    rng = np.random.default_rng(77)
    knot = np.array([0.05, 0.02, 4.3])
    parts = []
    for k, angle in enumerate((1.15, 3.3, 5.4)):
        foot = np.array([1.25 * cos(angle), 1.25 * sin(angle), 1.15])
        u = np.linspace(0, 1, 14)[:, None]
        side = np.array([-sin(angle), cos(angle), 0.0])
        for shift in (-0.022, 0.0, 0.022):
            path = foot + (knot - foot) * u + side * shift + rng.normal(0, 0.003, (14, 3))
            parts.append(cable(path, 0.016, (0.50, 0.47, 0.42)))
        for j in range(11):
            spot = foot + (knot - foot) * (j + 0.5) / 11
            ends = [(-0.016, 0.046), (0.016, 0.048)]
            parts.append(
                turned(ends, (0.33, 0.29, 0.25), at=tuple(spot), along=tuple(knot - foot), sides=10)
            )
        parts.append(
            box((0.20, 0.16, 0.10), (0.42, 0.40, 0.38), at=tuple(foot + 0.1 * k * side), gloss=0.2)
        )
    # The swivel between straps and lines.
    parts.append(
        turned(
            [(-0.10, 0.03), (-0.09, 0.085), (0.10, 0.085), (0.14, 0.05), (0.15, 0.0)],
            GREY,
            at=tuple(knot),
            gloss=0.4,
        )
    )
    parts.append(
        turned([(-0.02, 0.095), (0.03, 0.095)], (0.62, 0.6, 0.58), at=tuple(knot), gloss=0.5)
    )
    return Mesh.join(parts)


def ropes(path: Trajectory, t: float) -> list[tuple[Vector, Vector, float, Colour]]:
    """The bridles and the umbilical at `t`: world ends (3,) each, radius in m, colour.

    Taut while the rover hangs, slack from touchdown until they are cut, then gone with
    the stage.
    """
    out: list[tuple[Vector, Vector, float, Colour]] = []
    gap = path.lowered(t)
    if gap < 0.02:
        return out
    stage_pose, rover_pose = path.stage(t), path.rover(t)
    cut = t - _CUT
    top = stage_pose.place + stage_pose.turn @ PLATE
    for k, point in enumerate(BRIDLE_POINTS):
        low = rover_pose.place + rover_pose.turn @ point
        if cut > 0:
            # Reeled in and whipping below the stage.
            length = max(0.3, 3.0 - 4.0 * cut)
            whip = np.array([0.3 * sin(9 * cut + 2 * k), 0.3 * cos(7 * cut + k), -1.0])
            low = top + stage_pose.turn @ (whip / np.sqrt(whip @ whip)) * length
        out.append((low, top, 0.0075, (0.74, 0.68, 0.50)))
    # The umbilical: a coiled, banded cable, longer than the bridles.
    end = rover_pose.place + rover_pose.turn @ UMBILICAL_POINT
    head = stage_pose.place + stage_pose.turn @ UMBILICAL_TOP
    if cut > 0.1:
        end = head + stage_pose.turn @ np.array(
            [0.25 * sin(5 * cut), 0.3, -max(0.4, 2.4 - 2.0 * cut)]
        )
    steps = 150
    span = float(np.sqrt((head - end) @ (head - end)))
    coil = 0.10 + 0.9 / (1.0 + span)
    prior = end
    for k in range(1, steps + 1):
        u = k / steps
        bell = sin(pi * u)
        a = 2 * pi * 6 * u + 0.6 * sin(1.3 * t)
        bulge = np.array(
            [cos(a) * coil * bell * 0.9, sin(a) * coil * bell * 0.9 + 0.55 * bell, 0.0]
        )
        spot = end + (head - end) * u + stage_pose.turn @ bulge
        banded: Colour = (0.45, 0.12, 0.07) if k % 18 < 2 else (0.82, 0.78, 0.68)
        out.append((prior, spot, 0.017, banded))
        prior = spot
    return out


_CUT = 939.199
__all__ = ["STOWED_M", "backshell_gear", "heat_shield", "ropes", "stage"]
