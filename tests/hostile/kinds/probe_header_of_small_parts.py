# attack: probe-header-of-small-parts
# category: resource-exhaustion
# expects: 0 points: a header of a million tiny parts takes little memory
# score: 0
# bounds: none needed
# quick: no

# %%
import torch
import torchgrade.sandbox.guest as _guest
from torchgrade.wire import frames as _frames
import struct
_n = [0]
_bodies = [b"{}," * 1_390_000, b'{"":0},' * 590_000, b"[[]]," * 830_000, b"0.5," * 1_040_000, b'"",' * 1_390_000, b'"\xc3\xa9\xc3\xa9",' * 590_000]

def softmax(x):
    return torch.zeros_like(x)

def _lie(stream, fields, arrays, seconds):
    _n[0] += 1
    body = b'{"ok": true, "nonce": "' + fields["nonce"].encode() + b'", "arrays": [], "value": {"list": [' + _bodies[_n[0] % 6] + b"0]}}"
    stream.settimeout(20)
    stream.sendall(struct.pack("<I", len(body)) + body)

_guest.send_frame = _lie
