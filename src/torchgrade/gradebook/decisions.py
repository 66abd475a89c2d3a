"""The teachers' part of a gradebook: what they decide beside the machine's verdicts, release, and find in the log.

A verdict is never changed here: a decision stands beside it, tied to the notebook that the teacher was reading.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from torchgrade.gradebook import logbook, releasing
from torchgrade.gradebook.course import CourseVerdicts
from torchgrade.gradebook.deciding import Conflict, Decider, Decision, Wish, decided
from torchgrade.gradebook.logbook import Entry
from torchgrade.gradebook.releasing import Release, mark
from torchgrade.i18n import _
from torchgrade.model import Verdict


class Decisions(CourseVerdicts):
    """The verdicts of one course with what teachers made of them. For many threads: each call is a transaction."""

    def of(self, assignment: str) -> dict[str, dict[str, Decision]]:
        """All decisions: by student, then by criterion."""
        with self._book._reading() as db:
            found: dict[str, dict[str, Decision]] = {}
            for student, decision in decided(db, self._whose(assignment)):
                found.setdefault(student, {})[decision.criterion] = decision
            return found

    def releases(self, assignment: str) -> dict[str, Release]:
        """What was released, by student."""
        with self._book._reading() as db:
            return releasing.released(db, self._whose(assignment))

    def log(
        self, *, assignment: str = "", student: str | None = None, limit: int = 200, before: int = 0
    ) -> list[Entry]:
        """The newest lines of the log first; ``before``: only those older than the line of this id."""
        whose = self._whose(assignment) if assignment else {"course": self.course}
        whose |= {"student": student} if student is not None else {}
        with self._book._reading() as db:
            return logbook.read(db, whose, limit=limit, before=before)

    def decide(
        self, assignment: str, student: str, wishes: Iterable[Wish], *, who: str, notebook_digest: str
    ) -> list[str]:
        """Keep what is wished, all or none; the criteria of which something changed.

        ``notebook_digest``: of the work that the teacher saw. Raises Conflict where there is another verdict or
        decision by now, Refused where points are out of range or a reason is missing. Both say it in a sentence.
        """
        now = self._book._clock()
        with self._book._writing() as db:
            key, verdict = self._current(db, assignment, student)
            if verdict.digests.get("notebook", "") != notebook_digest:
                said = _("{student} has handed in another notebook since you opened this page. Nothing was saved.")
                raise Conflict(None, said.format(student=student))
            decider = Decider(db, self.course, key, verdict, who, now)
            return [wish.criterion for wish in wishes if decider.decide(wish)]

    def release(
        self,
        assignment: str,
        student: str,
        *,
        who: str,
        told: Callable[[Verdict, Mapping[str, Decision]], Verdict],
        seen: str | None = None,
    ) -> Verdict:
        """Note that the student is told the verdict as it is now, decisions included; what they are told.

        ``told`` puts a verdict and the decisions together; ``seen`` is the ``mark`` of what the teacher saw.
        Raises Conflict where that is no longer so.
        """
        now = self._book._clock()
        with self._book._writing() as db:
            key, verdict = self._current(db, assignment, student, with_notebooks=True)
            mine = decided(db, self._whose(assignment) | {"student": student})
            final = told(verdict, {decision.criterion: decision for _student, decision in mine})
            if seen is not None and seen != mark(final.to_json()):
                raise Conflict(None, _("The grade has changed since you opened this page. Nothing was released."))
            releasing.keep(db, self.course, key, final, who=who, at=now)
        return final

    def _whose(self, assignment: str) -> dict[str, str]:
        return {"course": self.course, "assignment": assignment}
