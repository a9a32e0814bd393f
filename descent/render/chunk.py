"""The job of a render: one chunk's ticks composed, encoded, checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from descent.clip import Clip
from descent.compose.canvas import Card, Composer, TileInput
from descent.compose.geometry import Layout, Rect, Tile, Window
from descent.compose.instruments import Instruments, Texts
from descent.encode.chunk import write_chunk
from descent.encode.profile import load_profile
from descent.model import Frame, Planes
from descent.render.scene import in_order, open_camera
from descent.tools.ahead import ahead
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
    checkpoint(starting=True)
    feeds = {
        name: Feed(
            open_camera(name, {**camera, **args["where"][name]}),
            [row["show"][name][1] if name in row["show"] else None for row in args["ticks"]],
        )
        for name, camera in args["cameras"].items()
    }
    texts = Texts(**{**args["texts"], "events": tuple(args["texts"]["events"])})
    stage: tuple[int, Composer, Instruments] | None = None
    for row in args["ticks"]:
        checkpoint()
        if stage is None or stage[0] != row["layout"]:
            # A span that closes up over a gap and opens again keeps one canvas, not two.
            layout = layout_from(args["layouts"][row["layout"]])
            stage = row["layout"], Composer(layout, chroma, depth), Instruments(layout, texts)
        _, composer, instruments = stage
        said = row["words"]
        inputs = {}
        for name, (_state, frame, _then) in row["show"].items():
            if frame is None:
                card = Card(*said["cards"][name]) if name in said["cards"] else None
                inputs[name] = TileInput(None, None, card)
            else:
                inputs[name] = TileInput(frame, feeds[name].at(frame))
        words = instruments.words(
            clock=said["clock"],
            note=said["note"],
            event=said["event"],
            event_alpha=said["alpha"],
            marks=said["marks"],
            untitled=frozenset(said["cards"]),
        )
        yield composer.picture(inputs, words)
        shares.append({name: _rounded(s) for name, s in composer.shares.items() if s})


class Feed:
    """Hands out a camera's frames as ticks come to them; each is pulled once."""

    def __init__(self, clip: Clip, shown: list[int | None]) -> None:
        # The next frame is decoded while this one is composed and encoded.
        self._frames = ahead(clip.pull(iter(in_order(shown))))
        self._index: int | None = None
        self._frame: Frame | None = None

    def at(self, index: int) -> Callable[[], Frame | Planes | None]:
        """What gives frame `index` when it is called; indices come as `shown` said."""

        def give() -> Frame | Planes | None:
            if index != self._index:
                self._index, self._frame = index, next(self._frames)
            frame = self._frame
            planes = None if frame is None else frame.pixels
            return planes if isinstance(planes, Planes) else frame

        return give


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
