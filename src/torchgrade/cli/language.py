"""The option ``--lang`` of the commands that speak to students."""

from __future__ import annotations

from typing import Annotated

import typer

from torchgrade.errors import UsageError
from torchgrade.i18n import LANGUAGES


def _known(language: str) -> str:
    if language and language not in LANGUAGES:
        raise UsageError(f"--lang {language}: there is no such language; known: {', '.join(LANGUAGES)}")
    return language


Lang = Annotated[
    str,
    typer.Option(
        "--lang", metavar="[en|ru]", callback=_known, help="Language of all sentences; default: the course's."
    ),
]
