"""What takes long to import is imported for those who want it, and works for all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from room_tools import LIMITS, notebook, text_of

from torchgrade.sandbox import policy
from torchgrade.sandbox.room import Zygote, make_request
from torchgrade.sandbox.runner import Run, run_notebook
from torchgrade.sandbox.wanted import wanted_by

FIGURE = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()"
LOADED = "import sys; print('there' if 'matplotlib.pyplot' in sys.modules else 'absent')"


@pytest.fixture(scope="module")
def fresh() -> Iterator[Zygote]:
    """A warm parent that nobody has asked for anything yet."""
    warm = Zygote.start()
    yield warm
    warm.close()


def run(zygote: Zygote, *cells: str, wanted: tuple[str, ...] = ()) -> Run:
    room = zygote.open(make_request(policy.FULL, LIMITS, wall_seconds=60, wanted=wanted))
    try:
        return run_notebook(room, notebook(*cells), LIMITS)
    finally:
        room.end()


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("import torch\nx = torch.ones(3)", ()),
        (FIGURE, ("matplotlib",)),
        ("%pylab inline", ("matplotlib",)),
        ("import torch.optim as optim", ("optimizers",)),
        ("sns = __import__('seaborn'); torch.optim.SGD", ("matplotlib", "optimizers")),
    ],
)
def test_the_source_says_what_is_wanted(source: str, words: tuple[str, ...]) -> None:
    assert wanted_by(source) == words


def test_it_is_imported_once_it_is_wanted_and_figures_are_shown_either_way(fresh: Zygote) -> None:
    not_asked = run(fresh, LOADED, FIGURE)
    assert "absent" in text_of(not_asked)
    asked = run(fresh, LOADED, FIGURE, wanted=("matplotlib", "no such word"))
    assert "there" in text_of(asked)
    for each in (not_asked, asked):
        assert "image/png" in str(each.notebook)


def test_the_collector_works_in_a_room_and_reset_forgets_only_what_came_later(zygote: Zygote) -> None:
    code = "import gc, sys; print(gc.isenabled(), 'torch' in sys.modules)"
    done = run(zygote, code, "%reset -f aggressive", code)
    assert text_of(done).count("True True") == 2
