"""Labels of every kind, attached and beside, whole and hostile; the feed's JSON; camera models."""

from __future__ import annotations

import contextlib
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from descent.clock.doors import utc_to_tai
from descent.errors import Damaged, FormatError, HostileInput, SourceError
from descent.sources import cahvor, odl
from descent.sources.archive import beside, read_label, read_pixels
from descent.sources.feed import read_feed
from descent.sources.listing import list_camera
from descent.sources.vicar import parse as parse_vicar

F = Fraction
LBL = """PDS_VERSION_ID = PDS3
/* a comment = with a sign */
RECORD_BYTES = 32
^IMAGE = ("A.IMG", 1)
START_TIME = "2021-02-18T20:41:04.447Z"
SPACECRAFT_CLOCK_START_COUNT = "1/0666952774.005264"
GROUP = THUMBNAIL_REQUEST_PARMS
 LINES = 2
END_GROUP = THUMBNAIL_REQUEST_PARMS
GROUP = INSTRUMENT_STATE_PARMS
 EXPOSURE_DURATION = 0.15 <ms>
END_GROUP = INSTRUMENT_STATE_PARMS
OBJECT = IMAGE
 LINES = 4
 LINE_SAMPLES = 6
 SAMPLE_TYPE = {kind}
 SAMPLE_BITS = {bits}
 LINE_PREFIX_BYTES = {prefix}
 LINE_SUFFIX_BYTES = {suffix}
END_OBJECT = IMAGE
END
"""
XML = """<?xml version="1.0" encoding="UTF-8"?>
<Product_Observational xmlns="http://pds.nasa.gov/pds4/pds/v1"
  xmlns:img="http://pds.nasa.gov/pds4/img/v1" xmlns:geom="http://pds.nasa.gov/pds4/geom/v1">
 <Observation_Area>
  <Time_Coordinates><start_date_time>2021-02-18T20:41:04.447849Z</start_date_time></Time_Coordinates>
  <Commanded_Parameters><img:Exposure>
   <img:exposure_duration unit="s">9</img:exposure_duration></img:Exposure></Commanded_Parameters>
  <img:Exposure>
   <img:exposure_duration unit="microseconds">150</img:exposure_duration></img:Exposure>
  <Mission><spacecraft_clock_start>666952774.005264</spacecraft_clock_start></Mission>
  <img:sample_bit_mask>2#0000111111111111</img:sample_bit_mask>
  {model}
 </Observation_Area>
 <File_Area_Observational><File><file_name>a.IMG</file_name></File>
  <Array_3D_Image><offset unit="byte">8</offset><axes>3</axes>
   <axis_index_order>Last Index Fastest</axis_index_order>
   <Element_Array><data_type>{kind}</data_type></Element_Array>
   {axes}
  </Array_3D_Image></File_Area_Observational>
</Product_Observational>
"""
AXES = (("Band", 3), ("Line", 4), ("Sample", 6))
VECTORS = {
    "C": (0.95, 0.73, -1.83), "A": (0.6180, -0.1583, 0.7701), "H": (622.1, 1100.3, 388.4),
    "V": (-588.8, 157.0, 1176.6), "O": (0.6151, -0.1582, 0.7724), "R": (1e-5, 0.0018, -0.0057),
}  # fmt: skip


def _axes(sides: tuple[tuple[str, int], ...]) -> str:
    return "".join(
        f"<Axis_Array><axis_name>{name}</axis_name><elements>{count}</elements>"
        f"<sequence_number>{k}</sequence_number></Axis_Array>"
        for k, (name, count) in enumerate(sides, 1)
    )


def _picture(shape: tuple[int, ...], most: int = 4000) -> NDArray[np.uint16]:
    return np.random.default_rng(2).integers(0, most, shape).astype(np.uint16)


@pytest.mark.parametrize("kind", ["MSB_UNSIGNED_INTEGER", "LSB_UNSIGNED_INTEGER", "MSB_INTEGER"])
def test_a_detached_label_with_bytes_beside_each_line(tmp_path: Path, kind: str) -> None:
    """Pixels come from between prefix and suffix, in the label's byte order."""
    picture = _picture((4, 6))
    stored = picture.astype("<u2" if kind.startswith("LSB") else ">u2").view(np.uint8)
    edge = [np.full((4, n), 255, np.uint8) for n in (4, 2)]
    (tmp_path / "a.IMG").write_bytes(np.hstack([edge[0], stored, edge[1]]).tobytes())
    (tmp_path / "a.lbl").write_text(LBL.format(kind=kind, bits=16, prefix=4, suffix=2))
    for path in (tmp_path / "a.IMG", tmp_path / "a.lbl"):
        label = read_label(path)
        assert (label.kind, label.rows, label.cols, label.offset) == ("PDS3", 4, 6, 0)
        assert label.sclk == "0666952774.005264"
        assert label.exposure_s == F(15, 100_000)
        np.testing.assert_array_equal(read_pixels(label), picture)


@pytest.mark.parametrize("sides", [AXES, (AXES[1], AXES[0], AXES[2]), (AXES[1], AXES[2], AXES[0])])
def test_a_pds4_label_beside_the_picture(
    tmp_path: Path, sides: tuple[tuple[str, int], ...]
) -> None:
    """Twelve bits in sixteen, in each order of axes, with the time and the true exposure."""
    picture = _picture((4, 6, 3))
    stored = picture.transpose([{"Line": 0, "Sample": 1, "Band": 2}[name] for name, _ in sides])
    (tmp_path / "a.IMG").write_bytes(bytes(8) + stored.astype(">u2").tobytes())
    text = XML.format(kind="UnsignedMSB2", axes=_axes(sides), model="")
    (tmp_path / "a.xml").write_text(text)
    for path in (tmp_path / "a.IMG", tmp_path / "a.xml"):
        label = read_label(path)
        assert (label.kind, label.white, label.bands) == ("PDS4", 4095, 3)
        assert (label.sclk, label.exposure_s) == ("666952774.005264", F(150, 10**6))
        assert label.start_time == "2021-02-18T20:41:04.447849Z"
        np.testing.assert_array_equal(read_pixels(label), picture)


def test_camera_models_from_labels(tmp_path: Path) -> None:
    """A PDS4 label's vectors make the model; vectors that no camera has do not, with why."""
    units = {"C": "position", "A": "unit", "H": "pixel", "V": "pixel", "O": "unit"}
    names = {"C": "Center", "A": "Axis", "H": "Horizontal", "V": "Vertical", "O": "Optical"}
    parts = "".join(
        f"<geom:Vector_{names[k]}>"
        + "".join(f"<geom:{x}_{units[k]}>{v}</geom:{x}_{units[k]}>"
                  for x, v in zip("xyz", VECTORS[k], strict=True))
        + f"</geom:Vector_{names[k]}>"
        for k in "CAHVO"
    )  # fmt: skip
    parts += "<geom:Radial_Terms>" + "".join(
        f"<geom:c{k}>{v}</geom:c{k}>" for k, v in enumerate(VECTORS["R"])
    )
    text = XML.format(
        kind="UnsignedByte", axes=_axes(AXES),
        model=f"<geom:CAHVOR_Model>{parts}</geom:Radial_Terms></geom:CAHVOR_Model>",
    )  # fmt: skip
    (tmp_path / "a.IMG").write_bytes(bytes(80))
    (tmp_path / "a.xml").write_text(text)
    model = read_label(tmp_path / "a.IMG").model
    assert model is not None
    assert (model.kind, model.c) == ("CAHVOR", VECTORS["C"])
    assert model.focal_px == pytest.approx((1100, 1100), rel=0.25)
    (tmp_path / "a.xml").write_text(text.replace("0.7701", "0.9"))
    wrong = read_label(tmp_path / "a.IMG")
    assert wrong.model is None
    assert "|A| is 1.1" in wrong.no_model


def test_scrambled_vectors_of_february_2021() -> None:
    """V;A;R;C;O;H is put right, since only one order makes a camera."""
    ordered = [VECTORS[k] for k in "CAHVOR"]
    assert cahvor.from_list("CAHVOR", [VECTORS[k] for k in "VARCOH"]) == cahvor.from_list(
        "CAHVOR", ordered
    )
    with pytest.raises(cahvor.ModelError):
        cahvor.from_list("CAHVOR", [VECTORS[k] for k in "HVARCO"])
    with pytest.raises(cahvor.ModelError, match="lacks"):
        cahvor.from_list("CAHVOR", ordered[:4])


@pytest.mark.parametrize(
    ("swap", "error", "words"),
    [
        ((" LINES = 4", ""), Damaged, "does not give LINES"),
        ((" LINES = 4", " LINES = four"), Damaged, "gives LINES as 'four'"),
        ((" LINES = 4", " LINES = -4"), Damaged, "gives LINES as '-4'"),
        ((" LINES = 4", " LINES = 0"), FormatError, "6 x 0 px"),
        ((" LINES = 4", " LINES = 5"), Damaged, "48 of 60 bytes"),
        ((" LINES = 4", " LINES = 99999999"), HostileInput, "promises"),
        (("LINE_PREFIX_BYTES = 0", "LINE_PREFIX_BYTES = 999999999"), HostileInput, "lines of"),
        (("RECORD_BYTES = 32", "RECORD_BYTES = 32 <BYTES>"), None, ""),
        (("END_OBJECT = IMAGE", "END_OBJECT = IMAGES"), Damaged, "ends what was not begun"),
        (("END_OBJECT = IMAGE\nEND\n", ""), Damaged, "breaks off"),
        (("/* a comment", "( unclosed"), Damaged, "line 2"),
        (('"A.IMG", 1', '"A.IMG", 0'), Damaged, "points nowhere"),
        (('"A.IMG", 1', '"/etc/passwd", 1'), HostileInput, "outside its folder"),
        (('"A.IMG", 1', '"B.IMG", 1'), Damaged, "not beside it"),
        (('"A.IMG", 1', '"A.IMG", 9 <BYTES>'), Damaged, "40 of 48 bytes"),
        (("SAMPLE_BITS = 16", "SAMPLE_BITS = 32"), FormatError, "32-bit"),
        (("MSB_UNSIGNED_INTEGER", "IEEE_REAL"), FormatError, "IEEE_REAL"),
        ((" LINES = 4", " LINES = 4\n SCALING_FACTOR = 0.5"), FormatError, "scaled"),
        ((" LINES = 4", ' LINES = 4\n ENCODING_TYPE = "HUFFMAN"'), FormatError, "HUFFMAN"),
    ],
)
def test_hostile_pds3_labels(
    tmp_path: Path, swap: tuple[str, str], error: type[Exception] | None, words: str
) -> None:
    """Whatever a label lacks or overstates is an error that says so, never a picture."""
    text = LBL.format(kind="MSB_UNSIGNED_INTEGER", bits=16, prefix=0, suffix=0)
    assert swap[0] in text
    (tmp_path / "a.IMG").write_bytes(bytes(48))
    (tmp_path / "a.LBL").write_text(text.replace(*swap))
    if error is None:
        assert read_pixels(read_label(tmp_path / "a.IMG")).shape == (4, 6)
        return
    with pytest.raises(error, match=words):
        read_label(tmp_path / "a.IMG")


@pytest.mark.parametrize(
    ("swap", "error", "words"),
    [
        (("UnsignedByte", "IEEE754MSBSingle"), FormatError, "IEEE754MSBSingle"),
        (("Last Index Fastest", "First Index Fastest"), Damaged, "last index"),
        (("<elements>4<", "<elements>5<"), Damaged, "72 of 90 bytes"),
        (("<elements>4<", "<elements>x<"), Damaged, "axis without"),
        (("<axis_name>Line<", "<axis_name>Time<"), FormatError, "axes are"),
        (("a.IMG</file", "b.IMG</file"), Damaged, "tells of b.IMG"),
        (("<Product_Obs", "<!DOCTYPE a><Product_Obs"), HostileInput, "entities"),
        (("</Product_Observational>", ""), Damaged, "no XML"),
        (('unit="byte">8', 'unit="byte">-8'), Damaged, "offset"),
    ],
)
def test_hostile_pds4_labels(
    tmp_path: Path, swap: tuple[str, str], error: type[Exception], words: str
) -> None:
    """The same of XML, entities included."""
    text = XML.format(kind="UnsignedByte", axes=_axes(AXES), model="")
    assert swap[0] in text
    (tmp_path / "a.IMG").write_bytes(bytes(80))
    (tmp_path / "a.xml").write_text(text.replace(*swap))
    with pytest.raises(error, match=words):
        read_label(tmp_path / "a.IMG")


def test_counts_that_cannot_be(tmp_path: Path) -> None:
    """Negative counts, and those above the bit mask, are errors and no bright pixels."""
    text = LBL.format(kind="MSB_INTEGER", bits=16, prefix=0, suffix=0)
    (tmp_path / "a.LBL").write_text(text)
    (tmp_path / "a.IMG").write_bytes(np.full(24, -3, ">i2").tobytes())
    with pytest.raises(FormatError, match="negative"):
        read_pixels(read_label(tmp_path / "a.IMG"))
    masked = text.replace(" LINES = 4", " LINES = 4\n SAMPLE_BIT_MASK = 2#0000111111111111#")
    (tmp_path / "a.LBL").write_text(masked)
    (tmp_path / "a.IMG").write_bytes(np.full(24, 5000, ">i2").tobytes())
    with pytest.raises(Damaged, match="5000, more than the 4095"):
        read_pixels(read_label(tmp_path / "a.IMG"))


@given(st.text(alphabet="A=(){}\"'<>/*,^ \n1", max_size=80))
@settings(max_examples=200, deadline=None)
def test_any_text_is_read_or_refused(text: str) -> None:
    """The parsers end on any text, with a result or their own error."""
    for parse in (odl.parse, parse_vicar):
        with contextlib.suppress(odl.OdlError):
            parse(text)


def test_unclosed_lists_take_no_time() -> None:
    """A megabyte of brackets or quotes is refused in one pass."""
    for text in ("A = " + "(" * 500_000, 'A = "' + "x" * 500_000, "A = /*" + "*" * 500_000):
        with pytest.raises(odl.OdlError):
            odl.parse(text)


def test_a_vicar_label_that_does_not_add_up(tmp_path: Path) -> None:
    """Record size, byte order and label size are held to each other."""
    words = "LBLSIZE=200 FORMAT='HALF' ORG='BSQ' NL=3 NS=4 NB=1 RECSIZE=8 INTFMT='LOW' NBB=0 "
    path = tmp_path / "a.VIC"
    for swap, match in (
        (("RECSIZE=8", "RECSIZE=9"), "9 bytes a record"),
        (("INTFMT='LOW' ", ""), "does not give INTFMT"),
        (("LBLSIZE=200", "LBLSIZE=900"), "breaks off"),
        (("NL=3 ", ""), "does not give NL"),
        (("NB=1", "NB='(("), "cannot be read"),
    ):
        path.write_bytes(words.replace(*swap).encode().ljust(200, b"\0") + bytes(24))
        with pytest.raises(SourceError, match=match):
            read_label(path)
    path.write_bytes(words.encode().ljust(200, b"\0") + np.arange(12, dtype="<u2").tobytes())
    np.testing.assert_array_equal(read_pixels(read_label(path)), np.arange(12).reshape(3, 4))


def test_the_real_record_of_the_feed(shared_data: Path) -> None:
    """The feed's clock, size and camera model of a real picture, and its place in a listing."""
    folder = shared_data / "labelled"
    (record,) = read_feed(next(folder.glob("*-metadata.json")))
    assert (record.sclk, record.utc) == ("726421425.133", "2023-01-08T03:53:04.187")
    assert (record.size, record.subframe, record.scale) == ((968, 1288), (1, 1, 968, 1288), 1)
    assert record.model is not None
    assert (record.model.kind, record.model.mtype) == ("CAHVORE", 2.0)
    listing = list_camera("navcam", ["*.png"], folder, names="mars2020", utc=utc_to_tai)
    (shot,) = listing.shots
    assert shot.stamp is not None
    assert (shot.stamp.value, shot.stamp.resolution_s) == (F("726421425.133"), F(1, 2000))
    notes = [f.what for f in listing.findings if f.code == "label_time"]
    assert "up to 1.77 s from their names" in notes[0]


def _images(**extended: Any) -> dict[str, Any]:
    words = {"sclk": "675828717.752", "dimension": "(1280,240)", "scaleFactor": "4", **extended}
    camera = {"camera_model_type": "UNK", "instrument": "NAVCAM_LEFT"}
    return {"images": [{"imageid": "NLF_0100", "extended": words, "sol": 100, "camera": camera}]}


def test_pages_of_the_feed(tmp_path: Path) -> None:
    """A page of many pictures reads like one; what is UNK or wrong is not made up."""
    path = tmp_path / "page.json"
    path.write_text(json.dumps(_images()))
    (record,) = read_feed(path)
    assert (record.sclk, record.size, record.scale, record.sol) == (
        "675828717.752", (240, 1280), 4, 100,
    )  # fmt: skip
    assert record.model is None
    path.write_text(json.dumps(_images(sclk="UNK", dimension="(1,2,3)")))
    (record,) = read_feed(path)
    assert (record.sclk, record.size) == (None, None)
    for text in ("{", "[" * 100_000, '{"images": 3}', '{"images": [{}]}', '{"imageid": NaN}'):
        path.write_text(text)
        with pytest.raises(Damaged, match="no record of the public feed"):
            read_feed(path)


def test_labelled_frames_in_a_listing(tmp_path: Path) -> None:
    """A camera of labelled files lists in order of their clocks, a cut one said and left out."""
    for k in range(4):
        text = LBL.format(kind="MSB_UNSIGNED_INTEGER", bits=16, prefix=0, suffix=0)
        name = f"f{3 - k}"
        text = text.replace("A.IMG", f"{name}.IMG").replace("774.005264", f"77{k}.005264")
        (tmp_path / f"{name}.LBL").write_text(text)
        (tmp_path / f"{name}.IMG").write_bytes(bytes(48 if k != 2 else 30))
    assert beside(tmp_path / "f0.IMG") == tmp_path / "f0.LBL"
    listing = list_camera("c", ["*.IMG"], tmp_path, clock="sclk", utc=utc_to_tai)
    assert [shot.path.name for shot in listing.shots] == ["f3.IMG", "f2.IMG", "f0.IMG"]
    stamps = [shot.stamp for shot in listing.shots]
    assert all(s and s.clock == "sclk" and s.exposure_s == F(15, 100_000) for s in stamps)
    assert [s.value for s in stamps if s] == [F(f"66695277{k}.005264") for k in (0, 1, 3)]
    assert listing.size == (4, 6)
    said = {f.code: f for f in listing.findings}
    assert "holds 30 of 48 bytes of pixels; it is left out" in said["unreadable"].what
    # A pattern that matches the labels too means the same pictures.
    every = list_camera("c", ["*"], tmp_path, clock="sclk", utc=utc_to_tai)
    assert every == listing
    utc = list_camera("c", ["*.IMG"], tmp_path, utc=utc_to_tai)
    assert {s.stamp.clock for s in utc.shots if s.stamp} == {"utc"}
