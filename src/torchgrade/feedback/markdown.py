"""A small, safe reading of a notebook's Markdown: headings, code, bold, rules, links that are web or mail.

Everything else stays the text it is. No HTML of the student's passes; headings become styled paragraphs, so
that they do not disturb the outline of the report.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from markupsafe import Markup, escape

# Bounded repeats keep each pattern linear on hostile text.
_INLINE = re.compile(
    r"`(?P<code>[^`\n]{1,300})`"
    r"|\*\*(?P<bold>[^*\n]{1,300})\*\*"
    r"|(?P<picture>!?)\[(?P<label>[^\[\]\n]{1,200})\]\((?P<url>[^()\s<>\"]{1,500})\)"
)
_CODE = re.compile(r"`([^`\n]{1,300})`")
_LINK = re.compile(r"(?:https?://|mailto:)[^\s<>\"']+\Z", re.IGNORECASE)
_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(\S[^\n]*)\Z")
_FENCE = re.compile(r" {0,3}(```|~~~)")
_RULE = re.compile(r" {0,3}(?:-{3,}|\*{3,}|_{3,})\s*\Z")


def markdown(text: str) -> Markup:
    """``text`` (already ``plain``) as HTML."""
    return Markup("").join(_blocks(text))


def with_code(text: str) -> Markup:
    """One of our own sentences (already ``plain``), with `names in backticks` as code and nothing else."""
    pieces = _CODE.split(text)
    code = [Markup("<code>{}</code>").format(p) if i % 2 else escape(p) for i, p in enumerate(pieces)]
    return Markup("").join(code)


def _blocks(text: str) -> Iterator[Markup]:
    held: list[str] = []
    lines = iter(text.split("\n"))
    for line in lines:
        special = _special(line, lines)
        if special is None and line.strip():
            held.append(line)
            continue
        yield from _paragraph(held)
        held = []
        if special is not None:
            yield special
    yield from _paragraph(held)


def _special(line: str, following: Iterator[str]) -> Markup | None:
    """A heading, a rule, or a fenced block (which takes its lines from ``following``)."""
    if fence := _FENCE.match(line):
        body = []
        for inner in following:
            if inner.strip().startswith(fence[1]):
                break
            body.append(inner)
        return Markup('<pre tabindex="0">{}</pre>').format("\n".join(body))
    if heading := _HEADING.match(line):
        level = min(len(heading[1]), 3)
        return Markup('<p class="mh mh{}">{}</p>').format(level, _inline(heading[2].rstrip("# ")))
    return Markup("<hr>") if _RULE.match(line) else None


def _paragraph(lines: list[str]) -> Iterator[Markup]:
    if lines:
        yield Markup("<p>{}</p>").format(_inline("\n".join(lines)))


def _inline(text: str) -> Markup:
    parts, end = [], 0
    for match in _INLINE.finditer(text):
        parts += [escape(text[end : match.start()]), _piece(match)]
        end = match.end()
    return Markup("").join([*parts, escape(text[end:])])


def _piece(match: re.Match[str]) -> Markup:
    if match["code"]:
        return Markup("<code>{}</code>").format(match["code"])
    if match["bold"]:
        return Markup("<strong>{}</strong>").format(match["bold"])
    if match["picture"] or not _LINK.match(match["url"]):
        return escape(match[0])
    return Markup('<a href="{}" rel="noopener noreferrer nofollow">{}</a>').format(match["url"], match["label"])
