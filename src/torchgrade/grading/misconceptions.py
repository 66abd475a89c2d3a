"""Known wrong answers: recognised when they give the same outputs as the student on the same questions."""

from __future__ import annotations

import types
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from torchgrade import notebook as notebooks
from torchgrade.grading.examinee import Call, RoomExaminee
from torchgrade.grading.reference import NamespaceExaminee, load_namespace
from torchgrade.testing.outcomes import ProbeFailure

_TOLERANCE = 1e-3
_REPLAYS = 40


@dataclass(frozen=True)
class KnownAnswer:
    """A wrong answer or a legitimate variant, in percent format, with what its header says."""

    path: Path
    title: str
    hint: str
    loses: tuple[str, ...]  # exactly these criteria, for a wrong answer
    misses: tuple[str, ...]  # bonus criteria that a right answer does not earn
    borrows: tuple[str, ...]  # globals to take over from the student before a replay
    notebook: dict[str, Any]

    @property
    def slug(self) -> str:
        """The file's name without its ending."""
        return self.path.stem


def load_answers(graders: Path, kind: str) -> list[KnownAnswer]:
    """All answers of ``graders/<id>/answers/<kind>``, ``wrong`` or ``right``, by file name."""
    return [_load(path) for path in sorted((graders / "answers" / kind).glob("*.py"))]


def _load(path: Path) -> KnownAnswer:
    text = path.read_text(encoding="utf-8")
    header = notebooks.percent_header(text)

    def listed(key: str) -> tuple[str, ...]:
        return tuple(part.strip() for part in header.get(key, "").split(",") if part.strip())

    return KnownAnswer(
        path=path,
        title=header.get("title", path.stem),
        hint=header.get("hint", ""),
        loses=listed("loses"),
        misses=listed("misses"),
        borrows=listed("borrows"),
        notebook=notebooks.from_percent(text),
    )


class KnownMistakes:
    """The wrong answers of an assignment, run once, ready to be compared with a student's outputs."""

    def __init__(self, answers: Sequence[KnownAnswer]) -> None:
        self._namespaces = [(a, load_namespace(a.notebook, a.path.name)) for a in answers if a.hint]

    def recognise(
        self, criterion: str, calls: Sequence[Call], lost: Collection[str], student: RoomExaminee
    ) -> KnownAnswer | None:
        """The first known mistake that does on every call what the student's code did; None if there is none.

        It must lose this criterion, and none that the student did not lose: NaN for NaN proves little.
        """
        told = [c for c in calls if c.failure is None or c.failure.name][:_REPLAYS]
        if not told:
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
    if call.name not in examinee.namespace:
        return False
    try:
        result, arguments = examinee.call_keeping_arguments(call.name, *call.args, **call.kwargs)
    except Exception as error:
        return call.failure is not None and call.failure.name == type(error).__name__
    if call.failure is not None or not equal(result, call.result):
        return False
    return call.arguments_after is None or equal(arguments, call.arguments_after)


def equal(a: Any, b: Any) -> bool:
    """Whether two answers are the same to about three digits, NaN and infinities included."""
    if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
        if a.shape != b.shape:
            return False
        kind = torch.complex128 if a.is_complex() or b.is_complex() else torch.float64
        close = torch.isclose(a.detach().to(kind), b.detach().to(kind), rtol=_TOLERANCE, atol=1e-9, equal_nan=True)
        return bool(close.all())
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(equal(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return equal(torch.tensor(float(a)), torch.tensor(float(b)))
    return type(a) is type(b) and bool(a == b)
