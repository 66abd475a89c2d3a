"""Runs graders of networks against code in this process, with the failures that a room would report."""

from __future__ import annotations

import contextlib
import inspect
import io
import textwrap
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace
from typing import Any

import torch

from torchgrade.grading.answers import read_trusted
from torchgrade.grading.reference import LocalHandle, NamespaceExaminee, load_namespace
from torchgrade.model import Assignment
from torchgrade.notebook import from_percent
from torchgrade.testing import BadAnswer, Missing, ProbeFailure, Raised


def solution_of(spec: Assignment) -> dict[str, Any]:
    """The globals of the solution, its trainings left out."""
    return load_namespace(read_trusted(spec.solution), spec.solution.name, spec.files)


def asked(work: Callable[[], Any]) -> Any:
    """What ``work`` gives; what it raises as a room would report it."""
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            return work()
    except ProbeFailure:
        raise
    except AttributeError as error:
        if isinstance(error.obj, torch.nn.Module) and error.name in ("__len__", "copy", "tolist"):
            raise Missing(str(error)) from None
        raise Raised(f"AttributeError: {error}", name="AttributeError") from None
    except Exception as error:
        raise Raised(f"{type(error).__name__}: {error}", name=type(error).__name__) from None


def crossing(value: Any) -> Any:
    """The value, if it may cross the wall."""
    plain = value is None or isinstance(value, torch.Tensor | bool | int | float | str | dict)
    if plain or (isinstance(value, list | tuple) and all(crossing(part) is part for part in value)):
        return value
    raise BadAnswer(f"an object of type {type(value).__name__} came back")


class Held(LocalHandle):
    """A handle whose failures are those of a room."""

    def state(self):
        if not isinstance(self.target, torch.nn.Module):
            raise Missing("no state_dict")
        return super().state()

    def forward(self, *args):
        return crossing(asked(lambda: super(Held, self).forward(*args)))

    def call(self, method, *args, **kwargs):
        return crossing(asked(lambda: super(Held, self).call(method, *args, **kwargs)))

    def gradients(self, *args, cotangent=None):
        return asked(lambda: super(Held, self).gradients(*args, cotangent=cotangent))


class Here(NamespaceExaminee):
    """An examinee over a namespace whose failures are those of a room."""

    def __init__(self, spec: Assignment, namespace: dict[str, Any], *, may_explain: bool) -> None:
        super().__init__(namespace)
        self._spec, self.may_explain = spec, may_explain

    def _named(self, name):
        for own in (name, *self._spec.aliases.get(name, ())):
            if own in self.namespace:
                return self.namespace[own]
        raise Missing(f"`{name}` is not defined")

    def call(self, name, *args, **kwargs):
        function = self._named(name)
        return crossing(asked(lambda: NamespaceExaminee({name: function}).call(name, *args, **kwargs)))

    def value(self, name):
        return crossing(self._named(name))

    def object(self, name):
        return Held(self._named(name))

    def build(self, cls, *args, **kwargs):
        function = self._named(cls)
        return Held(asked(lambda: NamespaceExaminee({cls: function}).build(cls, *args, **kwargs)).target)

    def make(self, path, *args, **kwargs):
        return Held(super().make(path, *args, **kwargs).target)


@dataclass
class Judged:
    """What became of each criterion that was asked: ``passed``, or the failure; hints, shares and exhibits."""

    results: dict[str, Any] = field(default_factory=dict)
    hints: dict[str, str] = field(default_factory=dict)
    shares: dict[str, float] = field(default_factory=dict)
    exhibits: list[Any] = field(default_factory=list)

    @property
    def lost(self) -> set[str]:
        return {id for id, result in self.results.items() if result != "passed"}


def run(*cells: str) -> dict[str, Any]:
    """The globals after these cells."""
    torch.manual_seed(1)
    return load_namespace(from_percent("\n".join(f"# %%\n{textwrap.dedent(c)}" for c in cells)), "cells")


def judge(
    spec: Assignment,
    graders: Sequence[ModuleType],
    space: dict[str, Any],
    only: set[str] = frozenset(),
    **fixtures: Any,
) -> Judged:
    """Put the graders' functions to ``space``: all, or those of ``only``. ``fixtures`` are given on."""
    judged = Judged()
    for module in graders:
        public = module.__name__.endswith("test_public")
        for function in vars(module).values():
            for mark in getattr(function, "pytestmark", []):
                if not only or mark.args[0] in only:
                    _ask(spec, function, mark.args[0], public, space, judged, fixtures)
    return judged


def _ask(spec, function, criterion, public, space, judged, fixtures):
    known = {
        "submission": Here(spec, space, may_explain=public),
        "rng": torch.Generator().manual_seed(fixtures.get("seed", 0)),
        "device": "cpu",
        "hint": lambda text: judged.hints.setdefault(criterion, text),
        "award": lambda fraction, because="": judged.shares.__setitem__(criterion, fraction),
        "exhibit": lambda make: judged.exhibits.append(make()),
        **fixtures,
    }
    try:
        function(**{name: known[name] for name in inspect.signature(function).parameters})
        judged.results.setdefault(criterion, "passed")
    except (AssertionError, ProbeFailure) as failure:
        judged.results[criterion] = failure


def images_of(x: torch.Tensor, y: torch.Tensor, *, standin: bool = True) -> Any:
    """A data set whose three parts are the same images."""
    part = SimpleNamespace(images=x, labels=y)
    return SimpleNamespace(train=part, test=part, kept=part, standin=standin)
