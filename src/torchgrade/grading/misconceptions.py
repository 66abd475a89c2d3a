"""Known wrong answers: recognised when they give the same outputs as the student on the same questions."""

from __future__ import annotations

import copy
import re
import types
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import torch

from torchgrade.grading.answers import KnownAnswer
from torchgrade.grading.examinee import Call, RoomExaminee
from torchgrade.grading.reference import NamespaceExaminee, load_namespace
from torchgrade.testing.outcomes import ProbeFailure

#: Relative. Below the 1e-4 at which graders compare: else a known mistake that happens to be right on these very
#: questions would explain a student who is wrong by a little more.
_TOLERANCE = 5e-5
_REPLAYS = 40
_SAID = 200  # characters of what an exception says; what came out of a room is bounded, too
_NUMBER = re.compile(r"0x[0-9a-f]+|[\d.]*\d(?:e[-+]?\d+)?")


class KnownMistakes:
    """The wrong answers of an assignment, run once, ready to be compared with a student's outputs."""

    def __init__(self, answers: Sequence[KnownAnswer], files: Sequence[Path] = ()) -> None:
        self._namespaces = [(a, load_namespace(a.notebook, a.path.name, files)) for a in answers if a.hint]

    def recognise(
        self, criterion: str, calls: Sequence[Call], lost: Collection[str], student: RoomExaminee
    ) -> KnownAnswer | None:
        """The first known mistake that does on every call what the student's code did; None if there is none.

        Globals that the grader set for the student's code are set for the known mistake in the same place.
        It must lose this criterion, and none that the student did not lose: NaN for NaN proves little.
        """
        told = calls[:_REPLAYS]
        unanswered = any(c.failure is not None and not c.failure.name for c in calls)
        if unanswered or all(c.defines for c in told):  # the very call that counts is not there to be compared
            return None
        fitting = [(a, n) for a, n in self._namespaces if criterion in a.loses and set(a.loses) <= set(lost)]
        return next((a for a, n in fitting if _same(a, dict(n), told, student)), None)


def _same(answer: KnownAnswer, namespace: dict[str, Any], calls: Sequence[Call], student: RoomExaminee) -> bool:
    examinee = NamespaceExaminee(namespace)
    try:
        for name in answer.borrows:
            _lend(namespace, name, student.value(name))
    except ProbeFailure:
        return False
    return all(_same_call(examinee, call) for call in calls)


def _lend(namespace: dict[str, Any], name: str, value: Any) -> None:
    """Functions keep the globals they were made with, so the value must be set there too."""
    namespace[name] = value
    for function in list(namespace.values()):
        if isinstance(function, types.FunctionType):
            function.__globals__[name] = value


def _same_call(examinee: NamespaceExaminee, call: Call) -> bool:
    if call.defines:
        try:
            _lend(examinee.namespace, call.name, copy.deepcopy(call.args[0]))  # it may be changed in place
        except TypeError:  # it lives in the room
            return False
        return True
    if call.name not in examinee.namespace:
        return False
    try:
        result, arguments = examinee.call_keeping_arguments(call.name, *call.args, **call.kwargs)
    except Exception as error:
        return call.failure is not None and same_error(error, call.failure)
    if call.failure is not None or not equal(result, call.result):
        return False
    return call.arguments_after is None or equal(arguments, call.arguments_after)


def same_error(error: Exception, failure: ProbeFailure) -> bool:
    """Whether a known mistake raised what the student's code did: the same type and words, but for numbers and
    addresses. Of a name that is not defined the words are the student's own, and do not count."""
    if failure.name != type(error).__name__:
        return False
    return isinstance(error, NameError) or _words(str(error)[:_SAID]) in _words(str(failure))


def _words(text: str) -> str:
    return _NUMBER.sub("#", text)


def equal(a: Any, b: Any) -> bool:
    """Whether two answers are the same to more than four digits, NaN and infinities included."""
    if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
        if a.shape != b.shape:
            return False
        kind = torch.complex128 if a.is_complex() or b.is_complex() else torch.float64
        close = torch.isclose(a.detach().to(kind), b.detach().to(kind), rtol=_TOLERANCE, atol=1e-9, equal_nan=True)
        return bool(close.all())
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(equal(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(equal(value, b[key]) for key, value in a.items())
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return equal(torch.tensor(float(a)), torch.tensor(float(b)))
    return type(a) is type(b) and bool(a == b)
