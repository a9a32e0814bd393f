"""Where everything is at any instant: height by the measured profile, swing, lowering, fly-away."""

from __future__ import annotations

from bisect import bisect_right
from math import atan2, cos, exp, hypot, pi, sin, sqrt

import numpy as np

from descent.simulate.optics import CAMERAS, Camera, Matrix, Pose, Vector

# SCLK - 666952000 s of what happens (the reconstruction's times).
SCLK_ZERO = 666952000
EVENTS: dict[str, float] = {
    "entry": 519.637, "parachute": 760.267, "lines_stretched": 761.308, "canopy_full": 761.922,
    "canopy_peak_2": 762.502, "heat_shield": 782.899, "backshell": 876.933,
    "powered_descent": 877.969, "constant_velocity": 909.208, "sky_crane": 919.361,
    "rover_lowered": 922.010, "rover_lowered_end": 927.510, "touchdown": 937.701,
    "bridles_cut": 939.199,
}  # fmt: skip

# Height of the wheels above the ground, m, and its rate, m/s, by the LCAM labels' profile.
_HEIGHT: tuple[tuple[float, float, float], ...] = (
    (750.0, 14530.0, -150.0), (760.267, 12990.0, -146.0), (774.0, 11230.0, -116.0),
    (876.933, 2178.0, -74.5), (879.3, 1990.0, -80.0), (909.208, 263.0, -32.0),
    (914.2, 103.0, -32.0), (916.9, 40.0, -15.0), (919.361, 21.4, -0.75),
)  # fmt: skip
_CRANE_RATE = -0.75
STOWED_M = 1.80  # from the wheels' plane up to the stage's origin while the rover is stowed
_HEADING = np.array([0.966, -0.259, 0.0])  # over the ground, towards east-south-east


def smoothstep(low: float, high: float, x: float) -> float:
    """0 below `low`, 1 above `high`, and a smooth S between."""
    u = min(1.0, max(0.0, (x - low) / (high - low)))
    return u * u * (3 - 2 * u)


def _hermite(knots: tuple[tuple[float, float, float], ...], t: float) -> float:
    if t >= knots[-1][0]:
        return knots[-1][1] + knots[-1][2] * (t - knots[-1][0])
    i = max(1, bisect_right([k[0] for k in knots], t)) - 1
    (a, ya, da), (b, yb, db) = knots[i], knots[i + 1]
    w = b - a
    u = (t - a) / w
    return (
        ya * (1 + 2 * u) * (1 - u) ** 2
        + yb * u * u * (3 - 2 * u)
        + w * (da * u * (1 - u) ** 2 - db * u * u * (1 - u))
    )


def rotation(vector: Vector) -> Matrix:
    """The 3 x 3 rotation about `vector` (3,) by its length in rad (Rodrigues)."""
    angle = float(np.sqrt(vector @ vector))
    if angle < 1e-12:
        return np.eye(3)
    x, y, z = vector / angle
    skew = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    turn: Matrix = np.eye(3) + sin(angle) * skew + (1 - cos(angle)) * (skew @ skew)
    return turn


class Swing:
    """A swing without a beat: an elliptic cone whose pace wanders, and small quick modes.

    `rate` is the angular rate in rad/s that it keeps to within about a quarter; the cone
    keeps a pendulum's rate from ever falling to nothing, as under the real parachute.
    Nothing in it is faster than 3 Hz.
    """

    def __init__(self, rng: np.random.Generator, pace_hz: float, rate: float) -> None:
        self._w = 2 * pi * pace_hz
        self._radius = rate / self._w * 1.05
        self._p = [float(v) for v in rng.uniform(0, 2 * pi, 16)]
        self._slow = [float(v) for v in rng.uniform(0.8, 1.25, 4)]
        self._quick = [
            (float(f), float(a) * rate)
            for f, a in zip(
                rng.uniform((1.1, 1.7, 2.3), (1.6, 2.2, 2.9)), (0.07, 0.05, 0.04), strict=True
            )
        ]
        self._roll = [(0.11, 0.16), (0.29, 0.12), (0.67, 0.08)]
        self._rate = rate

    def at(self, t: float) -> tuple[float, float, float]:
        """Tilt about x, tilt about y and roll about z, rad, at time `t` in s."""
        p = self._p
        phase = self._w * t + p[0]
        phase += 0.55 * sin(0.37 * self._slow[0] * t + p[1]) + 0.2 * sin(
            0.9 * self._slow[1] * t + p[2]
        )
        a, b = self._radius * cos(phase), 0.87 * self._radius * sin(phase)
        lean = 0.05 * t + p[3]
        x, y = a * cos(lean) - b * sin(lean), a * sin(lean) + b * cos(lean)
        for i, (f, r) in enumerate(self._quick):
            x += r / (2 * pi * f) * sin(2 * pi * f * t + p[4 + i])
            y += r / (2 * pi * f) * sin(2 * pi * f * 0.93 * t + p[8 + i])
        roll = sum(
            r * self._rate * 1.4 / (2 * pi * f) * sin(2 * pi * f * self._slow[2] * t + p[12 + i])
            for i, (f, r) in enumerate(self._roll)
        )
        return x, y, roll


# Each event shakes what hangs together: time, size in rad, frequency in Hz, decay in s.
_JOLTS = (
    (EVENTS["parachute"], 0.004, 3.0, 0.25), (EVENTS["canopy_full"], 0.012, 2.2, 0.5),
    (EVENTS["heat_shield"], 0.006, 2.4, 0.4), (EVENTS["backshell"], 0.007, 2.0, 0.4),
    (EVENTS["powered_descent"], 0.006, 2.6, 0.35), (EVENTS["sky_crane"], 0.004, 2.2, 0.4),
)  # fmt: skip


class Trajectory:
    """Poses of capsule, stage, rover, canopy and heat shield for a seed and a swing rate.

    `swing` is the angular rate in rad/s under the parachute; a larger one tosses the
    pictures more. Poses are smooth functions of time, so any instant can be asked for.
    """

    def __init__(self, seed: int, swing: float) -> None:
        streams = np.random.SeedSequence([seed, 0x7A3]).spawn(4)
        rngs = [np.random.default_rng(s) for s in streams]
        self.swing = swing
        self._chute = Swing(rngs[0], 0.36, swing)
        self._rover = Swing(rngs[1], 0.45, swing * 0.95)
        self._pendulum = Swing(rngs[3], 0.105, swing * 0.05)
        self._canopy = Swing(rngs[2], 0.12, 0.011)
        self._land = self._hanging(EVENTS["touchdown"])
        self._cut = self._stage(EVENTS["bridles_cut"])

    # --- the path ---------------------------------------------------------------------

    def height(self, t: float) -> float:
        """Height of the rover's wheels above the ground, m, at `t` (SCLK - 666952000 s)."""
        if t >= EVENTS["touchdown"]:
            return 0.0
        return max(0.0, _hermite(_HEIGHT, t) - self.lowered(t))

    @property
    def bridle_m(self) -> float:
        """How far the rover is lowered: what the measured heights leave for it."""
        return _hermite(_HEIGHT, EVENTS["touchdown"])

    def lowered(self, t: float) -> float:
        """Metres of bridle paid out at `t`."""
        a, b = EVENTS["rover_lowered"], EVENTS["rover_lowered_end"]
        u = min(1.0, max(0.0, (t - a) / (b - a)))
        # Quick at first, braked towards the end, as the real one.
        return self.bridle_m * (1 - float((1 - u) ** 1.6) * (1 - 0.35 * u))

    def _over_ground(self, t: float) -> Vector:
        end, start = EVENTS["constant_velocity"], EVENTS["backshell"]
        if t >= end:
            along, aside = 0.0, 0.0
        elif t >= start:
            along = _hermite(((start, -640.0, 30.0), (end, 0.0, 0.0)), t)
            aside = _hermite(((start, 120.0, 0.0), (end, 0.0, 0.0)), t)
        else:
            gone = 30.0 * (start - t) + 115.0 * 17.0 * (
                exp(-(t - 774.0) / 17.0) - exp(-(start - 774.0) / 17.0)
            )
            along, aside = -640.0 - gone, 120.0
        side = np.array([-_HEADING[1], _HEADING[0], 0.0])
        path: Vector = _HEADING * along + side * aside
        return path

    def velocity(self, t: float) -> Vector:
        """Velocity of the smooth path (3,), m/s, without swing."""
        d = 0.02
        a, b = self._over_ground(t - d), self._over_ground(t + d)
        a[2], b[2] = _hermite(_HEIGHT, t - d), _hermite(_HEIGHT, t + d)
        speed: Vector = (b - a) / (2 * d)
        return speed

    # --- attitudes --------------------------------------------------------------------

    def _hang(self, t: float) -> Matrix:
        """The lean under the parachute (against the wind) and in the powered dash."""
        v = self.velocity(min(t, 876.0))
        lean = 0.62 * atan2(max(0.0, hypot(v[0], v[1]) - 22.0), -v[2])
        lean *= 1 - smoothstep(876.9, 880.5, t)
        lean += 0.10 * (smoothstep(878.5, 882.0, t) - 1.9 * smoothstep(890.0, 898.0, t))
        lean += 0.09 * smoothstep(904.0, 910.0, t)
        across = np.array([-_HEADING[1], _HEADING[0], 0.0])
        return rotation(-across * lean)

    def _attitude(self, t: float, hold: float = 1e9) -> Matrix:
        powered = smoothstep(876.5, 879.0, t)
        gone = min(t, hold)
        early = 0.25 + 0.75 * smoothstep(761.0, 763.5, t)
        # The engines' control leaves a little less of the same swing.
        x, y, r = (early * (1 - 0.15 * powered) * v for v in self._chute.at(gone))
        for when, size, hertz, decay in _JOLTS:
            if gone > when:
                kick = size * exp(-(gone - when) / decay) * sin(2 * pi * hertz * (gone - when))
                x, y = x + kick, y - 0.6 * kick
        yaw = atan2(_HEADING[1], _HEADING[0]) + 0.5 * smoothstep(878.0, 905.0, gone)
        yaw += 0.35 * sin(0.045 * (gone - 800.0)) * (1 - powered)
        spin = rotation(np.array([0.0, 0.0, yaw + r]))
        turn: Matrix = self._hang(t) @ spin @ rotation(np.array([x, y, 0.0]))
        return turn

    def _stage(self, t: float) -> Pose:
        place = self._over_ground(t)
        place[2] = max(STOWED_M, _hermite(_HEIGHT, t)) + STOWED_M
        return Pose(self._attitude(t), place)

    def stage(self, t: float) -> Pose:
        """The descent stage: hovering down, and after the bridles are cut flying away."""
        since = t - EVENTS["bridles_cut"]
        if since <= 0:
            return self._stage(t)
        # It pitches over in a second and burns at about 4 m/s2 more than it weighs.
        pitch = 0.62 * smoothstep(0.15, 1.7, since)
        axis = self._cut.turn @ np.array([0.0, 1.0, 0.0])
        turn = rotation(axis * pitch) @ self._cut.turn
        push = np.array([0.9, 0.25, 0.0]) * 1.25 * max(0.0, since - 0.6) ** 2
        climb = np.array([0.0, 0.0, -0.4 * since * exp(-since) + 1.5 * max(0.0, since - 0.25) ** 2])
        return Pose(turn, self._cut.place + push + climb)

    def _hanging(self, t: float) -> Pose:
        """The rover on its bridles: a pendulum that follows the stage's tilt by a little.

        It hangs by gravity, not by the stage's axis; it rocks on its three bridles, and
        the bridles twist.
        """
        stage = self._stage(t)
        start = EVENTS["rover_lowered"]
        loose = smoothstep(start + 0.2, start + 2.2, t)
        down = np.array([0.0, 0.0, -(STOWED_M + self.lowered(t))])
        if loose == 0.0:
            return Pose(stage.turn, stage.place + stage.turn @ down)
        ahead = stage.turn @ np.array([1.0, 0.0, 0.0])
        level = rotation(np.array([0.0, 0.0, atan2(ahead[1], ahead[0])]))
        tilt = _log(stage.turn @ level.T)
        px, py, pr = self._pendulum.at(t)
        hang = rotation(tilt * (1 - loose) + np.array([px, py, 0.0]) * loose)
        x, y, r = self._rover.at(t)
        twist = rotation(np.array([0.0, 0.0, (1.4 * r + 3.0 * pr + 0.02) * loose]))
        rock = rotation(np.array([x, y, 0.0]) * loose)
        turn = rotation(tilt * (1 - 0.92 * loose)) @ level @ twist @ rock
        return Pose(turn, stage.place + hang @ level @ down)

    def rover(self, t: float) -> Pose:
        """The rover: stowed, lowered on the bridles, then standing on the ground."""
        down = EVENTS["touchdown"]
        hanging = self._hanging(min(t, down))
        # The legs take the last centimetres and the last degree within half a second.
        settle = smoothstep(down - 0.35, down + 0.1, t)
        if settle == 0.0:
            return hanging
        forward = self._land.turn @ np.array([1.0, 0.0, 0.0])
        level = rotation(np.array([0.006, 0.011, atan2(forward[1], forward[0])]))
        vector = _log(level @ hanging.turn.T)
        floor = self._land.place * np.array([1.0, 1.0, 0.0])
        place = hanging.place * (1 - settle) + floor * settle
        return Pose(rotation(vector * settle) @ hanging.turn, place)

    def capsule(self, t: float) -> Pose:
        """Backshell with the parachute cameras; after it leaves it rides on the parachute."""
        since = t - EVENTS["backshell"]
        if since <= 0:
            return self._stage(t)
        pose = Pose(self._attitude(t), self._stage(EVENTS["backshell"]).place.copy())
        speed = self.velocity(EVENTS["backshell"])
        pose.place[:] += speed * since + np.array([0.0, 0.0, 2.0]) * since * since
        return pose

    def canopy(self, t: float) -> Vector:
        """Unit vector (3,) from the capsule to the canopy in the world."""
        x, y, _ = self._canopy.at(t)
        up: Vector = self._hang(t) @ rotation(np.array([x, y, 0.0])) @ np.array([0.0, 0.0, 1.0])
        return up

    def shield(self, t: float) -> Pose:
        """The heat shield: fixed under the rover, then falling ahead and slowly turning."""
        since = max(0.0, t - EVENTS["heat_shield"])
        pose = self._stage(t)
        left = self._stage(min(t, EVENTS["heat_shield"]))
        gap = 2.2 * since + 1.9 * since * since / (1 + 0.05 * since)
        ahead = left.turn @ np.array([0.10, 0.055, -1.0]) * gap
        tumble = rotation(np.array([0.16, -0.25, 0.1]) * since)
        turn = left.turn @ tumble
        place = pose.place + left.turn @ np.array([0.0, 0.0, -STOWED_M - 0.35]) + ahead
        return Pose(turn, place)

    def body(self, camera: Camera, t: float) -> Pose:
        """The pose of what the camera rides on."""
        if camera.body == "capsule":
            return self.capsule(t)
        return self.stage(t) if camera.body == "stage" else self.rover(t)


def _log(turn: Matrix) -> Vector:
    """The rotation vector (3,) of a 3 x 3 rotation that is no half turn."""
    angle = float(np.arccos(min(1.0, max(-1.0, (float(np.trace(turn)) - 1) / 2))))
    if angle < 1e-9:
        return np.zeros(3)
    off = np.array([turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]])
    vector: Vector = off * (angle / (2 * sin(angle)))
    return vector


def quaternion(turn: Matrix) -> tuple[float, float, float, float]:
    """The unit quaternion (w, x, y, z) of a 3 x 3 rotation."""
    vector = _log(turn)
    angle = float(sqrt(vector @ vector))
    half = 0.5 if angle < 1e-9 else sin(angle / 2) / angle
    x, y, z = (float(v) * half for v in vector)
    return cos(angle / 2), x, y, z


__all__ = ["CAMERAS", "EVENTS", "SCLK_ZERO", "Swing", "Trajectory", "quaternion", "rotation"]
