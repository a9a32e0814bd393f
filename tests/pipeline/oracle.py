"""What a film must show, told again in the slowest and plainest way.

Written from the rules as docs/time.md tells them, not from the code: for every tick each frame
of the camera is looked at, in exact fractions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from statistics import median_low

F = Fraction
ONE, HALF = F(1), F(1, 2)


@dataclass(frozen=True)
class Stretch:
    """A span of a cut: mission time `start` up to `to`, at `speed`, or one moment frozen."""

    start: Fraction
    to: Fraction = ONE
    speed: Fraction = ONE
    freeze_s: Fraction | None = None
    every: str | None = None


@dataclass(frozen=True)
class Seer:
    """A camera: exposure mid-times, declared interval if any, hold past half of it, in s."""

    times: Sequence[Fraction]
    interval_s: Fraction | None = None
    hold_s: Fraction | None = HALF
    """None: until the next frame."""

    @cached_property
    def usual(self) -> list[Fraction]:
        """For each frame the interval that is usual around it; the last's is the one before."""
        steps = [b - a for a, b in pairwise(self.times)]
        near = [median_low(steps[max(0, k - 4) : k + 5]) for k in range(len(steps))]
        return [self.interval_s or n for n in (*near, near[-1])]

    @cached_property
    def interval(self) -> list[Fraction]:
        """For each frame what passes until the next is due: until it comes, if none is absent."""
        steps = [b - a for a, b in pairwise(self.times)]
        due = [s if s <= u * F(3, 2) else u for s, u in zip(steps, self.usual, strict=False)]
        return [*due, self.usual[-1]]

    @cached_property
    def opens(self) -> list[Fraction | None]:
        """From when each frame may be shown: the first, and one behind a gap, wait; else None."""
        found: list[Fraction | None] = [self.times[0] - self.interval[0] / 2]
        for k, (a, b) in enumerate(pairwise(self.times)):
            found.append(b - self.interval[k] / 2 if b - a > self.usual[k] * F(5, 2) else None)
        return found

    def shows(self, t: Fraction) -> int | None:
        """The frame that this camera shows at mission time `t`, None where it shows none."""
        come = []
        for k, opens in enumerate(self.opens):
            if opens is not None and t < opens:
                break  # none overtakes one that still waits
            come.append(k)
        if not come:
            return None
        best = min(come, key=lambda k: (abs(self.times[k] - t), k))
        late = t - self.times[best]
        if self.hold_s is None:
            is_last = best == len(self.times) - 1
            return None if is_last and late > self.interval[best] else best
        return best if late <= self.interval[best] / 2 + self.hold_s else None


def tick_times(
    cut: Sequence[Stretch], rate: Fraction, cameras: Mapping[str, Seer]
) -> list[Fraction]:
    """The mission time of every tick of a cut at `rate` frames a second."""
    found: list[Fraction] = []
    film_s, k = F(0), 0
    while k < len(cut):
        here, first = cut[k], _half_up(film_s * rate)
        if here.every is not None:
            times = [t for t in cameras[here.every].times if here.start <= t < here.to]
            film_s += len(times) / rate
        elif here.freeze_s is not None:
            film_s += here.freeze_s
            times = [here.start] * (_half_up(film_s * rate) - first)
        else:
            while k + 1 < len(cut) and _goes_on(cut[k], cut[k + 1]):
                k += 1
            film_s += (cut[k].to - here.start) / here.speed
            count = _half_up(film_s * rate) - first
            times = [here.start + n * here.speed / rate for n in range(count)]
        found += times
        k += 1
    return found


def _goes_on(a: Stretch, b: Stretch) -> bool:
    plain = a.freeze_s is None and b.freeze_s is None and a.every is None and b.every is None
    return plain and a.to == b.start and a.speed == b.speed


def _half_up(value: Fraction) -> int:
    return (2 * value + 1) // 2
