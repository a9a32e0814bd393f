"""Clocks measured from what cameras show: every pair tied or refused, then all at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from pathlib import Path

import numpy as np

from descent.clock.faces import Posed
from descent.clock.joint import Joint, Tie, joint
from descent.clock.motion import Turned
from descent.clock.turned import tie_turned
from descent.config.load import Loaded
from descent.errors import DescentError, UnsureSync
from descent.measure.bodies import tie_bodies
from descent.measure.events import tie_events
from descent.measure.hearing import (
    Against,
    Ear,
    Listened,
    distances,
    ear,
    exposures,
    listen_to,
    tie_sound,
    tie_sounds,
)
from descent.measure.motion import STEADY, Seen, comparable, measure_turns
from descent.measure.seats import (
    Seat,
    apart_s,
    most_s,
    overlap,
    overlapping,
    plausible,
    reference_of,
    room,
    take_seats,
)
from descent.measure.views import tie_views
from descent.model import Finding
from descent.work import Progress

Say = Callable[[str, int, int], None]
"""Told what is compared, and of how many pairs how many are done."""

_MORE = "mark a moment in each camera under sync:, or give a longer stretch of shared motion"


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

    `turned` holds how each camera turned, `bodies` what it saw of another's body and `heard`
    what it heard, for drawing; `unsure` the cameras whose tie was taken although it was not sure.
    """

    reference: str
    seats: Mapping[str, Seat]
    joint: Joint
    refused: tuple[Refused, ...]
    findings: tuple[Finding, ...]
    turned: Mapping[str, Turned]
    bodies: Mapping[str, Sequence[Posed]]
    heard: Mapping[str, Listened]
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
    say: Say | None = None,
) -> Synced:
    """Measure the clocks of a release's cameras against each other.

    By motion the frames where cameras may overlap are read, small and in grey; by sound all
    that they heard. A pair is tied or refused; ties, stamps and marks are then adjusted
    together. `accept_unsure` takes the best tie of a camera that nothing sure ties. `progress`
    is told how far reading is, `say` how far what comes after it. Raises `UnsureSync` where
    nothing is tied, or a clip stays without any time.
    """
    say = say or _unsaid
    seats, findings = take_seats(loaded)
    if len(seats) < 2:
        raise DescentError(
            f"{len(seats)} cameras have times, and a clock is measured against another",
            where=str(loaded.path), do="add a second camera that saw the same",
        )  # fmt: skip
    by = loaded.config.sync.refine or ("motion",)
    store = loaded.path.parent / ".descent"
    how = _Reading(store, workers, progress, say)
    ties, refused, turned, bodies = (
        _by_motion(seats, how) if "motion" in by else ([], [], {}, {})
    )  # fmt: skip
    heard: dict[str, Listened] = {}
    if "sound" in by:
        heard, said = listen_to(
            _ears(loaded, seats), store=store, workers=workers, progress=progress
        )
        more, against = tie_sounds(heard, partial(most_s, seats), partial(room, seats), say=say)
        ties += more
        against += [row for a, b in combinations(seats, 2) if (row := _deaf(a, b, heard))]
        refused = _both(refused, [Refused(*row) for row in against], ties)
        findings += [*said, *((*distances(heard), *exposures(heard)) if more else ())]
    if "events" in by:
        eyes = {n: (seat.laid.shots, seat.times, seat.stored) for n, seat in seats.items()}
        more, against = tie_events(eyes, turned, ties, partial(most_s, seats), say=say)
        ties += more
        refused = _both(refused, [Refused(*row) for row in against], ties)
    reference = loaded.config.reference or reference_of(seats, ties)
    unsure: set[str] = set()
    if accept_unsure:
        ties, unsure = _accepted(seats, turned, heard, ties, reference)
        refused = [r for r in refused if not any({t.a, t.b} == {r.a, r.b} for t in ties)]
    own = {name: seat.own(seats[reference]) for name, seat in seats.items()}
    whole = joint(own, ties, reference)
    refused += [Refused(t.a, t.b, why, _MORE) for t, why in whole.refused]
    found = Synced(
        reference, seats, whole, tuple(refused), (*findings, *_said(seats, whole)), turned,
        bodies, heard, frozenset(unsure),
    )  # fmt: skip
    lost = [n for n in seats if n not in found.tied and not np.isfinite(seats[n].half_s)]
    if len(found.tied) < 2 or lost:
        raise _nothing(found, lost)
    return found


@dataclass(frozen=True, slots=True)
class _Reading:
    """Where what was read is kept, by how many, and who is told how far it is."""

    store: Path
    workers: int | None
    progress: Callable[[Progress], None] | None
    say: Say


def _by_motion(
    seats: Mapping[str, Seat], how: _Reading
) -> tuple[list[Tie], list[Refused], dict[str, Turned], dict[str, list[Posed]]]:
    """What pictures tie, what they do not, how each camera turned, and what bodies it saw."""
    chosen = {name: overlapping(seat, seats) for name, seat in seats.items()}
    frames = {
        name: (
            [seat.laid.shots[k] for k in chosen[name]], [seat.times[k] for k in chosen[name]],
            seat.stored, seat.view_deg,
        )
        for name, seat in seats.items()
        if len(chosen[name]) > 1
    }  # fmt: skip
    seen = measure_turns(frames, store=how.store, workers=how.workers, progress=how.progress)
    turned = {name: each.turned for name, each in seen.items()}
    still = {n: frames[n][:3] for n in seen if seen[n].steady >= STEADY}
    how.say("views", 0, 1)
    ties, against = tie_views(still, seen)
    ties = [tie for tie in ties if plausible(seats[tie.a], seats[tie.b], tie.fit)]
    more, refused = _pairs(seats, seen, how.say, [{tie.a, tie.b} for tie in ties])
    ties += more
    moving = {n: frames[n] for n in seen if seen[n].least_steady < STEADY}
    more, others, bodies = tie_bodies(
        moving, ties, partial(most_s, seats), store=how.store, workers=how.workers,
        progress=how.progress, say=how.say,
    )  # fmt: skip
    ties += [tie for tie in more if plausible(seats[tie.a], seats[tie.b], tie.fit)]
    refused = _both(refused, [Refused(*row) for row in (*against, *others)], ties)
    return ties, refused, turned, bodies


def _unsaid(what: str, done: int, total: int) -> None:
    del what, done, total


def _ears(loaded: Loaded, seats: Mapping[str, Seat]) -> dict[str, Ear]:
    """What each camera hears with, by its config."""
    words = {name: loaded.config.cameras[name] for name in seats}
    return {
        name: ear(
            seat.laid.shots, seat.times, words[name].sound.file, words[name].sound.distance,
            loaded.base, words[name].exposure,
        )
        for name, seat in seats.items()
    }  # fmt: skip


def _deaf(a: str, b: str, heard: Mapping[str, Listened]) -> Against | None:
    """Why two cameras were not held against each other by sound, where one has none."""
    without = " and ".join(name for name in (a, b) if name not in heard)
    cure = "write sound: {file: RECORDING} under it"
    return (a, b, f"by sound: {without} has none", cure) if without else None


def _both(seen: list[Refused], heard: list[Refused], ties: Sequence[Tie]) -> list[Refused]:
    """Pairs that neither way tied, with what each way says."""
    done = [{tie.a, tie.b} for tie in ties]
    out: dict[frozenset[str], Refused] = {}
    for one in (*seen, *heard):
        pair = frozenset((one.a, one.b))
        if pair in done:
            continue
        before = out.get(pair)
        why = one.why if before is None else f"{before.why}; {one.why}"
        out[pair] = replace(one, why=why)
    return list(out.values())


def _pairs(
    seats: Mapping[str, Seat], seen: Mapping[str, Seen], say: Say, done: Sequence[set[str]]
) -> tuple[list[Tie], list[Refused]]:
    """Every pair of cameras that is not `done`, tied or refused."""
    ties: list[Tie] = []
    refused: list[Refused] = []
    pairs = [pair for pair in combinations(seats, 2) if set(pair) not in done]
    for k, (a, b) in enumerate(pairs):
        say("motions", k, len(pairs))
        try:
            both = comparable(seen[a], seen[b]) if a in seen and b in seen else ()
            turned = dict(zip((a, b), both, strict=False))
            ties.append(_tie(seats[a], seats[b], turned, accept_unsure=False))
        except UnsureSync as error:
            refused.append(Refused(a, b, error.what, error.do))
    say("motions", len(pairs), len(pairs))
    return ties, refused


def _tie(a: Seat, b: Seat, turned: Mapping[str, Turned], *, accept_unsure: bool) -> Tie:
    """What ties camera b to camera a; UnsureSync where nothing does well enough."""
    low, high = overlap(a, b)
    if a.name not in turned or b.name not in turned or high <= low:
        raise UnsureSync(
            "they have no frames at one time", where=f"{a.name} and {b.name}",
            do="check their times, or give frames that overlap",
        )  # fmt: skip
    other_low, other_high = overlap(b, a)
    fit = tie_turned(
        turned[a.name].within(low, high), turned[b.name].within(other_low, other_high),
        accept_unsure=accept_unsure,
    )  # fmt: skip
    if not plausible(a, b, fit):
        raise UnsureSync(
            f"their motions fit best {apart_s(fit):.1f} s apart, which their own times rule out",
            where=f"{a.name} and {b.name}", do=_MORE,
        )  # fmt: skip
    return Tie(a.name, b.name, fit, "motion")


def _accepted(
    seats: Mapping[str, Seat],
    turned: Mapping[str, Turned],
    heard: Mapping[str, Listened],
    ties: list[Tie],
    reference: str,
) -> tuple[list[Tie], set[str]]:
    """The ties with the best unsure one for each camera that nothing else reaches."""
    reached = {reference}
    unsure: set[str] = set()
    while True:
        grew = {n for t in ties if {t.a, t.b} & reached for n in (t.a, t.b)} - reached
        if grew:
            reached |= grew
            continue
        found = list(_tries(seats, turned, heard, reached))
        if not found:
            return ties, unsure
        best = max(found, key=lambda tie: tie.fit.margin)
        unsure |= {best.a, best.b} - reached
        ties = [*ties, best]


def _tries(
    seats: Mapping[str, Seat],
    turned: Mapping[str, Turned],
    heard: Mapping[str, Listened],
    reached: set[str],
) -> Iterator[Tie]:
    for a, b in combinations(seats, 2):
        if (a in reached) == (b in reached):
            continue
        if a in turned and b in turned:
            with suppress(UnsureSync):
                yield _tie(seats[a], seats[b], turned, accept_unsure=True)
        if a in heard and b in heard:
            with suppress(UnsureSync):
                yield tie_sound(a, b, heard, most_s(seats, a, b), accept_unsure=True)


def _said(seats: Mapping[str, Seat], whole: Joint) -> Iterator[Finding]:
    for name, off_s in whole.wrong_stamps.items():
        text = f"its own times are off by {off_s:+.4f} s, ±{seats[name].half_s:.2g} s by their own"
        yield Finding("wrong_stamps", name, text + " account: the ties are believed", level="note")


def _nothing(found: Synced, lost: Sequence[str]) -> UnsureSync:
    why = "; ".join(f"{r.a} and {r.b}: {r.why}" for r in found.refused)
    who = f"nothing says when {' and '.join(lost)} began" if lost else "no two cameras were tied"
    return UnsureSync(f"{who}: {why}", where="sync", do=f"{_MORE}, or take it with --accept-unsure")
