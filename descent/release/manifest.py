"""manifest.json: what every frame of every video is, and from which files it came."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from descent.errors import VerifyError
from descent.tools.files import atomic, sha256

MANIFEST_VERSION = "manifest.1"
MANIFEST_NAME = "manifest.json"
SUMS_NAME = "SHA256SUMS"


def write_manifest(folder: Path, body: Mapping[str, Any]) -> Path:
    """Write `body` as the folder's manifest, one line a frame record, and return its path.

    Keys are sorted and numbers exact, so that the same release gives the same bytes.
    """
    path = folder / MANIFEST_NAME
    with atomic(path) as temporary:
        temporary.write_text("".join(_lines({"version": MANIFEST_VERSION, **body})), "utf-8")
    return path


def _lines(body: Mapping[str, Any]) -> Iterator[str]:
    """JSON with one line a record where a list holds records, else indented plainly."""
    yield "{\n"
    for n, key in enumerate(sorted(body)):
        if n:
            yield ",\n"
        yield f"{json.dumps(key)}: "
        yield from _value(body[key], 1)
    yield "\n}\n"


def _value(value: Any, depth: int) -> Iterator[str]:
    pad = " " * depth
    if isinstance(value, Mapping) and depth < 5:
        yield "{"
        for n, key in enumerate(sorted(value)):
            yield f"{',' if n else ''}\n{pad}{json.dumps(key)}: "
            yield from _value(value[key], depth + 1)
        yield f"\n{pad[:-1]}}}" if value else "}"
    elif (
        isinstance(value, Sequence)
        and not isinstance(value, str)
        and depth < 5
        and any(isinstance(v, Mapping | list) for v in value)
    ):
        yield "["
        for n, item in enumerate(value):
            yield f"{',' if n else ''}\n{pad}{_compact(item)}"
        yield f"\n{pad[:-1]}]"
    else:
        yield _compact(value)


def _compact(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a release folder; raises `VerifyError` where there is none to read."""
    path = folder / MANIFEST_NAME
    try:
        body = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise VerifyError(
            f"has no {MANIFEST_NAME} ({error.strerror})",
            where=str(folder),
            do="name the folder that descent render wrote",
        ) from None
    except ValueError as error:
        raise VerifyError(f"is not JSON ({error})", where=str(path), do="render again") from None
    if not isinstance(body, dict) or body.get("version") != MANIFEST_VERSION:
        found = body.get("version") if isinstance(body, dict) else type(body).__name__
        raise VerifyError(
            f"is {found!r}, this descent reads {MANIFEST_VERSION!r}",
            where=str(path),
            do="use the descent that wrote it, or render again",
        )
    return body


def write_sums(folder: Path, names: Sequence[str]) -> Path:
    """Write SHA256SUMS over the named files of the folder, in the form that sha256sum reads."""
    path = folder / SUMS_NAME
    with atomic(path) as temporary:
        temporary.write_text(
            "".join(f"{sha256(folder / name)}  {name}\n" for name in sorted(names)), "utf-8"
        )
    return path


def seconds(text: str) -> Fraction:
    """A time of the manifest, "n/d" in s, as a fraction."""
    return Fraction(text)
