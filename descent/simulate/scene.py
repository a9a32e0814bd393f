"""What a camera sees at an instant, and what falls on its sensor during an exposure."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import ceil, log2

import cv2
import numpy as np
from numpy.typing import NDArray

from descent.simulate import air, canopy, mesh, raster, relief, stage
from descent.simulate.mesh import Mesh
from descent.simulate.optics import CAMERAS, Camera, Matrix, Pixels, Pose, Vector, View, view
from descent.simulate.rover import rover
from descent.simulate.terrain import LEVELS, WIDEST_M, Ground
from descent.simulate.trajectory import EVENTS, SCLK_ZERO, Trajectory, smoothstep

_FEWEST, _MOST = 5, 16
# Where within a pixel each part of an exposure samples the bodies' edges.
_SPOTS = ((0.0, 0.0), (0.4, 0.2), (-0.2, 0.4), (-0.4, -0.2), (0.2, -0.4))


def subject(camera: Camera, t: float) -> str:
    """What the camera's picture is of at `t`: what its blur and motion are told for."""
    if camera.name == "puc1":
        return "canopy"
    if camera.name == "ruc":
        return "stage"
    if camera.name == "ddc":
        return "ground" if t < EVENTS["rover_lowered"] else "rover"
    return "shield" if t < EVENTS["heat_shield"] else "ground"


class Scene:
    """The landing to look at: ground, bodies and air for a seed, at one scale."""

    def __init__(self, seed: int, scale: Fraction, path: Trajectory) -> None:
        self.scale, self.path = scale, path
        self.size = 1 << max(8, ceil(log2(4096 * float(scale))))
        self._centres = _centres(path, self._level_at)
        self.ground = Ground(seed, self.size, self._centres.__getitem__)
        self._dust = air.Dust(seed)
        self._canopy = canopy.Canopy(seed)

    def view(self, camera: Camera, t: float) -> View:
        """The view of `camera` at `t`."""
        return view(camera, self.path.body(camera, t), self.scale)

    def _level_at(self, distance_m: float) -> float:
        """Which level of the ground has texels as large as the rover camera's pixels."""
        return log2(
            WIDEST_M / self.size / (distance_m / (CAMERAS["rdc"].focal_px * float(self.scale)))
        )

    def level(self, looking: View) -> tuple[int, float]:
        """The finest level a view needs and how much of its detail to show."""
        distance = _reach(looking)
        deep = log2(WIDEST_M / self.size / (distance / looking.lens[0, 0])) - 0.5
        finest = max(0, min(LEVELS - 1, ceil(deep)))
        return finest, smoothstep(0.0, 0.3, deep - (finest - 1)) if finest else 1.0

    def needed(self, camera: Camera, t: float) -> set[int]:
        """The levels of the ground that a frame at `t` draws."""
        if camera.looks == "up":
            return set()
        finest, _ = self.level(self.view(camera, t))
        return set(range(max(0, finest - 3), finest + 1))

    def anchor(self, camera: Camera, t: float) -> Callable[[float], Vector]:
        """The subject's middle as a function of time, (3,) m in the world, for motion at `t`."""
        what = subject(camera, t)
        if what == "ground":
            spot = _foot(self.view(camera, t))
            return lambda _: spot
        if what == "canopy":
            return lambda s: _along(canopy.frame(self.path, s), 2.0)
        if what == "stage":
            return lambda s: self.path.stage(s).place
        if what == "rover":
            return lambda s: _of(self.path.rover(s), np.array([0.0, 0.0, 1.0]))
        return lambda s: _of(self.path.shield(s), np.array([0.0, 0.0, -0.6]))

    def motion(self, camera: Camera, start: float, exposure_s: float, count: int) -> Vector:
        """The subject's path (count, 2) over an exposure, px at this scale from its middle."""
        middle = start + exposure_s / 2
        where = self.anchor(camera, middle)
        base = self.view(camera, middle).project(where(middle)[None])[0][0]
        times = start + exposure_s * (np.arange(count) + 0.5) / count
        spots = [
            self.view(camera, float(s)).project(where(float(s))[None])[0][0] - base for s in times
        ]
        return np.array(spots)

    def speed(self, camera: Camera, t: float) -> float:
        """How fast the subject moves in the picture at `t`, px/s at this scale."""
        d = 0.002
        ends = self.motion(camera, t - d, 2 * d, 2)
        step = ends[1] - ends[0]
        return float(np.sqrt(step @ step)) / d

    def expose(self, camera: Camera, start: float, exposure_s: float) -> Pixels:
        """The mean light (rows, cols, 3) of an exposure; white paint in full sun is 1.

        The exposure is cut into as many parts as what moves in it moves pixels, each drawn
        at its own poses: what is blurred is blurred as by a real shutter.
        """
        end, middle = start + exposure_s, start + exposure_s / 2
        ground = _parts(self._slides(camera, start, end), 2)
        bodies = _parts(self.speed(camera, middle) * exposure_s, _FEWEST)
        return self._mean(camera, start, end, (ground, bodies))

    def _slides(self, camera: Camera, start: float, end: float) -> float:
        """How far the ground at most moves in the picture from `start` to `end`, px."""
        if camera.looks == "up":
            return 0.0
        first, last = (self.view(camera, s).ground for s in (start, end))
        rows, cols = camera.sized(self.scale)
        spots = np.array(
            [[cols / 2, rows / 2, 1], [0, 0, 1], [cols, 0, 1], [0, rows, 1], [cols, rows, 1]]
        )
        moved = spots @ (last @ np.linalg.inv(first)).T
        step = moved[:, :2] / moved[:, 2:] - spots[:, :2]
        return float(np.sqrt((step**2).sum(1).max()))

    def sharp(self, camera: Camera, t: float) -> Pixels:
        """The picture (rows, cols, 3) of an instant, edges smoothed, nothing blurred."""
        return self._mean(camera, t, t, (1, _FEWEST))

    # --- drawing ------------------------------------------------------------------------

    def _mean(self, camera: Camera, start: float, end: float, parts: tuple[int, int]) -> Pixels:
        middle = (start + end) / 2
        looking = self.view(camera, middle)
        back = self._backdrop(camera, _spread(start, end, parts[0]), middle, looking)
        draw = self._drawer(camera, middle)
        if draw is None:
            return back
        total = np.zeros((looking.rows, looking.cols, 4), np.float32)
        layer = np.empty((looking.rows, looking.cols, 4), np.float32)
        depth = np.empty((looking.rows, looking.cols), np.float32)
        times = _spread(start, end, parts[1])
        for k, t in enumerate(times):
            layer.fill(0)
            depth.fill(0)
            seen = self.view(camera, t)
            seen.lens[:2, 2] += _SPOTS[k % len(_SPOTS)]
            draw(seen, t, layer, depth)
            cv2.accumulate(layer, total)
        total *= np.float32(1 / len(times))
        back *= 1 - total[..., 3:]
        back += total[..., :3]
        return back

    def _backdrop(self, camera: Camera, times: list[float], middle: float, looking: View) -> Pixels:
        height = max(0.5, float(looking.eye[2]))
        if camera.looks == "up":
            return air.sky(looking, height)
        if camera.name == "rdc" and middle < EVENTS["heat_shield"]:
            return np.full((looking.rows, looking.cols, 3), 0.004, np.float32)
        total = np.zeros((looking.rows, looking.cols, 3), np.float32)
        part = np.zeros(total.shape, np.uint16)
        finest, fade = self.level(looking)
        for t in times:
            self.ground.draw(self.view(camera, t), part, finest, fade)
            cv2.accumulate(part, total)
        total *= np.float32(1 / (relief.UNIT * len(times)))
        self._shadows(looking, middle, total)
        through, added = air.haze(_reach(looking), height)
        total *= np.float32(through)
        total += added.astype(np.float32)
        self._dust.cover(self.path, looking, middle, total)
        return total

    def _shadows(self, looking: View, t: float, out: Pixels) -> None:
        """The shadows of rover and stage, where the camera is low enough to see them."""
        if t < EVENTS["sky_crane"]:
            return
        dim = None
        for pose, body in ((self.path.rover(t), rover()), (self.path.stage(t), stage.stage())):
            flat = np.empty_like(body.points)
            raster.flattened(body.points, pose.turn, pose.place, mesh.SUN, flat)
            xy, z = looking.project(flat)
            inside = (xy > 0).all(1) & (xy < (looking.cols, looking.rows)).all(1)
            if not inside.any():
                continue
            if dim is None:
                dim = np.zeros((looking.rows, looking.cols, 4), np.float32)
            depth = np.zeros((looking.rows, looking.cols), np.float32)
            ones = np.ones((len(xy), 3), np.float32)
            raster.triangles(dim, depth, xy, z, ones, body.faces)
        if dim is not None:
            soft = cv2.GaussianBlur(dim[..., 0], (0, 0), max(0.8, 0.004 * looking.cols))
            thin = 1 - 0.6 * self._dust.strength(self.path, t)
            out *= 1 - np.float32(0.62 * thin) * soft[..., None]

    def _drawer(
        self, camera: Camera, middle: float
    ) -> Callable[[View, float, Pixels, Pixels], None] | None:
        eye = self.view(camera, middle).eye
        if camera.name == "puc1":
            return self._draw_canopy(middle)
        if camera.name == "ruc":
            return self._draw_body(
                stage.stage(),
                self.path.stage,
                eye,
                middle,
                0.5 + 0.5 * smoothstep(0.3, 4.0, self.path.lowered(middle)),
                roped=True,
            )
        if camera.name == "ddc":
            return self._draw_body(rover(), self.path.rover, eye, middle, 1.0, roped=True)
        since = middle - EVENTS["heat_shield"]
        if since > 25.0:
            return None
        return self._draw_body(
            stage.heat_shield(),
            self.path.shield,
            eye,
            middle,
            0.6,
            0.012 + 0.988 * smoothstep(0.05, 0.9, since),
        )

    def _draw_body(
        self, body: Mesh, pose_at: Callable[[float], Pose], eye: Vector, middle: float,
        bounce: float, bright: float = 1.0, *, roped: bool = False,
    ) -> Callable[[View, float, Pixels, Pixels], None]:  # fmt: skip
        pose = pose_at(middle)
        colour = mesh.light(
            body,
            pose.turn,
            (eye - pose.place) @ pose.turn,
            bounce=bounce,
            shade=mesh.shadow(body, pose.turn),
        )
        if bright != 1.0:
            colour *= np.float32(bright)

        def draw(seen: View, t: float, layer: Pixels, depth: Pixels) -> None:
            now = pose_at(t)
            xy, z = seen.seen(body.points, now)
            raster.triangles(layer, depth, xy, z, colour, body.faces)
            if roped:
                self._draw_ropes(seen, t, layer, depth)

        return draw

    def _draw_ropes(self, seen: View, t: float, layer: Pixels, depth: Pixels) -> None:
        made = stage.ropes(self.path, t)
        if not made:
            return
        ends = np.array([m[0] for m in made]), np.array([m[1] for m in made])
        a, za, b, zb = _clipped(seen, *ends)
        width = 2 * seen.lens[0, 0] * np.array([m[2] for m in made])
        colour = np.array([m[3] for m in made]) * 0.80
        raster.lines(
            layer, depth, np.column_stack([a, za]), np.column_stack([b, zb]), width, colour
        )

    def _draw_canopy(self, middle: float) -> Callable[[View, float, Pixels, Pixels], None]:
        cloth = self._canopy
        turn, _ = canopy.frame(self.path, middle)
        height = float(self.path.capsule(middle).place[2])
        colour = cloth.colours(cloth.points(middle), turn, height)
        loose = np.arange(len(cloth.faces) * 3, dtype=np.int32).reshape(-1, 3)
        gear = stage.backshell_gear()
        out, _, _ = canopy.opening(middle)
        pose = self.path.capsule(middle)
        eye = self.view(CAMERAS["puc1"], middle).eye
        gear_colour = mesh.light(gear, pose.turn, (eye - pose.place) @ pose.turn) * np.float32(0.55)

        def raised(points: Vector) -> Vector:
            up = points.copy()
            up[..., 2] = canopy.SILL_M + (up[..., 2] - canopy.SILL_M) * canopy.risen(out)
            return up

        def draw(seen: View, t: float, layer: Pixels, depth: Pixels) -> None:
            capsule = self.path.capsule(t)
            if out > 0.02:
                around, place = canopy.frame(self.path, t)
                local = cloth.points(t)
                xy, z = seen.seen(local, Pose(around, place))
                corner = cloth.faces.ravel()
                raster.triangles(layer, depth, xy[corner], z[corner], colour, loose)
                knot = capsule.place + capsule.turn @ raised(canopy.KNOT)
                rim = cloth.rim(local) @ around.T + place
                a, za, b, zb = _clipped(seen, np.tile(knot, (len(rim), 1)), rim)
                width = np.full(len(rim), 0.008 * seen.lens[0, 0])
                raster.lines(
                    layer,
                    depth,
                    np.column_stack([a, za]),
                    np.column_stack([b, zb]),
                    width,
                    np.tile([[0.50, 0.49, 0.46]], (len(rim), 1)),
                )
            # Before the pack pulls them up, the straps lie on the backshell.
            xy, z = seen.seen(raised(gear.points), capsule)
            raster.triangles(layer, depth, xy, z, gear_colour, gear.faces)

        return draw


def _clipped(seen: View, a: Vector, b: Vector) -> tuple[Vector, Vector, Vector, Vector]:
    """Both ends of segments (n, 3) in px and m, cut off where they pass behind the camera."""
    near = 0.25
    za, zb = (a - seen.eye) @ seen.turn[2], (b - seen.eye) @ seen.turn[2]
    gap = np.where(np.abs(zb - za) < 1e-9, 1e-9, zb - za)
    u = np.clip((near - za) / gap, 0, 1)[:, None]
    spot = a + (b - a) * u
    a, b = np.where((za < near)[:, None], spot, a), np.where((zb < near)[:, None], spot, b)
    pa, da = seen.project(a)
    pb, db = seen.project(b)
    return pa, da, pb, db


def _parts(travel_px: float, fewest: int) -> int:
    """Into how many parts an exposure is cut over which something moves `travel_px`."""
    return int(min(_MOST, max(fewest, ceil(travel_px * 0.9) + 1)))


def _spread(start: float, end: float, parts: int) -> list[float]:
    """The middles of equal parts of a time."""
    return [start + (end - start) * (k + 0.5) / parts for k in range(parts)]


def _of(pose: Pose, point: Vector) -> Vector:
    where: Vector = pose.place + pose.turn @ point
    return where


def _along(frame: tuple[Matrix, Vector], up_m: float) -> Vector:
    where: Vector = frame[1] + frame[0][:, 2] * up_m
    return where


def _foot(looking: View) -> Vector:
    """Where the optical axis meets the ground, (3,) m."""
    axis = looking.turn[2]
    foot: Vector = looking.eye + axis * (looking.eye[2] / max(0.2, -axis[2]))
    foot[2] = 0.0
    return foot


def _reach(looking: View) -> float:
    """How far it is to the ground along the optical axis, m."""
    return float(max(0.3, looking.eye[2]) / max(0.2, -looking.turn[2, 2]))


def _centres(path: Trajectory, level_at: Callable[[float], float]) -> list[Vector]:
    """Where on the ground (2,) the cameras look while each level is the finest."""
    seen: list[list[Vector]] = [[] for _ in range(LEVELS)]
    times: NDArray[np.float64] = np.arange(
        EVENTS["heat_shield"] - 1, EVENTS["touchdown"] + 0.6, 0.5
    )
    for t in times:
        looking = view(CAMERAS["rdc"], path.rover(float(t)), Fraction(1))
        index = int(np.clip(round(level_at(_reach(looking))), 0, LEVELS - 1))
        seen[index].append(_foot(looking)[:2])
    last = path.rover(EVENTS["touchdown"]).place[:2]
    centres = []
    for index, spots in enumerate(seen):
        later = next((s for s in seen[index:] if s), None)
        centres.append(np.mean(spots or later or [last], axis=0))
    return centres


__all__ = ["SCLK_ZERO", "Scene", "subject"]
