"""A check on a terminal, or as plain text: a line for each criterion, with what was expected beside what came."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from torchgrade.i18n import _

if TYPE_CHECKING:
    from torchgrade.feedback.told import Told, ToldCriterion
    from torchgrade.model import Evidence

_DRAWN = ("images", "filters")  # of these a terminal would show the captions alone
_COLOURS = {"good": "green", "part": "yellow", "bad": "red", "idle": "yellow", "ours": "magenta"}
_INDENT = 4
_APART = 4  # of arrays side by side


def as_text(told: Told, width: int = 100) -> str:
    """The whole result as plain text."""
    out = io.StringIO()
    show(Console(file=out, width=width, color_system=None, highlight=False, emoji=False), told)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def show(console: Console, told: Told) -> None:
    """The whole result, in words, at one go; a sign and a word stand beside every colour."""
    console.print(Group(*_parts(told, console.width)))


def _parts(told: Told, width: int) -> Iterator[RenderableType]:
    yield _marked(f"[bold]{_shown(told.title)}[/bold]")
    for cell in told.cells:  # first: a cell that cannot run is often why a criterion fails
        colour = _COLOURS[cell.tone]
        yield _marked(
            f"[{colour}]{cell.sign} {_shown(cell.name)} {_shown(cell.word)}[/{colour}] {_shown(cell.said)}"
        )
    wide = max((len(c.view.word.text) for c in told.criteria), default=0)
    worth = max((len(c.view.points) for c in told.criteria), default=0)
    for criterion in told.criteria:
        yield from _criterion(criterion, wide, worth, width)
    later = f"; {_shown(told.later)}" if told.later else ""
    yield _marked(f"\n[bold]{_shown(told.summary)}[/bold]{later}")
    if told.reason:
        yield _marked(f"[yellow]{_shown(told.reason)}[/yellow]")
    for note in told.notes:
        yield _marked(f"[dim]{_shown(note)}[/dim]")


def _criterion(told: ToldCriterion, wide: int, worth: int, width: int) -> Iterator[RenderableType]:
    view, head = told.view, Table.grid(padding=(0, 2))
    head.add_column(width=wide + 2, no_wrap=True)
    head.add_column(width=worth, justify="right", no_wrap=True)
    head.add_column()  # a long title goes on below its own beginning
    head.add_row(
        Text(f"{told.sign} {clean(view.word.text)}", style=_COLOURS[view.word.tone]),
        Text(clean(view.points)),
        Text(clean(view.title)),
    )
    yield head
    if told.said:
        yield _indented(_shown(told.said))
    if told.hint:
        word = _("Hint")
        yield _indented(f"[cyan]{word}:[/cyan] {_shown(told.hint)}")
    if told.evidence and told.lost:
        yield from _evidence(told.evidence, width)


def _marked(markup: str) -> Text:
    return Text.from_markup(markup, emoji=False)


def _indented(markup: str) -> Padding:
    return Padding(_marked(markup), (0, 0, 0, _INDENT))


def _evidence(evidence: tuple[Evidence, ...], width: int) -> Iterator[RenderableType]:
    """Small arrays, side by side where they fit, else one below the other."""
    blocks = [_block(item, width - _INDENT) for item in evidence if item.kind not in _DRAWN and not _told(item)]
    if not blocks:
        return
    if _INDENT + sum(len(b[0]) + _APART for b in blocks) - _APART <= width:
        height = max(map(len, blocks))
        rows = [
            (" " * _APART).join(b[n] if n < len(b) else " " * len(b[0]) for b in blocks) for n in range(height)
        ]
    else:
        rows = [line for block in blocks for line in block]
    for row in rows:
        yield Text(f"{' ' * _INDENT}{row.rstrip()}", style="dim", no_wrap=True, overflow="ignore")


def _told(item: Evidence) -> bool:
    """Whether this is a traceback of one frame: the message has quoted its error and its line already."""
    return item.kind == "trace" and sum(row[0].lstrip().startswith('File "') for row in item.rows if row) == 1


def _block(item: Evidence, room: int) -> list[str]:
    """Lines of equal width, at most ``room`` characters: label, shape, then the numbers."""
    head = f"{item.label} {list(item.shape)}" if item.kind == "array" else item.label
    lines = [head, *(_numbers(item, room) if item.kind == "array" else _words(item))]
    lines += ["…"] if item.cut else []
    widest = max(map(len, lines))
    return [f"{clean(line):<{widest}}" for line in lines]


def _numbers(item: Evidence, room: int) -> list[str]:
    """Rows of whole numbers: one that is cut in the middle would be another number."""
    width = max((len(clean(v)) for row in item.rows for v in row), default=1)
    most = max((room + 1) // (width + 1), 1)
    if any(len(row) > most for row in item.rows):
        most = max((room - 1) // (width + 1), 1)  # room for a space and the dots
    return [
        " ".join([f"{clean(v):>{width}}" for v in row[:most]] + ["…"] * (len(row) > most)) for row in item.rows
    ]


def _words(item: Evidence) -> list[str]:
    """Columns of words, each as wide as its longest."""
    columns = itertools.zip_longest(*item.rows, fillvalue="")
    widths = [max(len(clean(text)) for text in column) for column in columns]
    return ["  ".join(f"{clean(v):<{w}}" for v, w in zip(row, widths, strict=False)).rstrip() for row in item.rows]


def _shown(text: str) -> str:
    return escape(clean(text))


def clean(text: str) -> str:
    """Without control characters: a student's words must not steer the terminal."""
    return "".join(c if c.isprintable() or c == "\n" else "·" for c in text)
