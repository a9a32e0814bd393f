"""Whatever happens to a release folder is seen."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from descent.errors import VerifyError
from descent.publish import Published
from descent.release.manifest import SUMS_NAME, read_manifest, write_manifest, write_sums
from descent.release.verify import verify


def problems(folder: Path, *, full: bool = False) -> dict[str, str]:
    """What is wrong with a folder, by file."""
    return {c.name: "; ".join(c.problems) for c in verify(folder, full=full) if c.problems}


def sums_again(folder: Path) -> None:
    """Checksums that agree with what lies there, as one who changes a file would write."""
    files = [p.name for p in folder.iterdir() if p.name != SUMS_NAME]
    write_sums(folder, files)


@pytest.mark.parametrize("full", [False, True])
def test_a_fresh_release_holds(published: Published, full: bool) -> None:
    """Nothing is wrong with what was just made, and it is said what was looked at."""
    told: list[int] = []
    checked = verify(published.folder, full=full, progress=lambda done, *_: told.append(done))
    assert not [c for c in checked if c.problems]
    looked = {c.name: c.looked for c in checked}
    assert "17 frames" in looked["film.mp4"]
    assert ("every picture decoded" in looked["film.mp4"]) is full
    assert ("every pixel decoded" in looked["whole.png"]) is full
    assert told == sorted(told)


def flip(path: Path) -> None:
    """Change one byte in the middle."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("harm", "name", "why"),
    [
        (lambda f: flip(f / "film.mp4"), "film.mp4", "has changed"),
        (lambda f: flip(f / "manifest.json"), None, ""),
        (lambda f: (f / "whole.png").unlink(), "whole.png", "is missing"),
        (lambda f: (f / "new.txt").write_text("x"), "new.txt", "is not in SHA256SUMS"),
        (lambda f: (f / "poster.jpg").write_bytes(b""), "poster.jpg", "has changed"),
    ],
)
def test_a_change_is_seen(
    folder: Path, harm: Callable[[Path], object], name: str | None, why: str
) -> None:
    """One changed bit, a missing file and one too many are each named."""
    harm(folder)
    if name is None:
        with contextlib.suppress(VerifyError):  # what can no longer be read is seen, too
            assert problems(folder)
        return
    found = problems(folder)
    assert found.keys() == {name}
    assert why in found[name]


def test_another_film_under_its_name_is_seen(folder: Path) -> None:
    """A file that is whole, but not the one that the manifest tells of, does not pass."""
    shutil.copy(folder / "card.png", folder / "whole.png")
    sums_again(folder)
    assert problems(folder) == {"whole.png": "is not the file that the manifest tells of"}


def test_a_manifest_that_claims_too_much_is_seen(folder: Path) -> None:
    """Frames, size, rate and pictures are held against the file itself."""
    body = {k: v for k, v in read_manifest(folder).items() if k != "version"}
    claims = {"rows": 182, "rate": "11/1", "picture_blake3": "0" * 64}
    for key, value in claims.items():
        film = {**body["outputs"]["film"], key: value}
        write_manifest(folder, {**body, "outputs": {**body["outputs"], "film": film}})
        sums_again(folder)
        assert "film.mp4" in problems(folder, full=True), key


def test_a_file_outside_the_folder_is_not_read(folder: Path, tmp_path: Path) -> None:
    """A list that names a file elsewhere is a problem, not a way out of the folder."""
    secret = tmp_path / "secret"
    secret.write_text("x")
    sums = folder / SUMS_NAME
    sums.write_text(sums.read_text() + f"{'0' * 64}  ../secret\n")
    assert "outside" in problems(folder)["../secret"]


def test_without_lists_nothing_is_checked(folder: Path) -> None:
    """A folder without manifest or checksums is refused rather than passed."""
    (folder / SUMS_NAME).unlink()
    with pytest.raises(VerifyError, match=SUMS_NAME):
        verify(folder)
    (folder / "manifest.json").unlink()
    with pytest.raises(VerifyError, match=r"manifest\.json"):
        verify(folder)
