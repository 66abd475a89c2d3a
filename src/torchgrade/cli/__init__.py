"""The command line: thin wrappers over ``torchgrade.pipeline``. Opens ``--help`` without importing torch."""

from torchgrade.cli.commands import app, main
from torchgrade.cli.reports import report

app.command()(report)

__all__ = ["main"]
