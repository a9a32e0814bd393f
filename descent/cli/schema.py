"""`descent schema`: what editors need to complete and check a config while it is typed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import click

from descent.cli.common import Console, command


@command("descent schema", "descent schema --of camera --out camera.schema.json")
@click.option(
    "--of",
    "kind",
    type=click.Choice(["release", "camera", "events", "manifest"]),
    default="release",
    show_default=True,
    help="Which kind of file it describes.",
)
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="Write it to this file instead."
)
def run(
    console: Console,
    kind: Literal["release", "camera", "events", "manifest"],
    out: Path | None,
) -> None:
    """Print the JSON Schema of the config, for editors.

    A config whose first line is `# yaml-language-server: $schema=FILE` is completed and
    checked by editors that know YAML. `manifest` is that of a release's manifest.json.
    """
    from descent.tools.files import write_text

    text = json.dumps(_schema(kind), indent=2, ensure_ascii=False)
    if out is None:
        console.result(text, None)
    else:
        write_text(out, text + "\n")
        console.note(f"Wrote {out}.")


def _schema(kind: Literal["release", "camera", "events", "manifest"]) -> dict[str, Any]:
    if kind == "manifest":
        from descent.release.schema import json_schema

        return json_schema()
    from descent.config import schema

    return schema(kind)
