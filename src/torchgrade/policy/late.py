"""What being late takes off."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from torchgrade.i18n import _, plural
from torchgrade.policy.moments import Span, days_begun, elapsed, hours_begun
from torchgrade.policy.rules import Amount, LateRule, Policy, Unit


@dataclass(frozen=True)
class Deadline:
    """When work is due for one student. ``due`` None: never."""

    due: datetime | None
    because: tuple[str, ...] = ()


@dataclass(frozen=True)
class Lateness:
    """What is left of the points, and why. ``closed``: it came so late that it counts nothing."""

    points: float
    seconds: float = 0.0
    because: tuple[str, ...] = ()
    closed: bool = False


def deadline(policy: Policy, extension: Span | datetime | None = None) -> Deadline:
    """The due date with the student's extension, then with the grace. An extension never makes it earlier."""
    if policy.due is None:
        return Deadline(None)
    due, because = policy.due, []
    if extension is not None:
        longer = extension.after(due) if isinstance(extension, Span) else extension.astimezone(due.tzinfo)
        if elapsed(due, longer) > 0:
            due = longer
            because.append(_("Extended to {moment}.").format(moment=moment_words(due)))
    return Deadline(policy.grace.after(due), tuple(because))


def lateness(policy: Policy, limit: Deadline, earned: float, handed_in: datetime | None) -> Lateness:
    """What is left of ``earned`` points of work that was handed in then. At the deadline itself it is in time."""
    if limit.due is None:
        return Lateness(earned)
    if handed_in is None:
        return Lateness(earned, because=(_("When it was handed in is not known, so nothing is taken off."),))
    seconds = elapsed(limit.due, handed_in)
    if seconds <= 0:
        return Lateness(earned)
    said = _("Handed in {time} after the deadline, {due}").format(
        time=span_words(seconds), due=moment_words(limit.due)
    )
    rule = policy.late
    if rule is None:
        return Lateness(earned, seconds, (_("{said}; nothing is taken off.").format(said=said),))
    if rule.closed is not None and elapsed(rule.closed.after(limit.due), handed_in) > 0:
        because = _("{said}; by then nothing was accepted, so it counts nothing.").format(said=said)
        return Lateness(0.0, seconds, (because,), closed=True)
    minus, words = _taken(rule, limit.due, handed_in)
    left = min(earned, max(earned - minus.of(earned), rule.floor.of(earned), 0.0))
    lost = round(earned - left, 6)
    because = _("{said}: {rule}, here {lost}.").format(said=said, rule=words, lost=_points_words(lost))
    return Lateness(round(left, 6), seconds, (because,))


def _taken(rule: LateRule, due: datetime, handed_in: datetime) -> tuple[Amount, str]:
    if rule.steps:
        begun = [step for step in rule.steps if elapsed(step.after.after(due), handed_in) > 0]
        minus = begun[-1].minus if begun else Amount()
        return minus, _("minus {amount}").format(amount=amount_words(minus))
    if rule.per is Unit.HOUR:
        count = hours_begun(due, handed_in)
        words = plural(
            "{count} hour begun, minus {amount} each", "{count} hours begun, minus {amount} each", count
        )
    else:
        count = days_begun(due, handed_in)
        words = plural("{count} day begun, minus {amount} each", "{count} days begun, minus {amount} each", count)
    minus = Amount(rule.minus.points * count, rule.minus.share * count)
    return minus, words.format(count=count, amount=amount_words(rule.minus))


def amount_words(amount: Amount) -> str:
    """``10 %`` or ``0.5 points``."""
    if amount.share:
        return f"{100 * amount.share:g} %"
    return _points_words(amount.points)


def _points_words(points: float) -> str:
    count = round(points) if points == round(points) else 2  # what is no whole number is spoken of like two
    return plural("{count} point", "{count} points", count).format(count=f"{points:g}")


def moment_words(moment: datetime) -> str:
    """``2026-03-01 23:59 Europe/Moscow``."""
    zone = getattr(moment.tzinfo, "key", "") or str(moment.tzinfo)
    return f"{moment:%Y-%m-%d %H:%M}{f':{moment:%S}' if moment.second else ''} {zone}"


def span_words(seconds: float) -> str:
    """The two largest units that matter: ``2 d 3 h``, ``1 h 5 min``, ``42 s``."""
    whole = max(int(seconds), 1)
    days, hours, minutes = whole // 86_400, whole // 3600 % 24, whole // 60 % 60
    if days:
        parts = [_("{count} d").format(count=days), _("{count} h").format(count=hours) if hours else ""]
    elif hours:
        parts = [_("{count} h").format(count=hours), _("{count} min").format(count=minutes) if minutes else ""]
    elif minutes:
        parts = [_("{count} min").format(count=minutes)]
    else:
        parts = [_("{count} s").format(count=whole)]
    return " ".join(filter(None, parts))
