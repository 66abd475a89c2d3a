"""Trusted notebooks in this process: the solution as the oracle that graders ask."""

from __future__ import annotations

import collections
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from small_course import notebook, tensor

from torchgrade.errors import BrokenError
from torchgrade.grading.reference import SLOW_TAG, NamespaceExaminee, load_namespace

SOLUTION = """
import torch
W = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
def affine(x): return x @ W
def spoil(x): return x.mul_(0)
def several(x): return torch.max(x, dim=1)
def listed(x): return [x, {"x": (x, 1)}]
class Net(torch.nn.Module):
    def __init__(self, width):
        super().__init__()
        self.inner = torch.nn.Linear(2, width)
    def forward(self, x): return self.inner(x)
    def add(self, a, b=1): return a + b
model = Net(1)
"""


@pytest.fixture
def reference() -> NamespaceExaminee:
    nb = notebook(SOLUTION)
    return NamespaceExaminee(load_namespace(nb, "solution.ipynb"), nb)


def test_calls_are_on_copies_and_come_back_detached(reference: NamespaceExaminee) -> None:
    x = torch.ones(2, requires_grad=True)
    assert reference.call("spoil", x).tolist() == [0, 0]
    assert x.tolist() == [1, 1]
    assert not reference.call("listed", x)[1]["x"][0].requires_grad


def test_arguments_after_a_call(reference: NamespaceExaminee) -> None:
    answer, after = reference.call_keeping_arguments("spoil", torch.ones(2))
    assert (answer.tolist(), after[0].tolist()) == ([0, 0], [0, 0])


def test_named_tuples_come_back_as_they_would_through_the_wall(reference: NamespaceExaminee) -> None:
    answer = reference.call("several", torch.eye(2))
    assert type(answer) is tuple
    reference.namespace["pair"] = lambda: collections.namedtuple("Pair", "a b")(1, torch.ones(1))
    assert type(reference.call("pair")) is tuple


def test_numpy_comes_back_as_it_would_through_the_wall(reference: NamespaceExaminee) -> None:
    reference.namespace["array"] = lambda: [np.arange(2.0), np.float64(1.5), np.bool_(True)]
    array, number, truth = reference.call("array")
    assert torch.equal(array, torch.tensor([0.0, 1.0], dtype=torch.float64))
    assert (type(number), type(truth)) == (float, bool)


def test_a_global_can_be_set(reference: NamespaceExaminee) -> None:
    reference.define("W", torch.zeros(2, 2))
    assert reference.call("affine", torch.ones(1, 2)).tolist() == [[0, 0]]
    assert reference.value("W").tolist() == [[0, 0], [0, 0]]


def test_gradients_with_respect_to_arguments_and_globals(reference: NamespaceExaminee) -> None:
    cotangent = tensor(1, 10).reshape(1, 2)
    by_x, by_w = reference.gradients("affine", torch.ones(1, 2), wrt=(0, "W"), cotangent=cotangent)
    assert (by_x.tolist(), by_w.tolist()) == ([[21, 43]], [[1, 10], [1, 10]])
    assert reference.value("W").tolist() == [[1, 2], [3, 4]]


def test_handles(reference: NamespaceExaminee) -> None:
    model = reference.object("model")
    assert {k: tuple(v.shape) for k, v in model.state().items()} == {"inner.weight": (1, 2), "inner.bias": (1,)}
    assert tuple(model.forward(torch.ones(3, 2)).shape) == (3, 1)
    assert model.call("add", 2, b=3) == 5
    assert tuple(model.call("inner.forward", torch.ones(3, 2)).shape) == (3, 1)
    assert model.gradients(torch.ones(3, 2))["inner.bias"].tolist() == [3]
    assert tuple(reference.build("Net", 4).forward(torch.ones(3, 2)).shape) == (3, 4)


def test_source(reference: NamespaceExaminee) -> None:
    assert reference.source("affine") == "def affine(x): return x @ W"
    assert reference.source("nowhere") == ""


def test_a_solution_that_fails_is_named_with_its_cell() -> None:
    with pytest.raises(BrokenError, match=r"s\.ipynb, cell 2: ZeroDivisionError"):
        load_namespace(notebook("a = 1", "b = a / 0"), "s.ipynb")


def test_a_solution_that_leaves_python_is_named_with_its_cell() -> None:
    with pytest.raises(BrokenError, match=r"s\.ipynb, cell 1: SystemExit"):
        load_namespace(notebook("raise SystemExit(0)"), "s.ipynb")


def test_magics_and_shell_lines_are_left_out() -> None:
    found = load_namespace(notebook("%matplotlib inline\n!ls\nkept = 1", "%%time\nmeasured = 2"), "s.ipynb")
    assert (found["kept"], found["measured"]) == (1, 2)


def test_what_jupyter_defines_is_there() -> None:
    """display() is no import in a notebook, so a solution may use it."""
    assert load_namespace(notebook("display(1, 2)\nkept = 1"), "s.ipynb")["kept"] == 1


def test_slow_cells_are_left_out() -> None:
    nb = notebook("kept = 1", "kept = 2")
    nb["cells"][1]["metadata"]["tags"] = [SLOW_TAG]
    assert load_namespace(nb, "s.ipynb")["kept"] == 1


def test_what_it_prints_is_not_heard(capfd: pytest.CaptureFixture[str]) -> None:
    load_namespace(notebook("print('loud')\nimport sys; print('loud', file=sys.stderr)"), "s.ipynb")
    assert capfd.readouterr() == ("", "")


def test_files_of_the_course_lie_beside_it_and_nothing_is_written_there(tmp_path: Path) -> None:
    """As in a room: the files are in the current folder, and what the solution writes is gone with it."""
    given = tmp_path / "files"
    given.mkdir()
    (given / "only_here.py").write_text("factor = 3\n")
    (given / "table.csv").write_text("1,2\n")
    cell = """
    import pathlib, only_here
    text = pathlib.Path("table.csv").read_text()
    pathlib.Path("model.pt").write_text("weights")
    """
    here = Path.cwd()
    try:
        found = load_namespace(notebook(cell), "s.ipynb", (given / "only_here.py", given / "table.csv"))
    finally:
        sys.modules.pop("only_here", None)
    assert (found["only_here"].factor, found["text"]) == (3, "1,2\n")
    assert sorted(os.listdir(given)) == ["only_here.py", "table.csv"]
    assert Path.cwd() == here
    assert not (here / "model.pt").exists()
