"""``check`` in the terminal: one line a criterion, with what was expected beside what came."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding

from torchgrade.errors import TorchgradeError
from torchgrade.model import CriterionResult, Evidence, Outcome, Verdict
from torchgrade.spec import load_course

if TYPE_CHECKING:
    from rich.status import Status

    from torchgrade.pipeline.checking import Checked, Checker

_SIGNS = {
    Outcome.PASSED: ("✓", "green"),
    Outcome.PARTIAL: ("◐", "yellow"),
    Outcome.SKIPPED: ("–", "yellow"),
    Outcome.MANUAL: ("…", "cyan"),
    Outcome.BROKEN: ("!", "magenta"),
}
_OTHER = ("✗", "red")
_WATCH_SECONDS = 0.5


def check_once(notebook: Path | None, assignment: str, *, plain: bool | None, as_json: bool = False) -> bool:
    """Check and show. True when all public points were earned. Raises TorchgradeError."""
    from torchgrade.pipeline.checking import Checker

    if as_json:
        with contextlib.closing(Checker(plain=plain, tell=partial(print, file=sys.stderr))) as checker:
            return _check(checker, notebook, assignment, _print_json)
    console = Console(highlight=False, emoji=False)
    with (
        console.status("examining…") as status,
        contextlib.closing(Checker(plain=plain, tell=lambda text: status.update(escape(text)))) as checker,
    ):
        return _check(checker, notebook, assignment, partial(_show_below, status, console))


def _check(checker: Checker, notebook: Path | None, assignment: str, tell: Callable[[Checked], None]) -> bool:
    from torchgrade.pipeline import course_root
    from torchgrade.pipeline.checking import find_notebook

    path = find_notebook(notebook)
    course = load_course(course_root(path.resolve().parent), only=assignment or None)
    checked = checker.check(course, path, assignment)
    tell(checked)
    verdict = checked.verdict
    if verdict.status == "broken":
        raise TorchgradeError(verdict.reason or "the check itself failed")
    return verdict.points >= verdict.max_points


def _print_json(checked: Checked) -> None:
    """Everything but ASCII is written as \\u…: nothing in it can steer a terminal."""
    print(json.dumps(as_document(checked), indent=1, allow_nan=False))


def _show_below(status: Status, console: Console, checked: Checked) -> None:
    status.stop()
    show(console, checked)


def watch_notebook(notebook: Path | None, assignment: str, *, plain: bool | None) -> None:
    """Check again whenever the file changes, until Ctrl-C. The examiner stays warm in between."""
    from torchgrade.pipeline.checking import Checker, find_notebook

    path, seen = find_notebook(notebook), 0
    console = Console(highlight=False, emoji=False)
    tell = partial(console.print, markup=False)
    with contextlib.closing(Checker(plain=plain, tell=tell)) as checker:
        while True:
            changed = path.stat().st_mtime_ns if path.exists() else seen
            if changed != seen:
                seen = changed
                begin = time.monotonic()
                try:
                    _check(checker, path, assignment, partial(show, console))
                except TorchgradeError as error:
                    print(clean(f"torchgrade: {error}"))
                took = time.monotonic() - begin
                print(
                    f"watching {clean(path.name)} ({took:.1f} s); save it to check again, Ctrl-C to stop",
                    flush=True,
                )
            time.sleep(_WATCH_SECONDS)


def as_document(checked: Checked) -> dict[str, Any]:
    """The results for a program."""
    verdict = checked.verdict
    return {
        "schema": "torchgrade/check/v1",
        "assignment": verdict.assignment,
        "status": str(verdict.status),
        "points": verdict.points,
        "max_points": verdict.max_points,
        "sandbox": str(verdict.sandbox),
        "notes": list(verdict.notes),
        "later": checked.later,
        "criteria": [
            {
                "id": c.id,
                "title": c.title,
                "outcome": str(c.outcome),
                "points": c.points,
                "max_points": c.max_points,
                "message": c.message,
                "hint": c.hint,
            }
            for c in verdict.criteria
        ],
    }


def show(console: Console, checked: Checked) -> None:
    """The whole result, in words."""
    verdict = checked.verdict
    console.print(f"[bold]{escape(checked.assignment.title)}[/bold]")
    for result in verdict.criteria:
        _show_criterion(console, result)
    _show_cells(console, verdict)
    passed = sum(c.outcome == Outcome.PASSED for c in verdict.criteria)
    points = f"{verdict.points:g} of {verdict.max_points:g} points"
    line = f"{passed} of {len(verdict.criteria)} public checks passed: {points}"
    later = f"; {checked.later} more run when it is graded" if checked.later else ""
    console.print(f"\n[bold]{line}[/bold]{later}")
    if verdict.reason:
        console.print(f"[yellow]note:[/yellow] {escape(clean(verdict.reason))}")
    for note in verdict.notes:
        console.print(f"[dim]note: {escape(clean(note))}[/dim]")
    if verdict.sandbox != "full":
        why = f"; {clean(checked.note)}" if checked.note else ""
        console.print(f"[dim]{escape(f'sandbox: {verdict.sandbox} (enough for your own notebook){why}')}[/dim]")


def _show_criterion(console: Console, result: CriterionResult) -> None:
    sign, colour = _SIGNS.get(result.outcome, _OTHER)
    word = str(result.outcome).replace("_", " ")
    points = f"{result.points:g}/{result.max_points:g}"
    console.print(f"[{colour}]{sign} {word:<8}[/{colour}] {points:>7}  {escape(result.title)}")
    if result.outcome == Outcome.PASSED:
        return
    if result.message:
        console.print(_indented(escape(clean(result.message))))
    if result.hint:
        console.print(_indented(f"[cyan]hint:[/cyan] {escape(clean(result.hint))}"))
    if result.evidence:
        _show_evidence(console, result.evidence)


def _indented(text: str) -> Padding:
    return Padding(text, (0, 0, 0, 6))


def _show_evidence(console: Console, evidence: tuple[Evidence, ...]) -> None:
    """Small arrays, side by side where they fit, else one below the other."""
    blocks = [_block(item) for item in evidence]
    if 6 + sum(len(b[0]) + 4 for b in blocks) <= console.width:
        height = max(map(len, blocks))
        rows = ["    ".join(b[n] if n < len(b) else " " * len(b[0]) for b in blocks) for n in range(height)]
    else:
        rows = [line for block in blocks for line in block]
    for row in rows:
        console.print(f"      [dim]{escape(row.rstrip())}[/dim]", soft_wrap=True)


def _block(item: Evidence) -> list[str]:
    """Lines of equal width: label, shape, then the numbers."""
    width = max((len(clean(v)) for row in item.rows for v in row), default=1)
    lines = [f"{item.label} {list(item.shape)}", *(" ".join(f"{clean(v):>{width}}" for v in r) for r in item.rows)]
    lines += ["…"] if item.cut else []
    widest = max(map(len, lines))
    return [f"{clean(line):<{widest}}" for line in lines]


def _show_cells(console: Console, verdict: Verdict) -> None:
    for cell in verdict.cells:
        if cell.status != "ok":
            said = f"{cell.error_name}: {cell.error_value}".strip(": ").split("\n")[0]
            console.print(f"[yellow]• cell {cell.index + 1} {cell.status}[/yellow] {escape(clean(said)[:200])}")


def clean(text: str) -> str:
    """Without control characters: a student's words must not steer the terminal."""
    return "".join(c if c.isprintable() or c == "\n" else "·" for c in text)
