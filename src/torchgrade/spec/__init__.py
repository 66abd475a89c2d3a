"""The course as its files describe it: course.yaml, assignment.yaml, and the marks in the grader files."""

from torchgrade.spec.graders import check_graders, grader_criteria
from torchgrade.spec.loading import assignment_ids, find_course, load_assignment, load_course

__all__ = ["assignment_ids", "check_graders", "find_course", "grader_criteria", "load_assignment", "load_course"]
