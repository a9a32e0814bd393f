"""The words of a release file: frozen models, one place for every default."""

from __future__ import annotations

from descent.config.models.base import At, Hold, Model, Rate, Ratio, Seconds
from descent.config.models.camera import Anchor, Camera, Clock, Crop, Missing, Skip, Times
from descent.config.models.clock import SpacecraftClock
from descent.config.models.film import Show, Sound, Span, Speed
from descent.config.models.output import SIZES, Output, Text
from descent.config.models.release import Config, Credit, Event, EventFile, Events, Sync

__all__ = [
    "SIZES",
    "Anchor",
    "At",
    "Camera",
    "Clock",
    "Config",
    "Credit",
    "Crop",
    "Event",
    "EventFile",
    "Events",
    "Hold",
    "Missing",
    "Model",
    "Output",
    "Rate",
    "Ratio",
    "Seconds",
    "Show",
    "Skip",
    "Sound",
    "SpacecraftClock",
    "Span",
    "Speed",
    "Sync",
    "Text",
    "Times",
]
