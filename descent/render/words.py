"""What is said in each picture of an output: clocks, titles, events, marks and credit."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Literal

from descent.clock.doors import Clocks
from descent.compose.instruments import fade, held, magnified
from descent.errors import TimeUnknown
from descent.model import Cell, State
from descent.plan import OutputPlan, Plan, SpanPlan

EVENT_S = Fraction(7, 2)  # film seconds an event's title stays
MAGNIFIED = 1.5
DRAFT = "DRAFT"

Said = dict[str, Any]


def texts_of(plan: Plan, output: OutputPlan, index: int) -> Said:
    """What does not change during a span: titles, the widest clock, credit, events to come."""
    assert output.timeline is not None
    span, part = output.spans[index], output.timeline.spans[index]
    names = [tile.camera for tile in span.layout.tiles]
    titles = {n: plan.cameras[n].title for n in names} if output.text["titles"] else {}
    # Of the whole span, whatever a range has left of it: so their chunks are the same.
    clocks = [_clock(plan, output, t) for t in (part.whole[0], part.whole[-1])]
    coming = [_event(plan, output, index, k) for k in range(len(part.whole))]
    return {
        "titles": titles,
        "clock": max(clocks, key=len),
        "note": _note(output, span),
        "credit": output.credit if output.text["credit"] else "",
        "events": list(dict.fromkeys(title for title, _ in coming if title)),
    }


def words_at(plan: Plan, output: OutputPlan, index: int, tick: int) -> Said:
    """What changes from tick to tick: clock, note, event with its alpha, marks and cards."""
    assert output.timeline is not None
    span, part = output.spans[index], output.timeline.spans[index]
    t = part.times[tick]
    cells = {name: laid[tick] for name, laid in output.timeline.cells[index].items()}
    event, alpha = _event(plan, output, index, part.skipped + tick)
    note = _note(output, span)
    marks = _marks(plan, span, cells) if output.text["marks"] else {}
    if output.burn:
        for name, cell in cells.items():
            if cell.frame is not None:
                marks.setdefault(name, []).insert(0, _file(plan, name, cell.frame))
    return {
        "clock": _clock(plan, output, t),
        "note": note,
        "event": event,
        "alpha": alpha,
        "marks": marks,
        "cards": {
            name: [plan.cameras[name].title, *_why(plan, name, t)]
            for name in layout_key(span, cells)
            if cells[name].frame is None and cells[name].then == "card"
        },
    }


def _note(output: OutputPlan, span: SpanPlan) -> str:
    """What the picture says of a span that does not simply run, and of a draft."""
    said = [span.note] if output.text["marks"] and span.note else []
    return " · ".join([DRAFT, *said] if output.burn else said)


def layout_key(span: SpanPlan, cells: Mapping[str, Cell]) -> tuple[str, ...]:
    """The cameras in the picture, in the layout's order: less those that were closed up over."""
    names = [tile.camera for tile in span.layout.tiles]
    there = tuple(n for n in names if cells[n].then != "close_up")
    return there if there in span.close_ups else tuple(names)


def _clock(plan: Plan, output: OutputPlan, t: Fraction) -> str:
    if output.burn:
        return burned_clock(plan.clocks, t)
    shown = []
    for face in output.text["clock"]:
        try:
            shown.append(plan.clocks.show(t, face))
        except TimeUnknown as error:
            where = f"outputs.{output.name}.text.clock"
            raise TimeUnknown(error.what, where=where, do=error.do) from None
    return "  ·  ".join(shown)


def burned_clock(clocks: Clocks, t: Fraction) -> str:
    """The time as drafts carry it, to the millisecond: UTC, else T, else mission seconds."""
    face: Literal["utc", "t"] = "utc" if clocks.epoch.tai_s is not None else "t"
    if face == "t" and clocks.zero is None:
        return f"{float(t):.3f} s"
    return clocks.show(t, face, most_digits=3)


def _event(plan: Plan, output: OutputPlan, index: int, tick: int) -> tuple[str, float]:
    """The title shown at a tick of the whole span: its own as it begins, else the last event's.

    An event is announced in spans that simply run, when the unbroken run of film they are
    part of has reached it; its title fades in and out.
    """
    assert output.timeline is not None
    span, part = output.spans[index], output.timeline.spans[index]
    if span.title and output.text["titles"]:
        alpha = fade(Fraction(tick) / output.rate, Fraction(0), EVENT_S)
        if alpha > 0:
            return span.title, round(alpha, 3)
    if span.kind != "run" or not output.text["events"]:
        return "", 0.0
    begin = part.since
    speed, t = span.speed or Fraction(1), part.whole[tick]
    found = ("", 0.0)
    for when, title in plan.events.values():
        if title is not None and begin <= when <= t:
            alpha = fade((t - when) / speed, Fraction(0), EVENT_S)
            found = (title, round(alpha, 3)) if alpha > 0 else found
    return found


def _marks(plan: Plan, span: SpanPlan, cells: Mapping[str, Cell]) -> dict[str, list[str]]:
    params = {name: [part.params for part in plan.cameras[name].stages] for name in cells}
    shown = layout_key(span, cells)
    layout = span.close_ups.get(shown, span.layout)
    found: dict[str, list[str]] = {}
    for name in shown:
        cell, said = cells[name], []
        if cell.frame is None:
            continue
        if cell.state is State.HELD and cell.error_s is not None:
            said.append(held(-cell.error_s))
        elif cell.state is State.INTERPOLATED:
            said.append("computed")
        if any(p.get("method") == "network" and p["strength"] > 0 for p in params[name]):
            said.append("generative")
        magnification = layout.tile(name).magnification
        if magnification > MAGNIFIED:
            said.append(magnified(magnification))
        if said:
            found[name] = said
    return found


def _why(plan: Plan, name: str, t: Fraction) -> tuple[str, str]:
    """Why a camera has no picture at a time, and when the next or last one is."""
    times = plan.cameras[name].track.times
    if not times:
        return "No frames", ""
    if t < times[0]:
        return "No frame yet", f"First in {_length(times[0] - t)}"
    if t > times[-1]:
        return "No more frames", f"Last {_length(t - times[-1])} ago"
    return "No frame", f"Next in {_length(next(x for x in times if x > t) - t)}"


def _length(seconds: Fraction) -> str:
    whole = max(1, round(seconds))
    return f"{whole} s" if whole < 120 else f"{whole // 60} min"


def _file(plan: Plan, name: str, frame: int) -> str:
    shot = plan.cameras[name].shots[frame]
    return f"{shot.path.name} #{shot.index}" if shot.pts is not None else shot.path.name
