"""The keys of course.yaml and assignment.yaml, and what is refused with its line."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from torchgrade.errors import SpecError
from torchgrade.policy import Amount, Choice, LateRule, Policy, Span, Step, Unit
from torchgrade.spec import load_assignment, load_course, load_policy, text_without_policy

COURSE = "title: Small\nyear: 2026\n"
ASSIGNMENT = "id: softmax\ntitle: Softmax\n{}rubric:\n  - {{id: a, title: A, points: 1}}\n"


def write(root: Path, assignment: str = "", course: str = "") -> Path:
    folder = root / "assignments" / "softmax"
    folder.mkdir(parents=True, exist_ok=True)
    (root / "course.yaml").write_text(COURSE + course, encoding="utf-8")
    (folder / "assignment.yaml").write_text(ASSIGNMENT.format(assignment), encoding="utf-8")
    return root


def policy(root: Path, assignment: str = "", course: str = "") -> Policy:
    write(root, assignment, course)
    assert load_course(root).assignment("softmax") is not None
    return load_policy(root, "softmax")


def test_a_course_without_a_word_about_it_has_no_policy(tmp_path: Path) -> None:
    assert policy(tmp_path) == Policy()


def test_all_keys_are_read(tmp_path: Path) -> None:
    found = policy(
        tmp_path,
        "due: 2026-03-01 23:59 Europe/Moscow\ngrace: 15 min\nattempts: {count: best, limit: 3}\ngroups: true\n"
        "late: {minus: 10 %, per: day, floor: 50 %, closed: 7 d}\n",
    )
    assert found.due is not None and found.due.isoformat() == "2026-03-01T23:59:00+03:00"
    assert found.late == LateRule(Amount(share=0.1), Unit.DAY, floor=Amount(share=0.5), closed=Span(7))
    assert (found.grace, found.choice, found.limit, found.groups) == (Span(0, 900), Choice.BEST, 3, True)


def test_what_the_guide_shows_is_read(tmp_path: Path) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "teachers.md").read_text(encoding="utf-8")
    section = guide.partition("## Dates and attempts")[2].partition("\n## ")[0]
    both, steps = re.findall(r"^ *```yaml\n(.*?)```", section, re.DOTALL | re.MULTILINE)
    course, assignment = both.split("# assignments/<id>/assignment.yaml\n")
    found = policy(tmp_path, assignment, course)
    assert found.due is not None and str(found.due.tzinfo) == "Europe/Moscow"
    assert (found.late, found.groups, found.grace) == (None, True, Span(0, 900))
    assert policy(tmp_path, "", course).late == LateRule(
        Amount(share=0.1), Unit.DAY, floor=Amount(share=0.5), closed=Span(7)
    )
    late = policy(tmp_path, textwrap.dedent(steps), course).late
    assert late is not None and len(late.steps) == 2


def test_steps_are_read(tmp_path: Path) -> None:
    found = policy(
        tmp_path, "late:\n  steps:\n    - {after: 0 h, minus: 1 point}\n    - {after: 2 d, minus: 50 %}\n"
    )
    steps = (Step(Span(), Amount(points=1)), Step(Span(2), Amount(share=0.5)))
    assert found.late == LateRule(steps=steps)


def test_the_course_says_what_the_assignment_does_not(tmp_path: Path) -> None:
    course = "policy: {zone: Europe/Moscow, grace: 5 min, attempts: last, late: {minus: 1 point, per: hour}}\n"
    found = policy(tmp_path, "due: 2026-03-01 23:59\n", course)
    assert found.due is not None and found.due.isoformat() == "2026-03-01T23:59:00+03:00"
    assert (found.grace, found.choice) == (Span(0, 300), Choice.LAST)
    assert found.late == LateRule(Amount(points=1), Unit.HOUR)
    own = policy(tmp_path, "due: 2026-03-01 23:59:00\ngrace: 0 min\nlate: none\nattempts: best\n", course)
    assert (own.late, own.choice, own.due) == (None, Choice.BEST, found.due)


@pytest.mark.parametrize("due", ["2026-03-01T23:59+03:00", "2026-03-01T23:59:00+03:00", "2026-03-01 20:59:00Z"])
def test_days_after_an_offset_are_counted_by_the_course_s_clock(tmp_path: Path, due: str) -> None:
    found = policy(tmp_path, f"due: {due}\n", "policy: {zone: Europe/Moscow}\n")
    assert found.due is not None and str(found.due) == "2026-03-01 23:59:00+03:00"
    assert str(found.due.tzinfo) == "Europe/Moscow"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("due: 2026-03-01 23:59\n", ":3: due: a time without a zone"),
        ("due: 2026-03-01 23:59:00\n", ":3: due: a time without a zone"),
        ("due: 2026-03-01\n", ":3: due: a date without a time"),
        ("due: 2026-02-29 12:00 UTC\n", ":3: due: there is no day 2026-02-29"),
        ("due: 2026-03-01 23:59 Europe/Moskow\n", ":3: due: there is no time zone 'Europe/Moskow'; did you mean"),
        ("due: 2026-03-29 02:30 Europe/Berlin\n", ":3: due: 2026-03-29 02:30 does not exist in Europe/Berlin"),
        ("dew: 2026-03-29 02:30\n", ":3: dew: unknown key; did you mean 'due'?"),
        ("grace: 15\n", ":3: grace: needs a unit"),
        ("grace: 15 Min\n", ":3: grace: there is no unit 'Min'"),
        ("attempts: first\n", ":3: attempts.count: must be one of 'best' or 'last', found 'first'"),
        ("attempts: {count: best, limit: 0}\n", ":3: attempts.limit: must be at least 1"),
        ("late: {minus: 10, per: day}\n", ":3: late.minus: needs a unit: '10 %' or '10 points'"),
        ("late: {minus: 10 %}\n", ":3: late.minus: `per` is missing"),
        ("late:\n  per: day\n", ":4: late.per: `minus` is missing"),
        ("late: {minus: 10 %, per: week}\n", ":3: late.per: must be one of 'hour' or 'day', found 'week'"),
        ("late: {minus: 10 %, per: day, steps: [{after: 1 d, minus: 1 %}]}\n", ":3: late.steps: say either"),
        ("late:\n  steps:\n    - {after: 2 d, minus: 1 %}\n    - {after: 1 d, minus: 2 %}\n",
         ":6: late.steps[1].after: steps must come in the order of time"),
        ("late: {minus: 10 %, per: day, flor: 1 point}\n", ":3: late.flor: unknown key; did you mean 'floor'?"),
        ("groups: yes please\n", ":3: groups: must be true or false"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_line_and_key(tmp_path: Path, text: str, told: str) -> None:
    write(tmp_path, text)
    with pytest.raises(SpecError) as caught:
        load_course(tmp_path)
    assert str(caught.value).startswith(f"assignments/softmax/assignment.yaml{told}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "policy: {zone: Moscow}\n",
            ":3: policy.zone: there is no time zone 'Moscow'; did you mean 'Europe/Moscow'?",
        ),
        ("policy: {late: {minus: 1 %}}\n", ":3: policy.late.minus: `per` is missing"),
        ("policy: {due: 1}\n", ":3: policy.due: unknown key"),
    ],
)
def test_the_course_s_own_are_told_too(tmp_path: Path, text: str, told: str) -> None:
    write(tmp_path, "", text)
    with pytest.raises(SpecError) as caught:
        load_course(tmp_path)
    assert str(caught.value).startswith(f"course.yaml{told}")


def test_an_assignment_alone_may_leave_the_zone_to_its_course(tmp_path: Path) -> None:
    assert load_assignment(write(tmp_path, "due: 2026-03-01 23:59\n"), "softmax").id == "softmax"


def test_the_text_that_verdicts_depend_on_has_no_dates() -> None:
    bare = "id: a\nrubric:\n  - {id: late, title: due, points: 1}\ntitle: A\n"
    dated = (
        "due: 2026-03-01 23:59\nid: a\nlate:\n  minus: 10 %\n  per: day\nrubric:\n"
        "  - {id: late, title: due, points: 1}\ngroups: true\ntitle: A\nattempts: best\n"
    )
    assert text_without_policy(dated) == text_without_policy(bare) == bare
    one_line = "{id: a, due: 2026-03-01 23:59}\n"
    assert text_without_policy(one_line) == one_line
