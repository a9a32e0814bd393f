"""BT.709 planes: exact on grey and white, sited left, like the reference scaler, reversible."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from descent.errors import FormatError
from descent.model import Planes
from descent.tools import _curves
from descent.tools.colour import (
    Chroma,
    Depth,
    blank_planes,
    chroma_of,
    depth_of,
    grey_to_planes,
    linear_to_planes,
    linear_to_rgb,
    planes_to_rgb,
    rgb_to_planes,
    to_linear,
)

ALL: list[tuple[Chroma, Depth]] = [("420", 8), ("420", 10), ("422", 10), ("444", 8), ("444", 10)]


def natural(rows: int = 128, cols: int = 192, seed: int = 3) -> NDArray[np.uint8]:
    """A colourful picture whose detail falls off as a photograph's does."""
    rng = np.random.default_rng(seed)
    picture = np.zeros((rows, cols, 3))
    for octave in range(1, 6):
        step = 2**octave
        part = rng.normal(0, 5.0 * step**0.8, (rows // step + 2, cols // step + 2, 3))
        ys = np.linspace(0, part.shape[0] - 1.001, rows)
        xs = np.linspace(0, part.shape[1] - 1.001, cols)
        y0, x0 = ys.astype(int), xs.astype(int)
        fy, fx = (ys - y0)[:, None, None], (xs - x0)[None, :, None]
        top = part[y0][:, x0] * (1 - fx) + part[y0][:, x0 + 1] * fx
        low = part[y0 + 1][:, x0] * (1 - fx) + part[y0 + 1][:, x0 + 1] * fx
        picture += top * (1 - fy) + low * fy
    eight: NDArray[np.uint8] = np.clip(picture + np.array([150, 120, 90]), 0, 255).astype(np.uint8)
    return eight


def exact_planes(rgb: NDArray[Any], full: float, unit: int) -> Planes:
    """The same definition in float64 without rounding."""
    r, g, b = (rgb[..., k] / full for k in range(3))
    luma = 0.2126 * r + 0.7152 * g + 0.0722 * b
    out = [219.0 * luma + 16]
    for part, span in ((b, 1.8556), (r, 1.5748)):
        c = (part - luma) / span * 224
        left = np.concatenate([c[:, :1], c[:, 1:-1:2]], axis=1)
        wide = (left + 2 * c[:, 0::2] + c[:, 1::2]) / 4
        out.append((wide[0::2] + wide[1::2]) / 2 + 128)
    return Planes(*(p * unit for p in out))


@pytest.mark.parametrize(("chroma", "depth"), ALL)
def test_grey_is_exact(chroma: Chroma, depth: Depth) -> None:
    """Black, white and every grey give the nominal luma and exactly neutral chroma."""
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :], 4, axis=0)
    unit = 1 << (depth - 8)
    for planes in (
        rgb_to_planes(np.dstack([ramp] * 3), chroma=chroma, depth=depth),
        grey_to_planes(ramp, chroma=chroma, depth=depth),
        rgb_to_planes(np.dstack([ramp] * 3).astype(np.uint16) * 257, chroma=chroma, depth=depth),
    ):
        assert planes.y[0, 0] == 16 * unit
        assert planes.y[0, -1] == 235 * unit
        want = (16 + ramp[0].astype(float) * 219 / 255) * unit
        assert np.abs(planes.y[0] - want).max() <= 0.56
        assert (planes.u == 128 * unit).all()
        assert (planes.v == 128 * unit).all()
        assert (chroma_of(planes), depth_of(planes)) == (chroma, depth)


def test_matches_its_definition() -> None:
    """Planes are the unrounded definition, rounded once."""
    rgb = natural()
    for source, full, depth in ((rgb, 255.0, 8), (rgb.astype(np.uint16) * 257, 65535.0, 10)):
        depth_: Depth = 8 if depth == 8 else 10
        want = exact_planes(source, full, 1 << (depth - 8))
        got = rgb_to_planes(source, depth=depth_)
        for a, b in zip(got, want, strict=True):
            assert np.abs(a - b).max() < (0.51 if depth == 8 else 0.6)


def test_near_swscale() -> None:
    """The planes of a natural picture lie within two levels of a well-known scaler's."""
    rgb = natural()
    frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
    theirs = frame.reformat(
        format="yuv444p", dst_colorspace="ITU709", dst_color_range="MPEG"
    ).to_ndarray()
    ours = rgb_to_planes(rgb, chroma="444")
    for a, b in zip(ours, theirs, strict=True):
        assert np.abs(a.astype(int) - b).max() <= 2


def test_real_picture_near_swscale(shared_data: Path) -> None:
    """A real photograph's planes lie within two levels of a well-known scaler's."""
    import cv2

    bgr = cv2.imread(str(shared_data / "kodak" / "01.png"))
    assert bgr is not None
    rgb = np.ascontiguousarray(bgr[..., ::-1]).astype(np.uint8)
    frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
    theirs = frame.reformat(
        format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG"
    ).to_ndarray()
    ours = rgb_to_planes(rgb)
    rows = rgb.shape[0]
    assert np.abs(ours.y.astype(int) - theirs[:rows]).max() <= 2
    u = theirs[rows : rows + rows // 4].reshape(ours.u.shape)
    # Their chroma sits elsewhere by default: alike on average, not at each edge.
    assert np.abs(ours.u.astype(int) - u).mean() < 1.0


def test_chroma_is_sited_left() -> None:
    """On a linear ramp of colour a chroma sample reads the value under its left luma pixel."""
    cols = 64
    ramp = np.zeros((4, cols, 3), np.uint8)
    ramp[..., 0] = 40 + 3 * np.arange(cols)
    fine = rgb_to_planes(ramp, chroma="444", depth=10)
    half = rgb_to_planes(ramp, chroma="420", depth=10)
    assert np.abs(half.v[0, 1:].astype(int) - fine.v[0, 2::2]).max() <= 1


@pytest.mark.parametrize(("chroma", "depth"), ALL)
def test_there_and_back(chroma: Chroma, depth: Depth) -> None:
    """Back from planes to RGB stays within rounding where chroma is smooth."""
    y, x = np.mgrid[0:32, 0:48]
    rgb = np.stack([60 + 2 * x, 200 - 3 * y, 100 + x + y], axis=-1).astype(np.uint8)
    back = planes_to_rgb(rgb_to_planes(rgb, chroma=chroma, depth=depth))
    inner = np.abs(back.astype(int) - rgb)[2:-2, 2:-2]
    assert inner.max() <= (2 if depth == 8 else 1)


def test_linear_there_and_back() -> None:
    """Every 8-bit value survives the way to linear light and back, on both curves."""
    every = np.arange(256, dtype=np.uint8)
    for transfer in ("bt709", "srgb"):
        assert (linear_to_rgb(to_linear(every, transfer), transfer) == every).all()
    deep = np.arange(0, 65536, 7, dtype=np.uint16)
    back = linear_to_rgb(to_linear(deep, "srgb"), "srgb", 16)
    assert np.abs(back.astype(int) - deep).max() <= 3


def test_linear_planes_are_those_of_the_coded_picture() -> None:
    """Linear light without dither gives what its gamma-coded picture gives, within a level."""
    rgb = natural()
    ours = linear_to_planes(to_linear(rgb), dither=None)
    for a, b in zip(ours, rgb_to_planes(rgb), strict=True):
        assert np.abs(a.astype(int) - b).max() <= 1


def test_dither_is_fixed_and_unbiased() -> None:
    """Dither is the same each time, follows the canvas, and its mean is the light's level."""
    level = np.full((128, 128), 0.2, np.float32)
    once, again = linear_to_planes(level, dither=5), linear_to_planes(level, dither=5)
    assert (once.y == again.y).all()
    exact = 16 + 219 * (1.099 * 0.2**0.45 - 0.099)
    assert abs(once.y.mean() - exact) < 0.01
    assert once.y.max() - once.y.min() == 1
    part = linear_to_planes(level[:64, :64], dither=5, phase=(32, 16))
    assert (part.y == once.y[32:96, 16:80]).all()


def test_dither_matrix_is_blue() -> None:
    """The dither matrix holds each rank once and little energy at low frequencies."""
    ranks = _curves.blue_noise()
    assert (np.sort(ranks.ravel()) == np.arange(4096)).all()
    power = np.abs(np.fft.fft2(ranks - ranks.mean())) ** 2
    radius = np.hypot(*np.meshgrid(np.fft.fftfreq(64), np.fft.fftfreq(64)))
    low = power[(radius > 0) & (radius < 0.1)].mean()
    assert low < 0.02 * power[radius > 0.3].mean()


def test_tables_are_far_from_ties() -> None:
    """No table entry is so near a float32 rounding tie that another pow could flip it."""
    for transfer, curve in _curves.DECODE.items():
        assert _curves.decode_table(transfer, 65535).dtype == np.float32
        exact = np.array([curve(k / 65535) for k in range(65536)])
        near = exact.astype(np.float32)
        other = np.nextafter(near, np.where(exact > near, np.inf, -np.inf).astype(np.float32))
        tie = (near.astype(np.float64) + other.astype(np.float64)) / 2
        assert (np.abs(tie - exact)[1:] > 1e-14 * exact[1:]).all()


def test_light_out_of_range_is_clipped() -> None:
    """Negative, infinite and undefined light becomes black or white, never garbage."""
    light = np.array([[-1.0, np.nan, np.inf, 7.0]] * 2, np.float32)
    assert linear_to_rgb(light).tolist() == [[0, 0, 255, 255]] * 2


@pytest.mark.parametrize(
    ("shape", "chroma"), [((3, 4), "420"), ((4, 3), "420"), ((4, 5), "422"), ((0, 4), "444")]
)
def test_odd_sizes_are_refused_with_a_cure(shape: tuple[int, int], chroma: Chroma) -> None:
    """A size that the chroma cannot hold names the size that it can."""
    with pytest.raises(FormatError, match="crop to"):
        blank_planes(*shape, chroma)


def test_wrong_types_are_refused() -> None:
    """Pixels of another type or shape are refused, never reinterpreted."""
    with pytest.raises(FormatError):
        rgb_to_planes(np.zeros((4, 4, 3), np.float64))
    with pytest.raises(FormatError):
        rgb_to_planes(np.zeros((4, 4), np.uint8))
    with pytest.raises(FormatError):
        grey_to_planes(np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(FormatError):
        linear_to_planes(np.zeros((4, 4), np.float64))
