"""What a teacher may decide on one work beside the machine's verdict, and how it is kept."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select, update

from torchgrade.errors import UsageError
from torchgrade.gradebook import logbook
from torchgrade.gradebook.moments import aware, stored
from torchgrade.gradebook.schema import decisions, matching
from torchgrade.i18n import _
from torchgrade.model import CriterionResult, Outcome, Verdict

WHOLE = ""  # the id that stands for the whole work, which may have a comment and no points
MOST_TEXT = 1200  # characters of a reason or a comment: what the student's page shows uncut


@dataclass(frozen=True)
class Decision:
    """What holds now. ``points`` None: the machine's stand, and there is a comment at most."""

    criterion: str
    points: float | None
    reason: str
    comment: str
    machine_outcome: str
    machine_points: float
    attempt: int
    notebook_digest: str
    version: int
    who: str
    at: datetime


@dataclass(frozen=True)
class Wish:
    """What a teacher asks for. ``version``: of the decision that they saw, 0 where there was none.

    ``keep``: a decision on earlier work holds for this one, too; then the other fields say nothing.
    """

    criterion: str
    points: float | None = None
    reason: str = ""
    comment: str = ""
    version: int = 0
    keep: bool = False


class Refused(UsageError):
    """A decision that cannot be; ``criterion`` says which."""

    def __init__(self, criterion: str, problem: str) -> None:
        super().__init__(problem)
        self.criterion = criterion


class Conflict(UsageError):
    """Something changed since the teacher looked; ``criterion`` says what, None: there is another verdict."""

    def __init__(self, criterion: str | None, problem: str) -> None:
        super().__init__(problem)
        self.criterion = criterion


def decided(db: Connection, whose: Mapping[str, str]) -> list[tuple[str, Decision]]:
    """(student, decision) of those whose columns (course, assignment, …, criterion) are as ``whose`` says."""
    rows = db.execute(select(decisions).where(matching(decisions, whose))).mappings()
    return [(row["student"], _decision(row)) for row in rows]


@dataclass(frozen=True)
class Decider:
    """One teacher before one work, inside a transaction that writes."""

    db: Connection
    course: str
    key: str  # of the verdict
    verdict: Verdict
    who: str
    now: datetime

    def decide(self, wish: Wish) -> bool:
        """Keep a wish; whether it changed anything. Raises Conflict, Refused."""
        before = self._before(wish.criterion)
        here = before if before is not None and before.notebook_digest == self._digest else None
        if wish.keep and before is not None:
            wish = dataclasses.replace(wish, **_said(before))
        if here is None and _is_empty(wish):
            return False  # nothing typed leaves a decision on earlier work as it is: not confirmed, not taken back
        if here is not None and _said(here) == _said(wish):
            return False
        if wish.version != (before.version if before else 0):
            raise Conflict(wish.criterion, _changed_by(before))
        _check(wish, self._result(wish.criterion))
        self._keep(wish, before)
        self._log(wish, here)
        return True

    @property
    def _digest(self) -> str:
        return self.verdict.digests.get("notebook", "")

    def _result(self, criterion: str) -> CriterionResult | None:
        return next((c for c in self.verdict.criteria if c.id == criterion), None)

    def _whose(self, criterion: str) -> dict[str, str]:
        work = {"course": self.course, "assignment": self.verdict.assignment, "student": self.verdict.student}
        return work | {"criterion": criterion}

    def _before(self, criterion: str) -> Decision | None:
        """The last decision by this criterion, be it on this work or on an earlier one."""
        found = decided(self.db, self._whose(criterion))
        return found[0][1] if found else None

    def _keep(self, wish: Wish, before: Decision | None) -> None:
        whose, result = self._whose(wish.criterion), self._result(wish.criterion)
        row = {
            **_said(wish),
            "machine_outcome": str(result.outcome) if result else "",
            "machine_points": result.points if result else 0.0,
            "attempt": self.verdict.attempt,
            "notebook_digest": self._digest,
            "verdict_key": self.key,
            "version": 1 + (before.version if before else 0),
            "who": self.who,
            "at": stored(self.now),
        }
        if before is None:
            self.db.execute(insert(decisions), whose | row)
        else:
            self.db.execute(update(decisions).where(matching(decisions, whose)).values(row))

    def _log(self, wish: Wish, here: Decision | None) -> None:
        """``here``: what had been decided on this very work."""
        result = self._result(wish.criterion)
        before = _said(here) if here is not None else {}
        if result is not None:
            before = {"machine": {"outcome": str(result.outcome), "points": result.points}} | before
        after = _said(wish) | {"attempt": self.verdict.attempt}
        action = _action(wish, before, result)
        logbook.write(self.db, self._whose(wish.criterion), action, before, after, who=self.who, at=self.now)


def _said(of: Decision | Wish) -> dict[str, Any]:
    return {"points": of.points, "reason": of.reason, "comment": of.comment}


def _is_empty(wish: Wish) -> bool:
    return wish.points is None and not wish.reason and not wish.comment


def _changed_by(before: Decision | None) -> str:
    if before is None:
        return _("What you saw is no longer there. Nothing was saved.")
    said = _("{who} has changed this since you opened the page. Nothing was saved: compare, and save again.")
    return said.format(who=before.who)


def _check(wish: Wish, result: CriterionResult | None) -> None:
    """``result``: the machine's by this criterion. Raises Refused."""
    for text in (wish.reason, wish.comment):
        if len(text) > MOST_TEXT:
            said = _("A reason or comment has at most {most} characters; this one has {count}.")
            raise Refused(wish.criterion, said.format(most=MOST_TEXT, count=len(text)))
    if wish.criterion == WHOLE and wish.points is None:
        return
    if result is None:
        raise Refused(wish.criterion, _("This work was not judged by that criterion."))
    if wish.points is not None:
        _check_points(wish, wish.points, result)


def _check_points(wish: Wish, points: float, result: CriterionResult) -> None:
    if not (math.isfinite(points) and 0 <= points <= result.max_points):
        said = _("The points for “{title}” must lie between 0 and {most}.")
        raise Refused(wish.criterion, said.format(title=_(result.title), most=f"{result.max_points:g}"))
    if result.outcome is not Outcome.MANUAL and not wish.reason.strip():
        said = _("Say why the points for “{title}” are not those of the grader: the student reads it.")
        raise Refused(wish.criterion, said.format(title=_(result.title)))


def _action(wish: Wish, before: Mapping[str, Any], result: CriterionResult | None) -> str:
    """How the log calls it. ``before``: what the log keeps of the time before."""
    if wish.points == before.get("points") and wish.reason == before.get("reason", ""):
        return "comment"
    if wish.points is None:
        return "withdraw"
    return "award" if result is not None and result.outcome is Outcome.MANUAL else "override"


def _decision(row: RowMapping) -> Decision:
    values = {f.name: row[f.name] for f in dataclasses.fields(Decision)}
    return Decision(**{**values, "at": aware(row["at"])})
