"""One sound track laid on the film's clock, exact to the sample."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from descent.errors import DescentError, SourceError
from descent.tools.files import atomic
from descent.tools.text import some

RATE_HZ = 48_000
FADE_S = Fraction(5, 1000)  # at edits: long enough not to click, too short to be heard

_DEMUXERS = {
    ".wav": "wav", ".w64": "w64", ".aif": "aiff", ".aiff": "aiff", ".flac": "flac",
    ".mp3": "mp3", ".aac": "aac", ".ogg": "ogg", ".opus": "ogg",
    ".m4a": "mov", ".mp4": "mov", ".mov": "mov", ".mkv": "matroska", ".webm": "matroska",
}  # fmt: skip
_SUFFIXES = {"aac": ".m4a", "pcm_s24le": ".mov", "flac": ".mkv"}

Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Placement:
    """A stretch of the source heard in the film, all in exact s.

    It sounds from `start` to `end` of film time, half-open, beginning with what the source
    holds at `source` (its own time stamps; before its start and after its end is silence).
    """

    start: Fraction
    end: Fraction
    source: Fraction


@dataclass(frozen=True, slots=True)
class Laid:
    """A laid track: its file, samples a channel, and how many of them are not silence's."""

    path: Path
    samples: int
    heard: int


def suffix(codec: str) -> str:
    """The suffix of a track file for `codec`; raises `DescentError` for an unknown one."""
    if codec not in _SUFFIXES:
        do = f"write one of {some(_SUFFIXES)}"
        raise DescentError(f"{codec!r} is no sound codec here", do=do)
    return _SUFFIXES[codec]


def lay(
    source: Path,
    placements: Sequence[Placement],
    out: Path,
    *,
    length_s: Fraction,
    codec: str = "aac",
    bit_rate: int | None = None,
) -> Laid:
    """Write the track `out` of `length_s` s, 48 kHz stereo, with `placements` of `source`.

    What no placement covers is silent; edits are faded over 5 ms, joints where both film
    and source go on are not. Times are rounded to the sample once, each by itself, so
    nothing adds up. Reads the source forwards, again from its start where placements step
    back; memory does not grow with either. Raises `SourceError` for a source that cannot be
    heard and `DescentError` for placements that overlap or leave the film.
    """
    pieces = _pieces(placements, length_s, out)
    total = round(length_s * RATE_HZ)
    out = Path(out)
    with atomic(out) as temporary, _encoder(temporary, codec, bit_rate) as encode:
        reader = _Reader(Path(source))
        heard = 0
        for first in range(0, total, RATE_HZ):
            block = np.zeros((2, min(RATE_HZ, total - first)), np.float32)
            for piece in pieces:
                heard += piece.into(block, first, reader)
            encode(block)
        reader.close()
    return Laid(out, total, heard)


@dataclass(frozen=True, slots=True)
class _Piece:
    """A placement in samples: film [start, end), source from `source`; fades on or off."""

    start: int
    end: int
    source: int
    fade_in: bool
    fade_out: bool

    def into(self, block: Samples, first: int, reader: _Reader) -> int:
        """Add what of the piece falls into `block`, which starts at film sample `first`."""
        low, high = max(self.start, first), min(self.end, first + block.shape[1])
        if low >= high:
            return 0
        samples = reader.read(self.source + low - self.start, high - low)
        fade = min(round(FADE_S * RATE_HZ), (self.end - self.start) // 2)
        at = np.arange(low, high)
        gain = np.ones(high - low, np.float32)
        if self.fade_in and fade:
            gain *= np.clip((at - self.start + 0.5) / fade, 0, 1).astype(np.float32)
        if self.fade_out and fade:
            gain *= np.clip((self.end - at - 0.5) / fade, 0, 1).astype(np.float32)
        block[:, low - first : high - first] = samples * gain
        return int(high - low)


def _pieces(placements: Sequence[Placement], length_s: Fraction, out: Path) -> list[_Piece]:
    ordered = sorted(placements, key=lambda p: p.start)
    for p in ordered:
        if not 0 <= p.start < p.end <= length_s:
            what = f"sound from {p.start} to {p.end} s leaves the film of {length_s} s"
            raise DescentError(what, where=str(out))
    for a, b in pairwise(ordered):
        if b.start < a.end:
            what = f"sound at {b.start} s overlaps what started at {a.start} s"
            raise DescentError(what, where=str(out), do="lay one stretch at a time")

    def goes_on(k: int) -> bool:
        """Whether film and source both continue from piece k - 1 into piece k."""
        if not 0 < k < len(ordered):
            return False
        a, b = ordered[k - 1], ordered[k]
        return a.end == b.start and a.source + (a.end - a.start) == b.source

    return [
        _Piece(
            round(p.start * RATE_HZ),
            round(p.end * RATE_HZ),
            round(p.source * RATE_HZ),
            fade_in=not goes_on(k),
            fade_out=not goes_on(k + 1),
        )
        for k, p in enumerate(ordered)
    ]


class _Reader:
    """Samples of a source by their place on its own clock, at 48 kHz, read forwards."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: Any = None
        self._blocks: Iterator[tuple[int, Samples]] = iter(())
        self._ahead: tuple[int, Samples] | None = None
        self._open()

    def _open(self) -> None:
        self.close()
        demuxer = _DEMUXERS.get(self.path.suffix.lower())
        where = str(self.path)
        if demuxer is None:
            raise SourceError(
                "is no kind of sound file that is known here",
                where=where,
                do=f"give one of {some(_DEMUXERS, most=20)}",
            )
        if not self.path.is_file():
            raise SourceError("is not there", where=where, do="check the path")
        options = {"protocol_whitelist": "file"}
        try:
            self._file = av.open(str(self.path.resolve()), format=demuxer, options=options)
        except (av.error.FFmpegError, OSError) as error:
            what = f"cannot be read as sound: {error}"
            raise SourceError(what, where=where, do="export it as WAV or M4A") from error
        if not self._file.streams.audio:
            raise SourceError("holds no sound", where=where, do="name another file")
        self._blocks, self._ahead = self._decoded(), None

    def close(self) -> None:
        """Let the file go."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _decoded(self) -> Iterator[tuple[int, Samples]]:
        """Blocks of (2, n) samples with the place of their first one."""
        stream = self._file.streams.audio[0]
        mono = stream.codec_context.channels == 1
        layout = "mono" if mono else "stereo"
        resampler = av.AudioResampler(format="fltp", layout=layout, rate=RATE_HZ)
        due: int | None = None
        try:
            for frame in self._frames(stream):
                for piece in resampler.resample(frame):
                    if piece.pts is None or piece.time_base is None:
                        raise SourceError("has sound without times", where=str(self.path))
                    samples = piece.to_ndarray().astype(np.float32, copy=False)
                    at = round(piece.pts * piece.time_base * RATE_HZ)
                    # Stamps in coarse time bases jitter; only a real step moves the sound.
                    if due is None or abs(at - due) > RATE_HZ // 50:
                        due = at
                    yield due, np.broadcast_to(samples, (2, samples.shape[1]))
                    due += samples.shape[1]
        except av.error.FFmpegError as error:
            what = f"is damaged after {(due or 0) / RATE_HZ:.2f} s: {error}"
            raise SourceError(what, where=str(self.path), do="export it again") from error

    def _frames(self, stream: Any) -> Iterator[Any]:
        yield from self._file.decode(stream)
        yield None  # what the resampler still holds

    def read(self, start: int, count: int) -> Samples:
        """`count` samples from place `start`, (2, count); silence where the source has none."""
        out = np.zeros((2, count), np.float32)
        if self._ahead is not None and start < self._ahead[0]:
            self._open()
        while True:
            if self._ahead is None:
                self._ahead = next(self._blocks, None)
                if self._ahead is None:
                    # At its end: a later read that steps back has to start anew.
                    self._ahead = (1 << 62, np.zeros((2, 0), np.float32))
            first, samples = self._ahead
            low, high = max(first, start), min(first + samples.shape[1], start + count)
            if low < high:
                out[:, low - start : high - start] = samples[:, low - first : high - first]
            if first + samples.shape[1] >= start + count:
                return out
            self._ahead = None


class _encoder:  # noqa: N801 - used as a function: `with _encoder(...) as encode`
    """A track file being written; gives a function that takes (2, n) float32 blocks."""

    def __init__(self, path: Path, codec: str, bit_rate: int | None) -> None:
        suffix(codec)
        self.codec = codec
        self._file = av.open(str(path), "w", options={"fflags": "+bitexact"})
        stream = self._file.add_stream(codec, rate=RATE_HZ, layout="stereo")
        if not isinstance(stream, av.AudioStream):
            raise TypeError(codec)
        # Left alone, FLAC would take 16 bits.
        stream.codec_context.format = av.AudioFormat("fltp" if codec == "aac" else "s32")
        if bit_rate:
            stream.bit_rate = bit_rate
        stream.options = {"flags": "+bitexact"}
        stream.time_base = Fraction(1, RATE_HZ)
        self._stream, self._sent = stream, 0
        self._fifo = av.AudioFifo()

    def __enter__(self) -> _encoder:
        self._stream.codec_context.open()
        return self

    def __call__(self, block: Samples) -> None:
        frame = av.AudioFrame.from_ndarray(*self._stored(block), layout="stereo")
        frame.sample_rate, frame.pts = RATE_HZ, self._sent
        frame.time_base = Fraction(1, RATE_HZ)
        self._sent += block.shape[1]
        self._fifo.write(frame)
        size = self._stream.codec_context.frame_size or 1024
        while (part := self._fifo.read(size)) is not None:
            self._file.mux(self._stream.encode(part))

    def _stored(self, block: Samples) -> tuple[NDArray[Any], str]:
        if self.codec == "aac":
            return np.ascontiguousarray(block), "fltp"
        whole = np.rint(np.clip(block, -1, 1).astype(np.float64) * 8_388_607).astype(np.int32)
        return np.ascontiguousarray((whole << 8).T.reshape(1, -1)), "s32"

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            rest = self._fifo.read(partial=True)
            if rest is not None:
                self._file.mux(self._stream.encode(rest))
            self._file.mux(self._stream.encode(None))
        self._file.close()
