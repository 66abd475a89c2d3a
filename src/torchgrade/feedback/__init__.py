"""What students and teachers see of a verdict: HTML pages, and files for other programs."""

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
