"""What each camera covers over the events, as a picture: frames, what a film uses, gaps."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from descent.compose.chart import Bar, Lane, coverage_svg
from descent.plan.records import CameraPlan, Plan
from descent.plan.report import when
from descent.timeline import expected_intervals, gaps

MARGIN = Fraction(1, 50)


def coverage(plan: Plan) -> str:
    """The chart of a plan as SVG text: a lane a camera, events across, gaps named."""
    laid = [camera for camera in plan.cameras.values() if camera.track.times]
    starts = [c.track.times[0] for c in laid] + [t for _, t in _used(plan)] or [Fraction(0)]
    ends = [c.track.times[-1] for c in laid] + [t for _, t in _used(plan)] or [Fraction(1)]
    start_s, end_s = min(starts), max(ends)
    margin = max((end_s - start_s) * MARGIN, Fraction(1, 10))
    start_s, end_s = start_s - margin, end_s + margin
    events = [(title, t) for t, title in plan.events.values() if title and start_s <= t <= end_s]
    return coverage_svg(
        [_lane(plan, camera) for camera in laid],
        events,
        start_s=start_s,
        end_s=end_s,
        title=plan.title,
        label=lambda t: when(plan, Fraction(t), 0).removesuffix(" UTC"),
    )


def _lane(plan: Plan, camera: CameraPlan) -> Lane:
    times = camera.track.times
    holes = gaps(camera.track)
    last = expected_intervals(camera.track)[-1] if times else Fraction(0)
    edges = [times[0], *(t for hole in holes for t in (hole[1], hole[2])), times[-1] + last]
    frames = [Bar(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    missing = [
        Bar(hole[1], hole[2], "gap", f"{float(hole[2] - hole[1]):.2f} s without a frame")
        for hole in holes
    ]
    used = [Bar(a, b, "used") for a, b in _shown(plan, camera.name)]
    return Lane(camera.title, (*frames, *used, *missing), f"{len(times):,} frames")


def _shown(plan: Plan, name: str) -> Iterator[tuple[Fraction, Fraction]]:
    """Stretches of mission time in which some film shows a camera."""
    for output in plan.outputs:
        if output.timeline is None:
            continue
        for part, cells in zip(output.timeline.spans, output.timeline.cells, strict=True):
            if name in cells:
                end = part.span.to if part.span.runs else part.times[-1]
                yield part.times[0], max(end, part.times[0])


def _used(plan: Plan) -> list[tuple[str, Fraction]]:
    """The ends of every stretch that a film shows."""
    return [(name, t) for name in plan.cameras for ends in _shown(plan, name) for t in ends]
