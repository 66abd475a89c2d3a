"""``ci``: the course tests itself. Solutions earn all, untouched handouts nothing, each wrong answer loses the
criteria that it must and gets its hint, and legitimate variants keep their points."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torchgrade.errors import BrokenError, SpecError
from torchgrade.grading import warm
from torchgrade.grading.answers import HEADER_KEYS, KnownAnswer, load_answers, read_trusted
from torchgrade.i18n import LANGUAGES, _
from torchgrade.model import Assignment, Course, Outcome, Status, Tier, Verdict
from torchgrade.notebook import derive_handout, dump, translate_handout
from torchgrade.pipeline import datasets, keys
from torchgrade.pipeline.machine import default_jobs
from torchgrade.pipeline.plan import setup_for
from torchgrade.pipeline.sentences import missing_in
from torchgrade.spec import check_graders, idle_tests, languages_of, speak


@dataclass(frozen=True)
class Finding:
    """One thing that was tried. ``problem`` is empty where it is as it must be."""

    assignment: str
    subject: str  # solution, handout, wrong/<name>, right/<name>
    problem: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class _Case:
    subject: str
    notebook: dict[str, Any]
    judge: Callable[[Assignment, Verdict], str]


def test_course(
    course: Course,
    only: tuple[str, ...] = (),
    *,
    fix: bool = False,
    seeds: int = 1,
    tell: datasets.Tell = datasets.silent,
) -> Iterator[Finding]:
    """Try every assignment (or those named); ``fix`` rewrites stale handouts. Raises SpecError, RoomError.

    ``seeds`` is how often each case is tried, with other hidden inputs each time; ``tell`` hears what takes a
    while before an assignment is tried.
    """
    course = speak(course)
    for assignment in course.assignments:
        if only and assignment.id not in only:
            continue
        check_graders(assignment)
        for idle in idle_tests(assignment):
            yield Finding(assignment.id, "every test judges", str(idle))
        yield _handout_is_fresh(assignment, fix=fix)
        yield from translation_findings(course, assignment)
        for catalogue in sorted((assignment.folder / "locale").glob("*.po")):
            yield _translated_handout_is_fresh(assignment, catalogue, fix=fix)
        yield from _try_cases(course, assignment, seeds, tell)


def _handout_is_fresh(assignment: Assignment, *, fix: bool) -> Finding:
    derived = derive_handout(read_trusted(assignment.solution), assignment.solution)
    return _is_fresh(assignment, "handout is derived from the solution", assignment.handout, derived, fix=fix)


def _translated_handout_is_fresh(assignment: Assignment, catalogue: Path, *, fix: bool) -> Finding:
    """The handout in the language of ``catalogue``, <language>.po: <id>.<language>.ipynb beside the other."""
    subject = f"handout is translated ({catalogue.stem})"
    try:
        derived = derive_handout(read_trusted(assignment.solution), assignment.solution)
        translated = translate_handout(derived, _sentences(catalogue), assignment.handout)
    except SpecError as error:
        return Finding(assignment.id, subject, f"{catalogue}: {error}")
    path = assignment.handout.with_suffix(f".{catalogue.stem}.ipynb")
    return _is_fresh(assignment, subject, path, translated, fix=fix)


def _sentences(catalogue: Path) -> dict[str, str]:
    from babel.messages.pofile import read_po  # wanted by the course test alone

    with catalogue.open(encoding="utf-8") as file:
        return {str(m.id): str(m.string) for m in read_po(file) if m.id and m.string and not m.fuzzy}


def _is_fresh(assignment: Assignment, subject: str, path: Path, derived: dict[str, Any], *, fix: bool) -> Finding:
    there = path.read_text(encoding="utf-8") if path.is_file() else ""
    if dump(derived) == there:
        return Finding(assignment.id, subject)
    if fix:
        path.write_text(dump(derived), encoding="utf-8")
        return Finding(assignment.id, f"{subject} (rewritten)")
    problem = f"{path} is stale; `torchgrade ci --fix` derives it again from the solution"
    return Finding(assignment.id, subject, problem)


def translation_findings(course: Course, assignment: Assignment) -> Iterator[Finding]:
    """Whether every sentence is there, for each language but English that course.yaml promises."""
    for language in languages_of(course.root):
        if language != LANGUAGES[0]:
            yield _is_translated(course, assignment, language)


def _is_translated(course: Course, assignment: Assignment, language: str) -> Finding:
    subject, missing = f"every sentence is there in {language}", missing_in(course, assignment, language)
    if not missing:
        return Finding(assignment.id, subject)
    first, catalogue = missing[0], missing[0].catalogue.relative_to(course.root)
    more = f", and {len(missing) - 1} more: `python -m torchgrade.pipeline.sentences`" if len(missing) > 1 else ""
    return Finding(assignment.id, subject, f"{catalogue} lacks “{first.shown}” (of {first.place}){more}")


def _try_cases(course: Course, assignment: Assignment, seeds: int, tell: datasets.Tell) -> Iterator[Finding]:
    try:
        cases = _cases(assignment)
    except SpecError as error:
        yield Finding(assignment.id, "answers can be read", str(error))
        return
    prepared = datasets.prepare_for(course, assignment, datasets.COURSE_TEST_SEED, tell)
    examiner = warm.start(setup_for(course, assignment, Tier.FULL, prepared))
    pool = concurrent.futures.ThreadPoolExecutor(default_jobs())
    try:
        examiner.wait_ready()
        for number in range(seeds):
            yield from pool.map(lambda case, n=number: _try(assignment, examiner, case, n), cases)
    except BrokenError as error:  # the solution or a wrong answer does not run
        yield Finding(assignment.id, "examiner starts", str(error))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        examiner.close()  # ends what is still examined, so that no thread waits for it
        pool.shutdown(wait=True)


def _try(assignment: Assignment, examiner: warm.Examiner, case: _Case, number: int) -> Finding:
    subject = f"{case.subject}, seed {number + 1}" if number else case.subject
    job = {
        "student": case.subject,
        "assignment": assignment.id,
        "notebook": case.notebook,
        "digest": case.subject,
        "seed": f"{keys.folder_digest(assignment.folder / 'assignment.yaml')}-{number}",
        "versions": keys.versions(),
    }
    try:
        verdict = examiner.examine(job, assignment.limits.examination_seconds)
    except BrokenError as error:
        return Finding(assignment.id, subject, str(error))
    broken = [c for c in verdict.criteria if c.outcome == Outcome.BROKEN]
    if verdict.status == Status.BROKEN:
        said = "; ".join(f"{c.id}: {c.detail.strip().splitlines()[-1] if c.detail else c.message}" for c in broken)
        return Finding(assignment.id, subject, f"broken: {said or verdict.reason}", verdict.seconds)
    return Finding(assignment.id, subject, case.judge(assignment, verdict), verdict.seconds)


def _cases(assignment: Assignment) -> list[_Case]:
    cases = [_Case("solution earns everything", read_trusted(assignment.solution), _earns_all)]
    if assignment.handout.is_file():  # else it is stale, which has been told
        cases.append(_Case("handout earns nothing", read_trusted(assignment.handout), _earns_nothing))
    for answer in load_answers(assignment.graders, "wrong"):
        cases.append(_Case(f"wrong/{answer.slug}", answer.notebook, _loses(answer)))
    for answer in load_answers(assignment.graders, "right"):
        cases.append(_Case(f"right/{answer.slug}", answer.notebook, _keeps(answer)))
    return cases


def _lost(verdict: Verdict) -> set[str]:
    return {c.id for c in verdict.criteria if c.outcome not in (Outcome.PASSED, Outcome.MANUAL)}


def _earns_all(assignment: Assignment, verdict: Verdict) -> str:
    failed = [c for c in verdict.cells if c.status != "ok"]
    if failed:
        return f"cell {failed[0].index + 1} failed: {failed[0].error_name} {failed[0].error_value}"
    lost = _lost(verdict)
    said = "; ".join(f"{c.id}: {c.message}" for c in verdict.criteria if c.id in lost)
    return f"loses {said}" if lost else ""


def _earns_nothing(assignment: Assignment, verdict: Verdict) -> str:
    earned = [c.id for c in verdict.criteria if c.points > 0]
    return f"earns points for {', '.join(earned)}" if earned else ""


def _loses(answer: KnownAnswer) -> Callable[[Assignment, Verdict], str]:
    def judge(assignment: Assignment, verdict: Verdict) -> str:
        if problem := _header_problem(answer, assignment):
            return problem
        if problem := _difference(set(answer.loses), _lost(verdict)):
            return problem
        hinted = {c.hint for c in verdict.criteria}
        if answer.hint and _(answer.hint) not in hinted:
            others = "; ".join(sorted(h for h in hinted if h)) or "none"
            return f"does not get its hint, but: {others}"
        return ""

    return judge


def _keeps(answer: KnownAnswer) -> Callable[[Assignment, Verdict], str]:
    def judge(assignment: Assignment, verdict: Verdict) -> str:
        return _header_problem(answer, assignment) or _difference(set(answer.misses), _lost(verdict))

    return judge


def _header_problem(answer: KnownAnswer, assignment: Assignment) -> str:
    known = {c.id for c in assignment.criteria}
    if strays := {*answer.loses, *answer.misses} - known:
        return f"its header names unknown criteria: {', '.join(sorted(strays))}"
    if answer.strays:
        return f"its header has unknown keys: {', '.join(answer.strays)}; known: {', '.join(HEADER_KEYS)}"
    return ""


def _difference(expected: set[str], lost: set[str]) -> str:
    parts = []
    if kept := expected - lost:
        parts.append(f"should lose {', '.join(sorted(kept))}, but passes")
    if extra := lost - expected:
        parts.append(f"should keep {', '.join(sorted(extra))}, but loses")
    return "; ".join(parts)
