"""What is made from the models is current, and the shipped configs keep to it."""

from __future__ import annotations

import csv
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from descent.clock.sclk import SclkClock
from descent.clock.utc import utc_to_tai
from descent.config import include, load, schema
from descent.config.models import Config
from descent.config.pages import written
from descent.config.schemas import FILES, Kind
from descent.errors import Problem

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = ROOT / "configs"
ANEW = 'python -c "from pathlib import Path; from descent.config.pages import write; write(Path())"'


@pytest.mark.parametrize("path", written(ROOT), ids=lambda p: p.name)
def test_what_is_made_from_the_models_is_current(path: Path) -> None:
    """docs/config.md and the schemas in configs/ are what the models say now."""
    assert path.read_text(encoding="utf-8") == written(ROOT)[path], f"stale; write anew: {ANEW}"


def _plain(path: Path) -> Any:
    found: list[Problem] = []
    files = include.Files(found)
    root = files.tree(path, path.name)
    assert root is not None
    assert not found
    return root.plain()


def _kinds() -> list[tuple[Kind, Path]]:
    folders: dict[str, Kind] = {"releases": "release", "cameras": "camera", "events": "events"}
    found = [(k, p) for f, k in folders.items() for p in sorted((CONFIGS / f).rglob("*.yaml"))]
    examples = sorted((ROOT / "tests" / "config" / "examples").glob("*.yaml"))
    return found + [("release", p) for p in examples]


@pytest.mark.parametrize(("kind", "path"), _kinds(), ids=lambda v: getattr(v, "stem", str(v)))
def test_shipped_configs_fit_the_schema(kind: Kind, path: Path) -> None:
    """What descent ships, as it is written, is what its schema tells editors."""
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft202012Validator(schema(kind))
    validator.check_schema(schema(kind))
    assert [e.message for e in validator.iter_errors(_plain(path))] == []


def test_the_schema_refuses_what_loading_refuses() -> None:
    """A misspelt key and a wrong choice are marked in the editor already."""
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft202012Validator(schema())
    good = _plain(CONFIGS / "releases" / "perseverance.yaml")
    for key, value in {"titel": "x", "look": "vivid", "outputs": {}, "schema": 2}.items():
        assert not validator.is_valid({**good, key: value}), key


@pytest.mark.parametrize(
    "path", [p for _, p in _kinds() if CONFIGS in p.parents], ids=lambda p: p.stem
)
def test_every_config_names_its_schema(path: Path) -> None:
    """The first line of each config leads an editor to its schema."""
    first = path.read_text(encoding="utf-8").splitlines()[0]
    prefix = "# yaml-language-server: $schema="
    assert first.startswith(prefix)
    assert (path.parent / first.removeprefix(prefix)).resolve() in {
        CONFIGS / name for name in FILES.values()
    }


def test_every_word_is_explained() -> None:
    """Each key of each model has a description, from which help and docs are made."""
    whole = schema()
    for name, model in {"release": whole, **whole["$defs"]}.items():
        for key, body in model.get("properties", {}).items():
            if name[0].isupper() or name == "release":
                assert body.get("description"), f"{name}.{key}"


def test_shipped_events_are_the_reconstruction(shared_data: Path) -> None:
    """Every event of the mission's table is there by its short name, to the millisecond."""
    path = ROOT / "configs" / "releases" / "perseverance.yaml"
    loaded = load(path, check_files=False)
    moments = loaded.config.events.moments
    assert loaded.clock is not None
    sclk = SclkClock.load(loaded.clock)
    with (shared_data / "spice" / "edl_events.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            moment = moments[row["event"]].at
            moment = moments[moment.base].at if moment.kind == "event" else moment
            assert utc_to_tai(moment.base) == utc_to_tai(row["utc"]), row["event"]
            assert abs(sclk.sclk(utc_to_tai(row["utc"])) - Fraction(row["sclk_s"])) < Fraction(
                3, 1000
            )


def test_every_shipped_camera_loads_in_a_release(tmp_path: Path) -> None:
    """Each camera file, named as `kind`, makes a camera."""
    for kind in include.shipped("cameras"):
        path = tmp_path / "one.yaml"
        path.write_text(
            f"title: One\nevents: mars2020\ncameras: {{a: {{kind: {kind}, files: a/}}}}\n"
            "cuts: {c: [{from: entry, to: touchdown, show: {full: a}}]}\n"
            "outputs: {o: {cut: c}}\n"
        )
        config: Config = load(path, check_files=False).config
        assert config.cameras["a"].title, kind
        assert config.cameras["a"].credit == "NASA/JPL-Caltech"
