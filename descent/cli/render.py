"""`descent render`: the whole release, resumed where it was, checked before it is named."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from descent.publish import Published
    from descent.work import Progress

DAMAGED = 3


@command(
    "descent render landing.yaml",
    "descent render landing.yaml --only film --range 'touchdown - 10s..touchdown' --out out/part",
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
    help="Where the release goes; out/NAME of the config unless said.",
)
@click.option(
    "--store",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Where chunks are kept between runs; .descent beside the release unless said.",
)
@click.option(
    "--no-check",
    is_flag=True,
    help="Leave out decoding and hashing every chunk: only to measure what that costs.",
)
def run(
    console: Console,
    config: Path,
    overrides: tuple[str, ...],
    only: tuple[str, ...],
    span: tuple[str, str] | None,
    workers: int | None,
    scheduler: str | None,
    out: Path | None,
    store: Path | None,
    no_check: bool,
) -> int:
    """Make the release: videos, stills, manifest and checksums in one folder.

    Run it again after a stop or a crash: what is finished is kept, and the files are the
    same to the last byte. Frames that turn out damaged are left out and said (exit code 3).
    """
    words: dict[str, Any] = {"store": store, "verify": not no_check}
    out = out or Path("out") / config.stem
    return make_release(console, config, overrides, out, only, span, workers, scheduler, **words)


def make_release(
    console: Console,
    config: Path,
    overrides: tuple[str, ...],
    out: Path,
    only: tuple[str, ...],
    span: tuple[str, str] | None,
    workers: int | None,
    scheduler: str | None,
    **words: Any,
) -> int:
    """Load, publish and tell: what `render` and `preview` share."""
    from descent.config import load
    from descent.errors import DescentError
    from descent.publish import publish

    if scheduler is not None:
        raise DescentError(
            "handing chunks to a Dask scheduler is not built yet",
            where="--scheduler",
            do="leave it out: --workers uses this machine's cores",
        )
    teller = _Teller(console)
    with teller:
        made = publish(
            load(config, overrides),
            out,
            only=only,
            within=span,
            workers=workers,
            report=teller.report,
            working=teller.working,
            say=teller.say,
            **words,
        )
    _tell_findings(console, made, config)
    console.result(_text(made), _data(made))
    return 0 if made.whole else DAMAGED


def _tell_findings(console: Console, made: Published, config: Path) -> None:
    """Say what is broken in full, and how much else there is to know of the frames."""
    rest = 0
    for finding in made.plan.findings:
        if finding in made.broken:
            console.finding(finding)
        elif finding.level != "note":
            rest += 1
    if rest:
        things = "1 thing" if rest == 1 else f"{rest} things"
        where = (
            f"`descent plan {config}` says them" if rest > 1 else f"`descent plan {config}` says it"
        )
        console.note(f"{things} worth knowing about the frames: {where}; the manifest keeps all.")


class _Teller:
    """Turns what publishing says into one progress line after another."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._what = ""
        self._line: Any = None
        self._told = False

    def __enter__(self) -> _Teller:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if self._line is not None:
            self._line.__exit__(kind, error, trace)

    def report(self, what: str, done: float, total: float) -> None:
        """Say how much of a task is done; another task begins another line."""
        self._at(what, total, "")(done, total)

    def working(self, progress: Progress) -> None:
        """Say how far the chunks are, in megapixels of film; answer Ctrl-C."""
        if progress.draining and not self._told:
            self._told = True
            self._console.stopping(len(progress.running))
        if progress.note and not progress.draining:
            self._console.note(progress.note)
        self._at("Rendering", progress.weight_total, "Mpx")(progress.weight, progress.weight_total)

    def say(self, text: str) -> None:
        """Say one thing."""
        self._console.note(text)

    def _at(self, what: str, total: float, unit: str) -> Any:
        if what != self._what:
            self.__exit__(None, None, None)
            self._what = what
            self._line = self._console.progress(what, total, unit=unit)
            self._line.__enter__()
        return self._line


def _text(made: Published) -> str:
    lines = [f"{made.folder / result.file}" + _facts(result.record) for result in made.results]
    chunks = f"{made.made} chunks made, {made.kept} kept"
    lines.append(f"{made.folder / 'manifest.json'} · {chunks}")
    if made.left_out:
        names = ", ".join(sorted(name for _, name, _ in made.left_out))
        lines.append(f"Left out because they are damaged: {names}")
    return "\n".join(lines)


def _facts(record: Any) -> str:
    frames = f" · {record['frames']:,} frames" if record.get("frames") else ""
    return f" · {record['cols']} x {record['rows']}{frames} · {record['bytes'] / 1e6:.1f} MB"


def _data(made: Published) -> dict[str, Any]:
    return {
        "folder": str(made.folder),
        "outputs": {r.name: {"file": r.file, **r.record} for r in made.results},
        "chunks_made": made.made,
        "chunks_kept": made.kept,
        "left_out": sorted(list(item) for item in made.left_out),
        "findings": [asdict(finding) for finding in made.plan.findings],
        "plan": made.plan.digest(),
    }
