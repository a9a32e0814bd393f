"""`descent verify`: whether a release folder still holds what its manifest says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from descent.cli.common import Console, command

if TYPE_CHECKING:
    from descent.release.verify import Checked


@command("descent verify out/landing", "descent verify out/landing --full --json", reports=True)
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--full", is_flag=True, help="Also decode every picture and compare the picture hashes."
)
def run(console: Console, folder: Path, full: bool) -> int:
    """Check a release folder against its checksums and its manifest.

    Every file is hashed; videos are probed for frames, size, rate and colour tags. A file
    that is missing, changed or in no list is a problem. Exit code 1 where there is any.
    """
    from descent.release.verify import verify

    with console.progress("Verifying", unit="files") as progress:
        checked = verify(folder, full=full, progress=lambda done, total, _: progress(done, total))
    bad = [check for check in checked if check.problems]
    how = "every picture decoded" if full else "nothing decoded: --full does"
    sum_up = f"{_count(len(checked) - len(bad), 'file')} as the manifest says ({how})"
    if bad:
        sum_up = f"{folder}: {_count(len(bad), 'file')} not as the manifest says"
    data = {
        "folder": str(folder),
        "full": full,
        "good": not bad,
        "files": [
            {"file": c.name, "checked": list(c.looked), "problems": list(c.problems)}
            for c in checked
        ],
    }
    console.result("\n".join([*(_line(c) for c in checked), sum_up]), data)
    return 1 if bad else 0


def _line(check: Checked) -> str:
    said = "; ".join(check.problems) if check.problems else ", ".join(check.looked)
    return f"{'BAD ' if check.problems else 'ok  '} {check.name}: {said}"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number != 1)}"
