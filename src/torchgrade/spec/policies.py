"""What course.yaml and assignment.yaml say about dates, lateness and attempts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timezone, tzinfo
from typing import Annotated, Any, Literal, Protocol

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from torchgrade.policy import (
    Amount,
    Choice,
    LateRule,
    Policy,
    Span,
    Step,
    Unit,
    Written,
    amount,
    span,
    written,
    zone_named,
)
from torchgrade.spec.faults import Fault

#: Keys of assignment.yaml that no verdict depends on: changing them grades nothing again.
KEYS = ("due", "late", "grace", "attempts", "groups")


def _read(reader: Callable[[object], Any]) -> BeforeValidator:
    return BeforeValidator(reader)


def _zone(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("must be the name of a time zone, such as Europe/Moscow")
    zone_named(value.strip())
    return value.strip()


def _is_late(value: object) -> object:
    """``late: none`` where the course has a rule and this assignment has none."""
    return {} if value is False or value == "none" else value


def _is_attempts(value: object) -> object:
    return {"count": value} if isinstance(value, str) else value


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, arbitrary_types_allowed=True)


Minus = Annotated[Amount, _read(amount)]
Time = Annotated[Span, _read(span)]
Due = Annotated[Written, _read(written)]


class StepSpec(_Strict):
    """One step of a late penalty."""

    after: Time
    minus: Minus


class LateSpec(_Strict):
    """What being late costs."""

    minus: Minus | None = None
    per: Literal["hour", "day"] | None = None
    steps: list[StepSpec] = Field(default_factory=list)
    floor: Minus = Amount()
    closed: Time | None = None

    def rule(self) -> LateRule | None:
        """The record of it; None where nothing is ever taken off."""
        if self.minus is None and not self.steps and self.closed is None:
            return None
        steps = tuple(Step(s.after, s.minus) for s in self.steps)
        return LateRule(self.minus or Amount(), Unit(self.per or "day"), steps, self.floor, self.closed)


class AttemptsSpec(_Strict):
    """Which attempt counts, of how many."""

    count: Literal["best", "last"] = "last"
    limit: Annotated[int, Field(ge=1, le=1000)] | None = None


Late = Annotated[LateSpec | None, BeforeValidator(_is_late)]
Attempts = Annotated[AttemptsSpec | None, BeforeValidator(_is_attempts)]


class PolicySpec(_Strict):
    """course.yaml: what holds for every assignment that says nothing else."""

    zone: Annotated[str, BeforeValidator(_zone)] | None = None
    grace: Time | None = None
    late: Late = None
    attempts: Attempts = None

    def found_zone(self) -> tzinfo | None:
        """The zone itself."""
        return zone_named(self.zone) if self.zone else None


class DatedSpec(Protocol):
    """The keys of an assignment that are about dates and attempts."""

    @property
    def due(self) -> Written | None: ...
    @property
    def grace(self) -> Span | None: ...
    @property
    def late(self) -> LateSpec | None: ...
    @property
    def attempts(self) -> AttemptsSpec | None: ...
    @property
    def groups(self) -> bool: ...


def policy_of(course: PolicySpec, own: DatedSpec) -> Policy:
    """The assignment's rules over the course's. Raises ValueError where the due date has no zone."""
    late = own.late if own.late is not None else course.late
    attempts = own.attempts or course.attempts
    return Policy(
        due=_due(own.due, course.found_zone()) if own.due else None,
        grace=own.grace or course.grace or Span(),
        late=late.rule() if late is not None else None,
        choice=Choice(attempts.count) if attempts else None,
        limit=(attempts.limit or 0) if attempts else 0,
        groups=own.groups,
        zone=course.zone or "",
    )


def _due(due: Written, zone: tzinfo | None) -> datetime:
    """An offset alone knows no clock that is put forward or back: days are then counted by the course's."""
    moment = due.at(zone)
    return moment.astimezone(zone) if zone is not None and isinstance(moment.tzinfo, timezone) else moment


def late_faults(late: LateSpec | None, loc: tuple[str, ...]) -> Iterator[Fault]:
    """What the keys of ``late`` say against each other."""
    if late is None:
        return
    if late.steps and (late.minus is not None or late.per is not None):
        yield (*loc, "steps"), "say either `minus` and `per`, or `steps`"
    elif (late.minus is None) != (late.per is None):
        missing, there = ("minus", "per") if late.minus is None else ("per", "minus")
        yield (*loc, there), f"`{missing}` is missing: such as `minus: 10 %` with `per: day`"
    for i, (before, step) in enumerate(zip(late.steps, late.steps[1:], strict=False), 1):
        if _length(step.after) <= _length(before.after):
            yield (*loc, "steps", i, "after"), "steps must come in the order of time"


def due_faults(course: PolicySpec, own: DatedSpec) -> Iterator[Fault]:
    """A due date that no clock shows, or without a zone where the course names none."""
    try:
        policy_of(course, own)
    except ValueError as error:
        yield ("due",), str(error)


def _length(found: Span) -> float:
    return found.days * 86_400 + found.seconds


def text_without_policy(text: str) -> str:
    """The text of an assignment.yaml without the lines of KEYS: what verdicts may depend on.

    It has been read before, so it is YAML; where all stands on one line, it is left as it is.
    """
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(node, yaml.MappingNode) or node.flow_style:
        return text
    lines = text.splitlines(keepends=True)
    begins = [int(key.start_mark.line) for key, _value in node.value]
    for (key, _value), begin, end in reversed(
        list(zip(node.value, begins, [*begins[1:], len(lines)], strict=True))
    ):
        if key.value in KEYS:
            del lines[begin:end]
    return "".join(lines)
