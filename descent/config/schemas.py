"""The JSON Schema of a release file as people write it, shorthand forms included."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from descent.config.models import (
    SIZES,
    Camera,
    Config,
    Credit,
    Event,
    EventFile,
    Skip,
    Sound,
    SpacecraftClock,
    Text,
)

DIALECT = "https://json-schema.org/draft/2020-12/schema"
Kind = Literal["release", "camera", "events"]
FILES: dict[Kind, str] = {
    "release": "schema.json", "camera": "schema.camera.json", "events": "schema.events.json",
}  # fmt: skip
_ROOTS: dict[Kind, tuple[type[BaseModel], str]] = {
    "release": (Config, "A release of descent"),
    "camera": (Camera, "A camera file of descent"),
    "events": (EventFile, "An event file of descent"),
}

_STRING = {"type": "string"}
_TEXT_OR_NUMBER = {"type": ["string", "number"]}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{name}"}


def _one_or_more(item: dict[str, Any]) -> list[dict[str, Any]]:
    return [item, {"type": "array", "items": item}]


def _map_of(value: dict[str, Any], **fixed: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": fixed, "additionalProperties": value}


_FRAMES = {"type": ["string", "integer"]}

# Each way of writing a value: `x-kind` in the models names one, and so does docs/config.md.
WAYS: dict[str, dict[str, Any]] = {
    "time": {
        **_TEXT_OR_NUMBER,
        "description": "A moment: an event with or without an offset, T+, UTC, or a spacecraft "
        "clock",
        "examples": ["touchdown - 2s", "T+14.6s", "2021-02-18T20:50:00Z", "sclk:666952774.0"],
    },
    "duration": {
        **_TEXT_OR_NUMBER,
        "description": "A length of time with its unit (h, min, s, ms, us), or as m:ss; a bare "
        "number counts seconds",
        "examples": ["2s", "250ms", "11min 22s", "00:41.20"],
    },
    "ratio": {
        **_TEXT_OR_NUMBER,
        "description": "An exact number: whole, decimal or a fraction",
        "examples": [1, 0.5, "1/4"],
    },
    "rate": {
        **_TEXT_OR_NUMBER,
        "description": "Frames a second, exact: rounded rates such as 29.97 are refused",
        "examples": [30, "30000/1001"],
    },
    "speed": {
        **_TEXT_OR_NUMBER,
        "description": "Mission seconds in a second of film, or each frame of a camera once",
        "examples": [1, "1/4", "every_frame of chute"],
    },
    "hold": {
        **_TEXT_OR_NUMBER,
        "description": "How long a still picture stays: until the next, frames, or a duration",
        "examples": ["until_next", "2 frames", "0.5s"],
    },
    "flag": {
        "description": "Yes or no",
        "anyOf": [{"type": "boolean"}, {"enum": ["yes", "no", "on", "off"]}],
        "examples": ["yes", "no"],
    },
    "camera": {**_STRING, "description": "The name of a camera of this release"},
    "cameras": {
        "description": "Names of cameras of this release, one or a list",
        "anyOf": _one_or_more(_STRING),
        "examples": ["[ground, hover]"],
    },
    "paths": {
        "description": "Files, folders or patterns, one or a list; a folder means the pictures "
        "and clips in it and below",
        "anyOf": _one_or_more(_STRING),
        "examples": ["ddc/", "[rdc_lossless/, rdc/*.mp4]"],
    },
    "words": {"description": "One or a list", "anyOf": _one_or_more(_STRING)},
    "frames": {
        "description": "Frame numbers, ranges with both ends, or file names, one or a list",
        "anyOf": _one_or_more(_FRAMES),
        "examples": [612, "612-615"],
    },
    "skip": {
        "description": "Frames left out: numbers, ranges or file names, or maps with a reason",
        "anyOf": _one_or_more({"anyOf": [_FRAMES, _ref("Skip")]}),
        "examples": ["[612-615]", "[{frames: 612-615, reason: dust}]"],
    },
    "point": {
        "description": "Across and down, each from 0 to 1",
        "type": "array", "items": {"type": "number", "minimum": 0, "maximum": 1},
        "minItems": 2, "maxItems": 2, "examples": ["[0.5, 0.4]"],
    },
    "restore": {
        "description": "Stages by name with their parameters (`descent stages` lists them), "
        "`no` for one that is off, or none",
        "anyOf": [
            {"enum": ["none", None]},
            _map_of({"anyOf": [{"type": ["object", "null"]}, _ref("flag")]}),
        ],
        "examples": ["{deflicker: {}}", "none"],
    },
    "size": {
        "description": "Width and height in px, by name or by number",
        "anyOf": [
            {"enum": [*SIZES, None]},
            {"type": "string", "pattern": r"^\s*\d+\s*[xX×]\s*\d+\s*$"},
            {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2},
        ],
        "examples": [*SIZES, "1920x1080"],
    },
    "text": {
        "description": "All words, none, or a map of which",
        "anyOf": [{"enum": ["all", "none"]}, _ref("flag"), _ref("Text")],
        "examples": ["none", "{titles: no, clock: [utc, t]}"],
    },
    "clocks": {
        "description": "Clocks shown in the picture",
        "anyOf": _one_or_more({"enum": ["utc", "t", "sclk", "earth", "mars", "none"]}),
        "examples": ["utc", "[utc, t]", "none"],
    },
    "clock": {
        "description": "The name of a clock file, or a map with SPICE kernels or readings of "
        "both clocks",
        "anyOf": [_STRING, _ref("SpacecraftClock"), {"type": "null"}],
        "examples": [
            "mars2020",
            "{kernels: [naif0012.tls, m2020_168_sclkscet_refit_v03.tsc]}",
        ],
    },
    "credit": {
        "description": "A line of words, or who did what",
        "anyOf": [_STRING, _ref("Credit")],
        "examples": ["Kestrel Rocketry, CC-BY-4.0"],
    },
    "moments": _map_of({"anyOf": [_ref("time"), _ref("Event")]})
    | {"description": "Names and when they happen", "examples": ["{burnout: 2.9s}"]},
    "events": {
        "description": "The name of an event file, or a map of names to times or to "
        "`{at, title}`, in which `include` names the file",
        "anyOf": [
            _STRING, _map_of({"anyOf": [_ref("time"), _ref("Event")]}, include=_STRING),
        ],
        "examples": ["mars2020", "{burnout: 2.9s, apogee: 14.6s}"],
    },
    "refine": {
        "description": "Ways to make marks finer",
        "anyOf": _one_or_more({"enum": ["motion", "sound", "events", "none"]}),
        "examples": ["[sound, motion]", "[motion, events]", "none"],
    },
    "sync": {
        "description": "For each event the time that each camera shows at it; `refine` beside "
        "them",
        **_map_of(_map_of(_ref("duration")), refine=_ref("refine")),
        "examples": ["{ignition: {pad: 00:41.20, onboard: 00:12.05}, refine: none}"],
    },
    "sounds": {
        "description": "One sound track or a list",
        "anyOf": _one_or_more(_ref("Sound")),
    },
}  # fmt: skip


def schema(kind: Kind = "release") -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a release, camera or event file as it is written."""
    models: list[type[BaseModel]] = [
        Config, Camera, EventFile, Credit, Event, Skip, Sound, SpacecraftClock, Text,
    ]  # fmt: skip
    refs, whole = models_json_schema([(m, "validation") for m in models], by_alias=True)
    model, title = _ROOTS[kind]
    defs = {name: _tidy(body) for name, body in whole["$defs"].items()}
    defs |= {name: deepcopy(way) for name, way in WAYS.items()}
    root = defs.pop(refs[(model, "validation")]["$ref"].rsplit("/", 1)[1])
    used = _used(root, defs)
    return {
        "$schema": DIALECT,
        **root,
        "title": title,
        "$defs": {name: defs[name] for name in sorted(used)},
    }


def _tidy(body: Any) -> Any:
    """Names of ways instead of their marks, and no titles that only repeat the key."""
    if isinstance(body, list):
        return [_tidy(item) for item in body]
    if not isinstance(body, dict):
        return body
    named = isinstance(body.get("properties"), dict)
    tidy: dict[str, Any] = {
        key: {k: _tidy(v) for k, v in value.items()} if named and key == "properties"
        else value if key in {"default", "examples"} else _tidy(value)
        for key, value in body.items()
        if key not in {"title", "x-kind", "discriminator"}
    }  # fmt: skip
    if "x-kind" in body:
        return _ref(body["x-kind"]) | tidy
    if "description" in tidy:  # of a docstring the first paragraph
        words = str(tidy["description"]).split("\n\n")[0].split()
        tidy["description"] = " ".join(words)
    return tidy


def _used(body: Any, defs: dict[str, Any]) -> set[str]:
    """The definitions that `body` leads to."""
    found: set[str] = set()
    pending = [body]
    while pending:
        item = pending.pop()
        if isinstance(item, list):
            pending += item
        elif isinstance(item, dict):
            pending += item.values()
            name = str(item.get("$ref", "")).rsplit("/", 1)[-1]
            if name in defs and name not in found:
                found.add(name)
                pending.append(defs[name])
    return found
