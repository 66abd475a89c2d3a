"""A notebook's Markdown as HTML that is safe: CommonMark and tables, read by markdown-it.

No HTML of the student's passes, no picture is fetched, links are web or mail. Headings become styled paragraphs:
the report keeps its outline. Formulas stay as they were written.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markupsafe import Markup, escape

_LONGEST = 20_000  # characters; longer text is shown as it was written
_CODE = re.compile(r"`([^`\n]{1,300})`")
_LINK = re.compile(r"(?:https?://|mailto:)(?:(?!%2[27])[^\s<>\"'])+\Z", re.IGNORECASE)
_FORMULA = re.compile(r"\$\$[^$]{1,4000}\$\$|\$[^$\n]{1,1000}\$")


def markdown(text: str) -> Markup:
    """``text`` (already ``plain``) as HTML."""
    if len(text) > _LONGEST:
        return Markup('<pre tabindex="0">{}</pre>').format(text)
    return Markup(_reader().render(text).strip())  # noqa: S704 (markdown-it escapes; `html` is off)


def with_code(text: str) -> Markup:
    """One of our own sentences (already ``plain``), with `names in backticks` as code and nothing else."""
    pieces = _CODE.split(text)
    code = [Markup("<code>{}</code>").format(p) if i % 2 else escape(p) for i, p in enumerate(pieces)]
    return Markup("").join(code)


@cache
def _reader() -> MarkdownIt:
    reader = MarkdownIt("commonmark", {"html": False, "xhtmlOut": False}).enable("table")
    reader.validateLink = lambda url: bool(_LINK.match(url))  # type: ignore[method-assign]
    reader.inline.ruler.before("escape", "formula", _formula)
    rules = {
        "heading_open": _heading,
        "heading_close": _fixed("</p>\n"),
        "fence": _code_block,
        "code_block": _code_block,
        "image": _picture,
        "link_open": _link,
        "table_open": _fixed('<div class="table" tabindex="0"><table>\n'),
        "table_close": _fixed("</table></div>\n"),
        "th_open": _fixed("<th>"),  # the page allows no style of an element's own, which the alignment would be
        "td_open": _fixed("<td>"),
    }
    for name, rule in rules.items():
        reader.add_render_rule(name, rule)
    return reader


def _fixed(html: str) -> Any:
    return lambda *_: html


def _heading(_: Any, tokens: Sequence[Token], at: int, *__: Any) -> str:
    return f'<p class="mh mh{min(int(tokens[at].tag[1:]), 3)}">'


def _code_block(_: Any, tokens: Sequence[Token], at: int, *__: Any) -> str:
    return Markup('<pre tabindex="0">{}</pre>\n').format(tokens[at].content.rstrip("\n"))


def _picture(_: Any, tokens: Sequence[Token], at: int, *__: Any) -> str:
    return str(escape(f"![{tokens[at].content}]"))


def _link(_: Any, tokens: Sequence[Token], at: int, *__: Any) -> str:
    return Markup('<a href="{}" rel="noopener noreferrer nofollow">').format(tokens[at].attrs.get("href", ""))


def _formula(state: StateInline, silent: bool) -> bool:
    """What stands between dollars: its stars, underscores and backslashes are no Markdown."""
    found = _FORMULA.match(state.src, state.pos)
    if not found:
        return False
    if not silent:
        state.pending += found[0]
    state.pos = found.end()
    return True
