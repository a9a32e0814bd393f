"""Chunks and films: every tick shows what it was fed, and nothing wrong gets a name."""

from __future__ import annotations

import resource
import shutil
import subprocess
import threading
import wave
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from descent.encode import chunk as chunk_module
from descent.encode.check import probe, verify_video
from descent.encode.chunk import ChunkRecord, write_chunk
from descent.encode.echo import Echo
from descent.encode.encoder import Encoder
from descent.encode.join import Chapter, join
from descent.encode.profile import Profile, load_profile
from descent.errors import DescentError, EncodeError, FormatError, VerifyError
from descent.model import Planes
from descent.sound import Placement, lay

from .numbered import COLS, ROWS, picture, pictures, read

RATES = [Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(30), Fraction(60)]
CODECS = ["h264", "h264_uhd", "hevc", "prores", "ffv1"]
Chunks = list[tuple[Path, ChunkRecord]]


def _chunks(folder: Path, profile: Profile, rate: Fraction, sizes: list[int]) -> Chunks:
    chunks: Chunks = []
    start = 0
    for n, size in enumerate(sizes):
        path = folder / f"chunk{n}{profile.extension}"
        numbers = range(start, start + size)
        record = write_chunk(path, pictures(numbers, profile), profile=profile, rows=ROWS,
                             cols=COLS, rate=rate, frames=size)  # fmt: skip
        chunks.append((path, record))
        start += size
    return chunks


@pytest.mark.parametrize("rate", RATES, ids=str)
@pytest.mark.parametrize("name", CODECS)
def test_every_tick_shows_its_frame(tmp_path: Path, name: str, rate: Fraction) -> None:
    """Through every codec and rate, joined chunks show frame k at exactly k / rate, all of them."""
    profile = load_profile(name)
    chunks = _chunks(tmp_path, profile, rate, [23, 1, 17])
    film = tmp_path / f"film{profile.extension}"
    record = join(chunks, film, profile=profile, rate=rate)
    numbers, times = read(film, profile)
    assert numbers == list(range(41))
    slack = Fraction(1, 2000) if profile.container == "mkv" else 0
    assert all(abs(t - k / rate) <= slack for k, t in enumerate(times))
    info = verify_video(film, profile, rate, rows=ROWS, cols=COLS, frames=41,
                        picture_hash=record.picture_hash, full=True)  # fmt: skip
    assert (info.frames, info.bt709, info.faststart) == (41, True, profile.faststart)
    assert info.codec_tag.strip("\0") == {"hevc": "hvc1", "prores": "apch"}.get(
        name, info.codec_tag.strip("\0")
    )


def test_lossless_chunks_join_to_the_single_pass(tmp_path: Path) -> None:
    """FFV1 in chunks decodes to the very samples fed, and to those of one single pass."""
    profile, rate = load_profile("ffv1"), Fraction(30000, 1001)
    pieces = join(_chunks(tmp_path, profile, rate, [10, 10, 5]), tmp_path / "a.mkv",
                  profile=profile, rate=rate)  # fmt: skip
    whole = join(_chunks(tmp_path, profile, rate, [25]), tmp_path / "b.mkv",
                 profile=profile, rate=rate)  # fmt: skip
    assert pieces.picture_hash == whole.picture_hash
    assert pieces.frames == whole.frames == 25


@pytest.mark.parametrize("name", CODECS)
def test_the_same_pictures_give_the_same_bytes(tmp_path: Path, name: str) -> None:
    """Chunks and films are the same bytes each time they are made."""
    profile, rate = load_profile(name), Fraction(30)
    films = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        chunks = _chunks(folder, profile, rate, [9, 8])
        films.append(join(chunks, folder / f"f{profile.extension}", profile=profile, rate=rate))
    assert films[0] == films[1]


class _Tampered(Encoder):
    """An encoder that loses and repeats what it is told to."""

    order: tuple[int, ...] = ()

    def feed(self, picture: Planes) -> None:
        """Keep every picture, to encode them in another order at the end."""
        self.kept = [*getattr(self, "kept", []), Planes(*(p.copy() for p in picture))]
        self.frames += 1

    def finish(self) -> None:
        """Encode what `order` says, and pretend that it was all."""
        self.frames = 0
        for k in self.order:
            super().feed(self.kept[k])
        super().finish()
        self.frames = len(self.kept)


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ((0, 1, 2, 3, 4, 6, 7, 8, 8), "shows what was fed as frame|is off by"),
        ((0, 1, 2, 4, 3, 5, 6, 7, 8), "shows what was fed as frame|is off by"),
        ((0, 1, 2, 3, 4, 5, 6, 7), "9 frames were fed, 8 came back"),
    ],
    ids=["dropped and doubled", "swapped", "one short"],
)
def test_a_chunk_that_shows_other_frames_gets_no_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: tuple[int, ...], said: str
) -> None:
    """A frame dropped and another doubled, swapped, or one missing is found by decoding once."""
    _Tampered.order = order
    monkeypatch.setattr(chunk_module, "Encoder", _Tampered)
    profile = load_profile("h264")
    quiet = [replace_corner(picture(0, profile), k) for k in range(9)]
    with pytest.raises(EncodeError, match=said):
        write_chunk(tmp_path / "c.mp4", quiet, profile=profile, rows=ROWS, cols=COLS,
                    rate=Fraction(30))  # fmt: skip
    assert list(tmp_path.iterdir()) == []


def replace_corner(planes: Planes, number: int) -> Planes:
    """The same picture but for a small changing corner: a clock's last digit."""
    y = planes.y.copy()
    y[40:52, 100:108] = 60 + 15 * number
    return planes._replace(y=y)


def test_what_would_be_bent_is_refused(tmp_path: Path) -> None:
    """Odd sizes, other planes, too deep values and a wrong count are errors with a cure."""
    profile = load_profile("h264")
    good = picture(1, profile)
    rate = Fraction(30)

    def chunk(planes: list[Planes], rows: int, cols: int, frames: int | None = None) -> None:
        write_chunk(tmp_path / "c.mp4", planes, profile=profile, rows=rows, cols=cols,
                    rate=rate, frames=frames)  # fmt: skip

    with pytest.raises(FormatError, match=r"odd side.*choose 160x64"):
        chunk([good], 65, 160)
    with pytest.raises(FormatError, match=r"frame 0.*plane y"):
        chunk([good], 66, 160)
    with pytest.raises(FormatError, match=r"plane y is uint16"):
        chunk([Planes(*(p.astype(np.uint16) for p in good))], ROWS, COLS)
    with pytest.raises(EncodeError, match="more than 1 frames"):
        chunk([good, good], ROWS, COLS, 1)
    with pytest.raises(EncodeError, match="given 1 frames, not 2"):
        chunk([good], ROWS, COLS, 2)
    with pytest.raises(EncodeError, match="given 0 frames"):
        chunk([], ROWS, COLS)
    ten = load_profile("hevc")
    deep = picture(1, ten)
    deep.y[0, 0] = 1024
    with pytest.raises(FormatError, match="holds 1024, over 10 bits"):
        write_chunk(tmp_path / "c.mp4", [deep], profile=ten, rows=ROWS, cols=COLS, rate=rate)
    assert list(tmp_path.iterdir()) == []


def test_an_option_the_encoder_does_not_know_is_refused(tmp_path: Path) -> None:
    """What libav would log and ignore is an error that names the option."""
    profile = load_profile("h264")
    for options in ({"bogus": "1"}, {"x264-params": "bogus=1"}):
        wrong = profile.model_copy(update={"options": options})
        with pytest.raises(EncodeError, match="bogus"):
            write_chunk(tmp_path / "c.mp4", [picture(0, profile)], profile=wrong, rows=ROWS,
                        cols=COLS, rate=Fraction(30))  # fmt: skip


def test_chunks_written_at_once_are_those_written_one_by_one(tmp_path: Path) -> None:
    """Of two chunks the second's pictures begin when the first is fed; bytes do not change."""
    profile = load_profile("h264")
    fed: list[int] = []

    def noted(numbers: range) -> Iterator[Planes]:
        for number, made in zip(numbers, pictures(numbers, profile), strict=True):
            fed.append(number)
            yield made

    def write(folder: Path, start: int) -> ChunkRecord:
        folder.mkdir(exist_ok=True)
        return write_chunk(folder / f"{start}.mp4", noted(range(start, start + 25)),
                           profile=profile, rows=ROWS, cols=COLS, rate=Fraction(30),
                           frames=25)  # fmt: skip

    apart = [write(tmp_path / "apart", start) for start in (0, 25)]
    fed.clear()
    with ThreadPoolExecutor(2) as hands:
        together = list(hands.map(lambda start: write(tmp_path / "together", start), (0, 25)))
    assert together == apart
    first = fed[0] // 25 * 25
    assert fed == [*range(first, first + 25), *range(25 - first, 50 - first)]


def test_an_error_of_the_pictures_passes_and_leaves_nothing(tmp_path: Path) -> None:
    """A picture that cannot be made ends the chunk with its own error and no file."""
    profile = load_profile("h264")

    def broken() -> Iterator[Planes]:
        yield picture(0, profile)
        raise DescentError("no picture", where="hover")

    with pytest.raises(DescentError, match="hover: no picture"):
        write_chunk(tmp_path / "c.mp4", broken(), profile=profile, rows=ROWS, cols=COLS,
                    rate=Fraction(30))  # fmt: skip
    assert list(tmp_path.iterdir()) == []


def test_who_feeds_an_encoder_that_is_left_is_told(tmp_path: Path) -> None:
    """A feeder in another thread gets an error, and does not wait for ever, when it is left."""
    profile = load_profile("h264")
    told: list[str] = []

    def feed(encoder: Encoder) -> None:
        try:
            for k in range(100_000):
                encoder.feed(picture(k % 50, profile))
        except EncodeError as error:
            told.append(error.what)

    feeders: list[threading.Thread] = []

    def left() -> None:
        with Encoder(tmp_path / "c.mp4", profile, ROWS, COLS, Fraction(30)) as encoder:
            feeders.append(threading.Thread(target=feed, args=(encoder,), daemon=True))
            feeders[0].start()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        left()
    feeder = feeders[0]
    feeder.join(timeout=20)
    assert not feeder.is_alive()
    assert told == ["was left before its last picture"]


def _noise(profile: Profile, count: int) -> Iterator[Planes]:
    rng = np.random.default_rng(5)
    for k in range(count):
        planes = picture(k, profile)
        yield planes._replace(y=rng.integers(16, 235, planes.y.shape, dtype=planes.y.dtype))


@pytest.fixture(params=["limit", "tmpfs"])
def full_disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A folder in which no file can grow past 96 kB."""
    folder = tmp_path / "small"
    folder.mkdir()
    if request.param == "limit":
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (96 << 10, hard))
        yield folder
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        return
    mount, umount = shutil.which("mount"), shutil.which("umount")
    command = [str(mount), "-t", "tmpfs", "-o", "size=96k", "tmpfs", str(folder)]
    if not (mount and umount) or subprocess.run(command, capture_output=True).returncode:  # noqa: PLW1510, S603
        pytest.skip("a tmpfs can be mounted by root only")
    yield folder
    subprocess.run([umount, str(folder)], check=True)  # noqa: S603


@pytest.mark.parametrize("name", ["h264", "prores", "ffv1"])
def test_a_full_disk_is_an_error_and_leaves_nothing(full_disk: Path, name: str) -> None:
    """A chunk that does not fit is refused in plain words; no file and no temporary stays."""
    profile = load_profile(name)
    path = full_disk / f"c{profile.extension}"
    with pytest.raises(DescentError, match=r"full|written|large"):
        write_chunk(path, _noise(profile, 60), profile=profile, rows=ROWS, cols=COLS,
                    rate=Fraction(30))  # fmt: skip
    assert list(full_disk.iterdir()) == []


def test_a_joined_film_is_held_against_its_chunks(tmp_path: Path) -> None:
    """A chunk changed after it was checked, lost, or of another film is found when joining."""
    profile, rate = load_profile("h264"), Fraction(30)
    chunks = _chunks(tmp_path, profile, rate, [12, 12])
    film = tmp_path / "film.mp4"
    short = [chunks[0], (chunks[1][0], replace(chunks[1][1], frames=11))]
    with pytest.raises(EncodeError, match="holds 12 frames, its record says 11"):
        join(short, film, profile=profile, rate=rate)
    with pytest.raises(VerifyError, match=r"frame 12.*as in its chunk"):
        join([chunks[0], (chunks[0][0], chunks[1][1])], film, profile=profile, rate=rate)
    with pytest.raises(EncodeError, match="not h264 at 25"):
        join(chunks, film, profile=profile, rate=Fraction(25))
    with pytest.raises(EncodeError, match="no chunks"):
        join([], film, profile=profile, rate=rate)
    chunks[1][0].unlink()
    with pytest.raises(VerifyError, match="is not there"):
        join(chunks, film, profile=profile, rate=rate)
    assert not film.exists()


def test_a_flipped_bit_is_found_by_a_full_look(tmp_path: Path) -> None:
    """`verify_video(full=True)` finds one changed byte among the pictures."""
    profile, rate = load_profile("ffv1"), Fraction(24)
    film = tmp_path / "film.mkv"
    record = join(_chunks(tmp_path, profile, rate, [8]), film, profile=profile, rate=rate)
    data = bytearray(film.read_bytes())
    data[len(data) // 2] ^= 0x10
    film.write_bytes(data)
    with pytest.raises((VerifyError, EncodeError)):
        verify_video(film, profile, rate, rows=ROWS, cols=COLS, frames=8,
                     picture_hash=record.picture_hash, full=True)  # fmt: skip


@pytest.mark.parametrize("name", ["h264", "prores", "ffv1"])
def test_sound_tags_and_chapters_travel_with_the_film(tmp_path: Path, name: str) -> None:
    """The track keeps its length and place; title, credit and chapters are read back."""
    profile, rate = load_profile(name), Fraction(30)
    assert profile.audio is not None
    with wave.open(str(tmp_path / "s.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes((np.sin(np.arange(96_000) / 20) * 9000).astype("<i2").tobytes())
    track = tmp_path / f"track{ {'aac': '.m4a', 'flac': '.mkv'}.get(profile.audio.codec, '.mov') }"
    length = Fraction(40) / rate
    lay(tmp_path / "s.wav", [Placement(Fraction(0), Fraction(1), Fraction(0))], track,
        length_s=length, codec=profile.audio.codec)  # fmt: skip
    film = tmp_path / f"film{profile.extension}"
    tags = {"title": "Kestrel 3; drawtext=textfile=/etc/passwd", "comment": "Ä \N{ROCKET}"}
    chapters = [Chapter(Fraction(0), Fraction(1, 2), "Ignition"),
                Chapter(Fraction(1, 2), length, "Apogee")]  # fmt: skip
    chunks = _chunks(tmp_path, profile, rate, [20, 20])
    join(chunks, film, profile=profile, rate=rate, sound=track, tags=tags, chapters=chapters)
    info = probe(film)
    assert info.audio == profile.audio.codec
    assert info.audio_duration_s is not None
    assert abs(info.audio_duration_s - length) < Fraction(1024, 48_000)
    found = {key.lower(): value for key, value in info.tags.items()}
    assert (found["title"], found["comment"]) == (tags["title"], tags["comment"])
    assert [c[2] for c in info.chapters] == ["Ignition", "Apogee"]
    assert read(film, profile)[0] == list(range(40))


def test_records_travel_as_json(tmp_path: Path) -> None:
    """A chunk's record survives its JSON; another version is refused."""
    profile = load_profile("h264")
    ((_, record),) = _chunks(tmp_path, profile, Fraction(30), [3])
    assert ChunkRecord.from_json(record.to_json()) == record
    with pytest.raises(EncodeError, match=r"chunk\.1"):
        ChunkRecord.from_json({**record.to_json(), "version": "chunk.9"})


@pytest.mark.parametrize("name", ["h264", "ffv1"])
def test_a_file_that_holds_other_packets_gets_no_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """What was decoded is held against what was written, packet by packet."""
    profile = load_profile(name)
    written = Echo.hold

    def spoilt(echo: Echo, path: Path) -> None:
        data = bytearray(path.read_bytes())
        data[len(data) // 2 - 40] ^= 4  # inside the pictures, which fill the file
        path.write_bytes(data)
        written(echo, path)

    monkeypatch.setattr(Echo, "hold", spoilt)
    noisy = [picture(k, profile) for k in range(9)]
    with pytest.raises(EncodeError, match="does not hold what was encoded"):
        write_chunk(tmp_path / f"c{profile.extension}", noisy, profile=profile, rows=ROWS,
                    cols=COLS, rate=Fraction(30))  # fmt: skip
    assert list(tmp_path.iterdir()) == []
