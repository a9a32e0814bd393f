"""What `still`, `look` and `sheet` share: one frame of one camera, found and got ready."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from descent.cli.common import Console
    from descent.config.load import Loaded
    from descent.plan import OutputPlan, Plan
    from descent.prepare import Prepared

F = TypeVar("F", bound=Any)

NAME = "frame"  # of the output that is planned for it


def frame_options(function: F) -> F:
    """`--camera`, `--at` and `--frame`."""
    options = (
        click.option("--camera", required=True, metavar="NAME", help="A camera of the config."),
        click.option(
            "--at", metavar="MOMENT", help="When, such as 'touchdown - 2s': the nearest frame."
        ),
        click.option("--frame", metavar="FILE", help="Its file by name, instead of --at."),
    )
    for option in reversed(options):
        function = option(function)
    return function


def store_option(function: F) -> F:
    """`--store`, where measurements are kept: that of `descent render` unless said."""
    return click.option(
        "--store",
        type=click.Path(file_okay=False, path_type=Path),
        default=Path("out") / ".descent",
        show_default=True,
        metavar="FOLDER",
        help="Where digests and measurements are kept between runs.",
    )(function)


def pick(
    loaded: Loaded, camera: str, at: str | None, frame: str | None, **words: Any
) -> tuple[Loaded, Plan, OutputPlan]:
    """The plan of a still of one camera: of the frame nearest to `at`, of a file, or the first.

    `words` are further ones of a still output, as a config has them. Raises `ConfigError`
    for a camera or a moment that does not exist.
    """
    from pydantic import ValidationError

    from descent.config.models import Output
    from descent.errors import ConfigError, DescentError, Problem, TimeUnknown
    from descent.plan import make
    from descent.tools.text import did_you_mean, some

    cameras = loaded.config.cameras
    if camera not in cameras:
        do = did_you_mean(camera, cameras) or f"write one of {some(list(cameras))}"
        raise ConfigError([Problem("--camera", "cameras", f"there is no camera {camera!r}", do)])
    if at is not None and frame is not None:
        raise click.UsageError("--at and --frame both name a frame - write one of them")
    said = {"still": camera, "at": at, "frame": frame, **words}
    given = {key: value for key, value in said.items() if value is not None}
    try:
        output = Output.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "still"
        text = str(first.get("ctx", {}).get("error", first["msg"]))
        raise ConfigError([Problem(f"--{key}", key, text)]) from None
    config = loaded.config.model_copy(update={"outputs": {NAME: output}})
    one = replace(loaded, config=config)
    try:
        plan = make(one, only=(NAME,))
    except DescentError as error:
        ours = error.where.removeprefix(f"outputs.{NAME}").lstrip(": ")
        raise type(error)(error.what, where=ours or "--at", do=error.do) from None
    if at is not None and not plan.cameras[camera].track.times:
        raise TimeUnknown(
            f"the frames of {camera} have no times", where="--at", do="write --frame FILE"
        )
    return one, plan, plan.outputs[0]


def ready(console: Console, loaded: Loaded, plan: Plan, store: Path) -> Prepared:
    """What rendering a picked frame needs: measured over all that the config's outputs use.

    So that its pixels are those of the release. Where the outputs cannot be planned (frames
    of other cameras are not there), it is measured over the picked frame alone, and said.
    """
    from descent.errors import DescentError
    from descent.plan import make
    from descent.prepare import prepare

    try:
        whole = make(loaded)
    except DescentError as error:
        console.warn(
            "Measured over this frame alone, so it may look another way than in the release, "
            f"which cannot be planned: {error}"
        )
        whole = plan
    lines: dict[str, Any] = {}

    def report(what: str, done: float, total: float) -> None:
        if what not in lines:
            lines[what] = console.progress(what, total)
        lines[what](done, total)

    try:
        return prepare(plan, whole, store, progress=report)
    finally:
        for line in lines.values():
            line.clear()


def kept_apart(plan: Plan, out: Path) -> None:
    """Raise `DescentError` where `out` is one of the frames: an output overwrites no input."""
    from descent.errors import DescentError

    real = out.resolve()
    for camera in plan.cameras.values():
        if any(
            shot.path.name == real.name and shot.path.resolve() == real for shot in camera.shots
        ):
            raise DescentError(
                f"is a frame of {camera.name}, and an output never overwrites an input",
                where=str(out),
                do="write another --out",
            )
