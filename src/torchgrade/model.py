"""The words of the engine: frozen records that travel between the floors. Standard library only."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any


class Visibility(StrEnum):
    """Who may see a criterion in detail."""

    PUBLIC = "public"
    AFTER_DUE = "after_due"
    HIDDEN = "hidden"


class Outcome(StrEnum):
    """What became of one criterion."""

    PASSED = "passed"
    PARTIAL = "partial"
    FAILED = "failed"
    ERRORED = "errored"  # the student's code raised
    TIMED_OUT = "timed_out"
    OUT_OF_MEMORY = "out_of_memory"
    SKIPPED = "skipped"  # a criterion it needs did not pass
    MANUAL = "manual"  # waits for a teacher
    BROKEN = "broken"  # our fault: costs no point, is retried, is loud


class Status(StrEnum):
    """What became of one submission."""

    GRADED = "graded"
    UNREADABLE = "unreadable"
    LIMIT = "limit"
    BROKEN = "broken"


class Tier(StrEnum):
    """How well the room is sealed, strongest first."""

    FULL = "full"
    LANDLOCK = "landlock"
    NONE = "none"


@dataclass(frozen=True)
class Limits:
    """What a room may use. Seconds are wall time; MB are MiB."""

    cell_seconds: float = 60.0
    notebook_seconds: float = 300.0
    probe_seconds: float = 20.0
    memory_mb: int = 2048
    processes: int = 128
    disk_mb: int = 256
    output_kb: int = 1024
    training_seconds: float = 0.0  # what graders may let the student's code train, all questions together

    @property
    def asking_seconds(self) -> float:
        """How long questions may take altogether, training left aside."""
        return max(self.notebook_seconds, 4 * self.probe_seconds)

    @property
    def examination_seconds(self) -> float:
        """The longest that an examination can take by all these limits: a notebook may be run more than once."""
        return 2 * self.notebook_seconds + self.asking_seconds + self.training_seconds + 30.0


@dataclass(frozen=True)
class Criterion:
    """One line of the rubric. Points live here alone; the grader names the ``id``."""

    id: str
    title: str
    points: float
    visibility: Visibility = Visibility.PUBLIC
    needs: tuple[str, ...] = ()
    bonus: bool = False
    manual: bool = False


@dataclass(frozen=True)
class Term:
    """One class of a variant: the number in a column of the roster, plus ``plus``; no column: ``plus`` alone."""

    column: str
    plus: int


@dataclass(frozen=True)
class VariantRule:
    """Which classes a student gets. ``tracks`` put another class in the last one's place, or none (None)."""

    classes: tuple[Term, ...]
    tracks: dict[str, int | None] = field(default_factory=dict)
    default: dict[str, str] = field(default_factory=dict)  # of a student about whom no roster tells
    within: tuple[int, int] = (0, 99)


@dataclass(frozen=True)
class Assignment:
    """An assignment as its folders describe it."""

    id: str
    title: str
    criteria: tuple[Criterion, ...]
    defines: tuple[str, ...]
    limits: Limits = Limits()
    device: str = "auto"
    aliases: dict[str, tuple[str, ...]] = field(default_factory=dict)
    files: tuple[Path, ...] = ()
    data: tuple[str, ...] = ()  # data sets that the room and the graders see
    folder: Path = Path()
    handout: Path = Path()
    solution: Path = Path()
    graders: Path = Path()
    variant: VariantRule | None = None  # of course.yaml, where students get tasks of their own

    @property
    def max_points(self) -> float:
        """Sum of the criteria that are neither a bonus nor waiting for a teacher."""
        return sum(c.points for c in self.criteria if not c.bonus and not c.manual)


@dataclass(frozen=True)
class Submission:
    """What one student handed in. ``problem`` says why ``notebook`` is missing, in words for the student."""

    student: str
    path: Path | None
    notebook: dict[str, Any] | None = None  # nbformat 4, JSON-like
    digest: str = ""  # sha256 of the bytes handed in
    problem: str = ""
    notes: tuple[str, ...] = ()  # repairs made on the way in, told in the report
    fields: dict[str, str] = field(default_factory=dict)  # the student's other columns of the roster
    handed_in: datetime | None = None  # with a zone; None: nothing that came with it says when


@dataclass(frozen=True)
class CellReport:
    """How one code cell ended. ``status``: ok, error, interrupted, killed, skipped."""

    index: int
    status: str
    seconds: float = 0.0
    error_name: str = ""
    error_value: str = ""
    line: int | None = None


@dataclass(frozen=True)
class Evidence:
    """Something small to look at. ``rows`` is short text that any reader can print; ``kind`` says what it is.

    - ``array``: nested rows of numbers, at most 8 by 10;
    - ``errors``: a name, its relative error ("none": nothing to compare with) and the largest error allowed;
    - ``curves``: a head, then for each line its name and its first, lowest, highest and last number; ``drawn``:
      the word ``line`` and its numbers, or ``band`` and those of a reference (low:high); ``shape``: the epochs, or
      whatever the first word of the head says that the lines go along;
    - ``surface``: a head, then for each class its name, its share of the area, its points and how many are right;
      ``drawn``: both ranges (low:high) and for each row of cells a letter a cell, three for each class by how sure
      it is; then each class's points (x:y:the class that was said); ``shape``: the cells;
    - ``confusion``: a head of class names, then for each class its name and its counts: rows are what it is;
    - ``images``, ``filters``: the words under each picture (an image's: what it is, what it was taken for);
      ``drawn``: the pictures, PNG in base64;
    - ``layers``: a head, then a row for each layer;
    - ``table``: a head, then rows that say what they are about first;
    - ``trace``: the lines of a traceback through the student's own code.

    ``drawn`` is what a picture needs beside the words of ``rows``, one piece for each row. ``note`` is a sentence
    under it: where a reference comes from, what was left out.
    """

    label: str
    shape: tuple[int, ...]
    dtype: str
    rows: tuple[tuple[str, ...], ...]
    cut: bool = False  # rows or columns were left out
    kind: str = "array"
    drawn: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class CriterionResult:
    """A judged criterion.

    ``message``, ``hint`` and ``evidence`` may be shown to the student; for a criterion that is not public
    they hold nothing that was drawn or said during the probe. ``detail`` is for the teacher alone, and so are
    the two names by which wrong answers of a cohort are counted: verdicts kept by an earlier version have none.
    """

    id: str
    title: str
    outcome: Outcome
    points: float
    max_points: float
    bonus: bool = False
    visibility: Visibility = Visibility.PUBLIC
    message: str = ""
    hint: str = ""
    evidence: tuple[Evidence, ...] = ()
    detail: str = ""
    seconds: float = 0.0
    mistake: str = ""  # the known mistake that did the same: its file's name, or the key of an entry of hints.yaml
    fingerprint: str = ""  # of a wrong answer: the same for all that are wrong in the same way


@dataclass(frozen=True)
class Verdict:
    """The judged result of one run. ``notebook`` is the executed notebook (nbformat 4), outputs bounded."""

    student: str
    assignment: str
    status: Status
    points: float
    max_points: float
    bonus: float
    criteria: tuple[CriterionResult, ...]
    cells: tuple[CellReport, ...] = ()
    reason: str = ""  # one sentence, always there unless status is graded
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    peak_memory_mb: float = 0.0
    device: str = "cpu"
    sandbox: str = Tier.FULL
    attempt: int = 1
    seed: str = ""
    digests: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    limits: Limits = Limits()
    notebook: dict[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON-like data; ``verdict_from_json`` is its inverse."""
        return dataclasses.asdict(self)


def verdict_from_json(data: dict[str, Any]) -> Verdict:
    """Rebuild a verdict from ``Verdict.to_json``. Raises TypeError, KeyError or ValueError."""
    criteria = tuple(
        CriterionResult(
            **{
                **c,
                "outcome": Outcome(c["outcome"]),
                "visibility": Visibility(c["visibility"]),
                "evidence": tuple(_evidence(e) for e in c.get("evidence", ())),
            }
        )
        for c in data["criteria"]
    )
    return Verdict(
        **{
            **data,
            "status": Status(data["status"]),
            "criteria": criteria,
            "cells": tuple(CellReport(**c) for c in data.get("cells", ())),
            "notes": tuple(data.get("notes", ())),
            "limits": Limits(**data["limits"]),
        }
    )


def _evidence(data: dict[str, Any]) -> Evidence:
    return Evidence(
        label=data["label"],
        shape=tuple(data["shape"]),
        dtype=data["dtype"],
        rows=tuple(tuple(r) for r in data["rows"]),
        cut=data["cut"],
        kind=data.get("kind", "array"),  # verdicts kept by an earlier version have none, nor what follows
        drawn=tuple(data.get("drawn", ())),
        note=data.get("note", ""),
    )


@dataclass(frozen=True)
class Course:
    """course.yaml: what holds for every assignment of one year. ``root`` holds assignments/ and the rest."""

    root: Path
    title: str
    year: str
    language: str = "en"
    limits: Limits = Limits()
    assignments: tuple[Assignment, ...] = ()
    split: str = "own"  # of real data sets: drawn from the course's secret, or "official", as published

    def assignment(self, id: str) -> Assignment | None:
        """The assignment of this id, or None."""
        return next((a for a in self.assignments if a.id == id), None)
