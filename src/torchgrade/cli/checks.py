"""``check`` in the terminal: once, as JSON, or again whenever the notebook is saved."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.text import Text

from torchgrade.cli.due import due_line
from torchgrade.cli.meant import meant_notebook
from torchgrade.errors import TorchgradeError
from torchgrade.feedback import terminal
from torchgrade.feedback.terminal import clean
from torchgrade.i18n import _
from torchgrade.spec import load_course, speak

if TYPE_CHECKING:
    from rich.status import Status

    from torchgrade.model import Verdict
    from torchgrade.pipeline.checking import Checked, Checker

__all__ = ["check_once", "clean", "enough", "show", "speak_near", "watch_notebook"]

_WATCH_SECONDS = 0.1
_ALMOST = 1e-9  # points are sums of decimals


def check_once(
    notebook: Path | None,
    assignment: str,
    *,
    plain: bool | None,
    as_json: bool = False,
    language: str = "",
    threshold: float = 100.0,
) -> bool:
    """Check and show. True when enough of the public points were earned. Raises TorchgradeError."""
    from torchgrade.pipeline.checking import Checker

    speak_near(notebook, language)
    if as_json:
        with contextlib.closing(Checker(plain=plain, tell=partial(print, file=sys.stderr))) as checker:
            return enough(_check(checker, notebook, assignment, language, _print_json), threshold)
    console = _console()
    with (
        console.status(_("examining…")) as status,
        contextlib.closing(Checker(plain=plain, tell=lambda text: status.update(escape(text)))) as checker,
    ):
        verdict = _check(checker, notebook, assignment, language, partial(_show_below, status, console))
    return enough(verdict, threshold)


def speak_near(notebook: Path | None, language: str = "") -> None:
    """Speak the language of the course in which the notebook lies, or would lie, before anything is said."""
    from torchgrade.pipeline import course_root

    with contextlib.suppress(TorchgradeError, RuntimeError):  # whatever is wrong is told in a moment
        place = (notebook or Path.cwd()).resolve()  # RuntimeError: links that go round in a circle
        speak(load_course(course_root(place if place.is_dir() else place.parent), only=""), language)


def _console() -> Console:
    return Console(highlight=False, emoji=False)


def _check(
    checker: Checker, notebook: Path | None, assignment: str, language: str, tell: Callable[[Checked], None]
) -> Verdict:
    from torchgrade.pipeline import course_root

    path = meant_notebook(notebook)
    course = speak(load_course(course_root(path.resolve().parent), only=assignment or None), language)
    checked = checker.check(course, path, assignment)
    tell(checked)
    verdict = checked.verdict
    if verdict.status == "broken":
        raise TorchgradeError(verdict.reason or _("the check itself failed"))
    return verdict


def enough(verdict: Verdict, threshold: float) -> bool:
    """Whether this share of the public points, in per cent, was earned."""
    return verdict.points >= verdict.max_points * threshold / 100 - _ALMOST


def _print_json(checked: Checked) -> None:
    """Everything but ASCII is written as \\u…: nothing in it can steer a terminal."""
    from torchgrade.pipeline.checking import as_document

    print(json.dumps(as_document(checked), indent=1, allow_nan=False))


def show(console: Console, checked: Checked) -> None:
    """The whole result, in words, and until when the assignment is due."""
    terminal.show(console, checked.told)
    if due := due_line(checked.assignment, datetime.now(UTC)):
        console.print(clean(due), markup=False, soft_wrap=True)


def _show_below(status: Status, console: Console, checked: Checked) -> None:
    status.stop()
    show(console, checked)


# --- again and again ---------------------------------------------------------------------------------------


def watch_notebook(notebook: Path | None, assignment: str, *, plain: bool | None, language: str = "") -> None:
    """Check again whenever the file changes, until Ctrl-C. The examiner stays warm in between."""
    from torchgrade.pipeline.checking import Checker

    speak_near(notebook, language)
    path, console = meant_notebook(notebook), _console()
    with (
        _footer(console, path.name) as footer,
        contextlib.closing(Checker(plain=plain, tell=footer.busy)) as checker,
    ):
        for _saved in _saves(path):
            footer.busy(_("examining…"))
            begin = time.monotonic()
            try:
                _check(checker, path, assignment, language, partial(show, console))
            except TorchgradeError as error:
                console.print(clean(f"torchgrade: {error}"), markup=False, soft_wrap=True)
            console.print()
            footer.waiting(time.monotonic() - begin)


def _saves(path: Path) -> Iterator[None]:
    """Once at first, and whenever the file is another one than before."""
    seen = None
    while True:
        with contextlib.suppress(OSError):  # an editor may take it away for a moment
            found = path.stat()
            if (state := (found.st_mtime_ns, found.st_size, found.st_ino)) != seen:
                seen = state
                yield
                continue
        time.sleep(_WATCH_SECONDS)


class LineFooter:
    """Where nothing can stay in place (a pipe, a dumb terminal): a line whenever it is of use."""

    def __init__(self, console: Console, name: str) -> None:
        self._console, self._name, self._said = console, clean(name), ""

    def busy(self, doing: str) -> None:
        """Say what takes a while, but not the usual."""
        if doing not in (self._said, _("examining…")):
            self._console.print(clean(doing), markup=False, soft_wrap=True)
            self._said = doing

    def waiting(self, seconds: float) -> None:
        """Say that a check is over, and what to do next."""
        text = _("watching {name} ({seconds} s); save it to check again, Ctrl-C to stop")
        self._console.print(text.format(name=self._name, seconds=f"{seconds:.1f}"), markup=False, soft_wrap=True)
        self._console.file.flush()


class LiveFooter:
    """The last line of the terminal, below all that is printed: what is watched, and what goes on now."""

    def __init__(self, live: Live, name: str) -> None:
        self._live, self._name = live, clean(name)

    def busy(self, doing: str) -> None:
        """Show what takes a while."""
        self._show("◌", clean(doing))

    def waiting(self, seconds: float) -> None:
        """Show that a check is over, and what to do next."""
        took = _("{seconds} s at {time}").format(seconds=f"{seconds:.1f}", time=time.strftime("%H:%M:%S"))
        self._show("●", took, _("save it to check again"))

    def _show(self, sign: str, *said: str) -> None:
        parts = (self._name, *said, _("Ctrl-C stops"))
        line = f"{sign} {' · '.join(parts)}"
        self._live.update(Text(line, style="reverse", overflow="ellipsis", no_wrap=True), refresh=True)


@contextlib.contextmanager
def _footer(console: Console, name: str) -> Iterator[LineFooter | LiveFooter]:
    if not console.is_terminal or console.is_dumb_terminal:
        yield LineFooter(console, name)
        return
    with Live(console=console, auto_refresh=False, transient=True) as live:
        yield LiveFooter(live, name)
