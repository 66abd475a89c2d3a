# attack: report-half-characters
# category: report-injection
# expects: full points: half characters in outputs, errors and names end in no file
# score: full
# bounds: none needed
# quick: yes

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
_raw("stream", b'{"name": "stdout", "text": "\\ud800 \\udfff x"}')
_raw("display_data", b'{"metadata": {"\\ud800": 1}, "data": {"text/plain": "\\ud800", "text/\\udc80": "x"}, "transient": {"display_id": "\\ud800"}}')
_raw("error", b'{"ename": "\\ud800", "evalue": "\\udc80", "traceback": ["\\ud800"]}')
_raw("execute_result", b'{"metadata": {}, "execution_count": 1, "data": {"image/png": "\\ud800"}}')

# %%
print("\ud800\udc80" * 10)

# %%
raise type("\ud800", (Exception,), {})("\udcff\ud800")
