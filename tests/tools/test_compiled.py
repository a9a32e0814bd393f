"""Compiled loops: one way to write them, and no BLAS dragged in with them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOM = Path(__file__).resolve().parents[2] / "descent"


def python(code: str) -> None:
    """Run code in an interpreter of its own, which has loaded nothing."""
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603


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
    python(code)


def test_who_plans_loads_no_compiler() -> None:
    """The compiler comes with the first call of a loop, so a plan is made without it."""
    code = (
        "import sys\n"
        "import descent.config, descent.plan, descent.stages\n"
        "assert 'numba' not in sys.modules\n"
    )
    python(code)


def test_many_threads_may_call_first() -> None:
    """Threads that call a loop at once, which itself calls loops, all get its result."""
    code = (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "import numpy as np\n"
        "from descent.tools.colour import planes_to_rgb, rgb_to_planes\n"
        "grey = np.full((16, 16, 3), 90, np.uint8)\n"
        "def there(_):\n"
        "    return planes_to_rgb(rgb_to_planes(grey))\n"
        "with ThreadPoolExecutor(4) as pool:\n"
        "    found = list(pool.map(there, range(8)))\n"
        "assert all(np.abs(f.astype(int) - 90).max() <= 1 for f in found)\n"
    )
    python(code)
