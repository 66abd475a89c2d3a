"""Hidden criteria of mlp_modules: weights and inputs that nobody could know. Never shipped."""

import contextlib
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from torchgrade.testing import (
    BadAnswer,
    Mismatch,
    Missing,
    Network,
    ProbeFailure,
    _,
    advice_on,
    assert_same_network,
    normal,
    uniform,
    weights_of,
)


@pytest.mark.criterion("same-network")
def test_network(submission, rng, hint):
    """With weights of our choice Network() gives the outputs and the gradients of the network asked for"""
    is_network(lambda: submission.build("Network"), MLP, rng, hint, "Network()")


@pytest.mark.criterion("same-sequential")
def test_sequential(submission, rng, hint):
    """With weights of our choice sequential gives the outputs and the gradients of the network asked for"""
    is_network(lambda: submission.object("sequential"), MLP, rng, hint)


@pytest.mark.criterion("same-ordered")
def test_ordered(submission, rng, hint):
    """With weights of our choice ordered gives the outputs and the gradients of the network asked for"""
    is_network(lambda: submission.object("ordered"), MLP, rng, hint)


@pytest.mark.criterion("same-two-layers")
def test_two_layers(submission, rng, hint):
    """With weights of our choice two_layers gives the outputs and the gradients of 64-32-10"""
    is_network(lambda: submission.object("two_layers"), TWO, rng, hint)


@pytest.mark.criterion("same-three-layers")
def test_three_layers(submission, rng, hint):
    """With weights of our choice three_layers gives the outputs and the gradients of 256-64-16-4"""
    is_network(lambda: submission.object("three_layers"), THREE, rng, hint)


def is_network(make, asked, rng, hint, call=""):
    """Fail unless the student's network that ``make`` gets is ``asked``. Its own weights are in it again afterwards."""
    told, wide = [], asked.keywords["sizes"][0]
    try:
        network = make()
        with own_weights_kept(network):
            assert_same_network(
                network,
                [Network("the network asked for", asked)],
                questions(rng, wide),
                rng=rng,
                mistakes=MISTAKES[wide],
                hint=told.append,
            )
    except (AssertionError, ProbeFailure) as failure:
        general = (
            TABLES[wide] if isinstance(failure, Mismatch) and failure.kind[0] in ("network", "weights") else ""
        )
        beginning = "" if isinstance(failure, Missing) else SIZE_FIRST
        if advice := told[0] if told else general or advice_on(failure, call) or beginning:
            hint(advice)
        raise


def questions(rng, wide):
    """Inputs of several sizes; the last is large, so that what is cut off far from 0 shows."""
    return [normal(rng, (6, wide)), uniform(rng, (3, wide), -1, 1), normal(rng, (6, wide), 6)]


@contextlib.contextmanager
def own_weights_kept(network):
    """Put the weights back that the network came with: another network may share its layers."""
    kept = weights_of(network)
    try:
        yield
    finally:
        with contextlib.suppress(AssertionError, ProbeFailure, BadAnswer):
            network.call("float")
        with contextlib.suppress(AssertionError, ProbeFailure, BadAnswer):
            network.call("load_state_dict", kept)


SIZE_FIRST = "See the criterion on the size of this network: begin there."
TABLES = {
    784: "784-128-64-10: ReLU behind the first and the second linear layer, softmax behind the last, nothing else.",
    64: "64-32-10: two linear layers, the second without a bias, and nothing between or behind them.",
    256: "256-64-16-4: ReLU behind the first linear layer, tanh behind the second, softmax behind the last, nothing else.",
}


class Variant(nn.Module):
    """Linear layers of these sizes with an activation behind each, and one more behind the last where ``end`` is."""

    def __init__(self, sizes, acts, biases=None, end="none", first="none"):
        super().__init__()
        pairs = zip(sizes, sizes[1:], biases or [True] * (len(sizes) - 1), strict=False)
        self.layers = nn.ModuleList(nn.Linear(a, b, bias=bias) for a, b, bias in pairs)
        self.acts, self.end, self.first = acts, end, first

    def forward(self, x):
        x = ACTS[self.first](x)
        for layer, act in zip(self.layers, self.acts, strict=True):
            x = ACTS[act](layer(x))
        return ACTS[self.end](x)


ACTS = {
    "none": lambda x: x,
    "relu": F.relu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "leaky": F.leaky_relu,
    "elu": F.elu,
    "selu": F.selu,
    "gelu": F.gelu,
    "silu": F.silu,
    "softplus": F.softplus,
    "hardtanh": F.hardtanh,
    "relu6": F.relu6,
    "softmax": lambda x: F.softmax(x, 1),
    "log_softmax": lambda x: F.log_softmax(x, 1),
    "softmin": lambda x: F.softmin(x, 1),
    "over_batch": lambda x: F.softmax(x, 0),
}
NAMES = {
    "none": _("nothing"),
    "relu": "ReLU",
    "sigmoid": _("a sigmoid"),
    "tanh": "tanh",
    "leaky": "LeakyReLU",
    "elu": "ELU",
    "selu": "SELU",
    "gelu": "GELU",
    "silu": "SiLU",
    "softplus": "Softplus",
    "hardtanh": "Hardtanh",
    "relu6": "ReLU6",
    "softmax": "softmax",
    "log_softmax": "log_softmax",
    "softmin": "softmin",
    "over_batch": _("a softmax over the batch"),
}
HIDDEN = (
    "none",
    "relu",
    "sigmoid",
    "tanh",
    "leaky",
    "elu",
    "selu",
    "gelu",
    "silu",
    "softplus",
    "hardtanh",
    "relu6",
    "softmax",
)
LAST = ("none", "relu", "sigmoid", "tanh", "softmax", "log_softmax", "softmin", "over_batch")

MLP = partial(Variant, sizes=(784, 128, 64, 10), acts=("relu", "relu", "softmax"))
TWO = partial(Variant, sizes=(64, 32, 10), acts=("none", "none"), biases=(True, False))
THREE = partial(Variant, sizes=(256, 64, 16, 4), acts=("relu", "tanh", "softmax"))

NO_ACT = "Without an activation between them, two linear layers are only one. See which one the task asks for behind each layer."
OTHER_ACT = (
    "{name} stands where the task asks for something else. See which activation it asks for behind each layer."
)
NOTHING_THERE = "Between and behind these two linear layers the task asks for nothing."
NO_SOFTMAX = "The network ends in a softmax over the numbers of each row."
END = "The softmax takes what the last linear layer gives, without another activation before or behind it."
OVER_BATCH = "A softmax over dim=0 shares a probability of 1 among the rows of the batch. Which dimension holds the classes?"
FIRST = "What goes into the first layer is x itself: activations stand behind layers."
SWAPPED = "Look again at which of the two activations comes first."


def others(asked):
    """Known other networks of the same sizes, the likeliest first."""
    acts = asked.keywords["acts"]
    places = range(len(acts) - 1)
    bare = set(acts) == {"none"}
    make = partial(partial, asked)
    if acts[0] != acts[1] and len(acts) > 2:
        yield _("the two activations have changed places"), make(acts=(acts[1], acts[0], *acts[2:])), SWAPPED
    for kind in HIDDEN:
        changed = [(kind,) * len(places)] if len(places) > 1 else []
        changed += [(*acts[:p], kind, *acts[p + 1 : -1]) for p in places]
        for hidden in dict.fromkeys(changed):
            if hidden == acts[:-1]:
                continue
            name = behind(NAMES[kind], [p + 1 for p in places if hidden[p] != acts[p]])
            if bare:
                advice = NOTHING_THERE
            else:
                advice = NO_ACT if kind == "none" else _(OTHER_ACT).format(name=NAMES[kind])
            yield name, make(acts=(*hidden, acts[-1])), advice
    for kind in LAST:
        if kind != acts[-1]:
            name = _("{name} behind the last linear layer").format(name=NAMES[kind])
            advice = NOTHING_THERE if bare else OVER_BATCH if kind == "over_batch" else NO_SOFTMAX
            yield name, make(acts=(*acts[:-1], kind)), advice
    if bare:
        return
    for kind in ("relu", "sigmoid", "tanh"):
        name = _("{name} between the last linear layer and the softmax").format(name=NAMES[kind])
        yield name, make(acts=(*acts[:-1], kind), end="softmax"), END
        name = _("{name} before the first linear layer").format(name=NAMES[kind])
        yield name, make(first=kind), FIRST
    yield _("softmax twice"), make(end="softmax"), END
    for kinds in (("none",), ("sigmoid",), ("tanh",)):
        for last in ("none", "log_softmax"):
            name = _("{name} for the activations, and {last} at the end").format(
                name=NAMES[kinds[0]], last=NAMES[last]
            )
            yield name, make(acts=(*(kinds * len(places)), last)), NO_SOFTMAX


def behind(name, layers):
    """What stands behind one linear layer, or two."""
    if len(layers) == 1:
        return _("{name} behind linear layer {where}").format(name=name, where=layers[0])
    return _("{name} behind linear layers {first} and {second}").format(
        name=name, first=layers[0], second=layers[1]
    )


MISTAKES = {
    asked.keywords["sizes"][0]: [Network(*other) for other in others(asked)] for asked in (MLP, TWO, THREE)
}
