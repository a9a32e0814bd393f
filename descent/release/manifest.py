"""manifest.json and SHA256SUMS: written the same way each time, read with suspicion."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from descent.errors import VerifyError
from descent.release.schema import MANIFEST_VERSION, Manifest
from descent.tools.files import sha256, write_text

MANIFEST_NAME = "manifest.json"
SUMS_NAME = "SHA256SUMS"
_DEPTH = 5  # levels that stand on lines of their own: deep enough for one line a record


def write_manifest(folder: Path, body: Mapping[str, Any]) -> Path:
    """Write `body` as the folder's manifest, one line a frame record, and return its path.

    Keys are sorted and numbers exact, so that the same release gives the same bytes. Raises
    pydantic's `ValidationError` for a body that is no manifest, which is a defect.
    """
    whole = {"version": MANIFEST_VERSION, **body}
    Manifest.model_validate(whole)
    path = folder / MANIFEST_NAME
    write_text(path, "".join(_value(whole, 1)) + "\n")
    return path


def _value(value: Any, depth: int) -> Iterator[str]:
    """JSON, indented down to records, each of which is one line."""
    pad = " " * depth
    if isinstance(value, Mapping) and value and depth < _DEPTH:
        yield "{"
        for n, key in enumerate(sorted(value)):
            yield f"{',' if n else ''}\n{pad}{json.dumps(key, ensure_ascii=False)}: "
            yield from _value(value[key], depth + 1)
        yield f"\n{pad[:-1]}}}"
    elif (
        isinstance(value, list | tuple)
        and depth < _DEPTH
        and any(isinstance(v, Mapping | list | tuple) for v in value)
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
    """The manifest of a release folder, as plain JSON values.

    Raises `VerifyError` where there is none, or one of another version or shape.
    """
    from pydantic import ValidationError

    path = folder / MANIFEST_NAME
    try:
        body = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise VerifyError(
            f"has no {MANIFEST_NAME} ({error.strerror})",
            where=str(folder),
            do="name the folder that descent render wrote, or a file in it",
        ) from None
    except (ValueError, RecursionError) as error:
        raise VerifyError(f"is not JSON ({error})", where=str(path), do="render again") from None
    if not isinstance(body, dict) or body.get("version") != MANIFEST_VERSION:
        found = body.get("version") if isinstance(body, dict) else type(body).__name__
        raise VerifyError(
            f"is {found!r}, this descent reads {MANIFEST_VERSION!r}",
            where=str(path),
            do="use the descent that wrote it, or render again",
        )
    try:
        Manifest.model_validate(body)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise VerifyError(
            f"is no {MANIFEST_VERSION}: {key}: {first['msg']}", where=str(path), do="render again"
        ) from None
    return body


def write_sums(folder: Path, names: Sequence[str], known: Mapping[str, str] | None = None) -> Path:
    """Write SHA256SUMS over the named files of the folder, in the form that sha256sum reads.

    `known` are digests that need not be computed again.
    """
    known = known or {}
    lines = [f"{known.get(name) or sha256(folder / name)}  {name}\n" for name in sorted(names)]
    path = folder / SUMS_NAME
    write_text(path, "".join(lines))
    return path


def read_sums(folder: Path) -> dict[str, str]:
    """The digests of SHA256SUMS by file name; raises `VerifyError` where there are none."""
    path = folder / SUMS_NAME
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise VerifyError(
            f"has no {SUMS_NAME} to read ({error})",
            where=str(folder),
            do="render again; without it nothing can be checked",
        ) from None
    found = {}
    for number, line in enumerate(lines, 1):
        digest, gap, name = line.partition("  ")
        if len(digest) != 64 or not gap or not name:
            raise VerifyError("is no checksum line", where=f"{path}:{number}", do="render again")
        found[name] = digest
    return found
