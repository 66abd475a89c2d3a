"""The words, symbols and numbers that every report uses the same way."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from torchgrade.errors import BrokenError
from torchgrade.i18n import _, current
from torchgrade.model import CellReport, CriterionResult, Outcome, Status, Tier, Verdict

# A cell that cannot be read is told with a name that the kernel made up: "expected ':' (918473935.py, line 1)".
_MADE_UP = re.compile(r" \([^()]*, line \d+\)$")
_UNREAD = ("SyntaxError", "IndentationError", "TabError")

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True)
class Word:
    """A word with its symbol: ``tone`` picks a colour (good, part, bad, idle, ours), ``icon`` a drawing."""

    text: str
    tone: str
    icon: str
    meaning: str = ""


class Spoken(Mapping[K, V], Generic[K, V]):
    """A table whose words are those of the language in use when it is asked; made once for each language."""

    def __init__(self, make: Callable[[], dict[K, V]]) -> None:
        self._make = make
        self._made: dict[Any, dict[K, V]] = {}

    def _now(self) -> dict[K, V]:
        words = current()
        if words not in self._made:
            self._made[words] = self._make()
        return self._made[words]

    def __getitem__(self, key: K) -> V:
        return self._now()[key]

    def __iter__(self) -> Iterator[K]:
        return iter(self._now())

    def __len__(self) -> int:
        return len(self._now())


def _outcomes() -> dict[Outcome, Word]:
    return {
        Outcome.PASSED: Word(_("passed"), "good", "check"),
        Outcome.PARTIAL: Word(_("partly right"), "part", "half"),
        Outcome.FAILED: Word(_("failed"), "bad", "cross"),
        Outcome.ERRORED: Word(
            _("raised an error"), "bad", "bang", _("Your code raised an error while it was asked.")
        ),
        Outcome.TIMED_OUT: Word(_("timed out"), "bad", "clock", _("No answer came within the time limit.")),
        Outcome.OUT_OF_MEMORY: Word(
            _("out of memory"), "bad", "chip", _("The answer needed more memory than allowed.")
        ),
        Outcome.SKIPPED: Word(
            _("skipped"), "idle", "skip", _("Not asked, because a criterion it needs did not pass.")
        ),
        Outcome.MANUAL: Word(
            _("waits for a teacher"), "idle", "pen", _("A teacher reads this one; no points yet.")
        ),
        Outcome.BROKEN: Word(
            _("could not be judged"),
            "ours",
            "wrench",
            _(
                "The grader itself failed here. That is not your fault, it costs you nothing, "
                "and it will be judged again."
            ),
        ),
    }


def _statuses() -> dict[Status, Word]:
    return {
        Status.GRADED: Word(_("graded"), "good", "check"),
        Status.UNREADABLE: Word(
            _("unreadable"), "bad", "cross", _("No notebook could be read, so nothing was run.")
        ),
        Status.LIMIT: Word(
            _("limit reached"),
            "part",
            "clock",
            _("The notebook hit a limit; what it had defined by then was still graded."),
        ),
        Status.BROKEN: Word(
            _("not judged yet"),
            "ours",
            "wrench",
            _("That is not your fault. The points below are not final: the submission will be graded again."),
        ),
    }


def _cell_states() -> dict[str, Word]:
    return {
        "error": Word(_("raised an error"), "bad", "bang"),
        "interrupted": Word(_("stopped at the time limit"), "bad", "clock"),
        "killed": Word(_("ended the whole process"), "bad", "cross"),
        "skipped": Word(_("was not run"), "idle", "skip"),
    }


def _tiers() -> dict[str, str]:
    return {
        Tier.FULL: _("full sandbox"),
        Tier.LANDLOCK: _("partial sandbox (files guarded, process not walled off)"),
        Tier.NONE: _("no sandbox"),
    }


OUTCOMES = Spoken(_outcomes)
STATUSES = Spoken(_statuses)
CELL_STATES = Spoken(_cell_states)
TIERS = Spoken(_tiers)


def outcome_word(result: CriterionResult) -> Word:
    """The word for a criterion's outcome."""
    return OUTCOMES[result.outcome]


def cell_word(status: str) -> Word:
    """The word for how a cell ended; an unknown status is told as it is."""
    return CELL_STATES.get(status) or Word(status, "bad", "bang")


def cell_said(report: CellReport) -> str:
    """What stopped a cell: its error, or after how long it was stopped; and the line, where it is known."""
    value = report.error_value
    if report.line and report.error_name in _UNREAD:
        value = _MADE_UP.sub("", value)
    said = f"{report.error_name}: {value}".strip(": ")
    if report.status == "interrupted" and report.seconds > 0:
        said = _("after {time}").format(time=seconds(report.seconds))
    line = _("line {number}").format(number=report.line) if report.line else ""
    return f"{said} ({line})" if line and said else said


def tier_words(tier: str) -> str:
    """The sandbox tier, in words."""
    return TIERS.get(tier, tier)


def number(value: float) -> str:
    """A number as people write it: at most two decimals, no trailing zeros."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def count(n: int, one: str, many: str = "") -> str:
    """``1 check``, ``2 checks``."""
    return f"{n} {one if n == 1 else many or one + 's'}"


def seconds(value: float) -> str:
    """A duration: ``0.31 s``, ``12.4 s``, ``3 min 05 s``."""
    value = measured(value)
    if value >= 99.95:
        return _("{minutes} min {seconds} s").format(minutes=int(value) // 60, seconds=f"{int(value) % 60:02d}")
    return _("{seconds} s").format(seconds=f"{value:.1f}" if value >= 9.995 else f"{value:.2f}")


def measured(value: float) -> float:
    """A measured quantity; what could not be measured (NaN, infinite) counts as 0."""
    return value if math.isfinite(value) else 0.0


def moment(when: datetime) -> str:
    """Date and time to the minute, with the zone where it is known."""
    return f"{when:%Y-%m-%d %H:%M} {when.tzname() or ''}".strip()


def in_order(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Verdicts in the order of every report: by student, then by attempt. Refuses points that are no number:
    that is the engine's fault, and silence would make it a student's grade. Raises BrokenError."""
    ordered = sorted(verdicts, key=lambda v: (v.student.casefold(), v.student, v.attempt))
    for verdict in ordered:
        scores = [verdict.points, verdict.max_points, verdict.bonus]
        scores += [p for c in verdict.criteria for p in (c.points, c.max_points)]
        if not all(math.isfinite(p) for p in scores):
            raise BrokenError(f"the verdict of {verdict.student!r} holds points that are not a finite number")
    return ordered
