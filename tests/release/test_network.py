"""A release with a picture that a network made: it says so wherever somebody may look."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from descent.config import load
from descent.errors import DescentError
from descent.publish import Published, publish
from descent.release.manifest import read_manifest
from descent.render.words import words_at
from tests.restore.test_network import BLUR, SHARPEN, model, needs_runtime

CONFIG = """\
schema: 1
title: Made
credit: Nobody, CC0-1.0
zero: start
cameras:
  one:
    files: one/
    times: {rate: 10, start: T+0s}
    restore: {deblur: {method: network, model: soft.onnx, guard: none}}
cuts:
  main:
    - {from: start, to: start + 0.3s, show: {full: one}}
outputs:
  film: {cut: main, size: 128x96, rate: 10}
"""


def made(folder: Path, out: str) -> Published:
    """The release of the folder's model, in a folder of its own."""
    return publish(load(folder / "made.yaml"), folder / out, workers=1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three frames of noise and a config that names a network."""
    (tmp_path / "one").mkdir()
    for k in range(3):
        noise = np.random.default_rng(k).integers(40, 200, (96, 128, 3)).astype(np.uint8)
        cv2.imwrite(str(tmp_path / "one" / f"f_{k}.png"), noise)
    (tmp_path / "made.yaml").write_text(CONFIG, encoding="utf-8")
    return tmp_path


@needs_runtime
def test_a_network_is_owned_up_to(folder: Path) -> None:
    """Manifest, records and the picture itself say generative; another model is another film."""
    path = model(folder / "soft.onnx", BLUR)
    first = made(folder, "first")
    body = read_manifest(first.folder)
    (stage,) = (s for s in body["sources"]["one"]["stages"] if s["label"].startswith("deblur"))
    assert stage["params"]["model"] == "soft.onnx"
    assert stage["params"]["model_sha256"] == stage["found"]["model_sha256"]
    assert "soft.onnx" in stage["found"]["generative"]
    assert folder.name not in (first.folder / "manifest.json").read_text("utf-8")
    for record in body["outputs"]["film"]["records"]:
        assert record["show"]["one"][2]["generative"] > 0.9
    (output,) = first.plan.outputs
    assert words_at(first.plan, output, 0, 0)["marks"] == {"one": ["generative"]}

    model(path, SHARPEN)
    again = read_manifest(made(folder, "second").folder)
    assert again["outputs"]["film"]["sha256"] != body["outputs"]["film"]["sha256"]


@needs_runtime
def test_a_network_of_no_strength_is_no_network(folder: Path) -> None:
    """A strength of 0 changes no pixel, so no picture is marked as generative."""
    model(folder / "soft.onnx", BLUR)
    config = (folder / "made.yaml").read_text("utf-8")
    assert "method: network" in config
    still = config.replace("method: network", "method: network, strength: 0")
    (folder / "made.yaml").write_text(still, encoding="utf-8")
    first = made(folder, "first")
    (output,) = first.plan.outputs
    assert words_at(first.plan, output, 0, 0)["marks"] == {}
    for record in read_manifest(first.folder)["outputs"]["film"]["records"]:
        assert "generative" not in record["show"]["one"][2]


def test_a_model_that_is_not_there_is_told_when_planning(folder: Path) -> None:
    """The error names the file and the cure before anything is rendered."""
    with pytest.raises(DescentError, match=r"soft\.onnx: is no model that can be read - name an"):
        made(folder, "none")


@needs_runtime
def test_a_network_that_harms_is_kept_out(folder: Path) -> None:
    """Guarded, one that makes pictures darker touches none, and nothing is marked generative."""
    model(folder / "soft.onnx", np.diag([0, 0.8, 0]))
    config = (folder / "made.yaml").read_text("utf-8")
    (folder / "made.yaml").write_text(config.replace(", guard: none", ""), encoding="utf-8")
    body = read_manifest(made(folder, "first").folder)
    (stage,) = (s for s in body["sources"]["one"]["stages"] if s["label"].startswith("deblur"))
    assert (stage["found"]["restored"], stage["found"]["kept"]) == (0, 3)
    for record in body["outputs"]["film"]["records"]:
        assert "generative" not in record["show"]["one"][2]


@needs_runtime
@pytest.mark.parametrize("guard", [", guard: none", ""])
def test_a_bad_picture_names_camera_and_frame(folder: Path, guard: str) -> None:
    """A network that makes no picture stops the render or the look before, and says where."""
    model(folder / "soft.onnx", np.full((3, 3), 5.0))
    config = (folder / "made.yaml").read_text("utf-8")
    (folder / "made.yaml").write_text(config.replace(", guard: none", guard), encoding="utf-8")
    with pytest.raises(DescentError, match=r"one: f_\d\.png #0: the network soft\.onnx made"):
        made(folder, "bad")
