"""Where a grader failed, for the person who writes it: file, line and what is wrong, in one line."""

from __future__ import annotations

import re
import traceback
from pathlib import Path

from _pytest.fixtures import FixtureLookupError

from torchgrade.model import Assignment
from torchgrade.spec.faults import nearest

#: What a grader may ask for.
FIXTURES = ("submission", "reference", "dataset", "rng", "device", "variant", "award", "hint", "exhibit")
_PLACE = re.compile(r"^.*?(?P<path>graders[/\\]\S+?\.py):(?P<line>\d+)(: in .*)?$")
_SAID = re.compile(r"^E\s+(?P<words>\S.*)$")


def fault_line(assignment: Assignment, error: BaseException) -> str:
    """``graders/…/test_public.py:12: AttributeError: …``; no place where the grader's files have no part."""
    if isinstance(error, FixtureLookupError) and error.argname is not None:
        item = error.request.node
        where = f"{_shown(assignment, item.path)}:{item.location[1] + 1 if item.location[1] is not None else 1}"
        known = nearest(error.argname, FIXTURES)
        return f"{where}: {item.name}: there is no fixture '{error.argname}'{known}"
    said = f"{type(error).__name__}: {error}".strip().splitlines()[0]
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if Path(f.filename).is_relative_to(assignment.graders)]
    return f"{_shown(assignment, Path(own[-1].filename))}:{own[-1].lineno}: {said}" if own else said


def import_line(report: str) -> str:
    """The same from pytest's report of a file that cannot be imported; empty where that says no place."""
    places = [m for line in report.splitlines() if (m := _PLACE.match(line.strip()))]
    said = [m["words"] for line in report.splitlines() if (m := _SAID.match(line))]
    if not places or not said:
        return ""
    return f"{places[-1]['path']}:{places[-1]['line']}: {said[-1]}"


def _shown(assignment: Assignment, path: Path) -> str:
    root = assignment.graders.parent.parent
    return (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()
