"""Numbered 16-bit pictures and their table."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from descent.encode.frames import write_frames, write_table
from descent.encode.profile import load_profile
from descent.errors import EncodeError, FormatError


@pytest.mark.parametrize("name", ["frames", "frames_tiff"])
def test_every_sample_comes_back(tmp_path: Path, name: str) -> None:
    """All 16 bits of every sample are read back by other programs, files numbered from first."""
    rng = np.random.default_rng(3)
    pictures = [rng.integers(0, 65536, (33, 47, 3), dtype=np.uint16) for _ in range(3)]
    profile = load_profile(name)
    record = write_frames(tmp_path, pictures, profile=profile, rows=33, cols=47, first=60)
    assert [p.stem for p in record.paths] == ["000060", "000061", "000062"]
    for path, picture in zip(record.paths, pictures, strict=True):
        back = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert back is not None
        assert np.array_equal(back[..., ::-1], picture)
        with Image.open(path) as image:
            assert image.size == (47, 33)
    assert len(list(tmp_path.iterdir())) == 3


def test_other_pictures_are_refused(tmp_path: Path) -> None:
    """Eight bits, another shape, or one picture too few are errors that name the frame."""
    profile = load_profile("frames")
    eight = np.zeros((8, 8, 3), np.uint8)
    with pytest.raises(FormatError, match=r"frame 5.*uint8"):
        write_frames(tmp_path, [eight], profile=profile, rows=8, cols=8, first=5)  # type: ignore[list-item]
    good = np.zeros((8, 8, 3), np.uint16)
    with pytest.raises(EncodeError, match="given 1 frames, not 2"):
        write_frames(tmp_path, [good], profile=profile, rows=8, cols=8, frames=2)


def test_the_table_is_plain_csv(tmp_path: Path) -> None:
    """The table has the caller's columns in order, and rows that differ are an error."""
    rows = [{"frame": 0, "utc": "2021-02-18T20:43:46Z", "state": "exposed, once"}]
    write_table(tmp_path / "t.csv", rows)
    text = (tmp_path / "t.csv").read_text()
    assert text == 'frame,utc,state\n0,2021-02-18T20:43:46Z,"exposed, once"\n'
    with pytest.raises(EncodeError, match="row 1"):
        write_table(tmp_path / "t.csv", [*rows, {"frame": 1}])
