"""Public criteria of lenet5. They ship with the handout: a student can run them before handing in."""

import math

import pytest
import torch
import torch.nn.functional as F

from torchgrade.testing import (
    Missing,
    ProbeFailure,
    Raised,
    accuracy,
    answer,
    assert_accuracy,
    count,
    describe,
    draw_weights,
    failed_to_build,
    normal,
    predictions,
    require,
    set_mode,
    spaced,
    weights_of,
)

PARAMETERS = 61_706
# One epoch gives 0.959 or more on MNIST, 0.911 or more on the drawn digits (20 000 of them); without an activation
# 0.904 and 0.82 at most.
ENOUGH = {False: 0.93, True: 0.88}


@pytest.mark.criterion("network-size")
def test_size(submission, rng, hint):
    """LeNet5() takes (N, 1, 28, 28), gives (N, 10), and has 61 706 parameters"""
    network = built(submission, hint)
    there = count(weights_of(network))
    hint(advice_on_size(there))
    x = normal(rng, (4, 1, 28, 28))
    y = answer(network, x)
    require(
        y.shape == (4, 10),
        f"For images of shape (4, 1, 28, 28) the output has shape {tuple(y.shape)}, not (4, 10).",
    )
    require(
        there == PARAMETERS, f"The network has {spaced(there)} parameters, but {spaced(PARAMETERS)} are expected."
    )


@pytest.mark.criterion("logits")
def test_logits(submission, rng, hint):
    """LeNet5() gives raw logits, each image by itself, in training and in evaluation mode"""
    network = built(submission, lambda text: None)
    draw_weights(network, rng)
    x = normal(rng, (6, 1, 28, 28))
    set_mode(network, "train")
    training = answer(network, x)
    set_mode(network, "eval")
    y = answer(network, x)
    alone = torch.cat([answer(network, x[i : i + 1]) for i in range(len(x))])
    hint(
        "The last linear layer's numbers are the output: CrossEntropyLoss takes the softmax itself. Flatten with "
        "x.flatten(1) or x.view(x.shape[0], -1), so that every image keeps its own row; no dropout, no batch norm."
    )
    require(y.ndim == 2 and y.shape[1] == 10, f"The output has shape {tuple(y.shape)}, not (6, 10).")
    require(
        not distribution(y.exp()) and not distribution(y),
        "The rows are probabilities (or their logarithms) already, not logits.",
    )
    require(
        y.shape == alone.shape and torch.allclose(y, alone, rtol=1e-3, atol=1e-4),
        "An image gets other logits in a batch than alone: the images are mixed up with each other.",
        got=y,
        expected=alone,
    )
    require(
        torch.allclose(y, training, rtol=1e-3, atol=1e-4),
        "In training mode the same image gets other logits than in evaluation mode.",
        got=training,
        expected=y,
    )


@pytest.mark.criterion("train-history")
def test_history(submission, rng, hint):
    """train returns a list with one plain number for each epoch, without a graph behind it"""
    hint(
        "A loss that is a tensor keeps the graph of its whole forward pass alive, and memory fills up epoch by epoch. "
        "loss.item() is the number alone. Average over the batches of an epoch, or take the last."
    )
    x, y = patterns(rng, 200)
    history = trained(submission, little(submission), x, y, 3)
    text = history.call("__repr__")
    require(text != "None", "train returns nothing: is a `return` missing?")
    require(
        "grad_fn" not in text and "requires_grad" not in text,
        "The history still holds the graph of the losses: turn each into a plain number.",
    )
    values = numbers(history)
    require(values is not None, f"train should return a list of numbers, but it is {describe(text)}.")
    require(
        len(values) == 3,
        f"Trained for 3 epochs, the history holds {len(values)} numbers: one for each epoch is wanted.",
    )
    require(all(math.isfinite(v) for v in values), "The history holds NaN or infinity.")


@pytest.mark.criterion("train-learns")
def test_learns(submission, rng, hint):
    """train lowers the loss of the model that it is given"""
    hint(
        "In each batch: zero_grad, forward, loss, backward, step. The optimiser must get the parameters of the model "
        "that came as an argument, not of another one."
    )
    x, y = patterns(rng, 200)
    model = little(submission)
    before = model.state()
    trained(submission, model, x, y, 30)
    set_mode(model, "cpu")
    after = model.state()
    require(
        any(not torch.equal(before[k], after[k]) for k in before),
        "After train the model has the same weights as before: it was not trained.",
    )
    old, new = (float(F.cross_entropy(little_output(s, x), y)) for s in (before, after))
    require(
        new < 0.7 * old,
        f"On a set that is easy to learn, 30 epochs take the loss from {old:.3g} only to {new:.3g}.",
    )


@pytest.mark.criterion("test-accuracy")
def test_accuracy(submission, dataset, hint, award):
    """lenet5 recognises the test images"""
    told = [LEARN]
    try:
        digits = dataset("mnist")
        images, labels, enough = digits.test.images[:2000], digits.test.labels[:2000], ENOUGH[digits.standin]
        network = submission.object("lenet5")
        for mode in ("cpu", "float", "eval"):
            set_mode(network, mode)
        try:
            reached = assert_accuracy(
                lambda part: network.forward(seen(submission, part)), images, labels, enough, name="lenet5"
            )
        except AssertionError:
            told += [SCALED] * trained_on_scaled(network, images, labels, enough)
            raise
        award(1.0, f"lenet5 recognises {reached:.1%} of {len(labels)} test images")
    finally:
        hint(told[-1])


LEARN = (
    "Train longer, or look at the loss: it should fall from epoch to epoch. lenet5 must be the trained instance itself, "
    "and it is given images of 0 to 255."
)
SCALED = (
    "Your network reads well when the pixels are scaled, but it is given images of 0 to 255. Put the scaling into a "
    "function preprocess(x): images then go through it."
)


def trained_on_scaled(network, images, labels, enough):
    """Whether the network reads well when the pixels are scaled in one of the usual ways."""
    for shift, scale in ((0, 255), (127.5, 127.5), (0.1307 * 255, 0.3081 * 255)):
        try:
            found = predictions(
                lambda part: network.forward((part[:, None].float() - shift) / scale), images[:1000]
            )
        except (AssertionError, ProbeFailure):
            return False
        if accuracy(found, labels[:1000]) >= enough - 0.03:
            return True
    return False


def built(submission, hint):
    """A fresh LeNet5(), on the CPU."""
    try:
        network = submission.build("LeNet5")
    except Raised as failure:
        hint(failed_to_build(failure, "LeNet5"))
        raise
    set_mode(network, "cpu")
    return network


def advice_on_size(there):
    """What a wrong number of parameters comes from."""
    known = {
        44_426: "Without padding in the first convolution 4 x 4 x 16 = 256 numbers reach the first linear layer. Which padding keeps 28 x 28 through a 5 x 5 kernel?",
        107_786: "The second convolution has padding too, so 7 x 7 x 16 numbers reach the first linear layer. It should have none.",
    }
    return known.get(
        there,
        "Convolution 1 to 6 (5 x 5, padding 2), pooling, convolution 6 to 16 (5 x 5, no padding), pooling, then "
        "linear layers 400-120-84-10, all with biases.",
    )


def distribution(p):
    """Whether every row is positive and sums to 1."""
    return bool((p >= 0).all()) and bool(((p.sum(dim=1) - 1).abs() < 1e-3).all())


def little(submission):
    """A small network that any train can train; made here, so that a mistake in LeNet5 costs nothing twice."""
    make = submission.make
    parts = [
        make("torch.nn.Flatten"),
        make("torch.nn.LayerNorm", 784, elementwise_affine=False),  # pixels up to 255 would saturate the tanh
        make("torch.nn.Linear", 784, 16),
        make("torch.nn.Tanh"),
        make("torch.nn.Linear", 16, 10),
    ]
    return make("torch.nn.Sequential", *parts)


def little_output(state, x):
    """What the little network with this state makes of x."""
    pixels = F.layer_norm(x.flatten(1), (784,))
    hidden = torch.tanh(pixels @ state["2.weight"].T + state["2.bias"])
    return hidden @ state["4.weight"].T + state["4.bias"]


def patterns(rng, n):
    """n images (n, 1, 28, 28) of 0 to 255, and their classes: ten patterns with noise."""
    shapes = (torch.rand(10, 1, 28, 28, generator=rng) < 0.2).float()
    y = torch.arange(n) % 10
    noise = torch.rand(n, 1, 28, 28, generator=rng)
    return (shapes[y] * 215 + 40 * noise).round(), y


def trained(submission, model, x, y, epochs):
    """What train returned, held in the room."""
    return submission.build("train", model, x, y, epochs, submission.make("torch.device", "cpu"))


def numbers(history):
    """The history as floats; None where it is no list of numbers."""
    for method, args in (("copy", ()), ("tolist", ()), ("__add__", ((),))):
        try:
            values = history.call(method, *args)
        except (Missing, Raised):
            continue
        except ProbeFailure:
            return None
        values = values.tolist() if isinstance(values, torch.Tensor) else values
        if not isinstance(values, list | tuple):
            return None
        plain = [v.item() if isinstance(v, torch.Tensor) and v.numel() == 1 else v for v in values]
        fine = all(isinstance(v, int | float) and not isinstance(v, bool) for v in plain)
        return [float(v) for v in plain] if fine else None
    return None


def seen(submission, images):
    """Images (N, 28, 28) as the network gets them: float32 of 0 to 255, through `preprocess` if there is one."""
    x = images[:, None].float()
    try:
        made = submission.call("preprocess", x)
    except ProbeFailure:
        return x
    return made if isinstance(made, torch.Tensor) and len(made) == len(x) else x
