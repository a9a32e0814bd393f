"""Archive pictures: labels read, pixels where they say, nothing read past the end."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from descent.errors import Damaged, FormatError, HostileInput
from descent.sources import odl
from descent.sources.archive import read_label, read_pixels
from descent.sources.sniff import header

_PDS = """PDS_VERSION_ID = PDS3
RECORD_TYPE = FIXED_LENGTH
RECORD_BYTES = {record}
^IMAGE = {pointer}
START_TIME = 2021-02-18T20:41:04.447
SPACECRAFT_CLOCK_START_COUNT = "1/666952774.005264"
EXPOSURE_DURATION = 95.0 <ms>
OBJECT = SUBFRAME
 LINES = 2
 LINE_SAMPLES = 2
END_OBJECT = SUBFRAME
OBJECT = IMAGE
 LINES = {rows}
 LINE_SAMPLES = {cols}
 BANDS = {bands}
 BAND_STORAGE_TYPE = {order}
 SAMPLE_TYPE = MSB_UNSIGNED_INTEGER
 SAMPLE_BITS = {bits}
 SAMPLE_BIT_MASK = 2#{mask}#
END_OBJECT = IMAGE
END
"""


def _file(
    path: Path, picture: NDArray[Any], *, order: str = "BAND_SEQUENTIAL", pointer: str = ""
) -> Path:
    rows, cols = picture.shape[:2]
    bands = 1 if picture.ndim == 2 else picture.shape[2]
    bits = 8 * picture.itemsize
    text = _PDS.format(
        record=1024, pointer=pointer or "2", rows=rows, cols=cols, bands=bands, order=order,
        bits=bits, mask="1" * 12 if bits == 16 else "1" * 8,
    )  # fmt: skip
    moved = {
        "BAND_SEQUENTIAL": (2, 0, 1),
        "LINE_INTERLEAVED": (0, 2, 1),
        "SAMPLE_INTERLEAVED": (0, 1, 2),
    }
    stored = picture if bands == 1 else picture.transpose(moved[order])
    body = np.ascontiguousarray(stored).astype(picture.dtype.newbyteorder(">")).tobytes()
    path.write_bytes(text.encode().ljust(1024, b" ") + body)
    return path


@pytest.mark.parametrize("order", ["BAND_SEQUENTIAL", "LINE_INTERLEAVED", "SAMPLE_INTERLEAVED"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_pixels_come_from_where_the_label_says(tmp_path: Path, order: str, dtype: type) -> None:
    """8 and 16 bits in each band order come back as they were."""
    picture: NDArray[Any] = np.random.default_rng(0).integers(0, 250, (7, 5, 3)).astype(dtype)
    label = read_label(_file(tmp_path / "a.IMG", picture, order=order))
    np.testing.assert_array_equal(read_pixels(label), picture)
    assert label.white == (4095 if dtype is np.uint16 else 255)
    assert label.sclk == "666952774.005264"
    assert label.start_time == "2021-02-18T20:41:04.447"
    assert label.exposure_s == Fraction(95, 1000)
    assert header(str(tmp_path / "a.IMG"))[1:3] == (7, 5)


def test_a_cut_archive_picture_is_damaged(tmp_path: Path) -> None:
    """Pixels that are not all there raise, with how many are."""
    path = _file(tmp_path / "a.IMG", np.zeros((20, 30), np.uint16))
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(Damaged, match=r"holds 1,193 of 1,200 bytes"):
        read_pixels(read_label(path))


def test_a_label_may_not_point_elsewhere(tmp_path: Path) -> None:
    """A label that names a file in another folder is refused."""
    path = _file(tmp_path / "a.IMG", np.zeros((2, 2), np.uint8), pointer='("../b.IMG", 2)')
    with pytest.raises(HostileInput, match="outside its folder"):
        read_label(path)


def test_a_label_that_promises_gigapixels_is_refused(tmp_path: Path) -> None:
    """Sizes are checked before anything is read."""
    path = _file(tmp_path / "a.IMG", np.zeros((2, 2), np.uint8))
    size, huge = b" LINES = %d\n LINE_SAMPLES = %d\n BANDS", 99999
    path.write_bytes(path.read_bytes().replace(size % (2, 2), size % (huge, huge)))
    with pytest.raises(HostileInput, match="99999 x 99999"):
        read_label(path)


def test_a_vicar_label_alone_is_enough(tmp_path: Path) -> None:
    """A VICAR file without a PDS label is read, packed ones are refused."""
    picture = np.arange(12, dtype=">u2").reshape(3, 4)
    text = "LBLSIZE=256  FORMAT='HALF'  TYPE='IMAGE'  ORG='BSQ'  NL=3  NS=4  NB=1  RECSIZE=8  "
    text += "NLB=0  NBB=0  INTFMT='HIGH'  COMPRESS='NONE'"
    path = tmp_path / "a.VIC"
    path.write_bytes(text.encode().ljust(256, b"\0") + picture.tobytes())
    np.testing.assert_array_equal(read_pixels(read_label(path)), picture)
    path.write_bytes(path.read_bytes().replace(b"'NONE'", b"'BAS2'"))
    with pytest.raises(FormatError, match="BAS2"):
        read_label(path)


def test_real_labels_and_their_own_statistics(shared_data: Path) -> None:
    """Pixels of the real archive files have the mean, least and most that their labels give."""
    files = sorted((shared_data / "pans" / "mer_navcam").glob("*.IMG"))
    assert len(files) == 5
    for path in files:
        label = read_label(path)
        pixels = read_pixels(label)
        assert pixels.shape == (1024, 1024)
        assert label.white == 4095
        image = odl.parse(path.read_bytes()[:65536].decode("latin-1")).find("IMAGE")
        assert image is not None
        told = {word: float(image.words[word]) for word in ("MEAN", "MINIMUM", "MAXIMUM")}
        assert pixels.mean() == pytest.approx(told["MEAN"], abs=0.01)
        assert (pixels.min(), pixels.max()) == (told["MINIMUM"], told["MAXIMUM"])
    other = read_label(next((shared_data / "labelled").glob("*.IMG")))
    assert other.sclk == "701384494.811"
    assert read_pixels(other).shape == (1024, 1024)
