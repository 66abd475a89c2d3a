"""Finds a small input on which a check fails in the same way: one that can be worked out on paper."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import torch

from torchgrade.i18n import _
from torchgrade.model import Evidence
from torchgrade.testing.describe import argument
from torchgrade.testing.examinee import Examinee
from torchgrade.testing.excerpt import excerpt
from torchgrade.testing.outcomes import ComparisonFailure, Died, OutOfMemory, ProbeFailure, TimedOut, clear_frames

MOST_PROBES = 60  # questions put in search of a smaller input
MOST_SECONDS = 6.0  # wall time of that search; slow code gets a larger example, never a longer wait
_FEW = 16  # elements; below this, they are simplified one by one
_NEVER = (TimedOut, Died, OutOfMemory)

Inputs = tuple[torch.Tensor, ...]


def for_each_input(
    submission: Examinee,
    check: Callable[..., None],
    inputs: Iterable[torch.Tensor | Sequence[torch.Tensor]],
    *,
    label: str = "x",
) -> None:
    """Call ``check`` on each input in turn; on the first failure, search a smaller one and raise that.

    An input is one tensor (``check(x)``) or several (``check(X, w)``). ``label`` names them, and their
    dimensions if these hang together: ``"X[N, D] w[D, M]"`` keeps D alike in both; ``"x"`` has none to keep.
    The search is made only where ``submission.may_explain``; the failure raised then carries its input as
    evidence. A probe that timed out, died or ran out of memory is raised as it is.
    """
    names, dims = _read_label(label)
    for given in inputs:
        tensors = (given,) if isinstance(given, torch.Tensor) else tuple(given)
        try:
            check(*tensors)
        except _NEVER:
            raise
        except (AssertionError, ProbeFailure) as failure:
            if not submission.may_explain:
                raise
            clear_frames(failure)
            raise _explained(check, tensors, failure, names, dims) from None


def _explained(
    check: Callable[..., None], inputs: Inputs, failure: Exception, names: list[str], dims: list[list[str]]
) -> Exception:
    """The failure on the smallest input found, with that input added."""
    named = dims if [len(d) for d in dims] == [t.ndim for t in inputs] else _own_names(inputs)
    smallest, found = _Search(check, failure).run(inputs, named)
    labels = names if len(names) == len(inputs) else [argument(i) for i in range(len(inputs))]
    label = _("smallest failing input {name}")
    shown = tuple(excerpt(label.format(name=n), t) for n, t in zip(labels, smallest, strict=True))
    kept = tuple(e for e in _evidence_of(found) if not any(_is_input(e, s) for s in shown))
    vars(found)["evidence"] = (*shown, *kept)
    return found


class _Search:
    """Greedy: take the first simpler input that fails alike, and go on from there."""

    def __init__(self, check: Callable[..., None], failure: Exception) -> None:
        self._check, self._failure, self._kind = check, failure, kind_of(failure)
        self._left, self._until = MOST_PROBES, time.monotonic() + MOST_SECONDS

    def run(self, inputs: Inputs, dims: list[list[str]]) -> tuple[Inputs, Exception]:
        """The smallest input and its failure."""
        for candidates in (lambda now: _smaller(now, dims), _simpler, _one_by_one):
            found = True
            while found:
                found = False
                for candidate in candidates(inputs):
                    if self._left <= 0 or time.monotonic() > self._until:
                        return inputs, self._failure
                    if self._fails(candidate):
                        inputs, found = candidate, True
                        break
        return inputs, self._failure

    def _fails(self, inputs: Inputs) -> bool:
        """Whether the check fails on these in the same way; the failure is then kept."""
        self._left -= 1
        try:
            self._check(*(t.clone() for t in inputs))
        except _NEVER:
            self._left = 0  # the room has suffered: ask no more
        except (AssertionError, ProbeFailure) as failure:
            clear_frames(failure)
            if kind_of(failure) == self._kind:
                self._failure = failure
                return True
        except Exception:
            return False  # the check itself cannot take so small an input: not a finding
        return False


def kind_of(failure: Exception) -> tuple[Any, ...]:
    """What must stay alike while an input shrinks: class, likeness of the answer, kind of error."""
    if isinstance(failure, ComparisonFailure):
        return (ComparisonFailure, getattr(failure, "kind", ()))
    if isinstance(failure, ProbeFailure):
        return (type(failure), failure.name or str(failure).split(":")[0])
    return (type(failure),)


def _smaller(inputs: Inputs, dims: list[list[str]]) -> Iterator[Inputs]:
    """Half of a dimension, then one less of it; the larger dimensions first."""
    sizes = {
        name: size for t, ns in zip(inputs, dims, strict=True) for name, size in zip(ns, t.shape, strict=True)
    }
    for name, size in sorted(sizes.items(), key=lambda item: -item[1]):
        for keep in (1, 2, size // 2, size - 1):
            if 0 < keep < size:
                yield tuple(_narrowed(t, ns, name, keep) for t, ns in zip(inputs, dims, strict=True))


def _narrowed(tensor: torch.Tensor, names: list[str], name: str, keep: int) -> torch.Tensor:
    for dim, own in enumerate(names):
        if own == name:
            tensor = tensor.narrow(dim, 0, keep)
    return tensor.contiguous()


def _simpler(inputs: Inputs) -> Iterator[Inputs]:
    """Whole tensors of zeros, ones, whole numbers, numbers with one decimal."""
    for i, tensor in enumerate(inputs):
        if not tensor.is_floating_point():
            continue
        for simple in (
            torch.zeros_like(tensor),
            torch.ones_like(tensor),
            tensor.round(),
            tensor.round(decimals=1),
        ):
            if _simplicity(simple) < _simplicity(tensor):
                yield (*inputs[:i], simple, *inputs[i + 1 :])


def _one_by_one(inputs: Inputs) -> Iterator[Inputs]:
    """Single elements of small tensors, to 0 or 1."""
    for i, tensor in enumerate(inputs):
        if not tensor.is_floating_point() or tensor.numel() > _FEW:
            continue
        for at in range(tensor.numel()):
            for value in (0.0, 1.0):
                simple = tensor.clone()
                simple.view(-1)[at] = value
                if _simplicity(simple) < _simplicity(tensor):
                    yield (*inputs[:i], simple, *inputs[i + 1 :])


def _simplicity(tensor: torch.Tensor) -> int:
    """Small is simple: 0 for a zero, 1 for a one, 2 for a whole number, 3 for one decimal, 4 for the rest."""
    total = 0
    for value in tensor.reshape(-1).tolist():
        steps = (value == 0, value == 1, value == round(value), abs(value * 10 - round(value * 10)) < 1e-4)
        total += next((cost for cost, holds in enumerate(steps) if holds), len(steps))
    return total


def _read_label(label: str) -> tuple[list[str], list[list[str]]]:
    """``"X[N, D] w[D, M]"`` → (["X", "w"], [["N", "D"], ["D", "M"]])."""
    names, dims = [], []
    for part in label.replace("]", "]\n").splitlines() if "[" in label else label.split():
        name, _bracket, inside = part.strip().partition("[")
        if name:
            names.append(name.strip())
            dims.append([d.strip() for d in inside.rstrip("]").split(",") if d.strip()])
    return names, dims


def _own_names(inputs: Inputs) -> list[list[str]]:
    return [[f"{i}.{d}" for d in range(t.ndim)] for i, t in enumerate(inputs)]


def _evidence_of(failure: Exception) -> tuple[Evidence, ...]:
    return tuple(getattr(failure, "evidence", ()))


def _is_input(evidence: Evidence, shown: Evidence) -> bool:
    return evidence.rows == shown.rows and evidence.shape == shown.shape
