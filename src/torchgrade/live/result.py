"""What a check shows: rich HTML, plain text where that is not shown."""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from typing import Any

from torchgrade.i18n import _
from torchgrade.live.place import find_shell


@dataclass
class Result:
    """What a check found. ``document``: what ``check --json`` prints; empty where there was a problem."""

    text: str
    html: str
    document: dict[str, Any] = field(default_factory=dict)
    problem: str = ""
    _shown_in: int = -1

    @property
    def points(self) -> float:
        """What was earned of the public points."""
        return float(self.document.get("points", 0.0))

    @property
    def max_points(self) -> float:
        """The public points."""
        return float(self.document.get("max_points", 0.0))

    def shown(self, shell: Any) -> Result:
        """Show it now, wherever in a cell the call stands; once, though it may be the cell's value too."""
        if shell is None:
            print(self.text)
            return self
        from IPython.display import display

        display(self)
        self._shown_in = shell.execution_count
        return self

    def _ipython_display_(self) -> None:
        shell = find_shell()
        if shell is not None and shell.execution_count == self._shown_in:
            return
        from IPython.display import display

        display(self._repr_mimebundle_(), raw=True)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/plain": self.text, "text/html": self.html}

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return self.text


def problem(said: str) -> Result:
    """A check that could not be done: said, but never raised, since the cells that follow are no worse for it."""
    text = _("check() could not be done: {why}").format(why=said)
    style = "border-left:3px solid #6d3bb0;padding:0.2em 0.8em;white-space:pre-wrap"
    return Result(f"! {text}", f'<div style="{style}">! {html.escape(text)}</div>', problem=said)
