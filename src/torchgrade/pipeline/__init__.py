"""From files to feedback: grading a cohort, checking one notebook, and the course's test of itself.

What is here is imported when it is first named: a run starts its warm processes before it needs the rest.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torchgrade.pipeline.checking import Checker, check
    from torchgrade.pipeline.cohort import GradeSummary, Planned, Progress, grade, survey, tally
    from torchgrade.pipeline.course_test import Finding, test_course
    from torchgrade.pipeline.doctor import Diagnosis, diagnose
    from torchgrade.pipeline.folders import course_root, demo_cohort
    from torchgrade.pipeline.plan import GradeOptions
    from torchgrade.pipeline.reporting import ReportOptions, ReportSummary, report

__all__ = [
    "Checker",
    "Diagnosis",
    "Finding",
    "GradeOptions",
    "GradeSummary",
    "Planned",
    "Progress",
    "ReportOptions",
    "ReportSummary",
    "check",
    "course_root",
    "demo_cohort",
    "diagnose",
    "grade",
    "report",
    "survey",
    "tally",
    "test_course",
]

_WHERE = {
    "checking": ("Checker", "check"),
    "cohort": ("GradeSummary", "Planned", "Progress", "grade", "survey", "tally"),
    "course_test": ("Finding", "test_course"),
    "doctor": ("Diagnosis", "diagnose"),
    "folders": ("course_root", "demo_cohort"),
    "plan": ("GradeOptions",),
    "reporting": ("ReportOptions", "ReportSummary", "report"),
}
_MODULE_OF = {name: module for module, names in _WHERE.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
