"""What the templates of ``reports/templates/serve`` show, as plain records of text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from torchgrade.feedback.words import OUTCOMES, STATUSES, Word, moment, number
from torchgrade.gradebook import Decision, Entry
from torchgrade.gradebook.deciding import MOST_TEXT, WHOLE
from torchgrade.i18n import _, plural
from torchgrade.model import CriterionResult, Outcome, Status, Verdict
from torchgrade.pipeline.final import applies
from torchgrade.serve import forms
from torchgrade.serve.desk import Work
from torchgrade.serve.forms import Typed


@dataclass(frozen=True)
class Row:
    """A student's line in the table of an assignment."""

    id: int
    student: str
    attempt: int
    status: Word
    machine: str
    final: str
    notes: tuple[str, ...]
    waits: int
    released: str
    changed: bool


@dataclass(frozen=True)
class Field:
    """The form's part about one criterion, or about the whole work (``n`` is ``whole``)."""

    n: str
    criterion: str
    title: str
    word: Word | None
    machine: str  # what the machine gave
    most: str
    manual: bool
    points: str
    reason: str
    comment: str
    version: int
    decided: str
    stale: str
    keep: bool
    problem: str
    longest: int = MOST_TEXT

    @property
    def open(self) -> bool:
        """Whether it is unfolded when the page opens."""
        return self.manual or bool(self.decided or self.stale or self.problem)


@dataclass(frozen=True)
class Line:
    """A line of the log."""

    when: str
    iso: str
    who: str
    action: str
    student: str
    criterion: str
    before: str
    after: str


def row(work: Work) -> Row:
    """A student's line."""
    machine, notes = work.standing.verdict, []
    if work.overridden:
        notes.append(
            plural("{count} override", "{count} overrides", work.overridden).format(count=work.overridden)
        )
    if work.stale:
        notes.append(_("decided on an earlier attempt"))
    if any(d.comment and applies(work.final, d) for d in work.decisions.values()):
        notes.append(_("comment"))
    return Row(
        id=work.standing.id,
        student=machine.student,
        attempt=machine.attempt,
        status=STATUSES[machine.status],
        machine=points_of(machine),
        final=points_of(work.final),
        notes=tuple(notes),
        waits=work.waits,
        released=moment(work.release.at) if work.release else "",
        changed=work.changed,
    )


def points_of(verdict: Verdict) -> str:
    """``7.5 of 10 + 0.5``; a dash for what is not judged yet."""
    if verdict.status is Status.BROKEN:
        return "–"
    said = _("{points} of {most}").format(points=number(verdict.points), most=number(verdict.max_points))
    return f"{said} + {number(verdict.bonus)}" if verdict.bonus else said


def fields(
    verdict: Verdict, decisions: Mapping[str, Decision], typed: Mapping[str, Typed], problems: Mapping[str, str]
) -> list[Field]:
    """The form: manual criteria first, then the whole work, then the machine's. ``typed``: not saved yet."""
    made = [
        _field(
            str(n), verdict, result, decisions.get(result.id), typed.get(result.id), problems.get(result.id, "")
        )
        for n, result in enumerate(verdict.criteria)
    ]
    whole = _field(forms.WHOLE, verdict, None, decisions.get(WHOLE), typed.get(WHOLE), problems.get(WHOLE, ""))
    return [*(f for f in made if f.manual), whole, *(f for f in made if not f.manual)]


def _field(
    n: str,
    verdict: Verdict,
    result: CriterionResult | None,
    decision: Decision | None,
    typed: Typed | None,
    problem: str,
) -> Field:
    holds = decision is not None and applies(verdict, decision)
    shown = decision if holds else None
    points = f"{shown.points:.10g}" if shown and shown.points is not None else ""  # exact: it is sent back
    return Field(
        n=n,
        criterion=result.id if result else WHOLE,
        title=_title(result),
        word=OUTCOMES[result.outcome] if result else None,
        machine=_machine(result),
        most=number(result.max_points) if result else "",
        manual=result is not None and result.outcome is Outcome.MANUAL,
        points=typed.points if typed else points,
        reason=typed.reason if typed else shown.reason if shown else "",
        comment=typed.comment if typed else shown.comment if shown else "",
        version=decision.version if decision else 0,
        decided=_decided(decision, result) if decision and holds and _says(decision) else "",
        stale=_stale(decision, verdict) if decision and not holds and _says(decision) else "",
        keep=typed.keep if typed else False,
        problem=problem,
    )


def _title(result: CriterionResult | None) -> str:
    if result is None:
        return _("The whole work")
    title = _(result.title) or result.id
    return _("{title} (bonus)").format(title=title) if result.bonus else title


def _says(decision: Decision) -> bool:
    return decision.points is not None or bool(decision.comment)


def _machine(result: CriterionResult | None) -> str:
    if result is None or result.outcome in (Outcome.MANUAL, Outcome.BROKEN):
        return ""
    return _("{points} of {most}").format(points=number(result.points), most=number(result.max_points))


def _decided(decision: Decision, result: CriterionResult | None) -> str:
    said = _decision(decision)
    moved = result is not None and (decision.machine_outcome, decision.machine_points) != (
        str(result.outcome),
        result.points,
    )
    if moved and result is not None:
        words = _("The grader has changed its mind since: then {before}, now {now}.")
        said += " " + words.format(before=number(decision.machine_points), now=number(result.points))
    return said


def _decision(decision: Decision) -> str:
    when = moment(decision.at)
    if decision.points is None:
        return _("Comment by {who}, {when}.").format(who=decision.who, when=when)
    said = _("{points} points by {who}, {when}.")
    return said.format(points=number(decision.points), who=decision.who, when=when)


def _stale(decision: Decision, verdict: Verdict) -> str:
    parts = [_decision(decision), decision.reason, decision.comment]
    words = _("Decided on attempt {before}; this is attempt {now}. It does not count here until you keep it.")
    parts.append(words.format(before=decision.attempt, now=verdict.attempt))
    return "\n".join(part for part in parts if part)


def line(entry: Entry, titles: Mapping[str, str] | None = None) -> Line:
    """A line of the log."""
    return Line(
        when=moment(entry.at),
        iso=entry.at.astimezone(UTC).isoformat(timespec="seconds"),
        who=entry.who,
        action=_action(entry.action),
        student=entry.student,
        criterion=(titles or {}).get(entry.criterion, entry.criterion) or _("the whole work"),
        before=_values(entry.before),
        after=_values(entry.after),
    )


def _action(action: str) -> str:
    words = {
        "award": _("graded"),
        "override": _("overrode"),
        "withdraw": _("took back"),
        "comment": _("commented"),
        "release": _("released"),
    }
    return words.get(action, action)


def _values(values: Mapping[str, Any]) -> str:
    """What the log keeps, as text: the essential first."""
    parts = []
    if isinstance(machine := values.get("machine"), Mapping):
        parts.append(_("grader: {points}").format(points=number(float(machine.get("points", 0.0)))))
    if isinstance(values.get("points"), int | float):
        parts.append(_("{points} points").format(points=number(float(values["points"]))))
    if values.get("bonus"):
        parts.append(_("+{points} bonus").format(points=number(float(values["bonus"]))))
    parts += [str(values[name]) for name in ("reason", "comment") if values.get(name)]
    return "; ".join(parts) or "–"


def going(run: tuple[datetime, datetime | None] | None, count: int) -> str:
    """How far grading is."""
    told = plural("{count} submission graded", "{count} submissions graded", count).format(count=count)
    if run is None:
        return told
    if run[1] is None:
        goes_on = _("{told}; grading began {when} and has not ended")
        return goes_on.format(told=told, when=moment(run[0]))
    return _("{told}; grading ended {when}").format(told=told, when=moment(run[1]))


def neighbours(works: Sequence[Work], student: str) -> dict[str, Work | None]:
    """The works before and after a student's by name, and the next one that waits for a teacher, going round."""
    at = next((n for n, work in enumerate(works) if work.student == student), 0)
    round_ = [*works[at + 1 :], *works[:at]]
    return {
        "before": works[at - 1] if at > 0 else None,
        "after": works[at + 1] if at + 1 < len(works) else None,
        "waiting": next((work for work in round_ if work.waits or work.stale), None),
    }
