# attack: value-tensor-that-lies
# category: result-forging
# expects: 0 points: a subclass's own shape, numpy, equality and torch functions are never asked
# score: 0
# bounds: none needed
# quick: yes

# %%
import torch

class Liar(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return True
    shape = property(lambda self: torch.Size([1]))
    dtype = property(lambda self: torch.float64)
    is_sparse = property(lambda self: 1 / 0)
    __class__ = property(lambda self: bool)
    def numpy(self, *a, **k): return 1
    def numel(self): return 0
    def cpu(self): return self
    def __array__(self, *a, **k): return 1
    def __eq__(self, other): return True
    def __bool__(self): return True
    def __le__(self, other): return True
    __lt__ = __gt__ = __ge__ = __ne__ = __eq__

def softmax(x):
    return torch.zeros(x.shape).as_subclass(Liar)
