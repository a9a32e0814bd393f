"""Ticks of a cut to frames of each camera: exact, and every gap and repeat is a named row."""

from __future__ import annotations

from descent.timeline.cells import expected_intervals, gaps, lay_cells, nearest
from descent.timeline.film import Row, Summary, Timeline, cadence
from descent.timeline.spans import Span, SpanTicks, chunks, span_ticks, ticks

__all__ = [
    "Row", "Span", "SpanTicks", "Summary", "Timeline", "cadence", "chunks",
    "expected_intervals", "gaps", "lay_cells", "nearest", "span_ticks", "ticks",
]  # fmt: skip
