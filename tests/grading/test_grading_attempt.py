"""An attempt: what a notebook does to itself, and what can still be asked of it afterwards. Real rooms."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from small_course import notebook, tensor

from torchgrade.errors import RoomError
from torchgrade.grading.attempt import Attempt
from torchgrade.model import Limits
from torchgrade.sandbox import policy
from torchgrade.sandbox.room import Zygote, make_request
from torchgrade.testing.outcomes import Died, Missing, OutOfMemory, Raised, TimedOut

LIMITS = Limits(cell_seconds=1.0, notebook_seconds=12.0, probe_seconds=0.6, memory_mb=400)
RIGHT = "def double(x):\n    return 2 * x\n"

Begin = Callable[..., Attempt]


@pytest.fixture
def begin(zygote: Zygote) -> Iterator[Begin]:
    """begin(*cells, limits=…): an attempt whose notebook was run."""
    begun: list[Attempt] = []

    def make(*cells: str, limits: Limits = LIMITS, files: tuple[Path, ...] = ()) -> Attempt:
        def open_room() -> Any:
            return zygote.open(make_request(policy.FULL, limits, wall_seconds=60))

        attempt = Attempt(open_room, notebook(*cells), limits, files)
        begun.append(attempt)
        attempt.run()
        return attempt

    yield make
    for attempt in begun:
        attempt.close()


def call(attempt: Attempt, name: str, *args: Any) -> Any:
    return attempt.ask(name, "call", {"name": name}, {"args": list(args), "kwargs": {}})


def double_of_three(attempt: Attempt) -> float:
    return float(call(attempt, "double", tensor(3.0)))


def statuses(attempt: Attempt) -> list[str]:
    return [c.status for c in attempt.cells]


# --- the notebook ------------------------------------------------------------------------------------------


def test_a_cell_that_raises_does_not_stop_the_others(begin: Begin) -> None:
    attempt = begin("a = 1 / 0", RIGHT)
    assert statuses(attempt) == ["error", "ok"]
    assert (attempt.cells[0].error_name, attempt.cells[0].line) == ("ZeroDivisionError", 1)
    assert double_of_three(attempt) == 6
    assert attempt.limit_hit == ""


def test_a_cell_that_ends_the_process_is_left_out_and_the_rest_is_run_once_more(begin: Begin) -> None:
    attempt = begin("a = 1", "import os; os._exit(0)", RIGHT)
    assert statuses(attempt) == ["ok", "killed", "ok"]
    assert attempt.limit_hit == "cell 2 ended the whole Python process; the notebook was run without it"
    assert double_of_three(attempt) == 6
    assert attempt.ask("a", "value", {"name": "a"}, {}) == 1


def test_several_cells_that_end_the_process_are_left_out_one_by_one(begin: Begin) -> None:
    attempt = begin("import os; os._exit(0)", RIGHT, "import os; os.abort()")
    assert statuses(attempt) == ["killed", "ok", "killed"]
    assert double_of_three(attempt) == 6


def test_a_notebook_that_only_ends_itself_is_given_up_and_the_reason_says_so(begin: Begin) -> None:
    attempt = begin(*["import os; os._exit(0)"] * 5, RIGHT)
    assert statuses(attempt) == ["killed"] * 4 + ["skipped"] * 2
    assert attempt.limit_hit.startswith("the notebook ended its own Python process in cell 4")
    with pytest.raises(Died, match="cell 4"):
        double_of_three(attempt)


def test_a_cell_beyond_its_time_is_interrupted_and_later_cells_run(begin: Begin) -> None:
    attempt = begin("while True: pass", RIGHT)
    assert statuses(attempt) == ["interrupted", "ok"]
    assert attempt.limit_hit == "cell 1 ran longer than 1 s and was interrupted"
    assert double_of_three(attempt) == 6


def test_a_cell_that_swallows_the_interrupt_once_is_interrupted(begin: Begin) -> None:
    cell = """
    import time
    try:
        time.sleep(30)
    except KeyboardInterrupt:
        kept = 1
    """
    attempt = begin(cell, RIGHT)
    assert statuses(attempt) == ["interrupted", "ok"]
    assert attempt.ask("kept", "value", {"name": "kept"}, {}) == 1


def test_a_cell_that_swallows_every_interrupt_is_ended_and_left_out(begin: Begin) -> None:
    cell = """
    import time
    while True:
        try:
            time.sleep(30)
        except KeyboardInterrupt:
            pass
    """
    attempt = begin("a = 1", cell, RIGHT)
    assert statuses(attempt) == ["ok", "killed", "ok"]
    assert "could not be interrupted; the notebook was run without it" in attempt.limit_hit
    assert double_of_three(attempt) == 6


def test_the_whole_notebook_has_a_limit(begin: Begin) -> None:
    limits = Limits(cell_seconds=5.0, notebook_seconds=1.2, probe_seconds=1.0)
    attempt = begin("import time; time.sleep(0.7)", "time.sleep(9)", RIGHT, limits=limits)
    assert statuses(attempt) == ["ok", "interrupted", "skipped"]
    assert attempt.limit_hit == "the notebook ran longer than 1.2 s; what came later was not run"
    with pytest.raises(Missing):
        double_of_three(attempt)


def test_the_notebooks_limit_is_named_where_its_last_cell_was_stopped_by_it(begin: Begin) -> None:
    limits = Limits(cell_seconds=50.0, notebook_seconds=1.0)
    attempt = begin(RIGHT, "import time; time.sleep(9)", limits=limits)
    assert statuses(attempt) == ["ok", "interrupted"]
    assert "50 s" not in attempt.limit_hit
    assert attempt.limit_hit.startswith("the notebook ran longer than 1 s")


def test_memory_beyond_the_limit_is_named(begin: Begin) -> None:
    attempt = begin("import torch\nhuge = torch.ones(1 << 30)", RIGHT)
    assert statuses(attempt) in (["killed", "ok"], ["error", "ok"])  # refused by the allocator, or ended
    if attempt.cells[0].status == "killed":
        assert "memory" in attempt.limit_hit
    assert double_of_three(attempt) == 6


def test_a_flood_of_output_is_a_limit_of_its_own(begin: Begin) -> None:
    flood = "line = 'x' * 100_000 + chr(10)\nwhile True:\n    print(line, end='')"
    attempt = begin(flood, RIGHT, limits=Limits(cell_seconds=60.0, output_kb=64))
    assert statuses(attempt)[1] == "ok" and statuses(attempt)[0] in ("interrupted", "killed")
    assert attempt.limit_hit == "cell 1 put out far more than is kept, and was stopped"
    assert double_of_three(attempt) == 6


def test_files_of_the_course_lie_beside_the_notebook(begin: Begin, tmp_path: Path) -> None:
    helper, table = tmp_path / "helper.py", tmp_path / "table.csv"
    helper.write_text("factor = 2\n")
    table.write_text("1,2,3\n")
    attempt = begin(
        "import helper\ntext = open('table.csv').read()\ndef double(x):\n    return helper.factor * x",
        files=(helper, table),
    )
    assert double_of_three(attempt) == 6
    assert attempt.ask("text", "value", {"name": "text"}, {}) == "1,2,3\n"


def test_an_empty_notebook_defines_nothing(begin: Begin) -> None:
    attempt = begin()
    assert statuses(attempt) == []
    with pytest.raises(Missing):
        double_of_three(attempt)


def test_output_beyond_measure_is_cut_and_said_to_be(begin: Begin) -> None:
    limits = Limits(cell_seconds=10.0, output_kb=4)
    attempt = begin("for i in range(60): print('x' * 100, flush=True)", RIGHT, limits=limits)
    assert attempt.outputs_cut
    assert double_of_three(attempt) == 6


# --- questions ---------------------------------------------------------------------------------------------


def test_a_question_that_hangs_times_out_and_others_are_answered(begin: Begin) -> None:
    attempt = begin("import time\ndef slow(x):\n    while True: time.sleep(0.05)\n", RIGHT)
    with pytest.raises(TimedOut, match=r"within 0\.6 s"):
        call(attempt, "slow", 1)
    assert double_of_three(attempt) == 6


def test_a_question_that_swallows_the_interrupt_costs_the_room_and_nothing_else(begin: Begin) -> None:
    cell = """
    import time
    def slow(x):
        while True:
            try:
                time.sleep(30)
            except KeyboardInterrupt:
                pass
    """
    attempt = begin(cell, RIGHT)
    with pytest.raises(TimedOut):
        call(attempt, "slow", 1)
    assert double_of_three(attempt) == 6


def test_a_name_that_does_not_answer_is_not_asked_for_ever(begin: Begin) -> None:
    attempt = begin("import time\ndef slow(x): time.sleep(60)")
    for _ in range(2):
        with pytest.raises(TimedOut):
            call(attempt, "slow", 1)
    before = time.monotonic()
    with pytest.raises(TimedOut, match="not asked again"):
        call(attempt, "slow", 1)
    assert time.monotonic() - before < 0.3


def test_a_question_that_ends_the_process_fails_alone(begin: Begin) -> None:
    attempt = begin("import os\ndef leave(x): os._exit(0)", RIGHT)
    with pytest.raises(Died, match="`leave` ended the whole Python process"):
        call(attempt, "leave", 1)
    assert double_of_three(attempt) == 6


def test_a_name_that_ends_the_process_each_time_does_not_use_up_the_others_rooms(begin: Begin) -> None:
    attempt = begin("import os\ndef leave(x): os._exit(0)", RIGHT)
    for _ in range(9):
        with pytest.raises(Died):
            call(attempt, "leave", 1)
    assert double_of_three(attempt) == 6


def test_a_question_that_eats_all_memory_is_named_and_others_are_answered(begin: Begin) -> None:
    eat = "import torch\ndef eat(x):\n    return [torch.ones(1 << 24) for _ in range(400)]"
    attempt = begin(eat, RIGHT, limits=replace(LIMITS, probe_seconds=20.0))
    with pytest.raises(OutOfMemory):
        call(attempt, "eat", 1)
    assert double_of_three(attempt) == 6


@pytest.mark.parametrize(
    ("raising", "name"),
    [
        ("raise SystemExit(3)", "SystemExit"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("raise GeneratorExit", "GeneratorExit"),
        ("raise type('AssertionError', (BaseException,), {})('mine')", "AssertionError"),
        ("import pytest; pytest.skip('mine')", "Skipped"),
        ("import pytest; pytest.fail('mine')", "Failed"),
        ("import pytest; pytest.exit('mine')", "Exit"),
        ("class Passed(BaseException):\n        def __str__(self): raise self\n    raise Passed", "Passed"),
        ("x.no_such_thing", "AttributeError"),
        ("return x(", "NameError"),
    ],
)
def test_whatever_the_students_code_raises_is_only_raised(begin: Begin, raising: str, name: str) -> None:
    if name == "NameError":
        raising = "return undefined_name"
    attempt = begin(f"def f(x):\n    {raising}", RIGHT)
    with pytest.raises(Raised) as raised:
        call(attempt, "f", tensor(1.0))
    assert raised.value.name == name
    assert double_of_three(attempt) == 6


def test_training_has_a_time_of_its_own(begin: Begin) -> None:
    limits = Limits(probe_seconds=0.3, training_seconds=1.5)
    attempt = begin("import time\ndef train(s):\n    time.sleep(s)\n    return s", RIGHT, limits=limits)
    fields, values = {"name": "train"}, {"args": [0.8], "kwargs": {}}
    assert attempt.ask("train", "call", fields, values, 5.0) == 0.8
    with pytest.raises(TimedOut):  # 0.7 s are left
        attempt.ask("train", "call", fields, {"args": [9.0], "kwargs": {}}, 5.0)
    with pytest.raises(TimedOut, match="used up"):
        attempt.ask("train", "call", fields, values, 5.0)
    assert double_of_three(attempt) == 6


# --- what is ours ------------------------------------------------------------------------------------------


def test_a_room_that_cannot_be_opened_is_our_fault() -> None:
    def refuse() -> Any:
        raise RoomError("no room today")

    with pytest.raises(RoomError, match="no room today"):
        Attempt(refuse, notebook(RIGHT), LIMITS).run()


def test_a_kernel_that_never_starts_is_our_fault(zygote: Zygote, monkeypatch: pytest.MonkeyPatch) -> None:
    """No student code has run yet, so nobody else can be to blame."""
    monkeypatch.setattr("torchgrade.sandbox.runner._READY_SECONDS", 0.0)

    def open_room() -> Any:
        return zygote.open(make_request(policy.FULL, LIMITS, wall_seconds=60))

    attempt = Attempt(open_room, notebook(RIGHT), LIMITS)
    try:
        with pytest.raises(RoomError, match="before the first cell"):
            attempt.run()
    finally:
        attempt.close()


def test_peak_memory_is_measured(begin: Begin) -> None:
    attempt = begin("import torch\nkept = torch.ones(20 << 20)")
    attempt.close()
    assert attempt.peak_memory_mb > 80


def test_closing_twice_is_harmless(begin: Begin) -> None:
    attempt = begin(RIGHT)
    attempt.close()
    attempt.close()


def test_what_goes_in_is_a_copy(begin: Begin) -> None:
    attempt = begin("def spoil(x):\n    x.zero_()\n    return x")
    x = torch.ones(3)
    assert call(attempt, "spoil", x).tolist() == [0, 0, 0]
    assert x.tolist() == [1, 1, 1]
