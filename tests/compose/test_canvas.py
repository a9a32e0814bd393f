"""The canvas: made again only where something changed, words off without a trace."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from descent.compose.canvas import Card, Composer, TileInput, still
from descent.compose.geometry import Layout, Slot
from descent.compose.layouts import LAYOUTS
from descent.compose.words import Word
from descent.errors import FormatError
from descent.model import REPAIRED, Frame, Planes
from descent.tools.colour import Chroma, Depth, rgb_to_planes

WORD = Word("Touchdown confirmed", "event", 60, 40, 500)


def picture(seed: int, rows: int = 128, cols: int = 160) -> Planes:
    """A small picture of random blocks."""
    rng = np.random.default_rng(seed)
    blocks = rng.integers(0, 256, (rows // 8, cols // 8, 3), np.uint8)
    return rgb_to_planes(np.kron(blocks, np.ones((8, 8, 1), np.uint8)).astype(np.uint8))


def laid(name: str, *cameras: str, rows: int = 360, cols: int = 640) -> Layout:
    """A layout of small cameras."""
    return LAYOUTS[name]([Slot(c, 128, 160) for c in cameras], rows, cols)


def snapshot(planes: Planes) -> list[NDArray[Any]]:
    """A copy to compare with later."""
    return [p.copy() for p in planes]


def same(planes: Planes, other: list[NDArray[Any]]) -> bool:
    """Whether planes are those of a snapshot."""
    return all((a == b).all() for a, b in zip(planes, other, strict=True))


def test_only_what_changed_is_made() -> None:
    """A tile is made once for each key, whatever the words do."""
    composer = Composer(laid("grid", "a", "b", "c"))
    asked: list[str] = []

    def give(name: str, seed: int) -> TileInput:
        def make() -> Planes:
            asked.append(name)
            return picture(seed)

        return TileInput((name, seed), make)

    for tick in range(6):
        inputs = {"a": give("a", tick), "b": give("b", tick // 3), "c": give("c", 0)}
        composer.picture(inputs, [Word(f"T+{tick} s", "clock", 20, 20, 300)])
    assert asked.count("a") == 6
    assert asked.count("b") == 2
    assert asked.count("c") == 1
    assert composer.made == 9


@pytest.mark.parametrize(("chroma", "depth"), [("420", 8), ("422", 10), ("444", 8)])
def test_words_leave_no_trace(chroma: Chroma, depth: Depth) -> None:
    """Words put on and taken off, overlapping ones too, give back the same bytes."""
    composer = Composer(laid("side_by_side", "a", "b"), chroma, depth)
    inputs = {"a": TileInput(1, picture(1)), "b": TileInput(2, picture(2))}
    clean = snapshot(composer.picture(inputs))
    over = [WORD, Word("over it", "mark", 70, 60, 500), Word("off", "title", -9, -9, 300)]
    worded = snapshot(composer.picture(inputs, over))
    assert not same(Planes(*clean), worded)
    assert same(composer.picture(inputs), clean)
    # A tile that changes under the words, and back.
    changed = {**inputs, "a": TileInput(3, picture(3))}
    composer.picture(changed, over)
    assert same(composer.picture(inputs, over), worded)
    assert same(composer.picture(inputs), clean)


def test_state_does_not_matter() -> None:
    """A canvas with a past gives the same bytes as a fresh one."""
    layout = laid("inset", "a", "b", "c", rows=720, cols=1280)
    used = Composer(layout)
    rng = np.random.default_rng(5)
    for _ in range(12):
        seeds = {c: int(rng.integers(0, 3)) for c in "abc"}
        inputs = {c: TileInput(s, picture(s)) for c, s in seeds.items()}
        if seeds["b"] == 2:
            inputs["b"] = TileInput("none", None, Card("b", "no frame"))
        words = [WORD] if rng.random() < 0.5 else []
        assert same(used.picture(inputs, words), snapshot(Composer(layout).picture(inputs, words)))


def test_cards_say_what_is_missing() -> None:
    """A missing picture is a calm dark card with type; without a card it is black."""
    composer = Composer(laid("side_by_side", "a", "b", rows=720, cols=1280))
    card = Card("Rover up-look camera", "no frame for 4.2 s", "next at 20:43:12.3 UTC")
    planes = composer.picture({"a": TileInput(0, None, card), "b": TileInput(0)})
    a, b = (composer.layout.tile(c).dest for c in "ab")
    left = planes.y[a.top : a.bottom, a.left : a.right]
    assert np.median(left) == 37
    assert left.max() > 180
    assert (planes.y[b.top : b.bottom, b.left : b.right] == 16).all()
    lit = np.argwhere(left > 120)
    assert lit.min() > 0
    assert (lit.max(0) < left.shape).all()


def test_all_sorts_of_pictures() -> None:
    """Planes, frames of 8 and 16 bits, grey, odd sizes and linear light all find their tile."""
    grey = np.full((129, 161), 200, np.uint8)
    sorts: list[Planes | Frame] = [
        picture(1), Frame(picture(1)), Frame(grey), Frame(np.dstack([grey] * 3)),
        Frame(grey.astype(np.uint16) * 257), Frame(np.full((129, 161, 3), 0.5, np.float32)),
    ]  # fmt: skip
    composer = Composer(LAYOUTS["full"]([Slot("a", 128, 160)], 256, 320))
    for key, sort in enumerate(sorts):
        planes = composer.picture({"a": TileInput(key, sort)})
        assert planes.y.mean() > 60


def test_shares_travel() -> None:
    """The shares of flagged pixels of each tile are those of what it shows now."""
    flags = np.zeros((128, 160), np.uint8)
    flags[:64] = REPAIRED
    composer = Composer(LAYOUTS["full"]([Slot("a", 128, 160)], 256, 320))
    light = np.full((128, 160), 0.5, np.float32)
    composer.picture({"a": TileInput(1, Frame(light, flags))})
    assert composer.shares == {"a": {"repaired": 0.5}}
    composer.picture({"a": TileInput(2, Frame(light))})
    assert composer.shares == {"a": {}}


def test_failures_change_nothing() -> None:
    """A word that cannot be drawn and a reader that fails leave the canvas usable."""
    composer = Composer(laid("full", "a"))
    inputs = {"a": TileInput(1, picture(1))}
    clean = snapshot(composer.picture(inputs))
    with pytest.raises(FormatError):
        composer.picture({"a": TileInput(2, picture(2))}, [Word("🚀", "event", 0, 0, 500)])
    assert same(composer.picture(inputs), clean)

    def broken() -> Planes:
        raise OSError("no frame")

    with pytest.raises(OSError, match="no frame"):
        composer.picture({"a": TileInput(3, broken)}, [WORD])
    assert same(composer.picture(inputs), clean)
    with pytest.raises(FormatError, match="camera a"):
        composer.picture({})


def test_planes_lie_in_one_buffer() -> None:
    """The canvas is one flat buffer, luma, u, v, as encoders take it."""
    planes = Composer(laid("full", "a")).picture({"a": TileInput(0)})
    flat = planes.y.base
    assert flat is not None
    assert flat.size == 360 * 640 * 3 // 2
    assert (flat == np.concatenate([p.ravel() for p in planes])).all()


def test_stills_are_rgb() -> None:
    """A composed picture comes out as RGB of 8 bits, or 16 from a deep canvas."""
    inputs = {"a": TileInput(1, picture(1))}
    eight = still(Composer(laid("full", "a")).picture(inputs))
    deep = still(Composer(laid("full", "a"), "444", 10).picture(inputs), depth=10)
    assert eight.dtype == np.uint8
    assert eight.shape == (360, 640, 3)
    assert deep.dtype == np.uint16
    assert np.abs(deep / 257.0 - eight).mean() < 6
