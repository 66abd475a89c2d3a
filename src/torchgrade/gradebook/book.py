"""The gradebook itself: one writer, any number of readers, nothing lost."""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    RowMapping,
    and_,
    delete,
    func,
    insert,
    select,
    update,
)

from torchgrade.errors import UsageError
from torchgrade.gradebook import rows
from torchgrade.gradebook.place import connect, locate, name_of, told, writing
from torchgrade.gradebook.revision import ensure_newest
from torchgrade.gradebook.schema import attempts, criteria, notebooks, run_verdicts, runs, verdicts
from torchgrade.model import Verdict

_KEYS_AT_ONCE = 500  # databases bound the parameters of one statement, some at 999


@dataclass(frozen=True)
class GradingRun:
    """One call of ``torchgrade grade``. ``ended`` is None while it goes on, or where it was killed."""

    id: str
    assignment: str
    started: datetime
    ended: datetime | None
    settings: dict[str, Any]
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
            db.execute(insert(runs), row | {"started_at": _stored(now)})
        return run_id

    def end_run(self, run_id: str) -> None:
        """Note that grading ended. A run that was killed has no end."""
        with self._writing() as db:
            self._require_run(db, run_id)
            db.execute(update(runs).where(runs.c.id == run_id).values(ended_at=_stored(self._clock())))

    def runs(self) -> list[GradingRun]:
        """All runs, the newest last."""
        count = func.count(run_verdicts.c.verdict_id).label("verdicts")
        query = select(runs, count).join_from(runs, run_verdicts, isouter=True)
        query = query.group_by(*runs.c).order_by(runs.c.started_at, runs.c.id)
        with self._reading() as db:
            return [
                GradingRun(
                    r.id,
                    r.assignment,
                    _aware(r.started_at),
                    r.ended_at and _aware(r.ended_at),
                    r.settings,
                    r.verdicts,
                    r.course,
                )
                for r in db.execute(query)
            ]

    def attach(self, run_id: str, keys: Iterable[str]) -> None:
        """Count verdicts from before among those of a run, all or none. Raises UsageError where there is none."""
        with self._writing() as db:
            assignment = self._require_run(db, run_id)
            mine = select(run_verdicts.c.verdict_id).where(run_verdicts.c.run_id == run_id)
            linked = set(db.scalars(mine))
            for some in _chunks(list(keys), _KEYS_AT_ONCE):
                here = (verdicts.c.assignment == assignment) & verdicts.c.key.in_(some)
                found = db.execute(select(verdicts.c.key, verdicts.c.verdict_id).where(here)).all()
                if missing := set(some) - {row.key for row in found}:
                    key = sorted(missing)[0]
                    raise UsageError(f"gradebook {self.name}: no verdict of {assignment} has the key {key}")
                new = {row.verdict_id for row in found} - linked
                if new:
                    links = [{"run_id": run_id, "verdict_id": verdict_id} for verdict_id in sorted(new)]
                    db.execute(insert(run_verdicts), links)
                    linked |= new

    def verdicts(self, run_id: str, *, with_notebooks: bool = True) -> list[Verdict]:
        """The verdicts of a run by student, those attached to it included."""
        with self._reading() as db:
            self._require_run(db, run_id)
            mine = select(run_verdicts.c.verdict_id).where(run_verdicts.c.run_id == run_id)
            found = _load(db, verdicts.c.verdict_id.in_(mine), with_notebooks)
        return sorted((verdict for _, verdict in found), key=lambda verdict: verdict.student)

    def each_verdict(self, run_id: str) -> Iterator[Verdict]:
        """The same with their notebooks, one at a time: those of a whole cohort may not fit into memory."""
        with self._reading() as db:
            self._require_run(db, run_id)
            mine = select(verdicts.c.verdict_id).join_from(verdicts, run_verdicts)
            mine = mine.where(run_verdicts.c.run_id == run_id).order_by(verdicts.c.student, verdicts.c.verdict_id)
            for verdict_id in list(db.scalars(mine)):
                for _, verdict in _load(db, verdicts.c.verdict_id == verdict_id, True):
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
        row |= {"key": key, "created_at": _stored(self._clock())}
        packed = None if verdict.notebook is None else rows.pack(verdict.notebook)
        with self._writing() as db:
            verdict_id, is_kept = _place_of(db, row)
            if replace or not is_kept:
                verdict_id = _put(db, verdict_id, row)
                _put_parts(db, verdict_id, lines, packed)
            _link(db, run_id, verdict_id)

    def finished(self, assignment: str, keys: Iterable[str], *, with_notebooks: bool = True) -> dict[str, Verdict]:
        """Verdicts that need not be reached again, by key: nothing in them is broken."""
        found: dict[str, Verdict] = {}
        with self._reading() as db:
            for some in _chunks(list(keys), _KEYS_AT_ONCE):
                here = and_(verdicts.c.assignment == assignment, verdicts.c.finished, verdicts.c.key.in_(some))
                found.update(_load(db, here, with_notebooks))
        return found

    def statuses(self, assignment: str, keys: Iterable[str]) -> dict[str, str]:
        """The status of each verdict that need not be reached again, by key: quick, also for ten thousand."""
        found: dict[str, str] = {}
        with self._reading() as db:
            for some in _chunks(list(keys), _KEYS_AT_ONCE):
                here = and_(verdicts.c.assignment == assignment, verdicts.c.finished, verdicts.c.key.in_(some))
                rows_here = db.execute(select(verdicts.c.key, verdicts.c.status).where(here))
                found.update({row.key: row.status for row in rows_here})
        return found

    def attempt_numbers(
        self, assignment: str, handed_in: Iterable[tuple[str, str]], *, course: str = ""
    ) -> list[int]:
        """For each (student, digest of the notebook): which of the student's different notebooks this is, counted
        from 1 in the order of first sight."""
        with self._writing() as db:
            return [self._attempt_number(db, course, assignment, student, digest) for student, digest in handed_in]

    def _attempt_number(self, db: Connection, course: str, assignment: str, student: str, digest: str) -> int:
        of_student = (attempts.c.assignment == assignment) & (attempts.c.student == student)
        mine = of_student & attempts.c.course.in_((course, ""))
        known = db.scalar(select(attempts.c.number).where(mine, attempts.c.digest == digest))
        if known is not None:
            return int(known)
        number = 1 + (db.scalar(select(func.max(attempts.c.number)).where(mine)) or 0)
        row = {"course": course, "assignment": assignment, "student": student, "number": number, "digest": digest}
        db.execute(insert(attempts), row | {"seen_at": _stored(self._clock())})
        return number

    def last_digests(self, assignment: str, *, course: str = "") -> dict[str, dict[str, str]]:
        """For each student the digests of their newest verdict: of the notebook, and of all else it rested on."""
        mine = (verdicts.c.assignment == assignment) & runs.c.course.in_((course, ""))
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


def _place_of(db: Connection, row: Mapping[str, Any]) -> tuple[int | None, bool]:
    """The id of the verdict that is there already, and whether it is finished and therefore stays."""
    same = and_(*(verdicts.c[name] == row[name] for name in ("assignment", "key", "student")))
    found = db.execute(select(verdicts.c.verdict_id, verdicts.c.finished).where(same)).first()
    return (None, False) if found is None else (found.verdict_id, found.finished)


def _put(db: Connection, verdict_id: int | None, row: dict[str, Any]) -> int:
    """Insert a verdict, or write over a broken one, whose runs then see the new one; its id."""
    if verdict_id is None:
        (verdict_id,) = db.execute(insert(verdicts), row).inserted_primary_key or (0,)
        return int(verdict_id)
    db.execute(update(verdicts).where(verdicts.c.verdict_id == verdict_id).values(row))
    db.execute(delete(criteria).where(criteria.c.verdict_id == verdict_id))
    db.execute(delete(notebooks).where(notebooks.c.verdict_id == verdict_id))
    return verdict_id


def _put_parts(db: Connection, verdict_id: int, lines: list[dict[str, Any]], packed: bytes | None) -> None:
    if lines:
        db.execute(insert(criteria), [{"verdict_id": verdict_id, **line} for line in lines])
    if packed is not None:
        db.execute(insert(notebooks), {"verdict_id": verdict_id, "json_zlib": packed})


def _link(db: Connection, run_id: str, verdict_id: int | None) -> None:
    link = {"run_id": run_id, "verdict_id": verdict_id}
    same = and_(*(run_verdicts.c[name] == value for name, value in link.items()))
    if db.execute(select(run_verdicts.c.run_id).where(same)).first() is None:
        db.execute(insert(run_verdicts), link)


def _load(db: Connection, here: ColumnElement[bool], with_notebooks: bool) -> list[tuple[str, Verdict]]:
    """(key, verdict) of all verdicts where ``here`` holds, in the order in which they were first recorded."""
    lines: dict[int, list[RowMapping]] = defaultdict(list)
    query = select(criteria).join_from(criteria, verdicts).where(here).order_by(criteria.c.position)
    for line in db.execute(query).mappings():
        lines[line["verdict_id"]].append(line)
    packed: dict[int, bytes] = {}
    if with_notebooks:
        of_them = select(notebooks).join_from(notebooks, verdicts).where(here)
        packed = {found.verdict_id: found.json_zlib for found in db.execute(of_them)}
    query = select(verdicts).where(here).order_by(verdicts.c.verdict_id)
    return [
        (row["key"], rows.join(row, lines[row["verdict_id"]], packed.get(row["verdict_id"])))
        for row in db.execute(query).mappings()
    ]


def _chunks(items: list[str], size: int) -> Iterator[list[str]]:
    return (items[at : at + size] for at in range(0, len(items), size))


def _stored(moment: datetime) -> datetime:
    """Databases differ over time zones, so all times are kept as UTC without one."""
    return moment.astimezone(UTC).replace(tzinfo=None)


def _aware(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)
