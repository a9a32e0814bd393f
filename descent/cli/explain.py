"""`descent explain`: what any second of a release video shows, and from which files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import click

from descent.cli.common import Console, command

if TYPE_CHECKING:
    from descent.release.explain import Explanation, Picture


@command(
    "descent explain out/landing/film.mp4 --at 12.5",
    "descent explain out/landing/film.mp4 --utc 20:43:46.1",
    "descent explain out/landing/film.mp4 --utc 'touchdown - 2s' --json",
    reports=True,
)
@click.argument("file", type=click.Path(exists=True, path_type=Path))
@click.option("--at", metavar="TIME", help="Film time: seconds, or a time such as 1:02.5.")
@click.option(
    "--utc", metavar="MOMENT",
    help="Mission time: a clock reading, a full UTC, or one by an event of the release.",
)  # fmt: skip
def run(console: Console, file: Path, at: str | None, utc: str | None) -> None:
    """Say what a moment of a release video shows.

    For each picture on screen: its file, when it was exposed and how surely, how far that is
    from the moment, what was filled or repaired, the stages it went through and how much it
    is magnified. A moment that the film shows several times has several answers, the first
    showing first. Reads the manifest beside FILE.
    """
    from descent.release.explain import explain

    if at is not None and utc is not None:
        raise click.UsageError("--at and --utc say the same thing - write one of them")
    still = file.suffix.lower() in {".png", ".jpg", ".jpeg", ".tif", ".tiff"}
    if at is None and utc is None and not still:
        raise click.UsageError("say when - write --at 12.5 or --utc 20:43:46.1")
    found = explain(file, at_s=None if at is None else _film_time(at), moment=utc)
    data = {"file": str(file), "shown": [asdict(each) for each in found]}
    console.result("\n\n".join("\n".join(_lines(each)) for each in found), data)


def _film_time(text: str) -> Fraction:
    from descent.clock.expression import parse_duration

    try:
        return Fraction(text) if text.replace(".", "", 1).isdecimal() else parse_duration(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--at") from None


def _lines(shown: Explanation) -> Iterator[str]:
    head = [shown.file]
    if shown.film_s is not None:
        head.append(f"at {shown.film_s:.3f} s (frame {shown.tick:,})")
    if shown.mission is not None:
        head.append(shown.mission)
    yield " · ".join(head)
    said = [text for text in (shown.title, shown.note) if text]
    if said:
        yield f"  {' · '.join(said)}"
    for picture in shown.pictures:
        yield ""
        yield f"  {picture.camera} · {picture.title}"
        yield from (f"    {line}" for line in _picture(picture))


def _picture(picture: Picture) -> Iterator[str]:
    if picture.file is None:
        yield "missing: it has no frame near enough"
        return
    number = f", frame {picture.index:,} of the file" if picture.index else ""
    version = f", product version {picture.version}" if picture.version else ""
    yield f"{picture.state}: {picture.file}{number}{version}"
    if picture.file_b is not None and picture.fraction is not None:
        yield f"computed {picture.fraction:.0%} of the way to {picture.file_b}"
    if picture.exposed is None:
        yield "its exposure time is not known"
    else:
        sure = f" ±{_seconds(picture.resolution_s)}" if picture.resolution_s else ""
        yield f"exposed at {picture.exposed}{sure}{_off(picture.error_s)}"
    yield f"times: {picture.how}{' (laid by hand)' if picture.by_hand else ''}"
    shares = [f"{_share(share)} {reason}" for reason, share in sorted(picture.shares.items())]
    yield f"of its pixels: {', '.join(shares)}" if shares else "no pixel filled or repaired"
    white = f"; white: {picture.white}" if picture.white else ""
    stages = " > ".join(picture.stages)
    yield f"restored: {stages}{white}" if stages else "shown as it is stored"
    yield f"shown ×{picture.magnification:.3g}"
    if picture.credit:
        yield f"credit: {picture.credit}"
    yield f"sha256 {picture.sha256}"


def _off(error_s: float | None) -> str:
    if error_s is None or abs(error_s) < 5e-7:
        return ", this moment" if error_s is not None else ""
    return f", {_seconds(abs(error_s))} {'after' if error_s > 0 else 'before'} this moment"


def _share(share: float) -> str:
    return f"{share:.2%}" if share >= 5e-5 else "under 0.01%"


def _seconds(value: float) -> str:
    return f"{value * 1000:.3g} ms" if value < 1 else f"{value:.3g} s"
