"""Clips of shots: the right frame for every index, in the declared format, or an error."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from descent.clip import Clip
from descent.errors import Damaged, FormatError, SourceError
from descent.model import Format, Planes
from descent.sources.examine import examine, probe
from descent.sources.listing import list_camera
from descent.sources.reader import open_clip
from descent.sources.scan import scan
from descent.sources.stills import Still, read_still
from descent.tools.colour import grey_to_planes, rgb_to_planes

MakeClip = Callable[..., Path]
WritePng = Callable[..., Path]
NumberIn = Callable[[NDArray[Any]], int]


def opened(folder: Path, *patterns: str, pattern: str | None = None, **how: Any) -> Clip:
    """A clip of the files, on times that count up."""
    shots = list_camera("pad", patterns, folder).shots
    times = [Fraction(n, 30) for n in range(len(shots))]
    return open_clip(shots, times, probe(shots, pattern=pattern), **how)


def numbers(clip: Clip, indices: Sequence[int | None], read: NumberIn) -> list[int | None]:
    """The numbers that the frames of `indices` carry."""
    found: list[int | None] = []
    for frame in clip.pull(indices):
        if frame is None:
            found.append(None)
            continue
        assert isinstance(frame.pixels, Planes)
        found.append(read(frame.pixels.y))
    return found


_KINDS: dict[str, dict[str, Any]] = {
    "plain.mp4": {},
    "b_frames.mkv": {"b_frames": 3, "gop": 15},
    "open_gop.mp4": {"b_frames": 3, "options": {"x264-params": "open-gop=1:bframes=3"}},
    "uneven.mp4": {"ticks": [7 * n * n + 3 * n for n in range(30)]},
    "late.mp4": {"ticks": range(9000, 12000, 100)},
    "intra.mkv": {"codec": "ffv1"},
    "motion.avi": {"codec": "mjpeg", "pix_fmt": "yuvj420p", "ticks": range(30),
                   "time_base": Fraction(1, 30)},
    "no_b.avi": {"b_frames": 0, "ticks": range(30), "time_base": Fraction(1, 30)},
}  # fmt: skip


@pytest.mark.parametrize("name", _KINDS)
def test_every_index_gives_its_own_frame(
    tmp_path: Path, make_clip: MakeClip, number_in: NumberIn, name: str
) -> None:
    """Whatever the container, frame order and keyframes: straight, far, repeated, back."""
    make_clip(name, **_KINDS[name])
    clip = opened(tmp_path, name, planes=True)
    assert len(clip) == 30
    for indices in ([*range(30)], [29], [3, 3, None, 4, 17, 17, 29], [13, 14, 25], [20, 2, 11]):
        assert numbers(clip, indices, number_in) == indices


def test_any_rising_indices_over_chapters(
    tmp_path: Path, make_clip: MakeClip, number_in: NumberIn
) -> None:
    """Indices that rise over two chapters give their frames, whatever lies between."""
    make_clip("GX010001.MP4", range(0, 2000, 100))
    make_clip("GX020001.MP4", range(0, 2000, 100), first=20)
    clip = opened(tmp_path, "*.MP4", planes=True)

    @settings(max_examples=25)
    @given(indices=st.lists(st.integers(0, 39), min_size=1, max_size=12))
    def rising(indices: list[int]) -> None:
        assert numbers(clip, sorted(indices), number_in) == sorted(indices)

    rising()


def test_tables_and_packets_tell_the_same_times(
    tmp_path: Path, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the sample tables of an MP4 say is what its packets say."""
    make_clip("a.mp4")
    make_clip("b.mov", [0, 100, 250, 260, 700], turn=90)
    make_clip("c.mp4", range(500, 3000, 100), b_frames=0)
    quick = [scan(tmp_path / name) for name in ("a.mp4", "b.mov", "c.mp4")]
    monkeypatch.setattr("descent.sources.scan.read_tables", lambda _: None)
    slow = [scan(tmp_path / name) for name in ("a.mp4", "b.mov", "c.mp4")]
    for one, other in zip(quick, slow, strict=True):
        assert (one.pts, one.zero, one.end_s) == (other.pts, other.zero, other.end_s)
    assert [s.turn for s in quick] == [0, 90, 0]


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_rotation_tag_is_obeyed_and_said(
    tmp_path: Path, make_clip: MakeClip, number_in: NumberIn, turn: int
) -> None:
    """A clip that asks to be turned comes out upright; listing and probe say so."""
    make_clip("a.mp4", turn=turn)
    listing = list_camera("pad", ["a.mp4"], tmp_path)
    assert listing.size == ((96, 128) if turn == 180 else (128, 96))
    assert {f.code for f in listing.findings} == {"rotation"}
    assert (probe(listing.shots).rows, probe(listing.shots).cols) == listing.size
    clip = opened(tmp_path, "a.mp4", planes=True, turn=360 - turn)
    assert numbers(clip, [0, 5, 21], number_in) == [0, 5, 21]


def test_a_broken_clip_names_every_frame_that_leans_on_it(
    tmp_path: Path, make_clip: MakeClip, number_in: NumberIn
) -> None:
    """Zeroed data raises with the digest and the frames up to the next keyframe; others play."""
    path = make_clip("a.mp4", b_frames=0, gop=10, options={"sc_threshold": "0"})
    clip = opened(tmp_path, "a.mp4", planes=True)
    import av

    with av.open(str(path)) as container:
        packets = [p for p in container.demux(video=0) if p.size]
        broken = packets[13]
    assert broken.pos is not None
    place = broken.pos
    data = bytearray(path.read_bytes())
    data[place + 5 : place + broken.size - 5] = bytes(broken.size - 10)
    path.write_bytes(data)
    with pytest.raises(Damaged) as caught:
        list(clip.pull(range(30)))
    error = pickle.loads(pickle.dumps(caught.value))  # noqa: S301
    assert error.indices == tuple(range(13, 20))
    assert error.digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert error.where == "pad frame 13 (a.mp4)"
    rest = [*range(13), *range(20, 30)]
    assert numbers(clip, rest, number_in) == rest


def test_a_clip_cut_after_listing_is_damaged(tmp_path: Path, make_clip: MakeClip) -> None:
    """Frames that were listed but are no longer there raise."""
    path = make_clip("a.mkv")
    clip = opened(tmp_path, "a.mkv", planes=True)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(Damaged):
        list(clip.pull(range(30)))
    path.write_bytes(b"\x1aE\xdf\xa3" + bytes(100))
    with pytest.raises(Damaged) as caught:
        list(clip.pull([4]))
    assert caught.value.indices == tuple(range(30))


def test_none_decodes_nothing_and_sources_name_what_is_read(
    tmp_path: Path, write_png: WritePng, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None gives None without a read; `sources` names exactly the frames that pulling reads."""
    for number in range(6):
        write_png(f"frame_{number}.png")
    clip = opened(tmp_path, ".")
    read: list[Path] = []

    def noting(path: Path, *, where: str) -> Still:
        read.append(path)
        return read_still(path, where=where)

    monkeypatch.setattr("descent.sources.reader.read_still", noting)
    frames = list(clip.pull([None, 1, 1, None, 4]))
    assert [f is None for f in frames] == [True, False, False, True, False]
    assert [p.name for p in read] == ["frame_1.png", "frame_4.png"]
    assert clip.sources([1, 1, 4]) == {("pad", 1), ("pad", 4)}


def test_a_mosaic_in_three_channels_is_read_as_one(tmp_path: Path, write_png: WritePng) -> None:
    """With a pattern, three equal channels are a mosaic; its phase follows crop and turn."""
    mosaic = np.random.default_rng(0).integers(0, 255, (20, 30), dtype=np.uint8)
    for number in range(3):
        write_png(f"frame_{number}.png", np.repeat(mosaic[:, :, None], 3, axis=2))
    shots = list_camera("hover", ["."], tmp_path).shots
    found = examine(shots, pattern="RGGB")
    assert found.format == Format(20, 30, "mosaic", "uint8", "RGGB", "raw", 255.0)
    assert [f.code for f in found.findings] == ["equal_channels"]
    clip = opened(tmp_path, ".", pattern="RGGB", crop=(1, 2, 10, 12), turn=180)
    (frame,) = clip.pull([1])
    assert frame is not None
    np.testing.assert_array_equal(frame.pixels, np.rot90(mosaic[1:11, 2:14], 2))
    # The crop starts on the second row, (G, B), and ends on pixel (10, 13).
    assert clip.format.cfa == "GRBG"
    with pytest.raises(FormatError, match=r"pad: raw pictures \(mosaic\) are no planes"):
        opened(tmp_path, ".", pattern="RGGB", planes=True)


def test_colour_frames_need_no_pattern(tmp_path: Path, write_png: WritePng) -> None:
    """First-derived frames of a camera with a Bayer pattern are taken as the colour they are."""
    picture = np.random.default_rng(0).integers(0, 255, (20, 30, 3), dtype=np.uint8)
    write_png("black.png", np.zeros((20, 30, 3), np.uint8))
    write_png("colour.png", picture)
    shots = list_camera("hover", ["."], tmp_path).shots
    found = examine(shots, pattern="RGGB")
    assert (found.format.kind, found.format.cfa) == ("rgb", None)
    assert [f.code for f in found.findings] == ["colour_already"]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_stills_become_planes_by_the_one_matrix(
    tmp_path: Path, write_png: WritePng, dtype: Any
) -> None:
    """RGB and grey stills of 8 and 16 bits give the planes that tools.colour gives."""
    rng = np.random.default_rng(0)
    top = np.iinfo(dtype).max
    colour = rng.integers(0, top, (20, 30, 3), dtype=dtype)
    write_png("c/a.png", colour)
    write_png("g/a.png", colour[:, :, 0])
    for folder, wanted in (("c", rgb_to_planes(colour)), ("g", grey_to_planes(colour[:, :, 0]))):
        clip = opened(tmp_path, folder, planes=True)
        assert (clip.format.kind, clip.format.dtype) == ("yuv420", "uint8")
        (frame,) = clip.pull([0])
        assert frame is not None
        for got, want in zip(frame.pixels, wanted, strict=True):
            np.testing.assert_array_equal(got, want)


def test_clips_give_rgb_where_stages_want_it(tmp_path: Path, make_clip: MakeClip) -> None:
    """Without planes, a clip's frames are RGB of the planes it decodes."""
    make_clip("a.mp4")
    clip = opened(tmp_path, "a.mp4")
    assert (clip.format.kind, clip.format.dtype) == ("rgb", "uint8")
    (frame,) = clip.pull([5])
    assert frame is not None
    assert isinstance(frame.pixels, np.ndarray)
    assert frame.pixels.shape == (96, 128, 3)
    assert int(np.ptp(frame.pixels.astype(int), axis=2).max()) <= 1  # grey bars stay grey


def test_frames_of_another_kind_are_refused_by_name(tmp_path: Path, write_png: WritePng) -> None:
    """A size, depth or colour that changes in mid-camera is an error that names the frame."""
    for number in range(7):
        write_png(f"frame_{number}.png", np.full((6, 8), 50 + number, np.uint8))
    clip = opened(tmp_path, ".")
    write_png("frame_1.png", np.zeros((6, 10), np.uint8))
    write_png("frame_2.png", np.zeros((6, 8), np.uint16))
    write_png("frame_4.png", np.random.default_rng(0).integers(0, 255, (6, 8, 3), dtype=np.uint8))
    for index, words in ((1, "is 10 x 6 px"), (2, "uint16 pixels"), (4, "in colour")):
        with pytest.raises(
            FormatError, match=rf"pad frame {index} \(frame_{index}\.png\): .*{words}"
        ):
            list(clip.pull([index]))


def test_a_damaged_still_tells_camera_frame_and_digest(tmp_path: Path, write_png: WritePng) -> None:
    """A flipped bit in frame 1 raises for frame 1 only, with its digest and path."""
    for number in range(3):
        write_png(f"frame_{number}.png")
    path = tmp_path / "frame_1.png"
    clip = opened(tmp_path, ".")
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(data)
    assert len(list(clip.pull([0, 2]))) == 2
    with pytest.raises(Damaged) as caught:
        list(clip.pull([0, 1, 2]))
    assert caught.value.where == "pad frame 1 (frame_1.png)"
    assert (caught.value.path, caught.value.indices) == (str(path), (0,))
    assert caught.value.digest == hashlib.sha256(data).hexdigest()


def test_a_probe_looks_past_a_damaged_frame(tmp_path: Path, write_png: WritePng) -> None:
    """A camera whose first frame is broken still tells its format; an empty one does not."""
    for number in range(3):
        write_png(f"frame_{number}.png")
    (tmp_path / "frame_0.png").write_bytes((tmp_path / "frame_0.png").read_bytes()[:-9])
    assert probe(list_camera("pad", ["."], tmp_path).shots).rows == 6
    with pytest.raises(SourceError, match="holds no frames"):
        probe([])


def test_odd_pictures_are_no_planes(tmp_path: Path, write_png: WritePng) -> None:
    """A picture with an odd side is refused for 4:2:0, with the crop that cures it."""
    write_png("a.png", np.zeros((7, 9), np.uint8))
    with pytest.raises(FormatError, match="height: 6, width: 8"):
        opened(tmp_path, "a.png", planes=True)
    clip = opened(tmp_path, "a.png", planes=True, crop=(1, 1, 6, 8))
    assert (clip.format.rows, clip.format.cols) == (6, 8)


def test_an_undebayered_camera_without_a_pattern_is_said(shared_data: Path) -> None:
    """The real raw frame, taken without its pattern, is called what it is."""
    shots = list_camera("hover", ["edl_stills/Mars_*"], shared_data).shots
    assert "mosaic" in {f.code for f in examine(shots).findings}
    assert examine(shots, pattern="RGGB").format.kind == "mosaic"


def test_real_clips_by_their_own_times(shared_data: Path) -> None:
    """The four real cameras have 100 frames at exactly 60 a second, of one upright size."""
    for number in range(1, 5):
        listing = list_camera("pad", [f"multicam/cam0{number}.mp4"], shared_data)
        times = [s.stamp.value for s in listing.shots if s.stamp]
        assert times == [Fraction(n, 60) for n in range(100)]
        assert listing.size == (1920, 1088)
