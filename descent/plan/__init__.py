"""Config -> Plan: every default written out, every name looked up, before a pixel is read."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction

from descent.clock.expression import Moment, parse_moment, resolve
from descent.config.load import Loaded
from descent.config.models import Config
from descent.errors import ConfigError, Problem
from descent.plan.cameras import LeftOut, plan_camera
from descent.plan.clocks import clocks_of
from descent.plan.film import Studio, plan_outputs
from descent.plan.records import (
    CameraPlan,
    OutputPlan,
    Plan,
    SoundPlan,
    SpanPlan,
    StagePlan,
    StillPlan,
    canonical,
    plain,
)
from descent.plan.sound import plan_sound
from descent.plan.sync import measured, unmeasured
from descent.tools.text import did_you_mean, some

__all__ = [
    "CameraPlan", "LeftOut", "OutputPlan", "Plan", "SoundPlan", "SpanPlan", "StagePlan",
    "StillPlan", "canonical", "make", "plain",
]  # fmt: skip


def make(
    loaded: Loaded,
    *,
    only: Sequence[str] = (),
    within: tuple[str, str] | None = None,
    draft: bool = False,
    burn: bool = False,
    left_out: LeftOut = frozenset(),
    look: bool = True,
) -> Plan:
    """What a release will be, all of it decided.

    `only` names outputs; `within` is a stretch of mission time, from and to, such as
    `touchdown - 10s` and `touchdown`; `draft` makes quarter-size videos, `burn` draws file,
    frame, UTC and DRAFT into them; `left_out` are frames that an earlier render found
    damaged. Reads names and headers; with `look`, as whoever renders must, also the pixels of
    up to three frames a camera, to see whether three channels are colour or a mosaic. Raises
    `ConfigError` for names that do not exist and `DescentError`, naming camera or output, for
    what cannot be made.
    """
    with _uncollected():
        return _make(loaded, only, within, draft, burn, left_out, look)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Leave the cycle collector out.

    It would walk a million records again and again, a third of the time that a plan of
    30,000 frames takes, and find nothing.
    """
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def _make(
    loaded: Loaded,
    only: Sequence[str],
    within: tuple[str, str] | None,
    draft: bool,
    burn: bool,
    left_out: LeftOut,
    look: bool,
) -> Plan:
    config = loaded.config
    _check_only(config, only)
    clocks, events = clocks_of(loaded)
    moments = {name: t for name, (t, _) in events.items()}
    stretch = None
    if within is not None:
        stretch = _stretch(within)
        first, last = (
            resolve(m, events=moments, zero=clocks.zero, epoch=clocks.epoch, sclk=clocks.sclk)
            for m in stretch
        )
        if last <= first:
            what = f"{'..'.join(within)!r} is empty or runs backwards"
            raise ConfigError([Problem("--range", "range", what, "write FROM..TO, the later last")])
    wanted = _used(config, only)
    sync = measured(loaded)
    cameras = {
        name: plan_camera(name, loaded, clocks, moments, left_out=left_out, sync=sync, look=look)
        for name in config.cameras
        if name in wanted
    }
    studio = Studio(
        config,
        clocks,
        moments,
        cameras,
        (first, last) if within is not None else None,
        draft,
        burn,
        {name: camera.track for name, camera in cameras.items() if camera.track.times},
    )
    outputs = plan_outputs(studio, only)
    shown = {name for output in outputs for name in output.cameras}
    return Plan(
        title=config.title,
        clocks=clocks,
        events=events,
        cameras={n: c for n, c in cameras.items() if n in shown},
        outputs=outputs,
        credit=config.credit.model_dump(),
        sound=plan_sound(loaded, studio),
        findings=(
            *unmeasured(loaded, sync),
            *(f for n, c in cameras.items() for f in c.findings if n in shown),
        ),
    )


def _check_only(config: Config, only: Sequence[str]) -> None:
    names = list(config.outputs)
    for name, output in config.outputs.items():
        if output.each is not None:
            names += [f"{name}_{camera}" for camera in config.cameras]
    problems = [
        Problem("--only", "outputs", f"there is no output {name!r}",
                did_you_mean(name, names) or f"write one of {some(names)}")
        for name in only
        if name not in names
    ]  # fmt: skip
    if problems:
        raise ConfigError(problems)


def _stretch(words: Sequence[str]) -> list[Moment]:
    try:
        return [parse_moment(word) for word in words]
    except ValueError as error:
        raise ConfigError([Problem("--range", "range", str(error))]) from None


def _used(config: Config, only: Sequence[str]) -> set[str]:
    """The cameras that the wanted outputs need, so that no other is listed."""
    found: set[str] = set()
    for name, output in config.outputs.items():
        if output.each is not None:
            own = {o.removeprefix(f"{name}_") for o in only if o.startswith(f"{name}_")}
            if not only or name in only:
                found |= set(config.cameras)
            found |= own & set(config.cameras)
        elif only and name not in only:
            continue
        elif output.still is not None:
            found |= {output.still} if isinstance(output.still, str) else set(output.still.cameras)
        else:
            spans = config.cuts[output.cut or ""]
            for span in spans:
                found |= set((output.show or span.show).cameras)
                found |= {span.every_frame} if span.every_frame else set()
    found |= {s.camera for s in config.sound if s.camera}
    return found | ({config.reference} if config.reference and config.sync.marks else set())


def epoch_seconds(plan: Plan, text: str) -> Fraction:
    """The mission time of a moment as people write it, by the clocks of a plan."""
    moments = {name: t for name, (t, _) in plan.events.items()}
    clocks = plan.clocks
    return resolve(
        parse_moment(text),
        events=moments,
        zero=clocks.zero,
        epoch=clocks.epoch,
        sclk=clocks.sclk,
    )
