"""The step summary: Markdown for GitHub in which everything of a student's stands as text.

It is HTML without a line break inside, so that no Markdown is looked for in it, and with every character of HTML
escaped.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence

from torchgrade.feedback.ci.findings import Examined
from torchgrade.feedback.clean import plain
from torchgrade.feedback.terminal import as_text
from torchgrade.feedback.told import ToldCriterion
from torchgrade.feedback.words import OUTCOMES
from torchgrade.i18n import _, plural
from torchgrade.model import Outcome

BYTES = 1_000_000  # of the 1 MiB that a step may have
_LAST = 400  # bytes kept free for the line that says what was cut


def step_summary(examined: Sequence[Examined], untouched: Sequence[str] = (), limit: int = BYTES) -> str:
    """The whole summary; what does not fit into ``limit`` bytes is left out and counted."""
    blocks = [block for one in examined for block in _blocks(one)]
    if untouched:
        said = _("Not begun yet: {names}").format(names=", ".join(untouched))
        blocks.append(f"<p>{_text(said)}</p>")
    kept: list[str] = []
    room = limit - _LAST
    for block in blocks:
        room -= len(block.encode()) + 2
        if room < 0:
            left = len(blocks) - len(kept)
            said = plural(
                "{count} part left out: the summary is full. The report has it all.",
                "{count} parts left out: the summary is full. The report has it all.",
                left,
            )
            kept.append(f"<p>{_text(said.format(count=left))}</p>")
            break
        kept.append(block)
    return "\n\n".join(kept) + "\n"


def _blocks(examined: Examined) -> Iterator[str]:
    """Each is one line of HTML, whole in itself."""
    told = examined.told
    yield f"<h3>{_text(told.title)} <code>{_text(examined.path)}</code></h3>"
    later = f"; {told.later}" if told.later else ""
    yield f"<p><strong>{_text(told.summary)}</strong>{_text(later)}</p>"
    if told.reason:
        yield f"<p>{_text(told.reason)}</p>"
    rows = "".join(map(_row, told.criteria))
    head = "".join(f"<th>{_text(word)}</th>" for word in (_("Outcome"), _("Points"), _("Criterion")))
    yield f"<table><tr>{head}</tr>{rows}</table>"
    if told.cells:
        listed = "".join(f"<li>{_text(f'{c.sign} {c.name} {c.word}')} {_code(c.said)}</li>" for c in told.cells)
        yield f"<ul>{listed}</ul>"
    if any(c.evidence for c in told.criteria if c.view.word.icon != OUTCOMES[Outcome.PASSED].icon):
        word = _("As in the terminal")
        yield f"<details><summary>{_text(word)}</summary><pre>{_text(as_text(told), '&#10;')}</pre></details>"
    word = _("Device")
    facts = [f"{word}: {examined.verdict.device}", *told.notes]
    yield f"<p>{'<br>'.join(map(_text, facts))}</p>"


def _row(told: ToldCriterion) -> str:
    said = f"<br>{_code(told.said)}" if told.said else ""
    word = _("Hint")
    hint = f"<br>{_text(f'{word}: {told.hint}')}" if told.hint else ""
    cells = f"<td>{_text(f'{told.sign} {told.view.word.text}')}</td><td>{_text(told.view.points)}</td>"
    return f"<tr>{cells}<td>{_text(told.view.title)}{said}{hint}</td></tr>"


def _code(text: str) -> str:
    """Where neither a link nor a name of somebody is looked for."""
    return f"<code>{_text(text)}</code>" if text else ""


def _text(text: str, newline: str = "<br>") -> str:
    return html.escape(plain(text)).replace("\n", newline)
