"""From a student's attempts, and those of their group, to the one that counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from torchgrade.i18n import _, plural
from torchgrade.policy.exceptions import Exceptions
from torchgrade.policy.late import Lateness, deadline, lateness
from torchgrade.policy.rules import Choice, Policy
from torchgrade.policy.standing import Standing


@dataclass(frozen=True)
class Attempt:
    """One notebook that somebody handed in, and what it earned."""

    student: str
    number: int
    points: float
    max_points: float
    bonus: float = 0.0
    digest: str = ""  # empty: nothing was handed in
    handed_in: datetime | None = None  # with a zone; None: nobody knows
    seen: datetime | None = None  # when the gradebook first saw it, with a zone
    current: bool = False  # what this run graded for its student
    settled: bool = True  # false: something of ours broke, and the points say nothing
    graders: str = ""  # digest of those who judged it


def standing_of(policy: Policy, student: str, attempts: Sequence[Attempt], excepted: Exceptions) -> Standing:
    """What counts for ``student``. ``attempts``: the student's own, or those of all members of the group; one of
    them is the student's current one. Raises ValueError where there is none."""
    own = next(a for a in attempts if a.student == student and a.current)
    if excepted.excused:
        said = _("Excused: it counts neither for nor against.")
        return Standing(0.0, own.points, own.max_points, attempt=own.number, excused=True, because=(said,))
    limit = deadline(policy, excepted.extension)
    counted, notes = _within_limit(policy, _candidates(policy, own, attempts))
    judged = [(a, lateness(policy, limit, a.points, a.handed_in)) for a in counted if a.digest]
    if not judged:
        return Standing(own.points, own.points, own.max_points, own.bonus, attempt=own.number, due=limit.due)
    chosen, left = _choose(policy, own, judged)
    because = (*_which(student, own, chosen, len(judged), policy.choice), *notes, *limit.because, *left.because)
    return Standing(
        points=left.points,
        raw_points=chosen.points,
        max_points=chosen.max_points,
        bonus=0.0 if left.closed else chosen.bonus,
        late_seconds=left.seconds,
        attempt=chosen.number,
        because=because,
        by="" if chosen.student == student else chosen.student,
        due=limit.due,
        handed_in=chosen.handed_in,
    )


def _candidates(policy: Policy, own: Attempt, attempts: Sequence[Attempt]) -> list[Attempt]:
    """Without a word on attempts only what this run graded; each notebook once, however many handed it in."""
    fitting = [a for a in attempts if policy.groups or a.student == own.student]
    if policy.choice is None:
        fitting = [a for a in fitting if a.current]
    same: dict[str, list[Attempt]] = {}
    for attempt in sorted((a for a in fitting if a.digest), key=_when_seen):
        same.setdefault(attempt.digest, []).append(attempt)
    return [_once(own.student, alike) for alike in same.values()]


def _once(student: str, same: list[Attempt]) -> Attempt:
    """One notebook that was handed in more than once: the student's own verdict on it, and its earliest time."""
    kept = next((a for a in same if a.student == student), same[0])
    times = [a.handed_in for a in same if a.handed_in is not None]
    return replace(kept, handed_in=min(times, default=None), current=any(a.current for a in same))


def _when_seen(attempt: Attempt) -> tuple[bool, float, int]:
    moment = attempt.handed_in or attempt.seen
    return moment is None, moment.timestamp() if moment else 0.0, attempt.number


def _within_limit(policy: Policy, attempts: list[Attempt]) -> tuple[list[Attempt], tuple[str, ...]]:
    """The first so many, in the order in which they were handed in; a sentence where others were left out."""
    ordered = sorted(attempts, key=_when_seen)
    beyond = len(ordered) - policy.limit
    if not policy.limit or beyond <= 0:
        return ordered, ()
    said = plural(
        "{count} attempt is allowed; later ones do not count.",
        "{count} attempts are allowed; later ones do not count.",
        policy.limit,
    )
    return ordered[: policy.limit], (said.format(count=policy.limit),)


def _choose(policy: Policy, own: Attempt, judged: list[tuple[Attempt, Lateness]]) -> tuple[Attempt, Lateness]:
    """The best (of equals the last), or the last: what was graded now comes after all that came before."""
    settled = [pair for pair in judged if pair[0].settled] or judged

    def order(pair: tuple[Attempt, Lateness]) -> tuple[bool, tuple[bool, float, int]]:
        return pair[0].current, _when_seen(pair[0])

    if policy.choice is Choice.BEST:
        return max(settled, key=lambda pair: (_worth(*pair), order(pair)))
    return max(judged, key=order)


def _worth(attempt: Attempt, left: Lateness) -> float:
    return left.points + (0.0 if left.closed else attempt.bonus)


def _which(student: str, own: Attempt, chosen: Attempt, count: int, choice: Choice | None) -> tuple[str, ...]:
    """Which attempt counts, where it is not the one that the page shows."""
    said = []
    if chosen.student != student:
        said.append(_("What {student} of your group handed in counts.").format(student=chosen.student))
    elif chosen.digest != own.digest and choice is Choice.BEST:
        said.append(_("Attempt {number} counts: the best of {count}.").format(number=chosen.number, count=count))
    elif chosen.digest != own.digest:
        said.append(_("Attempt {number} counts.").format(number=chosen.number))
    if not chosen.settled:
        said.append(_("It could not be judged yet, so these points are not final."))
    elif chosen.digest != own.digest and own.digest and chosen.graders != own.graders:
        said.append(_("It was judged by an earlier version of the graders."))
    return tuple(said)
