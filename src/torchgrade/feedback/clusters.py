"""What many get wrong: known mistakes counted, and answers that no hint knows, with the entry that gives them one.

Nothing is told here that a student's own page would not tell: of a criterion that is not public there is no array.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from torchgrade.feedback.clean import one_line, plain, shorten
from torchgrade.feedback.rubric import ArrayView, criteria_views
from torchgrade.feedback.statistics import order_of
from torchgrade.feedback.words import OUTCOMES, Word
from torchgrade.i18n import _, plural
from torchgrade.model import Assignment, CriterionResult, Verdict

_FEWEST = 2  # students that make a cluster
_MISTAKES, _CLUSTERS, _WITH_ARRAYS, _ENTRIES = 40, 30, 10, 6
_BRIEF = 170  # characters of a message or hint that are read without unfolding
_SAME_ANSWERS = "out-"

Student = tuple[str, str]  # name, page


@dataclass(frozen=True)
class KnownMistake:
    """A mistake that has a hint: where it costs points (numbers of criteria) and whom."""

    key: str
    hint: str
    brief: str  # the hint's beginning
    lost: str
    said: str
    students: tuple[Student, ...]


@dataclass(frozen=True)
class Cluster:
    """Students who are wrong in the same way. ``entry`` is what to write into hints.yaml."""

    said: str
    lost: str
    word: Word
    brief: str  # the message's beginning
    message: str
    arrays: tuple[ArrayView, ...]
    example: str  # whose message and arrays these are
    entry: str
    students: tuple[Student, ...]


def known_mistakes(
    assignment: Assignment, verdicts: Sequence[Verdict], pages: Mapping[int, str]
) -> tuple[KnownMistake, ...]:
    """Mistakes by their key, the most frequent first."""
    found: dict[str, list[tuple[Verdict, CriterionResult]]] = defaultdict(list)
    for verdict in verdicts:
        for result in verdict.criteria:
            if result.mistake:
                found[result.mistake].append((verdict, result))
    made = [_known(assignment, key, pairs, pages) for key, pairs in found.items()]
    return tuple(sorted(made, key=lambda m: (-len(m.students), m.key))[:_MISTAKES])


def _known(
    assignment: Assignment, key: str, pairs: list[tuple[Verdict, CriterionResult]], pages: Mapping[int, str]
) -> KnownMistake:
    students = _students((v for v, _ in pairs), pages)
    return KnownMistake(
        key=one_line(key, 80),
        hint=shorten(plain(pairs[0][1].hint), 1000),
        brief=one_line(pairs[0][1].hint, _BRIEF),
        lost=_numbers(assignment, {r.id for _, r in pairs}),
        said=plural("{count} student", "{count} students", len(students)).format(count=len(students)),
        students=students,
    )


def unknown_answers(
    assignment: Assignment, verdicts: Sequence[Verdict], pages: Mapping[int, str]
) -> tuple[Cluster, ...]:
    """Wrong answers that at least two gave and no hint knows, the most frequent first; a bonus comes last.

    Criteria that the same students lost together are one cluster: one mistake costs many of them.
    """
    found: dict[tuple[str, str], list[tuple[Verdict, CriterionResult]]] = defaultdict(list)
    for verdict in verdicts:
        for result in verdict.criteria:
            if result.fingerprint and not result.mistake:
                found[result.id, result.fingerprint].append((verdict, result))
    together: dict[tuple[bool, tuple[int, ...]], list[list[tuple[Verdict, CriterionResult]]]] = defaultdict(list)
    for pairs in found.values():
        if len(pairs) >= _FEWEST:
            together[pairs[0][1].bonus, tuple(id(v) for v, _ in pairs)].append(pairs)
    order = order_of(assignment)
    by_size = sorted(
        (sorted(parts, key=lambda pairs: _rank(pairs[0][1], order)) for parts in together.values()),
        key=lambda parts: (parts[0][0][1].bonus, -len(parts[0]), _rank(parts[0][0][1], order)),
    )
    return tuple(
        _cluster(assignment, parts, pages, arrays=n < _WITH_ARRAYS) for n, parts in enumerate(by_size[:_CLUSTERS])
    )


def _rank(result: CriterionResult, order: Mapping[str, int]) -> tuple[bool, int, str]:
    """Same answers to the same question say the most, so they speak for a cluster."""
    return not result.fingerprint.startswith(_SAME_ANSWERS), order.get(result.id, 0), result.fingerprint


def _cluster(
    assignment: Assignment,
    parts: list[list[tuple[Verdict, CriterionResult]]],
    pages: Mapping[int, str],
    *,
    arrays: bool,
) -> Cluster:
    pairs = parts[0]
    verdict, result = pairs[0]
    shown = criteria_views([result], everything=False)[0].arrays if arrays else ()
    return Cluster(
        said=_said(result, len(pairs)),
        lost=_numbers(assignment, {part[0][1].id for part in parts}),
        word=OUTCOMES[result.outcome],
        brief=one_line(result.message, _BRIEF),
        message=shorten(plain(result.message), 800),
        arrays=shown,
        example=one_line(verdict.student, 120),
        entry=_entry([part[0][1] for part in parts]),
        students=_students((v for v, _ in pairs), pages),
    )


def _said(result: CriterionResult, count: int) -> str:
    if result.fingerprint.startswith(_SAME_ANSWERS):
        text = plural(
            "{count} student returns the same wrong thing", "{count} students return the same wrong thing", count
        )
    else:
        text = plural(
            "{count} student is wrong in the same kind of way",
            "{count} students are wrong in the same kind of way",
            count,
        )
    return text.format(count=count)


def _entry(results: Iterable[CriterionResult]) -> str:
    """YAML: every value in quotes, for ``no`` and ``1.0`` are no text to YAML."""
    lines, words = ["hints:"], _("What to tell these students.")
    for result in list(results)[:_ENTRIES]:
        lines += [
            '  - key: "name-of-the-mistake"',
            f"    criterion: {json.dumps(one_line(result.id, 80))}",
            f"    fingerprint: {json.dumps(one_line(result.fingerprint, 40))}",
            f"    hint: {json.dumps(words, ensure_ascii=False)}",
        ]
    return "\n".join(lines)


def _numbers(assignment: Assignment, ids: set[str]) -> str:
    order = order_of(assignment)
    return ", ".join(str(order[id]) for id in sorted(ids & order.keys(), key=order.__getitem__))


def _students(verdicts: Iterable[Verdict], pages: Mapping[int, str]) -> tuple[Student, ...]:
    each = {id(v): (one_line(v.student, 120), pages.get(id(v), "")) for v in verdicts}
    return tuple(each.values())
