"""Chunks joined into one film by stream copy, and the film held against its chunks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from fractions import Fraction
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

import av

from descent.encode.check import open_film
from descent.encode.chunk import ChunkRecord
from descent.encode.encoder import frame_ticks, libav_errors, planes_of, timescale
from descent.encode.profile import Profile
from descent.encode.signature import film_hash, picture_digest
from descent.errors import EncodeError, VerifyError
from descent.tools.files import atomic, sha256

SEAM = 2  # frames decoded after each seam


class Chapter(NamedTuple):
    """A named point of a film: `start` and `end` in film seconds, half-open."""

    start: Fraction
    end: Fraction
    title: str


@dataclass(frozen=True, slots=True)
class FilmRecord:
    """What a finished film holds; `sha256` is of the file, `picture_hash` of its pictures."""

    frames: int
    rows: int
    cols: int
    rate: str
    profile: str
    encoder: str
    bytes: int
    sha256: str
    picture_hash: str
    sound: bool

    VERSION = "film.1"

    def to_json(self) -> dict[str, Any]:
        """The record as plain JSON values, with its version."""
        return {"version": self.VERSION, **asdict(self)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> FilmRecord:
        """The record of its JSON; raises `VerifyError` for another version."""
        fields = dict(values)
        if fields.pop("version", None) != cls.VERSION:
            raise VerifyError(f"is no {cls.VERSION}", where="film record")
        return cls(**fields)


class _Packet(NamedTuple):
    """A packet as the check knows it: frame number it shows, key or not, digest."""

    frame: int
    key: bool
    digest: bytes


def join(
    chunks: Sequence[tuple[Path, ChunkRecord]],
    path: Path,
    *,
    profile: Profile,
    rate: Fraction,
    sound: Path | None = None,
    tags: Mapping[str, str] | None = None,
    chapters: Sequence[Chapter] = (),
    verify: bool = True,
) -> FilmRecord:
    """Join chunks, in order, into the film `path`; nothing is encoded again.

    Frame k of the film starts at exactly k / rate. `sound` is a track that `sound.lay`
    wrote, muxed in the same pass; `tags` are container tags such as title and comment,
    `chapters` its chapter marks. The film is then read back: every packet against the
    chunks', and the first pictures after every seam decoded and held against
    the chunks' digests. Memory does not grow with the film but for some 200 bytes a frame. Raises
    `EncodeError`, or `VerifyError` naming the chunk or frame.
    """
    path = Path(path)
    _check_records(chunks, profile, rate, path)
    starts = list(accumulate((record.frames for _, record in chunks), initial=0))
    frames = starts.pop()
    packets: list[_Packet] = []
    with atomic(path) as temporary:
        with libav_errors("cannot be joined", str(path)):
            _mux(chunks, starts, temporary, profile, rate, sound, tags or {}, chapters, packets)
        if len(packets) != frames:
            raise EncodeError(f"has {len(packets)} packets for {frames} frames", where=str(path))
        if verify:
            _check_packets(temporary, profile, rate, packets)
            _check_seams(temporary, profile, rate, chunks, starts)
        first = chunks[0][1]
        return FilmRecord(
            frames=frames,
            rows=first.rows,
            cols=first.cols,
            rate=str(rate),
            profile=profile.name,
            encoder=first.encoder,
            bytes=temporary.stat().st_size,
            sha256=sha256(temporary),
            picture_hash=film_hash(bytes.fromhex(h) for _, r in chunks for h in r.frame_hashes),
            sound=sound is not None,
        )


def _check_records(
    chunks: Sequence[tuple[Path, ChunkRecord]], profile: Profile, rate: Fraction, path: Path
) -> None:
    if not chunks:
        raise EncodeError("has no chunks to join", where=str(path), do="give it a span to show")
    first = chunks[0][1]
    for chunk, record in chunks:
        if (record.profile, record.rate) != (profile.name, str(rate)):
            what = f"was encoded as {record.profile} at {record.rate}, not {profile.name} at {rate}"
            raise EncodeError(what, where=str(chunk), do="render it again")
        if (record.rows, record.cols, record.encoder) != (first.rows, first.cols, first.encoder):
            what = "differs from the first chunk in size or encoder"
            raise EncodeError(what, where=str(chunk), do="render all with one installation")


def _mux(
    chunks: Sequence[tuple[Path, ChunkRecord]],
    starts: Sequence[int],
    path: Path,
    profile: Profile,
    rate: Fraction,
    sound: Path | None,
    tags: Mapping[str, str],
    chapters: Sequence[Chapter],
    packets: list[_Packet],
) -> None:
    flags = ["use_metadata_tags"] if profile.container == "mov" else []
    flags += ["faststart"] if profile.faststart else []
    options = {} if profile.container == "mkv" else {"video_track_timescale": str(timescale(rate))}
    if flags:
        options["movflags"] = "+" + "+".join(flags)
    heard = open_film(sound) if sound is not None else None
    # bit-exact: no library version and no date in the header, so that bytes repeat
    with av.open(str(path), "w", options={**options, "fflags": "+bitexact"}) as film:
        film.metadata.update(tags)
        with open_film(chunks[0][0]) as first:
            template = first.streams.video[0]
            header = bytes(template.codec_context.extradata or b"")
            stream = film.add_stream_from_template(template)
            stream.time_base = Fraction(1, timescale(rate))
            if profile.tag:
                stream.codec_context.codec_tag = profile.tag
        if chapters:
            film.set_chapters([_chapter(n, c) for n, c in enumerate(chapters)])
        late = max(record.reorder for _, record in chunks)
        voice = film.add_stream_from_template(heard.streams.audio[0]) if heard else None
        sounds = _sounds(heard) if heard else iter(())
        waiting = next(sounds, None)
        for (chunk, record), start in zip(chunks, starts, strict=True):
            for packet, known in _pictures(chunk, record, start, late, rate, header):
                while waiting is not None and waiting[0] <= Fraction(known.frame) / rate:
                    waiting[1].stream = voice
                    film.mux(waiting[1])
                    waiting = next(sounds, None)
                packet.stream = stream
                packets.append(known)
                film.mux(packet)
        while waiting is not None:
            waiting[1].stream = voice
            film.mux(waiting[1])
            waiting = next(sounds, None)
    if heard:
        heard.close()


def _chapter(number: int, chapter: Chapter) -> av.container.Chapter:
    base = Fraction(1, 1000)
    return {
        "id": number,
        "start": round(chapter.start / base),
        "end": round(chapter.end / base),
        "time_base": base,
        "metadata": {"title": chapter.title},
    }


def _sounds(file: Any) -> Iterator[tuple[Fraction, Any]]:
    for packet in file.demux(file.streams.audio[0]):
        if packet.size:
            yield packet.dts * packet.time_base, packet


def _pictures(
    chunk: Path, record: ChunkRecord, start: int, late: int, rate: Fraction, header: bytes
) -> Iterator[tuple[Any, _Packet]]:
    """The chunk's packets with the film's exact times."""
    ticks, base = frame_ticks(rate), Fraction(1, timescale(rate))
    with open_film(chunk, guess=False) as file:
        stream = file.streams.video[0]
        if bytes(stream.codec_context.extradata or b"") != header:
            what = "has other stream headers than the first chunk"
            raise EncodeError(what, where=str(chunk), do="render all with one installation")
        count = 0
        for packet in file.demux(stream):
            if not packet.size:
                continue
            if count == 0 and not packet.is_keyframe:
                raise EncodeError("does not start with a key frame", where=str(chunk))
            # Frame numbers first, then the film's clock: a rounded time never adds up.
            shown = start + round(packet.pts * packet.time_base * rate)
            sent = start + count - late  # one a frame: what chunks say differs in short ones
            count += 1
            packet.time_base = base
            packet.pts, packet.dts, packet.duration = shown * ticks, sent * ticks, ticks
            yield packet, _known(packet, shown)
        if count != record.frames:
            what = f"holds {count} frames, its record says {record.frames}"
            raise EncodeError(what, where=str(chunk), do="remove it and render again")


def _known(packet: Any, frame: int) -> _Packet:
    return _Packet(frame, bool(packet.is_keyframe), hashlib.sha256(packet).digest()[:16])


def _check_packets(
    path: Path, profile: Profile, rate: Fraction, packets: Sequence[_Packet]
) -> None:
    slack = Fraction(1, 2000) if profile.container == "mkv" else 0
    with open_film(path, guess=False) as film, libav_errors("cannot be read back", str(path)):
        count = 0
        for packet in film.demux(film.streams.video[0]):
            if not packet.size:
                continue
            want = packets[count] if count < len(packets) else None
            count += 1
            time = packet.pts * packet.time_base
            if want is None or _known(packet, want.frame) != want:
                raise VerifyError(f"packet {count - 1} is not its chunk's", where=str(path))
            if abs(time - want.frame / rate) > slack:
                what = f"frame {want.frame} has time {time} s, not {want.frame / rate} s"
                raise VerifyError(what, where=str(path))
        if count != len(packets):
            raise VerifyError(f"has {count} packets, not {len(packets)}", where=str(path))


def _check_seams(
    path: Path,
    profile: Profile,
    rate: Fraction,
    chunks: Sequence[tuple[Path, ChunkRecord]],
    starts: Sequence[int],
) -> None:
    """Decode the first pictures of each chunk in the film and hold them against its digests."""
    seams = [
        (start, record)
        for (_, record), start in zip(chunks, starts, strict=True)
        if record.frame_hashes
    ]
    middle = len(seams) // 2  # each half of the film by its own reader, side by side
    halves = [half for half in (seams[:middle], seams[middle:]) if half]
    with ThreadPoolExecutor(2) as hands:
        deep = profile.depth > 8
        list(hands.map(lambda half: _check_some_seams(path, rate, half, deep=deep), halves))


def _check_some_seams(
    path: Path, rate: Fraction, seams: Sequence[tuple[int, ChunkRecord]], *, deep: bool
) -> None:
    # A seam is safe when what follows it decodes by itself, as it did in its chunk: the key
    # frame resets the decoder, so what came before it has no part in it.
    with open_film(path, guess=False) as film, libav_errors("cannot be decoded", str(path)):
        stream = film.streams.video[0]
        stream.codec_context.thread_count = 1
        for start, record in seams:
            film.seek(round(start / rate / stream.time_base), stream=stream)
            left = set(range(start, start + min(SEAM, record.frames)))
            for frame in film.decode(stream):
                number = round(frame.pts * stream.time_base * rate)
                if number in left:
                    digest = picture_digest(planes_of(frame, deep)).hex()
                    if digest != record.frame_hashes[number - start]:
                        where = f"{path}: frame {number}"
                        raise VerifyError("does not decode as in its chunk", where=where)
                    left.discard(number)
                if not left:
                    break
            if left:
                raise VerifyError("does not decode", where=f"{path}: frame {min(left)}")
