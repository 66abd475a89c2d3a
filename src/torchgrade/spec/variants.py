"""Variants: which classes a student gets follows from columns of the roster by a rule in course.yaml.

The rule changes every year, so it is data. A formula is a column plus or minus a whole number, or a number alone;
nothing is evaluated as Python.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from torchgrade.model import Term, VariantRule
from torchgrade.spec.faults import nearest

#: Columns that the rule reads beside those in its formulas.
TRACK = "track"
_FORMULA = re.compile(r"(?P<column>[^\W\d]\w*)(\s*(?P<sign>[+-])\s*(?P<number>\d{1,6}))?|(?P<alone>\d{1,6})")
_WHOLE = re.compile(r"\d{1,6}")


class VariantError(ValueError):
    """A student's row of the roster gives no variant. ``column`` is the one that is wrong."""

    def __init__(self, column: str, problem: str) -> None:
        super().__init__(problem)
        self.column = column


def parse_term(text: str) -> Term:
    """``group + 15`` as a Term. Raises ValueError with words for the person who wrote it."""
    match = _FORMULA.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"'{text}' is not a formula; write a column plus or minus a number, such as 'group + 15'")
    if match["alone"]:
        return Term("", int(match["alone"]))
    number = int(match["number"] or 0)
    return Term(match["column"], -number if match["sign"] == "-" else number)


def columns_of(rule: VariantRule) -> tuple[str, ...]:
    """The columns of the roster that the formulas read, each once."""
    return tuple(dict.fromkeys(term.column for term in rule.classes if term.column))


def classes_of(rule: VariantRule, fields: Mapping[str, str]) -> tuple[int, ...]:
    """The classes of a student with these fields. Raises VariantError, also where two classes are the same."""
    classes = [_value(term, fields) for term in rule.classes]
    last = _track_class(rule, fields.get(TRACK, ""))
    if last is not None:
        classes[-1] = last
    low, high = rule.within
    for term, number in zip(rule.classes, classes, strict=True):
        if not low <= number <= high:
            raise VariantError(term.column or TRACK, f"class {number} is not one of {low} to {high}")
    if len(set(classes)) < len(classes):
        listed = ", ".join(map(str, classes))
        columns = " and ".join(columns_of(rule))
        raise VariantError(columns, f"two of the classes {listed} are the same; give this student another variant")
    return tuple(classes)


def _value(term: Term, fields: Mapping[str, str]) -> int:
    if not term.column:
        return term.plus
    if term.column not in fields:
        raise VariantError(term.column, f"there is no such column{nearest(term.column, fields)}")
    text = fields[term.column].strip()
    if not _WHOLE.fullmatch(text):
        raise VariantError(term.column, f"must be a whole number, found '{text}'" if text else "is empty")
    return int(text) + term.plus


def _track_class(rule: VariantRule, text: str) -> int | None:
    """The class that takes the last one's place on this track; None on the ordinary one."""
    tracks = {name.casefold(): number for name, number in rule.tracks.items()}
    wanted = text.strip().casefold()
    if wanted and wanted not in tracks:
        raise VariantError(TRACK, f"there is no track '{text.strip()}'{nearest(text, rule.tracks)}")
    return tracks.get(wanted)


def rule_faults(rule: VariantRule) -> Iterable[str]:
    """What is wrong with a rule itself: its default must give classes."""
    try:
        classes_of(rule, rule.default)
    except VariantError as error:
        yield f"{error.column}: {error}"
