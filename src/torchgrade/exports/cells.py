"""Cells of a spreadsheet: what a student wrote must never run there."""

from __future__ import annotations

from torchgrade.feedback.clean import one_line
from torchgrade.feedback.machine import neutral

__all__ = ["is_formula", "neutral"]

_CELL = 2000


def is_formula(text: str) -> bool:
    """Whether a spreadsheet could take this for a formula, so that it must not be written as it is."""
    return text[:1] in ("\t", "\r") or neutral(text) != one_line(text, _CELL)
