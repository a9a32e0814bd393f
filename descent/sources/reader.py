"""The door of the sources room for pixels: what they are, and a clip that pulls them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from descent.clip import Clip
from descent.errors import Damaged, FormatError, SourceError
from descent.model import Finding, Format, Frame, Planes, Shot
from descent.sources.geometry import Geometry, Mirror
from descent.sources.stills import Still, looks_mosaic, one_channel, read_planes, read_still
from descent.sources.video import Clips, turn_of, upright_planes
from descent.sources.yuv import Source
from descent.tools.colour import Depth, grey_to_planes, planes_to_rgb, rgb_to_planes
from descent.tools.lend import Lender

_HDR = {16: "PQ", 18: "HLG"}


@dataclass(frozen=True, slots=True)
class Probe:
    """The format of a camera's pictures, as stored, and what a person should know of them."""

    format: Format
    findings: tuple[Finding, ...] = ()


def probe(shots: Sequence[Shot], *, pattern: str | None = None) -> Format:
    """The format of a camera's pictures as stored, before turn, mirror and crop.

    `pattern` is the Bayer phase of pixel (0, 0) that the camera declares. See `examine`.
    """
    return examine(shots, pattern=pattern).format


def examine(shots: Sequence[Shot], *, pattern: str | None = None) -> Probe:
    """The format of a camera's pictures, from the first, middle and last of each kind.

    Recognises a mosaic (or grey) stored as three equal channels, colour that needs no
    debayering although `pattern` is given, a mosaic for which none is given, alpha, 16 bits,
    and how clips code their colours. Decodes up to three stills and one frame of the first
    clip. Raises `FormatError` where they disagree, `Damaged` where none can be read.
    """
    if not shots:
        raise SourceError("holds no frames", do="write files: that exist")
    stills = [s for s in shots if s.pts is None]
    clips = [s for s in shots if s.pts is not None]
    found = []
    if stills:
        found.append(_examine_stills(stills, pattern))
    if clips:
        found.append(_examine_clip(clips, pattern))
    if len(found) == 2 and found[0].format != found[1].format:
        one, two = found[0].format, found[1].format
        raise FormatError(
            f"its stills are {_words(one)}, its clips {_words(two)}",
            where=shots[0].camera,
            do="list them as two cameras",
        )
    findings = tuple(f for each in found for f in each.findings)
    return Probe(found[0].format, findings)


def _words(format: Format) -> str:
    return f"{format.cols} x {format.rows} px {format.kind} {format.dtype}"


def _examine_stills(shots: list[Shot], pattern: str | None) -> Probe:
    camera = shots[0].camera
    read: list[Still] = []
    broken: Damaged | None = None
    for shot in dict.fromkeys((shots[0], shots[len(shots) // 2], shots[-1])):
        try:
            read.append(read_still(shot.path, where=_where(shot)))
        except Damaged as error:
            broken = error  # the render will meet it and say so; here another will do
            continue
        if one_channel(read[-1].pixels) is None:
            break  # it is in colour: nothing else needs to be read
    if not read:
        read = [read_still(shot.path, where=_where(shot)) for shot in shots[1:2]]
        if not read and broken is not None:
            raise broken
    first = read[0]
    channels = [one_channel(still.pixels) for still in read]
    singles = [c for c in channels if c is not None]
    # Black and empty frames have equal channels too: one picture in colour decides.
    colour = len(singles) < len(read)
    three = any(still.pixels.ndim == 3 for still in read)
    findings = []
    if colour and pattern is not None:
        findings.append(
            Finding(
                "colour_already", camera,
                f"its frames are in colour already, so the pattern {pattern} does not apply",
                level="note",
            )
        )  # fmt: skip
    mosaic = pattern is not None and not colour
    if not colour and three:
        what = "a mosaic" if mosaic else "grey"
        text = f"its frames are {what} stored as three equal channels: one is used"
        findings.append(Finding("equal_channels", camera, text, level="note"))
    if pattern is None and not colour and any(looks_mosaic(single) for single in singles):
        findings.append(
            Finding(
                "mosaic", camera, "its frames look like an undebayered Bayer mosaic",
                "write pattern: RGGB, BGGR, GRBG or GBRG and restore: {debayer: {}}",
            )
        )  # fmt: skip
    for key in sorted({key for still in read for key in still.notes}):
        value = next(still.notes[key] for still in read if key in still.notes)
        if key == "alpha_dropped":
            text = f"its frames carry an alpha channel ({value}), which is dropped"
            level = "note" if value == "opaque" else "warning"
            findings.append(Finding("alpha", camera, text, level=level))  # type: ignore[arg-type]
    rows, cols = first.pixels.shape[:2]
    wide = first.pixels.dtype == np.uint16
    raw = mosaic or (first.kind == "img" and wide)
    return Probe(
        Format(
            rows, cols,
            "rgb" if colour else ("mosaic" if mosaic else "grey"),
            "uint16" if wide else "uint8",
            pattern if mosaic else None,
            "raw" if raw else "bt709",
            float(first.white),
        ),
        tuple(findings),
    )  # fmt: skip


def _examine_clip(shots: list[Shot], pattern: str | None) -> Probe:
    shot = shots[0]
    clips = Clips(_stamps(shots))
    try:
        assert shot.pts is not None
        frame, source = clips.frame(shot.path, shot.pts)
        rows, cols = frame.height, frame.width
        if turn_of(frame) in {90, 270}:
            rows, cols = cols, rows
        findings = _clip_findings(shot, frame, source, clips)
    finally:
        clips.close()
    grey = source.across == 0 and source.matrix != "rgb"
    mosaic = grey and pattern is not None
    wide = source.bits > 8
    kind = "mosaic" if mosaic else ("grey" if grey else "rgb")
    return Probe(
        Format(
            rows, cols, kind,  # type: ignore[arg-type]
            "uint16" if wide else "uint8",
            pattern if mosaic else None,
            "raw" if mosaic else "bt709",
            65535.0 if wide else 255.0,
        ),
        tuple(findings),
    )  # fmt: skip


def _clip_findings(shot: Shot, frame: Any, source: Source, clips: Clips) -> list[Finding]:
    where = f"{shot.camera}: {shot.path.name}"
    found = []
    if source.guessed and source.across:
        text = f"no tag tells its colour matrix: taken for {source.matrix} by its height"
        found.append(Finding("matrix", where, text, "tag the file if that is wrong"))
    said = {k: v for k, v in source.notes.items() if not (k == "matrix" and source.guessed)}
    if said:
        text = "converted: " + ", ".join(f"{k} {v}" for k, v in said.items())
        found.append(Finding("converted", where, text, level="note"))
    if turn := turn_of(frame):
        text = f"its rotation tag turns it {turn} degrees clockwise; that is done"
        found.append(Finding("rotation", where, text, "turn: adds to it", "note"))
    if int(frame.color_trc) in _HDR:
        text = f"is HDR ({_HDR[int(frame.color_trc)]}), which is shown as if it were BT.709"
        found.append(Finding("hdr", where, text, "convert it to SDR first"))
    if frame.interlaced_frame:
        found.append(Finding("interlaced", where, "is interlaced", "deinterlace it first"))
    shape = clips.pixel_aspect
    if shape not in {None, Fraction(0), Fraction(1)}:
        text = f"its pixels are not square ({shape}); they are taken as if they were"
        found.append(Finding("pixel_aspect", where, text, "scale it to square pixels first"))
    return found


# --- pulling --------------------------------------------------------------------------------


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

    `format` is what `probe` told. `crop` is (top, left, height, width) in px of the stored
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


def _stamps(shots: Iterable[Shot]) -> dict[Path, tuple[int, ...]]:
    stamps: dict[Path, list[int]] = {}
    for shot in shots:
        if shot.pts is not None:
            stamps.setdefault(shot.path, []).append(shot.pts)
    return {path: tuple(sorted(pts)) for path, pts in stamps.items()}


def _where(shot: Shot, index: int | None = None) -> str:
    number = "" if index is None else f" frame {index}"
    return f"{shot.camera}{number} ({shot.path.name})"


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
        clips, lend = Clips(_stamps(self.shots), threads=self.threads), Lender()
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
        where = _where(shot, index)
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
        stamps = _stamps(self.shots)[shot.path]
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
