"""`descent stages`: the table of restoration stages, as the code declares it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from descent.cli.common import Console, command

if TYPE_CHECKING:
    from descent.model import Stage


@command("descent stages", "descent stages debayer", reports=True)
@click.argument("names", nargs=-1)
def run(console: Console, names: tuple[str, ...]) -> None:
    """List the restoration stages and their parameters.

    In the order in which they run, which a config cannot change. NAMES are stages to show;
    all of them when none is given.
    """
    from descent.stages import STAGES, stage

    shown = [_facts(stage(name)) for name in names or STAGES]
    console.result("\n\n".join(_text(facts) for facts in shown), shown)


def _facts(stage: Stage) -> dict[str, Any]:
    """What is known of a stage, as plain JSON."""
    properties = stage.params.model_json_schema().get("properties", {})
    params = [
        {
            "name": name,
            "type": _type(declared),
            "default": declared.get("default"),
            "about": declared.get("description", ""),
        }
        for name, declared in properties.items()
    ]
    return {
        "name": stage.name,
        "version": stage.version,
        "about": _first_paragraph(sys.modules[stage.apply.__module__].__doc__),
        "radius": stage.radius if isinstance(stage.radius, int) else "depends on its parameters",
        "measures": stage.measure is not None,
        "params": params,
    }


def _type(declared: dict[str, Any]) -> str:
    """A JSON Schema type in a few words."""
    if "enum" in declared:
        return " | ".join(str(value) for value in declared["enum"])
    if "const" in declared:
        return str(declared["const"])
    if "anyOf" in declared:
        return " | ".join(_type(kind) for kind in declared["anyOf"])
    return str(declared.get("type", "any")).replace("null", "none")


def _first_paragraph(text: str | None) -> str:
    return " ".join((text or "").strip().split("\n\n")[0].split())


def _text(facts: dict[str, Any]) -> str:
    """A stage as a few lines for people."""
    looks = "looks once at the whole clip, then " if facts["measures"] else ""
    reach = facts["radius"]
    if reach == 0:
        reads = "works on each frame by itself"
    elif isinstance(reach, int):
        reads = f"reads {reach} frames to each side"
    else:
        reads = "reads neighbouring frames, how many depends on its parameters"
    lines = [f"{facts['name']}@{facts['version']}: {facts['about']}", f"  {looks}{reads}"]
    width = max((len(param["name"]) for param in facts["params"]), default=0)
    for param in facts["params"]:
        head = f"  {param['name']:<{width}}  {param['type']}, {_default(param['default'])}"
        lines += [head, *([f"  {'':<{width}}  {param['about']}"] if param["about"] else [])]
    return "\n".join(lines)


def _default(value: object) -> str:
    if value is None:
        return "unset unless said"
    return f"{'yes' if value is True else 'no' if value is False else value} unless said"
