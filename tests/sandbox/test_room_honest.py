# ruff: noqa: E501
"""What honest notebooks do works in a fully sealed room."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
import torch
from room_tools import LIMITS, inside, run_cells, text_of

from torchgrade.sandbox.probes import Handle
from torchgrade.testing.outcomes import Raised

CELLS = {
    "shell": ("!echo from a shell; ls -d /usr", "from a shell\r\n/usr"),
    "shell into a variable": ("lines = !printf 'a\\nb'\nprint(lines)", "['a', 'b']"),
    "bash cell": ("%%bash\necho from bash", "from bash"),
    "a failing command": ("!exit 3\nprint(_exit_code)", "3"),
    "timeit": ("%timeit -n 1 -r 1 sum(range(10))", "loop"),
    "writefile": ("%%writefile own.py\nx = 'own module'", "Writing own.py"),
    "import of it": ("import own; print(own.x)", "own module"),
    "home": ("import os, pathlib; print(os.getcwd() == str(pathlib.Path.home()) == os.environ['HOME'])", "True"),
    "await": ("import asyncio\nawait asyncio.sleep(0.01)\nprint('awaited')", "awaited"),
    "tempfile": ("import tempfile\nwith tempfile.NamedTemporaryFile('w') as f: print(f.write('abc'))", "3"),
    "threads": (
        "from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor(8) as p: print(sum(p.map(abs, range(100))))",
        "4950",
    ),
    "subprocess": ("import subprocess, sys\nprint(subprocess.check_output([sys.executable, '-c', 'print(6*7)']))", "42"),
    "multiprocessing": ("import multiprocessing as mp\nwith mp.Pool(2) as p: print(p.map(abs, [-1, -2, -3]))", "[1, 2, 3]"),
    "queue": (
        "q = mp.Queue()\np = mp.Process(target=q.put, args=('from a process',))\np.start(); print(q.get(timeout=10)); p.join()",
        "from a process",
    ),
    "shared memory": ("from multiprocessing import shared_memory as s\nm = s.SharedMemory(create=True, size=8)\nprint(m.size); m.close(); m.unlink()", "8"),
    "sqlite": ("import sqlite3\nc = sqlite3.connect('x.db'); c.execute('create table t(a)'); c.commit(); print('made')", "made"),
    "loopback": (
        "import socket\ns = socket.create_server(('127.0.0.1', 0))\nc = socket.create_connection(s.getsockname())\nprint('connected')",
        "connected",
    ),
    "host name": ("import socket; print(bool(socket.gethostname()), socket.gethostbyname('localhost'))", "127.0.0.1"),
    "training": (
        "import torch\nm = torch.nn.Linear(4, 1)\no = torch.optim.Adam(m.parameters())\n"
        "for _ in range(3):\n    o.zero_grad(); m(torch.ones(2, 4)).sum().backward(); o.step()\nprint('trained')",
        "trained",
    ),
    "DataLoader with workers": (
        "from torch.utils.data import DataLoader, TensorDataset\n"
        "d = DataLoader(TensorDataset(torch.arange(64.)), batch_size=8, num_workers=2)\nprint(sum(b[0].sum().item() for b in d))",
        "2016.0",
    ),
    "the old next()": ("print(iter(DataLoader(TensorDataset(torch.arange(4.)), 2)).next()[0])", "tensor([0., 1.])"),
    "save and load": ("torch.save(m.state_dict(), 'm.pt'); print(len(torch.load('m.pt')))", "2"),
    "memory": ("import resource; x = bytearray(400 << 20); print(len(x) >> 20); del x", "400"),
}  # fmt: skip
if importlib.util.find_spec("matplotlib"):
    CELLS["figure"] = ("import matplotlib.pyplot as plt\nplt.plot([1, 2]); plt.title('a'); plt.show()", "Figure")
    CELLS["figure without show"] = ("_ = plt.plot([2, 1])", "Figure")
    CELLS["figures are closed"] = ("print(len(plt.get_fignums()), 'open')", "0 open")
if importlib.util.find_spec("tqdm"):
    CELLS["tqdm"] = ("import sys\nfrom tqdm import tqdm\nfor _ in tqdm(range(5), file=sys.stdout): pass", "5/5")


@pytest.fixture(scope="module")
def honest(zygote):
    """One run of all the cells."""
    return run_cells(zygote, *(source for source, _ in CELLS.values()))


@pytest.mark.parametrize("name", CELLS)
def test_works(honest, name):
    index = list(CELLS).index(name)
    cell, report = honest.notebook["cells"][index], honest.cells[index]
    assert report.status == "ok", (report, cell["outputs"])
    shown = "".join(o.get("text", "") + str(o.get("data", {}).get("text/plain", "")) for o in cell["outputs"])
    assert CELLS[name][1] in shown


@pytest.mark.skipif(not importlib.util.find_spec("matplotlib"), reason="matplotlib is not installed")
@pytest.mark.parametrize("name", ["figure", "figure without show"])
def test_a_figure_is_a_picture(honest, name):
    """Once, as in any notebook, without `%matplotlib inline`."""
    (output,) = honest.notebook["cells"][list(CELLS).index(name)]["outputs"]
    assert len(output["data"]["image/png"]) > 2000


def test_each_room_draws_its_own_random_numbers(zygote):
    draw = "import random, numpy, torch\nprint(random.random(), numpy.random.rand(), torch.rand(1).item())"
    first, second = (text_of(run_cells(zygote, draw)).split() for _ in range(2))
    assert len(first) == 3 and not set(first) & set(second)


def test_a_helper_file_can_be_imported(zygote):
    """A file that the course hands out is put beside the notebook before its first cell."""
    from torchgrade.sandbox.policy import FULL
    from torchgrade.sandbox.probes import Questioner
    from torchgrade.sandbox.room import make_request

    room = zygote.open(make_request(FULL, LIMITS, wall_seconds=60))
    content = torch.from_numpy(np.frombuffer(b"answer = 42\n", np.uint8).copy())
    Questioner(room, 10).ask("helper.py", "file", {"name": "../../helper.py"}, {"content": content})
    with inside(zygote, "import helper\nprint(helper.answer, helper.__file__)", room=room) as open_room:
        assert "42 /home/student/helper.py" in text_of(open_room.run)


def test_probes_reach_what_the_notebook_made(zygote):
    cells = (
        "import torch\ndef double(x): return 2 * x\nW = torch.ones(2, 3)",
        "class Net(torch.nn.Module):\n    def __init__(self, n):\n        super().__init__(); self.l = torch.nn.Linear(n, 1)\n"
        "    def forward(self, x): return self.l(x)\nmodel = Net(4)",
        "def wrong(): raise ValueError('no: \\ud800 half')",
    )
    with inside(zygote, *cells) as room:
        ask = room.questioner.ask
        doubled = ask("double", "call", {"name": "double"}, {"args": (torch.arange(3.0),), "kwargs": {}})
        assert torch.equal(doubled, torch.tensor([0.0, 2.0, 4.0]))
        assert ask("W", "value", {"name": "W"}, {}).shape == (2, 3)
        handle = ask("Net", "call", {"name": "Net", "as_handle": True}, {"args": (4,), "kwargs": {}})
        assert isinstance(handle, Handle)
        assert set(ask("Net", "state", {"handle": handle.number}, {})) == {"l.weight", "l.bias"}
        assert {"double", "W", "Net", "model", "wrong"} <= set(ask("names", "names", {}, {}))
        ask("W", "define", {"name": "W"}, {"value": torch.zeros(1)})
        assert ask("W", "value", {"name": "W"}, {}).tolist() == [0.0]
        with pytest.raises(Raised) as raised:
            ask("wrong", "call", {"name": "wrong"}, {"args": (), "kwargs": {}})
        str(raised.value).encode()  # fit for a file
        assert raised.value.line == 1 and raised.value.name == "ValueError"
