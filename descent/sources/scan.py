"""The frames of a video file, each with its own time stamp, from packets: nothing is decoded."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from descent.errors import Damaged, FormatError, SourceError
from descent.model import Finding
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

    Demultiplexes only. Frames that an edit list hides are left out; frames stored out of
    order (B-frames) are put in order; two frames of one time are reported and the first is
    kept. Raises `Damaged` when the file breaks off, `SourceError` when it tells no times.
    """
    import av

    container, stream = open_video(path, kind)
    with container:
        seen: list[tuple[int, int]] = []
        untimed = hidden = 0
        try:
            for packet in container.demux(stream):
                if packet.size == 0:
                    continue
                if packet.is_discard:
                    hidden += 1
                elif packet.pts is None:
                    untimed += 1
                    if packet.dts is not None:
                        seen.append((packet.dts, packet.duration or 0))
                else:
                    seen.append((packet.pts, packet.duration or 0))
        except (av.FFmpegError, OSError) as error:
            raise Damaged(
                f"breaks off after {len(seen)} frames: {error}",
                where=str(path),
                do="fetch or copy the file again",
            ) from error
        context = stream.codec_context
        if untimed and (context.has_b_frames or len(seen) < untimed):
            raise SourceError(
                f"{untimed} frames carry no time of their own",
                where=str(path),
                do="remux it: ffmpeg -fflags +genpts -i IN -c copy OUT.mkv",
            )
        if not seen:
            raise SourceError("holds no frames", where=str(path), do="list another file")
        start = Fraction(container.start_time or 0, av.time_base)
        base = Fraction(stream.time_base)
        # FFmpeg tells a container's start in whole microseconds: take the exact tick there.
        if stream.start_time is not None and abs(stream.start_time * base - start) < base:
            start = stream.start_time * base
        return _ordered(path, seen, hidden, base, start, (context.height, context.width))


def _ordered(
    path: Path,
    seen: list[tuple[int, int]],
    hidden: int,
    base: Fraction,
    start: Fraction,
    size: tuple[int, int],
) -> Scan:
    findings = []
    seen.sort()
    pts = [seen[0][0]]
    doubled = []
    for tick, _ in seen[1:]:
        if tick == pts[-1]:
            doubled.append(tick)
        else:
            pts.append(tick)
    if doubled:
        times = ", ".join(f"{float(t * base - start):.3f} s" for t in doubled[:5])
        findings.append(
            Finding(
                "duplicate",
                str(path),
                f"{len(doubled)} frames share a time stamp with another ({times}); "
                "the first of each is used",
            )
        )
    if hidden:
        findings.append(
            Finding("hidden", str(path), f"its edit list hides {hidden} frames", level="note")
        )
    last = seen[-1][1] or (pts[-1] - pts[-2] if len(pts) > 1 else 0)
    return Scan(path, tuple(pts), base, start, last, size[0], size[1], findings=tuple(findings))
