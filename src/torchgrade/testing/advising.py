"""One hint for what fails: that of the very failure, or what the student's error asks for, or the question's own.

with advised(hint, "train(model, X, y, epochs)", "Look at the loss of each epoch."):
    must(len(losses) == 3, _("There should be three losses."), "Append one in each epoch.")
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from torchgrade.testing.close import require
from torchgrade.testing.modules import advice_on
from torchgrade.testing.outcomes import ProbeFailure


def must(condition: Any, text: str, advice: str = "", *, safe: str = "", idle: bool = False) -> None:
    """``require``, with the hint that ``advised`` gives for this very failure.

    ``idle`` marks a failure of code that may have had too little to do: ``on_enough`` then gives it more.
    """
    try:
        require(condition, text, safe=safe)
    except AssertionError as failure:
        vars(failure).update(advice=advice, idle=idle)
        raise


@contextlib.contextmanager
def advised(
    hint: Callable[[str], None],
    call: str = "",
    usual: str = "",
    *,
    known: Callable[[Exception], str] | None = None,
) -> Iterator[None]:
    """Give one hint for what fails inside, if there is one to give; the failure goes on.

    That is, whichever comes first: the attribute ``advice`` of the failure, as ``must`` sets it; what ``known``
    makes of it; what ``advice_on`` says of it, ``call`` being how the student's function is called; ``usual``.
    """
    try:
        yield
    except (AssertionError, ProbeFailure) as failure:
        said = getattr(failure, "advice", "") or (known(failure) if known else "")
        if advice := said or advice_on(failure, call) or usual:
            hint(advice)
        raise


def shortened(text: str, longest: int = 60) -> str:
    """A student's text in one line of at most ``longest`` characters."""
    line = " ".join(text.split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"
