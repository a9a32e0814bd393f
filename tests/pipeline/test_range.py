"""A part of a release is made of the same chunks as the whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from .conftest import chunks, contents, manifest, render
from .numbered import read_film

Simple = Callable[..., Path]

SPANS = [
    {"from": "start", "to": "start + 10s", "show": {"full": "cam"}, "title": "A title of words"},
    {"to": "start + 14s", "speed": "1/2", "show": {"full": "cam"}},
    {"freeze": "start + 4s", "for": "2s", "show": {"full": "cam"}},
    {"replay": ["start + 2s", "start + 14s"], "show": {"full": "cam"}},
]
FILM = {"cut": "main", "size": "256x144", "rate": 12, "text": {"clock": "t", "marks": True}}
EVENTS = {"early": {"at": "start + 1s", "title": "Early"}, "late": {"at": "T+13s", "title": "L"}}


def test_a_range_shares_its_chunks_with_the_whole_film(simple: Simple, tmp_path: Path) -> None:
    """Each whole chunk of a range is one of the film's; its frames are the film's in between."""
    words = {"cuts": {"main": SPANS}, "events": EVENTS, "outputs": {"film": FILM}}
    config = simple(count=96, rate=6, **words)
    part = render(config, tmp_path / "a" / "part", "--range", "start + 3.8s..start + 12.4s")
    assert part.code == 0, part.said
    ranged = chunks(tmp_path / "a" / ".descent")
    whole = render(config, tmp_path / "b" / "whole")
    assert whole.code == 0, whole.said
    # Whole in the range: from the first span 4 s to 8 s and 8 s to 10 s, the slow one's first,
    # the freeze, and of the replay 6 s to 10 s.
    assert len(ranged.keys() & chunks(tmp_path / "b" / ".descent").keys()) == 5
    records = manifest(tmp_path / "b" / "whole")["outputs"]["film"]["records"]
    kept = [k for k, r in enumerate(records) if 3.8 <= float(_seconds(r["t"])) < 12.4]
    cut = manifest(tmp_path / "a" / "part")["outputs"]["film"]
    assert [r["t"] for r in cut["records"]] == [records[k]["t"] for k in kept]
    assert [r["show"]["cam"][0] for r in cut["records"]] == [
        records[k]["show"]["cam"][0] for k in kept
    ]
    again = render(config, tmp_path / "a" / "whole")
    assert again.code == 0, again.said
    assert again.data["chunks_kept"] == 5
    assert contents(tmp_path / "a" / "whole") == contents(tmp_path / "b" / "whole")


def _seconds(text: str) -> float:
    above, below = text.split("/")
    return int(above) / int(below)


def test_only_makes_the_same_file(simple: Simple, tmp_path: Path) -> None:
    """One output alone is the same file as among others, and the rest adds to the release."""
    films = {"film": FILM, "other": FILM | {"size": "128x72"}}
    config = simple(cuts={"main": SPANS[:2]}, outputs=films, count=96, rate=6)
    assert render(config, tmp_path / "a" / "out", "--only", "other").code == 0
    one = contents(tmp_path / "a" / "out")
    assert "film.mp4" not in one
    assert render(config, tmp_path / "b" / "out").code == 0
    both = contents(tmp_path / "b" / "out")
    assert one["other.mp4"] == both["other.mp4"]
    added = render(config, tmp_path / "a" / "out", "--only", "film")
    assert added.code == 0, added.said
    assert contents(tmp_path / "a" / "out").keys() == both.keys()
    assert contents(tmp_path / "a" / "out")["film.mp4"] == both["film.mp4"]
    whole = render(config, tmp_path / "a" / "out")
    assert (whole.code, whole.data["chunks_made"]) == (0, 0)
    assert contents(tmp_path / "a" / "out") == both


def test_a_range_of_nothing_is_refused(simple: Simple, tmp_path: Path) -> None:
    """A range outside a cut names the output and what to do; one that runs back is refused."""
    config = simple()
    away = render(config, tmp_path / "out", "--range", "start + 90s..start + 95s")
    assert away.code == 2
    assert "outputs.film" in away.data["error"]["where"]
    assert render(config, tmp_path / "out", "--range", "T+3s..T+1s").code == 2
    assert not (tmp_path / "out").exists()


def test_each_camera_in_a_range_is_each_that_runs_then(simple: Simple, tmp_path: Path) -> None:
    """`each: camera` leaves out a camera without frames in the range, unless it is named."""
    config = simple(outputs={"all": {"each": "camera", "full_length": "yes", "text": "none"}})
    part = render(config, tmp_path / "out", "--range", "start + 1s..start + 2s")
    assert part.code == 0, part.said
    shown, _ = read_film(tmp_path / "out" / "all_cam.mp4")
    assert [s for (s,) in shown] == [(1, k) for k in range(6, 12)]
    named = render(config, tmp_path / "o", "--only", "all_cam", "--range", "T+90s..T+99s")
    assert named.code == 2
