"""torchgrade grades PyTorch notebooks from outside the student's process.

``from torchgrade import check`` examines a notebook in its own kernel (``torchgrade.live``). The package imports
nothing heavy here, so that ``torchgrade --help`` opens at once.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__version__ = "0.1.0"
__all__ = ["__version__", "check"]


def __getattr__(name: str) -> Any:
    """``check`` is imported when somebody asks for it."""
    if name != "check":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if _is_graded():
        return _stand_in
    from importlib import import_module

    return import_module("torchgrade.live").check


def _is_graded() -> bool:
    """Whether this is a room, or the process of whoever grades, where the course's own notebooks run."""
    return "TORCHGRADE_ROOM" in os.environ or "torchgrade.grading" in sys.modules


def _stand_in(*_: object, **__: object) -> None:
    """``check`` where a notebook is graded: cells that call it run, and nothing comes of them."""
    print("check() does nothing while this notebook is graded")
