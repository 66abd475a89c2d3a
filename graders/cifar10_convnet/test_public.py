"""Public criteria of cifar10_convnet. They ship with the handout: a student can run them before handing in."""

import contextlib
import itertools
import math

import pytest
import torch
import torch.nn.functional as F

from torchgrade.testing import (
    BadAnswer,
    Mismatch,
    Missing,
    ProbeFailure,
    Raised,
    _,
    advised,
    answer,
    assert_accuracy,
    confusion_matrix,
    count,
    curves,
    layer_table,
    must,
    normal,
    parameters_of,
    require_tensor,
    settle,
    spaced,
    weights_of,
)

PICTURES = (3, 32, 32)
# Two epochs over 2000 or 3000 drawn pictures give 0.68 or more, one 0.60; gradients that pile up 0.23 at most.
ENOUGH = {False: 0.35, True: 0.45}
FEW = 500  # pictures that are asked about: the standard error of 0.45 is 0.022
TRAIN = "train(model, X_train, y_train, epochs, batch_size=64, augment=None)"


def by_shape(failure):
    """Advice on layers that do not fit together; empty where it is something else."""
    return FIT if isinstance(failure, Raised) and "mat1 and mat2 shapes" in str(failure) else ""


FIT = "A linear layer gets another number of features than it expects: 128 maps of 6 x 6 are 4608 numbers. Are they flattened with flatten(1)?"


# --- the networks ----------------------------------------------------------------------------------------------


@pytest.mark.criterion("net-size")
def test_size(submission, rng, hint, exhibit):
    """Cifar10Net() takes (N, 3, 32, 32), gives (N, 10), and has 677 578 parameters"""
    with advised(hint, "Cifar10Net()", LAYERS, known=by_shape):
        judge_size(submission, "Cifar10Net", 677_578, rng, exhibit)


@pytest.mark.criterion("better-size")
def test_better_size(submission, rng, hint, exhibit):
    """BetterNet() takes (N, 3, 32, 32), gives (N, 10), and has 677 962 parameters"""
    with advised(hint, "BetterNet()", BETTER, known=by_shape):
        judge_size(submission, "BetterNet", 677_962, rng, exhibit)


LAYERS = "Convolution 3 to 64 (kernel 5), pooling, 64 to 128 (kernel 3), pooling, no padding; then linear layers 4608-128-64-10, all with biases."
BETTER = "The layers of Cifar10Net; BatchNorm2d(64) after the first convolution and BatchNorm2d(128) after the second, and no other layer with parameters."
RAW = "The last linear layer's numbers are the output, with nothing behind them: CrossEntropyLoss takes the softmax itself."
# What a wrong number of parameters comes from.
SIZES = {
    "Cifar10Net": {677_962: "Here are batch norms. They belong into BetterNet; Cifar10Net has none."},
    "BetterNet": {
        677_578: "There is no batch norm. One comes after each convolution: BatchNorm2d(64) and BatchNorm2d(128).",
        678_346: "There are batch norms behind the linear layers too. The table has them after the two convolutions alone.",
    },
}


def judge_size(submission, name, parameters, rng, exhibit):
    """Shapes for five pictures, the number of parameters, and that these are no probabilities."""
    net = submission.build(name)
    settle(net, torch.zeros(2, *PICTURES))
    exhibit(lambda: layer_table(parameters_of(net)))
    y = answer(net, normal(rng, (5, *PICTURES)))
    text = _("For pictures of shape (5, 3, 32, 32) {name} gives {shape}, not (5, 10).")
    must(y.shape == (5, 10), text.format(name=name, shape=tuple(y.shape)))
    there = count(parameters_of(net))
    text = _("{name} has {there} parameters, but {wanted} are expected.")
    must(
        parameters in (there, count(weights_of(net))),
        text.format(name=name, there=spaced(there), wanted=spaced(parameters)),
        SIZES[name].get(there, ""),
    )
    known = any(bool(((rows.sum(dim=1) - 1).abs() < 1e-3).all()) for rows in (y, y.exp()))
    must(not known, _("The rows are probabilities (or their logarithms) already, not logits."), RAW)


# --- the loop --------------------------------------------------------------------------------------------------


@pytest.mark.criterion("train-history")
def test_history(submission, rng, hint, exhibit):
    """train lowers the loss of the model that it is given and returns one plain number for each epoch"""
    with advised(hint, TRAIN, LOOP, known=by_shape):
        shapes = (torch.rand(10, *PICTURES, generator=rng) < 0.3).float()
        y = torch.arange(60) % 10
        x = shapes[y] + 0.2 * normal(rng, (60, *PICTURES))
        model = little(submission)
        before = loss_of(model, x, y)
        history = submission.build("train", model, x, y, 6, batch_size=20)
        values = plain_numbers(history)
        exhibit(
            lambda: curves(
                _("Loss by epoch, of a small network on a set that is easy to learn"), {"train": values}
            )
        )
        text = _("Trained for 6 epochs, the history has the length {count}: one number for each epoch is wanted.")
        must(len(values) == 6, text.format(count=len(values)), ONE_EACH)
        must(all(math.isfinite(v) for v in values), _("The history holds NaN or infinity."))
        must(values[-1] < values[0], _("The numbers of the history do not fall."), FALLING)
        must(
            loss_of(model, x, y) < 0.7 * before,
            _("After train the loss of the model is hardly lower than before."),
            LOOP,
        )


LOOP = "In every batch: zero_grad, forward, loss, backward, step; and the optimiser has the parameters of the model that came as an argument. Without the argument augment the pictures stay as they are."
ONE_EACH = "return stands behind the loop over the epochs, and one number is appended in each epoch: the average over its batches, or the last."
A_LIST = "Return the list of losses alone, such as [1.9, 0.8, 0.4]; what else is of interest can be printed."
GRAPH = "A loss that is a tensor keeps the graph of its whole forward pass alive, and memory fills up. loss.item() is the number alone."
FALLING = "Is it the loss that is appended, not an accuracy? And is the sum of an epoch set back to 0 before the next one begins?"


def little(submission):
    """A small network that any train can train; made here, so that a mistake in the student's costs nothing twice."""
    make = submission.make
    parts = [
        make("torch.nn.Flatten"),
        make("torch.nn.Linear", 3072, 16),
        make("torch.nn.Tanh"),
        make("torch.nn.Linear", 16, 10),
    ]
    return make("torch.nn.Sequential", *parts)


def loss_of(model, x, y):
    """The cross-entropy of the little network, computed outside."""
    state = {name: value.float() for name, value in model.state().items()}
    hidden = torch.tanh(x.flatten(1) @ state["1.weight"].T + state["1.bias"])
    return float(F.cross_entropy(hidden @ state["3.weight"].T + state["3.bias"], y))


def plain_numbers(history):
    """The history as floats; a failure where it is none, or drags graphs along."""
    text = history.call("__repr__")
    must(text != "None", _("train returns nothing: is a `return` missing?"), A_LIST)
    graph = "grad_fn" in text or "requires_grad" in text
    must(not graph, _("The history still holds the graph of the losses: turn each into a plain number."), GRAPH)
    try:
        return [float(history.call("__getitem__", i)) for i in range(int(history.call("__len__")))]
    except (BadAnswer, Missing, Raised, TypeError, ValueError, RuntimeError):
        must(False, _("train should return a list of numbers."), A_LIST)


# --- augmentation ----------------------------------------------------------------------------------------------


@pytest.mark.criterion("augment-flips")
def test_flips(submission, rng, hint):
    """augment(x) flips about half of the pictures, each by itself"""
    with advised(hint, "augment(x)", FLIP, known=by_shape):
        flips = []
        for _call in range(4):
            x = normal(rng, (48, *PICTURES))
            got, kept = submission.call_keeping_arguments("augment", x)
            same = isinstance(kept[0], torch.Tensor) and kept[0].shape == x.shape and bool((kept[0] == x).all())
            must(same, _("After the call x is no longer what it was: augment changed its argument."), IN_PLACE)
            flips.append(
                [flip for flip, _down, _right in moves(x, require_tensor(got, x.shape, name="augment(x)"))]
            )
        fixed = all(batch == flips[0] for batch in flips) and len(set(flips[0])) == 2
        must(not fixed, _("At each call the same places of the batch are flipped: that is no coin."), COIN)
        share = sum(map(sum, flips)) / sum(map(len, flips))
        together = all(len(set(batch)) == 1 for batch in flips)
        must(not together or share in (0, 1), _("All pictures of a batch are flipped, or none of them."), TOGETHER)
        text = _("{share} of the pictures are flipped; about half of them is wanted.")
        must(0.3 < share < 0.7, text.format(share=f"{share:.0%}"), FLIP)


@pytest.mark.criterion("augment-shifts")
def test_shifts(submission, rng, hint):
    """augment(x) also shifts the pictures, by up to 4 pixels"""
    with advised(hint, "augment(x)", SHIFT, known=by_shape):
        places = set()
        for _call in range(4):
            x = normal(rng, (16, *PICTURES))
            got = require_tensor(submission.call("augment", x), x.shape, name="augment(x)")
            places |= {(down, right) for _flip, down, right in moves(x, got)}
        must(len(places) > 1, _("No picture is shifted."), SHIFT)


FLIP = "x.flip(3) is left to right in a batch (N, C, H, W). A coin for each picture has the shape (N, 1, 1, 1), and torch.where takes it."
TOGETHER = "One coin is thrown for the whole batch, as RandomHorizontalFlip does with a batch. Each picture should have one of its own."
COIN = "torch.rand(len(x), 1, 1, 1) < 0.5 throws a new coin for each picture, at each call. Is a seed set inside augment?"
IN_PLACE = (
    "Begin with x.clone(), or make a new tensor: the pictures of the caller are wanted again in the next epoch."
)
SHIFT = "F.pad(x, (4, 4, 4, 4)) makes (N, 3, 40, 40); a window of 32 x 32 at a random place in it is the picture, shifted by up to 4 pixels."
UPSIDE_DOWN = "These are flipped upside down: in (N, C, H, W) the columns are dimension 3, the rows dimension 2."
CHANGED = "Only flips from left to right and shifts by up to 4 pixels are asked for: no other colours, no turns, no noise."
EDGE = 4


def moves(x, got):
    """For each picture: whether it was flipped, and by how many pixels it went down and to the right."""
    found = [None] * len(x)
    low, high = EDGE, 32 - EDGE
    steps = range(-EDGE, EDGE + 1)
    for flip, source in ((False, x), (True, x.flip(3))):
        for down, right in itertools.product(steps, steps):
            moved = source[:, :, low - down : high - down, low - right : high - right]
            alike = ((moved - got[:, :, low:high, low:high]).abs() < 1e-4).flatten(1).all(dim=1)
            for i in alike.nonzero().flatten().tolist():
                found[i] = found[i] or (flip, down, right)
    if None in found:
        upside = ((x.flip(2) - got).abs() < 1e-4).flatten(1).all(dim=1)
        must(not upside.any(), _("Pictures are turned upside down."), UPSIDE_DOWN)
        text = _(
            "A picture came back that is neither flipped left to right nor shifted by up to 4 pixels, but changed otherwise."
        )
        must(False, text, CHANGED)
    return found


# --- how well it sees ------------------------------------------------------------------------------------------


@pytest.mark.criterion("test-accuracy")
def test_accuracy(submission, dataset, hint, award, exhibit):
    """cifar_net recognises the test images"""
    with advised(hint, "", LEARN, known=by_shape):
        data = dataset("cifar10")
        images, labels, enough = data.test.images[:FEW], data.test.labels[:FEW], ENOUGH[data.standin]
        net = submission.object("cifar_net")
        way = way_in(submission, net, images[:100], labels[:100], enough)
        outputs = []

        def predict(part):
            outputs.append(net.forward(way(part)))
            return outputs[-1]

        try:
            reached = assert_accuracy(predict, images, labels, enough, classes=CLASSES, name="cifar_net")
        finally:
            exhibit(lambda: confusion_matrix(torch.cat(outputs).argmax(dim=1), labels, CLASSES))
        text = _("cifar_net recognises {share} of {count} test images")
        award(1.0, text.format(share=f"{reached:.1%}", count=len(labels)))


CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
LEARN = "Two epochs over a few thousand pictures are enough. cifar_net must be the trained instance itself, and is asked with pictures of 0 to 1."
MEAN, STD = (torch.tensor(v).view(1, 3, 1, 1) for v in ((0.4914, 0.4822, 0.4465), (0.247, 0.2435, 0.2616)))


def way_in(submission, net, images, labels, enough):
    """How this network wants its pictures: through ``preprocess``, or scaled in the way in which it sees best."""
    settle(net, bytes_to_batch(images[:2]))
    with contextlib.suppress(ProbeFailure):
        made = submission.call("preprocess", bytes_to_batch(images[:2]))
        if isinstance(made, torch.Tensor) and made.shape == (2, *PICTURES):
            return lambda part: submission.call("preprocess", bytes_to_batch(part))
    ways = [lambda x: x, lambda x: 255 * x, lambda x: 2 * x - 1, lambda x: (x - MEAN) / STD]
    shares = []
    for way in ways:
        shares.append(seen(net, way(bytes_to_batch(images)), labels))
        if shares[-1] >= enough:
            break
    best = ways[shares.index(max(shares))]
    return lambda part: best(bytes_to_batch(part))


def seen(net, x, labels):
    """The share of pictures that the network recognises; 0 where it gives no row for each."""
    try:
        return float((answer(net, x).argmax(dim=-1) == labels).double().mean())
    except (Mismatch, RuntimeError):
        return 0.0


def bytes_to_batch(images):
    """(N, 32, 32, 3) of 0…255 as float32 (N, 3, 32, 32) of 0…1."""
    return images.permute(0, 3, 1, 2).float() / 255
