"""The pytest plugin that lets graders examine a submission. Registered by the examiner for one session, never
for every pytest on the machine.
"""

from __future__ import annotations

import hashlib
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
import torch
from _pytest.runner import runtestprotocol

from torchgrade.data import PreparedData, Split
from torchgrade.errors import BrokenError, TorchgradeError
from torchgrade.grading.blame import fault_line, import_line
from torchgrade.grading.examinee import Call, RoomExaminee
from torchgrade.grading.reference import NamespaceExaminee
from torchgrade.i18n import _
from torchgrade.model import Assignment, Criterion, Evidence, Outcome, Visibility
from torchgrade.spec import VariantError, classes_of
from torchgrade.testing.exhibits import collected, traceback_of
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


class ImportErrors:
    """Keeps why grader files cannot be imported. That is our fault."""

    def __init__(self) -> None:
        self.errors: list[str] = []

    @pytest.hookimpl
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Called for every file, imported or not."""
        if report.failed:
            said = str(report.longrepr)[-_DETAIL:]
            self.errors.append(f"{said}\n{import_line(said)}".strip())


@dataclass(frozen=True)
class Variant:
    """``fields``: the student's columns of the roster; ``classes``: what the course's rule makes of them."""

    fields: dict[str, str]
    classes: tuple[int, ...]


class ExamPlugin:
    """Fixtures, order and judgement. One session of pytest collects the graders; each examination runs them in a
    process forked from within it (``inside``)."""

    student: RoomExaminee

    def __init__(
        self, assignment: Assignment, reference: NamespaceExaminee | None, data: PreparedData | None
    ) -> None:
        self.assignment, self.oracle, self.data = assignment, reference, data
        self.criteria = {c.id: c for c in assignment.criteria}
        self.inside: Callable[[], None] = lambda: None
        self.session: pytest.Session | None = None
        self.fault: BaseException | None = None
        self.records: list[TestRecord] = []
        self._examined: Any = None
        self._awarded: list[tuple[float, str]] = []
        self._hints: list[str] = []
        self._exhibits: list[Evidence] = []
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

    # --- what a grader asks for ----------------------------------------------------------------------------

    @pytest.fixture
    def submission(self, request: pytest.FixtureRequest) -> Any:
        """The submission under examination."""
        return self._examined

    @pytest.fixture
    def reference(self) -> NamespaceExaminee:
        """The solution, examined in the same way. Hidden graders only: students do not have it."""
        if self.oracle is None:
            pytest.skip(_("this criterion is judged by the course, which has the reference"))
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
    def dataset(self, request: pytest.FixtureRequest) -> Callable[[str], Split]:
        """``dataset("mnist")``: the course's split. A public criterion gets it without the kept part."""
        criterion = self._criterion(request.node)
        public = criterion is None or criterion.visibility == Visibility.PUBLIC

        def load(name: str) -> Split:
            if self.data is None:
                raise BrokenError(f"dataset({name!r}): the assignment names no data sets; add `data: [{name}]`")
            found = self.data.load(name)
            return found.public() if public else found

        return load

    @pytest.fixture
    def variant(self) -> Variant:
        """What this student was given to do, by the roster and the rule in course.yaml."""
        rule = self.assignment.variant
        if rule is None:
            raise BrokenError(f"course.yaml has no rule `variants: {self.assignment.id}`")
        fields = self.fields or rule.default
        try:
            return Variant(dict(fields), classes_of(rule, fields))
        except VariantError as error:
            raise BrokenError(f"{error.column}: {error}") from None

    @pytest.fixture
    def award(self) -> Callable[[float, str], None]:
        """``award(fraction, because)``: partial credit, and the sentence that explains it."""

        def give(fraction: float, because: str = "") -> None:
            if not 0.0 <= fraction <= 1.0:
                raise ValueError(f"award() wants a fraction from 0 to 1, not {fraction}")
            self._awarded.append((float(fraction), _(because)))

        return give

    @pytest.fixture
    def hint(self) -> Callable[[str], None]:
        """``hint(text)``: shown to the student if this criterion is not passed."""

        def give(text: str) -> None:
            self._hints.append(_(text))  # the list of the test that is running now

        return give

    @pytest.fixture
    def exhibit(self) -> Callable[..., None]:
        """``exhibit(make)``: evidence, or a function that gives some; shown for every outcome, decides nothing."""

        def give(make: Any) -> None:
            self._exhibits.extend(collected(make))

        return give

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

    def _criterion(self, item: Any) -> Criterion | None:
        mark = item.get_closest_marker("criterion")
        return self.criteria.get(mark.args[0]) if mark and mark.args else None

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
        self.student.calls, asked = [], self.student.questions
        self.student.may_explain = criterion.visibility == Visibility.PUBLIC
        begin = time.monotonic()
        error = self._run(item)
        record = self._judge(criterion, _sentence(item) or criterion.title, error)
        # A grader stumbled. If it passes the reference, the answer that it was given is what tripped it.
        is_ours = isinstance(error, TorchgradeError) or self.student.questions == asked
        if record.outcome == Outcome.BROKEN and not is_ours and self._stands(item):
            what = f"{type(error).__name__}: {error}"
            record.outcome = Outcome.FAILED
            record.message = _("the answer is not of a form that can be judged ({what})").format(what=what)
            record.safe = _("the answer is not of a form that can be judged")
        record.seconds = time.monotonic() - begin
        return record

    def _run(self, item: pytest.Item) -> BaseException | None:
        """Run a test with its fixtures; what was raised by either."""
        self._error, self._awarded, self._hints, self._exhibits = None, [], [], []
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

    def _judge(self, criterion: Criterion, sentence: str, error: BaseException | None) -> TestRecord:
        record = TestRecord(criterion.id, Outcome.PASSED, 1.0, sentence, hints=list(self._hints), error=error)
        record.calls = list(self.student.calls)
        public = criterion.visibility == Visibility.PUBLIC
        record.evidence = tuple(self._exhibits) if public else ()  # of what is hidden nobody sees an array
        if error is None:
            self._apply_awards(record)
            return record
        record.fraction = 0.0
        record.detail = "".join(traceback.format_exception(error, limit=-8))[-_DETAIL:]
        record.message = _(str(error))
        if isinstance(error, ProbeFailure):
            record.outcome, record.safe = error.outcome, _(error.safe)
            record.detail = f"{error.traceback}\n{record.detail}" if error.traceback else record.detail
            record.evidence = (*(traceback_of(error) if public else ()), *record.evidence)
        elif isinstance(error, ComparisonFailure):
            record.outcome, record.safe = Outcome.FAILED, _(error.safe)
            record.evidence = (*error.evidence, *record.evidence)
        elif isinstance(error, (AssertionError, pytest.fail.Exception)):
            record.outcome, record.safe = Outcome.FAILED, _("not so: {sentence}").format(sentence=_(sentence))
            record.message = _(record.message.split("\nassert ")[0].strip()) or record.safe
        elif isinstance(error, pytest.skip.Exception):
            record.outcome, record.safe = Outcome.SKIPPED, record.message
        else:
            record.outcome = Outcome.BROKEN
            record.detail = f"{record.detail}\n{fault_line(self.assignment, error)}"
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
