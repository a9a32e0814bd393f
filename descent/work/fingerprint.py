"""The numeric fingerprint: what, beside its inputs, decides the bytes a machine makes."""

from __future__ import annotations

import hashlib
import json
import platform
import sys
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from descent.tools.files import sha256

PACKAGES = ("numpy", "opencv-python", "opencv-python-headless", "av", "numba", "llvmlite",
            "scipy", "pillow", "isal", "onnxruntime")  # fmt: skip
LOCKS = ("requirements.lock", "lock.txt", "requirements.txt")


def fingerprint(
    probes: Sequence[str] = (), *, lock: Path | None = None
) -> tuple[str, dict[str, str]]:
    """A short hash of all that moves numbers, and its parts by name.

    Parts are the lock file (`lock`, or the one beside the package), Python, the packages
    that touch pixels, the encoders' builds, and a line for each of `probes`: a
    "module:function" that, called with nothing, runs kernels on a fixed picture and returns
    arrays, whose bytes are hashed. Two machines of one fingerprint make the same bytes.
    """
    parts = dict(_installed(lock or _lock_file()))
    for probe in probes:
        parts[f"probe {probe}"] = _probed(probe)
    text = json.dumps(parts, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16], parts


@cache
def _installed(lock: Path | None) -> tuple[tuple[str, str], ...]:
    import av

    parts = {
        "lock": sha256(lock) if lock is not None else "none",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "machine": f"{sys.platform} {platform.machine()}",
    }
    for name in PACKAGES:
        try:
            parts[name] = version(name)
        except PackageNotFoundError:
            continue
    # Headless or not, OpenCV is the same module: its build may not split one fingerprint.
    headless = parts.pop("opencv-python-headless", "none")
    parts["opencv"] = parts.pop("opencv-python", headless)
    parts["ffmpeg"] = f"{av.ffmpeg_version_info} " + " ".join(
        f"{name} {'.'.join(map(str, number))}"
        for name, number in sorted(av.library_versions.items())
    )
    return tuple(sorted(parts.items()))


def _lock_file() -> Path | None:
    root = Path(__file__).resolve().parents[2]
    inside = Path(__file__).resolve().parents[1]
    found = (folder / name for folder in (root, inside) for name in LOCKS)
    return next((path for path in found if path.is_file()), None)


@cache
def _probed(probe: str) -> str:
    module, _, name = probe.partition(":")
    digest = hashlib.sha256()
    _absorb(digest, getattr(import_module(module), name)())
    return digest.hexdigest()[:16]


def _absorb(digest: Any, value: Any) -> None:
    import numpy as np

    if isinstance(value, list | tuple):
        for item in value:
            _absorb(digest, item)
        return
    array = np.ascontiguousarray(value)
    digest.update(f"{array.dtype.str}{array.shape}".encode())
    digest.update(array.tobytes())
