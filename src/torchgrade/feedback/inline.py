"""A check inside a notebook: HTML without script, style sheet or link, in the host page's own colours."""

from __future__ import annotations

from torchgrade.feedback.templates import render
from torchgrade.feedback.told import Told


def render_inline(told: Told) -> str:
    """The check as HTML for the output of a cell."""
    return render("inline.html.j2", told=told)
