"""Writes the reports of a cohort; every file appears whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from torchgrade.feedback.cohort import render_cohort
from torchgrade.feedback.junit import junit_xml
from torchgrade.feedback.machine import grades_csv, results_document, results_json
from torchgrade.feedback.pairs import render_pairs
from torchgrade.feedback.similar import Pair
from torchgrade.feedback.student import render_student
from torchgrade.feedback.templates import compile_all
from torchgrade.feedback.templates import folder as template_folder
from torchgrade.feedback.words import in_order
from torchgrade.i18n import language
from torchgrade.model import Assignment, Course, Verdict
from torchgrade.policy import Standing


class FeedbackWriter:
    """Writes the reports of one run: a student's page as soon as there is a verdict, the cohort's at the end.

    A page that an earlier run wrote for the same key, by the same code, is left as it is: ``out/.pages.json`` says
    which are there. No student is there twice. ``groups`` tells the group of some students, ``standings`` what
    counts of their points; a page that tells of it has a key that begins with its verdict's and a blank.

    Methods raise OSError where ``out`` cannot be written, BrokenError where points are no numbers.
    """

    def __init__(
        self,
        course: Course,
        assignment: Assignment,
        out: Path,
        students: Iterable[str],
        *,
        groups: Mapping[str, str] | None = None,
        standings: Mapping[str, Standing] | None = None,
        generated_at: datetime,
    ) -> None:
        self.course, self.assignment, self.out, self.generated_at = course, assignment, out, generated_at
        self.groups = dict(groups or {})
        self.standings = standings  # may be put in later, when all is known that it depends on
        self.index = out / "index.html"
        ordered = sorted(students, key=lambda s: (s.casefold(), s))
        self._pages = dict(zip(ordered, page_names(ordered), strict=True))
        self._current = frozenset(self._pages.values())
        told = f"{course.title} {course.year} {course.language} {assignment.title} {language()}"
        self._stamp = f"{_code_digest()} {told}"
        self._record = out / ".pages.json"
        self._written = self._read_record()
        (out / "students").mkdir(parents=True, exist_ok=True)
        compile_all()

    def has(self, key: str) -> bool:
        """Whether the page of the verdict with this key is there and as it would be written now."""
        page = self._written.get(key)
        return page in self._current and (self.out / "students" / str(page)).is_file()

    def forget(self, keys: Iterable[str]) -> None:
        """These verdicts will be reached anew: should this process be killed, their pages are not trusted."""
        wanted = set(keys)
        pages = [key for key in self._written if key.partition(" ")[0] in wanted]
        gone = [self._written.pop(key) for key in pages]
        if gone:
            self._write_record()

    def student(self, key: str, verdict: Verdict) -> None:
        """Write a student's page; ``verdict`` carries its notebook."""
        page = self._pages[verdict.student]
        standing = (self.standings or {}).get(verdict.student)
        html = render_student(
            self.course, self.assignment, verdict, standing=standing, generated_at=self.generated_at
        )
        write_whole(self.out / "students" / page, html)
        self._written[key] = page

    def cohort(self, verdicts: Sequence[Verdict], pairs: Sequence[Pair] | None = None) -> None:
        """Write the files about all; ``index.html`` comes last. Pages of those who left the cohort go, and so does
        that of similar notebooks where nobody looked for them (``pairs`` is None)."""
        verdicts = in_order(verdicts)
        pages = [self._pages[v.student] for v in verdicts]
        self._remove_strays(set(pages))
        write_whole(self.out / "results.json", results_json(self.document(verdicts)))
        write_whole(self.out / "grades.csv", grades_csv(self.assignment, verdicts, self.standings))
        junit = junit_xml(self.assignment, verdicts, generated_at=self.generated_at)
        write_whole(self.out / "junit.xml", junit)
        self._pairs(pairs)
        self._write_record()
        html = render_cohort(
            self.course,
            self.assignment,
            verdicts,
            pages=pages,
            groups=self.groups,
            standings=self.standings,
            pairs=pairs,
            generated_at=self.generated_at,
        )
        write_whole(self.index, html)

    def document(self, verdicts: Sequence[Verdict]) -> dict[str, Any]:
        """What results.json holds of these verdicts."""
        return results_document(self.assignment, verdicts, self.standings)

    def _pairs(self, pairs: Sequence[Pair] | None) -> None:
        path = self.out / "similar.html"
        if pairs:
            html = render_pairs(self.course, self.assignment, pairs, self._pages, generated_at=self.generated_at)
            write_whole(path, html)
        else:
            path.unlink(missing_ok=True)  # an older one would speak of notebooks that are no longer these

    def _remove_strays(self, pages: set[str]) -> None:
        """Only what an earlier run says it wrote is ever removed."""
        for key, page in list(self._written.items()):
            if page not in pages:
                (self.out / "students" / page).unlink(missing_ok=True)
                del self._written[key]

    def _read_record(self) -> dict[str, str]:
        try:
            said = json.loads(self._record.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        known = isinstance(said, dict) and said.get("stamp") == self._stamp
        pages = said.get("pages") if known else None
        if not isinstance(pages, dict):
            return {}
        return {k: p for k, p in pages.items() if isinstance(p, str) and Path(p).name == p}

    def _write_record(self) -> None:
        newest = {page: key for key, page in self._written.items()}  # a page holds one verdict
        pages = {key: page for page, key in newest.items()}
        write_whole(self._record, json.dumps({"stamp": self._stamp, "pages": pages}))


def write_feedback(
    course: Course, assignment: Assignment, verdicts: Sequence[Verdict], out: Path, *, generated_at: datetime
) -> Path:
    """Write all reports of these verdicts under ``out`` and return ``out/index.html``, which is written last.

    Raises OSError where ``out`` cannot be written, BrokenError where points are not numbers.
    """
    writer = FeedbackWriter(course, assignment, out, [v.student for v in verdicts], generated_at=generated_at)
    for number, verdict in enumerate(in_order(verdicts)):
        writer.student(f"{number}", verdict)
    writer.cohort(verdicts)
    return writer.index


@cache
def _code_digest() -> str:
    """sha256 of the code, the templates and the sentences that make a page."""
    total = hashlib.sha256()
    ours = Path(__file__).parent
    for folder, pattern in ((ours, "*.py"), (template_folder(), "**/*"), (ours.parent / "locale", "**/*.po")):
        for path in sorted(p for p in folder.glob(pattern) if p.is_file()):
            total.update(path.read_bytes())
    return total.hexdigest()


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
