"""Clocks as a release writes them: kernels, readings, time code, faces; from config to times."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from descent.clock.doors import tai_to_utc, utc_to_tai
from descent.config import include, load
from descent.errors import ConfigError, TimeUnknown
from descent.plan.clocks import clocks_of, spacecraft_clock

F = Fraction
LANDING = F("666952774.005264")
RELEASE = """\
schema: 1
title: Clocks
credit: Nobody, CC0-1.0
{clock}
events: {{begin: "2021-02-18T20:41:00Z", touchdown: "2021-02-18T20:43:48.145Z"}}
zero: touchdown
cameras:
  pad: {{files: pad.mp4{camera}}}
{more}
cuts: {{film: [{{from: begin, to: touchdown, show: {{full: pad}}}}]}}
outputs:
  film: {{cut: film, size: hd, for: web{output}}}
"""
KERNELS = "[naif0012.tls, m2020_168_sclkscet_refit_v03.tsc]"

Written = Callable[..., Path]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """A release file with some of its words."""

    def write(clock: str = "", camera: str = "", more: str = "", output: str = "") -> Path:
        path = tmp_path / "release.yaml"
        parts = {"clock": clock, "camera": camera, "more": more, "output": output}
        path.write_text(RELEASE.format(**parts), encoding="utf-8")
        return path

    return write


def said(path: Path) -> str:
    """What loading a release says is wrong with it."""
    with pytest.raises(ConfigError) as caught:
        load(path, check_files=False)
    return str(caught.value)


def test_kernels_named_in_the_release(written: Written, shared_data: Path) -> None:
    """SPICE kernels in the YAML give UTC to the microsecond, and refuse both their ends."""
    pytest.importorskip("spiceypy")
    path = written(f"clock: {{kernels: {KERNELS}}}")
    for name in ("naif0012.tls", "m2020_168_sclkscet_refit_v03.tsc"):
        shutil.copy(shared_data / "spice" / name, path.parent / name)
    loaded = load(path, check_files=False)
    clocks, _ = clocks_of(loaded)
    assert clocks.sclk is not None
    assert tai_to_utc(clocks.sclk.tai(LANDING), 6, "nearest") == "2021-02-18T20:41:04.447849Z"
    for reading in (clocks.sclk.start_s - 1, clocks.sclk.end_s):
        with pytest.raises(TimeUnknown, match=r"outside what is known .* name SPICE kernels"):
            clocks.sclk.tai(reading)


def test_a_kernel_that_is_not_there(written: Written) -> None:
    """Each missing kernel is said at its own place."""
    text = said(written("clock: {kernels: [gone.tsc]}"))
    assert "release.yaml:4:19: clock.kernels.0: there is no kernel" in text
    assert "write its path" in text


def test_kernels_without_spiceypy(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra the line that needs it says how to get it."""
    path = written("clock: {kernels: [a.tsc]}")
    (path.parent / "a.tsc").write_text("KPL/SCLK\n")
    monkeypatch.setattr(include, "find_spec", lambda _: None)
    text = said(path)
    assert "release.yaml:4:18: clock.kernels: SPICE kernels need spiceypy" in text
    assert "pip install 'descent[spice]'" in text


def test_a_kernel_that_is_none(written: Written) -> None:
    """A file that SPICE cannot read is said at the words that name it."""
    pytest.importorskip("spiceypy")
    path = written("clock: {kernels: [a.tsc]}")
    (path.parent / "a.tsc").write_text("nothing of the kind\n")
    loaded = load(path, check_files=False)
    with pytest.raises(ConfigError, match=r"release.yaml:4:\d+: clock.kernels: SPICE cannot read"):
        spacecraft_clock(loaded)


def test_readings_of_both_clocks(written: Written) -> None:
    """Two moments read on both clocks are a clock, with its error; one is refused."""
    pairs = (
        "{sclk: 666952774.005264, utc: 2021-02-18T20:41:04.447849Z}",
        "{sclk: 666952934.005264, utc: 2021-02-18T20:43:44.449280Z}",
    )
    path = written(f"clock: {{readings: [{', '.join(pairs)}], error: 1us}}")
    clock = spacecraft_clock(load(path, check_files=False))
    assert clock is not None
    assert clock.tai(LANDING) == utc_to_tai("2021-02-18T20:41:04.447849Z")
    assert 0 < clock.error_s <= F(3, 10**6)
    one = said(written(f"clock: {{readings: [{pairs[0]}]}}"))
    assert "one reading, which gives an offset and no clock" in one
    both = said(written(f"clock: {{file: mars2020, readings: [{', '.join(pairs)}]}}"))
    assert "names file and readings" in both
    ticks = said(written("clock: {readings: [{sclk: 666952774-345, utc: 2021-02-18T20:41:04Z}, "
                         "{sclk: 1, utc: 2021-02-18T20:41:04Z}]}"))  # fmt: skip
    assert "clock.readings.0.sclk" in ticks
    assert "write decimal seconds" in ticks


def test_every_face_a_viewer_knows(written: Written) -> None:
    """Earth-received time and Mars local time with its sol are shown like the others."""
    path = written(
        "clock: mars2020\nlight_time: 682s", output=", text: {clock: [utc, t, sclk, earth, mars]}"
    )
    loaded = load(path, check_files=False)
    clocks, events = clocks_of(loaded)
    output = loaded.config.outputs["film"]
    assert output.text.clock == ("utc", "t", "sclk", "earth", "mars")
    at = events["touchdown"][0]
    assert [clocks.show(at, face) for face in output.text.clock] == [
        "20:43:48.1 UTC", "T+00:00.0", "SCLK 666952937.7", "20:55:10.1 UTC on Earth",
        "sol 0 15:53:19 Mars local",
    ]  # fmt: skip
    text = said(written(output=", text: {clock: [earth, mars]}"))
    assert "when Earth hears of it - write light_time: 682s" in text
    assert "Mars local time - write clock: mars2020" in said(
        written(output=", text: {clock: mars}")
    )


def test_the_landing_knows_its_light_time(written: Written) -> None:
    """The shipped events bring the light time of the landing with their clock."""
    path = written()
    text = path.read_text().replace(
        'events: {begin: "2021-02-18T20:41:00Z", touchdown: "2021-02-18T20:43:48.145Z"}',
        "events: {include: mars2020, begin: parachute}",
    )
    path.write_text(text)
    clocks, events = clocks_of(load(path, check_files=False))
    assert clocks.show(events["touchdown"][0], "earth") == "20:55:10.1 UTC on Earth"


def test_marks_in_time_code(written: Written) -> None:
    """A mark may be a time code, drop frames and a first label included."""
    sync = "sync: {begin: {pad: '10:01:00;02'}, touchdown: {pad: '10:03:48;10'}}"
    path = written(camera=", rate: 30000/1001, timecode: '10:00:00;00'", more=sync)
    marks = load(path, check_files=False).config.sync.marks
    ntsc = F(30000, 1001)
    # 1800 frames lie before 00:01:00;02, since ;00 and ;01 are left out of that minute.
    assert marks["begin"]["pad"] == 1800 / ntsc
    assert marks["touchdown"]["pad"] == (228 * 30 + 10 - 2 * 3) / ntsc
    late = written(
        camera=", rate: 25, timecode: '23:59:59:00'", more="sync: {begin: {pad: '00:00:01:05'}}"
    )
    assert load(late, check_files=False).config.sync.marks["begin"]["pad"] == 2 + F(5, 25)


@pytest.mark.parametrize(
    ("camera", "mark", "words"),
    [
        ("", "00:00:01:05", "nothing says how many frames a second it counts - write rate"),
        (", rate: 30000/1001", "00:01:00;01", "one of the labels that drop frames leave out"),
        (", rate: 25", "00:00:01;05", "drop frames, which exist at 30000/1001"),
        (", rate: 25", "00:00:01:25", "does not exist at 25 frames/s"),
    ],
)
def test_time_codes_that_are_none(written: Written, camera: str, mark: str, words: str) -> None:
    """A time code without a rate, or that no frame has, is refused at its place."""
    text = said(written(camera=camera, more=f"sync: {{begin: {{pad: '{mark}'}}}}"))
    assert "sync.begin.pad" in text
    assert words in text


def test_labels_become_times(shared_data: Path, tmp_path: Path) -> None:
    """A camera of labelled files is laid by its labels, at the middle of each exposure."""
    from descent.plan.cameras import plan_camera

    path = tmp_path / "rover.yaml"
    folder = shared_data / "pans" / "mer_navcam"
    path.write_text(
        "schema: 1\ntitle: Opportunity\ncredit: NASA/JPL-Caltech\n"
        f"folder: {folder}\nepoch: 2015-07-24T14:00:00Z\n"
        "cameras:\n  navcam: {files: '*.IMG', clock_name: utc}\n"
        "outputs:\n  look: {still: navcam, at: 2015-07-24T14:35:42Z, alt: Sand}\n",
        encoding="utf-8",
    )
    loaded = load(path)
    clocks, events = clocks_of(loaded)
    plan = plan_camera("navcam", loaded, clocks, {k: t for k, (t, _) in events.items()})
    assert [s.path.name for s in plan.shots] == sorted(s.path.name for s in plan.shots)
    third = clocks.epoch.tai(plan.track.times[2])
    # 14:35:41.942, and half of 486.4 ms.
    assert tai_to_utc(third, 4, "nearest") == "2015-07-24T14:35:42.1852Z"
    assert plan.track.resolution_s == F(1, 2000)
    assert "of exposure" in plan.how
    notes = [f.what for f in plan.findings if f.code == "label_time"]
    assert notes == ["5 frames told by PDS3 labels, to +-0.5 ms"]
    assert (plan.stored.kind, plan.stored.white) == ("grey", 65535)
    from descent.sources.reader import open_clip

    clip = open_clip(plan.shots[:1], plan.track.times[:1], plan.stored)
    frame = next(iter(clip.pull([0])))
    assert frame is not None
    # Twelve bits without a stage fill the screen's range: 4029 of 4095.
    assert np.asarray(frame.pixels).max() == round(4029 * 65535 / 4095)
