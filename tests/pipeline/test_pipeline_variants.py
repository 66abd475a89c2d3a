"""A student's own task: from the roster's columns to what a grader sees, and into the verdict's key."""

from __future__ import annotations

import dataclasses

import pytest

from torchgrade.errors import SpecError
from torchgrade.model import Assignment, Criterion, Submission, Term, VariantRule
from torchgrade.pipeline import keys
from torchgrade.pipeline.variants import with_roster

RULE = VariantRule(
    (Term("group", 15), Term("variant", 56), Term("variant", 21)), {"foreign": 90}, {"group": "8", "variant": "4"}
)


@pytest.fixture
def roster(tmp_path):
    def write(*rows, header="student,group,variant,track"):
        path = tmp_path / "roster.csv"
        path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
        return path

    return write


def submissions(*names):
    return [Submission(n, None) for n in names]


def test_students_get_their_columns(roster):
    path = roster("ada,8,4,", "bob,9,5,foreign", "eve,3,3,")
    ada, bob, eve = with_roster(submissions("ada", "bob"), path, RULE)
    assert ada.fields == {"group": "8", "variant": "4", "track": ""}
    assert bob.fields["track"] == "foreign"
    assert (eve.student, eve.problem) == ("eve", "nothing was handed in")
    assert eve.fields["group"] == "3"


def test_a_stranger_is_graded_by_the_default_and_it_is_said(roster):
    (_, stranger) = with_roster(submissions("zoe", "ada"), roster("ada,8,4,"), RULE)
    assert stranger.fields == {}
    assert "default variant" in stranger.notes[0]


def test_without_a_rule_any_columns_will_do(roster):
    (ada,) = with_roster(submissions("ada"), roster("ada,x,y,z"), None)
    assert ada.fields == {"group": "x", "variant": "y", "track": "z"}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("bob,7,1,", "roster.csv:3: group and variant: two of the classes 22, 57, 22 are the same"),
        ("bob,8,44,", "roster.csv:3: variant: class 100 is not one of 0 to 99"),
        ("bob,8,4,martian", "roster.csv:3: track: there is no track 'martian'"),
        ("bob,,4,", "roster.csv:3: group: is empty"),
    ],
)
def test_a_row_without_a_variant_is_refused_before_anything_runs(roster, row, message):
    with pytest.raises(SpecError) as caught:
        with_roster(submissions("ada"), roster("ada,8,4,", row), RULE)
    assert message in str(caught.value)


def test_a_missing_column_is_named(roster):
    with pytest.raises(SpecError, match="group: there is no such column"):
        with_roster(submissions("ada"), roster("ada,4", header="student,variant"), RULE)


def test_the_verdict_depends_on_the_student_s_fields_and_on_the_rule():
    assignment = Assignment("mlp", "An MLP", (Criterion("a", "A", 1),), (), variant=RULE)
    ada = Submission("ada", None, fields={"group": "8", "variant": "4"})
    other = dataclasses.replace(ada, fields={"group": "9", "variant": "4"})
    next_year = dataclasses.replace(assignment, variant=dataclasses.replace(RULE, tracks={}))

    def key(of, by):
        return keys.verdict_key(of, by, {}, tier="full", device="cpu", secret=b"s")

    assert len({key(assignment, ada), key(assignment, other), key(next_year, ada)}) == 3
    assert key(assignment, ada) == key(assignment, dataclasses.replace(ada))
