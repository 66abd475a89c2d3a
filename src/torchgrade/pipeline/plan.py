"""One run of ``grade``: what was asked for, and the course's side of every examination."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from torchgrade.data import PreparedData
from torchgrade.grading import warm
from torchgrade.i18n import _
from torchgrade.model import Assignment, Course, CriterionResult, Outcome, Status, Submission, Tier, Verdict
from torchgrade.pipeline import datasets, keys
from torchgrade.pipeline.gpus import Slot
from torchgrade.pipeline.machine import Place, default_jobs, slots
from torchgrade.pipeline.retelling import retell, retell_all
from torchgrade.sandbox.wanted import wanted_by


@dataclass(frozen=True)
class GradeOptions:
    """What a teacher chose on the command line."""

    jobs: int = 0  # 0: as many as the machine can hold
    device: str = "auto"
    gpus: int = 0  # how many to use; 0: all
    tier: Tier = Tier.FULL
    gradebook: str = ""  # a path or an SQLAlchemy URL; empty: gradebook.sqlite in the output folder
    roster: Path | None = None
    tag: str = ""  # of git repositories: the commit that this marks
    until: str = ""  # of git repositories: the last commit until then, a moment with a zone
    scheduler: str = ""
    force: bool = False
    failed: bool = False  # what was broken or hit a limit is examined again
    only: tuple[str, ...] = ()  # of these students alone


@dataclass(frozen=True)
class Plan:
    """The course's side of every job of one run."""

    course: Course
    assignment: Assignment
    place: Place
    options: GradeOptions
    prepared: PreparedData | None
    secret: bytes
    digests: dict[str, str]

    @classmethod
    def make(
        cls,
        course: Course,
        assignment: Assignment,
        place: Place,
        options: GradeOptions,
        prepared: PreparedData | None = None,
    ) -> Plan:
        """Raises UsageError where the course's secret can be neither read nor made."""
        digests = {**keys.assignment_digests(assignment), **datasets.digests_of(prepared)}
        return cls(course, assignment, place, options, prepared, keys.course_secret(course.root), digests)

    def key(self, submission: Submission) -> str:
        """The digest of all that the verdict on a submission depends on."""
        return keys.verdict_key(
            self.assignment,
            submission,
            self.digests,
            tier=self.options.tier,
            device=self.place.device,
            secret=self.secret,
            language=self.course.language,
        )

    @cached_property
    def slots(self) -> list[Slot]:
        """One for each submission that is examined at the same time on this machine."""
        return slots(self.place, self.options.jobs or default_jobs())

    @property
    def jobs(self) -> int:
        """Submissions at once on this machine."""
        return len(self.slots)

    @property
    def setup(self) -> warm.Setup:
        """What an examiner must know."""
        return setup_for(self.course, self.assignment, self.options.tier, self.prepared)

    def notes(self, submission: Submission) -> tuple[str, ...]:
        """What a verdict must tell beside its criteria."""
        return retell_all((*submission.notes, *(self.prepared.notes if self.prepared else ())))

    def job(self, submission: Submission, attempt: int) -> dict[str, Any]:
        """One submission as an examiner wants it; where it runs (threads, GPU) is added when that is known."""
        return {
            "student": submission.student,
            "assignment": self.assignment.id,
            "notebook": submission.notebook,
            "digest": submission.digest,
            "attempt": attempt,
            "seed": keys.attempt_seed(self.secret, self.assignment.id, submission),
            "tier": str(self.options.tier),
            "device": self.place.device,
            "notes": list(self.notes(submission)),
            "fields": keys.graded_fields(self.assignment, submission),
            "digests": {**self.digests, "notebook": submission.digest},
            "versions": keys.versions(),
        }

    def unreadable(self, submission: Submission, attempt: int) -> Verdict:
        """The verdict on a submission in which there is no notebook to run."""
        said = retell(submission.problem)
        return self._without_examination(submission, attempt, Status.UNREADABLE, Outcome.FAILED, said, said)

    def broken(self, submission: Submission, attempt: int, reason: str) -> Verdict:
        """The verdict where the engine failed."""
        last = reason.strip().splitlines()[-1] if reason.strip() else _("the engine failed")
        said = _("could not be examined; that is not the student's fault")
        return self._without_examination(submission, attempt, Status.BROKEN, Outcome.BROKEN, last, said)

    def _without_examination(
        self, submission: Submission, attempt: int, status: Status, outcome: Outcome, reason: str, said: str
    ) -> Verdict:
        results = tuple(
            CriterionResult(
                c.id,
                _(c.title),
                Outcome.MANUAL if c.manual else outcome,
                0.0,
                c.points,
                c.bonus,
                c.visibility,
                said,
            )
            for c in self.assignment.criteria
        )
        return Verdict(
            student=submission.student,
            assignment=self.assignment.id,
            status=status,
            points=0.0,
            max_points=0.0 if status == Status.BROKEN else self.assignment.max_points,
            bonus=0.0,
            criteria=results,
            reason=reason,
            notes=self.notes(submission),
            device=self.place.device,
            sandbox=str(self.options.tier),
            attempt=attempt,
            digests={**self.digests, "notebook": submission.digest},
            versions=keys.versions(),
            limits=self.assignment.limits,
        )


def setup_for(course: Course, assignment: Assignment, tier: Tier, prepared: PreparedData | None) -> warm.Setup:
    """What an examiner must know to warm up."""
    return warm.Setup(
        str(course.root),
        assignment.id,
        tier=tier,
        data=datasets.folder_of(prepared),
        wanted=wanted_for(assignment),
        language=course.language,
    )


def wanted_for(assignment: Assignment) -> tuple[str, ...]:
    """What notebooks of this assignment are likely to import, by the course's own and the files beside it."""
    texts = []
    for path in (assignment.solution, assignment.handout, *assignment.files):
        if path.suffix in (".ipynb", ".py"):
            with contextlib.suppress(OSError, UnicodeError):
                texts.append(path.read_text(encoding="utf-8"))
    return wanted_by("\n".join(texts))
