"""THE table: name -> stage, layout. Nothing registers itself; a new member is a row here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, cast

from descent.clip import Clip
from descent.errors import FormatError
from descent.model import Frame, Stage
from descent.tools.text import did_you_mean

# In the order they run; `restore:` in a config is a map because order is not a choice.
STAGES: Mapping[str, str] = {
    "deblock": "descent.restore.deblock:STAGE",
    "levels": "descent.restore.levels:STAGE",
    "defects": "descent.restore.defects:STAGE",
    "deflicker": "descent.restore.deflicker:STAGE",
    "field": "descent.restore.field:STAGE",
    "debayer": "descent.restore.debayer:STAGE",
    "denoise": "descent.restore.denoise:STAGE",
    "deblur": "descent.restore.deblur:STAGE",
    "colour": "descent.restore.colour:STAGE",
    "match": "descent.restore.match:STAGE",
}

# Layouts are one function each; the room that draws them holds their rows.
LAYOUTS = "descent.compose.layouts:LAYOUTS"


def stage(name: str) -> Stage:
    """The restoration stage of that name.

    Raises `FormatError` with the nearest name when there is none.
    """
    return cast(Stage, _member(STAGES, name, "stage"))


def layout(name: str) -> Callable[..., Any]:
    """The layout function of that name; raises `FormatError` when there is none."""
    module, attribute = LAYOUTS.split(":")
    table = getattr(import_module(module), attribute)
    _known(table, name, "layout")
    return cast(Callable[..., Any], table[name])


def run_stage(
    clip: Clip,
    name: str,
    params: Mapping[str, Any],
    measured: Mapping[str, Any] | None,
    named: Callable[[int], str] | None = None,
) -> Clip:
    """The clip with a stage run over it.

    `params` are its parameters as plain data, `measured` what its `measure` found, its
    lists cut to this clip's frames, and `named` tells the camera and frame of an index, for
    errors about its pixels.
    """
    found = stage(name)
    values = found.params.model_validate(dict(params))
    before = clip.format

    def apply(frames: list[Frame], centre: int, index: int) -> Frame:
        try:
            return found.apply(frames, centre, values, measured, index, before)
        except FormatError as error:
            if error.where or named is None:
                raise
            raise FormatError(error.what, where=named(index), do=error.do) from None

    return clip.windowed(reach(found, values), apply, found.gives(before, values))


def reach(found: Stage, params: Any) -> int:
    """How many neighbours on either side a stage looks at, with these parameters."""
    return found.radius(params) if callable(found.radius) else found.radius


def _member(table: Mapping[str, str], name: str, what: str) -> Any:
    _known(table, name, what)
    module, attribute = table[name].split(":")
    return getattr(import_module(module), attribute)


def _known(table: Mapping[str, Any], name: str, what: str) -> None:
    if name not in table:
        near = did_you_mean(name, table)
        raise FormatError(
            f"there is no {what} {name!r}", do=near or f"write one of {', '.join(table)}"
        )
