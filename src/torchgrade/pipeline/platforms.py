"""One hand-in examined on somebody else's platform, by the bundle that ``torchgrade export`` made for it.

``python -m torchgrade.pipeline.platforms torchgrade.json HAND-IN RESULT METADATA``: started by the bundle's own
script, which has an answer ready should this process fail or take too long.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from torchgrade.errors import BrokenError, RoomError, UsageError
from torchgrade.exports import classroom50, gradescope, prairielearn, told
from torchgrade.exports.bundle import Platform
from torchgrade.exports.writing import write_files
from torchgrade.grading import warm
from torchgrade.i18n import use_language
from torchgrade.intake import collect
from torchgrade.intake.roster import read_roster
from torchgrade.model import Assignment, Course, Submission, Tier, Verdict
from torchgrade.pipeline import datasets, keys
from torchgrade.pipeline.machine import Place, on_slot, slots
from torchgrade.pipeline.plan import GradeOptions, Plan
from torchgrade.spec import catalogues, load_course

_TIERS = (Tier.FULL, Tier.LANDLOCK, Tier.NONE)
_MOST_METADATA = 16 * 2**20
_NOTEBOOKS = re.compile(r".*\.(ipynb|zip)(\.txt|\.json)?", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Settings:
    """What torchgrade.json of a bundle says. ``weakest``: the weakest sandbox that will do."""

    platform: Platform
    assignment: str
    weakest: Tier
    seconds: float
    public_only: bool
    secret: str

    @classmethod
    def read(cls, path: Path) -> Settings:
        """Raises OSError, ValueError, KeyError."""
        said = json.loads(path.read_text(encoding="utf-8"))
        return cls(
            Platform(said["platform"]),
            said["assignment"],
            Tier(said["weakest"]),
            float(said["seconds"]),
            bool(said["public_only"]),
            said["secret"],
        )


def main(arguments: list[str]) -> int:
    """Examine and write the result; the exit code says whether there is one."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # ends the rooms on the way out
    begin = time.monotonic()
    bundle, hand_in, result, about = map(Path, arguments)
    settings = Settings.read(bundle)
    os.environ.pop(keys.SECRET_VARIABLE, None)
    course = load_course(bundle.parent, only=settings.assignment)
    use_language(course.language, catalogues(course.root, [settings.assignment], course.language))
    assignment = course.assignment(settings.assignment)
    if assignment is None:
        raise UsageError(f"{bundle}: there is no assignment {settings.assignment!r} in the bundle")
    who = student_of(settings.platform, about, os.environ)
    submission = read_hand_in(hand_in, assignment, who, roster_fields(bundle.parent / "roster.csv", who))
    verdict = examine(course, assignment, submission, settings)
    print(f"torchgrade: {verdict.status}, sandbox {verdict.sandbox}, {verdict.reason}")  # for teachers alone
    return _write(settings, assignment, verdict, result, time.monotonic() - begin)


def _write(settings: Settings, assignment: Assignment, verdict: Verdict, result: Path, seconds: float) -> int:
    files: dict[Path, bytes] = {}
    if settings.platform is Platform.GRADESCOPE:
        files[result] = _json(gradescope.results(assignment, verdict, seconds=seconds))
    elif settings.platform is Platform.PRAIRIELEARN:
        files[result] = _json(prairielearn.results(verdict))
    elif told.broken(verdict):
        return 1  # Classroom 50 then notes a fault of the autograder, and no score
    else:
        document = classroom50.result(assignment, verdict, os.environ, now=datetime.now(UTC))
        files[result] = _json(document)
        files[result.with_name("release-body.md")] = classroom50.release_body(verdict, document).encode()
    write_files(files)
    return 0


# Who


@dataclass(frozen=True)
class Who:
    """Whose work it is: a name that is the same each time, and all that could stand in a roster."""

    name: str
    keys: tuple[str, ...] = ()


def student_of(platform: Platform, about: Path, environment: Mapping[str, str]) -> Who:
    """By what the platform tells; a group is one student. Whatever is missing or odd there stops nothing."""
    if platform is Platform.CLASSROOM50:
        owner = environment.get("OWNER") or environment.get("USERNAME") or "student"
        return Who(owner, (owner,))
    users = _metadata(about).get("users") if platform is Platform.GRADESCOPE else None
    found = [user for user in users if isinstance(user, dict)] if isinstance(users, list) else []
    names = sorted(str(user.get("email") or user.get("id") or user.get("name") or "") for user in found)
    values = tuple(str(user[key]) for user in found for key in ("email", "id", "sid", "name") if user.get(key))
    return Who("+".join(filter(None, names)) or "student", values)


def _metadata(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _MOST_METADATA:
            return {}
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def roster_fields(roster: Path, who: Who) -> dict[str, str]:
    """The student's columns of the roster in the bundle, found by any of its cells that says who they are."""
    if not roster.is_file():
        return {}
    read = read_roster(roster)
    known = {key.casefold() for key in who.keys}
    for student in read.students:
        fields = read.fields[student]
        cells = (student, *(fields.get(name, "") for name in ("email", "sid", "name", "login")))
        if any(cell and cell.casefold() in known for cell in cells):
            return fields
    return {}


# What


def read_hand_in(folder: Path, assignment: Assignment, who: Who, fields: dict[str, str]) -> Submission:
    """The one notebook in a folder: that of the assignment's name, where it is among others."""
    with tempfile.TemporaryDirectory() as scratch:
        inside = Path(scratch) / "handed-in"
        inside.mkdir()
        for path in _notebooks(folder, f"{assignment.id}.ipynb"):
            target = inside / path.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target, follow_symlinks=False)
        submission = collect(Path(scratch), wanted=assignment.id)[0]
    return replace(submission, student=who.name, fields=fields, path=None)


def _notebooks(folder: Path, name: str) -> list[Path]:
    """Files that may be the notebook. Links are not followed, and what is hidden is passed over."""
    found = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and not any(p.is_symlink() for p in (path, *path.parents) if p.is_relative_to(folder) and p != folder)
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and _NOTEBOOKS.fullmatch(path.name)
    ]
    named = [path for path in found if path.name.casefold() == name.casefold()]
    return named if len(named) == 1 else found


# The examination


def examine(course: Course, assignment: Assignment, submission: Submission, settings: Settings) -> Verdict:
    """The verdict, reached in the strongest room that the platform allows; a broken one where it allows none."""
    secret = None if settings.public_only else settings.secret.encode()
    os.environ[keys.SECRET_VARIABLE] = settings.secret or "public"
    prepared = datasets.prepare_for(course, assignment, secret, lambda text: print(f"torchgrade: {text}"))
    problem = ""
    for tier in _TIERS[: _TIERS.index(settings.weakest) + 1]:
        plan = Plan.make(course, assignment, Place(), GradeOptions(jobs=1, device="cpu", tier=tier), prepared)
        if submission.notebook is None:
            return plan.unreadable(submission, 1)
        examiner = warm.start(replace(plan.setup, public_only=settings.public_only))
        try:
            examiner.wait_ready()
            return _examined(plan, examiner, submission, settings)
        except RoomError as error:
            problem = str(error)
        except BrokenError as error:
            return plan.broken(submission, 1, str(error))
        finally:
            examiner.close()
        print(f"torchgrade: no {tier} sandbox here: {problem}")
    return plan.broken(submission, 1, f"{problem}; a bundle made with a weaker --sandbox would go on")


def _examined(plan: Plan, examiner: warm.Examiner, submission: Submission, settings: Settings) -> Verdict:
    job = {**plan.job(submission, 1), **on_slot(slots(plan.place, 1)[0], 1)}
    if settings.public_only:
        job |= {"public_only": True}
        job.pop("seed")  # public graders draw from the public seed
    begin, seconds = time.monotonic(), plan.assignment.limits.examination_seconds
    verdict = examiner.examine(job, seconds)
    took = time.monotonic() - begin
    if told.broken(verdict) and 3 * took < settings.seconds:  # as `grade` does: our fault is tried again
        verdict = examiner.examine(job, seconds)
    return verdict


def _json(document: Mapping[str, Any]) -> bytes:
    return (json.dumps(document, ensure_ascii=False, allow_nan=False, indent=1) + "\n").encode()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
