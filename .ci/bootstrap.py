"""Make the project's environment from nothing but a Python: `python .ci/bootstrap.py`.

It lies here because it is neither part of the product nor a test: people, `make` and
continuous integration all start from it, and no wheel carries it. Standard library only,
and its syntax parses on old Pythons, so that those get a sentence instead of a traceback.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST, NEWEST = (3, 11), (3, 14)
ROOT = Path(__file__).resolve().parents[1]
LOCK = "requirements.lock"
HEADLESS = "requirements-headless.lock"
LOCK_HEADER = "# Python 3.11 to 3.14, all systems. Made by `make lock`; not edited by hand.\n"
# What "a shared library is not there" looks like; anything else wrong with OpenCV is not ours.
NO_LIBRARY = re.compile(r"ImportError: (lib\S+?): cannot open shared object file")


class SetupError(Exception):
    """The environment cannot be made; says what is wrong and what to do."""


def say(text: str) -> None:
    """One line for whoever waits."""
    print("setup: " + text, flush=True)


def run(command: "list[object]", quiet: bool = False) -> "subprocess.CompletedProcess[str]":
    """Run a command; `quiet` keeps what it prints, for the caller to judge."""
    return subprocess.run(
        [str(word) for word in command],
        cwd=str(ROOT),
        check=False,
        stdout=subprocess.PIPE if quiet else None,
        stderr=subprocess.STDOUT if quiet else None,
        universal_newlines=True,
    )


def newer_python() -> str:
    """A Python on the path that will do, where the one running is too old; '' if none."""
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        found = shutil.which("python3.%d" % minor)
        # Version managers put names on the path that only say "not installed" when run.
        if found and run([found, "-c", "import venv, ensurepip"], quiet=True).returncode == 0:
            return found
    return ""


def python_in(venv: Path) -> Path:
    """The interpreter of an environment, where its system puts it."""
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def fingerprint(root: Path, version: str) -> str:
    """What an environment was made from; a different one means: install again."""
    digest = hashlib.sha256(version.encode())
    for name in (LOCK, HEADLESS, "pyproject.toml", ".ci/bootstrap.py"):
        digest.update(name.encode() + b"\0" + (root / name).read_bytes())
    return digest.hexdigest()


def make_venv(venv: Path) -> None:
    """Make the environment; one that is broken or of an unfit Python is made anew."""
    python = python_in(venv)
    if python.exists():
        fits = "import sys, pip; sys.exit(sys.version_info[:2] < %r)" % (OLDEST,)
        if run([python, "-c", fits], quiet=True).returncode == 0:
            return
        say("the environment in %s does not run; making it anew" % venv.name)
    try:
        import ensurepip  # noqa: F401
        import venv as _  # noqa: F401
    except ImportError as error:
        raise SetupError(
            "this Python ({}) comes without the module {!r} - install it (Debian and Ubuntu: "
            "apt install python3-venv), or name another Python: make PYTHON=...".format(
                sys.executable, error.name
            )
        ) from None
    made = run([sys.executable, "-m", "venv", "--clear", venv], quiet=True)
    if made.returncode != 0:
        raise SetupError("no environment could be made in %s:\n%s" % (venv, made.stdout))


def pip(python: Path, *words: object, do: str) -> None:
    """Run pip in the environment; `do` is the cure to name if it fails."""
    quiet = ["--quiet", "--disable-pip-version-check", "--no-input"]
    if run([python, "-m", "pip", *quiet, *words]).returncode != 0:
        raise SetupError("pip failed, see above - " + do)


def install_locked(python: Path, lock: str) -> None:
    """Install exactly what a lock file names: hashes checked, nothing built from source."""
    pip(
        python,
        *("install", "--require-hashes", "--only-binary=:all:", "--no-deps", "-r", lock),
        do="is a package registry reachable? is a wheel missing for this system?",
    )


def installed(python: Path, package: str) -> str:
    """The installed version of a package; '' where it is not installed."""
    code = "import importlib.metadata as m, sys; print(m.version(sys.argv[1]))"
    asked = run([python, "-c", code, package], quiet=True)
    return asked.stdout.strip() if asked.returncode == 0 else ""


def opencv_trouble(python: Path) -> str:
    """Why OpenCV does not import; '' when it does."""
    tried = run([python, "-c", "import cv2"], quiet=True)
    lines = tried.stdout.strip().splitlines()
    return "" if tried.returncode == 0 else (lines[-1] if lines else "no message")


def mend_opencv(python: Path) -> None:
    """Put the headless build of the same OpenCV where the full one lacks a system library.

    The full build draws windows and needs libGL and glib, which a bare server has not.
    The headless one is the same module without windows, which descent never opens.
    """
    trouble = opencv_trouble(python)
    if not trouble:
        return
    library = NO_LIBRARY.search(trouble)
    if not library:
        raise SetupError("OpenCV does not import: %s" % trouble)
    version = installed(python, "opencv-python")
    if "opencv-python-headless==%s " % version not in (ROOT / HEADLESS).read_text():
        raise SetupError("%s does not pin OpenCV %s - run: make lock" % (HEADLESS, version))
    pip(python, "uninstall", "--yes", "opencv-python", do="remove .venv and run again")
    install_locked(python, HEADLESS)
    trouble = opencv_trouble(python)
    if trouble:
        raise SetupError("OpenCV does not import, headless neither: %s" % trouble)
    say(
        "this system has no %s, so opencv-python was replaced by opencv-python-headless %s "
        "(the same module, without windows)" % (library.group(1), version)
    )


def setup() -> None:
    """Make or refresh .venv; does nothing, fast, when it is what the lock file says."""
    venv = ROOT / ".venv"
    stamp = venv / "setup.json"
    python = python_in(venv)
    try:
        made = json.loads(stamp.read_text())
        if python.exists() and made["from"] == fingerprint(ROOT, made["python"]):
            return
    except (OSError, ValueError, KeyError):
        pass
    if sys.version_info[:2] > NEWEST:
        say("Python %d.%d is newer than the lock file knows; trying" % sys.version_info[:2])
    stamp.unlink() if stamp.exists() else None
    make_venv(venv)
    say("installing the locked packages into %s (a minute or two the first time)" % venv.name)
    if installed(python, "opencv-python-headless"):
        # Both builds fill the same folder: the one put in by an earlier set-up goes first.
        pip(python, "uninstall", "--yes", "opencv-python-headless", do="remove .venv")
    install_locked(python, LOCK)
    mend_opencv(python)
    own = ("install", "--no-deps", "--no-build-isolation", "--editable", ".")
    pip(python, *own, do="is pyproject.toml whole?")
    version = run([python, "-c", "import sys; print(sys.version)"], quiet=True).stdout
    stamp.write_text(json.dumps({"python": version, "from": fingerprint(ROOT, version)}))
    say("done: Python %s in %s" % (version.split()[0], venv))


def upgrade() -> None:
    """Write both lock files with the newest versions that pyproject.toml allows."""
    lock("--upgrade")


def lock(*more: str) -> None:
    """Write both lock files anew from pyproject.toml, keeping the pins that still fit."""
    setup()
    python = python_in(ROOT / ".venv")
    uv = shutil.which("uv")
    if not uv:
        pip(python, "install", "uv", do="uv makes the lock files")
        uv = str(python.parent / "uv")
    options = ["--universal", "--generate-hashes", "--no-header"]
    options += ["--python-version", "%d.%d" % OLDEST, *more]

    def compile_to(name: str, *source: object) -> str:
        done = run([uv, "pip", "compile", *source, *options, "-o", name], quiet=True)
        if done.returncode != 0:
            raise SetupError("uv failed:\n" + done.stdout)
        text = (ROOT / name).read_text()
        (ROOT / name).write_text(LOCK_HEADER + text.replace(LOCK_HEADER, ""))
        return text

    pinned = re.search(
        r"^opencv-python==(\S+)", compile_to(LOCK, "pyproject.toml", "--all-extras"), re.M
    )
    if not pinned:
        raise SetupError("%s pins no opencv-python" % LOCK)
    wanted = ROOT / "headless.tmp"
    try:
        wanted.write_text("opencv-python-headless==%s\n" % pinned.group(1))
        compile_to(HEADLESS, wanted.name, "--no-deps", "--no-annotate")
    finally:
        wanted.unlink()
    say("wrote %s and %s" % (LOCK, HEADLESS))


def clean() -> None:
    """Remove what building, testing and rendering left; the environment stays."""
    for name in (
        "build",
        "dist",
        "out",
        ".mypy_cache",
        ".ruff_cache",
        ".pytest_cache",
        ".hypothesis",
    ):
        shutil.rmtree(str(ROOT / name), ignore_errors=True)
    for top in ("descent", "tests", "fixtures", ".ci"):
        for cache in (ROOT / top).rglob("__pycache__"):
            shutil.rmtree(str(cache), ignore_errors=True)


def explain() -> None:
    """Print the targets of the Makefile with what their `##` comments say."""
    for line in (ROOT / "Makefile").read_text().splitlines():
        found = re.match(r"^([a-z-]+):[^#]*## (.*)", line)
        if found:
            print("  make {:<9} {}".format(*found.groups()))


def main(words: "list[str]") -> int:
    """Run one task; returns the exit code."""
    tasks = {"setup": setup, "lock": lock, "upgrade": upgrade, "clean": clean, "help": explain}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("task", nargs="?", default="setup", choices=tasks)
    asked = parser.parse_args(words)
    if sys.version_info < OLDEST and asked.task != "help":
        better = newer_python()
        if better:
            return run([better, __file__, *words]).returncode
        say(
            "Python 3.11 or newer is needed, this is %d.%d (%s) - install one, and name it if it "
            "is not on the path: make PYTHON=/path/to/python3.12"
            % (*sys.version_info[:2], sys.executable)
        )
        return 1
    try:
        tasks[asked.task]()
    except SetupError as error:
        say("failed: %s" % error)
        return 1
    except KeyboardInterrupt:
        say("interrupted; run it again to go on")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
