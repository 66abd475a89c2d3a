"""Public criteria of blobs_classifier. They ship with the handout: a student can run them before handing in."""

import contextlib
import math
from dataclasses import dataclass, replace

import pytest
import torch
import torch.nn.functional as F

from torchgrade.testing import (
    LOSSES,
    BadAnswer,
    Missing,
    ProbeFailure,
    Raised,
    _,
    advised,
    answer,
    count,
    curves,
    decision_surface,
    draw_weights,
    layer_table,
    must,
    normal,
    numbers_in,
    parameters_of,
    settle,
    shortened,
    told_by,
)

PARAMETERS = 9
CALL = "train(model, X, y, epochs, batch_size, lr)"
# The mean cross-entropy on fresh points; guessing is at 0.69. Honest trainings end at 0.20 to 0.31 (1000 epochs of
# mini-batches at 1e-3), at 0.10 to 0.14 (2000 of them) and at 0.04 to 0.06 (50 epochs at 0.1).
PARTS, BEGINS = 0.35, 0.55
# Of how far a parameter moves: right loops in float32 stay below 1e-4.
CLOSE = 1e-3


BOUNDS = "BCELoss wants probabilities from 0 to 1: the network ends in a sigmoid. (BCEWithLogitsLoss wants raw numbers.)"
SIZES_DIFFER = (
    "Network and classes differ in shape: both are (N, 1). Is a squeeze() or a flatten() on one side only?"
)
LOCAL = "A name that a function assigns to is its own: what has that name outside is not seen there. Call the value otherwise."
SMALL = "epochs may be 1, and 1 // 10 is 0: the rest of a division by it cannot be taken."
FOLLOWED = (
    "The loss goes back to the parameters through model(X) itself: no detach(), no_grad() or .item() on the way."
)
SWAPPED = "BCELoss takes the probabilities first and the classes second: loss_function(model(X), y)."
NO_BATCHES = "With batch_size=None all points are one batch: batch_size or len(X)."


def advice_on_error(failure):
    """What to do about the usual exceptions of such a loop; empty for another one."""
    text = str(failure) if isinstance(failure, Raised) else ""
    known = {
        "UnboundLocalError": LOCAL,
        "ZeroDivisionError": SMALL,
        "empty parameter list": GIVEN,
        "does not require grad": FOLLOWED,
        "elements of target": SWAPPED,
        "between 0 and 1": BOUNDS,
        "target size": SIZES_DIFFER,
        "NoneType": NO_BATCHES,
    }
    return next((advice for words, advice in known.items() if words in text), "")


# --- the network -------------------------------------------------------------------------------------------------


@pytest.mark.criterion("network-output")
def test_output(submission, rng, hint, exhibit):
    """Classifier() takes points (N, 2), gives probabilities (N, 1), and has 9 parameters"""
    with advised(hint, "Classifier()", LAYERS, known=advice_on_error):
        network = built(submission)
        exhibit(lambda: layer_table(parameters_of(network)))
        x = normal(rng, (50, 2), 3)
        y = answer(network, x)
        text = _("For 50 points the output has shape {shape}, not (50, 1).").format(shape=tuple(y.shape))
        must(y.shape == (50, 1), text, COLUMN)
        draw_weights(network, rng)
        y = answer(network, x)
        text = _("The output goes from {low:.3g} to {high:.3g}: these are no probabilities.")
        must(not is_raw(y), text.format(low=float(y.min()), high=float(y.max())), LAST)
        text = _("The output is only 0 or 1 everywhere: these are classes, not probabilities.")
        must(not bool(((y == 0) | (y == 1)).all()), text, SMOOTH)
        there = count(parameters_of(network))
        text = _("The network has {there} parameters, but 9 are expected.").format(there=there)
        must(there == PARAMETERS, text, SIZES.get(there, LAYERS))


LAYERS = "A linear layer from 2 to 2, a sigmoid, a linear layer from 2 to 1, a sigmoid; both layers with biases."
COLUMN = "The last layer has one output, and the answer keeps its column: (N, 1), without squeeze()."
SMOOTH = "A comparison or a rounding has no gradient, and a softmax over one column is always 1: end with a sigmoid alone."
LAST = "The last layer's number becomes a probability by a sigmoid: it belongs to the network here."
# What a wrong number of parameters comes from.
SIZES = {
    6: "Without biases there are 4 + 2 = 6 weights. A bias belongs to each unit: 2 and 1 more.",
    3: "A single linear layer has 2 + 1 = 3 parameters. A hidden layer of two units stands before it.",
    13: "With three hidden units there are 13 parameters. Two are asked for.",
    12: "With two outputs there are 12 parameters. One is enough for two classes: the probability of class 1.",
}


def built(submission):
    """A fresh Classifier(), ready to be asked."""
    network = submission.build("Classifier")
    settle(network, torch.zeros(3, 2))
    return network


def is_raw(y):
    """Whether these are no probabilities."""
    return float(y.min()) < 0 or float(y.max()) > 1


# --- the loop ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """Points (N, 2), classes (N, 1), the weights of a little network at the start, and how to train it."""

    x: torch.Tensor
    y: torch.Tensor
    start: tuple[torch.Tensor, ...]
    epochs: int = 1
    batch: int | None = None
    lr: float = 0.5


def draw(rng, n=48, **more):
    """Three clouds of points one after the other, so that it is seen which of them were taken."""
    places = torch.tensor([[2.0, 0.0], [-2.0, 1.5], [0.5, -2.0]]).repeat_interleave(n // 3, 0)
    y = torch.tensor([[1.0], [0.0], [0.0]]).repeat_interleave(n // 3, 0)
    start = tuple(normal(rng, shape) for shape in ((2, 2), (2,), (1, 2), (1,)))
    return Case(places + 0.5 * normal(rng, (len(y), 2)), y, start, **more)


def one_point(rng, n, **more):
    """So many copies of one point: every batch takes the same step, whatever the order."""
    case = draw(rng, 3, **more)
    return replace(case, x=case.x[:1].repeat(n, 1), y=case.y[:1].repeat(n, 1))


KEYS = ("0.weight", "0.bias", "2.weight", "2.bias")


def little(submission, start):
    """A network 2-2-1 with these weights; made here, so that a mistake in Classifier costs nothing twice.

    Where Classifier ends in raw numbers, so does this one: the train beside it may take BCEWithLogitsLoss then.
    """
    make = submission.make
    last = [] if ends_in_numbers(submission) else [make("torch.nn.Sigmoid")]
    parts = (make("torch.nn.Linear", 2, 2), make("torch.nn.Sigmoid"), make("torch.nn.Linear", 2, 1))
    model = make("torch.nn.Sequential", *parts, *last)
    with contextlib.suppress(BadAnswer):  # what load_state_dict returns stays in the room
        model.call("load_state_dict", dict(zip(KEYS, start, strict=True)))
    return model


def ends_in_numbers(submission):
    """Whether Classifier() gives raw numbers."""
    try:
        network = built(submission)
        rng = torch.Generator().manual_seed(0)
        draw_weights(network, rng)
        return is_raw(answer(network, normal(rng, (200, 2), 5)))
    except (AssertionError, ProbeFailure):
        return False


def trained(submission, case):
    """(the weights after train, what train returned: held in the room)."""
    model = little(submission, case.start)
    told = submission.build("train", model, case.x, case.y, case.epochs, case.batch, case.lr)
    with contextlib.suppress(BadAnswer, Missing):
        model.call("cpu")
    state = model.state()
    return tuple(state[key].double() for key in KEYS), told


def mean_loss(x, y, w1, b1, w2, b2):
    """The mean cross-entropy of the little network."""
    p = torch.sigmoid(torch.sigmoid(x.double() @ w1.T + b1) @ w2.T + b2)
    return F.binary_cross_entropy(p, y.double())


def slopes(x, y, weights):
    leaves = [w.detach().double().requires_grad_() for w in weights]
    return torch.autograd.grad(mean_loss(x, y, *leaves), leaves)


def descent(case, steps, keep=0.0):
    """The weights from the start on, after each full step; ``keep``: how much of the last gradient is kept."""
    states, last = [tuple(w.double() for w in case.start)], [0.0] * 4
    for _step in range(steps):
        last = [g + keep * old for g, old in zip(slopes(case.x, case.y, states[-1]), last, strict=True)]
        states.append(tuple(w - case.lr * g for w, g in zip(states[-1], last, strict=True)))
    return states


def near(got, wanted, start, close=CLOSE):
    """Whether these are the same weights, measured by how far they have come."""
    parts = zip(got, wanted, start, strict=True)
    far = [(float((a - b).abs().max()), float((b - s).abs().max())) for a, b, s in parts]
    return all(away <= close * moved + 1e-5 for away, moved in far)


@pytest.mark.criterion("one-step")
def test_one_step(submission, rng, hint):
    """With batch_size=None an epoch is one step of SGD on the mean cross-entropy over all points"""
    with advised(hint, CALL, STEP, known=advice_on_error):
        for lr in (0.5, 0.1):
            case = draw(rng, lr=lr)
            got, _told = trained(submission, case)
            if not near(got, descent(case, 1)[-1], case.start):
                name_step(case, got)
                must(False, _("After one epoch over all points the weights are not those of one step of SGD."))


STEP = "In a step: zero_grad, model(X), the loss, backward, step, with torch.optim.SGD(model.parameters(), lr=lr)."
GIVEN = "The optimiser gets the parameters of the model that came as an argument, and step() moves them."
RATE = "lr is an argument of train: torch.optim.SGD(model.parameters(), lr=lr)."
PLAIN = "Plain SGD is asked for: torch.optim.SGD without momentum, and neither Adam nor weight decay."
UPHILL = "backward() starts from the loss as it is, without a minus: step() goes downhill by itself."
MEAN = "The loss of a batch is the mean over its points: BCELoss() as it is, without reduction='sum'."
ONCE = "With batch_size=None an epoch is one step: all points are one batch."


def name_step(case, got):
    """Fail with the name of the step that this is instead."""
    finite = all(bool(w.isfinite().all()) for w in got)
    must(finite, _("After one epoch over all points the weights are NaN or infinite."), SWAPPED)
    start, n = [w.double() for w in case.start], len(case.x)
    found = slopes(case.x, case.y, case.start)

    def moved(*factors):
        return [w - case.lr * f * g for w, f, g in zip(start, factors, found, strict=True)]

    decayed = [w - case.lr * (g + 1e-2 * w) for w, g in zip(start, found, strict=True)]
    known = [
        ("the model has not moved at all", moved(0, 0, 0, 0), GIVEN),
        ("the step goes uphill", moved(-1, -1, -1, -1), UPHILL),
        ("the step is shorter by the number of points", moved(*[1 / n] * 4), MEAN),
        ("the step is that of the sum, not of the mean", moved(*[n] * 4), MEAN),
        ("lr is always 0.001", moved(*[1e-3 / case.lr] * 4), RATE),
        ("lr is always 0.01", moved(*[1e-2 / case.lr] * 4), RATE),
        ("the step is that of Adam", [w - case.lr * g.sign() for w, g in zip(start, found, strict=True)], PLAIN),
        ("a weight decay of 0.01 acts", decayed, PLAIN),
        ("only the last layer was moved", moved(0, 0, 1, 1), GIVEN),
        ("the step is that of squared errors", squared(case), "Two classes want nn.BCELoss, not squared errors."),
        (
            "a sigmoid acts twice",
            twice(case),
            "BCEWithLogitsLoss takes the sigmoid itself: over probabilities it is BCELoss.",
        ),
        ("there are two steps in the epoch", descent(case, 2)[-1], ONCE),
        ("there is a step for each point", one_by_one(case), ONCE),
    ]
    for name, wanted, advice in known:
        must(
            not near(got, wanted, start),
            _("After one epoch over all points: {what}.").format(what=_(name)),
            advice,
        )


def stepped(case, loss):
    """The weights after one step on another loss of probabilities and classes."""
    leaves = [w.double().requires_grad_() for w in case.start]
    w1, b1, w2, b2 = leaves
    p = torch.sigmoid(torch.sigmoid(case.x.double() @ w1.T + b1) @ w2.T + b2)
    found = torch.autograd.grad(loss(p, case.y.double()), leaves)
    return [w.detach() - case.lr * g for w, g in zip(leaves, found, strict=True)]


def squared(case):
    return stepped(case, F.mse_loss)


def twice(case):
    return stepped(case, F.binary_cross_entropy_with_logits)


def one_by_one(case):
    weights = [w.double() for w in case.start]
    for x, y in zip(case.x, case.y, strict=True):
        weights = [w - case.lr * g for w, g in zip(weights, slopes(x[None], y[None], weights), strict=True)]
    return weights


@pytest.mark.criterion("full-batches")
def test_full_batches(submission, rng, hint):
    """After several epochs over all points the weights are those of SGD: each step uses its own gradients alone"""
    with advised(hint, CALL, STEP, known=advice_on_error):
        for epochs in (4, 3):
            case = draw(rng, epochs=epochs)
            got, _told = trained(submission, case)
            if near(got, descent(case, epochs)[-1], case.start):
                continue
            known = [
                ("the model has not moved at all", descent(case, 0)[-1], UNMOVED),
                (
                    "the gradients of all earlier steps are added to each one",
                    descent(case, epochs, 1.0)[-1],
                    PILED,
                ),
                ("a momentum of 0.9 acts", descent(case, epochs, 0.9)[-1], PLAIN),
                ("these are the weights after the first step", descent(case, 1)[-1], EARLY),
                ("one epoch is missing", descent(case, epochs - 1)[-1], COUNT),
                ("there is one epoch too many", descent(case, epochs + 1)[-1], COUNT),
            ]
            for name, wanted, advice in known:
                text = _("After {epochs} epochs over all points: {what}.").format(epochs=epochs, what=_(name))
                must(not near(got, wanted, case.start), text, advice)
            text = _("After {epochs} epochs over all points the weights are not those of {epochs} steps of SGD.")
            must(False, text.format(epochs=epochs))


UNMOVED = "step() moves what the optimiser was given: the model that came as an argument. zero_grad() stands before backward()."
PILED = "backward adds to the gradients that are there: optimizer.zero_grad() in every step."
EARLY = "return stands behind the loop over the epochs."
COUNT = "epochs is the number of epochs: for _ in range(epochs)."


@pytest.mark.criterion("mini-batches")
def test_mini_batches(submission, rng, hint):
    """With a batch size there is a step for each batch, and each epoch takes all points"""
    with advised(hint, CALL, BATCHES, known=advice_on_error):
        case = one_point(rng, 160, epochs=2, batch=64, lr=0.2)
        states = descent(case, 2 * len(case.x))
        got, _told = trained(submission, case)
        taken = [n for n in (4, 5, 6, *range(len(states))) if near(got, states[n], case.start)]
        if not taken:
            piled = near(got, descent(case, 6, 1.0)[-1], case.start)
            piled = piled or near(got, piled_in_epochs(case, 3), case.start)
            must(not piled, _("In mini-batches the gradients of earlier batches are added to each one."), PILED)
            must(False, _("In mini-batches of 64 the weights are not those of SGD."))
        text = _(
            "160 points in batches of 64 are 3 steps an epoch (2 without the rest), so 6 in two: there are {count}."
        )
        must(
            taken[0] in (4, 6),
            text.format(count=taken[0]),
            ONE_EACH.get(taken[0] if taken[0] < 310 else len(states) - 1, MANY if taken[0] > 12 else BATCHES),
        )
        all_taken(submission, telling(rng))


BATCHES = "In an epoch: for batch in torch.randperm(len(X)).split(batch_size): a step with X[batch] and y[batch]."
MANY = "batch_size is the number of points in a batch, not of batches, and epochs is the number of epochs."
ONE_EACH = {
    0: UNMOVED,
    2: "There is one step an epoch: the step belongs into the loop over the batches, and X[batch], y[batch] into the loss.",
    1: "There is one step in all: the loop over the batches stands inside the loop over the epochs, and step() in it.",
    320: "There is a step for each point: take batch_size points at a time.",
    3: "Only one of the two epochs was trained: does an iterator run empty, or return stand in the loop?",
}


def piled_in_epochs(case, batches):
    """The weights after two epochs in which the gradients are cleared before the first batch alone."""
    once = descent(case, batches, 1.0)[-1]
    return descent(replace(case, start=once), batches, 1.0)[-1]


THIRDS = list(torch.arange(192).split(64))
MIXED = [torch.cat([third[n::3] for third in THIRDS]) for n in range(3)]
# Of how far a parameter moves: with small steps right orders differ by 0.045 at most, a third left out by 0.2 or more.
ORDER = 0.08


def telling(rng):
    """A case in which leaving out any third of the points shows."""
    while True:
        case = draw(rng, 192, batch=64, lr=0.01)
        lefts = [[t for i, t in enumerate(THIRDS) if i != n] for n in range(3)]
        ends = [after(case, parts) for parts in (THIRDS, MIXED)]
        if not any(near(after(case, left), end, case.start, 0.2) for left in lefts for end in ends):
            return case


def after(case, parts):
    """The weights after one step for each of these parts of the points."""
    weights = [w.double() for w in case.start]
    for part in parts:
        found = slopes(case.x[part], case.y[part], weights)
        weights = [w - case.lr * g for w, g in zip(weights, found, strict=True)]
    return weights


def all_taken(submission, case):
    """Fail unless the epoch took all points: with small steps their order hardly matters."""
    got, _told = trained(submission, case)

    def ends_as(parts):
        return near(got, after(case, parts), case.start, ORDER)

    if ends_as(MIXED) or ends_as(THIRDS):
        return
    again = any(ends_as([third] * 3) for third in THIRDS)
    must(not again, _("In an epoch of mini-batches the same points are taken again and again."), BATCHES)
    out = any(ends_as([t for i, t in enumerate(THIRDS) if i != n]) for n in range(3))
    must(not out, _("An epoch of mini-batches leaves out a part of the points."), BATCHES)
    must(False, _("An epoch of mini-batches does not take every point once, with its own class."), BATCHES)


# --- what is told ------------------------------------------------------------------------------------------------


@pytest.mark.criterion("history")
def test_history(submission, rng, hint):
    """train returns a list with one plain number for each epoch: its loss, without a graph behind it"""
    with advised(hint, CALL, APPEND, known=advice_on_error):
        case = draw(rng, epochs=3)
        _state, told = trained(submission, case)
        text = told.call("__repr__")
        must(text != "None", _("train returns nothing: is a `return` missing?"), A_LIST)
        plain = "grad_fn" not in text and "requires_grad" not in text
        must(plain, _("The history still holds the graph of the losses: turn each into a plain number."), GRAPH)
        values = numbers_in(told)
        found = shortened(text)
        must(
            values is not None,
            _("train should return a list of numbers, but it is {found}.").format(found=found),
            A_LIST,
        )
        text = _("Trained for 3 epochs, the history has the length {count}: one number for each epoch is wanted.")
        must(
            len(values) == 3,
            text.format(count=len(values)),
            "One number is appended in each epoch, behind its batches.",
        )
        states = [case.start, *(trained(submission, replace(case, epochs=n))[0] for n in (1, 2, 3))]
        paths = [[loss_at(case, s) for s in each] for each in (states, descent(case, 3))]
        fine = any(
            alike(values, [scale * loss for loss in part])
            for losses in paths  # of its own steps, or of right ones: which it takes is judged by itself
            for part in (losses[:-1], losses[1:])
            for scale in (1, len(case.x))
        )
        wanted = paths[0]
        n = next((n for n in range(3) if not alike(values[n : n + 1], wanted[n : n + 1])), 0)
        text = _("Number {n} in the history should be {wanted:.4g}, but it is {got:.4g}.")
        must(
            fine,
            text.format(n=n + 1, wanted=wanted[n], got=values[n]),
            "It is the loss of the epoch, not an accuracy or the sum of all epochs.",
        )


APPEND = "Append loss.item() in each epoch, or the mean over its batches, and return the list."
A_LIST = "Return the list of losses alone, such as [0.71, 0.52, 0.4]."
GRAPH = "A loss that is a tensor keeps the graph of its step alive. loss.item() is the number alone."


def loss_at(case, weights):
    return float(mean_loss(case.x, case.y, *(w.double() for w in weights)))


def alike(values, wanted):
    return all(math.isclose(a, b, rel_tol=1e-3) for a, b in zip(values, wanted, strict=True))


# --- what was handed in ------------------------------------------------------------------------------------------


@pytest.mark.criterion("trained")
def test_trained(submission, rng, hint, award, exhibit):
    """model, as the notebook left it, parts fresh points of the two clouds: the mean loss is at most 0.35"""
    exhibit(lambda: curves(_("Loss by epoch, as the notebook tells"), told_by(submission, LOSSES)))
    with advised(hint, usual=KEPT, known=advice_on_error):
        model = submission.object("model")
        x, y = blobs(rng, 2000)
        first = settle(model, x)
        text = _("For 2000 points the output of model has shape {shape}, not (2000, 1).")
        must(first.numel() == 2000, text.format(shape=tuple(first.shape)), COLUMN)
        raw = is_raw(first)  # that it gives no probabilities is judged by itself

        def ask(points):
            found = answer(model, points).reshape(-1)
            return torch.sigmoid(found) if raw else found

        exhibit(lambda: decision_surface(ask, x[:200], y[:200], ("0", "1")))
        p = ask(x).double()
        loss = float(F.binary_cross_entropy(p, y[:, 0].double()))
        right = float(((p > 0.5) == (y[:, 0] > 0.5)).double().mean())
        told = _("on 2000 fresh points the mean loss is {loss:.3g}, and {share} are on the right side")
        told = told.format(loss=loss, share=f"{right:.1%}")
        if loss <= PARTS:
            return
        must(loss <= BEGINS, _("The model does not part the two clouds: {told}.").format(told=told), LEARN)
        hint(LEARN)
        award(
            0.5,
            _("The model has begun to part the two clouds, but is not sure of them: {told}.").format(told=told),
        )


KEPT = (
    "When the notebook has run, model is the trained network itself: model = Classifier(), then train(model, …)."
)
LEARN = "Train on, or at a larger rate: in mini-batches of 64 a rate of 0.1 needs about 60 epochs, and 1e-3 about 2000."


def blobs(rng, n):
    y = torch.randint(0, 2, (n, 1), generator=rng).float()
    centres = torch.where(y > 0.5, torch.tensor([[3.0, -0.5]]), torch.tensor([[-2.0, 0.5]]))
    return centres + normal(rng, (n, 2)), y
