"""The gradebook: every verdict, kept in any SQL database (an SQLite file by default)."""

from torchgrade.gradebook.book import Gradebook, GradingRun

__all__ = ["Gradebook", "GradingRun"]
