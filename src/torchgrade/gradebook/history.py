"""All attempts of an assignment: what each earned, when it was handed in, when it was first seen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update

from torchgrade.gradebook.book import Gradebook
from torchgrade.gradebook.moments import aware, stored
from torchgrade.gradebook.schema import attempts, matching, of_course, run_verdicts, runs, verdicts
from torchgrade.gradebook.verdict_tables import load
from torchgrade.model import Verdict


@dataclass(frozen=True)
class Seen:
    """An attempt as the gradebook knows it. Times have a zone; ``handed_in`` None: nobody knows."""

    student: str
    digest: str
    number: int
    seen: datetime
    handed_in: datetime | None


def keep_times(
    book: Gradebook,
    assignment: str,
    handed_in: Iterable[tuple[str, str, datetime]],
    *,
    course: str = "",
    replace: bool = False,
) -> None:
    """Note when (student, digest of the notebook) was handed in, for attempts that have a number.

    The same notebook handed in again later was there before: the earliest time stays, unless ``replace`` is said.
    """
    wanted = {(student, digest): stored(moment) for student, digest, moment in handed_in}
    if not wanted:
        return
    here = (attempts.c.assignment == assignment) & of_course(attempts, course)
    with book._writing() as db:
        known = db.execute(select(attempts).where(here)).all()
        for row in known:
            moment = wanted.get((row.student, row.digest))
            if moment is None or moment == row.handed_in:
                continue
            if replace or row.handed_in is None or moment < row.handed_in:
                same = {name: getattr(row, name) for name in ("course", "assignment", "student", "number")}
                db.execute(update(attempts).where(matching(attempts, same)).values(handed_in=moment))


def attempts_of(book: Gradebook, assignment: str, *, course: str = "") -> list[Seen]:
    """Every attempt of an assignment."""
    here = (attempts.c.assignment == assignment) & of_course(attempts, course)
    with book._reading() as db:
        return [
            Seen(r.student, r.digest, r.number, aware(r.seen_at), r.handed_in and aware(r.handed_in))
            for r in db.execute(select(attempts).where(here))
        ]


def newest_verdicts(book: Gradebook, run_id: str, *, only: Iterable[str] | None = None) -> list[Verdict]:
    """For each student and notebook the newest verdict of this run and of those of its course before it, without
    the notebooks. ``only``: of these students."""
    with book._reading() as db:
        book._require_run(db, run_id)
        run = db.execute(select(runs).where(runs.c.id == run_id)).one()
        mine = (runs.c.assignment == run.assignment) & of_course(runs, run.course)
        mine &= (runs.c.started_at < run.started_at) | (runs.c.id == run_id)
        newest = select(func.max(verdicts.c.verdict_id)).join_from(verdicts, run_verdicts).join(runs)
        newest = newest.where(mine).group_by(verdicts.c.student, verdicts.c.notebook_digest)
        found = load(db, verdicts.c.verdict_id.in_(newest), with_notebooks=False)
    wanted = None if only is None else set(only)
    return [v for _, v in found if wanted is None or v.student in wanted]
