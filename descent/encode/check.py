"""Reading films back: what a file is, and whether every frame came through."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from descent.encode.encoder import BT709, LIMITED, libav_errors, planes_of
from descent.encode.profile import Profile
from descent.encode.signature import film_hash, picture_digest
from descent.errors import VerifyError
from descent.model import Planes
from descent.tools.ahead import ahead

DEMUXERS = {".mp4": "mov", ".mov": "mov", ".m4a": "mov", ".mkv": "matroska"}


def open_film(path: Path, *, guess: bool = True) -> Any:
    """Open one of our films with its demuxer forced and nothing but that file reachable.

    Without `guess` no picture is decoded to learn what the headers do not say (the sample
    format): 1 ms instead of 25 for 4K, enough for who copies packets, or decodes them anyway.
    """
    path = Path(path)
    demuxer = DEMUXERS.get(path.suffix.lower())
    if demuxer is None:
        do = f"give one of {', '.join(DEMUXERS)}"
        raise VerifyError("is no film that descent writes", where=str(path), do=do)
    if not path.is_file():
        raise VerifyError("is not there", where=str(path), do="render it again")
    options = {"protocol_whitelist": "file"}
    each: Any = None if guess else [{"skip_frame": "all"}]
    try:
        return av.open(str(path.resolve()), format=demuxer, options=options, stream_options=each)
    except (av.error.FFmpegError, OSError) as error:
        raise VerifyError(
            f"cannot be opened: {error}", where=str(path), do="make it again"
        ) from error


@dataclass(frozen=True, slots=True)
class Wanted:
    """What every picture of a film must be: `where` is told in errors, sizes are in px."""

    where: str
    profile: Profile
    rate: Fraction
    rows: int
    cols: int

    def settle(self, decoder: Any) -> None:
        """Let a decoder say what it finds wrong, instead of showing it as well as it can."""
        # Slices of a picture side by side: frames side by side would hold more of them.
        decoder.thread_count, decoder.thread_type = 2, "SLICE"
        decoder.options = {"err_detect": "crccheck+bitstream+buffer+explode"}

    def time(self, pts: int | None, number: int, base: Fraction) -> None:
        """Hold a time, in units of `base` s, to a frame's place.

        Exactly, or within the half millisecond that Matroska rounds away.
        """
        slack = Fraction(1, 2) * base if self.profile.container == "mkv" else 0
        if pts is None or abs(pts * base - number / self.rate) > slack:
            time = None if pts is None else pts * base
            what = f"has time {time} s, not {number / self.rate} s"
            raise VerifyError(what, where=f"{self.where}: frame {number}")

    def tags(self, of: Any, where: str) -> None:
        """Hold the colour tags of a picture or a stream to BT.709, limited range."""
        tags = (of.colorspace, of.color_primaries, of.color_trc, of.color_range)
        if tuple(map(int, tags)) != (BT709, BT709, BT709, LIMITED):
            raise VerifyError(f"has colour tags {tags}, not BT.709 limited", where=where)

    def planes(self, frame: Any, number: int, base: Fraction) -> Planes:
        """The planes of decoded frame `number`; raises `VerifyError` if it is not right."""
        where = f"{self.where}: frame {number}"
        self.time(frame.pts, number, base)
        if frame.is_corrupt:
            raise VerifyError("is corrupt", where=where)
        if frame.format.name != self.profile.pixel_format:
            what = f"has samples {frame.format.name}, not {self.profile.pixel_format}"
            raise VerifyError(what, where=where)
        self.tags(frame, where)
        planes = planes_of(frame, self.profile.depth > 8)
        if planes.y.shape != (self.rows, self.cols):
            what = f"is {frame.width} x {frame.height} px, not {self.cols} x {self.rows}"
            raise VerifyError(what, where=where)
        return planes


@contextmanager
def listening(decoder: str, where: str, *, here: bool = False) -> Iterator[None]:
    """Raise `VerifyError` for what a decoder of that name only logs.

    FFV1 hides a slice whose checksum fails behind the last frame's. With `here` only what is
    logged in this thread counts: others may decode broken recordings meanwhile.
    """
    level = av.logging.get_level()
    av.logging.set_level(av.logging.ERROR)
    try:
        with av.logging.Capture(local=here) as heard:
            yield
            if wrong := [text.strip() for _, name, text in heard if name == decoder]:
                raise VerifyError(f"does not decode cleanly: {wrong[0]}", where=where)
    finally:
        av.logging.set_level(level)


def _decoded(path: Path, wanted: Wanted) -> Iterator[Planes]:
    with open_film(path) as file, libav_errors("cannot be decoded", str(path)):
        if not file.streams.video:
            raise VerifyError("holds no pictures", where=str(path))
        stream = file.streams.video[0]
        wanted.settle(stream.codec_context)
        with listening(stream.codec_context.name, str(path)):
            for number, frame in enumerate(file.decode(stream)):
                yield wanted.planes(frame, number, stream.time_base)


def picture_digests(
    path: Path, profile: Profile, rate: Fraction, *, rows: int, cols: int
) -> tuple[bytes, ...]:
    """The digests of a film's pictures in order, all of it decoded.

    Raises `VerifyError` (or `EncodeError` from libav) at the first picture whose time, size,
    samples or colour tags are not those of the profile.
    """
    wanted = Wanted(str(path), profile, rate, rows, cols)
    # One is hashed while the next is decoded.
    return tuple(picture_digest(planes) for planes in ahead(_decoded(path, wanted)))


@dataclass(frozen=True, slots=True)
class FilmInfo:
    """What a film is, as its file says: sizes in px, times in s, `rate` in frames/s.

    `frames` are counted, not believed; `tags` and `chapters` are the container's;
    `faststart` says that its index comes before its pictures.
    """

    path: Path
    container: str
    codec: str
    codec_tag: str
    pixel_format: str
    rows: int
    cols: int
    rate: Fraction
    frames: int
    duration_s: Fraction
    bt709: bool
    audio: str | None
    audio_rate_hz: int | None
    audio_channels: int | None
    audio_duration_s: Fraction | None
    tags: dict[str, str]
    chapters: tuple[tuple[Fraction, Fraction, str], ...]
    faststart: bool


def probe(path: Path) -> FilmInfo:
    """What the film at `path` is, without decoding it; raises `VerifyError`."""
    with open_film(path) as file, libav_errors("cannot be read", str(path)):
        if not file.streams.video:
            raise VerifyError("holds no pictures", where=str(path))
        video = file.streams.video[0]
        voice = file.streams.audio[0] if file.streams.audio else None
        context = video.codec_context
        frames, heard = 0, 0
        first: Fraction | None = None
        last = Fraction(0)
        for packet in file.demux([s for s in (video, voice) if s is not None]):
            if not packet.size:
                continue
            if packet.stream is voice:
                heard = max(heard, packet.pts + (packet.duration or 0))
                continue
            frames += 1
            time = packet.pts * packet.time_base
            first, last = min(time, time if first is None else first), max(time, last)
        rate = Fraction(video.average_rate or video.base_rate)
        tags = (context.colorspace, context.color_primaries, context.color_trc)
        return FilmInfo(
            path=Path(path),
            container=Path(path).suffix[1:],
            codec=context.name,
            codec_tag=str(context.codec_tag),
            pixel_format=str(context.pix_fmt),
            rows=context.height,
            cols=context.width,
            rate=rate,
            frames=frames,
            duration_s=last - (first or 0) + 1 / rate,
            bt709=(*map(int, tags), int(context.color_range)) == (BT709, BT709, BT709, LIMITED),
            audio=voice.codec_context.name if voice else None,
            audio_rate_hz=voice.codec_context.sample_rate if voice else None,
            audio_channels=voice.codec_context.channels if voice else None,
            audio_duration_s=heard * voice.time_base if voice else None,
            tags=dict(file.metadata),
            chapters=tuple(
                (c["start"] * c["time_base"], c["end"] * c["time_base"], c["metadata"]["title"])
                for c in file.chapters()
            ),
            faststart=_index_first(Path(path)),
        )


def _index_first(path: Path) -> bool:
    """Whether `moov` comes before `mdat` among the file's top boxes."""
    if path.suffix not in {".mp4", ".mov", ".m4a"}:
        return False
    with path.open("rb") as file:
        while len(head := file.read(8)) == 8:
            size, kind = int.from_bytes(head[:4], "big"), head[4:]
            if kind in {b"moov", b"mdat"}:
                return kind == b"moov"
            if size == 1:
                size = int.from_bytes(file.read(8), "big") - 8
            file.seek(size - 8, 1)
    return False


def verify_video(
    path: Path,
    profile: Profile,
    rate: Fraction,
    *,
    rows: int,
    cols: int,
    frames: int,
    picture_hash: str | None = None,
    full: bool = False,
) -> FilmInfo:
    """Hold a finished film against what its record says; raises `VerifyError`.

    Without `full` it is opened, measured and its frames counted, nothing decoded; with
    `full` every frame is decoded, its time and tags checked, and the picture hash compared.
    """
    info = probe(path)
    found = {
        "samples": info.pixel_format,
        "size": (info.cols, info.rows),
        "frames": info.frames,
        "BT.709 limited": info.bt709,
        "index first": info.faststart,
    }
    wanted = {
        "samples": profile.pixel_format,
        "size": (cols, rows),
        "frames": frames,
        "BT.709 limited": True,
        "index first": profile.faststart,
    }
    if profile.container != "mkv":
        found["rate"], wanted["rate"] = info.rate, rate
    for key, want in wanted.items():
        if found[key] != want:
            what = f"{key} is {found[key]}, the record says {want}"
            raise VerifyError(what, where=str(path), do="render it again")
    if full:
        digests = picture_digests(path, profile, rate, rows=rows, cols=cols)
        if len(digests) != frames:
            what = f"{len(digests)} frames decode, not {frames}"
            raise VerifyError(what, where=str(path), do="render it again")
        if picture_hash is not None and film_hash(digests) != picture_hash:
            what = "its pictures are not those that were rendered"
            raise VerifyError(what, where=str(path), do="render it again")
    return info
