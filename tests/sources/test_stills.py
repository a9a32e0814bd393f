"""Stills: what they are is recognised, and what is broken or hostile never passes."""

from __future__ import annotations

import contextlib
import hashlib
import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from descent.errors import Damaged, FormatError, HostileInput, SourceError
from descent.sources import jpeg
from descent.sources.stills import looks_mosaic, one_channel, read_planes, read_still
from descent.tools.colour import rgb_to_planes
from descent.tools.lend import Lender

WritePng = Callable[..., Path]


def _photo(rows: int = 120, cols: int = 160) -> NDArray[np.uint8]:
    """A picture with structure at every scale, (rows, cols, 3)."""
    rng = np.random.default_rng(5)
    base = rng.normal(0, 1, (rows, cols, 3))
    for size in (3, 9, 27):
        base += cv2.blur(rng.normal(0, size * 2, (rows, cols, 3)), (size, size))
    return np.asarray(np.clip(base * 18 + 120, 0, 255), np.uint8)


def _jpeg(**options: Any) -> bytes:
    memory = io.BytesIO()
    Image.fromarray(_photo()).save(memory, "JPEG", quality=85, **options)
    return memory.getvalue()


@pytest.mark.parametrize("options", [
    {}, {"subsampling": 0}, {"subsampling": 1}, {"progressive": True}, {"optimize": True},
    {"restart_marker_blocks": 3}, {"restart_marker_rows": 1},
])  # fmt: skip
def test_jpegs_of_all_kinds_are_read_as_a_general_decoder_reads_them(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    """Every subsampling, progressive or not, with restarts: sound files pass, pixels agree."""
    path = tmp_path / "frame.jpg"
    path.write_bytes(_jpeg(**options))
    pixels = read_still(path).pixels
    reference = np.asarray(Image.open(path).convert("RGB")).astype(int)
    assert np.abs(pixels.astype(int) - reference).max() <= 3
    assert jpeg.layout(path.read_bytes()).baseline is not options.get("progressive", False)


def test_a_cut_jpeg_is_damaged_with_its_digest(tmp_path: Path) -> None:
    """A JPEG cut anywhere raises with the digest of the file, never gives a picture."""
    whole = _jpeg()
    path = tmp_path / "frame.jpg"
    for share in (0.3, 0.6, 0.95, 1 - 1 / len(whole)):
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(Damaged, match="end marker") as caught:
            read_still(path, where="hover frame 7 (frame.jpg)")
        assert caught.value.digest == hashlib.sha256(path.read_bytes()).hexdigest()
        assert str(caught.value).startswith("hover frame 7 (frame.jpg): is damaged")


def test_bit_flips_in_a_jpeg_are_found_where_they_can_be(tmp_path: Path) -> None:
    """A flip that breaks the code, the bounds or the end is found: at least a fifth of all."""
    whole = _jpeg()
    start = jpeg.layout(whole).start
    rng = np.random.default_rng(1)
    found = 0
    for _ in range(200):
        data = bytearray(whole)
        data[rng.integers(start, len(whole) - 2)] ^= 1 << int(rng.integers(8))
        try:
            jpeg.check(bytes(data), jpeg.layout(bytes(data)))
        except jpeg.JpegError:
            found += 1
    assert found >= 40
    data = bytearray(whole)
    middle = (start + len(data)) // 2
    data[middle : middle + 64] = bytes(64)
    path = tmp_path / "frame.jpg"
    path.write_bytes(bytes(data))
    with pytest.raises(Damaged, match="coded data"):
        read_still(path)


@settings(max_examples=100)
@given(place=st.integers(0, 10**6), value=st.integers(0, 255), cut=st.integers(0, 10**6))
def test_no_bytes_crash_the_jpeg_check(place: int, value: int, cut: int) -> None:
    """Any change is either read or refused in words."""
    data = bytearray(_JPEG)
    data[place % len(data)] = value
    piece = bytes(data[: 1 + cut % len(data)] + b"\xff\xd9")
    for whole in (bytes(data), piece):
        with contextlib.suppress(jpeg.JpegError):
            jpeg.check(whole, jpeg.layout(whole))


_JPEG = _jpeg()


def test_sound_jpegs_of_the_real_landing_pass(shared_data: Path) -> None:
    """The check finds no fault in any of the real frames."""
    for path in (*shared_data.glob("lcam/*.jpg"), *shared_data.glob("edl_stills/*.jpg")):
        data = path.read_bytes()
        jpeg.check(data, jpeg.layout(data))


def test_a_jpeg_is_turned_as_its_exif_tag_asks(tmp_path: Path) -> None:
    """All eight orientations come out as another library shows them."""
    from PIL import ImageOps

    for tag in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = tag
        path = tmp_path / f"{tag}.jpg"
        path.write_bytes(_jpeg(exif=exif))
        wanted = np.asarray(ImageOps.exif_transpose(Image.open(path)))
        still = read_still(path)
        assert still.pixels.shape == wanted.shape
        assert np.abs(still.pixels.astype(int) - wanted).max() <= 3
        assert still.notes == ({} if tag == 1 else {"exif_orientation": tag})


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("packing", [1, 5, 8])
def test_tiffs_are_read_exactly(tmp_path: Path, dtype: Any, channels: int, packing: int) -> None:
    """8 and 16 bits, grey, RGB and RGBA, uncompressed, LZW and deflate: the same samples."""
    picture = _photo()[:, :, :1].astype(dtype) * (257 if dtype == np.uint16 else 1)
    picture = np.ascontiguousarray(np.repeat(picture, channels, axis=2)) + np.arange(
        channels, dtype=dtype
    )
    path = tmp_path / "frame.tif"
    order = [0] if channels == 1 else [2, 1, 0, 3][:channels]
    cv2.imwrite(str(path), picture[:, :, order].squeeze(), [cv2.IMWRITE_TIFF_COMPRESSION, packing])
    still = read_still(path)
    np.testing.assert_array_equal(still.pixels, picture[:, :, :3].squeeze())
    assert still.white == (65535 if dtype == np.uint16 else 255)
    assert ("alpha_dropped" in still.notes) == (channels == 4)


def test_a_cut_or_broken_tiff_is_damaged(tmp_path: Path) -> None:
    """Strips beyond the end, and deflate data that fails its checksum, raise."""
    path = tmp_path / "frame.tif"
    cv2.imwrite(str(path), _photo(), [cv2.IMWRITE_TIFF_COMPRESSION, 8])
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 16
    for data in (whole[: len(whole) // 2], bytes(flipped)):
        path.write_bytes(data)
        with pytest.raises(Damaged):
            read_still(path)


def test_a_cut_tiff_whose_directory_comes_first_is_damaged(tmp_path: Path) -> None:
    """A TIFF cut in its pixels, which decoders fill with black, raises."""
    rows, cols = 16, 16
    entries = [(256, 3, cols), (257, 3, rows), (258, 3, 8), (259, 3, 1), (262, 3, 1),
               (273, 4, 200), (277, 3, 1), (278, 3, rows), (279, 4, rows * cols)]  # fmt: skip
    body = struct.pack("<2sHIH", b"II", 42, 8, len(entries))
    for tag, kind, value in entries:
        body += struct.pack("<HHII", tag, kind, 1, value)
    whole = (body + bytes(4)).ljust(200, b"\0") + bytes(range(256))
    path = tmp_path / "frame.tif"
    path.write_bytes(whole)
    np.testing.assert_array_equal(read_still(path).pixels.ravel(), range(256))
    path.write_bytes(whole[:-100])
    with pytest.raises(Damaged, match="cut off"):
        read_still(path)


def _bomb(rows: int, cols: int) -> bytes:
    header = struct.pack(">IIBBBBB", cols, rows, 8, 2, 0, 0, 0)
    packer = zlib.compressobj(9)
    line = bytes(1 + 3 * cols)
    packed = b"".join(packer.compress(line) for _ in range(rows)) + packer.flush()
    parts = [(b"IHDR", header), (b"IDAT", packed), (b"IEND", b"")]
    body = b"".join(
        struct.pack(">I", len(b)) + n + b + struct.pack(">I", zlib.crc32(n + b)) for n, b in parts
    )
    return b"\x89PNG\r\n\x1a\n" + body


def test_a_small_file_that_unpacks_to_gigabytes_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A PNG of a few hundred kB for 200 MB, or a header of 400 Mpx, is never unpacked."""

    def never(data: bytes) -> NDArray[Any]:
        raise AssertionError(f"decoded {len(data)} bytes")

    monkeypatch.setattr("descent.sources.png.decode", never)
    path = tmp_path / "bomb.png"
    path.write_bytes(_bomb(8000, 8000))
    assert path.stat().st_size < 250_000
    with pytest.raises(HostileInput, match="unpacks from"):
        read_still(path)
    data = bytearray(path.read_bytes())
    struct.pack_into(">II", data, 16, 20_000, 20_000)
    path.write_bytes(data)
    with pytest.raises(HostileInput, match="20,000 x 20,000 px"):
        read_still(path)


def test_a_picture_that_is_none_is_refused_and_a_clip_is_no_still(tmp_path: Path) -> None:
    """An SVG called .png is hostile, an MP4 called .png is of the wrong kind."""
    path = tmp_path / "frame.png"
    path.write_bytes(b"<svg/>")
    with pytest.raises(HostileInput):
        read_still(path)
    path.write_bytes(b"\0\0\0\x18ftypisom" + bytes(40))
    with pytest.raises(FormatError, match="clip"):
        read_still(path)
    with pytest.raises(SourceError, match=r"gone\.png"):
        read_still(tmp_path / "gone.png")


def test_three_equal_channels_are_one(write_png: WritePng) -> None:
    """A mosaic stored as RGB is one channel; a single different sample makes it colour."""
    grey = np.random.default_rng(0).integers(0, 255, (30, 40), dtype=np.uint8)
    three = np.repeat(grey[:, :, None], 3, axis=2)
    found = one_channel(read_still(write_png("a.png", three)).pixels)
    np.testing.assert_array_equal(found, grey)
    three[-1, -1, 2] ^= 1
    assert one_channel(three) is None


def test_alpha_is_dropped_and_said(write_png: WritePng) -> None:
    """RGBA gives RGB, and whether anything was transparent."""
    picture = np.full((6, 8, 4), 255, np.uint8)
    picture[..., :3] = _photo(6, 8)
    still = read_still(write_png("a.png", picture))
    np.testing.assert_array_equal(still.pixels, picture[..., :3])
    assert still.notes == {"alpha_dropped": "opaque"}
    picture[0, 0, 3] = 0
    assert read_still(write_png("b.png", picture)).notes == {"alpha_dropped": "transparent"}


def test_an_undebayered_mosaic_is_recognised(shared_data: Path) -> None:
    """The real raw frame looks chequered; debayered and grey ones do not."""
    folder = shared_data / "edl_stills"
    raw = one_channel(read_still(next(folder.glob("Mars_*"))).pixels)
    assert raw is not None
    assert looks_mosaic(raw)
    done = read_still(next(folder.glob("ESF*FDR*"))).pixels
    assert not looks_mosaic(done[:, :, 1])
    lander = one_channel(read_still(shared_data / "lcam" / "LVS_15_52_40.jpg").pixels)
    assert lander is not None
    assert not looks_mosaic(lander)


@pytest.mark.parametrize("size", [(2, 2), (120, 160), (1000, 700), (6, 40_000)])
def test_planes_made_while_decoding_are_those_of_the_whole(
    write_png: WritePng, size: tuple[int, int]
) -> None:
    """An RGB PNG read straight to planes gives the very planes of its whole picture."""
    rng = np.random.default_rng(1)
    path = write_png("a.png", rng.integers(0, 256, (*size, 3), dtype=np.uint8))
    made = read_planes(path, Lender())
    assert made is not None
    for plane, whole in zip(made, rgb_to_planes(read_still(path).pixels), strict=True):
        np.testing.assert_array_equal(plane, whole)


@pytest.mark.parametrize("shape", [(5, 6, 3), (6, 5, 3), (6, 6), (6, 6, 4)])
def test_what_cannot_become_planes_on_the_way_is_left_to_the_general_reader(
    write_png: WritePng, shape: tuple[int, ...]
) -> None:
    """Odd sides, grey, alpha and 16 bits give None, not a bent picture."""
    assert read_planes(write_png("a.png", np.zeros(shape, np.uint8)), Lender()) is None
    assert read_planes(write_png("b.png", np.zeros((6, 6, 3), np.uint16)), Lender()) is None


def test_a_broken_png_is_damaged_also_on_the_way_to_planes(write_png: WritePng) -> None:
    """Cut and flipped files raise with camera and frame, whichever way they are read."""
    path = write_png("a.png", _photo())
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 16
    for data in (whole[: len(whole) // 2], bytes(flipped)):
        path.write_bytes(data)
        with pytest.raises(Damaged, match="hover frame 7"):
            read_planes(path, Lender(), where="hover frame 7 (a.png)")
