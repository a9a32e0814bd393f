"""`descent sync` as it is typed: the table, the file, the pictures, and saying no."""

from __future__ import annotations

import json
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from descent.cli import descent


def _films() -> Any:
    """The films of tests/measure: two cameras on one body."""
    path = Path(__file__).resolve().parents[1] / "measure" / "conftest.py"
    spec = spec_from_file_location("films_of_measure", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules["films_of_measure"] = module
    spec.loader.exec_module(module)
    return module


def cli(*words: object) -> Result:
    """Run one command line."""
    return CliRunner().invoke(descent, [str(word) for word in words])


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `same.yaml`, of one body, and `other.yaml`, of two."""
    made, folder = _films(), tmp_path_factory.mktemp("films")
    made.film(folder, "left", 20, 0.0, 0.0, 0)
    made.film(folder, "right", 12, made.OFF_S, 90.0, 0)
    made.film(folder / "other", "right", 12, made.OFF_S, 90.0, 11)
    (folder / "same.yaml").write_text(made.CONFIG, "utf-8")
    other = made.CONFIG.replace("files: right/", "files: other/right/")
    (folder / "other.yaml").write_text(other, "utf-8")
    return folder


def test_sync_measures_writes_and_draws(films: Path) -> None:
    """A table for people, the file beside the config, a picture a pair, and exit code 0."""
    done = cli("sync", films / "same.yaml", "--plots", films / "plots", "--workers", 1)
    assert done.exit_code == 0, done.output
    assert "the reference: it keeps its clock" in done.stdout
    assert "left and right" in done.stdout
    assert f"Written to {films / 'same.sync.yaml'}." in done.stdout
    assert "its own times are off by +0.3" in done.stderr
    assert (films / "same.sync.yaml").read_text("utf-8").startswith("# Clocks measured by")
    assert (films / "plots" / "left-right.png").read_bytes().startswith(b"\x89PNG")
    planned = cli("plan", films / "same.yaml")
    assert "set right by +0.3" in planned.stdout


def test_sync_tells_programs(films: Path) -> None:
    """--json is one document with cameras, ties and what was refused; a dry run writes none."""
    (films / "same.sync.yaml").unlink(missing_ok=True)
    done = cli("sync", films / "same.yaml", "--json", "--dry-run", "--workers", 1)
    assert done.exit_code == 0, done.output
    data = json.loads(done.stdout)
    assert data["reference"] == "left"
    right = next(row for row in data["cameras"] if row["camera"] == "right")
    assert right["tied"]
    assert right["offset_s"] == pytest.approx(0.37, abs=0.01)
    assert data["ties"][0]["margin"] > 5
    assert data["refused"] == []
    assert data["file"] is None
    assert not (films / "same.sync.yaml").exists()


def test_sync_says_no(films: Path) -> None:
    """Cameras on two bodies: exit code 1, what was found, what helps; forced, it is marked."""
    refused = cli("sync", films / "other.yaml", "--workers", 1)
    assert refused.exit_code == 1
    assert "no two cameras were tied" in refused.stderr
    assert "--accept-unsure" in refused.stderr
    assert not (films / "other.sync.yaml").exists()
    forced = cli("sync", films / "other.yaml", "--accept-unsure", "--workers", 1)
    assert forced.exit_code == 0, forced.output
    assert "(unsure)" in forced.stdout
    assert "unsure: yes" in (films / "other.sync.yaml").read_text("utf-8")
    assert "although the measurement was not sure" in cli("plan", films / "other.yaml").stdout
