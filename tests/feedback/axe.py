"""axe-core, the checker of accessibility: fetched once from npm into a cache folder, then never again.

``TORCHGRADE_AXE`` names a copy of axe.min.js where there is no npm.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from chromium import Browser

VERSION = "4.14.1"
_RUN = "axe.run(document, {resultTypes: ['violations', 'incomplete']})"
_SHORT = "r => r.violations.map(v => [v.id, v.impact, v.help, v.nodes.map(n => n.html.slice(0, 160)).slice(0, 4)])"


def violations(browser: Browser) -> list[Any]:
    """What axe-core finds in the page that is open, all of its rules: (rule, impact, help, elements)."""
    browser.ask(f"{script()}; 0")
    found: list[Any] = browser.ask(f"{_RUN}.then({_SHORT})")
    return found


@cache
def script() -> str:
    """The text of axe.min.js. Skips the test where it cannot be had, and says why."""
    kept = os.environ.get("TORCHGRADE_AXE")
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    path = Path(kept) if kept else home / "torchgrade" / f"axe-core-{VERSION}" / "axe.min.js"
    problem = "" if path.is_file() else _fetch(path)
    if problem:
        pytest.skip(f"axe-core is not here: {problem}")
    return path.read_text(encoding="utf-8")


def _fetch(path: Path) -> str:
    """Put axe.min.js at ``path``; why that cannot be, or nothing."""
    npm = shutil.which("npm")
    if npm is None:
        return "there is no npm to fetch it with"
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [npm, "pack", "--silent", f"axe-core@{VERSION}"],
            cwd=folder, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        packed = next(Path(folder).glob("*.tgz"), None)
        if done.returncode or packed is None:
            return f"npm could not fetch it ({done.stderr.strip()[-200:]})"
        with tarfile.open(packed) as archive:
            member = archive.extractfile("package/axe.min.js")
            text = member.read() if member else b""
    path.parent.mkdir(parents=True, exist_ok=True)
    spare = path.with_name(f"{os.getpid()}.tmp")
    spare.write_bytes(text)
    spare.replace(path)
    return ""
