"""Pure helpers on notebooks: handouts, definitions, outputs, percent scripts."""

from __future__ import annotations

import ast
import json
from typing import Any

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchgrade.errors import SpecError
from torchgrade.notebook import (
    cell_text_outputs,
    code_cells,
    derive_handout,
    dump,
    find_definition,
    from_percent,
    percent_header,
)
from torchgrade.notebook import source as source_module


def code(source: str | list[str], **more: Any) -> dict[str, Any]:
    return {"cell_type": "code", "metadata": {}, "execution_count": 3, "outputs": [], "source": source, **more}


def text(source: str, **more: Any) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": source, **more}


def notebook(*cells: dict[str, Any] | str) -> dict[str, Any]:
    made = [code(c) if isinstance(c, str) else c for c in cells]
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": made}


def handout_of(*cells: dict[str, Any] | str) -> list[str]:
    made = derive_handout(notebook(*cells))
    nbformat.validate(made)
    return [cell["source"] for cell in made["cells"]]


# Handouts


def test_a_function_body_becomes_a_gap_that_raises() -> None:
    source = (
        "import torch\n\n"
        "def softmax(x):\n"
        '    """Rows that sum to 1."""\n'
        "    ### BEGIN SOLUTION\n"
        "    e = torch.exp(x)\n"
        "    return e / e.sum(dim=1, keepdim=True)\n"
        "    ### END SOLUTION\n"
        "\n"
        "print('given')"
    )
    assert handout_of(source) == [
        "import torch\n\n"
        "def softmax(x):\n"
        '    """Rows that sum to 1."""\n'
        "    # YOUR CODE HERE\n"
        '    raise NotImplementedError("write this")\n'
        "\n"
        "print('given')"
    ]


def test_a_top_level_region_becomes_a_comment_alone() -> None:
    assert handout_of("x = 1\n### BEGIN SOLUTION\nout = x\n### END SOLUTION\ny = 2") == [
        "x = 1\n# YOUR CODE HERE\ny = 2"
    ]


def test_a_method_raises_and_a_class_body_passes() -> None:
    method = "class Net:\n    def f(self):\n        ### BEGIN SOLUTION\n        return 1\n        ### END SOLUTION"
    assert handout_of(method) == [
        'class Net:\n    def f(self):\n        # YOUR CODE HERE\n        raise NotImplementedError("write this")'
    ]
    body = "class Net:\n    ### BEGIN SOLUTION\n    size = 3\n    ### END SOLUTION\nnet = Net()"
    assert handout_of(body) == ["class Net:\n    # YOUR CODE HERE\n    pass\nnet = Net()"]


def test_a_class_body_inside_a_function_is_not_the_function() -> None:
    source = (
        "def f():\n    class A:\n        ### BEGIN SOLUTION\n        x = 1\n        ### END SOLUTION\n    return A"
    )
    assert handout_of(source) == ["def f():\n    class A:\n        # YOUR CODE HERE\n        pass\n    return A"]


def test_a_region_below_a_function_is_not_in_it() -> None:
    source = "def f():\n    return 1\n\n### BEGIN SOLUTION\nx = f()\n### END SOLUTION"
    assert handout_of(source) == ["def f():\n    return 1\n\n# YOUR CODE HERE"]


def test_a_loop_whose_body_was_the_solution_still_parses() -> None:
    source = "for i in range(3):\n    ### BEGIN SOLUTION\n    print(i)\n    ### END SOLUTION"
    assert handout_of(source) == ["for i in range(3):\n    # YOUR CODE HERE\n    pass"]


def test_several_regions_in_one_cell_and_two_that_fill_a_body() -> None:
    source = (
        "class A:\n    ### BEGIN SOLUTION\n    x = 1\n    ### END SOLUTION\n"
        "    ### BEGIN SOLUTION\n    y = 1\n    ### END SOLUTION\n"
        "### BEGIN SOLUTION\nz = 1\n### END SOLUTION"
    )
    (made,) = handout_of(source)
    assert made == "class A:\n    # YOUR CODE HERE\n    pass\n    # YOUR CODE HERE\n# YOUR CODE HERE"


def test_magics_in_a_solution_cell_do_no_harm() -> None:
    source = "%matplotlib inline\n!pip list\n### BEGIN SOLUTION\nx = 1\n### END SOLUTION"
    assert handout_of(source) == ["%matplotlib inline\n!pip list\n# YOUR CODE HERE"]


def test_a_text_cell_asks_for_an_answer() -> None:
    assert handout_of(text("## Why?\n### BEGIN SOLUTION\nBecause.\n### END SOLUTION")) == [
        "## Why?\n*Write your answer here.*"
    ]


@pytest.mark.parametrize(
    "mark", ["### {} SOLUTION", "## {} SOLUTION", "#{} SOLUTION", "### {} SOLUTION (2 points)"]
)
@pytest.mark.parametrize("case", [str.upper, str.lower])
def test_a_mistyped_mark_never_ships_a_solution(mark: str, case: Any) -> None:
    source = f"{case(mark.format('BEGIN'))}\nsecret = 1\n{case(mark.format('END'))}"
    assert "secret" not in handout_of(source)[0]


def test_cells_for_teachers_alone_are_left_out() -> None:
    assert handout_of("x = 1", code("secret = 1", metadata={"tags": ["solution-only"]}), "y = 1") == [
        "x = 1",
        "y = 1",
    ]


def test_outputs_counts_and_metadata_go_and_pictures_stay() -> None:
    output = {"output_type": "stream", "name": "stdout", "text": "42"}
    picture = {"a.png": {"image/png": "AAAA"}}
    solution = notebook(
        code("x", outputs=[output], metadata={"nbgrader": {"points": 1}, "tags": ["a"]}),
        text("![](attachment:a.png)", attachments=picture),
    )
    solution["metadata"] = {"authors": ["teacher"]}
    first, second = derive_handout(solution)["cells"]
    assert (first["outputs"], first["execution_count"], first["metadata"]) == ([], None, {})
    assert second["attachments"] == picture
    assert "teacher" not in dump(derive_handout(solution))


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("### BEGIN SOLUTION\nx = 1", "cell 2, line 1: BEGIN SOLUTION without an END SOLUTION"),
        ("x = 1\n### END SOLUTION", "cell 2, line 2: END SOLUTION without a BEGIN SOLUTION"),
        (
            "### BEGIN SOLUTION\n### BEGIN SOLUTION\n### END SOLUTION",
            "cell 2, line 2: BEGIN SOLUTION inside the solution that began in line 1",
        ),
        ("x = 1  ### BEGIN SOLUTION\n### END SOLUTION", "cell 2, line 1: a solution mark needs a line of its own"),
        ("### BEGIN SOLUTION\nx = (\n### END SOLUTION", "cell 2: holds a solution but is not valid Python"),
        (
            "### BEGIN SOLUTION\nif True:\n### END SOLUTION\n    x = 1",
            "cell 2, line 1: without this solution the cell is not valid Python",
        ),
    ],
)
def test_marks_that_do_not_pair_up(source: str, told: str) -> None:
    with pytest.raises(SpecError) as caught:
        derive_handout(notebook("x = 1", source), "solutions/a/a.ipynb")
    assert str(caught.value).startswith(f"solutions/a/a.ipynb: {told}")


def test_deriving_twice_gives_the_same_bytes() -> None:
    solution = notebook(
        code("a", id="same"), code("b", id="same"), code("c", id="not valid!"), code("d", id="cell-2"), "e"
    )
    first, second = derive_handout(solution), derive_handout(solution)
    assert dump(first) == dump(second)
    assert [cell["id"] for cell in first["cells"]] == ["same", "cell-2-", "cell-3", "cell-2", "cell-5"]
    assert dump(derive_handout(first)) == dump(first)


def test_deriving_does_not_change_the_solution() -> None:
    solution = notebook("### BEGIN SOLUTION\nx = 1\n### END SOLUTION")
    before = json.dumps(solution)
    derive_handout(solution)
    assert json.dumps(solution) == before


@given(st.text("xyz=1 \n", max_size=40), st.text("ab=2 \n", max_size=40))
def test_no_solution_text_survives(given_text: str, secret: str) -> None:
    cell = text(f"{given_text}\n### BEGIN SOLUTION\nSECRET{secret}\n### END SOLUTION")
    (made,) = handout_of(cell)
    assert "SECRET" not in made and made.startswith(given_text)


def test_dump_reads_back_and_ends_in_a_newline() -> None:
    nb = derive_handout(notebook("print('привет')\nx = 1"))
    written = dump(nb)
    assert written.endswith("}\n") and '"x = 1"' in written and "привет" in written
    assert nbformat.reads(written, as_version=4) == nb


# Cells and outputs


def test_code_cells_keep_their_place() -> None:
    assert code_cells(notebook("a", text("t"), code(["b\n", "c"]))) == [(0, "a"), (2, "b\nc")]


def test_text_outputs_of_an_executed_notebook() -> None:
    outputs = [
        {"output_type": "stream", "name": "stdout", "text": ["a\n", "b\n"]},
        {"output_type": "execute_result", "data": {"text/plain": "42"}, "metadata": {}, "execution_count": 1},
        {"output_type": "display_data", "data": {"image/png": "AAAA"}, "metadata": {}},
        {"output_type": "error", "ename": "NameError", "evalue": "\x1b[31mno x\x1b[0m", "traceback": ["long"]},
    ]
    nb = notebook(code("x", outputs=outputs), text("t"), "y")
    assert cell_text_outputs(nb) == ["a\nb\n42\nNameError: no x\n", ""]


# Definitions


def test_the_last_definition_wins() -> None:
    nb = notebook(
        "def f(): return 1", text("def f(): pass"), "x = 0\n\n@wraps\ndef f():\n    return 2\n\ny = 1", "z = 1"
    )
    assert find_definition(nb, "f") == (2, 3, "@wraps\ndef f():\n    return 2")
    assert find_definition(nb, "g") is None


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("class f(Base):\n    x = 1", (1, "class f(Base):\n    x = 1")),
        ("async def f(): ...", (1, "async def f(): ...")),
        ("f = lambda x: x", (1, "f = lambda x: x")),
        ("f: int = 3", (1, "f: int = 3")),
        ("f: int", None),
        ("a, (f, *b) = thing", (1, "a, (f, *b) = thing")),
        ("a = f = 1", (1, "a = f = 1")),
        ("*f, a = thing", (1, "*f, a = thing")),
        ("x.f = 1", None),
        ("f[0] = 1", None),
        ("f += 1", None),
        ("def g():\n    f = 1", None),
        ("class A:\n    def f(self): ...", None),
        ("if x:\n    def f(): ...\nelse:\n    pass", (2, "    def f(): ...")),
        ("try:\n    f = 1\nexcept E:\n    f = 2", (4, "    f = 2")),
        ("for i in x:\n    with y:\n        f = i", (3, "        f = i")),
        ("match x:\n    case 1:\n        f = 2", (3, "        f = 2")),
        ("f = (1 +\n     2)", (1, "f = (1 +\n     2)")),
        ("x = 1\r\nf = 2\r\n", (2, "f = 2")),
        ("f = await thing()", (1, "f = await thing()")),
        ("x = '\\d'\nf = 1", (2, "f = 1")),
        ("  x = 1\n  f = 1", (2, "  f = 1")),
    ],
)
def test_what_counts_as_a_definition(source: str, found: tuple[int, str] | None) -> None:
    expected = None if found is None else (0, *found)
    assert find_definition(notebook(source), "f") == expected


@pytest.mark.parametrize(
    "before",
    [
        "%matplotlib inline",
        "!pip install torch==2.0",
        "  !ls",
        "!pip install \\\n   torch numpy",
        "files = !ls *.py",
        "x = %timeit -o 1",
        "?print",
        "print?",
        "torch.exp??",
        "%%time",
        "%%capture out",
        "\n%%time",
        "%time y = 1",
        "!echo '''",
        "if True:\n    !ls\n    %cd ..",
        "\n".join(["!ls"] * 90),
    ],
)
def test_magics_do_not_hide_a_definition(before: str) -> None:
    source = f"{before}\ndef f(x):\n    return x"
    line = before.count("\n") + 2
    assert find_definition(notebook(source), "f") == (0, line, "def f(x):\n    return x")


def test_time_runs_its_statement_in_the_notebook() -> None:
    assert find_definition(notebook("%time model = train()\n!ls"), "model") == (0, 1, "%time model = train()")


@pytest.mark.parametrize(
    "source",
    [
        "%%bash\nf=1",
        "%%writefile helper.py\ndef f(): ...",
        "def f(:\n    pass",
        "f = 1\nprint 'old'",
        "f = 1\0",
        "f = " + "(" * 500,
        "f = " + "-" * 100_000 + "1",
        "'''\nf = 1\n",
    ],
)
def test_cells_that_define_nothing(source: str) -> None:
    assert find_definition(notebook(source), "f") is None


def test_percent_signs_that_are_python_stay() -> None:
    source = "text = '''\n%d items\n!important\n'''\nf = (5\n% 3)"
    assert find_definition(notebook(source), "f") == (0, 5, "f = (5\n% 3)")


@pytest.mark.parametrize(
    "cells",
    [
        ["f = 1\n" + "a\n" * 4_000_000],
        ["f = 1\n" + "aa = [1]\n" * 15_000 + "!true f\n" * 90],
        ["f = 1\n" + "a = 1\n" * 300 + "!true f\n" * 90] * 2000,
    ],
    ids=["statements", "magics", "cells of magics"],
)
def test_what_is_parsed_of_a_hostile_notebook_is_bounded(
    cells: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A parser takes a gigabyte for a megabyte of `a;`, and each line that is mended is one more parse."""
    parsed = [0]

    def counted(text: str) -> tuple[ast.Module | None, int]:
        """As fast as the real one is slow: the first line that is no Python is the first magic."""
        parsed[0] += len(text)
        wrong = next((n for n, line in enumerate(text.split("\n"), 1) if line.startswith("!")), 0)
        return (None, wrong) if wrong else (ast.Module(body=[], type_ignores=[]), 0)

    monkeypatch.setattr(source_module, "_try_parse", counted)
    find_definition(notebook(*cells), "f")
    assert parsed[0] < 2_000_000


def test_a_cell_that_is_too_long_to_be_read_hides_no_other() -> None:
    data = "pixels = [" + "1, " * 100_000 + "]"
    assert find_definition(notebook("def f(x): ...", data), "f") == (0, 1, "def f(x): ...")


def test_a_long_chain_of_branches_is_no_trouble() -> None:
    chain = "if x == 0:\n    f = 0\n" + "".join(f"elif x == {i}:\n    f = {i}\n" for i in range(1, 200))
    assert find_definition(notebook(chain), "f") == (0, 400, "    f = 199")


@given(st.text(max_size=60), st.text("f=%!?\\\n ()'\"def:", max_size=60))
def test_any_source_can_be_searched(one: str, other: str) -> None:
    nb = notebook(one, other)
    found = find_definition(nb, "f")
    assert found is None or 0 <= found[0] <= 1


# Percent scripts

SCRIPT = """\
# answer: batch-size-only
# hint: the divisor has 64 rows,
#   whatever the batch is
# loses: rows

import ignored

# %% [markdown]
# # Title
#
# text

# %%
import torch

x = 1

# %% tags=["solution-only", "late"]
y = "%%"
"""


def test_a_percent_script_becomes_a_notebook() -> None:
    nb = from_percent(SCRIPT)
    nbformat.validate(nb)
    assert [(c["cell_type"], c["source"]) for c in nb["cells"]] == [
        ("markdown", "# Title\n\ntext"),
        ("code", "import torch\n\nx = 1"),
        ("code", 'y = "%%"'),
    ]
    assert nb["cells"][2]["metadata"] == {"tags": ["solution-only", "late"]}
    assert dump(nb) == dump(from_percent(SCRIPT))


def test_the_header_of_a_percent_script() -> None:
    assert percent_header(SCRIPT) == {
        "answer": "batch-size-only",
        "hint": "the divisor has 64 rows, whatever the batch is",
        "loses": "rows",
    }
    assert percent_header("# %%\n# not: header") == {}
    assert percent_header("#!/usr/bin/env python\n# note:\n#   below\n#\n#   lost\n# %%\n") == {"note": "below"}


def test_a_script_without_cells_is_a_fault() -> None:
    with pytest.raises(SpecError, match=r"wrong\.py: has no line '# %%'"):
        from_percent("x = 1\n", "wrong.py")


@pytest.mark.parametrize("tags", ['["a]', "[1]", '["a,b"]', '[""]'])
def test_wrong_tags_are_a_fault(tags: str) -> None:
    with pytest.raises(SpecError, match=r"wrong\.py:2: tags: "):
        from_percent(f"# x\n# %% tags={tags}\n", "wrong.py")
