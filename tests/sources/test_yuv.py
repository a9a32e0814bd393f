"""Any coding of colour becomes BT.709 limited planes; what is that already is untouched."""

from __future__ import annotations

from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from descent.errors import FormatError
from descent.sources.yuv import source_of, to_planes
from descent.tools.colour import rgb_to_planes

_KR_KB = {1: (0.2126, 0.0722), 6: (0.299, 0.114), 9: (0.2627, 0.0593)}


def _scene(rows: int = 48, cols: int = 64) -> NDArray[np.float64]:
    """A smooth coloured picture (rows, cols, 3), 0 to 1."""
    y, x = np.mgrid[0:rows, 0:cols]
    red = 0.5 + 0.3 * np.sin(x / 9 + 1) * np.cos(y / 11)
    green = 0.5 + 0.25 * np.cos(x / 13 - y / 7)
    blue = 0.5 + 0.3 * np.sin(y / 10 + 2) * np.cos(x / 8)
    return np.stack([red, green, blue], axis=2)


def _coded(
    scene: NDArray[np.float64],
    space: int,
    *,
    full: bool,
    bits: int,
    down: int,
    across: int,
    shift: float = 0.0,
) -> list[NDArray[Any]]:
    """The scene's Y, U, V by the definition, in float until the last rounding.

    `shift` is how far right of the left luma sample chroma lies, px.
    """  # fmt: skip
    kr, kb = _KR_KB[space]
    red, green, blue = (scene[..., k] for k in range(3))
    y = kr * red + (1 - kr - kb) * green + kb * blue
    u, v = (blue - y) / (2 * (1 - kb)), (red - y) / (2 * (1 - kr))
    rows, cols = y.shape
    at_y = np.arange(0, rows, down) + (down - 1) / 2
    at_x = np.arange(0, cols, across) + shift

    def sampled(plane: NDArray[np.float64]) -> NDArray[np.float64]:
        wide = np.array([np.interp(at_x, np.arange(cols), line) for line in plane])
        return np.array([np.interp(at_y, np.arange(rows), line) for line in wide.T]).T

    unit, top = 1 << (bits - 8), (1 << bits) - 1
    black, luma, chroma = (0, top, top) if full else (16 * unit, 219 * unit, 224 * unit)
    kind = np.uint8 if bits == 8 else np.uint16
    return [
        np.round(y * luma + black).astype(kind),
        np.round(sampled(u) * chroma + 128 * unit).astype(kind),
        np.round(sampled(v) * chroma + 128 * unit).astype(kind),
    ]


def _frame(planes: list[NDArray[Any]], name: str, space: int, *, full: bool) -> Any:
    frame = av.VideoFrame(planes[0].shape[1], planes[0].shape[0], name)
    for plane, samples in zip(frame.planes, planes, strict=True):
        line = np.zeros((plane.height, plane.line_size), np.uint8)
        packed = np.ascontiguousarray(samples).view(np.uint8).reshape(samples.shape[0], -1)
        line[:, : packed.shape[1]] = packed
        plane.update(line.tobytes())
    frame.colorspace, frame.color_range = space, 2 if full else 1
    return frame


@pytest.mark.parametrize(
    ("name", "space", "full", "bits", "down", "across"),
    [
        ("yuv420p", 1, True, 8, 2, 2),
        ("yuv420p", 6, False, 8, 2, 2),
        ("yuv420p", 6, True, 8, 2, 2),
        ("yuv422p", 1, False, 8, 1, 2),
        ("yuv444p", 1, False, 8, 1, 1),
        ("yuv444p", 6, True, 8, 1, 1),
        ("yuv420p10le", 1, False, 10, 2, 2),
        ("yuv422p10le", 1, False, 10, 1, 2),
        ("yuv420p10le", 9, False, 10, 2, 2),
    ],
)
def test_every_coding_becomes_the_same_planes(
    name: str, space: int, full: bool, bits: int, down: int, across: int
) -> None:
    """A picture coded by another matrix, range, depth or subsampling is the same BT.709 one."""
    scene = _scene()
    planes = _coded(scene, space, full=full, bits=bits, down=down, across=across)
    frame = _frame(planes, name, space, full=full)
    wanted = _coded(scene, 1, full=False, bits=8, down=2, across=2)
    got = to_planes(frame, source_of(frame))
    for one, other in zip(got, wanted, strict=True):
        error = np.abs(one[2:-2, 2:-2].astype(int) - other[2:-2, 2:-2])
        assert error.max() <= 2
        assert error.mean() < 0.35
    assert source_of(frame).notes or bits == 10


@pytest.mark.parametrize(("cols", "depth"), [(64, 8), (50, 8), (50, 10)])
def test_what_already_is_bt709_is_untouched(cols: int, depth: Any) -> None:
    """BT.709 limited planes of the right depth are copied to the bit, row padding left behind."""
    rng = np.random.default_rng(0)
    top, kind = (1 << depth) - 1, np.uint8 if depth == 8 else np.uint16
    planes = [
        rng.integers(0, top, s, dtype=kind) for s in ((48, cols), (24, cols // 2), (24, cols // 2))
    ]
    frame = _frame(planes, "yuv420p" if depth == 8 else "yuv420p10le", 1, full=False)
    source = source_of(frame)
    for got, want in zip(to_planes(frame, source, depth), planes, strict=True):
        np.testing.assert_array_equal(got, want)
    assert source.notes == {}


def test_centred_chroma_of_motion_jpeg_is_moved() -> None:
    """Chroma that lies between two columns is brought to the left one, and that is said."""
    scene = _scene()
    planes = _coded(scene, 6, full=True, bits=8, down=2, across=2, shift=0.5)
    frame = _frame(planes, "yuvj420p", 6, full=True)
    source = source_of(frame, "mjpeg")
    assert source.notes["chroma"] == "centred to left-sited"
    wanted = _coded(scene, 1, full=False, bits=8, down=2, across=2)
    got = to_planes(frame, source)
    for one, other in zip(got, wanted, strict=True):
        assert np.abs(one[2:-2, 2:-2].astype(int) - other[2:-2, 2:-2]).max() <= 2


@pytest.mark.parametrize(("rows", "matrix"), [(720, "bt709"), (480, "bt601")])
def test_an_untagged_matrix_is_guessed_by_height_and_said(rows: int, matrix: str) -> None:
    """Without a tag: BT.709 from 720 rows on, BT.601 below, as players take it."""
    source = source_of(av.VideoFrame(640, rows, "yuv420p"))
    assert (source.matrix, source.guessed) == (matrix, True)
    assert source.notes["matrix"] == f"untagged, taken for {matrix}"


def test_grey_and_rgb_frames() -> None:
    """Grey full range becomes limited luma with neutral chroma; RGB goes by the one matrix."""
    ramp = np.tile(np.arange(256, dtype=np.uint8), (4, 1))
    grey = _frame([ramp], "gray", 2, full=True)
    planes = to_planes(grey, source_of(grey))
    assert (planes.y.min(), planes.y.max(), set(planes.u.ravel())) == (16, 235, {128})
    scene = np.round(_scene() * 255).astype(np.uint8)
    frame = av.VideoFrame.from_ndarray(scene, format="rgb24")
    for got, want in zip(to_planes(frame, source_of(frame)), rgb_to_planes(scene), strict=True):
        np.testing.assert_array_equal(got, want)


def test_exotic_codings_are_refused() -> None:
    """Matrices and layouts that are not read are refused in words."""
    frame = av.VideoFrame(64, 48, "yuv420p")
    frame.colorspace = 8
    with pytest.raises(FormatError, match="matrix that is not read"):
        source_of(frame)
    with pytest.raises(FormatError, match="yuv411p"):
        source_of(av.VideoFrame(64, 48, "yuv411p"))
