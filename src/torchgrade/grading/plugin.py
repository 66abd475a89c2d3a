"""The pytest plugin that lets graders examine a submission. Registered by the examiner for one session, never
for every pytest on the machine.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import pytest
from _pytest.runner import runtestprotocol

from torchgrade.data import PreparedData
from torchgrade.errors import TorchgradeError
from torchgrade.grading.blame import import_line
from torchgrade.grading.examinee import RoomExaminee
from torchgrade.grading.fixtures import GraderFixtures
from torchgrade.grading.records import MOST_DETAIL, Given, TestRecord, blame_answer, record_of
from torchgrade.grading.reference import NamespaceExaminee
from torchgrade.i18n import _
from torchgrade.model import Assignment, Criterion, Outcome, Visibility
from torchgrade.testing.outcomes import clear_frames


class ImportErrors:
    """Keeps why grader files cannot be imported. That is our fault."""

    def __init__(self) -> None:
        self.errors: list[str] = []

    @pytest.hookimpl
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Called for every file, imported or not."""
        if report.failed:
            said = str(report.longrepr)[-MOST_DETAIL:]
            self.errors.append(f"{said}\n{import_line(said)}".strip())


class ExamPlugin(GraderFixtures):
    """Order and judgement, beside the fixtures. One session of pytest collects the graders; each examination runs
    them in a process forked from within it (``inside``)."""

    student: RoomExaminee

    def __init__(
        self, assignment: Assignment, reference: NamespaceExaminee | None, data: PreparedData | None
    ) -> None:
        super().__init__(assignment, reference, data)
        self.inside: Callable[[], None] = lambda: None
        self.session: pytest.Session | None = None
        self.fault: BaseException | None = None
        self.records: list[TestRecord] = []
        self._error: BaseException | None = None

    def examine(
        self,
        submission: RoomExaminee,
        *,
        seed: str,
        device: str,
        fields: Mapping[str, str],
        criteria: Sequence[Criterion],
    ) -> list[TestRecord]:
        """Run the collected graders of these criteria on a submission; once, in a process that ends afterwards.

        ``seed``: hex, for the inputs of criteria that are not public; ``fields``: the student's of the roster.
        """
        self.student = self._examined = submission
        self.seed, self.device_name, self.fields = seed, device, dict(fields)
        self.criteria = {c.id: c for c in criteria}
        for item in self.session.items if self.session else ():
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
        return self.records

    # --- order and beginning -------------------------------------------------------------------------------

    @pytest.hookimpl
    def pytest_configure(self, config: pytest.Config) -> None:
        """Make the mark known."""
        config.addinivalue_line("markers", "criterion(id): the criterion of assignment.yaml that this judges")

    @pytest.hookimpl
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Public criteria first: what the student's code says later can no longer reach a public message.

        Among them, what a criterion needs comes before it, wherever the rubric lists it.
        """
        order = {id: n for n, id in enumerate(_in_order_of_need(self.assignment.criteria))}

        def place(item: pytest.Item) -> tuple[bool, int]:
            criterion = self._criterion(item)
            if criterion is None:
                return True, len(order)
            return criterion.visibility != Visibility.PUBLIC, order[criterion.id]

        items.sort(key=place)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """In place of pytest's own loop over the tests."""
        self.session = session
        try:
            self.inside()
        except BaseException as fault:  # pytest would report it somewhere and go on
            self.fault = fault
        return True

    # --- judgement -----------------------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        """Run one test and keep what came of it, unless it has no criterion in this examination."""
        criterion = self._criterion(item)
        if criterion is not None:
            self.records.append(self._not_examined(criterion, item) or self._examine(criterion, item))
        return True

    def _not_examined(self, criterion: Criterion, item: pytest.Item) -> TestRecord | None:
        """The record of a test whose criterion needs one that was not passed; broken if that one is broken."""
        lacking = [n for n in criterion.needs if n in self.criteria and not self._passed(n)]
        if not lacking:
            return None
        titles = ", ".join(_("“{title}”").format(title=_(self.criteria[n].title)) for n in lacking)
        text = _("not examined, because it needs {titles}").format(titles=titles)
        is_ours = any(r.criterion in lacking and r.outcome == Outcome.BROKEN for r in self.records)
        outcome = Outcome.BROKEN if is_ours else Outcome.SKIPPED
        return TestRecord(criterion.id, outcome, 0.0, _sentence(item), text, text)

    def _passed(self, criterion: str) -> bool:
        if self.criteria[criterion].manual:
            return True  # a teacher looks at it later; nobody could pass it now
        found = [r for r in self.records if r.criterion == criterion]
        return bool(found) and all(r.outcome == Outcome.PASSED for r in found)

    def _examine(self, criterion: Criterion, item: pytest.Item) -> TestRecord:
        self.student.begin_calls()
        asked = self.student.questions
        self.student.may_explain = criterion.visibility == Visibility.PUBLIC
        begin = time.monotonic()
        error = self._run(item)
        sentence = _sentence(item) or criterion.title
        record = record_of(self.assignment, criterion, sentence, error, self._given, self.student.calls)
        # A grader stumbled. If it passes the reference, the answer that it was given is what tripped it.
        is_ours = isinstance(error, TorchgradeError) or self.student.questions == asked
        if record.outcome == Outcome.BROKEN and not is_ours and self._stands(item):
            blame_answer(record)
        record.seconds = time.monotonic() - begin
        if record.outcome == Outcome.PASSED:
            record.calls = []
            self.student.forget_calls()
        self._error = None
        _let_go(error)
        return record

    def _run(self, item: pytest.Item) -> BaseException | None:
        """Run a test with its fixtures; what was raised by either."""
        self._error, self._given = None, Given()
        # No next item: it may be passed over, and pytest would then find this one's file not torn down.
        runtestprotocol(item, log=False, nextitem=None)
        return self._error

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> pytest.TestReport:
        """Keep the exception itself; nobody reads pytest's own report, so it is not drawn up."""
        if call.excinfo is not None and call.when != "teardown" and self._error is None:
            self._error = call.excinfo.value
        outcome: Literal["passed", "failed"] = "failed" if call.excinfo else "passed"
        assert call.when != "collect"
        return pytest.TestReport(item.nodeid, item.location, {}, outcome, None, call.when)

    def _stands(self, item: pytest.Item) -> bool:
        """Whether a test passes the reference. Without one (on a student's machine) the answer is to blame."""
        if self.oracle is None:
            return True
        self._examined = self.oracle
        try:
            return self._run(item) is None
        finally:
            self._examined = self.student


def _let_go(error: BaseException | None) -> None:
    """An exception holds the frames that it came through, and these hold answers: a hundred megabytes, perhaps.
    pytest keeps the last one for debuggers, too."""
    for name in ("last_exc", "last_type", "last_value", "last_traceback"):
        vars(sys).pop(name, None)
    if error is not None:
        clear_frames(error)


def _in_order_of_need(criteria: Sequence[Criterion]) -> list[str]:
    """Ids in the rubric's order, but each behind those that it needs. The spec has refused circles."""
    by_id = {c.id: c for c in criteria}
    order: dict[str, None] = {}

    def place(criterion: Criterion) -> None:
        for need in criterion.needs:
            if need in by_id and need not in order:
                place(by_id[need])
        order[criterion.id] = None

    for criterion in criteria:
        place(criterion)
    return list(order)


def _sentence(item: Any) -> str:
    """The first line of a test's docstring: what the student reads."""
    text = (getattr(item, "obj", None) and item.obj.__doc__) or ""
    return str(text).strip().split("\n")[0].strip()
