"""The release folder made whole: manifest and checksums beside what was rendered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from descent.errors import DescentError, VerifyError
from descent.model import OutputResult
from descent.plan import Plan
from descent.release.contents import Measured, manifest_of
from descent.release.manifest import (
    MANIFEST_NAME,
    SUMS_NAME,
    read_manifest,
    read_sums,
    write_manifest,
    write_sums,
)
from descent.release.page import PAGE, write_page
from descent.tools.files import sha256

POSTER = "poster.jpg"


def package(
    folder: Path,
    plan: Plan,
    *,
    results: Mapping[str, OutputResult],
    digests: Mapping[str, Mapping[int, str]],
    fingerprint: tuple[str, Mapping[str, str]],
    config_digest: str,
    measured: Mapping[str, Measured] | None = None,
    also: Iterable[str] = (),
) -> Path:
    """Write manifest.json, the page and SHA256SUMS beside the outputs; returns the first.

    The arguments are those of `manifest_of`; `also` names further files of the release, such
    as captions and posters. Outputs that an earlier render of the same config left here are
    kept in the manifest while their files are unchanged, so that `--only` adds to a release.
    """
    sound = sha256(plan.sound.path) if plan.sound is not None else None
    body = manifest_of(
        plan,
        results=results,
        digests=digests,
        fingerprint=fingerprint,
        config_digest=config_digest,
        sound_digest=sound,
        measured=measured,
    )
    extras = _extras(folder, config_digest)
    body = _with_earlier(folder, body)
    path = write_manifest(folder, body)
    others = {*also, *extras}
    write_page(folder, body, poster=POSTER if POSTER in others else None)
    names = {MANIFEST_NAME, PAGE, *others}
    known: dict[str, str] = {}
    for name, output in body["outputs"].items():
        if output["kind"] == "frames":
            names |= set(_inside(folder, output["file"]))
            made = results.get(name)
            known |= dict(made.record.get("files", {})) if made is not None else {}
        else:
            names.add(output["file"])
            known[output["file"]] = output["sha256"]
    write_sums(folder, sorted(names), known)
    return path


def earlier(folder: Path, config_digest: str) -> frozenset[str]:
    """The outputs in `folder` that an earlier render of the same config made, by file name."""
    try:
        before = read_manifest(folder)
    except VerifyError:
        return frozenset()
    if before["config_sha256"] != config_digest:
        return frozenset()
    return frozenset(output["file"] for output in before["outputs"].values())


def _extras(folder: Path, config_digest: str) -> frozenset[str]:
    """What an earlier render of the same config left beside its outputs, such as a poster."""
    outputs = earlier(folder, config_digest)
    if not outputs:
        return frozenset()
    try:
        listed = read_sums(folder)
    except VerifyError:
        return frozenset()
    rest = (n for n in listed if n not in outputs and n != MANIFEST_NAME and "/" not in n)
    return frozenset(name for name in rest if (folder / name).is_file())


def _inside(folder: Path, name: str) -> Iterator[str]:
    for path in sorted((folder / name).rglob("*")):
        if path.is_file():
            yield path.relative_to(folder).as_posix()


def _with_earlier(folder: Path, body: dict[str, Any]) -> dict[str, Any]:
    """The manifest with the outputs of the one before that still hold."""
    if not (folder / MANIFEST_NAME).is_file():
        return body
    try:
        before = read_manifest(folder)
    except VerifyError:
        return body  # of another version, or broken: it is written anew
    if any(before[key] != body[key] for key in ("config_sha256", "fingerprint", "clocks")):
        return body
    kept = {
        name: output
        for name, output in before["outputs"].items()
        if name not in body["outputs"] and _holds(folder, output, before, body)
    }
    if not kept:
        return body
    shown = {tile["camera"] for o in kept.values() for s in o["spans"] for tile in s["tiles"]}
    sources = {name: before["sources"][name] for name in shown} | body["sources"]
    return {**body, "outputs": {**kept, **body["outputs"]}, "sources": sources}


def _holds(
    folder: Path, output: Mapping[str, Any], before: Mapping[str, Any], body: Mapping[str, Any]
) -> bool:
    cameras = {tile["camera"] for span in output["spans"] for tile in span["tiles"]}
    for name in cameras & body["sources"].keys():
        # The records count by these lists: another list, and they would mean other frames.
        if before["sources"][name] != body["sources"][name]:
            return False
    try:
        if output["kind"] == "frames":
            head = f"{output['file']}/"
            sums = {n: d for n, d in read_sums(folder).items() if n.startswith(head)}
            return bool(sums) and all(sha256(folder / n) == d for n, d in sums.items())
        return bool(sha256(folder / output["file"]) == output["sha256"])
    except (OSError, DescentError):
        return False


__all__ = ["MANIFEST_NAME", "SUMS_NAME", "package"]
