"""A notebook with cells that call ``check`` is graded as if they were not there."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import pytest
from small_course import (
    DOUBLE_LATE_ONLY,
    DOUBLE_RIGHT,
    DOUBLE_SOLUTION,
    add_assignment,
    examine,
    notebook,
    write_course,
)

from torchgrade.grading import warm
from torchgrade.model import Verdict
from torchgrade.notebook import derive_handout, find_definition
from torchgrade.notebook.cells import cell_source

CHECKS = ('from torchgrade import check\ncheck("double")', "import torchgrade\ntorchgrade.check(course='.')")
#: What a cell says of the engine that it can reach.
REACHED = (
    "import sys\nprint(sorted(n for n in sys.modules if n.startswith('torchgrade')))",
    "print(check.__module__, sorted(vars(torchgrade)))",
)


@pytest.fixture(scope="module")
def examiner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[warm.Examiner]:
    """Of a course whose own solution checks itself too."""
    cells = (CHECKS[0], DOUBLE_SOLUTION, *CHECKS)
    root = add_assignment(write_course(tmp_path_factory.mktemp("graded")), solution=cells)
    started = warm.start(warm.Setup(str(root), "double", plain=sys.platform != "linux"))
    yield started
    started.close()


def marks(verdict: Verdict) -> list[tuple[str, str, float, str]]:
    return [(c.id, str(c.outcome), c.points, c.message) for c in verdict.criteria]


@pytest.mark.parametrize(("cell", "points"), [(DOUBLE_RIGHT, 3), (DOUBLE_LATE_ONLY, 2), ("x = 1", 0)])
def test_points_and_words_are_the_same_with_and_without_them(
    examiner: warm.Examiner, cell: str, points: float
) -> None:
    plain = examine(examiner, "double", cell)
    checked = examine(examiner, "double", CHECKS[0], cell, *CHECKS)
    assert marks(plain) == marks(checked)
    assert (plain.points, checked.points) == (points, points)
    assert [c.status for c in checked.cells] == ["ok"] * 4
    assert checked.reason == ""


def test_such_a_cell_says_so_and_reaches_nothing_new(examiner: warm.Examiner) -> None:
    verdict = examine(examiner, "double", REACHED[0], DOUBLE_RIGHT, *CHECKS, REACHED[0], REACHED[1])
    assert verdict.notebook is not None
    said = ["".join(o.get("text", "") for o in c["outputs"]) for c in verdict.notebook["cells"]]
    line = "check() does nothing while this notebook is graded\n"
    assert said[2:4] == [line, line]
    assert said[0] == said[4], "no module of the engine came into the room"
    assert said[5].startswith("torchgrade [")
    assert "torchgrade.live" not in said[4]


def test_the_handout_keeps_the_cell_and_definitions_are_found_beside_it() -> None:
    master = notebook(CHECKS[0], DOUBLE_SOLUTION, *CHECKS)
    handout = derive_handout(master)
    assert [cell_source(c) for c in handout["cells"] if "check" in cell_source(c)] == [CHECKS[0], *CHECKS]
    found = find_definition(handout, "double")
    assert found is not None
    assert found[0] == 1
    assert json.dumps(handout).count("return 2 * x") == 0
