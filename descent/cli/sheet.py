"""`descent sheet`: a contact sheet of a camera, or of all of them."""

from __future__ import annotations

from pathlib import Path

import click

from descent.cli._picking import kept_apart, pick
from descent.cli.common import Console, command, config_argument, range_option, set_option

COUNT = 36


@command(
    "descent sheet landing.yaml --camera hover --out hover.png",
    "descent sheet landing.yaml --every 50 --range 'parachute..touchdown' --out all.png",
    reports=True,
)
@config_argument
@set_option
@click.option(
    "--camera", "cameras", multiple=True, metavar="NAME",
    help="Only this camera; may be given several times.",
)  # fmt: skip
@range_option
@click.option("--every", type=click.IntRange(min=1), metavar="N", help="Each N-th frame.")
@click.option(
    "--count", type=click.IntRange(min=1), metavar="N",
    help=f"So many frames a camera, spread evenly; {COUNT} in all unless said.",
)  # fmt: skip
@click.option(
    "--across", type=click.IntRange(1, 40), default=6, show_default=True, metavar="N",
    help="Pictures in a row; more show smaller ones.",
)  # fmt: skip
@click.option(
    "--width", type=click.IntRange(160, 16_000), default=1920, show_default=True, metavar="PX",
    help="How wide the sheet is.",
)  # fmt: skip
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
    help="Where it goes; CONFIG_sheet.png here unless said.",
)  # fmt: skip
def run(
    console: Console, config: Path, overrides: tuple[str, ...], cameras: tuple[str, ...],
    span: tuple[str, str] | None, every: int | None, count: int | None, across: int, width: int,
    out: Path | None,
) -> None:  # fmt: skip
    """Draw a contact sheet: small pictures with their file, time and sharpness.

    Frames are restored as far as each tells by itself; nothing is measured first. Damaged
    ones are shown as such. A larger sharpness is sharper, among frames of one camera.
    """
    from descent.compose.sheet import sheet
    from descent.config import load
    from descent.plan import epoch_seconds
    from descent.render.look import spread, thumbs
    from descent.tools.files import atomic
    from descent.tools.pictures import kind_of, save

    if every is not None and count is not None:
        raise click.UsageError("--every and --count both choose frames - write one of them")
    out = out or Path(f"{config.stem}_sheet.png")
    kind = kind_of(out)
    loaded = load(config, overrides, check_files=False)
    names = cameras or tuple(loaded.config.cameras)
    wanted = count or (None if every else max(1, COUNT // len(names)))
    chosen = []
    for name in names:
        _, plan, _ = pick(loaded, name, None, None)
        kept_apart(plan, out)
        camera = plan.cameras[name]
        there = range(len(camera.shots))
        if span is not None:
            start, to = (epoch_seconds(plan, word) for word in span)
            times = camera.track.times
            there = range(sum(t < start for t in times), sum(t < to for t in times))
        picks = [there[k] for k in spread(len(there), every=every, wanted=wanted)]
        chosen.append((plan, camera, picks))
    made = []
    with console.progress("Sheet", sum(len(p) for *_, p in chosen), unit="frames") as progress:
        for plan, camera, picks in chosen:
            made += thumbs(camera, picks, plan.clocks, progress.advance)
    title = loaded.config.title if len(names) > 1 else chosen[0][1].title
    picture = sheet(made, across=across, width_px=width, title=title)
    with atomic(out) as temporary:
        save(temporary, picture, kind)
    damaged = [thumb.lines[0] for thumb in made if thumb.mark]
    words = f"{out}: {len(made)} frames of {', '.join(names)}"
    words += f"; damaged: {', '.join(damaged)}" if damaged else ""
    frames = [{"lines": list(thumb.lines), "damaged": bool(thumb.mark)} for thumb in made]
    console.result(words, {"file": str(out), "cameras": list(names), "frames": frames})
