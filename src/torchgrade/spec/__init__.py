"""The course as its files describe it: course.yaml, assignment.yaml, and the marks in the grader files."""

from torchgrade.spec.graders import check_graders, grader_criteria, idle_tests
from torchgrade.spec.hints import Hint, load_hints
from torchgrade.spec.languages import catalogues, languages_of, speak
from torchgrade.spec.loading import assignment_ids, find_course, load_assignment, load_course, load_policy
from torchgrade.spec.policies import text_without_policy
from torchgrade.spec.variants import VariantError, classes_of

__all__ = [
    "Hint",
    "VariantError",
    "assignment_ids",
    "catalogues",
    "check_graders",
    "classes_of",
    "find_course",
    "grader_criteria",
    "idle_tests",
    "languages_of",
    "load_assignment",
    "load_course",
    "load_hints",
    "load_policy",
    "speak",
    "text_without_policy",
]
