"""``torchgrade import nbgrader``: one notebook → assignment.yaml, solution, handout and graders, or nothing."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torchgrade.errors import SpecError, UsageError
from torchgrade.i18n import LANGUAGES
from torchgrade.importing.cells import Cell, read_cells
from torchgrade.importing.definitions import Known, known_in
from torchgrade.importing.expressions import Untranslatable
from torchgrade.importing.graders import Moved, grader_text
from torchgrade.importing.notebooks import solution_notebook
from torchgrade.importing.statements import Translated, translate
from torchgrade.notebook import derive_handout, dump
from torchgrade.spec import check_graders, languages_of, load_assignment, load_course

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_PLACES = ("graders", "solutions", "assignments")  # the last is the one by which an assignment is found
_MAX_FILE = 32 * 2**20
_MAX_TITLE = 100


@dataclass(frozen=True)
class NotCarried:
    """A test that could not be moved out of the notebook."""

    cell: int
    grade_id: str
    reason: str


@dataclass
class Imported:
    """What an import made."""

    id: str
    examined: int = 0  # criteria that a grader judges
    manual: int = 0
    points: float = 0.0
    manual_points: float = 0.0
    not_carried: list[NotCarried] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Criterion:
    id: str
    title: str
    points: float
    hidden: bool
    test: Moved | None = None  # None: something that a person grades anyway

    @property
    def manual(self) -> bool:
        return self.test is None or self.test.translated is None


def import_nbgrader(root: Path, notebook: Path, id: str = "") -> Imported:
    """Make the files of an assignment in the course at ``root``.

    Raises UsageError or SpecError, in one line, before anything lies in the course.
    """
    id = id or re.sub(r"[^A-Za-z0-9._-]+", "-", notebook.stem).strip("-._")
    if not id:
        raise UsageError(f"{notebook}: no id can be made of this name; say one: --id NAME")
    if not _ID.fullmatch(id):
        raise UsageError(
            f"--id {id}: must begin with a Latin letter or digit and hold only those, '-', '_' and '.'"
        )
    for place in _PLACES:
        if (root / place / id).exists():
            raise UsageError(f"{place}/{id} is there already; remove it, or choose another name: --id NAME")
    cells = read_cells(notebook)
    made = Imported(id)
    with tempfile.TemporaryDirectory(prefix=".torchgrade-import-", dir=root) as stage:
        _write(Path(stage), notebook, cells, made)
        assignment = load_assignment(Path(stage), id)
        check_graders(assignment)
        _put_in_place(Path(stage), root, id)
    _look_at_course(root, id, made)
    return made


def _write(stage: Path, notebook: Path, cells: list[Cell], made: Imported) -> None:
    id = made.id
    criteria = list(_criteria(cells, made))
    solution = solution_notebook(cells, made.remarks)
    files = _files(notebook, cells)
    for place in _PLACES:
        (stage / place / id).mkdir(parents=True)
    for name in files:
        (stage / "assignments" / id / "files").mkdir(exist_ok=True)
        shutil.copyfile(notebook.parent / name, stage / "assignments" / id / "files" / name)
    _text(stage / "assignments" / id / "assignment.yaml", _yaml(id, notebook, cells, criteria, files))
    _text(stage / "assignments" / id / f"{id}.ipynb", dump(derive_handout(solution, notebook)))
    _text(stage / "solutions" / id / f"{id}.ipynb", dump(solution))
    for hidden, name in ((False, "public"), (True, "hidden")):
        tests = [c.test for c in criteria if c.test and c.hidden == hidden]
        if tests or not hidden:
            _text(stage / "graders" / id / f"test_{name}.py", grader_text(id, name.capitalize(), tests))
    made.examined = sum(not c.manual for c in criteria)
    made.manual = sum(c.manual for c in criteria)
    made.points = sum(c.points for c in criteria)
    made.manual_points = sum(c.points for c in criteria if c.manual)


def _text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


# --- criteria ------------------------------------------------------------------------------------------------


def _criteria(cells: list[Cell], made: Imported) -> Iterator[_Criterion]:
    known = known_in(cells)
    taken: set[str] = set()
    for cell in cells:
        if cell.unpriced:
            said = "says no points, so it is worth 0 until you write them in assignment.yaml"
            made.remarks.append(f"cell {cell.number}, {cell.grade_id}: {said}")
        if cell.role in ("manual", "task"):
            yield _Criterion(_criterion_id(cell.grade_id, taken), _title(cell, cells), cell.points, hidden=False)
        elif cell.role == "test":
            yield from _of_test(cell, cells, known, taken, made)


def _of_test(cell: Cell, cells: list[Cell], known: Known, taken: set[str], made: Imported) -> Iterator[_Criterion]:
    """A test that hides something becomes a hidden criterion with all its points; what students see of it is told
    them by a public one that is worth nothing."""
    title = _title(cell, cells)
    if cell.hides and _asserts(cell.public):
        shown = _translated(cell.public, cell, known)
        if isinstance(shown, Translated):
            id = _criterion_id(f"{cell.grade_id}-public", taken)
            yield _Criterion(id, title, 0.0, False, Moved(id, title, cell.public, shown))
    id = _criterion_id(cell.grade_id, taken)
    found = _translated(cell.whole, cell, known)
    reason = "" if isinstance(found, Translated) else found
    if reason:
        made.not_carried.append(NotCarried(cell.number, cell.grade_id, reason))
    translated = found if isinstance(found, Translated) else None
    yield _Criterion(id, title, cell.points, cell.hides, Moved(id, title, cell.whole, translated, reason))


def _translated(source: str, cell: Cell, known: Known) -> Translated | str:
    """The test, or why it stays behind."""
    try:
        return translate(source, known.at(cell.number), cell.number)
    except Untranslatable as e:
        return str(e)
    except (RecursionError, MemoryError):  # the latter is what Python's own parser says of it
        return "is nested too deeply"


def _asserts(source: str) -> bool:
    return any(line.strip() and not line.strip().startswith(("#", '"', "'")) for line in source.splitlines())


def _criterion_id(wanted: str, taken: set[str]) -> str:
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", wanted).strip("-._")[:56] or "criterion"
    id, number = plain, 1
    while re.sub(r"\W", "_", id) in {re.sub(r"\W", "_", other) for other in taken}:
        number += 1
        id = f"{plain}-{number}"
    taken.add(id)
    return id


def _title(cell: Cell, cells: list[Cell]) -> str:
    """What a test says of itself where students see it; else the heading above; else its id."""
    text = cell.public if cell.role == "test" else ""
    first = re.match(r'\s*[rR]?("""|\'\'\')(?P<said>.*?)\1', text, re.DOTALL) or re.match(
        r"\s*#+(?P<said>.+)", text
    )
    said = first["said"] if first else cell.source if cell.role == "task" else _heading_above(cell, cells)
    lines = [line.strip(" \t#*-=_") for line in said.splitlines()]
    line = next((line for line in lines if line and "AUTOTEST" not in line), "") or cell.grade_id
    line = " ".join("".join(c if c.isprintable() else " " for c in line).split())
    return line if len(line) <= _MAX_TITLE else f"{line[: _MAX_TITLE - 1]}…"


def _heading_above(cell: Cell, cells: list[Cell]) -> str:
    if cell.role == "test":
        return ""
    above = [c for c in cells if c.number < cell.number and c.kind == "markdown" and c.role == "given"]
    headings = [line for c in above[-1:] for line in c.source.splitlines() if line.lstrip().startswith("#")]
    return headings[0] if headings else ""


# --- files ---------------------------------------------------------------------------------------------------


def _files(notebook: Path, cells: list[Cell]) -> list[str]:
    """Files beside the notebook that its text names: data that it reads, pictures that it shows."""
    text = "\n".join(cell.source for cell in cells)
    found = []
    for path in sorted(notebook.parent.iterdir()):
        regular = path.is_file() and not path.is_symlink() and path.suffix not in ("", ".ipynb")
        if regular and not path.name.startswith(".") and path.stat().st_size <= _MAX_FILE:
            named = re.search(rf"(?<![\w.-]){re.escape(path.name)}(?![\w-])", text)
            found += [path.name] if named and "\\" not in path.name else []
    return found


def _yaml(id: str, notebook: Path, cells: list[Cell], criteria: list[_Criterion], files: list[str]) -> str:
    import yaml

    spec: dict[str, Any] = {"id": id, "title": _assignment_title(id, cells)}
    if defines := _asked(criteria):
        spec["defines"] = defines
    spec["device"] = "cpu"
    if files:
        spec["files"] = files
    spec["rubric"] = [_entry(criterion) for criterion in criteria]
    text = yaml.safe_dump(spec, sort_keys=False, allow_unicode=True, width=110)
    return f"# Imported from {notebook.name}, an assignment of nbgrader.\n{text}"


def _entry(criterion: _Criterion) -> dict[str, Any]:
    points = int(criterion.points) if criterion.points.is_integer() else criterion.points
    entry: dict[str, Any] = {"id": criterion.id, "title": criterion.title, "points": points}
    if criterion.hidden:
        entry["visibility"] = "hidden"
    if criterion.manual:
        entry["manual"] = True
    return entry


def _assignment_title(id: str, cells: list[Cell]) -> str:
    heading = next(
        (m[1] for c in cells if c.kind == "markdown" and (m := re.search(r"^# +(\S.*)$", c.source, re.MULTILINE))),
        "",
    )
    return " ".join(heading.split())[:_MAX_TITLE] or id


def _asked(criteria: list[_Criterion]) -> list[str]:
    """The names that graders ask for."""
    names: dict[str, None] = {}
    for criterion in criteria:
        if criterion.test and criterion.test.translated:
            names.update(dict.fromkeys(criterion.test.translated.asked))
    return list(names)


def _put_in_place(stage: Path, root: Path, id: str) -> None:
    """All three folders or none."""
    moved: list[Path] = []
    try:
        for place in _PLACES:
            (root / place).mkdir(exist_ok=True)
            (stage / place / id).rename(root / place / id)
            moved.append(root / place / id)
    except BaseException as e:  # Ctrl-C, too
        for folder in moved:
            shutil.rmtree(folder, ignore_errors=True)
        if not isinstance(e, OSError):
            raise
        raise UsageError(
            f"{e.filename2 or e.filename}: cannot be written ({e.strerror}); nothing was imported"
        ) from e


def _look_at_course(root: Path, id: str, made: Imported) -> None:
    try:
        course = load_course(root)
    except SpecError as e:
        made.remarks.append(f"the course has a fault of its own: {e}")
        return
    if course.assignment(id) is None:
        made.remarks.append(f"course.yaml lists its assignments: add '{id}' there")
    if promised := [language for language in languages_of(root) if language != LANGUAGES[0]]:
        lacking = f"course.yaml promises {', '.join(promised)}, and of this nothing is translated"
        made.remarks.append(f"{lacking}: `python -m torchgrade.pipeline.sentences` lists what to say")
