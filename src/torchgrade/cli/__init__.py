"""The command line: thin wrappers over ``torchgrade.pipeline``. Opens ``--help`` without importing torch."""

from torchgrade.cli import _early, importing
from torchgrade.cli.commands import app, main
from torchgrade.cli.diff import diff
from torchgrade.cli.export import export
from torchgrade.cli.new import new
from torchgrade.cli.release import release
from torchgrade.cli.reports import report
from torchgrade.cli.serve import serve

app.command()(diff)
app.command()(export)
app.command()(new)
app.command()(release)
app.command()(report)
app.command()(serve)
app.add_typer(importing.app, name="import")
_early.listen()

__all__ = ["app", "main"]
