"""The command line: thin wrappers over ``torchgrade.pipeline``. Opens ``--help`` without importing torch."""

from torchgrade.cli.commands import main

__all__ = ["main"]
