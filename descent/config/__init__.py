"""The config room: YAML into frozen models, every problem at once and at its place."""

from __future__ import annotations

from descent.config.first import new
from descent.config.load import Loaded, load
from descent.config.models import Config
from descent.config.pages import reference, resolved
from descent.config.schemas import schema

__all__ = ["Config", "Loaded", "load", "new", "reference", "resolved", "schema"]
