"""The gradebook itself: one writer, any number of readers, nothing lost."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import ColumnElement, Connection, Engine, Row, and_, func, insert, select, update

from torchgrade.errors import UsageError
from torchgrade.gradebook import rows
from torchgrade.gradebook.moments import aware, stored
from torchgrade.gradebook.place import connect, locate, name_of, told, writing
from torchgrade.gradebook.revision import ensure_newest
from torchgrade.gradebook.schema import attempts, of_course, run_verdicts, runs, verdicts
from torchgrade.gradebook.verdict_tables import chunks, find, link, load, put, put_parts
from torchgrade.model import Verdict


@dataclass(frozen=True)
class GradingRun:
    """One call of ``torchgrade grade``. ``ended`` is None while it goes on, or where it was killed."""

    id: str
    assignment: str
    started: datetime  # with its zone, as ``ended``
    ended: datetime | None
    settings: dict[str, Any]  # JSON-like: what ``start_run`` was given
    verdicts: int  # how many belong to it so far
    course: str = ""  # empty: begun by a torchgrade that kept one course in a gradebook


def _now() -> datetime:
    return datetime.now(UTC)


class Gradebook:
    """All verdicts of one course or of many. For one thread; other processes may read, or write in their turn.

    A ``course`` is any text that names it, its year included. What is kept without one belongs to each course.
    Open it after worker processes were forked, so that none of them inherits its file.
    """

    def __init__(self, engine: Engine, name: str, clock: Callable[[], datetime] = _now) -> None:
        self.name = name
        self._engine, self._writer, self._clock = engine, writing(engine), clock

    @classmethod
    def open(cls, url: str | Path, *, wait_seconds: float = 10.0, clock: Callable[[], datetime] = _now) -> Self:
        """Open or create a gradebook at a path or an SQLAlchemy URL, and bring its tables up to date.

        A lock of another program is waited for ``wait_seconds``. Raises UsageError, one line, where there is
        no folder, no database, no right to write, or a database of a newer torchgrade.
        """
        place = locate(url)
        name = name_of(place)
        engine = connect(place, wait_seconds)
        try:
            with told(name):
                ensure_newest(engine, name)
        except BaseException:
            engine.dispose()
            raise
        return cls(engine, name, clock)

    def close(self) -> None:
        """Let the database go."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        """Open already: ``with Gradebook.open(...) as gradebook``."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    # Runs

    def start_run(self, assignment: str, settings: Mapping[str, Any], *, course: str = "") -> str:
        """Note that grading begins, with JSON-like settings; the id of the run, which sorts by time."""
        now = self._clock().astimezone(UTC)
        run_id = f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
        row = {"id": run_id, "course": course, "assignment": assignment, "settings": dict(settings)}
        with self._writing() as db:
            db.execute(insert(runs), row | {"started_at": stored(now)})
        return run_id

    def end_run(self, run_id: str) -> None:
        """Note that grading ended. A run that was killed has no end. Raises UsageError for an unknown run."""
        with self._writing() as db:
            self._require_run(db, run_id)
            db.execute(update(runs).where(runs.c.id == run_id).values(ended_at=stored(self._clock())))

    def runs(self) -> list[GradingRun]:
        """All runs, the newest last."""
        count = func.count(run_verdicts.c.verdict_id).label("verdicts")
        query = select(runs, count).join_from(runs, run_verdicts, isouter=True)
        query = query.group_by(*runs.c).order_by(runs.c.started_at, runs.c.id)
        with self._reading() as db:
            return [_run(row) for row in db.execute(query)]

    def attach(self, run_id: str, keys: Iterable[str]) -> None:
        """Count verdicts from before among those of a run, all or none.

        Raises UsageError for an unknown run, and where no verdict of its assignment has one of the keys.
        """
        with self._writing() as db:
            assignment = self._require_run(db, run_id)
            mine = select(run_verdicts.c.verdict_id).where(run_verdicts.c.run_id == run_id)
            linked = set(db.scalars(mine))
            for some in chunks(list(keys)):
                new = _ids(db, assignment, some, self.name) - linked
                if new:
                    links = [{"run_id": run_id, "verdict_id": verdict_id} for verdict_id in sorted(new)]
                    db.execute(insert(run_verdicts), links)
                    linked |= new

    def verdicts(self, run_id: str, *, with_notebooks: bool = True) -> list[Verdict]:
        """The verdicts of a run by student, those attached included. Raises UsageError for an unknown run."""
        with self._reading() as db:
            self._require_run(db, run_id)
            mine = select(run_verdicts.c.verdict_id).where(run_verdicts.c.run_id == run_id)
            found = load(db, verdicts.c.verdict_id.in_(mine), with_notebooks=with_notebooks)
        return sorted((verdict for _, verdict in found), key=lambda verdict: verdict.student)

    def each_verdict(self, run_id: str) -> Iterator[Verdict]:
        """The same with their notebooks, one at a time: those of a whole cohort may not fit into memory.

        A connection stays open until the last was taken.
        """
        with self._reading() as db:
            self._require_run(db, run_id)
            mine = select(verdicts.c.verdict_id).join_from(verdicts, run_verdicts)
            mine = mine.where(run_verdicts.c.run_id == run_id).order_by(verdicts.c.student, verdicts.c.verdict_id)
            for verdict_id in list(db.scalars(mine)):
                for _, verdict in load(db, verdicts.c.verdict_id == verdict_id, with_notebooks=True):
                    yield verdict

    # Verdicts

    def record(self, verdict: Verdict, key: str, run_id: str, *, replace: bool = False) -> None:
        """Keep a verdict; it survives a power cut once this returns.

        ``key`` is the digest of all that the verdict depends on, the student included. A second verdict
        of the same key, student and assignment replaces a broken one; a finished one stays as it is, unless
        the caller says ``replace``.
        Raises UsageError where the place refuses, BrokenError for a figure that is not a finite number.
        """
        row, lines = rows.split(verdict)
        row |= {"key": key, "created_at": stored(self._clock())}
        packed = None if verdict.notebook is None else rows.pack(verdict.notebook)
        with self._writing() as db:
            verdict_id, is_finished = find(db, row)
            if replace or not is_finished:
                verdict_id = put(db, verdict_id, row)
                put_parts(db, verdict_id, lines, packed)
            link(db, run_id, verdict_id)

    def finished(self, assignment: str, keys: Iterable[str], *, with_notebooks: bool = True) -> dict[str, Verdict]:
        """Verdicts that need not be reached again, by key: nothing in them is broken. Other keys are left out."""
        found: dict[str, Verdict] = {}
        with self._reading() as db:
            for some in chunks(list(keys)):
                found.update(load(db, _finished(assignment, some), with_notebooks=with_notebooks))
        return found

    def statuses(self, assignment: str, keys: Iterable[str]) -> dict[str, str]:
        """The status of each verdict that need not be reached again, by key: quick, also for ten thousand."""
        found: dict[str, str] = {}
        with self._reading() as db:
            for some in chunks(list(keys)):
                query = select(verdicts.c.key, verdicts.c.status).where(_finished(assignment, some))
                found.update({row.key: row.status for row in db.execute(query)})
        return found

    def attempt_numbers(
        self, assignment: str, handed_in: Iterable[tuple[str, str]], *, course: str = ""
    ) -> list[int]:
        """For each (student, digest of the notebook), in this order: which of the student's different notebooks it
        is, counted from 1 in the order of first sight. One that is new is noted."""
        with self._writing() as db:
            return [self._attempt_number(db, course, assignment, student, digest) for student, digest in handed_in]

    def _attempt_number(self, db: Connection, course: str, assignment: str, student: str, digest: str) -> int:
        of_student = (attempts.c.assignment == assignment) & (attempts.c.student == student)
        mine = of_student & of_course(attempts, course)
        known = db.scalar(select(attempts.c.number).where(mine, attempts.c.digest == digest))
        if known is not None:
            return int(known)
        number = 1 + (db.scalar(select(func.max(attempts.c.number)).where(mine)) or 0)
        row = {"course": course, "assignment": assignment, "student": student, "number": number, "digest": digest}
        db.execute(insert(attempts), row | {"seen_at": stored(self._clock())})
        return number

    def last_digests(self, assignment: str, *, course: str = "") -> dict[str, dict[str, str]]:
        """For each student the digests of their newest verdict: of the notebook, and of all else it rested on.

        Newest: first recorded last, also where a later run shows an older one again.
        """
        mine = (verdicts.c.assignment == assignment) & of_course(runs, course)
        newest = select(func.max(verdicts.c.verdict_id)).join_from(verdicts, run_verdicts).join(runs)
        newest = newest.where(mine).group_by(verdicts.c.student)
        query = select(verdicts.c.student, verdicts.c.digests).where(verdicts.c.verdict_id.in_(newest))
        with self._reading() as db:
            return {row.student: row.digests for row in db.execute(query)}

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with told(self.name), self._writer.begin() as db:
            yield db

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with told(self.name), self._engine.connect() as db:
            yield db

    def _require_run(self, db: Connection, run_id: str) -> str:
        assignment = db.scalar(select(runs.c.assignment).where(runs.c.id == run_id))
        if assignment is None:
            raise UsageError(f"gradebook {self.name}: there is no run {run_id}")
        return str(assignment)


def _run(row: Row[Any]) -> GradingRun:
    ended = row.ended_at and aware(row.ended_at)
    return GradingRun(row.id, row.assignment, aware(row.started_at), ended, row.settings, row.verdicts, row.course)


def _ids(db: Connection, assignment: str, keys: Sequence[str], name: str) -> set[int]:
    """The ids of the verdicts of these keys; ``name``: the gradebook's. Raises UsageError where one is missing."""
    here = (verdicts.c.assignment == assignment) & verdicts.c.key.in_(keys)
    found = db.execute(select(verdicts.c.key, verdicts.c.verdict_id).where(here)).all()
    if missing := set(keys) - {row.key for row in found}:
        raise UsageError(f"gradebook {name}: no verdict of {assignment} has the key {min(missing)}")
    return {row.verdict_id for row in found}


def _finished(assignment: str, keys: Sequence[str]) -> ColumnElement[bool]:
    return and_(verdicts.c.assignment == assignment, verdicts.c.finished, verdicts.c.key.in_(keys))
