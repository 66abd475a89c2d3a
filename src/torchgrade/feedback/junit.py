"""junit.xml: a suite per student, a case per criterion; ``failure`` is a wrong answer, ``error`` a crash."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from torchgrade.feedback.clean import one_line, plain, shorten
from torchgrade.feedback.words import OUTCOMES, in_order, measured
from torchgrade.model import Assignment, CriterionResult, Outcome, Status, Verdict

_TAGS: dict[Outcome, str] = {
    Outcome.PASSED: "",
    Outcome.PARTIAL: "failure",
    Outcome.FAILED: "failure",
    Outcome.TIMED_OUT: "failure",
    Outcome.ERRORED: "error",
    Outcome.OUT_OF_MEMORY: "error",
    Outcome.BROKEN: "error",
    Outcome.SKIPPED: "skipped",
    Outcome.MANUAL: "skipped",
}


def junit_xml(assignment: Assignment, verdicts: Sequence[Verdict], *, generated_at: datetime | None = None) -> str:
    """The cohort as JUnit XML. Raises BrokenError."""
    root = Element("testsuites", name=one_line(assignment.id))
    suites = [_suite(root, assignment, verdict, generated_at) for verdict in in_order(verdicts)]
    for key in ("tests", "failures", "errors", "skipped"):
        root.set(key, str(sum(int(suite.get(key, "0")) for suite in suites)))
    root.set("time", _time(sum(measured(v.seconds) for v in verdicts)))
    indent(root, space=" ")
    return '<?xml version="1.0" encoding="utf-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _suite(root: Element, assignment: Assignment, verdict: Verdict, when: datetime | None) -> Element:
    suite = SubElement(root, "testsuite", name=one_line(verdict.student))
    classname = f"{one_line(assignment.id)}.{one_line(verdict.student)}"
    if verdict.status is Status.UNREADABLE or not verdict.criteria:
        _notebook_case(suite, classname, verdict)
    else:
        for result in verdict.criteria:
            _case(suite, classname, result)
    for key, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(key, str(len(suite.findall(f"testcase/{tag}"))))
    suite.set("tests", str(len(suite.findall("testcase"))))
    suite.set("time", _time(verdict.seconds))
    if when is not None:
        utc = when.astimezone(UTC) if when.tzinfo else when
        suite.set("timestamp", f"{utc:%Y-%m-%dT%H:%M:%S}")
    return suite


def _notebook_case(suite: Element, classname: str, verdict: Verdict) -> None:
    """The one case of a submission that has no judged criterion."""
    case = SubElement(suite, "testcase", name="notebook", classname=classname, time=_time(verdict.seconds))
    if verdict.status is not Status.GRADED:
        error = SubElement(case, "error", message=one_line(verdict.reason), type=str(verdict.status))
        error.text = shorten(plain(verdict.reason), 4000)


def _case(suite: Element, classname: str, result: CriterionResult) -> None:
    case = SubElement(suite, "testcase", name=one_line(result.id), classname=classname, time=_time(result.seconds))
    tag = _TAGS[result.outcome]
    if not tag:
        return
    message = result.message or OUTCOMES[result.outcome].text
    problem = SubElement(case, tag, message=one_line(message))
    if tag != "skipped":
        problem.set("type", str(result.outcome))
    said = [result.title, message, f"Hint: {result.hint}" if result.hint else ""]
    problem.text = shorten(plain("\n".join(filter(None, said))), 4000)


def _time(value: float) -> str:
    return f"{measured(value):.3f}"
