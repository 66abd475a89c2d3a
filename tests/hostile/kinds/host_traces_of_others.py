# attack: host-traces-of-others
# category: leakage
# expects: 0 points, 0 bytes: the warm parent's memory holds nothing of other rooms or of who grades
# score: 0
# bounds: none needed
# quick: no

# %%
import torch

def softmax(x):
    return torch.zeros_like(x)

# %%
import re
_words = re.compile(rb"CANARY-[a-z-]{2,20}-[A-Za-z0-9]{6,}")
_own = open("/proc/self/mem", "rb", 0)
for _line in open("/proc/self/maps"):
    _range, _rights, *_rest = _line.split(None, 5)
    _from, _to = (int(v, 16) for v in _range.split("-"))
    if "r" not in _rights or _rest[-1].startswith("/") or _to - _from > 256 << 20:
        continue
    try:
        _own.seek(_from)
        for _found in set(_words.findall(_own.read(_to - _from))):
            print(_found[::-1])
    except (OSError, ValueError, OverflowError):
        pass
