"""Public criteria of xor_autograd. They ship with the handout: a student can run them before handing in."""

import contextlib
import math
from dataclasses import dataclass, replace

import pytest
import torch
import torch.nn.functional as F

from torchgrade.testing import (
    Missing,
    ProbeFailure,
    Raised,
    TimedOut,
    _,
    assert_tensor_close,
    curves,
    decision_surface,
    describe,
    must,
    normal,
    plain_numbers,
    require_tensor,
    told_by,
)

NAMES = ("weights_1", "bias_1", "weights_2", "bias_2")
SHAPES = ((2, 16), (16,), (16, 1), (1,))
# The mean log-loss on fresh points. Of 80 honest trainings 79 ended below 0.007; one, from tiny weights, stood still at
# 0.693, which is guessing: the best straight line is no better.
PARTS, BEGINS = 0.05, 0.3
# Of a step, by the largest number in it: right code in float32 stays below 1e-5.
CLOSE = 1e-3


@contextlib.contextmanager
def advised(hint, text):
    """Give one hint for what fails inside: the one that ``must`` was given, or this."""
    try:
        yield
    except (AssertionError, ProbeFailure) as failure:
        hint(getattr(failure, "advice", "") or advice_on_error(failure) or text)
        raise


def advice_on_error(failure):
    """What to do about the usual exceptions of such a loop; empty for another one."""
    if isinstance(failure, TimedOut):
        return COUNT
    text = str(failure) if isinstance(failure, Raised) else ""
    known = {
        "UnboundLocalError": LOCAL,
        "ZeroDivisionError": SMALL,
        "no attribute 'backward'": NUMBER,
        "'NoneType'": NO_GRADIENT,
        "leaf Variable": RECORDED,
        "a second time": TWICE,
        "does not require grad": FOLLOWED,
        "not callable": NAME_TAKEN,
    }
    return next((advice for words, advice in known.items() if words in text), "")


NO_GRADIENT = (
    "A .grad is None where backward() was not called, where the parameter has no part in the loss, and after "
    "p = p - lr * p.grad, which makes a new tensor: p -= … under torch.no_grad() moves the one that there is."
)
LOCAL = "A name that a function assigns to is its own: the function of that name is not seen there. Call the value otherwise."
SMALL = "steps may be 1, and 1 // 10 is 0: the rest of a division by it cannot be taken."
NUMBER = "backward starts from the loss as a tensor: .item() or float() belongs into the list of losses alone."
RECORDED = "A step that autograd records is refused: put it into `with torch.no_grad():`."
TWICE = "Each step needs a forward pass and a loss of its own: a graph can be gone through once."
FOLLOWED = "backward needs parameters with requires_grad=True, and no no_grad() or .item() on the way to the loss."
NAME_TAKEN = (
    "When the notebook has run, a name stands for something else than its function: a cell gives it to a value."
)


# --- the network and its loss ------------------------------------------------------------------------------------


@pytest.mark.criterion("forward-values")
def test_forward(submission, rng, hint):
    """forward gives sigmoid(sigmoid(X @ weights_1 + bias_1) @ weights_2 + bias_2)"""
    with advised(hint, "Two layers, each with its bias and a sigmoid behind it. Use the five arguments alone."):
        for scale in (1.0, 2.0):
            case = astride(draw(rng, 12, scale=scale))
            answer = submission.call("forward", case.x, *case.parameters)
            if isinstance(answer, torch.Tensor):
                name_network(case, answer)
            assert_tensor_close(answer, network(case.x, *case.parameters), name="forward(…)", input={"X": case.x})


def astride(case):
    """The case with another bias_2, so that half of the probabilities are above 0.5 and half of them below."""
    w1, b1, w2, _b2 = case.parameters
    raw = torch.sigmoid(case.x @ w1 + b1) @ w2
    return replace(case, parameters=(w1, b1, w2, -raw.quantile(0.5).reshape(1)))


def name_network(case, answer):
    """Fail with the name of the network that this is instead."""
    x, (w1, b1, w2, b2) = case.x, case.parameters
    hidden = torch.sigmoid(x @ w1 + b1)
    known = {
        "the probabilities are rounded to 0 and 1": torch.sigmoid(hidden @ w2 + b2).round(),
        "there is no sigmoid behind the last layer": hidden @ w2 + b2,
        "there is no sigmoid behind the hidden layer": torch.sigmoid((x @ w1 + b1) @ w2 + b2),
        "a ReLU stands behind the hidden layer": torch.sigmoid(torch.relu(x @ w1 + b1) @ w2 + b2),
        "a tanh stands behind the hidden layer": torch.sigmoid(torch.tanh(x @ w1 + b1) @ w2 + b2),
        "a softmax over the one column stands at the end": torch.ones(len(x), 1),
        "bias_1 is left out": torch.sigmoid(torch.sigmoid(x @ w1) @ w2 + b2),
        "bias_2 is left out": torch.sigmoid(hidden @ w2),
        "both biases are left out": torch.sigmoid(torch.sigmoid(x @ w1) @ w2),
    }
    for name, wanted in known.items():
        alike = answer.shape == wanted.shape and torch.allclose(answer.float(), wanted, rtol=1e-4, atol=1e-6)
        must(not alike, _("This is another network: {what}.").format(what=_(name)))


@pytest.mark.criterion("loss-values")
def test_loss(submission, rng, hint):
    """loss(y, y_) gives the log-loss of each point, or their sum"""
    with advised(hint, "Of each point -ln y_ where y is 1 and -ln(1 - y_) where it is 0: a sum, not a mean."):
        for n in (9, 40):
            y, y_ = classes(rng, n), 0.02 + 0.96 * torch.rand(n, 1, generator=rng)
            answer = submission.call("loss", y, y_)
            if isinstance(answer, int | float) and not isinstance(answer, bool):
                answer = torch.tensor(float(answer))
            got = require_tensor(answer, name="loss(y, y_)")
            terms = F.binary_cross_entropy(y_.double(), y.double(), reduction="none")
            if got.numel() == n:
                got, terms = got.reshape(n, 1), terms
            else:
                text = _("loss(y, y_) has shape {shape}: one number is wanted, or one for each point.")
                must(got.numel() == 1, text.format(shape=tuple(got.shape)))
                name_loss(float(got), y, y_)
                got, terms = got.reshape(()), terms.sum()
            assert_tensor_close(got, terms, name="loss(y, y_)", input={"y": y, "y_": y_})


def name_loss(got, y, y_):
    """Fail with the name of the loss that this is instead."""
    terms = F.binary_cross_entropy(y_, y, reduction="none")
    known = {
        "the mean of the terms, not their sum": terms.mean(),
        "without the minus in front": -terms.sum(),
        "without the term for the points of class 0": -(y * y_.log()).sum(),
        "without the term for the points of class 1": -((1 - y) * (1 - y_).log()).sum(),
        "the classes 0 and 1 have changed places": F.binary_cross_entropy(y_, 1 - y, reduction="sum"),
        "the sum of squared errors": ((y - y_) ** 2).sum(),
        "the mean of squared errors": ((y - y_) ** 2).mean(),
        "a logarithm to the base 2": terms.sum() / math.log(2),
        "a logarithm to the base 10": terms.sum() / math.log(10),
        "y_ put through a sigmoid once more": F.binary_cross_entropy_with_logits(y_, y, reduction="sum"),
    }
    for name, value in known.items():
        text = _("loss(y, y_) is another loss: {what}.").format(what=_(name))
        must(not math.isclose(got, float(value), rel_tol=1e-4), text)


# --- the loop ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """Points (N, 2), classes (N, 1), the four parameters at the start, and how to descend."""

    x: torch.Tensor
    y: torch.Tensor
    parameters: tuple[torch.Tensor, ...]
    lr: float = 0.02
    steps: int = 1


def draw(rng, n=60, scale=1.0, **more):
    """Points and parameters with gradients of moderate size by each parameter."""
    x = 1.5 * torch.rand(n, 2, generator=rng) - 0.25
    parameters = tuple(normal(rng, shape, scale) for shape in SHAPES)
    return Case(x, classes(rng, n), parameters, **more)


def classes(rng, n):
    return torch.randint(0, 2, (n, 1), generator=rng).float()


def network(x, w1, b1, w2, b2):
    """The probabilities (N, 1)."""
    return torch.sigmoid(torch.sigmoid(x @ w1 + b1) @ w2 + b2)


def summed_loss(case, parameters):
    """The loss of the right network, in float64, as a tensor that autograd can follow."""
    return F.binary_cross_entropy(network(case.x.double(), *parameters), case.y.double(), reduction="sum")


def slopes(case, parameters):
    """The four gradients of the summed loss, in float64."""
    leaves = [p.detach().double().requires_grad_() for p in parameters]
    return torch.autograd.grad(summed_loss(case, leaves), leaves)


def descent(case, steps, gradients=slopes):
    """The four parameters from the start on, after each step."""
    states = [tuple(p.double() for p in case.parameters)]
    for _step in range(steps):
        found = gradients(case, states[-1])
        states.append(tuple(p - case.lr * g for p, g in zip(states[-1], found, strict=True)))
    return states


def near(got, wanted, start):
    """Whether these are the same four parameters, measured by how far they have come."""
    return not apart(got, wanted, start)


def apart(got, wanted, start):
    """The names of the parameters that differ."""
    parts = zip(NAMES, got, wanted, start, strict=True)
    return [n for n, a, b, s in parts if float((a - b).abs().max()) > CLOSE * float((b - s).abs().max()) + 1e-5]


@dataclass(frozen=True)
class Answer:
    """What train returned: the four parameters in float64, and the fifth thing as it is."""

    parameters: tuple[torch.Tensor, ...]
    losses: object


def ask(submission, case):
    """train's answer. Where it descends from the very tensors that it is given, they want gradients."""
    x, y, parameters, lr, steps = case.x, case.y, case.parameters, case.lr, case.steps
    try:
        answer = submission.call("train", x, y, *parameters, lr, steps)
    except Raised as failure:
        if "does not require grad" not in str(failure) and "leaf" not in str(failure):
            raise
        held = [submission.make("torch.nn.Parameter", p.clone()) for p in parameters]
        answer = submission.call("train", x, y, *held, lr, steps)
    if isinstance(answer, list | tuple) and len(answer) == 2 and isinstance(answer[0], list | tuple):
        answer = [*answer[0], answer[1]]  # the four in a list of their own
    fits = isinstance(answer, list | tuple) and len(answer) in (4, 5)
    text = _("train should return the four parameters and the losses, but {found} came back.")
    must(fits, text.format(found=describe(answer)), FIVE, safe=_("train should return five things."))
    text = _("The first thing that train returns is a list, but weights_1 is wanted there.")
    must(not isinstance(answer[0], list | tuple), text, FIVE)
    found = [
        require_tensor(p, s, name=f"`{n}`")
        for n, p, s in zip(NAMES, answer, [p.shape for p in parameters], strict=False)
    ]
    return Answer(tuple(p.double() for p in found), answer[4] if len(answer) == 5 else None)


FIVE = "train ends with: return weights_1, bias_1, weights_2, bias_2, losses, in this order and behind the loop."


def own_slopes(submission):
    """The gradients of the student's own loss of the student's own network; by these a loop may go as well."""

    def gradients(case, parameters):
        parameters = [p.float() for p in parameters]
        y_ = submission.call("forward", case.x, *parameters)
        (by_prediction,) = submission.gradients("loss", case.y, y_, wrt=(1,))
        return submission.gradients("forward", case.x, *parameters, wrt=(1, 2, 3, 4), cotangent=by_prediction)

    return gradients


def by_own_loss(submission, case, got):
    """Whether these are the parameters to which the student's own functions lead."""
    try:
        return near(got, descent(case, case.steps, own_slopes(submission))[-1], case.parameters)
    except (AssertionError, ProbeFailure, TypeError, ValueError, RuntimeError):
        return False


@pytest.mark.criterion("one-step")
def test_one_step(submission, rng, hint):
    """One step of train takes lr times the gradient of the summed loss from each of the four parameters"""
    with advised(
        hint, "In a step: total.backward(), then for each parameter p -= lr * p.grad under torch.no_grad()."
    ):
        for lr in (0.02, 0.005):
            case = draw(rng, lr=lr)
            answer = ask(submission, case)
            got, wanted = answer.parameters, descent(case, 1)[-1]
            if near(got, wanted, case.parameters) or by_own_loss(submission, case, got):
                continue
            name_step(case, got)
            told = len(plain_numbers(answer.losses) or [0])
            must(told == 1, _("Asked for 1 step, train takes {count}.").format(count=told), COUNT)
            wrong = ", ".join(f"`{n}`" for n in apart(got, wanted, case.parameters))
            must(False, _("After one step these are not as they should be: {names}.").format(names=wrong))


UPHILL = "The gradient points to where the loss grows: the step goes the other way, p -= lr * p.grad."
RATE = "lr is an argument of train: take it from there, and do not write it in."
EACH = "All four parameters take a step, each by its own gradient."
NOTHING = (
    "The step has to change what train returns: p -= lr * p.grad moves the tensor itself, p = p - … only renames."
)
SUMMED = "The loop descends on the sum of the log-losses: a mean makes the steps shorter by the number of points."
PLAIN = "Gradient descent takes lr times the gradient itself, without Adam or a momentum."
CLEARED = "p.grad.zero_() clears the gradient; p.zero_() would clear the parameter."
COUNT = "steps is the number of steps: for _ in range(steps)."


def name_step(case, got):
    """Fail with the name of the step that this is instead."""
    start, found = [p.double() for p in case.parameters], slopes(case, case.parameters)
    n = len(case.x)

    def moved(*factors):
        return [p - case.lr * f * g for p, f, g in zip(start, factors, found, strict=True)]

    known = [
        ("the parameters have not moved at all", moved(0, 0, 0, 0), NOTHING),
        ("the step goes uphill", moved(-1, -1, -1, -1), UPHILL),
        ("only the weights were moved", moved(1, 0, 1, 0), EACH),
        ("only the biases were moved", moved(0, 1, 0, 1), EACH),
        ("only the second layer was moved", moved(0, 0, 1, 1), EACH),
        ("only the first layer was moved", moved(1, 1, 0, 0), EACH),
        ("the step is that of the mean, not of the sum", moved(*[1 / n] * 4), SUMMED),
        ("the step is that of Adam", [p - case.lr * g.sign() for p, g in zip(start, found, strict=True)], PLAIN),
        ("the parameters themselves are cleared", [0 * p for p in start], CLEARED),
        ("the step is half as long", moved(*[1 / 2] * 4), SUMMED),
        ("the step is twice as long", moved(*[2] * 4), SUMMED),
        ("lr is always 0.001", moved(*[1e-3 / case.lr] * 4), RATE),
        ("the step is as long as the gradient, without lr", moved(*[1 / case.lr] * 4), RATE),
        ("these are the parameters after two steps", descent(case, 2)[-1], COUNT),
    ]
    for name, wanted, advice in known:
        must(not near(got, wanted, start), _("After one step of train: {what}.").format(what=_(name)), advice)


@pytest.mark.criterion("several-steps")
def test_several_steps(submission, rng, hint):
    """After several steps the parameters are those of gradient descent: each step uses its own gradients alone"""
    with advised(
        hint, "Each step is forward, loss, backward, step, and all four gradients are cleared before the next."
    ):
        for steps in (5, 3):
            case = draw(rng, steps=steps)
            ask(
                submission, replace(case, steps=1)
            )  # what raises in any step is told from what raises in the second
            got = ask(submission, case).parameters
            wanted = descent(case, steps)[-1]
            if near(got, wanted, case.parameters) or by_own_loss(submission, case, got):
                continue
            name_steps(case, got)
            wrong = ", ".join(f"`{n}`" for n in apart(got, wanted, case.parameters))
            text = _("After {steps} steps these are not as they should be: {names}.")
            must(
                False,
                text.format(steps=steps, names=wrong),
                safe=_("After several steps other parameters come back."),
            )


PILED = "backward adds to each .grad: clear all four in every step, with .zero_() or = None, after they were used."
EARLY = "return stands behind the loop: inside it, the first step is also the last."
FRESH = "Ask forward and loss anew in every step: the gradients belong to the parameters as they are now."


def name_steps(case, got):
    """Fail with the name of what these steps are instead."""
    start, right = case.parameters, descent(case, case.steps + 1)
    first = slopes(case, start)
    held = [p.double() - case.steps * case.lr * g for p, g in zip(start, first, strict=True)]
    known = [
        ("the gradients of all earlier steps are added to each one", piled(case, (0, 1, 2, 3)), PILED),
        ("the gradients of the weights pile up from step to step", piled(case, (0, 2)), PILED),
        ("the gradients of the biases pile up from step to step", piled(case, (1, 3)), PILED),
        *(
            (_("the gradients of {name} pile up from step to step").format(name=n), piled(case, (i,)), PILED)
            for i, n in enumerate(NAMES)
        ),
        *(
            (_("of the gradients only those of {name} are cleared").format(name=n), piled(case, others), PILED)
            for n, others in zip(NAMES, ((1, 2, 3), (0, 2, 3), (0, 1, 3), (0, 1, 2)), strict=True)
        ),
        ("the parameters have not moved at all", right[0], NOTHING),
        ("the parameters themselves are cleared", [0 * p for p in right[0]], CLEARED),
        ("these are the parameters after the first step", right[1], EARLY),
        ("every step uses the gradients of the first one", held, FRESH),
        ("one step is missing", right[-3], COUNT),
        ("there is one step too many", right[-1], COUNT),
    ]
    for name, wanted, advice in known:
        text = _("After {steps} steps of train: {what}.").format(steps=case.steps, what=_(name))
        safe = _("After several steps of train: {what}.").format(what=_(name))
        must(not near(got, wanted, start), text, advice, safe=safe)


def piled(case, kept):
    """Where the descent ends if the gradients in these places are not cleared."""
    total = [torch.zeros(())] * 4

    def gradients(case, parameters):
        found = slopes(case, parameters)
        for i, gradient in enumerate(found):
            total[i] = gradient + (total[i] if i in kept else 0)
        return tuple(total)

    return descent(case, case.steps, gradients)[-1]


# --- what is told ------------------------------------------------------------------------------------------------


@pytest.mark.criterion("history")
def test_history(submission, rng, hint):
    """losses holds one plain number for each step: the summed loss that was measured in it"""
    with advised(hint, "Append total.item() in each step, and return the list as the last of five things."):
        case = draw(rng, steps=4)
        ask(submission, replace(case, steps=1))
        losses = ask(submission, case).losses
        values = plain_numbers(losses)
        text = _("losses should be a list of numbers, but it is {found}.").format(found=describe(losses))
        must(values is not None, text, "losses is a list such as [712.4, 698.1, 690.3], one number for each step.")
        must(not keeps_graph(submission, case), _("losses still holds the graphs of the losses."), GRAPH)
        text = _("After 4 steps losses holds {count} numbers.").format(count=len(values))
        advice = ANEW if len(values) > 4 else "One number for each step, appended inside the loop."
        must(len(values) == 4, text, advice)
        states = [case.parameters, *(ask(submission, replace(case, steps=n)).parameters for n in (1, 2, 3, 4))]
        told = [[loss(case, s) for s in states] for loss in losses_of(submission)]
        fine = any(alike(values, each[:-1]) or alike(values, each[1:]) for each in told)
        text = _("Number {n} in losses should be {wanted:.5g}, but it is {got:.5g}.")
        advice = "What is appended is the loss of this step over all points, not one of before, or a sum of several steps."
        n = next((n for n in range(4) if not alike(values[n : n + 1], told[0][n : n + 1])), 0)
        must(fine, text.format(n=n + 1, wanted=told[0][n], got=values[n]), advice)


ANEW = "One number for each of so many steps, and the list begins empty in every call: losses = [] stands inside train."
GRAPH = "A loss that is a tensor keeps the graph of its step alive, and memory fills up. total.item() is the number alone."


def losses_of(submission):
    """The summed loss and the mean one, of the right network and of the student's own: any of them may be told."""

    def right(case, parameters):
        return float(summed_loss(case, [p.double() for p in parameters]))

    def own(case, parameters):
        try:
            y_ = submission.call("forward", case.x, *(p.float() for p in parameters))
            return float(torch.as_tensor(submission.call("loss", case.y, y_)).sum())
        except (AssertionError, ProbeFailure, TypeError, ValueError, RuntimeError):
            return math.nan

    def mean(loss):
        return lambda case, parameters: loss(case, parameters) / len(case.x)

    return right, own, mean(right), mean(own)


def alike(values, wanted):
    return all(math.isclose(a, b, rel_tol=1e-3) for a, b in zip(values, wanted, strict=True))


def keeps_graph(submission, case):
    """Whether the losses were returned as tensors that autograd still follows. The four parameters may be followed."""
    longer = replace(case, steps=8)
    try:
        text = submission.build("train", case.x, case.y, *case.parameters, case.lr, longer.steps).call("__repr__")
    except (Missing, ProbeFailure):
        return False
    return isinstance(text, str) and text.count("grad_fn=") > 4


# --- the training ------------------------------------------------------------------------------------------------


@pytest.mark.criterion("trained")
def test_trained(submission, rng, hint, award, exhibit):
    """The four parameters, as the notebook left them, part fresh points of XOR: the mean log-loss is at most 0.05"""
    title = _("Loss by step, as the notebook tells")
    exhibit(lambda: curves(title, told_by(submission, ("losses", "history")), unit="step"))
    with advised(hint, KEPT):
        values = [submission.value(name) for name in NAMES]
        found = [require_tensor(v, s, name=f"`{n}`") for n, v, s in zip(NAMES, values, SHAPES, strict=True)]
        parameters = [p.double() for p in found]
        x, y = xor_points(rng, 2000)
        exhibit(lambda: surface(submission, found, x[:200], y[:200]))
        y_ = network(x.double(), *parameters)
        mean = float(F.binary_cross_entropy(y_, y.double()))
        right = float(((y_ > 0.5) == (y > 0.5)).double().mean())
        told = _("on 2000 fresh points the mean log-loss is {loss:.3g}, and {share} are on the right side")
        told = told.format(loss=mean, share=f"{right:.1%}")
        if mean <= PARTS:
            return
        text = _("The network does not part the points of XOR: {told}.").format(told=told)
        must(mean <= BEGINS, text, LEARN)
        hint(LEARN)
        award(
            0.5, _("The network has begun to part the points, but is not sure of them: {told}.").format(told=told)
        )


KEPT = "When the notebook has run, weights_1, bias_1, weights_2 and bias_2 hold what train returned, for 16 hidden units."
LEARN = "Train on: 10 000 steps with lr 1e-3 over the summed loss, and keep the four parameters that come back."


def xor_points(rng, n):
    corners = torch.randint(0, 2, (n, 2), generator=rng).float()
    return corners + 0.1 * normal(rng, (n, 2)), (corners[:, :1] != corners[:, 1:]).float()


def surface(submission, parameters, x, y):
    """What forward makes of every place, with the trained parameters, and some fresh points."""
    parameters, forward = [p.float() for p in parameters], submission.object("forward")
    return decision_surface(lambda grid: forward.call("__call__", grid, *parameters), x, y, ("0", "1"))
