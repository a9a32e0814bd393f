"""`descent sync`: the cameras' clocks, measured from what they show, and kept beside the config."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from descent.cli.common import Console, command, config_argument, set_option

if TYPE_CHECKING:
    from descent.measure.sync import Synced
    from descent.work import Progress as Work


@command(
    "descent sync landing.yaml",
    "descent sync landing.yaml --plots sync/",
    reports=True,
)
@config_argument
@set_option
@click.option(
    "--accept-unsure",
    is_flag=True,
    help="Take the best answer for a camera even where it is not sure; the manifest says so.",
)
@click.option(
    "--plots",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Draw residuals over time and the agreement at every offset, a PNG a pair.",
)
@click.option(
    "--dry-run", is_flag=True, help="Measure and print, and leave the sync file as it is."
)
@click.option("--workers", type=click.IntRange(min=1), metavar="N", help="Clips read at once.")
def run(
    console: Console,
    config: Path,
    overrides: tuple[str, ...],
    accept_unsure: bool,
    plots: Path | None,
    dry_run: bool,
    workers: int | None,
) -> None:
    """Measure the cameras' clocks against each other and keep what was found.

    Pictures are read small where cameras overlap, and with `sync: {refine: [motion, sound]}`
    what was heard as well. What cameras share is written beside the config, as
    CONFIG.sync.yaml, which a person can read and change; a render reads it where the config
    says `refine`, and never measures by itself.
    """
    import os

    from descent.config import load
    from descent.config.sync import sync_path
    from descent.measure.sync import measure_sync
    from descent.measure.written import camera_row, tie_row, write

    loaded = load(config, overrides)
    with console.progress("sync") as progress:

        def read(p: Work) -> None:
            # Frames weigh one each, and sound what its file holds.
            progress(100 * p.weight / max(p.weight_total, 1e-9), 100)

        def compare(what: str, done: int, total: int) -> None:
            if progress.what != what:
                progress.then(what, "pairs")
            progress(done, total)

        found = measure_sync(
            loaded,
            workers=workers or os.cpu_count() or 1,
            accept_unsure=accept_unsure,
            progress=read,
            say=compare,
        )
    for finding in found.findings:
        console.finding(finding)
    path = sync_path(loaded.path)
    if not dry_run:
        write(loaded, found)
        if not loaded.config.sync.refine:
            console.warn("A render takes it once the config says sync: {refine: motion}.")
    data: dict[str, Any] = {
        "file": None if dry_run else str(path),
        "reference": found.reference,
        "cameras": [camera_row(found, name) for name in found.seats],
        "ties": [tie_row(tie) for tie in found.joint.kept],
        "refused": [{"cameras": [r.a, r.b], "why": r.why, "do": r.do} for r in found.refused],
    }
    if plots is not None:
        from descent.measure.plots import draw

        data["plots"] = [str(made) for made in draw(found, plots)]
    lines = list(_lines(found))
    if not dry_run:
        lines += ["", f"Written to {path}."]
    console.result("\n".join(lines), data)


def _lines(found: Synced) -> Iterator[str]:
    from descent.measure.written import camera_row

    rows = [camera_row(found, name) for name in found.seats]
    head = ("camera", "offset", "drift", "steps", "interval", "exposure", "evidence")
    table = [head]
    for row in rows:
        opened = f"unknown, ≤{row['open_s'] * 1000:.0f} ms" if row["open_s"] else "in its times"
        if row["reference"]:
            kept = "the reference: it keeps its clock"
            table.append((row["camera"], "0", "", "", "", opened, kept))
            continue
        width = row["interval_s"]
        table.append(
            (
                row["camera"],
                f"{row['offset_s']:+.4f} s" if row["tied"] else "as it is",
                f"{row['drift_ppm']:+.1f} ppm" if row["tied"] else "",
                ", ".join(f"{by:+.3f} s at {at:.1f}" for at, by in row["steps"]) or "none"
                if row["tied"]
                else "",
                f"±{width * 1000:.2f} ms" if width is not None else "unknown",
                opened,
                row["evidence"] + (" (unsure)" if row["unsure"] else ""),
            )
        )
    yield from _columns(table)
    if found.joint.kept:
        yield ""
        pairs = [("pair", "offset", "drift", "residual", "interval", "margin", "agreement")]
        for tie in found.joint.kept:
            fit, seen = tie.fit, tie.fit.evidence
            pairs.append(
                (
                    f"{tie.a} and {tie.b}",
                    f"{fit.offset:+.4f} s",
                    f"{fit.drift * 1e6:+.1f} ppm",
                    _residual(tie.kind, fit.residual),
                    f"±{fit.interval * 1000:.2f} ms",
                    f"{fit.margin:.1f}",
                    _agreement(tie.kind, seen),
                )
            )
        yield from _columns(pairs)
    if found.refused:
        yield ""
        yield "Not tied"
        for r in found.refused:
            yield f"  {r.a} and {r.b}: {r.why}"


def _residual(kind: str, residual: float) -> str:
    """What is left over, in the measure of what ties them."""
    if kind == "views":
        return f"{residual:.0%} unlike"
    return f"{residual * 1000:.2g} {'ms' if kind in {'sound', 'events'} else 'mrad'}"


def _agreement(kind: str, seen: Mapping[str, Any]) -> str:
    """How alike what two cameras saw is, in the measure of what ties them."""
    if kind == "views":
        return f"{seen.get('agreement', 0):.2f} of views"
    if kind in {"motion", "sound"}:
        sigmas = " sigmas" if kind == "sound" else ""
        return f"{seen.get('agreement', 0):.2f}{sigmas}, next best {seen.get('next_best', 0):.2f}"
    if kind == "events":
        return f"events only: {seen.get('events', 0)}, {seen.get('evidence', 0):.0f} nats"
    return f"evidence {seen.get('evidence', 0):.0f}, next best {seen.get('next_best', 0):.0f}"


def _columns(rows: list[Any]) -> Iterator[str]:
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()
