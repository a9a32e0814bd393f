"""Bodies built from boxes, tubes, balls and bells, and how sun, sky and ground light them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from descent.simulate.optics import Matrix, Vector
from descent.simulate.raster import triangles
from descent.tools.compiled import kernel

Colour = tuple[float, float, float]
Triple = Sequence[float] | Vector

# Radiance of white (1, 1, 1) paint is 1 in full sun; sky and ground are what foil mirrors.
SUN = np.array([-0.808, -0.255, 0.530])
SUN /= np.sqrt(SUN @ SUN)
SUN_LIGHT = np.array([0.86, 0.80, 0.74])
SKY_LIGHT = np.array([0.30, 0.245, 0.185])
GROUND_LIGHT = np.array([0.20, 0.125, 0.07])


@dataclass
class Mesh:
    """Triangles in a body's axes, m: `faces` (m, 3) index `points`, `normals`, `paint` (n, 3).

    `gloss` (n,) is the share of light that is mirrored: 0 paint, 0.9 foil.
    """

    points: Vector
    normals: Vector
    paint: NDArray[np.float32]
    gloss: NDArray[np.float32]
    faces: NDArray[np.int32]

    @staticmethod
    def join(parts: Sequence[Mesh]) -> Mesh:
        """One mesh of many."""
        shift, faces = 0, []
        for part in parts:
            faces.append(part.faces + shift)
            shift += len(part.points)
        return Mesh(
            np.concatenate([p.points for p in parts]),
            np.concatenate([p.normals for p in parts]),
            np.concatenate([p.paint for p in parts]),
            np.concatenate([p.gloss for p in parts]),
            np.concatenate(faces).astype(np.int32),
        )

    def moved(self, place: Triple = (0, 0, 0), turn: Matrix | None = None) -> Mesh:
        """The mesh turned, then shifted."""
        r = np.eye(3) if turn is None else turn
        return Mesh(
            self.points @ r.T + np.asarray(place),
            self.normals @ r.T,
            self.paint,
            self.gloss,
            self.faces,
        )


def _flat(corners: Vector, paint: NDArray[np.float32], gloss: float) -> Mesh:
    """Unshared triangles (m, 3, 3), so that every face keeps its own normal."""
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.sqrt((normal**2).sum(1, keepdims=True)) + 1e-12
    m = len(corners)
    return Mesh(
        corners.reshape(-1, 3), np.repeat(normal, 3, 0), np.repeat(paint, 3, 0),
        np.full(3 * m, gloss, np.float32), np.arange(3 * m, dtype=np.int32).reshape(m, 3),
    )  # fmt: skip


def _grid(points: Vector, normals: Vector, colour: Colour, gloss: float, wrap: bool = True) -> Mesh:
    """A smooth skin of (rows, cols, 3) points; `wrap` joins the last column to the first."""
    rows, cols = points.shape[:2]
    i, j = np.mgrid[0 : rows - 1, 0 : cols if wrap else cols - 1]
    a, b = i * cols + j, i * cols + (j + 1) % cols
    faces = np.stack([a, b, a + cols, b, b + cols, a + cols], -1).reshape(-1, 3)
    n = rows * cols
    paint = np.tile(np.asarray(colour, np.float32), (n, 1))
    return Mesh(
        points.reshape(n, 3), normals.reshape(n, 3), paint, np.full(n, gloss, np.float32),
        faces.astype(np.int32),
    )  # fmt: skip


def box(
    size: Triple, colour: Colour, *, at: Triple = (0, 0, 0), gloss: float = 0.0,
    turn: Matrix | None = None, cell: float = 0.25, rng: np.random.Generator | None = None,
    grain: float = 0.0,
) -> Mesh:  # fmt: skip
    """A box of `size` m about `at`, its faces cut into cells; `grain` varies their shade."""
    parts, half = [], np.asarray(size, float) / 2
    for axis in range(3):
        u, v = (axis + 1) % 3, (axis + 2) % 3
        nu, nv = (max(1, round(size[k] / cell)) for k in (u, v))
        gu, gv = np.meshgrid(np.linspace(-1, 1, nu + 1), np.linspace(-1, 1, nv + 1), indexing="ij")
        for side in (-1.0, 1.0):
            p = np.zeros((*gu.shape, 3))
            p[..., axis], p[..., u], p[..., v] = side * half[axis], gu * half[u], gv * half[v]
            a, b, c, d = p[:-1, :-1], p[1:, :-1], p[1:, 1:], p[:-1, 1:]
            quads = np.stack([a, b, c, a, c, d], 2).reshape(-1, 3, 3)
            shade = np.ones(len(quads) // 2)
            if rng is not None and grain:
                shade += rng.uniform(-grain, grain, len(shade))
            paint = np.repeat(shade, 2)[:, None] * np.asarray(colour)
            parts.append(
                _flat(quads if side > 0 else quads[:, ::-1], paint.astype(np.float32), gloss)
            )
    return (
        Mesh.join(parts).moved(at, turn)
        if turn is None
        else Mesh.join(parts).moved((0, 0, 0), turn).moved(at)
    )


def _frame(direction: Vector) -> Matrix:
    """Columns: two axes across and the unit direction itself."""
    z = direction / np.sqrt(direction @ direction)
    x = np.cross(z, (0.0, 0.0, 1.0) if abs(z[2]) < 0.9 else (1.0, 0.0, 0.0))
    x /= np.sqrt(x @ x)
    return np.stack([x, np.cross(z, x), z], 1)


def turned(
    profile: Sequence[tuple[float, float]], colour: Colour, *, at: Triple = (0, 0, 0),
    along: Triple = (0, 0, 1), gloss: float = 0.0, sides: int = 20,
) -> Mesh:  # fmt: skip
    """A body of revolution: `profile` holds (distance along the axis, radius), m."""
    axis = _frame(np.asarray(along, float))
    h, r = np.array(profile, float).T
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    ring = np.stack([np.cos(angle), np.sin(angle), np.zeros(sides)], 1) @ axis.T
    points = h[:, None, None] * axis[:, 2] + r[:, None, None] * ring
    dh, dr = np.gradient(h), np.gradient(r)
    steep = np.sqrt(dh**2 + dr**2) + 1e-12
    normals = (dh / steep)[:, None, None] * ring - (dr / steep)[:, None, None] * axis[:, 2]
    return _grid(points, normals, colour, gloss).moved(at)


def tube(
    a: Triple, b: Triple, radius: float, colour: Colour, *, gloss: float = 0.0,
    sides: int = 8,
) -> Mesh:  # fmt: skip
    """A strut from a to b, m."""
    start, end = np.asarray(a, float), np.asarray(b, float)
    length = float(np.sqrt((end - start) @ (end - start)))
    steps = max(2, min(8, int(length / 0.15)))
    profile = [(length * k / (steps - 1), radius) for k in range(steps)]
    return turned(profile, colour, at=a, along=end - start, gloss=gloss, sides=sides)


def cable(points: Vector, radius: float, colour: Colour, *, gloss: float = 0.0) -> Mesh:
    """A cable through points (n, 3), m."""
    return Mesh.join(
        [tube(a, b, radius, colour, gloss=gloss, sides=6) for a, b in pairwise(points)]
    )


def ball(
    radius: float, colour: Colour, *, at: Triple = (0, 0, 0), gloss: float = 0.0,
    squash: float = 1.0, rows: int = 14, sides: int = 24,
) -> Mesh:  # fmt: skip
    """A ball, flattened along z by `squash`."""
    t = np.linspace(0, np.pi, rows)
    profile = [(-float(np.cos(a)) * radius * squash, float(np.sin(a)) * radius) for a in t]
    return turned(profile, colour, at=at, gloss=gloss, sides=sides)


def crumple(mesh: Mesh, rng: np.random.Generator, depth: float, tint: float = 0.12) -> Mesh:
    """The mesh as wrinkled foil: points pushed about by `depth` m, every facet flat."""
    key = np.round(mesh.points / 1e-4).astype(np.int64)
    _, inverse = np.unique(key, axis=0, return_inverse=True)
    push = rng.normal(0, depth, (int(inverse.max()) + 1, 3))
    points = mesh.points + push[inverse.ravel()]
    corners = points[mesh.faces]
    paint = mesh.paint[mesh.faces[:, 0]] * (1 + rng.uniform(-tint, tint, (len(corners), 1)))
    out = _flat(corners, paint.astype(np.float32), 0.0)
    facing = (out.normals * mesh.normals[mesh.faces.ravel()]).sum(1, keepdims=True)
    out.normals *= np.where(facing < 0, -1.0, 1.0)
    out.gloss = mesh.gloss[mesh.faces.ravel()]
    return out


def shadow(mesh: Mesh, turn: Matrix, cells: int = 320) -> NDArray[np.float64]:
    """How much sun reaches each point (n,): 0 where the body itself stands in its way.

    A depth map along the sun's rays, `cells` a side; more draw sharper edges.
    """
    rays = _frame(turn.T @ SUN)
    seen = mesh.points @ rays
    low, high = seen.min(0), seen.max(0)
    step = float(max(high[0] - low[0], high[1] - low[1])) / (cells - 3)
    xy = (seen[:, :2] - low[:2]) / step + 1
    # Drawn from so far away that nearer is as good as parallel.
    away = 400.0
    z = away - seen[:, 2]
    buffer = np.zeros((cells, cells), np.float32)
    colour = np.zeros((len(z), 3), np.float32)
    triangles(np.zeros((cells, cells, 4), np.float32), buffer, xy, z, colour, mesh.faces)
    facing = mesh.normals @ rays[:, 2]
    # Looked up a little along the normal: a face must not shade itself.
    lift = (mesh.normals * np.where(facing < 0, -1, 1)[:, None]) @ rays[:, :2] * (1.5 * step)
    at = np.clip(np.rint(xy + lift / step), 0, cells - 1).astype(int)
    nearest = 1 / np.maximum(buffer[at[:, 1], at[:, 0]], 1e-9)
    lit: NDArray[np.float64] = np.clip((nearest + 0.035 - z) / 0.02 + 1, 0, 1)
    return lit


def light(
    mesh: Mesh, turn: Matrix, eye_in_body: Vector, *, bounce: float = 1.0,
    shade: NDArray[np.float64] | None = None,
) -> NDArray[np.float32]:  # fmt: skip
    """Radiance (n, 3) of the mesh's points, white paint in full sun being 1.

    `turn` takes body to world axes. `bounce` is how much light the ground gives back (1 in
    the open). `shade` (n,) dims the sun, 0 in full shadow.
    """
    out = np.empty((len(mesh.points), 3), np.float32)
    open_air = np.ones(len(out)) if shade is None else shade
    _lit(
        mesh.points, mesh.normals, mesh.paint, mesh.gloss, open_air, turn, eye_in_body,
        np.stack([SUN, SUN_LIGHT, SKY_LIGHT, GROUND_LIGHT]), bounce, out,
    )  # fmt: skip
    return out


@kernel
def _lit(
    points: Any, normals: Any, paint: Any, gloss: Any, shade: Any, turn: Any, eye: Any,
    lights: Any, bounce: float, out: Any,
) -> None:  # fmt: skip
    sun = lights[0]
    for i in range(points.shape[0]):
        vx, vy, vz = eye[0] - points[i, 0], eye[1] - points[i, 1], eye[2] - points[i, 2]
        long = 1.0 / (sqrt(vx * vx + vy * vy + vz * vz) + 1e-9)
        vx, vy, vz = vx * long, vy * long, vz * long
        nx, ny, nz = normals[i, 0], normals[i, 1], normals[i, 2]
        away = nx * vx + ny * vy + nz * vz
        if away < 0:
            nx, ny, nz, away = -nx, -ny, -nz, -away
        wx = turn[0, 0] * nx + turn[0, 1] * ny + turn[0, 2] * nz
        wy = turn[1, 0] * nx + turn[1, 1] * ny + turn[1, 2] * nz
        wz = turn[2, 0] * nx + turn[2, 1] * ny + turn[2, 2] * nz
        direct = max(0.0, wx * sun[0] + wy * sun[1] + wz * sun[2]) * shade[i]
        above = 0.5 + 0.5 * wz
        g, glow, blend, dim, uz = gloss[i], 0.0, 0.0, 0.0, 0.0
        if g > 0:
            # What a mirror would show along the reflected ray: sky with a sun, or ground.
            rx, ry, rz = 2 * away * nx - vx, 2 * away * ny - vy, 2 * away * nz - vz
            ux = turn[0, 0] * rx + turn[0, 1] * ry + turn[0, 2] * rz
            uy = turn[1, 0] * rx + turn[1, 1] * ry + turn[1, 2] * rz
            uz = turn[2, 0] * rx + turn[2, 1] * ry + turn[2, 2] * rz
            near = max(0.0, ux * sun[0] + uy * sun[1] + uz * sun[2])
            wide = near * near * near
            wide = wide * wide
            tight = wide * wide
            tight = tight * tight * tight * tight
            tight = tight * tight
            glow = 0.35 * wide + 5.0 * tight
            blend = min(1.0, max(0.0, 8 * uz + 0.5))
            dim = 0.45 + 0.55 * shade[i]
        for k in range(3):
            matt = direct * lights[1, k] + above * lights[2, k]
            matt = paint[i, k] * (matt + (1 - above) * lights[3, k] * bounce)
            if g > 0:
                sky = lights[2, k] * (1.55 - 0.75 * min(1.0, max(0.0, uz))) + glow * lights[1, k]
                ground = lights[3, k] * (1.05 + 0.5 * min(1.0, max(0.0, -uz)))
                glint = (ground + (sky - ground) * blend) * dim
                matt = matt * (1 - g) + glint * (0.25 + 1.5 * paint[i, k]) * g
            out[i, k] = matt
