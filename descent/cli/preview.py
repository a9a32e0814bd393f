"""`descent preview`: a quarter-size draft, fast."""

from __future__ import annotations

from pathlib import Path

import click

from descent.cli.common import (
    Console,
    command,
    config_argument,
    only_option,
    range_option,
    set_option,
    workers_option,
)
from descent.cli.render import make_release


@command(
    "descent preview landing.yaml",
    "descent preview landing.yaml --only film --range 'touchdown - 5s..touchdown' --burn",
    reports=True,
)
@config_argument
@set_option
@only_option
@range_option
@workers_option
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Where the drafts go; out/NAME-draft of the config unless said.",
)
@click.option("--burn", is_flag=True, help="Draw file, frame, time and DRAFT into the pictures.")
def run(
    console: Console,
    config: Path,
    overrides: tuple[str, ...],
    only: tuple[str, ...],
    span: tuple[str, str] | None,
    workers: int | None,
    scheduler: str | None,
    out: Path | None,
    burn: bool,
) -> int:
    """Render quarter-size drafts, fast, for looking at a cut.

    The same plan, frames and words as the release, a quarter as wide and high. Never for
    publishing: its file says draft.
    """
    out = out or Path("out") / f"{config.stem}-draft"
    return make_release(
        console, config, overrides, out, only, span, workers, scheduler, draft=True, burn=burn
    )
