"""hints.yaml: what it may hold, and that every fault is told with its line and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from torchgrade.errors import SpecError
from torchgrade.spec import check_graders, load_assignment, load_hints

ENTRY = """\
  - key: over-the-batch
    criterion: values
    fingerprint: out-0123456789ab
    hint: You sum over the batch.
"""


def write(course: Path, text: str) -> None:
    (course / "graders" / "softmax" / "hints.yaml").write_text(text, encoding="utf-8")


def refused(course: Path, text: str) -> str:
    write(course, text)
    with pytest.raises(SpecError) as caught:
        load_hints(load_assignment(course, "softmax"))
    return str(caught.value)


def test_no_file_means_no_hints(course: Path) -> None:
    assert load_hints(load_assignment(course, "softmax")) == {}


def test_entries_are_found_by_criterion_and_fingerprint(course: Path) -> None:
    other = ENTRY.replace("criterion: values", "criterion: stable").replace("out-", "kind-")
    write(course, f"hints:\n{ENTRY}{other}")
    found = load_hints(load_assignment(course, "softmax"))
    assert {place: hint.hint for place, hint in found.items()} == {
        ("values", "out-0123456789ab"): "You sum over the batch.",
        ("stable", "kind-0123456789ab"): "You sum over the batch.",
    }


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("values", "valeus", "hints.yaml:3: hints[0].criterion: there is no criterion 'valeus'; did you mean 'va"),
        ("out-0123456789ab", "0123456789ab", "hints.yaml:4: hints[0].fingerprint: must be a fingerprint"),
        ("out-0123456789ab", "out-0123", "hints.yaml:4: hints[0].fingerprint: must be a fingerprint"),
        ("hint: You sum over the batch.", "hint: ''", "hints.yaml:5: hints[0].hint: must not be empty"),
        ("hint: You sum", "hnit: You sum", "hints.yaml:5: hints[0].hnit: unknown key; did you mean 'hint'?"),
        ("key: over-the-batch", "key: over the batch", "hints.yaml:2: hints[0].key: must begin with"),
    ],
)  # fmt: skip
def test_faults_have_file_line_and_key(course: Path, old: str, new: str, said: str) -> None:
    assert ENTRY.count(old) == 1
    assert f"graders/softmax/{said}" in refused(course, f"hints:\n{ENTRY.replace(old, new)}")


def test_a_wrong_answer_has_one_hint(course: Path) -> None:
    said = refused(course, f"hints:\n{ENTRY}{ENTRY}")
    assert "hints.yaml:8: hints[1].fingerprint: 'out-0123456789ab' has a hint above already" in said


def test_the_courses_test_of_itself_refuses_an_unknown_criterion(course: Path) -> None:
    write(course, f"hints:\n{ENTRY.replace('values', 'nothing')}")
    assignment = load_assignment(course, "softmax")
    with pytest.raises(SpecError, match=r"hints\.yaml:3"):
        check_graders(assignment)
    check_graders(assignment, public_only=True)  # a student's kit holds no such file
