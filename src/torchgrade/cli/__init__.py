"""The command line: thin wrappers over ``torchgrade.pipeline``. Opens ``--help`` without importing torch."""

from torchgrade.cli.commands import app, main
from torchgrade.cli.reports import report
from torchgrade.cli.serve import serve

app.command()(report)
app.command()(serve)

__all__ = ["main"]
