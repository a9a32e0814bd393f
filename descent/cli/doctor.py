"""`descent doctor`: what this installation can do, and the cure for what it lacks."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import import_module, metadata
from pathlib import Path
from typing import Any, Literal

from descent.cli.common import Console, command

# Package -> the module it brings. A test holds this to what pyproject.toml asks for.
PACKAGES = {
    "av": "av",
    "blake3": "blake3",
    "click": "click",
    "font-source-sans-pro": "font_source_sans_pro",
    "imageio": "imageio",
    "imageio-ffmpeg": "imageio_ffmpeg",
    "isal": "isal",
    "numba": "numba",
    "numpy": "numpy",
    "opencv-python": "cv2",
    "pillow": "PIL",
    "psutil": "psutil",
    "pydantic": "pydantic",
    "ruamel.yaml": "ruamel.yaml",
    "scipy": "scipy",
    "tifffile": "tifffile",
}
# Extra -> the package and module that it brings, and what cannot be done without it.
EXTRAS = {
    "spice": ("spiceypy", "spiceypy", "clocks from SPICE kernels"),
    "dask": ("distributed", "distributed", "rendering with --scheduler"),
    "network": ("onnxruntime", "onnxruntime", "deblur by a network of your own"),
}
_AGAIN = "set it up again: make setup, or pip install --force-reinstall {}"
_ROOM_BYTES = 4 << 30  # a minute of 4K with its chunks; less is worth a word
_WORKER_BYTES = 2 << 30  # what one 4K encoder may take


@dataclass(frozen=True)
class Item:
    """One thing looked at: `found` in words, `do` the cure where `state` is not ok.

    `lack` means that something which a render needs is not there; `note`, that something
    which some renders want is not.
    """

    group: str
    name: str
    state: Literal["ok", "note", "lack"]
    found: str
    do: str = ""


@command("descent doctor", "descent doctor --json", reports=True)
def run(console: Console) -> int:
    """Say what this installation can do, and the cure for what it lacks.

    Looks at Python, the packages, the encoders, the fonts and the machine. Exit code 1
    when something is missing that a render needs.
    """
    items = list(examine())
    lacks = sum(item.state == "lack" for item in items)
    data = {"fit": not lacks, "items": [asdict(item) for item in items]}
    console.result(_text(items, lacks), data)
    return 1 if lacks else 0


def examine() -> Iterator[Item]:
    """Look at everything, one item after the other; a look that fails is an item too."""
    looks: tuple[Callable[[], Iterator[Item]], ...] = (
        _python,
        _packages,
        _extras,
        _encoders,
        _ffmpeg,
        _fonts,
        _configs,
        _machine,
    )
    for look in looks:
        try:
            yield from look()
        except Exception as error:
            what = f"could not be looked at: {type(error).__name__}: {error}"
            name = look.__name__.strip("_")
            yield Item(name, name, "lack", what, _AGAIN.format("descent"))


def _python() -> Iterator[Item]:
    system = f"{platform.system()} {platform.release()}, {platform.machine()}"
    found = f"{platform.python_version()} in {sys.prefix}"
    fits = sys.version_info >= (3, 11)
    yield Item(
        "python", "python", "ok" if fits else "lack", found, "" if fits else "use 3.11 or newer"
    )
    yield Item("python", "system", "ok", system)


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _packages() -> Iterator[Item]:
    for package, module in PACKAGES.items():
        try:
            loaded = import_module(module)
        except ImportError as error:
            cure = _AGAIN.format(package)
            if "cannot open shared object" in str(error) and package == "opencv-python":
                cure = (
                    "make setup puts the headless build in its place; by hand: pip uninstall "
                    "opencv-python, then pip install opencv-python-headless of the same version"
                )
            yield Item("packages", package, "lack", f"does not import: {error}", cure)
            continue
        found = _version(package)
        if package == "opencv-python":
            found = _opencv(loaded)
        yield Item("packages", package, "ok", found or "imports")


def _opencv(cv2: Any) -> str:
    """Version and kind of OpenCV: the headless build is the same module without windows."""
    gui = [
        line for line in cv2.getBuildInformation().splitlines() if line.strip().startswith("GUI:")
    ]
    windows = gui and "NONE" not in gui[0]
    return f"{cv2.__version__}, {'with windows' if windows else 'headless'}"


def _extras() -> Iterator[Item]:
    for extra, (package, _module, what) in EXTRAS.items():
        found = _version(package)
        if found:
            yield Item("extras", package, "ok", f"{found}: {what}")
        else:
            cure = f"pip install 'descent[{extra}]'"
            yield Item("extras", package, "note", f"not installed: no {what}", cure)


def _encoders() -> Iterator[Item]:
    """Whether each shipped profile has its encoder, as PyAV carries it."""
    import av

    from descent.encode.profile import load_profile, profile_names

    libraries = ", ".join(
        f"{name} {'.'.join(map(str, version))}"
        for name, version in av.library_versions.items()
        if name in {"libavcodec", "libavformat", "libswscale"}
    )
    yield Item("encoders", "libraries", "ok", libraries)
    for name in profile_names():
        profile = load_profile(name)
        codec = profile.codec or profile.container
        try:
            av.codec.Codec(codec, "w")
        except (av.FFmpegError, ValueError):
            cure = "another build of PyAV has it: pip install --force-reinstall av"
            yield Item("encoders", name, "lack", f"{profile.title}: no encoder {codec}", cure)
        else:
            yield Item("encoders", name, "ok", f"{profile.title}, by {codec}")


def _ffmpeg() -> Iterator[Item]:
    import imageio_ffmpeg

    try:
        program = imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError as error:
        yield Item("ffmpeg", "ffmpeg", "lack", str(error), _AGAIN.format("imageio-ffmpeg"))
        return
    words = [program, "-nostdin", "-hide_banner"]
    told = subprocess.run(  # noqa: S603 - a program that came in a wheel, no words of a user's
        [*words, "-encoders"], capture_output=True, text=True, timeout=30, check=False
    )
    if told.returncode != 0:
        what = f"{program} does not run: {told.stderr.strip()[-200:]}"
        yield Item("ffmpeg", "ffmpeg", "lack", what, _AGAIN.format("imageio-ffmpeg"))
        return
    encoders = {line.split()[1] for line in told.stdout.splitlines() if line.startswith(" V")}
    want = ("libx264", "libx265", "prores_ks", "ffv1", "png", "tiff")
    lacks = [name for name in want if name not in encoders]
    yield Item("ffmpeg", "ffmpeg", "ok", f"{imageio_ffmpeg.get_ffmpeg_version()} at {program}")
    if lacks:
        cure = "unset IMAGEIO_FFMPEG_EXE to use the one that came with imageio-ffmpeg"
        yield Item("ffmpeg", "encoders", "note", f"without {', '.join(lacks)}", cure)
    else:
        yield Item("ffmpeg", "encoders", "ok", ", ".join(want))


def _fonts() -> Iterator[Item]:
    import font_source_sans_pro as font

    faces = sorted(Path(font.font_directory).glob("*.[ot]tf"))
    if faces:
        yield Item("fonts", "Source Sans Pro", "ok", f"{len(faces)} faces")
    else:
        cure = _AGAIN.format("font-source-sans-pro")
        yield Item("fonts", "Source Sans Pro", "lack", "no faces found", cure)


def _configs() -> Iterator[Item]:
    from descent.tools.files import config_root

    root = config_root()
    counts = [f"{len(list((root / kind).rglob('*.yaml')))} {kind}" for kind in _KINDS]
    whole = (root / "profiles").is_dir()
    cure = "" if whole else _AGAIN.format("descent")
    yield Item(
        "configs", "configs", "ok" if whole else "lack", f"{', '.join(counts)} in {root}", cure
    )


_KINDS = ("cameras", "clocks", "events", "profiles", "releases")


def _machine() -> Iterator[Item]:
    import psutil

    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    yield Item("machine", "cores", "ok", str(cores))
    memory = psutil.virtual_memory()
    text = f"{_gib(memory.available)} of {_gib(memory.total)} GiB free"
    if memory.available < _WORKER_BYTES:
        cure = "close what takes it, render with --workers 1, or preview first"
        yield Item("machine", "memory", "note", text, cure)
    else:
        yield Item("machine", "memory", "ok", text)
    for name, folder in (
        ("disk here", Path.cwd()),
        ("disk for temporaries", tempfile.gettempdir()),
    ):
        free = shutil.disk_usage(folder).free
        text = f"{_gib(free)} GiB free in {folder}"
        cure = "make room, or render into another folder"
        full = free < _ROOM_BYTES
        yield Item("machine", name, "note" if full else "ok", text, cure if full else "")


def _gib(size: float) -> str:
    return f"{size / (1 << 30):.1f}"


def _text(items: list[Item], lacks: int) -> str:
    """All items as a page for people, the cures under what they cure."""
    width = max(len(item.name) for item in items)
    lines: list[str] = []
    group = ""
    for item in items:
        if item.group != group:
            group = item.group
            lines += ["", group] if lines else [group]
        mark = {"ok": "  ", "note": "- ", "lack": "! "}[item.state]
        lines.append(f"  {mark}{item.name:<{width}}  {item.found}")
        if item.do:
            lines.append(f"    {'':<{width}}  -> {item.do}")
    end = "Nothing that a render needs is missing."
    if lacks:
        end = f"{lacks} {'thing is' if lacks == 1 else 'things are'} missing that a render needs."
    return "\n".join([*lines, "", end])
