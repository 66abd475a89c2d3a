"""Public criteria of linear_regression. They ship with the handout: a student can run them before handing in."""

import contextlib
import math
from dataclasses import dataclass, replace

import pytest
import torch

from torchgrade.testing import (
    BadAnswer,
    Missing,
    ProbeFailure,
    Raised,
    TimedOut,
    _,
    assert_tensor_close,
    autograd_in,
    curves,
    describe,
    must,
    normal,
    plain_numbers,
    require_tensor,
    told_by,
)

# The mean squared distance from the line without noise. Of 300 honest trainings all stopped below 0.099; the start is
# at 9.3, and who stops at a loss of 1 is at about 0.7.
NOISE, FOLLOWS = 0.5**2, 0.15
NEVER = 0.0  # no mean of squares is below it
RTOL = 1e-4


@contextlib.contextmanager
def advised(hint, text):
    """Give one hint for what fails inside: the one that ``must`` was given, or this."""
    try:
        yield
    except (AssertionError, ProbeFailure) as failure:
        hint(getattr(failure, "advice", "") or advice_on_error(failure) or text)
        raise


NEW_TENSOR = (
    "w = w - lr * w.grad makes a new tensor, which backward does not fill: its .grad is None. Under torch.no_grad(), "
    "w -= lr * w.grad moves the tensor that there is."
)
RECORDED = "A step that autograd records is refused: put it into `with torch.no_grad():`."
TWICE = "Each step needs a prediction and a loss of its own: a graph can be gone through once."
LOCAL = "A name that a function assigns to is its own: the function of that name is not seen there. Call the value otherwise."
SMALL = "max_steps may be 1, and 1 // 10 is 0: the rest of a division by it cannot be taken."
NUMBER = "backward starts from the loss as a tensor: .item() or float() belongs into the list of losses alone."
UNENDING = "max_steps ends the loop, even where the loss never comes below stop: for _ in range(max_steps)."


def advice_on_error(failure):
    """What to do about the usual exceptions of such a loop; empty for another one."""
    if isinstance(failure, TimedOut):
        return UNENDING
    text = str(failure) if isinstance(failure, Raised) else ""
    known = {
        "UnboundLocalError": LOCAL,
        "ZeroDivisionError": SMALL,
        "no attribute 'backward'": NUMBER,
        "NoneType": NEW_TENSOR,
        "leaf Variable": RECORDED,
        "a second time": TWICE,
        "does not require grad": "backward needs numbers with requires_grad=True, and no no_grad() or .item() on the way to the loss.",
    }
    return next((advice for words, advice in known.items() if words in text), "")


# --- the line and the loss -------------------------------------------------------------------------------------


@pytest.mark.criterion("predict-values")
def test_predict(submission, rng, hint):
    """predict(x, w, b) gives w x + b for any number of points"""
    with advised(hint, "Multiply x by w, add b, and return it: use the three arguments alone."):
        for n in (9, 1, 40):
            x, w, b = normal(rng, (n,)), normal(rng, (1,), 2), normal(rng, (1,), 2)
            answer = submission.call("predict", x, w, b)
            assert_tensor_close(answer, w * x + b, name="predict(x, w, b)", input={"x": x, "w": w, "b": b})


@pytest.mark.criterion("mse-values")
def test_mse(submission, rng, hint):
    """mse(y_pred, y) gives the mean of the squared errors, as one number"""
    with advised(hint, "Take the difference, square it, and take the mean over all points: no root, and no sum."):
        for n in (9, 40):
            y_pred, y = normal(rng, (n,)), normal(rng, (n,))
            answer = require_tensor(submission.call("mse", y_pred, y), name="mse(y_pred, y)")
            right = ((y_pred - y) ** 2).mean()
            must(
                answer.numel() == 1,
                _("mse(y_pred, y) has shape {shape}, but one number is wanted.").format(shape=tuple(answer.shape)),
            )
            name_loss(float(answer), y_pred, y)
            assert_tensor_close(answer.reshape(()), right, name="mse(y_pred, y)", input={"y_pred": y_pred, "y": y})


def name_loss(got, y_pred, y):
    """Fail with the name of the loss that this is instead."""
    away = y_pred - y
    known = {
        "the sum of the squares, not their mean": (away**2).sum(),
        "half of the mean": (away**2).mean() / 2,
        "the root of the mean": (away**2).mean().sqrt(),
        "the mean of the absolute errors, without a square": away.abs().mean(),
        "the square of the mean error, not the mean of the squares": away.mean() ** 2,
    }
    for name, value in known.items():
        said = _("mse(y_pred, y) is {what}.").format(what=_(name))
        must(not math.isclose(got, float(value), rel_tol=RTOL), said)


# --- the loop --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """Points (N,), a start (1,) and how to descend."""

    x: torch.Tensor
    y: torch.Tensor
    w: torch.Tensor
    b: torch.Tensor
    lr: float
    stop: float
    steps: int


@dataclass(frozen=True)
class Answer:
    """What fit returned: two numbers, and the third thing as it is."""

    w: float
    b: float
    losses: object


def draw(rng, n=60, lr=0.07, steps=1):
    """A case whose gradients by w and b are both far from 0, and that is never below its stop."""
    x = 1 + 0.8 * normal(rng, (n,))
    y = 3 * x - 2 + 0.3 * normal(rng, (n,))
    return Case(x, y, 0.5 * normal(rng, (1,)), 2 + 0.5 * normal(rng, (1,)), lr, NEVER, steps)


def ask(submission, case):
    """fit's answer as numbers. Where it descends from the very tensors that it is given, they want gradients."""
    arguments = (case.x, case.y, case.w, case.b, case.lr, case.stop, case.steps)
    try:
        answer = submission.call("fit", *arguments)
    except Raised as failure:
        if "does not require grad" not in str(failure) and "leaf" not in str(failure):
            raise
        answer = submission.call(
            "fit", *arguments[:2], *(leaf(submission, p) for p in (case.w, case.b)), *arguments[4:]
        )
    fits = isinstance(answer, list | tuple) and len(answer) in (2, 3)
    text = _("fit should return (w, b, losses), but {found} came back.").format(found=describe(answer))
    must(fits, text, THREE, safe=_("fit should return three things: (w, b, losses)."))
    return Answer(one_number(answer[0], "w"), one_number(answer[1], "b"), answer[2] if len(answer) == 3 else None)


THREE = "The last line of fit returns w, b and the list of losses, in this order, behind the loop."


def leaf(submission, value):
    """The number as a tensor that wants gradients, held in the room."""
    return submission.make("torch.nn.Parameter", value.clone())


def one_number(value, name):
    """A trained number as float; a failure that says what else it is."""
    text = _("`{name}` is a list, but one number is wanted.").format(name=name)
    must(not isinstance(value, list | tuple), text, THREE)
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = torch.tensor([float(value)])
    tensor = require_tensor(value, name=f"`{name}`")
    text = _("`{name}` has shape {shape}, but one number is wanted.").format(name=name, shape=tuple(tensor.shape))
    must(tensor.numel() == 1, text, "x and y have shape (N,): is an (N, 1) mixed in somewhere?")
    return float(tensor)


def slopes(case, w, b):
    """The gradients of the mean squared error by w and b, in float64."""
    away = w * case.x.double() + b - case.y.double()
    return float(2 * (away * case.x).mean()), float(2 * away.mean())


def descent(case, steps, gradients=slopes):
    """[(w, b)] from the start on, after each step."""
    states = [(float(case.w), float(case.b))]
    for _step in range(steps):
        w, b = states[-1]
        by_w, by_b = gradients(case, w, b)
        states.append((w - case.lr * by_w, b - case.lr * by_b))
    return states


def near(got, wanted):
    return all(math.isclose(a, b, rel_tol=RTOL, abs_tol=RTOL) for a, b in zip(got, wanted, strict=True))


def own_slopes(submission):
    """The gradients of the student's own loss of the student's own line; by these a loop may go as well."""

    def gradients(case, w, b):
        w, b = torch.tensor([w]).float(), torch.tensor([b]).float()
        y_pred = submission.call("predict", case.x, w, b)
        (by_prediction,) = submission.gradients("mse", y_pred, case.y, wrt=(0,))
        by_w, by_b = submission.gradients("predict", case.x, w, b, wrt=(1, 2), cotangent=by_prediction)
        return float(by_w.sum()), float(by_b.sum())

    return gradients


def by_own_loss(submission, case, got, steps):
    """Whether these are the numbers to which the student's own loss leads."""
    try:
        return near(got, descent(case, steps, own_slopes(submission))[-1])
    except (AssertionError, ProbeFailure, ValueError, RuntimeError):
        return False


@pytest.mark.criterion("one-step")
def test_one_step(submission, rng, hint):
    """One step of fit takes lr times the gradient of the mean squared error from w and from b"""
    with advised(
        hint, "In a step: loss.backward(), then w -= lr * w.grad and b -= lr * b.grad under torch.no_grad()."
    ):
        for lr in (0.11, 0.05):
            case = draw(rng, lr=lr)
            got = ask(submission, case)
            got = got.w, got.b
            if near(got, descent(case, 1)[-1]) or by_own_loss(submission, case, got, 1):
                continue
            name_step(case, got)
            told = _("After one step w and b should be {wanted}, but they are {got}.")
            wanted = descent(case, 1)[-1]
            must(False, told.format(wanted=pair(wanted), got=pair(got)), safe=_("One step gives other numbers."))


def pair(numbers):
    return ", ".join(f"{n:.5g}" for n in numbers)


UPHILL = "The gradient points to where the loss grows: the step goes the other way, w -= lr * w.grad."
RATE = "lr is an argument of fit: take it from there, and do not write it in."
BOTH = "w and b each take a step of their own, with a gradient of their own."
NOTHING = "The step has to change what fit returns: w -= lr * w.grad, and the same for b."
ROWS = "(N,) less (N, 1) is a table (N, N): keep predictions and answers both in the shape (N,)."
AT_ONCE = "One backward gives both gradients, at the same place: only then do w and b move."
OTHER_LOSS = "The loop descends on the mean of the squared errors: is it a sum, a half or something else here?"


def name_step(case, got):
    """Fail with the name of the step that this is instead."""
    w, b = float(case.w), float(case.b)
    by_w, by_b = slopes(case, w, b)
    lr, n = case.lr, len(case.x)
    away = w * case.x.double() + b - case.y.double()
    sides = away.sign()
    x, y = case.x.double(), case.y.double()
    crossed = float(2 * (w * (x * x).mean() + b * x.mean() - y.mean() * x.mean()))
    after_w = slopes(case, w - lr * by_w, b)[1]
    known = [
        ("w and b have not moved at all", (w, b), NOTHING),
        ("the step goes uphill", (w + lr * by_w, b + lr * by_b), UPHILL),
        ("only w was moved", (w - lr * by_w, b), BOTH),
        ("only b was moved", (w, b - lr * by_b), BOTH),
        ("w moves by the gradient of b, and b by that of w", (w - lr * by_b, b - lr * by_w), BOTH),
        ("the step is as long as the gradient, without lr", (w - by_w, b - by_b), RATE),
        ("lr is always 0.05", (w - 0.05 * by_w, b - 0.05 * by_b), RATE),
        ("the step is that of a sum over the points", (w - lr * n * by_w, b - lr * n * by_b), OTHER_LOSS),
        ("the step is half as long", (w - lr * by_w / 2, b - lr * by_b / 2), OTHER_LOSS),
        ("the step is twice as long", (w - lr * by_w * 2, b - lr * by_b * 2), OTHER_LOSS),
        (
            "the step is that of the absolute errors",
            (w - lr * float((sides * case.x).mean()), b - lr * float(sides.mean())),
            OTHER_LOSS,
        ),
        ("the loss is that of each prediction with each answer", (w - lr * crossed, b - lr * by_b), ROWS),
        ("b moves by a gradient that was taken after w had moved", (w - lr * by_w, b - lr * after_w), AT_ONCE),
        (
            "these are the numbers after two steps",
            descent(case, 2)[-1],
            "max_steps is the number of steps, and 1 means one.",
        ),
    ]
    for name, wanted, advice in known:
        must(not near(got, wanted), _("After one step of fit: {what}.").format(what=_(name)), advice)


@pytest.mark.criterion("several-steps")
def test_several_steps(submission, rng, hint):
    """After several steps of fit w and b are those of gradient descent: each step uses its own gradients alone"""
    with advised(
        hint, "Each step is predict, loss, backward, step, and both gradients are cleared before the next."
    ):
        for steps in (6, 3):
            case = draw(rng, steps=steps)
            got = ask(submission, case)
            got = got.w, got.b
            if near(got, descent(case, steps)[-1]) or by_own_loss(submission, case, got, steps):
                continue
            name_steps(case, got)
            told = _("After {steps} steps w and b should be {wanted}, but they are {got}.")
            wanted = descent(case, steps)[-1]
            safe = _("After several steps other numbers come back.")
            must(False, told.format(steps=steps, wanted=pair(wanted), got=pair(got)), safe=safe)


PILED = (
    "backward adds to w.grad and b.grad: clear both in every step, with .zero_() or = None, after they were used."
)
EARLY = "return stands behind the loop: inside it, the first step is also the last."
FRESH = "Predict and measure the loss anew in every step: the gradients belong to the numbers as they are now."
COUNT = "max_steps is the number of steps: for _ in range(max_steps)."


def name_steps(case, got):
    """Fail with the name of what these steps are instead."""
    right = descent(case, case.steps + 1)
    w, b = right[0]
    by_w, by_b = slopes(case, w, b)
    held = (w - case.steps * case.lr * by_w, b - case.steps * case.lr * by_b)
    known = [
        ("the gradients of all earlier steps are added to each one", piled(case, True, True), PILED),
        ("the gradients of w pile up from step to step", piled(case, True, False), PILED),
        ("the gradients of b pile up from step to step", piled(case, False, True), PILED),
        ("these are the numbers after the first step", right[1], EARLY),
        ("every step uses the gradient of the first one", held, FRESH),
        ("one step is missing", right[-3], COUNT),
        ("there is one step too many", right[-1], COUNT),
    ]
    for name, wanted, advice in known:
        text = _("After {steps} steps of fit: {what}.").format(steps=case.steps, what=_(name))
        must(
            not near(got, wanted), text, advice, safe=_("After several steps of fit: {what}.").format(what=_(name))
        )


def piled(case, keeps_w, keeps_b):
    """Where the descent ends if gradients are not cleared."""
    total = [0.0, 0.0]

    def gradients(case, w, b):
        found = slopes(case, w, b)
        for n, keeps in enumerate((keeps_w, keeps_b)):
            total[n] = found[n] + (total[n] if keeps else 0.0)
        return tuple(total)

    return descent(case, case.steps, gradients)[-1]


# --- what is told, and when it ends ------------------------------------------------------------------------------


@pytest.mark.criterion("history")
def test_history(submission, rng, hint):
    """losses holds one plain number for each step: the loss that was measured in it"""
    with advised(hint, "Append loss.item() in each step, and return the list."):
        case = draw(rng, steps=5)
        answer = ask(submission, case)
        values = plain_numbers(answer.losses)
        text = _("losses should be a list of numbers, but it is {found}.").format(found=describe(answer.losses))
        must(values is not None, text, "losses is a list such as [9.1, 4.2, 2.0], one number for each step.")
        must(not keeps_graph(submission, case), _("losses still holds the graphs of the losses."), GRAPH)
        text = _("After 5 steps losses holds {count} numbers.").format(count=len(values))
        advice = ANEW if len(values) > 5 else "One number for each step, appended inside the loop."
        must(len(values) == 5, text, advice)
        wanted = [[loss(case, *state) for state in path(submission, case, 5)] for loss in losses_of(submission)]
        must(
            any(near(values, told) for each in wanted for told in (each[:-1], each[1:])),
            _("losses should begin with {wanted}, but it begins with {got}.").format(
                wanted=pair(wanted[0][:2]), got=pair(values[:2])
            ),
            "What is appended is the loss of this step, not one that was measured before, an error or a sum of losses.",
        )


ANEW = "One number for each step, and the list begins empty in every call: losses = [] stands inside fit."
GRAPH = "A loss that is a tensor keeps the graph of its step alive, and memory fills up. loss.item() is the number alone."


def loss_of(case, w, b):
    """The mean squared error of a line."""
    return float(((w * case.x.double() + b - case.y.double()) ** 2).mean())


def losses_of(submission):
    """The mean squared error, and the student's own loss of the student's own line: either may be told and bounded."""

    def own(case, w, b):
        w, b = torch.tensor([w]).float(), torch.tensor([b]).float()
        try:
            return float(submission.call("mse", submission.call("predict", case.x, w, b), case.y))
        except (AssertionError, ProbeFailure, TypeError, ValueError, RuntimeError):
            return math.nan

    return loss_of, own


def path(submission, case, steps):
    """[(w, b)] from the start on, after each step, as the student's own fit goes: whether that is right or not."""
    found = [(float(case.w), float(case.b))]
    for n in range(1, steps + 1):
        answer = ask(submission, replace(case, steps=n))
        found.append((answer.w, answer.b))
    return found


def keeps_graph(submission, case):
    """Whether the losses were returned as tensors that autograd still follows. w and b may be followed."""
    arguments = (case.x, case.y, case.w, case.b, case.lr, case.stop, case.steps)
    try:
        text = submission.build("fit", *arguments).call("__repr__")
    except (Missing, ProbeFailure):
        return False
    return isinstance(text, str) and text.count("grad_fn=") > 2


@pytest.mark.criterion("stops")
def test_stops(submission, rng, hint):
    """fit stops as soon as the loss is below stop"""
    with advised(hint, "Compare the loss of each step with stop, and leave the loop (break) when it is below."):
        case, states, found = bounded(submission, draw(rng))
        must(
            any(step for _stop, step in found),
            _("The loss does not fall from step to step, so no bound of it is ever met."),
            "Begin with the steps: each one should lower the loss.",
        )
        failures = [failed_stop(submission, case, states, *each) for each in found if each[1]]
        must("" in [text for text, _advice in failures], *failures[0])


def bounded(submission, case):
    """The case, where the student's own steps lead in it, and a bound for each loss. At a rate at which the loss falls:
    on a sum over the points, which is judged by itself, that is a smaller one."""
    for lr in (case.lr, case.lr / len(case.x)):
        slower = replace(case, lr=lr)
        states = path(submission, slower, 10)
        found = [stopping(loss, slower, states) for loss in losses_of(submission)]
        if any(step for _stop, step in found):
            break
    return slower, states, found


def stopping(loss, case, states):
    """(a bound, the number of steps after which the loss is below it for the first time); 0 steps: there is none."""
    losses = [loss(case, *state) for state in states]
    for n in range(len(losses) - 2, 1, -1):
        before = min(losses[:n])
        if losses[n] < 0.999 * before:
            return math.sqrt(losses[n] * before), n
    return NEVER, 0


def failed_stop(submission, case, states, stop, step):
    """What is wrong with where fit stops, and a hint; two empty texts if nothing."""
    for most in (40, 1000):
        answer = ask(submission, replace(case, stop=stop, steps=most))
        got = answer.w, answer.b
        if near(got, states[step]) or near(got, states[step + 1]):
            continue
        if any(near(got, state) for state in states[:step]):
            return _("fit stops too early: the loss is not below stop yet."), EARLIER
        return _("The loss is below stop after {steps} steps, but fit goes on.").format(steps=step), ENDLESS
    return "", ""


ENDLESS = "In each step compare the loss with the argument stop, and leave the loop when it is below: if loss < stop: break."
EARLIER = "stop is a bound of the loss: compare the loss itself with it, not its change or the number of steps."


@pytest.mark.criterion("by-autograd")
def test_by_autograd(submission, rng, hint):
    """The gradients in fit come from autograd, and the steps are written by hand, without torch.optim"""
    with advised(hint, "loss.backward() works the gradients out, and two lines of your own take the step."):
        case = draw(rng, steps=2)
        got = ask(submission, case)
        moved = not near((got.w, got.b), descent(case, 0)[0])
        must(moved, _("fit does not move w and b, so there are no gradients in it."), NOTHING)
        must(not steps_by_optimiser(submission, case), _("The step in fit is left to torch.optim."), OWN_STEP)
        by_hand = works_without_graph(submission, case) and not autograd_in(submission, "fit")
        must(not by_hand, _("fit works the gradients out by a formula, not by autograd."), ASK_AUTOGRAD)


OWN_STEP = "torch.optim does the step for you. Write it yourself here: each number minus lr times its gradient."
ASK_AUTOGRAD = (
    "Your formula is right, but the exercise is about autograd: loss.backward(), then w.grad and b.grad."
)


def steps_by_optimiser(submission, case):
    """Whether a step of torch.optim is taken in fit, under whatever name: each tells the profiler of itself."""
    profile = submission.make("torch.autograd.profiler.profile")
    with contextlib.suppress(BadAnswer):  # it returns itself
        profile.call("__enter__")
    try:
        ask(submission, case)
    finally:
        with contextlib.suppress(BadAnswer):
            profile.call("__exit__", None, None, None)
    return "Optimizer.step#" in str(profile.call("__repr__"))


def works_without_graph(submission, case):
    """Whether fit takes the same steps where torch keeps no graph."""
    submission.make("torch.set_grad_enabled", False)
    try:
        answer = ask(submission, case)
    except (AssertionError, ProbeFailure):
        return False
    finally:
        submission.make("torch.set_grad_enabled", True)
    return near((answer.w, answer.b), descent(case, case.steps)[-1])


# --- the training ------------------------------------------------------------------------------------------------


@pytest.mark.criterion("trained")
def test_trained(submission, hint, exhibit):
    """w and b, as the notebook left them, follow the points: the loss is at most 0.4"""
    title = _("Loss by step, as the notebook tells")
    exhibit(lambda: curves(title, told_by(submission, ("losses", "history")), unit="step"))
    with advised(hint, "When the notebook has run, w and b hold what fit returned: w, b, losses = fit(x, y, …)."):
        w, b = (one_number(submission.value(name), name) for name in ("w", "b"))
        far = 4 / 3 * (w - 2.5) ** 2 + (b + 1) ** 2  # over x from -2 to 2
        text = _("The line y = {w:.3g} x + {b:.3g} has a loss of {loss:.3g}, and 0.4 is asked at most.")
        must(
            far <= FOLLOWS,
            text.format(w=w, b=b, loss=far + NOISE),
            "Descend until the loss is below 0.3, with lr 0.05, and keep what comes back in w and b.",
        )
