"""Cameras as they are measured: their frames by their own times, and how far those may be off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from descent.clock.assign import Laid
from descent.clock.fit import ClockFit
from descent.clock.joint import Own, Tie
from descent.config.load import Loaded
from descent.errors import TimeUnknown
from descent.measure.motion import USUAL_VIEW_DEG
from descent.model import Finding, Format
from descent.plan.cameras import lay_camera, list_frames
from descent.plan.clocks import clocks_of
from descent.sources.examine import examine

PLAUSIBLE_S = 10.0
"""How far off stamps or marks may be before a tie that says so is taken for a mistake."""

PAD_S = 3.0  # frames so far beyond the other camera's are looked at too


@dataclass(frozen=True, slots=True)
class Seat:
    """A camera as it is measured: its frames by its own times, and how well those are known.

    `half_s` is their 95 % half-width, infinite for a clip that nothing ties to mission time.
    """

    name: str
    laid: Laid
    times: tuple[float, ...]
    half_s: float
    stored: Format
    view_deg: float

    @property
    def late_s(self) -> float:
        """How much later than told its pictures may be, for want of its exposure, s."""
        return float(self.laid.open_s) / 2

    def own(self, reference: Seat) -> Own:
        """What the joint adjustment needs of it: its pictures on the times of the reference's.

        Between its own times and those lies what is not known of either's exposure.
        """
        resets = tuple(float(t) for t in self.laid.resets)
        late_s = float(np.hypot(self.late_s, reference.late_s)) if self is not reference else 0.0
        return Own(self.times[0], self.times[-1], self.half_s + late_s, resets)


def take_seats(loaded: Loaded) -> tuple[dict[str, Seat], list[Finding]]:
    """Each camera by its own times; what has none at all is left out and said."""
    clocks, events = clocks_of(loaded)
    moments = {name: t for name, (t, _) in events.items()}
    seats: dict[str, Seat] = {}
    findings: list[Finding] = []
    for name, camera in loaded.config.cameras.items():
        if camera.times is not None and camera.times.none:
            continue
        listing = list_frames(name, loaded)
        half_s = None
        try:
            laid = lay_camera(name, loaded, listing, clocks, moments)
        except TimeUnknown:
            laid, half_s = lay_camera(name, loaded, listing, clocks, moments, True), float("inf")
        if half_s is None:
            half_s = max(float(laid.resolution_s), 1e-4)
        if len(laid.shots) < 2:
            findings.append(Finding("few_frames", name, "has too few frames to measure its clock"))
            continue
        if camera.view is None and loaded.config.sync.refine != ("sound",):
            text = f"its angle of view is not known: {USUAL_VIEW_DEG:g} degrees are taken"
            findings.append(Finding("view", name, text, "write view: and the degrees", "note"))
        seats[name] = Seat(
            name, laid, tuple(float(t) for t in laid.track.times), half_s,
            examine(laid.shots, pattern=camera.pattern).format, camera.view or USUAL_VIEW_DEG,
        )  # fmt: skip
    return seats, findings


def reach_s(a: Seat, b: Seat) -> float:
    """How far the two cameras' own times may be apart, s; infinite where nobody knows."""
    known = np.isfinite(a.half_s) and np.isfinite(b.half_s)
    return PAD_S + 2 * (a.half_s + b.half_s) if known else float("inf")


def overlap(a: Seat, b: Seat) -> tuple[float, float]:
    """The stretch of a's own time in which b may have frames."""
    reach = reach_s(a, b)
    return max(a.times[0], b.times[0] - reach), min(a.times[-1], b.times[-1] + reach)


def overlapping(seat: Seat, seats: Mapping[str, Seat]) -> list[int]:
    """The frames of a camera that any other may have seen too."""
    spans = [overlap(seat, other) for name, other in seats.items() if name != seat.name]
    return [k for k, t in enumerate(seat.times) if any(low <= t <= high for low, high in spans)]


def apart_s(fit: ClockFit) -> float:
    """How far apart a fit says two clocks are, s."""
    return abs(fit.offset)


def plausible(a: Seat, b: Seat, fit: ClockFit) -> bool:
    """Whether the cameras' own times, where they have any, leave room for a fit."""
    return apart_s(fit) <= PLAUSIBLE_S + reach_s(a, b)


def most_s(seats: Mapping[str, Seat], a: str, b: str) -> float:
    """How far apart the clocks of two cameras can be at most, s."""
    return PLAUSIBLE_S + reach_s(seats[a], seats[b])


def room(seats: Mapping[str, Seat], a: str, b: str, offset_s: float) -> bool:
    """Whether the cameras' own times leave room for an offset."""
    return abs(offset_s) <= most_s(seats, a, b)


def reference_of(seats: Mapping[str, Seat], ties: Sequence[Tie]) -> str:
    """The camera that keeps its clock: the best known, then the best tied, then the first."""

    def rank(name: str) -> tuple[float, int]:
        return seats[name].half_s + seats[name].late_s, -sum(name in (t.a, t.b) for t in ties)

    return min(seats, key=rank)
