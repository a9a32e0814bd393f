"""The sound of a film: stretches of the source wherever mission time simply runs."""

from __future__ import annotations

import hashlib
from pathlib import Path

from descent.encode.profile import load_profile
from descent.plan import OutputPlan, Plan, canonical
from descent.sound import Placement, lay, suffix
from descent.tools.files import sha256


def placements(plan: Plan, output: OutputPlan) -> list[Placement]:
    """Where the release's sound is heard in an output: spans at speed 1, silence elsewhere."""
    assert output.timeline is not None
    assert plan.sound is not None
    found = []
    for part in output.timeline.spans:
        if part.span.runs and part.span.speed == 1:
            start = part.first_tick / output.rate
            end = (part.first_tick + len(part.times)) / output.rate
            found.append(Placement(start, end, part.times[0] - plan.sound.starts))
    return found


def lay_track(plan: Plan, output: OutputPlan, store: Path) -> Path | None:
    """The sound track of an output, laid once and kept in `store`; None where there is none."""
    profile = load_profile(output.profile)
    if plan.sound is None or not output.sound or profile.audio is None:
        return None
    places = placements(plan, output)
    if not places:
        return None
    length_s = output.ticks / output.rate
    audio = profile.audio
    decides = [
        sha256(plan.sound.path), [[p.start, p.end, p.source] for p in places], length_s,
        audio.codec, audio.bit_rate,
    ]  # fmt: skip
    key = hashlib.sha256(canonical(decides).encode()).hexdigest()
    out = store / "sound" / f"{key}{suffix(audio.codec)}"
    if not out.exists():
        out.parent.mkdir(parents=True, exist_ok=True)
        lay(
            plan.sound.path, places, out,
            length_s=length_s, codec=audio.codec, bit_rate=audio.bit_rate,
        )  # fmt: skip
    return out
