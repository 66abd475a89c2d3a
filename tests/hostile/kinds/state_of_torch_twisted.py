# attack: state-of-torch-twisted
# category: harness-tampering
# expects: full points: global settings of torch in the room are the room's
# score: full
# bounds: none needed
# quick: no

# %%
import torch

def softmax(x):
    e = torch.exp(x - x.max(dim=1, keepdim=True).values)
    return e / e.sum(dim=1, keepdim=True)

# %%
import torch
torch.set_num_threads(4)
torch.set_default_dtype(torch.float64)
torch.set_grad_enabled(False)
torch.set_printoptions(precision=0, threshold=10**9)
torch.use_deterministic_algorithms(True)
torch.autograd.set_detect_anomaly(True)
torch.manual_seed(0)
torch.set_flush_denormal(True)
torch._C._set_grad_enabled(False)
import decimal, locale, sys, os
sys.setrecursionlimit(10**6)
sys.set_int_max_str_digits(0)
sys.setswitchinterval(1e-6)
os.umask(0o777)
os.chdir("/")
os.environ.clear()
import warnings
warnings.simplefilter("error")
import gc
gc.disable()
