"""The conductor: Plan + Timeline -> Clips -> Jobs -> videos."""

from __future__ import annotations

from descent.render.films import Film, Render, render_films
from descent.render.tasks import Cast, used_frames

__all__ = ["Cast", "Film", "Render", "render_films", "used_frames"]
