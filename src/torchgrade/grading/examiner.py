"""One examination from a submission to a verdict. Runs in a process of its own, forked from a warm one."""

from __future__ import annotations

import dataclasses
import os
import time
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from torchgrade.errors import BrokenError, RoomError
from torchgrade.grading.attempt import Attempt, OpenRoom
from torchgrade.grading.desk import Desk
from torchgrade.grading.examinee import RoomExaminee
from torchgrade.grading.judge import Mistake, judge_criterion, public_part, totals
from torchgrade.grading.records import TestRecord
from torchgrade.i18n import _
from torchgrade.model import Assignment, CriterionResult, Outcome, Status, Tier, Verdict
from torchgrade.sandbox import policy as policies
from torchgrade.sandbox.plain import PlainRoom
from torchgrade.sandbox.room import Zygote, make_request
from torchgrade.sandbox.wanted import wanted_by


@dataclass(frozen=True)
class Job:
    """One submission to examine. Plain data: it crosses from the harness to an examiner."""

    student: str
    assignment: str
    notebook: dict[str, Any]
    digest: str
    attempt: int = 1
    seed: str = ""  # hex; drawn from the course's secret for this student and notebook
    tier: str = Tier.FULL
    public_only: bool = False
    device: str = "cpu"
    threads: int = 1
    gpu: str = ""  # what CUDA_VISIBLE_DEVICES is to say
    gpu_fraction: float = 1.0  # of its memory, for the room
    gpu_memory_mb: int = 0  # of it for the room by the driver's count; 0: not watched
    notes: tuple[str, ...] = ()
    fields: dict[str, str] = field(default_factory=dict)  # the student's columns of the roster
    digests: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)


def examine(desk: Desk, job: Job, zygote: Zygote | None) -> Verdict:
    """The verdict on one submission. Never raises for what a student did; an engine fault gives ``broken``."""
    begin = time.monotonic()
    assignment = desk.assignment
    os.environ["CUDA_VISIBLE_DEVICES"] = job.gpu  # graders measure on the GPU on which the student trained
    if job.public_only:
        assignment = dataclasses.replace(assignment, criteria=public_part(assignment))
    attempt = Attempt(_opener(desk, job, zygote), job.notebook, assignment.limits, assignment.files)
    try:
        attempt.run()
        results = results_of(desk, assignment, job, attempt)
        verdict = verdict_of(assignment, job, attempt, results)
    except (RoomError, BrokenError) as error:
        verdict = broken(assignment, job, str(error))
    finally:
        attempt.close()
    return dataclasses.replace(
        verdict,
        seconds=round(time.monotonic() - begin, 4),
        peak_memory_mb=round(attempt.peak_memory_mb, 1),
        sandbox=attempt.tier or job.tier,
    )


def _opener(desk: Desk, job: Job, zygote: Zygote | None) -> OpenRoom:
    limits = desk.assignment.limits
    if zygote is None:
        return partial(PlainRoom.open, threads=job.threads, data_root=_room_root(desk))
    return lambda: zygote.open(
        make_request(
            policies.OF_TIER[Tier(job.tier)],
            limits,
            wall_seconds=limits.examination_seconds,
            threads=job.threads,
            gpu=job.device.startswith("cuda"),
            gpu_fraction=job.gpu_fraction,
            gpu_memory_mb=job.gpu_memory_mb,
            hidden=desk.hidden,
            data_root=_room_root(desk),
            wanted=wanted_by(_sources(job.notebook)),
        )
    )


def _sources(notebook: dict[str, Any]) -> str:
    return "\n".join(str(cell.get("source", "")) for cell in notebook.get("cells", ()))


def _room_root(desk: Desk) -> str:
    return str(desk.data.room_root) if desk.data else ""


def results_of(desk: Desk, assignment: Assignment, job: Job, attempt: Attempt) -> tuple[CriterionResult, ...]:
    """What the graders find by asking an attempt that has run. Call it inside ``desk.open``."""
    student = RoomExaminee(attempt, assignment)
    found = desk.plugin.examine(
        student, seed=job.seed, device=job.device, fields=job.fields, criteria=assignment.criteria
    )
    lost = {r.criterion for r in found if r.outcome != Outcome.PASSED}

    def known_mistake(record: TestRecord) -> Mistake | None:
        found = desk.mistakes.recognise(record.criterion, record.calls, lost, student)
        return Mistake(found.slug, found.hint) if found else None

    results = []
    for criterion in assignment.criteria:
        records = [r for r in found if r.criterion == criterion.id]
        result = judge_criterion(criterion, records, known_mistake, desk.hints)
        if result.outcome == Outcome.BROKEN and not records and desk.import_errors:
            result = dataclasses.replace(result, detail=desk.import_errors)
        results.append(result)
    return tuple(results)


def verdict_of(
    assignment: Assignment, job: Job, attempt: Attempt, results: tuple[CriterionResult, ...]
) -> Verdict:
    """The verdict that these results come to."""
    points, most, bonus = totals(results)
    status, reason = Status.GRADED, ""
    if limit := attempt.limit_hit:
        status, reason = Status.LIMIT, limit
    if any(r.outcome == Outcome.BROKEN for r in results):
        status, reason = Status.BROKEN, _("a grader failed; this is not the student's fault")
    cut = _("some output was left out: there was too much of it")
    notes = (*job.notes, cut) if attempt.outputs_cut else job.notes
    return Verdict(
        student=job.student,
        assignment=assignment.id,
        status=status,
        points=points,
        max_points=most,
        bonus=bonus,
        criteria=results,
        cells=tuple(attempt.cells),
        reason=reason,
        notes=notes,
        device=job.device,
        attempt=job.attempt,
        seed=job.seed,
        digests=job.digests,
        versions=job.versions,
        limits=assignment.limits,
        notebook=_as_plain(attempt.notebook),
    )


def _as_plain(notebook: Any) -> dict[str, Any]:
    """The executed notebook without nbformat's own classes."""
    import json

    return dict(json.loads(json.dumps(notebook, default=str)))


def broken(assignment: Assignment, job: Job, reason: str) -> Verdict:
    """A verdict that says that we failed: no criterion could be examined, and none costs a point."""
    results = tuple(
        CriterionResult(
            c.id, _(c.title), Outcome.BROKEN, 0.0, c.points, c.bonus, c.visibility,
            _("this could not be examined; that is not your fault and costs you nothing"),
        )
        for c in assignment.criteria
    )  # fmt: skip
    return Verdict(
        student=job.student,
        assignment=assignment.id,
        status=Status.BROKEN,
        points=0.0,
        max_points=0.0,  # what could not be judged neither earns nor costs
        bonus=0.0,
        criteria=results,
        reason=reason,
        notes=job.notes,
        device=job.device,
        sandbox=job.tier,
        attempt=job.attempt,
        seed=job.seed,
        digests=job.digests,
        versions=job.versions,
        limits=assignment.limits,
    )
