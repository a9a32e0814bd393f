"""A camera's clock as it was measured, and its frames set right by it, exactly."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from fractions import Fraction

from descent.clock.assign import Laid
from descent.model import Finding, Shot


@dataclass(frozen=True, slots=True)
class Stretch:
    """From own time `start_s` on, `offset_s` and `drift` times what has passed are added."""

    start_s: Fraction
    offset_s: Fraction
    drift: Fraction

    def mission(self, t: Fraction) -> Fraction:
        """Mission time of the camera's own time."""
        return t + self.offset_s + self.drift * (t - self.start_s)


@dataclass(frozen=True, slots=True)
class Measured:
    """A measured clock: `stretches` in order of time, the first holding before it too.

    `interval_s` is the 95 % half-width of a mission time, `evidence` says in words on what.
    `open_s` is how long the shutter may have been open where nothing says.
    `by_hand`: a person set it so; `unsure`: it was taken although it was not sure.
    """

    stretches: tuple[Stretch, ...]
    interval_s: Fraction
    evidence: str
    by_hand: bool = False
    unsure: bool = False
    open_s: Fraction = Fraction(0)

    def mission(self, t: Fraction) -> Fraction:
        """Mission time of the camera's own time; later own times never come out earlier."""
        place = max(0, bisect_right(self.stretches, t, key=lambda s: s.start_s) - 1)
        found = self.stretches[place].mission(t)
        if place:
            start_s = self.stretches[place].start_s
            # A clock set back cannot undo what was exposed: frames never change places.
            found = max(found, self.stretches[place - 1].mission(start_s) + (t - start_s) / 10**6)
        return found

    @property
    def words(self) -> str:
        """What was found, in words."""
        first = self.stretches[0]
        parts = [f"set right by {float(first.offset_s):+.4f} s"]
        if first.drift:
            parts.append(f"{float(first.drift) * 1e6:+.1f} ppm")
        for before, after in zip(self.stretches[:-1], self.stretches[1:], strict=True):
            jump = after.offset_s - before.mission(after.start_s) + after.start_s
            parts.append(f"a step of {float(jump):+.4f} s at {float(after.start_s):.2f} s")
        said = f"{', '.join(parts)}, ±{float(self.interval_s) * 1000:.2g} ms by {self.evidence}"
        if self.open_s:
            said += f"; its exposure is not known, {float(self.open_s) * 1000:.3g} ms at most"
        if self.unsure:
            said += "; taken although it was not sure"
        return said + (", edited by hand" if self.by_hand else "")


def set_right(laid: Laid, clock: Measured) -> Laid:
    """The camera on mission time by its measured clock; `laid` is it by its own.

    The time's half-width is then that of the measurement and of the frames' own stamps;
    where those were only laid by hand, of the measurement alone.
    """
    pairs: list[tuple[Fraction, Shot]] = []
    twins: list[Shot] = []
    for t, shot in zip(laid.track.times, laid.shots, strict=True):
        found = clock.mission(t)
        if pairs and found <= pairs[-1][0]:
            twins.append(shot)
        else:
            pairs.append((found, shot))
    own_s = Fraction(0) if laid.clock in {"marks", "hand"} else laid.resolution_s
    findings = list(laid.findings)
    if twins:
        findings.append(
            Finding(
                "clock_back", laid.track.camera,
                f"its measured clock puts {len(twins)} frames at no later a time than the one "
                f"before, and they are left out: {twins[0].path.name} is the first",
                "check its steps in the sync file, or measure again: descent sync CONFIG",
            )
        )  # fmt: skip
    if clock.unsure:
        text = f"its clock was taken although the measurement was not sure: {clock.evidence}"
        cure = "mark a moment under sync:, and measure again: descent sync CONFIG"
        findings.append(Finding("unsure_sync", laid.track.camera, text, cure))
    width = clock.interval_s + own_s
    track = replace(laid.track, times=tuple(t for t, _ in pairs), resolution_s=width)
    return replace(
        laid, track=track, shots=tuple(shot for _, shot in pairs),
        how=f"{laid.how}; {clock.words}", resolution_s=width,
        by_hand=clock.by_hand, findings=tuple(findings),
    )  # fmt: skip
