"""GitHub's workflow commands: written so that no text can end one or begin another.

A runner reads commands in whatever a step prints. So it is made deaf while anything of a student's is printed,
until it reads a word that nobody can know before; and in our own commands everything is escaped.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterator, Sequence

from torchgrade.feedback.ci.findings import Finding
from torchgrade.feedback.clean import one_line, plain
from torchgrade.i18n import plural

#: Of each level, a step may show so many.
SHOWN = 10
_DATA = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_PROPERTY = {**_DATA, ":": "%3A", ",": "%2C"}

Say = Callable[[str], None]


@contextlib.contextmanager
def deaf(say: Say) -> Iterator[None]:
    """The runner takes nothing for a command that is printed inside, however it ends."""
    word = secrets.token_hex(16)
    say(f"::stop-commands::{word}")
    try:
        yield
    finally:
        say("")  # what was printed last may not have ended its line
        say(f"::{word}::")


def command(name: str, message: str, **properties: object) -> str:
    """A command as a line; ``file=``, ``line=``, ``title=``."""
    listed = ",".join(f"{key}={_escaped(str(value), _PROPERTY)}" for key, value in properties.items())
    return f"::{name}{' ' if listed else ''}{listed}::{_escaped(plain(message), _DATA)}"


def _escaped(text: str, table: dict[str, str]) -> str:
    return "".join(table.get(c, c) for c in text)


def commands(found: Sequence[Finding]) -> list[str]:
    """A command for each finding, as far as GitHub shows them; the last of a level says how many it leaves out."""
    lines = []
    for level in ("error", "warning", "notice"):
        of_level = [f for f in found if f.level == level]
        shown = of_level if len(of_level) <= SHOWN else of_level[: SHOWN - 1]
        lines += [command(level, f.text, file=f.path, line=f.line, title=one_line(f.title, 200)) for f in shown]
        if left := len(of_level) - len(shown):
            said = plural(
                "{count} more is told in the summary of this run.",
                "{count} more are told in the summary of this run.",
                left,
            )
            lines.append(command(level, said.format(count=left)))
    return lines
