"""Outputs of the config made definite: sizes, spans, layouts, ticks and frames."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from statistics import median
from typing import Literal

from descent.clock.doors import Clocks
from descent.clock.expression import Moment, resolve
from descent.compose.geometry import Layout, Rect, Slot, Tile, Window, even
from descent.config.models import Config, Output, Show, Text
from descent.config.models import Span as SpanWords
from descent.encode.profile import Profile, load_profile, profile_for
from descent.errors import DescentError, FormatError
from descent.model import Track
from descent.plan.credits import credit_line
from descent.plan.records import CameraPlan, OutputPlan, SpanPlan, StillPlan
from descent.stages import layout
from descent.timeline import Span, Timeline, nearest

HD = (1920, 1080)
DRAFT_SHRINK = 4
# A gap between pictures, as a share of the canvas' height: 4 px at 1080 rows.
GAP_SHARE = Fraction(1, 270)
Stretch = tuple[Fraction, Fraction]


@dataclass(frozen=True)
class Studio:
    """What every output of one release is planned with."""

    config: Config
    clocks: Clocks
    events: Mapping[str, Fraction]
    cameras: Mapping[str, CameraPlan]
    within: Stretch | None = None
    draft: bool = False
    burn: bool = False
    tracks: Mapping[str, Track] = field(default_factory=dict)

    def time(self, moment: Moment) -> Fraction:
        """The mission time of a moment."""
        clocks = self.clocks
        return resolve(
            moment, events=self.events, zero=clocks.zero, epoch=clocks.epoch, sclk=clocks.sclk
        )


def plan_outputs(studio: Studio, only: Sequence[str] = ()) -> tuple[OutputPlan, ...]:
    """Every output, or those named; `each: camera` gives one a camera."""
    outputs = studio.config.outputs.items()
    return tuple(plan for name, words in outputs for plan in _made(studio, name, words, only))


def _made(studio: Studio, name: str, output: Output, only: Sequence[str]) -> Iterator[OutputPlan]:
    try:
        if output.each is not None:
            for camera in studio.cameras.values():
                full_name = f"{name}_{camera.name}"
                wanted = full_name in only or ((not only or name in only) and _runs(studio, camera))
                if camera.track.times and wanted:
                    yield _each(studio, full_name, output, camera)
        elif only and name not in only:
            return
        elif output.still is not None:
            yield _still(studio, name, output)
        else:
            words = studio.config.cuts[output.cut or ""]
            spans = [(w, output.show or w.show, s) for w, s in spans_of(studio, words)]
            yield _video(studio, name, output, spans, output.rate, output.size or HD)
    except DescentError as error:
        if error.where.startswith("outputs."):
            raise
        where = f"outputs.{name}" + (f": {error.where}" if error.where else "")
        raise type(error)(error.what, where=where, do=error.do) from None


def spans_of(studio: Studio, words: Sequence[SpanWords]) -> list[tuple[SpanWords, Span]]:
    """The spans of a cut on mission time."""
    found: list[tuple[SpanWords, Span]] = []
    here: Fraction | None = None
    for word in words:
        if word.freeze is not None:
            span = Span.freeze(studio.time(word.freeze), word.length or Fraction(0))
        else:
            if word.replay is not None:
                start, to = (studio.time(m) for m in word.replay)
            else:
                start = studio.time(word.start) if word.start is not None else here or Fraction(0)
                to = here = studio.time(word.to) if word.to is not None else start
            if word.every_frame is not None:
                span = Span.every_frame(word.every_frame, start, to)
            else:
                span = Span(start, to, Fraction(word.speed))
        found.append((word, span))
    return found


def _video(
    studio: Studio,
    name: str,
    output: Output,
    spans: Sequence[tuple[SpanWords | None, Show, Span]],
    rate: Fraction,
    size: tuple[int, int],
) -> OutputPlan:
    cols, rows = size
    if studio.draft:
        cols, rows = even(cols / DRAFT_SHRINK), even(rows / DRAFT_SHRINK)
    profile = (
        load_profile("draft") if studio.draft
        else load_profile(output.profile) if output.profile
        else load_profile("frames") if output.use == "frames"
        else profile_for(output.use, rows=rows, cols=cols)
    )  # fmt: skip
    if profile.kind == "frames":
        return _frames(studio, name, output, spans, rate, profile)
    if output.use == "frames" and not studio.draft:
        raise FormatError(
            f"is for frames, and the profile {profile.name} makes a video",
            do="write profile: frames or frames_tiff, or leave it out",
        )
    timeline = Timeline.lay(
        [span for _, _, span in spans], rate, studio.tracks, [show.cameras for _, show, _ in spans]
    )
    scale = "fit" if studio.draft else output.scale
    laid = tuple(
        _span(studio, timeline, index, word, show, (rows, cols), scale)
        for index, (word, show, _) in enumerate(spans)
    )
    timeline, laid = _ranged(studio, timeline, laid)
    sound = output.sound and bool(studio.config.sound) and profile.kind == "video"
    plan = OutputPlan(
        name=name,
        kind=profile.kind,
        title=output.title or studio.config.title,
        rows=rows,
        cols=cols,
        scale=scale,
        rate=rate,
        profile=profile.name,
        text=output.text.model_dump(mode="json"),
        credit="",
        suffix=profile.extension,
        spans=laid,
        timeline=timeline,
        sound=sound,
        burn=studio.burn,
        cut=output.cut,
    )
    return _credited(studio, plan)


def _ranged(
    studio: Studio, timeline: Timeline, laid: tuple[SpanPlan, ...]
) -> tuple[Timeline, tuple[SpanPlan, ...]]:
    """What the range asked for leaves of a film.

    Cut after laying, so that each tick, and each whole chunk, is that of the whole film.
    """
    if studio.within is None:
        return timeline, laid
    timeline, left = timeline.within(*studio.within)
    if not left:
        raise FormatError(
            "nothing of this cut lies in the range", do="widen --range, or name another output"
        )
    return timeline, tuple(laid[number] for number in left)


def _frames(
    studio: Studio,
    name: str,
    output: Output,
    spans: Sequence[tuple[SpanWords | None, Show, Span]],
    rate: Fraction,
    profile: Profile,
) -> OutputPlan:
    """Numbered pictures of every camera of a cut: all of them at every tick, as they are."""
    if output.size is not None:
        raise FormatError("numbered pictures keep their cameras' sizes", do="leave size out")
    names = list(dict.fromkeys(camera for _, show, _ in spans for camera in show.cameras))
    timeline = Timeline.lay(
        [span for _, _, span in spans], rate, studio.tracks, [names] * len(spans)
    )
    sizes = {n: (studio.cameras[n].format.rows, studio.cameras[n].format.cols) for n in names}
    rows, cols = (max(size[axis] for size in sizes.values()) for axis in (0, 1))
    tiles = tuple(Tile(n, Rect(0, 0, *sizes[n]), Window(0, 0, *sizes[n]), 1.0) for n in names)
    layout = Layout(rows, cols, tiles, {})
    laid = tuple(
        SpanPlan(
            kind=_kind(span, word),
            name="each",
            layout=layout,
            close_ups={},
            speed=span.speed if span.runs else None,
            title=word.title if word else None,
            note=None,
        )
        for word, _, span in spans
    )
    timeline, laid = _ranged(studio, timeline, laid)
    nothing = Text(titles=False, events=False, credit=False, marks=False, clock=())
    plan = OutputPlan(
        name=name,
        kind="frames",
        title=output.title or studio.config.title,
        rows=rows,
        cols=cols,
        scale="native",
        rate=rate,
        profile=profile.name,
        text=nothing.model_dump(mode="json"),
        credit="",
        suffix=profile.extension,
        spans=laid,
        timeline=timeline,
        cut=output.cut,
    )
    return _credited(studio, plan)


def _kind(span: Span, word: SpanWords | None) -> Literal["run", "replay", "freeze", "every_frame"]:
    if span.length_s is not None:
        return "freeze"
    if span.every is not None:
        return "every_frame"
    return "replay" if word is not None and word.replay is not None else "run"


def _span(
    studio: Studio,
    timeline: Timeline,
    index: int,
    word: SpanWords | None,
    show: Show,
    size: tuple[int, int],
    scale: str,
) -> SpanPlan:
    span = timeline.spans[index].span
    whole = _layout(studio, show, show.cameras, size, scale)
    close_ups = {}
    cells = timeline.cells[index]
    for tick in range(len(timeline.spans[index].times)):
        there = tuple(c for c in show.cameras if cells[c][tick].then != "close_up")
        if there and len(there) < len(show.cameras) and there not in close_ups:
            close_ups[there] = _layout(studio, show, there, size, scale)
    replayed = word is not None and word.replay is not None
    kind = _kind(span, word)
    return SpanPlan(
        kind=kind,
        name=show.layout,
        layout=whole,
        close_ups=close_ups,
        speed=None if kind in ("every_frame", "freeze") else span.speed,
        title=word.title if word else None,
        note=_note(timeline, index, replayed=replayed),
    )


def _note(timeline: Timeline, index: int, *, replayed: bool) -> str | None:
    """What the picture says of a span that does not simply run."""
    part = timeline.spans[index]
    if part.span.length_s is not None:
        return "Freeze frame"
    words = ["Replay"] if replayed else []
    if part.span.every is not None:
        words.append("Every frame")
        if len(part.times) > 1:
            step = (part.times[-1] - part.times[0]) / (len(part.times) - 1) * timeline.rate
            words.append(f"{float(step):.2g}× speed")
    elif part.span.speed != 1:
        words.append(f"{part.span.speed} speed")
    return " · ".join(words) or None


def _layout(
    studio: Studio, show: Show, cameras: Sequence[str], size: tuple[int, int], scale: str
) -> Layout:
    """The layout of some of a show's cameras; fewer than it needs make it simpler."""
    slots = [_slot(studio.cameras[name], show) for name in cameras]
    name = show.layout
    if len(slots) == 1 and name != "grid":
        name = "full"
    elif len(slots) < len(show.cameras) and name == "inset" and show.full not in cameras:
        name = "side_by_side"
    rows, cols = size
    gap = even(float(rows * GAP_SHARE)) if scale == "fit" and name != "inset" else 0
    found: Layout = layout(name)(slots, rows, cols, scale, gap)
    return found


def _slot(camera: CameraPlan, show: Show) -> Slot:
    fit = show.fit or "letterbox"
    return Slot(camera.name, camera.format.rows, camera.format.cols, camera.focus, fit)


def _each(studio: Studio, name: str, output: Output, camera: CameraPlan) -> OutputPlan:
    """A video of one camera from its first frame to its last, at its own cadence."""
    times = camera.track.times
    steps = [b - a for a, b in pairwise(times)]
    step = camera.track.interval_s or (median(steps) if steps else 1 / output.rate)
    span = Span(times[0], times[-1] + step)
    own = output.full_length and (camera.track.interval_s is not None or _steady(steps))
    rate = _near_rate(1 / step) if own else output.rate
    size = output.size or (camera.format.cols, camera.format.rows)
    show = Show(full=camera.name)
    return _video(studio, name, output, [(None, show, span)], rate, size)


def _runs(studio: Studio, camera: CameraPlan) -> bool:
    """Whether a camera has frames in the range asked for."""
    within, times = studio.within, camera.track.times
    return within is None or any(within[0] <= t < within[1] for t in times)


def _steady(steps: Sequence[Fraction]) -> bool:
    """Whether a camera has a cadence: most of its intervals are within a tenth of the median."""
    if not steps:
        return False
    middle = median(steps)
    return sum(abs(s - middle) <= middle / 10 for s in steps) * 2 > len(steps)


def _near_rate(rate: Fraction) -> Fraction:
    """The customary rate within a tenth of a percent, else the rate in thousandths."""
    usual = [Fraction(n) for n in (12, 15, 24, 25, 30, 48, 50, 60, 75, 90, 100, 120)]
    usual += [Fraction(n * 1000, 1001) for n in (24, 30, 60)]
    best = min(usual, key=lambda u: abs(u - rate))
    return best if abs(best - rate) * 1000 <= rate else rate.limit_denominator(1001)


def _still(studio: Studio, name: str, output: Output) -> OutputPlan:
    show = output.still if isinstance(output.still, Show) else Show(full=output.still)
    at = studio.time(output.at) if output.at is not None else None
    frames = {c: _frame(studio.cameras[c], at, output.frame) for c in show.cameras}
    first = studio.cameras[show.cameras[0]].format
    own = isinstance(output.still, str) and output.size is None
    cols, rows = (first.cols, first.rows) if own else output.size or HD
    whole = (
        # Nothing is laid out: all of the frame, odd sizes too, since no encoder is fed.
        Layout(
            rows,
            cols,
            (Tile(show.cameras[0], Rect(0, 0, rows, cols), Window(0, 0, rows, cols), 1.0),),
            {},
        )
        if own
        else _layout(studio, show, show.cameras, (rows, cols), output.scale)
    )
    plan = OutputPlan(
        name=name,
        kind="still",
        title=output.title or studio.config.title,
        rows=rows,
        cols=cols,
        scale="native" if own else output.scale,
        rate=output.rate,
        profile=output.format or "png",
        text=output.text.model_dump(mode="json"),
        credit="",
        suffix={"jpeg": ".jpg", "tiff": ".tif"}.get(output.format or "png", ".png"),
        still=StillPlan(at, frames, whole),
        alt=output.alt,
        caption=output.caption,
    )
    return _credited(studio, plan)


def _frame(camera: CameraPlan, at: Fraction | None, file: str | None) -> int:
    if file is not None:
        for index, shot in enumerate(camera.shots):
            if shot.path.name == file:
                return index
        names = ", ".join(s.path.name for s in camera.shots[:3])
        raise FormatError(
            f"camera {camera.name} has no frame {file}", do=f"name one of its files: {names}, ..."
        )
    if at is None:
        return 0
    return nearest(camera.track.times, at)


def _credited(studio: Studio, plan: OutputPlan) -> OutputPlan:
    from dataclasses import replace

    shown = [studio.cameras[name] for name in plan.cameras]
    return replace(plan, credit=credit_line(studio.config, shown, sound=plan.sound))
