# attack: value-endless-containers
# category: result-forging
# expects: 0 points: containers without end or that contain themselves end in a limit
# score: 0
# bounds: none needed
# quick: no

# %%
import collections, torch
_n = [0]
_loop = []
_loop.append(_loop)
_ring = {}
_ring["x"] = _ring

class Endless(list):
    def __iter__(self):
        while True:
            yield 1.0

class Keys(collections.abc.Mapping):
    def __len__(self): return 1
    def __iter__(self):
        n = 0
        while True:
            yield (n := n + 1)
    def __getitem__(self, key): return torch.zeros(1000)

class Deep(collections.abc.Mapping):
    def __len__(self): return 1
    def __iter__(self): return iter(["x"])
    def __getitem__(self, key): return Deep()

class Number(float):
    def __float__(self): raise KeyboardInterrupt
    def __new__(cls): return float.__new__(cls, 1)

def softmax(x):
    _n[0] += 1
    return [lambda: _loop, lambda: _ring, Deep, Number, lambda: collections.UserList([1]), lambda: collections.ChainMap({"a": _ring}),
            lambda: (x for _ in range(3)), lambda: map(float, range(9)), lambda: memoryview(b"x"), lambda: torch.distributions.Normal(0, 1),
            lambda: Keys() if globals().get("ATTACK_ARMED") and _n[0] < 14 else 0, lambda: Endless() if _n[0] < 14 else 0][_n[0] % 12]()
