"""Files that folders, patterns and names stand for, in the order people count in."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from descent.model import Finding
from descent.sources.sniff import STILL_SUFFIXES, VIDEO_SUFFIXES

_DIGITS = re.compile(r"(\d+)")
_WILD = re.compile(r"[*?\[]")
# Small copies and notes that cameras and archives lay beside pictures: no word about them.
_BESIDE = frozenset({".thm", ".lrv", ".srt", ".lbl", ".xml", ".json", ".csv", ".txt", ".md"})
# What tells of a picture beside it: archives' labels, the public feed's records.
_LABELS = frozenset({".lbl", ".xml", ".json"})


class Found(NamedTuple):
    """A file by its path, as text for speed, and `rank`, the place of its entry in the list."""

    path: str
    name: str
    rank: int
    size: int
    mtime_ns: int
    suffix: str


def natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """A sort key under which `frame_9` comes before `frame_10`, and case does not matter.

    Ends with the text itself, so that the order of different names is always the same.
    """
    parts = _DIGITS.split(text.casefold())
    key = [
        (0, int(part), "") if place % 2 else (1, 0, part)
        for place, part in enumerate(parts)
        if part
    ]
    return (*key, (2, 0, text))


def gather(camera: str, patterns: Sequence[str], base: Path) -> tuple[list[Found], list[Finding]]:
    """Every picture and clip that `patterns` name below `base`, each file once.

    A folder means all pictures and clips in it and below, hidden ones aside; a pattern or a
    file name means what it matches, whatever its suffix, labels beside pictures aside. Entries
    keep their order; within one, folders and names are in natural order. A pattern that
    matches nothing, and files in a folder that are neither pictures nor notes about them, are
    findings.
    """
    found: dict[str, Found] = {}
    findings: list[Finding] = []
    others: list[str] = []
    for rank, pattern in enumerate(patterns):
        before = len(found)
        whole = os.path.join(base, os.path.expanduser(pattern))  # noqa: PTH111, PTH118
        for path in [whole] if os.path.lexists(whole) else sorted(glob.glob(whole, recursive=True)):  # noqa: PTH207
            if os.path.isdir(path):  # noqa: PTH112
                _walk(path, rank, found, others)
            elif path != whole and _suffix(path) in _LABELS:
                continue  # a pattern means pictures; their labels are read with them
            elif os.path.isfile(path):  # noqa: PTH113
                _add(path, os.path.basename(path), rank, os.stat(path), found)  # noqa: PTH116, PTH119
        if len(found) == before:
            findings.append(_nothing(camera, pattern, whole))
    if others:
        findings.append(
            Finding(
                "ignored",
                camera,
                f"{many(len(others), 'file')} in its folders not taken for pictures or clips "
                f"({examples(others)})",
                level="note",
            )
        )
    keyed = []
    folders: dict[str, Any] = {}
    for file in found.values():
        folder = os.path.dirname(file.path)  # noqa: PTH120
        if folder not in folders:
            folders[folder] = natural(folder)
        keyed.append(((file.rank, folders[folder], natural(file.name)), file))
    keyed.sort(key=lambda pair: pair[0])
    return [f for _, f in keyed], findings


def _nothing(camera: str, pattern: str, whole: str) -> Finding:
    if _WILD.search(pattern):
        what, do = f"no file matches {pattern}", "check the pattern"
    elif Path(whole).is_dir():
        what, do = f"the folder {pattern} holds no pictures or clips", "check the folder"
    else:
        what, do = f"{pattern} does not exist", "check the name, relative to the release file"
    return Finding("no_match", camera, what, do)


def _walk(folder: str, rank: int, found: dict[str, Found], others: list[str]) -> None:
    pending = [folder]
    while pending:
        with os.scandir(pending.pop()) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)
                    continue
                suffix = _suffix(entry.name)
                if suffix in STILL_SUFFIXES or suffix in VIDEO_SUFFIXES:
                    if entry.is_file():
                        _add(entry.path, entry.name, rank, entry.stat(), found)
                elif suffix not in _BESIDE:
                    others.append(entry.name)


def _add(path: str, name: str, rank: int, stat: os.stat_result, found: dict[str, Found]) -> None:
    path = os.path.normpath(path)
    if path not in found:
        found[path] = Found(path, name, rank, stat.st_size, stat.st_mtime_ns, _suffix(name))


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()  # noqa: PTH122


def examples(names: Sequence[str], limit: int = 5) -> str:
    """The first few of many names, and how many more there are."""
    shown = ", ".join(os.path.basename(n) for n in names[:limit])  # noqa: PTH119
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"


def many(count: int, noun: str) -> str:
    """A count with its noun: 1 file, 2 files."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
