"""Code that asks autograd is told from code that works a gradient out, by reading it."""

from __future__ import annotations

import textwrap

import pytest

from torchgrade.notebook import find_definition, from_percent
from torchgrade.testing import autograd_in


class Reader:
    """The source of one cell, as an examinee gives it."""

    def __init__(self, cell: str) -> None:
        self.notebook = from_percent("# %%\n" + textwrap.dedent(cell))

    def source(self, name: str) -> str:
        found = find_definition(self.notebook, name)
        return found[2] if found else ""


def found(cell: str) -> str:
    return autograd_in(Reader(cell), "backward")


ASKING = {
    "tensor": ("def backward(x):\n    (x ** 2).sum().backward()\n    return x", "(x ** 2).sum().backward()"),
    "kept graph": ("def backward(x):\n    x.sum().backward(retain_graph=True)", "backward(retain_graph=True)"),
    "function": ("def backward(x):\n    return torch.autograd.grad(x.sum(), x)", "torch.autograd"),
    "attribute": ("def backward(x):\n    return w.grad", "w.grad"),
    "leaf": ("def backward(x):\n    w = x.clone().requires_grad_()\n    return w", "requires_grad_"),
    "imported": ("from torch.autograd import grad\ndef backward(x):\n    return grad(x.sum(), x)", "grad"),
    "helper": ("def help(x):\n    x.sum().backward()\ndef backward(x):\n    return help(x)", "x.sum().backward()"),
    "far helper": (
        "def a(x):\n    x.backward()\ndef b(x):\n    return a(x)\ndef backward(x):\n    return b(x)",
        "x.backward()",
    ),
    "indented": ("try:\n    def backward(x):\n        return w.grad\nexcept NameError:\n    pass", "w.grad"),
    "own place, filled by autograd": (
        "def backward(x):\n    w.grad = None\n    x.sum().backward()\n    return w.grad",
        "x.sum().backward()",
    ),
    "lambda": ("backward = lambda x: x.grad", "x.grad"),
    "torch.func": ("def backward(x):\n    return torch.func.grad_and_value(f)(x)", "torch.func.grad_and_value"),
    "torch.func, read first": (
        "def backward(x):\n    tools = torch.func\n    return tools.vjp(f, x)",
        "torch.func",
    ),
    "functorch": ("def backward(x):\n    return functorch.jacrev(f)(x)", "functorch.jacrev"),
    "module under another name": ("import torch.func as tf\ndef backward(x):\n    return tf.vjp(f, x)", "tf.vjp"),
    "autograd under another name": (
        "import torch.autograd as ag\ndef backward(x):\n    return ag.functional.jacobian(f, x)",
        "ag.functional.jacobian",
    ),
    "given on": ("def backward(x):\n    return list(map(jacfwd(f), x))", "jacfwd"),
    "handed over": ("def backward(x):\n    return functools.partial(vjp, f)(x)", "vjp"),
    "imported in it": (
        "def backward(x):\n    from torch.func import grad as slope\n    return slope(f)(x)",
        "torch.func",
    ),
    "module imported in it": (
        "def backward(x):\n    import torch.autograd as ag\n    return ag.backward(x.sum())",
        "import torch.autograd as ag",
    ),
    "package imported in it": ("def backward(x):\n    from torch import func\n    return func.grad(f)(x)", "func"),
    "forward mode": ("def backward(x):\n    with fwAD.dual_level():\n        return x", "fwAD.dual_level"),
    "graph walked": ("def backward(x):\n    return x.sum().grad_fn(torch.ones(()))", "grad_fn(torch.ones(()))"),
    "graph switched on": ("def backward(x):\n    with torch.enable_grad():\n        x.backward(d)", "enable_grad"),
    "mapped helper": (
        "def help(x):\n    x.sum().backward()\ndef backward(x):\n    return list(map(help, x))",
        "x.sum().backward()",
    ),
    "class": (
        "class Slope:\n    def __call__(self, x):\n        x.sum().backward()\n"
        "def backward(x):\n    return Slope()(x)",
        "x.sum().backward()",
    ),
    **{
        name: (f"def backward(x):\n    return {name}(f)(x)", name)
        for name in ("grad_and_value", "vjp", "jvp", "jacrev", "jacfwd", "jacobian", "hessian", "hvp", "linearize")
    },
}


@pytest.mark.parametrize(("cell", "expression"), ASKING.values(), ids=ASKING)
def test_autograd_is_seen(cell, expression):
    assert expression in found(cell)


BY_HAND = {
    "plain": "def backward(x):\n    return 2 * x",
    "comment": "def backward(x):\n    # checked with loss.backward() and w.grad\n    return 2 * x",
    "text": 'def backward(x):\n    """Not torch.autograd.grad."""\n    return 2 * x',
    "no_grad": "def backward(x):\n    with torch.no_grad():\n        return 2 * x",
    "own method": "def backward(x):\n    return net.backward(x)",
    "own grad": "def grad(x):\n    return 2 * x\ndef backward(x):\n    return grad(x)",
    "inner grad": "def backward(x):\n    def grad(x):\n        return 2 * x\n    return grad(x)",
    "checked elsewhere": "def backward(x):\n    return 2 * x\nx.sum().backward()\nprint(x.grad)",
    "own place": "def backward(x):\n    w.grad = 2 * x\n    return w.grad",
    "calls itself": "def backward(x):\n    return backward(x)",
    "imported": "from mine import backward",
    "nothing": "x = 1",
    "own vjp": "def vjp(x):\n    return 2 * x\ndef backward(x):\n    return vjp(x)",
    "own methods": "class Layer:\n    def vjp(self, x):\n        return 2 * x\n    def backward(self, x):\n"
    "        return self.vjp(x)\nlayer = Layer()\ndef backward(x):\n    return layer.vjp(x) + layer.backward(x)",
    "layers in a loop": "def backward(x):\n    for layer in layers:\n        x = layer.jacobian(x)\n    return x",
    "an argument": "def backward(x, vjp, hessian=None):\n    return vjp(x) + x.jvp",
    "a gradient by the name": "def backward(x, grad):\n    return 2 * x * grad",
    "its own result by the name": "def backward(x):\n    jacobian = 2 * x\n    return jacobian",
    "recording switched off": "def backward(x):\n    with torch.autograd.no_grad():\n        return 2 * x",
    "nothing required": "def backward(x):\n    x = x.clone().requires_grad_(False)\n    return 2 * x",
    "an old variable": "def backward(x):\n    return 2 * torch.autograd.Variable(x)",
    "vmap": "def backward(x):\n    return torch.func.vmap(lambda v: 2 * v)(x)",
    "place kept in another function": "def keep(w, g):\n    w.grad = g\ndef step(w):\n    return w - w.grad\n"
    "def backward(x):\n    keep(w, 2 * x)\n    return step(w)",
    "a value by the name of a helper": "def check(x):\n    x.sum().backward()\nhistory = check(x)\n"
    "def backward(x):\n    print(history)\n    return 2 * x",
}


@pytest.mark.parametrize("cell", BY_HAND.values(), ids=BY_HAND)
def test_work_by_hand_is_left_alone(cell):
    assert found(cell) == ""


def test_a_chain_of_helpers_without_end_comes_to_an_end():
    chain = "\n".join(f"def f{n}(x):\n    return f{n + 1}(x)" for n in range(200))
    assert found(f"{chain}\ndef backward(x):\n    return f0(x)") == ""
