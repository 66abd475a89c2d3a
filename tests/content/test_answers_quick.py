"""The course tests itself, in this process: every answer beside a grader loses what it says, and nothing else.

The same is done in real rooms by ``torchgrade ci``; here it takes seconds, and shows what a student would read.
"""

from __future__ import annotations

import json
import re

import pytest
from quick import ASSIGNMENTS, ROOT, graders, header, judge, listed, run, sources

from torchgrade.notebook import derive_handout, dump
from torchgrade.spec import check_graders, load_assignment
from torchgrade.testing import ComparisonFailure

SEEDS = (0, 1)

# Numbers that are part of a likeness, whatever the input was.
FIXED_NUMBERS = re.compile(
    r"of size 1|sums? to 1|is 1 minus|rounded to \d decimals?|\(1 divided by it\)|float\d+"
    r"|dimensions? [\d, and]+|permute\([\d, ]+\)|Conv2d|\bd?[Wb][12]\b|(weights|bias)_[12]"  # names
)


def answers(kind):
    return [
        pytest.param(a, path, id=f"{a}-{path.stem}")
        for a in ASSIGNMENTS
        for path in sorted((ROOT / "graders" / a / "answers" / kind).glob("*.py"))
    ]


@pytest.mark.parametrize(("assignment", "path"), answers("wrong"))
def test_wrong_answer_loses_what_it_says(assignment, path):
    head = header(path)
    assert set(head) <= {"title", "loses", "hint", "borrows"}
    space, _ = run(assignment, sources(path))
    for seed in SEEDS:
        judged = judge(assignment, space, seed)
        assert judged.lost == listed(head["loses"])


@pytest.mark.parametrize(("assignment", "path"), answers("right"))
def test_right_answer_loses_nothing(assignment, path):
    head = header(path)
    assert set(head) <= {"title", "misses"}
    space, errors = run(assignment, sources(path))
    assert errors == []
    bonus = {c.id for c in load_assignment(ROOT, assignment).criteria if c.bonus}
    assert listed(head.get("misses", "")) <= bonus
    for seed in SEEDS:
        judged = judge(assignment, space, seed)
        assert judged.lost == listed(head.get("misses", "")), judged.results


# Of the others the grader itself says what is wrong.
WITH_HINT = [one for one in answers("wrong") if "hint" in header(one.values[1])]


@pytest.mark.parametrize(("assignment", "path"), WITH_HINT)
def test_hints_help_without_writing_the_answer(assignment, path):
    head = header(path)
    assert 40 <= len(head["hint"]) <= 200
    assert head["hint"].endswith((".", "?"))
    for answer in ("keepdim=True)", "dim=1, keepdim", "torch.sigmoid(X @ w)", "1 / (1 + torch"):
        assert answer not in head["hint"]


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_solution_earns_everything(assignment):
    spec = load_assignment(ROOT, assignment)
    space, errors = run(assignment, sources(spec.solution))
    assert errors == []
    assert judge(assignment, space).lost == set()
    assert spec.max_points == 10


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_untouched_handout_runs_and_earns_nothing(assignment):
    spec = load_assignment(ROOT, assignment)
    space, errors = run(assignment, sources(spec.handout))
    assert errors == []
    assert judge(assignment, space).lost == {c.id for c in spec.criteria}


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_handout_is_derived_from_the_solution(assignment):
    spec = load_assignment(ROOT, assignment)
    solution = json.loads(spec.solution.read_text(encoding="utf-8"))
    assert spec.handout.read_text(encoding="utf-8") == dump(derive_handout(solution, spec.solution))


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_every_criterion_has_a_grader_with_a_sentence_and_a_hint(assignment):
    spec = load_assignment(ROOT, assignment)
    check_graders(spec)
    lost_all = judge(assignment, {})
    for function, criterion, _ in graders(assignment):
        first_line = (function.__doc__ or "").strip().splitlines()[0]
        assert 20 <= len(first_line) <= 110, criterion
        assert criterion in lost_all.hints


@pytest.mark.parametrize(("assignment", "path"), answers("wrong"))
def test_what_may_be_shown_of_a_hidden_criterion_tells_no_numbers(assignment, path):
    space, _ = run(assignment, sources(path))
    hidden = {criterion for _, criterion, public in graders(assignment) if not public}
    judged = judge(assignment, space)
    for criterion in hidden:
        failure = judged.results[criterion]
        if isinstance(failure, ComparisonFailure):
            assert not re.search(r"\d", FIXED_NUMBERS.sub("", failure.safe)), failure.safe
