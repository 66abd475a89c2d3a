"""What each student was told last, and how to see that it would be told otherwise now."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select, update

from torchgrade.gradebook import logbook
from torchgrade.gradebook.deciding import WHOLE
from torchgrade.gradebook.moments import aware, stored
from torchgrade.gradebook.schema import matching, releases
from torchgrade.model import Outcome, Verdict


@dataclass(frozen=True)
class Release:
    """What a student was told last: the verdict with the decisions of then, as ``Verdict.to_json`` gives it."""

    student: str
    verdict_key: str
    verdict: dict[str, Any]
    who: str
    at: datetime


def mark(verdict: Mapping[str, Any]) -> str:
    """A digest of what a verdict tells a student: another one where points, outcomes or sentences differ.

    ``verdict``: as ``Verdict.to_json`` gives it. 16 hex digits.
    """
    lines = [[c[name] for name in ("id", "outcome", "points", "message", "hint")] for c in verdict["criteria"]]
    work = verdict["digests"].get("notebook", "")
    told = [verdict["points"], verdict["max_points"], verdict["bonus"], verdict["status"], work, lines]
    said = json.dumps([*told, list(verdict["notes"])])
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def released(db: Connection, whose: Mapping[str, str]) -> dict[str, Release]:
    """The releases by student, those whose columns are as ``whose`` says."""
    rows = db.execute(select(releases).where(matching(releases, whose))).mappings()
    return {row["student"]: _release(row) for row in rows}


def keep(db: Connection, course: str, key: str, final: Verdict, *, who: str, at: datetime) -> None:
    """Note that a student is told this verdict, in place of what they were told before, and log it.

    ``key``: of the machine's verdict, by which cells, notebook and evidence are found; they are not kept again.
    """
    whose = {"course": course, "assignment": final.assignment, "student": final.student}
    before = db.execute(select(releases).where(matching(releases, whose))).mappings().first()
    after = _without_exhibits(final).to_json()
    row = {"verdict_key": key, "verdict": after, "who": who, "at": stored(at)}
    if before is None:
        db.execute(insert(releases), whose | row)
    else:
        db.execute(update(releases).where(releases.c.release_id == before["release_id"]).values(row))
    old = _points_told(before["verdict"]) if before is not None else {}
    logbook.write(db, whose | {"criterion": WHOLE}, "release", old, _points_told(after), who=who, at=at)


def _without_exhibits(verdict: Verdict) -> Verdict:
    lines = tuple(dataclasses.replace(line, evidence=()) for line in verdict.criteria)
    return dataclasses.replace(verdict, criteria=lines, cells=(), notebook=None)


def _points_told(verdict: Mapping[str, Any]) -> dict[str, Any]:
    """Of a released verdict what the log keeps."""
    of_criteria = {c["id"]: c["points"] for c in verdict["criteria"] if c["outcome"] != Outcome.MANUAL}
    told = {name: verdict[name] for name in ("points", "max_points", "bonus", "attempt")}
    return {**told, "criteria": of_criteria}


def _release(row: RowMapping) -> Release:
    values = {f.name: row[f.name] for f in dataclasses.fields(Release)}
    return Release(**{**values, "at": aware(row["at"])})
