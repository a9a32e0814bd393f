"""The four cameras of the synthetic landing: size, lens, mount, cadence and colour response."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from descent.simulate.raster import projected

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Pixels = NDArray[np.float32]

# Rows are the camera's right, down and forward axes in its body's axes
# (body: x forward, y left, z up).
_DOWN = np.array([[0.0, -1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, -1.0]])
_UP = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])


@dataclass(frozen=True)
class Camera:
    """A camera at full size; `sized` gives what a scale leaves of it.

    `rows`, `cols` and `focal_px` are in px of the full frame, `position_m` in the axes of
    `body`. `response` are the counts that a neutral surface gives in R, G and B, relative
    to the strongest: 1 / response are the white balance gains. `exposure_s` is the
    exposure of a calm run; a larger one smears more.
    """

    name: str
    title: str
    instrument: str
    body: Literal["capsule", "stage", "rover"]
    looks: Literal["up", "down"]
    rows: int
    cols: int
    focal_px: float
    rate: Fraction
    starts: float
    ends: float
    position_m: tuple[float, float, float]
    turned_deg: float
    response: tuple[float, float, float]
    level: float
    exposure_s: float

    @property
    def mount(self) -> Matrix:
        """The 3 x 3 matrix from body axes to camera axes."""
        turn = np.deg2rad(self.turned_deg)
        c, s = float(np.cos(turn)), float(np.sin(turn))
        base = _DOWN if self.looks == "down" else _UP
        axes: Matrix = np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]]) @ base
        return axes

    def sized(self, scale: Fraction) -> tuple[int, int]:
        """The rows and columns at `scale`, both even so that the Bayer pattern closes."""
        return (max(2, round(self.rows * scale / 2) * 2), max(2, round(self.cols * scale / 2) * 2))

    def intrinsic(self, scale: Fraction) -> Matrix:
        """The 3 x 3 pinhole matrix at `scale`; pixel centres at whole numbers, no distortion."""
        rows, cols = self.sized(scale)
        f = self.focal_px * float(scale)
        return np.array([[f, 0.0, (cols - 1) / 2], [0.0, f, (rows - 1) / 2], [0.0, 0.0, 1.0]])

    @property
    def gains(self) -> tuple[float, float, float]:
        """The white balance gains (R, G, B) that undo the camera's colour response, G being 1."""
        r, g, b = (round(self.response[1] / v, 3) for v in self.response)
        return r, g, b


# White canopy of the real PUC-B browse frame: 131, 143, 202. RUC and RDC are of the PUC's
# make and share its response. The DDC's is that of unclipped white paint in its real frames;
# 1 / these, G being 1, are the gains of configs/cameras/mars2020.
_BLUE = (0.6455, 0.71, 1.0)
_GREEN = (0.78125, 1.0, 0.42017)

CAMERAS: dict[str, Camera] = {
    c.name: c
    for c in (
        Camera(
            "puc1", "Parachute up-look camera", "EA", "capsule", "up", 1024, 1280, 2000.0,
            Fraction(75), 757.04, 880.0, (0.55, 0.3, 1.6), 62.0, _BLUE, 1.12, 0.003,
        ),
        Camera(
            "ddc", "Descent stage down-look camera", "ES", "stage", "down", 1536, 2048, 2380.0,
            Fraction(12), 867.97, 940.3, (0.62, -0.48, 0.34), 147.0, _GREEN, 1.35, 0.006,
        ),
        Camera(
            "ruc", "Rover up-look camera", "EU", "rover", "up", 1024, 1280, 1420.0,
            Fraction(30), 868.37, 945.4, (-0.12, -0.36, 1.03), 8.0, _BLUE, 1.35, 0.008,
        ),
        Camera(
            "rdc", "Rover down-look camera", "ED", "rover", "down", 1024, 1280, 9.5e3 / 4.8,
            Fraction(30), 753.44, 949.07, (0.62, 0.45, 0.58), 168.0, _BLUE, 2.30, 0.005,
        ),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Pose:
    """Where a body is: `turn` (3, 3) takes its axes to the world's, `place` (3,) is in m.

    The world is level at the landing site: x east, y north, z up, the ground at z = 0.
    """

    turn: Matrix
    place: Vector


@dataclass(frozen=True)
class View:
    """A camera at one instant: `turn` (3, 3) takes world to camera axes, `eye` (3,) in m."""

    turn: Matrix
    eye: Vector
    lens: Matrix
    rows: int
    cols: int

    def project(self, points: Vector) -> tuple[Vector, Vector]:
        """Pixel coordinates (n, 2) as x, y and the depth (n,) in m of world points (n, 3)."""
        return self.seen(points, Pose(np.eye(3), np.zeros(3)))

    def seen(self, points: Vector, pose: Pose) -> tuple[Vector, Vector]:
        """The same for points (n, 3) in the axes of a body that has `pose`."""
        xy, depth = np.empty((len(points), 2)), np.empty(len(points))
        shift = self.turn @ (pose.place - self.eye)
        projected(points, self.turn @ pose.turn, shift, self.lens, xy, depth)
        return xy, depth

    @property
    def ground(self) -> Matrix:
        """The 3 x 3 homography from ground (x, y, 1) in m to pixels (x, y, 1)."""
        flat: Matrix = (
            self.lens
            @ self.turn
            @ np.array(
                [[1.0, 0.0, -self.eye[0]], [0.0, 1.0, -self.eye[1]], [0.0, 0.0, -self.eye[2]]]
            )
        )
        return flat


def view(camera: Camera, pose: Pose, scale: Fraction) -> View:
    """The view of a camera whose body has `pose`."""
    rows, cols = camera.sized(scale)
    eye = pose.place + pose.turn @ np.array(camera.position_m)
    return View(camera.mount @ pose.turn.T, eye, camera.intrinsic(scale), rows, cols)
