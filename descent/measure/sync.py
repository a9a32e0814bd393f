"""Clocks measured from what cameras show: every pair tied or refused, then all at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from descent.clock.assign import Laid
from descent.clock.fit import ClockFit
from descent.clock.joint import Joint, Own, Tie, joint
from descent.clock.motion import Turned
from descent.clock.turned import tie_turned
from descent.config.load import Loaded
from descent.errors import DescentError, TimeUnknown, UnsureSync
from descent.measure.motion import USUAL_VIEW_DEG, measure_turns
from descent.measure.views import STEADY, tie_views
from descent.model import Finding, Format
from descent.plan.cameras import lay_camera, list_frames
from descent.plan.clocks import clocks_of
from descent.sources.reader import examine
from descent.work import Progress

PLAUSIBLE_S = 10.0
"""How far off stamps or marks may be before a tie that says so is taken for a mistake."""

PAD_S = 3.0  # frames so far beyond the other camera's are looked at too

_MORE = "mark a moment in each camera under sync:, or give a longer stretch of shared motion"


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
    def own(self) -> Own:
        """What the joint adjustment needs of it."""
        return Own(self.times[0], self.times[-1], self.half_s)


@dataclass(frozen=True, slots=True)
class Refused:
    """A pair that was not tied, and why, and what would help."""

    a: str
    b: str
    why: str
    do: str


@dataclass(frozen=True, slots=True)
class Synced:
    """What was measured: clocks by camera, the ties they rest on, and what was refused.

    `turned` holds what each camera saw, for drawing; `unsure` the cameras whose tie was
    taken although it was not sure.
    """

    reference: str
    seats: Mapping[str, Seat]
    joint: Joint
    refused: tuple[Refused, ...]
    findings: tuple[Finding, ...]
    turned: Mapping[str, Turned]
    unsure: frozenset[str]

    @property
    def tied(self) -> tuple[str, ...]:
        """The cameras whose clock was measured, the reference among them."""
        return tuple(n for n in self.seats if n == self.reference or self.joint.clocks[n].ties)


def measure_sync(
    loaded: Loaded,
    *,
    workers: int | None = None,
    accept_unsure: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> Synced:
    """Measure the clocks of a release's cameras against each other.

    Reads the frames where cameras may overlap, small and in grey. A pair is tied or
    refused; ties, stamps and marks are then adjusted together. `accept_unsure` takes the
    best tie of a camera that nothing sure ties. Raises `UnsureSync` where nothing is tied,
    or a clip stays without any time.
    """
    seats, findings = _seats(loaded)
    if len(seats) < 2:
        raise DescentError(
            f"{len(seats)} cameras have times, and a clock is measured against another",
            where=str(loaded.path), do="add a second camera that saw the same",
        )  # fmt: skip
    chosen = {name: _overlapping(seat, seats) for name, seat in seats.items()}
    frames = {
        name: (
            [seat.laid.shots[k] for k in chosen[name]], [seat.times[k] for k in chosen[name]],
            seat.stored, seat.view_deg,
        )
        for name, seat in seats.items()
        if len(chosen[name]) > 1
    }  # fmt: skip
    store = loaded.path.parent / ".descent"
    seen = measure_turns(frames, store=store, workers=workers, progress=progress)
    turned = {name: each.turned for name, each in seen.items()}
    ties, refused = _pairs(seats, turned)
    done = {name for tie in ties for name in (tie.a, tie.b)}
    still = {n: frames[n][:3] for n in seen if seen[n].steady >= STEADY and n not in done}
    if len(still) > 1:
        more, against = tie_views(still)
        ties += [tie for tie in more if _plausible(seats[tie.a], seats[tie.b], tie.fit)]
        gone = [{a, b} for a, b, *_ in against] + [{tie.a, tie.b} for tie in ties]
        refused = [r for r in refused if {r.a, r.b} not in gone]
        refused += [Refused(*row) for row in against]
    reference = loaded.config.reference or _reference(seats, ties)
    unsure: set[str] = set()
    if accept_unsure:
        ties, unsure = _accepted(seats, turned, ties, reference)
        refused = [r for r in refused if not any({t.a, t.b} == {r.a, r.b} for t in ties)]
    whole = joint({name: seat.own for name, seat in seats.items()}, ties, reference)
    refused += [Refused(t.a, t.b, why, _MORE) for t, why in whole.refused]
    found = Synced(
        reference, seats, whole, tuple(refused), (*findings, *_said(seats, whole)), turned,
        frozenset(unsure),
    )  # fmt: skip
    lost = [n for n in seats if n not in found.tied and not np.isfinite(seats[n].half_s)]
    if len(found.tied) < 2 or lost:
        raise _nothing(found, lost)
    return found


def _seats(loaded: Loaded) -> tuple[dict[str, Seat], list[Finding]]:
    """Each camera by its own times; what has none at all is left out and said."""
    clocks, events = clocks_of(loaded)
    moments = {name: t for name, (t, _) in events.items()}
    seats: dict[str, Seat] = {}
    findings: list[Finding] = []
    if "sound" in loaded.config.sync.refine:
        text = "sound is not measured: what cameras share is looked for in their pictures alone"
        findings.append(Finding("sound_unmeasured", "sync.refine", text, level="note"))
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
        if camera.view is None:
            text = f"its angle of view is not known: {USUAL_VIEW_DEG:g} degrees are taken"
            findings.append(Finding("view", name, text, "write view: and the degrees", "note"))
        seats[name] = Seat(
            name, laid, tuple(float(t) for t in laid.track.times), half_s,
            examine(laid.shots, pattern=camera.pattern).format, camera.view or USUAL_VIEW_DEG,
        )  # fmt: skip
    return seats, findings


def _reach_s(a: Seat, b: Seat) -> float:
    """How far the two cameras' own times may be apart, s; infinite where nobody knows."""
    known = np.isfinite(a.half_s) and np.isfinite(b.half_s)
    return PAD_S + 2 * (a.half_s + b.half_s) if known else float("inf")


def _overlap(a: Seat, b: Seat) -> tuple[float, float]:
    """The stretch of a's own time in which b may have frames."""
    reach = _reach_s(a, b)
    return max(a.times[0], b.times[0] - reach), min(a.times[-1], b.times[-1] + reach)


def _overlapping(seat: Seat, seats: Mapping[str, Seat]) -> list[int]:
    """The frames of a camera that any other may have seen too."""
    spans = [_overlap(seat, other) for name, other in seats.items() if name != seat.name]
    return [k for k, t in enumerate(seat.times) if any(low <= t <= high for low, high in spans)]


def _pairs(
    seats: Mapping[str, Seat], turned: Mapping[str, Turned]
) -> tuple[list[Tie], list[Refused]]:
    """Every pair of cameras, tied or refused."""
    ties: list[Tie] = []
    refused: list[Refused] = []
    for a, b in combinations(seats, 2):
        try:
            ties.append(_tie(seats[a], seats[b], turned, accept_unsure=False))
        except UnsureSync as error:
            refused.append(Refused(a, b, error.what, error.do))
    return ties, refused


def _tie(a: Seat, b: Seat, turned: Mapping[str, Turned], *, accept_unsure: bool) -> Tie:
    """What ties camera b to camera a; UnsureSync where nothing does well enough."""
    low, high = _overlap(a, b)
    if a.name not in turned or b.name not in turned or high <= low:
        raise UnsureSync(
            "they have no frames at one time", where=f"{a.name} and {b.name}",
            do="check their times, or give frames that overlap",
        )  # fmt: skip
    other_low, other_high = _overlap(b, a)
    fit, kind = tie_turned(
        turned[a.name].within(low, high), turned[b.name].within(other_low, other_high),
        most_s=PLAUSIBLE_S + _reach_s(a, b), accept_unsure=accept_unsure,
    )  # fmt: skip
    if not _plausible(a, b, fit):
        raise UnsureSync(
            f"their motions fit best {_apart_s(fit):.1f} s apart, which their own times rule out",
            where=f"{a.name} and {b.name}", do=_MORE,
        )  # fmt: skip
    return Tie(a.name, b.name, fit, kind)


def _apart_s(fit: ClockFit) -> float:
    """How far apart a fit says two clocks are, s."""
    return abs(fit.offset)


def _plausible(a: Seat, b: Seat, fit: ClockFit) -> bool:
    """Whether the cameras' own times, where they have any, leave room for a fit."""
    reach = _reach_s(a, b)
    return not np.isfinite(reach) or _apart_s(fit) <= PLAUSIBLE_S + reach


def _reference(seats: Mapping[str, Seat], ties: Sequence[Tie]) -> str:
    """The camera that keeps its clock: the best known, then the best tied, then the first."""

    def rank(name: str) -> tuple[float, int]:
        return seats[name].half_s, -sum(name in (t.a, t.b) for t in ties)

    return min(seats, key=rank)


def _accepted(
    seats: Mapping[str, Seat], turned: Mapping[str, Turned], ties: list[Tie], reference: str
) -> tuple[list[Tie], set[str]]:
    """The ties with the best unsure one for each camera that nothing else reaches."""
    reached = {reference}
    unsure: set[str] = set()
    while True:
        grew = {n for t in ties if {t.a, t.b} & reached for n in (t.a, t.b)} - reached
        if grew:
            reached |= grew
            continue
        found = list(_tries(seats, turned, reached))
        if not found:
            return ties, unsure
        best = max(found, key=lambda tie: tie.fit.margin)
        unsure |= {best.a, best.b} - reached
        ties = [*ties, best]


def _tries(
    seats: Mapping[str, Seat], turned: Mapping[str, Turned], reached: set[str]
) -> Iterator[Tie]:
    for a, b in combinations(seats, 2):
        if (a in reached) != (b in reached):
            try:
                yield _tie(seats[a], seats[b], turned, accept_unsure=True)
            except UnsureSync:
                continue


def _said(seats: Mapping[str, Seat], whole: Joint) -> Iterator[Finding]:
    for name, off_s in whole.wrong_stamps.items():
        text = f"its own times are off by {off_s:+.4f} s, ±{seats[name].half_s:.2g} s by their own"
        yield Finding("wrong_stamps", name, text + " account: the ties are believed", level="note")


def _nothing(found: Synced, lost: Sequence[str]) -> UnsureSync:
    why = "; ".join(f"{r.a} and {r.b}: {r.why}" for r in found.refused)
    who = f"nothing says when {' and '.join(lost)} began" if lost else "no two cameras were tied"
    return UnsureSync(f"{who}: {why}", where="sync", do=f"{_MORE}, or take it with --accept-unsure")
