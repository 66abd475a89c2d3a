"""Hidden criteria of mnist_mlp: weights, images and little networks that nobody could know. Never shipped."""

import contextlib
import itertools
from dataclasses import dataclass
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from torchgrade.testing import (
    BadAnswer,
    Died,
    Mismatch,
    Network,
    OutOfMemory,
    ProbeFailure,
    Raised,
    TimedOut,
    _,
    accuracy,
    advised,
    agree,
    assert_accuracy,
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
    uniform,
    wants_double,
    weights_of,
)

# Two epochs of gradient descent at 0.1 give 0.92 or more on MNIST, three 0.85 or more on the drawn digits (of which
# there are fewer); a softmax too many 0.89 and 0.47 at most, a rate of 0.01 0.88 and 0.62.
ENOUGH = {False: 0.88, True: 0.75}
# Relative: right loops differ from ours by less than 0.001.
STEPS_AGREE = 0.02
# Some keep images back to validate with, but not as many as they train with.
ENOUGH_SEEN = 0.45
CALL = "train(model, X_train, y_train, epochs, lr)"


def by_kind(failure):
    """What to do where something else than a network was made."""
    return INSTANCE if getattr(failure, "kind", ()) == ("network", "no module") else ""


# --- the network -----------------------------------------------------------------------------------------------


@pytest.mark.criterion("same-network")
def test_network(submission, rng, hint):
    """With weights of our choice MLP() gives the outputs and the gradients of ReLU, ReLU and softmax"""
    told = []
    with advised(hint, "MLP()", known=by_kind):
        network = submission.build("MLP")
        settle(network, torch.zeros(2, 784))
        layout = layout_of(network)
        try:
            assert_same_network(
                network, right(layout), questions(rng), rng=rng, mistakes=mistakes(layout), hint=told.append
            )
        except Mismatch as mismatch:
            general = TABLE if mismatch.kind[0] in ("network", "weights") else ""
            mismatch.advice = told[0] if told else general
            raise


TABLE = "Three linear layers, ReLU behind the first and the second, a softmax behind the third (or in the loss), nothing else."


def questions(rng):
    """Inputs of several sizes; the last is large, so that what is cut off far from 0 shows."""
    return [normal(rng, (6, 784)), uniform(rng, (3, 784)), normal(rng, (6, 784), 6)]


@dataclass(frozen=True)
class Layout:
    """The widths from 784 to 10, and which of the three layers has a bias."""

    sizes: tuple
    biases: tuple


def layout_of(network):
    """The layout that the parameters of a network tell; a failure where they are not those of three layers."""
    shapes = [tuple(v.shape) for v in used_of(network).values()]
    matrices = [s for s in shapes if len(s) > 1 and min(s) > 1]
    sizes = next((s for order in itertools.permutations(matrices) if (s := widths(784, order))), None)
    fits = len(matrices) == 3 and sizes is not None
    must(fits, _("These are not three linear layers from 784 numbers to 10."), TABLE)
    free = [max(s) for s in shapes if s not in matrices]
    biases = [bool(free.remove(width) is None) if width in free else False for width in sizes[1:]]
    return Layout(sizes, tuple(biases))


def used_of(network):
    """The parameters that the output depends on; all where that cannot be told. A layer that is never called costs
    the criterion on the form."""
    state = parameters_of(network)
    try:
        gradients = network.gradients(torch.linspace(-1, 1, 8 * 784).reshape(8, 784))
    except ProbeFailure:
        return state
    used = {n: v for n, v in state.items() if n not in gradients or bool(gradients[n].any())}
    matrices = [v for v in used.values() if v.ndim > 1 and min(v.shape) > 1]
    return used if len(matrices) == 3 else state  # where every unit is dead, no gradient tells anything


def widths(width, shapes):
    """(784, …, 10), where matrices of these shapes lead there, each this way round or the other; else None."""
    if not shapes:
        return (width,) if width == 10 else None
    first, *rest = shapes
    if len(first) != 2:
        return None
    ways = (widths(b, rest) for a, b in (first[::-1], first) if a == width)
    return next(((width, *way) for way in ways if way), None)


class Variant(nn.Module):
    """Three linear layers with an activation behind each, one more behind the last where ``end`` is, and one before
    the first."""

    def __init__(self, layout, acts, end="none", first="none"):
        super().__init__()
        pairs = zip(itertools.pairwise(layout.sizes), layout.biases, strict=True)
        self.layers = nn.ModuleList(nn.Linear(a, b, bias=bias) for (a, b), bias in pairs)
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
}
ENDS = ("none", "log_softmax", "softmax")  # logits, logarithms of probabilities, probabilities
NO_ACT = "Without an activation between them, two linear layers are only one. ReLU stands behind the first and behind the second."
OTHER_ACT = "ReLU is asked for behind the first two layers. What stands there is another function: {name}."
END = "The softmax takes what the last linear layer gives, without another activation before or behind it."
LAST = "The ten numbers of an image become probabilities by a softmax, in the network or in the loss; here something else stands at the end."
OVER_BATCH = "A softmax over dim=0 works across the images of a batch. Which dimension holds the ten digits?"
FIRST = "What goes into the first layer is x itself: activations stand behind layers."


def right(layout):
    """ReLU twice; and then probabilities, their logarithms, or logits for a loss that takes the softmax itself."""
    return [Network("ReLU, ReLU, softmax", partial(Variant, layout, ("relu", "relu", end))) for end in ENDS]


def mistakes(layout):
    """Known other networks, the likeliest first."""
    return [Network(name, partial(Variant, layout, **how), advice) for name, how, advice in others()]


def others():
    for end in ENDS:
        for kind, name in NAMES.items():
            if kind == "relu" or (kind == "log_softmax"):
                continue
            advice = NO_ACT if kind == "none" else _(OTHER_ACT).format(name=name)
            both = _("{name} behind linear layers {first} and {second}").format(name=name, first=1, second=2)
            yield both, {"acts": (kind, kind, end)}, advice
            for acts, where in (((kind, "relu"), 1), (("relu", kind), 2)):
                said = _("{name} behind linear layer {where}").format(name=name, where=where)
                yield said, {"acts": (*acts, end)}, advice
        for kind in ("relu", "sigmoid", "tanh"):
            said = _("{name} behind the last linear layer").format(name=NAMES[kind])
            yield said, {"acts": ("relu", "relu", kind), "end": end}, LAST if end == "none" else END
            said = _("{name} before the first linear layer").format(name=NAMES[kind])
            yield said, {"acts": ("relu", "relu", end), "first": kind}, FIRST
    for end in ("softmax", "log_softmax"):
        yield _("softmax twice"), {"acts": ("relu", "relu", "softmax"), "end": end}, END
    yield _("a softmax over the batch"), {"acts": ("relu", "relu", "over_batch")}, OVER_BATCH


# --- the loop --------------------------------------------------------------------------------------------------


class Loop:
    """A training loop with one thing or another done differently, on the logits of the little network. ``step``:
    "batch" or "epoch"; ``zero``: these or "never"."""

    def __init__(self, name, hint="", optimizer=torch.optim.SGD, loss=F.cross_entropy, zero="batch", step="batch"):
        self.name, self.hint, self.optimizer, self.loss = name, hint, optimizer, loss
        self.zero, self.step = zero, step

    def one_step(self, state, x, y, lr):
        """The flat weights after one step over all of x."""
        model = little_module(state)
        optimizer = self.optimizer(model.parameters(), lr=lr)
        self.loss(model(x), y).backward()
        optimizer.step()
        return flat_weights(model.state_dict())

    def replay(self, state, x, slopes, epochs, lr):
        """The flat weights after each of the epochs over copies of x (1, 784), and the logits before each batch.

        ``slopes``: for each batch the gradient of its loss by the last bias. All images are the same, so it is
        that by the logits too, and the gradients by all other weights follow from it.
        """
        model, ends, logits, each = little_module(state), [], [], max(1, len(slopes) // epochs)
        optimizer = self.optimizer(model.parameters(), lr=lr)
        for n, slope in enumerate(slopes):
            if self.zero == "batch" or (self.zero == "epoch" and n % each == 0):
                optimizer.zero_grad()
            out = model(x)[0]
            logits.append(out.detach())
            out.backward(slope)
            if self.step == "batch" or (n + 1) % each == 0:
                optimizer.step()
            if (n + 1) % each == 0:
                ends.append(flat_weights(model.state_dict()))
        return ends, logits


TWICE = "A softmax too many: nn.CrossEntropyLoss takes logits and has the softmax in it. For probabilities p the loss is the mean of -log p of the right digit."
NO_LOG = "nn.NLLLoss wants logarithms of probabilities: log_softmax gives them."
SUM = "The loss of a batch is the mean over its images, not their sum: else the step grows with the batch."
LOSS = "The loss is the cross-entropy: the mean of -log p, where p is the probability of the right digit."
UP = "The loss itself goes backward(), with its own sign."
RATE = "The rate is the argument lr, not a number written into train."
SGD = "Plain gradient descent is asked for: torch.optim.SGD at the rate lr, without momentum or weight decay."
ZERO = "backward() adds to the gradients that are there. Without optimizer.zero_grad() in every batch, those of all batches pile up."
IN_BATCH = (
    "optimizer.step() belongs into the loop over the batches: one step for each batch, not one for an epoch."
)
STEPS = "Each batch: zero_grad, forward, cross-entropy, backward, step; torch.optim.SGD at the rate lr."
PART = "Forward, loss, backward and step belong into the loop over the batches, and no break or return does: every batch counts."
EPOCHS = "The loop runs over range(epochs), and no return stands inside it."

right_loop = Loop("gradient descent on the cross-entropy")


def fixed(rate, optimizer=torch.optim.SGD):
    """An optimiser that does not heed the rate that it is given."""
    return lambda parameters, lr: optimizer(parameters, lr=rate)


def one_hot(y):
    return F.one_hot(y, 10).float()


def other_losses():
    """Known mistakes in the loss of a batch."""
    yield "a softmax twice", TWICE, lambda z, y: F.cross_entropy(z.softmax(1), y)
    yield "a softmax three times", TWICE, lambda z, y: F.cross_entropy(z.softmax(1).softmax(1), y)
    yield "a softmax in place of its logarithm", NO_LOG, lambda z, y: F.nll_loss(z.softmax(1), y)
    yield "logits in place of logarithms", NO_LOG, lambda z, y: F.nll_loss(z, y)
    yield "the sum over the batch", SUM, partial(F.cross_entropy, reduction="sum")
    yield "squared errors of the probabilities", LOSS, lambda z, y: F.mse_loss(z.softmax(1), one_hot(y))
    yield "squared errors of the logits", LOSS, lambda z, y: F.mse_loss(z, one_hot(y))
    yield "a yes or no for each digit", LOSS, lambda z, y: F.binary_cross_entropy_with_logits(z, one_hot(y))
    yield (
        "a yes or no for each probability",
        LOSS,
        lambda z, y: F.binary_cross_entropy(z.softmax(1), one_hot(y)),
    )
    yield "label smoothing", LOSS, partial(F.cross_entropy, label_smoothing=0.1)
    yield "the loss is driven up", UP, lambda z, y: -F.cross_entropy(z, y)


RATES = (1.0, 0.5, 0.1, 0.05, 0.02, 0.01, 0.005, 1e-3, 1e-4)
ADAPTIVE = tuple(getattr(torch.optim, name) for name in "Adam RMSprop Adagrad Adamax NAdam Adadelta".split())


def other_optimizers():
    """Known mistakes in the step."""
    for rate in RATES:
        yield Loop(_("the rate is always {rate:g}").format(rate=rate), RATE, fixed(rate))
    for other in ADAPTIVE:
        yield Loop(_("{other} in place of gradient descent").format(other=other.__name__), SGD, other)
        for rate in (0.01, 1e-3):
            yield Loop(
                _("{other} in place of gradient descent").format(other=other.__name__), SGD, fixed(rate, other)
            )
    yield Loop("a weight decay", SGD, partial(torch.optim.SGD, weight_decay=0.1))


def other_loops():
    """Known mistakes that one step shows."""
    for name, advice, loss in other_losses():
        yield Loop(name, advice, loss=loss)
    yield from other_optimizers()
    # Both at once: what is given to Adam and friends.
    yield Loop("a softmax twice", TWICE, torch.optim.Adam, lambda z, y: F.cross_entropy(z.softmax(1), y))


def misplaced():
    """Mistakes that only several batches bring to light."""
    yield Loop("the gradients are never cleared", ZERO, zero="never")
    yield Loop("the gradients are cleared once in an epoch", ZERO, zero="epoch")
    yield Loop("one step in an epoch, by its last batch", IN_BATCH, step="epoch")
    yield Loop("one step in an epoch, by all its batches", IN_BATCH, step="epoch", zero="epoch")
    for momentum in (0.9, 0.5, 0.99):
        yield Loop("a momentum", SGD, partial(torch.optim.SGD, momentum=momentum))
        yield Loop("a momentum", SGD, partial(torch.optim.SGD, momentum=momentum, nesterov=True))
    yield Loop("a weight decay", SGD, partial(torch.optim.SGD, weight_decay=0.01))
    # Its first steps are plain ones.
    yield Loop(_("{other} in place of gradient descent").format(other="RAdam"), SGD, torch.optim.RAdam)


def refuse(loop):
    """Fail for a known mistake."""
    if loop is not None and loop.hint:
        text = _("train does something else than was asked for: {what}.").format(what=_(loop.name))
        must(False, text, loop.hint)


OTHERWISE = "After train the weights are not those that gradient descent on the cross-entropy gives."


@pytest.mark.criterion("one-step")
def test_one_step(submission, rng, hint):
    """After one step the weights are those of gradient descent at the rate lr on the cross-entropy"""
    with advised(hint, CALL, known=by_kind):
        x, y = patterns(rng, 8)
        lr = drawn_rate(rng)
        loop = loop_of_one_step(submission, x, y, lr)
        refuse(loop)
        if loop is None:
            # Perhaps the batches are smaller, or one that is not full is left out.
            seen = loop_of_many(submission, x[:1], rng, lr, 1)
            fine = seen.loop is right_loop and seen.entropy
            if not fine:
                say_what_is_off(submission, x, y, lr)
            must(fine, _(OTHERWISE), STEPS)


@pytest.mark.criterion("every-batch")
def test_every_batch(submission, rng, hint):
    """train takes a step for every batch of every epoch, each by the gradients of that batch alone"""
    with advised(hint, CALL, known=by_kind):
        x, _y = patterns(rng, 1)
        lr = drawn_rate(rng) / 50  # small, so that the way can be gone again even by a loss that is a sum
        seen = loop_of_many(submission, x, rng, lr, 2)
        refuse(seen.loop if seen.loop in MISPLACED else None)
        steady = seen.loop is not None or has_a_steady_rate(submission, x, rng, lr, seen)
        must(steady, _(OTHERWISE), STEPS)
        text = _("In an epoch train takes steps for a small part of the images only.")
        must(seen.share > ENOUGH_SEEN, text, PART)
        must_run_all_epochs(submission, x, rng, lr, seen)


STEADY = "The rate is lr in every epoch: no scheduler, and nothing that divides it as time goes by."


def has_a_steady_rate(submission, x, rng, lr, seen):
    """Whether train goes the way of gradient descent at another rate than lr, which costs the criterion on one step."""
    if seen.diary is None:
        return False
    once = watched(submission, x, rng, seen.copies, 1, lr)
    first, both = rate_in(x, once, 1, lr), rate_in(x, seen.diary, 2, lr)
    if not first or not both:
        return False
    must(abs(first - both) <= 0.05 * first, _("The rate of train changes from epoch to epoch."), STEADY)
    return True


def rate_in(x, diary, epochs, lr):
    """The rate at which gradient descent ends where the diary does; 0 where it does at none."""
    start = flat_weights(diary.before)
    way = diary.end - start
    for _attempt in range(3):  # the way is short, and so almost straight
        end = right_loop.replay(diary.before, x, diary.slopes, epochs, lr)[0][-1] if diary.slopes else start
        if not bool((end != start).any()):
            return 0.0
        if near(diary.end, end, start):
            return lr
        lr *= float(way.norm() / (end - start).norm())
    return 0.0


def must_run_all_epochs(submission, x, rng, lr, seen):
    """Fail where two epochs take no more steps than one."""
    if seen.diary is None:
        return  # the batches were not seen; how many there are was looked at
    once = watched(submission, x, rng, seen.copies, 1, lr)
    text = _("Asked for {epochs} epochs, train takes {steps} steps; in one epoch it takes {batches}.")
    must(
        len(seen.diary.slopes) >= 1.6 * len(once.slopes),
        text.format(epochs=2, steps=len(seen.diary.slopes), batches=len(once.slopes)),
        EPOCHS,
        safe=_("train does not run as many epochs as it is asked for."),
    )


MISPLACED = list(misplaced())
ALL = "The optimiser gets all parameters of the model: model.parameters(), not a part of them."
SCALED = "The rate is lr itself, the loss is the mean over the batch, and the gradients are those of the loss: none of them is multiplied, divided or clipped."


def say_what_is_off(submission, x, y, lr):
    """Fail where one step went the right way but another distance, or left some of the weights where they were."""
    model = little(submission)
    before = model.state()
    end = end_after(submission, model, x, y, 1, lr)
    after = model.state()
    still = any(torch.equal(before[name], after[name]) for name in before)
    must(not still, _("train changes only a part of the parameters of the model."), ALL)
    start = flat_weights(before)
    ours, theirs = right_loop.one_step(before, x, y, lr) - start, end - start
    times = float(theirs.norm() / ours.norm())
    if float((theirs - times * ours).norm()) <= STEPS_AGREE * float(theirs.norm()):
        text = _("The step of train goes the right way, but {times:.3g} times as far as at the rate lr.")
        safe = _("The step of train goes the right way, but not as far as at the rate lr, or farther.")
        must(False, text.format(times=times), SCALED, safe=safe)


def drawn_rate(rng):
    """A rate that nobody has written into a loop."""
    return 0.032 + 0.006 * float(torch.rand((), generator=rng))


def loop_of_one_step(submission, x, y, lr):
    """The loop that leads to the weights that train reaches when all images fit into one batch: the right one, a
    known mistake, or None."""
    model = little(submission)
    before = model.state()
    try:
        end = end_after(submission, model, x, y, 1, lr)
    except Raised:
        return None
    if torch.equal(flat_weights(before), end):
        return None
    loops = (right_loop, *other_loops())
    away = [off_course(end, loop.one_step(before, x, y, lr), flat_weights(before)) for loop in loops]
    nearest = min(range(len(loops)), key=away.__getitem__)
    return loops[nearest] if away[nearest] <= STEPS_AGREE else None


# Few images, so that the way is short and rounding stays small; more where they are not at least four batches.
COPIES = 40, 600, 2400
ENOUGH_BATCHES = 4
UNCHANGED = Loop(
    "the model that came as an argument was not changed",
    "Give the optimiser the parameters of the model that came as an argument, and call step in every batch.",
)


@dataclass
class Diary:
    """A training that was watched: the weights before and after, and of each batch the slope by the last bias."""

    before: dict
    end: torch.Tensor
    slopes: list


@dataclass
class Seen:
    """What became clear about a train with several batches in an epoch."""

    loop: Loop | None = None  # the right one, a known mistake, or None
    copies: int = COPIES[-1]
    share: float = 1.0  # of the images for which steps were taken
    entropy: bool = False  # whether the loss is surely the mean cross-entropy
    diary: Diary | None = None


def loop_of_many(submission, x, rng, lr, epochs):
    """What train does with several batches. All images are the same one, x (1, 784); labels are drawn."""
    seen = Seen(UNCHANGED)
    for copies in COPIES:
        try:
            diary = watched(submission, x, rng, copies, epochs, lr)
        except Raised:
            if copies == COPIES[-1]:
                raise
            continue  # perhaps that was less than one batch
        if torch.equal(flat_weights(diary.before), diary.end):
            continue
        if not diary.slopes:
            return loop_of_unseen_batches(submission, x, lr)
        seen = replayed(x, diary, copies, epochs, lr)
        if len(diary.slopes) >= ENOUGH_BATCHES * epochs:
            break
    refuse(seen.loop if seen.loop is UNCHANGED else None)
    return seen


def replayed(x, diary, copies, epochs, lr):
    """The loop that goes the way of the diary."""
    for loop in (right_loop, *MISPLACED, *other_optimizers()):
        ends, logits = loop.replay(diary.before, x, diary.slopes, epochs, lr)
        # The weights of an earlier epoch may have been put back: those that were best at something.
        if any(near(diary.end, end, flat_weights(diary.before)) for end in ends):
            size = size_of_batches(logits, diary.slopes, copies)
            share = size * len(diary.slopes) / epochs / copies if size else 1.0
            return Seen(loop, copies, share, size is not None, diary)
    return Seen(None, copies, diary=diary)


UNSEEN_COPIES, UNSEEN_EPOCHS = 256, 3


def loop_of_unseen_batches(submission, x, lr):
    """The same where the hook did not hear of any batch: perhaps train works on a copy and puts its weights back.

    All images have one label, so that every batch takes the same step; how many there are in an epoch is found out,
    and three epochs must take three times as many.
    """
    images, labels, steps = x.repeat(UNSEEN_COPIES, 1), torch.zeros(UNSEEN_COPIES, dtype=torch.int64), []
    for epochs in (1, UNSEEN_EPOCHS):
        model = little(submission)
        before = model.state()
        end = end_after(submission, model, images, labels, epochs, lr)
        steps.append(steps_to(end, before, x, labels[:1], UNSEEN_COPIES * epochs, lr))
    alike = all(steps) and abs(steps[1] - UNSEEN_EPOCHS * steps[0]) <= 0.1 * steps[1]
    return Seen(right_loop if alike else None, entropy=alike)


def steps_to(end, before, x, y, most, lr):
    """After how many steps of the right loop the weights are nearest to ``end``; 0 where they never come near."""
    model, start, best, found = little_module(before), flat_weights(before), STEPS_AGREE, 0
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    for n in range(1, most + 1):
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
        away = off_course(end, flat_weights(model.state_dict()), start)
        if away <= best:
            best, found = away, n
    return found


def size_of_batches(logits, slopes, most):
    """How many images a batch has, read off the first few; None where the loss is not the mean cross-entropy.

    The slope of cross-entropy is probabilities less shares of the labels, and shares are whole numbers over the size
    of the batch.
    """
    few = max(1, min(5, len(slopes) - 1))  # the last batch may be smaller
    p = torch.stack(logits[:few]).double().softmax(dim=1)
    slope = torch.stack(slopes[:few]).double()
    for size in range(1, most + 1):
        labels = size * (p - slope)
        whole = labels.round()
        if bool(((labels - whole).abs() < 0.02).all()) and bool((whole >= 0).all()):
            return size
    return None


def watched(submission, x, rng, copies, epochs, lr):
    """The diary of a training on copies of x (1, 784): a hook that PyTorch has writes the slopes down in the room."""
    model, recorder = little(submission), submission.make("torch.ao.quantization.RecordingObserver")
    with contextlib.suppress(BadAnswer):  # the hook stays in the room
        model.call("3.bias.register_hook", recorder)
    before, labels = model.state(), torch.randint(10, (copies,), generator=rng)
    end = end_after(submission, model, x.repeat(copies, 1), labels, epochs, lr)
    return Diary(before, end, [s.float() for s in recorder.call("get_tensor_value")])


def end_after(submission, model, x, y, epochs, lr):
    """The flat weights after train."""
    submission.build("train", model, x, y, epochs, lr)
    set_mode(model, "cpu")
    return flat_weights(model.state())


def near(end, ours, start):
    return off_course(end, ours, start) <= STEPS_AGREE


@pytest.mark.criterion("data-unchanged")
def test_data_unchanged(submission, rng, hint):
    """After train, images and labels are what they were"""
    with advised(hint, CALL, known=by_kind):
        try:
            check_data(submission, *patterns(rng, 200))
        except (TimedOut, Died, OutOfMemory):
            raise
        except Raised:
            check_data(submission, *patterns(rng, 2100))  # perhaps those were less than one batch


KEEP = (
    "Whoever calls train may need the images again: make new tensors, and avoid -=, /= and methods that end in _."
)


def check_data(submission, x, y):
    images, labels = (submission.make("torch.clone", t) for t in (x, y))
    submission.build("train", little(submission), images, labels, 2, 0.1)
    for text, handle, was in (
        (_("After train the images are no longer what they were."), images, x),
        (_("After train the labels are no longer what they were."), labels, y),
    ):
        now = handle.call("clone")
        alike = isinstance(now, torch.Tensor) and now.shape == was.shape and torch.equal(now, was)
        must(alike, text, KEEP)


# --- what was handed in ----------------------------------------------------------------------------------------

# Ways in which notebooks scale pixels of 0 to 1 once more: (shift, scale).
SCALES = ((0, 1), (0.5, 0.5), (0.1307, 0.3081), (0, 1 / 255))
LEARN = "It is the weights of mlp that are taken out and tried on new images, of 0 to 1. See the criterion on the test images."
INSTANCE = "mlp = MLP(), and then train(mlp, …): what is handed in is your network itself, trained."


@pytest.mark.criterion("kept-accuracy")
def test_kept_accuracy(submission, dataset, rng, hint, award):
    """The weights of mlp, put into our network, recognise images that nobody has seen"""
    with advised(hint, known=by_kind):
        digits = dataset("mnist")
        images, labels, enough = digits.kept.images, digits.kept.labels, ENOUGH[digits.standin]
        network, notes = submission.object("mlp"), []
        settle(network, torch.zeros(2, 784))
        try:
            layout = layout_of(network)
        except Mismatch as mismatch:
            mismatch.advice = INSTANCE
            raise
        way = scaled_as_trained(network, images, labels)
        predict = ours_with_their_weights(network, layout, way, images[:32], notes.append)
        if predict is None:
            made_by_mlp(submission, network, way, images[:300], labels[:300], enough)
            predict = lambda part: network.forward(way(part))  # noqa: E731
        try:
            reached = assert_accuracy(predict, images, labels, enough, rng=rng, name="mlp")
        except Mismatch as mismatch:
            if mismatch.kind == ("accuracy", "low"):
                mismatch.advice = LEARN
            raise
        text = _("mlp recognises {share} of {count} new images.")
        award(1.0, " ".join([text.format(share=f"{reached:.1%}", count=len(labels)), *notes]))


def ours_with_their_weights(network, layout, way, images, say):
    """A function from images to outputs, outside the room; None where the network is not a known one."""
    state = used_of(network)
    module = rebuilt(network, state, [*right(layout), *mistakes(layout)], [way(images)], say=say)
    return None if module is None else lambda part: module(way(part))


LEARNED = "What mlp knows stands in its weights: the images that it was trained on are no part of it."


def made_by_mlp(submission, network, way, images, labels, enough):
    """Fail unless MLP() with the weights of this network answers as it does, and without them knows nothing.

    Another network than the one asked for has lost that criterion; but it must be a network that was trained.
    """
    fresh, x = submission.build("MLP"), way(images)
    settle(fresh, x[:2])
    known = accuracy(predictions(fresh.forward, x), labels)
    must(known < enough, _("MLP() reads images before it is trained."), LEARNED)
    with contextlib.suppress(BadAnswer):  # what load_state_dict returns stays in the room
        fresh.call("load_state_dict", weights_of(network))
    alike = agree(fresh.forward(x[:32]), network.forward(x[:32]), rtol=1e-3)
    must(alike, _("mlp answers otherwise than MLP() with the same weights."), LEARNED)


def scaled_as_trained(network, images, labels):
    """A function from images (N, 28, 28) of 0 to 255 to (N, 784), scaled in the usual way that is read best."""

    def way(scale):
        return lambda part: (part.flatten(1).float() / 255 - scale[0]) / scale[1]

    def reached(scale):
        found = predictions(lambda part: network.forward(way(scale)(part)), images[:300])
        return accuracy(found, labels[:300])

    return way(max(SCALES, key=reached))


# --- a network of ours -----------------------------------------------------------------------------------------

LITTLE_ENDS = {
    "logits": (),
    "logarithms": (("torch.nn.LogSoftmax", 1),),
    "probabilities": (("torch.nn.Softmax", 1),),
}


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
    parts += [make(*end) for end in LITTLE_ENDS[end_of(submission)]]
    model = make("torch.nn.Sequential", *parts)
    # A notebook may have set another dtype.
    set_mode(model, "double" if wants_double(submission, "MLP") else "float")
    return model


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


def little_module(state):
    """The little network up to its logits, with these weights."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 16), nn.Tanh(), nn.Linear(16, 10))
    model.load_state_dict(state)
    return model


def patterns(rng, n):
    """n images (n, 784) of 0 to 1, and their classes: ten patterns with noise."""
    shapes = (torch.rand(10, 784, generator=rng) < 0.2).float()
    y = torch.randperm(n, generator=rng) % 10
    return 0.85 * shapes[y] + 0.15 * torch.rand(n, 784, generator=rng), y
