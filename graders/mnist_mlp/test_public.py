"""Public criteria of mnist_mlp. They ship with the handout: a student can run them before handing in."""

import contextlib
import itertools
import math
import re

import pytest
import torch
import torch.nn.functional as F

from torchgrade.testing import (
    LOSSES,
    SHARES,
    BadAnswer,
    Mismatch,
    ProbeFailure,
    Raised,
    TimedOut,
    _,
    accuracy,
    advised,
    answer,
    assert_accuracy,
    confusion_matrix,
    curves,
    draw_weights,
    first_filters,
    layer_table,
    misclassified,
    must,
    normal,
    numbers_in,
    on_enough,
    parameters_of,
    predictions,
    set_mode,
    settle,
    shortened,
    told_by,
    wants_double,
)

# Two epochs of gradient descent at 0.1 give 0.92 or more on MNIST, three 0.85 or more on the drawn digits (of which
# there are fewer); a softmax too many 0.89 and 0.47 at most, a rate of 0.01 0.88 and 0.62.
ENOUGH = {False: 0.88, True: 0.75}
CALL = "train(model, X_train, y_train, epochs, lr)"
RATE = 0.1


NO_RETURN = "forward computes its answer and forgets it: what comes back is None. What should its last line say?"
LAYER = (
    "A layer stands where its output is wanted. self.fc1 is the layer, self.fc1(x) is what it makes of x; and nn.ReLU is "
    "a layer too, made once and then called: F.relu(x), or self.relu(x)."
)
CHAIN = "Each layer takes as many numbers as the one before it gives: the second size of one is the first size of the next."


ARGMAX = "argmax names a digit. What is asked for is ten numbers for each image."
NO_GRAPH = "loss must come from the output of the model by operations of PyTorch alone: item(), argmax and numbers of one's own have no gradient."
SLOW = "The grader gives train a few hundred small images. Does it use those, or all the images of the notebook?"


def loop_advice(failure):
    """What to do about a failure of train, where that is known; else empty."""
    return layer_advice(failure) or (SLOW if isinstance(failure, TimedOut) else "")


def layer_advice(failure):
    """The hint for the mistakes that are made in forward again and again; empty for another one."""
    text, kind = str(failure), getattr(failure, "kind", ())
    if kind == ("type", "NoneType"):
        return NO_RETURN
    if kind == ("network", "no module"):
        return INSTANCE
    if kind[:1] == ("dtype",) and "int64" in text:
        return ARGMAX
    if "does not require grad" in text:
        return NO_GRAPH
    layer = re.search(r"not (Linear|ReLU|Softmax|Sequential)\b|'(Linear|ReLU|Softmax|Sequential)'", text)
    if layer or isinstance(failure, BadAnswer):
        return LAYER
    return CHAIN if isinstance(failure, Raised) and "cannot be multiplied" in text else ""


# --- the network -----------------------------------------------------------------------------------------------


@pytest.mark.criterion("network-form")
def test_form(submission, rng, hint, exhibit):
    """MLP() takes (N, 784), gives (N, 10), and has three linear layers, the last with ten outputs"""
    with advised(hint, "MLP()", known=layer_advice):
        network = built(submission)
        exhibit(lambda: layer_table(parameters_of(network)))
        y = answer(network, normal(rng, (4, 784)))
        text = _("For images of shape (4, 784) the output has shape {shape}, not (4, 10).")
        must(y.shape == (4, 10), text.format(shape=tuple(y.shape)), LAST)
        has_three_layers(network)


LAST = "Is it the output of the last layer that is returned, and has this layer ten of them?"
THREE = "Three linear layers: 784 numbers in, two hidden layers of a width you like, ten numbers out."


def built(submission):
    """A fresh MLP(), ready to be asked."""
    network = submission.build("MLP")
    settle(network, torch.zeros(2, 784))
    return network


def has_three_layers(network, name="MLP()", used=False):
    """Fail unless the matrices among the parameters are those of three linear layers from 784 to 10.

    ``used``: layers that are never called are left out; they cost the criterion on the form.
    """
    parameters = used_of(network) if used else parameters_of(network)
    shapes = [tuple(v.shape) for v in parameters.values() if v.ndim > 1 and min(v.shape) > 1]
    text = _("{name} has {count} layers with weights, of the shapes {shapes}; three linear ones are asked for.")
    text = text.format(name=name, count=len(shapes), shapes=", ".join(map(str, shapes)))
    must(len(shapes) == 3, text, THREE)
    fits = any(reaches(784, order) for order in itertools.permutations(shapes))
    must(fits, _("The layers of {name} do not lead from 784 numbers to 10.").format(name=name), THREE)


def used_of(network):
    """The parameters that the output depends on; all where that cannot be told."""
    state = parameters_of(network)
    try:
        gradients = network.gradients(torch.linspace(-1, 1, 8 * 784).reshape(8, 784))
    except ProbeFailure:
        return state
    used = {n: v for n, v in state.items() if n not in gradients or bool(gradients[n].any())}
    matrices = [v for v in used.values() if v.ndim > 1 and min(v.shape) > 1]
    return used if len(matrices) == 3 else state  # where every unit is dead, no gradient tells anything


def reaches(width, shapes):
    """Whether matrices of these shapes, each this way round or the other, lead from so many numbers to ten."""
    if not shapes:
        return width == 10
    first, *rest = shapes
    return len(first) == 2 and any(reaches(b, rest) for a, b in (first, first[::-1]) if a == width)


CHANCE = (
    "F.dropout acts in evaluation mode too unless it is told training=self.training; no dropout is asked for here."
)
ALONE = "A softmax over dim=0 works across the images of a batch. Which dimension holds the ten digits?"
MODES = "A dropout or a batch norm acts in training. The network that is asked for has none."


@pytest.mark.criterion("each-alone")
def test_each_alone(submission, rng, hint):
    """MLP() answers for each image by itself, and in training mode as in evaluation mode"""
    with advised(hint, "MLP()", known=layer_advice):
        network = built(submission)
        draw_weights(network, rng)
        x = normal(rng, (6, 784))
        y = answer(network, x)
        must(same(answer(network, x), y), _("The same images get another output at each call."), CHANCE)
        alone = torch.cat([answer(network, x[i : i + 1]) for i in range(len(x))])
        must(same(alone, y), _("An image gets another output in a batch than alone."), ALONE)
        set_mode(network, "train")
        text = _("In training mode the same image gets another output than in evaluation mode.")
        must(same(answer(network, x), y), text, MODES)


def same(a, b):
    return a.shape == b.shape and torch.allclose(a, b, rtol=1e-3, atol=1e-4)


# --- the loop --------------------------------------------------------------------------------------------------


@pytest.mark.criterion("train-history")
def test_history(submission, rng, hint, exhibit):
    """train returns a list with one plain number for each epoch, without a graph behind it, and they fall"""
    with advised(hint, CALL, known=loop_advice):
        on_enough(lambda n: check_history(submission, *patterns(rng, n), exhibit), FEW, MANY)


GRAPH = (
    "A loss that is a tensor keeps the graph of its whole forward pass alive, and memory fills up epoch by epoch. "
    "loss.item() is the number alone. Average over the batches of an epoch, or take the last."
)
ONE_EACH = "return stands behind the loop over the epochs, and one number is appended in each epoch: the average over its batches, or the last."
A_LIST = "Return the list of losses alone, such as [1.9, 0.8, 0.4]; what else is of interest can be printed."
FRESH_LIST = "The list grows from call to call: it begins empty inside train, before the loop."
FALLING = "Is it the loss that is appended, not an accuracy? And is the sum of an epoch set back to 0 before the next one begins?"


def check_history(submission, x, y, exhibit):
    history = trained(submission, little(submission), x, y, 3)
    text = history.call("__repr__")
    must(text != "None", _("train returns nothing: is a `return` missing?"), A_LIST)
    plain = "grad_fn" not in text and "requires_grad" not in text
    must(plain, _("The history still holds the graph of the losses: turn each into a plain number."), GRAPH)
    values = numbers_in(history)
    found = _("train should return a list of numbers, but it is {found}.").format(found=shortened(text))
    must(values is not None, found, A_LIST)
    many = _("Trained for 3 epochs, the history has the length {count}: one number for each epoch is wanted.")
    if len(values) != 3:
        again = numbers_in(trained(submission, little(submission), x, y, 3)) or []
        must(False, many.format(count=len(values)), FRESH_LIST if len(again) > len(values) else ONE_EACH)
    must(all(math.isfinite(v) for v in values), _("The history holds NaN or infinity."), idle=True)
    model = little(submission)
    before = model.state()
    longer = numbers_in(trained(submission, model, x, y, 20)) or values
    exhibit(
        lambda: curves(_("Loss by epoch, of a small network on a set that is easy to learn"), {"train": longer})
    )
    old, new, half = loss_of(before, x, y), loss_of(model, x, y), len(longer) // 2
    must(new != old or len(x) > FEW, _("Nothing was trained."), idle=True)
    text = _("On a set that is easy to learn the numbers do not fall: {first:.3g} at first, {last:.3g} at last.")
    falls = sum(longer[-half:]) < sum(longer[:half])
    must(new > 0.9 * old or falls, text.format(first=longer[0], last=longer[-1]), FALLING)


@pytest.mark.criterion("train-learns")
def test_learns(submission, rng, hint):
    """train lowers the loss of the model that it is given"""
    with advised(hint, CALL, known=loop_advice):
        on_enough(lambda n: check_learning(submission, *patterns(rng, n)), FEW, MANY)


LEARNS = (
    "In each batch: zero_grad, forward, loss, backward, step. The optimiser gets the parameters of the model that came "
    "as an argument, and the batches are taken from the X_train and y_train that came with it."
)


def check_learning(submission, x, y):
    model = little(submission)
    before = model.state()
    trained(submission, model, x, y, 40)
    old, new = loss_of(before, x, y), loss_of(model, x, y)
    after = model.state()
    moved = any(not torch.equal(before[k], after[k]) for k in before)
    must(moved, _("After train the model has the same weights as before: it was not trained."), LEARNS, idle=True)
    text = _("On a set that is easy to learn, 40 epochs take the loss from {old:.3g} only to {new:.3g}.")
    must(new < 0.8 * old, text.format(old=old, new=new), LEARNS)


# --- what was handed in ----------------------------------------------------------------------------------------

# Ways in which notebooks scale pixels of 0 to 1 once more: (shift, scale).
SCALES = ((0, 1), (0.5, 0.5), (0.1307, 0.3081), (0, 1 / 255))
DIGITS = [str(n) for n in range(10)]
LEARN = "Train longer, or look at the loss: it should fall from epoch to epoch. mlp must be the trained instance itself, and it is given pixels of 0 to 1."
FORM_FIRST = "See the criterion on the form of MLP(): begin there."
INSTANCE = "mlp = MLP(), and then train(mlp, …): what is handed in is your network itself, trained."


@pytest.mark.criterion("test-accuracy")
def test_accuracy(submission, dataset, hint, award, exhibit):
    """mlp recognises the test images"""
    with advised(hint, known=layer_advice):
        digits = dataset("mnist")
        images, labels, enough = digits.test.images[:2000], digits.test.labels[:2000], ENOUGH[digits.standin]
        network = submission.object("mlp")
        settle(network, torch.zeros(2, 784))
        with instance_wanted(submission):
            has_three_layers(network, "mlp", used=True)
        way, outputs = scaled_as_trained(network, images, labels), []

        def predict(part):
            outputs.append(network.forward(way(part)))
            return outputs[-1]

        try:
            reached = assert_accuracy(predict, images, labels, enough, name="mlp")
        except Mismatch as mismatch:
            if mismatch.kind == ("accuracy", "low"):
                mismatch.advice = LEARN
            raise
        finally:
            exhibit(lambda: looked_at(images, labels, outputs))
            exhibit(lambda: first_filters(parameters_of(network), (28, 28)))
            exhibit(lambda: own_curves(submission))
        text = _("mlp recognises {share} of {count} test images")
        award(1.0, text.format(share=f"{reached:.1%}", count=len(labels)))


@contextlib.contextmanager
def instance_wanted(submission):
    """For what does not fit inside: mlp may be something else than an MLP, or MLP itself what does not fit."""
    try:
        yield
    except AssertionError as failure:
        failure.advice = FORM_FIRST
        with contextlib.suppress(AssertionError, ProbeFailure):
            has_three_layers(built(submission))
            failure.advice = INSTANCE
        raise


def scaled_as_trained(network, images, labels):
    """A function from images (N, 28, 28) of 0 to 255 to (N, 784), scaled in the usual way that is read best."""

    def way(scale):
        return lambda part: (part.flatten(1).float() / 255 - scale[0]) / scale[1]

    def reached(scale):
        found = predictions(lambda part: network.forward(way(scale)(part)), images[:300])
        return accuracy(found, labels[:300])

    return way(max(SCALES, key=reached))


def looked_at(images, labels, outputs):
    """The confusion matrix, and some of the test images that were taken for something else."""
    found = torch.cat(outputs).argmax(dim=1)
    images, labels = images[: len(found)], labels[: len(found)]
    shown = confusion_matrix(found, labels, DIGITS), misclassified(images, found, labels, DIGITS)
    return [e for e in shown if e is not None]


def own_curves(submission):
    """What the notebook kept of its own training."""
    losses = curves(_("Loss by epoch, as the notebook tells"), told_by(submission, LOSSES))
    shares = curves(_("Accuracy by epoch, as the notebook tells"), told_by(submission, SHARES))
    return [e for e in (losses, shares) if e is not None]


# --- what the tests above ask with -----------------------------------------------------------------------------

ENDS = {"logits": (), "logarithms": (("torch.nn.LogSoftmax", 1),), "probabilities": (("torch.nn.Softmax", 1),)}


def end_of(submission):
    """What MLP() gives: logits, probabilities or their logarithms. A train beside it expects the same."""
    try:
        # Inputs that vary: a network may take an input's own mean and deviation.
        y = settle(submission.build("MLP"), torch.linspace(0, 1, 2 * 784).reshape(2, 784))
    except (AssertionError, ProbeFailure):
        return guessed_end(submission.source("train"))
    if y.ndim != 2:
        return "logits"
    if bool((y >= 0).all()) and bool(((y.sum(dim=1) - 1).abs() < 1e-3).all()):
        return "probabilities"
    return "logarithms" if bool(((y.exp().sum(dim=1) - 1).abs() < 1e-3).all()) else "logits"


def guessed_end(source):
    """What a train seems to expect of its model, where MLP cannot be asked."""
    if "log_softmax" in source or "LogSoftmax" in source:
        return "logits"
    if ".log(" in source:
        return "probabilities"
    return "logarithms" if "nll" in source.lower() else "logits"


def little(submission):
    """A small network that ends as MLP does; made here, so that a mistake in MLP costs nothing twice."""
    make = submission.make
    flat_first = make("torch.nn.Flatten")  # for a train that gives the batches a shape of its own
    parts = [flat_first, make("torch.nn.Linear", 784, 16), make("torch.nn.Tanh"), make("torch.nn.Linear", 16, 10)]
    parts += [make(*end) for end in ENDS[end_of(submission)]]
    model = make("torch.nn.Sequential", *parts)
    # A notebook may have set another dtype.
    set_mode(model, "double" if wants_double(submission, "MLP") else "float")
    return model


def loss_of(model, x, y):
    """The cross-entropy of the little network, or of one with such a state."""
    if not isinstance(model, dict):
        set_mode(model, "cpu")
        model = model.state()
    model = {name: value.float() for name, value in model.items()}
    hidden = torch.tanh(x @ model["1.weight"].T + model["1.bias"])
    return float(F.cross_entropy(hidden @ model["3.weight"].T + model["3.bias"], y))


def patterns(rng, n):
    """n images (n, 784) of 0 to 1, and their classes: ten patterns with noise."""
    shapes = (torch.rand(10, 784, generator=rng) < 0.2).float()
    y = torch.arange(n) % 10
    return 0.85 * shapes[y] + 0.15 * torch.rand(n, 784, generator=rng), y


FEW, MANY = 200, 2100


def trained(submission, model, x, y, epochs):
    """What train returned, held in the room."""
    return submission.build("train", model, x, y, epochs, RATE)
