"""`descent still`: one frame at full resolution as a release picture."""

from __future__ import annotations

from pathlib import Path

import click

from descent.cli._picking import frame_options, kept_apart, pick, ready, store_option
from descent.cli.common import Console, command, config_argument, set_option

SUFFIXES = {"png": ".png", "jpeg": ".jpg", "tiff": ".tif"}


@command(
    "descent still landing.yaml --camera hover --at 'touchdown - 2s'",
    "descent still landing.yaml --camera hover --at touchdown --out hover.tif --alt 'The rover'",
    reports=True,
)
@config_argument
@set_option
@frame_options
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
    help="Where it goes; its suffix chooses the format. CONFIG_CAMERA.png here unless said.",
)  # fmt: skip
@click.option(
    "--format", "kind", type=click.Choice(list(SUFFIXES)),
    help="PNG and JPEG have 8 bits, TIFF has 16.",
)  # fmt: skip
@click.option("--title", help="Its title; the release's unless said.")
@click.option("--caption", help="What it shows, kept in the file.")
@click.option("--alt", help="A text for who cannot see it, kept in the file.")
@store_option
def run(
    console: Console, config: Path, overrides: tuple[str, ...], camera: str, at: str | None,
    frame: str | None, out: Path | None, kind: str | None, title: str | None,
    caption: str | None, alt: str | None, store: Path,
) -> None:  # fmt: skip
    """Make a still of one camera, straight from the restored frame at its full resolution.

    Title, caption, credit, alternative text, licence and the time of exposure lie in the
    file as XMP (IPTC Core). The pixels are those that the release shows.
    """
    from descent.config import load
    from descent.render.stills import still
    from descent.tools.pictures import kind_of

    if out is None:
        out = Path(f"{config.stem}_{camera}{SUFFIXES[kind or 'png']}")
    elif kind is not None and kind_of(out) != kind:
        raise click.UsageError(f"{out.name} is no {kind} - leave --format out, or name a file so")
    kind = kind_of(out)
    loaded = load(config, overrides, check_files=False)
    _, plan, output = pick(
        loaded, camera, at, frame, format=kind, title=title, caption=caption, alt=alt
    )
    kept_apart(plan, out)
    made = still(plan, output, ready(console, loaded, plan, store).cast, out)
    assert output.still is not None
    shot = plan.cameras[camera].shots[output.still.frames[camera]]
    record = {k: v for k, v in made.record.items() if k != "version"}
    bits = "16-bit" if record["bits"] == 16 else "8-bit"
    size = f"{record['cols']} x {record['rows']} px, {bits} {str(record['format']).upper()}"
    text = f"{out}: {shot.path.name}, {size}, {record['bytes'] / 1e6:.1f} MB"
    console.result(text, {"file": str(out), "source": shot.path.name, **record})
