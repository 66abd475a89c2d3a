"""What the pages work on: the gradebook, the course, and the folder of what was released."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from torchgrade.errors import TorchgradeError, UsageError
from torchgrade.gradebook import Decision, Decisions, Gradebook, Release, Standing, mark
from torchgrade.i18n import _
from torchgrade.model import Assignment, Course, Outcome, Status, Verdict, verdict_from_json
from torchgrade.pipeline.final import applies, final_verdict, waiting
from torchgrade.pipeline.reporting import course_name, with_hints
from torchgrade.policy import Standing as Counted
from torchgrade.serve.counting import COUNTED, counted, mark_of, policy_stamp
from torchgrade.spec import load_course, load_hints

RELEASED = "released"


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Work:
    """One student's work as it stands: the machine's verdict in outline, what was decided, what is told."""

    standing: Standing
    final: Verdict
    decisions: Mapping[str, Decision]
    release: Release | None
    counts: str = ""  # the mark of what counts of the points now; empty: it cannot be said

    @property
    def student(self) -> str:
        """Whose it is."""
        return self.standing.verdict.student

    @property
    def waits(self) -> int:
        """How many criteria wait for a teacher."""
        return len(waiting(self.final))

    @property
    def stale(self) -> list[Decision]:
        """Decisions on an earlier notebook, which do not count for this one."""
        return [d for d in self.decisions.values() if not applies(self.final, d) and _says(d)]

    @property
    def overridden(self) -> int:
        """How many of the machine's points a teacher has set aside."""
        manual = {c.id for c in self.standing.verdict.criteria if c.outcome is Outcome.MANUAL}
        here = (d for d in self.decisions.values() if applies(self.final, d) and d.points is not None)
        return sum(d.criterion not in manual for d in here)

    @property
    def ready(self) -> bool:
        """Whether all is judged, by the machine or a teacher."""
        return not self.waits and not self.stale and self.final.status is not Status.BROKEN

    @property
    def changed(self) -> bool:
        """Whether the student was told something else than what holds now."""
        if self.release is None:
            return False
        later = any(d.at > self.release.at for d in self.decisions.values())
        counted = self.release.verdict["digests"].get(COUNTED, self.counts)  # nobody kept it in older releases
        recounted = bool(self.counts) and counted != self.counts
        return later or recounted or _figures(self.release.verdict) != _figures(self.final.to_json())


def _says(decision: Decision) -> bool:
    return decision.points is not None or bool(decision.comment)


def _figures(verdict: Mapping[str, object]) -> list[object]:
    """What an outline knows of what a student is told."""
    criteria, digests = verdict["criteria"], verdict["digests"]
    lines = [(c["id"], c["outcome"], c["points"]) for c in criteria]  # type: ignore[attr-defined]
    work = digests.get("notebook", "")  # type: ignore[attr-defined]
    return [verdict["points"], verdict["max_points"], verdict["bonus"], str(verdict["status"]), work, *lines]


@dataclass
class Desk:
    """One teacher's server. Methods may be called from many threads."""

    book: Gradebook
    course: Course
    out: Path
    who: str
    clock: Callable[[], datetime] = _now
    _lock: threading.Lock = field(default_factory=threading.Lock)  # one writes released files at a time

    @property
    def decisions(self) -> Decisions:
        """The teachers' part of the gradebook."""
        return Decisions(self.book, course_name(self.course))

    def works(self, assignment: str) -> list[Work]:
        """All works of an assignment, by student."""
        mine = self.decisions
        decided, released = mine.of(assignment), mine.releases(assignment)
        works = []
        for standing in mine.standings(assignment):
            student = standing.verdict.student
            found = decided.get(student, {})
            works.append(Work(standing, final_verdict(standing.verdict, found), found, released.get(student)))
        return self._with_counts(assignment, works) if released else works

    def _with_counts(self, id: str, works: list[Work]) -> list[Work]:
        """With what counts now of the points of those who were released, as long as the course can be read."""
        told = {w.student: w.final for w in works}
        try:
            course, assignment = self.find(id)
            found = counted(self.book, course, assignment, list(told.values()), self.decisions.of(id), told.get)
        except TorchgradeError:
            return works
        return [dataclasses.replace(w, counts=mark_of(found.get(w.student))) for w in works]

    def stamp(self, assignment: str) -> str:
        """A short text that is another one whenever what the table of an assignment shows may have changed."""
        return f"{self.decisions.stamp(assignment)} {policy_stamp(self.course, assignment)}"

    def told(self, assignment: Assignment, verdict: Verdict, decisions: Mapping[str, Decision]) -> Verdict:
        """What the student is told: hints written since, and what the teacher decided."""
        return final_verdict(with_hints(verdict, load_hints(assignment)), decisions)

    def find(self, id: str) -> tuple[Course, Assignment]:
        """The assignment as its files are now. Raises UsageError, SpecError."""
        course = dataclasses.replace(load_course(self.course.root, only=id), language=self.course.language)
        found = course.assignment(id)
        if found is None:
            raise UsageError(_("the course has no assignment “{id}”").format(id=id))
        return course, found

    def page(self, assignment: str, student: str) -> str:
        """The student's page as it would be released now."""
        from torchgrade.feedback import render_student

        course, found = self.find(assignment)
        final = self._final(found, student)
        counted = self._counted(course, found, [final])
        return render_student(course, found, final, standing=counted.get(student), generated_at=self.clock())

    def mark(self, assignment: str, student: str) -> str:
        """The mark of what the student's page would tell."""
        final = self._final(self.find(assignment)[1], student)
        return mark(dataclasses.replace(final, notebook=None).to_json())

    def _counted(self, course: Course, assignment: Assignment, told: Sequence[Verdict]) -> dict[str, Counted]:
        """What counts of the points that these students are told of, by dates, attempts and groups."""

        def final(student: str) -> Verdict | None:
            with contextlib.suppress(UsageError):  # no verdict
                return self._final(assignment, student)
            return None

        return counted(self.book, course, assignment, told, self.decisions.of(assignment.id), final)

    def _final(self, assignment: Assignment, student: str) -> Verdict:
        _key, verdict = self.decisions.verdict(assignment.id, student)
        return self.told(assignment, verdict, self.decisions.of(assignment.id).get(student, {}))

    # Release

    def release(self, assignment: str, student: str, *, seen: str | None = None) -> None:
        """Note the release, then write the student's page: where this ends between the two, nothing was published
        that nobody released. Raises Conflict, UsageError."""
        course, found = self.find(assignment)
        names = self.page_names(assignment)
        with self._lock, self._telling_of_files(assignment):
            self._release(course, found, student, names[student], seen)
            self._write_grades(course, found)

    def release_all(self, assignment: str, *, everybody: bool) -> tuple[int, int]:
        """Release those who are ready (or everybody) and new or changed; (how many, how many were left out)."""
        course, found = self.find(assignment)
        names = self.page_names(assignment)
        works = self.works(assignment)
        wanted = [w for w in works if w.ready or everybody]
        new = [w for w in wanted if w.release is None or w.changed or not self._has(assignment, names[w.student])]
        with self._lock, self._telling_of_files(assignment):
            for work in new:
                self._release(course, found, work.student, names[work.student], None)
            self._write_grades(course, found)
        return len(new), len(works) - len(wanted)

    def _release(self, course: Course, assignment: Assignment, student: str, page: str, seen: str | None) -> None:
        from torchgrade.feedback import render_student
        from torchgrade.feedback.files import write_whole

        counts: Counted | None = None

        def told(verdict: Verdict, decisions: Mapping[str, Decision]) -> Verdict:
            nonlocal counts
            final = self.told(assignment, verdict, decisions)
            counts = self._counted(course, assignment, [final]).get(student)
            return dataclasses.replace(final, digests={**final.digests, COUNTED: mark_of(counts)})

        final = self.decisions.release(assignment.id, student, who=self.who, told=told, seen=seen)
        html = render_student(course, assignment, final, standing=counts, generated_at=self.clock())
        folder = self.folder(assignment.id)
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / page, html)

    @contextlib.contextmanager
    def _telling_of_files(self, assignment: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            said = _("{path}: the released page cannot be written ({why}). Release it again.")
            path = error.filename or self.folder(assignment)
            raise UsageError(said.format(path=path, why=error.strerror)) from None

    def _has(self, assignment: str, page: str) -> bool:
        """Whether a released page is there."""
        return (self.folder(assignment) / page).is_file()

    def folder(self, assignment: str) -> Path:
        """Where the released pages of an assignment are."""
        from torchgrade.intake import safe_names

        return self.out / RELEASED / safe_names([assignment])[assignment]

    def page_names(self, assignment: str) -> dict[str, str]:
        """The file of each student's page."""
        from torchgrade.feedback.files import page_names

        students = [s.verdict.student for s in self.decisions.standings(assignment)]
        return dict(zip(students, page_names(students), strict=True))

    def _write_grades(self, course: Course, assignment: Assignment) -> None:
        """grades.csv of those who were released: points as they were told, and what counts of them now."""
        from torchgrade.feedback import grades_csv
        from torchgrade.feedback.files import write_whole

        told = [verdict_from_json(r.verdict) for r in self.decisions.releases(assignment.id).values()]
        if told:
            counts = self._counted(course, assignment, told)
            write_whole(self.folder(assignment.id) / "grades.csv", grades_csv(assignment, told, counts))
