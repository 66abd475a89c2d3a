# attack: value-arrays-of-objects
# category: result-forging
# expects: 0 points: arrays of objects, records, dates and texts are refused; nothing is unpickled
# score: 0
# bounds: none needed
# quick: yes

# %%
import numpy as np
import torch
_n = [0]

class Bomb:
    def __reduce__(self): return (print, ("LOOT unpickled",))
    def __float__(self): raise SystemExit
    def __eq__(self, other): return True

class Interface:
    __array_interface__ = {"shape": (2**40,), "typestr": "<f4", "data": (8, False), "version": 3}
    def __dlpack__(self, **k): raise SystemExit
    def __array__(self, *a, **k): return np.ones(3)

class Array(np.ndarray):
    shape = property(lambda self: (1,))
    def __array_finalize__(self, other): pass
    def __array_ufunc__(self, *a, **k): return True

def softmax(x):
    _n[0] += 1
    return [
        lambda: np.array([[Bomb()]], dtype=object), lambda: np.zeros(2, dtype=[("a", "f4"), ("b", "O")]),
        lambda: np.array(["2020"], dtype="datetime64"), lambda: np.array(["text"]), lambda: Interface(),
        lambda: np.zeros(x.shape, np.float32).view(Array), lambda: np.zeros(x.shape, ">f4"), lambda: Bomb(),
        lambda: np.matrix([[0.0]]), lambda: np.ma.masked_all((2, 2)),
    ][_n[0] % 10]()
