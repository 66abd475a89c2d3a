"""Notebooks with nbgrader's marks (schema 3). ``PROBLEM1`` and ``PROBLEM2`` are built like its own example course:
the same parts, ids, points and kinds of cells, in words of ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Cell = dict[str, Any]


def text(source: str) -> Cell:
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def code(source: str) -> Cell:
    return {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": [], "source": source}


def marked(cell: Cell, id: str, **marks: Any) -> Cell:
    plain = {
        "schema_version": 3,
        "grade": False,
        "solution": False,
        "locked": False,
        "task": False,
        "grade_id": id,
    }
    return {**cell, "metadata": {"nbgrader": {**plain, **marks}}}


def answer(id: str, source: str) -> Cell:
    return marked(code(source), id, solution=True)


def test_cell(id: str, points: float, source: str) -> Cell:
    return marked(code(source), id, grade=True, locked=True, points=points)


test_cell.__test__ = False  # type: ignore[attr-defined]


def written(id: str, points: float, cell: Cell) -> Cell:
    return marked(cell, id, grade=True, solution=True, points=points)


def task(id: str, points: float, source: str) -> Cell:
    return marked(text(source), id, task=True, locked=True, points=points)


def notebook(*cells: Cell, language: str = "python") -> dict[str, Any]:
    spec = {"display_name": "Kernel", "language": language, "name": language}
    return {"nbformat": 4, "nbformat_minor": 0, "metadata": {"kernelspec": spec}, "cells": list(cells)}


def save(path: Path, *cells: Cell, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(notebook(*cells, **options)), encoding="utf-8")
    return path


SQUARES = '''def squares(n):
    """The squares of 1, 2, …, n, as a list. A ValueError where n is below 1."""
    ### BEGIN SOLUTION
    if n < 1:
        raise ValueError("n is below 1")
    return [number * number for number in range(1, n + 1)]
    ### END SOLUTION'''

SUM = '''def sum_of_squares(n):
    """The sum of the squares of 1, 2, …, n."""
    ### BEGIN SOLUTION
    return sum(squares(n))
    ### END SOLUTION'''

VALUES = '''"""squares gives the right lists"""
assert squares(1) == [1]
assert squares(2) == [1, 4]
assert squares(10) == [1, 4, 9, 16, 25, 36, 49, 64, 81, 100]
### BEGIN HIDDEN TESTS
assert squares(3) == [1, 4, 9]
### END HIDDEN TESTS'''

INVALID = '''"""squares raises a ValueError where n is below 1"""
try:
    squares(0)
except ValueError:
    pass
else:
    raise AssertionError("nothing was raised")

try:
    squares(-4)
except ValueError:
    pass
else:
    raise AssertionError("nothing was raised")'''

SUMS = '''"""sum_of_squares is right for several numbers"""
assert sum_of_squares(1) == 1
assert sum_of_squares(2) == 5
assert sum_of_squares(10) == 385'''

USES = '''"""sum_of_squares asks squares"""
kept = squares
del squares
try:
    sum_of_squares(1)
except NameError:
    pass
else:
    raise AssertionError("squares is not used")
finally:
    squares = kept'''

PLOT = '''"""the picture has a title and two named axes"""
axes = plt.gca()
assert axes.get_title() != ""
assert axes.get_xlabel() != "" and axes.get_ylabel() != ""'''

PROBLEM1 = (
    marked(text("This is done in a notebook:\n\n![](jupyter.png)"), "jupyter", locked=True),
    text("---\n## Part A (2 points)\n\nWrite a function that gives the squares $x_i=i^2$."),
    answer("squares", SQUARES),
    text("For $n=3$ it gives `[1, 4, 9]`:"),
    code("squares(3)"),
    test_cell("correct_squares", 1, VALUES),
    test_cell("squares_invalid_input", 1, INVALID),
    text("---\n## Part B (1 point)\n\nUse it to add them up."),
    answer("sum_of_squares", SUM),
    test_cell("correct_sum_of_squares", 0.5, SUMS),
    test_cell("sum_of_squares_uses_squares", 0.5, USES),
    text("---\n## Part C (1 point)\n\nWrite the sum as a formula."),
    written("sum_of_squares_equation", 1, text(r"$\sum_{i=1}^n i^2$")),
    text("---\n## Part D (2 points)\n\nWhat is such a sum good for?"),
    written("sum_of_squares_application", 2, code("def pyramid(n):\n    return sum_of_squares(n)")),
    task("cell-938593c4a215c6cc", 4, "---\n## Part E (4 points)\n\nGive two formulas and try them with numbers."),
)

PROBLEM2 = (
    text("Here is a function:\n\n```python\ndef f(x):\n    return x if x < 2 else f(x - 1) + f(x - 2)\n```"),
    text("---\n## Part A (1 point)\n\nSay in words what it does."),
    written("part-a", 1, text("It gives the Fibonacci numbers by recursion.")),
    text("---\n## Part B (2 points)\n\nFor which numbers does it not end?"),
    written("part-b", 2, text("It ends for all of them, below 2 at once; for large ones it takes very long.")),
)

PROBLEM3 = (
    code("import matplotlib.pyplot as plt"),
    answer("picture", "### BEGIN SOLUTION\nplt.plot([1, 2], [1, 4])\nplt.title('squares')\n### END SOLUTION"),
    test_cell("picture-labels", 2, PLOT),
)
