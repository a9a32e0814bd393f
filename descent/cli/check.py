"""`descent check`: every problem of a config at once, or every default it leaves unsaid."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import click

from descent.cli.common import Console, command, config_argument, set_option


@command(
    "descent check landing.yaml",
    "descent check landing.yaml --set outputs.film.size=hd --defaults",
    reports=True,
)
@config_argument
@set_option
@click.option("--no-files", is_flag=True, help="Do not look whether the named files exist.")
@click.option("--defaults", is_flag=True, help="Print the config with every default written out.")
def run(
    console: Console, config: Path, overrides: tuple[str, ...], no_files: bool, defaults: bool
) -> None:
    """Say everything that is wrong with a config.

    Each problem is one line: file:line:column: key: what is wrong - what to write. No
    picture is read.
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
    if defaults:
        text, data["defaults"] = _yaml(whole), whole
    console.result(text, data)


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
