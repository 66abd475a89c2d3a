"""What a check found, in the sentences of the report: for the terminal, for a notebook and as plain text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from torchgrade.feedback.clean import one_line, plain, sentence, shorten
from torchgrade.feedback.rubric import CriterionView, criteria_views, said_of
from torchgrade.feedback.words import OUTCOMES, STATUSES, cell_said, cell_word, number, tier_words
from torchgrade.i18n import _, plural
from torchgrade.model import Assignment, CellReport, Evidence, Outcome, Status, Tier, Verdict

_SIGNS = {"check": "✓", "half": "◐", "skip": "–", "pen": "…", "wrench": "!"}
_OTHER = "✗"
_BASE64 = re.compile(r"[A-Za-z0-9+/]{1,60000}={0,2}")
_LISTED = 30  # cells or notes


@dataclass(frozen=True)
class ToldCriterion:
    """One criterion: as the page shows it, and in plain text what is said of one that was not passed."""

    view: CriterionView
    sign: str
    said: str
    hint: str
    evidence: tuple[Evidence, ...]

    @property
    def exhibits(self) -> tuple[Evidence, ...]:
        """What the view has neither as an array nor as errors."""
        return tuple(e for e in self.evidence if e.kind not in ("array", "errors"))

    def drawing(self, exhibit: Evidence, number: int) -> Markup:
        """The picture beside a row of an exhibit, PNG in base64; empty where there is none."""
        drawn = exhibit.drawn[number] if number < len(exhibit.drawn) else ""
        return Markup(drawn if _BASE64.fullmatch(drawn) else "")  # noqa: S704 - nothing but letters and digits

    @property
    def lost(self) -> bool:
        """Whether something is to be done about it."""
        return self.view.word.icon != OUTCOMES[Outcome.PASSED].icon


@dataclass(frozen=True)
class ToldCell:
    """A cell that did not finish."""

    name: str
    sign: str
    word: str
    tone: str
    said: str


@dataclass(frozen=True)
class Told:
    """All that a student is told of a check."""

    title: str
    language: str  # of the title and of the criteria
    summary: str
    later: str
    criteria: tuple[ToldCriterion, ...]
    cells: tuple[ToldCell, ...]
    reason: str
    notes: tuple[str, ...]


def tell(
    assignment: Assignment, verdict: Verdict, *, later: int, note: str = "", live: bool = False, language: str = ""
) -> Told:
    """The check in words. ``later``: criteria that only the course runs; ``note``: why the room was a weaker one.

    ``live``: the kernel that asked was examined, not the notebook's file.
    """
    return Told(
        title=one_line(_(assignment.title), 200),
        language=one_line(language, 20),
        summary=_summary(verdict),
        later=_later(later),
        criteria=tuple(_criteria(verdict)),
        cells=tuple(_cell(c) for c in verdict.cells if c.status != "ok")[:_LISTED],
        reason=_reason(verdict),
        notes=tuple(_notes(verdict, note, live=live)),
    )


def sign_of(icon: str) -> str:
    """The character that stands for one of the report's symbols."""
    return _SIGNS.get(icon, _OTHER)


def _summary(verdict: Verdict) -> str:
    passed = sum(c.outcome is Outcome.PASSED for c in verdict.criteria)
    total = len(verdict.criteria)
    checks = plural("{passed} of {count} public check passed", "{passed} of {count} public checks passed", total)
    points = _("{checks}: {points} of {most} points")
    return points.format(
        checks=checks.format(passed=passed, count=total),
        points=number(verdict.points),
        most=number(verdict.max_points),
    )


def _later(count: int) -> str:
    many = plural("{count} more runs when it is graded", "{count} more run when it is graded", count)
    return many.format(count=count) if count else ""


def _criteria(verdict: Verdict) -> Iterator[ToldCriterion]:
    views = criteria_views(verdict.criteria, everything=False)
    for result, view in zip(verdict.criteria, views, strict=True):
        lost = result.outcome is not Outcome.PASSED
        yield ToldCriterion(
            view=view,
            sign=sign_of(view.word.icon),
            said=shorten(said_of(result), 1600) if lost else "",
            hint=shorten(plain(result.hint), 1000) if lost else "",
            evidence=result.evidence,
        )


def _cell(cell: CellReport) -> ToldCell:
    word = cell_word(cell.status)
    name = _("Cell {number}").format(number=cell.index + 1)
    return ToldCell(name, sign_of(word.icon), word.text, word.tone, one_line(cell_said(cell), 200))


def _reason(verdict: Verdict) -> str:
    meaning = STATUSES[verdict.status].meaning if verdict.status is Status.LIMIT else ""
    return " ".join(filter(None, (sentence(one_line(verdict.reason, 1000)), meaning)))


def _notes(verdict: Verdict, note: str, *, live: bool) -> Iterator[str]:
    yield from (sentence(one_line(each, 500)) for each in verdict.notes[:_LISTED])
    if live:
        yield _("This is your kernel as it is now. Restart it and run all cells before you hand in.")
    elif verdict.sandbox != Tier.FULL:
        words = _("Sandbox: {tier}, which is enough for your own notebook").format(
            tier=tier_words(verdict.sandbox)
        )
        yield f"{words} ({one_line(note, 300)})" if note else words
