"""What teachers decide beside the machine's verdicts, what was released, and the log of both.

A verdict is never changed here: a decision stands beside it, tied to the notebook that the teacher was reading.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, func, insert, select, update

from torchgrade.errors import UsageError
from torchgrade.gradebook.book import Gradebook, _load
from torchgrade.gradebook.schema import audit, criteria, decisions, releases, run_verdicts, runs, verdicts
from torchgrade.i18n import _
from torchgrade.model import CriterionResult, Outcome, Status, Verdict, Visibility

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


@dataclass(frozen=True)
class Standing:
    """A student's newest verdict, in outline: no notebook, no messages, no evidence. ``id`` is the database's."""

    id: int
    key: str
    verdict: Verdict


@dataclass(frozen=True)
class Release:
    """What a student was told last: the verdict with the decisions of then, as ``Verdict.to_json`` gives it."""

    student: str
    verdict_key: str
    verdict: dict[str, Any]
    who: str
    at: datetime


@dataclass(frozen=True)
class Entry:
    """A line of the log."""

    id: int
    at: datetime
    who: str
    assignment: str
    student: str
    criterion: str
    action: str  # award, override, withdraw, comment, release
    before: dict[str, Any]
    after: dict[str, Any]


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


class Decisions:
    """The teachers' part of a gradebook, of one course. For many threads: each call is a transaction."""

    def __init__(self, book: Gradebook, course: str) -> None:
        self._book, self.course = book, course

    # Looking

    def assignments(self) -> list[str]:
        """Ids of the assignments that have a verdict in this course."""
        query = select(runs.c.assignment).join_from(runs, run_verdicts).where(self._of_course()).distinct()
        with self._book._reading() as db:
            return sorted(db.scalars(query))

    def running(self, assignment: str) -> tuple[datetime, datetime | None] | None:
        """When the newest run began and ended; no end: it goes on, or it was killed."""
        mine = self._of_course() & (runs.c.assignment == assignment)
        query = select(runs.c.started_at, runs.c.ended_at).where(mine)
        with self._book._reading() as db:
            row = db.execute(query.order_by(runs.c.started_at.desc(), runs.c.id.desc()).limit(1)).first()
        return None if row is None else (_aware(row.started_at), row.ended_at and _aware(row.ended_at))

    def stamp(self, assignment: str) -> str:
        """A short text that is another one whenever something about this assignment has changed."""
        here = verdicts.c.assignment == assignment
        run_here = self._of_course() & (runs.c.assignment == assignment)
        logged = (audit.c.course == self.course) & (audit.c.assignment == assignment)
        questions = (
            select(func.count(), func.max(verdicts.c.created_at)).where(here),
            select(func.count()).select_from(run_verdicts).join(runs).where(run_here),
            select(func.max(runs.c.started_at), func.max(runs.c.ended_at)).where(run_here),
            select(func.max(audit.c.entry_id)).where(logged),
        )
        with self._book._reading() as db:
            return " ".join(str(value) for query in questions for value in db.execute(query).one())

    def standings(self, assignment: str) -> list[Standing]:
        """The newest verdict of each student, by name. Cheap: also while a cohort of thousands is graded."""
        with self._book._reading() as db:
            ids = list(self._newest(db, verdicts.c.assignment == assignment).values())
            return sorted(_outlines(db, ids), key=lambda s: (s.verdict.student.casefold(), s.verdict.student))

    def student_of(self, verdict_id: int) -> tuple[str, str] | None:
        """(assignment, student) of a verdict of this course, by the number of the database."""
        query = select(verdicts.c.assignment, verdicts.c.student).join_from(verdicts, run_verdicts).join(runs)
        query = query.where(verdicts.c.verdict_id == verdict_id, self._of_course())
        with self._book._reading() as db:
            row = db.execute(query).first()
        return None if row is None else (row.assignment, row.student)

    def verdict(self, assignment: str, student: str) -> tuple[str, Verdict]:
        """(key, the student's newest verdict, its notebook included). Raises UsageError where there is none."""
        with self._book._reading() as db:
            return self._current(db, assignment, student, with_notebooks=True)

    def of(self, assignment: str) -> dict[str, dict[str, Decision]]:
        """All decisions: by student, then by criterion."""
        found: dict[str, dict[str, Decision]] = defaultdict(dict)
        with self._book._reading() as db:
            for row in db.execute(select(decisions).where(self._here(decisions, assignment))).mappings():
                found[row["student"]][row["criterion"]] = _decision(row)
        return dict(found)

    def releases(self, assignment: str) -> dict[str, Release]:
        """What was released, by student."""
        with self._book._reading() as db:
            rows = db.execute(select(releases).where(self._here(releases, assignment))).mappings()
            return {row["student"]: _release(row) for row in rows}

    def log(
        self, *, assignment: str = "", student: str | None = None, limit: int = 200, before: int = 0
    ) -> list[Entry]:
        """The newest lines of the log first; ``before``: only those older than the line of this id."""
        query = select(audit).where(audit.c.course == self.course)
        query = query.where(audit.c.assignment == assignment) if assignment else query
        query = query.where(audit.c.student == student) if student is not None else query
        query = query.where(audit.c.entry_id < before) if before else query
        with self._book._reading() as db:
            rows = db.execute(query.order_by(audit.c.entry_id.desc()).limit(limit)).mappings()
            return [_entry(row) for row in rows]

    # Deciding

    def decide(
        self, assignment: str, student: str, wishes: Iterable[Wish], *, who: str, notebook_digest: str
    ) -> list[str]:
        """Keep what is wished, all or none; the criteria of which something changed.

        ``notebook_digest``: of the work that the teacher saw. Raises Conflict where there is another verdict or
        decision by now, Refused where points are out of range or a reason is missing. Both say it in a sentence.
        """
        now = self._book._clock()
        with self._book._writing() as db:
            key, verdict = self._current(db, assignment, student)
            if verdict.digests.get("notebook", "") != notebook_digest:
                said = _("{student} has handed in another notebook since you opened this page. Nothing was saved.")
                raise Conflict(None, said.format(student=student))
            desk = _Desk(self, db, key, verdict, who, now)
            return [wish.criterion for wish in wishes if desk.decide(wish)]

    def release(
        self,
        assignment: str,
        student: str,
        *,
        who: str,
        told: Callable[[Verdict, Mapping[str, Decision]], Verdict],
        seen: str | None = None,
    ) -> Verdict:
        """Note that the student is told the verdict as it is now, decisions included; what they are told.

        ``told`` puts a verdict and the decisions together; ``seen`` is the ``mark`` of what the teacher saw.
        Raises Conflict where that is no longer so.
        """
        now = self._book._clock()
        with self._book._writing() as db:
            key, verdict = self._current(db, assignment, student, with_notebooks=True)
            mine = self._here(decisions, assignment) & (decisions.c.student == student)
            found = {
                row["criterion"]: _decision(row) for row in db.execute(select(decisions).where(mine)).mappings()
            }
            final = told(verdict, found)
            if seen is not None and seen != mark(final.to_json()):
                raise Conflict(None, _("The grade has changed since you opened this page. Nothing was released."))
            self._keep_release(db, key, _without_exhibits(final), who, now)
        return final

    def _keep_release(self, db: Connection, key: str, final: Verdict, who: str, now: datetime) -> None:
        whose = {"course": self.course, "assignment": final.assignment, "student": final.student}
        here = self._here(releases, final.assignment) & (releases.c.student == final.student)
        before = db.execute(select(releases).where(here)).mappings().first()
        after = final.to_json()
        row = {"verdict_key": key, "verdict": after, "who": who, "at": _stored(now)}
        if before is None:
            db.execute(insert(releases), whose | row)
        else:
            db.execute(update(releases).where(releases.c.release_id == before["release_id"]).values(row))
        old = _points_told(before["verdict"]) if before is not None else {}
        _write_log(db, now, who, whose | {"criterion": WHOLE}, "release", old, _points_told(after))

    # Parts

    def _of_course(self) -> ColumnElement[bool]:
        return runs.c.course.in_((self.course, ""))

    def _here(self, table: Any, assignment: str) -> ColumnElement[bool]:
        found: ColumnElement[bool] = (table.c.course == self.course) & (table.c.assignment == assignment)
        return found

    def _newest(self, db: Connection, here: ColumnElement[bool]) -> dict[str, int]:
        """For each student the verdict that their newest run shows: an older one, where they went back to it."""
        query = select(verdicts.c.student, verdicts.c.verdict_id).join_from(verdicts, run_verdicts).join(runs)
        query = query.where(here, self._of_course()).order_by(runs.c.started_at, runs.c.id)
        return {row.student: row.verdict_id for row in db.execute(query)}

    def _current(
        self, db: Connection, assignment: str, student: str, *, with_notebooks: bool = False
    ) -> tuple[str, Verdict]:
        here = (verdicts.c.assignment == assignment) & (verdicts.c.student == student)
        newest = self._newest(db, here)
        if student not in newest:
            raise UsageError(f"gradebook {self._book.name}: no verdict of {student!r} in {assignment}")
        return _load(db, verdicts.c.verdict_id == newest[student], with_notebooks)[0]


@dataclass(frozen=True)
class _Desk:
    """One teacher before one work, inside a transaction that writes."""

    mine: Decisions
    db: Connection
    key: str
    verdict: Verdict
    who: str
    now: datetime

    def decide(self, wish: Wish) -> bool:
        """Keep a wish; whether it changed anything."""
        before = self._before(wish.criterion)
        stale = before is not None and before.notebook_digest != self._digest
        if wish.keep and before is not None:
            wish = dataclasses.replace(
                wish, points=before.points, reason=before.reason, comment=before.comment, keep=False
            )
        nothing = wish.points is None and not wish.reason and not wish.comment
        if nothing and (before is None or stale):
            return False
        same = before is not None and not stale
        if before is not None and same and _said(before) == _said(wish):
            return False
        if wish.version != (before.version if before else 0):
            raise Conflict(wish.criterion, _changed_by(before))
        self._check(wish)
        self._keep(wish, before, was=_said(before) if before is not None and same else {})
        return True

    @property
    def _digest(self) -> str:
        return self.verdict.digests.get("notebook", "")

    def _result(self, criterion: str) -> CriterionResult | None:
        return next((c for c in self.verdict.criteria if c.id == criterion), None)

    def _before(self, criterion: str) -> Decision | None:
        row = self.db.execute(select(decisions).where(self._place(criterion))).mappings().first()
        return None if row is None else _decision(row)

    def _place(self, criterion: str) -> ColumnElement[bool]:
        here = self.mine._here(decisions, self.verdict.assignment)
        return here & (decisions.c.student == self.verdict.student) & (decisions.c.criterion == criterion)

    def _check(self, wish: Wish) -> None:
        """Raises Refused."""
        for text in (wish.reason, wish.comment):
            if len(text) > MOST_TEXT:
                said = _("A reason or comment has at most {most} characters; this one has {count}.")
                raise Refused(wish.criterion, said.format(most=MOST_TEXT, count=len(text)))
        if wish.criterion == WHOLE and wish.points is None:
            return
        result = self._result(wish.criterion)
        if result is None:
            raise Refused(wish.criterion, _("This work was not judged by that criterion."))
        if wish.points is None:
            return
        if not (math.isfinite(wish.points) and 0 <= wish.points <= result.max_points):
            said = _("The points for “{title}” must lie between 0 and {most}.")
            raise Refused(wish.criterion, said.format(title=_(result.title), most=f"{result.max_points:g}"))
        if result.outcome is not Outcome.MANUAL and not wish.reason.strip():
            said = _("Say why the points for “{title}” are not those of the grader: the student reads it.")
            raise Refused(wish.criterion, said.format(title=_(result.title)))

    def _keep(self, wish: Wish, before: Decision | None, was: dict[str, Any]) -> None:
        result = self._result(wish.criterion)
        row = {
            **_said(wish),
            "machine_outcome": str(result.outcome) if result else "",
            "machine_points": result.points if result else 0.0,
            "attempt": self.verdict.attempt,
            "notebook_digest": self._digest,
            "verdict_key": self.key,
            "version": 1 + (before.version if before else 0),
            "who": self.who,
            "at": _stored(self.now),
        }
        whose = {
            "course": self.mine.course,
            "assignment": self.verdict.assignment,
            "student": self.verdict.student,
        }
        whose["criterion"] = wish.criterion
        if before is None:
            self.db.execute(insert(decisions), whose | row)
        else:
            self.db.execute(update(decisions).where(self._place(wish.criterion)).values(row))
        if result is not None:
            was = {"machine": {"outcome": str(result.outcome), "points": result.points}} | was
        after = _said(wish) | {"attempt": self.verdict.attempt}
        _write_log(self.db, self.now, self.who, whose, _action(wish, was, result), was, after)


def _changed_by(before: Decision | None) -> str:
    if before is None:
        return _("What you saw is no longer there. Nothing was saved.")
    said = _("{who} has changed this since you opened the page. Nothing was saved: compare, and save again.")
    return said.format(who=before.who)


def _said(of: Decision | Wish) -> dict[str, Any]:
    return {"points": of.points, "reason": of.reason, "comment": of.comment}


def _action(wish: Wish, was: Mapping[str, Any], result: CriterionResult | None) -> str:
    if wish.points == was.get("points") and wish.reason == was.get("reason", ""):
        return "comment"
    if wish.points is None:
        return "withdraw"
    return "award" if result is not None and result.outcome is Outcome.MANUAL else "override"


def _points_told(verdict: Mapping[str, Any]) -> dict[str, Any]:
    """Of a released verdict what the log keeps."""
    of_criteria = {c["id"]: c["points"] for c in verdict["criteria"] if c["outcome"] != Outcome.MANUAL}
    told = {name: verdict[name] for name in ("points", "max_points", "bonus", "attempt")}
    return {**told, "criteria": of_criteria}


def _write_log(
    db: Connection,
    now: datetime,
    who: str,
    whose: Mapping[str, str],
    action: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
) -> None:
    row = {"at": _stored(now), "who": who, "action": action, "before": dict(before), "after": dict(after)}
    db.execute(insert(audit), {**row, **whose})


def _without_exhibits(verdict: Verdict) -> Verdict:
    """What is kept of a release: points and sentences, not what can be found by the verdict's key again."""
    lines = tuple(dataclasses.replace(line, evidence=()) for line in verdict.criteria)
    return dataclasses.replace(verdict, criteria=lines, cells=(), notebook=None)


def mark(verdict: Mapping[str, Any]) -> str:
    """A digest of what a verdict tells a student: another one where points, outcomes or sentences differ."""
    lines = [[c[name] for name in ("id", "outcome", "points", "message", "hint")] for c in verdict["criteria"]]
    work = verdict["digests"].get("notebook", "")
    told = [verdict["points"], verdict["max_points"], verdict["bonus"], verdict["status"], work, lines]
    said = json.dumps([*told, list(verdict["notes"])])
    return hashlib.sha256(said.encode()).hexdigest()[:16]


_OUTLINE = ("verdict_id", "key", "student", "assignment", "status", "points", "max_points", "bonus", "attempt")
_LINE = ("id", "title", "outcome", "points", "max_points", "bonus", "visibility")
_AT_ONCE = 500  # databases bound the parameters of one statement, some at 999


def _outlines(db: Connection, ids: Sequence[int]) -> list[Standing]:
    found: list[Standing] = []
    for at in range(0, len(ids), _AT_ONCE):
        some = ids[at : at + _AT_ONCE]
        lines: dict[int, list[CriterionResult]] = defaultdict(list)
        columns = [criteria.c[name] for name in ("verdict_id", *_LINE)]
        query = select(*columns).where(criteria.c.verdict_id.in_(some)).order_by(criteria.c.position)
        for line in db.execute(query).mappings():
            lines[line["verdict_id"]].append(_line(line))
        columns = [verdicts.c[name] for name in (*_OUTLINE, "notebook_digest", "reason")]
        for row in db.execute(select(*columns).where(verdicts.c.verdict_id.in_(some))).mappings():
            found.append(_outline(row, tuple(lines[row["verdict_id"]])))
    return found


def _line(row: RowMapping) -> CriterionResult:
    values = {name: row[name] for name in _LINE}
    values |= {"outcome": Outcome(row["outcome"]), "visibility": Visibility(row["visibility"])}
    return CriterionResult(**values)


def _outline(row: RowMapping, lines: tuple[CriterionResult, ...]) -> Standing:
    values = {name: row[name] for name in _OUTLINE if name not in ("verdict_id", "key")}
    values |= {"status": Status(row["status"]), "reason": row["reason"], "criteria": lines}
    verdict = Verdict(**values, digests={"notebook": row["notebook_digest"]})
    return Standing(row["verdict_id"], row["key"], verdict)


def _decision(row: RowMapping) -> Decision:
    values = {f.name: row[f.name] for f in dataclasses.fields(Decision)}
    return Decision(**{**values, "at": _aware(row["at"])})


def _release(row: RowMapping) -> Release:
    values = {f.name: row[f.name] for f in dataclasses.fields(Release)}
    return Release(**{**values, "at": _aware(row["at"])})


def _entry(row: RowMapping) -> Entry:
    values = {f.name: row["entry_id" if f.name == "id" else f.name] for f in dataclasses.fields(Entry)}
    return Entry(**{**values, "at": _aware(row["at"])})


def _stored(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)


def _aware(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)
