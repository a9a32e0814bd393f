"""Sky, haze and dust: the butterscotch air between the cameras and everything else."""

from __future__ import annotations

from math import exp

import cv2
import numpy as np

from descent.simulate.mesh import SUN
from descent.simulate.optics import Pixels, Vector, View
from descent.simulate.trajectory import EVENTS, Trajectory, smoothstep

_SKY = np.array([0.56, 0.405, 0.255])
_AUREOLE = np.array([0.80, 0.84, 0.92])  # Mars' dust scatters blue forward: the Sun's rim is bluish
_HAZE = np.array([0.300, 0.190, 0.112])
_DUST = np.array([0.435, 0.275, 0.157])
_SCALE_HEIGHT_M = 11100.0
_DEPTH = 0.42  # optical depth of the dust overhead
_POLAR = (512, 1024)  # log radius, angle


def sky(view: View, height_m: float) -> Pixels:
    """The sky (rows, cols, 3) as `view` sees it from `height_m`: darker the higher."""
    rows, cols = 13, 17
    x, y = np.meshgrid(np.linspace(0, view.cols - 1, cols), np.linspace(0, view.rows - 1, rows))
    f = view.lens[0, 0]
    rays = np.stack([(x - view.lens[0, 2]) / f, (y - view.lens[1, 2]) / f, np.ones_like(x)], -1)
    rays /= np.sqrt((rays**2).sum(-1, keepdims=True))
    world = rays @ view.turn
    up = np.clip(world[..., 2:3], 0.05, 1)
    thick = 1 - np.exp(-_DEPTH * exp(-height_m / _SCALE_HEIGHT_M) / up * 1.6)
    angle = np.arccos(np.clip(world @ SUN, -1, 1))[..., None]
    near, wide = 1.3 * np.exp(-angle / 0.28), 1.5 * np.exp(-angle / 0.62)
    made = thick * ((1.45 + wide) * _SKY + near * _AUREOLE)
    return np.asarray(
        cv2.resize(made.astype(np.float32), (view.cols, view.rows), interpolation=cv2.INTER_CUBIC)
    )


def haze(distance_m: float, height_m: float) -> tuple[float, Vector]:
    """Transmission of the air down to the ground and the light (3,) that it adds."""
    column = 1 - exp(-height_m / _SCALE_HEIGHT_M)
    slant = distance_m / max(height_m, 1.0)
    through = exp(-0.40 * column * slant)
    return through, (1 - through) * _HAZE


class Dust:
    """What the engines blow up: sheets of dust that stream away from under the stage."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng([seed, 0xD5])
        self._streaks = _round(rng, ((5, 22, 1.0), (12, 60, 0.8), (34, 20, 0.5), (40, 150, 0.3)))
        self._billows = _round(
            rng, ((6, 12, 0.8), (12, 24, 1.0), (24, 48, 0.7), (48, 96, 0.5), (96, 192, 0.3))
        )

    @staticmethod
    def strength(path: Trajectory, t: float) -> float:
        """0 high up, 1 at its thickest, dying down after the stage has left."""
        if t < EVENTS["backshell"]:
            return 0.0
        height = float(path.stage(min(t, EVENTS["bridles_cut"])).place[2])
        rise = smoothstep(75.0, 9.0, height)
        gone = max(0.0, t - EVENTS["bridles_cut"])
        return rise * (0.35 + 0.65 * exp(-gone / 2.5))

    def cover(self, path: Trajectory, view: View, t: float, out: Pixels) -> None:
        """Blow dust over the ground in `out` (rows, cols, 3) as `view` sees it at `t`."""
        strength = self.strength(path, t)
        if strength <= 0.01:
            return
        part = 4
        rows, cols = max(2, view.rows // part), max(2, view.cols // part)
        x, y = np.meshgrid(
            np.arange(cols) * part + (part - 1) / 2, np.arange(rows) * part + (part - 1) / 2
        )
        back = np.linalg.inv(view.ground)
        w = back[2, 0] * x + back[2, 1] * y + back[2, 2]
        centre = path.stage(min(t, EVENTS["bridles_cut"] + 0.8)).place
        gx = (back[0, 0] * x + back[0, 1] * y + back[0, 2]) / w - centre[0]
        gy = (back[1, 0] * x + back[1, 1] * y + back[1, 2]) / w - centre[1]
        far = np.sqrt(gx * gx + gy * gy) + 0.3
        angle = np.arctan2(gy, gx)
        pr, pa = _POLAR
        # Fast outward: in log radius dust travels evenly and its clouds grow as they go.
        u, v = angle / (2 * np.pi) * pa, np.log(far) * 0.24 * pr
        turn = _look(self._billows, u * 0.5 + 9.0 * t, v * 0.5 - 40 * t)
        fine = _look(self._streaks, u + 13 * turn + 6 * np.log(far), v + 9 * turn - 150 * t)
        cloud = _look(self._billows, u + 16 * turn, v + 16 * turn - 120 * t)
        # Thin right under the jets where it is blown bare, thick in a ring, thinner beyond.
        ring = (1 - 0.55 * np.exp(-((far / 2.2) ** 2))) * np.exp(-far / (14 + 60 * strength))
        lanes = 0.16 * np.cos(4 * angle + 0.8 + 0.5 * turn)
        thick = strength * ring * np.clip(0.85 + 0.30 * fine + 0.38 * cloud + lanes, 0.03, 2.2)
        alpha = (1 - np.exp(-1.9 * thick)).astype(np.float32)
        shade = (0.95 + 0.06 * fine + 0.09 * cloud).astype(np.float32)
        size = (view.cols, view.rows)
        alpha = np.asarray(cv2.resize(alpha, size), np.float32)
        shade = np.asarray(cv2.resize(shade, size), np.float32)
        for k in range(3):
            plane = out[..., k]
            plane += alpha * (shade * np.float32(_DUST[k]) - plane)


def _round(rng: np.random.Generator, layers: tuple[tuple[int, int, float], ...]) -> Pixels:
    """Noise (log radius, angle) of unit spread that closes on itself both ways."""
    rows, cols = _POLAR
    out = np.zeros((rows, cols), np.float32)
    for cells_r, cells_a, weight in layers:
        coarse = rng.standard_normal((cells_r, cells_a), dtype=np.float32)
        wide = np.pad(coarse, ((2, 2), (2, 2)), mode="wrap")
        size = (round(cols * (cells_a + 4) / cells_a), round(rows * (cells_r + 4) / cells_r))
        big = cv2.resize(wide, size, interpolation=cv2.INTER_CUBIC)
        top, left = round(2 * rows / cells_r), round(2 * cols / cells_a)
        out += np.float32(weight) * big[top : top + rows, left : left + cols]
    return np.asarray(out / np.float32(out.std()), np.float32)


def _look(noise: Pixels, u: Vector, v: Vector) -> Pixels:
    """The noise at fractional columns u and rows v, wrapped round."""
    rows, cols = noise.shape
    return np.asarray(
        cv2.remap(
            noise, (u % cols).astype(np.float32), (v % rows).astype(np.float32),
            cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP,
        )
    )  # fmt: skip
