"""What a release writes down of itself."""

from __future__ import annotations

import hashlib
import json
from fractions import Fraction
from pathlib import Path

import pytest

from descent.config import load
from descent.errors import VerifyError
from descent.publish import Published, publish
from descent.release.manifest import read_manifest, read_sums, write_manifest
from descent.release.schema import json_schema


def test_every_tick_has_its_record(published: Published) -> None:
    """A film's records are the plan's ticks: times, states, and frames by name."""
    body = read_manifest(published.folder)
    film = body["outputs"]["film"]
    output = next(o for o in published.plan.outputs if o.name == "film")
    assert output.timeline is not None
    assert film["frames"] == len(film["records"]) == output.ticks == 17
    for tick, record in enumerate(film["records"]):
        span, k = output.timeline.place(tick)
        assert Fraction(record["t"]) == output.timeline.time_of(tick)
        for name, (state, frame, _shares) in record["show"].items():
            cell = output.timeline.cells[span][name][k]
            assert state == cell.state.value
            source = body["sources"][name]
            position, index, t = source["frames"][frame]
            shot = published.plan.cameras[name].shots[cell.frame or 0]
            assert (source["files"][position]["name"], index) == (shot.path.name, shot.index)
            assert Fraction(t) == published.plan.cameras[name].track.times[cell.frame or 0]


def test_sources_are_held_by_their_digests(published: Published, config: Path) -> None:
    """Each file of a source is named without its folder and with the SHA-256 of its bytes."""
    body = read_manifest(published.folder)
    for camera, source in body["sources"].items():
        assert source["files"]
        for file in source["files"]:
            data = (config.parent / camera / file["name"]).read_bytes()
            assert file["sha256"] == hashlib.sha256(data).hexdigest()
            assert file["bytes"] == len(data)
    assert body["sources"]["two"]["by_hand"]
    assert not body["sources"]["one"]["by_hand"]


def test_nothing_of_the_makers_disk_gets_in(published: Published, config: Path) -> None:
    """No folder of the machine stands in the manifest, however a text came to hold it."""
    text = (published.folder / "manifest.json").read_text("utf-8")
    assert str(config.parent) not in text
    assert str(published.folder) not in text
    assert config.parent.name not in text


def test_sums_cover_every_file(published: Published) -> None:
    """SHA256SUMS lists each file of the folder but itself, as sha256sum would."""
    sums = read_sums(published.folder)
    files = {p.name: p for p in published.folder.iterdir() if p.name != "SHA256SUMS"}
    assert sums.keys() == files.keys()
    for name, path in files.items():
        assert sums[name] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_record_is_a_line(published: Published) -> None:
    """Frame records are one line each, so that two manifests can be compared by diff."""
    lines = (published.folder / "manifest.json").read_text("utf-8").splitlines()
    records = [line for line in lines if line.lstrip().startswith('{"clock"')]
    assert len(records) == 17 + 2
    assert json.loads(records[0].strip().rstrip(","))["show"]["one"][0] == "exposed"


def test_only_adds_to_a_release(config: Path, tmp_path: Path) -> None:
    """An output rendered by itself joins what the same config made before; both verify."""
    from descent.release.verify import verify

    loaded, out, store = load(config), tmp_path / "out", tmp_path / "store"
    publish(loaded, out, store=store, only=["whole"], workers=1)
    publish(loaded, out, store=store, only=["card"], workers=1)
    assert set(read_manifest(out)["outputs"]) == {"whole", "card"}
    assert not [check for check in verify(out, full=True) if check.problems]


def test_the_same_release_gives_the_same_bytes(
    config: Path, published: Published, tmp_path: Path
) -> None:
    """Made again from nothing, every file of the folder is the same."""
    again = publish(load(config), tmp_path / "out", store=tmp_path / "store", workers=2)
    assert read_sums(again.folder) == read_sums(published.folder)


def test_what_stages_found_is_told(config: Path, tmp_path: Path) -> None:
    """The manifest says how many frames deblur restored and kept, and of which exposure."""
    restored = tmp_path / "restored.yaml"
    text = config.read_text("utf-8").replace("one/", f"{config.parent.as_posix()}/one/")
    text = text.replace("two/", f"{config.parent.as_posix()}/two/")
    restored.write_text(
        text.replace(
            "    title: Camera one\n", "    title: Camera one\n    restore: {deblur: {}}\n"
        ),
        encoding="utf-8",
    )
    made = publish(load(restored), tmp_path / "out", only=["whole"])
    stages = read_manifest(made.folder)["sources"]["one"]["stages"]
    found = next(s["found"] for s in stages if s["label"].startswith("deblur@"))
    assert found["restored"] + found["kept"] == 10
    assert {"exposure", "exposure_s", "share"} <= set(found)
    assert "smears" not in found


def test_the_schema_that_ships_is_the_models(root: Path) -> None:
    """configs/schema.manifest.json is what `descent schema --of manifest` prints."""
    shipped = json.loads((root / "configs" / "schema.manifest.json").read_text("utf-8"))
    assert shipped == json_schema()


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        ("", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "this descent reads 'manifest.1'"),
        ('{"version": "manifest.2"}', "'manifest.2'"),
        ('{"version": "manifest.1", "title": 5}', "is no manifest.1"),
    ],
)
def test_other_manifests_are_refused(tmp_path: Path, broken: str, why: str) -> None:
    """What is no manifest of this version is refused with its place, never half read."""
    (tmp_path / "manifest.json").write_text(broken, encoding="utf-8")
    with pytest.raises(VerifyError, match=why):
        read_manifest(tmp_path)


def test_a_manifest_reads_back_as_it_was(published: Published, tmp_path: Path) -> None:
    """Written, read and written again, the bytes are the same."""
    body = read_manifest(published.folder)
    write_manifest(tmp_path, {k: v for k, v in body.items() if k != "version"})
    path = published.folder / "manifest.json"
    assert (tmp_path / "manifest.json").read_bytes() == path.read_bytes()
