"""``check --ci``: the check in the pipeline of a student's repository."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from torchgrade.cli.checks import enough, show, speak_near
from torchgrade.cli.meant import handout_stem, meant_notebook
from torchgrade.errors import TorchgradeError, UsageError
from torchgrade.feedback.ci import files, summary, workflow
from torchgrade.feedback.ci.findings import Examined, findings
from torchgrade.feedback.terminal import clean
from torchgrade.i18n import _
from torchgrade.spec import assignment_ids, load_course, speak

if TYPE_CHECKING:
    from torchgrade.model import Course
    from torchgrade.pipeline.checking import Checked, Checker

OUT = Path("torchgrade-report")
_WIDTH = 110
_WELL, _LOST, _FAULT = 0, 1, 2


@dataclass(frozen=True)
class Wanted:
    """What the command line asked for. ``threshold``: per cent of the public points."""

    notebook: Path | None = None
    assignment: str = ""
    plain: bool | None = None
    language: str = ""
    threshold: float = 100.0
    out: Path = OUT


def check_in_ci(wanted: Wanted, environment: Mapping[str, str] = os.environ) -> int:
    """Check, and tell the pipeline; the exit code: 0 enough points everywhere, 1 too few somewhere, 2 our fault.

    On GitHub nothing that is printed before the annotations can be taken for a command, our complaints included.
    """
    on_github = environment.get("GITHUB_ACTIONS") == "true"
    say = partial(print, flush=True)
    if not on_github:
        return _guarded(wanted, environment)[0]
    with _one_stream(), workflow.deaf(say):
        code, commands = _guarded(wanted, environment)
    for line in commands:
        say(line)
    return code


@contextlib.contextmanager
def _one_stream() -> Iterator[None]:
    """Standard error goes where standard output does, also that of processes started inside.

    A runner reads two streams in no order: a line of the one could come when it has heard the word on the other.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    os.dup2(1, 2)
    try:
        with contextlib.redirect_stderr(sys.stdout):
            yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _guarded(wanted: Wanted, environment: Mapping[str, str]) -> tuple[int, list[str]]:
    """The exit code and the annotations; whatever goes wrong ends in code 2 and one line."""
    try:
        return _check_all(wanted, environment)
    except TorchgradeError as error:
        return _FAULT, [_complaint(f"torchgrade: {error}")]
    except Exception:
        traceback.print_exc()
        said = "torchgrade: this is a fault of torchgrade itself; please report it with the lines above"
        return _FAULT, [_complaint(said)]


def _complaint(message: str, **place: object) -> str:
    """Said on standard error, and as an annotation; ``place``: file and line."""
    print(clean(message), file=sys.stderr)
    return workflow.command("error", message, **place)


def _check_all(wanted: Wanted, environment: Mapping[str, str]) -> tuple[int, list[str]]:
    from torchgrade.pipeline.checking import Checker

    speak_near(wanted.notebook, wanted.language)
    paths, untouched = _notebooks(wanted)
    console = Console(highlight=False, emoji=False, width=_WIDTH, color_system=None)
    examined: list[Examined] = []
    faults: list[str] = []
    with contextlib.closing(Checker(plain=wanted.plain, tell=partial(print, file=sys.stderr))) as checker:
        for path in paths:
            try:
                examined.append(_examined(checker, path, wanted, environment, console))
            except TorchgradeError as error:  # the others are checked all the same
                said = _why_not(error, path, alone=len(paths) + len(untouched) == 1)
                faults.append(_complaint(said, file=_shown(path, environment), line=1))
    for path in untouched:
        said = _("{notebook} has not been begun yet: passed over").format(notebook=path.name)
        console.print(clean(said), markup=False, soft_wrap=True)
    if examined or not faults:
        _write(examined, [p.name for p in untouched], wanted.out, environment)
    found = sorted((f for one in examined for f in findings(one)), key=lambda f: -f.points)
    return _FAULT if faults else _code(examined, wanted.threshold), faults + workflow.commands(found)


def _why_not(error: TorchgradeError, path: Path, *, alone: bool) -> str:
    """What kept a notebook from being checked. One that a student put beside those of the course has to go."""
    from torchgrade.pipeline import course_root

    said = f"torchgrade: {error}"
    with contextlib.suppress(TorchgradeError):
        if not alone and path.stem not in assignment_ids(course_root(path.resolve().parent)):
            advice = _("Move {name} into a folder, or call it as the task's notebook is called.")
            said += "\n" + advice.format(name=path.name)
    return said


def _notebooks(wanted: Wanted) -> tuple[list[Path], list[Path]]:
    """Those to check, and those that are still as they were given. One alone is checked in any case.

    Raises UsageError.
    """
    folder = wanted.notebook or Path.cwd()
    found = sorted(p for p in folder.glob("*.ipynb") if p.is_file()) if folder.is_dir() else []
    if len(found) < 2 or wanted.assignment:
        return [meant_notebook(wanted.notebook)], []
    todo = [p for p in found if not _is_as_given(p)]
    return todo, [p for p in found if p not in todo]


def _is_as_given(path: Path) -> bool:
    """Whether every cell of code still says what it said; a kit holds each notebook as it was given."""
    from torchgrade.pipeline import course_root

    with contextlib.suppress(TorchgradeError):
        home = course_root(path.resolve().parent) / "assignments"
        places = (home / id / path.name for id in (path.stem, handout_stem(path.name)))
        given = next((place for place in places if place.is_file()), None)
        if given is not None:
            code = _code_of(given)
            return code is not None and _code_of(path) == code
    return False


def _code_of(path: Path) -> list[str] | None:
    """The code of a notebook, read with the care that a stranger's file needs; None where it cannot be read."""
    from torchgrade.intake import collect
    from torchgrade.notebook import code_cells

    notebook = collect(path)[0].notebook
    if notebook is None:
        return None
    return [source.strip() for _index, source in code_cells(notebook) if source.strip()]


def _examined(
    checker: Checker, path: Path, wanted: Wanted, environment: Mapping[str, str], console: Console
) -> Examined:
    """Check one notebook and print the result. Raises TorchgradeError, also where the check itself failed."""
    from torchgrade.pipeline import course_root

    shown = _shown(path, environment)
    console.print(clean(shown), markup=False, soft_wrap=True)
    root = course_root(path.resolve().parent)
    course = speak(load_course(root, only=wanted.assignment or None), wanted.language)
    checked = checker.check(course, path, wanted.assignment)
    show(console, checked)
    console.print()
    if checked.verdict.status == "broken":
        raise TorchgradeError(checked.verdict.reason or _("the check itself failed"))
    text = path.read_bytes().decode("utf-8-sig", errors="replace")
    return _record(course, checked, shown, text)


def _record(course: Course, checked: Checked, path: str, text: str) -> Examined:
    return Examined(course, checked.assignment, checked.verdict, path, text, checked.later, checked.note)


def _shown(path: Path, environment: Mapping[str, str]) -> str:
    """The file as the repository calls it: relative to the pipeline's own folder, where there is one."""
    roots = [environment.get(name) for name in ("GITHUB_WORKSPACE", "CI_PROJECT_DIR")]
    for root in (*filter(None, roots), str(Path.cwd())):
        if path.resolve().is_relative_to(Path(root).resolve()):
            return path.resolve().relative_to(Path(root).resolve()).as_posix()
    return path.name


def _write(examined: list[Examined], untouched: list[str], out: Path, environment: Mapping[str, str]) -> None:
    """The files of the report, and GitHub's summary. Raises UsageError where they cannot be written."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, text in _report(examined):
            (out / name).write_text(text, encoding="utf-8", newline="")
        if place := environment.get("GITHUB_STEP_SUMMARY"):
            with Path(place).open("a", encoding="utf-8", newline="") as file:
                file.write(summary.step_summary(examined, untouched))
    except OSError as error:
        raise UsageError(f"{error.filename or out}: the report cannot be written ({error.strerror})") from None


def _report(examined: list[Examined]) -> Iterator[tuple[str, str]]:
    from torchgrade.feedback import render_student

    now = datetime.now(UTC)
    seen: Counter[str] = Counter()
    for one in examined:
        page = render_student(one.course, one.assignment, one.verdict, generated_at=now)
        seen[one.assignment.id] += 1
        number = seen[one.assignment.id]  # a second notebook of one assignment has a page of its own
        yield f"{one.assignment.id}{f'-{number}' if number > 1 else ''}.html", page
    yield "code-quality.json", files.code_quality([f for one in examined for f in findings(one)])
    yield "junit.xml", files.junit(examined)


def _code(examined: list[Examined], threshold: float) -> int:
    return _WELL if all(enough(one.verdict, threshold) for one in examined) else _LOST
