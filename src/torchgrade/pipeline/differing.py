"""``diff``: which two runs are meant, found in their gradebooks and compared. Nothing is graded."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from torchgrade.errors import UsageError
from torchgrade.pipeline.comparison import Comparison, Side, compare
from torchgrade.pipeline.reporting import places

if TYPE_CHECKING:
    from torchgrade.gradebook import Gradebook, GradingRun

NEWEST, PREVIOUS = "newest", "previous"


@dataclass(frozen=True)
class DiffOptions:
    """What a teacher chose on the command line."""

    before: str  # id of a run, newest, previous, or the path of a gradebook or of its folder
    after: str
    gradebook: str = ""
    out: Path | None = None
    assignment: str = ""


def diff(options: DiffOptions) -> Comparison:
    """Compare two runs. Raises UsageError where one is not there, or they are of different assignments."""
    from torchgrade.gradebook import Gradebook  # SQLAlchemy takes 0.3 s to import

    chosen = [_locate(wanted, options) for wanted in (options.before, options.after)]
    books: dict[str, Gradebook] = {}
    sides = []
    with ExitStack() as stack:
        for place, wanted in chosen:
            if str(place) not in books:
                books[str(place)] = stack.enter_context(Gradebook.open(place))
            sides.append(_side(books[str(place)], wanted, options.assignment))
    before, after = sides
    if before.run.assignment != after.run.assignment:
        raise UsageError(
            f"{options.before} is a run of {before.run.assignment}, {options.after} of {after.run.assignment}: "
            "only runs of one assignment can be compared; --assignment chooses one"
        )
    return compare(before, after)


def _locate(wanted: str, options: DiffOptions) -> tuple[str | Path, str]:
    """(gradebook, run) of one side; the gradebook of a side that is no path is the one that the options name."""
    path, is_word = Path(wanted), wanted in (NEWEST, PREVIOUS)  # a word also where a folder has this name
    if not is_word and path.is_dir():
        return places("", path)[0], NEWEST
    if not is_word and (path.is_file() or "://" in wanted):
        return places(wanted, options.out or Path())[0], NEWEST
    if "/" in wanted or wanted.endswith((".sqlite", ".db")):
        raise UsageError(f"there is no gradebook {wanted}")
    # Nothing is written here, so a gradebook that was named needs no folder beside it.
    folder = options.out or Path() if options.gradebook else options.out
    return places(options.gradebook, folder)[0], wanted


def _side(book: Gradebook, wanted: str, assignment: str) -> Side:
    from torchgrade.gradebook import Decisions

    runs = [run for run in book.runs() if run.verdicts and assignment in (run.assignment, "")]
    if not runs:
        of = f" of {assignment!r}" if assignment else ""
        raise UsageError(f"gradebook {book.name}: holds no run{of} with verdicts")
    run = _by_age(book, runs, wanted) if wanted in (NEWEST, PREVIOUS) else _by_id(book, runs, wanted)
    verdicts = {v.student: v for v in book.verdicts(run.id, with_notebooks=False)}
    return Side(run, book.name, verdicts, Decisions(book, run.course).of(run.assignment))


def _by_age(book: Gradebook, runs: Sequence[GradingRun], wanted: str) -> GradingRun:
    """``runs``: one or more, the newest last."""
    ids = sorted({run.assignment for run in runs})
    if len(ids) > 1:
        raise UsageError(f"gradebook {book.name}: holds several assignments; choose one: --assignment {ids[0]}, …")
    if wanted == PREVIOUS and len(runs) < 2:
        raise UsageError(f"gradebook {book.name}: holds one run only, {runs[0].id}")
    return runs[-1] if wanted == NEWEST else runs[-2]


def _by_id(book: Gradebook, runs: Sequence[GradingRun], wanted: str) -> GradingRun:
    """``runs``: one or more, the newest last."""
    for run in runs:
        if run.id == wanted:
            return run
    near = difflib.get_close_matches(wanted, [run.id for run in runs], 1)
    hint = f"did you mean {near[0]}?" if near else f"the newest is {runs[-1].id}"
    raise UsageError(f"gradebook {book.name}: there is no run {wanted!r} with verdicts; {hint}")
