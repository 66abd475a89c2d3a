"""A short name for a wrong answer, the same for everybody who is wrong in the same way.

``out-…``: everybody is asked the same by a public criterion, so it is made of what was asked and what came back,
rounded: the same name means the same answers.
``kind-…``: a hidden criterion asks each student something else, and some questions leave no answer to compare. It
is made of what needs no inputs: the test that failed, what the answer looked like, the exception.

Neither can be turned back into an input or an answer, and neither depends on the language of the report.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Sequence
from typing import Any

import torch

from torchgrade.grading.examinee import Call
from torchgrade.grading.records import TestRecord
from torchgrade.i18n import english
from torchgrade.model import Criterion, Outcome, Visibility
from torchgrade.testing.outcomes import ComparisonFailure, Missing, ProbeFailure

_CALLS = 6  # the first ones: what a search for a small example asks later depends on the answers, and on the clock
_LENGTH = 12
_DEPTH, _ITEMS, _TEXT = 4, 64, 200
_ELEMENTS = 1_000_000  # of a tensor, from its beginning: in float64 a large one of bytes is eight times as large
_STEPS = (0.7, 1.9, 2.6)  # of the weights of a sketch
_NAMED = (Outcome.FAILED, Outcome.PARTIAL, Outcome.ERRORED)
_ADDRESS = re.compile(r"0x[0-9a-fA-F]+")
_QUOTED = re.compile(r"`([^`]{1,80})`")
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


def fingerprint_of(criterion: Criterion, record: TestRecord) -> str:
    """The name of this wrong answer; empty where there is no answer to name (out of time, out of memory, …)."""
    if record.outcome not in _NAMED:
        return ""
    public = criterion.visibility == Visibility.PUBLIC
    answers = [call for call in record.calls if not call.defines]
    if public and answers and not isinstance(record.error, Missing):
        asked = [_call(call) for call in record.calls[:_CALLS]]
        return _name("out", [criterion.id, _kind(record), asked])
    return _name("kind", [criterion.id, str(record.outcome), _kind(record), _dtypes(answers)])


def _name(prefix: str, content: Any) -> str:
    return f"{prefix}-{hashlib.sha256(repr(content).encode('utf-8', 'backslashreplace')).hexdigest()[:_LENGTH]}"


def _kind(record: TestRecord) -> Any:
    """Which test failed and what the answer looked like; of an exception, its name and words without numbers."""
    error = record.error
    if isinstance(error, ProbeFailure):
        # Of our own sentences only the names in them: the sentences are in the reader's language.
        last = error.traceback.strip().rpartition("\n")[2]
        return type(error).__name__, error.name, _words(last), _QUOTED.findall(error.safe)
    kind = getattr(error, "kind", None)
    if isinstance(kind, tuple):
        return tuple(_words(english(str(part) if not isinstance(part, str) else part)) for part in kind)
    if error is None or isinstance(error, ComparisonFailure):
        return type(error).__name__, _words(english(record.safe))
    said = english(_argument(error)).partition("\nassert ")[0]
    return type(error).__name__, record.sentence, "" if said.startswith("assert ") else _words(said)


def _argument(error: BaseException) -> str:
    """What it was raised with; ``str()`` of it would forget the English of a sentence."""
    first = error.args[0] if error.args else ""
    return first if isinstance(first, str) else str(error)


def _words(text: str) -> str:
    return _NUMBER.sub("#", _ADDRESS.sub("#", text))[:_TEXT]


def _dtypes(answers: Sequence[Call]) -> list[str]:
    return sorted({_class(call.result) for call in answers})


def _class(value: Any) -> str:
    if isinstance(value, torch.Tensor):
        return "float" if value.is_floating_point() else "complex" if value.is_complex() else str(value.dtype)
    return type(value).__name__


def _call(call: Call) -> Any:
    failure = None
    if call.failure is not None:
        failure = (type(call.failure).__name__, call.failure.name)
    given = [_sketch(value) for value in call.args], _sketch(call.kwargs)
    return call.name, call.defines, given, failure, _sketch(call.result), _sketch(call.arguments_after)


def _sketch(value: Any, depth: int = 0) -> Any:
    """The value to about three digits, whatever its size; equal for answers that differ by rounding alone."""
    if isinstance(value, torch.Tensor):
        return _sketch_of_tensor(value)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        return _rounded(float(value), 3)
    if isinstance(value, str):
        return value[:_TEXT]
    if depth < _DEPTH and isinstance(value, list | tuple):
        return len(value), [_sketch(item, depth + 1) for item in value[:_ITEMS]]
    if depth < _DEPTH and isinstance(value, dict):
        items = sorted(value.items(), key=lambda item: str(item[0]))[:_ITEMS]
        return len(value), [(str(key)[:_TEXT], _sketch(item, depth + 1)) for key, item in items]
    return type(value).__name__


def _sketch_of_tensor(value: torch.Tensor) -> Any:
    """Shape, size, and three sums with fixed weights. Rounding each element instead would part equal answers: of
    many elements one is always at the edge of its last digit."""
    flat = value.detach().cpu().reshape(-1)[:_ELEMENTS]
    flat = (torch.view_as_real(flat) if flat.is_complex() else flat).to(torch.float64).reshape(-1)
    odd = int(flat.isnan().sum()), int(flat.isposinf().sum()), int(flat.isneginf().sum())
    flat = torch.nan_to_num(flat, 0.0, 0.0, 0.0)
    size = float(flat.abs().max()) if flat.numel() else 0.0
    length = size * float((flat / size).norm()) if size else 0.0
    places = torch.arange(1, flat.numel() + 1, dtype=torch.float64)
    sums = [float((torch.cos(places * step) * flat).sum()) / length if length else 0.0 for step in _STEPS]
    return tuple(value.shape), _class(value), odd, _rounded(length, 3), [round(x, 3) + 0.0 for x in sums]


def _rounded(value: float, digits: int) -> str:
    return f"{value + 0.0:.{digits - 1}e}" if math.isfinite(value) else str(value)
