"""`descent clean`: the space back that rendering keeps for its next run."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import click

from descent.cli.common import Console, command

WORK_FOLDER = ".descent"  # chunks, measurements and remembered digests; never a film


@command("descent clean out", "descent clean out --dry-run", reports=True)
@click.argument(
    "folder", default=".", type=click.Path(exists=True, file_okay=False, path_type=Path)
)
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
def run(console: Console, folder: Path, dry_run: bool) -> None:
    """Remove the chunks and leftovers that rendering keeps.

    Every `.descent` folder in FOLDER, and temporaries of writers that were killed. Films,
    frames and release folders stay; the next render makes its chunks anew.
    """
    from descent.tools.files import sweep

    work = list(_work_folders(folder))
    sizes = {path: _size(path) for path in work}
    leftovers: list[Path] = []
    if not dry_run:
        for path in work:
            shutil.rmtree(path)
        leftovers = [path for inside in _folders(folder) for path in sweep(inside)]
    verb = "Would remove" if dry_run else "Removed"
    lines = [f"{verb} {path} ({_mib(sizes[path])})" for path in work]
    lines += [f"{verb} {path}" for path in leftovers]
    data = {
        "removed": not dry_run,
        "folders": [{"path": str(path), "bytes": size} for path, size in sizes.items()],
        "leftovers": [str(path) for path in leftovers],
    }
    console.result("\n".join(lines) or f"There is nothing to remove in {folder}.", data)


def _folders(folder: Path) -> Iterator[Path]:
    """The folder and all below it; links are not followed, so nothing outside is touched."""
    for here, inside, _files in os.walk(folder, followlinks=False):
        inside[:] = sorted(name for name in inside if not Path(here, name).is_symlink())
        yield Path(here)


def _work_folders(folder: Path) -> Iterator[Path]:
    inside = ""
    for path in _folders(folder):
        if path.name == WORK_FOLDER and not (inside and str(path).startswith(inside)):
            inside = f"{path}{os.sep}"
            yield path


def _size(folder: Path) -> int:
    return sum(
        entry.lstat().st_size
        for here in _folders(folder)
        for entry in here.iterdir()
        if not entry.is_dir()
    )


def _mib(size: int) -> str:
    return f"{size / (1 << 20):.1f} MiB"
