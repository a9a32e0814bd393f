"""The frames of a video file, each with its own time stamp, from packets: nothing is decoded."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from descent.errors import Damaged, FormatError, SourceError
from descent.model import Finding
from descent.sources.mp4 import read_tables
from descent.sources.sniff import Kind, header

DEMUXERS: dict[Kind, str] = {"mov": "mov", "matroska": "matroska", "avi": "avi"}
# A clip names nothing beyond itself: no playlist, no network, no second file.
OPTIONS = {"protocol_whitelist": "file,pipe"}


@dataclass(frozen=True, slots=True)
class Scan:
    """What a video file holds: `pts` of each frame in order, in ticks of `time_base` seconds.

    `zero` is the tick that players show as 0:00; `last_ticks` how long the last frame
    stays; `rows` and `cols` are of the stored picture, before `turn`, the clockwise degrees
    that its display matrix asks for (None: not told before decoding).
    """

    path: Path
    pts: tuple[int, ...]
    time_base: Fraction
    zero: Fraction
    last_ticks: int
    rows: int
    cols: int
    turn: int | None = None
    findings: tuple[Finding, ...] = field(default=())

    def seconds(self, index: int) -> Fraction:
        """The media time of a frame, s from what players show as 0:00."""
        return self.pts[index] * self.time_base - self.zero

    @property
    def end_s(self) -> Fraction:
        """The media time at which the last frame ends, s."""
        return (self.pts[-1] + self.last_ticks) * self.time_base - self.zero


def open_video(path: Path, kind: Kind | None = None) -> tuple[Any, Any]:
    """The container and its video stream, by a demuxer chosen from the file's own bytes.

    Raises `Damaged` when the file cannot be read as what it is, `FormatError` when it
    holds no pictures.
    """
    import av

    kind = kind or header(str(path)).kind
    try:
        # An absolute path with its protocol: a name such as "data:x" or "-" stays a file.
        url = "file:" + str(path.absolute())
        container = av.open(url, format=DEMUXERS[kind], options=OPTIONS)
    except (av.FFmpegError, OSError) as error:
        raise Damaged(
            f"cannot be opened as a video: {error}",
            where=str(path),
            do="fetch or copy the file again",
        ) from error
    streams = [s for s in container.streams.video if not s.disposition & s.disposition.attached_pic]
    if not streams:
        container.close()
        raise FormatError("holds no pictures", where=str(path), do="list another file")
    stream = max(streams, key=lambda s: s.codec_context.width * s.codec_context.height)
    return container, stream


def scan(path: Path, kind: Kind | None = None) -> Scan:
    """Every frame that a player would show, in order, by its own time stamp.

    Reads the tables of an MP4 or MOV where they tell all, else demultiplexes; decodes
    nothing. Frames that an edit list hides are left out; frames stored out of order
    (B-frames) are put in order; two frames of one time are reported and the first is kept.
    Raises `Damaged` when the file breaks off, `SourceError` when it tells no times.
    """
    import av

    kind = kind or header(str(path)).kind
    tables = read_tables(path) if kind == "mov" else None
    container, stream = open_video(path, kind)
    with container:
        base = Fraction(stream.time_base)
        start = Fraction(container.start_time or 0, av.time_base)
        # FFmpeg tells a container's start in whole microseconds: take the exact tick there.
        if stream.start_time is not None and abs(stream.start_time * base - start) < base:
            start = stream.start_time * base
        if tables and (Fraction(1, tables.timescale), tables.pts[0]) == (base, stream.start_time):
            seen = _Seen([(tick, tables.last_ticks) for tick in tables.pts])
        else:
            seen = _packets(path, container, stream)
        if not seen.frames:
            raise SourceError("holds no frames", where=str(path), do="list another file")
        promised = int(stream.frames or 0)
        declared_s = _declared_s(stream.metadata.get("DURATION", ""))
        size = (stream.codec_context.height, stream.codec_context.width)
    turn = tables.turn if tables else None
    read = _ordered(path, seen, promised, base, start, size, turn)
    if declared_s - read.end_s > 1:
        what = f"ends at {float(read.end_s):.2f} s of the {float(declared_s):.2f} s it declares"
        cut = Finding("cut_off", str(path), what, "fetch or copy the file again")
        return replace(read, findings=(*read.findings, cut))
    return read


def _declared_s(text: str) -> Fraction:
    """The length that Matroska writes for a track, such as 00:00:12.345000000; 0 if none."""
    try:
        hours, minutes, seconds = text.split(":")
        return int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds)
    except ValueError:
        return Fraction(0)


@dataclass(slots=True)
class _Seen:
    """Frames as (tick, duration), and how many a player would not show."""

    frames: list[tuple[int, int]] = field(default_factory=list)
    hidden: int = 0


def _packets(path: Path, container: Any, stream: Any) -> _Seen:
    import av

    seen, untimed = _Seen(), 0
    try:
        for packet in container.demux(stream):
            if packet.size == 0:
                continue
            if packet.is_discard:
                seen.hidden += 1
                continue
            untimed += packet.pts is None
            tick = packet.pts if packet.pts is not None else packet.dts
            if tick is not None:
                seen.frames.append((tick, packet.duration or 0))
    except (av.FFmpegError, OSError) as error:
        raise Damaged(
            f"breaks off after {len(seen.frames)} frames: {error}",
            where=str(path),
            do="fetch or copy the file again",
        ) from error
    if untimed and (stream.codec_context.has_b_frames or len(seen.frames) < untimed):
        raise SourceError(
            f"{untimed} frames carry no time of their own",
            where=str(path),
            do="remux it: ffmpeg -fflags +genpts -i IN -c copy OUT.mkv",
        )
    return seen


def _ordered(
    path: Path,
    seen: _Seen,
    promised: int,
    base: Fraction,
    start: Fraction,
    size: tuple[int, int],
    turn: int | None,
) -> Scan:
    findings = []
    frames = sorted(seen.frames)
    pts = [frames[0][0]]
    doubled = []
    for tick, _ in frames[1:]:
        if tick == pts[-1]:
            doubled.append(tick)
        else:
            pts.append(tick)
    if doubled:
        times = ", ".join(f"{float(t * base - start):.3f} s" for t in doubled[:5])
        what = f"{len(doubled)} frames share a time stamp with another ({times}); the first is used"
        findings.append(Finding("duplicate", str(path), what))
    if seen.hidden:
        what = f"its edit list hides {seen.hidden} frames"
        findings.append(Finding("hidden", str(path), what, level="note"))
    if promised > len(frames) + seen.hidden:
        what = f"holds {len(frames)} of the {promised} frames that its header promises"
        findings.append(Finding("cut_off", str(path), what, "fetch or copy the file again"))
    last = frames[-1][1] or (pts[-1] - pts[-2] if len(pts) > 1 else 0)
    return Scan(path, tuple(pts), base, start, last, *size, turn, tuple(findings))
