"""What ``new`` writes: texts with places for the id, the title and the function's name.

It is about a list of numbers, so that nothing has to be known but PyTorch.
"""

from __future__ import annotations

from dataclasses import dataclass

SPEC = """\
id: {id}
title: {title}
defines: [{function}]  # names that a notebook must define; public and hidden checks ask for them
device: cpu
# due: 2026-03-01 23:59 Europe/Moscow   # what follows from it: docs/teachers.md, “Dates and attempts”
rubric:  # points stand here alone
  - id: example
    title: {public0}
    points: 2
  - id: any-length
    title: {hidden0}
    points: 3
    visibility: hidden
"""

SOLUTION = """\
def {function}(x):
    ### BEGIN SOLUTION
    return x - x.mean()
    ### END SOLUTION"""

PUBLIC = '''\
"""Ships to students: inputs are no secret here, and there is no reference."""

import pytest
import torch

from torchgrade.testing import assert_tensor_close


@pytest.mark.criterion("example")
def test_example(submission, hint):
    """{public0}"""
    hint("{public1}")
    x = torch.tensor([1.0, 2.0, 6.0])
    assert_tensor_close(submission.call("{function}", x), torch.tensor([-2.0, -1.0, 3.0]), input=x)
'''

HIDDEN = '''\
"""Never ships: inputs are drawn for each student, and the solution says what is right."""

import pytest
import torch

from torchgrade.testing import assert_tensor_close


@pytest.mark.criterion("any-length")
def test_any_length(submission, reference, rng):
    """{hidden0}"""
    for length in (1, 2, 17):
        x = torch.randn(length, generator=rng)
        assert_tensor_close(submission.call("{function}", x), reference.call("{function}", x), input=x)
'''


@dataclass(frozen=True)
class Words:
    """The sentences of one language, in the same order in each. ``gaps``: English in code, and its words."""

    task: str
    public: tuple[str, ...]
    hidden: tuple[str, ...]
    gaps: tuple[tuple[str, str], ...] = ()


WORDS = {
    "en": Words(
        task=(
            "# {title}\n\n"
            "`{function}(x)` takes the mean away from a tensor of numbers: [1, 2, 6] becomes [−2, −1, 3].\n\n"
            "Write it for tensors of any length."
        ),
        public=(
            "{function}(x) is right for the example of the task",
            "Work the example out by hand: what is its mean?",
        ),
        hidden=("{function}(x) is right for tensors of any length",),
    ),
    "ru": Words(
        task=(
            "# {title}\n\n"
            "`{function}(x)` вычитает из тензора чисел его среднее: [1, 2, 6] становится [−2, −1, 3].\n\n"
            "Напишите её для тензоров любой длины."
        ),
        public=("{function}(x) верна для примера из задания", "Решите пример вручную: чему равно среднее?"),
        hidden=("{function}(x) верна для тензоров любой длины",),
        gaps=(("# YOUR CODE HERE", "# ВАШ КОД ЗДЕСЬ"), ('"write this"', '"напишите это"')),
    ),
}
