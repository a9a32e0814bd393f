"""The lock files: whole, hashed, nameless as to where from, and what pyproject.toml asks for."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from packaging.markers import Marker, default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from descent.cli.doctor import EXTRAS, PACKAGES

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ("requirements.lock", "requirements-headless.lock")
SYSTEMS = {"linux": "Linux", "darwin": "Darwin", "win32": "Windows"}


@cache
def pins(lock: str) -> list[Requirement]:
    """Each pinned package of a lock file, hashes off."""
    text = (ROOT / lock).read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line.split("--hash")[0] for line in text.splitlines()]
    return [
        Requirement(line) for line in lines if line.strip() and not line.lstrip().startswith("#")
    ]


@cache
def project() -> dict[str, Any]:
    """The project's table of pyproject.toml."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        table: dict[str, Any] = tomllib.load(file)["project"]
    return table


def holds(marker: Marker | None, python: str, system: str) -> bool:
    """Whether a pin counts on that Python and system."""
    here: dict[str, Any] = {**default_environment()}
    here |= {"python_version": python, "python_full_version": f"{python}.0"}
    here |= {"sys_platform": system, "platform_system": SYSTEMS[system]}
    return marker is None or marker.evaluate(here)


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_is_hashed(lock: str) -> None:
    """Nothing is installed whose bytes were not seen when the lock was made."""
    text = (ROOT / lock).read_text(encoding="utf-8").replace("\\\n", " ")
    entries = [line for line in text.splitlines() if re.match(r"[a-z]", line)]
    assert entries
    assert not [line[:60] for line in entries if "--hash=sha256:" not in line or "==" not in line]


@pytest.mark.parametrize("lock", LOCKS)
def test_locks_do_not_say_where_from(lock: str) -> None:
    """No index, find-links or host: everyone installs from the registry they trust."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert not re.search(r"://|index|find-links|trusted-host|\bfile:", text)


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13", "3.14"])
@pytest.mark.parametrize("system", SYSTEMS)
def test_the_lock_answers_pyproject_everywhere(python: str, system: str) -> None:
    """On each Python and system each dependency has exactly one pin, and one that fits."""
    pinned: dict[str, list[str]] = {}
    for pin in pins("requirements.lock"):
        if holds(pin.marker, python, system):
            pinned.setdefault(canonicalize_name(pin.name), []).append(str(pin.specifier)[2:])
    extras = project()["optional-dependencies"].values()
    for text in [*project()["dependencies"], *(text for extra in extras for text in extra)]:
        wanted = Requirement(text)
        found = pinned.get(canonicalize_name(wanted.name), [])
        assert len(found) == 1, f"{text}: pinned to {found} - run: make lock"
        assert wanted.specifier.contains(found[0]), f"{text}: {found[0]} - run: make lock"
    assert not {name: found for name, found in pinned.items() if len(found) > 1}


def test_both_builds_of_opencv_are_one_version() -> None:
    """The build that set-up may swap in is the same OpenCV."""
    full = {str(p.specifier) for p in pins("requirements.lock") if p.name == "opencv-python"}
    (headless,) = pins("requirements-headless.lock")
    assert headless.name == "opencv-python-headless"
    assert full == {str(headless.specifier)}


def test_doctor_and_the_docs_know_every_dependency() -> None:
    """What pyproject.toml asks for is looked at by `descent doctor` and explained in docs."""
    named = {Requirement(text).name for text in project()["dependencies"]}
    assert named == set(PACKAGES)
    extras = {
        name: texts for name, texts in project()["optional-dependencies"].items() if name != "dev"
    }
    assert {name: Requirement(texts[0]).name for name, texts in extras.items()} == {
        name: package for name, (package, _, _) in EXTRAS.items()
    }
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    every = named | {
        Requirement(t).name for ts in project()["optional-dependencies"].values() for t in ts
    }
    assert not {name for name in every if f"`{name}`" not in page}
