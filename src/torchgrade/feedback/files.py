"""Writes the reports of a cohort; every file appears whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from torchgrade.feedback.cohort import render_cohort
from torchgrade.feedback.junit import junit_xml
from torchgrade.feedback.machine import grades_csv, results_document, results_json
from torchgrade.feedback.student import render_student
from torchgrade.feedback.words import in_order
from torchgrade.model import Assignment, Course, Verdict


def write_feedback(
    course: Course, assignment: Assignment, verdicts: Sequence[Verdict], out: Path, *, generated_at: datetime
) -> Path:
    """Write all reports under ``out`` and return ``out/index.html``, which is written last.

    Raises OSError where ``out`` cannot be written, BrokenError where points are not numbers.
    """
    verdicts = in_order(verdicts)
    pages = page_names([v.student for v in verdicts])
    (out / "students").mkdir(parents=True, exist_ok=True)
    for verdict, page in zip(verdicts, pages, strict=True):
        html = render_student(course, assignment, verdict, generated_at=generated_at)
        write_whole(out / "students" / page, html)
    write_whole(out / "results.json", results_json(results_document(assignment, verdicts)))
    write_whole(out / "grades.csv", grades_csv(assignment, verdicts))
    write_whole(out / "junit.xml", junit_xml(assignment, verdicts, generated_at=generated_at))
    index = out / "index.html"
    write_whole(index, render_cohort(course, assignment, verdicts, pages=pages, generated_at=generated_at))
    return index


def page_names(students: Sequence[str]) -> list[str]:
    """File names of the student pages: one each, also where a file system ignores case.

    A student who is there twice gets ``name.html`` and ``name%-2.html``; no encoded name holds ``%-2``.
    """
    from torchgrade.intake import safe_names

    safe = safe_names(students)
    seen: Counter[str] = Counter()
    names = []
    for student in students:
        seen[student] += 1
        again = f"%-{seen[student]}" if seen[student] > 1 else ""
        names.append(f"{safe[student]}{again}.html")
    return names


def write_whole(path: Path, text: str) -> None:
    """Replace ``path`` by ``text`` (UTF-8) in one step; a reader sees the old file or the new one."""
    spare = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        with spare.open("x", encoding="utf-8", newline="") as file:
            file.write(text)
        os.replace(spare, path)
    finally:
        spare.unlink(missing_ok=True)
