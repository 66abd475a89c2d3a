"""What a student is told in the end: the machine's verdict with the teacher's decisions beside it."""

from __future__ import annotations

import dataclasses
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from torchgrade.i18n import _
from torchgrade.model import CriterionResult, Outcome, Status, Verdict

if TYPE_CHECKING:
    from torchgrade.gradebook import Decision

_UNCOUNTED = (Outcome.MANUAL, Outcome.BROKEN)
_NOTE = 480  # characters: a longer comment becomes several notes, since a page cuts each of them


def applies(verdict: Verdict, decision: Decision) -> bool:
    """Whether a decision is about this work, and not about an earlier notebook of the student."""
    return decision.notebook_digest == verdict.digests.get("notebook", "")


def final_verdict(verdict: Verdict, decisions: Mapping[str, Decision]) -> Verdict:
    """The verdict with the decisions that apply: points, outcomes and sentences. The given one stays as it is."""
    holding = {criterion: d for criterion, d in decisions.items() if applies(verdict, d)}
    if not holding:
        return verdict
    results = tuple(_final(r, holding[r.id]) if r.id in holding else r for r in verdict.criteria)
    points, most, bonus = _totals(results)
    was_points, was_most, was_bonus = _totals(verdict.criteria)
    settled = verdict.status is Status.BROKEN and all(r.outcome is not Outcome.BROKEN for r in results)
    return dataclasses.replace(
        verdict,
        criteria=results,
        points=round(verdict.points + points - was_points, 6),
        max_points=round(verdict.max_points + most - was_most, 6),
        bonus=round(verdict.bonus + bonus - was_bonus, 6),
        status=Status.GRADED if settled else verdict.status,
        reason="" if settled else verdict.reason,
        notes=(*_comment(holding.get("")), *verdict.notes),
    )


def waiting(verdict: Verdict) -> list[CriterionResult]:
    """Of a final verdict the criteria that no teacher has graded yet, bonus ones included."""
    return [r for r in verdict.criteria if r.outcome is Outcome.MANUAL]


def _totals(results: Sequence[CriterionResult]) -> tuple[float, float, float]:
    counted = [r for r in results if not r.bonus and r.outcome not in _UNCOUNTED]
    bonus = sum(r.points for r in results if r.bonus)
    return sum(r.points for r in counted), sum(r.max_points for r in counted), bonus


def _final(result: CriterionResult, decision: Decision) -> CriterionResult:
    said = "\n".join(_said(result, decision))
    if decision.points is None:
        return dataclasses.replace(result, message=said)
    full = decision.points >= result.max_points
    outcome = Outcome.PASSED if full else Outcome.PARTIAL if decision.points > 0 else Outcome.FAILED
    changes: dict[str, Any] = {"outcome": outcome, "points": decision.points, "message": said}
    if full:  # what would help somebody who lost it misleads somebody who did not
        changes |= {"hint": "", "evidence": ()}
    return dataclasses.replace(result, **changes)


def _said(result: CriterionResult, decision: Decision) -> Iterator[str]:
    if decision.points is not None and result.outcome is Outcome.MANUAL:
        yield _("Graded by a teacher.")
    elif decision.points is not None:
        words = _("A teacher gives {points} of {most} points here; the grader gave {machine}.")
        numbers = {"points": f"{decision.points:g}", "most": f"{result.max_points:g}"}
        yield words.format(**numbers, machine=f"{result.points:g}")
    if decision.reason:
        yield decision.reason
    if decision.comment:
        yield _("Teacher’s comment: {comment}").format(comment=decision.comment)
    if result.message and result.outcome is not Outcome.MANUAL:
        yield _("The grader said: {message}").format(message=result.message)


def _comment(decision: Decision | None) -> Iterator[str]:
    if decision is None or not decision.comment:
        return
    said = _("Teacher’s comment: {comment}").format(comment=decision.comment)
    for paragraph in said.splitlines():
        yield from textwrap.wrap(paragraph, _NOTE)


def decided(verdict: Verdict, decisions: Mapping[str, Decision]) -> dict[str, Any]:
    """What results.json says beside a submission's final points: JSON-like, the machine's points beside the
    teacher's. Empty where nobody decided anything."""
    found = {
        d.criterion: {
            "points": d.points,
            "reason": d.reason,
            "comment": d.comment,
            "machine_points": d.machine_points,
            "machine_outcome": d.machine_outcome,
            "who": d.who,
            "at": d.at.isoformat(timespec="seconds"),
            "applies": applies(verdict, d),
        }
        for d in decisions.values()
    }
    if not found:
        return {}
    machine = {"points": verdict.points, "max_points": verdict.max_points, "bonus": verdict.bonus}
    return {"machine": machine, "decisions": found}
