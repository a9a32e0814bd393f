"""The parachute from below: a disk, a gap and a band of eighty gores, opening and breathing."""

from __future__ import annotations

from math import cos, exp, pi, sin

import numpy as np
from numpy.typing import NDArray

from descent.simulate.mesh import GROUND_LIGHT, SKY_LIGHT, SUN, SUN_LIGHT
from descent.simulate.optics import Vector
from descent.simulate.trajectory import EVENTS, Trajectory, smoothstep

GORES = 80
TRAIL_M = 44.0  # from the capsule to the band's edge, lines stretched
KNOT = np.array([0.05, 0.02, 4.3])  # where the lines meet, in the capsule's axes
SILL_M = 1.15  # what the straps are fixed to, on the backshell's top
_WHITE = np.array([0.90, 0.90, 0.90])
_RED = np.array([0.62, 0.045, 0.035])
# Radius and height of the rings of the open canopy, m; the gap lies between the two lists.
_DISK = (
    (0.55, 3.95),
    (1.5, 3.86),
    (2.5, 3.66),
    (3.5, 3.32),
    (4.4, 2.88),
    (5.2, 2.34),
    (5.9, 1.72),
    (6.45, 1.08),
)
_BAND = ((6.95, 0.30), (7.12, -0.25), (7.22, -0.85))
# The panels speak, as on the real one: letters of these words in binary, ten gores each.
_WORDS = ("MANYEYES", "ONECLOCK", "DESCENT", "JEZERO")
_PER_GORE = 4


def _pattern() -> NDArray[np.bool_]:
    """Which of the rings (4, gores) of each gore is red."""
    red = np.zeros((4, GORES), bool)
    for ring, word in enumerate(_WORDS):
        for k in range(8):
            letter = word[k] if k < len(word) else None
            # Three gores of padding part the letters; red where there is no letter.
            code = 0b1111111 if letter is None else ord(letter) - 64
            bits = [code >> (6 - b) & 1 for b in range(7)] + ([0, 0, 0] if letter else [1, 1, 1])
            red[ring, 10 * k : 10 * k + 10] = [bool(b) for b in bits]
    return np.stack([np.roll(red[r], 23 * r) for r in range(4)])


def opening(t: float) -> tuple[float, float, float]:
    """How far the pack is out (0 to 1), how open the canopy (0 to 1), how creased (0 to 1)."""
    start, stretched = EVENTS["parachute"], EVENTS["lines_stretched"]
    full, second = EVENTS["canopy_full"], EVENTS["canopy_peak_2"]
    u = min(1.0, max(0.0, (t - start) / (stretched - start)))
    out = u * (1.25 - 0.25 * u)
    if t <= stretched:
        return out, 0.03 + 0.025 * out, 1.0
    grown = 0.055 + 0.965 * smoothstep(stretched, full + 0.05, t) ** 1.25
    if t > full:
        # It overshoots, partly collapses, fills again, then breathes.
        middle = (full + second) / 2
        grown -= 0.15 * exp(-(((t - middle) / 0.16) ** 2))
        since = max(0.0, t - second)
        grown += 0.05 * exp(-since / 1.2) * sin(2 * pi * 1.5 * since) + 0.012 * sin(
            2 * pi * 0.8 * since
        )
    return 1.0, grown, max(0.0, 1 - (grown / 0.9) ** 2)


def risen(out: float) -> float:
    """How far the straps to the knot are pulled up, 0 to 1, for a pack that is `out`."""
    return 0.02 + 0.98 * smoothstep(0.0, 0.16, out)


class Canopy:
    """The canopy's mesh and lines; made once, posed for any instant."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng([seed, 0xCA])
        self._pattern = _pattern()
        columns = GORES * _PER_GORE
        self._angle = 2 * pi * (np.arange(columns + 1) / columns)
        self._lobe = np.abs(np.sin(pi * (np.arange(columns + 1) % _PER_GORE) / _PER_GORE))
        self._crease = rng.normal(0, 1, (3, columns + 1))
        self._crease[:, -1] = self._crease[:, 0]
        rings = len(_DISK) + len(_BAND)
        skin = [r for r in range(rings - 1) if r != len(_DISK) - 1]
        # Ring letters from the crown out: two narrow red ones, then three words, then the band.
        words = [None, 0, 0, 1, 1, 2, 2]
        faces, paint = [], []
        for r in skin:
            for c in range(columns):
                a, b = r * (columns + 1) + c, r * (columns + 1) + c + 1
                faces += [(a, b, a + columns + 1), (b, b + columns + 1, a + columns + 1)]
                band = r >= len(_DISK)
                word = 3 if band else words[r]
                gore = c // _PER_GORE
                red = word is None or bool(self._pattern[word, gore])
                grey = 1 + 0.05 * float(rng.standard_normal()) * (0.4 if red else 1.0)
                # A seam's doubled cloth is darker.
                seam = 0.86 if c % _PER_GORE in (0, _PER_GORE - 1) and not band else 1.0
                paint += [(_RED if red else _WHITE) * grey * seam] * 2
        self.faces = np.array(faces, np.int32)
        self._paint = np.array(paint)

    def points(self, t: float) -> Vector:
        """Points (n, 3) in m with the crown's axis along z and the band's edge at z = 0."""
        _, grown, crease = opening(t)
        r, z = np.array(_DISK + _BAND).T
        lift = 1 + 1.3 * (1 - grown)  # a closed canopy is long
        folds = np.zeros_like(self._angle)
        for k, count in enumerate((3, 5, 9)):
            folds += np.sin(count * self._angle + 2.1 * k + 1.3 * t * (k + 1)) / (1 + k)
        ragged = 1 + crease * (0.28 * folds + 0.10 * self._crease[0])
        flutter = (
            1 + 0.006 * np.sin(7 * self._angle + 9 * t) + 0.004 * np.sin(12 * self._angle - 13 * t)
        )
        bulge = 1 + 0.020 * self._lobe
        radius = (r * grown)[:, None] * (ragged * flutter * bulge)[None, :]
        out = np.empty((len(r), len(self._angle), 3))
        out[..., 0] = radius * np.cos(self._angle)
        out[..., 1] = radius * np.sin(self._angle)
        out[..., 2] = ((z - z[-1]) * lift)[:, None] + 0.22 * self._lobe * (r / 7.0)[:, None] * grown
        out[..., 2] += crease * 0.5 * self._crease[1] * (r / 7.0)[:, None]
        return out.reshape(-1, 3)

    def colours(self, points: Vector, turn: Vector, height_m: float) -> NDArray[np.float32]:
        """Radiance (3 m, 3) of each face's corners for points (n, 3) in the world's turn.

        Cloth lets through about a third of the sun; from below one sees that, and the
        ground's light.
        """
        corner = points[self.faces]
        normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]) @ turn.T
        normal /= np.sqrt((normal**2).sum(1, keepdims=True)) + 1e-9
        normal *= np.where(normal[:, 2:3] < 0, -1.0, 1.0)
        outside = np.clip(normal @ SUN, 0, None)[:, None]
        inside = np.clip(-(normal @ SUN), 0, None)[:, None]
        # Neutral on purpose: the canopy's white is what the cameras are balanced by.
        glow = (0.92 * outside + 0.62 * inside) * float(SUN_LIGHT.mean()) + 0.20
        wide = float((GROUND_LIGHT + SKY_LIGHT).mean()) * (0.35 + 0.2 * exp(-height_m / 8000))
        return np.repeat(self._paint * (glow + wide), 3, axis=0).astype(np.float32)

    def rim(self, points: Vector) -> Vector:
        """The ends (80, 3) of the lines on the band's edge."""
        edge = points.reshape(len(_DISK) + len(_BAND), -1, 3)[-1]
        ends: Vector = edge[:-1:_PER_GORE]
        return ends


def frame(path: Trajectory, t: float) -> tuple[Vector, Vector]:
    """The canopy's turn (3, 3) and place (3,) in the world."""
    out, _, _ = opening(t)
    capsule = path.capsule(t)
    axis = path.canopy(t)
    # Before it pulls straight it trails behind the capsule.
    swing = 1 - smoothstep(0.6, 1.0, out)
    axis = axis * (1 - swing) + (capsule.turn @ np.array([0.06, 0.03, 1.0])) * swing
    axis /= np.sqrt(axis @ axis)
    side = np.cross(axis, np.array([cos(0.02 * t), sin(0.02 * t), 0.0]))
    side /= np.sqrt(side @ side)
    turn = np.stack([np.cross(side, axis), side, axis], 1)
    place: Vector = (
        capsule.place + capsule.turn @ np.array([0.0, 0.0, 1.7]) + axis * (0.6 + TRAIL_M * out)
    )
    return turn, place
