"""What cameras heard, from their clips or a recorder's file: read once, kept small, then tied."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from descent.clock.assign import LONGEST_OPEN
from descent.clock.heard import RATE_HZ, Heard, Take
from descent.clock.hearing import SPEED_M_S
from descent.clock.joint import Tie
from descent.clock.restarted import fit_sound
from descent.errors import DescentError, UnsureSync
from descent.model import Finding, Job, Shot
from descent.plan import canonical
from descent.sources.audio import Sound, has_sound
from descent.sources.scan import open_video
from descent.tools.files import atomic, write_text
from descent.work import Progress, checkpoint, run

SOUND_VERSION = "sound.1"
UNKNOWN_M = 10.0
"""How much nearer one microphone may be than another where nothing says (95 %)."""

KNOWN_TO = 0.1  # a distance that a person tells is good to a tenth

Against = tuple[str, str, str, str]
_EVEN_S = 1e-6  # frames' own times this near a straight line are one


@dataclass(frozen=True, slots=True)
class Ear:
    """A camera's sound: its frames by their own times, s, or a `file` that begins with them.

    `distance_m` is from its microphone to what is heard, None where nobody says; `middle_s` is
    how much later than their stamps its pictures were exposed, good to `middle_half_s`.
    """

    shots: Sequence[Shot]
    times: Sequence[float]
    file: Path | None = None
    distance_m: float | None = None
    middle_s: float = 0.0
    middle_half_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Listened:
    """What a camera heard, and how far its times may be off for want of its codec's word, s.

    The rest is as its `Ear` says.
    """

    heard: Heard
    unsure_s: float
    distance_m: float | None
    middle_s: float = 0.0
    middle_half_s: float = 0.0


def listen_to(
    ears: Mapping[str, Ear],
    *,
    store: Path,
    workers: int | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> tuple[dict[str, Listened], list[Finding]]:
    """The sound of each camera that has any, and what is to know of it.

    Each file is read once, forward, in a job of its own; its samples lie in `store` at 16 kHz
    under a name that changes with the file, and are read from there in windows: for a pair,
    memory grows by about 6 MB a minute, most of it pages of those files.
    """
    jobs: dict[str, list[Job]] = {}
    findings: list[Finding] = []
    for name, ear in ears.items():
        paths = [ear.file] if ear.file else list(dict.fromkeys(_clips(ear.shots)))
        heard = [path for path in paths if path.is_file() and has_sound(path)]
        if len(heard) < len(paths) or not paths:
            silent = ", ".join(path.name for path in paths if path not in heard)
            text = f"{silent} holds no sound" if silent else "its pictures come without sound"
            cure = "write sound: {file: RECORDING} under the camera"
            findings.append(Finding("no_sound", name, text, cure, "note"))
        jobs[name] = [_job(path) for path in heard]
    every = {job.key: job for own in jobs.values() for job in own}
    run(list(every.values()), store=store, workers=workers, progress=progress).check()
    found = {}
    for name, own in jobs.items():
        takes, unsure_s = [], 0.0
        for job in own:
            told = json.loads((store / job.outs[0]).read_text("utf-8"))
            samples = _samples(store / job.outs[1])
            path = Path(job.args["path"])
            takes.append(_take(samples, Fraction(told["start_s"]), ears[name], path))
            unsure_s = max(unsure_s, float(Fraction(told["unsure_s"])))
            findings += _said(name, path, told)
        if takes:
            takes.sort(key=lambda take: take.span[0])
            ear = ears[name]
            found[name] = Listened(
                Heard(tuple(takes)), unsure_s, ear.distance_m, ear.middle_s, ear.middle_half_s
            )
    return found, findings


def tie_sounds(
    listened: Mapping[str, Listened],
    most_s: Callable[[str, str], float],
    plausible: Callable[[str, str, float], bool],
    *,
    accept_unsure: bool = False,
    say: Callable[[str, int, int], None] | None = None,
) -> tuple[list[Tie], list[Against]]:
    """Ties between cameras that heard one event, and (a, b, why, what helps) of the others.

    `most_s` is how far the clocks of two cameras can be apart at most, `plausible` whether
    their own times leave room for an offset, s.
    """
    ties: list[Tie] = []
    against: list[Against] = []
    pairs = list(combinations(listened, 2))
    for done, (a, b) in enumerate(pairs):
        if say is not None:
            say("sounds", done, len(pairs))
        checkpoint()
        try:
            tie = tie_sound(a, b, listened, most_s(a, b), accept_unsure=accept_unsure)
        except UnsureSync as error:
            against.append((a, b, f"by sound: {error.what}", error.do))
            continue
        if plausible(a, b, tie.fit.offset):
            ties.append(tie)
        else:
            text = f"by sound: {abs(tie.fit.offset):.1f} s apart, which their own times rule out"
            against.append((a, b, text, "check their own times"))
    if say is not None:
        say("sounds", len(pairs), len(pairs))
    return ties, against


def tie_sound(
    a: str, b: str, listened: Mapping[str, Listened], most_s: float, *, accept_unsure: bool
) -> Tie:
    """The tie of two cameras by what both heard; UnsureSync where it is not sure."""
    one, other = listened[a], listened[b]
    late_s, half_s = lateness(one, other)
    fit = fit_sound(
        one.heard, other.heard, late_s=late_s, late_half_s=half_s, most_s=most_s,
        accept_unsure=accept_unsure,
    )  # fmt: skip
    return Tie(a, b, fit, "sound")


def lateness(a: Listened, b: Listened) -> tuple[float, float]:
    """How much later sound reached a than b, s, and how well that is known (95 %).

    Against their pictures: a stamp tells when a shutter opened, and what is laid by it is the
    middle of the exposure, of which sound knows nothing.
    """
    if a.distance_m is None or b.distance_m is None:
        way_m, half_m = 0.0, UNKNOWN_M
    else:
        way_m = a.distance_m - b.distance_m
        half_m = KNOWN_TO * float(np.hypot(a.distance_m, b.distance_m))
    parts = (half_m / SPEED_M_S, a.unsure_s, b.unsure_s, a.middle_half_s, b.middle_half_s)
    return way_m / SPEED_M_S + a.middle_s - b.middle_s, float(np.linalg.norm(parts))


def exposures(listened: Mapping[str, Listened]) -> Iterator[Finding]:
    """What is to know where nobody says how long shutters were open beside what was heard."""
    for name, each in listened.items():
        if each.middle_half_s:
            text = (
                "its exposure is not known: its pictures may be up to "
                f"{1000 * each.middle_half_s:.0f} ms later than its sound says, and that is in "
                "the interval"
            )
            yield Finding("sound_exposure", name, text, "write exposure: 1/500s", "note")


def distances(listened: Mapping[str, Listened]) -> Iterator[Finding]:
    """What is to know where nobody says how far microphones were from what they heard."""
    for name, each in listened.items():
        if each.distance_m is None:
            text = (
                f"how far its microphone was from what it heard is not known: {UNKNOWN_M:g} m more "
                f"or less than any other are allowed for, ±{1000 * UNKNOWN_M / SPEED_M_S:.0f} ms"
            )
            cure = "write sound: {distance: 120m} under each camera"
            yield Finding("sound_distance", name, text, cure, "note")


def _said(name: str, path: Path, told: Mapping[str, Any]) -> Iterator[Finding]:
    if unsure_s := float(Fraction(told["unsure_s"])):
        text = (
            f"{path.name} does not say how many samples its codec put before the first: "
            f"±{1000 * unsure_s:.0f} ms are allowed for"
        )
        yield Finding("sound_start", name, text, "export its sound as WAV or FLAC", "note")
    if told["holes"]:
        text = f"the sound of {path.name} has {told['holes']} holes: they are silent"
        yield Finding("sound_holes", name, text, level="note")


def _clips(shots: Sequence[Shot]) -> Iterator[Path]:
    return (shot.path for shot in shots if shot.pts is not None)


def _job(path: Path) -> Job:
    stat = path.stat()
    decides = {
        "version": SOUND_VERSION, "path": str(path.absolute()), "size": stat.st_size,
        "mtime_ns": stat.st_mtime_ns, "rate_hz": RATE_HZ,
    }  # fmt: skip
    key = hashlib.sha256(canonical(decides).encode()).hexdigest()
    outs = (f"measured/sound-{key[:16]}.json", f"measured/sound-{key[:16]}.s16")
    call = "descent.measure.hearing:sound_of_file"
    return Job(f"sound-{key}", call, decides, outs, weight=stat.st_size)


def sound_of_file(args: Mapping[str, Any], outs: tuple[Path, ...]) -> dict[str, Any]:
    """The job: read a file's sound forward, write its samples and when the first was heard."""
    sound = Sound(Path(args["path"]), int(args["rate_hz"]))
    count = 0
    with atomic(outs[1]) as temporary, temporary.open("wb") as file:
        for block in sound.blocks():
            checkpoint()
            file.write(block.astype("<i2", copy=False).tobytes())
            count += len(block)
    body = {
        "version": SOUND_VERSION, "rate_hz": sound.rate_hz, "samples": count,
        "start_s": str(sound.start_s or 0), "unsure_s": str(sound.unsure_s),
        "holes": sound.holes,
    }  # fmt: skip
    write_text(outs[0], json.dumps(body) + "\n")
    return {"samples": count}


def _samples(path: Path) -> NDArray[np.int16]:
    """The samples of a file, read when they are asked for."""
    if not path.stat().st_size:
        return np.zeros(0, np.int16)
    return np.memmap(path, dtype="<i2", mode="r")


def _take(samples: NDArray[np.int16], start_s: Fraction, ear: Ear, path: Path) -> Take:
    """A file's sound on its camera's own time: by the frames that have both their stamps."""
    if ear.file is not None:
        begins = ear.times[0] + float(start_s)
        return Take(samples, np.array([0.0, 1.0]), np.array([begins, begins + 1]))
    container, stream = open_video(path)
    with container:
        tick = Fraction(stream.time_base)
    pairs = [
        (float(shot.pts * tick - start_s), t)
        for shot, t in zip(ear.shots, ear.times, strict=True)
        if shot.path == path and shot.pts is not None
    ]
    sound_s, own_s = (np.array(column, np.float64) for column in zip(*pairs, strict=True))
    if len(pairs) == 1:
        return Take(samples, sound_s, own_s)
    even = np.interp(sound_s, sound_s[[0, -1]], own_s[[0, -1]])
    if np.abs(even - own_s).max() < _EVEN_S:
        sound_s, own_s = sound_s[[0, -1]], own_s[[0, -1]]
    return Take(samples, sound_s, own_s)


def ear(
    shots: Sequence[Shot],
    times: Sequence[float],
    file: str | None,
    distance_m: Fraction | None,
    base: Path,
    exposure_s: Fraction | None = None,
) -> Ear:
    """A camera's ear by the words of its config; DescentError for a file that is not there.

    Where no `exposure_s` is known the shutter may have been open from one frame to the next.
    """
    path = None if file is None else base / file
    if path is not None and not path.is_file():
        raise DescentError("is not there", where=str(path), do="check sound: {file: ...}")
    far_m = None if distance_m is None else float(distance_m)
    if exposure_s is not None:
        return Ear(shots, times, path, far_m, float(exposure_s) / 2)
    step_s = float(np.median(np.diff(times))) if len(times) > 1 else float(LONGEST_OPEN)
    return Ear(shots, times, path, far_m, 0.0, min(step_s, float(LONGEST_OPEN)) / 2)
