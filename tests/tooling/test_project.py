"""The project's own face: make's targets, continuous integration, and what a wheel carries."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGETS = ("help", "setup", "lint", "types", "test", "bench", "demo", "release", "lock", "clean")


def test_every_target_explains_itself() -> None:
    """`make help` is the Makefile's own comments, so each target carries one."""
    told = subprocess.run(  # noqa: S603
        [sys.executable, str(ROOT / ".ci" / "bootstrap.py"), "help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert tuple(re.findall(r"^  make (\S+) +\S", told.stdout, re.MULTILINE)) == TARGETS


def test_integration_runs_what_people_run() -> None:
    """The script of continuous integration is `make test` and nothing by hand."""
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    commands = [line for line in script.splitlines() if line and not line.startswith("#")]
    assert commands[-1] == "exec make test"
    assert os.access(ROOT / ".ci" / "run", os.X_OK) or os.name == "nt"


def test_a_wheel_carries_the_command_and_the_configs(tmp_path: Path) -> None:
    """Built and unpacked, a wheel has every module and config, and finds its configs."""
    source = tmp_path / "source"
    skip = shutil.ignore_patterns("__pycache__", ".*", "*.egg-info", "out", "shared")
    source.mkdir()
    for name in ("descent", "configs"):
        shutil.copytree(ROOT / name, source / name, ignore=skip)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    words = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--wheel-dir"]
    subprocess.run(  # noqa: S603
        [sys.executable, "-m", "pip", "wheel", *words, str(tmp_path), str(source)], check=True
    )
    (wheel,) = tmp_path.glob("*.whl")
    unpacked = tmp_path / "unpacked"
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        archive.extractall(unpacked)
    for folder, inside in (("descent", "descent"), ("configs", "descent/configs")):
        files = {path for path in (source / folder).rglob("*") if path.is_file()}
        missing = {f"{inside}/{p.relative_to(source / folder).as_posix()}" for p in files} - names
        assert not missing
    assert {name.split("/")[0] for name in names} == {
        "descent",
        wheel.name.split("-py3")[0] + ".dist-info",
    }
    (points,) = unpacked.glob("*.dist-info/entry_points.txt")
    assert "descent = descent.cli:entry" in points.read_text()
    told = subprocess.run(
        [sys.executable, "-c", "from descent.tools.files import config_root as r; print(r())"],
        env={**os.environ, "PYTHONPATH": str(unpacked)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(told.stdout.strip()) == unpacked / "descent" / "configs"
