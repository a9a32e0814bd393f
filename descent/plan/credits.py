"""The credit line of an output: composed from what it shows, each name once."""

from __future__ import annotations

from collections.abc import Sequence

from descent.config.models import Config
from descent.plan.records import CameraPlan


def credit_line(config: Config, cameras: Sequence[CameraPlan], *, sound: bool) -> str:
    """`Pictures: ... · Processing: ... · Sound: ... · CC-BY-4.0`, of the parts there are."""
    pictures = dict.fromkeys(c.credit for c in cameras if c.credit)
    sounds = dict.fromkeys(s.credit for s in config.sound if s.credit) if sound else {}
    parts = [f"Pictures: {', '.join(pictures)}"] if pictures else []
    parts += [f"Processing: {config.credit.processing}"] if config.credit.processing else []
    parts += [f"Sound: {', '.join(sounds)}"] if sounds else []
    parts += [config.credit.licence] if config.credit.licence else []
    return " · ".join(parts)
