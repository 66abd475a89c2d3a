"""The pytest plugin that lets graders examine a submission. Registered by the examiner for one session, never
for every pytest on the machine.
"""

from __future__ import annotations

import hashlib
import time
import traceback
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch

from torchgrade.grading.examinee import Call, RoomExaminee
from torchgrade.grading.reference import NamespaceExaminee
from torchgrade.model import Assignment, Criterion, Evidence, Outcome, Visibility
from torchgrade.testing.outcomes import ComparisonFailure, ProbeFailure

#: Inputs of public criteria are the same for everybody, so that a student sees what a grader sees.
PUBLIC_SEED = "public"
_DETAIL = 6000

Notes = dict[str, Any]


@dataclass
class TestRecord:
    """What one test function found."""

    __test__ = False
    criterion: str
    outcome: Outcome
    fraction: float
    sentence: str  # the test's docstring
    message: str = ""
    safe: str = ""
    evidence: tuple[Evidence, ...] = ()
    hints: list[str] = field(default_factory=list)
    detail: str = ""
    seconds: float = 0.0
    calls: list[Call] = field(default_factory=list)
    error: BaseException | None = None


class ExamPlugin:
    """Fixtures, order and judgement for one session."""

    def __init__(
        self,
        assignment: Assignment,
        submission: RoomExaminee,
        reference: NamespaceExaminee | None,
        *,
        seed: str,
        device: str,
    ) -> None:
        self.assignment, self.student, self.oracle = assignment, submission, reference
        self.seed, self.device_name = seed, device
        self.criteria = {c.id: c for c in assignment.criteria}
        self.records: list[TestRecord] = []
        self.collection_errors: list[str] = []
        self._examined: Any = submission
        self._awarded: list[tuple[float, str]] = []
        self._hints: list[str] = []
        self._items: list[pytest.Item] = []

    # --- what a grader asks for ----------------------------------------------------------------------------

    @pytest.fixture
    def submission(self, request: pytest.FixtureRequest) -> Any:
        """The submission under examination."""
        return self._examined

    @pytest.fixture
    def reference(self) -> NamespaceExaminee:
        """The solution, examined in the same way. Hidden graders only: students do not have it."""
        if self.oracle is None:
            pytest.skip("this criterion is judged by the course, which has the reference")
        return self.oracle

    @pytest.fixture
    def rng(self, request: pytest.FixtureRequest) -> torch.Generator:
        """A generator whose seed is the course's secret for this attempt, or the public one."""
        criterion = self._criterion(request.node)
        public = criterion is not None and criterion.visibility == Visibility.PUBLIC
        text = f"{PUBLIC_SEED if public else self.seed}|{self.assignment.id}|{request.node.name}"
        number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
        return torch.Generator().manual_seed(number)

    @pytest.fixture
    def device(self) -> torch.device:
        """Where to compute: a GPU if the assignment may use one and there is one."""
        return torch.device(self.device_name)

    @pytest.fixture
    def award(self) -> Callable[[float, str], None]:
        """``award(fraction, because)``: partial credit, and the sentence that explains it."""

        def give(fraction: float, because: str = "") -> None:
            if not 0.0 <= fraction <= 1.0:
                raise ValueError(f"award() wants a fraction from 0 to 1, not {fraction}")
            self._awarded.append((float(fraction), because))

        return give

    @pytest.fixture
    def hint(self) -> Callable[[str], None]:
        """``hint(text)``: shown to the student if this criterion is not passed."""

        def give(text: str) -> None:
            self._hints.append(text)  # the list of the test that is running now

        return give

    # --- order ---------------------------------------------------------------------------------------------

    @pytest.hookimpl
    def pytest_configure(self, config: pytest.Config) -> None:
        """Make the mark known."""
        config.addinivalue_line("markers", "criterion(id): the criterion of assignment.yaml that this judges")

    @pytest.hookimpl
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Public criteria first: what the student's code says later can no longer reach a public message."""
        order = {c.id: n for n, c in enumerate(self.assignment.criteria)}

        def place(item: pytest.Item) -> tuple[bool, int]:
            criterion = self._criterion(item)
            if criterion is None:
                return True, len(order)
            return criterion.visibility != Visibility.PUBLIC, order[criterion.id]

        items.sort(key=place)
        self._items = items

    @pytest.hookimpl
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A grader that cannot be imported is our fault."""
        if report.failed:
            self.collection_errors.append(str(report.longrepr)[-_DETAIL:])

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A fixture that skipped or failed: the test itself was never called."""
        if report.when != "setup" or report.passed:
            return
        criterion = next((i for i in self._items if i.nodeid == report.nodeid), None)
        found = self._criterion(criterion) if criterion else None
        if found is not None:
            outcome = Outcome.SKIPPED if report.skipped else Outcome.BROKEN
            text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            self.records.append(TestRecord(found.id, outcome, 0.0, "", text, text, detail=text[-_DETAIL:]))

    def _criterion(self, item: Any) -> Criterion | None:
        mark = item.get_closest_marker("criterion")
        return self.criteria.get(mark.args[0]) if mark and mark.args else None

    # --- judgement -----------------------------------------------------------------------------------------

    @pytest.hookimpl
    def pytest_runtest_protocol(self, item: pytest.Item) -> bool | None:
        """Skip what has no criterion in this examination, and what needs a criterion that was not passed."""
        criterion = self._criterion(item)
        if criterion is None:
            return True
        lacking = [n for n in criterion.needs if n in self.criteria and not self._passed(n)]
        if lacking:
            titles = ", ".join(f"“{self.criteria[n].title}”" for n in lacking)
            text = f"not examined, because it needs {titles}"
            self.records.append(TestRecord(criterion.id, Outcome.SKIPPED, 0.0, _sentence(item), text, text))
            return True
        return None

    def _passed(self, criterion: str) -> bool:
        found = [r for r in self.records if r.criterion == criterion]
        return bool(found) and all(r.outcome == Outcome.PASSED for r in found)

    @pytest.hookimpl(wrapper=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> Generator[None, object, object]:
        """Run one test and keep what came of it; the exception itself is needed, not its report."""
        criterion = self._criterion(pyfuncitem)
        assert criterion is not None
        self._awarded, self._hints = [], []
        self.student.calls = []
        self.student.may_explain = criterion.visibility == Visibility.PUBLIC
        begin = time.monotonic()
        error: BaseException | None = None
        try:
            yield
        except Exception as raised:
            error = raised
        except pytest.skip.Exception as skipped:
            error = skipped
        record = self._judge(criterion, _sentence(pyfuncitem), error)
        if record.outcome == Outcome.BROKEN:
            self._acquit(record, pyfuncitem)
        record.seconds = time.monotonic() - begin
        self.records.append(record)
        return True

    def _judge(self, criterion: Criterion, sentence: str, error: BaseException | None) -> TestRecord:
        record = TestRecord(criterion.id, Outcome.PASSED, 1.0, sentence, hints=list(self._hints), error=error)
        record.calls = list(self.student.calls)
        if error is None:
            self._apply_awards(record)
            return record
        record.fraction = 0.0
        record.detail = "".join(traceback.format_exception(error, limit=-8))[-_DETAIL:]
        record.message = str(error)
        if isinstance(error, ProbeFailure):
            record.outcome, record.safe = error.outcome, error.safe
            record.evidence = getattr(error, "evidence", ())
            record.detail = f"{error.traceback}\n{record.detail}" if error.traceback else record.detail
        elif isinstance(error, ComparisonFailure):
            record.outcome, record.safe, record.evidence = Outcome.FAILED, error.safe, error.evidence
        elif isinstance(error, AssertionError):
            record.outcome, record.safe = Outcome.FAILED, sentence and f"not so: {sentence}"
            record.message = record.message.split("\nassert ")[0].strip() or record.safe
        elif isinstance(error, pytest.skip.Exception):
            record.outcome, record.safe = Outcome.SKIPPED, record.message
        else:
            record.outcome = Outcome.BROKEN
        return record

    def _apply_awards(self, record: TestRecord) -> None:
        if not self._awarded:
            return
        record.fraction, record.message = min(self._awarded)
        record.safe = record.message
        if record.fraction <= 0.0:
            record.outcome = Outcome.FAILED
        elif record.fraction < 1.0:
            record.outcome = Outcome.PARTIAL

    def _acquit(self, record: TestRecord, item: pytest.Function) -> None:
        """A grader stumbled. If it passes the reference, the answer it was given is what tripped it."""
        if not record.calls or not _stands(self, item):
            return
        what = f"{type(record.error).__name__}: {record.error}"
        record.outcome = Outcome.FAILED
        record.message = f"the answer is not of a form that can be judged ({what})"
        record.safe = "the answer is not of a form that can be judged"


def _stands(plugin: ExamPlugin, item: pytest.Function) -> bool:
    """Whether a test passes the reference. Without one (on a student's machine) the answer is to blame."""
    if plugin.oracle is None:
        return True
    names = item._fixtureinfo.argnames
    arguments = {name: item.funcargs[name] for name in names}
    arguments = {k: plugin.oracle if v is plugin.student else v for k, v in arguments.items()}
    if isinstance(arguments.get("rng"), torch.Generator):
        arguments["rng"] = torch.Generator().manual_seed(0)
    try:
        item.obj(**arguments)
    except Exception:
        return False
    return True


def _sentence(item: Any) -> str:
    """The first line of a test's docstring: what the student reads."""
    text = (getattr(item, "obj", None) and item.obj.__doc__) or ""
    return str(text).strip().split("\n")[0].strip()
