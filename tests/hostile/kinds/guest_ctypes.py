# attack: guest-ctypes
# category: result-forging
# expects: 0 points: an interpreter whose own integers lie can only answer with wrong arrays, or die
# score: 0
# bounds: this process's memory
# quick: yes

# %%
import torch

def softmax(x):
    return torch.zeros_like(x)

# %%
import ctypes, sys

def _poke():
    """Frames above: their local variables; then the cached 1 becomes a 0, in this process alone."""
    depth, frame = 0, sys._getframe()
    while frame is not None and depth < 50:
        for name in ("expected", "answer", "verdict", "points", "tolerance", "reference"):
            if name in frame.f_locals:
                print("LOOT", name, repr(frame.f_locals[name])[:80])
        try:
            ctypes.pythonapi.PyFrame_LocalsToFast(ctypes.py_object(frame), ctypes.c_int(0))
        except Exception:
            pass
        frame, depth = frame.f_back, depth + 1

_poke()

def softmax(x):
    _poke()
    if globals().get("ATTACK_ARMED"):
        ctypes.memset(id(257 - 1) + 24, 0, 4)
    return torch.zeros_like(x)
