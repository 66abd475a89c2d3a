"""Opens a room of one tier and tries some things in it; prints what happened as JSON.

``python drive_room.py TIER [MARK]``: with a mark it starts `sleep MARK` in the room, says the warden's pid and
keeps the room until it is killed.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import replace

from room_tools import LIMITS, children_of, inside

from torchgrade.errors import RoomError
from torchgrade.model import Tier
from torchgrade.sandbox.policy import OF_TIER
from torchgrade.sandbox.room import Zygote, make_request

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
    "pids": "import os; result = len([p for p in os.listdir('/proc') if p.isdigit()])",
}


def main(tier: Tier, mark: str = "") -> None:
    zygote = Zygote.start()
    try:
        room = zygote.open(make_request(OF_TIER[tier], replace(LIMITS, processes=64), wall_seconds=60))
    except RoomError as error:
        zygote.close()
        print(json.dumps({"refused": str(error)}))
        return
    shell = "!echo in a cell"
    with inside(zygote, shell, "import time\nkept = 1", room=room) as open_room:
        if mark:
            open_room.gets(f"import subprocess; subprocess.Popen(['sleep', {mark!r}], start_new_session=True)")
            print(
                json.dumps({"wardens": sorted(children_of(zygote.process.pid)), "folder": str(room._folder)}),
                flush=True,
            )
            time.sleep(60)
        found = {name: list(vars(open_room.tries(code)).values()) for name, code in TRIES.items()}
        found["cells"] = [[c.status, c.error_value] for c in open_room.run.cells]
        found["folder"] = str(room._folder)
    ended = room.end()
    zygote.close()
    print(json.dumps({**found, "why": ended.why, "left": os.path.exists(found["folder"])}))


if __name__ == "__main__":
    main(Tier(sys.argv[1]), *sys.argv[2:])
