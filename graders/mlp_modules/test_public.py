"""Public criteria of mlp_modules. They ship with the handout: a student can run them before handing in."""

import itertools
import re

import pytest
import torch

from torchgrade.testing import (
    BadAnswer,
    ProbeFailure,
    Raised,
    _,
    advised,
    answer,
    count,
    draw_weights,
    layer_table,
    must,
    normal,
    parameters_of,
    set_mode,
    settle,
    spaced,
    weights_of,
)

NO_RETURN = "forward computes its answer and forgets it: what comes back is None. What should its last line say?"
LAYER = (
    "A layer stands where its output is wanted. self.fc1 is the layer, self.fc1(x) is what it makes of x; and nn.ReLU is "
    "a layer too, made once and then called: F.relu(x), or self.relu(x)."
)
CHAIN = "Each layer takes as many numbers as the one before it gives: the second size of one is the first size of the next."
NO_SUPER = "super().__init__() comes first in __init__, before any layer is made."
ONE = "forward returns one tensor, the probabilities alone: no tuple with the logits beside them."
DIGITS = "argmax names a class. What is asked for is the probabilities of all classes."
OTHER_X = "forward computes with the x that it is given, not with a variable of the notebook."
NO_MODULE = "A class becomes a network when it is called; a list or a dict of layers becomes one by nn.Sequential."
NO_FORWARD = "The class needs a method with exactly the name forward, in the class and not inside __init__: look at its indentation."


KINDS = {
    ("type", "NoneType"): NO_RETURN,
    ("type", "several"): ONE,
    ("shape", "rows"): OTHER_X,
    ("network", "no module"): NO_MODULE,
}


def layer_advice(failure):
    """The hint for the mistakes that are made in forward again and again; empty for another one."""
    text, kind = str(failure), getattr(failure, "kind", ())
    if kind in KINDS:
        return KINDS[kind]
    if kind[:1] == ("dtype",) and "int64" in text:
        return DIGITS
    layer = re.search(r"not (Linear|ReLU|Softmax|Tanh|Sequential)\b|'(Linear|ReLU|Softmax|Tanh|Sequential)'", text)
    if layer or isinstance(failure, BadAnswer):
        return LAYER
    if not isinstance(failure, Raised):
        return ""
    known = (
        ("cannot be multiplied", CHAIN),
        ("before Module.__init__", NO_SUPER),
        ('missing the required "forward"', NO_FORWARD),
    )
    return next((advice for words, advice in known if words in text), "")


# --- the class -------------------------------------------------------------------------------------------------


@pytest.mark.criterion("network-size")
def test_size(submission, rng, hint, exhibit):
    """Network() takes (N, 784), gives (N, 10), and has 109 386 parameters"""
    with advised(hint, "Network()", known=layer_advice):
        network = submission.build("Network")
        has_size(network, 784, 10, 109_386, rng, LAYERS, exhibit)


LAYERS = "Three linear layers, each with a bias: 784 numbers in, 128, 64, and 10 out; and no layer beside them."
# What a wrong number of parameters comes from.
COUNTS = {
    101_770: "There are 101 770 parameters in 784-128-10: is the hidden layer of 64 there?",
    109_184: "All biases are missing: leave bias=False out.",
    109_496: "110 parameters too many are a layer of 10 to 10. The softmax stands right behind the layer that gives the ten numbers.",
    109_376: "Ten parameters are missing: the last layer should have a bias, too.",
    109_322: "64 parameters are missing: the second layer should have a bias, too.",
    109_258: "128 parameters are missing: the first layer should have a bias, too.",
    110_036: "650 parameters too many are a second layer of 64 to 10: each layer is made once.",
    109_514: "128 parameters too many are a batch norm behind the second layer: none is asked for.",
    109_642: "256 parameters too many are a batch norm behind the first layer: none is asked for.",
    113_546: "4160 parameters too many are a layer of 64 to 64: three linear layers are asked for.",
    125_898: "16 512 parameters too many are a layer of 128 to 128: three linear layers are asked for.",
    2410: "Ten parameters too many: the second layer should have no bias.",
    2368: "The bias is missing in both layers; the first one should have it.",
    2378: "It is the second layer that should have no bias; the first one has it.",
    17_472: "All biases are missing: leave bias=False out.",
}


def has_size(network, wide, narrow, parameters, rng, advice, exhibit=None):
    """Fail unless a network takes (N, wide), gives (N, narrow), and has so many parameters."""
    settle(network, torch.zeros(2, wide))
    if exhibit is not None:
        exhibit(lambda: layer_table(parameters_of(network)))
    y = answer(network, normal(rng, (4, wide)))
    must(
        y.shape == (4, narrow),
        _("For an input of shape (4, {wide}) the output has shape {shape}, not (4, {narrow}).").format(
            wide=wide, shape=tuple(y.shape), narrow=narrow
        ),
        HIDDEN_LAYER if y.ndim == 2 else advice,
    )
    there = count(parameters_of(network))
    must(
        parameters in (there, count(weights_of(network))),
        _("The network has {there} parameters, but {wanted} are expected.").format(
            there=spaced(there), wanted=spaced(parameters)
        ),
        COUNTS.get(there, advice),
    )


HIDDEN_LAYER = "Is it the last layer's output that is returned? Every layer must be called in forward, in its turn, on what the one before it gave."


@pytest.mark.criterion("probabilities")
def test_probabilities(submission, rng, hint):
    """Every row of Network()(x) is a distribution over ten digits, whatever stands beside it, in training too"""
    with advised(hint, "Network()", known=layer_advice):
        network = submission.build("Network")
        settle(network, torch.zeros(2, 784))
        draw_weights(network, rng)
        gives_probabilities(network, normal(rng, (6, 784)), 10)


NO_SOFTMAX = "The network ends in a softmax: F.softmax, or nn.Softmax, over the ten numbers of each row."
LOGARITHM = "log_softmax gives logarithms of probabilities. Here the probabilities themselves are asked for."
OVER_BATCH = "A softmax over dim=0 shares a probability of 1 among the images of the batch. Which dimension holds the ten digits?"
SIGMOID = (
    "A sigmoid squeezes each number by itself; softmax makes the ten numbers of a row share a probability of 1."
)
ALONE = "Nothing in this network may work across the rows of a batch."
CHANCE = "The network that is asked for has no dropout, and nothing else that is left to chance."
MODES = "A dropout or a batch norm acts in training. The network that is asked for has none."


def gives_probabilities(network, x, columns):
    """Fail unless every row is a distribution of so many numbers, the same alone as in the batch and in training."""
    y = answer(network, x)
    must(
        y.ndim == 2 and y.shape[1] == columns,
        _("The output has shape {shape}, not ({rows}, {columns}).").format(
            shape=tuple(y.shape), rows=len(x), columns=columns
        ),
        HIDDEN_LAYER,
    )
    sums = y.double().sum(dim=1)
    low, off = float(y.min()), float((sums - 1).abs().max())
    if off > 1e-3 or low < 0:
        must(
            False,
            _("The rows of the output are no distributions: the first one sums to {total:.4g}.").format(
                total=float(sums[0])
            ),
            why_no_distribution(y),
        )
    must(same(answer(network, x), y), _("The same input gets another output at each call."), CHANCE)
    alone = torch.cat([answer(network, x[i : i + 1]) for i in range(len(x))])
    must(same(alone, y), _("A row gets another output in a batch than alone."), ALONE)
    set_mode(network, "train")
    again = answer(network, x)
    set_mode(network, "eval")
    must(same(again, y), _("In training mode the same input gets another output than in evaluation mode."), MODES)


def why_no_distribution(y):
    """The hint for rows that are not probabilities."""
    if bool(((y.exp().sum(dim=1) - 1).abs() < 1e-3).all()):
        return LOGARITHM
    inside = bool((y >= 0).all() and (y <= 1).all())
    if inside and bool(((y.sum(dim=0) - 1).abs() < 1e-3).all()):
        return OVER_BATCH
    return SIGMOID if inside else NO_SOFTMAX


def same(a, b):
    return a.shape == b.shape and torch.allclose(a, b, rtol=1e-3, atol=1e-5)


# --- the weights of the beginning ------------------------------------------------------------------------------

SIZES = (784, 128, 64, 10)
STD = 0.01


@pytest.mark.criterion("initial-weights")
def test_initial_weights(submission, hint, award):
    """In model all biases are 0, and all weights look like draws from N(0, 0.01)"""
    with advised(hint, known=layer_advice):
        layers, failures = layers_of(parameters_of(submission.object("model"))), []
        for number, (weight, bias) in enumerate(layers, 1):
            try:
                begins_as_asked(number, weight, bias)
            except AssertionError as failure:
                failures.append(failure)
        if len(failures) == len(layers):
            raise failures[0]
    if failures:  # the course's own example shows one layer
        hint(failures[0].advice)
        award(0.25 * max(0, 3 - len(failures)), str(failures[0]))


def begins_as_asked(number, weight, bias):
    """Fail unless the weights and biases of one layer are as they should be at the beginning."""
    text = _("Layer {number} of `model` has no bias that could be 0.")
    must(bias is not None, text.format(number=number), BIAS)
    biases_are_zero(number, bias)
    has_deviation(number, weight)
    looks_normal(number, weight)
    must_differ(number, weight)


INSTANCE = "model is an instance: model = Network(). Its weights are changed in place, as in model.fc1.weight.data.normal_(…)."
BIAS = "Each of the three layers has a bias: leave bias=False out."
FILL = "A bias is a tensor with methods that change it in place: see fill_ and zero_, and nn.init.zeros_. Do it for every layer."
NORMAL = "A weight is a tensor with methods that change it in place: see normal_, and nn.init.normal_. Do it for every layer."
VARIANCE = "0.01 is meant as the standard deviation, which is what normal_ takes; a variance of 0.01 would be a deviation of 0.1."
ONE_ARGUMENT = "normal_ takes the mean first and the deviation second: left alone, they are 0 and 1."
MEAN = "normal_ takes the mean first and the deviation second; the mean should be 0."
UNIFORM = "These are spread evenly over an interval, like those of uniform_ or rand. A normal distribution has values far out."


def layers_of(state):
    """The (weight, bias) of each linear layer, in their order, in float64; bias is None where a layer has none.

    Other widths than those asked for cost the criterion on the size; here they do not matter.
    """
    free, found = list(state.values()), []
    sizes = SIZES if all(fitting(free, a, b) for a, b in itertools.pairwise(SIZES)) else chain(free)
    shapes = ", ".join(str(tuple(v.shape)) for v in state.values())
    text = _(
        "`model` has not three linear layers from 784 numbers to 10; its parameters have the shapes {shapes}."
    )
    must(len(sizes) > 3, text.format(shapes=shapes), INSTANCE)
    for wide, narrow in itertools.pairwise(sizes):
        weight, bias = taken(free, (narrow, wide), (wide, narrow)), taken(free, (narrow,), (1, narrow))
        found.append((weight.double(), None if bias is None else bias.double()))
    return found


def fitting(tensors, *widths):
    """Those of the tensors that are weights between layers of these two widths."""
    return [v for v in tensors if sorted(v.shape) == sorted(widths)]


def chain(tensors):
    """The widths that the matrices lead through, from 784 to 10, in their order; empty where they do not."""
    widths = [SIZES[0]]
    for matrix in (v for v in tensors if v.ndim == 2 and min(v.shape) > 1):
        if widths[-1] not in matrix.shape:
            return []
        widths.append(matrix.numel() // widths[-1])
    return widths if widths[-1] == SIZES[-1] else []


def taken(free, *shapes):
    """The first tensor of one of these shapes, taken out of the list; None where there is none."""
    for n, value in enumerate(free):
        if tuple(value.shape) in shapes:
            return free.pop(n)
    return None


def biases_are_zero(number, bias):
    most = float(bias.abs().max())
    text = _("In layer {number} the biases are not 0: the largest is {most:.3g} away from it.")
    must(most == 0, text.format(number=number, most=most), FILL)


def has_deviation(number, weight):
    """Mean 0 and standard deviation 0.01, to six standard errors of so many draws."""
    n, mean, std = weight.numel(), float(weight.mean()), float(weight.std())
    text = _("In layer {number} the weights have a standard deviation of {std:.3g}; 0.01 is asked for.")
    advice = VARIANCE if 0.08 < std < 0.12 else ONE_ARGUMENT if 0.9 < std < 1.1 else NORMAL
    must(abs(std - STD) <= 6 * STD / (2 * n) ** 0.5, text.format(number=number, std=std), advice)
    text = _("In layer {number} the weights have a mean of {mean:.3g}; 0 is asked for.")
    must(abs(mean) <= 6 * STD / n**0.5, text.format(number=number, mean=mean), MEAN)


def looks_normal(number, weight):
    """Of normal draws 8.0 % lie farther out than 1.75 deviations, and 1.2 % farther than 2.5; of even ones none does."""
    away, n = weight.abs() / STD, weight.numel()
    shares = [float((away > limit).double().mean()) for limit in (1.75, 2.5)]
    errors = [abs(share - p) / (p * (1 - p) / n) ** 0.5 for share, p in zip(shares, (0.0801, 0.0124), strict=True)]
    text = _("In layer {number} the weights have the right deviation, but no normal distribution.")
    must(max(errors) <= 7, text.format(number=number), UNIFORM if shares[0] < 0.01 else NORMAL)


def must_differ(number, weight):
    """A row of numbers that is repeated was not drawn."""
    text = _("In layer {number} some units have the same weights: then they learn the same, too.")
    must(len(torch.unique(weight[:, :5], dim=0)) == len(weight), text.format(number=number), NORMAL)


# --- the same in other forms -----------------------------------------------------------------------------------

FORM = "nn.Sequential takes the layers one after the other, activations included, and needs neither a class nor forward."
NAMES = "nn.Sequential numbers its layers. An OrderedDict of (name, layer) pairs gives them names."


@pytest.mark.criterion("sequential-form")
def test_sequential(submission, rng, hint, exhibit):
    """sequential is an nn.Sequential that takes (N, 784), gives (N, 10), and has 109 386 parameters"""
    with advised(hint, known=layer_advice):
        network = submission.object("sequential")
        is_sequential(network, "sequential")
        has_size(network, 784, 10, 109_386, rng, LAYERS)


@pytest.mark.criterion("ordered-form")
def test_ordered(submission, rng, hint, exhibit):
    """ordered is an nn.Sequential of the same size, whose layers have names in place of numbers"""
    with advised(hint, known=layer_advice):
        network = submission.object("ordered")
        is_sequential(network, "ordered")
        numbered = [name for name in parameters_of(network) if all(p.isdigit() for p in name.split(".")[:-1])]
        text = _("The layers of `ordered` have numbers for names: {names}.")
        must(not numbered, text.format(names=", ".join(f"`{name}`" for name in numbered)), NAMES)
        has_size(network, 784, 10, 109_386, rng, LAYERS, exhibit)


def is_sequential(network, name):
    """Fail for a module that is no nn.Sequential: that one has a length."""
    set_mode(network, "eval")  # says it where this is no network at all
    try:
        network.call("__len__")
    except ProbeFailure:
        must(False, _("`{name}` is a network, but no nn.Sequential.").format(name=name), FORM)


# --- two more --------------------------------------------------------------------------------------------------

TWO = "Two linear layers: 64 to 32 with a bias, then 32 to 10 with bias=False. Nothing else."
THREE = "Three linear layers, each with a bias: 256 numbers in, 64, 16, and 4 out; ReLU behind the first, tanh behind the second, softmax at the end."


@pytest.mark.criterion("two-layers-size")
def test_two_layers(submission, rng, hint):
    """two_layers takes (N, 64), gives (N, 10), and has 2400 parameters"""
    with advised(hint, known=layer_advice):
        has_size(submission.object("two_layers"), 64, 10, 2400, rng, TWO)


@pytest.mark.criterion("three-layers-size")
def test_three_layers(submission, rng, hint, exhibit):
    """three_layers takes (N, 256), gives four probabilities for each row, and has 17 556 parameters"""
    with advised(hint, known=layer_advice):
        network = submission.object("three_layers")
        has_size(network, 256, 4, 17_556, rng, THREE, exhibit)
        gives_probabilities(network, normal(rng, (6, 256), 3), 4)
