# attack: value-plain-types-that-lie
# category: result-forging
# expects: 0 points: subclasses of plain types go over as plain ones; anything else is refused
# score: 0
# bounds: a dictionary of a million entries
# quick: yes

# %%
import torch
_n = [0]

class Int(int):
    def __eq__(self, other): return True
    def __index__(self): return 7
    def __format__(self, spec): raise SystemExit
    __hash__ = int.__hash__

class Text(str):
    def __len__(self): return 1
    def encode(self, *a): return b"passed"
    def __str__(self): return "10 points"

class Dict(dict):
    def items(self): return [("passed", True)] * 10
    def __len__(self): return -1

class Fake:
    __class__ = property(lambda self: torch.Tensor)
    def __getattr__(self, name): return lambda *a, **k: True
    def __reduce__(self): return (exec, ("raise SystemExit",))

def _endless():
    while True:
        yield 1.0

def softmax(x):
    _n[0] += 1
    return [
        lambda: Int(1), lambda: Text("x"), lambda: Dict(a=1), lambda: Fake(), _endless, lambda: 10**5000,
        lambda: {str(k): k for k in range(1_000_000)}, lambda: float("nan"), lambda: "\ud800", lambda: b"bytes",
        lambda: softmax, lambda: range(10**9), lambda: torch.Size([1]), lambda: NotImplemented, lambda: {(): []},
    ][_n[0] % 15]()
