"""Public criteria of cifar100_mlp. They ship with the handout: a student can run them before handing in."""

import math

import pytest
import torch

from torchgrade.testing import (
    ComparisonFailure,
    accuracy,
    answer,
    confusion,
    count,
    describe,
    draw_weights,
    predictions,
    require,
    set_mode,
    spaced,
    uniform,
    weights_of,
)

PIXELS = 32 * 32 * 3
KEYS = {
    "config": str,
    "lr": float,
    "batch_size": float,
    "epochs": float,
    "train": float,
    "test": float,
    "comment": str,
}
TRAIN, TEST = 0.80, 0.60


@pytest.mark.criterion("both-arguments")
def test_arguments(submission, rng, hint):
    """Cifar100_MLP(hidden_size, classes) has a first layer of hidden_size units and an output for each class"""
    hint(
        "nn.Linear(3072, hidden_size) comes first and the last layer ends in classes: no 10 and no 3 inside the class. "
        "The images come as (N, 32, 32, 3) and are flattened inside."
    )
    for hidden, classes in ((10, 3), (7, 4), (12, 2)):
        network = built(submission, hidden, classes)
        state = weights_of(network)
        y = answer(network, images(rng, 5))
        require(
            y.shape == (5, classes),
            f"Cifar100_MLP({hidden}, {classes}) gives shape {tuple(y.shape)} for 5 images; (5, {classes}) is expected.",
        )
        first = any(t.ndim == 2 and sorted(t.shape) == sorted((hidden, PIXELS)) for t in state.values())
        there = spaced(count(state))
        require(
            first,
            f"Cifar100_MLP({hidden}, {classes}) has {there} parameters, but none of shape ({hidden}, 3072): the first layer should have hidden_size units.",
        )


@pytest.mark.criterion("mlp-logits")
def test_logits(submission, rng, hint):
    """Cifar100_MLP gives raw logits, each image by itself, and is more than one linear layer"""
    hint(
        "The last layer's numbers are the output: CrossEntropyLoss takes the softmax itself, and a second one slows the "
        "training down. Between two linear layers belongs an activation, or they are only one."
    )
    network = built(submission, 16, 5)
    draw_weights(network, rng)
    x = images(rng, 8)
    y = answer(network, x)
    require(
        y.ndim == 2 and not distribution(y) and not distribution(y.exp()),
        "The rows are probabilities (or their logarithms) already, not logits.",
        got=y,
    )
    alone = torch.cat([answer(network, x[i : i + 1]) for i in range(len(x))])
    same = alone.shape == y.shape and torch.allclose(alone, y, rtol=1e-3, atol=1e-4)
    require(
        same,
        "An image gets other logits in a batch than alone: the images are mixed up with each other.",
        got=y,
        expected=alone,
    )
    middle = answer(network, (x[:4] + x[4:]) / 2)
    bent = float((middle - (y[:4] + y[4:]) / 2).abs().max()) > 1e-3 * float((y[:4] - y[4:]).abs().max())
    require(
        bent, "The network is linear: halfway between two images it gives exactly halfway between their logits."
    )


@pytest.mark.criterion("model-form")
def test_model(submission, rng, hint):
    """model is a fully connected network that takes (N, 32, 32, 3) and gives (N, 3)"""
    hint(
        "model is an instance of your class (or another nn.Module) with linear layers over the 3072 numbers of an image: no convolutions."
    )
    model = held(submission)
    shapes = [tuple(t.shape) for t in weights_of(model).values()]
    y = answer(model, images(rng, 4))
    require(y.shape == (4, 3), f"For 4 images model gives shape {tuple(y.shape)}; (4, 3) is expected.")
    require(
        all(len([n for n in s if n > 1]) <= 2 for s in shapes),
        "model holds weights of more than two dimensions: convolutions are for a later exercise.",
    )
    require(
        any(PIXELS in s for s in shapes if len(s) == 2), "No layer of model looks at all 3072 numbers of an image."
    )


@pytest.mark.criterion("train-accuracy")
def test_train_accuracy(submission, dataset, hint, award):
    """model recognises at least 80 % of the training images"""
    hint(
        "Train longer, or at a higher rate: a fully connected network can learn these images by heart. And look whether the labels are those of your classes."
    )
    part = dataset("cifar100").train
    reached = recognised(submission, part, TRAIN, "training images")
    award(1.0, reached)


@pytest.mark.criterion("test-accuracy")
def test_test_accuracy(submission, dataset, hint, award):
    """model recognises at least 60 % of the test images"""
    hint(
        "Look at the error on the test images from epoch to epoch: when it rises again, stop earlier. A smaller rate, dropout or weight decay may help."
    )
    part = dataset("cifar100").test
    reached = recognised(submission, part, TEST, "test images")
    award(1.0, reached)


@pytest.mark.criterion("results-table")
def test_table(submission, hint):
    """results is a list of dicts with what was tried and what came of it"""
    hint(
        "results = [{'config': 'FC(10), FC(3)', 'lr': 0.005, 'batch_size': 128, 'epochs': 250, 'train': 0.95, 'test': 0.7, 'comment': '…'}, …]"
    )
    rows = submission.value("results")
    require(
        isinstance(rows, list | tuple) and len(rows) > 0,
        f"results should be a list with a dict for each configuration, but it is {describe(rows)}.",
    )
    for n, row in enumerate(rows, 1):
        require(isinstance(row, dict), f"Row {n} of results should be a dict, but it is {describe(row)}.")
        for key, kind in KEYS.items():
            require(key in row, f"Row {n} of results has no '{key}'.")
            fine = isinstance(row[key], str) if kind is str else number(row[key]) is not None
            require(
                fine,
                f"Row {n} of results: '{key}' is {describe(row[key])}, but it should be {'text' if kind is str else 'a number'}.",
            )
        for key in ("train", "test"):
            require(
                0 <= number(row[key]) <= 1,
                f"Row {n} of results: '{key}' is {row[key]:.4g}, but an accuracy is from 0 to 1.",
            )


@pytest.mark.criterion("results-describe-model")
def test_row_of_model(submission, dataset, hint):
    """One row of results has the test accuracy of model, within 0.01"""
    hint(
        "Compute the accuracy of model itself, in evaluation mode, after the last training, and write that into its row."
    )
    reached = measured(submission, dataset("cifar100").test)[0]
    told = [number(row.get("test")) for row in submission.value("results")]
    listed = ", ".join(f"{t:.3f}" for t in told[:8])
    near = any(abs(t - reached) <= 0.01 + 1e-6 for t in told)
    require(
        near,
        f"model recognises {reached:.3f} of the test images, but the rows of results tell of {listed}.",
        safe="No row has the test accuracy of model.",
    )


def built(submission, hidden, classes):
    """A fresh Cifar100_MLP, ready to be asked."""
    return ready(submission.build("Cifar100_MLP", hidden, classes))


def held(submission):
    """model, ready to be asked."""
    return ready(submission.object("model"))


def ready(network):
    for mode in ("cpu", "float", "eval"):
        set_mode(network, mode)
    return network


def images(rng, n):
    """Images of (n, 32, 32, 3), 0 to 255: noise at three scales."""
    coarse = uniform(rng, (n, 4, 4, 3), 0, 255)
    fine = uniform(rng, (n, 32, 32, 3), 0, 255)
    return (0.7 * coarse.repeat_interleave(8, 1).repeat_interleave(8, 2) + 0.3 * fine).round()


def distribution(p):
    """Whether every row is positive and sums to 1."""
    return bool((p >= 0).all()) and bool(((p.sum(dim=1) - 1).abs() < 1e-3).all())


def classes_told(submission):
    """CLASSES as three ints; a failure that says what is wrong with them."""
    value = submission.value("CLASSES")
    value = value.tolist() if isinstance(value, torch.Tensor) else value
    fine = isinstance(value, list | tuple) and len(value) == 3
    fine = (
        fine
        and all(number(v) is not None and number(v).is_integer() and 0 <= v <= 99 for v in value)
        and len(set(value)) == 3
    )
    require(
        fine,
        f"CLASSES should be three different whole numbers from 0 to 99, but it is {describe(value)}.",
        safe="CLASSES should be three different whole numbers from 0 to 99.",
    )
    return [int(v) for v in value]


def measured(submission, part):
    """(accuracy, columns found, columns right, names) on the images of CLASSES, in the better of the two orders."""
    classes = classes_told(submission)
    chosen = torch.isin(part.labels, torch.tensor(classes))
    found = predictions(held(submission).forward, part.images[chosen].float(), batch=250)
    best = None
    for order in (classes, sorted(classes)):
        right = torch.tensor([order.index(int(n)) for n in part.labels[chosen]])
        reached = accuracy(found, right)
        if best is None or reached > best[0]:
            best = reached, found, right, order
    return best


def recognised(submission, part, at_least, what):
    """A sentence about the accuracy; a failure below ``at_least``."""
    reached, found, right, order = measured(submission, part)
    if reached < at_least:
        (table,) = confusion(found, right, [f"class {n}" for n in order])
        failure = f"model recognises {reached:.1%} of {len(right)} {what}; at least {at_least:.0%} is wanted."
        raise ComparisonFailure(failure, safe="model recognises too few images.", evidence=(table,))
    way = "in the order of CLASSES" if order != sorted(order) else "by their numbers"
    return f"model recognises {reached:.1%} of {len(right)} {what} (columns {way})"


def number(value):
    """A finite float, or None."""
    value = value.item() if isinstance(value, torch.Tensor) and value.numel() == 1 else value
    fine = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if fine else None
