"""Two cameras' clocks tied by their pictures: turns made comparable, then fitted.

The scale of turns is only as good as the focal length, and what two cameras look at is not
shared all the time (dust, a body that is let go). So the scale between the two is found
first, stretches that do not agree are set aside, and the rest is fitted strictly.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from descent.clock.adjust import Turns, bandwidth
from descent.clock.coarse import path
from descent.clock.fit import ClockFit
from descent.clock.rotation import MOST_STEPS, fit_rotation, unexplained
from descent.errors import UnsureSync

Floats = NDArray[np.float64]

STRETCH_S = 1.5  # what is set aside is set aside in pieces of this length
ODD = 4.0  # times the usual error
SURE_MARGIN = 5.0
"""How many times more of the motion chance, and the next best answer, must leave over."""

LEAST_S = 4.0  # of shared motion
NEAR_S = 0.15  # an offset that a part of the motion tells is good to that
MEMORY_S = 0.5  # errors of pictures are alike for about so long


@dataclass(frozen=True, slots=True)
class Turned:
    """A camera's turns: `times` (n,) of its frames, `by` (n-1, 3) rad, `noise` (n-1,) rad.

    `zoom` and `twist` (n-1,), where they are known, are the logarithm of the growth of what is
    looked at, and its turn about the line of sight, rad.
    """

    times: Floats
    by: Floats
    noise: Floats
    zoom: Floats | None = None
    twist: Floats | None = None

    @property
    def seen_s(self) -> float:
        """How long anything was seen to turn or stand, s."""
        return float(np.diff(self.times)[np.isfinite(self.noise)].sum())

    def trimmed(self) -> Turned:
        """Without what was not seen at either end."""
        seen = np.nonzero(np.isfinite(self.noise))[0]
        if len(seen) == 0:
            return self._cut(0, 0)
        return self._cut(int(seen[0]), int(seen[-1]) + 1)

    def within(self, start_s: float, end_s: float) -> Turned:
        """What lies between two times of its own clock."""
        first, last = (int(k) for k in np.searchsorted(self.times, (start_s, end_s)))
        return self._cut(first, max(first, last - 1)).trimmed()

    def _cut(self, first: int, last: int) -> Turned:
        """The turns from number `first` to before `last`, and their frames."""
        times = self.times[first : last + 1] if last > first else self.times[:0]
        zoom = None if self.zoom is None else self.zoom[first:last]
        twist = None if self.twist is None else self.twist[first:last]
        return Turned(times, self.by[first:last], self.noise[first:last], zoom, twist)


def fit_motion(
    a: Turned, b: Turned, *, near_s: float | None = None, accept_unsure: bool = False
) -> ClockFit:
    """Clock b told by clock a from what their pictures show; see `fit_rotation`.

    `near_s` is a's time less b's where something else told it already: what stands out is
    then not asked again, and another answer is refused. UnsureSync as there, and where less
    than 4 s of motion were seen by both.
    """
    a, b = a.trimmed(), b.trimmed()
    least = min(a.seen_s, b.seen_s)
    if least < LEAST_S or min(len(a.by), len(b.by)) < 16:
        raise UnsureSync(
            f"only {least:.1f} s of motion are seen", where="shared rotation",
            do="give a stretch in which both cameras see something turn, or mark a moment in "
            "each under sync:",
        )  # fmt: skip
    first, share = _fit(a, b, 0, True), 1.0
    for _ in range(2):
        b = replace(b, by=b.by @ _scale(a, b, first))
        part, b = _agreeing(a, b, first)
        share *= part
        if b.seen_s < LEAST_S or np.isfinite(b.noise).sum() < 16:
            raise UnsureSync(
                "the motions agree nowhere for long", where="shared rotation",
                do="mark a moment in each camera under sync:",
            )  # fmt: skip
        first = _fit(a, b, 0, True)
    told = near_s is not None
    fit = _fit(a, b, 0 if told else MOST_STEPS, accept_unsure or told)
    if near_s is not None and abs(fit.offset - near_s) > NEAR_S:
        raise UnsureSync(
            f"their motions fit best at {fit.offset:+.2f} s and a part of them at {near_s:+.2f} s",
            where="shared rotation", do="mark a moment in each camera under sync:",
        )  # fmt: skip
    left = _left_over(a, b, fit)
    null = max(fit.evidence["next_best"], fit.evidence["chance"])
    margin = unexplained(null) / max(left, 1e-3)
    if margin < SURE_MARGIN and not accept_unsure:
        raise UnsureSync(
            f"their motions are alike but not the same: {left:.1%} is left over, and chance "
            f"leaves {unexplained(null):.1%}",
            where="shared rotation",
            do="give a longer stretch of shared motion, mark a moment in each under sync:, or "
            "take it with --accept-unsure",
        )
    evidence = {
        **fit.evidence, "shared": round(share, 3), "seen_s": round(b.seen_s, 2),
        "left_over": round(left, 4),
    }  # fmt: skip
    return replace(fit, margin=margin, evidence=evidence)


def _left_over(a: Turned, b: Turned, fit: ClockFit) -> float:
    """The share of a's motion between b's frames that b's does not explain, 0 to 1."""
    turned, both = _pairs(a, b, fit)
    if both.sum() < 16:
        return 1.0
    x, y = turned[both], b.by[both]
    left = ((x - y @ _axes(x, y)) ** 2).sum(axis=1)
    good = left <= np.percentile(left, 98)
    return float(left[good].sum() / max((x[good] ** 2).sum(), 1e-30))


def _axes(x: Floats, y: Floats) -> Floats:
    """The matrix (3, 3) that takes turns y (n, 3) to x, whatever a few of them say."""
    axes = np.linalg.lstsq(y, x, rcond=None)[0]
    for _ in range(3):
        left = np.sqrt(((x - y @ axes) ** 2).sum(axis=1))
        calm = left <= 4 * max(float(np.median(left)), 1e-9)
        axes = np.linalg.lstsq(y[calm], x[calm], rcond=None)[0]
    return np.asarray(axes, np.float64)


def _fit(a: Turned, b: Turned, most_steps: int, accept_unsure: bool) -> ClockFit:
    return fit_rotation(
        a.times, a.by, b.times, b.by, noise_a=a.noise, noise_b=b.noise, most_steps=most_steps,
        memory_s=MEMORY_S, accept_unsure=accept_unsure,
    )  # fmt: skip


def _pairs(a: Turned, b: Turned, fit: ClockFit) -> tuple[Floats, Any]:
    """What a turned between b's frames (n, 3), and where both saw it (n,)."""
    at = np.asarray(fit.map(b.times))
    total = np.concatenate([np.zeros((1, 3)), np.cumsum(a.by, axis=0)])
    unseen = np.concatenate([[0.0], np.cumsum(~np.isfinite(a.noise))])
    turned = np.stack([np.interp(at, a.times, total[:, k]) for k in range(3)], axis=1)
    dark = np.interp(at, a.times, unseen)
    inside = (at[:-1] >= a.times[0]) & (at[1:] <= a.times[-1])
    return np.diff(turned, axis=0), inside & (np.diff(dark) < 0.05) & np.isfinite(b.noise)


def _scale(a: Turned, b: Turned, fit: ClockFit) -> Floats:
    """The stretch (3, 3), symmetric in b's axes, that makes b's turns as large as a's.

    Seen from both sides and averaged, so that neither's noise shrinks it.
    """
    turned, both = _pairs(a, b, fit)
    if both.sum() < 16:
        return np.eye(3)
    x, y = turned[both], b.by[both]
    size = np.sqrt((y**2).sum(axis=1))
    calm = size <= np.percentile(size, 98)
    for _ in range(3):
        there = np.linalg.lstsq(y[calm], x[calm], rcond=None)[0]
        back = np.linalg.pinv(np.linalg.lstsq(x[calm], y[calm], rcond=None)[0])
        left = np.sqrt(((x - y @ there) ** 2).sum(axis=1))
        calm = left <= 4 * max(float(np.median(left)), 1e-9)
    u, found, _ = np.linalg.svd((there + back) / 2)
    stretch: Floats = (u * np.clip(found, 0.4, 2.5)) @ u.T
    return stretch


def _agreeing(a: Turned, b: Turned, fit: ClockFit) -> tuple[float, Turned]:
    """How much of b agrees with a, and b with the rest set aside."""
    turned, both = _pairs(a, b, fit)
    if both.sum() < 16:
        return 0.0, b
    x, y = turned[both], b.by[both]
    axes = _axes(x, y)
    error = np.sqrt(((turned - b.by @ axes) ** 2).sum(axis=1))
    part = ((b.times[1:] - b.times[0]) / STRETCH_S).astype(int)
    usual = float(np.median(error[both]))
    noise = np.where(both, b.noise, np.inf)
    for k in np.unique(part[both]):
        mine = (part == k) & both
        if float(np.sqrt(np.mean(error[mine] ** 2))) > ODD * usual:
            noise[part == k] = np.inf
    kept = float(np.isfinite(noise).sum() / max(np.isfinite(b.noise).sum(), 1))
    return kept, replace(b, noise=noise)


@dataclass(frozen=True, slots=True)
class Look:
    """What a tie looks like: for drawing.

    `times` (n,) s of b's clock and `errors` (n, 3) rad are what is left between the two
    motions, `used` (n,) where the tie rests on it and where it was set aside; `lags` (m,) s
    and `agreement` (m,) how alike they are at every offset, the best at `best_s` and the
    next best at `rival_s`.
    """

    times: Floats
    errors: Floats
    used: NDArray[np.bool_]
    lags: Floats
    agreement: Floats
    best_s: float
    rival_s: float


def look(a: Turned, b: Turned, fit: ClockFit) -> Look:
    """The residuals of a tie over time, and the agreement at every offset."""
    a, b = a.trimmed(), b.trimmed()
    b = replace(b, by=b.by @ _scale(a, b, fit))
    turned, both = _pairs(a, b, fit)
    x, y = turned[both], b.by[both]
    seen, (_, b) = b, _agreeing(a, b, fit)
    used = np.asarray(np.isfinite(b.noise))[both]
    start_a, start_b = float(a.times[0]), float(b.times[0])
    own = Turns.of(a.times - start_a, a.by, "a", a.noise)
    other = Turns.of(b.times - start_b, b.by, "b", b.noise)
    found = path(own, other, bandwidth(own if own.step_s <= other.step_s else other))
    lags = found.at + start_a - start_b
    best = int(np.argmax(found.curve))
    swing = max(3 * float(np.median(np.diff(lags))), 0.3)
    apart = np.where(np.abs(lags - lags[best]) > swing, found.curve, -1.0)
    return Look(
        seen.times[1:][both], x - y @ _axes(x[used], y[used]), used, lags, found.curve,
        float(lags[best]), float(lags[int(np.argmax(apart))]),
    )  # fmt: skip
