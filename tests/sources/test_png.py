"""The PNG decoder: equal to a general decoder on everything, and strict where that is not."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from descent.sources.png import SIGNATURE, PngError, decode, in_colour, read_header

_COLOURS = {1: 0, 2: 4, 3: 2, 4: 6}


def chunk(name: bytes, body: bytes) -> bytes:
    """A chunk with its length and checksum."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _filter(kind: int, line: bytes, above: bytes, step: int) -> bytes:
    """One filtered row, by the definition, slowly."""
    out = bytearray()
    for i, value in enumerate(line):
        a = line[i - step] if i >= step else 0
        b, c = above[i], above[i - step] if i >= step else 0
        p = a + b - c
        near = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
        out.append((value - (0, a, b, (a + b) // 2, near)[kind]) & 255)
    return bytes(out)


def encode(pixels: NDArray[Any], kinds: list[int], pieces: int = 1) -> bytes:
    """A PNG whose rows are filtered by `kinds` in turn, its data in `pieces` chunks."""
    rows, cols = pixels.shape[:2]
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    depth = 8 * pixels.dtype.itemsize
    step = channels * depth // 8
    lines = [row.astype(row.dtype.newbyteorder(">")).tobytes() for row in pixels]
    above, raw = bytes(cols * step), b""
    for n, line in enumerate(lines):
        kind = kinds[n % len(kinds)]
        raw += bytes([kind]) + _filter(kind, line, above, step)
        above = line
    packed = zlib.compress(raw)
    size = -(-len(packed) // pieces)
    parts = [packed[i : i + size] for i in range(0, len(packed), size)]
    header = struct.pack(">IIBBBBB", cols, rows, depth, _COLOURS[channels], 0, 0, 0)
    body = b"".join(chunk(b"IDAT", part) for part in parts)
    return SIGNATURE + chunk(b"IHDR", header) + body + chunk(b"IEND", b"")


@st.composite
def pictures(draw: st.DrawFn) -> NDArray[Any]:
    """Small pictures of every type, smooth or noisy."""
    rows, cols = draw(st.integers(1, 9)), draw(st.integers(1, 13))
    channels = draw(st.sampled_from([1, 2, 3, 4]))
    dtype, most = draw(st.sampled_from([(np.uint8, 255), (np.uint16, 65535)]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    top = draw(st.sampled_from([3, most]))
    shape = (rows, cols) if channels == 1 else (rows, cols, channels)
    return rng.integers(0, top, shape, dtype=dtype, endpoint=True)


@settings(max_examples=150)
@given(
    pixels=pictures(),
    kinds=st.lists(st.integers(0, 4), min_size=1, max_size=6),
    pieces=st.integers(1, 4),
)
def test_every_filter_depth_and_colour_type_comes_back(
    pixels: NDArray[Any], kinds: list[int], pieces: int
) -> None:
    """What is written with any filters, types and chunking is what is read."""
    found = decode(encode(pixels, kinds, pieces))
    assert found.dtype == pixels.dtype
    np.testing.assert_array_equal(found, pixels)


@settings(max_examples=150)
@given(
    pixels=pictures(),
    kinds=st.lists(st.integers(0, 4), min_size=1, max_size=6),
    alike=st.booleans(),
)
def test_colour_is_seen_before_a_row_is_unfiltered(
    pixels: NDArray[Any], kinds: list[int], alike: bool
) -> None:
    """Three channels are told to differ just where they do; other pictures are not judged."""
    if alike:
        pixels = np.repeat(pixels.reshape(*pixels.shape[:2], -1)[:, :, :1], 3, axis=2)
    differ = pixels.ndim == 3 and pixels.shape[2] == 3 and bool((pixels != pixels[..., :1]).any())
    assert in_colour(encode(pixels, kinds)) == differ


@pytest.mark.parametrize("how", range(5))
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_general_encoder_agrees(how: int, channels: int, dtype: Any) -> None:
    """Pictures of another library's encoder, each filter forced, are read alike by both."""
    rng = np.random.default_rng(7)
    base = np.cumsum(rng.integers(-3, 4, (40, 52, channels)), axis=1) + 90
    pixels = base.astype(dtype).squeeze()
    filters = (
        cv2.IMWRITE_PNG_FILTER_NONE, cv2.IMWRITE_PNG_FILTER_SUB, cv2.IMWRITE_PNG_FILTER_UP,
        cv2.IMWRITE_PNG_FILTER_AVG, cv2.IMWRITE_PNG_FILTER_PAETH,
    )  # fmt: skip
    ok, data = cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_FILTER, filters[how]])
    assert ok
    found = decode(data.tobytes())
    order = [2, 1, 0, 3][:channels]
    np.testing.assert_array_equal(found, pixels if channels == 1 else pixels[:, :, order])


def test_palettes_and_small_depths_are_read() -> None:
    """A one-bit picture and a palette go to the general decoder and come out right."""
    bits = SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 1, 1, 0, 0, 0, 0))
    bits += chunk(b"IDAT", zlib.compress(b"\0\xa5")) + chunk(b"IEND", b"")
    np.testing.assert_array_equal(decode(bits), [[255, 0, 255, 0, 0, 255, 0, 255]])
    table = SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 1, 8, 3, 0, 0, 0))
    table += chunk(b"PLTE", bytes([1, 2, 3, 250, 240, 230]))
    table += chunk(b"IDAT", zlib.compress(b"\0\0\1")) + chunk(b"IEND", b"")
    np.testing.assert_array_equal(decode(table), [[[1, 2, 3], [250, 240, 230]]])


def _sample() -> bytes:
    rng = np.random.default_rng(3)
    return encode(rng.integers(0, 255, (24, 30, 3), dtype=np.uint8), [4, 1], 3)


@settings(max_examples=150)
@given(place=st.integers(8, 10**6), bit=st.integers(0, 7))
def test_a_flipped_bit_never_passes(place: int, bit: int) -> None:
    """Any single flipped bit behind the signature is an error, never a picture."""
    data = bytearray(_sample())
    data[8 + (place - 8) % (len(data) - 8)] ^= 1 << bit
    with pytest.raises(PngError):
        decode(bytes(data))


@settings(max_examples=60)
@given(length=st.integers(0, 10**6))
def test_a_cut_file_never_passes(length: int) -> None:
    """A file cut anywhere is an error, never a picture."""
    data = _sample()
    with pytest.raises(PngError):
        decode(data[: length % len(data)])


def test_a_header_that_promises_more_than_the_data_holds_takes_no_memory() -> None:
    """Sizes that the compressed data cannot hold are refused before anything is allocated."""
    header = struct.pack(">IIBBBBB", 1 << 20, 1 << 20, 8, 2, 0, 0, 0)
    data = SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(5000)))
    with pytest.raises(PngError, match="fewer pixels"):
        decode(data + chunk(b"IEND", b""))


@pytest.mark.parametrize(("depth", "colour"), [(3, 0), (4, 2), (16, 3), (8, 5), (1, 6)])
def test_headers_that_make_no_sense_are_refused(depth: int, colour: int) -> None:
    """Depths and colour types that PNG does not pair are refused."""
    data = SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 4, depth, colour, 0, 0, 0))
    with pytest.raises(PngError, match="makes no sense"):
        read_header(data)
