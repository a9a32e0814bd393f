"""Measured clocks as a plan takes them: read from the file beside the config, never measured."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace

from descent.clock.assign import Laid
from descent.clock.measured import set_right
from descent.config.load import Loaded
from descent.config.sync import SyncFile, read_sync, sync_path
from descent.errors import TimeUnknown
from descent.model import Finding

Lay = Callable[[bool], Laid]  # given whether a clip's own clock will do, for want of another


def measured(loaded: Loaded) -> SyncFile | None:
    """The measured clocks that a release asks for by `sync: {refine: ...}`, if there are any."""
    return read_sync(sync_path(loaded.path)) if loaded.config.sync.refine else None


def unmeasured(loaded: Loaded, sync: SyncFile | None) -> tuple[Finding, ...]:
    """What is to know where a release asks for measured clocks and none are there."""
    if sync is not None or not loaded.config.sync.refine:
        return ()
    ways = " and ".join(loaded.config.sync.refine)
    text = f"clocks are to be refined by {ways}, and were not measured yet: times stand as written"
    return (Finding("unrefined", "sync.refine", text, how_to(loaded)),)


def how_to(loaded: Loaded) -> str:
    """The words that cure a clock that was not measured."""
    return f"run descent sync {loaded.path.name}"


def fingerprint_of(laid: Laid) -> str:
    """SHA-256 of a camera's frames by name and its own times: what a measurement holds for."""
    digest = hashlib.sha256()
    for t, shot in zip(laid.track.times, laid.shots, strict=True):
        row = [shot.path.name, shot.index, f"{t.numerator}/{t.denominator}"]
        digest.update(json.dumps(row).encode())
    return digest.hexdigest()


def lay_synced(name: str, loaded: Loaded, sync: SyncFile | None, lay: Lay) -> Laid:
    """A camera on mission time, by its measured clock where there is one that fits.

    Where its frames or own times changed since, or it was not measured, its own times are
    taken and that is said; `TimeUnknown` where it has none.
    """
    if not loaded.config.sync.refine:
        return lay(False)
    known = None if sync is None else sync.cameras.get(name)
    try:
        laid = lay(False)
        tied = True
    except TimeUnknown as error:
        if name in {c for own in loaded.config.sync.marks.values() for c in own}:
            raise
        if known is None:
            raise TimeUnknown(
                error.what, where=error.where, do=f"{how_to(loaded)}, or {error.do}"
            ) from None
        laid, tied = lay(True), False
    if known is None:
        alone = sync is None or name == sync.reference
        return laid if alone else _noted(laid, name, "was not measured", loaded)
    if known.measured_from and known.measured_from != fingerprint_of(laid):
        why = "its frames or times have changed since its clock was measured"
        if not tied:
            raise TimeUnknown(why, where=f"cameras: {name}", do=how_to(loaded))
        return _noted(laid, name, why, loaded)
    return set_right(laid, known.clock)


def _noted(laid: Laid, name: str, why: str, loaded: Loaded) -> Laid:
    finding = Finding("stale_sync", name, f"{why}: its own times are taken", how_to(loaded))
    return replace(laid, findings=(*laid.findings, finding))
