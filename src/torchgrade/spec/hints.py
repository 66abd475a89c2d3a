"""graders/<id>/hints.yaml: a hint for a wrong answer that a cohort gave, by the fingerprint in its report::

    hints:
      - key: sum-over-everything
        criterion: softmax-values
        fingerprint: out-0123456789ab
        hint: You divide by the sum over all numbers.

``key`` is the mistake's name in every language; mistakes are counted by it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

from torchgrade.model import Assignment
from torchgrade.spec import faults
from torchgrade.spec.faults import Fault, nearest
from torchgrade.spec.schema import Id, Text
from torchgrade.spec.tree import Tree, read_tree

HINTS_FILE = "hints.yaml"
_FINGERPRINT = re.compile(r"(out|kind)-[0-9a-f]{12}")


def _is_fingerprint(value: str) -> str:
    if not _FINGERPRINT.fullmatch(value):
        raise ValueError("must be a fingerprint as the cohort's report shows it, such as out-0123456789ab")
    return value


class Hint(BaseModel):
    """One entry: this hint for everybody who is wrong in this way."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    key: Id
    criterion: Id
    fingerprint: Annotated[str, AfterValidator(_is_fingerprint)]
    hint: Text


class _Hints(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    hints: list[Hint]


def load_hints(assignment: Assignment) -> dict[tuple[str, str], Hint]:
    """The entries by criterion and fingerprint; none where there is no file. Raises SpecError."""
    path = assignment.graders / HINTS_FILE
    if not path.is_file():
        return {}
    root = assignment.graders.parent.parent
    tree = read_tree(root, path.relative_to(root) if path.is_relative_to(root) else Path(path))
    entries = faults.checked(tree, _Hints).hints
    _refuse_faults(tree, list(_faults(entries, assignment)))
    return {(entry.criterion, entry.fingerprint): entry for entry in entries}


def _refuse_faults(tree: Tree, found: list[Fault]) -> None:
    if found:
        raise faults.first(tree, found)


def _faults(entries: list[Hint], assignment: Assignment) -> Iterator[Fault]:
    known = [criterion.id for criterion in assignment.criteria]
    seen: set[tuple[str, str]] = set()
    for i, entry in enumerate(entries):
        if entry.criterion not in known:
            problem = f"there is no criterion '{entry.criterion}'{nearest(entry.criterion, known)}"
            yield ("hints", i, "criterion"), problem
        place = entry.criterion, entry.fingerprint
        if place in seen:
            yield ("hints", i, "fingerprint"), f"'{entry.fingerprint}' has a hint above already"
        seen.add(place)
