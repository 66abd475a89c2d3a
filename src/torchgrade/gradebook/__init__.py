"""The gradebook: every verdict, kept in any SQL database (an SQLite file by default), and what teachers decide."""

from torchgrade.gradebook.book import Gradebook, GradingRun
from torchgrade.gradebook.decisions import (
    Conflict,
    Decision,
    Decisions,
    Entry,
    Refused,
    Release,
    Standing,
    Wish,
    mark,
)

__all__ = [
    "Conflict",
    "Decision",
    "Decisions",
    "Entry",
    "Gradebook",
    "GradingRun",
    "Refused",
    "Release",
    "Standing",
    "Wish",
    "mark",
]
