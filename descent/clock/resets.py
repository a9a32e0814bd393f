"""Clocks that were set back while the camera ran: frames keep their order, each place is told."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from statistics import median_low

from descent.clock.checks import label
from descent.model import Finding, Shot

_NEAR = 9  # intervals that tell how soon the next frame was due


def unwound(
    camera: str, timed: Sequence[tuple[Fraction, Shot]], rate: Fraction | None
) -> tuple[list[tuple[Fraction, Shot]], tuple[Fraction, ...], list[Finding]]:
    """Frames in their listed order on a clock that never goes back, where it did, and words.

    Where the clock goes back, what follows is laid one interval after the frame before (the
    declared one, else the median of those before): how long the camera was away nothing
    tells. The places are between the two frames, on the clock that comes out.
    """
    out: list[tuple[Fraction, Shot]] = []
    places: list[Fraction] = []
    findings = []
    shift = Fraction(0)
    for t, shot in timed:
        if out and t + shift < out[-1][0]:
            before = out[-1]
            due = 1 / rate if rate is not None else _usual(out)
            back = before[0] - shift - t
            shift = before[0] + due - t
            places.append(before[0] + due / 2)
            findings.append(
                Finding(
                    "clock_reset", camera,
                    f"its clock was set back by {float(back):.4g} s between {label(before[1])} and "
                    f"{label(shot)}: what follows is laid {float(due):.4g} s later, and how long "
                    "the camera was away nothing tells",
                    "run descent sync, or make what follows a camera of its own",
                )
            )  # fmt: skip
        out.append((t + shift, shot))
    return out, tuple(places), findings


def _usual(before: Sequence[tuple[Fraction, Shot]]) -> Fraction:
    """The interval that frames kept lately, s; a second where there was only one."""
    last = [t for t, _ in before[-_NEAR - 1 :]]
    steps = [b - a for a, b in pairwise(last) if b > a]
    return median_low(steps) if steps else Fraction(1)
