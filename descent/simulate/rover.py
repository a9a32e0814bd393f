"""The rover as the descent stage sees it: wheels, rockers, white deck, mast, power source."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from descent.simulate.mesh import Colour, Mesh, ball, box, cable, crumple, tube, turned
from descent.simulate.trajectory import rotation

WHITE: Colour = (0.80, 0.80, 0.79)
GREY: Colour = (0.42, 0.42, 0.43)
DARK: Colour = (0.06, 0.06, 0.065)
BLACK: Colour = (0.025, 0.025, 0.028)
GOLD: Colour = (0.72, 0.47, 0.12)
COPPER: Colour = (0.45, 0.22, 0.10)
SILVER: Colour = (0.62, 0.62, 0.64)

# Where the three bridles hold the deck, and the umbilical's plug, m in the rover's axes.
BRIDLE_POINTS = np.array([[0.42, 0.46, 1.10], [0.42, -0.46, 1.10], [-0.62, 0.0, 1.10]])
UMBILICAL_POINT = np.array([-0.62, 0.44, 1.14])


def _wheel(x: float, y: float) -> list[Mesh]:
    side = 1.0 if y > 0 else -1.0
    hoop = [
        (-0.2, 0.10),
        (-0.2, 0.245),
        (-0.12, 0.262),
        (0.0, 0.266),
        (0.12, 0.262),
        (0.2, 0.245),
        (0.2, 0.10),
    ]
    parts = [
        turned(hoop, (0.10, 0.10, 0.105), at=(x, y, 0.263), along=(0, 1, 0), gloss=0.12, sides=36)
    ]
    for k in range(24):
        a = 2 * np.pi * k / 24
        spot = (x + 0.268 * np.cos(a), y, 0.263 + 0.268 * np.sin(a))
        turn = rotation(np.array([0.0, -a, 0.0]))
        parts.append(box((0.012, 0.38, 0.012), (0.16, 0.16, 0.165), at=spot, turn=turn, cell=1.0))
    for k in range(5):
        a = 2 * np.pi * k / 5 + 0.3
        rim = (x + 0.24 * np.cos(a), y, 0.263 + 0.24 * np.sin(a))
        parts.append(tube((x, y, 0.263), rim, 0.012, GREY))
    parts.append(
        turned(
            [(-0.1, 0.075), (0.1, 0.075), (0.101, 0.0)],
            GREY,
            at=(x, y - 0.14 * side, 0.263),
            along=(0, -side, 0),
            gloss=0.2,
        )
    )
    return parts


def _legs() -> list[Mesh]:
    parts: list[Mesh] = []
    for side in (1.0, -1.0):
        front, mid, rear = (1.12, 1.02 * side), (0.02, 1.15 * side), (-1.06, 1.02 * side)
        for x, y in (front, mid, rear):
            parts += _wheel(x, y)
        knee, bogie = (0.16, 0.80 * side, 0.86), (-0.52, 0.86 * side, 0.60)
        joints = (
            (knee, (1.12, 0.86 * side, 0.66), 0.046), (knee, bogie, 0.046),
            (bogie, (0.02, 0.88 * side, 0.52), 0.038), (bogie, (-1.06, 0.86 * side, 0.64), 0.038),
            ((0.02, 0.88 * side, 0.52), (0.02, 0.92 * side, 0.30), 0.034),
        )  # fmt: skip
        parts += [tube(a, b, r, (0.20, 0.20, 0.205), gloss=0.15) for a, b, r in joints]
        for x in (1.12, -1.06):
            parts.append(box((0.15, 0.15, 0.20), GREY, at=(x, 0.86 * side, 0.66), gloss=0.1))
            parts.append(tube((x, 0.86 * side, 0.58), (x, 0.94 * side, 0.28), 0.04, GREY))
            parts.append(
                tube((x, 0.86 * side, 0.76), (x, 0.86 * side, 0.82), 0.06, SILVER, gloss=0.4)
            )
        parts.append(
            turned(
                [(-0.09, 0.09), (0.09, 0.09), (0.091, 0.0)],
                SILVER,
                at=knee,
                along=(0, side, 0),
                gloss=0.4,
            )
        )
        hose = np.array(
            [[0.16, 0.80, 0.93], [0.5, 0.86, 0.88], [0.85, 0.88, 0.80], [1.08, 0.86, 0.78]]
        )
        parts.append(cable(hose * (1, side, 1), 0.012, COPPER))
    parts.append(tube((0.16, -0.8, 0.98), (0.16, 0.8, 0.98), 0.03, GREY, gloss=0.2))
    return parts


def _deck(rng: np.random.Generator) -> list[Mesh]:
    parts = [
        box((1.62, 1.14, 0.40), (0.52, 0.52, 0.52), at=(-0.05, 0, 0.84), rng=rng, grain=0.08),
        box((1.74, 1.28, 0.035), WHITE, at=(-0.05, 0, 1.058), cell=0.05, rng=rng, grain=0.02),
    ]
    # Seams, covers and tie-downs: what makes the deck read as a machine.
    parts += [
        box((0.008, 1.24, 0.004), GREY, at=(float(x), 0, 1.0775), cell=2.0)
        for x in np.linspace(-0.78, 0.68, 6)
    ]
    parts += [
        box((1.68, 0.008, 0.004), GREY, at=(-0.05, y, 1.0775), cell=2.0)
        for y in (-0.40, -0.12, 0.2, 0.46)
    ]
    for _ in range(80):
        x, y = float(rng.uniform(-0.86, 0.74)), float(rng.uniform(-0.58, 0.58))
        parts.append(
            box(
                (0.022, 0.022, 0.012),
                DARK if rng.random() < 0.6 else SILVER,
                at=(x, y, 1.08),
                cell=1.0,
            )
        )
    for sx, sy, sz, x, y, paint in (
        (0.34, 0.26, 0.10, -0.02, 0.40, WHITE), (0.22, 0.20, 0.14, 0.26, 0.46, (0.7, 0.7, 0.68)),
        (0.30, 0.16, 0.05, -0.38, 0.42, (0.10, 0.12, 0.10)),
        (0.46, 0.15, 0.05, 0.05, 0.06, (0.11, 0.13, 0.11)),
        (0.18, 0.18, 0.11, 0.55, 0.22, (0.75, 0.75, 0.74)),
        (0.14, 0.24, 0.07, 0.40, -0.08, (0.66, 0.65, 0.62)),
        (0.13, 0.13, 0.08, -0.20, -0.20, DARK), (0.16, 0.12, 0.06, 0.20, -0.44, GREY),
        (0.30, 0.30, 0.06, -0.56, 0.20, (0.74, 0.74, 0.72)), (0.12, 0.12, 0.05, -0.75, -0.42, GOLD),
        (0.10, 0.10, 0.03, 0.02, -0.30, (0.55, 0.25, 0.08)), (0.20, 0.08, 0.05, 0.64, -0.50, DARK),
    ):  # fmt: skip
        parts.append(
            box((sx, sy, sz), paint, at=(x, y, 1.075 + sz / 2), cell=0.06, rng=rng, grain=0.05)
        )
    # High-gain antenna: the yellow hexagon. Low antenna: a drum.
    parts.append(
        turned(
            [(0, 0.19), (0.03, 0.19), (0.031, 0.0)],
            (0.86, 0.62, 0.16),
            at=(-0.36, -0.36, 1.24),
            sides=6,
        )
    )
    parts.append(tube((-0.36, -0.36, 1.08), (-0.36, -0.36, 1.24), 0.04, SILVER, gloss=0.4))
    parts.append(
        turned(
            [(0, 0.11), (0.16, 0.11), (0.161, 0)],
            (0.70, 0.72, 0.64),
            at=(-0.70, 0.44, 1.08),
            gloss=0.15,
        )
    )
    for _ in range(9):
        a, b = rng.uniform((-0.8, -0.55), (0.7, 0.55), (2, 2))
        bend = (a + b) / 2 + rng.uniform(-0.15, 0.15, 2)
        u = np.linspace(0, 1, 7)[:, None]
        path = (1 - u) ** 2 * a + 2 * u * (1 - u) * bend + u * u * b
        parts.append(
            cable(
                np.column_stack([path, np.full(7, 1.09)]),
                0.009,
                COPPER if rng.random() < 0.6 else DARK,
            )
        )
    return parts


def _ends(rng: np.random.Generator) -> list[Mesh]:
    tilt = rotation(np.array([0.0, 0.55, 0.0]))
    parts = [
        # Mast, folded across the front of the deck, its head to the right.
        tube((0.66, 0.50, 1.20), (0.62, -0.26, 1.22), 0.05, WHITE),
        box((0.24, 0.30, 0.22), WHITE, at=(0.62, -0.42, 1.22), cell=0.08, rng=rng, grain=0.03),
        tube((0.70, -0.36, 1.34), (0.70, -0.36, 1.35), 0.055, BLACK, gloss=0.3),
        ball(0.12, WHITE, at=(0.66, 0.54, 1.18)),
        # Arm folded at the front, its turret with drill and instruments.
        tube((0.80, 0.42, 0.86), (1.22, -0.10, 0.84), 0.055, (0.72, 0.72, 0.71)),
        tube((1.22, -0.10, 0.92), (0.98, 0.30, 0.92), 0.05, (0.66, 0.66, 0.66)),
        turned(
            [(-0.16, 0.15), (0.16, 0.15), (0.161, 0.0)], SILVER,
            at=(1.24, -0.22, 0.86), along=(0, 0.3, 1), gloss=0.4,
        ),
        box((0.26, 0.20, 0.22), GREY, at=(1.32, -0.42, 0.84), cell=0.07, rng=rng, grain=0.3),
        box((0.16, 0.16, 0.20), GOLD, at=(1.12, -0.40, 0.92), gloss=0.3),
        crumple(
            box((0.22, 0.3, 0.18), SILVER, at=(1.34, 0.10, 0.80), gloss=0.7, cell=0.05), rng, 0.012
        ),
        # Radioisotope source at the back: a finned drum between white heat exchangers.
        turned(
            [(0, 0.0), (0.001, 0.13), (0.62, 0.13), (0.621, 0.0)], (0.50, 0.50, 0.48),
            at=(-0.98, 0, 0.86), along=(-0.84, 0, 0.46),
        ),
        box(
            (0.62, 0.06, 0.40), WHITE, at=(-1.22, 0.34, 0.98), turn=tilt, cell=0.06, rng=rng,
            grain=0.02,
        ),
        box(
            (0.62, 0.06, 0.40), WHITE, at=(-1.22, -0.34, 0.98), turn=tilt, cell=0.06, rng=rng,
            grain=0.02,
        ),
        box((0.10, 0.78, 0.06), WHITE, at=(-0.94, 0, 1.14), cell=0.1),
    ]  # fmt: skip
    for k in range(8):
        a = 2 * np.pi * k / 8
        fin = box((0.56, 0.012, 0.13), (0.66, 0.67, 0.60), at=(0.31, 0, 0.18), cell=0.14)
        axis = rotation(np.array([0.0, 0.50, 0.0])) @ rotation(np.array([a, 0.0, 0.0]))
        back = np.diag([-1.0, -1.0, 1.0])
        parts.append(fin.moved((0, 0, 0), axis).moved((-0.98, 0, 0.86), back))
    for y in (-0.36, 0.36):
        parts += [tube((-0.88, y, 1.08), (-1.52, y, 1.22), 0.015, SILVER, gloss=0.3)]
        parts += [tube((-0.88, y, 0.80), (-1.50, y, 0.92), 0.015, SILVER, gloss=0.3)]
    return parts


@lru_cache(maxsize=1)
def rover() -> Mesh:
    """The rover's mesh; origin between the wheels' feet, x forward, y left, z up, m."""
    rng = np.random.default_rng(2020)
    return Mesh.join(_legs() + _deck(rng) + _ends(rng))
