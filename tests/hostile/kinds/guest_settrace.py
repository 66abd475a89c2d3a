# attack: guest-settrace
# category: result-forging
# expects: 0 points: a tracer in the guest's frames can change what the room says, and a room can say arrays alone
# score: 0
# bounds: none needed
# quick: yes

# %%
import torch

def softmax(x):
    return torch.zeros_like(x)

# %%
import sys, threading

def _trace(frame, event, arg):
    name = frame.f_code.co_name
    if name in ("_respond", "answer", "_reply", "send_frame", "pack_header"):
        for key, value in list(frame.f_locals.items()):
            if isinstance(value, dict):
                value.update(ok=True, passed=True, outcome="passed", points=10.0, kind="passed")
    return _trace

threading.settrace(_trace)
sys.settrace(_trace)
for _f in sys._current_frames().values():
    while _f:
        _f.f_trace = _trace
        _f = _f.f_back
