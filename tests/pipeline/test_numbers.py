"""Frames that carry their number, from a config to the finished file and back."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from descent.clock.sclk import SclkClock
from descent.tools.files import config_root

from .conftest import Told, manifest, render, shown_files, write_config
from .numbered import SIDE, mars_name, read_film, write_clip, write_folder, write_jpeg, write_png
from .oracle import Seer, Stretch, tick_times

F = Fraction
END_S = 4
KEPT = [k for k in range(30 * END_S) if k % 17 and not 50 < k < 71]  # of the rover camera
RATES = {"r24": "24", "r25": "25", "r2997": "30000/1001", "r30": "30", "r60": "60"}
CAMERAS = ["puc", "rdc", "ddc", "odd"]
CODECS = {"h264": "mp4", "hevc": "mp4", "prores": "mov", "ffv1": "mkv"}

# Uneven, as the lander's camera: near each other, far apart, and one hole.
ODD = [F(n, 1000) for n in (0, 290, 610, 900, 1190, 1490, 1800, 2100, 3300, 3560, 3870, 4180)]


class Made(NamedTuple):
    """A rendered release: its folder, how the command ended, its cameras and its cut."""

    folder: Path
    told: Told
    seers: Mapping[str, Seer]
    cut: list[Stretch]
    oracle: dict[Fraction, list[tuple[int | None, ...]]]


# As the config says them, and as the oracle does.
SPANS: list[tuple[dict[str, Any], Stretch]] = [
    ({"from": "zero", "to": "zero + 1.03s"}, Stretch(F(0), F(103, 100))),
    ({"to": "zero + 2s"}, Stretch(F(103, 100), F(2))),  # goes on: one run
    ({"to": "zero + 2.25s", "speed": "1/4"}, Stretch(F(2), F(9, 4), F(1, 4))),
    ({"to": "zero + 3.5s", "speed": 2}, Stretch(F(9, 4), F(7, 2), F(2))),
    ({"freeze": "zero + 1.19s", "for": "0.4s"}, Stretch(F(119, 100), freeze_s=F(2, 5))),
    ({"replay": ["zero + 0.5s", "zero + 0.9s"]}, Stretch(F(1, 2), F(9, 10))),
    (
        {"replay": ["zero + 0.1s", "zero + 0.4s"], "speed": "every_frame of puc"},
        Stretch(F(1, 10), F(2, 5), every="puc"),
    ),
    ({"from": "zero + 3s", "to": "zero + 4.6s"}, Stretch(F(3), F(23, 5))),  # overlaps, runs out
]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Four cameras told in four ways, one cut, an output for each rate and each codec."""
    base = tmp_path_factory.mktemp("numbers")
    zero = F("666952937.700")
    sclk = SclkClock.load(config_root() / "clocks" / "mars2020.yaml")

    def mission(reading: Fraction) -> Fraction:
        return sclk.tai(reading) - sclk.tai(zero)

    stamps = [zero - F(1, 5) + F(round(F(k * 1000, 75)), 1000) for k in range(75 * END_S)]
    for k, reading in enumerate(stamps):
        write_png(base / "puc" / mars_name("EA", reading, k), 0, k)
    write_folder(base / "rdc", 1, KEPT)
    jitter = [F(k, 12) + F((k * 7919) % 11 - 5, 1000) for k in range(12 * END_S)]
    write_clip(base / "ddc.mp4", 2, [t - jitter[0] for t in jitter])
    for k in range(len(ODD)):
        write_jpeg(base / "odd" / f"LVS_{k}.jpg", 3, k)
    table = ["file,seconds", *(f"LVS_{k}.jpg,{float(t):.3f}" for k, t in enumerate(ODD))]
    (base / "odd" / "frames.csv").write_text("\n".join(table) + "\n", encoding="utf-8")

    size = f"{2 * SIDE}x{2 * SIDE}"
    film = {"cut": "main", "size": size, "scale": "native", "text": "none"}
    config = write_config(
        base / "numbers.yaml",
        {
            "clock": "mars2020",
            "events": {"zero": f"sclk:{float(zero):.3f}"},
            "zero": "zero",
            "cameras": {
                "puc": {"files": "puc/", "names": "mars2020", "instruments": ["EA"],
                        "clock_name": "sclk", "rate": 75},
                "rdc": {"files": "rdc/", "rate": 30,
                        "times": {"index": "f_{index}.png", "rate": 30, "start": "zero - 0.1s"},
                        "missing": {"hold": "0.2s", "then": "black"}},
                "ddc": {"files": "ddc.mp4", "missing": {"hold": "0.1s", "then": "card"}},
                "odd": {"files": "odd/LVS_*.jpg", "missing": {"hold": "until_next"},
                        "times": {"table": "odd/frames.csv", "name_column": "file",
                                  "seconds_column": "seconds", "start": "zero"}},
            },
            "sync": {"zero": {"ddc": "0.25s"}},
            "cuts": {"main": [w | {"show": {"grid": CAMERAS}} for w, _ in SPANS]},
            "outputs": {name: film | {"rate": rate} for name, rate in RATES.items()}
            | {name: film | {"rate": 25, "profile": name} for name in CODECS},
        },
    )  # fmt: skip
    seers = {
        "puc": Seer([mission(t) for t in stamps], F(1, 75)),
        "rdc": Seer([F(k, 30) - F(1, 10) for k in KEPT], F(1, 30), F(1, 5)),
        "ddc": Seer([t - jitter[0] - F(1, 4) for t in jitter], hold_s=F(1, 10)),
        "odd": Seer(ODD, hold_s=None),
    }  # fmt: skip
    out = base / "out"
    return Made(out, render(config, out), seers, [stretch for _, stretch in SPANS], {})


def test_the_release_is_made(made: Made) -> None:
    """It ends well, and verify finds nothing wrong."""
    assert made.told.code == 0, made.told.said


def expected(made: Made, output: str) -> list[tuple[int | None, ...]]:
    """What the oracle says of each tick: the frame of each camera."""
    rate = F(RATES.get(output, "25"))
    if rate not in made.oracle:
        ticks = tick_times(made.cut, rate, made.seers)
        made.oracle[rate] = [tuple(made.seers[name].shows(t) for name in CAMERAS) for t in ticks]
    return made.oracle[rate]


@pytest.mark.parametrize("output", [*RATES, *CODECS])
def test_every_tick_shows_the_frame_it_must(made: Made, output: str) -> None:
    """All ticks of all cameras show the nearest exposure, or none, and the record says so."""
    path = made.folder / f"{output}.{CODECS.get(output, 'mp4')}"
    body = manifest(made.folder)["outputs"][output]
    tiles = {tile["camera"]: tile["dest"] for tile in body["spans"][0]["tiles"]}
    shown, times = read_film(path, [tiles[name] for name in CAMERAS])
    want = expected(made, output)
    seen = [tuple(None if s is None else s[1] for s in row) for row in shown]
    want = [(a, None if b is None else KEPT[b], *rest) for a, b, *rest in want]
    assert len(seen) == len(want) == body["frames"]
    wrong = [(k, a, b) for k, (a, b) in enumerate(zip(seen, want, strict=True)) if a != b]
    assert not wrong
    assert all(s is None or s[0] == k for row in shown for k, s in enumerate(row))
    rate = F(RATES.get(output, "25"))
    slack = F(1, 2000) if path.suffix == ".mkv" else 0
    assert all(abs(t - k / rate) <= slack for k, t in enumerate(times))


@pytest.mark.parametrize("output", [*RATES, *CODECS])
def test_the_manifest_says_what_is_shown(made: Made, output: str) -> None:
    """The manifest's record of each frame names the file, or none, that the oracle does."""
    named = {
        "puc": lambda k: f"N{k:07d}",
        "rdc": lambda k: f"f_{KEPT[k]:05d}.png#0",
        "ddc": lambda k: f"ddc.mp4#{k}",
        "odd": lambda k: f"LVS_{k}.jpg#0",
    }
    want = expected(made, output)
    for place, name in enumerate(CAMERAS):
        files = shown_files(made.folder, output, name)
        assert len(files) == len(want)
        for tick, (file, row) in enumerate(zip(files, want, strict=True)):
            frame = row[place]
            if frame is None:
                assert file is None, (name, tick)
            else:
                assert file is not None, (name, tick)
                assert named[name](frame) in file, (name, tick)
