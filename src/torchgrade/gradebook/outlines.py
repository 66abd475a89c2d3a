"""Verdicts in outline: what a table of a whole cohort shows, read in a few quick statements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping, select

from torchgrade.gradebook.schema import criteria, verdicts
from torchgrade.gradebook.verdict_tables import chunks
from torchgrade.model import CriterionResult, Outcome, Status, Verdict, Visibility

_OF_VERDICT = ("student", "assignment", "status", "points", "max_points", "bonus", "attempt", "reason")
_OF_CRITERION = ("id", "title", "outcome", "points", "max_points", "bonus", "visibility")


@dataclass(frozen=True)
class Standing:
    """A student's newest verdict, in outline: no notebook, no messages, no evidence. ``id`` is the database's."""

    id: int
    key: str
    verdict: Verdict


def outlines(db: Connection, ids: Sequence[int]) -> list[Standing]:
    """The verdicts of these ids, in no order."""
    return [standing for some in chunks(ids) for standing in _outlines(db, some)]


def _outlines(db: Connection, ids: Sequence[int]) -> list[Standing]:
    lines: dict[int, list[CriterionResult]] = defaultdict(list)
    columns = [criteria.c[name] for name in ("verdict_id", *_OF_CRITERION)]
    query = select(*columns).where(criteria.c.verdict_id.in_(ids)).order_by(criteria.c.position)
    for line in db.execute(query).mappings():
        lines[line["verdict_id"]].append(_line(line))
    columns = [verdicts.c[name] for name in ("verdict_id", "key", "notebook_digest", *_OF_VERDICT)]
    found = db.execute(select(*columns).where(verdicts.c.verdict_id.in_(ids))).mappings()
    return [_outline(row, tuple(lines[row["verdict_id"]])) for row in found]


def _line(row: RowMapping) -> CriterionResult:
    values = {name: row[name] for name in _OF_CRITERION}
    values |= {"outcome": Outcome(row["outcome"]), "visibility": Visibility(row["visibility"])}
    return CriterionResult(**values)


def _outline(row: RowMapping, lines: tuple[CriterionResult, ...]) -> Standing:
    values = {name: row[name] for name in _OF_VERDICT}
    values |= {"status": Status(row["status"]), "criteria": lines}
    verdict = Verdict(**values, digests={"notebook": row["notebook_digest"]})
    return Standing(row["verdict_id"], row["key"], verdict)
