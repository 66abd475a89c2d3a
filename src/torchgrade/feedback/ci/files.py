"""The files that GitLab and others read: code-quality.json and junit.xml."""

from __future__ import annotations

import json
from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from torchgrade.feedback.ci.findings import Examined, Finding, findings
from torchgrade.feedback.clean import encodable, one_line, plain, shorten
from torchgrade.feedback.words import measured
from torchgrade.model import Outcome

_TEXT = 4000
_FAILURES = (Outcome.FAILED, Outcome.PARTIAL)
_SKIPPED = (Outcome.SKIPPED, Outcome.MANUAL)


def code_quality(found: Sequence[Finding]) -> str:
    """GitLab's code quality report. Raises nothing: every text is plain."""
    entries = [
        {
            "description": one_line(f"{f.title}: {f.text}", 1000),
            "check_name": encodable(f.check),
            "fingerprint": f.mark,
            "severity": f.severity,
            "location": {"path": encodable(f.path), "lines": {"begin": f.line}},
        }
        for f in found
    ]
    return json.dumps(entries, indent=1) + "\n"


def junit(examined: Sequence[Examined]) -> str:
    """JUnit: a suite for each notebook, a case for each public criterion, at its place in the file."""
    root = Element("testsuites", name="torchgrade check")
    suites = [_suite(root, one) for one in examined]
    for key in ("tests", "failures", "errors", "skipped"):
        root.set(key, str(sum(int(suite.get(key, "0")) for suite in suites)))
    root.set("time", _time(sum(measured(one.verdict.seconds) for one in examined)))
    indent(root, space=" ")
    return '<?xml version="1.0" encoding="utf-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _suite(root: Element, examined: Examined) -> Element:
    suite = SubElement(root, "testsuite", name=one_line(examined.told.title), file=encodable(examined.path))
    lost = {f.check: f for f in findings(examined)}
    for result in examined.verdict.criteria:
        case = SubElement(
            suite,
            "testcase",
            name=one_line(result.title or result.id),
            classname=one_line(f"{examined.assignment.id}.{result.id}"),  # titles may be alike, ids are not
            time=_time(result.seconds),
            file=one_line(examined.path),
            line=str(lost[result.id].line if result.id in lost else 1),
        )
        if result.outcome is not Outcome.PASSED:
            _problem(case, result.outcome, lost.get(result.id))
    for key, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(key, str(len(suite.findall(f"testcase/{tag}"))))
    suite.set("tests", str(len(suite.findall("testcase"))))
    suite.set("time", _time(examined.verdict.seconds))
    return suite


def _problem(case: Element, outcome: Outcome, found: Finding | None) -> None:
    """``failure`` is a wrong answer, ``error`` a crash."""
    tag = "failure" if outcome in _FAILURES else "skipped" if outcome in _SKIPPED else "error"
    text = found.text if found else ""
    problem = SubElement(case, tag, message=one_line(text))
    if tag != "skipped":
        problem.set("type", str(outcome))
        problem.text = shorten(plain(text), _TEXT)


def _time(value: float) -> str:
    return f"{measured(value):.3f}"
