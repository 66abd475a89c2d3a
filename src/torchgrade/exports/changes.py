"""What an import would change on a platform: one line a student, seen before anything is handed over."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torchgrade.exports.rows import Row, State
from torchgrade.exports.tables import parsed

EXCUSED = "EX"
_WIDTH = 40  # characters of a name in the table


@dataclass(frozen=True)
class Change:
    """A student's cell before and after; ``student`` is ours, ``person`` how the platform calls them."""

    student: str
    person: str
    before: str
    after: str

    @property
    def kind(self) -> str:
        """new, changed, same, excused, or no longer excused."""
        before, after = self.before.strip(), self.after.strip()
        if same_score(before, after):
            return "same"
        if after == EXCUSED:
            return "excused"
        if before.upper() == EXCUSED:
            return "no longer excused"
        return "changed" if before not in ("", "-") else "new"


@dataclass(frozen=True)
class Filled:
    """What is to be written, what it would change, and what the teacher is told beside it."""

    content: bytes
    changes: tuple[Change, ...]
    notes: tuple[str, ...]


def same_score(before: str, after: str) -> bool:
    """Whether a platform would see no difference: it compares to two decimals."""
    if before.upper() == after.upper():
        return True
    was, will = parsed(before), parsed(after)
    return was is not None and will is not None and math.isclose(was, will, abs_tol=0.005)


def left_alone(rows: Sequence[Row], consequence: str = "; left as they are") -> Iterator[str]:
    """A sentence for each reason not to hand a grade on, with the names."""
    reasons = {
        State.WAITING: "waiting for a teacher (`torchgrade serve`)",
        State.BROKEN: "not judged, which is our fault (`torchgrade grade` tries again)",
        State.MISSING: "in the roster, but without a verdict",
    }
    for state, words in reasons.items():
        names = [row.student for row in rows if row.state is state]
        if names:
            yield f"{words}{consequence}: {listed(names)}"


def listed(names: Sequence[str], most: int = 8) -> str:
    """Some names and how many more."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def diff_table(changes: Sequence[Change]) -> Iterator[str]:
    """Lines for a terminal: who, before, after, what that is; those that change first, then a count of each."""
    shown = [c for c in changes if c.kind != "same"]
    cells = [("student", "before", "after", "")] + [
        (_cut(_who(c)), c.before or "(blank)", c.after, c.kind) for c in shown
    ]
    wide = [max(len(row[i]) for row in cells) for i in range(3)]
    for name, before, after, kind in cells if shown else ():
        yield f"{name:{wide[0]}}  {before:>{wide[1]}}  {after:>{wide[2]}}  {kind}".rstrip()
    counts = Counter(c.kind for c in changes)
    yield ", ".join(f"{count} {kind}" for kind, count in counts.most_common()) or "nothing to hand over"


def _who(change: Change) -> str:
    same = change.person in ("", change.student)
    return change.student if same else f"{change.student} ({change.person})"


def _cut(name: str) -> str:
    return name if len(name) <= _WIDTH else name[: _WIDTH - 1] + "…"
