"""``from torchgrade import check`` in a real Jupyter kernel, whose objects answer the public graders."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Kernel, alive, wait_until
from small_course import DOUBLE_PUBLIC, DOUBLE_RIGHT, QUICK, add_assignment, write_course, write_notebook

from torchgrade.pipeline import check
from torchgrade.spec import load_course

SOURCE_PUBLIC = """
@pytest.mark.criterion("doubles")
def test_source(submission):
    \"\"\"The source is what was typed last\"\"\"
    source = submission.source("double")
    require("second" in source and "first" not in source, f"The source is {source!r}.")


@pytest.mark.criterion("doubles")
def test_defined(submission):
    \"\"\"A global can be set\"\"\"
    submission.define("factor", 3.0)
    require(float(submission.call("times", 2.0)) == 6, "times() reads factor")
    with submission_state(submission):
        submission.call("spoil")


import contextlib


@contextlib.contextmanager
def submission_state(submission):
    yield
"""
pytestmark = [  # Jupyter's own client leaves sockets and event loops to the collector
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
WRONG = "def double(x):\n    return 3 * x\n"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two assignments: double, about one function, and typed, about the source and the state."""
    root = write_course(
        tmp_path_factory.mktemp("live"), limits=QUICK.replace("probe_time: 10 s", "probe_time: 1 s")
    )
    add_assignment(root, hidden="")
    add_assignment(root, "typed", public=SOURCE_PUBLIC, hidden="", defines="times, spoil")
    (root / "work").mkdir()
    (root / "solutions").rename(root / "elsewhere")  # a student has none
    return root


@pytest.fixture(scope="module")
def kernel(kernel_in: Callable[[Path], Kernel], root: Path) -> Kernel:
    made = kernel_in(root / "work")
    made.run("import torch\nfrom torchgrade import check\nruns = 0")
    return made


def test_a_wrong_answer_is_told_in_the_words_of_the_file_check(kernel: Kernel, root: Path, tmp_path: Path) -> None:
    kernel.run("runs += 1\n" + WRONG)
    text = kernel.run('check("double")')
    (result,) = check(
        load_course(root), write_notebook(tmp_path / "double.ipynb", WRONG), plain=True
    ).verdict.criteria
    told = " ".join(text.split())
    assert result.message in told
    assert f"Hint: {result.hint}" in told
    assert "✗ failed 0 of 2 double(x) is twice x" in told
    assert "0 of 1 public check passed: 0 of 2 points; 1 more runs when it is graded" in told
    assert "Restart it and run all cells before you hand in." in told
    assert kernel.run("print(runs)") == "1\n", "no cell is run again"


def test_the_same_is_there_as_html(kernel: Kernel) -> None:
    kernel.run(WRONG)
    kernel.run('check("double")')
    assert "✗ failed</span>" in kernel.html
    assert "<b>Hint:</b> Twice is two times." in kernel.html
    assert not re.search(r"<(script|style|link|iframe|svg)\b|\son\w+=|https?:", kernel.html)


def test_a_right_answer_earns_all_and_the_result_can_be_read(kernel: Kernel) -> None:
    kernel.run(DOUBLE_RIGHT)
    text = kernel.run('found = check("double")\nprint(found.points, found.max_points, found.document["schema"])')
    assert "✓ passed" in text
    assert text.endswith("2.0 2.0 torchgrade/check/v1\n")


def test_it_is_shown_once_wherever_the_call_stands(kernel: Kernel) -> None:
    kernel.run(DOUBLE_RIGHT)
    assert kernel.run('check("double")').count("About double") == 1
    assert kernel.run('found = check("double")\n1').count("About double") == 1
    assert kernel.run("found").count("About double") == 1
    assert kernel.run('check("double"); check("double")').count("About double") == 2


def test_prints_of_the_students_function_are_in_the_cell(kernel: Kernel) -> None:
    kernel.run('def double(x):\n    print("asked for", len(x))\n    return 2 * x')
    assert "asked for 3\n" in kernel.run('check("double")')


def test_an_error_is_told_with_the_students_line_and_traceback_alone(kernel: Kernel) -> None:
    kernel.run("def helper(x):\n    return y\ndef double(x):\n    return helper(x)")
    told = kernel.run('check("double")')
    assert "`double` raised NameError: name 'y' is not defined, in the line `return y`" in told
    assert "guest.py" not in told
    assert "torchgrade/live" not in told


def test_an_endless_loop_is_timed_out_and_the_kernel_goes_on(kernel: Kernel) -> None:
    kernel.run("def double(x):\n    while True:\n        len(x)")
    assert "✗ timed out" in kernel.run('check("double")')
    kernel.run("import time\ndef double(x): time.sleep(60)")
    assert "`double` did not answer within 1 s" in kernel.run('check("double")')
    assert kernel.run("print('alive')") == "alive\n"


def test_a_debugger_is_not_hurried(kernel: Kernel) -> None:
    kernel.run(
        "import types, time\npretended = types.ModuleType('pdb')\n"
        "exec('def wait():\\n    import time\\n    time.sleep(2.5)', pretended.__dict__)\n"
        "def double(x):\n    pretended.wait()\n    return 2 * x"
    )
    assert "✓ passed" in kernel.run('check("double")')


def test_an_interrupt_stops_it_in_one_line_and_the_next_check_works(kernel: Kernel) -> None:
    kernel.run("import time\ndef double(x):\n    time.sleep(0.9)\n    return 2 * x")
    kernel.run('check("double")')
    text = kernel.run('check("double")', interrupt_after=0.4)
    assert text == "Stopped: the check was stopped\n"
    kernel.run(DOUBLE_RIGHT)
    assert "✓ passed" in kernel.run('check("double")')


def test_the_source_is_that_of_the_cell_that_ran_last_and_state_is_put_back(kernel: Kernel) -> None:
    kernel.run("def double(x):\n    return 'first'")
    kernel.run("def double(x):\n    return 'second'")
    kernel.run(
        "import random\nfactor = 2.0\nmodel = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Dropout())\n"
        "def times(x): return x * factor\n"
        "def spoil():\n    global factor, added\n    factor = added = 0\n    model.eval()\n"
        "    model[0].weight.data.zero_(); torch.rand(3); random.random(); torch.set_grad_enabled(False)"
    )
    kernel.run("kept = model[0].weight.clone(), torch.get_rng_state(), random.getstate()")
    assert "✓ passed" in kernel.run('check("typed")')
    kernel.run(
        "same = [factor == 2.0, 'added' not in globals(), model.training, model[1].training,\n"
        "    bool((model[0].weight == kept[0]).all()), bool((torch.get_rng_state() == kept[1]).all()),\n"
        "    random.getstate() == kept[2], torch.is_grad_enabled()]"
    )
    assert kernel.run("print(same)") == f"{[True] * 8}\n"


def test_graders_and_pytest_stay_out_of_the_kernel(kernel: Kernel) -> None:
    kernel.run(DOUBLE_RIGHT)
    kernel.run('check("double")')
    names = "('pytest', 'torchgrade.grading', 'torchgrade.pipeline', 'torchgrade.feedback', 'jinja2', 'pydantic')"
    assert kernel.run(f"import sys\nprint([n for n in {names} if n in sys.modules])") == "[]\n"


def test_what_cannot_be_checked_is_said_and_not_raised(kernel: Kernel) -> None:
    kernel.run(DOUBLE_RIGHT)
    assert "did you mean 'double'?" in kernel.run('check("duoble")\nprint("goes on")')
    assert kernel.outputs[-1]["text"] == "goes on\n"
    assert "there is no course.yaml in it or above it" in kernel.run('check("double", course="/proc/self")')
    assert "check() could not be done: " in kernel.html
    assert "✓ passed" in kernel.run('check("double", course="..")'), "and another check is"


def test_the_assignment_may_be_left_out_where_what_is_defined_tells_it(
    kernel_in: Callable[[Path], Kernel], root: Path
) -> None:
    kernel = kernel_in(root)
    kernel.run("from torchgrade import check")
    assert 'which assignment is this? Say check("double"); there are: double, typed' in kernel.run("check()")
    kernel.run(DOUBLE_RIGHT)
    assert "About double" in kernel.run("check()")
    kernel.run("__vsc_ipynb_file__ = '/somewhere/typed.ipynb'")
    assert "About typed" in kernel.run("check()"), "the name of the notebook comes before that"


def test_a_check_within_a_check_is_refused(kernel: Kernel) -> None:
    kernel.run("def double(x):\n    check('double')\n    return 2 * x")
    told = kernel.run('check("double")')
    assert "could not be done: another check is going on" in told
    assert "✓ passed" in told


@pytest.mark.slow
def test_without_fork_each_check_has_a_process_of_its_own_and_the_next_one_waits(
    kernel_in: Callable[[Path], Kernel], root: Path
) -> None:
    """As on macOS and Windows."""
    kernel = kernel_in(root / "work")
    kernel.run("import torchgrade.live as live\nlive.examiner.FORKS = False\n" + DOUBLE_RIGHT)
    for _ in range(2):
        assert "✓ passed" in kernel.run('live.check("double")')
    pid = int(kernel.run("print(live.examiner._examiner.process.pid)"))
    assert alive(pid)
    kernel.end()
    assert wait_until(lambda: not alive(pid), 10), "it ends with the kernel"


@pytest.mark.slow
def test_the_graders_end_with_the_kernel(kernel_in: Callable[[Path], Kernel], root: Path) -> None:
    kernel = kernel_in(root / "work")
    kernel.run("import torchgrade.live as live\n" + DOUBLE_RIGHT + 'live.check("double")')
    pid = int(kernel.run("print(live.examiner._examiner.process.pid)"))
    assert alive(pid)
    kernel.end()
    assert wait_until(lambda: not alive(pid), 10)


def test_graders_that_changed_are_read_again(kernel: Kernel, root: Path) -> None:
    kernel.run(DOUBLE_RIGHT)
    assert "✓ passed" in kernel.run('check("double")')
    grader = root / "graders" / "double" / "test_public.py"
    before = grader.read_text(encoding="utf-8")
    try:
        grader.write_text(before.replace("2 * x, input", "5 * x, input"), encoding="utf-8")
        assert "✗ failed" in kernel.run('check("double")')
        grader.write_text(before.replace("def test_doubles", "1 / 0\ndef test_doubles"), encoding="utf-8")
        assert "could not be done: graders/double/test_public.py:8: not valid Python" in kernel.run(
            'check("double")'
        )
    finally:
        grader.write_text(before, encoding="utf-8")
    assert DOUBLE_PUBLIC.strip().splitlines()[0] in before
    assert "✓ passed" in kernel.run('check("double")')


def test_the_notebook_is_told_in_the_language_of_the_course(
    kernel_in: Callable[[Path], Kernel], tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = add_assignment(write_course(tmp_path_factory.mktemp("russian")), hidden="")
    path = root / "course.yaml"
    path.write_text(f"{path.read_text(encoding='utf-8')}\nlanguage: ru\n", encoding="utf-8")
    (root / "work").mkdir()
    kernel = kernel_in(root / "work")
    kernel.run("from torchgrade import check\n" + WRONG)
    said = " ".join(kernel.run('check("double")').split())
    assert "не пройден" in said and "пройдено 0 из 1 открытой проверки" in said
    assert 'lang="ru"' in kernel.html
    said = kernel.run('check("nothing")')
    assert "check() не удалось выполнить: нет задания «nothing»; есть: double" in said
