"""Python source as coloured HTML: Pygments reads it, a handful of our own classes colour it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache, lru_cache

from markupsafe import Markup, escape
from pygments.lexers.python import PythonLexer  # type: ignore[import-untyped, unused-ignore]
from pygments.token import (  # type: ignore[import-untyped, unused-ignore]
    Comment,
    Keyword,
    Name,
    Number,
    Operator,
    String,
    _TokenType,
)

from torchgrade.i18n import _

_LONGEST = 12_000  # characters; longer source is shown without colour
_CLASSES: tuple[tuple[_TokenType, str], ...] = (
    (Comment, "c"),
    (Keyword, "k"),
    (Operator.Word, "k"),
    (String, "s"),
    (Number, "n"),
    (Name.Function, "f"),
    (Name.Class, "f"),
    (Name.Decorator, "f"),
    (Name.Builtin, "b"),
)


def highlight(source: str, wrong_line: int | None = None, *, colour: bool = True) -> Markup:
    """``source`` (already ``plain``) as lines of HTML, each in a span; ``wrong_line`` (from 1) is marked."""
    runs = _runs(source) if colour and len(source) <= _LONGEST else (("", source),)
    lines = [_line(html, wrong=n == wrong_line) for n, html in enumerate(_by_line(runs), start=1)]
    return Markup("\n".join(lines))  # noqa: S704 (built here from escaped pieces)


def least_size(source: str) -> int:
    """Bytes that ``highlight`` needs at least: enough to know that there is no room, without the work."""
    return len(source) + len(_line("", wrong=False)) * (source.count("\n") + 1)


def _line(html: str, *, wrong: bool) -> str:
    if wrong:
        here = _("here")
        return f'<span class="l wrong">{html}<b class="here">◀ {here}</b></span>'
    return f'<span class="l">{html}</span>'


def _by_line(runs: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Runs of one class, cut at the line ends and joined by line, as HTML."""
    parts: list[str] = []
    for css, text in runs:
        first, *rest = text.split("\n")
        parts.append(_span(css, first))
        for piece in rest:
            yield "".join(parts)
            parts = [_span(css, piece)]
    yield "".join(parts)


def _span(css: str, text: str) -> str:
    safe = str(escape(text))
    return f'<i class="{css}">{safe}</i>' if css and not text.isspace() and text else safe


@lru_cache(maxsize=512)  # a cohort has most of its cells from one handout
def _runs(source: str) -> tuple[tuple[str, str], ...]:
    """(class, text) with neighbours of one class joined: far fewer spans than tokens."""
    return tuple(_coloured(source))


def _coloured(source: str) -> Iterator[tuple[str, str]]:
    lexer = PythonLexer(stripnl=False, ensurenl=False)
    current, held = "", ""
    for _at, token, value in lexer.get_tokens_unprocessed(source):
        css = _class(token)
        if css == current:
            held += value
        else:
            yield current, held
            current, held = css, value
    yield current, held


@cache
def _class(token: _TokenType) -> str:
    return next((css for kind, css in _CLASSES if token in kind), "")
