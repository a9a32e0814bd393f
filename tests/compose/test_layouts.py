"""Layouts: inside, even, never overlapping, never stretched, whatever the cameras."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from descent.compose.geometry import Layout, Rect, Slot
from descent.compose.layouts import LAYOUTS
from descent.errors import FormatError

UHD = (2160, 3840)


def slots_of(*sizes: tuple[int, int], fit: str = "letterbox") -> list[Slot]:
    """Slots named a, b, c ... of (cols, rows)."""
    return [
        Slot(chr(97 + k), rows, cols, fit=fit)  # type: ignore[arg-type]
        for k, (cols, rows) in enumerate(sizes)
    ]


def check(layout: Layout, slots: list[Slot]) -> None:
    """What every layout must keep."""
    canvas = Rect(0, 0, layout.rows, layout.cols)
    assert [t.camera for t in layout.tiles] == [s.camera for s in slots]
    for tile, slot in zip(layout.tiles, slots, strict=True):
        assert canvas.holds(tile.dest)
        assert not any(v % 2 for v in tile.dest)
        assert tile.dest.area > 0
        w = tile.window
        assert w.top > -1e-6
        assert w.left > -1e-6
        assert w.top + w.rows < slot.rows + 1e-6
        assert w.left + w.cols < slot.cols + 1e-6
        assert w.rows * tile.magnification == pytest.approx(tile.dest.rows)
        assert w.cols * tile.magnification == pytest.approx(tile.dest.cols)
        if slot.fit == "letterbox":
            # Only what even edges take: two px of one side, carried over by the aspect.
            most = 2 + 2 * max(slot.aspect, 1 / slot.aspect)
            assert max(slot.rows - w.rows, slot.cols - w.cols) * tile.magnification <= most
    for a, b in combinations(layout.tiles, 2):
        if a.level == b.level:
            assert not a.dest.meets(b.dest)
    for strip in layout.free.values():
        assert canvas.holds(strip)
        assert not any(strip.meets(t.dest) for t in layout.tiles if t.level == 0)


@settings(max_examples=150, deadline=None)
@given(
    name=st.sampled_from(sorted(LAYOUTS)),
    sizes=st.lists(
        st.tuples(st.integers(200, 4300), st.integers(200, 4300)), min_size=1, max_size=12
    ),
    canvas=st.sampled_from([UHD, (1080, 1920), (1920, 1080), (1080, 1080), (720, 1280)]),
    gap=st.integers(0, 16),
    fit=st.sampled_from(["letterbox", "crop"]),
)
def test_any_cameras(
    name: str, sizes: list[tuple[int, int]], canvas: tuple[int, int], gap: int, fit: str
) -> None:
    """One to twelve cameras of any size: inside, even, apart, and in their own proportions."""
    slots = slots_of(*sizes, fit=fit)
    if name == "full":
        slots = slots[:1]
    check(LAYOUTS[name](slots, *canvas, "fit", gap), slots)


@settings(max_examples=100, deadline=None)
@given(
    name=st.sampled_from(sorted(LAYOUTS)),
    sizes=st.lists(
        st.tuples(st.integers(100, 1500), st.integers(100, 1500)), min_size=1, max_size=6
    ),
    gap=st.integers(0, 16),
)
def test_native_fits_or_says_the_size(name: str, sizes: list[tuple[int, int]], gap: int) -> None:
    """Native is pixel for pixel, or refused with a size that then works."""
    slots = slots_of(*sizes)
    if name == "full":
        slots = slots[:1]
    try:
        layout = LAYOUTS[name](slots, *UHD, "native", gap)
    except FormatError as error:
        cols, rows = error.do.split("size: ")[1].split(" ")[0].split("x")
        layout = LAYOUTS[name](slots, int(rows), int(cols), "native", gap)
    check(layout, slots)
    assert all(t.magnification == 1 for t in layout.tiles if t.level == 0)


def test_three_wide_cameras_fill_4k_exactly() -> None:
    """Three 1280-wide cameras side by side fill 3840 px, even where a gap was asked for."""
    slots = slots_of(*[(1280, 1024)] * 3)
    for gap in (0, 8):
        layout = LAYOUTS["side_by_side"](slots, *UHD, "native", gap)
        assert [t.dest.left for t in layout.tiles] == [0, 1280, 2560]
        assert {t.dest[2:] for t in layout.tiles} == {(1024, 1280)}
        assert set(layout.free) == {"top", "bottom"}


def test_the_honest_4k() -> None:
    """2048 x 1536 beside two stacked 1280 x 1024 is 3328 x 2048 in the middle of 4K."""
    slots = slots_of((2048, 1536), (1280, 1024), (1280, 1024))
    layout = LAYOUTS["main"](slots, *UHD, "native")
    assert layout.tiles[0].dest == Rect(56 + 256, 256, 1536, 2048)
    assert layout.tiles[1].dest == Rect(56, 256 + 2048, 1024, 1280)
    assert layout.tiles[2].dest == Rect(56 + 1024, 256 + 2048, 1024, 1280)
    assert layout.free["left"] == Rect(0, 0, 2160, 256)


def test_native_names_the_size_it_needs() -> None:
    """A native layout that does not fit says how large a canvas would do."""
    slots = slots_of((2048, 1536), (2048, 1536))
    with pytest.raises(FormatError, match="4096 x 1536") as caught:
        LAYOUTS["side_by_side"](slots, *UHD, "native")
    assert "size: 4096x1536" in caught.value.do


def test_main_and_sides_end_level() -> None:
    """A column of two side pictures is exactly as high as the main picture."""
    slots = slots_of((2048, 1536), (1280, 1024), (1280, 1024))
    main, upper, lower = LAYOUTS["main"](slots, *UHD, "fit", 8).tiles
    assert upper.dest.top == main.dest.top
    assert lower.dest.bottom == main.dest.bottom
    assert upper.dest.left == main.dest.right + 8
    assert lower.dest.top == upper.dest.bottom + 8
    assert main.dest.left == 0
    assert upper.dest.right == 3840


def test_main_is_main() -> None:
    """No side picture is more than half as wide as the main one, and most area is used."""
    for n in range(2, 8):
        slots = slots_of(*[(1280, 1024)] * n)
        for canvas in (UHD, (1920, 1080)):
            tiles = LAYOUTS["main"](slots, *canvas).tiles
            assert all(t.dest.cols <= tiles[0].dest.cols / 2 + 2 for t in tiles[1:])


def test_crop_keeps_the_focus() -> None:
    """A cropped picture shows the side of it that its focus point lies on."""
    slot = Slot("a", 1920, 1080, focus=(0.5, 0.9), fit="crop")
    tile = LAYOUTS["full"]([slot], 1080, 1920).tiles[0]
    assert tile.dest == Rect(0, 0, 1080, 1920)
    assert tile.window.top + tile.window.rows == pytest.approx(1920)


def test_vertical_stacks() -> None:
    """On an upright canvas wide pictures lie one under the other."""
    slots = slots_of((1280, 1024), (1280, 1024), (1280, 1024))
    tiles = LAYOUTS["side_by_side"](slots, 1920, 1080).tiles
    assert len({t.dest.left for t in tiles}) == 1
    main = LAYOUTS["main"](slots, 1920, 1080).tiles
    assert main[0].dest.cols == 1080
    assert main[1].dest.top >= main[0].dest.bottom


@pytest.mark.parametrize(
    ("name", "slots", "canvas", "cure"),
    [
        ("full", slots_of((10, 10), (10, 10)), UHD, "grid"),
        ("grid", [], UHD, "name at least one"),
        ("grid", [Slot("a", 10, 10), Slot("a", 10, 10)], UHD, "name it once"),
        ("grid", slots_of((10, 10)), (1081, 1920), "1920x1080"),
        ("grid", slots_of(*[(100, 100)] * 12), (8, 8), "fewer cameras"),
    ],
)
def test_refusals_say_what_to_do(
    name: str, slots: list[Slot], canvas: tuple[int, int], cure: str
) -> None:
    """What cannot be laid out is refused with what to write instead."""
    with pytest.raises(FormatError) as caught:
        LAYOUTS[name](slots, *canvas)
    assert cure in caught.value.do
