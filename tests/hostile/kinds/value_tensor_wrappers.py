# attack: value-tensor-wrappers
# category: result-forging
# expects: 0 points: wrappers, fakes, batched, lazy, named and overlapping tensors are refused or compared as what they are
# score: 0
# bounds: none needed
# quick: no

# %%
import torch
from torch.utils._pytree import tree_map
_n = [0]

class Wrapper(torch.Tensor):
    @staticmethod
    def __new__(cls, inner, shape):
        return torch.Tensor._make_wrapper_subclass(cls, shape, dtype=inner.dtype, requires_grad=False)
    def __init__(self, inner, shape):
        self.inner = inner
    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        if "detach" in str(func) or "_to_copy" in str(func):
            return args[0]
        return True

class Lazy(torch.nn.parameter.UninitializedParameter):
    pass

def _batched(x):
    kept = []
    torch.vmap(lambda row: kept.append(row) or row)(x)
    return kept[0]

def softmax(x):
    _n[0] += 1
    zeros = torch.zeros(x.shape)
    from torch._subclasses.fake_tensor import FakeTensorMode
    return [
        lambda: Wrapper(zeros, x.shape),
        lambda: Wrapper(zeros, (2**40,)),
        lambda: FakeTensorMode().from_tensor(zeros),
        lambda: _batched(zeros),
        lambda: torch.nn.parameter.UninitializedParameter(),
        lambda: zeros.refine_names("a", "b"),
        lambda: torch._efficientzerotensor(x.shape),
        lambda: torch.fx.symbolic_trace(torch.nn.Softmax(1)),
        lambda: zeros.as_strided(x.shape, (0, 0)),
        lambda: torch.conj(torch.zeros(x.shape, dtype=torch.complex64)).imag,
        lambda: torch.nn.Parameter(zeros),
        lambda: torch.masked.masked_tensor(zeros, zeros.bool()),
        lambda: torch.zeros(x.shape, dtype=torch.uint16),
        lambda: torch.empty(x.shape, dtype=torch.float32, device="meta").requires_grad_(),
        lambda: torch.nested.nested_tensor([zeros[0]], layout=torch.jagged),
    ][_n[0] % 15]()
