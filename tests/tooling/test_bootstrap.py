"""Set-up from nothing but a Python: what it refuses, what it mends, and when it is instant."""

from __future__ import annotations

import ast
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / ".ci" / "bootstrap.py"
LIBGL = "ImportError: libGL.so.1: cannot open shared object file: No such file or directory"


@pytest.fixture
def bootstrap() -> ModuleType:
    """The set-up script as a module."""
    spec = importlib.util.spec_from_file_location("bootstrap", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Machine:
    """A machine on which commands only pretend: OpenCV imports or not, pip notes its orders."""

    def __init__(self, cv2: list[str], version: str = "5.0.0.93") -> None:
        self.cv2, self.version, self.orders = cv2, version, list[list[str]]()

    def run(self, command: list[object], quiet: bool = False) -> subprocess.CompletedProcess[str]:
        """Answer a command; `import cv2` gives the next of the answers, '' when it works."""
        words = [str(word) for word in command]
        if words[-1] == "import cv2":
            trouble = self.cv2.pop(0)
            told = f"Traceback (most recent call last):\n{trouble}\n" if trouble else ""
            return subprocess.CompletedProcess(words, 1 if trouble else 0, told)
        if words[1:3] == ["-m", "pip"]:
            assert not quiet
            self.orders.append([word for word in words[3:] if not word.startswith("--")])
        return subprocess.CompletedProcess(words, 0, self.version + "\n")


@pytest.mark.parametrize("oldest", [(3, 7), (3, 8), (3, 10)])
def test_an_old_python_can_read_the_refusal(oldest: tuple[int, int]) -> None:
    """The script parses on Pythons that are too old, so that they get words, not a traceback."""
    ast.parse(SCRIPT.read_text(encoding="utf-8"), feature_version=oldest)


def test_it_needs_nothing_but_the_standard_library() -> None:
    """Nothing is imported that a bare Python lacks."""
    tree = ast.parse(SCRIPT.read_text(encoding="utf-8"))
    names = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    names |= {n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    assert names <= sys.stdlib_module_names


def test_opencv_that_imports_is_left_alone(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A desktop keeps the full build."""
    machine = Machine([""])
    monkeypatch.setattr(bootstrap, "run", machine.run)
    bootstrap.mend_opencv(Path("python"))
    assert not machine.orders


@pytest.mark.parametrize("library", ["libGL.so.1", "libgthread-2.0.so.0"])
def test_a_bare_server_gets_the_headless_build_of_the_same_version(
    bootstrap: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    library: str,
) -> None:
    """Without libGL or glib the full build goes, the headless one comes, and that is said."""
    pinned = next(w for w in (ROOT / bootstrap.HEADLESS).read_text().split() if "==" in w)
    version = pinned.split("==")[1]
    machine = Machine([LIBGL.replace("libGL.so.1", library), ""], version)
    monkeypatch.setattr(bootstrap, "run", machine.run)
    bootstrap.mend_opencv(Path("python"))
    assert machine.orders == [
        ["uninstall", "opencv-python"],
        ["install", "-r", "requirements-headless.lock"],
    ]
    said = capsys.readouterr().out
    assert library in said
    assert f"opencv-python-headless {version}" in said


@pytest.mark.parametrize(
    ("answers", "version", "words"),
    [
        (["ImportError: numpy.core.multiarray failed to import"], "5.0.0.93", "multiarray"),
        ([LIBGL], "4.0.0", "make lock"),
        ([LIBGL, LIBGL], "5.0.0.93", "headless neither"),
    ],
)
def test_what_cannot_be_mended_is_said(
    bootstrap: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    answers: list[str],
    version: str,
    words: str,
) -> None:
    """Another fault, another version, or a headless build that fails too: an error in words."""
    monkeypatch.setattr(bootstrap, "run", Machine(answers, version).run)
    with pytest.raises(bootstrap.SetupError, match=words):
        bootstrap.mend_opencv(Path("python"))


@pytest.fixture
def clone(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A checkout whose environment was made already, as far as its stamp says."""
    for name in ("pyproject.toml", bootstrap.LOCK, bootstrap.HEADLESS, ".ci/bootstrap.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    python: Path = bootstrap.python_in(tmp_path / ".venv")
    python.parent.mkdir(parents=True)
    python.touch()
    made = {"python": "3.12.1", "from": bootstrap.fingerprint(tmp_path, "3.12.1")}
    (tmp_path / ".venv" / "setup.json").write_text(json.dumps(made))
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    return tmp_path


def test_a_made_environment_is_not_made_again(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, clone: Path
) -> None:
    """When nothing changed, no command is run at all."""
    assert (clone / ".venv").is_dir()
    monkeypatch.setattr(bootstrap, "run", pytest.fail)
    bootstrap.setup()


@pytest.mark.parametrize(
    "name", ["pyproject.toml", "requirements.lock", "requirements-headless.lock"]
)
def test_a_changed_lock_or_project_is_installed(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, clone: Path, name: str
) -> None:
    """A change of what the environment is made from is noticed; afterwards it is fast again."""
    with (clone / name).open("a") as file:
        file.write("# changed\n")
    machine = Machine([""])
    monkeypatch.setattr(bootstrap, "run", machine.run)
    bootstrap.setup()
    assert ["install", "-r", "requirements.lock"] in machine.orders
    assert ["install", "."] in machine.orders
    monkeypatch.setattr(bootstrap, "run", pytest.fail)
    bootstrap.setup()


def test_a_python_without_ensurepip_is_told_what_to_install(
    bootstrap: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Debian's Python without python3-venv gets the package's name, not a traceback."""
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    assert bootstrap.main(["setup"]) == 1
    said = capsys.readouterr().out
    assert "apt install python3-venv" in said
    assert "make PYTHON=" in said


def test_an_old_python_hands_over_to_a_newer_one(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where python3 is too old but a newer one is on the path, that one does the work."""
    machine = Machine([])
    monkeypatch.setattr(sys, "version_info", (3, 9, 2, "final", 0))
    monkeypatch.setattr(bootstrap, "newer_python", lambda: "python3.12")
    monkeypatch.setattr(bootstrap, "run", machine.run)
    assert bootstrap.main(["setup"]) == 0


def test_an_old_python_alone_is_refused_in_words(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where no newer Python is found, the version needed and the one found are both named."""
    monkeypatch.setattr(sys, "version_info", (3, 9, 2, "final", 0))
    monkeypatch.setattr(bootstrap, "newer_python", str)
    assert bootstrap.main(["setup"]) == 1
    said = capsys.readouterr().out
    assert "3.11 or newer is needed" in said
    assert "3.9" in said
