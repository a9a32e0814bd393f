"""Sky, haze and dust: the butterscotch air between the cameras and everything else."""

from __future__ import annotations

from math import exp

import cv2
import numpy as np

from descent.simulate import relief
from descent.simulate.mesh import SUN
from descent.simulate.optics import Pixels, Vector, View
from descent.simulate.trajectory import EVENTS, Trajectory, smoothstep

_SKY = np.array([0.52, 0.415, 0.30])
_AUREOLE = np.array([0.80, 0.84, 0.92])  # Mars' dust scatters blue forward: the Sun's rim is bluish
_HAZE = np.array([0.330, 0.215, 0.130])
_DUST = np.array([0.455, 0.285, 0.165])
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
    glow = 1.3 * np.exp(-angle / 0.28) + 0.35 * np.exp(-angle / 0.75)
    made = thick * (1.55 * _SKY + glow * _AUREOLE)
    return np.asarray(
        cv2.resize(made.astype(np.float32), (view.cols, view.rows), interpolation=cv2.INTER_CUBIC)
    )


def haze(distance_m: float, height_m: float) -> tuple[float, Vector]:
    """Transmission of the air down to the ground and the light (3,) that it adds."""
    column = 1 - exp(-height_m / _SCALE_HEIGHT_M)
    slant = distance_m / max(height_m, 1.0)
    through = exp(-0.75 * column * slant)
    return through, (1 - through) * _HAZE


class Dust:
    """What the engines blow up: sheets of dust that stream away from under the stage."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng([seed, 0xD5])
        rows, cols = _POLAR
        streaks = np.zeros((rows, cols), np.float32)
        for cells_r, cells_a, weight in (
            (6, 40, 1.0),
            (14, 110, 0.7),
            (30, 26, 0.45),
            (40, 300, 0.35),
        ):
            coarse = rng.standard_normal((cells_r, cells_a), dtype=np.float32)
            wide = np.pad(coarse, ((2, 2), (2, 2)), mode="wrap")
            big = cv2.resize(
                wide, None, fx=cols / cells_a, fy=rows / cells_r, interpolation=cv2.INTER_CUBIC
            )
            top, left = round(2 * rows / cells_r), round(2 * cols / cells_a)
            streaks += np.float32(weight) * big[top : top + rows, left : left + cols]
        self._streaks = streaks / np.float32(streaks.std())
        self._clumps = relief.layered(rng, 512, 5, 4, 0.55)

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
        # Fast outward: rings of dust travel in log radius; streaks bend with their age.
        u = ((angle / (2 * np.pi) + 0.012 * np.log(far)) % 1.0) * pa
        v = (np.log(far) * 0.19 * pr - t * 130.0) % pr
        fine = cv2.remap(
            self._streaks,
            u.astype(np.float32),
            v.astype(np.float32),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_WRAP,
        )
        cu, cv = (gx * 9 + t * 22) % 512, (gy * 9 + t * 9) % 512
        clump = cv2.remap(
            self._clumps,
            cu.astype(np.float32),
            cv.astype(np.float32),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_WRAP,
        )
        # Thin right under the jets where it is blown bare, thick in a ring, thinner beyond.
        ring = (1 - 0.55 * np.exp(-((far / 2.2) ** 2))) * np.exp(-far / (14 + 60 * strength))
        lanes = 0.5 + 0.5 * np.cos(4 * angle + 0.8)
        thick = (
            strength
            * ring
            * np.clip(0.95 + 0.42 * fine + 0.28 * clump + 0.35 * (lanes - 0.5), 0.05, 2.2)
        )
        alpha = (1 - np.exp(-1.9 * thick)).astype(np.float32)
        shade = (0.94 + 0.10 * fine + 0.07 * clump).astype(np.float32)
        alpha = cv2.resize(alpha, (view.cols, view.rows), interpolation=cv2.INTER_LINEAR)
        shade = cv2.resize(shade, (view.cols, view.rows), interpolation=cv2.INTER_LINEAR)
        for k in range(3):
            plane = out[..., k]
            plane += alpha * (shade * np.float32(_DUST[k]) - plane)
