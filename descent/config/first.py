"""A first config from a folder of frames or clips; what it cannot decide stays a question."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from descent.clock.expression import duration_text
from descent.config import include
from descent.errors import SourceError
from descent.tools.files import config_root

if TYPE_CHECKING:
    from descent.sources.listing import Listing

_PLAIN = re.compile(r"(?!(?:yes|no|on|off|true|false|null|none)$)[A-Za-z.][\w./-]*", re.I)


@dataclass(slots=True)
class _Found:
    """One camera to be: where its files are, what they are, and what must be asked."""

    name: str
    files: str
    listing: Listing
    kind: str | None = None
    lines: list[str] = field(default_factory=list)
    asks: list[str] = field(default_factory=list)
    clock: str | None = None  # of its stamps: sclk, media, or None where it has no times

    @property
    def ends(self) -> tuple[Fraction, Fraction]:
        """Its first and last stamp, s."""
        stamps = [s.stamp.value for s in self.listing.shots if s.stamp is not None]
        return min(stamps), max(stamps)


def new(folder: Path | str, *, beside: Path | None = None) -> str:
    """The text of a first config for a folder of frames or clips; reads no pixels.

    Each folder in it is a camera, and so is each recording that lies in it directly. Mars
    2020 names bring their camera files. What cannot be seen from outside (rates of numbered
    frames, a moment that all clips show, who is to be named) is a comment that begins `?`.
    `beside` is the folder that the config will lie in, the same one by default. The text
    loads as it is. Raises `SourceError` where there is nothing to make a film of.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise SourceError("is no folder", where=str(folder), do="name a folder of frames or clips")
    cameras = [camera for group in _groups(folder) for camera in _cameras(folder, *group)]
    if not cameras:
        raise SourceError(
            "holds no pictures or clips that can be read", where=str(folder),
            do="name a folder of PNG, JPEG or TIFF frames, or of clips",
        )  # fmt: skip
    for camera, name in zip(cameras, _unique(c.name for c in cameras), strict=True):
        camera.name = name
    base = "." if beside is None else _relative(folder, beside)
    return "\n".join(_text(folder, base, cameras)) + "\n"


# --- what is there ---------------------------------------------------------------------------


def _groups(folder: Path) -> Iterable[tuple[str, list[str]]]:
    """Name and files of each camera: every folder one, and every recording at the top."""
    from descent.sources.names import parse
    from descent.sources.series import chapter_of, number_in
    from descent.sources.sniff import STILL_SUFFIXES, VIDEO_SUFFIXES

    entries = sorted(p for p in folder.iterdir() if not p.name.startswith("."))
    stills = [p for p in entries if p.is_file() and p.suffix.lower() in STILL_SUFFIXES]
    clips = [p for p in entries if p.is_file() and p.suffix.lower() in VIDEO_SUFFIXES]
    series: dict[str, list[str]] = {}
    for still in stills:
        number = number_in(still.stem)
        before = number.before if number else still.stem
        key = f"{before.rstrip('_-. ') or 'frames'}\0{still.suffix.lower()}"
        record = parse(still.name)  # one instant may come as PNG and as JPEG
        series.setdefault(record.instrument if record else key, []).append(still.name)
    if len(series) > 8:  # no numbering that means cameras: one heap of pictures
        series = {"frames\0": [still.name for still in stills]}
    for key, names in series.items():
        yield key.partition("\0")[0], names
    recordings: dict[str, list[str]] = {}
    for clip in clips:
        chapter = chapter_of(clip.stem)
        recordings.setdefault(chapter.recording if chapter else clip.stem, []).append(clip.name)
    for recording, names in recordings.items():
        yield (recording if not recording[:1].isdigit() else f"clip_{recording}"), names
    for entry in entries:
        if entry.is_dir():
            yield entry.name, [f"{entry.name}/"]


def _kinds() -> dict[str, str]:
    """Instrument code -> the shipped camera file that is for it alone."""
    codes: dict[str, str] = {}
    for name in include.shipped("cameras"):
        files = include.Files()
        tree = files.tree(config_root() / "cameras" / f"{name}.yaml", name)
        listed = tree.get("instruments") if tree is not None else None
        if listed is not None and len(listed.items()) == 1:
            codes[str(listed.items()[0].value)] = name
    return codes


def _cameras(folder: Path, name: str, names: list[str]) -> list[_Found]:
    """The cameras in one group of files: one, or one for each instrument in their names."""
    from descent.sources.listing import list_camera

    listing = list_camera(name, names, folder, names="mars2020")
    if not listing.shots:
        return []
    records = [r for r in listing.records if r is not None]
    codes = Counter(r.instrument for r in records)
    kinds = _kinds()
    if records and len(records) * 2 > len(listing.shots) and all(c in kinds for c in codes):
        found = []
        for code in sorted(codes):
            one = list_camera(name, names, folder, names="mars2020", instruments=[code])
            label = kinds[code].rsplit("/", 1)[-1] if len(codes) > 1 or name == code else name
            camera = _Found(label, _files(names), one, kinds[code])
            _mars(camera, _rate(kinds[code]))
            found.append(camera)
        return found
    camera = _Found(name, _files(names), list_camera(name, names, folder))
    if camera.listing.shots:
        _plain(camera)
        return [camera]
    return []


def _rate(kind: str) -> str:
    """The declared cadence of a shipped camera as YAML, or 30 where it is uneven."""
    path = config_root() / "cameras" / f"{kind}.yaml"
    files = include.Files()
    tree = files.tree(path, kind)
    rate = include.camera(files, tree, (), path).get("rate") if tree is not None else None
    return "30" if rate is None else str(rate.value)


def _mars(camera: _Found, rate: str) -> None:
    records = [r for r in camera.listing.records if r is not None]
    late = [r for r in records if r.landing and r.sol != 0]
    if late:
        first = min(camera.listing.shots, key=lambda s: s.path.name).path.name
        camera.lines.append("times: {none: yes}")
        camera.asks += [
            f"Its names carry sol {late[0].sol}: the time the files were made, not the exposure.",
            "Which frame was taken when? Then, instead of the line above:",
            f"times: {{order: name, rate: {rate}, "
            f"anchor: {{file: {_quoted(first)}, at: touchdown - 2s}}}}",
        ]
    else:
        camera.clock = "sclk"


def _plain(camera: _Found) -> None:
    """A camera that is not known: a clip by its own times, frames by a question."""
    from descent.sources.series import number_in

    shots = camera.listing.shots
    if shots[0].pts is not None:
        camera.clock = "media"
        return
    camera.lines.append("times: {none: yes}")
    numbers = [number_in(s.path.stem) for s in shots]
    shapes = Counter((n.before, n.after) for n in numbers if n)
    shape, count = shapes.most_common(1)[0] if shapes else (("", ""), 0)
    camera.asks.append("How many frames a second, and when was the first? Then, instead:")
    if count == len(shots) and len({s.path.suffix for s in shots}) == 1:
        pattern = f"{shape[0]}{{index}}{shape[1]}{shots[0].path.suffix}"
        camera.asks.append(f"times: {{index: {_quoted(pattern, brace=True)}, rate: 30, "
                           "start: T+0s}")  # fmt: skip
    else:
        camera.asks.append(
            f"times: {{order: name, rate: 30, anchor: {{file: {_quoted(shots[0].path.name)}, "
            "at: T+0s}}"
        )


# --- writing ---------------------------------------------------------------------------------


def _quoted(text: str, *, brace: bool = False) -> str:
    return text if _PLAIN.fullmatch(text) and not brace else json.dumps(text, ensure_ascii=False)


def _files(names: list[str]) -> str:
    """The files of a camera as YAML: few by name, many by what their names share."""
    if len(names) == 1:
        return _quoted(names[0])
    if len(names) <= 6:
        return f"[{', '.join(_quoted(n) for n in names)}]"
    suffixes = {Path(n).suffix for n in names}
    head = names[0]
    while head and not all(n.startswith(head) for n in names):
        head = head[:-1]
    head = re.sub(r"[\d\[*?]*$", "", head) if not re.search(r"[\[*?]", head) else ""
    return json.dumps(f"{head}*{suffixes.pop() if len(suffixes) == 1 else ''}", ensure_ascii=False)


def _unique(names: Iterable[str]) -> list[str]:
    given: list[str] = []
    for name in names:
        word = re.sub(r"[^A-Za-z0-9_]+", "_", name).strip("_").lower()[:40] or "camera"
        word = word if word[0].isalpha() else f"camera_{word}"
        tries = [word, *(f"{word}_{n}" for n in range(2, len(given) + 3))]
        given.append(next(t for t in tries if t not in given))
    return given


def _relative(folder: Path, beside: Path) -> str:
    folder, beside = folder.resolve(), beside.resolve()
    up: list[str] = []
    while not folder.is_relative_to(beside):
        up.append("..")
        if beside == beside.parent:
            return folder.as_posix()
        beside = beside.parent
    return "/".join([*up, folder.relative_to(beside).as_posix()])


def _text(folder: Path, base: str, cameras: Sequence[_Found]) -> list[str]:
    mars = any(c.kind for c in cameras)
    title = " ".join(re.sub(r"[^\w-]+|_", " ", folder.resolve().name).split()) or "A release"
    lines = [
        f"# yaml-language-server: $schema={(config_root() / 'schema.json').as_posix()}",
        f"# A first config, written by descent from {len(cameras)} "
        f"camera{'s' if len(cameras) != 1 else ''}. Lines that begin `# ?` are for you to decide.",
        "schema: 1",
        f"title: {json.dumps(title, ensure_ascii=False)}",
        "# ? Who is to be named, and what may others do with it?",
        f"credit: {'{pictures: NASA/JPL-Caltech}' if mars else '{}'}",
    ]
    if base != ".":
        lines.append(f"folder: {_quoted(base)}")
    clips = [c for c in cameras if c.clock == "media"]
    stamped = [c for c in cameras if c.clock == "sclk"]
    if mars:
        lines.append("events: mars2020")
    elif clips or any("T+0s" in ask for c in cameras for ask in c.asks):
        lines.append("zero: start                # the zero of the T-/T+ clock")
    lines.append("cameras:")
    for camera in cameras:
        lines += _camera(camera)
    timed = stamped or ([] if mars else clips)
    lines += _film(cameras, timed, stamped=bool(stamped), mars=mars)
    return lines


def _camera(camera: _Found) -> list[str]:
    count = len(camera.listing.shots)
    size = camera.listing.size
    px = f", {size[1]} x {size[0]} px" if size else ""
    lines = [f"  {camera.name}:  # {count} frame{'s' if count != 1 else ''}{px}"]
    if camera.kind:
        lines.append(f"    kind: {camera.kind}")
    lines.append(f"    files: {camera.files}")
    lines += [f"    {line}" for line in camera.lines]
    lines += [f"    # ? {ask}" for ask in camera.asks]
    quiet = {"other_instrument"} if camera.kind else set()  # each has a camera of its own here
    worth = [f for f in camera.listing.findings if f.level != "note" and f.code not in quiet]
    lines += [f"    # ! {_one_line(f'{f.what} - {f.do}' if f.do else f.what)}" for f in worth[:6]]
    if len(worth) > 6:
        lines.append(f"    # ! and {len(worth) - 6} more: see descent plan")
    return lines


def _one_line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _film(
    cameras: Sequence[_Found], timed: Sequence[_Found], *, stamped: bool, mars: bool
) -> list[str]:
    """Sync, cuts and outputs: of the cameras that share a clock, or stills where none do."""
    lines: list[str] = []
    clips = [c for c in cameras if c.clock == "media"]
    if clips and not mars:
        marks = ", ".join(f"{c.name}: 0s" for c in clips)
        if len(clips) > 1:
            lines.append("# ? Taken to begin together. For one moment that all of them saw, write")
            lines.append("# ? the time each clip shows at it.")
        lines += [
            "sync:",
            f"  start: {{{marks}}}",
            "  refine: none             # or: [motion, sound]",
        ]
    elif clips:
        lines.append("# ? Clips beside frames with a spacecraft clock: write a moment both saw,")
        lines.append(f"# ? sync: {{touchdown: {{{clips[0].name}: 00:12.5}}}}")
    if timed:
        begin, end = _stretch(timed, stamped)
        names = [c.name for c in timed]
        show = f"{{full: {names[0]}}}" if len(names) == 1 else (
            f"{{side_by_side: [{', '.join(names)}]}}" if len(names) == 2
            else f"{{grid: [{', '.join(names)}]}}"
        )  # fmt: skip
        lines += [
            "# ? Which moments are worth showing, and how?",
            "cuts:", "  all:", f"    - {{from: {begin}, to: {end}, show: {show}}}",
            "outputs:", "  film: {cut: all, size: hd, for: web}",
        ]  # fmt: skip
        return lines
    first = next((c for c in cameras if c.clock is None), cameras[0])
    file = min((s.path.name for s in first.listing.shots), key=str)
    lines += [
        "# ? No camera has times yet, so there can be stills only.",
        "outputs:", f"  {first.name}_still:", f"    still: {first.name}",
        f"    frame: {_quoted(file)}", "    # ? What does it show, for who cannot see it?",
        "    # alt: ...",
    ]  # fmt: skip
    return lines


def _stretch(timed: Sequence[_Found], stamped: bool) -> tuple[str, str]:
    ends = [c.ends for c in timed]
    if stamped:
        first, last = min(a for a, _ in ends), max(b for _, b in ends)
        return f"sclk:{duration_text(first)[:-1]}", f"sclk:{duration_text(last)[:-1]} + 1s"
    length = max(min(b for _, b in ends), Fraction(1, 10))
    return "start", f"start + {duration_text(length.limit_denominator(10**6))}"
