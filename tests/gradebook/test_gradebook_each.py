"""A run's verdicts one at a time, for what is too large to be held at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from torchgrade.errors import UsageError
from torchgrade.gradebook import Gradebook
from torchgrade.model import Verdict


def test_they_are_those_of_the_run_by_student(gradebook: Gradebook, verdict: Callable[..., Verdict]) -> None:
    first, second = (gradebook.start_run("softmax", {}) for _ in range(2))
    for student in ("zoe", "anna", "boris"):
        gradebook.record(verdict(student), f"key of {student}", first)
    gradebook.record(verdict("clara"), "key of clara", second)
    gradebook.attach(second, ["key of anna"])
    assert list(gradebook.each_verdict(first)) == gradebook.verdicts(first)
    assert [v.student for v in gradebook.each_verdict(second)] == ["anna", "clara"]
    assert all(v.notebook for v in gradebook.each_verdict(first))


def test_a_run_that_is_not_there_is_told(gradebook: Gradebook) -> None:
    with pytest.raises(UsageError, match="there is no run nothing"):
        next(gradebook.each_verdict("nothing"))
