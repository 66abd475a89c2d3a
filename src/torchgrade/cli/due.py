"""Until when an assignment is due, as `check` tells it. It refuses nothing: lateness is counted elsewhere."""

from __future__ import annotations

from datetime import datetime

from torchgrade.errors import TorchgradeError
from torchgrade.i18n import _
from torchgrade.model import Assignment
from torchgrade.policy.late import moment_words
from torchgrade.policy.moments import elapsed
from torchgrade.spec import load_policy


def due_line(assignment: Assignment, now: datetime) -> str:
    """One sentence; empty where no date is given. ``now`` has a zone."""
    try:
        due = load_policy(assignment.folder.parent.parent, assignment.id).due
    except TorchgradeError:  # a date that cannot be read keeps nobody from checking
        return ""
    if due is None:
        return ""
    said = _("Due {moment}.") if elapsed(now, due) > 0 else _("It was due {moment}.")
    return said.format(moment=moment_words(due))
