"""`descent check`: every problem of a config at once, or every default it leaves unsaid."""

from __future__ import annotations

from dataclasses import asdict
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from descent.cli.common import Console, command, config_argument, set_option

if TYPE_CHECKING:
    from descent.config.load import Loaded
    from descent.model import Finding


@command(
    "descent check landing.yaml",
    "descent check landing.yaml --set outputs.film.size=hd --defaults",
    reports=True,
)
@config_argument
@set_option
@click.option("--no-files", is_flag=True, help="Do not look whether the named files exist.")
@click.option(
    "--pixels",
    is_flag=True,
    help="Also look at the pixels: frame counters in raw frames, and what sees the ground.",
)
@click.option("--defaults", is_flag=True, help="Print the config with every default written out.")
def run(
    console: Console, config: Path, overrides: tuple[str, ...], no_files: bool, pixels: bool,
    defaults: bool,
) -> None:  # fmt: skip
    """Say everything that is wrong with a config.

    Each problem is one line: file:line:column: key: what is wrong - what to write. No
    picture is read unless --pixels asks for it, which reads every still once.
    """
    from descent.config import load, resolved

    loaded = load(config, overrides, check_files=not no_files)
    whole = resolved(loaded.config)
    counts = ", ".join(_count(len(whole.get(key) or ()), key) for key in _COUNTED)
    data: dict[str, Any] = {
        "config": str(config),
        "files": [str(path) for path in loaded.files],
        "digest": loaded.digest,
        "problems": [],
    }
    text = f"{config}: nothing is wrong with it: {counts}."
    if pixels:
        said = _pixels(console, loaded)
        data["pixels"] = [asdict(finding) for finding in said]
        text = "\n".join([text, *(_line(finding) for finding in said)])
    if defaults:
        text, data["defaults"] = _yaml(whole), whole
    console.result(text, data)


def _pixels(console: Console, loaded: Loaded) -> list[Finding]:
    """What the pixels of each camera say."""
    from descent.pixels import look
    from descent.plan.cameras import plan_camera
    from descent.plan.clocks import clocks_of

    clocks, events = clocks_of(loaded)
    moments = {name: t for name, (t, _) in events.items()}
    said = []
    for name in loaded.config.cameras:
        camera = plan_camera(name, loaded, clocks, moments)
        with console.progress(f"Looking at {name}", len(camera.shots), unit="frames") as progress:
            said += look(camera, progress)
    return said


def _line(finding: Finding) -> str:
    return f"  {finding.where}: {finding.what}" + (f" - {finding.do}" if finding.do else "")


_COUNTED = ("cameras", "cuts", "outputs")


def _count(number: int, plural: str) -> str:
    return f"{number or 'no'} {plural.removesuffix('s') if number == 1 else plural}"


def _yaml(data: object) -> str:
    from ruamel.yaml import YAML

    out = StringIO()
    yaml = YAML()
    yaml.width = 100
    yaml.dump(data, out)
    return out.getvalue().rstrip()
