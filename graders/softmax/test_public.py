"""Public criteria of softmax. They ship with the handout: a student can run them before handing in."""

import ast
import contextlib
import math
import textwrap

import pytest
import torch

from torchgrade.testing import (
    ComparisonFailure,
    ProbeFailure,
    Raised,
    _,
    assert_tensor_close,
    for_each_input,
    normal,
    require,
    require_tensor,
)


@pytest.mark.criterion("rows-sum-to-one")
def test_every_row_is_a_distribution(submission, rng, hint):
    """Every row of softmax(x) is positive, sums to 1, and is largest where x is largest"""

    def check(x):
        p = require_tensor(submission.call("softmax", x), x.shape, name="softmax(x)")
        positive(p, x)
        sums_to_one(p, x)
        follows(p, x)

    text = "One row of x is one picture: its ten numbers share a probability of 1 among themselves alone."
    with advice(hint, text):
        for_each_input(submission, check, [normal(rng, (64, 10))])


@pytest.mark.criterion("softmax-values")
def test_values_for_a_batch(submission, rng, hint):
    """softmax(x) has the right values for a batch of shape (64, 10)"""

    def check(x):
        expected = torch.softmax(x.double(), dim=1)
        assert_tensor_close(submission.call("softmax", x), expected, atol=1e-12, name="softmax(x)", input=x)

    text = "Take exp of every number, add these up along each row, and divide each by the sum of its own row."
    with advice(hint, text):
        for_each_input(submission, check, [normal(rng, (64, 10)), normal(rng, (64, 10), scale=3)])


NAME_TAKEN = (
    "When the notebook has run, `softmax` is no function any more: a cell gives its name to something else, as in "
    "softmax = softmax(out). Choose another name there."
)


@contextlib.contextmanager
def advice(hint, text):
    """Give this hint if what is asked inside fails; another one where the name stands for something else by now."""
    try:
        yield
    except (AssertionError, ProbeFailure) as failure:
        taken = isinstance(failure, Raised) and "object is not callable" in str(failure) and not failure.line
        hint(NAME_TAKEN if taken else text)
        raise


@pytest.mark.criterion("out-shape")
def test_out_is_the_raw_output(submission, hint):
    """out is the network's raw output for the batch: shape (64, 10), before softmax"""
    try:
        out = require_tensor(submission.value("out"), (64, 10), name="`out`")
    except ComparisonFailure as failure:
        hint(RAW if "(10, 64)" not in str(failure) else TRANSPOSED)
        raise
    except ProbeFailure:
        hint(RAW)
        raise
    wrong, advice = what_is_wrong(submission, out)
    hint(advice)
    require(not wrong, wrong, got=out)


RAW = "The raw output is (hidden activations) @ (second weights) + (second biases), one row for each picture."
TRANSPOSED = (
    "Your `out` has a column for each picture; a batch has a row for each. Look at the order of the two factors in the "
    "product."
)
PROBABILITIES = "`out` holds probabilities already. Keep the raw output of the network in it, and give its softmax another name."
ACTIVATED = (
    "The output layer has no activation: its numbers may have any size and sign. Keep in `out` what comes before that "
    "last function."
)


def what_is_wrong(submission, out):
    """What shows that these numbers are not the raw output of a network, and a hint; two empty texts if nothing."""
    value = definition(submission, "out")
    if float(out.max() - out.min()) <= 1e-6 and not has_product(value):
        return _("`out` is the same number everywhere, so it cannot come from the network."), RAW
    if made_up(value, out):
        return _("`out` is drawn or made up: neither the pictures nor the weights have a part in it."), RAW
    if distribution(out):
        return _("The rows of `out` sum to 1: it is not the raw output."), PROBABILITIES
    if function := behind(out, value):
        text = _("`out` looks like something behind {function}: it is not the raw output.")
        return text.format(function=function), ACTIVATED
    return "", ""


def distribution(out):
    """Whether every row is positive and sums to 1 already."""
    return bool((out >= 0).all()) and bool(((out.sum(dim=1) - 1).abs() < 1e-3).all())


def behind(out, value):
    """The function through which these numbers went last, in words; empty where they look raw."""
    low, high = float(out.min()), float(out.max())
    name = called(value) if isinstance(value, ast.Call) else ""
    # In a loop over layers the last one may be left out: what is written there counts only if the numbers fit.
    if name in ACTIVATIONS and ACTIVATIONS[name][0] <= low and high <= ACTIVATIONS[name][1]:
        return f"`{name}`"
    if distribution(out.exp()):
        return _("a logarithm of softmax")
    saturated = ((out < 0.05) | (out > 0.95)).double().mean()
    if low >= 0 and high <= 1 and low < 0.05 and high > 0.95 and saturated > 0.5:
        return _("a sigmoid")
    if low >= -1 and high <= 1 and (out.abs() > 0.999).double().mean() > 0.05:
        return _("a tanh")
    # A whole row of zeros may come of a silent hidden layer; single zeros in it do not.
    cut = (out == 0) & (out > 0).any(dim=1, keepdim=True)
    return _("a ReLU") if low == 0 and int(cut.sum()) > 1 else ""


# --- how out is defined, read from the source --------------------------------------------------------------

ACTIVATIONS = {
    "activation": (0, 1),
    "sigmoid": (0, 1),
    "softmax": (0, 1),
    "tanh": (-1, 1),
    "relu": (0, math.inf),
    "log_softmax": (-math.inf, 0),
}
PRODUCTS = set("mm matmul dot addmm linear Linear bmm einsum tensordot mv".split())
MADE_UP = set("rand randn normal uniform randint rand_like randn_like uniform_ normal_ arange linspace".split())
BESIDE = set("empty zeros tensor Tensor FloatTensor from_numpy len size view reshape float double astype".split())


def definition(submission, name):
    """The value of the assignment that defines this name last; an empty module where there is none to be read."""
    value = assigned(submission.source(name))
    return assigned(submission.source(value.id)) if isinstance(value, ast.Name) and value.id != name else value


def assigned(source):
    try:
        statements = ast.parse(textwrap.dedent(source)).body
    except (SyntaxError, ValueError, RecursionError):
        statements = []
    values = [s.value for s in statements if isinstance(s, ast.Assign | ast.AnnAssign) and s.value]
    return values[-1] if values else ast.Module([], [])


def called(call):
    """The last part of the name of what is called."""
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


def calls(value):
    return {called(part) for part in ast.walk(value) if isinstance(part, ast.Call)}


def has_product(value):
    """Whether a matrix product stands there. What it gives may well be 0 everywhere, if the hidden layer is silent."""
    return any(isinstance(part, ast.MatMult) for part in ast.walk(value)) or bool(calls(value) & PRODUCTS)


def made_up(value, out):
    """Whether `out` is only drawn or counted where it is defined, and its columns differ no more than drawn ones do.

    A tensor that is drawn and then filled with a network's answers has columns of its own.
    """
    if has_product(value) or not calls(value) & MADE_UP or not calls(value) <= MADE_UP | BESIDE:
        return False
    return float(out.mean(dim=0).var()) < 4 * float(out.var()) / len(out)


def positive(p, x):
    """Every probability is above 0."""
    low = float(p.min()) if p.numel() else 1.0
    require(
        low > 0,
        _("softmax(x) holds {low:.4g}, but every probability is above 0.").format(low=low),
        safe=_("softmax(x) holds numbers that are not above 0."),
        input=x,
        got=p,
        expected=torch.softmax(x, dim=1),
    )


def sums_to_one(p, x):
    """Every row sums to 1, to 1e-4."""
    away = (p.double().sum(dim=1) - 1).abs()
    row = int(away.argmax())
    require(
        away <= 1e-4,
        _("Row {row} of softmax(x) sums to {total:.7g}, but every row should sum to 1.").format(
            row=row, total=float(p[row].double().sum())
        ),
        safe=_("The rows of softmax(x) do not sum to 1."),
        input=x,
        got=p,
        expected=torch.softmax(x, dim=1),
    )


def follows(p, x):
    """In every row the largest x has the largest probability, and clearly more than the smallest x has."""
    at_largest = p.gather(1, x.argmax(dim=1, keepdim=True))
    at_smallest = p.gather(1, x.argmin(dim=1, keepdim=True))
    apart = (x.amax(dim=1, keepdim=True) - x.amin(dim=1, keepdim=True)) > 0.1
    ordered = at_largest >= p.amax(dim=1, keepdim=True) * (1 - 1e-5)
    require(
        ordered & (~apart | (at_largest > 1.01 * at_smallest)),
        _("The largest number of a row of x should have the largest probability."),
        safe=_("The largest probabilities are not where x is largest."),
        input=x,
        got=p,
        expected=torch.softmax(x, dim=1),
    )
