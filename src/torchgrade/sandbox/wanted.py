"""What takes long to import and many notebooks do without: the warm parent imports it for those that want it.

Which these are is read off the source. A notebook that hides what it imports runs as well: its room imports it.
"""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Iterable

#: torch imports its compiler when the first optimizer is made.
OPTIMIZERS = "optimizers"

#: By the word for it, the modules. Wall time on two cores, without the collector: 0.2 s and 1.2 s.
_MODULES = {
    "matplotlib": (
        "matplotlib.pyplot", "matplotlib.figure", "matplotlib.backends.backend_agg",
        "matplotlib_inline.backend_inline",
    ),
    OPTIMIZERS: ("torch._dynamo",),
}  # fmt: skip
_SIGNS = {"matplotlib": re.compile(r"matplotlib|pyplot|pylab|seaborn"), OPTIMIZERS: re.compile("optim")}


def wanted_by(source: str) -> tuple[str, ...]:
    """The words for what a notebook with this source wants."""
    return tuple(word for word, sign in _SIGNS.items() if sign.search(source))


def bring(words: Iterable[str]) -> bool:
    """Import what the words stand for, in this process; whether any of it was new. Other words mean nothing."""
    new = [word for word in words if word in _MODULES and word not in _brought]
    for word in new:
        _brought.add(word)
        for name in _MODULES[word]:
            import_quietly(name)
    return bool(new)


_brought: set[str] = set()


def import_quietly(name: str) -> None:
    """A package that is not installed is missing for the student too; the room must open all the same."""
    with contextlib.suppress(Exception), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        __import__(name)
