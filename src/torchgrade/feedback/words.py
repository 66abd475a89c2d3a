"""The words, symbols and numbers that every report uses the same way."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from torchgrade.errors import BrokenError
from torchgrade.model import CriterionResult, Outcome, Status, Tier, Verdict


@dataclass(frozen=True)
class Word:
    """A word with its symbol: ``tone`` picks a colour (good, part, bad, idle, ours), ``icon`` a drawing."""

    text: str
    tone: str
    icon: str
    meaning: str = ""


OUTCOMES: dict[Outcome, Word] = {
    Outcome.PASSED: Word("passed", "good", "check"),
    Outcome.PARTIAL: Word("partly right", "part", "half"),
    Outcome.FAILED: Word("failed", "bad", "cross"),
    Outcome.ERRORED: Word("raised an error", "bad", "bang", "Your code raised an error while it was asked."),
    Outcome.TIMED_OUT: Word("timed out", "bad", "clock", "No answer came within the time limit."),
    Outcome.OUT_OF_MEMORY: Word("out of memory", "bad", "chip", "The answer needed more memory than allowed."),
    Outcome.SKIPPED: Word("skipped", "idle", "skip", "Not asked, because a criterion it needs did not pass."),
    Outcome.MANUAL: Word("waits for a teacher", "idle", "pen", "A teacher reads this one; no points yet."),
    Outcome.BROKEN: Word(
        "could not be judged",
        "ours",
        "wrench",
        "The grader itself failed here. That is not your fault, it costs you nothing, "
        "and it will be judged again.",
    ),
}

STATUSES: dict[Status, Word] = {
    Status.GRADED: Word("graded", "good", "check"),
    Status.UNREADABLE: Word("unreadable", "bad", "cross", "No notebook could be read, so nothing was run."),
    Status.LIMIT: Word(
        "limit reached", "part", "clock", "The notebook hit a limit; what it had defined by then was still graded."
    ),
    Status.BROKEN: Word(
        "not judged yet",
        "ours",
        "wrench",
        "That is not your fault. The points below are not final: the submission will be graded again.",
    ),
}

CELL_STATES: dict[str, Word] = {
    "error": Word("raised an error", "bad", "bang"),
    "interrupted": Word("stopped at the time limit", "bad", "clock"),
    "killed": Word("ended the whole process", "bad", "cross"),
    "skipped": Word("was not run", "idle", "skip"),
}

TIERS: dict[str, str] = {
    Tier.FULL: "full sandbox",
    Tier.LANDLOCK: "partial sandbox (files guarded, process not walled off)",
    Tier.NONE: "no sandbox",
}


def outcome_word(result: CriterionResult) -> Word:
    """The word for a criterion's outcome."""
    return OUTCOMES[result.outcome]


def cell_word(status: str) -> Word:
    """The word for how a cell ended; an unknown status is told as it is."""
    return CELL_STATES.get(status) or Word(status, "bad", "bang")


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
        return f"{int(value) // 60} min {int(value) % 60:02d} s"
    return f"{value:.1f} s" if value >= 9.995 else f"{value:.2f} s"


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
