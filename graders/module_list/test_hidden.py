"""Hidden criteria of module_list: weights, sizes and points that nobody could know. Never shipped."""

import itertools
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from torchgrade.testing import (
    Mismatch,
    Network,
    ProbeFailure,
    _,
    accuracy,
    advised,
    assert_same_network,
    flat_weights,
    must,
    normal,
    off_course,
    parameters_of,
    predictions,
    rebuilt,
    set_mode,
    settle,
    wants_double,
)

ENOUGH = 0.95
# Relative: right loops differ from ours by less than 0.001.
STEPS_AGREE = 0.02
CALL = "train(model, X, y, epochs)"


# --- the modules -----------------------------------------------------------------------------------------------

COURSE = (2, 100, 3)
# No two neighbours alike and no shape twice: so it is plain which weights belong to which layer, and which way round.
OTHERS = ((4, 7), (3, 6, 2), (5, 9, 8, 7, 4), (2, 11, 3))


@pytest.mark.criterion("any-sizes")
def test_net(submission, rng, hint):
    """With weights of our choice Net(sizes) gives the outputs and the gradients of that network, for any sizes"""
    with advised(hint, "Net(sizes)"):
        is_network(submission, rng, COURSE)
        try:
            for sizes in OTHERS:
                is_network(submission, rng, sizes)
        except (AssertionError, ProbeFailure) as failure:
            failure.advice = getattr(failure, "advice", "") or ANY
            raise


ANY = "Net([2, 100, 3]) is right, but not Net of other sizes. sizes may be any list: how many layers, and how wide, is read from it."
HIDDEN = "PyTorch looks for modules among the attributes of a module, not inside a list or a dict: nn.ModuleList is a list that it looks into."
TABLE = "Linear layers after each other, ReLU between them, and nothing behind the last."


def is_network(submission, rng, sizes):
    """Fail unless Net(sizes) is the network of these sizes."""
    told, network = [], submission.build("Net", list(sizes))
    inputs = questions(rng, sizes[0])
    right = [Network("linear layers with ReLU between them", partial(Variant, sizes))]
    try:
        assert_same_network(network, right, inputs, rng=rng, mistakes=mistakes(sizes), hint=told.append)
    except Mismatch as mismatch:
        general = HIDDEN if mismatch.kind == ("network", "empty") else TABLE if sizes == COURSE else ANY
        mismatch.advice = told[0] if told else general
        raise


def questions(rng, wide):
    """Inputs of two sizes; the second is large, so that what is cut off far from 0 shows."""
    return [normal(rng, (6, wide)), normal(rng, (8, wide), 20)]


class Variant(nn.Module):
    """Linear layers of these sizes with an activation between them, another one behind the last, one before the first."""

    def __init__(self, sizes, act="relu", end="none", first="none"):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(sizes))
        self.act, self.end, self.first = act, end, first

    def forward(self, x):
        x = ACTS[self.first](x)
        for layer in self.layers[:-1]:
            x = ACTS[self.act](layer(x))
        return ACTS[self.end](self.layers[-1](x))


ACTS = {
    "none": lambda x: x,
    "relu": F.relu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "leaky": F.leaky_relu,
    "elu": F.elu,
    "gelu": F.gelu,
    "softplus": F.softplus,
    "relu6": F.relu6,
    "softmax": lambda x: F.softmax(x, 1),
    "log_softmax": lambda x: F.log_softmax(x, 1),
}
NAMES = {
    "none": _("nothing"),
    "relu": "ReLU",
    "sigmoid": _("a sigmoid"),
    "tanh": "tanh",
    "leaky": "LeakyReLU",
    "elu": "ELU",
    "gelu": "GELU",
    "softplus": "Softplus",
    "relu6": "ReLU6",
    "softmax": "softmax",
    "log_softmax": "log_softmax",
}
NO_ACT = "Without an activation between them, linear layers are only one linear layer. ReLU stands between them."
OTHER_ACT = "ReLU is asked for between the layers. What stands there is another function: {name}."
END = "Behind the last layer nothing acts: its numbers are the logits, and CrossEntropyLoss takes the softmax itself."
FIRST = "What goes into the first layer is x itself: ReLU stands between the layers."


def mistakes(sizes):
    """Known other networks of these sizes."""
    known = []
    for end in ("none", "relu", "softmax", "log_softmax", "sigmoid", "tanh"):
        if end != "none":
            name = _("{name} behind the last layer").format(name=NAMES[end])
            known.append(Network(name, partial(Variant, sizes, end=end), END))
    for act in ("none", "sigmoid", "tanh", "leaky", "elu", "gelu", "softplus", "relu6") if len(sizes) > 2 else ():
        name = _("{name} between the layers").format(name=NAMES[act])
        advice = NO_ACT if act == "none" else _(OTHER_ACT).format(name=NAMES[act])
        known.append(Network(name, partial(Variant, sizes, act=act), advice))
        if act not in ("leaky", "relu6"):
            name = _("{name} between the layers and behind the last").format(name=NAMES[act])
            known += [Network(name, partial(Variant, sizes, act=act, end=act), advice)] if act != "none" else []
    known.append(Network(_("ReLU before the first layer"), partial(Variant, sizes, first="relu"), FIRST))
    return known


class Transposed(nn.Module):
    """A linear layer that keeps W as (n_in, n_out), for x @ W."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.zeros(n_in, n_out)), nn.Parameter(torch.zeros(n_out))

    def forward(self, x):
        return x @ self.weight + self.bias


@pytest.mark.criterion("affine-any-sizes")
def test_affine(submission, rng, hint):
    """With weights of our choice Affine(n_in, n_out) gives the outputs and the gradients of x @ W + b"""
    told = []
    with advised(hint, "Affine(n_in, n_out)"):
        for n_in, n_out in ((5, 4), (3, 7), (6, 6), (1, 4), (8, 1)):
            layer = submission.build("Affine", n_in, n_out)
            kinds = [nn.Linear, Transposed] if n_in == n_out else [nn.Linear]
            right = [Network("a linear layer", partial(kind, n_in, n_out)) for kind in kinds]
            inputs = [normal(rng, (6, n_in)), normal(rng, (3, n_in), 4)]
            try:
                assert_same_network(layer, right, inputs, rng=rng, hint=told.append)
            except (Mismatch, ProbeFailure) as failure:
                flows = "no gradient" not in str(failure)
                failure.advice = told[0] if told else AFFINE if flows else NO_GRADIENT
                raise


NO_GRADIENT = (
    "x @ W + b is computed with the parameters themselves: .data, detach and no_grad cut their gradients off."
)
AFFINE = "W and b are attributes made by nn.Parameter, of sizes that follow from n_in and n_out; the output is x @ W + b, and nothing else acts."

# --- the loop --------------------------------------------------------------------------------------------------


class Loop:
    """A training loop over all points at once, with one thing or another done differently."""

    def __init__(self, name, hint="", optimizer=None, loss=F.cross_entropy, clears=True, fresh=False):
        self.name, self.hint, self.loss, self.clears, self.fresh = name, hint, loss, clears, fresh
        self.optimizer = optimizer or partial(torch.optim.Adam, lr=0.1)

    def path(self, state, x, y, epochs):
        """The flat weights after so many epochs."""
        return next(itertools.islice(self.steps(state, x, y), epochs - 1, None))

    def steps(self, state, x, y):
        """The flat weights after each epoch, without an end."""
        model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 3))
        model.load_state_dict(state)
        optimizer = self.optimizer(model.parameters())
        while True:
            if self.fresh:
                optimizer = self.optimizer(model.parameters())
            if self.clears:
                optimizer.zero_grad()
            self.loss(model(x), y).backward()
            optimizer.step()
            yield flat_weights(model.state_dict())


ZERO = "backward() adds to the gradients that are there. Without optimizer.zero_grad() in every epoch, those of all epochs pile up."
FRESH = "Make the optimiser once, before the loop: Adam keeps running means, and a new one has forgotten them."
RATE = "The rate of Adam should be 0.1."
DECAY = "torch.optim.Adam is asked for with its rate of 0.1 and nothing else: no weight decay."
ADAM = "torch.optim.Adam at a rate of 0.1 is asked for."
TWICE = "nn.CrossEntropyLoss takes logits and has the softmax in it: no softmax before it."
LOSS = "The loss is the cross-entropy of the logits: nn.CrossEntropyLoss, the mean over all points."
UP = "The loss itself goes backward(), with its own sign."
STEPS = "In each epoch: zero_grad, forward on all points, cross-entropy, backward, step; torch.optim.Adam at 0.1."
right_loop = Loop("Adam at 0.1 with cross-entropy")


def other_loops():
    """Known mistakes."""
    yield Loop("the gradients are never cleared", ZERO, clears=False)
    yield Loop("the optimiser is made anew again and again", FRESH, fresh=True)
    for rate in (1, 0.5, 0.2, 0.05, 0.03, 0.02, 0.01, 0.005, 0.003, 1e-3, 1e-4):
        yield Loop(_("Adam at {rate:g}").format(rate=rate), RATE, partial(torch.optim.Adam, lr=rate))
    for kind in (torch.optim.SGD, torch.optim.RMSprop, torch.optim.Adagrad, torch.optim.Adamax, torch.optim.NAdam):
        for rate in (1, 0.1, 0.01, 1e-3):
            name = _("{other} in place of Adam").format(other=kind.__name__)
            yield Loop(name, ADAM, partial(kind, lr=rate))
    yield Loop("a weight decay", DECAY, partial(torch.optim.Adam, lr=0.1, weight_decay=0.1))
    yield Loop("a softmax twice", TWICE, loss=lambda z, y: F.cross_entropy(z.softmax(1), y))
    yield Loop("logits in place of logarithms", LOSS, loss=F.nll_loss)
    yield Loop("squared errors", LOSS, loss=lambda z, y: F.mse_loss(z, F.one_hot(y, 3).float()))
    yield Loop(
        "squared errors of the probabilities",
        LOSS,
        loss=lambda z, y: F.mse_loss(z.softmax(1), F.one_hot(y, 3).float()),
    )
    yield Loop("the loss is driven up", UP, loss=lambda z, y: -F.cross_entropy(z, y))


UNCHANGED = (
    "Give the optimiser the parameters of the model that came as an argument, and call step in every epoch."
)
EPOCHS = 6


@pytest.mark.criterion("adam-steps")
def test_steps(submission, rng, hint):
    """The weights after train are those of Adam at 0.1 with cross-entropy, a step over all points in each epoch"""
    with advised(hint, CALL):
        x, y = normal(rng, (12, 2)), torch.randperm(12, generator=rng) % 3
        model = little(submission)
        before = model.state()
        submission.build("train", model, x, y, EPOCHS)
        set_mode(model, "cpu")
        start, end = flat_weights(before), flat_weights(model.state())
        must(not torch.equal(start, end), _("After train the model has the same weights as before."), UNCHANGED)
        loops = (right_loop, *other_loops())
        away = [off_course(end, loop.path(before, x, y, EPOCHS), start) for loop in loops]
        nearest = min(range(len(loops)), key=away.__getitem__)
        known = loops[nearest] if away[nearest] <= STEPS_AGREE else None
        if known is None:
            all_trained(before, model.state())
            taken = steps_to(end, right_loop.steps(before, x, y), start)
            must(taken != 1, _("train takes one step, however many epochs it is asked for."), ONE_STEP)
            text = _("Asked for {epochs} epochs, train takes {steps} steps over all points.")
            must(
                taken is None,
                text.format(epochs=EPOCHS, steps=taken),
                ONE_STEP,
                safe=_("train does not take one step in each epoch."),
            )
            must(
                False, _("After train the weights are not those that Adam at 0.1 with cross-entropy gives."), STEPS
            )
        if known.hint:
            text = _("train does something else than was asked for: {what}.").format(what=_(known.name))
            must(False, text, known.hint)


ALL = "The optimiser gets all parameters of the model: model.parameters(), not a part of them."
MOST_STEPS = 400


def all_trained(before, after):
    """Fail where some of the tensors stayed as they were."""
    still = [name for name in before if torch.equal(before[name], after[name])]
    must(not still, _("train changes only a part of the parameters of the model."), ALL)


def steps_to(end, path, start):
    """After how many steps of the path the weights are nearest to ``end``; None where they never come near."""
    away = [off_course(end, weights, start) for weights in itertools.islice(path, MOST_STEPS)]
    nearest = min(range(len(away)), key=away.__getitem__)
    return nearest + 1 if away[nearest] <= STEPS_AGREE else None


ONE_STEP = "The loop runs over range(epochs), and no return stands inside it."


def little(submission):
    """A small network of three classes; made here, so that a mistake in Net costs nothing twice."""
    make = submission.make
    parts = make("torch.nn.Linear", 2, 8), make("torch.nn.Tanh"), make("torch.nn.Linear", 8, 3)
    model = make("torch.nn.Sequential", *parts)
    # A notebook may have set another dtype.
    set_mode(model, "double" if wants_double(submission, "Net", [2, 4, 3]) else "float")
    return model


# --- what was handed in ----------------------------------------------------------------------------------------


@pytest.mark.criterion("fresh-points")
def test_fresh_points(submission, rng, hint, award):
    """The weights of model, put into our network 2-100-3, tell points apart that nobody has seen"""
    with advised(hint):
        points, labels = spiral(rng, 1000)
        network = submission.object("model")
        settle(network, points[:4])
        module = ours_with_their_weights(network, points)
        must(module is not None, _("model is another network than Net([2, 100, 3])."), INSTANCE)
        share = accuracy(predictions(module, points, rng=rng), labels)
        enough = _("model tells {share} of {count} new points apart; at least {wanted} is wanted.")
        must(
            share >= ENOUGH,
            enough.format(share=f"{share:.1%}", count=len(labels), wanted=f"{ENOUGH:.0%}"),
            LEARN,
            safe=_("model tells too few new points apart."),
        )
        text = _("model tells {share} of {count} new points apart.")
        award(1.0, text.format(share=f"{share:.1%}", count=len(labels)))


LEARN = "Look at the loss: it should fall below 0.1. See the criterion on the arms of the spiral."
INSTANCE = "model = Net([2, 100, 3]), and then train(model, X, y, epochs): what is handed in is your network itself, trained."


def ours_with_their_weights(network, points):
    """2-100-3 with these weights, or a known mistake in its place, if the student's network is that; else None."""
    networks = [Network("linear layers with ReLU between them", partial(Variant, COURSE)), *mistakes(COURSE)]
    state = parameters_of(network)
    for part in (state, used_of(network, state, points)):
        module = rebuilt(network, part, networks, [points[:30]])
        if module is not None:
            return module
    return None


def used_of(network, state, points):
    """The part of the state that the output depends on: a layer that is never called costs its own criterion."""
    try:
        gradients = network.gradients(points[:30])
    except ProbeFailure:
        return state
    return {name: value for name, value in state.items() if name not in gradients or bool(gradients[name].any())}


def spiral(rng, n):
    """n points (3 * n, 2) of each of three arms, and their classes, as in the notebook."""
    radius, arms = torch.linspace(0, 1, n), []
    for k in range(3):
        angle = torch.linspace(4 * k, 4 * k + 4, n) + 0.2 * torch.randn(n, generator=rng)
        arms.append(torch.stack([radius * angle.sin(), radius * angle.cos()], dim=1))
    return torch.cat(arms), torch.arange(3).repeat_interleave(n)
