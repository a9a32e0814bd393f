"""Profiles: one YAML file each, every mistake said with its cure."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from descent.encode.profile import USES, load_profile, profile_for, profile_names
from descent.errors import ConfigError


def test_every_shipped_profile_loads_and_every_use_has_one() -> None:
    """Each file of configs/profiles is a whole profile, and each `for` finds its own."""
    for name in profile_names():
        assert load_profile(name).name == name
    found = {use: profile_for(use).name for use in USES}
    assert found == {
        "web": "h264", "broadcast": "hevc", "editors": "prores", "archive": "ffv1",
    }  # fmt: skip
    assert profile_for("web", rows=2160, cols=3840).name == "h264_uhd"


def test_a_group_of_pictures_is_whole_frames() -> None:
    """Two seconds are 60 frames at 30000/1001, and every frame of FFV1 stands alone."""
    assert load_profile("h264").gop(Fraction(30000, 1001)) == 60
    assert load_profile("ffv1").gop(Fraction(24)) == 1
    assert load_profile("prores").gop(Fraction(24)) is None


def test_a_profile_of_ones_own_extends_a_shipped_one(tmp_path: Path) -> None:
    """A file that extends another changes only what it says, and inherits no use."""
    path = tmp_path / "mine.yaml"
    path.write_text("title: Mine\nextends: h264\ncrf: 23\n")
    mine, base = load_profile(path), load_profile("h264")
    assert (mine.name, mine.crf, mine.uses) == ("mine", 23, ())
    assert mine.options == base.options


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title: X\nextends: h265\n", r"cannot extend 'h265'"),
        ("title: X\nextends: h264\ncrff: 3\n", "crff.*did you mean crf"),
        ("title: X\nextends: h264\ncrf: 99\n", "crf"),
        ("title: X\nextends: h264\nkind: frames\n", "kind frames"),
        ("title: [\n", r"mine.yaml:\d+:\d+.*is not YAML"),
        ("- a\n", "is no map"),
    ],
)
def test_mistakes_are_said_with_place_and_cure(tmp_path: Path, text: str, said: str) -> None:
    """Unknown keys, values out of range, broken YAML: each is an error that helps."""
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=said):
        load_profile(path)


def test_an_unknown_name_gets_the_nearest() -> None:
    """A misspelt profile or use is answered with what was probably meant."""
    with pytest.raises(ConfigError, match="did you mean prores"):
        load_profile("proress")
    with pytest.raises(ConfigError, match="did you mean archive"):
        profile_for("archives")
