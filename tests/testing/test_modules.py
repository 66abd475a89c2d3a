"""A student's module is made ready whatever dtype it fixes, and what is its own business is left alone."""

from __future__ import annotations

import pytest
import torch
from test_network import InRoom
from torch import nn

from torchgrade.testing import (
    Mismatch,
    Raised,
    advice_on,
    draw_weights,
    ends_raw,
    parameters_of,
    settle,
    weights_of,
)


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


X = torch.randn(6, 5, generator=rng(1))


class Head(nn.Module):
    """Five numbers to three, with something before and behind."""

    def __init__(self, before=lambda x: x, behind=lambda x: x, bias=True):
        super().__init__()
        self.hidden, self.last = nn.Linear(5, 4), nn.Linear(4, 3, bias=bias)
        self.before, self.behind = before, behind

    def forward(self, x):
        return self.behind(self.last(torch.tanh(self.hidden(self.before(x)))))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
def test_a_module_that_fixes_its_dtype_is_asked_in_it(dtype):
    handle = InRoom(Head(before=lambda x: x.to(dtype)).to(dtype))
    assert settle(handle, X).dtype == dtype


def test_a_module_in_half_precision_is_asked_in_float32():
    handle = InRoom(Head().half())
    assert settle(handle, X).dtype == torch.float32
    assert not handle.target.training


def test_what_it_raised_at_first_is_told():
    with pytest.raises(Raised, match="shapes cannot be multiplied"):
        settle(InRoom(Head()), torch.zeros(2, 7))


def test_a_class_is_refused_in_words():
    with pytest.raises(Mismatch, match="an instance of your class"):
        settle(InRoom(Head), X)


def test_a_lazy_layer_has_its_weights_after_one_question():
    handle = InRoom(nn.Sequential(nn.LazyLinear(4), nn.Tanh(), nn.Linear(4, 3)))
    settle(handle, X)
    assert weights_of(handle)["0.weight"].shape == (4, 5)


class Scaled(Head):
    def __init__(self):
        super().__init__(before=lambda x: (x - self.mean) / self.scale)
        self.register_buffer("mean", torch.tensor(0.3))
        self.scale = nn.Parameter(torch.tensor([2.0]), requires_grad=False)


def test_buffers_and_frozen_numbers_are_no_parameters_and_are_not_drawn():
    handle = InRoom(Scaled())
    assert set(weights_of(handle)) - set(parameters_of(handle)) == {"mean", "scale"}
    before, after = weights_of(handle), draw_weights(handle, rng())
    assert torch.equal(before["mean"], after["mean"])
    assert torch.equal(before["scale"], after["scale"])
    assert not torch.equal(before["hidden.weight"], after["hidden.weight"])


BEHIND = {
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "softmax": lambda y: y.softmax(1),
    "log_softmax": lambda y: y.log_softmax(1),
}


@pytest.mark.parametrize("bias", [True, False])
def test_raw_logits_are_known(bias):
    handle = InRoom(Head(bias=bias))
    before = draw_weights(handle, rng())
    assert ends_raw(handle, X, rng(2))
    after = weights_of(handle)
    assert all(torch.equal(after[name], value) for name, value in before.items())


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("behind", BEHIND.values(), ids=BEHIND)
def test_what_acts_behind_the_last_layer_is_seen(behind, bias):
    handle = InRoom(Head(behind=behind, bias=bias))
    draw_weights(handle, rng())
    assert not ends_raw(handle, X, rng(2))


def test_several_last_layers_that_are_added_up_are_raw():
    class Skip(Head):
        def __init__(self):
            super().__init__(bias=False)
            self.skip = nn.Linear(5, 3, bias=False)

        def forward(self, x):
            return super().forward(x) + self.skip(x)

    assert ends_raw(InRoom(Skip()), X, rng(2))


def test_where_no_gradient_flows_nothing_is_claimed():
    assert ends_raw(InRoom(Head(behind=lambda y: y.detach())), X, rng(2))


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (Raised("train() missing 2 required positional arguments: 'a' and 'b'", name="TypeError"), "train(model)"),
        (Raised("train() takes 3 positional arguments but 5 were given", name="TypeError"), "train(model)"),
        (
            Raised("Linear.forward() missing 1 required positional argument: 'input'", name="TypeError"),
            "the class",
        ),
        (Raised("Torch not compiled with CUDA enabled", name="AssertionError"), ".to(device)"),
        (Raised("invalid index of a 0-dim tensor. Use `tensor.item()`", name="IndexError"), "loss.item()"),
        (Raised("'_SingleProcessDataLoaderIter' object has no attribute 'next'", name="AttributeError"), "next("),
        (Mismatch("NaN", kind=("finite",)), "of log(0) or of exp"),
    ],
)
def test_errors_that_are_known_get_advice(failure, words):
    assert words in advice_on(failure, "train(model)")


@pytest.mark.parametrize(
    "failure", [Raised("division by zero", name="ZeroDivisionError"), AssertionError("missing")]
)
def test_other_errors_get_none(failure):
    assert advice_on(failure, "train(model)") == ""
