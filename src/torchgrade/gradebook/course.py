"""One course of a gradebook as it stands now: its assignments, its newest run, each student's newest verdict."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, select

from torchgrade.errors import UsageError
from torchgrade.gradebook.book import Gradebook
from torchgrade.gradebook.moments import aware
from torchgrade.gradebook.outlines import Standing, outlines
from torchgrade.gradebook.schema import audit, of_course, run_verdicts, runs, verdicts
from torchgrade.gradebook.verdict_tables import load
from torchgrade.model import Verdict


class CourseVerdicts:
    """The verdicts of one course. For many threads: each call is a transaction."""

    def __init__(self, book: Gradebook, course: str) -> None:
        self._book, self.course = book, course

    def assignments(self) -> list[str]:
        """Ids of the assignments that have a verdict in this course."""
        query = select(runs.c.assignment).join_from(runs, run_verdicts).where(self._of_course()).distinct()
        with self._book._reading() as db:
            return sorted(db.scalars(query))

    def running(self, assignment: str) -> tuple[datetime, datetime | None] | None:
        """When the newest run began and ended; no end: it goes on, or it was killed. None: there is no run."""
        mine = self._of_course() & (runs.c.assignment == assignment)
        query = select(runs.c.started_at, runs.c.ended_at).where(mine)
        with self._book._reading() as db:
            row = db.execute(query.order_by(runs.c.started_at.desc(), runs.c.id.desc()).limit(1)).first()
        return None if row is None else (aware(row.started_at), row.ended_at and aware(row.ended_at))

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
            return sorted(outlines(db, ids), key=lambda s: (s.verdict.student.casefold(), s.verdict.student))

    def student_of(self, verdict_id: int) -> tuple[str, str] | None:
        """(assignment, student) of a verdict of this course, by the number of the database; None where none is."""
        query = select(verdicts.c.assignment, verdicts.c.student).join_from(verdicts, run_verdicts).join(runs)
        query = query.where(verdicts.c.verdict_id == verdict_id, self._of_course())
        with self._book._reading() as db:
            row = db.execute(query).first()
        return None if row is None else (row.assignment, row.student)

    def verdict(self, assignment: str, student: str) -> tuple[str, Verdict]:
        """(key, the student's newest verdict, its notebook included). Raises UsageError where there is none."""
        with self._book._reading() as db:
            return self._current(db, assignment, student, with_notebooks=True)

    def _of_course(self) -> ColumnElement[bool]:
        return of_course(runs, self.course)

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
        return load(db, verdicts.c.verdict_id == newest[student], with_notebooks=with_notebooks)[0]
