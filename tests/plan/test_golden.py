"""What is decided about the fixture landing, held to a golden file."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from descent.config import load
from descent.plan import make, report
from descent.simulate import landing

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "landing_plan.json"
ACCEPT = "ACCEPT_GOLDEN"


def decided(root: Path) -> dict[str, Any]:
    """The plan of the fixture as plain data, less what depends on the machine or the day."""
    data = report.data(make(load(root / "fixtures" / "landing.yaml")))
    del data["digest"]
    for output in data["outputs"].values():
        del output["about_s"], output["about_bytes"]
    return data


def approve(actual: dict[str, Any], golden: Path) -> None:
    """Fail with the first difference and the command that accepts it."""
    text = json.dumps(actual, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    if os.environ.get(ACCEPT):
        golden.write_text(text, encoding="utf-8")
    want = golden.read_text(encoding="utf-8") if golden.exists() else ""
    if text == want:
        return
    lines = zip(want.splitlines(), text.splitlines(), strict=False)
    number, (a, b) = next(((n, p) for n, p in enumerate(lines, 1) if p[0] != p[1]), (0, ("", "")))
    raise AssertionError(
        f"{golden.name}:{number}: golden {a.strip()!r}, actual {b.strip()!r}\n"
        f"if that is meant: {ACCEPT}=1 python -m pytest {Path(__file__).name}"
    )


def test_the_plan_of_the_fixture_is_the_golden_one(root: Path) -> None:
    """Frames, times, states, layouts and words of the fixture are decided as they were."""
    approve(decided(root), GOLDEN)


def test_the_same_release_has_the_same_digest(root: Path) -> None:
    """Planning twice decides the same, and says so with one digest."""
    loaded = load(root / "fixtures" / "landing.yaml")
    assert make(loaded).digest() == make(loaded).digest()


def test_the_fixture_is_what_simulate_makes(root: Path, tmp_path: Path) -> None:
    """The committed frames are the simulation's: same names, same pictures within two levels."""
    landing(tmp_path, seed=7, scale="1/16", every=4, start="touchdown - 3s", end="touchdown + 1s")
    kept = root / "fixtures" / "landing"
    names = sorted(p.relative_to(kept) for p in kept.rglob("*.png"))
    assert names == sorted(p.relative_to(tmp_path) for p in tmp_path.rglob("*.png"))
    for name in names[::7]:
        a, b = (
            np.asarray(cv2.imread(str(folder / name), cv2.IMREAD_UNCHANGED), np.int16)
            for folder in (kept, tmp_path)
        )
        # Exponentials differ in the last bit between processors, and noise is drawn from them.
        assert np.mean(np.abs(a - b) > 2) < 0.01
