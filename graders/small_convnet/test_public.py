"""Public criteria of small_convnet. They ship with the handout: a student can run them before handing in."""

import pytest
import torch

from torchgrade.testing import (
    Mismatch,
    Raised,
    _,
    advised,
    answer,
    count,
    draw_weights,
    ends_raw,
    layer_table,
    must,
    normal,
    parameters_of,
    settle,
    spaced,
    weights_of,
)

PICTURES = (3, 19, 19)
DIGITS = (1, 28, 28)


# --- sizes -----------------------------------------------------------------------------------------------------


@pytest.mark.criterion("conv-size")
def test_conv_size(submission, hint, exhibit):
    """conv_net takes (N, 3, 19, 19), gives (N, 16, 4, 4), and has 632 parameters"""
    with advised(hint, "conv_net", CONV, known=by_shape):
        judge_size(submission, "conv_net", PICTURES, (16, 4, 4), 632, exhibit)


@pytest.mark.criterion("joined-size")
def test_joined_size(submission, hint, exhibit):
    """joined_net takes (N, 3, 19, 19), gives (N, 4), and has 18 188 parameters"""
    with advised(hint, "joined_net", JOINED, known=by_shape):
        judge_size(submission, "joined_net", PICTURES, (4,), 18_188, exhibit)


@pytest.mark.criterion("mnist-size")
def test_mnist_size(submission, hint, exhibit):
    """SimpleConvNet() takes (N, 1, 28, 28), gives (N, 10), and has 44 426 parameters"""
    with advised(hint, "SimpleConvNet()", MNIST, known=by_shape):
        judge_size(submission, "SimpleConvNet", DIGITS, (10,), 44_426, exhibit)


CONV = "Convolution 3 to 8, ReLU, max-pooling by 2, convolution 8 to 16, ReLU, max-pooling by 2: kernels of 2, no padding, with biases."
JOINED = "The layers of conv_net, flatten(1), then linear layers 256-64-16-4, all with biases, and no layer beside them."
MNIST = "Convolution 1 to 6, pooling, convolution 6 to 16, pooling: kernels of 5, no padding. Then linear layers 256-120-84-10, all with biases."
NOT_FLAT = (
    "Between the convolutions and the linear layers the maps are to be flattened: nn.Flatten(), or x.flatten(1)."
)
# What a wrong number of parameters comes from.
SIZES = {
    1_392: "These are kernels of 3. The table says kernel 2: 18 = 19 - 2 + 1.",
    608: "The convolutions have no biases. Every layer of the table has them.",
    17_556: "That is the head alone. The layers of conv_net come before it: are they part of joined_net?",
    18_820: "There are more convolutions than two: are those of conv_net in it twice?",
    632: "The parameters of the head are missing: layers in a plain Python list are not found by PyTorch.",
    61_706: "With padding 2 in the first convolution 400 numbers reach the first linear layer. Here there is no padding: 4 x 4 x 16 = 256.",
    44_190: "The layers have no biases. Every layer of the table has them.",
}


def judge_size(submission, name, shape, wanted, parameters, exhibit):
    """Shapes for five pictures, and the number of parameters."""
    net = network(submission, name, torch.zeros(2, *shape))
    exhibit(lambda: layer_table(parameters_of(net)))
    y = answer(net, torch.zeros(5, *shape))
    must(
        y.shape == (5, *wanted),
        _("For pictures of shape {given} {name} gives {shape}, not {wanted}.").format(
            name=name, given=(5, *shape), shape=tuple(y.shape), wanted=(5, *wanted)
        ),
        NOT_FLAT if y.ndim > 1 + len(wanted) else "",
    )
    there = count(parameters_of(net))
    must(
        parameters in (there, count(weights_of(net))),
        _("{name} has {there} parameters, but {wanted} are expected.").format(
            name=name, there=spaced(there), wanted=spaced(parameters)
        ),
        SIZES.get(there, ""),
    )


# --- what comes out --------------------------------------------------------------------------------------------


@pytest.mark.criterion("conv-features")
def test_conv_features(submission, rng, hint):
    """conv_net gives features that are never negative, each picture by itself"""
    with advised(hint, "conv_net", CONV, known=by_shape):
        y = judge_pictures(submission, "conv_net", PICTURES, rng)
        must(y.shape[1:] == (16, 4, 4), _("The features have another shape than (N, 16, 4, 4)."))
        must(y >= 0, _("conv_net gives negative features: behind a ReLU there are none."), NO_RELU)
        must(
            float(y.max()) > 1.001, _("No feature is above 1: that is no ReLU, nothing else bounds it."), OTHER_ACT
        )


@pytest.mark.criterion("joined-probabilities")
def test_joined_probabilities(submission, rng, hint):
    """joined_net gives four probabilities for each picture by itself"""
    with advised(hint, "joined_net", JOINED, known=by_shape):
        y = judge_pictures(submission, "joined_net", PICTURES, rng)
        must(y.shape[1:] == (4,), _("For each picture four probabilities are expected."), JOINED)
        text = _("The four numbers of a picture are not probabilities: they should be positive and sum to 1.")
        logarithms = bool(((y.exp().sum(dim=1) - 1).abs() < 1e-3).all())
        must(
            bool((y >= 0).all()) and bool(((y.sum(dim=1) - 1).abs() < 1e-3).all()),
            text,
            LOGS if logarithms else SOFTMAX,
        )


@pytest.mark.criterion("mnist-logits")
def test_mnist_logits(submission, rng, hint):
    """SimpleConvNet() gives raw logits, each picture by itself"""
    with advised(hint, "SimpleConvNet()", MNIST, known=by_shape):
        y = judge_pictures(submission, "SimpleConvNet", DIGITS, rng)
        must(y.shape[1:] == (10,), _("For each picture ten logits are expected."), MNIST)
        sums = (y.exp() if bool((y <= 0).all()) else y).sum(dim=1)
        known = bool(((sums - 1).abs() < 1e-3).all())
        must(not known, _("The rows are probabilities (or their logarithms) already, not logits."), RAW)
        net = network(submission, "SimpleConvNet", torch.zeros(2, *DIGITS))
        raw = ends_raw(net, normal(rng, (6, *DIGITS)), rng)
        must(raw, _("Something acts behind the last linear layer: these are not raw logits."), RAW)


NO_RELU = "ReLU comes after each of the two convolutions, before or after the pooling that follows it."
OTHER_ACT = "The activation after both convolutions is ReLU: it lets large numbers through as they are."
SOFTMAX = "The last layer's four numbers go through softmax over dim=1, so that each row sums to 1."
LOGS = "These are logarithms of probabilities. Softmax is asked for, without the logarithm."
RAW = "The last linear layer's numbers are the output, with nothing behind them: CrossEntropyLoss takes the softmax itself."
CHANCE = (
    "F.dropout acts in evaluation mode too unless it is told training=self.training. The table has no dropout."
)
ACROSS = (
    "Flatten with x.flatten(1) or nn.Flatten(), so that every picture keeps its own row; and a softmax over dimension 0 "
    "would share among the pictures."
)


def judge_pictures(submission, name, shape, rng):
    """The answer to six pictures, with weights of ours: the same at each call, and the same for a picture alone."""
    x = normal(rng, (6, *shape), scale=2)
    net = network(submission, name, x)
    draw_weights(net, rng)
    y = answer(net, x)
    must(same(answer(net, x), y), _("The same pictures get other numbers at each call."), CHANCE)
    alone = torch.cat([answer(net, x[i : i + 1]) for i in range(len(x))])
    must(same(alone, y), _("A picture gets other numbers in a batch than alone."), ACROSS)
    return y


def same(a, b):
    return a.shape == b.shape and torch.allclose(a, b, rtol=1e-3, atol=1e-4)


def network(submission, name, x):
    """The network of this name, ready to be asked: it itself, or what a class or a function of this name makes."""
    net = submission.object(name)
    try:
        settle(net, x)
    except Mismatch as mismatch:
        if mismatch.kind != ("network", "no module"):
            raise
        net = submission.build(name)
        settle(net, x)
    return net


def by_shape(failure):
    """Advice on layers that do not fit together; empty where it is something else."""
    said = str(failure) if isinstance(failure, Raised) else ""
    if "mat1 and mat2 shapes" in said:
        return FIT
    if "before Module.__init__" in said:
        return SUPER
    return CHANNELS if "to have" in said and "channels" in said else ""


FIT = "A linear layer gets another number of features than it expects. Are the maps flattened with flatten(1), and are there 4 x 4 x 16 = 256 numbers?"
CHANNELS = "A convolution gets another number of channels than it expects: in PyTorch they are dimension 1, and each layer takes what the one before gives."
SUPER = "super().__init__() is the first line of __init__: without it the class cannot keep its layers."
