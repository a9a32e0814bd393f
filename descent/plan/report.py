"""A plan in words, and as data for programs: everything that will happen."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any, Literal

from descent.errors import TimeUnknown
from descent.model import Finding
from descent.plan.estimate import estimate
from descent.plan.records import CameraPlan, OutputPlan, Plan, plain
from descent.timeline import Summary

MAGNIFIED = 1.5


def words(plan: Plan) -> str:
    """The plan as text for people."""
    return "\n".join(_lines(plan))


def _lines(plan: Plan) -> Iterator[str]:
    yield plan.title
    zero = f"; T counts from {when(plan, plan.clocks.zero)}" if plan.clocks.zero is not None else ""
    yield f"Mission time counts from {plan.clocks.epoch}{zero}."
    yield ""
    yield "Cameras"
    for camera in plan.cameras.values():
        yield from _camera(plan, camera)
    for output in plan.outputs:
        yield ""
        yield from _output(plan, output)
    if plan.sound is not None:
        yield ""
        yield f"Sound: {plan.sound.path.name}, first heard at {when(plan, plan.sound.starts)}"
    noted = [f for f in plan.findings if f.level != "note"]
    if noted:
        yield ""
        yield "Worth knowing"
        yield from (f"  {finding_text(f)}" for f in noted)


def finding_text(finding: Finding) -> str:
    """A finding on one line: where: what - do."""
    tail = f" - {finding.do}" if finding.do else ""
    return f"{finding.where}: {finding.what}{tail}"


def _camera(plan: Plan, camera: CameraPlan) -> Iterator[str]:
    track, source = camera.track, camera.source
    kind = f"{source.kind} {source.cfa}" if source.cfa else source.kind
    yield (
        f"  {camera.name} · {camera.title} · {len(camera.shots):,} frames · "
        f"{source.cols} x {source.rows} {kind} {source.dtype}"
    )
    if track.times:
        rate = f", {float(1 / track.interval_s):g}/s" if track.interval_s else ", uneven"
        sure = f" ±{_seconds(track.resolution_s)}" if track.resolution_s else ""
        hand = " (laid by hand)" if camera.by_hand else ""
        yield f"    {when(plan, track.times[0])} to {when(plan, track.times[-1])}{rate}{sure}"
        yield f"    times: {camera.how}{hand}"
    else:
        yield f"    times: {camera.how}"
    stages = " > ".join(stage.label for stage in camera.stages)
    yield f"    {'restored: ' + stages if stages else 'shown as it is'}"


def _output(plan: Plan, output: OutputPlan) -> Iterator[str]:
    if output.still is not None:
        at = f" at {when(plan, output.still.at)}" if output.still.at is not None else ""
        files = ", ".join(
            plan.cameras[name].shots[frame].path.name for name, frame in output.still.frames.items()
        )
        yield f"{output.filename} · still{at} · {output.cols} x {output.rows} px · {files}"
        return
    assert output.timeline is not None
    film_s = output.ticks / output.rate
    time_s, size = estimate(plan, output)
    yield (
        f"{output.filename} · {output.cols} x {output.rows} at {_rate(output.rate)} · "
        f"{output.ticks:,} frames, {_length(film_s)} · {output.profile} · "
        f"about {_length(Fraction(round(time_s)))} and {_bytes(size)}"
    )
    for span, part in zip(output.spans, output.timeline.spans, strict=True):
        shown = ", ".join(f"{t.camera} ×{t.magnification:.2g}" for t in span.layout.tiles)
        note = f" · {span.note}" if span.note else ""
        yield (
            f"  tick {part.first_tick:>6,}  {when(plan, part.times[0])} to "
            f"{when(plan, part.times[-1])}  {span.name}: {shown}{note}"
        )
    for name in output.cameras:
        yield f"    {_summary(output.timeline.summary(name))}"
    if output.credit:
        yield f"  credit: {output.credit}"


def _summary(s: Summary) -> str:
    parts = [f"{s.camera}: {s.exist:,} frames exist, {s.used:,} used"]
    states = (("repeated", s.repeated), ("held", s.held), ("missing", s.missing))
    parts += [f"{count:,} ticks {state}" for state, count in states if count]
    if s.cadence:
        parts.append(f"cadence {s.cadence}")
    if s.gaps:
        worst = max(s.gaps, key=lambda gap: gap[2] - gap[1])
        gaps = "1 gap" if len(s.gaps) == 1 else f"{len(s.gaps)} gaps"
        parts.append(f"{gaps}, the longest {float(worst[2] - worst[1]):.2f} s")
    return ", ".join(parts)


def when(plan: Plan, t: Fraction, digits: int = 3) -> str:
    """A mission time on the clock that the release has: UTC, else T, else seconds."""
    face: Literal["utc", "t"] = "utc" if plan.clocks.epoch.tai_s is not None else "t"
    try:
        return plan.clocks.show(t, face, most_digits=digits)
    except TimeUnknown:
        return f"{float(t):.{digits}f} s"


def _rate(rate: Fraction) -> str:
    return f"{rate}/s" if rate.denominator == 1 else f"{rate}/s ({float(rate):.3f})"


def _seconds(value: Fraction) -> str:
    return f"{float(value) * 1000:.3g} ms" if value < 1 else f"{float(value):.3g} s"


def _length(seconds: Fraction) -> str:
    if seconds < 60:
        return f"{float(seconds):.4g} s"
    whole = round(seconds)
    return f"{whole // 60} min {whole % 60} s"


def _bytes(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size > 2e9 else f"{max(1, round(size / 1e6))} MB"


def data(plan: Plan) -> dict[str, Any]:
    """The plan for programs: every default, every name looked up, and what it will cost."""
    outputs = {}
    for output in plan.outputs:
        time_s, size = estimate(plan, output)
        summaries = (
            {n: plain(output.timeline.summary(n)) for n in output.cameras}
            if output.timeline is not None
            else {}
        )
        outputs[output.name] = {
            **plain(output),
            "ticks": output.ticks,
            "file": output.filename,
            "about_s": round(time_s, 1),
            "about_bytes": round(size),
            "cameras": summaries,
        }
    cameras = {
        name: {
            **{k: v for k, v in plain(camera).items() if k not in ("shots", "track")},
            "frames": len(camera.shots),
            "first": when(plan, camera.track.times[0], 6) if camera.track.times else None,
            "last": when(plan, camera.track.times[-1], 6) if camera.track.times else None,
            "resolution_s": float(camera.track.resolution_s),
        }
        for name, camera in plan.cameras.items()
    }
    return {
        "title": plan.title,
        "epoch": str(plan.clocks.epoch),
        "digest": plan.digest(),
        "events": {n: {"at": when(plan, t, 6), "title": x} for n, (t, x) in plan.events.items()},
        "cameras": cameras,
        "outputs": outputs,
        "sound": plain(plan.sound),
        "findings": plain(plan.findings),
    }
