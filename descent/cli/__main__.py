"""`python -m descent.cli`, where the script is not on the path."""

from __future__ import annotations

from descent.cli import entry

entry()
