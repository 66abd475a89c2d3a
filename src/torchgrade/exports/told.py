"""One verdict in the words that a platform shows to a student: the platforms' results are made of these."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torchgrade.feedback.clean import one_line, plain, shorten
from torchgrade.feedback.words import OUTCOMES, STATUSES, tier_words
from torchgrade.i18n import _
from torchgrade.model import CriterionResult, Outcome, Status, Verdict, Visibility

_TITLE, _TEXT, _NOTES = 240, 4000, 20


@dataclass(frozen=True)
class Line:
    """A criterion that was judged: title and what is said of it, plain text."""

    result: CriterionResult
    title: str
    said: str

    @property
    def passed(self) -> bool:
        """Whether all of its points were earned."""
        return self.result.outcome is Outcome.PASSED


def lines(verdict: Verdict) -> list[Line]:
    """The criteria that were judged; those that wait for a teacher, or broke, have no place among the scores."""
    uncounted = (Outcome.MANUAL, Outcome.BROKEN)
    return [_line(result) for result in verdict.criteria if result.outcome not in uncounted]


def summary(verdict: Verdict) -> str:
    """What is to be said of the whole, without any points: those of hidden criteria would show in a sum."""
    return "\n".join(_summary(verdict))


def broken(verdict: Verdict) -> bool:
    """Whether no score may follow from this verdict."""
    return verdict.status is Status.BROKEN or any(r.outcome is Outcome.BROKEN for r in verdict.criteria)


def _line(result: CriterionResult) -> Line:
    word = OUTCOMES[result.outcome]
    said = [word.text + (f": {word.meaning}" if word.meaning and not result.message else "")]
    said += [plain(text) for text in (result.message, result.hint) if text.strip()]
    return Line(result, one_line(_(result.title) or result.id, _TITLE), shorten("\n".join(said), _TEXT))


def _summary(verdict: Verdict) -> Iterator[str]:
    if broken(verdict):
        yield _(
            "This work could not be examined. That is not your fault: tell your teacher, who will run it again."
        )
        return
    if verdict.status is not Status.GRADED:
        yield f"{STATUSES[verdict.status].text}: {one_line(verdict.reason, _TEXT)}"
    for note in verdict.notes[:_NOTES]:
        yield one_line(note, _TEXT)
    public = [r for r in verdict.criteria if r.visibility is Visibility.PUBLIC]
    waiting = [r for r in public if r.outcome is Outcome.MANUAL]
    for result in waiting:
        yield _("“{title}” is graded by a teacher.").format(title=one_line(_(result.title), _TITLE))
    if verdict.status is not Status.UNREADABLE:  # otherwise no room was opened
        yield _("Sandbox: {tier}").format(tier=tier_name(verdict))


def tier_name(verdict: Verdict) -> str:
    """How the room was sealed."""
    tier = plain(str(verdict.sandbox))
    words = tier_words(tier)
    return tier if words == tier else f"{tier}, {words}"
