"""What the pixels of a release's cameras say of their times, and of what they see.

A plan reads no pixels. This is the look that does, when it is asked for: the frame counters in
header pixels, which find frames that never arrived, and which frames of a camera that comes
down see the ground.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby, pairwise

import numpy as np

from descent.clock.checks import label
from descent.clock.counter import count, say
from descent.errors import Damaged
from descent.model import Finding, Shot
from descent.plan import CameraPlan
from descent.restore.header import read_header
from descent.restore.levels import measure_stretch
from descent.sources.stills import one_channel, read_still
from descent.tools.ground import Pair, pair, seen, small
from descent.tools.register import Features, features

Report = Callable[[int, int], object]

_TRIED = 8  # frames without a header before a camera counts as having none
_MOST_SEEN = 240  # frames a camera that are looked at for the ground, spread evenly
_FEATURES = 600


def look(camera: CameraPlan, progress: Report | None = None) -> list[Finding]:
    """What the pixels of a camera's stills say; clips have neither headers nor raw pixels.

    Raises what reading a file raises, but a damaged frame is a finding and is passed over.
    """
    stills = [(k, s) for k, s in enumerate(camera.shots) if s.pts is None]
    if not stills or len(camera.track.times) != len(camera.shots):
        text = "its pixels were not looked at: " + ("no stills" if not stills else "no times")
        return [Finding("pixels", camera.name, text, level="note")]
    findings: list[Finding] = []
    if camera.stored.kind == "mosaic" and camera.stored.dtype == "uint8":
        findings += _counters(camera, stills, progress)
    elif camera.stored.kind == "grey":
        findings += _ground(camera, stills, progress)
    else:
        text = "its pixels were not looked at: its frames are neither raw nor grey"
        findings.append(Finding("pixels", camera.name, text, level="note"))
    return findings


def _counters(
    camera: CameraPlan, stills: Sequence[tuple[int, Shot]], progress: Report | None
) -> Iterator[Finding]:
    # A few frames over the whole run tell whether there is anything to be read.
    tried = stills[:: -(-len(stills) // _TRIED)]
    if not any(_counter(shot) for _, shot in tried):
        text = f"no header pixels can be read in {len(tried)} of its {len(stills)} frames"
        yield Finding("counter", camera.name, text, level="note")
        return
    counters: list[tuple[int, int] | None] = []
    for done, (_, shot) in enumerate(stills, 1):
        counters.append(_counter(shot))
        if progress is not None:
            progress(done, len(stills))
    times = [camera.track.times[k] for k, _ in stills]
    counted = count(times, counters)
    if counted is None:
        text = f"its header pixels hold no frame counter that goes with its times ({len(stills)} "
        yield Finding("counter", camera.name, text + "frames)", level="note")
    else:
        yield from say(camera.name, [s for _, s in stills], counted)


def _counter(shot: Shot) -> tuple[int, int] | None:
    try:
        codes = one_channel(read_still(shot.path, where=f"{shot.camera} ({shot.path.name})").pixels)
    except Damaged:
        return None  # its counter is not known; the render says what is damaged
    if codes is None or codes.dtype != np.uint8:
        return None
    header = read_header(codes, measure_stretch(codes))
    return None if header is None else header.counter


def _ground(
    camera: CameraPlan, stills: Sequence[tuple[int, Shot]], progress: Report | None
) -> Iterator[Finding]:
    step = -(-len(stills) // _MOST_SEEN)
    picks = [shot for _, shot in stills[::step]]
    found: list[Features] = []
    for done, shot in enumerate(picks, 1):
        found.append(_features(shot))
        if progress is not None:
            progress(done, len(picks))
    pairs = [pair(a, b) for a, b in pairwise(found)]
    sees = seen(pairs)
    if sees is None:
        text = "it shows no ground that comes nearer: nothing is said of what it sees"
        yield Finding("ground", camera.name, text, level="note")
        return
    first, last = sees.index(True), len(sees) - 1 - sees[::-1].index(True)
    text = f"it sees the ground come nearer from {label(picks[first])} to {label(picks[last])}"
    yield Finding(
        "ground", camera.name, text + (f" ({step} apart)" if step > 1 else ""), level="note"
    )
    for there, run in groupby(range(len(sees)), key=lambda k: sees[k]):
        frames = list(run)
        if not there:
            yield _blind(camera.name, picks, pairs, frames, step)


def _features(shot: Shot) -> Features:
    try:
        grey = one_channel(read_still(shot.path, where=f"{shot.camera} ({shot.path.name})").pixels)
    except Damaged:
        grey = None
    if grey is None:
        return Features(np.zeros((0, 2), np.float32), np.zeros((0, 128), np.float32), (1, 1))
    return features(small(grey), most=_FEATURES)


def _blind(
    name: str, picks: Sequence[Shot], pairs: Sequence[Pair], frames: Sequence[int], step: int
) -> Finding:
    """A run of frames that does not see the ground, with what its neighbours match on instead."""
    inner = pairs[max(0, frames[0] - 1) : frames[-1] + 1]
    still = [p for p in inner if p.inliers and p.moved < 2]
    few = [p for p in inner if p.inliers and p.moved >= 2 and not p.ground]
    why = []
    if none := sum(not p.inliers for p in inner):
        why.append(f"{none} pairs of neighbours share nothing")
    if still:
        worst = max(p.moved for p in still)
        why.append(f"{len(still)} match on what rides along (it moves {worst:.1f} px in 400)")
    if few:
        most = max(p.share for p in few)
        why.append(f"{len(few)} match on {most:.0%} of what they show or less")
    count = f"{len(frames)} frames" if step == 1 else f"{len(frames)} of each {step} frames"
    ends = label(picks[frames[0]])
    if len(frames) > 1:
        ends += f" to {label(picks[frames[-1]])}"
    numbers = f"frames {frames[0] * step + 1} to {frames[-1] * step + 1}"
    return Finding(
        "no_ground", name,
        f"{count} do not see the ground ({numbers}, {ends}): {'; '.join(why)}",
        "show them for what they are, or skip: them; no map or motion is to be taken from them",
    )  # fmt: skip
