"""What students and teachers see of a verdict: HTML pages, and files for other programs.

What is here is imported when it is first named: a run starts its warm processes before it needs any of it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torchgrade.feedback.cohort import render_cohort
    from torchgrade.feedback.files import FeedbackWriter, write_feedback
    from torchgrade.feedback.junit import junit_xml
    from torchgrade.feedback.machine import grades_csv, results_document, results_json
    from torchgrade.feedback.student import render_student

__all__ = [
    "FeedbackWriter",
    "grades_csv",
    "junit_xml",
    "render_cohort",
    "render_student",
    "results_document",
    "results_json",
    "write_feedback",
]

_WHERE = {
    "cohort": ("render_cohort",),
    "files": ("FeedbackWriter", "write_feedback"),
    "junit": ("junit_xml",),
    "machine": ("grades_csv", "results_document", "results_json"),
    "student": ("render_student",),
}
_MODULE_OF = {name: module for module, names in _WHERE.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
