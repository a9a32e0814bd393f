"""The frame counter that some cameras write into their pictures, held against their stamps.

A counter knows what a clock does not: a frame that never arrived uses its number up, and a clock
that was set leaves the count alone. So drop-outs and steps are told apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from statistics import median_low

from descent.clock.checks import label
from descent.model import Finding, Shot
from descent.tools.text import some

_FEWEST = 3
_NAMED = 6


@dataclass(frozen=True, slots=True)
class Gap:
    """Between frames `before` and the next one read: `lost` numbers that no frame has."""

    before: int
    after: int
    lost: int


@dataclass(frozen=True, slots=True)
class Counted:
    """What a camera's counters say.

    `read` of `frames` could be read; `gaps` are where numbers are missing, `stepped` pairs of
    frames (before, after, s) between which the clock moved so much more or less than the count.
    `interval_s` is the time between two counts, by the median.
    """

    frames: int
    read: int
    interval_s: Fraction
    gaps: tuple[Gap, ...] = ()
    stepped: tuple[tuple[int, int, Fraction], ...] = ()
    back: tuple[tuple[int, int], ...] = ()

    @property
    def lost(self) -> int:
        """How many frames never arrived."""
        return sum(gap.lost for gap in self.gaps)


def count(times: Sequence[Fraction], counters: Sequence[tuple[int, int] | None]) -> Counted | None:
    """What counters (value, modulus), one a frame or None, say beside the frames' times, s.

    Where only low bytes can be read the count's wraps are found by the times, so a counter
    says least after long gaps. None where fewer than three frames tell, or where counts and
    times do not go together: then it is no counter.
    """
    known = [(k, *c) for k, c in enumerate(counters) if c is not None]
    if len(known) < _FEWEST:
        return None
    steps = []
    for (i, a, m), (j, b, n) in pairwise(known):
        size = min(m, n)
        steps.append((i, j, (b - a) % size, size, times[j] - times[i]))
    rates = [dt / d for _, _, d, size, dt in steps if 0 < d < size // 2 and dt > 0]
    if 2 * len(rates) < len(steps):
        return None
    interval = median_low(rates)
    gaps, stepped, back = [], [], []
    for i, j, rest, size, dt in steps:
        there = j - i
        guess = dt / interval
        # The number of wraps that brings the count nearest to what the clock says.
        count_up = rest + max(0, round((guess - rest) / size)) * size
        if size >= 1 << 32 and rest > size // 2:
            back.append((i, j))
            continue
        if count_up > there:
            gaps.append(Gap(i, j, count_up - there))
        off = dt - count_up * interval
        if abs(off) > interval / 2:
            stepped.append((i, j, off))
    if 2 * len(stepped) > len(steps):
        return None
    return Counted(len(counters), len(known), interval, tuple(gaps), tuple(stepped), tuple(back))


def say(camera: str, shots: Sequence[Shot], counted: Counted) -> list[Finding]:
    """What a person should know of a camera's frame counters."""
    read = f"the frame counter in {counted.read} of {counted.frames} frames"
    rate = f"{float(1 / counted.interval_s):.4g} a second"
    findings = []
    if counted.gaps:
        places = some([f"{g.lost} after {label(shots[g.before])}" for g in counted.gaps], most=6)
        findings.append(
            Finding(
                "dropped", camera,
                f"{read} ({rate}) shows {counted.lost} that never arrived, in "
                f"{len(counted.gaps)} places: {places}",
                "fetch them, if the archive has them; else they show as gaps",
            )
        )  # fmt: skip
    else:
        text = f"{read} ({rate}) rises by one a frame: none was lost"
        findings.append(Finding("counter", camera, text, level="note"))
    for i, j, off in counted.stepped[:_NAMED]:
        findings.append(
            Finding(
                "clock_step", camera,
                f"its clock moved {float(off):+.4g} s against its frame counter between "
                f"{label(shots[i])} and {label(shots[j])}",
                "its clock was set there, or frames came late: compare it by `descent sync`",
            )
        )  # fmt: skip
    if len(counted.stepped) > _NAMED:
        text = f"{len(counted.stepped) - _NAMED} more such steps"
        findings.append(Finding("clock_step", camera, text))
    for i, j in counted.back[:_NAMED]:
        findings.append(
            Finding(
                "counter_back", camera,
                f"its frame counter goes back between {label(shots[i])} and {label(shots[j])}: "
                "the camera was started anew",
                "check that both belong to one run",
            )
        )  # fmt: skip
    return findings
