"""What an encoder puts out, decoded while it still encodes, and found again in its file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

import av

from descent.encode.check import Wanted, listening, open_film
from descent.encode.encoder import BT709, LIMITED, libav_errors
from descent.encode.profile import Profile
from descent.encode.signature import Signature, mismatch, picture_digest, signature, sure_change
from descent.errors import EncodeError
from descent.tools.process import step_back

# Packets that may wait: few, since those of a lossless codec are as large as pictures, and
# since what still waits when the encoder is done is decoded by itself.
WAITING = 2
# Codecs whose packets are cut into units, marked by start codes in a stream and by lengths
# in MP4 and MOV: ITU-T H.264 and H.265, annexes B; ISO/IEC 14496-15.
UNITS = {"h264", "hevc"}


@dataclass(frozen=True, slots=True)
class _Packet:
    """A packet without its wrapping: its frame's number, whether it is a key, what it holds."""

    frame: int
    key: bool
    digest: bytes


class Echo:
    """Decodes an encoder's packets in a thread of its own, as they come.

    `hear(packet, extradata)` takes each before it is written. `finish(fed)` waits for the last
    and holds a signature of every picture against what was fed; `digests` are then those of
    the decoded pictures in order. `hold(path)` finds the very same packets in the file, so
    that what was decoded is what was written; the file's own headers are tried where a film is
    decoded at the seams of its chunks.
    """

    def __init__(self, profile: Profile, rate: Fraction, rows: int, cols: int, where: str) -> None:
        self.digests: list[bytes] = []
        self._profile, self._rate = profile, rate
        self._wanted = Wanted(where, profile, rate, rows, cols)
        self._codec = av.Codec(profile.codec, "w").canonical_name
        self._signatures: list[Signature] = []
        self._packets: list[_Packet] = []
        self._waiting: Queue[tuple[Any, bytes | None] | None] = Queue(WAITING)
        self._error: BaseException | None = None
        self._ended = False  # the last packet has been taken
        self._thread = Thread(target=self._work, daemon=True)
        self._thread.start()

    def hear(self, packet: Any, extradata: bytes | None) -> None:
        """Take a packet as the encoder gave it, its times still in frames."""
        data = bytes(packet)
        own = av.Packet(data)
        own.pts, own.dts, own.time_base = packet.pts, packet.dts, 1 / self._rate
        units = _by_start(data) if self._codec in UNITS else [data]
        self._packets.append(_Packet(packet.pts, packet.is_keyframe, _digest(units)))
        self._waiting.put((own, extradata))

    def finish(self, fed: Sequence[Signature]) -> None:
        """Wait until all is decoded, and compare it with the signatures of what was fed.

        Raises `VerifyError` for a picture of another time, size, sample kind or colour tag,
        `EncodeError` for packets that do not decode, or that show other pictures.
        """
        self._close()
        if self._error is not None:
            raise self._error
        bad = mismatch(fed, self._signatures, sure_change(self._profile.crf))
        if bad is not None:
            raise EncodeError(bad[1], where=f"{self._wanted.where}: frame {bad[0]}", do="run again")

    def hold(self, path: Path) -> None:
        """Hold the packets and tags of the file at `path` against those heard.

        Raises `EncodeError` for a packet that differs, `VerifyError` for a time or tag.
        """
        found: list[_Packet] = []
        with open_film(path, guess=False) as file, libav_errors("cannot be read", str(path)):
            stream = file.streams.video[0]
            self._wanted.tags(stream.codec_context, str(path))
            for packet in file.demux(stream):
                if not packet.size:
                    continue
                if len(found) == len(self._packets):
                    what = f"holds more packets than the {len(found)} that were encoded"
                    raise EncodeError(what, where=str(path), do="run again")
                frame = self._packets[len(found)].frame
                self._wanted.time(packet.pts, frame, packet.time_base)
                data = bytes(packet)
                units = _by_length(data) if self._codec in UNITS else [data]
                found.append(_Packet(frame, packet.is_keyframe, _digest(units)))
        if len(found) != len(self._packets):
            what = f"holds {len(found)} packets, not {len(self._packets)}"
            raise EncodeError(what, where=str(path), do="run again")
        for one, other in zip(self._packets, found, strict=True):
            if one != other:
                what = "the file does not hold what was encoded"
                raise EncodeError(what, where=f"{path}: frame {one.frame}", do="run again")

    def __enter__(self) -> Echo:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def _close(self) -> None:
        if self._thread.is_alive():
            self._waiting.put(None)
            self._thread.join()

    def _work(self) -> None:
        step_back()
        try:
            with libav_errors("cannot be decoded", self._wanted.where):
                if self._codec == "ffv1":
                    with listening(self._codec, self._wanted.where, here=True):
                        self._look()
                else:
                    self._look()
        except BaseException as error:  # it is the encoder's side to raise
            self._error = error
            while not self._ended:
                self._ended = self._waiting.get() is None  # whoever feeds must not wait for ever

    def _look(self) -> None:
        for frame in self._frames():
            planes = self._wanted.planes(frame, len(self.digests), 1 / self._rate)
            self.digests.append(picture_digest(planes))
            self._signatures.append(signature(planes))
            del frame, planes  # a picture less to hold while the next is waited for

    def _frames(self) -> Iterator[Any]:
        decoder: Any = None
        while (heard := self._waiting.get()) is not None:
            packet, extradata = heard
            if decoder is None:
                decoder = self._decoder(extradata)
            yield from decoder.decode(packet)
        self._ended = True
        if decoder is not None:
            yield from decoder.decode(None)

    def _decoder(self, extradata: bytes | None) -> Any:
        """A decoder told what a container would tell it."""
        decoder: Any = av.CodecContext.create(self._codec, "r")
        self._wanted.settle(decoder)
        if self._codec == "ffv1":
            decoder.thread_count = 1  # so that what it says of a slice is said in this thread
        decoder.width, decoder.height = self._wanted.cols, self._wanted.rows
        decoder.colorspace = decoder.color_primaries = decoder.color_trc = BT709
        decoder.color_range = LIMITED
        if extradata:
            decoder.extradata = extradata
        if self._profile.tag:
            decoder.codec_tag = self._profile.tag
        return decoder


def _digest(units: list[bytes]) -> bytes:
    whole = hashlib.sha256()
    for unit in units:
        whole.update(len(unit).to_bytes(4, "big") + unit)
    return whole.digest()


def _by_start(data: bytes) -> list[bytes]:
    # Zeros before a start code belong to it: no unit ends in one.
    units = (unit.rstrip(b"\0") for unit in data.split(b"\0\0\1"))
    return [unit for unit in units if unit]


def _by_length(data: bytes) -> list[bytes]:
    units, at = [], 0
    while at + 4 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        units.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    return units
