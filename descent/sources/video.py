"""Frames of a clip by their own time stamps: one decoder, forward, held to errors."""

from __future__ import annotations

import contextlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from descent.errors import Damaged
from descent.model import Planes, Shot
from descent.sources.geometry import Geometry
from descent.sources.mp4 import read_tables
from descent.sources.scan import open_video
from descent.sources.yuv import Source, source_of, to_planes
from descent.tools.colour import Depth
from descent.tools.files import sha256

# Decoders conceal broken data by default and return something that looks like a picture.
_STRICT = {"err_detect": "crccheck+bitstream+buffer+explode"}
_PROGRESSIVE = 1  # AV_FIELD_PROGRESSIVE; 0 is unknown
_JFIF = 5  # AVCOL_SPC_BT470BG: what JPEG is, whatever its container says


class Decoder:
    """Decodes one clip forward, and goes back only when asked for an earlier time.

    `at(pts)` gives the frame with that very time stamp; it seeks when a keyframe lies
    between here and there, and else decodes on. `threads` is for the decoder; one is right
    where several jobs run. Raises `Damaged` for broken data, with all frames of the clip
    that lean on it.
    """

    def __init__(self, path: Path, pts: tuple[int, ...], *, threads: int = 1) -> None:
        self.path, self.pts = path, pts
        self.container, self.stream = open_video(path)
        context = self.stream.codec_context
        context.options = _STRICT
        context.thread_count = threads
        if threads > 1:
            context.thread_type = "AUTO"
        self.codec = str(context.name)
        # Index entries are decoding times: a keyframe shows at or after its own.
        self._keys = [e.timestamp for e in self.stream.index_entries if e.is_keyframe]
        self._frames: Iterator[Any] = self._decode()
        self._last: Any = None
        self._here: int | None = None
        self._failure: Damaged | None = None

    def close(self) -> None:
        """Let the file go."""
        self._frames = iter(())
        self.container.close()

    def at(self, pts: int) -> Any:
        """The decoded frame of time stamp `pts`, in ticks of the stream."""
        if self._here is not None and self._here == pts:
            return self._last
        if self._here is None or pts < self._here or self._key_between(self._here, pts):
            self._seek(pts)
        # A seek may come out behind the frame, or where what it leans on lies before: then
        # from a second further back each time, and at last from the start.
        for back_s in (1, 8, None):
            frame = self._forward(pts)
            if frame is not None:
                self._last, self._here = frame, pts
                return frame
            ticks = 0 if back_s is None else int(back_s / self.stream.time_base)
            self._seek(self.pts[0] if back_s is None else pts - ticks)
        frame = self._forward(pts)
        if frame is None:
            raise self._failure or self._damaged("its data breaks off before this frame", pts)
        self._last, self._here = frame, pts
        return frame

    def _key_between(self, here: int, there: int) -> bool:
        place = bisect_right(self._keys, there) - 1
        return place > 0 and self._keys[place] > here

    def _seek(self, pts: int) -> None:
        import av

        try:
            self.container.seek(max(pts, self.pts[0]), stream=self.stream, backward=True)
        except av.FFmpegError:
            # Formats without an index cannot seek: begin again.
            self.container.close()
            self.container, self.stream = open_video(self.path)
            self.stream.codec_context.options = _STRICT
        self._frames, self._here = self._decode(), None

    def _forward(self, pts: int) -> Any:
        """The frame of `pts`; None when what comes out is later, or breaks on the way."""
        self._failure = None
        try:
            for frame in self._frames:
                time = frame.pts if frame.pts is not None else frame.dts
                if time is None or time < pts:
                    continue
                if time == pts and frame.is_corrupt:
                    self._failure = self._damaged("parts of it could not be decoded", pts)
                return None if time > pts or frame.is_corrupt else frame
        except Damaged as error:
            self._failure = error
        return None

    def _decode(self) -> Iterator[Any]:
        import av

        key: int | None = None
        time = self.pts[0]
        try:
            for packet in self.container.demux(self.stream):
                time = packet.pts if packet.pts is not None else packet.dts or time
                if packet.size and key is None and packet.is_keyframe:
                    key = time
                elif packet.size and key is not None and time < key:
                    continue  # shown before the keyframe, and leans on what was not decoded
                yield from packet.decode()
        except (av.FFmpegError, OSError) as error:
            raise self._damaged(str(error), time) from error

    def _damaged(self, what: str, pts: int) -> Damaged:
        """The error for a broken packet at `pts`, with every frame up to the next keyframe."""
        first = self._here if self._here is not None else pts
        place = bisect_right(self._keys, pts)
        end = self._keys[place] if place < len(self._keys) else self.pts[-1] + 1
        low = min(first + 1 if self._here is not None else first, pts)
        indices = tuple(n for n, time in enumerate(self.pts) if low <= time < max(end, pts + 1))
        return Damaged(
            f"is damaged: {what}",
            where=str(self.path),
            do="fetch or copy the file again",
            digest=sha256(self.path),
            path=str(self.path),
            indices=indices,
        )


@dataclass(frozen=True, slots=True)
class Told:
    """What a decoded frame would say of itself, by its clip's headers."""

    height: int
    width: int
    format: Any
    colorspace: int
    color_range: int
    color_trc: int
    interlaced_frame: bool
    rotation: int  # counter-clockwise, as a frame has it


class Clips:
    """The clips of a camera, one open at a time."""

    def __init__(self, stamps: dict[Path, tuple[int, ...]], *, threads: int = 1) -> None:
        self._stamps, self._threads = stamps, threads
        self._open: Decoder | None = None

    def frame(self, path: Path, pts: int) -> tuple[Any, Source]:
        """A decoded frame and how its samples are to be read."""
        if self._open is None or self._open.path != path:
            self.close()
            stamps = self._stamps[path]
            try:
                self._open = Decoder(path, stamps, threads=self._threads)
            except Damaged as error:
                every = tuple(range(len(stamps)))
                raise Damaged(
                    error.what, where=error.where, do=error.do, digest=sha256(path),
                    path=str(path), indices=every,
                ) from error  # fmt: skip
        frame = self._open.at(pts)
        return frame, source_of(frame, self._open.codec)

    def told(self, path: Path) -> tuple[Told, Source]:
        """What a clip's headers tell of its frames, and how their samples are to be read."""
        self.close()
        self._open = Decoder(path, self._stamps[path])
        context = self._open.stream.codec_context
        tables = read_tables(path)
        frame = Told(
            height=context.height,
            width=context.width,
            format=context.format,
            colorspace=_JFIF if self._open.codec == "mjpeg" else context.colorspace,
            color_range=context.color_range,
            color_trc=context.color_trc,
            interlaced_frame=int(context.field_order) > _PROGRESSIVE,
            rotation=-tables.turn if tables else 0,
        )
        return frame, source_of(frame, self._open.codec)

    @property
    def pixel_aspect(self) -> Fraction | None:
        """Width over height of a pixel of the open clip, or None where it does not say."""
        shape = self._open.stream.sample_aspect_ratio if self._open is not None else None
        return None if shape is None else Fraction(shape)

    def close(self) -> None:
        """Let the open clip go."""
        if self._open is not None:
            with contextlib.suppress(Exception):
                self._open.close()
            self._open = None


def stamps_of(shots: Iterable[Shot]) -> dict[Path, tuple[int, ...]]:
    """The time stamps of each clip's frames, in order."""
    stamps: dict[Path, list[int]] = {}
    for shot in shots:
        if shot.pts is not None:
            stamps.setdefault(shot.path, []).append(shot.pts)
    return {path: tuple(sorted(pts)) for path, pts in stamps.items()}


def turn_of(frame: Any) -> int:
    """The clockwise degrees that a decoded frame's display matrix asks for."""
    return -round(frame.rotation or 0) % 360


def upright_planes(frame: Any, source: Source, depth: Depth = 8) -> Planes:
    """The frame's planes, turned as its display matrix asks."""
    planes = to_planes(frame, source, depth)
    turn = turn_of(frame)
    return Geometry(turn=turn).planes(planes) if turn in {90, 180, 270} else planes
