"""The door of the sources room for pixels: a clip that pulls them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from descent.clip import Clip
from descent.errors import Damaged, FormatError
from descent.model import Format, Frame, Planes, Shot
from descent.sources.geometry import Geometry, Mirror
from descent.sources.stills import name_of, one_channel, read_planes, read_still
from descent.sources.video import Clips, stamps_of, upright_planes
from descent.tools.colour import Depth, grey_to_planes, planes_to_rgb, rgb_to_planes
from descent.tools.lend import Lender


def open_clip(
    shots: Sequence[Shot],
    times: Sequence[Fraction],
    format: Format,
    *,
    planes: bool = False,
    turn: int = 0,
    mirror: Mirror = "none",
    crop: tuple[int, int, int, int] | None = None,
    breaks: Iterable[int] = (),
    threads: int = 1,
) -> Clip:
    """A clip of `shots` laid at mission `times`, s, whose frames are decoded when pulled.

    `format` is what `examine` told. `crop` is (top, left, height, width) in px of the stored
    picture, then it is turned clockwise by `turn` degrees and mirrored: exact, the Bayer
    phase follows. With `planes`, frames are BT.709 limited 4:2:0 8-bit planes straight from
    what was decoded; else arrays in the format's type. Nothing may be windowed across
    `breaks`. Pulling raises `Damaged`, `HostileInput` or `FormatError` naming camera, frame
    and file.
    """
    if len(shots) != len(times):
        raise ValueError(f"as many times as shots: {len(times)}, {len(shots)}")
    geometry = Geometry(crop, turn, mirror)
    where = shots[0].camera if shots else ""
    try:
        after = geometry.format(format)
    except FormatError as error:
        raise FormatError(error.what, where=where, do=error.do) from None
    if planes:
        after = _planes_format(after, where)
    reader = _Reader(tuple(shots), format, geometry, planes, threads)

    def sources(indices: Sequence[int]) -> frozenset[tuple[str, int]]:
        return frozenset((shots[i].camera, i) for i in indices)

    return Clip(tuple(times), after, sources, reader.pull, frozenset(breaks))


def _planes_format(format: Format, where: str) -> Format:
    if format.kind == "mosaic" or format.transfer == "raw":
        raise FormatError(
            f"raw pictures ({format.kind}) are no planes", where=where,
            do="write restore: {debayer: {}}",
        )  # fmt: skip
    if format.rows % 2 or format.cols % 2:
        even = f"height: {format.rows // 2 * 2}, width: {format.cols // 2 * 2}"
        raise FormatError(
            f"its pictures of {format.cols} x {format.rows} px have an odd side, which 4:2:0 "
            "cannot hold",
            where=where,
            do=f"write crop: {{{even}}}",
        )
    return replace(format, kind="yuv420", dtype="uint8", transfer="bt709", white=235.0)


def _to_white(pixels: NDArray[Any], white: float, full: float) -> NDArray[Any]:
    """Counts whose full scale is `white` on a scale that ends at `full`, rounded."""
    counts = np.arange(1 << 16, dtype=np.float64) * (full / white)
    table = np.clip(np.round(counts), 0, full).astype(np.uint16)
    return np.asarray(table[pixels])


@dataclass(frozen=True)
class _Reader:
    """Turns indices into frames; holds no state between pulls."""

    shots: tuple[Shot, ...]
    format: Format
    geometry: Geometry
    planes: bool
    threads: int

    def pull(self, indices: Iterable[int | None]) -> Iterator[Frame | None]:
        clips, lend = Clips(stamps_of(self.shots), threads=self.threads), Lender()
        last: tuple[int, Frame] | None = None
        try:
            for index in indices:
                if index is None:
                    yield None
                    continue
                if last is None or last[0] != index:
                    last = index, self._frame(index, clips, lend)
                yield last[1]
        finally:
            clips.close()

    @property
    def _direct(self) -> bool:
        """Whether stills may become planes while they are decoded: nothing is between."""
        plain = (self.format.kind, self.format.dtype) == ("rgb", "uint8")
        return self.planes and plain and self.geometry.none

    def _frame(self, index: int, clips: Clips, lend: Lender) -> Frame:
        shot = self.shots[index]
        where = name_of(shot, index)
        if shot.pts is None:
            if self._direct and (made := read_planes(shot.path, lend, where=where)) is not None:
                self._hold_size(made.y.shape, where)
                return Frame(made)
            still = read_still(shot.path, where=where)
            pixels = self._as_declared(still.pixels, where)
            if pixels.dtype == np.uint16 and still.white != self.format.white:
                pixels = _to_white(pixels, still.white, self.format.white)
            pixels = self.geometry.array(pixels)
            if not self.planes:
                return Frame(pixels, notes=still.notes)
            to_planes = grey_to_planes if pixels.ndim == 2 else rgb_to_planes
            return Frame(to_planes(pixels), notes=still.notes)
        try:
            decoded, source = clips.frame(shot.path, shot.pts)
        except Damaged as error:
            raise self._placed(error, shot, where) from error
        depth: Depth = 10 if source.bits > 8 and not self.planes else 8
        notes: dict[str, str] = dict(source.notes)
        if source.bits > depth:
            notes["depth"] = f"{source.bits} to {depth} bits"
        upright = upright_planes(decoded, source, depth)
        self._hold_size(upright.y.shape, where)
        if self.planes:
            return Frame(self.geometry.planes(upright), notes=notes)
        return Frame(self.geometry.array(self._colours(upright, depth)), notes=notes)

    def _placed(self, error: Damaged, shot: Shot, where: str) -> Damaged:
        """A clip's damage, with the frames' places in the file rather than its time stamps."""
        stamps = stamps_of(self.shots)[shot.path]
        bad = {stamps[n] for n in error.indices} | {shot.pts}
        places = [s.index for s in self.shots if s.path == shot.path and s.pts in bad]
        return Damaged(
            error.what, where=where, do=error.do, digest=error.digest, path=error.path,
            indices=tuple(places),
        )  # fmt: skip

    def _colours(self, planes: Planes, depth: Depth) -> NDArray[Any]:
        if self.format.kind in {"grey", "mosaic"}:
            # Limited-range luma back to full scale, exactly what grey_to_planes undoes.
            unit = 1 << (depth - 8)
            full = int(self.format.white)
            level = (np.arange(256 * unit) - 16 * unit) * full / (219 * unit)
            table = np.clip(np.round(level), 0, full).astype(self.format.dtype)
            return np.asarray(table[planes.y])
        return planes_to_rgb(planes, depth=depth)

    def _as_declared(self, pixels: NDArray[Any], where: str) -> NDArray[Any]:
        """The stored picture in the declared kind; raises where it is of another."""
        self._hold_size(pixels.shape[:2], where)
        if pixels.dtype != self.format.dtype:
            raise FormatError(
                f"has {pixels.dtype} pixels among {self.format.dtype} ones", where=where,
                do="make it a camera of its own, or skip: it",
            )  # fmt: skip
        if self.format.kind == "rgb":
            return pixels if pixels.ndim == 3 else np.repeat(pixels[:, :, None], 3, axis=2)
        single = one_channel(pixels)
        if single is None:
            raise FormatError(
                f"is in colour among {self.format.kind} frames", where=where,
                do="make it a camera of its own, or skip: it",
            )  # fmt: skip
        return single

    def _hold_size(self, size: tuple[int, ...], where: str) -> None:
        if tuple(size) != (self.format.rows, self.format.cols):
            raise FormatError(
                f"is {size[1]} x {size[0]} px among frames of {self.format.cols} x "
                f"{self.format.rows} px",
                where=where,
                do="make it a camera of its own, or skip: it",
            )
