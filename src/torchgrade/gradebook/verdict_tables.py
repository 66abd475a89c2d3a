"""Verdicts in the tables: looked up, written, and linked to the runs that show them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, RowMapping, delete, insert, select, update

from torchgrade.gradebook import rows
from torchgrade.gradebook.schema import criteria, matching, notebooks, run_verdicts, verdicts
from torchgrade.model import Verdict

_AT_ONCE = 500  # databases bound the parameters of one statement, some at 999
_T = TypeVar("_T")


def chunks(items: Sequence[_T]) -> Iterator[Sequence[_T]]:
    """The items in parts that are few enough for one statement."""
    return (items[at : at + _AT_ONCE] for at in range(0, len(items), _AT_ONCE))


def load(db: Connection, here: ColumnElement[bool], *, with_notebooks: bool) -> list[tuple[str, Verdict]]:
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


def find(db: Connection, row: Mapping[str, Any]) -> tuple[int | None, bool]:
    """(its id, whether it is finished) of the verdict of this assignment, key and student; (None, False): none."""
    same = matching(verdicts, {name: row[name] for name in ("assignment", "key", "student")})
    found = db.execute(select(verdicts.c.verdict_id, verdicts.c.finished).where(same)).first()
    return (None, False) if found is None else (found.verdict_id, found.finished)


def put(db: Connection, verdict_id: int | None, row: dict[str, Any]) -> int:
    """Insert a verdict, or write over the one of this id, without its parts; its id.

    The id stays, so that the runs that showed the old verdict show the new one.
    """
    if verdict_id is None:
        (verdict_id,) = db.execute(insert(verdicts), row).inserted_primary_key or (0,)
        return int(verdict_id)
    db.execute(update(verdicts).where(verdicts.c.verdict_id == verdict_id).values(row))
    db.execute(delete(criteria).where(criteria.c.verdict_id == verdict_id))
    db.execute(delete(notebooks).where(notebooks.c.verdict_id == verdict_id))
    return verdict_id


def put_parts(db: Connection, verdict_id: int, lines: list[dict[str, Any]], packed: bytes | None) -> None:
    """Insert the criteria of a verdict, and its notebook as ``rows.pack`` made it."""
    if lines:
        db.execute(insert(criteria), [{"verdict_id": verdict_id, **line} for line in lines])
    if packed is not None:
        db.execute(insert(notebooks), {"verdict_id": verdict_id, "json_zlib": packed})


def link(db: Connection, run_id: str, verdict_id: int | None) -> None:
    """Count a verdict among those of a run; once is enough."""
    values = {"run_id": run_id, "verdict_id": verdict_id}
    if db.execute(select(run_verdicts.c.run_id).where(matching(run_verdicts, values))).first() is None:
        db.execute(insert(run_verdicts), values)
