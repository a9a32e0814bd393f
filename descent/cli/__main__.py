"""`python -m descent.cli`, where the script is not on the path."""

from __future__ import annotations

import sys

from descent.cli import main

sys.exit(main())
