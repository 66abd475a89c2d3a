"""What a notebook prints is bounded on the trusted side, whoever printed it and however."""

from __future__ import annotations

import json
import resource
import time
from dataclasses import replace

import nbformat
import pytest
from room_tools import LIMITS, run_cells, text_of

from torchgrade.sandbox import messages
from torchgrade.sandbox.runner import OUTPUT_LIMIT, _line

#: Sends what it likes, past the guest's own bounds and past IPython.
FORGE = """
from jupyter_client.session import Session
_kernel = get_ipython().kernel
def forge(kind, content, parent=None):
    Session.send(_kernel.session, _kernel.iopub_socket, kind, content=content,
                 parent=_kernel.get_parent() if parent is None else parent)
"""


def size_of(run) -> int:
    return len(json.dumps(run.notebook))


def peak_kb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def test_an_output_flood_is_bounded_and_the_run_goes_on(zygote):
    flood = "for n in range(20_000):\n    print('x' * 1000, flush=n % 10 == 0)"
    before = peak_kb()
    run = run_cells(zygote, flood, "6 * 7", limits=replace(LIMITS, output_kb=64))
    assert [c.status for c in run.cells] == ["ok", "ok"] and run.cut
    assert 1000 < size_of(run) < 128 << 10
    assert peak_kb() - before < 48 << 10


def test_a_display_of_50_mb_is_dropped_and_the_run_goes_on(zygote):
    show = """
from IPython.display import display, HTML, Image
display(HTML("x" * 50_000_000))
display({"image/png": "A" * 10_000_000}, raw=True)
"""
    before = peak_kb()
    run = run_cells(zygote, show, "'y' * 50_000_000", "print('still here')")
    assert [c.status for c in run.cells] == ["ok", "ok", "ok"]
    assert size_of(run) < 300 << 10 and "still here" in text_of(run)
    assert peak_kb() - before < 64 << 10


def test_a_print_of_50_mb_leaves_its_beginning(zygote):
    run = run_cells(zygote, "print('begin ' + 'x' * 50_000_000)", "print('still here')")
    assert [c.status for c in run.cells] == ["ok", "ok"] and run.cut
    assert "begin xxx" in text_of(run) and size_of(run) < 600 << 10


def test_an_error_of_50_mb_is_an_error_and_the_run_goes_on(zygote):
    begin = time.monotonic()
    run = run_cells(
        zygote,
        "raise ValueError('begin ' + 'x' * 50_000_000)",
        "print('still here')",
        limits=replace(LIMITS, cell_seconds=10),
    )
    assert [c.status for c in run.cells] == ["error", "ok"] and run.cells[0].error_name == "ValueError"
    assert run.cells[0].error_value.startswith("begin xxx") and "still here" in text_of(run)
    assert size_of(run) < 600 << 10 and time.monotonic() - begin < 10


def test_a_flood_past_the_guests_bounds_takes_neither_memory_nor_the_notebook(zygote):
    flood = "for n in range(60):\n    forge('stream', {'name': 'stdout', 'text': str(n) + 'x' * 1_000_000})"
    before = peak_kb()
    run = run_cells(zygote, FORGE, flood, "print('after')")
    assert size_of(run) < 600 << 10 and run.cells[2].status in ("ok", "skipped")
    assert peak_kb() - before < 96 << 10


def test_messages_too_large_to_take_do_not_take_memory(zygote):
    flood = "for n in range(40):\n    forge('stream', {'name': 'stdout', 'text': 'x' * 15_000_000})"
    before = peak_kb()
    run = run_cells(zygote, FORGE, flood, limits=replace(LIMITS, cell_seconds=8, notebook_seconds=12))
    assert size_of(run) < 600 << 10
    assert peak_kb() - before < 128 << 10


#: Sends bytes of one's own as the content of a message of the running cell.
FORGE_BYTES = """
import json
from jupyter_client.session import Session
_kernel = get_ipython().kernel
_session = Session(key=_kernel.session.key)
def forge_bytes(kind, content, signed=True):
    header, parent = _session.msg(kind)["header"], _kernel.get_parent()["header"]
    parts = [*(json.dumps(part, default=str).encode() for part in (header, parent)), b"{}", content]
    _kernel.iopub_socket.send_multipart(
        [b"stream.x", b"<IDS|MSG>", _session.sign(parts) if signed else b"0" * 64, *parts], copy=False
    )
"""


@pytest.mark.parametrize("part", ["[],", "{},", "[[]],", '{"":0},'])
def test_a_message_of_millions_of_parts_is_dropped_before_it_takes_memory(zygote, part):
    """15 MB of `[],` became 350 MB of lists."""
    flood = f"""
many = {part!r}.encode() * (15_000_000 // {len(part)})
forge_bytes("display_data", b'{{"metadata": {{}}, "data": {{"application/json": [' + many + b'0]}}}}')
"""
    before = peak_kb()
    run = run_cells(zygote, FORGE_BYTES, flood, "print('after')")
    assert [c.status for c in run.cells] == ["ok", "ok", "ok"] and "after" in text_of(run)
    assert peak_kb() - before < 128 << 10


def test_large_messages_that_are_not_signed_count_like_others(zygote):
    """Each is small talk to whoever sends it; unread, 64 of them took a gigabyte."""
    flood = """
import time
for _ in range(100):
    forge_bytes("stream", b"x" * 15_000_000, signed=False)
time.sleep(1)
"""
    before = peak_kb()
    run = run_cells(zygote, FORGE_BYTES, flood, "print('after')")
    assert run.cells[1].status == "killed" and run.died_in == 1
    assert peak_kb() - before < 192 << 10


@pytest.mark.parametrize("text", ["a, b: [c] {d}", '\\"[,]\\"', "\n" * 10, ""])
def test_marks_inside_strings_are_no_parts(text):
    many = [text] * (messages.PARTS // 4)
    assert messages.unpack(json.dumps(many).encode()) == many
    with pytest.raises(ValueError, match="too many parts"):
        messages.unpack(json.dumps([*many, *many, *many]).encode())


@pytest.mark.parametrize("broken", [b"", b"[", b'"', b'["a', b"\xff", b"nul", b"[" * 100_000, b"1" * 5000])
def test_what_is_no_json_raises_as_it_did(broken):
    with pytest.raises((ValueError, RecursionError)):
        messages.unpack(broken)


def test_a_flood_of_errors_is_bounded(zygote):
    flood = """
for n in range(3000):
    forge("error", {"ename": "E", "evalue": "x" * 10_000, "traceback": ["y" * 10_000]})
"""
    run = run_cells(zygote, FORGE, flood, "print('after')")
    assert size_of(run) < 600 << 10 and run.cells[1].status == "error"
    assert len(run.notebook["cells"][1]["outputs"]) <= 500


def test_one_update_cannot_fill_many_outputs(zygote):
    """Outputs that share a display id all take an update: 400 of 1 byte become 400 of 200 kB."""
    many = """
from IPython.display import display, update_display
for n in range(400): display("x", display_id="a")
update_display("y" * 200_000, display_id="a")
"""
    run = run_cells(zygote, many, "print('after')")
    assert [c.status for c in run.cells] == ["ok", "ok"]
    assert size_of(run) < 900 << 10


def test_an_update_of_one_display_is_shown(zygote):
    run = run_cells(
        zygote, "from IPython.display import display, update_display\n_ = display('old', display_id='a')",
        "update_display('new', display_id='a')",
    )  # fmt: skip
    (output,) = run.notebook["cells"][0]["outputs"]
    assert output["data"]["text/plain"] == "'new'"


def test_half_characters_do_not_reach_a_file(zygote):
    """A lone surrogate is a Python string, and no UTF-8 file, page or database takes it."""
    run = run_cells(
        zygote,
        FORGE,
        "print('a\\ud800b')",
        "raise ValueError('c\\udfffd')",
        "forge('stream', {'name': 'stdout', 'text': '\\ud83d'})",
        "class Odd(Exception): pass\nOdd.__name__ = 'O\\ud800'\nraise Odd('x')",
        "from IPython.display import display\ndisplay({'text/plain': '\\ud800'}, raw=True)",
    )
    json.dumps(run.notebook, ensure_ascii=False).encode()
    repr(run.cells).encode()
    assert "\ud800" not in "".join(c.error_name + c.error_value for c in run.cells)


@pytest.mark.parametrize(
    "traceback",
    [
        ["Cell " * 1000 + "In[1]" + "line " * 3000],
        ["Cell In[1] " * 1900],
        ["Cell " + " " * 19_000],
        ["\x1b[" + "1;" * 9000],
        ["Cell In[1], line " + " " * 19_000],
        ["Cell\n" * 4000],
    ],
)
def test_a_traceback_cannot_hold_the_reader_up(traceback):
    begin = time.monotonic()
    _line(traceback)
    assert time.monotonic() - begin < 0.5


def test_the_line_of_an_error(zygote):
    run = run_cells(zygote, "x = 1\n\nraise ValueError('here')", "def f():\n    return 1 / 0\n\n\nf()", "x = (\n")
    assert [(c.error_name, c.line) for c in run.cells] == [
        ("ValueError", 3),
        ("ZeroDivisionError", 5),
        (run.cells[2].error_name, 1),
    ]
    assert run.cells[2].error_name in ("SyntaxError", "_IncompleteInputError")


def test_an_executed_notebook_is_valid(zygote):
    run = run_cells(zygote, "print(1)", "2", "1 / 0", "!echo 3")
    nbformat.validate(run.notebook)
    assert "1\n" in text_of(run) and "3" in text_of(run) and "ZeroDivisionError" in text_of(run)


def test_widgets_and_progress_bars_do_not_disturb(zygote):
    run = run_cells(
        zygote,
        "import warnings; warnings.simplefilter('ignore')",
        "from tqdm.auto import tqdm\nfor _ in tqdm(range(3)): pass",
        "print('later')",
    )
    assert [c.status for c in run.cells] == ["ok"] * 3 and "later" in text_of(run)


FLOODS = {
    "prints": "while True: print('spam ' * 2000)",
    "C-level prints": "import os\nwhile True: os.write(1, b'spam ' * 2000)",
    "pictures": "from IPython.display import display, HTML\nwhile True: display(HTML('x' * 100_000))",
    "updates": "from IPython.display import display\nh = display('x', display_id=True)\n"
    "while True: h.update('x' * 50_000)",
    "prints that swallow interrupts": "while True:\n    try:\n        while True: print('spam ' * 2000)\n"
    "    except BaseException: pass",
}


@pytest.mark.parametrize("kind", FLOODS)
def test_a_flood_is_a_limit_that_stops_its_cell_at_once(zygote, kind):
    """Not the time that a machine needs for it: so the verdict is the same on every machine."""
    run = run_cells(zygote, "print('before')", FLOODS[kind], "after = 1", limits=replace(LIMITS, output_kb=64))
    flooded = run.cells[1]
    swallows = "swallow" in kind
    assert (flooded.status, flooded.error_name) == ("killed" if swallows else "interrupted", OUTPUT_LIMIT)
    assert flooded.seconds < 15 and run.cut
    assert run.cells[2].status == ("skipped" if swallows else "ok")
    assert run.notebook["cells"][0]["outputs"][0]["text"] == "before\n"


def test_a_noisy_notebook_is_no_flood(zygote):
    """Ten megabytes of progress bars and prints are what notebooks are like."""
    noise = "for n in range(100_000): print(f'\\r{n:6} ' + '#' * 90, end='')"
    run = run_cells(zygote, noise, "after = 1", limits=replace(LIMITS, output_kb=1024))
    assert [c.status for c in run.cells] == ["ok", "ok"] and run.cut


def test_widgets_messages_are_not_sent_at_all(zygote):
    """Nobody is there to move them; a storm of them costs the harness nothing."""
    storm = "from comm import create_comm\nc = create_comm(target_name='x')\n"
    storm += "for _ in range(2000): c.send({'state': 'x' * 10_000})"
    run = run_cells(zygote, storm, "after = 1")
    assert [c.status for c in run.cells] == ["ok", "ok"], run.cells
