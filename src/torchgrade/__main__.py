"""``python -m torchgrade``."""

from torchgrade.cli import main

main()
