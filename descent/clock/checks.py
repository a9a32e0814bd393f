"""What a person should know about a camera's times before they are believed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from statistics import median_low
from typing import Protocol

from descent.clock.doors import Clocks, tai_to_utc
from descent.errors import TimeUnknown
from descent.model import Finding, Shot, Stamp
from descent.tools.exact import common, is_gap, local_medians, scaled
from descent.tools.text import some

LANDING_CAMERAS = frozenset({"EA", "EB", "EC", "ED", "EL", "ES", "EU"})
AROUND_EVENTS_S = 900
"""How far from the first and last event a landing frame may be exposed."""

_NAMED = 12


class Record(Protocol):
    """What is asked of a parsed Mars 2020 name."""

    @property
    def instrument(self) -> str:
        """The two letters of the camera."""
        ...

    @property
    def sol(self) -> int:
        """The Mars day in the name."""
        ...

    @property
    def sclk(self) -> Fraction | None:
        """The spacecraft clock in the name, s."""
        ...


Named = Sequence[tuple[Shot, Record | None]]


def label(shot: Shot) -> str:
    """A frame as people name it: its file, and its number in a clip."""
    return shot.path.name if shot.pts is None else f"{shot.path.name} frame {shot.index}"


def product_times(
    camera: str,
    frames: Named,
    clocks: Clocks,
    events: Mapping[str, Fraction],
    *,
    accept: bool,
    rate: Fraction | None,
) -> tuple[set[int], list[Finding]]:
    """The frames whose name tells when the product was made, not when the shutter opened.

    A landing camera's name of another sol than 0, or with a clock outside the landing, was
    made on the rover hours or days later. Their indices come back to be left out, each
    said; where no frame is left, TimeUnknown with the anchor as the cure.
    """
    first, last = _window(clocks, events)
    late = [
        k
        for k, (shot, record) in enumerate(frames)
        if record is not None and shot.stamp is not None
        and record.instrument in LANDING_CAMERAS
        # The feed's records give that time in UTC as well.
        and ((shot.stamp.clock == "sclk"
              and (record.sol != 0 or not first <= shot.stamp.value <= last))
             or (shot.stamp.clock == "utc" and record.sol != 0))
    ]  # fmt: skip
    if not late:
        return set(), []
    shot, record = frames[late[0]]
    assert record is not None
    assert shot.stamp is not None
    what = (
        f"{len(late)} of {len(frames)} names tell when the product was made on the rover, not "
        f"when the shutter opened: {shot.path.name} reads as "
        f"{_reads(shot.stamp, clocks)}, sol {record.sol}"
    )
    known = f"{float(rate):g}" if rate else "30"
    cure = (
        f"write under cameras: {camera}: times: {{order: name, rate: {known}, "
        f"anchor: {{file: {shot.path.name}, at: touchdown - 2s}}}}, with a frame and the moment "
        "that you see in it; or clock: {accept_product_times: yes}"
    )
    if accept:
        note = Finding("product_time", camera, what + "; taken as they are, by hand", level="note")
        return set(), [note]
    gone = set(late)
    if not any(shot.stamp is not None and k not in gone for k, (shot, _) in enumerate(frames)):
        raise TimeUnknown(what, where=f"cameras: {camera}", do=cure)
    return gone, [Finding("product_time", camera, what + "; they are left out", cure)]


def _window(clocks: Clocks, events: Mapping[str, Fraction]) -> tuple[Fraction, Fraction]:
    everywhere = Fraction(-(10**12)), Fraction(10**12)
    if not events or clocks.sclk is None or clocks.epoch.tai_s is None:
        return everywhere
    ends = min(events.values()) - AROUND_EVENTS_S, max(events.values()) + AROUND_EVENTS_S
    try:
        first, last = (clocks.sclk.sclk(clocks.epoch.tai(t)) for t in ends)
    except TimeUnknown:
        return everywhere
    return first, last


def _reads(stamp: Stamp, clocks: Clocks) -> str:
    if stamp.clock == "utc":
        return tai_to_utc(stamp.value, 0)
    if clocks.sclk is not None:
        try:
            return tai_to_utc(clocks.sclk.tai(stamp.value), 0)
        except TimeUnknown:
            pass
    return f"SCLK {float(stamp.value):.3f}"


def going_back(camera: str, times: Sequence[tuple[Shot, Fraction]]) -> list[Finding]:
    """Places in the listing's order where the clock goes back."""
    back = [(a, b) for a, b in pairwise(times) if b[1] < a[1]]
    if not back:
        return []
    (before, t0), (after, t1) = back[0]
    more = f", and {len(back) - 1} more such places" if len(back) > 1 else ""
    return [
        Finding(
            "clock_back",
            camera,
            f"its clock goes back by {_s(t0 - t1)} from {label(before)} to {label(after)}{more}; "
            "frames are shown in order of time",
            "if the clock was set there, write clock: {resets: yes}: frames then keep their order",
        )
    ]


def one_an_instant(
    camera: str, laid: Sequence[tuple[Fraction, Shot]]
) -> tuple[list[tuple[Fraction, Shot]], list[Finding]]:
    """One frame for each instant, the best version first; the others are said."""
    kept: list[tuple[Fraction, Shot]] = []
    left: list[tuple[Shot, Shot]] = []
    for t, shot in laid:  # sorted by time, so twins are neighbours
        if not kept or kept[-1][0] != t:
            kept.append((t, shot))
        elif (shot.version, shot.size) > (kept[-1][1].version, kept[-1][1].size):
            left.append((kept[-1][1], shot))
            kept[-1] = (t, shot)
        else:
            left.append((shot, kept[-1][1]))
    if not left:
        return kept, []
    pairs = some([f"{label(a)} (shown: {label(b)})" for a, b in left], most=4)
    return kept, [
        Finding(
            "duplicate", camera,
            f"{len(left)} frames have the very time of another and are left out: {pairs}",
            "skip: the one not wanted, or give their times by a table",
        )
    ]  # fmt: skip


def outside(
    camera: str, laid: Sequence[tuple[Fraction, Shot]], events: Mapping[str, Fraction]
) -> list[Finding]:
    """Frames far from everything that the release names."""
    if len(events) < 2 or not laid:
        return []
    first = min(events.values()) - AROUND_EVENTS_S
    last = max(events.values()) + AROUND_EVENTS_S
    far = [(t, shot) for t, shot in laid if not first <= t <= last]
    if not far:
        return []
    t, shot = far[0]
    side = f"{_s(first + AROUND_EVENTS_S - t)} before the first event"
    if t > last:
        side = f"{_s(t - last + AROUND_EVENTS_S)} after the last event"
    return [
        Finding(
            "outside", camera, f"{len(far)} frames lie outside the events: {label(shot)} {side}",
            "check the clock; clock: {add: -1s} moves all frames of the camera",
        )
    ]  # fmt: skip


def cadence(
    camera: str,
    laid: Sequence[tuple[Fraction, Shot]],
    rate: Fraction | None,
    resolution_s: Fraction,
    clocks: Clocks | None = None,
) -> tuple[Fraction | None, list[Finding]]:
    """The interval to expect, and what the stamps say of the declared rate and of gaps.

    A declared rate that the stamps contradict in more than one place of twenty is not
    believed: then the local median decides.
    """
    declared = None if rate is None else 1 / rate
    if len(laid) < 2:
        return declared, []
    over = common((t for t, _ in laid), declared.denominator if declared else 1)
    mids = scaled((t for t, _ in laid), over)
    steps = [b - a for a, b in pairwise(mids)]
    usual = local_medians(steps)
    findings = []
    if declared is not None:
        want = int(declared * over)
        slack = int((declared / 5 + 2 * resolution_s) * over)
        wrong = sum(abs(u - want) > slack for u in usual)
        if 20 * wrong > len(usual):
            measured = over / median_low(steps)
            findings.append(
                Finding(
                    "cadence", camera,
                    f"its stamps say {measured:.4g} frames/s (median), not the declared "
                    f"{float(1 / declared):.4g}, for {wrong} of {len(usual)} frames; "
                    "the stamps are believed",
                    f"write rate: {measured:.4g}, or rate: null where it is uneven",
                )
            )  # fmt: skip
            declared = None
    expected = usual if declared is None else [int(declared * over)] * len(steps)
    holes = [k for k, (s, x) in enumerate(zip(steps, expected, strict=True)) if is_gap(s, x)]
    for k in holes[:_NAMED]:
        (a, before), (b, after) = laid[k], laid[k + 1]
        findings.append(
            Finding(
                "gap", camera,
                f"no frame for {_s(b - a)} ({steps[k] / expected[k]:.1f} intervals), "
                f"from {label(before)} at {_when(a, clocks)} to {label(after)} at "
                f"{_when(b, clocks)}",
                level="note",
            )
        )  # fmt: skip
    if len(holes) > _NAMED:
        total = Fraction(sum(steps[k] for k in holes[_NAMED:]), over)
        findings.append(
            Finding(
                "gap", camera, f"{len(holes) - _NAMED} more gaps, {_s(total)} in all", level="note"
            )
        )
    return declared, findings


def _s(seconds: Fraction) -> str:
    return f"{float(seconds):.4g} s"


def _when(t: Fraction, clocks: Clocks | None) -> str:
    """A mission time on the clock that people know: UTC, else T, else mission seconds."""
    if clocks is not None and clocks.epoch.tai_s is not None:
        return clocks.show(t, "utc", most_digits=3)
    if clocks is not None and clocks.zero is not None:
        return clocks.show(t, "t", most_digits=3)
    return f"{float(t):.3f} s"
