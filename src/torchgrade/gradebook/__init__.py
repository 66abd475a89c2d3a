"""The gradebook: every verdict, kept in any SQL database (an SQLite file by default), and what teachers decide."""

from torchgrade.gradebook.book import Gradebook, GradingRun
from torchgrade.gradebook.deciding import Conflict, Decision, Refused, Wish
from torchgrade.gradebook.decisions import Decisions
from torchgrade.gradebook.logbook import Entry
from torchgrade.gradebook.outlines import Standing
from torchgrade.gradebook.releasing import Release, mark

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
