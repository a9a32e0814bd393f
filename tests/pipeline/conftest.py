"""Releases small enough to be made whole in a test: written, rendered, and read back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from descent.cli import descent


@dataclass(frozen=True)
class Told:
    """How a command ended: exit code, its JSON document, and all it said beside that."""

    code: int
    data: Mapping[str, Any]
    said: str


def told(code: int, out: str, err: str) -> Told:
    """What a command with --json wrote."""
    return Told(code, json.loads(out) if out.strip() else {}, err)


def command(*words: object) -> Told:
    """Run one command line in this process, with --json."""
    done = CliRunner().invoke(descent, [*(str(word) for word in words), "--json"])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return told(done.exit_code, done.stdout, done.stderr)


def start(*words: object, **environment: str) -> subprocess.Popen[str]:
    """Start one command line as a process of its own, with --json."""
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "descent.cli", *(str(word) for word in words), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )


def ended(process: subprocess.Popen[str], wait_s: float = 180) -> Told:
    """What a started command came to, once it has ended."""
    out, err = process.communicate(timeout=wait_s)
    return told(process.returncode, out, err)


def render(config: Path, out: Path, *words: object, workers: int = 1) -> Told:
    """Render a config into `out` in this process; chunks are kept in `store` beside it."""
    return command("render", config, "--out", out, "--workers", workers, *words)


def write_config(path: Path, body: Mapping[str, Any]) -> Path:
    """A release file of its words, with what every one needs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    words = {"schema": 1, "title": "Numbered", "credit": "Nobody, CC0-1.0", **body}
    with path.open("w", encoding="utf-8") as file:
        YAML().dump(words, file)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder by its name."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def chunks(store: Path) -> dict[str, int]:
    """The chunk files of a store and when each was made, in ns."""
    found = store.glob("chunks/*/*.*")
    return {path.name: path.stat().st_mtime_ns for path in found if not path.name.startswith(".")}


def leftovers(folder: Path) -> list[str]:
    """Temporaries that a writer left behind, anywhere below a folder."""
    return [str(path.relative_to(folder)) for path in folder.rglob(".*.part-*")]


def manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a finished release."""
    body: dict[str, Any] = json.loads((folder / "manifest.json").read_text("utf-8"))
    return body


def shown_files(folder: Path, output: str, camera: str) -> list[str | None]:
    """For each frame of an output the file that the manifest says a camera shows there."""
    body = manifest(folder)
    source = body["sources"][camera]
    rows = [record["show"].get(camera) for record in body["outputs"][output]["records"]]
    return [
        None if row is None or row[1] is None
        else f"{source['files'][source['frames'][row[1]][0]]['name']}#{source['frames'][row[1]][1]}"
        for row in rows
    ]  # fmt: skip


@pytest.fixture
def simple(tmp_path: Path) -> Callable[..., Path]:
    """A writer of a release of one camera of numbered pictures, `cam/f_00000.png` and on."""
    from .numbered import SIDE, write_folder

    def write(count: int = 24, rate: int = 6, **words: Any) -> Path:
        write_folder(tmp_path / "cam", 1, range(count))
        camera = {
            "files": "cam/",
            "times": {"index": "f_{index}.png", "rate": rate, "start": "T+0s"},
            **words.pop("camera", {}),
        }
        span = {"from": "start", "to": f"start + {count / rate}s", "show": {"full": "cam"}}
        outputs = {"film": {"cut": "main", "size": f"{SIDE}x{SIDE}", "rate": 12, "text": "none"}}
        body = {
            "zero": "start",
            "cameras": {"cam": camera},
            "cuts": {"main": [span]},
            "outputs": outputs,
            **words,
        }  # fmt: skip
        return write_config(tmp_path / "release.yaml", body)

    return write
