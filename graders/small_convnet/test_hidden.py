"""Hidden criteria of small_convnet: weights and pictures that nobody could know. Never shipped."""

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
    Raised,
    _,
    advice_on,
    assert_same_network,
    normal,
    settle,
    uniform,
)


@pytest.mark.criterion("conv-network")
def test_conv_network(submission, rng, hint):
    """With weights of our choice conv_net gives the outputs and the gradients of the network of the table"""
    judge(submission, "conv_net", "conv", rng, hint)


@pytest.mark.criterion("joined-network")
def test_joined_network(submission, rng, hint):
    """With weights of our choice joined_net gives the outputs and the gradients of the network of the table"""
    judge(submission, "joined_net", "joined", rng, hint)


@pytest.mark.criterion("mnist-network")
def test_mnist_network(submission, rng, hint):
    """With weights of our choice SimpleConvNet() gives the outputs and the gradients of the network of the table"""
    judge(submission, "SimpleConvNet", "mnist", rng, hint)


TABLE = "Go through the table again, line by line: kernels, activations, poolings, and what comes last. No extra layer."


FLOW = "Every weight of the table is to be learnt: .detach(), .item(), NumPy and requires_grad = False stop the gradients."
SEE_SIZE = (
    "The criterion on the size of this network says more, and the public checks show the error: begin there."
)


def by_failure(failure):
    """Advice where no gradient comes through, or layers do not fit together; empty where it is something else."""
    text = str(failure).lower()
    if "gradient" in text or "градиент" in text:
        return FLOW
    return SEE_SIZE if isinstance(failure, Raised) and "mat1 and mat2 shapes" in text else ""


def call_of(name):
    return f"{name}()" if name == "SimpleConvNet" else name


def judge(submission, name, kind, rng, hint):
    """Compare the student's network of this name with the one of this kind, and name the mistake."""
    shape = (1, 28, 28) if kind == "mnist" else (3, 19, 19)
    inputs = [normal(rng, (6, *shape)), uniform(rng, (3, *shape), 0, 2), normal(rng, (2, *shape), scale=10)]
    told = []
    try:
        net = network(submission, name, inputs[0])
        assert_same_network(net, right(kind), inputs, rng=rng, mistakes=mistakes(kind), hint=told.append)
    except (AssertionError, ProbeFailure) as failure:
        hint(told[0] if told else by_failure(failure) or advice_on(failure, call_of(name)) or TABLE)
        raise


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


# --- the networks of the tables, and others ----------------------------------------------------------------------

CHANNELS = {"conv": (3, 8, 16), "joined": (3, 8, 16), "mnist": (1, 6, 16)}
WIDTHS = {"conv": (), "joined": (256, 64, 16, 4), "mnist": (256, 120, 84, 10)}
ACTIVATIONS = {"conv": ("relu",) * 2, "joined": ("relu", "relu", "relu", "tanh"), "mnist": ("relu",) * 4}
LAST = {"conv": "none", "joined": "softmax", "mnist": "none"}

POOLS = {
    "max": lambda x: F.max_pool2d(x, 2),
    "avg": lambda x: F.avg_pool2d(x, 2),
    "stride": lambda x: x[..., ::2, ::2],
    "wide max": lambda x: F.max_pool2d(x, 3, 2, 1),
}
ACTS = {
    "none": lambda x: x,
    "relu": F.relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "leaky": F.leaky_relu,
    "elu": F.elu,
    "gelu": F.gelu,
    "silu": F.silu,
    "softplus": F.softplus,
    "hardtanh": F.hardtanh,
    "relu6": F.relu6,
    "softmax": lambda x: F.softmax(x, 1),
    "log_softmax": lambda x: F.log_softmax(x, 1),
    "softmax over the batch": lambda x: F.softmax(x, 0),
    "two softmaxes": lambda x: F.softmax(F.softmax(x, 1), 1),
}
NAMES = {
    "relu": "ReLU",
    "tanh": "tanh",
    "sigmoid": "sigmoid",
    "leaky": "LeakyReLU",
    "elu": "ELU",
    "gelu": "GELU",
    "silu": "SiLU",
    "softplus": "Softplus",
    "hardtanh": "Hardtanh",
    "relu6": "ReLU6",
}


class Net(nn.Module):
    """One of the three networks, with one thing or another done differently. Its state has the right one's layout.

    ``acts``: after each layer but the last linear one; ``order``: of channels, rows, columns when it is flattened.
    ``head_first``: the order of the layers in the state, by which biases of the same size are told apart.
    """

    def __init__(
        self,
        kind,
        acts=(),
        pools=("max",) * 2,
        last="",
        order=(0, 1, 2),
        pool_first=False,
        mixed=False,
        head_first=False,
        divisor=1,
    ):
        super().__init__()
        size = 5 if kind == "mnist" else 2
        a, b, c = CHANNELS[kind]
        parts = {
            "convolutions": [nn.Conv2d(a, b, size), nn.Conv2d(b, c, size)],
            "linears": [nn.Linear(i, o) for i, o in itertools.pairwise(WIDTHS[kind])],
        }
        for name in sorted(parts, reverse=head_first):
            self.add_module(name, nn.ModuleList(parts[name]))
        acts = acts or ACTIVATIONS[kind]
        self.ways = acts, pools, last or LAST[kind], order, pool_first, mixed
        self.divisor = divisor

    def forward(self, x):
        acts, pools, last, order, pool_first, mixed = self.ways
        x = x / self.divisor
        for layer, kind, pool in zip(self.convolutions, acts, pools, strict=False):
            x = layer(x)
            x = ACTS[kind](POOLS[pool](x)) if pool_first else POOLS[pool](ACTS[kind](x))
        if not self.linears:
            return x
        if mixed:
            x = x.transpose(0, 1).reshape(len(x), -1)
        else:
            x = x.permute(0, *(i + 1 for i in order)).flatten(1)
        for layer, kind in zip(self.linears, (*acts[2:], last), strict=True):
            x = ACTS[kind](layer(x))
        return x


def right(kind):
    """The network of the table; where it is flattened, in any fixed order, and with its head before or behind."""
    table = Network(_("the network of the table"), partial(Net, kind))
    if not WIDTHS[kind]:
        return [table]
    orders, name = itertools.permutations(range(3)), _("flattened in the order {order}")
    ways = [(order, first) for order in orders for first in (False, True)]
    return [table, *(Network(name.format(order=o), partial(Net, kind, order=o, head_first=f)) for o, f in ways)]


OTHER = "The table says another activation there. It has no parameters, so their number proves nothing."
NO_ACT = "Without an activation between them two layers are only one. Put the one of the table behind the layer."
POOL = "The table says max-pooling by 2: the largest number of each square of four, nn.MaxPool2d(2)."
BEHIND = "Nothing comes behind the last linear layer: CrossEntropyLoss takes the softmax itself."
NO_SOFTMAX = "The last four numbers go through softmax over dim=1, and through nothing else."
MIXED = "Your reshape mixes the pictures of a batch: the first dimension must stay the number of pictures, as in x.flatten(1)."
ORDER = "ReLU, then max-pooling by 2: with another pooling it also matters which of the two comes first."
SCALED = "The network takes the pictures as they are. Scale them before you give them to it, not inside."
PLACES = (
    "after the first convolution",
    "after the second convolution",
    "after the first linear layer",
    "after the second linear layer",
)


def mistakes(kind):
    """Known other networks, the likeliest first, each with a hint."""
    scaled = _("pictures divided by 255 inside the network"), {"divisor": 255}, SCALED
    return [
        Network(name, partial(Net, kind, **ways), advice)
        for name, ways, advice in (*endings(kind), *poolings(kind), *activations(kind), *orders(kind), scaled)
    ]


def endings(kind):
    """Other functions behind the last layer."""
    if kind == "joined":
        yield _("no softmax at the end"), {"last": "none"}, NO_SOFTMAX
        yield _("two softmaxes at the end"), {"last": "two softmaxes"}, NO_SOFTMAX
        for last in ("log_softmax", "softmax over the batch", "sigmoid", "tanh", "relu"):
            yield _("a {kind} at the end, not softmax").format(kind=last), {"last": last}, NO_SOFTMAX
    if kind == "mnist":
        for last in ("softmax", "log_softmax", "sigmoid", "tanh", "relu"):
            yield _("a {kind} behind the last layer").format(kind=last), {"last": last}, BEHIND


def activations(kind):
    """Other activations in one place, in the convolutions or everywhere; with the right pooling or with averages."""
    wanted = ACTIVATIONS[kind]
    count = len(wanted)
    sets = [(tuple(range(count)), ""), *(((i,), PLACES[i]) for i in range(count))]
    sets += [((0, 1), _("after the convolutions")), ((2, 3), _("after the linear layers"))] if count > 2 else []
    for other in ACTS:
        if other not in NAMES and other != "none":
            continue
        for places, where in sets:
            acts = tuple(other if i in places else wanted[i] for i in range(count))
            if acts == wanted:
                continue
            if other == "none":
                name, advice = _("no activation {where}"), NO_ACT
            else:
                name, advice = _("{other} in place of the table's activation {where}"), OTHER
            name = name.format(other=NAMES.get(other, ""), where=_(where) if where else "").strip()
            yield name, {"acts": acts}, advice
            if len(places) > 1:
                also = _("{name}, and averages in place of maxima").format(name=name)
                yield also, {"acts": acts, "pools": ("avg",) * 2}, advice
    if kind == "joined":
        swapped = _("tanh and ReLU of the head in the other order")
        yield swapped, {"acts": ("relu", "relu", "tanh", "relu")}, OTHER


def poolings(kind):
    """Other poolings that give the same sizes."""
    del kind
    names = {
        "avg": _("average pooling in place of max-pooling"),
        "stride": _("every second number in place of the largest of four"),
        "wide max": _("max-pooling over squares of 3 in place of 2"),
    }
    for pool, name in names.items():
        yield name, {"pools": (pool, pool)}, POOL
        yield f"{name} {_(PLACES[0])}", {"pools": (pool, "max")}, POOL
        yield f"{name} {_(PLACES[1])}", {"pools": ("max", pool)}, POOL
    yield _("averages before the activation"), {"pools": ("avg",) * 2, "pool_first": True}, ORDER


def orders(kind):
    if WIDTHS[kind]:
        yield _("a batch whose pictures are mixed with each other"), {"mixed": True}, MIXED
