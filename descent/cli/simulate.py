"""`descent simulate`: the synthetic landing as files."""

from __future__ import annotations

from pathlib import Path

import click

from descent.cli.common import Console, command, range_option

_CAMERAS = ("puc1", "ddc", "ruc", "rdc")


@command(
    "descent simulate landing/",
    "descent simulate landing/ --size 1 --range 'touchdown - 5s..touchdown' --camera rdc",
    "descent simulate checks/ --flight --names public_feed --truth-frames",
    reports=True,
)
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--seed", default=1, show_default=True, help="Another seed, another landing.")
@click.option(
    "--size", "scale", default="1/2", show_default=True, metavar="SHARE",
    help="Share of the real picture size, such as 1/4 or 1.",
)  # fmt: skip
@range_option
@click.option(
    "--camera", "cameras", multiple=True, type=click.Choice(_CAMERAS),
    help="Only this camera; may be given several times.",
)  # fmt: skip
@click.option(
    "--names", type=click.Choice(("archive", "public_feed", "plain")), default="archive",
    show_default=True, help="How the files are named; feed names carry the product's time.",
)  # fmt: skip
@click.option("--flight", is_flag=True, help="The least disturbances that checks use.")
@click.option(
    "--stretch/--no-stretch", default=None,
    help="Stretch each frame by itself, as the public feed does.",
)  # fmt: skip
@click.option(
    "--every", type=click.IntRange(min=1), default=1, show_default=True,
    help="Keep each n-th frame only.",
)  # fmt: skip
@click.option("--truth-frames", is_flag=True, help="Also write each frame's sharp picture.")
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    metavar="N",
    help="Frames made at once; cores, unless said.",
)
def run(
    console: Console, folder: Path, seed: int, scale: str, span: tuple[str, str] | None,
    cameras: tuple[str, ...], names: str, flight: bool, stretch: bool | None, every: int,
    truth_frames: bool, workers: int | None,
) -> None:  # fmt: skip
    """Make the synthetic landing: frames of four cameras, with the truth beside them.

    A folder a camera and truth.json land in FOLDER. Without --range, what is worth showing
    of each camera is made.
    """
    import os

    from descent.simulate import landing

    with console.progress("Simulating", unit="frames") as progress:
        truth = landing(
            folder, seed=seed, scale=scale, start=span[0] if span else None,
            end=span[1] if span else None, cameras=cameras or _CAMERAS, names=names,  # type: ignore[arg-type]
            flight=flight, stretch=stretch, every=every, truth_frames=truth_frames,
            workers=workers or os.cpu_count() or 1, progress=progress,
        )  # fmt: skip
    found = {p.name: len(list(p.glob("*.png"))) for p in sorted(folder.iterdir()) if p.is_dir()}
    found.pop("truth", None)
    words = ", ".join(f"{count} of {name}" for name, count in found.items())
    console.result(f"{truth}: the truth of {words}.", {"truth": str(truth), "frames": found})
