"""The sound of a clip, exact in time: on the clip's own clock, small enough to compare.

A clip's sound has its own time stamps. Where its codec fills up before the first sample (AAC
1024 or 2112 samples, MP3 1105), the container says how many to leave out, in an edit list or
as a codec delay, and FFmpeg heeds it; where it does not say, that is told.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from descent.errors import Damaged, DescentError
from descent.sources.scan import DEMUXERS, OPTIONS
from descent.sources.sniff import header

MOST_PRIMING = 2112
"""Samples that a codec may put before the first one: what Apple's AAC does, the most there is."""

_SOUND_ONLY = {
    ".wav": "wav", ".w64": "w64", ".aif": "aiff", ".aiff": "aiff", ".flac": "flac",
    ".mp3": "mp3", ".aac": "aac", ".ogg": "ogg", ".opus": "ogg", ".m4a": "mov", ".mka": "matroska",
}  # fmt: skip
_LAPPED = frozenset({"aac", "mp3", "mp3float", "mp2", "ac3", "eac3", "vorbis", "opus", "libopus"})
_STEADY_S = Fraction(1, 2000)  # stamps may jitter by so much, and by the ticks they count in


@dataclass(slots=True)
class Sound:
    """The sound of one file, read forward by `blocks`.

    `start_s` is when its first sample is heard, in seconds of the file's time stamps, exactly;
    `unsure_s` how far that may be off, where the file does not say what its codec put first;
    both are set once the first block is read. `holes` counts places without sound.
    """

    path: Path
    rate_hz: int
    start_s: Fraction | None = None
    unsure_s: Fraction = Fraction(0)
    holes: int = 0

    def blocks(self) -> Iterator[NDArray[np.int16]]:
        """Its samples (n,), mono, at `rate_hz`, block by block; silence where there is none.

        Raises `Damaged` where it breaks off.
        """
        import av

        try:
            with _open(self.path) as container:
                yield from self._resampled(self._pieces(container))
        except (av.FFmpegError, OSError) as error:
            at = "" if self.start_s is None else " part of the way through"
            raise Damaged(
                f"its sound cannot be read{at}: {error}", where=str(self.path),
                do="fetch or copy the file again",
            ) from error  # fmt: skip

    def _pieces(self, container: Any) -> Iterator[tuple[NDArray[np.float32], int]]:
        """Mono samples as they follow each other, and how many a second."""
        stream = container.streams.audio[0]
        codec = str(stream.codec_context.name)
        due: Fraction | None = None
        told = codec not in _LAPPED
        first_packet: Fraction | None = None
        for packet in container.demux(stream):
            if first_packet is None and packet.pts is not None:
                first_packet = packet.pts * Fraction(packet.time_base)
                told = told or first_packet < 0
            for frame in packet.decode():
                if frame.pts is None or not frame.samples:
                    continue
                at, rate = frame.pts * Fraction(frame.time_base), int(frame.sample_rate)
                samples = _mono(frame)
                if due is None:
                    self.start_s = due = at
                    told = told or (first_packet is not None and first_packet < at)
                    self.unsure_s = Fraction(0 if told else MOST_PRIMING, rate)
                # Between real breaks samples are counted: stamps are rounded, samples are not.
                slack = _STEADY_S + 2 * Fraction(frame.time_base)
                gap = round((at - due) * rate) if abs(at - due) > slack else 0
                if gap > 0:
                    self.holes += 1
                    yield np.zeros(gap, np.float32), rate
                elif gap < 0:
                    samples = samples[-gap:]
                due += Fraction(max(gap, 0) + len(samples), rate)
                yield samples, rate

    def _resampled(
        self, pieces: Iterator[tuple[NDArray[np.float32], int]]
    ) -> Iterator[NDArray[np.int16]]:
        import av

        resampler: Any = None
        for samples, rate in pieces:
            if resampler is None:
                resampler = av.AudioResampler(format="s16", layout="mono", rate=self.rate_hz)
            if not len(samples):
                continue
            frame = av.AudioFrame.from_ndarray(samples[None, :], format="flt", layout="mono")
            frame.sample_rate = rate
            for part in resampler.resample(frame):
                yield part.to_ndarray()[0].astype(np.int16, copy=False)
        if resampler is not None:
            for part in resampler.resample(None):
                yield part.to_ndarray()[0].astype(np.int16, copy=False)


def has_sound(path: Path) -> bool:
    """Whether a file holds a track of sound.

    Raises `Damaged` for a file that cannot be read, `DescentError` for one of no known kind.
    """
    import av

    try:
        with _open(path) as container:
            return bool(container.streams.audio)
    except (av.FFmpegError, OSError) as error:
        raise Damaged(
            f"cannot be read: {error.strerror or error}", where=str(path),
            do="fetch or copy the file again", path=str(path),
        ) from error  # fmt: skip


def _open(path: Path) -> Any:
    """The container, by a demuxer that its bytes or its suffix chose."""
    import av

    form = _SOUND_ONLY.get(path.suffix.lower()) or DEMUXERS.get(header(str(path)).kind)
    if form is None:
        raise DescentError(
            "is no kind of sound file that is known here", where=str(path),
            do=f"give one of {', '.join(_SOUND_ONLY)}, or a clip",
        )  # fmt: skip
    return av.open("file:" + str(path.absolute()), format=form, options=OPTIONS)


def _mono(frame: Any) -> NDArray[np.float32]:
    """All channels of a frame in one, -1 to 1."""
    samples = frame.to_ndarray()
    if samples.dtype.kind in "iu":
        full = float(np.iinfo(samples.dtype).max) + 1
        middle = full / 2 if samples.dtype.kind == "u" else 0.0
        samples = (samples.astype(np.float32) - middle) / (full / 2 if middle else full)
    channels = len(frame.layout.channels)
    if not frame.format.is_planar:
        samples = samples.reshape(-1, channels).T
    mixed: NDArray[np.float32] = samples.astype(np.float32, copy=False).mean(axis=0)
    return np.ascontiguousarray(mixed)
