"""Clocks measured from pictures on disk, the file they are kept in, and plans that read it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from descent.config import load
from descent.config.sync import SyncFile, read_sync, sync_path, write_sync
from descent.errors import ConfigError, UnsureSync
from descent.measure.plots import draw
from descent.measure.sync import Synced, measure_sync
from descent.measure.written import write
from descent.plan import make

OFF_S = 0.37


@pytest.fixture(scope="module")
def found(pair: Path) -> Synced:
    """The pair, measured once."""
    return measure_sync(load(pair), workers=1)


def test_the_offset_is_found(found: Synced) -> None:
    """The second camera's clock is set right to a few milliseconds, as its interval says."""
    clock = found.joint.clocks["right"]
    assert found.tied == ("left", "right")
    assert abs(clock.offset_at(5.0) - OFF_S) < max(0.004, clock.interval_s)
    assert clock.interval_s < 0.02
    assert found.joint.wrong_stamps["right"] == pytest.approx(OFF_S, abs=0.02)
    assert not found.unsure


def test_a_plan_lays_frames_by_what_was_measured(found: Synced, pair: Path) -> None:
    """Before, the plan says that nothing was measured; then frames move, and it says by what."""
    path = sync_path(pair)
    path.unlink(missing_ok=True)
    before = make(load(pair))
    assert [f.code for f in before.findings].count("unrefined") == 1
    assert "descent sync pair.yaml" in next(f.do for f in before.findings if f.code == "unrefined")
    write(load(pair), found)
    after = make(load(pair))
    assert "unrefined" not in [f.code for f in after.findings]
    moved = after.cameras["right"].track.times[60] - before.cameras["right"].track.times[60]
    assert float(moved) == pytest.approx(OFF_S, abs=0.01)
    assert after.cameras["left"].track.times == before.cameras["left"].track.times
    right = after.cameras["right"]
    assert "motion shared with left" in right.how
    assert right.track.resolution_s == read_sync(path).cameras["right"].interval_s  # type: ignore[union-attr]


def test_a_clock_that_a_person_changed_is_taken_and_said(found: Synced, pair: Path) -> None:
    """The file can be edited: its offset counts as it is written, and the plan says by hand."""
    write(load(pair), found)
    path = sync_path(pair)
    text = path.read_text("utf-8")
    line = next(row for row in text.splitlines() if "offset_s:" in row)
    text = text.replace(line, "    offset_s: 0.25\n    by_hand: yes", 1)
    path.write_text(text.replace("drift_ppm:", "drift_ppm: 0 #", 1), "utf-8")
    right = make(load(pair)).cameras["right"]
    assert right.track.times[0] == Fraction(1, 4)
    assert right.by_hand
    assert "edited by hand" in right.how


def test_other_frames_make_a_measurement_stale(found: Synced, pair: Path) -> None:
    """With a frame left out the old clock is not used, and the cure is spelled out."""
    write(load(pair), found)
    changed = load(pair, ["cameras.right.skip=[right_0003.png]"])
    plan = make(changed)
    stale = [f for f in plan.findings if f.code == "stale_sync"]
    assert [f.where for f in stale] == ["right"]
    assert "descent sync" in stale[0].do
    assert plan.cameras["right"].track.times[0] == 0


def test_nonsense_in_the_file_is_said_at_its_line(pair: Path, tmp_path: Path) -> None:
    """A word where a number belongs is a problem with file, line and column."""
    path = tmp_path / "x.sync.yaml"
    path.write_text(
        "schema: sync.1\nreference: a\ncameras:\n  b: {offset_s: late, interval_s: 1}\n", "utf-8"
    )
    with pytest.raises(ConfigError, match=r"x\.sync\.yaml:4:") as wrong:
        read_sync(path)
    assert "offset_s" in str(wrong.value)
    assert read_sync(tmp_path / "none.sync.yaml") is None
    del pair


def test_what_is_written_is_read_back(found: Synced, pair: Path, tmp_path: Path) -> None:
    """Writing what was read gives the same bytes."""
    write(load(pair), found)
    read = read_sync(sync_path(pair))
    assert isinstance(read, SyncFile)
    assert set(read.cameras) == {"right"}
    again = tmp_path / "pair.sync.yaml"
    write_sync(
        again, config="pair.yaml", reference=read.reference, cameras=read.cameras,
        ties=read.ties, refused=read.refused,
    )  # fmt: skip
    assert again.read_bytes() == sync_path(pair).read_bytes()


def test_strangers_are_refused_unless_it_is_asked_for(strangers: Path) -> None:
    """Unrelated motion ties nothing and says what would help; taken by force it is marked."""
    with pytest.raises(UnsureSync, match="no two cameras were tied") as refused:
        measure_sync(load(strangers), workers=1)
    assert "--accept-unsure" in refused.value.do
    forced = measure_sync(load(strangers), workers=1, accept_unsure=True)
    assert forced.unsure == {"right"}
    write(load(strangers), forced)
    plan = make(load(strangers))
    assert "taken although it was not sure" in plan.cameras["right"].how
    assert [f.where for f in plan.findings if f.code == "unsure_sync"] == ["right"]


def test_ties_are_drawn(found: Synced, tmp_path: Path) -> None:
    """A picture for each pair, of the same bytes each time."""
    (path,) = draw(found, tmp_path / "plots")
    assert path.name == "left-right.png"
    first = path.read_bytes()
    draw(found, tmp_path / "plots")
    assert path.read_bytes() == first
