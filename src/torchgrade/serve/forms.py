"""Forms as they come from a browser: bounded, plain, and each field with a sentence where it cannot be read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from torchgrade.feedback.clean import plain
from torchgrade.gradebook import Wish
from torchgrade.i18n import _

MOST_BYTES = 400_000
_MOST_FIELDS = 2_000
_NUMBER = re.compile(r"-?\d{1,6}(?:[.,]\d{1,6})?")
WHOLE = "whole"  # the suffix of the fields about the whole work


@dataclass(frozen=True)
class Typed:
    """What a teacher typed about one criterion, as it was typed. ``problem`` says why it cannot be meant."""

    criterion: str
    points: str = ""
    reason: str = ""
    comment: str = ""
    version: int = 0
    keep: bool = False
    problem: str = ""

    @property
    def wish(self) -> Wish:
        """The same for the gradebook. Only where there is no problem."""
        points = float(self.points.replace(",", ".")) if self.points else None
        return Wish(self.criterion, points, self.reason, self.comment, self.version, self.keep)


def fields_of(body: bytes) -> dict[str, str]:
    """A form's fields. Raises ValueError for too many."""
    text = body.decode("utf-8", "replace")
    return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="replace"))


def typed(fields: Mapping[str, str], criteria: Sequence[str]) -> dict[str, Typed]:
    """What was typed about these criteria, and by ``""`` about the whole work; only what the form has."""
    places = {WHOLE: "", **{str(n): criterion for n, criterion in enumerate(criteria)}}
    return {
        criterion: _typed(fields, n, criterion)
        for n, criterion in places.items()
        if fields.get(f"id-{n}") == criterion
    }


def _typed(fields: Mapping[str, str], n: str, criterion: str) -> Typed:
    points = fields.get(f"points-{n}", "").strip()
    version = fields.get(f"version-{n}", "")
    wrong = bool(points) and not _NUMBER.fullmatch(points)
    return Typed(
        criterion=criterion,
        points=points[:40],
        reason=_text(fields.get(f"reason-{n}", "")),
        comment=_text(fields.get(f"comment-{n}", "")),
        version=int(version) if version.isdecimal() and len(version) < 10 else 0,
        keep=fields.get(f"keep-{n}") == "yes",
        problem=_("“{typed}” is not a number of points.").format(typed=points[:40]) if wrong else "",
    )


def _text(text: str) -> str:
    return plain(text).strip()
