# attack: message-storms
# category: resource-exhaustion
# expects: limited, code graded: display updates, cleared outputs and widgets' messages are bounded where they are made and where they arrive
# score: full
# bounds: 15 MB of messages
# quick: yes

# %%
import torch

def softmax(x):
    return torch.softmax(x, dim=1)

# %%
_k = get_ipython().kernel

def _send(kind, content, parent=None, socket=None):
    try:
        _k.session.send(socket or _k.iopub_socket, kind, content=content, parent=_k.get_parent() if parent is None else parent, ident=b"x")
    except Exception:
        pass

# %%
from IPython.display import HTML, clear_output, display
_armed = bool(globals().get("ATTACK_ARMED"))
_h = display("x", display_id="one")
for _i in range(3000 if _armed else 10):
    _h.update("y" * 1000)
for _i in range(3000 if _armed else 10):
    clear_output(wait=_i % 2 == 0)
for _i in range(3000 if _armed else 10):
    _send("comm_open", {"comm_id": str(_i), "target_name": "jupyter.widget", "data": {"state": {"value": "z" * 1000}}})
for _i in range(600):
    display("many", display_id="same")
_send("update_display_data", {"data": {"text/html": "w" * 100_000}, "metadata": {}, "transient": {"display_id": "same"}})

# %%
_send("stream", {"name": "stdout", "text": "after"}, parent={"msg_id": "another"})
