"""``check``: a student examines their own notebook by the public criteria. Nothing is stored."""

from __future__ import annotations

import contextlib
import difflib
import shlex
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torchgrade.data import PreparedData
from torchgrade.errors import RoomError, UsageError
from torchgrade.feedback.told import Told, tell
from torchgrade.grading import warm
from torchgrade.i18n import _
from torchgrade.intake import collect
from torchgrade.model import Assignment, Course, Submission, Tier, Verdict, Visibility
from torchgrade.notebook import find_definition
from torchgrade.pipeline import datasets, keys
from torchgrade.pipeline.machine import Place, choose_place, on_slot, slots
from torchgrade.pipeline.plan import setup_for
from torchgrade.pipeline.retelling import retell, retell_all
from torchgrade.spec import assignment_ids, check_graders

_TIERS = (Tier.FULL, Tier.LANDLOCK, Tier.NONE)


@dataclass(frozen=True)
class Checked:
    """What a check found. ``later`` counts criteria that only the course runs."""

    assignment: Assignment
    verdict: Verdict
    later: int
    note: str = ""  # why the sandbox is a weaker one
    language: str = ""  # of the course's own words
    live: bool = False  # a running kernel was examined, not a notebook's file

    @property
    def told(self) -> Told:
        """The same in words."""
        return tell(
            self.assignment,
            self.verdict,
            later=self.later,
            note=self.note,
            live=self.live,
            language=self.language,
        )


def as_document(checked: Checked) -> dict[str, Any]:
    """The results for a program, as docs/students.md describes them."""
    verdict = checked.verdict
    return {
        "schema": "torchgrade/check/v1",
        "assignment": verdict.assignment,
        "status": str(verdict.status),
        "points": verdict.points,
        "max_points": verdict.max_points,
        "sandbox": str(verdict.sandbox),
        "notes": list(verdict.notes),
        "later": checked.later,
        "criteria": [
            {
                "id": c.id,
                "title": c.title,
                "outcome": str(c.outcome),
                "points": c.points,
                "max_points": c.max_points,
                "message": c.message,
                "hint": c.hint,
            }
            for c in verdict.criteria
        ],
    }


def count_later(assignment: Assignment) -> int:
    """How many criteria only the course runs."""
    return sum(c.visibility != Visibility.PUBLIC or c.manual for c in assignment.criteria)


def find_notebook(path: Path | None) -> Path:
    """The notebook that was meant: the one given, or the only one in the current folder. Raises UsageError."""
    if path is not None and path.is_file():
        return path
    folder = path or Path.cwd()
    if not folder.is_dir():
        raise UsageError(_("{folder}: there is no such notebook").format(folder=folder))
    found = sorted(p for p in folder.glob("*.ipynb") if p.is_file())
    if len(found) == 1:
        return found[0]
    if not found:
        raise UsageError(_("there is no notebook in {folder}").format(folder=folder.resolve()))
    names = ", ".join(p.name for p in found[:5])
    said = _("which notebook? {folder} holds {names}; say, for example: torchgrade check {first}")
    raise UsageError(said.format(folder=folder, names=names, first=shlex.quote(str(found[0]))))


def find_assignment(course: Course, wanted: str, notebook: Path, submission: Submission) -> Assignment:
    """The assignment of a notebook: by option, by file name, or by the names it defines. Raises UsageError."""
    ids = assignment_ids(course.root)
    if wanted:
        found = course.assignment(wanted)
        if found is None:
            near = difflib.get_close_matches(wanted, ids, 1)
            said = _("no assignment '{id}'; there are: {ids}")
            said = _("no assignment '{id}'; did you mean '{near}'?") if near else said
            raise UsageError(said.format(id=wanted, near=near[0] if near else "", ids=", ".join(ids)))
        return found
    if guessed := guess_assignment(course, notebook, submission):
        return guessed
    said = _("which assignment is {name}? Say --assignment with one of: {ids}")
    raise UsageError(said.format(name=notebook.name, ids=", ".join(ids)))


def guess_assignment(course: Course, notebook: Path, submission: Submission) -> Assignment | None:
    """By the names of file and folder, or by the names it defines."""
    name = notebook.name.partition(".")[0]  # softmax.ru.ipynb is softmax
    by_name = course.assignment(name) or course.assignment(notebook.resolve().parent.name)
    if by_name:
        return by_name
    scores = {a.id: _defined(a, submission) for a in course.assignments}
    best = [i for i, s in scores.items() if s == max(scores.values())] if scores else []
    return course.assignment(best[0]) if len(best) == 1 and scores[best[0]] else None


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
    with contextlib.closing(Checker(plain=plain, tell=tell)) as checker:
        return checker.check(course, notebook, assignment)


class Checker:
    """Checks notebooks one after the other; the examiner stays warm while the assignment stays as it is."""

    def __init__(self, *, plain: bool | None = None, tell: datasets.Tell = datasets.silent) -> None:
        self._plain = sys.platform != "linux" if plain is None else plain
        self._tell = tell
        self._warm: _Warm | None = None

    def check(self, course: Course, notebook: Path | None, assignment: str = "") -> Checked:
        """Examine one notebook. Raises UsageError, SpecError, RoomError, BrokenError."""
        path = find_notebook(notebook)
        submission, *others = collect(path)
        if others:
            raise UsageError(
                _("{path}: holds several submissions; check one notebook at a time").format(path=path)
            )
        if submission.notebook is None:
            raise UsageError(f"{path}: {retell(submission.problem)}")
        chosen = find_assignment(course, assignment, path, submission)
        check_graders(chosen, public_only=True)
        warm_one = self._examiner_of(course, chosen)
        job = _job(chosen, submission, warm_one.prepared, warm_one.tier, warm_one.place)
        try:
            verdict = warm_one.examiner.examine(job, chosen.limits.examination_seconds)
        except BaseException:
            self.close()  # what failed once is not kept
            raise
        return Checked(chosen, verdict, count_later(chosen), warm_one.note, course.language)

    def close(self) -> None:
        """End the examiner."""
        if self._warm is not None:
            self._warm.examiner.close()
            self._warm = None

    def _examiner_of(self, course: Course, assignment: Assignment) -> _Warm:
        state = (str(course.root), assignment.id, course.language, keys.assignment_digests(assignment))
        if self._warm is None or self._warm.state != state:
            self.close()
            prepared = datasets.prepare_for(course, assignment, None, self._tell)
            self._warm = self._warm_up(course, assignment, prepared, state)
        return self._warm

    def _warm_up(
        self, course: Course, assignment: Assignment, prepared: PreparedData | None, state: _State
    ) -> _Warm:
        """In the best tier that can be sealed: a weaker room will do for one's own notebook."""
        place, note = choose_place("auto", assignment), ""
        for tier in (Tier.NONE,) if self._plain else _TIERS:
            setup = replace(setup_for(course, assignment, tier, prepared), public_only=True, plain=self._plain)
            examiner = warm.start(setup)
            try:
                examiner.wait_ready()
                return _Warm(state, examiner, tier, prepared, place, note)
            except RoomError as error:
                examiner.close()
                note = str(error)
            except BaseException:
                examiner.close()
                raise
        raise RoomError(note or _("no room could be opened"))


_State = tuple[str, str, str, dict[str, str]]


@dataclass(frozen=True)
class _Warm:
    """An examiner that is ready, and what it was made for."""

    state: _State
    examiner: warm.Examiner
    tier: Tier
    prepared: PreparedData | None
    place: Place
    note: str


def _job(
    assignment: Assignment, submission: Submission, prepared: PreparedData | None, tier: Tier, place: Place
) -> dict[str, Any]:
    return {
        **on_slot(slots(place, 1)[0], 1),
        "device": place.device,
        "student": submission.student,
        "assignment": assignment.id,
        "notebook": submission.notebook,
        "digest": submission.digest,
        "tier": str(tier),
        "public_only": True,
        "notes": retell_all((*submission.notes, *(prepared.notes if prepared else ()))),
        "digests": datasets.digests_of(prepared),
        "versions": keys.versions(),
    }
