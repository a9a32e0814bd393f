"""The recipes of docs/architecture.md: adding one thing touches what the recipe names.

One section a recipe: a thing of that kind is added as the recipe says and then used, or, where
code is added, the table and the files are held to each other.
"""

from __future__ import annotations

import shutil
from importlib import import_module
from pathlib import Path

import pytest

from descent.config import load
from descent.encode.profile import load_profile, profile_for
from descent.stages import LAYOUTS, STAGES, layout, stage

ROOT = Path(__file__).resolve().parents[1]

# Every module that looks into configs/ does it through this name.
READERS = ("descent.config.include", "descent.encode.profile")


@pytest.fixture
def configs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of configs/ that the code takes for the shipped one."""
    copy = tmp_path / "configs"
    shutil.copytree(ROOT / "configs", copy)
    for name in READERS:
        monkeypatch.setattr(import_module(name), "config_root", lambda: copy)
    return copy


# --- a camera of a known format: one YAML file ------------------------------------------------

RELEASE = """\
schema: 1
title: A camera of one's own
credit: Nobody, CC0-1.0
cameras:
  new: {kind: rocket/nose, files: frames/}
zero: liftoff
events: {end: 2s}
cuts:
  film: [{from: liftoff, to: end, show: {full: new}}]
outputs:
  film: {cut: film, size: hd, for: web}
"""


def test_a_camera_is_one_file(configs: Path, tmp_path: Path) -> None:
    """A YAML file in configs/cameras is a kind that a release can name."""
    (configs / "cameras" / "rocket").mkdir()
    camera = "title: Nose\nrate: 120\npattern: GBRG\ntransfer: raw\nrestore: {debayer: {}}\n"
    (configs / "cameras" / "rocket" / "nose.yaml").write_text(camera, encoding="utf-8")
    release = tmp_path / "release.yaml"
    release.write_text(RELEASE, encoding="utf-8")
    camera_read = load(release, check_files=False).config.cameras["new"]
    assert camera_read.title == "Nose"
    assert camera_read.rate == 120
    assert camera_read.pattern == "GBRG"


# --- an encode profile: one YAML file ---------------------------------------------------------


def test_a_profile_is_one_file(configs: Path) -> None:
    """A YAML file in configs/profiles can be named, and is chosen where it fits its use best."""
    text = "title: Huge\nextends: h264_uhd\nfor: web\nfrom_pixels: 30000000\ncrf: 24\n"
    (configs / "profiles" / "huge.yaml").write_text(text, encoding="utf-8")
    profile = load_profile("huge")
    assert (profile.codec, profile.crf) == (load_profile("h264_uhd").codec, 24)
    assert profile_for("web", rows=4320, cols=7680).name == "huge"
    assert profile_for("web", rows=2160, cols=3840).name == "h264_uhd"


# --- a restoration stage: one module, one test file, one row ----------------------------------


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_is_a_module_a_test_and_a_row(name: str) -> None:
    """Each row leads to a module of its own that declares the stage, and has its test file."""
    module, attribute = STAGES[name].split(":")
    declared = stage(name)
    assert getattr(import_module(module), attribute) is declared
    assert declared.name == name
    assert module == f"descent.restore.{name}"
    assert (ROOT / "tests" / "restore" / f"test_{name}.py").is_file()


def test_stages_stand_in_the_order_they_run() -> None:
    """The table reads as what happens: its order is that of the stages' own numbers."""
    orders = [stage(name).order for name in STAGES]
    assert orders == sorted(set(orders))


# --- a layout: one function, one row ----------------------------------------------------------


def test_a_layout_is_a_function_and_a_row() -> None:
    """Each row of the layouts' table is a function that says what it does."""
    module, attribute = LAYOUTS.split(":")
    for name, function in getattr(import_module(module), attribute).items():
        assert layout(name) is function
        assert function.__doc__


# A command is held by tests/cli/test_cli.py, test_the_table_and_the_files_are_one.
