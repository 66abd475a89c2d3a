"""``ci --watch``: the course's test again whenever a file of an assignment changes, while its teacher writes."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import typer

from torchgrade.errors import TorchgradeError

if TYPE_CHECKING:
    from torchgrade.pipeline.course_test import Finding

_WATCH_SECONDS = 0.3
_FOLDERS = ("assignments", "solutions", "graders")
_PASSED_OVER = ("__pycache__", ".ipynb_checkpoints", "cohort")

State = dict[str, tuple[int, int]]


def watch_course(root: Path, ids: Sequence[str], *, fix: bool, seeds: int) -> None:
    """Try these assignments (none named: all), and again after each change, until Ctrl-C."""
    what = ", ".join(ids) or "all assignments"
    for _change in changes(root, ids):
        begin = time.monotonic()
        for line in tried_once(root, ids, fix=fix, seeds=seeds):
            typer.echo(line)
        seconds = time.monotonic() - begin
        typer.echo(f"watching {what} ({seconds:.1f} s); save a file to try again, Ctrl-C ends\n")


def tried_once(root: Path, ids: Sequence[str], *, fix: bool, seeds: int) -> Iterator[str]:
    """Lines on one test of the course, which ends with the first thing that is wrong: that is told in full."""
    from torchgrade.feedback.terminal import clean
    from torchgrade.pipeline import test_course
    from torchgrade.spec import load_course

    tried = 0
    try:
        course = load_course(root, only=ids[0] if len(ids) == 1 else None)
        findings = cast("Generator[Finding, None, None]", test_course(course, tuple(ids), fix=fix, seeds=seeds))
        with contextlib.closing(findings):  # ends what is still examined
            for finding in findings:
                if finding.problem:
                    yield clean(f"✗ WRONG  {finding.assignment}: {finding.subject}")
                    yield clean(f"          {finding.problem}")
                    are = "is as it" if tried == 1 else "are as they"
                    yield f"          {tried} before it {are} must be; the rest was not tried"
                    return
                tried += 1
    except TorchgradeError as error:
        yield clean(f"✗ {error}")
        return
    yield f"✓ {tried} tried, {'as it' if tried == 1 else 'all as they'} must be"


def changes(root: Path, ids: Sequence[str], pause: Callable[[float], None] = time.sleep) -> Iterator[None]:
    """Once at first, and whenever a file that somebody writes is another one than before."""
    seen: State | None = None
    while True:
        found = state(root, ids)
        if found != seen:
            seen = found
            yield
        else:
            pause(_WATCH_SECONDS)


def state(root: Path, ids: Sequence[str]) -> State:
    """Time and size of every file that a teacher writes. Handouts are derived, so they are not among them."""
    places = [root / kind / id for kind in _FOLDERS for id in ids] or [root / kind for kind in _FOLDERS]
    files = [path for place in places for path in place.rglob("*") if not _is_passed_over(root, path)]
    found: State = {}
    for path in (root / "course.yaml", *files):
        with contextlib.suppress(OSError):  # an editor may take it away for a moment
            status = path.stat()
            found[str(path)] = (status.st_mtime_ns, status.st_size)
    return found


def _is_passed_over(root: Path, path: Path) -> bool:
    inside = path.relative_to(root)
    derived = inside.parts[0] == "assignments" and path.suffix == ".ipynb"
    hidden = any(part in _PASSED_OVER or part.startswith(".") for part in inside.parts)
    return derived or hidden or path.is_dir()
