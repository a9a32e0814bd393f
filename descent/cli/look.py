"""`descent look`: a frame after any stage, for judging what that stage does."""

from __future__ import annotations

from pathlib import Path

import click

from descent.cli._picking import frame_options, kept_apart, pick, ready, store_option
from descent.cli.common import Console, command, config_argument, set_option


@command(
    "descent look landing.yaml --camera hover --at touchdown --after debayer",
    "descent look landing.yaml --camera hover --frame HOVER_0612.png --after colour --before-after",
    reports=True,
)
@config_argument
@set_option
@frame_options
@click.option(
    "--after", metavar="STAGE", required=True,
    help="The stage, as `descent plan` prints them; `source` is before all of them.",
)  # fmt: skip
@click.option("--before-after", is_flag=True, help="Side by side with what the stage was handed.")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE.png",
    help="Where it goes; CAMERA_STAGE.png here unless said.",
)  # fmt: skip
@store_option
def run(
    console: Console, config: Path, overrides: tuple[str, ...], camera: str, at: str | None,
    frame: str | None, after: str, before_after: bool, out: Path | None, store: Path,
) -> None:  # fmt: skip
    """Show a frame after a stage, as a picture.

    A mosaic is shown as it is, in grey; linear light through the sRGB curve. Stages that
    measure the whole camera do so first, unless `descent render` has.
    """
    from descent import measure
    from descent.config import load
    from descent.render import look as looking
    from descent.tools.files import atomic
    from descent.tools.pictures import kind_of, save

    if at is None and frame is None:
        raise click.UsageError("say which frame - write --at touchdown, or --frame FILE")
    out = out or Path(f"{camera}_{after}{'_before_after' if before_after else ''}.png")
    kind = kind_of(out)
    loaded = load(config, overrides, check_files=False)
    _, plan, output = pick(loaded, camera, at, frame)
    kept_apart(plan, out)
    made = plan.cameras[camera]
    looking.check_stage(made, after)
    assert output.still is not None
    index = output.still.frames[camera]
    names = [part.name for part in made.stages]
    so_far = made.stages[: names.index(after) + 1] if after in names else ()
    cast = (
        ready(console, loaded, plan, store).cast[camera]
        if any(measure.looks(part.name) for part in so_far)
        else looking.unmeasured(made)
    )
    picture, seen = looking.look(cast, index, after)
    before = None
    if before_after:
        picture, before = looking.before_after(cast, index, after)
    with atomic(out) as temporary:
        save(temporary, picture, kind)
    name = made.shots[index].path.name
    beside = f"before ({before}) and after {after}" if before else f"after {after}"
    size = f"{picture.shape[1]} x {picture.shape[0]} px"
    facts = {"sharpness": round(looking.sharpness(picture), 2), "notes": seen.notes}
    text = f"{out}: {name} {beside}, {size}, sharpness {facts['sharpness']:.1f}"
    console.result(text, {"file": str(out), "source": name, "after": after, **facts})
