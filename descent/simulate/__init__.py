"""The synthetic landing: frames of four cameras with the truth beside them."""

from __future__ import annotations

from descent.simulate.landing import HIGHLIGHTS, landing
from descent.simulate.optics import CAMERAS
from descent.simulate.trajectory import EVENTS

__all__ = ["CAMERAS", "EVENTS", "HIGHLIGHTS", "landing"]
