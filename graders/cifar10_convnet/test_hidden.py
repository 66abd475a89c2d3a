"""Hidden criteria of cifar10_convnet: weights, pictures and little networks that nobody could know. Never shipped."""

import contextlib
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import skip_init

from torchgrade.testing import (
    GRADIENT_RTOL,
    Mismatch,
    Network,
    ProbeFailure,
    _,
    advised,
    agree,
    answer,
    assert_accuracy,
    assert_gradients,
    assert_same_network,
    draw_weights,
    flat_weights,
    load_into,
    must,
    normal,
    set_mode,
    settle,
    uniform,
    weights_of,
)

PICTURES = (3, 32, 32)
ENOUGH = {False: 0.35, True: 0.45}  # as in the public criteria
FEW = 500
TRAIN = "train(model, X_train, y_train, epochs, batch_size=64, augment=None)"
# Relative to the way that the weights go.
AGREE = 0.02


# --- the networks ----------------------------------------------------------------------------------------------


@pytest.mark.criterion("same-network")
def test_same_network(submission, rng, hint):
    """With weights of our choice Cifar10Net() gives the outputs and the gradients of the network of the table"""
    inputs = [normal(rng, (4, *PICTURES)), uniform(rng, (2, *PICTURES)), normal(rng, (2, *PICTURES), scale=10)]
    told = []
    with advised(hint, "Cifar10Net()", TABLE):
        net = submission.build("Cifar10Net")
        try:
            assert_same_network(net, right(), inputs, rng=rng, mistakes=mistakes(), hint=told.append)
        except Mismatch as mismatch:
            mismatch.advice = told[0] if told else TABLE
            raise


@pytest.mark.criterion("better-network")
def test_better_network(submission, rng, hint):
    """With weights of our choice BetterNet() gives the outputs and the gradients of its table, in evaluation mode"""
    x = normal(rng, (4, *PICTURES))
    with advised(hint, "BetterNet()", NORM):
        net = submission.build("BetterNet")
        settle(net, x)
        must(
            any(name.endswith("running_mean") for name in weights_of(net)),
            _("BetterNet keeps no running means of its batches: it has no nn.BatchNorm2d as it usually is."),
            NORM,
        )
        load(net, with_statistics(draw_weights(net, rng), rng))
        got, given = answer(net, x), in_order(weights_of(net))
        for way in (Net(norm=True, order=o) for o in ORDERS):
            ours = load_into(way, given).eval()
            if agree(got, plain_answer(ours, x)):
                break
        else:
            raise another_better_net(got, given, x)
        again = answer(net, x)
        must(
            agree(again, got),
            _("The same pictures get other numbers at each call, in evaluation mode."),
            EVALUATION,
        )
        judge_gradients(net, ours, x, rng)
        moved = statistics_move(net, x)
        must(moved, _("In training mode the batch norm keeps no running mean of its batches."), NORM)


TABLE = "Go through the table again, line by line: kernels, ReLU behind each layer but the last, max-pooling by 2. No extra layer."
NORM = "Batch norm comes after each of the two convolutions, before its ReLU: nn.BatchNorm2d with its usual settings. The rest is as in Cifar10Net."
NORM_BEHIND = "Batch norm comes before the ReLU: the activation gets normalised numbers."
NORM_AFTER_POOLING = "Batch norm comes right after the convolution: then the ReLU, and the pooling last."
EVALUATION = "F.dropout acts in evaluation mode too unless it is told training=self.training; nn.Dropout knows the mode by itself."
OTHER = "The table says ReLU there. Another activation has no parameters, so their number proves nothing."
NO_ACT = "Without an activation between them two layers are only one. Put a ReLU behind every layer but the last."
POOL = "The table says max-pooling by 2: the largest number of each square of four, nn.MaxPool2d(2)."
LAST = "Nothing comes behind the last linear layer: CrossEntropyLoss takes the softmax itself."

ORDERS = ((0, 1, 2), (1, 2, 0))  # flattened with the channels first, as PyTorch has them, or last
POOLS = {
    "max": lambda x: F.max_pool2d(x, 2),
    "avg": lambda x: F.avg_pool2d(x, 2),
    "stride": lambda x: x[..., ::2, ::2],
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
    "relu6": F.relu6,
    "softmax": lambda x: F.softmax(x, 1),
    "log_softmax": lambda x: F.log_softmax(x, 1),
}
NAMES = {
    "tanh": "tanh",
    "sigmoid": "sigmoid",
    "leaky": "LeakyReLU",
    "elu": "ELU",
    "gelu": "GELU",
    "silu": "SiLU",
    "relu6": "ReLU6",
}
PLACES = (
    "after the first convolution",
    "after the second convolution",
    "after the first linear layer",
    "after the second linear layer",
)


class Net(nn.Module):
    """The network of the table, with one thing or another done differently; with ``norm`` the better one, undropped."""

    def __init__(
        self, acts=("relu",) * 4, pools=("max",) * 2, last="none", norm=False, place="before", order=(0, 1, 2)
    ):
        super().__init__()
        sizes = ((3, 64, 5), (64, 128, 3))
        # Not drawn first: the student's weights come into them.
        self.convolutions = nn.ModuleList([skip_init(nn.Conv2d, *size) for size in sizes])
        self.norms = nn.ModuleList([nn.BatchNorm2d(c) for c in (64, 128)] if norm else [])
        self.linears = nn.ModuleList([skip_init(nn.Linear, *size) for size in ((4608, 128), (128, 64), (64, 10))])
        self.ways = acts, pools, last, place, order

    def forward(self, x):
        acts, pools, last, place, order = self.ways
        for i, layer in enumerate(self.convolutions):
            act, pool = ACTS[acts[i]], POOLS[pools[i]]
            norm = self.norms[i] if len(self.norms) else ACTS["none"]
            x = layer(x)
            if place == "before":
                x = pool(act(norm(x)))
            elif place == "behind":
                x = pool(norm(act(x)))
            else:
                x = norm(pool(act(x)))
        x = x.permute(0, *(i + 1 for i in order)).flatten(1)
        for layer, act in zip(self.linears, (acts[2], acts[3], last), strict=True):
            x = ACTS[act](layer(x))
        return x


def right():
    name = _("flattened in the order {order}")
    return [
        Network(_("the network of the table"), Net),
        Network(name.format(order=ORDERS[1]), partial(Net, order=ORDERS[1])),
    ]


def mistakes():
    """Known other networks, the likeliest first, each with a hint."""
    found = []
    for last in ("softmax", "log_softmax", "sigmoid", "tanh", "relu"):
        if last in ACTS:
            found.append((_("a {kind} behind the last layer").format(kind=last), {"last": last}, LAST))
    found.append((_("average pooling in place of max-pooling"), {"pools": ("avg", "avg")}, POOL))
    found.append((_("every second number in place of the largest of four"), {"pools": ("stride", "stride")}, POOL))
    groups = [(range(4), ""), ((0, 1), _("after the convolutions")), ((2, 3), _("after the linear layers"))]
    single = [((i,), PLACES[i]) for i in range(4)]
    for other in ("none", *NAMES):
        for places, where in [*groups, *(single if other == "none" else ())]:
            acts = tuple(other if i in places else "relu" for i in range(4))
            name = _("no activation {where}") if other == "none" else _("{other} in place of ReLU {where}")
            name = name.format(other=NAMES.get(other, ""), where=_(where) if where else "").strip()
            found.append((name, {"acts": acts}, NO_ACT if other == "none" else OTHER))
    return [Network(name, partial(Net, **ways), advice) for name, ways, advice in found]


def plain_answer(module, x):
    with torch.no_grad():
        return module(x)


def another_better_net(got, given, x):
    """The failure, with the mistake that it is if it is a known one."""
    known = [
        (_("The batch norm comes behind the ReLU."), NORM_BEHIND, {"place": "behind"}),
        (_("The batch norm comes behind the pooling."), NORM_AFTER_POOLING, {"place": "last"}),
        (_("There is a softmax behind the last layer."), LAST, {"last": "softmax"}),
        (_("There is average pooling in place of max-pooling."), POOL, {"pools": ("avg", "avg")}),
        (_("There is no ReLU after the convolutions."), NO_ACT, {"acts": ("none", "none", "relu", "relu")}),
        (_("There is no ReLU after the linear layers."), NO_ACT, {"acts": ("relu", "relu", "none", "none")}),
        *((_("There is another activation than ReLU."), OTHER, {"acts": (other,) * 4}) for other in NAMES),
    ]
    text, advice = (
        _(
            "With the same weights the network of the table gives other numbers: some step between the layers differs."
        ),
        NORM,
    )
    for name, hint, ways in known:
        if agree(got, plain_answer(load_into(Net(norm=True, **ways), given).eval(), x)):
            text, advice = name, hint
            break
    failure = Mismatch(text, kind=("network", "values"), safe=text)
    failure.advice = advice
    return failure


def layers_of(state):
    """The arrays of each layer by what it is: found by the shape of its weights, whatever it is called."""
    layers = {}
    for name, value in state.items():
        layers.setdefault(name.rpartition(".")[0], {})[name.rpartition(".")[2]] = value
    kinds = {(64, 3, 5, 5): 0, (128, 64, 3, 3): 1, (64,): 2, (128,): 3, (128, 4608): 4, (64, 128): 5, (10, 64): 6}
    return {
        kinds.get(tuple(arrays["weight"].shape)): (prefix, arrays)
        for prefix, arrays in layers.items()
        if "weight" in arrays
    }


def in_order(state):
    """The state in the order of ours, where every layer is known; else as it is."""
    layers = layers_of(state)
    if sorted(k for k in layers if k is not None) != list(range(7)) or None in layers:
        return state
    out = {}
    for kind in range(7):
        prefix, arrays = layers[kind]
        out |= {f"{prefix}.{name}": value for name, value in arrays.items()}
    return out


def with_statistics(state, rng):
    """The state with running means and variances that nobody could know."""
    drawn = {n: 0.3 * normal(rng, tuple(v.shape)) for n, v in state.items() if n.endswith("running_mean")}
    drawn |= {n: uniform(rng, tuple(v.shape), 0.5, 2) for n, v in state.items() if n.endswith("running_var")}
    return {**state, **drawn}


def judge_gradients(net, ours, x, rng):
    """By every parameter, in float32 and in evaluation mode."""
    output = ours(x)
    cotangent = normal(rng, tuple(output.shape))
    wanted = torch.autograd.grad(output, list(ours.parameters()), cotangent)
    got = in_order(net.gradients(x, cotangent=cotangent))
    names = [name for name, _value in ours.named_parameters()]
    assert_gradients(list(got.values()), list(wanted), names=names, rtol=5 * GRADIENT_RTOL[torch.float32])


def statistics_move(net, x):
    """Whether a pass in training mode changes the running means; the network is in evaluation mode again then."""
    before = {n: v for n, v in weights_of(net).items() if n.endswith("running_mean")}
    set_mode(net, "train")
    answer(net, x + 1)
    set_mode(net, "eval")
    after = weights_of(net)
    return bool(before) and all(not torch.equal(v, after[n]) for n, v in before.items())


@pytest.mark.criterion("dropout")
def test_dropout(submission, hint):
    """BetterNet() drops half of the hidden numbers in training, and none in evaluation"""
    x = torch.zeros(80, *PICTURES)
    with advised(hint, "BetterNet()", DROPOUT):
        behind_second = _(
            "Behind the second linear layer {share} of the numbers are dropped in training, not half of them."
        )
        behind_first = _(
            "Behind the first linear layer {share} of the numbers are dropped in training, not half of them."
        )
        for layer, width, text in (("second", 64, behind_second), ("first", 128, behind_first)):
            net = submission.build("BetterNet")
            settle(net, x[:2])
            load(net, counting(weights_of(net), layer))
            quiet = answer(net, x)[:, 0]
            must(
                (quiet - 1).abs() < 1e-3,
                _("In evaluation mode some hidden numbers are dropped, or scaled."),
                EVALUATION,
            )
            set_mode(net, "train")
            kept = answer(net, x)[:, 0].double()
            set_mode(net, "eval")
            # In the first layer the neuron that looks at it is dropped by half itself, and twice as large if not.
            share = dropped(kept if layer == "second" else kept / 2, width)
            must(abs(share - 0.5) < 0.02, text.format(share=f"{share:.0%}"), DROPOUT)


DROPOUT = "nn.Dropout(0.5) comes behind the ReLU of each of the first two linear layers; in evaluation mode it does nothing."


def counting(state, layer):
    """Weights with which the output is the mean of that layer's hidden numbers, all of them 1 before they are dropped."""
    layers = layers_of(state)
    must({4, 5, 6} <= set(layers), _("The linear layers of the table are not found in BetterNet."))
    out = {name: value.clone() for name, value in state.items()}
    for kind in (4, 5, 6):
        prefix, arrays = layers[kind]
        out |= {f"{prefix}.{name}": torch.zeros_like(value) for name, value in arrays.items()}
    first, second, third = (layers[kind][0] for kind in (4, 5, 6))
    if layer == "second":
        out[f"{second}.bias"] += 1
        out[f"{third}.weight"] += 1 / 64
    else:
        # One neuron of the second layer looks at all of the first; where it is not dropped itself, their mean is seen.
        out[f"{first}.bias"] += 1
        out[f"{second}.weight"] += 1 / 128
        out[f"{third}.weight"][:, 0] += 1
    return out


def load(net, state):
    with contextlib.suppress(ProbeFailure):  # what load_state_dict returns stays in the room
        net.call("load_state_dict", state)


def dropped(means, width):
    """The share p of hidden numbers that are dropped, from their means: each is a multiple of 1 / (1 - p) / width."""
    means = means[means > 1e-6].sort().values
    steps = means[1:] - means[:-1]
    steps = steps[steps > 1e-3 / width]
    return 1 - 1 / (width * float(steps.min())) if len(steps) else 0.0


# --- the loop --------------------------------------------------------------------------------------------------


@pytest.mark.criterion("train-steps")
def test_steps(submission, rng, hint):
    """The weights after train are those of Adam at 1e-3 with cross-entropy, one step for each batch"""
    with advised(hint, TRAIN, STEPS):
        x, y = normal(rng, (8, *PICTURES)), torch.arange(8)
        compare(submission, x, y, epochs=4, batch_size=8, steps=4)
        many = normal(rng, (1, *PICTURES)).expand(60, *PICTURES).contiguous()
        compare(submission, many, torch.full((60,), 3), epochs=2, batch_size=20, steps=6)
        trains_in_training_mode(submission, many[:40], torch.arange(40) % 10, epochs=2, steps=4)


STEPS = "Adam at a rate of 1e-3 and cross-entropy; in every batch the gradients are cleared before backward and used by step after it."
RATE = "Each step is too large or too small: the rate of Adam is to be 1e-3."
PILE = "The gradients of earlier batches are still there: zero_grad belongs before backward, in every batch."
SOFTMAX = "CrossEntropyLoss takes the softmax itself: give it the logits as they come from the model."
SGD = "These are steps of plain gradient descent. Adam is asked for: torch.optim.Adam."
EVERY = "zero_grad, backward and step belong into the loop over the batches: a step for every batch, and no batch left out."
COPY = "After train the weights are as they were: give the optimiser the parameters of the model that came as an argument, and leave no batch out."
ANEW = "The optimiser is made anew in each epoch and forgets what it has seen: make it once, before the loops."
MODE = "model.train() belongs before the batches of an epoch: in evaluation mode there is no dropout, and batch norm learns nothing."


def trains_in_training_mode(submission, x, y, epochs, steps):
    """A batch norm counts the batches that it sees in training mode."""
    make = submission.make
    norm = make("torch.nn.BatchNorm1d", 3072)
    model = make("torch.nn.Sequential", make("torch.nn.Flatten"), norm, make("torch.nn.Linear", 3072, 10))
    submission.build("train", model, x, y, epochs, batch_size=len(x) * epochs // steps)
    text = _("In train the model is in evaluation mode, at least in a part of the batches.")
    must(int(model.state()["1.num_batches_tracked"]) >= steps, text, MODE)


def compare(submission, x, y, epochs, batch_size, steps):
    """The student's way of the weights against ours, and against those of known mistakes."""
    model = little(submission)
    start = flat_weights(model.state())
    kept = model.state()
    submission.build("train", model, x, y, epochs, batch_size=batch_size)
    way = flat_weights(model.state()) - start
    must(bool(way.abs().max() > 0), _("train does not change the model that it is given."), COPY)
    batch = x[:batch_size], y[:batch_size]
    # Another decay costs the points of its own criterion, not these.
    decays = [("Adam", d) for d in (1e-4, 0.0, 5e-4, 1e-3, 1e-2)] + [("AdamW", d) for d in (1e-4, 1e-2)]
    if any(near(way, path(kept, *batch, steps, kind=k, decay=d) - start) for k, d in decays):
        return
    known = [
        (RATE, {"rate": 1e-2}),
        (RATE, {"rate": 1e-4}),
        (RATE, {"rate": 5e-4}),
        (RATE, {"rate": 2e-3}),
        (PILE, {"clears": False}),
        (SOFTMAX, {"softmax": True}),
        *((SGD, {"kind": "SGD", "rate": rate}) for rate in (1e-3, 1e-2, 0.1)),
    ]
    for advice, ways in known:
        if near(way, path(kept, *batch, steps, **ways) - start):
            must(False, _(OTHERWISE), advice)
    if near(way, path(kept, *batch, steps, restart=steps // epochs) - start):
        must(False, _(OTHERWISE), ANEW)
    fewer = any(near(way, path(kept, *batch, n) - start) for n in range(1, 2 * steps) if n != steps)
    must(False, _(OTHERWISE), EVERY if fewer else STEPS)


OTHERWISE = "After train the weights are not those that Adam at 1e-3 with cross-entropy gives."


def near(way, ours):
    return bool((way - ours).norm() <= AGREE * ours.norm())


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


def path(state, x, y, steps, kind="Adam", rate=1e-3, decay=0.0, clears=True, softmax=False, restart=0):
    """The flat weights of the little network after so many steps of a loop over this one batch.

    ``restart``: after so many steps the optimiser is made anew.
    """
    model = nn.Sequential(nn.Flatten(), nn.Linear(3072, 16), nn.Tanh(), nn.Linear(16, 10))
    model.load_state_dict(state)
    optimizer = getattr(torch.optim, kind)(model.parameters(), lr=rate, weight_decay=decay)
    for step in range(steps):
        if restart and step % restart == 0:
            optimizer = getattr(torch.optim, kind)(model.parameters(), lr=rate, weight_decay=decay)
        if clears:
            optimizer.zero_grad()
        out = model(x)
        F.cross_entropy(out.softmax(dim=1) if softmax else out, y).backward()
        optimizer.step()
    return flat_weights(model.state_dict())


@pytest.mark.criterion("weight-decay")
def test_weight_decay(submission, rng, hint):
    """train has a weight decay of 1e-4"""
    with advised(hint, TRAIN, DECAY):
        x, y = torch.zeros(8, *PICTURES), torch.arange(8)
        small = 1e-4 * normal(rng, (10, 3072))
        after = weights_after(submission, small, x, y, 1)
        way = after - small
        if bool(way.abs().max() > 1e-7):  # Adam's own: 1e-4 times the weight is the whole gradient
            gradient = 1e-4 * small
            wanted = -1e-3 * gradient / (gradient.abs() + 1e-8)
            must(near(way, wanted), _("The weight decay of train is another than 1e-4."), DECAY)
            return
        large = normal(rng, (10, 3072))
        after = weights_after(submission, large, x, y, 60)
        lost = 1 - float((after.double() * large.double()).sum() / (large.double() ** 2).sum())
        must(
            lost > 1e-7,
            _("Weights that the loss does not depend on stay as they are: train has no weight decay."),
            DECAY,
        )
        must(3e-6 < lost < 1.2e-5, _("The weight decay of train is another than 1e-4."), DECAY)


DECAY = "The optimiser has an argument for it: torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=1e-4)."


def weights_after(submission, weight, x, y, epochs, augment=None):
    """A linear layer's weights after train on black pictures: the loss has no gradient by them."""
    make = submission.make
    model = make("torch.nn.Sequential", make("torch.nn.Flatten"), make("torch.nn.Linear", 3072, 10))
    load(model, {"1.weight": weight, "1.bias": torch.zeros(10)})
    more = {} if augment is None else {"augment": augment}
    submission.build("train", model, x, y, epochs, batch_size=len(x), **more)
    return model.state()["1.weight"]


@pytest.mark.criterion("augmented")
def test_augmented(submission, rng, hint):
    """train gives every batch to the augment that it is given, before the model sees it"""
    with advised(hint, TRAIN, AUGMENTED):
        x, y, weight = normal(rng, (8, *PICTURES)), torch.arange(8), normal(rng, (10, 3072))
        plain = weights_after(submission, weight, x, y, 3) - weight
        must(plain.abs().max() > 1e-6, _("Without augment nothing is trained."), STEPS)
        blackened = submission.make("torch.nn.Threshold", 1e9, 0.0)  # makes every number 0
        way = weights_after(submission, weight, x, y, 3, augment=blackened) - weight
        idle = bool(way.abs().max() < 0.1 * plain.abs().max())
        sure = weight.abs() > 0.01
        # Black pictures teach nothing: the weights only decay, whatever the optimiser makes of it.
        decays = float((way[sure] * weight[sure] <= 0).double().mean()) > 0.99
        must(
            idle or decays,
            _("The model is trained on the pictures as they are, although augment is given."),
            AUGMENTED,
        )
        counter = submission.make("torch.nn.BatchNorm2d", 3, 1e-5, 0.1, False)  # counts how often it is called
        weights_after(submission, weight, x, y, 3, augment=counter)
        must(
            int(counter.state()["num_batches_tracked"]) >= 3,
            _("The pictures are augmented once for all epochs. Every batch is to be augmented anew."),
            AUGMENTED,
        )


AUGMENTED = "if augment is not None: X = augment(X), in the loop over the batches and before model(X)."


# --- how well it sees ------------------------------------------------------------------------------------------


@pytest.mark.criterion("kept-accuracy")
def test_kept_accuracy(submission, dataset, rng, hint, award):
    """cifar_net recognises images that nobody has seen"""
    with advised(hint, "", LEARN):
        data = dataset("cifar10")
        images, labels, enough = data.kept.images[:FEW], data.kept.labels[:FEW], ENOUGH[data.standin]
        net = submission.object("cifar_net")
        way = way_in(submission, net, data.test.images[:100], data.test.labels[:100], enough)
        predict = outside(net, way, images[:8])
        reached = assert_accuracy(predict, images, labels, enough, rng=rng, name="cifar_net")
        text = _("cifar_net recognises {share} of {count} new images.")
        award(1.0, text.format(share=f"{reached:.1%}", count=len(labels)))


LEARN = "It is cifar_net itself, with its weights, that is asked about new pictures. See the criterion on the test images."
MEAN, STD = (torch.tensor(v).view(1, 3, 1, 1) for v in ((0.4914, 0.4822, 0.4465), (0.247, 0.2435, 0.2616)))


def outside(net, way, images):
    """A function from images to logits: in our network with their weights, where it is one of the two; else in the room."""
    x = way(images)
    wanted, state = answer(net, x), weights_of(net)
    for norm in (False, True):
        for order in ORDERS:
            with contextlib.suppress(Mismatch):
                ours = load_into(Net(norm=norm, order=order), in_order(state)).eval()
                if agree(plain_answer(ours, x), wanted):
                    return lambda part, ours=ours: plain_answer(ours, way(part))
    return lambda part: net.forward(way(part))


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
