"""Whether a release folder still holds what its manifest says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from descent.errors import DescentError, VerifyError
from descent.release.manifest import MANIFEST_NAME, SUMS_NAME, read_manifest, read_sums
from descent.tools.files import confined, sha256

Progress = Callable[[int, int, str], None]

# What file managers leave behind says nothing of a release.
LITTER = {".DS_Store", "Thumbs.db", "desktop.ini"}


@dataclass(frozen=True, slots=True)
class Checked:
    """One file of a release: what was looked at, in words, and what is wrong with it."""

    name: str
    looked: tuple[str, ...]
    problems: tuple[str, ...]


def verify(folder: Path, *, full: bool = False, progress: Progress | None = None) -> list[Checked]:
    """Check every file of a release folder against SHA256SUMS and the manifest.

    Every file is hashed. Videos are probed for frame count, size, rate, colour tags and
    where their index lies, stills for their size; `full` decodes every picture and compares
    the picture hash. A file that is absent, changed or in no list is a problem, and so is
    an output that no checksum covers. `progress` is told how many files are done, of how
    many, and the next one's name. Raises `VerifyError` where there is no manifest or no
    SHA256SUMS to check against.
    """
    body, sums = read_manifest(folder), read_sums(folder)
    outputs = {o["file"]: o for o in body["outputs"].values()}
    results = [] if MANIFEST_NAME in sums else [_uncovered(MANIFEST_NAME)]
    for name, output in outputs.items():
        if output["kind"] == "frames":
            results.append(_folder(folder, output, sums, full=full))
        elif name not in sums:
            results.append(_uncovered(name))
    for done, (name, digest) in enumerate(sorted(sums.items())):
        if progress is not None:
            progress(done, len(sums), name)
        results.append(_check(folder, name, digest, outputs.get(name), full=full))
    if progress is not None:
        progress(len(sums), len(sums), "")
    known = {SUMS_NAME, *sums}
    there = [p for p in sorted(folder.rglob("*")) if p.is_file() and p.name not in LITTER]
    names = (path.relative_to(folder).as_posix() for path in there)
    strangers = [Checked(n, (), (f"is not in {SUMS_NAME}",)) for n in names if n not in known]
    return results + strangers


def _uncovered(name: str) -> Checked:
    return Checked(name, (), (f"is of the release, but not in {SUMS_NAME}",))


def _folder(
    folder: Path, output: Mapping[str, Any], sums: Mapping[str, str], *, full: bool
) -> Checked:
    """A folder of numbered pictures: one a camera for every frame, none left out."""
    name = f"{output['file']}/"
    cameras = dict.fromkeys(t["camera"] for span in output["spans"] for t in span["tiles"])
    pictures: list[str] = []
    for camera in cameras:
        head = f"{name}{camera}/"
        inside = sorted(n for n in sums if n.startswith(head) and n.endswith((".png", ".tif")))
        numbers = [n.removeprefix(head).partition(".")[0] for n in inside]
        if numbers != [f"{k:06d}" for k in range(output["frames"])]:
            what = f"holds {len(inside):,} pictures for {output['frames']:,} frames"
            return Checked(head, (), (what,))
        pictures += inside
    looked = [f"{len(pictures):,} pictures"]
    if full:
        try:
            if _seen(folder, pictures) != output["picture_blake3"]:
                return Checked(name, (), ("its pictures are not the ones that were made",))
        except (OSError, DescentError) as error:
            return Checked(name, (), (str(error),))
        looked.append("every pixel decoded")
    return Checked(name, tuple(looked), ())


def _seen(folder: Path, names: Sequence[str]) -> str:
    """The picture hash of numbered pictures, as their making took it."""
    from descent.encode.signature import film_hash
    from descent.sources.stills import read_still
    from descent.tools.pictures import pixel_digest

    pictures = (read_still(confined(folder / name, [folder])).pixels for name in names)
    return film_hash(bytes.fromhex(pixel_digest(pixels)) for pixels in pictures)


def _check(
    folder: Path, name: str, digest: str, output: Mapping[str, Any] | None, *, full: bool
) -> Checked:
    looked = ["checksum"]
    try:
        path = confined(folder / name, [folder])
        if not path.is_file():
            return Checked(name, (), ("is missing",))
        if sha256(path) != digest:
            return Checked(name, ("checksum",), (f"has changed since {SUMS_NAME} was written",))
        if output is not None and output["sha256"] not in (None, digest):
            return Checked(name, ("checksum",), ("is not the file that the manifest tells of",))
        if output is not None and output["kind"] == "video":
            looked += _video(path, output, full=full)
        elif output is not None and output["kind"] == "still":
            looked += _still(path, output, full=full)
    except OSError as error:
        return Checked(name, (), (f"cannot be read: {error.strerror or error}",))
    except DescentError as error:
        return Checked(name, tuple(looked), (error.what,))
    return Checked(name, tuple(looked), ())


def _video(path: Path, output: Mapping[str, Any], *, full: bool) -> list[str]:
    from descent.encode.check import verify_video
    from descent.encode.profile import Profile

    verify_video(
        path,
        Profile.model_validate(output["encoding"]),
        Fraction(output["rate"]),
        rows=output["rows"],
        cols=output["cols"],
        frames=output["frames"],
        picture_hash=output["picture_blake3"],
        full=full,
    )
    count = f"{output['frames']:,} frames"
    told = [count, f"{output['cols']} x {output['rows']} px", "rate", "colour tags", "container"]
    return [*told, "every picture decoded"] if full else told


def _still(path: Path, output: Mapping[str, Any], *, full: bool) -> list[str]:
    from descent.sources.sniff import header
    from descent.sources.stills import read_still
    from descent.tools.pictures import pixel_digest

    size = (output["rows"], output["cols"])
    head = header(str(path))
    if (head.rows, head.cols) != size:
        what = f"is {head.cols} x {head.rows} px, the manifest says {size[1]} x {size[0]}"
        raise VerifyError(what, where=str(path))
    if full and pixel_digest(read_still(path).pixels) != output["picture_blake3"]:
        raise VerifyError("its picture is not the one that was made", where=str(path))
    told = [f"{size[1]} x {size[0]} px"]
    return [*told, "every pixel decoded"] if full else told
