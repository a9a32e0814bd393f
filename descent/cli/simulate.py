"""`descent simulate`: frames of a landing that never was, with everything about it known."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from descent.cli.common import Console, command, range_option


@command(
    "descent simulate out/frames",
    "descent simulate out/frames --flight --scale 1/4 --range 'touchdown - 4s..touchdown'",
    reports=True,
)
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--seed", default=1, show_default=True, help="The same seed makes the same bytes.")
@click.option(
    "--scale",
    default="1/2",
    show_default=True,
    metavar="SHARE",
    help="Share of the real size of the pictures: 1 is 1280 x 1024 and more.",
)
@click.option(
    "--names",
    type=click.Choice(["archive", "public_feed", "plain"]),
    default="archive",
    show_default=True,
    help="How the files are named.",
)
@range_option
@click.option(
    "--camera", "cameras", multiple=True, metavar="NAME", help="Only this one; may be repeated."
)
@click.option(
    "--every",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="Keep each N-th frame only.",
)
@click.option("--flight", is_flag=True, help="Disturb it as a flight would: clocks, drops, blur.")
@click.option(
    "--stretch/--no-stretch",
    default=None,
    help="Stretch each frame by itself; unless said, public_feed and --flight do.",
)
@click.option("--truth-frames", is_flag=True, help="Write the sharp picture of each frame too.")
@click.option(
    "--workers", type=click.IntRange(min=1), metavar="N", help="Frames made at once; all cores."
)
def run(
    console: Console,
    folder: Path,
    span: tuple[str, str] | None,
    cameras: tuple[str, ...],
    workers: int | None,
    **words: Any,
) -> None:
    """Make the synthetic landing: frames of four cameras, with the truth beside them.

    FOLDER gets a folder of frames for each camera and truth.json: every pose, clock and
    blur. Unless a range is given, the highlights of the landing are made.
    """
    from descent.simulate import landing

    start, end = span or (None, None)
    if cameras:
        words["cameras"] = cameras
    with console.progress("simulate", unit="frames") as progress:
        truth = landing(
            folder,
            start=start,
            end=end,
            workers=workers or os.cpu_count() or 1,
            progress=progress,
            **words,
        )
    made = {path.name: len(list(path.glob("*.png"))) for path in _folders(folder)}
    told = ", ".join(f"{name} {count}" for name, count in made.items())
    data = {"folder": str(folder), "truth": str(truth), "frames": made}
    console.result(f"Frames in {folder}: {told}. The truth is in {truth}.", data)


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and path.name != "truth")
