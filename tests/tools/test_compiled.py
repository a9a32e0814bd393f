"""Compiled loops: one way to write them, and no BLAS dragged in with them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOM = Path(__file__).resolve().parents[2] / "descent"


def test_only_one_module_knows_numba() -> None:
    """Options and the workaround stand in one place: nothing else imports numba."""
    users = {
        path.relative_to(ROOM).as_posix()
        for path in ROOM.rglob("*.py")
        if re.search(r"^\s*(import|from) numba", path.read_text("utf-8"), re.MULTILINE)
    }
    assert users == {"tools/compiled.py"}


def test_a_loop_brings_no_blas() -> None:
    """Calling a compiled loop leaves SciPy's linear algebra out, and importable afterwards."""
    code = (
        "import sys, numpy as np\n"
        "from descent.tools.colour import rgb_to_planes\n"
        "rgb_to_planes(np.zeros((16, 16, 3), np.uint8))\n"
        "assert 'scipy.linalg' not in sys.modules\n"
        "from scipy.linalg import solveh_banded\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603
