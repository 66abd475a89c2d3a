"""A cohort on a real GPU: the student's training, the slots, and accuracy measured outside the room."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
import pytest
from test_pipeline_grade import Heard

from torchgrade.model import Outcome, Status
from torchgrade.pipeline import GradeOptions, gpus, grade
from torchgrade.spec import load_course

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.gpu

LOOK = """
import torch
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
assert device.type == "cuda", "the notebook sees no GPU"
assert torch.cuda.device_count() == 1, "a slot is one GPU"
"""


@pytest.fixture(autouse=True)
def a_gpu() -> None:
    if reason := gpus.why_not(gpus.find_gpus()):
        pytest.skip(reason)


def test_a_network_trained_on_the_gpu_is_measured_on_it(tmp_path: Path) -> None:
    cohort = tmp_path / "cohort"
    cohort.mkdir()
    notebook = nbformat.read(ROOT / "solutions" / "lenet5" / "lenet5.ipynb", as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(LOOK))
    for name in ("anna", "boris"):
        notebook.cells[0].source = f"{LOOK}# {name}"
        nbformat.write(notebook, cohort / f"{name}.ipynb")
    course = load_course(ROOT, only="lenet5")
    options = GradeOptions(device="cuda", jobs=2)
    summary = grade(course, course.assignments[0], cohort, tmp_path / "out", options, Heard())
    for verdict in summary.verdicts:
        assert verdict.status == Status.GRADED and verdict.device == "cuda", verdict.reason
        assert [c.status for c in verdict.cells] == ["ok"] * len(verdict.cells)
        lost = {c.id: c.message for c in verdict.criteria if c.outcome != Outcome.PASSED}
        assert lost == {}
    shutil.rmtree(tmp_path / "out")
