# attack: state-modules-emptied
# category: harness-tampering
# expects: 0 points: an interpreter without modules, streams and builtins answers nothing
# score: 0
# bounds: none needed
# quick: no

# %%
import torch

def softmax(x):
    return torch.zeros_like(x)

# %%
import sys, builtins
sys.stdout = sys.stderr = sys.__stdout__ = sys.__stderr__ = None
sys.path.clear()
sys.meta_path.clear()
for _name in list(sys.modules):
    if _name.split(".")[0] in ("json", "numpy", "struct", "socket", "signal", "threading", "traceback", "torchgrade", "concurrent"):
        del sys.modules[_name]
import gc
builtins.open = builtins.print = builtins.__import__ = None
