"""How points follow from when and how often work was handed in: pure functions."""

from torchgrade.policy.exceptions import Exceptions, RosterFault, column_faults, exceptions
from torchgrade.policy.judging import Attempt, standing_of
from torchgrade.policy.late import Deadline, Lateness, deadline, lateness
from torchgrade.policy.moments import Span, Written, span, written, zone_named
from torchgrade.policy.rules import Amount, Choice, LateRule, Policy, Step, Unit, amount
from torchgrade.policy.standing import Standing

__all__ = [
    "Amount",
    "Attempt",
    "Choice",
    "Deadline",
    "Exceptions",
    "LateRule",
    "Lateness",
    "Policy",
    "RosterFault",
    "Span",
    "Standing",
    "Step",
    "Unit",
    "Written",
    "amount",
    "column_faults",
    "deadline",
    "exceptions",
    "lateness",
    "span",
    "standing_of",
    "written",
    "zone_named",
]
