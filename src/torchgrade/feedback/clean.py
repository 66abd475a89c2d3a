"""What a student wrote, made harmless before it is shown: plain characters, bounded length.

Escaping for HTML, XML or CSV comes after this and is the renderer's own business.
"""

from __future__ import annotations

import re
import sys
from typing import Any

from torchgrade.i18n import _

# Terminal sequences. String-type ones (OSC, DCS, PM, APC, SOS) are dropped only when they end, so that an
# unfinished one cannot swallow the rest of the text. Every branch is linear in the length of the text.
_ANSI = re.compile(
    r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"
    r"|\x1b[PX^_][^\x1b]*\x1b\\"
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|\x1b[ -/]*[0-~]?"
)
_BIDI = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_SPACES = re.compile(r"\s+")


def _table() -> dict[int, str | None]:
    """Characters that may not stay: controls vanish, surrogates and non-characters are replaced, and marks
    that turn the reading direction become visible (source code must read as it runs)."""
    table: dict[int, str | None] = {c: None for c in (*range(0x20), *range(0x7F, 0xA0)) if chr(c) not in "\t\n"}
    table.update(dict.fromkeys((0x85, 0x2028, 0x2029), "\n"))
    table.update(dict.fromkeys(range(0xD800, 0xE000), "\ufffd"))
    table.update(dict.fromkeys(range(0xFDD0, 0xFDF0), "\ufffd"))
    for plane in range(0, sys.maxunicode, 0x10000):
        table.update(dict.fromkeys((plane + 0xFFFE, plane + 0xFFFF), "\ufffd"))
    table.update({c: f"[U+{c:04X}]" for c in _BIDI})
    return table


_TABLE = _table()


def plain(text: str) -> str:
    """The text without terminal sequences and control characters; valid in UTF-8, XML 1.0 and HTML."""
    return _ANSI.sub("", text).replace("\r\n", "\n").replace("\r", "\n").translate(_TABLE)


def one_line(text: str, limit: int = 500) -> str:
    """``plain`` on a single line, cut with an ellipsis at ``limit`` characters."""
    line = _SPACES.sub(" ", plain(text[: 8 * limit])).strip()
    return line if len(line) <= limit else line[: limit - 1] + "…"


def sentence(text: str) -> str:
    """What the engine says in passing, as a sentence of its own. A beginning that may be a name stays as it is."""
    first = text.split(" ", 1)[0]
    begun = text[:1].upper() + text[1:] if first.isalpha() and first.islower() else text
    return begun if not begun or begun.endswith((".", "!", "?", "…")) else f"{begun}."


def terminal(text: str) -> str:
    """What a terminal would still show: a progress bar that returns to the line's start leaves its last state."""
    lines = text.replace("\r\n", "\n").split("\n")
    return plain("\n".join(line.rstrip("\r").rpartition("\r")[2] for line in lines))


def shorten(text: str, limit: int) -> str:
    """Head and tail of a long text, with a line between them that says how much was left out."""
    if len(text) <= limit:
        return text
    head, tail = limit * 2 // 3, limit // 3
    left = _("… {count} characters left out …").format(count=f"{len(text) - head - tail:,}")
    return f"{text[:head]}\n{left}\n{text[-tail:]}"


def encodable(text: str) -> str:
    """The text as it is, but for what UTF-8 cannot hold (lone surrogates)."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def joined(value: Any) -> str:
    """A notebook's text field: a string, or a list of strings; anything else counts as empty."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(part for part in value if isinstance(part, str))
    return ""
