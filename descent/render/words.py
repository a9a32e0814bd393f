"""What is said in each picture of an output: clocks, titles, events, marks and credit."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from descent.errors import TimeUnknown
from descent.model import Cell, State
from descent.plan import OutputPlan, Plan, SpanPlan

EVENT_S = Fraction(7, 2)  # film seconds an event's title stays
TITLE_S = Fraction(3)  # and a span's title
FADE_S = Fraction(2, 5)
HALF = Fraction(1, 2)
MAGNIFIED = 1.5

Said = dict[str, Any]


def words_at(plan: Plan, output: OutputPlan, index: int, tick: int) -> list[Said]:
    """Everything written into tick `tick` of span `index`, as plain data.

    Each is {role, text} with `camera` where it belongs to a picture and `alpha` (0 to 1)
    where it fades. Roles: clock, title, event, note, credit, held, computed, magnified.
    """
    assert output.timeline is not None
    span, part = output.spans[index], output.timeline.spans[index]
    t = part.times[tick]
    text = output.text
    cells = {name: cells[tick] for name, cells in output.timeline.cells[index].items()}
    said: list[Said] = [
        {"role": "clock", "text": clock} for clock in _clocks(plan, text["clock"], t)
    ]
    if text["titles"]:
        said += _titles(plan, span, cells)
        if span.title:
            said += _fading("heading", span.title, Fraction(tick) / output.rate, TITLE_S)
    if text["events"] and span.kind == "run":
        said += _events(plan, output, index, tick)
    if text["marks"]:
        if span.note:
            said.append({"role": "note", "text": span.note})
        said += _marks(plan, span, cells, t)
    if text["credit"] and output.credit:
        said.append({"role": "credit", "text": output.credit})
    if output.burn:
        said += _burned(plan, cells, t)
    return said


def _clocks(plan: Plan, faces: list[Any], t: Fraction) -> list[str]:
    found = []
    for face in faces:
        try:
            found.append(plan.clocks.show(t, face))
        except TimeUnknown as error:
            raise TimeUnknown(error.what, where=f"text.clock: {face}", do=error.do) from None
    return found


def _titles(plan: Plan, span: SpanPlan, cells: Mapping[str, Cell]) -> list[Said]:
    return [
        {"role": "title", "camera": name, "text": plan.cameras[name].title}
        for name in _shown(span, cells)
    ]


def _shown(span: SpanPlan, cells: Mapping[str, Cell]) -> list[str]:
    """The cameras in the picture, less those that others closed up over."""
    names = [tile.camera for tile in span.layout.tiles]
    there = [n for n in names if cells[n].then != "close_up"]
    return there if tuple(there) in span.close_ups else names


def layout_key(span: SpanPlan, cells: Mapping[str, Cell]) -> tuple[str, ...]:
    """Which of a span's layouts a tick uses: its cameras, in the layout's order."""
    return tuple(_shown(span, cells))


def _fading(role: str, text: str, age_s: Fraction, length_s: Fraction) -> list[Said]:
    """A text that fades in and out, `age_s` film seconds after it came."""
    if not 0 <= age_s < length_s:
        return []
    edge = min(age_s + FADE_S / 8, length_s - age_s) / FADE_S
    alpha = min(Fraction(1), edge)
    return [{"role": role, "text": text, "alpha": round(float(alpha), 3)}] if alpha > 0 else []


def _events(plan: Plan, output: OutputPlan, index: int, tick: int) -> list[Said]:
    """Titles of events that came in this unbroken run of the film."""
    assert output.timeline is not None
    spans = output.timeline.spans
    part = spans[index]
    run = [s for s in spans if s.run == part.run]
    begin = run[0].times[0]
    speed = output.spans[index].speed or Fraction(1)
    t = part.times[tick]
    found: list[Said] = []
    for when, title in plan.events.values():
        if title is not None and begin - speed / output.rate < when <= t:
            found = _fading("event", title, (t - when) / speed, EVENT_S) or found
    return found


def _marks(plan: Plan, span: SpanPlan, cells: Mapping[str, Cell], t: Fraction) -> list[Said]:
    found: list[Said] = []
    shown = _shown(span, cells)
    layout = span.close_ups.get(tuple(shown), span.layout)
    for name in shown:
        cell = cells[name]
        if cell.state is State.HELD and cell.error_s is not None:
            late = float(-cell.error_s)
            found.append({"role": "held", "camera": name, "text": f"Held {late:.1f} s"})
        elif cell.state is State.INTERPOLATED:
            found.append({"role": "computed", "camera": name, "text": "Computed"})
        elif cell.state is State.MISSING and cell.then == "card":
            found.append({"role": "card", "camera": name, "text": _why(plan, name, t)})
        magnification = layout.tile(name).magnification
        if magnification > MAGNIFIED and cell.frame is not None:
            found.append({"role": "magnified", "camera": name, "text": f"×{magnification:.1f}"})
    return found


def _why(plan: Plan, name: str, t: Fraction) -> str:
    """Why a camera has no picture at a time."""
    times = plan.cameras[name].track.times
    if not times:
        return "No frames"
    if t < times[0]:
        return f"No frame yet · first in {_span(times[0] - t)}"
    if t > times[-1]:
        return f"No more frames · last {_span(t - times[-1])} ago"
    after = next(x for x in times if x > t)
    return f"No frame · next in {_span(after - t)}"


def _span(seconds: Fraction) -> str:
    whole = (seconds + HALF).__floor__()
    return f"{whole} s" if whole < 120 else f"{whole // 60} min"


def _burned(plan: Plan, cells: Mapping[str, Cell], t: Fraction) -> list[Said]:
    """File, frame and UTC for a draft, and the word DRAFT."""
    face = "utc" if plan.clocks.epoch.tai_s is not None else "t"
    try:
        when = plan.clocks.show(t, face, most_digits=3)  # type: ignore[arg-type]
    except TimeUnknown:
        when = f"{float(t):.3f} s"
    found: list[Said] = [{"role": "burn", "text": f"DRAFT · {when}"}]
    for name, cell in cells.items():
        if cell.frame is not None:
            shot = plan.cameras[name].shots[cell.frame]
            found.append(
                {"role": "burn", "camera": name, "text": f"{shot.path.name} #{shot.index}"}
            )
    return found
