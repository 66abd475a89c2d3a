"""Graders and rubric must agree; grader files are read, never run."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from torchgrade.errors import SpecError
from torchgrade.spec import check_graders, grader_criteria, load_assignment

YAML = "assignments/softmax/assignment.yaml"
PUBLIC = "graders/softmax/test_public.py"
HIDDEN = "graders/softmax/test_hidden.py"
Edit = Callable[[str, str, str], None]


def fault(root: Path, *, public_only: bool = False) -> str:
    with pytest.raises(SpecError) as caught:
        check_graders(load_assignment(root, "softmax"), public_only=public_only)
    return str(caught.value)


def test_graders_that_agree_pass(course: Path) -> None:
    assignment = load_assignment(course, "softmax")
    check_graders(assignment)
    public, hidden = assignment.graders / "test_public.py", assignment.graders / "test_hidden.py"
    assert grader_criteria(assignment) == {
        "values": [(public, 4)],
        "rows": [(public, 7)],
        "stable": [(hidden, 4)],
    }


def test_a_grader_is_never_run(course: Path) -> None:
    (course / PUBLIC).write_text("raise SystemExit('run!')\n" + (course / PUBLIC).read_text(), encoding="utf-8")
    check_graders(load_assignment(course, "softmax"))


def test_marks_on_classes_modules_and_inside_blocks_count(course: Path) -> None:
    (course / PUBLIC).write_text(
        "from pytest import mark\n"
        "pytestmark = [mark.slow, mark.criterion('values')]\n"
        "def helper(): ...\n"
        "def test_first(): ...\n"
        "@mark.criterion('rows')\n"
        "class TestRows:\n"
        "    def test_one(self): ...\n"
        "    @mark.criterion('values')\n"
        "    async def test_two(self): ...\n"
        "    def helper(self): ...\n"
        "class Helper:\n"
        "    def test_of_nothing(self): ...\n"
        "if True:\n"
        "    @mark.criterion('rows')\n"
        "    def test_three():\n"
        "        def test_inner(): ...\n",
        encoding="utf-8",
    )
    assignment = load_assignment(course, "softmax")
    check_graders(assignment)
    found = grader_criteria(assignment)
    assert [line for _, line in found["values"]] == [4, 9]
    assert [line for _, line in found["rows"]] == [7, 15]


def test_a_mark_inside_a_class_body_counts(course: Path, edit: Edit) -> None:
    edit(
        PUBLIC,
        '@pytest.mark.criterion("rows")\ndef test_rows(submission): ...',
        ("class TestRows:\n    pytestmark = pytest.mark.criterion('rows')\n    def test_rows(self): ..."),
    )
    check_graders(load_assignment(course, "softmax"))


def test_a_criterion_without_a_grader_is_told_at_its_own_line(course: Path, edit: Edit) -> None:
    edit(PUBLIC, '"rows"', '"values"')
    assert fault(course) == f"{YAML}:14: rubric[1].id: no grader tests 'rows'; add one to {PUBLIC}"


def test_an_unknown_criterion_is_told_at_the_test(course: Path, edit: Edit) -> None:
    edit(PUBLIC, '"rows"', '"row"')
    assert fault(course) == f"{PUBLIC}:7: test_rows: there is no criterion 'row'; did you mean 'rows'?"


def test_a_test_without_a_mark_is_a_fault(course: Path, edit: Edit) -> None:
    edit(PUBLIC, '@pytest.mark.criterion("rows")\n', "")
    assert fault(course).startswith(f"{PUBLIC}:6: test_rows: has no mark")


def test_a_public_criterion_in_the_hidden_file_is_a_fault(course: Path, edit: Edit) -> None:
    edit(HIDDEN, '"stable"', '"rows"')
    assert fault(course) == (
        f"{HIDDEN}:4: test_stable: criterion 'rows' is public, so its grader belongs in test_public.py"
    )


def test_a_hidden_criterion_in_the_public_file_is_a_fault(course: Path, edit: Edit) -> None:
    edit(PUBLIC, '"rows"', '"stable"')
    assert fault(course) == (
        f"{PUBLIC}:7: test_rows: criterion 'stable' is hidden, so its grader belongs in test_hidden.py"
    )


@pytest.mark.parametrize(
    "mark", ["criterion", "criterion()", "criterion(NAME)", 'criterion("a", "b")', 'criterion("")']
)
def test_a_mark_needs_one_literal_id(course: Path, edit: Edit, mark: str) -> None:
    edit(PUBLIC, 'criterion("rows")', mark)
    assert fault(course).startswith(f"{PUBLIC}:6: criterion: the mark needs one id in quotes")


def test_two_marks_on_one_test_are_a_fault(course: Path, edit: Edit) -> None:
    edit(PUBLIC, 'criterion("rows")', 'criterion("rows")\n@pytest.mark.criterion("values")')
    assert fault(course).startswith(f"{PUBLIC}:7: criterion: one test tests one criterion")


def test_a_syntax_error_has_its_line(course: Path, edit: Edit) -> None:
    edit(PUBLIC, "def test_rows(submission): ...", "def test_rows(submission) ...")
    assert fault(course).startswith(f"{PUBLIC}:7: not valid Python: ")


def test_a_null_byte_is_a_fault(course: Path) -> None:
    (course / PUBLIC).write_bytes(b"x = 1\0")
    assert fault(course).startswith(f"{PUBLIC}: not valid Python: ")


def test_an_odd_escape_is_no_fault(course: Path) -> None:
    (course / PUBLIC).write_text('PATTERN = "\\d"\n' + (course / PUBLIC).read_text(), encoding="utf-8")
    check_graders(load_assignment(course, "softmax"))


def test_missing_folder_and_files_are_named(course: Path) -> None:
    (course / HIDDEN).unlink()
    assert (
        fault(course)
        == f"{YAML}:18: rubric[2].id: no grader tests 'stable'; add one to {HIDDEN}, which does not exist"
    )
    (course / PUBLIC).unlink()
    assert fault(course) == "graders/softmax: holds neither test_public.py nor test_hidden.py"
    shutil.rmtree(course / "graders/softmax")
    assert fault(course) == "graders/softmax: the folder with the graders does not exist"


def test_a_kit_without_hidden_graders_passes_when_asked(course: Path, edit: Edit) -> None:
    (course / HIDDEN).unlink()
    check_graders(load_assignment(course, "softmax"), public_only=True)
    edit(PUBLIC, '"rows"', '"values"')
    assert "no grader tests 'rows'" in fault(course, public_only=True)
