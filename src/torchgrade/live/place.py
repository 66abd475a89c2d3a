"""Where a check was called: the names and the source that are examined."""

from __future__ import annotations

import linecache
import os
import sys
from dataclasses import dataclass
from types import FrameType
from typing import Any

from torchgrade.sandbox.guest import CELL_MARKS


@dataclass(frozen=True)
class Place:
    """The names and the source that are examined. ``shell`` is IPython's, None in a plain script."""

    namespace: dict[str, Any]
    cells: list[str]
    file: str
    at_start: dict[str, Any]
    marks: tuple[str, ...]
    shell: Any = None

    @classmethod
    def of(cls, caller: FrameType) -> Place:
        """The notebook; without one, the file that called."""
        shell = find_shell()
        if shell is None:
            name = caller.f_code.co_filename
            source = "".join(linecache.getlines(name))
            return cls(caller.f_globals, [source], name, {}, (name,))
        names = shell.user_ns
        return cls(names, _history(shell), _notebook_file(names), dict(shell.user_ns_hidden), CELL_MARKS, shell)


def find_shell() -> Any:
    found = sys.modules.get("IPython")
    return found.get_ipython() if found is not None and hasattr(found, "get_ipython") else None


def _history(shell: Any) -> list[str]:
    """The cells that were run so far, as they were typed."""
    raw = getattr(getattr(shell, "history_manager", None), "input_hist_raw", None) or shell.user_ns.get("In", [])
    return [str(cell) for cell in raw[1:]]


def _notebook_file(names: dict[str, Any]) -> str:
    """What the front end says that the notebook is called: VS Code, then Jupyter; others say nothing."""
    said = (names.get("__vsc_ipynb_file__"), os.environ.get("JPY_SESSION_NAME"))
    return next((name for name in said if isinstance(name, str) and name.endswith(".ipynb")), "")
