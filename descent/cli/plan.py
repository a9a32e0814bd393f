"""`descent plan`: everything that will happen, before a pixel is read."""

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
)


@command(
    "descent plan landing.yaml",
    "descent plan landing.yaml --only film --chart coverage.svg",
    reports=True,
)
@config_argument
@set_option
@only_option
@range_option
@click.option(
    "--chart",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.svg",
    help="Also draw what each camera covers over the events.",
)
@click.option(
    "--look",
    is_flag=True,
    help="Also look at up to three frames a camera: are three channels colour, or a mosaic?",
)
def run(
    console: Console,
    config: Path,
    overrides: tuple[str, ...],
    only: tuple[str, ...],
    span: tuple[str, str] | None,
    chart: Path | None,
    look: bool,
) -> None:
    """Print what will happen: frames, clocks, gaps, sizes and what it will cost.

    Per camera how many frames exist and how well their times are known; per output its
    spans, how often frames repeat or are held, gaps, cadence, magnification, and about how
    long it takes. Reads names and headers, never pixels.
    """
    from descent.config import load
    from descent.plan import make, report

    plan = make(load(config, overrides), only=only, within=span, look=look)
    if chart is not None:
        from descent.plan.chart import coverage

        chart.write_text(coverage(plan), "utf-8")
    console.result(report.words(plan), report.data(plan) if console.as_json else None)
