"""Whether a release folder still holds what its manifest says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from descent.errors import DescentError, VerifyError
from descent.release.manifest import SUMS_NAME, read_manifest
from descent.tools.files import confined, sha256

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class Checked:
    """One file of a release and what is wrong with it; `problems` empty: all is well."""

    name: str
    frames: int | None
    problems: tuple[str, ...]


def verify(folder: Path, *, full: bool = False, progress: Progress | None = None) -> list[Checked]:
    """Check every file of a release folder against SHA256SUMS and the manifest.

    Videos are probed for frame count, size, rate and tags; `full` decodes every frame and
    compares the picture hash. Files that are listed but absent, and files that are there
    but not listed, are problems. Raises `VerifyError` where there is no manifest or no
    SHA256SUMS to check against.
    """
    body = read_manifest(folder)
    sums = _read_sums(folder)
    outputs = {o["file"]: o for o in body["outputs"].values() if "file" in o}
    missing = [n for n in outputs if n not in sums]
    results = [Checked(n, None, (f"is in the manifest but not in {SUMS_NAME}",)) for n in missing]
    for done, (name, digest) in enumerate(sorted(sums.items())):
        if progress:
            progress(done, len(sums), name)
        results.append(_check(folder, name, digest, outputs.get(name), full=full))
    known = {SUMS_NAME, *sums}
    strangers = [p.relative_to(folder).as_posix() for p in sorted(folder.rglob("*")) if p.is_file()]
    results += [Checked(n, None, (f"is not in {SUMS_NAME}",)) for n in strangers if n not in known]
    return results


def _read_sums(folder: Path) -> dict[str, str]:
    try:
        lines = (folder / SUMS_NAME).read_text("utf-8").splitlines()
    except OSError as error:
        raise VerifyError(
            f"has no {SUMS_NAME} ({error.strerror})",
            where=str(folder),
            do="render again; without it nothing can be checked",
        ) from None
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines) if name}


def _check(
    folder: Path, name: str, digest: str, record: dict[str, Any] | None, *, full: bool
) -> Checked:
    try:
        path = confined(folder / name, [folder])
        if not path.is_file():
            return Checked(name, None, ("is missing",))
        if sha256(path) != digest:
            return Checked(name, None, (f"has changed since {SUMS_NAME} was written",))
        if record is None or record.get("kind") != "video":
            return Checked(name, None, ())
        return Checked(name, record["frames"], tuple(_check_video(path, record, full=full)))
    except DescentError as error:
        return Checked(name, None, (str(error),))


def _check_video(path: Path, record: dict[str, Any], *, full: bool) -> list[str]:
    from descent.encode import verify_against

    return verify_against(path, record, full=full)
