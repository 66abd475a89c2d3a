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
}


@pytest.mark.parametrize("cell", BY_HAND.values(), ids=BY_HAND)
def test_work_by_hand_is_left_alone(cell):
    assert found(cell) == ""


def test_a_chain_of_helpers_without_end_comes_to_an_end():
    chain = "\n".join(f"def f{n}(x):\n    return f{n + 1}(x)" for n in range(200))
    assert found(f"{chain}\ndef backward(x):\n    return f0(x)") == ""
