"""What is written from the models: docs/config.md, the schemas in configs/, every default."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from descent.config.models import Config
from descent.config.schemas import FILES, WAYS, schema
from descent.tools.files import write_text

_HEAD = """\
# The words of a release file

One YAML 1.2 file says a whole release: `descent check FILE` says everything that is wrong with
it, `descent check FILE --defaults` prints it with every default, and `descent new FOLDER`
writes a first one. A first line
`# yaml-language-server: $schema=schema.json` makes editors complete and check it while it is
typed; `descent schema` prints that schema. This page is made from the code that reads the file.

- Text stays text: `12:30:45` and `NO` are words, dates are not made of anything.
- Tags, merge keys and repeated keys are refused; anchors and aliases may be used.
- `--set key=value` changes one value: `--set outputs.film.size=hd`,
  `--set cuts.main.0.speed=1/4` (items count from 0). `--set folder=PATH` is relative to where
  the command is typed.
- Camera files (`kind: mars2020/ddc`), event files (`events: mars2020`) and clock files
  (`clock: mars2020`) are found by name in `configs/`, or as `./mine.yaml` beside the file that
  names them. What the release says wins.

Two complete examples are `configs/releases/perseverance.yaml` and
`configs/releases/rocket.yaml`.
"""

_ORDER = (
    "Credit", "Camera", "Times", "Anchor", "Clock", "Hearing", "Missing", "Crop", "Skip", "Event",
    "Sound", "Span", "Show", "Output", "Text",
)  # fmt: skip
_WHERE = {
    "Credit": "credit", "Camera": "cameras.NAME", "Times": "cameras.NAME.times",
    "Anchor": "cameras.NAME.times.anchor", "Clock": "cameras.NAME.clock",
    "Hearing": "cameras.NAME.sound", "Missing": "cameras.NAME.missing",
    "Crop": "cameras.NAME.crop", "Skip": "cameras.NAME.skip",
    "Event": "events.NAME", "Sound": "sound", "Span": "cuts.NAME", "Show": "show",
    "Output": "outputs.NAME", "Text": "outputs.NAME.text",
}  # fmt: skip


def resolved(config: Config) -> dict[str, Any]:
    """The config as plain YAML types with every default written out; it loads as the same."""
    plain: dict[str, Any] = config.model_dump(mode="json", by_alias=True)
    return plain


def reference() -> str:
    """The config reference, docs/config.md, made from the models."""
    whole = schema()
    defs = whole["$defs"]
    parts = [_HEAD, "## The release\n", *_table(whole)]
    for name in _ORDER:
        parts += [f"\n## {name}\n", f"Under `{_WHERE[name]}`. {defs[name]['description']}\n"]
        parts += _table(defs[name])
    parts += ["\n## Event files\n", f"{schema('events')['description']}\n"]
    parts += _table(schema("events"))
    parts += ["\n## How values are written\n", "| value | what it is | such as |", "|---|---|---|"]
    for name, way in sorted(WAYS.items()):
        such = ", ".join(f"`{e}`" for e in way.get("examples", ()))
        parts.append(f'| <a id="value-{name}"></a>{name} | {_cell(way["description"])} | {such} |')
    return "\n".join(parts) + "\n"


def _table(model: dict[str, Any]) -> list[str]:
    rows = ["| key | value | default | meaning |", "|---|---|---|---|"]
    required = set(model.get("required", ()))
    for key, body in model["properties"].items():
        default = "**needed**" if key in required else _default(body.get("default"))
        rows.append(f"| `{key}` | {_value(body)} | {default} | {_cell(body['description'])} |")
    return rows


def _default(value: Any) -> str:
    if value in (None, [], {}, ""):
        return ""
    if value is True or value is False:
        return "`yes`" if value else "`no`"
    if isinstance(value, dict):  # each part's own default stands in its own table
        return "as below" if any(value.values()) else ""
    if isinstance(value, list):
        return f"`[{', '.join(str(v) for v in value)}]`"
    return f"`{value}`"


def _value(body: dict[str, Any]) -> str:
    if "$ref" in body:
        name = body["$ref"].rsplit("/", 1)[1]
        return f"[{name}](#{f'value-{name}' if name in WAYS else name.lower()})"
    if "const" in body:
        return f"`{body['const']}`"
    if "enum" in body:
        return ", ".join(f"`{v}`" for v in body["enum"] if v is not None)
    for several in ("anyOf", "oneOf"):
        if several in body:
            kinds = [_value(b) for b in body[several] if b.get("type") != "null"]
            return " or ".join(dict.fromkeys(kinds))
    if body.get("type") == "array":
        items: dict[str, Any] = body.get("items") or next(iter(body.get("prefixItems", ())), {})
        many = "two of" if body.get("maxItems") == 2 else "list of"
        return f"{many} {_value(items)}"
    if body.get("type") == "object":
        inner = body.get("additionalProperties")
        return f"names: {_value(inner)}" if isinstance(inner, dict) else "map"
    return {"string": "text", "integer": "whole number", "boolean": "yes or no"}.get(
        str(body.get("type")), str(body.get("type"))
    )


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def written(root: Path) -> dict[Path, str]:
    """Every file under the project's folder `root` that is made from the models, and its text."""
    pages = {root / "docs" / "config.md": reference()}
    for kind, name in FILES.items():
        text = json.dumps(schema(kind), indent=2, ensure_ascii=False) + "\n"
        pages[root / "configs" / name] = text
    return pages


def write(root: Path) -> None:
    """Write them anew."""
    for path, text in written(root).items():
        write_text(path, text)
