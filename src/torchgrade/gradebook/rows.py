"""A verdict as rows, and back. What goes in comes out equal."""

from __future__ import annotations

import dataclasses
import json
import math
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import RowMapping

from torchgrade.errors import BrokenError
from torchgrade.model import CriterionResult, Outcome, Status, Verdict, verdict_from_json

_ELSEWHERE = {"criteria", "notebook"}  # fields of a verdict that have tables of their own
_VERDICT_FIELDS = tuple(f.name for f in dataclasses.fields(Verdict) if f.name not in _ELSEWHERE)
_CRITERION_FIELDS = tuple(f.name for f in dataclasses.fields(CriterionResult))


def split(verdict: Verdict) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The row of a verdict and the rows of its criteria, without the columns that only the database knows.

    Raises BrokenError where a figure is not a finite number: a database would keep something else.
    """
    data = dataclasses.replace(verdict, notebook=None).to_json()
    criteria = [{"position": at, **row} for at, row in enumerate(data.pop("criteria"))]
    del data["notebook"]
    for row in (data, *criteria):
        _refuse_odd_numbers(verdict.student, row)
    data["finished"] = is_finished(verdict)
    data["notebook_digest"] = verdict.digests.get("notebook", "")
    return data, criteria


def join(row: RowMapping, criteria: Sequence[RowMapping], packed: bytes | None) -> Verdict:
    """The verdict of the rows that ``split`` and ``pack`` made."""
    data = {name: row[name] for name in _VERDICT_FIELDS}
    data["criteria"] = [{name: each[name] for name in _CRITERION_FIELDS} for each in criteria]
    data["notebook"] = None if packed is None else unpack(packed)
    return verdict_from_json(data)


def is_finished(verdict: Verdict) -> bool:
    """False where the verdict, or one criterion of it, is broken: then it is to be run again."""
    outcomes = {c.outcome for c in verdict.criteria}
    return verdict.status is not Status.BROKEN and Outcome.BROKEN not in outcomes


def pack(notebook: Mapping[str, Any]) -> bytes:
    """A notebook in few bytes. ``surrogatepass`` because a student may print half of a pair."""
    return zlib.compress(json.dumps(notebook, ensure_ascii=False).encode("utf-8", "surrogatepass"))


def unpack(packed: bytes) -> dict[str, Any]:
    """The notebook that ``pack`` was given."""
    notebook: dict[str, Any] = json.loads(zlib.decompress(packed).decode("utf-8", "surrogatepass"))
    return notebook


def _refuse_odd_numbers(student: str, row: Mapping[str, Any]) -> None:
    for name, value in row.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise BrokenError(f"verdict of {student!r}: {name} is {value}, not a number that can be kept")
