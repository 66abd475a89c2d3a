"""``check``: a student examines their own notebook by the public criteria. Nothing is stored."""

from __future__ import annotations

import difflib
import sys
from dataclasses import dataclass
from pathlib import Path

from torchgrade.data import PreparedData
from torchgrade.errors import RoomError, UsageError
from torchgrade.grading import warm
from torchgrade.intake import collect
from torchgrade.model import Assignment, Course, Submission, Tier, Verdict, Visibility
from torchgrade.notebook import find_definition
from torchgrade.pipeline import datasets, keys
from torchgrade.pipeline.machine import Place, choose_place, on_slot, slots
from torchgrade.spec import assignment_ids, check_graders

_TIERS = (Tier.FULL, Tier.LANDLOCK, Tier.NONE)


@dataclass(frozen=True)
class Checked:
    """What a check found. ``later`` counts criteria that only the course runs."""

    assignment: Assignment
    verdict: Verdict
    later: int
    note: str = ""  # why the sandbox is a weaker one


def find_notebook(path: Path | None) -> Path:
    """The notebook that was meant: the one given, or the only one in the current folder. Raises UsageError."""
    if path is not None and path.is_file():
        return path
    folder = path or Path.cwd()
    if not folder.is_dir():
        raise UsageError(f"{folder}: there is no such notebook")
    found = sorted(p for p in folder.glob("*.ipynb") if p.is_file())
    if len(found) == 1:
        return found[0]
    names = ", ".join(p.name for p in found[:5])
    raise UsageError(
        f"which notebook? {folder} holds {names}" if found else f"there is no notebook in {folder.resolve()}"
    )


def find_assignment(course: Course, wanted: str, notebook: Path, submission: Submission) -> Assignment:
    """The assignment of a notebook: by option, by file name, or by the names it defines. Raises UsageError."""
    ids = assignment_ids(course.root)
    if wanted:
        found = course.assignment(wanted)
        if found is None:
            near = difflib.get_close_matches(wanted, ids, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(ids)}"
            raise UsageError(f"no assignment {wanted!r}; {hint}")
        return found
    by_name = course.assignment(notebook.stem) or course.assignment(notebook.resolve().parent.name)
    if by_name:
        return by_name
    scores = {a.id: _defined(a, submission) for a in course.assignments}
    best = [i for i, s in scores.items() if s == max(scores.values())] if scores else []
    if len(best) == 1 and scores[best[0]]:
        return next(a for a in course.assignments if a.id == best[0])
    raise UsageError(f"which assignment is {notebook.name}? Say --assignment with one of: {', '.join(ids)}")


def _defined(assignment: Assignment, submission: Submission) -> int:
    if submission.notebook is None:
        return 0
    return sum(find_definition(submission.notebook, name) is not None for name in assignment.defines)


def check(
    course: Course,
    notebook: Path | None,
    assignment: str = "",
    *,
    plain: bool | None = None,
    tell: datasets.Tell = datasets.silent,
) -> Checked:
    """Examine one notebook by the public criteria, in the best room that this machine can seal.

    ``plain`` forces (or forbids) an ordinary kernel; by default it is used where there is no Linux. ``tell``
    hears what takes a while before.
    """
    path = find_notebook(notebook)
    submission, *others = collect(path)
    if others:
        raise UsageError(f"{path}: holds several submissions; check one notebook at a time")
    if submission.notebook is None:
        raise UsageError(f"{path}: {submission.problem}")
    chosen = find_assignment(course, assignment, path, submission)
    check_graders(chosen, public_only=True)
    use_plain = sys.platform != "linux" if plain is None else plain
    prepared = datasets.prepare_for(course, chosen, None, tell)
    verdict, note = _examine(course, chosen, submission, prepared, plain=use_plain)
    later = sum(c.visibility != Visibility.PUBLIC or c.manual for c in chosen.criteria)
    return Checked(chosen, verdict, later, note)


def _examine(
    course: Course,
    assignment: Assignment,
    submission: Submission,
    prepared: PreparedData | None,
    *,
    plain: bool,
) -> tuple[Verdict, str]:
    seconds = assignment.limits.examination_seconds
    place = choose_place("auto", assignment)
    note = ""
    for tier in (Tier.NONE,) if plain else _TIERS:
        setup = warm.Setup(
            str(course.root),
            assignment.id,
            tier=tier,
            public_only=True,
            plain=plain,
            data=datasets.folder_of(prepared),
        )
        examiner = warm.start(setup)
        try:
            examiner.wait_ready()
            return examiner.examine(_job(assignment, submission, prepared, tier, place), seconds), note
        except RoomError as error:  # a weaker room will do for one's own notebook
            note = str(error)
        finally:
            examiner.close()
    raise RoomError(note or "no room could be opened")


def _job(
    assignment: Assignment, submission: Submission, prepared: PreparedData | None, tier: Tier, place: Place
) -> dict[str, object]:
    return {
        **on_slot(slots(place, 1)[0], 1),
        "device": place.device,
        "student": submission.student,
        "assignment": assignment.id,
        "notebook": submission.notebook,
        "digest": submission.digest,
        "tier": str(tier),
        "public_only": True,
        "notes": [*submission.notes, *(prepared.notes if prepared else ())],
        "digests": datasets.digests_of(prepared),
        "versions": keys.versions(),
    }
