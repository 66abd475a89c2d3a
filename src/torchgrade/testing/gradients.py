"""Gradients compared parameter by parameter, with the relative error of each told."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import torch

from torchgrade.i18n import _
from torchgrade.model import Evidence
from torchgrade.testing.close import Mismatch
from torchgrade.testing.describe import argument, describe, number
from torchgrade.testing.examinee import Examinee
from torchgrade.testing.excerpt import excerpt
from torchgrade.testing.look import Look, plain
from torchgrade.testing.looks import find_look
from torchgrade.testing.outcomes import BadAnswer, Missing, Raised

#: Relative tolerance of a gradient, by the dtype in which it was computed.
GRADIENT_RTOL = {torch.float64: 1e-6, torch.float32: 1e-3}

Gradients = Mapping[str, torch.Tensor] | Sequence[torch.Tensor]


def widest_answer(ask: Callable[[torch.dtype], Any]) -> tuple[Any, torch.dtype]:
    """``ask(float64)`` where every tensor of the answer is float64; else ``ask(float32)``, and its dtype.

    ``ask`` puts a question in the given dtype. Code that fixes the dtype may raise in the first one; what it
    raises in the second is raised here. ``GRADIENT_RTOL`` of the dtype is the tolerance that is fair to the code.
    """
    try:
        answer = ask(torch.float64)
    except (Raised, BadAnswer):
        return ask(torch.float32), torch.float32
    if _is_double(answer):
        return answer, torch.float64
    return ask(torch.float32), torch.float32


def gradient_dtype(examinee: Examinee, name: str, *args: Any) -> torch.dtype:
    """float64 where ``name`` answers float64 with float64, float32 where the code fixes the dtype or fails.

    ``GRADIENT_RTOL`` of it is the tolerance that is fair to the code. The answer stays in the room, and so it is
    not among those by which known mistakes are recognised: right values tell nothing about gradients.
    """
    wide = [a.double() if isinstance(a, torch.Tensor) and a.dtype.is_floating_point else a for a in args]
    try:
        kept = examinee.build(name, *wide)
    except (Raised, BadAnswer):
        return torch.float32  # the gradients are asked next, and whatever is wrong shows there
    try:
        answer = kept.call("__mul__", 1)  # as good as reading it, for an array of numpy as well
    except (Raised, BadAnswer, Missing):
        return torch.float32
    return torch.float64 if _is_double(answer) else torch.float32


def _is_double(answer: Any) -> bool:
    parts = answer if isinstance(answer, list | tuple) and answer else (answer,)
    return all(isinstance(part, torch.Tensor) and part.dtype == torch.float64 for part in parts)


def assert_gradients(
    got: Any,
    expected: Gradients,
    *,
    rtol: float = 1e-6,
    names: Sequence[str] | None = None,
    judged: Collection[str] | None = None,
) -> None:
    """Raise ``ComparisonFailure`` unless for every gradient max|got - expected| <= rtol * max|expected|.

    Both are mappings by parameter, or sequences in the same order with ``names`` for the message. All are
    compared before the failure is told. ``rtol`` fits float64; see ``GRADIENT_RTOL`` for float32. Where ``judged``
    names some of the parameters, only those can fail; the table of errors shows the others beside them.
    """
    wanted = _by_name(expected, names)
    found = _answered(got, list(wanted), names)
    lines, safe, evidence, kinds = [], [], [], []
    for name, right in wanted.items():
        if judged is not None and name not in judged:
            continue
        problem = _problem(found.get(name), right, rtol)
        said = _("by {name}: {problem}")
        lines.append(said.format(name=name, problem=problem.text if problem else _("right")))
        if problem:
            safe.append(said.format(name=name, problem=problem.told_safely))
            evidence += _evidence(name, found.get(name), right)
            kinds.append(problem.kind)
    if safe:
        wrong = _("The gradient is wrong: {problems}.")
        raise Mismatch(
            wrong.format(problems="; ".join(lines)),
            kind=("gradients", *kinds),
            safe=wrong.format(problems="; ".join(safe)),
            evidence=(*error_table(found, wanted, rtol), *evidence[:4]),
        )


def error_table(got: Mapping[str, Any], expected: Mapping[str, torch.Tensor], rtol: float) -> tuple[Evidence, ...]:
    """Name, relative error and largest error allowed of every gradient; nothing where there is only one."""
    if len(expected) < 2:
        return ()
    rows = tuple((name, _error_text(got.get(name), right), number(rtol)) for name, right in expected.items())
    label = _("relative error of each gradient")
    return (Evidence(label, (len(rows),), "float64", rows, kind="errors"),)


def _error_text(got: Any, expected: torch.Tensor) -> str:
    """The relative error in two digits; ``none`` where there is no tensor of the right shape."""
    if not isinstance(got, torch.Tensor) or got.shape != expected.shape:
        return "none"
    return f"{relative_error(got, expected):.2g}"


def _by_name(gradients: Gradients, names: Sequence[str] | None) -> dict[str, torch.Tensor]:
    if isinstance(gradients, Mapping):
        return dict(gradients)
    labels = names or [argument(i) for i in range(len(gradients))]
    return dict(zip(labels, gradients, strict=True))


def _answered(got: Any, labels: list[str], names: Sequence[str] | None) -> dict[str, Any]:
    """The student's gradients by name; a ComparisonFailure where they cannot be told apart."""
    if isinstance(got, Mapping):
        return dict(got)
    if isinstance(got, torch.Tensor) and len(labels) == 1:
        return {labels[0]: got}
    if not isinstance(got, list | tuple) or len(got) != len(labels):
        text = _("{count} gradients are expected ({names}), but {given} came back.")
        text = text.format(count=len(labels), names=", ".join(labels), given=describe(got))
        raise Mismatch(text, kind=("gradients", "count"), safe=_("The number of gradients is wrong."))
    return dict(zip(labels, got, strict=True))


def _problem(got: Any, expected: torch.Tensor, rtol: float) -> Look | None:
    """What is wrong with one gradient, as a Look; None where it is right."""
    if not isinstance(got, torch.Tensor):
        none = _("there is none")
        other = _("{given} in place of a tensor").format(given=describe(got))
        return Look("missing", none if got is None else other, none)
    if got.shape != expected.shape:
        look = find_look(got, expected)
        text = _("shape {shape} where {wanted} is expected")
        text = text.format(shape=tuple(got.shape), wanted=tuple(expected.shape))
        return Look("shape", text + _likeness(look), _("the shape is wrong") + _likeness(look, safe=True))
    error = relative_error(got, expected)
    if error <= rtol:
        return None
    look = find_look(got, expected)
    text = _("relative error {error}, at most {limit} is allowed")
    text = text.format(error=f"{error:.2g}", limit=f"{rtol:.0e}") + _likeness(look)
    return Look(look.kind if look else "values", text, _("wrong values") + _likeness(look, safe=True))


def relative_error(got: torch.Tensor, expected: torch.Tensor) -> float:
    """max|got - expected| / max|expected| ; the plain maximum where all expected are 0; inf for NaN."""
    a, b = plain(got).to(torch.float64), plain(expected).to(torch.float64)
    if b.numel() == 0:
        return 0.0
    error, scale = float((a - b).abs().max()), float(b.abs().max())
    relative = error / scale if scale > 0 else error
    return relative if relative == relative else float("inf")


def _likeness(look: Look | None, *, safe: bool = False) -> str:
    if look is None:
        return ""
    return " " + _("(it {look})").format(look=look.told_safely if safe else look.text)


def _evidence(name: str, got: Any, expected: torch.Tensor) -> list[Evidence]:
    label = _("gradient by {name}: came back").format(name=name)
    came = [excerpt(label, got)] if isinstance(got, torch.Tensor) else []
    return [*came, excerpt(_("gradient by {name}: expected").format(name=name), expected)]
