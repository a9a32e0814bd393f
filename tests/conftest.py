"""What every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]

# Timings of a busy machine say nothing about the code; on CI the same examples every time.
settings.register_profile("descent", deadline=None, print_blob=True)
settings.register_profile("ci", settings.get_profile("descent"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "descent")


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real data, in `shared/data` beside the project; tests skip where it is not."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("needs real data in ../shared/data, which is not beside this checkout")
    return folder
