"""A coverage chart as SVG: which camera has pictures when, over the events of the film."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

Time = Fraction | float
Kind = Literal["frames", "used", "gap"]

WIDTH, LEFT, RIGHT, ROW, LABEL_ROW = 1200, 190, 24, 34, 17
#: Width of a letter of the labels, in px: enough to keep labels apart.
LETTER = 6.3

_STYLE = """
  .chart { font: 12px "Source Sans 3", "Source Sans Pro", system-ui, sans-serif }
  .ground { fill: #fbfaf8 } .name, .tick, .event { fill: #2b2622 } .tick { fill: #6d655d }
  .name { font-size: 14px; font-weight: 600 } .note { fill: #6d655d; font-size: 11px }
  .title { fill: #2b2622; font-size: 17px; font-weight: 600 }
  .lane { fill: #efebe5 } .frames { fill: #d9a679 } .used { fill: #b3541e }
  .gap { fill: #fbfaf8; stroke: #b3541e; stroke-dasharray: 3 2 }
  .grid { stroke: #ded8d0 } .mark { stroke: #5b534b; stroke-width: 1 }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #171513 } .name, .event, .title { fill: #eee8e1 }
    .tick, .note { fill: #a39a90 } .lane { fill: #25211e } .gap { fill: #171513 }
    .grid { stroke: #35302b } .mark { stroke: #b5aba0 } .frames { fill: #8a5a34 }
    .used { fill: #e2803f }
  }
"""


@dataclass(frozen=True, slots=True)
class Bar:
    """A half-open stretch of mission time, in s: frames that exist, are used, or are not."""

    start_s: Time
    end_s: Time
    kind: Kind = "frames"
    note: str = ""


@dataclass(frozen=True, slots=True)
class Lane:
    """One camera: its title, a few words under it (such as "1,985 frames"), its bars."""

    title: str
    bars: tuple[Bar, ...]
    note: str = ""


def coverage_svg(
    lanes: Sequence[Lane],
    events: Sequence[tuple[str, Time]] = (),
    *,
    start_s: Time,
    end_s: Time,
    title: str = "",
    label: Callable[[float], str] | None = None,
) -> str:
    """The chart as one SVG text, readable without colour and by screen readers.

    `start_s` to `end_s` is the stretch of mission time drawn; what lies outside is cut off.
    `label` writes a time on the axis (default: seconds with a sign). Bars are drawn in the
    order frames, used, gap; the same input gives the same text.
    """
    start, end = float(start_s), float(end_s)
    end = end if end > start else start + 1.0
    write = label or (lambda t: f"{t:+g} s")

    def x(time: Time) -> float:
        share = min(max((float(time) - start) / (end - start), 0.0), 1.0)
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 2)

    head = 44 if title else 18
    inside = sorted((e for e in events if start <= float(e[1]) <= end), key=lambda e: float(e[1]))
    placed, levels = _levels([(name, x(at)) for name, at in inside])
    top = head + LABEL_ROW * levels + 10
    bottom = top + ROW * len(lanes)
    height = bottom + 48
    said = "; ".join(_said(lane, write) for lane in lanes)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" role="img" '
        f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'aria-label="{_quoted(title or "What each camera covers")}">',
        f"<title>{_text(title or 'What each camera covers')}</title>",
        f"<desc>{_text(said)}</desc>",
        f"<style>{_STYLE}</style>",
        f'<rect class="ground" width="{WIDTH}" height="{height}"/>',
    ]
    if title:
        out.append(f'<text class="title" x="16" y="28">{_text(title)}</text>')
    out += [
        f'<line class="grid" x1="{x(time)}" x2="{x(time)}" y1="{top}" y2="{bottom + 6}"/>'
        f'<text class="tick" x="{x(time)}" y="{bottom + 22}" text-anchor="middle">'
        f"{_text(write(time))}</text>"
        for time in _ticks(start, end)
    ]
    for k, lane in enumerate(lanes):
        out += _lane(lane, top + ROW * k, x, write)
    for name, at, level, anchor in placed:
        y = head + LABEL_ROW * level + 10
        off = {"start": 4, "end": -4}[anchor]
        out.append(
            f'<line class="mark" x1="{at}" x2="{at}" y1="{y - 9}" y2="{bottom}"/>'
            f'<text class="event" x="{at + off}" y="{y}" text-anchor="{anchor}">'
            f"{_text(name)}</text>"
        )
    out.append(_key(bottom + 40))
    out.append("</svg>")
    return "\n".join(out) + "\n"


def _lane(
    lane: Lane, y: int, x: Callable[[Time], float], write: Callable[[float], str]
) -> list[str]:
    out = [
        f'<g aria-label="{_quoted(lane.title)}">',
        f'<rect class="lane" x="{LEFT}" y="{y + 5}" width="{WIDTH - LEFT - RIGHT}" '
        f'height="{ROW - 12}" rx="3"/>',
        f'<text class="name" x="16" y="{y + (16 if lane.note else 21)}">'
        f"{_text(_short(lane.title, 22))}</text>",
    ]
    if lane.note:
        out.append(f'<text class="note" x="16" y="{y + 29}">{_text(_short(lane.note, 30))}</text>')
    order = {"frames": 0, "used": 1, "gap": 2}
    for bar in sorted(lane.bars, key=lambda b: (order[b.kind], float(b.start_s))):
        left, right = x(bar.start_s), x(bar.end_s)
        inset = {"frames": 5, "used": 11, "gap": 8}[bar.kind]
        span = f"{write(float(bar.start_s))} to {write(float(bar.end_s))}"
        words = f"{lane.title}: {_WORDS[bar.kind]} {span}"
        words += f", {bar.note}" if bar.note else ""
        # At least a hair wide: a single frame is there too.
        out.append(
            f'<rect class="{bar.kind}" x="{left}" y="{y + inset}" '
            f'width="{round(max(right - left, 1.0), 2)}" height="{ROW - 2 - 2 * inset}" rx="1.5">'
            f"<title>{_text(words)}</title></rect>"
        )
    return [*out, "</g>"]


_WORDS: dict[Kind, str] = {
    "frames": "pictures from",
    "used": "shown from",
    "gap": "no pictures from",
}


def _key(y: int) -> str:
    parts, at = [], LEFT
    for kind, words in (("frames", "pictures"), ("used", "shown in the film"), ("gap", "gap")):
        parts.append(
            f'<rect class="{kind}" x="{at}" y="{y - 9}" width="18" height="9" rx="1.5"/>'
            f'<text class="tick" x="{at + 24}" y="{y}">{words}</text>'
        )
        at += 40 + round(LETTER * len(words))
    return "".join(parts)


def _levels(labels: list[tuple[str, float]]) -> tuple[list[tuple[str, float, int, str]], int]:
    """Labels on as few rows as keep them apart: (text, x, row, anchor) and the row count."""
    ends: list[float] = []
    out = []
    for name, at in labels:
        short = _short(name, 40)
        wide = LETTER * len(short) + 10
        anchor = "end" if at + wide > WIDTH - 4 else "start"
        first, last = (at - wide, at) if anchor == "end" else (at, at + wide)
        level = next((k for k, end in enumerate(ends) if end <= first), len(ends))
        if level == len(ends):
            ends.append(last)
        ends[level] = max(ends[level], last)
        out.append((short, at, level, anchor))
    return out, len(ends)


def _ticks(start: float, end: float) -> list[float]:
    """Round times, six to twelve of them."""
    span = end - start
    steps = [b * 10**e for e in range(-3, 8) for b in (1, 2, 3, 6)]
    steps = sorted({*steps, 0.5, 5, 15, 50, 150, 500, 900, 5000})
    step = next((s for s in steps if span / s <= 10), steps[-1])
    first = -(-start // step)
    count = int((end - first * step) // step) + 1
    return [round((first + k) * step, 6) for k in range(max(0, count))]


def _said(lane: Lane, write: Callable[[float], str]) -> str:
    spans = [b for b in lane.bars if b.kind == "frames"]
    if not spans:
        return f"{lane.title}: no pictures"
    first, last = min(float(b.start_s) for b in spans), max(float(b.end_s) for b in spans)
    return f"{lane.title}: pictures from {write(first)} to {write(last)} in {len(spans)} parts"


def _short(text: str, most: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def _plain(text: str) -> str:
    """Without the control characters that XML cannot hold."""
    return "".join(c for c in text if c.isprintable())


def _text(text: str) -> str:
    return html.escape(_plain(text), quote=False)


def _quoted(text: str) -> str:
    return html.escape(_plain(text))
