"""How well the cameras of the synthetic landing in flight are tied by their pictures alone.

Run: `python -m tests.bench.flight_bench make FOLDER SEED...` makes a quarter-size flight a seed
(some minutes of CPU each), `... faces FOLDER SEED...` of it only the two cameras that face each
other while they do, `... pairs FOLDER SEED...` measures every pair of cameras by itself and holds
it to truth.json, `... exposed FOLDER SEED...` does so with exposure times given (as labels give
them) and everything laid by mid-exposure, `... across FOLDER SEED...` tries cameras of different
flights on each other, `... unrelated FOLDER SEED...` also on real films, the lander camera and
themselves run backwards. No stamp is used: frame numbers over nominal rates are all that is known
of times (that clocks are within ten seconds of each other is used too, unless "any offset" is
said), and the clocks are off by up to 2 s and 100 ppm.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from descent.clock.faces import LEAST_S as LEAST_FACES_S
from descent.clock.faces import Posed, fit_faces
from descent.clock.fit import ClockFit
from descent.clock.follow import runs
from descent.clock.joint import Own, Tie, joint
from descent.clock.moments import Moments, fit_moments, moments
from descent.clock.motion import Turned, fit_motion
from descent.clock.part import backwards, fit_part
from descent.clock.rigid import body_of
from descent.clock.turns import turns
from descent.errors import UnsureSync
from descent.measure.bodies import measure_bodies
from descent.measure.events import watched
from descent.measure.motion import measure_turns
from descent.model import Shot
from descent.simulate import landing
from descent.sources.examine import examine
from tests.bench.bound import bound_s
from tests.bench.sync_bench import DATA, pictures

Floats = NDArray[np.float64]

FACES = {"ddc": [(916.0, 940.3)], "ruc": [(920.5, 940.3)]}
WINDOWS = {"rdc": [(896.0, 940.3)], "ddc": [(896.0, 940.3)], "ruc": [(920.5, 940.3)]}
LEAST_S = 0.002
MOST_S = 10.0


@dataclass(frozen=True)
class Looked:
    """What pictures told: how the camera turned, and which bodies it saw."""

    turned: Turned
    bodies: list[Posed]

    def backwards(self) -> Looked:
        """The same run backwards."""
        return Looked(backwards(self.turned), [body.backwards(1.0) for body in self.bodies])


def ground(a: Looked, b: Looked) -> ClockFit:
    """By the motion that both felt, over all of it or the part that fits."""
    try:
        return fit_motion(a.turned, b.turned)
    except UnsureSync:
        return fit_part(a.turned, b.turned)


def near(a: Looked, b: Looked) -> ClockFit:
    """By the body that each sees of the other, clocks being no more than some seconds apart."""
    return fit_faces(a.bodies, b.bodies, MOST_S)


def anywhere(a: Looked, b: Looked) -> ClockFit:
    """The same, whatever the offset."""
    return fit_faces(a.bodies, b.bodies)


WAYS: dict[str, Callable[[Looked, Looked], ClockFit]] = {
    "ground": ground, "mutual_motion": near, "mutual_motion, any offset": anywhere,
}  # fmt: skip


@dataclass(frozen=True)
class Camera:
    """What a camera saw by its own count of time, and the truth about it.

    `own` (n,) are its times, `opens` and `middle` (n,) when its shutter opened and was half
    through, truly; `rows` its frames in truth.json.
    """

    name: str
    looked: Looked
    own: Floats
    opens: Floats
    middle: Floats
    rows: list[dict[str, Any]]

    @property
    def turned(self) -> Turned:
        """How it turned."""
        return self.looked.turned


def read(folder: Path, exposures: bool = False) -> tuple[dict[str, Any], dict[str, Camera]]:
    """The truth of a flight and what its cameras saw; with `exposures`, these are known too."""
    truth = json.loads((folder / "truth.json").read_text("utf-8"))
    frames, found = {}, {}
    for name, camera in truth["cameras"].items():
        shots = []
        for row in camera["frames"]:
            path = folder / row["file"]
            about = path.stat()
            shots.append(Shot(name, path, None, size=about.st_size, mtime_ns=about.st_mtime_ns))
        rate = float(Fraction(camera["rate"]))
        open_s = np.array([row["exposure_s"] for row in camera["frames"]])
        own = np.array([row["frame"] / rate for row in camera["frames"]])
        clock = camera["clock"]  # that of a frame is right to a second or two, and runs off
        own = own + float(clock["zero_s"]) + float(clock["offset_s"])
        own = own + open_s / 2 if exposures else own
        lens = camera["lens"]["focal_px"]
        view_deg = float(np.degrees(2 * np.arctan(camera["cols"] / 2 / lens)))
        stored = examine(shots, pattern="RGGB").format
        frames[name] = (shots, [float(t) for t in own], stored, view_deg)
    seen = measure_turns(frames, store=folder / ".descent", workers=1)
    bodies = measure_bodies(frames, store=folder / ".descent", workers=1)
    for name, each in seen.items():
        rows = truth["cameras"][name]["frames"]
        own = np.array(frames[name][1])
        middle = np.array([row["mid_s"] for row in rows])
        opens = middle if exposures else np.array([row["start_s"] for row in rows])
        found[name] = Camera(name, Looked(each.turned, bodies[name]), own, opens, middle, rows)
    return truth, found


def matrix(q: list[float]) -> Floats:
    """The rotation of a unit quaternion w, x, y, z."""
    w, x, y, z = q
    return np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ])  # fmt: skip


def turned(step: Floats) -> Floats:
    """The small rotation vector (3,) of a matrix."""
    off = [step[2, 1] - step[1, 2], step[0, 2] - step[2, 0], step[1, 0] - step[0, 1]]
    return np.array(off) / 2


def true_motion(camera: Camera, how: str) -> tuple[Floats, Floats]:
    """The motion that a pair shares and what was measured of it between frames, (n - 1, k) each.

    On the ground the camera's turn, rad; of the other's body its twist about the line of
    sight, rad. What cannot be told is nan.
    """
    out = []
    for before, after in zip(camera.rows[:-1], camera.rows[1:], strict=True):
        one, two = matrix(before["camera_to_world"]).T, matrix(after["camera_to_world"]).T
        if how == "ground":
            out.append(turned(two @ one.T))
            continue
        if "rover" not in before["subject"] and "stage" not in before["subject"]:
            out.append(np.full(1, np.nan))
            continue
        body = matrix(before["subject_to_world"]), matrix(after["subject_to_world"])
        sight = one @ (np.array(before["subject_position_m"]) - before["position_m"])
        step = turned((two @ body[1]) @ (one @ body[0]).T)
        out.append(np.array([step @ sight / np.sqrt(sight @ sight)]))
    assert camera.turned.twist is not None
    seen = camera.turned.by if how == "ground" else camera.turned.twist[:, None]
    return np.array(out), seen


def density(camera: Camera, how: str, span: tuple[float, float]) -> float:
    """The density of the noise of what a camera measured, rad^2/s, robustly, slow errors aside."""
    true, seen = true_motion(camera, how)
    times = camera.middle
    good = np.isfinite(camera.turned.noise) & (times[:-1] > span[0]) & (times[1:] < span[1])
    good &= np.isfinite(true).all(axis=1)
    x, y = seen[good], true[good]
    if len(x) < 16:
        return float("inf")
    left = x - y @ np.linalg.lstsq(y, x, rcond=None)[0]
    wide = np.ones(9) / 9
    for k in range(left.shape[1]):
        left[:, k] -= np.convolve(left[:, k], wide, mode="same")
    spread = 1.4826 * np.median(np.abs(left))
    return float(spread**2 / np.median(np.diff(times)))


def least(a: Camera, b: Camera, how: str, span: tuple[float, float]) -> float:
    """The bound given by the true motion and the noise of what was measured, s."""
    true, _ = true_motion(b, how)
    rate, times = true / np.diff(b.middle)[:, None], (b.middle[1:] + b.middle[:-1]) / 2
    good = (times > span[0]) & (times < span[1]) & np.isfinite(rate).all(axis=1)
    noise = density(a, how, span) + density(b, how, span)
    if good.sum() < 16 or not np.isfinite(noise):
        return float("inf")
    bend = np.gradient(rate[good], times[good], axis=0)
    return bound_s(times[good], bend, np.full(int(good.sum()), noise))


def off(a: Camera, b: Camera, fit: ClockFit, span: tuple[float, float]) -> tuple[float, float]:
    """RMS error over a true span, s: by when shutters opened, and by mid-exposure.

    Of the clock as `descent sync` lays it, which knows that clocks run off by 100 ppm or so.
    """
    inside = (b.middle > span[0]) & (b.middle < span[1])
    owns = {c.name: Own(c.own[0], c.own[-1], np.inf) for c in (a, b)}
    clock = joint(owns, [Tie(a.name, b.name, fit, "motion")], a.name).clocks[b.name]
    mapped = np.array([t + clock.offset_at(t) for t in b.own])[inside]
    found = []
    for mine, other in ((a.opens, b.opens), (a.middle, b.middle)):
        found.append(mapped - np.interp(other[inside], mine, a.own))
    opened, half = (float(np.sqrt(np.mean(f**2))) for f in found)
    return opened, half


def seen_span(b: Camera, fit: ClockFit) -> tuple[float, float]:
    """The true times between which a tie rests on pictures."""
    ends = [float(fit.epoch_b) + t for t in (fit.pieces[0].start_s, fit.pieces[-1].end_s)]
    first, last = np.interp(ends, b.own, b.middle)
    return float(first), float(last)


def observable(truth: dict[str, Any]) -> Iterator[tuple[str, str, str, tuple[float, float]]]:
    """The pairs of truth.json: cameras, how they are tied, and where."""
    for row in truth["pairs"]:
        a, b = row["cameras"]
        yield a, b, row["observable"], (row["from_s"], row["to_s"])


def pairs(folder: Path, seed: int, exposures: bool) -> None:
    """Every pair by every way: what was found, and what the truth says of it."""
    truth, cameras = read(folder / str(seed), exposures)
    spans = list(observable(truth))
    for a, b in combinations(cameras, 2):
        for how, way in WAYS.items():
            one, other = cameras[a], cameras[b]
            kind = how.split(",")[0]
            span = next((s for x, y, h, s in spans if {x, y} == {a, b} and h == kind), None)
            try:
                fit = way(one.looked, other.looked)
            except UnsureSync as error:
                words = "MISSED" if span else "rightly"
                print(f"seed {seed} {a}-{b} {how}: {words} refused: {error.what}", flush=True)
                continue
            rests = seen_span(other, fit)
            wrong = "" if span else "NOT OBSERVABLE "
            span = span or rests
            opened, half = off(one, other, fit, span)
            bound = least(one, other, kind, rests)
            allowed = max(LEAST_S, 3 * bound)
            wrong += "" if opened <= allowed else "OFF"
            print(
                f"seed {seed} {a}-{b} {how}: off {1e3 * opened:.2f} ms by the clocks, "
                f"{1e3 * half:.2f} by mid-exposure; told +-{1e3 * fit.interval:.2f}; bound "
                f"{1e3 * bound:.2f}, allowed {1e3 * allowed:.2f} {wrong}; margin "
                f"{fit.margin:.2f}, {rests[0]:.1f} to {rests[1]:.1f} s of {span[0]:.1f} to "
                f"{span[1]:.1f}", flush=True,
            )  # fmt: skip


def across(folder: Path, seeds: list[int]) -> None:
    """Cameras of different flights, which share nothing: how many are taken."""
    flights = {seed: read(folder / str(seed))[1] for seed in seeds}
    tried = taken = 0
    for one, other in combinations(seeds, 2):
        for a in flights[one].values():
            for b in flights[other].values():
                for how, way in WAYS.items():
                    tried += 1
                    try:
                        fit = way(a.looked, b.looked)
                    except UnsureSync:
                        continue
                    taken += 1
                    print(f"TAKEN {one} {a.name}, {other} {b.name} by {how}: margin "
                          f"{fit.margin:.2f}", flush=True)  # fmt: skip
    print(f"across: {taken} of {tried} accepted")


def by_events(folder: Path, cameras: dict[str, Camera]) -> dict[str, Moments]:
    """The moments at which each camera's pictures change all at once."""
    found = {}
    for name, camera in cameras.items():
        shots = [Shot(name, folder / row["file"], None) for row in camera.rows]
        stored = examine(shots, pattern="RGGB").format
        found[name] = watched(shots, [float(t) for t in camera.own], stored, camera.turned)
    return found


def clips() -> dict[str, tuple[Looked, Moments]]:
    """Real films and the lander camera, as `descent sync` would see them."""
    found = {}
    films = {name: list(pictures(DATA / "video" / f"{name}.mp4")) for name in
             ("bikes", "carphone_pristine")}  # fmt: skip
    lander = [
        cv2.imread(str(p), cv2.IMREAD_GRAYSCALE) for p in sorted((DATA / "lcam").glob("LVS*"))
    ]
    films["lander"] = [cv2.resize(p, (400, 400)).astype(np.uint8) for p in lander if p is not None]
    for name, film in films.items():
        rate = 5.0 if name == "lander" else 25.0
        times = np.arange(len(film)) / rate
        seen = turns(film, 0.9 * film[0].shape[1])
        own = Turned(times, seen.by, seen.noise, seen.zoom, seen.twist)
        light = np.array([float(picture.mean()) for picture in film])
        followed = (body_of(run, 0.9 * film[0].shape[1]) for run in runs(film, rate, LEAST_FACES_S))
        bodies = [
            Posed(times[body.first : body.first + len(body.turn)], body.turn, body.place)
            for body in followed
            if body is not None
        ]
        found[name] = Looked(own, bodies), moments(own, light)
    return found


def unrelated(folder: Path, seeds: list[int]) -> None:
    """Cameras of flights on real films, on cameras of other flights and on themselves reversed."""
    ours: dict[str, tuple[Looked, Moments]] = {}
    for seed in seeds:
        _, cameras = read(folder / str(seed))
        seen = by_events(folder / str(seed), cameras)
        ours |= {f"{seed} {n}": (cameras[n].looked, seen[n]) for n in cameras}
    films = clips()
    cases = [(a, b) for a in ours for b in films]
    cases += [(a, b) for a, b in combinations(ours, 2) if a.split()[0] != b.split()[0]]
    every = ours | films
    every |= {f"{n} back": (t.backwards(), m.backwards()) for n, (t, m) in (ours | films).items()}
    cases += [(a, f"{a} back") for a in (*ours, *films)]
    cases += [(a, f"{b} back") for a in ours for b in films]
    taken = []
    for a, b in cases:
        for how, way in WAYS.items():
            with suppress(UnsureSync):
                taken.append((a, b, how, round(way(every[a][0], every[b][0]).margin, 2)))
        with suppress(UnsureSync):
            taken.append((a, b, "events", round(fit_moments(every[a][1], every[b][1]).margin, 2)))
    print(f"unrelated: {len(taken)} accepted of {len(cases)} pairs by {len(WAYS) + 1} ways each: "
          f"{taken}", flush=True)  # fmt: skip


def main(what: str, folder: Path, seeds: list[int]) -> None:
    """What the first line of this file says."""
    if what in {"across", "unrelated"}:
        return {"across": across, "unrelated": unrelated}[what](folder, seeds)
    for seed in seeds:
        if what == "make":
            landing(folder / str(seed), seed=seed, scale="1/4", flight=True, windows=WINDOWS)
        elif what == "faces":
            landing(folder / str(seed), seed=seed, scale="1/4", flight=True, windows=FACES)
        else:
            pairs(folder, seed, what == "exposed")
    return None


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), [int(word) for word in sys.argv[3:]])
