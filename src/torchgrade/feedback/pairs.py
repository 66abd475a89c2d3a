"""The page of similar notebooks: each pair side by side, with what both have marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from torchgrade.feedback.clean import one_line, plain
from torchgrade.feedback.similar import Pair, Piece
from torchgrade.feedback.templates import inline, policy, render
from torchgrade.feedback.words import moment
from torchgrade.i18n import _, plural
from torchgrade.model import Assignment, Course

_AROUND = 3  # lines shown before and behind what both have
_BYTES = 900_000  # of code on the page; pairs beyond are named with their code left out


@dataclass(frozen=True)
class _Side:
    student: str
    page: str
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class _PairView:
    share: str
    sides: tuple[_Side, _Side]
    left_out: bool


def render_pairs(
    course: Course,
    assignment: Assignment,
    pairs: Sequence[Pair],
    pages: Mapping[str, str],
    *,
    generated_at: datetime,
) -> str:
    """The page as HTML; ``pages`` are the file names of the students' pages."""
    style = inline("base.css", "similar.css")
    return render(
        "similar.html.j2",
        assignment=one_line(_(assignment.title), 200),
        course=one_line(_(course.title), 200),
        language_of_course=one_line(course.language, 20),
        when=moment(generated_at),
        pairs=_views(pairs, pages),
        style=style,
        script=None,
        policy=policy(style),
    )


def _views(pairs: Sequence[Pair], pages: Mapping[str, str]) -> list[_PairView]:
    views, room = [], _BYTES
    for pair in pairs:
        left, right = _shown(pair.left), _shown(pair.right)
        size = sum(len(text.encode()) for text, both in (*left, *right))
        room -= size
        fits = room >= 0
        sides = (
            _Side(one_line(pair.first, 120), pages.get(pair.first, ""), left if fits else ()),
            _Side(one_line(pair.second, 120), pages.get(pair.second, ""), right if fits else ()),
        )
        views.append(_PairView(f"{100 * pair.share:.0f}", sides, not fits))
    return views


def _shown(pieces: Sequence[Piece]) -> tuple[Piece, ...]:
    """What both have, with a few lines around it; what lies between is counted."""
    shown: list[Piece] = []
    for n, (text, both) in enumerate(pieces):
        lines = plain(text).splitlines(keepends=True)
        before, behind = (_AROUND if n else 0), (_AROUND if n + 1 < len(pieces) else 0)
        left_out = len(lines) - before - behind
        if both or left_out < 2:
            shown.append(("".join(lines), both))
            continue
        words = plural("… {count} line …", "… {count} lines …", left_out).format(count=left_out)
        middle = f"{words}\n"
        shown.append(("".join([*lines[:before], middle, *lines[len(lines) - behind :]]), False))
    return tuple(shown)
