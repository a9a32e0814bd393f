"""What a validator found, in plain words and at its place in the file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from descent.config.known import Wrong
from descent.config.models.base import told
from descent.config.tree import Loc, Mark, Node, dotted, locate
from descent.errors import Problem
from descent.tools.text import did_you_mean, some

# What parameters of stages may bring beside the release's own models.
_BOUNDS = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
}
_A_NUMBER = ("a number", "write 1 or 0.5")
_A_WHOLE = ("a whole number", "write 1")
_KINDS = {
    "float_type": _A_NUMBER, "float_parsing": _A_NUMBER, "finite_number": _A_NUMBER,
    "int_type": _A_WHOLE, "int_parsing": _A_WHOLE, "int_from_float": _A_WHOLE,
    "int_parsing_size": _A_WHOLE,
    "bool_type": ("yes or no", "write true or false"),
    "bool_parsing": ("yes or no", "write true or false"),
    "string_type": ("text", "write it in quotes"),
    "none_required": ("nothing", "leave it out"),
}  # fmt: skip


def problems(
    errors: Iterable[ErrorDetails], root: Node, model: type[BaseModel], *, above: Loc = ()
) -> list[Problem]:
    """Each error of a validation as one or more problems, none twice."""
    found: dict[Problem, None] = {}
    for error in errors:
        for problem in _translate(error, root, model, above):
            found.setdefault(problem)
    return list(found)


def _translate(
    error: ErrorDetails, root: Node, model: type[BaseModel], above: Loc
) -> Iterator[Problem]:
    kind, loc = error["type"], (*above, *error["loc"])
    ctx = error.get("ctx", {})
    cause = ctx.get("error")
    if isinstance(cause, Wrong):
        for wrong in (cause, *cause.more):
            yield _at(root, (*loc, *wrong.at), wrong.what, wrong.do)
        return
    if kind == "extra_forbidden":
        models = list(models_at(model, error["loc"][:-1]))
        names = [name for m in models for name in keys(m)]
        word = str(loc[-1])
        yield _key(
            root,
            loc,
            "there is no such key here",
            did_you_mean(word, names) or f"known here: {some(names, most=24)}",
        )
    elif kind == "missing":
        yield _missing(error, root, model, loc)
    else:
        yield _at(root, loc, *_say(kind, error, ctx, model))


def _say(
    kind: str, error: ErrorDetails, ctx: dict[str, Any], model: type[BaseModel]
) -> tuple[str, str]:
    value = error["input"]
    if kind == "value_error":
        what, mark, do = str(ctx.get("error", error["msg"])).partition(" - write ")
        return what, f"write {do}" if mark else ""
    if kind == "literal_error":
        choices = [a or b for a, b in re.findall(r"'([^']*)'|(-?\d+)", str(ctx["expected"]))]
        near = did_you_mean(value, choices) if isinstance(value, str) else ""
        listed = f"write {choices[0]}" if len(choices) == 1 else f"write one of {some(choices)}"
        return f"is {told(value)}, which is no choice here", near or listed
    if kind in {"model_type", "model_attributes_type", "dict_type", "mapping_type"}:
        models = list(models_at(model, error["loc"]))
        example = some([k for m in models for k in keys(m)], most=4)
        cure = f"write a map with keys such as {example}" if example else "write a map of names"
        return f"is {told(value)} where a map is expected", cure
    if kind in {"tuple_type", "list_type"}:
        return f"is {told(value)} where a list is expected", "write - before each item, or [A, B]"
    if kind in _BOUNDS:
        word, bound = _BOUNDS[kind]
        return (
            f"is {value}, and must be {word} {ctx[bound]:g}",
            f"write a number {word} {ctx[bound]:g}",
        )
    if kind in _KINDS:
        what, do = _KINDS[kind]
        return f"is {told(value)} where {what} is expected", do
    if kind == "too_short":
        return "is empty", "write at least one"
    if kind == "too_long":
        most = ctx.get("max_length", 0)
        return f"has {ctx.get('actual_length')} items where {most} are expected", f"write {most}"
    # Every other error would be a validator that this table forgot; it still must be plain.
    return f"is {told(value)}, which is not what belongs here", "see docs/config.md"


def _missing(error: ErrorDetails, root: Node, model: type[BaseModel], loc: Loc) -> Problem:
    name = loc[-1]
    example = ""
    for parent in models_at(model, error["loc"][:-1]):
        for field_name, info in parent.model_fields.items():
            if name == (info.alias or field_name) and info.examples:
                example = str(info.examples[0])
    written, mark = locate(root, loc[:-1])
    cure = f"write {name}: {example}" if example else f"write {name}:"
    if isinstance(name, int):  # a tuple that is too short
        return Problem(str(mark), dotted(written), "has too few items", "write two, as [A, B]")
    return Problem(str(mark), dotted((*written, name)), "is missing", cure)


def _at(root: Node, loc: Loc, what: str, do: str) -> Problem:
    if loc and loc[-1] == "[key]":
        return _key(root, loc[:-1], what, do)
    written, mark = locate(root, loc)
    return Problem(str(mark), dotted(written), what, do)


def _key(root: Node, loc: Loc, what: str, do: str) -> Problem:
    """A problem of the key itself, at the key rather than its value."""
    written, mark = locate(root, loc[:-1])
    node: Node = root
    for part in written:
        node = node.value[part].node if isinstance(node.value, dict) else node.value[part]  # type: ignore[index, assignment]
    entry = node.entries().get(str(loc[-1]))
    place: Mark = entry.mark if entry else mark
    return Problem(str(place), dotted((*written, loc[-1])), what, do)


def keys(model: type[BaseModel]) -> list[str]:
    """The keys of a model as they are written."""
    return [info.alias or name for name, info in model.model_fields.items()]


def models_at(model: Any, loc: Loc) -> Iterator[type[BaseModel]]:
    """The models that a place in a config may hold, by the types of the fields on the way."""
    here = list(_members(model))
    for part in loc:
        below: list[Any] = []
        for kind in here:
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                for name, info in kind.model_fields.items():
                    if part in {info.alias or name, name}:
                        below += _members(info.annotation)
            elif get_origin(kind) is dict and isinstance(part, str):
                below += _members(get_args(kind)[1])
            elif get_origin(kind) in {tuple, list} and isinstance(part, int):
                below += _members(get_args(kind)[0])
        here = below or here  # a part that no type has is the tag of a union
    for kind in here:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield kind


def _members(annotation: Any) -> Iterator[Any]:
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _members(get_args(annotation)[0])
    elif origin in {Union, UnionType}:
        for part in get_args(annotation):
            yield from _members(part)
    elif origin is not Literal:
        yield annotation
