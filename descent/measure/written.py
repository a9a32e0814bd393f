"""What was measured, as it is written down: the sync file, and rows for people and programs."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from descent.clock.joint import Clock, Tie
from descent.config.load import Loaded
from descent.config.sync import Step, SyncCamera, sync_path, write_sync
from descent.measure.sync import Synced
from descent.plan.sync import fingerprint_of


def write(loaded: Loaded, found: Synced) -> None:
    """Write what was measured beside the config."""
    write_sync(
        sync_path(loaded.path),
        config=loaded.path.name,
        reference=found.reference,
        cameras={name: _camera(found, name) for name in found.tied if name != found.reference},
        ties=[tie_row(tie) for tie in found.joint.kept],
        refused=[{"cameras": [r.a, r.b], "why": r.why} for r in found.refused],
    )


def _camera(found: Synced, name: str) -> SyncCamera:
    clock, seat = found.joint.clocks[name], found.seats[name]
    start = clock.starts_s[0]
    return SyncCamera(
        offset_s=_micro(clock.offset_at(start)),
        drift_ppm=Fraction(round(clock.drift * 1e9), 1000),
        at_s=_micro(start),
        steps=tuple(
            Step(at_s=_micro(t), offset_s=_micro(clock.offset_at(t))) for t in clock.starts_s[1:]
        ),
        interval_s=_micro(max(clock.interval_s, 1e-6)),
        open_s=_micro(float(seat.laid.open_s)),
        evidence=evidence(found, name),
        measured_from=fingerprint_of(seat.laid),
        unsure=name in found.unsure,
    )


def evidence(found: Synced, name: str) -> str:
    """What ties a camera, in words; that a pattern of moments is all that does is said first."""
    parts = []
    kinds = set()
    for tie in found.joint.kept:
        if name in (tie.a, tie.b):
            other = tie.b if tie.a == name else tie.a
            kinds.add(tie.kind)
            seen = tie.fit.evidence.get("seen_s")
            over = f" over {seen:g} s" if seen is not None else ""
            parts.append(f"{tie.kind} shared with {other}{over}, margin {tie.fit.margin:.1f}")
    only = "tied by events only: " if kinds == {"events"} else ""
    return only + "; ".join(parts) if parts else "its own times alone"


def tie_row(tie: Tie) -> dict[str, Any]:
    """A tie as plain values, for people and programs."""
    fit = tie.fit
    return {
        "cameras": [tie.a, tie.b],
        "kind": tie.kind,
        "offset_s": round(fit.offset, 6),
        "drift_ppm": round(fit.drift * 1e6, 3),
        "steps": [[round(at, 6), round(by, 6)] for at, by in fit.steps],
        "interval_s": round(fit.interval, 6),
        "residual": float(f"{fit.residual:.4g}"),
        "margin": round(fit.margin, 3),
        **{
            key: fit.evidence[key]
            for key in ("agreement", "next_best", "chance", "shared", "seen_s", "events")
            if key in fit.evidence
        },
    }


def camera_row(found: Synced, name: str) -> dict[str, Any]:
    """A camera's clock as plain values."""
    clock: Clock = found.joint.clocks[name]
    start = clock.starts_s[0]
    return {
        "camera": name,
        "reference": name == found.reference,
        "tied": name in found.tied,
        "offset_s": round(clock.offset_at(start), 6),
        "drift_ppm": round(clock.drift * 1e6, 3),
        "steps": [[round(t, 6), round(clock.offset_at(t), 6)] for t in clock.starts_s[1:]],
        "interval_s": round(clock.interval_s, 6) if np.isfinite(clock.interval_s) else None,
        "open_s": round(float(found.seats[name].laid.open_s), 6),
        "evidence": evidence(found, name),
        "unsure": name in found.unsure,
    }


def _micro(seconds: float) -> Fraction:
    return Fraction(round(seconds * 1_000_000), 1_000_000)
