"""`descent new`: a first config from a folder of frames or clips."""

from __future__ import annotations

from pathlib import Path

import click

from descent.cli.common import Console, command


@command("descent new flight/", "descent new /data/landing --out landing.yaml")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write it here instead of FOLDER/release.yaml; - prints it.",
)
def run(console: Console, folder: Path, out: Path | None) -> None:
    """Write a first config from a folder of frames or clips.

    Each folder in FOLDER is a camera, and so is each recording that lies in it directly. No
    picture is read. What cannot be decided from outside is a comment that begins `# ?`.
    """
    from descent.config import new
    from descent.errors import DescentError
    from descent.tools.files import write_text

    if out is not None and str(out) == "-":
        text = new(folder, beside=Path())
        console.result(text.rstrip("\n"), text)
        return
    path = folder / "release.yaml" if out is None else out
    if path.exists():
        raise DescentError(
            "is there already, and is not written over", where=str(path), do="write --out OTHER"
        )
    text = new(folder, beside=path.parent)
    write_text(path, text)
    asked = " What it could not decide is marked # ?." if "# ?" in text else ""
    console.note(f"Wrote {path}.{asked} Next: descent check {path}")
