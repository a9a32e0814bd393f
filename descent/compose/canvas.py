"""The canvas: tiles made again only where their source changed, words put on and taken off."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from descent.compose.fit import fit_linear, fit_planes, flag_shares
from descent.compose.geometry import Layout, Rect, Tile
from descent.compose.words import LOOKS, Placed, Role, Word, draw, placed, unit
from descent.errors import FormatError
from descent.model import Frame, Planes
from descent.tools.colour import (
    SUBSAMPLING,
    Chroma,
    Depth,
    blank_planes,
    grey_to_planes,
    planes_to_rgb,
    rgb_to_planes,
)

Picture = Frame | Planes | None

#: Luma of a missing card's ground, 8-bit levels: dark, and not the black of the margins.
CARD_LUMA = 37


@dataclass(frozen=True, slots=True)
class Card:
    """What is shown where a camera has no picture: up to three lines, empty ones left out."""

    title: str = ""
    reason: str = ""
    next: str = ""


@dataclass(frozen=True, slots=True)
class TileInput:
    """What a tile shows now.

    `key` is equal exactly while the shown pixels are (camera, frame, stages); while it
    stays, `picture` is not looked at. `picture` is a frame, planes, a function that makes
    one, or None: then the tile is `card`, or black without one.
    """

    key: Hashable
    picture: Picture | Callable[[], Picture] = None
    card: Card | None = None


@dataclass(slots=True)
class Composer:
    """Draws one layout again and again into one canvas.

    `picture(inputs, words)` returns planes that the next call writes over: encode or copy
    them first. They lie in one flat buffer, luma, u, v (`planes.y.base`). `made` counts
    tiles made so far; `shares` holds, for each camera, the shares 0 to 1 of its shown
    pixels that were saturated, repaired, lost, filled ... `dither` seeds the dither of
    linear pictures.
    """

    layout: Layout
    chroma: Chroma = "420"
    depth: Depth = 8
    dither: int = 0
    made: int = 0
    shares: dict[str, dict[str, float]] = field(default_factory=dict)
    _canvas: Planes = field(init=False)
    _keys: dict[str, Hashable] = field(init=False, default_factory=dict)
    _kept: dict[str, Planes] = field(init=False, default_factory=dict)
    _under: list[tuple[Rect, Planes]] = field(init=False, default_factory=list)
    _words: tuple[Word, ...] = field(init=False, default=())

    def __post_init__(self) -> None:
        self._canvas = blank_planes(self.layout.rows, self.layout.cols, self.chroma, self.depth)

    def picture(self, inputs: Mapping[str, TileInput], words: Sequence[Word] = ()) -> Planes:
        """The canvas with each camera's input in its tile and the words on top.

        Raises `FormatError` where a camera of the layout has no input, a picture is
        smaller than its tile was laid out for, or a word cannot be drawn.
        """
        missing = next((t.camera for t in self.layout.tiles if t.camera not in inputs), None)
        if missing is not None:
            raise FormatError(
                f"nothing was handed over for camera {missing}",
                where=missing,
                do="hand over a TileInput for every tile; without a picture, with its card",
            )
        stale = [t for t in self.layout.tiles if self._stale(t, inputs[t.camera])]
        if not stale and tuple(words) == self._words:
            return self._canvas
        # Settled before anything is touched: a word that cannot be drawn changes nothing.
        laid = [placed(word, self.layout.rows, self.layout.cols) for word in words]
        self._restore()
        for tile in stale:
            self._make(tile, inputs[tile.camera])
        self._cover([p for p in laid if p is not None])
        self._words = tuple(words)
        return self._canvas

    def _stale(self, tile: Tile, given: TileInput) -> bool:
        marker = (given.key, given.card)
        return tile.camera not in self._keys or self._keys[tile.camera] != marker

    def _make(self, tile: Tile, given: TileInput) -> None:
        # Forgotten first: if making it fails, it is not taken for made.
        self._keys.pop(tile.camera, None)
        out = self._window(tile.dest)
        shares: dict[str, float] = {}
        picture = given.picture() if callable(given.picture) else given.picture
        if tile.edge_px:
            self._fill(_grown(tile.dest, tile.edge_px), 16)
        if picture is None:
            self._show_card(tile, given.card)
        elif isinstance(picture, Planes):
            fit_planes(picture, tile, self.chroma, self.depth, out)
        else:
            shares = self._show_frame(tile, picture, out)
        self.shares[tile.camera] = shares
        self._keys[tile.camera] = (given.key, given.card)
        self.made += 1
        self._lift(tile)

    def _show_frame(self, tile: Tile, frame: Frame, out: Planes) -> dict[str, float]:
        pixels = frame.pixels
        if not isinstance(pixels, Planes) and pixels.dtype == np.float32:
            made, shares = fit_linear(frame, tile, self.chroma, self.depth, dither=self.dither)
            _copy(made, out)
            return shares
        if frame.warp is not None:
            raise FormatError(
                "a warp on pixels that are not linear light",
                where=tile.camera,
                do="let the stages hand on float32 linear light",
            )
        if not isinstance(pixels, Planes):
            convert = rgb_to_planes if pixels.ndim == 3 else grey_to_planes
            odd = pixels.shape[0] % 2 or pixels.shape[1] % 2  # 4:4:4 holds odd sizes whole
            pixels = convert(pixels, chroma="444" if odd else "420", depth=self.depth)
        fit_planes(pixels, tile, self.chroma, self.depth, out)
        return flag_shares(frame, tile)

    def _lift(self, tile: Tile) -> None:
        """Keep the picture of a tile that lies on others; lay it back after they change."""
        overlapping = [t for t in self.layout.tiles if t.level > tile.level]
        if any(t.level < tile.level for t in self.layout.tiles):
            self._kept[tile.camera] = _copied(self._window(tile.dest))
        for upper in overlapping:
            kept = self._kept.get(upper.camera)
            if kept is not None and upper.dest.meets(tile.dest):
                self._fill(_grown(upper.dest, upper.edge_px), 16)
                _copy(kept, self._window(upper.dest))

    def _show_card(self, tile: Tile, card: Card | None) -> None:
        self._fill(tile.dest, CARD_LUMA if card else 16)
        if card is None:
            return
        for word in card_words(card, tile, self.layout.rows, self.layout.cols):
            at = placed(word, self.layout.rows, self.layout.cols)
            if at is not None:
                inside = at._replace(
                    rect=at.rect._replace(
                        top=at.rect.top - tile.dest.top, left=at.rect.left - tile.dest.left
                    )
                )
                draw(self._window(tile.dest), inside)

    def _cover(self, words: Sequence[Placed]) -> None:
        canvas = Rect(0, 0, self.layout.rows, self.layout.cols)
        for word in words:
            rect = _clipped(word.rect, canvas)
            if rect.area:
                self._under.append((rect, _copied(self._window(rect))))
                draw(self._canvas, word)

    def _restore(self) -> None:
        while self._under:
            rect, saved = self._under.pop()
            _copy(saved, self._window(rect))

    def _fill(self, rect: Rect, luma: int) -> None:
        window = self._window(_clipped(rect, Rect(0, 0, self.layout.rows, self.layout.cols)))
        window.y[:] = luma << (self.depth - 8)
        window.u[:] = window.v[:] = 1 << (self.depth - 1)

    def _window(self, rect: Rect) -> Planes:
        tall, wide = SUBSAMPLING[self.chroma]
        part = (
            slice(rect.top // tall, rect.bottom // tall),
            slice(rect.left // wide, rect.right // wide),
        )
        y, u, v = self._canvas
        return Planes(y[rect.top : rect.bottom, rect.left : rect.right], u[part], v[part])


def card_words(card: Card, tile: Tile, rows: int, cols: int) -> list[Word]:
    """The lines of a card, centred in its tile."""
    dest, scale = tile.dest, unit(rows, cols)
    roles: tuple[Role, ...] = ("headline", "line", "line")
    texts = (card.title, card.reason, card.next)
    lines = [(text, role) for text, role in zip(texts, roles, strict=True) if text]
    pitch = [LOOKS[role].px * scale * 1.5 for _, role in lines]
    row, middle = dest.top + (dest.rows - sum(pitch)) / 2, dest.left + dest.cols // 2
    out = []
    for (text, role), step in zip(lines, pitch, strict=True):
        at, width = round(row + step * 0.28), round(dest.cols * 0.84)
        out.append(Word(text, role, at, middle, width, "center", lines=1, where=tile.camera))
        row += step
    return out


def _grown(rect: Rect, by: int) -> Rect:
    return Rect(rect.top - by, rect.left - by, rect.rows + 2 * by, rect.cols + 2 * by)


def _clipped(rect: Rect, canvas: Rect) -> Rect:
    top, left = max(rect.top, canvas.top), max(rect.left, canvas.left)
    bottom, right = min(rect.bottom, canvas.bottom), min(rect.right, canvas.right)
    return Rect(top, left, max(0, bottom - top), max(0, right - left))


def _copied(planes: Planes) -> Planes:
    return Planes(*(p.copy() for p in planes))


def _copy(planes: Planes, into: Planes) -> None:
    for a, b in zip(planes, into, strict=True):
        b[:] = a


def still(planes: Planes, *, depth: Depth = 8) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """A composed picture as RGB (rows, cols, 3), uint8, or uint16 from a 10-bit canvas."""
    return planes_to_rgb(planes, depth=depth)
