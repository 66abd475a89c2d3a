"""Makes the builders of this folder's tests, and the small courses of tests/grading, importable here."""

from __future__ import annotations

import sys
from pathlib import Path

for folder in (Path(__file__).parent, Path(__file__).parents[1] / "grading"):
    sys.path.insert(0, str(folder))
