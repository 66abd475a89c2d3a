# attack: message-input-requests
# category: resource-exhaustion
# expects: full points: nobody types, and each way to ask says so at once
# score: full
# bounds: none needed
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
import getpass, sys
for _ask in (input, getpass.getpass, sys.stdin.readline, lambda: _k._input_request("x", _k._parent_ident, _k.get_parent(), password=True), lambda: open("/dev/tty").read(), lambda: breakpoint()):
    try:
        _ask()
    except BaseException as _error:
        print(type(_error).__name__)

# %%
_k._allow_stdin = True
_k.raw_input = None
_k.stdin_socket.send_multipart([b"x"] * 50)
