"""Small made-up courses on disk, so that each rule of the engine is seen alone."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

import torch

from torchgrade.grading import warm
from torchgrade.model import Course, CriterionResult, Verdict
from torchgrade.notebook import derive_handout, dump
from torchgrade.notebook.cells import new_cell, new_notebook
from torchgrade.spec import load_course

HEAD = "import pytest\nimport torch\n\nfrom torchgrade.testing import *\n\n"

#: Limits that a test can wait for.
QUICK = "cell_time: 20 s\nnotebook_time: 40 s\nprobe_time: 10 s\nmemory: 1 GiB\n"

# One public and one hidden criterion about one function.
DOUBLE_RUBRIC = """\
- {id: doubles, title: double(x) is twice x, points: 2}
- {id: doubles-large, title: double(x) is right for large numbers, points: 1, visibility: hidden}
"""
DOUBLE_PUBLIC = """
@pytest.mark.criterion("doubles")
def test_doubles(submission, rng, hint):
    \"\"\"double(x) is twice x\"\"\"
    hint("Twice is two times.")
    x = torch.randn(3, generator=rng)
    assert_tensor_close(submission.call("double", x), 2 * x, input=x)
"""
DOUBLE_HIDDEN = """
@pytest.mark.criterion("doubles-large")
def test_large(submission, rng):
    \"\"\"double(x) is right for large numbers\"\"\"
    x = 1e6 * torch.randn(3, generator=rng)
    assert_tensor_close(submission.call("double", x), 2 * x, input=x)
"""
DOUBLE_RIGHT = "def double(x):\n    return 2 * x\n"
DOUBLE_SOLUTION = "def double(x):\n    ### BEGIN SOLUTION\n    return 2 * x\n    ### END SOLUTION\n"
DOUBLE_LATE_ONLY = "def double(x):\n    return 2 * x.clamp(-100, 100)\n"  # loses the hidden criterion


def notebook(*cells: str) -> dict[str, Any]:
    """A notebook of code cells."""
    return new_notebook([new_cell("code", dedent(c).strip("\n"), f"c{n}") for n, c in enumerate(cells, 1)])


def write_notebook(path: Path, *cells: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dump(notebook(*cells)), encoding="utf-8")
    return path


def write_course(root: Path, *, limits: str = QUICK) -> Path:
    """A course without assignments."""
    root.mkdir(parents=True, exist_ok=True)
    indented = "".join(f"  {line}\n" for line in limits.splitlines())
    (root / "course.yaml").write_text(f"title: Small course\nyear: 2026\nlimits:\n{indented}", encoding="utf-8")
    return root


def add_assignment(
    root: Path,
    id: str = "double",
    *,
    rubric: str = DOUBLE_RUBRIC,
    public: str = DOUBLE_PUBLIC,
    hidden: str = DOUBLE_HIDDEN,
    solution: Iterable[str] = (DOUBLE_SOLUTION,),
    defines: str = "double",
    more: str = "",
    files: Mapping[str, str] | None = None,
    answers: Mapping[str, str] | None = None,
    handout: bool = True,
) -> Path:
    """Write assignments/<id>, graders/<id> and solutions/<id>; the root again."""
    folder, graders = root / "assignments" / id, root / "graders" / id
    for made in (folder / "files", graders, root / "solutions" / id):
        made.mkdir(parents=True, exist_ok=True)
    indented = "".join(f"  {line}\n" for line in dedent(rubric).strip("\n").splitlines())
    listed = f"files: [{', '.join(files)}]\n" if files else ""
    (folder / "assignment.yaml").write_text(
        f"id: {id}\ntitle: About {id}\ndefines: [{defines}]\n{listed}{more}rubric:\n{indented}", encoding="utf-8"
    )
    for name, text in (files or {}).items():
        (folder / "files" / name).write_text(text, encoding="utf-8")
    for name, text in (("test_public.py", public), ("test_hidden.py", hidden)):
        if text:
            (graders / name).write_text(HEAD + dedent(text), encoding="utf-8")
    for name, text in (answers or {}).items():  # "wrong/triples.py": percent format
        (graders / "answers" / name).parent.mkdir(parents=True, exist_ok=True)
        (graders / "answers" / name).write_text(dedent(text).lstrip("\n"), encoding="utf-8")
    master = write_notebook(root / "solutions" / id / f"{id}.ipynb", *solution)
    if handout:
        made = derive_handout(json.loads(master.read_text(encoding="utf-8")))
        (folder / f"{id}.ipynb").write_text(dump(made), encoding="utf-8")
    return root


def double_course(root: Path, **changes: Any) -> Course:
    """The smallest course that has all: one public criterion, one hidden."""
    return load_course(add_assignment(write_course(root), **changes))


def examine(examiner: warm.Examiner, assignment: str, *cells: str, student: str = "ada", **job: Any) -> Verdict:
    """The verdict on a notebook of these cells."""
    made = {"student": student, "assignment": assignment, "notebook": notebook(*cells), "digest": student}
    return examiner.examine({**made, "seed": "5eed", **job}, 120)


def of(verdict: Verdict, criterion: str) -> CriterionResult:
    """The result of one criterion."""
    return next(c for c in verdict.criteria if c.id == criterion)


def tensor(*values: float) -> torch.Tensor:
    """Always of floats, also of whole numbers."""
    return torch.tensor(values, dtype=torch.float32) if len(values) > 1 else torch.tensor(values[0]).float()
