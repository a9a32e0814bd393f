"""truth.json: everything the synthetic landing knows that its pictures only hint at."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from descent.simulate.clocks import CameraClock, Disturbance
from descent.simulate.optics import CAMERAS, Camera, Vector
from descent.simulate.scene import Scene, subject
from descent.simulate.sensor import FULL_WELL_E, Stretch
from descent.simulate.trajectory import EVENTS, SCLK_ZERO, Trajectory, quaternion

VERSION = "simulated_landing.1"
_PATH_POINTS = 9


def _list(values: Iterable[float], digits: int = 9) -> list[float]:
    return [round(float(v), digits) for v in values]


def spin(path: Trajectory, camera: Camera, t: float) -> Vector:
    """The camera's angular rate (3,) in rad/s about its own right, down and forward axes."""
    d = 0.001
    a, b = (camera.mount @ path.body(camera, s).turn.T for s in (t - d, t + d))
    step = a @ b.T
    off = np.array([step[2, 1] - step[1, 2], step[0, 2] - step[2, 0], step[1, 0] - step[0, 1]])
    rate: Vector = off / (4 * d)
    return rate


def frame_truth(
    scene: Scene, clock: CameraClock, frame: int, exposure_s: float, file: str, stretch: Stretch
) -> dict[str, Any]:
    """One frame's row: when, from where, how it moved, how it was stretched."""
    camera, path = clock.camera, scene.path
    start = clock.opens(frame)
    middle = start + exposure_s / 2
    what = subject(camera, middle)
    looking = scene.view(camera, middle)
    moved = scene.motion(camera, start, exposure_s, _PATH_POINTS) / float(scene.scale)
    row: dict[str, Any] = {
        "file": file,
        "frame": frame,
        "start_s": round(start, 9),
        "mid_s": round(middle, 9),
        "exposure_s": round(exposure_s, 9),
        "stamp": str(clock.stamp(frame)),
        "camera_to_world": _list(quaternion(looking.turn.T)),
        "position_m": _list(looking.eye, 6),
        "turn_rate_rad_s": _list(spin(path, camera, middle)),
        "subject": what,
        "path_px": [_list(p, 4) for p in moved],
        "blur_px": round(
            float(np.sqrt(((moved[-1] - moved[0]) ** 2).sum())) * _PATH_POINTS / (_PATH_POINTS - 1),
            4,
        ),
        "stretch": {"gain": stretch.gain, "offset": stretch.offset},
    }
    body = {"stage": path.stage, "rover": path.rover, "shield": path.shield}.get(what)
    if body is not None:
        pose = body(middle)
        row["subject_to_world"] = _list(quaternion(pose.turn))
        row["subject_position_m"] = _list(pose.place, 6)
    return row


# What two cameras can both observe: cameras, from, to, how, whether they ride on one body.
_PAIRS: tuple[tuple[str, str, str, str, str, bool], ...] = (
    ("rdc", "ddc", "heat_shield", "rover_lowered", "ground", True),
    ("rdc", "ddc", "rover_lowered", "bridles_cut", "events", False),
    ("ruc", "ddc", "powered_descent", "rover_lowered", "nothing", True),
    ("ruc", "ddc", "rover_lowered", "touchdown", "mutual_motion", False),
    ("ruc", "ddc", "touchdown", "bridles_cut", "events", False),
    ("puc1", "rdc", "parachute", "heat_shield", "nothing", True),
    ("puc1", "rdc", "heat_shield", "backshell", "events", True),
    ("puc1", "ddc", "parachute", "backshell", "events", True),
    ("puc1", "ruc", "parachute", "backshell", "nothing", True),
    ("rdc", "ruc", "powered_descent", "rover_lowered", "nothing", True),
    ("rdc", "ruc", "rover_lowered", "bridles_cut", "events", True),
)
_HOW = {
    "ground": "both look at the ground from one rigid body: their rotations agree",
    "mutual_motion": "each sees the other's body: twist and distance agree with the sign turned",
    "events": "only moments that shake or change both pictures tie them",
    "nothing": "one of them sees nothing move: no tie by pictures",
}
_SEEN = {
    "puc1": {"parachute", "lines_stretched", "canopy_full", "heat_shield", "backshell"},
    "rdc": {
        "heat_shield",
        "backshell",
        "powered_descent",
        "sky_crane",
        "rover_lowered",
        "touchdown",
    },
    "ddc": {
        "backshell",
        "powered_descent",
        "sky_crane",
        "rover_lowered",
        "touchdown",
        "bridles_cut",
    },
    "ruc": {"rover_lowered", "touchdown", "bridles_cut"},
}


def pairs(shown: Mapping[str, list[tuple[float, float]]]) -> list[dict[str, Any]]:
    """For each pair of cameras the spans where both have frames, and what ties them there."""
    out = []
    for a, b, begin, end, how, rigid in _PAIRS:
        if a not in shown or b not in shown:
            continue
        for first in shown[a]:
            for second in shown[b]:
                low = max(first[0], second[0], EVENTS[begin])
                high = min(first[1], second[1], EVENTS[end])
                if high - low <= 0:
                    continue
                both = sorted(e for e in _SEEN[a] & _SEEN[b] if low <= EVENTS[e] <= high)
                tie = "nothing" if how == "events" and not both else how
                out.append(
                    {
                        "cameras": [a, b], "from_s": round(low, 6), "to_s": round(high, 6),
                        "observable": tie, "meaning": _HOW[tie], "rigid": rigid,
                        "events": [{"event": e, "at_s": EVENTS[e]} for e in both],
                    }
                )  # fmt: skip
    return out


def camera_truth(
    clock: CameraClock, scale: Fraction, rows: list[dict[str, Any]], dropped: list[int]
) -> dict[str, Any]:
    """A camera's part of truth.json."""
    camera = clock.camera
    lens = camera.intrinsic(scale)
    shape = camera.sized(scale)
    return {
        "title": camera.title,
        "instrument": camera.instrument,
        "rides_on": camera.body,
        "rows": shape[0],
        "cols": shape[1],
        "pattern": "RGGB",
        "lens": {
            "focal_px": lens[0, 0],
            "centre_px": [lens[0, 2], lens[1, 2]],
            "distortion": "none",
        },
        "rate": str(camera.rate),
        "response": list(camera.response),
        "white_balance_gains": list(camera.gains),
        "level": camera.level,
        "clock": {
            "offset_s": clock.offset_s,
            "drift_ppm": clock.drift_ppm,
            "zero_s": clock.zero,
            "jitter_s": clock.jitter_s,
            "reads": "t + offset_s + drift_ppm * 1e-6 * (t - zero_s), when the exposure starts",
        },
        "dropped": dropped,
        "frames": rows,
    }


def write(
    folder: Path, *, seed: int, scale: Fraction, names: str, flight: bool, rough: Disturbance,
    path: Trajectory, cameras: dict[str, dict[str, Any]],
    shown: Mapping[str, list[tuple[float, float]]],
) -> Path:  # fmt: skip
    """Write truth.json into `folder` and return its path."""
    heights = np.arange(756.0, 940.01, 2.0)
    whole = {
        "version": VERSION,
        "seed": seed,
        "scale": str(scale),
        "names": names,
        "flight": flight,
        "times": f"seconds of SCLK after {SCLK_ZERO}; stamps are SCLK by the camera's clock",
        "sclk_zero_s": SCLK_ZERO,
        "axes": "world x east, y north, z up, ground at z = 0; camera x right, y down, z forward; "
        "camera_to_world is a quaternion w, x, y, z",
        "motion": "path_px is where the subject's middle goes during the exposure, in px of the "
        "full frame from its place at mid-exposure, at times evenly spread: a kernel is that "
        "path, times scale for these frames. Elsewhere in the picture the path follows from "
        "turn_rate_rad_s, poses and lens, which has no distortion",
        "sensor": {
            "full_well_e": FULL_WELL_E,
            "read_noise_e": rough.read_noise_e,
            "bits": "12 bits linear over the full well, 8 kept: (count12 + 8) >> 4; black is 0",
            "stretch": "p = floor((raw - offset) * gain + 0.5), clipped to 0..254; header included",
        },
        "events": EVENTS,
        "swing_rad_s": rough.swing,
        "heights_m": [[float(t), round(path.height(float(t)), 3)] for t in heights],
        "pairs": pairs(shown),
        "cameras": {name: cameras[name] for name in CAMERAS if name in cameras},
    }
    out = folder / "truth.json"
    out.write_text(json.dumps(whole, indent=None, separators=(",", ":")) + "\n", encoding="utf-8")
    return out
