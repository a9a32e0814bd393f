"""The config room: YAML into frozen models, every problem at once and at its place."""

from __future__ import annotations

from descent.config.load import Loaded, load
from descent.config.models import Config

__all__ = ["Config", "Loaded", "load"]
