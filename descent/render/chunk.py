"""The job of a render: one chunk's ticks composed, encoded, checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from descent.clip import Clip
from descent.compose.canvas import Card, Composer, TileInput
from descent.compose.geometry import Layout, Rect, Tile, Window
from descent.compose.instruments import lay_words
from descent.encode.chunk import write_chunk
from descent.encode.profile import load_profile
from descent.model import Frame, Planes
from descent.render.scene import in_order, open_camera
from descent.work import checkpoint


def make(args: Mapping[str, Any], outs: tuple[Path, ...]) -> dict[str, Any]:
    """Make one chunk: `args` of `tasks.Task`, `outs` the chunk's path.

    Returns its record and, for each tick and camera, the shares (0 to 1) of shown pixels
    that were filled, repaired or lost.
    """
    profile = load_profile(args["profile"])
    shares: list[dict[str, Any]] = []
    record = write_chunk(
        outs[0],
        pictures(args, profile.chroma, profile.depth, shares),
        profile=profile,
        rows=args["rows"],
        cols=args["cols"],
        rate=Fraction(args["rate"]),
        frames=len(args["ticks"]),
        verify=args.get("verify", True),
    )
    return {"record": record.to_json(), "shares": shares}


def pictures(
    args: Mapping[str, Any], chroma: Any, depth: Any, shares: list[dict[str, Any]]
) -> Iterator[Planes]:
    """The composed pictures of a task's ticks; each is good until the next is asked for."""
    feeds = {
        name: Feed(
            open_camera(name, {**camera, "paths": args["paths"][name]}),
            [row["show"][name][1] if name in row["show"] else None for row in args["ticks"]],
        )
        for name, camera in args["cameras"].items()
    }
    composers: dict[int, Composer] = {}
    for row in args["ticks"]:
        checkpoint()
        number = row["layout"]
        composer = composers.get(number)
        if composer is None:
            layout = layout_from(args["layouts"][number])
            # A span that closes up and opens again keeps one canvas alive, not two.
            composers = {number: (composer := Composer(layout, chroma, depth))}
        cards = {w["camera"]: w for w in row["words"] if w["role"] == "card"}
        inputs = {}
        for name, (_state, frame, then) in row["show"].items():
            if frame is None:
                card = _card(cards.get(name), row["words"]) if then == "card" else None
                inputs[name] = TileInput((name, None), None, card)
            else:
                inputs[name] = TileInput((name, frame), feeds[name].at(frame))
        yield composer.picture(inputs, lay_words(composer.layout, row["words"]))
        shares.append({name: _rounded(s) for name, s in composer.shares.items() if s})


class Feed:
    """Hands out a camera's frames as ticks come to them; each is pulled once."""

    def __init__(self, clip: Clip, shown: list[int | None]) -> None:
        self._frames = clip.pull(iter(in_order(shown)))
        self._index: int | None = None
        self._frame: Frame | None = None

    def at(self, index: int) -> Callable[[], Frame | Planes | None]:
        """Frame `index`, decoded when it is called for; indices come as `shown` said."""
        if index != self._index:
            self._index, self._frame = index, next(self._frames)
        frame = self._frame
        if frame is not None and isinstance(frame.pixels, Planes):
            planes = frame.pixels
            return lambda: planes
        return lambda: frame


def _card(said: Mapping[str, Any] | None, words: list[Mapping[str, Any]]) -> Card:
    if said is None:
        return Card()
    title = next(
        (w["text"] for w in words if w["role"] == "title" and w.get("camera") == said["camera"]), ""
    )
    reason, _, after = said["text"].partition(" · ")
    return Card(title, reason, after)


def _rounded(shares: Mapping[str, float]) -> dict[str, float]:
    return {reason: round(share, 6) for reason, share in shares.items()}


def layout_from(values: Any) -> Layout:
    """A layout of its plain data: named tuples travel as lists."""
    rows, cols, tiles, free = values
    return Layout(
        rows,
        cols,
        tuple(
            Tile(
                t["camera"],
                Rect(*t["dest"]),
                Window(*t["window"]),
                t["magnification"],
                t["level"],
                t["edge_px"],
            )
            for t in tiles
        ),
        {name: Rect(*rect) for name, rect in free.items()},
    )
