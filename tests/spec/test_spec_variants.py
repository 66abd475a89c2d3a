"""The variant rule: formulas that are parsed, never evaluated, and refusals that name the column."""

from __future__ import annotations

import pytest

from torchgrade.errors import SpecError
from torchgrade.model import Term, VariantRule
from torchgrade.spec import VariantError, classes_of, load_course
from torchgrade.spec.variants import parse_term

RULE = VariantRule(
    (Term("group", 15), Term("variant", 56), Term("variant", 21)),
    {"guimc": 80, "foreign": 90, "ordinary": None},
    {"group": "8", "variant": "4"},
)


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("group + 15", Term("group", 15)),
        ("variant+56", Term("variant", 56)),
        ("  group  ", Term("group", 0)),
        ("group - 3", Term("group", -3)),
        ("группа + 1", Term("группа", 1)),
        ("80", Term("", 80)),
    ],
)
def test_formulas(text, term):
    assert parse_term(text) == term


@pytest.mark.parametrize(
    "text", ["", "group * 2", "group + variant", "__import__('os')", "group + 1 + 2", "1 + group", "group +", "+5"]
)
def test_what_is_no_formula_is_refused(text):
    with pytest.raises(ValueError, match="is not a formula"):
        parse_term(text)


@pytest.mark.parametrize(
    ("fields", "classes"),
    [
        ({"group": "8", "variant": "4"}, (23, 60, 25)),
        ({"group": "8", "variant": "4", "track": ""}, (23, 60, 25)),
        ({"group": " 8 ", "variant": "4", "track": "GUIMC"}, (23, 60, 80)),
        ({"group": "8", "variant": "4", "track": "foreign"}, (23, 60, 90)),
        ({"group": "8", "variant": "4", "track": "ordinary"}, (23, 60, 25)),
    ],
)
def test_classes_follow_from_the_roster(fields, classes):
    assert classes_of(RULE, fields) == classes


@pytest.mark.parametrize(
    ("fields", "column", "words"),
    [
        ({"group": "7", "variant": "1"}, "group and variant", "22, 57, 22 are the same"),
        ({"group": "8", "variant": "44"}, "variant", "class 100 is not one of 0 to 99"),
        ({"group": "85", "variant": "4"}, "group", "class 100 is not one of 0 to 99"),
        ({"group": "x", "variant": "4"}, "group", "must be a whole number, found 'x'"),
        ({"group": "-3", "variant": "4"}, "group", "must be a whole number"),
        ({"group": "", "variant": "4"}, "group", "is empty"),
        ({"variant": "4", "groop": "8"}, "group", "did you mean 'groop'?"),
        ({"group": "8", "variant": "4", "track": "foriegn"}, "track", "did you mean 'foreign'?"),
    ],
)
def test_rows_that_give_no_variant(fields, column, words):
    with pytest.raises(VariantError) as caught:
        classes_of(RULE, fields)
    assert caught.value.column == column
    assert words in str(caught.value)


def course(root, variants):
    (root / "assignments" / "mlp").mkdir(parents=True)
    (root / "assignments" / "mlp" / "assignment.yaml").write_text(
        "id: mlp\ntitle: An MLP\nrubric:\n  - {id: a, title: A, points: 1}\n", encoding="utf-8"
    )
    (root / "course.yaml").write_text(f"title: A course\nyear: 2026\nvariants:\n{variants}", encoding="utf-8")
    return root


def rule(classes, default="{group: 1}", id="mlp", key="classes"):
    return f"  {id}:\n    {key}: {classes}\n    default: {default}\n"


def test_the_rule_reaches_its_assignment(tmp_path):
    text = rule("[group + 15, variant + 56, 7]", "{group: 8, variant: 4}") + "    tracks: {foreign: 90}\n"
    assignment = load_course(course(tmp_path, text)).assignment("mlp")
    assert assignment is not None
    assert classes_of(assignment.variant, assignment.variant.default) == (23, 60, 7)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (rule("[group * 2]"), "course.yaml:5: variants.mlp.classes[0]: 'group * 2' is no"),
        ("  mlp:\n    classes: [group]\n", "course.yaml:4: variants.mlp.default: missing key"),
        (
            rule("[group]", key="clases"),
            "course.yaml:5: variants.mlp.clases: unknown key; did you mean 'classes'?",
        ),
        (rule("[group]", id="mlq"), "there is no folder assignments/mlq; did you mean 'mlp'?"),
        (rule("[group, 3]", "{group: 3}"), "course.yaml:6: variants.mlp.default: group: two of"),
        (rule("[group]", "{grp: 3}"), "there is no such column"),
    ],
)
def test_faults_have_an_address(tmp_path, text, message):
    with pytest.raises(SpecError) as caught:
        load_course(course(tmp_path, text))
    assert message in str(caught.value)


def test_a_rule_for_an_assignment_that_is_not_in_this_kit_is_no_fault(tmp_path):
    text = "  cifar100_mlp:\n    classes: [group]\n    default: {group: 3}\n"
    assert load_course(course(tmp_path, text)).assignment("mlp").variant is None
