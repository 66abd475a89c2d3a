"""From files to feedback: grading a cohort, checking one notebook, and the course's test of itself."""

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
