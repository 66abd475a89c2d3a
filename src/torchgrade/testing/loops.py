"""What graders of training loops ask with: enough to train on, the numbers returned, weights compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import torch

from torchgrade.testing.examinee import Examinee, Handle
from torchgrade.testing.look import plain
from torchgrade.testing.outcomes import Died, Missing, OutOfMemory, ProbeFailure, Raised, TimedOut

Answer = TypeVar("Answer")


def on_enough(check: Callable[[int], Answer], few: int = 200, many: int = 2100) -> Answer:
    """``check(few)``: a check of a training on so few inputs, quick; ``check(many)`` if nothing was done on them.

    Few inputs may be less than one batch of the student's, and the loop may leave out what does not fill a batch.
    Nothing was done where the student's code raised, and where ``must`` failed with ``idle``. What is raised in
    the end is the failure on few.
    """
    try:
        return check(few)
    except (TimedOut, Died, OutOfMemory):
        raise
    except (AssertionError, ProbeFailure) as failure:
        if not isinstance(failure, Raised) and not getattr(failure, "idle", False):
            raise
        first = failure
    try:
        return check(many)
    except (AssertionError, ProbeFailure):
        raise first from None


def plain_numbers(value: object) -> list[float] | None:
    """A list, a tuple, an array or a tensor of numbers as floats, NaN and infinity too; None for anything else."""
    values = value.tolist() if isinstance(value, torch.Tensor) else value
    if not isinstance(values, list | tuple):
        return None
    numbers = [v.item() if isinstance(v, torch.Tensor) and v.numel() == 1 else v for v in values]
    fine = all(isinstance(v, int | float) and not isinstance(v, bool) for v in numbers)
    return [float(v) for v in numbers] if fine else None


def numbers_in(told: Handle) -> list[float] | None:
    """What a function of the student's returned, where that is a list of numbers; None for anything else.

    Asked by a handle (``submission.build("train", …)``), so that an answer that may not cross the wall, such as a
    list that holds a model, is one that is no list of numbers.
    """
    for method, args in (("copy", ()), ("tolist", ()), ("__add__", ((),))):
        try:
            return plain_numbers(told.call(method, *args))
        except (Missing, Raised):
            continue
        except ProbeFailure:
            return None
    return None


def flat_weights(state: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """All numbers of a state in one row, float64 (n,)."""
    return torch.cat([plain(value).double().flatten() for value in state.values()])


def off_course(end: torch.Tensor, ours: torch.Tensor, start: torch.Tensor) -> float:
    """How far ``end`` is from ``ours``, as a share of the way from ``start`` to ``ours``; infinity for NaN."""
    away = float((end - ours).norm() / (ours - start).norm())
    return away if away == away else float("inf")


def wants_double(submission: Examinee, cls: str, *args: object) -> bool:
    """Whether the student's networks ``cls(*args)`` are in float64, and ``train`` turns its inputs into that."""
    try:
        alike = all(v.dtype == torch.float64 for v in submission.build(cls, *args).state().values())
    except (AssertionError, ProbeFailure):
        return False
    source = submission.source("train")
    return alike and any(word in source for word in ("double", "float64", "DoubleTensor", "default_dtype"))
