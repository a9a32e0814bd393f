"""Fit: copies are copies, scaling moves nothing, chroma stays where it is sited."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from descent.compose.fit import fit_linear, fit_planes, flag_shares
from descent.compose.geometry import Rect, Slot, Tile, Window
from descent.compose.layouts import LAYOUTS
from descent.errors import FormatError
from descent.model import FILLED, REPAIRED, Frame, Planes
from descent.tools.colour import SUBSAMPLING, Chroma, Depth, linear_to_planes, rgb_to_planes


def tile_of(rows: int, cols: int, window: Window, magnification: float) -> Tile:
    """A tile at the canvas' corner."""
    return Tile("a", Rect(0, 0, rows, cols), window, magnification)


def whole(planes: Planes, magnification: float) -> Tile:
    """The tile of all of a picture at a magnification that gives even sizes."""
    rows, cols = planes.y.shape
    return tile_of(
        round(rows * magnification), round(cols * magnification), Window(0, 0, rows, cols),
        magnification,
    )  # fmt: skip


def ramp(rows: int, cols: int, chroma: Chroma, depth: Depth, slope: float = 1.0) -> Planes:
    """Planes whose every sample is a straight function of its true position."""
    tall, wide = SUBSAMPLING[chroma]
    kind: Any = np.uint8 if depth == 8 else np.uint16
    y, x = np.mgrid[0:rows, 0:cols].astype(float)
    cy, cx = np.mgrid[0 : rows // tall, 0 : cols // wide].astype(float)
    cy, cx = cy * tall + (0.5 if tall == 2 else 0), cx * wide

    def level(y: NDArray[Any], x: NDArray[Any]) -> NDArray[Any]:
        return np.rint((30 + slope * x + 0.5 * slope * y) * (1 << (depth - 8))).astype(kind)

    return Planes(level(y, x), level(cy, cx), level(cy, cx))


@pytest.mark.parametrize("chroma", ["420", "422", "444"])
@pytest.mark.parametrize("depth", [8, 10])
def test_native_is_an_exact_copy(chroma: Chroma, depth: Depth) -> None:
    """At magnification 1 every sample is the source's, whatever the subsampling."""
    rng = np.random.default_rng(0)
    kind: Any = np.uint8 if depth == 8 else np.uint16
    tall, wide = SUBSAMPLING[chroma]
    shapes = [(40, 60)] + [(40 // tall, 60 // wide)] * 2
    planes = Planes(*(rng.integers(0, 256 << (depth - 8), s, kind) for s in shapes))
    cut = tile_of(20, 30, Window(10, 14, 20, 30), 1.0)
    got = fit_planes(planes, cut, chroma, depth)
    assert (got.y == planes.y[10:30, 14:44]).all()
    assert (got.u == planes.u[10 // tall : 30 // tall, 14 // wide : 44 // wide]).all()
    assert (got.v == planes.v[10 // tall : 30 // tall, 14 // wide : 44 // wide]).all()


@pytest.mark.parametrize("magnification", [0.5, 0.75, 1.25, 1.5, 2.0, 3.0])
@pytest.mark.parametrize(
    ("stored", "shown"), [("420", "420"), ("420", "444"), ("422", "420"), ("444", "420")]
)
def test_nothing_moves(magnification: float, stored: Chroma, shown: Chroma) -> None:
    """A slope stays where it is, luma and chroma alike, at every scale and subsampling."""
    planes = ramp(96, 128, stored, 10)
    tile = whole(planes, magnification)
    got = fit_planes(planes, tile, shown, 10)
    tall, wide = SUBSAMPLING[shown]
    for plane, (down, across) in zip(got, [(1, 1), (tall, wide), (tall, wide)], strict=True):
        rows, cols = np.mgrid[0 : plane.shape[0], 0 : plane.shape[1]].astype(float)
        y = (rows * down + (0.5 if down == 2 else 0) + 0.5) / magnification - 0.5
        x = (cols * across + 0.5) / magnification - 0.5
        want = (30 + x + 0.5 * y) * 4
        edge = 8
        inner = (slice(edge, -edge), slice(edge, -edge))
        assert np.abs(plane.astype(float) - want)[inner].max() < 1.1


def test_deeper_is_exactly_four_times() -> None:
    """8 bits on a 10-bit canvas are the same picture times four."""
    planes = rgb_to_planes(np.random.default_rng(1).integers(0, 256, (16, 16, 3), np.uint8))
    got = fit_planes(planes, whole(planes, 1.0), "420", 10)
    for a, b in zip(got, planes, strict=True):
        assert (a == b.astype(np.uint16) * 4).all()
    back = fit_planes(got, whole(planes, 1.0), "420", 8)
    for a, b in zip(back, planes, strict=True):
        assert (a == b).all()


def test_shrinking_does_not_alias() -> None:
    """A chequerboard shrunk by three and a half becomes grey, not a pattern."""
    board = (np.indices((112, 112)).sum(0) % 2 * 200 + 20).astype(np.uint8)
    flat = np.full((56, 56), 128, np.uint8)
    planes = Planes(board, flat, flat)
    got = fit_planes(planes, whole(planes, 32 / 112))
    assert np.ptp(got.y[3:-3, 3:-3].astype(int)) <= 6
    assert abs(int(got.y[16, 16]) - 120) <= 3


@settings(max_examples=40, deadline=None)
@given(
    level=st.integers(1, 254),
    rows=st.integers(8, 90),
    cols=st.integers(8, 90),
    out_rows=st.integers(20, 80),
)
def test_flat_stays_flat(level: int, rows: int, cols: int, out_rows: int) -> None:
    """A flat picture keeps exactly its level at any scale."""
    rows, cols, out_rows = rows * 2, cols * 2, out_rows * 2
    flat = Planes(
        np.full((rows, cols), level, np.uint8), *[np.full((rows // 2, cols // 2), 77, np.uint8)] * 2
    )
    slot = Slot("a", rows, cols)
    tile = LAYOUTS["full"]([slot], out_rows, out_rows * 2).tiles[0]
    got = fit_planes(flat, tile)
    assert (got.y == level).all()
    assert (got.u == 77).all()


def test_windows_of_a_canvas_are_written_in_place() -> None:
    """Writing into windows of a canvas gives the same bytes and touches nothing else."""
    planes = rgb_to_planes(np.random.default_rng(2).integers(0, 256, (64, 96, 3), np.uint8))
    canvas = rgb_to_planes(np.zeros((200, 300, 3), np.uint8))
    for magnification in (1.0, 1.5):
        tile = whole(planes, magnification)
        alone = fit_planes(planes, tile)
        rows, cols = alone.y.shape
        into = Planes(*(p[10 : 10 + r, 20 : 20 + c] for p, (r, c) in zip(
            canvas, [(rows, cols)] + [(rows // 2, cols // 2)] * 2, strict=True)))  # fmt: skip
        fit_planes(planes, tile, out=into)
        for a, b in zip(into, alone, strict=True):
            assert (a == b).all()
        assert (canvas.y[:10] == 16).all()
        assert (canvas.y[10 + rows :] == 16).all()


def test_linear_matches_planes() -> None:
    """Linear light at magnification 1 gives what its conversion alone gives."""
    light = np.random.default_rng(3).random((40, 60, 3)).astype(np.float32)
    tile = tile_of(40, 60, Window(0, 0, 40, 60), 1.0)
    got, shares = fit_linear(Frame(light), tile, dither=4)
    for a, b in zip(got, linear_to_planes(light, dither=4), strict=True):
        assert (a == b).all()
    assert shares == {}


def test_warp_and_scale_are_one_resample() -> None:
    """A warp by whole pixels is a shift of the picture; what comes from outside is lost."""
    light = np.random.default_rng(4).random((40, 60)).astype(np.float32)
    shift = np.array([[1.0, 0, 5], [0, 1, -3], [0, 0, 1]])
    tile = tile_of(40, 60, Window(0, 0, 40, 60), 1.0)
    got, shares = fit_linear(Frame(light, warp=shift), tile, dither=None)
    plain = linear_to_planes(light, dither=None)
    assert np.abs(got.y[:36, 6:].astype(int) - plain.y[3:39, 1:55]).max() <= 1
    assert (got.y[:, :4] == 16).all()
    assert shares["lost"] == pytest.approx(1 - 55 * 37 / 2400, abs=0.02)


def test_warp_identity_is_the_plain_path() -> None:
    """A warp that does nearly nothing gives nearly the picture without it, scaled or not."""
    y, x = np.mgrid[0:60, 0:80]
    light = (0.5 + 0.3 * np.sin(x / 7) * np.cos(y / 5)).astype(np.float32)
    tiny = np.array([[1.0, 0, 1e-7], [0, 1, 0], [0, 0, 1]])
    for magnification in (1.5, 0.5):
        tile = tile_of(
            round(60 * magnification),
            round(80 * magnification),
            Window(0, 0, 60, 80),
            magnification,
        )
        a, _ = fit_linear(Frame(np.dstack([light] * 3)), tile, "444", 10, dither=None)
        b, _ = fit_linear(Frame(np.dstack([light] * 3), warp=tiny), tile, "444", 10, dither=None)
        assert np.abs(a.y.astype(int) - b.y).max() <= 6


def test_shares_count_the_shown_pixels() -> None:
    """Shares of repaired and filled pixels are of what the tile shows, nothing else."""
    flags = np.zeros((40, 60), np.uint8)
    flags[:20] |= REPAIRED
    flags[:, 30:] |= FILLED
    frame = Frame(np.zeros((40, 60), np.float32), flags)
    assert flag_shares(frame, tile_of(20, 30, Window(0, 0, 20, 30), 1.0)) == {"repaired": 1.0}
    both = flag_shares(frame, tile_of(80, 120, Window(0, 0, 40, 60), 2.0))
    assert both == {"repaired": 0.5, "filled": 0.5}


def test_a_tile_of_another_size_is_refused() -> None:
    """A picture smaller than its tile was laid out for is refused, never stretched."""
    planes = rgb_to_planes(np.zeros((20, 20, 3), np.uint8))
    with pytest.raises(FormatError, match="20 x 20"):
        fit_planes(planes, tile_of(40, 40, Window(0, 0, 40, 40), 1.0))
    with pytest.raises(FormatError):
        fit_linear(Frame(planes), tile_of(20, 20, Window(0, 0, 20, 20), 1.0))
    squeezed = Frame(np.zeros((20, 20), np.float32), warp=np.zeros((3, 3)))
    with pytest.raises(FormatError, match="line"):
        fit_linear(squeezed, tile_of(20, 20, Window(0, 0, 20, 20), 1.0))
