"""All cameras' clocks at once, from ties between pairs, stamps and marks, so that cycles agree.

A camera's correction is what is added to its own time: a straight line, and steps where its
clock jumped. Ties, stamps and marks are rows of one weighted least squares problem, each by
its own uncertainty. A tie that the others contradict is named and refused; stamps that the
ties contradict are found wrong, which is why the clocks are measured.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from descent.clock.fit import ClockFit
from descent.clock.rotation import COVER

Floats = NDArray[np.float64]

RATE_SD = 1e-4
"""How far a camera's clock is taken to run off before anything is measured: 100 ppm."""

CONTRADICTED = 5.0  # standard deviations
SMALLEST_S = 0.0005  # contradictions below this are not worth a word
_FIXED_SD = 1e-9
_TOGETHER_S = 1.0  # steps of several ties nearer than this are one


@dataclass(frozen=True, slots=True)
class Tie:
    """What ties camera `b`'s clock to camera `a`'s: `fit.map` takes b's own times to a's."""

    a: str
    b: str
    fit: ClockFit
    kind: str


@dataclass(frozen=True, slots=True)
class Own:
    """A camera's own clock: from `start_s` to `end_s`, good to `half_s` (95 %) as it stands.

    `half_s` is infinite where nothing but ties says when its clock began. `resets` are own
    times, between two frames, at which it is known to have been set.
    """

    start_s: float
    end_s: float
    half_s: float
    resets: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Clock:
    """A camera's correction: own time t is mission time t + offset + drift * (t - centre).

    `offsets_s[k]` holds from `starts_s[k]` on (the first from the beginning); `interval_s`
    is the 95 % half-width over its span; `ties` names the cameras it is tied to directly.
    """

    centre_s: float
    starts_s: tuple[float, ...]
    offsets_s: tuple[float, ...]
    drift: float
    interval_s: float
    ties: tuple[str, ...] = ()

    def offset_at(self, t: float) -> float:
        """What is added to own time `t`, s."""
        k = max(0, bisect_right(self.starts_s, t) - 1)
        return self.offsets_s[k] + self.drift * (t - self.centre_s)


@dataclass(frozen=True, slots=True)
class Joint:
    """Every camera's clock, the ties that were refused with why, and stamps found wrong."""

    clocks: Mapping[str, Clock]
    kept: tuple[Tie, ...]
    refused: tuple[tuple[Tie, str], ...]
    wrong_stamps: Mapping[str, float] = field(default_factory=dict)


def joint(cameras: Mapping[str, Own], ties: Sequence[Tie], reference: str) -> Joint:
    """Adjust all cameras together; `reference` keeps its clock.

    A camera that no chain of ties leads to keeps its own clock, with its own uncertainty.
    """
    kept, refused = _agreeing(cameras, list(ties))
    within = _reached(kept, reference)
    trusted = {name for name in cameras if np.isfinite(cameras[name].half_s)}
    wrong: dict[str, float] = {}
    while True:
        system = _System(cameras, kept, reference, trusted)
        off = {
            name: _against(cameras, kept, reference, trusted, name)
            for name in trusted & within - {reference}
        }
        worst = max(off, key=lambda name: abs(off[name][1]), default=None)
        if worst is None or not _contradicts(*off[worst]):
            break
        trusted.discard(worst)
        wrong[worst] = off[worst][0]
    clocks = {
        name: system.clock(name)
        if name in within
        else Clock(_middle(own), (own.start_s,), (0.0,), 0.0, own.half_s)
        for name, own in cameras.items()
    }
    return Joint(clocks, tuple(kept), tuple(refused), wrong)


def _left(cameras: Mapping[str, Own], ties: list[Tie], k: int) -> tuple[float, float]:
    """How badly the rest agrees without tie k; where that is all well, how weak the tie is."""
    rest = _misfits(cameras, ties[:k] + ties[k + 1 :])
    worst = max((abs(z) for _, z in rest.values()), default=0.0)
    return (worst if worst > CONTRADICTED else 0.0, ties[k].fit.margin)


def _agreeing(
    cameras: Mapping[str, Own], ties: list[Tie]
) -> tuple[list[Tie], list[tuple[Tie, str]]]:
    """Leave out ties until what is left agrees round every cycle."""
    refused: list[tuple[Tie, str]] = []
    while True:
        off = _misfits(cameras, ties)
        bad = [k for k, (gap_s, z) in off.items() if _contradicts(gap_s, z)]
        if not bad:
            return ties, refused
        guilty = min((_left(cameras, ties, k), k) for k in bad)[1]
        tie, gap_s = ties[guilty], off[guilty][0]
        around = sorted({n for k in bad for n in (ties[k].a, ties[k].b)} - {tie.a, tie.b})
        why = f"it contradicts the ties by way of {', '.join(around)} by {gap_s:+.4f} s"
        refused.append((tie, why))
        ties = ties[:guilty] + ties[guilty + 1 :]


def _misfits(cameras: Mapping[str, Own], ties: Sequence[Tie]) -> dict[int, tuple[float, float]]:
    """For each tie that a cycle closes, what the others say against it: s, and deviations."""
    found = {}
    for k, tie in enumerate(ties):
        rest = [*ties[:k], *ties[k + 1 :]]
        if tie.b not in _reached(rest, tie.a):
            continue
        system = _System(cameras, rest, tie.a, set())
        gaps = []
        for own, other, sd in _samples(tie):
            gap = other + system.offset(tie.a, other) - own - system.offset(tie.b, own)
            spread = np.hypot(sd, system.spread(tie.b, own))
            gaps.append((gap, gap / spread))
        found[k] = max(gaps, key=lambda g: abs(g[1]))
    return found


def _against(
    cameras: Mapping[str, Own], ties: Sequence[Tie], reference: str, trusted: set[str], name: str
) -> tuple[float, float]:
    """What the ties say against a camera's own stamps: s, and deviations."""
    system = _System(cameras, ties, reference, trusted - {name})
    own = cameras[name]
    gap = system.offset(name, _middle(own))
    return gap, gap / float(np.hypot(own.half_s / 1.96, system.spread(name, _middle(own))))


def _contradicts(gap_s: float, z: float) -> bool:
    return abs(z) > CONTRADICTED and abs(gap_s) > SMALLEST_S


def _reached(ties: Iterable[Tie], start: str) -> set[str]:
    """The cameras that a chain of ties leads to."""
    found, grew = {start}, True
    ties = list(ties)
    while grew:
        more = {n for t in ties if {t.a, t.b} & found for n in (t.a, t.b)} - found
        found |= more
        grew = bool(more)
    return found


def _alike_s(fit: ClockFit) -> float:
    """The half-width without what is off alike at all times, as by the way of the sound."""
    return float(fit.evidence.get("alike_s", fit.interval))


def _middle(own: Own) -> float:
    return (own.start_s + own.end_s) / 2


def _samples(tie: Tie) -> list[tuple[float, float, float]]:
    """A tie as times: (b's, a's, standard deviation) in the middle of each piece."""
    fit, out = tie.fit, []
    # Half of what scatters is the rate's; what is off alike at all times is the offset's alone.
    alike_s = _alike_s(fit)
    fixed_s = np.sqrt(max(fit.interval**2 - alike_s**2, 0.0))
    sd = np.hypot(alike_s / np.sqrt(2) * np.sqrt(len(fit.pieces)), fixed_s) / COVER
    for piece in fit.pieces:
        own = (piece.start_s + piece.end_s) / 2
        other = float(fit.epoch_a) + float(piece.map(own))
        out.append((float(fit.epoch_b) + own, other, float(max(sd, 1e-7))))
    return out


class _System:
    """The least squares problem of one set of ties, solved."""

    def __init__(
        self, cameras: Mapping[str, Own], ties: Sequence[Tie], reference: str, trusted: set[str]
    ) -> None:
        self.ties, self.names = ties, sorted(_reached(ties, reference) & set(cameras))
        self.cameras = cameras
        self.steps = _steps(self.names, ties, reference)
        for name in self.names:
            self.steps[name] = _at_resets(self.steps[name], cameras[name].resets)
        self.centre = {n: _middle(cameras[n]) for n in self.names}
        self.first: dict[str, int] = {}
        count = 0
        for name in self.names:
            self.first[name] = count
            count += len(self.steps[name]) + 2  # an offset more than steps, and the drift
        rows: list[Floats] = []
        seen: list[float] = []

        def add(row: Floats, value: float, sd: float) -> None:
            rows.append(row / sd)
            seen.append(value / sd)

        self.count = count
        for tie in ties:
            if tie.a not in self.first:
                continue
            for own, other, sd in _samples(tie):
                add(self._row(tie.b, own) - self._row(tie.a, other), other - own, sd)
            pieces = tie.fit.pieces
            half = max((pieces[-1].end_s - pieces[0].start_s) / 2, 1e-3)
            row = self._slope(tie.b) - self._slope(tie.a)
            sd = max(_alike_s(tie.fit) / COVER * np.sqrt(1.5) / half, 1e-9)
            add(row, tie.fit.drift, float(sd))
        for name in self.names:
            fixed = name == reference
            add(self._slope(name), 0.0, _FIXED_SD if fixed else RATE_SD)
            if fixed or name in trusted:
                own = self.centre[name] if not self.steps[name] else cameras[name].start_s
                row = self._row(name, own)
                add(row, 0.0, _FIXED_SD if fixed else max(cameras[name].half_s / 1.96, 1e-6))
            # A trace that pins what nothing tells, such as a piece that no tie reaches.
            for k in range(len(self.steps[name]) + 1):
                trace = np.zeros(count)
                trace[self.first[name] + k] = 1.0
                add(trace, 0.0, 1e4)
        A, y = np.array(rows), np.array(seen)
        # Times of a day and rates of a millionth meet in one matrix: scaled to be alike.
        size = np.sqrt((A**2).sum(axis=0))
        self.covariance = np.linalg.inv((A / size).T @ (A / size)) / np.outer(size, size)
        self.answer = self.covariance @ (A.T @ y)

    def _row(self, name: str, t: float) -> Floats:
        row = np.zeros(self.count)
        first, steps = self.first[name], self.steps[name]
        row[first + bisect_right(steps, t)] = 1.0
        row[first + len(steps) + 1] = t - self.centre[name]
        return row

    def _slope(self, name: str) -> Floats:
        row = np.zeros(self.count)
        row[self.first[name] + len(self.steps[name]) + 1] = 1.0
        return row

    def offset(self, name: str, t: float) -> float:
        """What is added to a camera's own time, s."""
        return float(self._row(name, t) @ self.answer)

    def spread(self, name: str, t: float) -> float:
        """Its standard deviation, s."""
        row = self._row(name, t)
        return float(np.sqrt(max(float(row @ self.covariance @ row), 0.0)))

    def clock(self, name: str) -> Clock:
        """A camera's clock, its interval over the span that its ties cover."""
        own, first, steps = self.cameras[name], self.first[name], self.steps[name]
        mine = [t for t in self.ties if name in (t.a, t.b)]
        ends = [end for t in mine for end in _span(t, name)] or [own.start_s, own.end_s]
        times = np.linspace(min(ends), max(ends), 9)
        spread = np.sqrt(np.mean([self.spread(name, float(t)) ** 2 for t in times]))
        others = dict.fromkeys(t.b if t.a == name else t.a for t in mine)
        return Clock(
            self.centre[name], (own.start_s, *steps),
            tuple(float(v) for v in self.answer[first : first + len(steps) + 1]),
            float(self.answer[first + len(steps) + 1]), COVER * float(spread), tuple(others),
        )  # fmt: skip


def _span(tie: Tie, name: str) -> tuple[float, float]:
    fit = tie.fit
    first, last = fit.pieces[0].start_s, fit.pieces[-1].end_s
    if name == tie.b:
        return float(fit.epoch_b) + first, float(fit.epoch_b) + last
    ends = fit.pieces[0].map(first), fit.pieces[-1].map(last)
    return float(fit.epoch_a) + float(ends[0]), float(fit.epoch_a) + float(ends[1])


@dataclass(frozen=True, slots=True)
class _Jump:
    """A step of a tie, on a's clock and on b's."""

    tie: Tie
    at: Mapping[str, float]


def _steps(names: Sequence[str], ties: Sequence[Tie], reference: str) -> dict[str, list[float]]:
    """Whose clock stepped, and when on it: whoever all stepping ties have in common.

    Of two cameras alone nobody can tell; then it is not the reference.
    """
    found: dict[str, list[float]] = {name: [] for name in names}
    jumps = []
    for tie in ties:
        for before, after in zip(tie.fit.pieces[:-1], tie.fit.pieces[1:], strict=True):
            own = (before.end_s + after.start_s) / 2
            other = (before.map(before.end_s) + after.map(after.start_s)) / 2
            at = {tie.b: float(tie.fit.epoch_b) + own, tie.a: float(tie.fit.epoch_a) + float(other)}
            jumps.append(_Jump(tie, at))
    while jumps:
        first = jumps[0]
        votes = {
            n: (_blame(n, first, jumps, ties), n != reference, n == first.tie.b)
            for n in (first.tie.a, first.tie.b)
        }
        name = max(votes, key=lambda n: votes[n])
        together = [j for j in jumps if _same(j, first, name)]
        if name in found:
            found[name].append(float(np.mean([j.at[name] for j in together])))
        jumps = [j for j in jumps if j not in together]
    return {name: sorted(steps) for name, steps in found.items()}


def _at_resets(steps: Sequence[float], resets: Sequence[float]) -> list[float]:
    """Steps, those near a place where the clock is known to have been set moved there."""

    def place(at: float) -> float:
        near = min(resets, key=lambda reset: abs(reset - at), default=at)
        return near if abs(near - at) <= _TOGETHER_S else at

    return sorted({place(at) for at in steps})


def _same(jump: _Jump, other: _Jump, name: str) -> bool:
    return name in jump.at and abs(jump.at[name] - other.at[name]) < _TOGETHER_S


def _blame(name: str, jump: _Jump, jumps: Sequence[_Jump], ties: Sequence[Tie]) -> int:
    """How many of a camera's ties show the step, less those that cover it and do not."""
    shown = [j for j in jumps if _same(j, jump, name)]
    at = jump.at[name]
    quiet = sum(
        name in (t.a, t.b)
        and min(_span(t, name)) < at < max(_span(t, name))
        and not any(j.tie is t for j in shown)
        for t in ties
    )
    return len(shown) - quiet
