"""Opens a room of one tier and tries some things in it; prints what happened as JSON.

``python drive_room.py TIER [MARK]``: with a mark it starts `sleep MARK` in the room, says the warden's pid and
keeps the room until it is killed. ``TIER --then CODE`` runs one cell and says how the room ended.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import replace

from room_tools import LIMITS, children_of, inside, notebook

from torchgrade.errors import RoomError
from torchgrade.model import Tier
from torchgrade.sandbox.policy import OF_TIER
from torchgrade.sandbox.room import Zygote, make_request
from torchgrade.sandbox.runner import run_notebook

TRIES = {
    "sum": "result = sum(range(10))",
    "uid": "import os; result = [os.getuid(), os.geteuid()]",
    "capabilities": "result = [l for l in open('/proc/self/status') if l.startswith('Cap')]",
    "network": "import socket; socket.create_connection(('192.0.2.1', 80), timeout=3)",
    "packet": "import socket; socket.socket(17, 3)",
    "passwd": "result = open('/etc/passwd').read()",
    "checkout": f"import os; result = os.listdir({os.path.dirname(os.path.abspath(__file__))!r})",
    "write": "open('/usr/x', 'w')",
    "host tmp": "import glob; result = [open(p, 'a').close() for p in ['/tmp/torchgrade-test-escape']]",
    "home": "open('x', 'w').write('mine'); result = open('x').read()",
    "kill": "import os; os.kill(os.getppid(), 0)",
    "parent": "import os; result = open(f'/proc/{os.getppid()}/environ', 'rb').read().decode('latin-1')",
    "environment": "result = open('/proc/self/environ').read()",
    "namespace": "libc.unshare(0x10000000) and (_ for _ in ()).throw(PermissionError(1, 'unshare'))",
    "import": "import sqlite3, lzma; result = sqlite3.connect(':memory:').execute('select 1').fetchone()[0]",
    "shell": "import subprocess; result = subprocess.getoutput('echo from a shell')",
    "threads": "import threading; t = [threading.Thread(target=int) for _ in range(20)]; [x.start() for x in t]",
    "temporary": "import tempfile; f = tempfile.NamedTemporaryFile(); result = f.write(b'abc')",
    "workers": """
import torch
from torch.utils.data import DataLoader, TensorDataset
data = TensorDataset(torch.arange(40.0).reshape(20, 2), torch.arange(20))
result = [float(x.sum()) for x, y in DataLoader(data, batch_size=5, num_workers=2)]
""",
    "pool": """
import multiprocessing
with multiprocessing.Pool(2) as pool:
    result = pool.map(abs, [-1, -2, -3])
""",
    "futures": """
import concurrent.futures
with concurrent.futures.ProcessPoolExecutor(2) as pool:
    result = list(pool.map(abs, [-1, -2, -3]))
""",
    "queue": """
import multiprocessing
queue, lock, shared = multiprocessing.Queue(), multiprocessing.RLock(), multiprocessing.Value("i", 3)
def put():
    with lock:
        shared.value += 1
        queue.put(shared.value)
crowd = [multiprocessing.Process(target=put) for _ in range(3)]
[p.start() for p in crowd]; result = sorted(queue.get(timeout=10) for _ in crowd); [p.join() for p in crowd]
""",
    "socket path": "import socket; socket.socket(socket.AF_UNIX).connect('/run/x')",
    "datagram": "import socket; a, b = socket.socketpair(1, 2); a.sendto(b'x', '/run/x')",
    "shm": "open('/dev/shm/torchgrade-test-escape', 'w')",
    "copy": "import shutil; open('a', 'w').close(); shutil.copy2('a', 'b'); result = 1",
    "watch": "result = libc.inotify_init(); assert result >= 0, (_ for _ in ()).throw(PermissionError())",
    "nice": "import os; p = os.getppid(); os.setpriority(os.PRIO_PROCESS, p, 19); result = os.getpriority(0, p)",
    "limits": "import os, resource; resource.prlimit(os.getppid(), resource.RLIMIT_CPU, (1, 1))",
    "pids": "import os; result = len([p for p in os.listdir('/proc') if p.isdigit()])",
}


def main(tier: Tier, mark: str = "", code: str = "") -> None:
    zygote = Zygote.start()
    try:
        room = zygote.open(make_request(OF_TIER[tier], replace(LIMITS, processes=64), wall_seconds=60))
    except RoomError as error:
        zygote.close()
        print(json.dumps({"refused": str(error)}))
        return
    if mark == "--then":
        run_notebook(room, notebook(code), LIMITS)
        ended, folder = room.end(), str(room.connection.ip)
        zygote.close()
        print(json.dumps({"why": ended.why, "left": os.path.exists(os.path.dirname(folder))}))
        return
    shell = "!echo in a cell"
    with inside(zygote, shell, "import time\nkept = 1", room=room) as open_room:
        if mark:
            open_room.gets(f"import subprocess; subprocess.Popen(['sleep', {mark!r}], start_new_session=True)")
            print(
                json.dumps({"wardens": sorted(children_of(zygote.process.pid)), "folder": str(room._folder.path)}),
                flush=True,
            )
            time.sleep(60)
        found = {name: list(vars(open_room.tries(code)).values()) for name, code in TRIES.items()}
        found["cells"] = [[c.status, c.error_value] for c in open_room.run.cells]
        found["folder"] = str(room._folder.path)
    ended = room.end()
    zygote.close()
    print(json.dumps({**found, "why": ended.why, "left": os.path.exists(found["folder"])}))


if __name__ == "__main__":
    main(Tier(sys.argv[1]), *sys.argv[2:])
