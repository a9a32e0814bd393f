"""One encoder fed from memory: pictures in, a container file out, nothing bent on the way."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any, Protocol

import av
import numpy as np
from av.codec.context import ThreadType
from numpy.typing import NDArray

from descent.encode.profile import Profile
from descent.errors import DescentError, EncodeError, FormatError
from descent.model import Planes

BT709, LIMITED = 1, 1  # AVCOL_SPC_BT709, _PRI_, _TRC_ alike; AVCOL_RANGE_MPEG


def timescale(rate: Fraction) -> int:
    """Ticks a second of a track's clock, in which every frame of `rate` frames/s is whole.

    In the tens of thousands, so that what players round stays far below a frame.
    """
    return rate.numerator if rate.numerator >= 10_000 else rate.numerator * 1000


def frame_ticks(rate: Fraction) -> int:
    """Ticks of that clock a frame lasts, exactly."""
    ticks = timescale(rate) / rate
    if ticks.denominator != 1:
        raise AssertionError(f"{rate} has no whole ticks")
    return ticks.numerator


# Bytes a pixel that an encoder holds, measured at 1920 x 1080 with two threads (a little less
# at 4K; four slices take no more): x264 and x265 keep the pictures that their preset looks
# ahead over.
_X264 = {"veryfast": 76, "faster": 106, "fast": 140, "medium": 172, "slow": 210}
_OTHERS = {"libx265": 260, "prores_aw": 40, "ffv1": 100}


def memory_bytes(profile: Profile, rows: int, cols: int) -> int:
    """What encoding and checking `rows` x `cols` pictures takes at its peak, beside Python."""
    if profile.codec == "libx264":
        a_pixel = _X264.get(profile.preset or "medium", 240)
    else:
        a_pixel = _OTHERS.get(profile.codec, 260)
    return rows * cols * (a_pixel + 12)


def check_size(profile: Profile, rows: int, cols: int, where: str = "") -> None:
    """Refuse a size that the profile's samples or codec would have to bend."""
    step_rows, step_cols = profile.subsampling
    if rows < 16 or cols < 16 or rows > 16_384 or cols > 16_384:
        raise FormatError(
            f"a picture of {cols} x {rows} px cannot be encoded",
            where=where,
            do="choose sides from 16 to 16384 px",
        )
    if rows % step_rows or cols % step_cols:
        even = (cols - cols % step_cols, rows - rows % step_rows)
        raise FormatError(
            f"{cols} x {rows} px has an odd side, which 4:{profile.chroma[1]}:{profile.chroma[2]} "
            "chroma cannot hold",
            where=where,
            do=f"choose {even[0]}x{even[1]}, or a profile with 4:4:4 chroma",
        )


def check_planes(picture: Planes, profile: Profile, rows: int, cols: int, where: str) -> None:
    """Refuse planes whose shape or type is not exactly what the profile encodes."""
    step_rows, step_cols = profile.subsampling
    chroma = (rows // step_rows, cols // step_cols)
    dtype = np.dtype(np.uint8 if profile.depth == 8 else np.uint16)
    for name, plane, shape in zip("yuv", picture, ((rows, cols), chroma, chroma), strict=True):
        if plane.shape != shape or plane.dtype != dtype:
            raise FormatError(
                f"plane {name} is {plane.dtype} {plane.shape}, the profile {profile.name} "
                f"takes {dtype} {shape}",
                where=where,
                do="compose the picture for this profile's chroma and depth",
            )
        if profile.depth > 8 and plane.max(initial=0) >= 1 << profile.depth:
            raise FormatError(
                f"plane {name} holds {plane.max()}, over {profile.depth} bits",
                where=where,
                do=f"give values from 0 to {(1 << profile.depth) - 1}",
            )


def planes_of(frame: Any, deep: bool) -> Planes:
    """Views of a libav frame's planes as (rows, cols) arrays, padding left out."""
    dtype, size = (np.uint16, 2) if deep else (np.uint8, 1)
    views: list[NDArray[Any]] = []
    for plane in frame.planes:
        lines = np.frombuffer(plane, dtype).reshape(plane.height, plane.line_size // size)
        views.append(lines[:, : plane.width])
    return Planes(*views)


@contextmanager
def libav_errors(what: str, where: str) -> Iterator[None]:
    """Turn libav's errors into ours; a full disk stays an OSError, which `atomic` words."""
    try:
        yield
    except DescentError:
        raise
    except av.error.FFmpegError as error:
        if isinstance(error, OSError) and error.errno in {27, 28, 122, 30}:
            raise OSError(error.errno, error.strerror) from error
        raise EncodeError(f"{what}: {error.strerror or error}", where=where) from error


class Listener(Protocol):
    """Who is shown each packet before it is written."""

    def hear(self, packet: Any, extradata: bytes | None) -> None:
        """Take a packet, its times in frames, and the encoder's headers."""


class Encoder:
    """A profile's encoder writing one file of `rate` frames/s; use as a context.

    `feed(picture)` takes planes that may be reused as soon as it returns; the encoder works
    in a thread of its own while the caller makes the next picture. Frame k's time is exactly
    k / rate on the track's own clock.
    """

    def __init__(
        self,
        path: Path,
        profile: Profile,
        rows: int,
        cols: int,
        rate: Fraction,
        listener: Listener | None = None,
    ) -> None:
        check_size(profile, rows, cols, str(path))
        if rate <= 0:
            raise FormatError(f"{rate} frames/s is no rate", where=str(path), do="write 30")
        self.path, self.profile, self.rows, self.cols = path, profile, rows, cols
        self.frames, self.version, self._listener = 0, "", listener
        self.reorder, self._packets = 0, 0  # frames by which a packet may come late
        options = {"video_track_timescale": str(timescale(rate))}
        plain = profile.container == "mkv"  # its clock counts milliseconds, whatever one says
        options = {"fflags": "+bitexact"} | ({} if plain else options)  # no random ids, no versions
        self._file = av.open(str(path), "w", options=options)
        stream = self._file.add_stream(profile.codec, rate=rate)
        if not isinstance(stream, av.VideoStream):
            self._file.close()
            raise EncodeError(
                f"{profile.codec} encodes no pictures", where=f"profile {profile.name}"
            )
        self._stream = stream
        context = stream.codec_context
        stream.width, stream.height, stream.pix_fmt = cols, rows, profile.pixel_format
        stream.time_base = context.time_base = 1 / rate
        kind = ThreadType.SLICE if profile.threading == "slices" else ThreadType.FRAME
        context.thread_count, context.thread_type = profile.threads, kind
        context.colorspace = context.color_primaries = context.color_trc = BT709
        context.color_range = LIMITED
        if profile.tag:
            context.codec_tag = profile.tag
        if profile.bit_rate:
            context.bit_rate = profile.bit_rate
        if (gop := profile.gop(rate)) is not None:
            context.gop_size = gop
        named = {"preset": profile.preset, "crf": profile.crf}
        given = {k: f"{v:g}" if isinstance(v, float) else v for k, v in named.items() if v}
        self._given = {**given, **profile.options}
        stream.options = dict(self._given)
        self._open()
        self._offered: Queue[Planes | None] = Queue()
        self._taken: Queue[None] = Queue()
        self._error: BaseException | None = None
        self._abandoned = False
        self._thread = Thread(target=self._work, args=(1 / rate,), daemon=True)
        self._thread.start()

    def _open(self) -> None:
        # libav only logs what it does not understand, and encodes something else.
        level = av.logging.get_level()
        av.logging.set_level(av.logging.WARNING)
        try:
            with av.logging.Capture() as logs:
                self._file.start_encoding()
        finally:
            av.logging.set_level(level)
        wrong = [text.strip() for _, _, text in logs if re.search("(?i)option", text)]
        left = self._stream.codec_context.options
        wrong += [f"unknown option {key}" for key in left if key in self._given]
        if wrong:
            self._file.close()
            raise EncodeError(
                f"{self.profile.codec}: {'; '.join(wrong)}",
                where=f"profile {self.profile.name}",
                do="correct its options",
            )

    def feed(self, picture: Planes) -> None:
        """Hand the next picture to the encoder; raises what stopped it, if something did.

        Waits while the encoder is at the picture before: one is encoded, one being made, and
        more between them would cost memory and win nothing.
        """
        if self._error is None:
            self._offered.put(picture)
            self._taken.get()
        if self._error is not None:
            raise self._error

    def _work(self, time_base: Fraction) -> None:
        try:
            frame = av.VideoFrame(self.cols, self.rows, self.profile.pixel_format)
            frame.colorspace = frame.color_primaries = frame.color_trc = BT709
            frame.color_range, frame.time_base = LIMITED, time_base
            while (picture := self._offered.get()) is not None:
                frame.make_writable()  # an encoder with frame threads may still hold it
                own = planes_of(frame, self.profile.depth > 8)
                for target, plane in zip(own, picture, strict=True):
                    np.copyto(target, plane, casting="no")
                frame.pts = self.frames
                self.frames += 1
                del own, picture
                self._taken.put(None)
                self._mux(self._stream.encode(frame))
            del frame
            if not self._abandoned:
                self._mux(self._stream.encode(None))
        except BaseException as error:  # it is the feeder's to raise
            self._error = error
            self._taken.put(None)

    def _mux(self, packets: list[Any]) -> None:
        for packet in packets:
            if not self.version:
                self.version = _version(bytes(packet)[:4096], self.profile.codec)
            self.reorder = max(self.reorder, self._packets - packet.pts)
            self._packets += 1
            if self._listener is not None:
                self._listener.hear(packet, self._stream.codec_context.extradata)
            self._file.mux(packet)

    def finish(self) -> None:
        """Drain the encoder, close the file and give the encoder's memory back."""
        self._offered.put(None)
        self._thread.join()
        if self._error is not None:
            raise self._error
        self._file.close()
        del self._stream, self._file

    def __enter__(self) -> Encoder:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._thread.is_alive():  # left by an error: nobody wants the rest
            self._abandoned = True
            self._offered.put(None)
            self._thread.join()
            self._error = EncodeError("was left before its last picture", where=str(self.path))
            self._taken.put(None)  # whoever still feeds it must not wait for ever
        if kind is not None and hasattr(self, "_file"):
            with suppress(av.error.FFmpegError, OSError):  # the first error is the one to tell
                self._file.close()


def _version(packet: bytes, codec: str) -> str:
    library = ".".join(map(str, av.library_versions["libavcodec"]))
    found = re.search(rb"x264 - core (\w+)", packet)
    build = f" core {found.group(1).decode()}" if found else ""
    return f"{codec}{build} (PyAV {av.__version__}, libavcodec {library})"
