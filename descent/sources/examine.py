"""What a camera's pictures are: by their headers, or by a look at a few of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from descent.errors import Damaged, FormatError, SourceError
from descent.model import Finding, Format, Shot
from descent.sources.forms import Form, form_of
from descent.sources.stills import (
    Still,
    looks_mosaic,
    name_of,
    one_channel,
    read_still,
    surely_colour,
)
from descent.sources.video import Clips, stamps_of, turn_of
from descent.sources.yuv import Source

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


def examine(
    shots: Sequence[Shot],
    *,
    pattern: str | None = None,
    look: bool = True,
    expect: Literal["mosaic", "colour"] = "mosaic",
) -> Probe:
    """The format of a camera's pictures, from the first, middle and last of each kind.

    Recognises a mosaic (or grey) stored as three equal channels, colour that needs no
    debayering although `pattern` is given, a mosaic for which none is given, alpha, 16 bits,
    and how clips code their colours. Decodes up to three stills and one frame of the first
    clip; without `look` it reads headers alone, and takes three channels where there is a
    `pattern` for what to `expect`, or for colour if the clips beside them are, and says so.
    Raises `FormatError` where they disagree, `Damaged` where none can be read.
    """
    if not shots:
        raise SourceError("holds no frames", do="write files: that exist")
    stills = [s for s in shots if s.pts is None]
    clips = [s for s in shots if s.pts is not None]
    found = []
    if clips:
        found.append(_clip(clips, pattern, look))
        expect = "colour" if found[0].format.kind == "rgb" else expect
    if stills:
        found.insert(0, _stills(stills, pattern, None if look else expect))
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


# --- stills ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Seen:
    """A still: its form, its one channel if it was found to have one, its alpha in words."""

    form: Form
    single: NDArray[Any] | None = None
    alpha: str = ""


def _stills(shots: list[Shot], pattern: str | None, expect: str | None) -> Probe:
    """Stills by a look at them, or by their headers and what to `expect` of three channels."""
    look = expect is None
    camera = shots[0].camera
    few = list(dict.fromkeys((shots[0], shots[len(shots) // 2], shots[-1])))
    seen = _looked(few, shots) if look else [_Seen(form_of(s.path, name_of(s))) for s in few]
    first = seen[0].form
    three = any(each.form.channels == 3 for each in seen)
    trusted = expect if pattern is not None else "colour"
    # Black and empty frames have equal channels too: one picture in colour decides.
    colour = any(e.single is None for e in seen) if look else three and trusted != "mosaic"
    mosaic = pattern is not None and not colour
    findings = []

    def say(code: str, text: str, do: str = "", level: Literal["note", "warning"] = "note") -> None:
        findings.append(Finding(code, camera, text, do, level))

    if three and pattern is not None and not look:
        say(
            "not_looked",
            "its frames have three channels: taken for "
            + (f"the mosaic {pattern} in three equal ones" if mosaic else "colour"),
            "a render looks first; --look looks now",
        )
    elif colour and pattern is not None:
        say(
            "colour_already",
            f"its frames are in colour already, so the pattern {pattern} does not apply",
        )
    elif three and not colour:
        what = "a mosaic" if mosaic else "grey"
        say("equal_channels", f"its frames are {what} stored as three equal channels: one is used")
    singles = [each.single for each in seen if each.single is not None]
    if not mosaic and not colour and any(looks_mosaic(single) for single in singles):
        say(
            "mosaic",
            "its frames look like an undebayered Bayer mosaic",
            "write pattern: RGGB, BGGR, GRBG or GBRG and restore: {debayer: {}}",
            "warning",
        )
    if alpha := next((each.alpha for each in seen if each.alpha), ""):
        level: Literal["note", "warning"] = "warning" if alpha == "transparent" else "note"
        say("alpha", f"its frames carry an alpha channel ({alpha}), which is dropped", level=level)
    elif any(each.form.alpha for each in seen):
        say("alpha", "its frames carry an alpha channel, which is dropped")
    raw = mosaic or (first.kind == "img" and first.wide)
    return Probe(
        Format(
            first.rows, first.cols,
            "rgb" if colour else ("mosaic" if mosaic else "grey"),
            "uint16" if first.wide else "uint8",
            pattern if mosaic else None,
            "raw" if raw else "bt709",
            float(first.white),
        ),
        tuple(findings),
    )  # fmt: skip


def _looked(few: list[Shot], shots: list[Shot]) -> list[_Seen]:
    """Stills decoded, up to the first in colour: nothing else, nor the rest of it, is read then."""
    seen: list[_Seen] = []
    broken: Damaged | None = None
    for shot in few:
        try:
            if surely_colour(shot.path, where=name_of(shot)):
                seen.append(_Seen(form_of(shot.path, name_of(shot))))
                break
            still = read_still(shot.path, where=name_of(shot))
        except Damaged as error:
            broken = error  # the render will meet it and say so; here another will do
            continue
        seen.append(_seen(still))
        if seen[-1].single is None:
            break
    if not seen:
        seen = [_seen(read_still(shot.path, where=name_of(shot))) for shot in shots[1:2]]
        if not seen and broken is not None:
            raise broken
    return seen


def _seen(still: Still) -> _Seen:
    rows, cols = still.pixels.shape[:2]
    three, wide = still.pixels.ndim == 3, still.pixels.dtype == np.uint16
    form = Form(rows, cols, 3 if three else 1, wide, still.white, still.kind)
    return _Seen(form, one_channel(still.pixels), str(still.notes.get("alpha_dropped", "")))


# --- clips ----------------------------------------------------------------------------------


def _clip(shots: list[Shot], pattern: str | None, look: bool) -> Probe:
    shot = shots[0]
    clips = Clips(stamps_of(shots))
    try:
        assert shot.pts is not None
        frame, source = clips.frame(shot.path, shot.pts) if look else clips.told(shot.path)
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
