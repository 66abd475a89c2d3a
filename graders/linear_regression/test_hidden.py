"""Hidden criteria of linear_regression: points and starts drawn from the course's secret. Never shipped."""

import contextlib
import math

import pytest
import torch

from torchgrade.testing import ProbeFailure, Raised, TimedOut, _, normal, require, uniform

RTOL = 1e-4
#: Points, start by size, rate, steps. The first is what the task does: what fails there has a mistake of another kind.
CASES = ((500, 0.0, 0.05, 20), (3, 1.0, 0.02, 5), (1000, 10.0, 0.3, 4), (40, 3.0, 0.001, 30), (2, 1.0, 0.1, 1))
USUAL_FIRST = "fit is not right for 500 points and a start of zeros either: begin there."
WRITTEN_IN = "Does fit read x, y, w or b of the notebook, or is 500, 0.05, 0.3 or 1000 written in it? It has seven arguments."
RAISES = "fit does not come to its end here. The public checks say more: begin with what they say of one step."
AGAIN = "Called a second time, fit should give the same: gradients and losses begin anew in every call."


@contextlib.contextmanager
def advised(hint, text):
    """Give this hint if what is asked inside fails."""
    try:
        yield
    except (AssertionError, ProbeFailure) as failure:
        hint(RAISES if isinstance(failure, Raised | TimedOut) else text)
        raise


@pytest.mark.criterion("any-data")
def test_any_data(submission, rng, hint):
    """fit is right for other points, starts, rates, bounds and numbers of steps"""
    usual, *others = [draw(rng, *case) for case in CASES]
    with advised(hint, USUAL_FIRST):
        check_steps(submission, *usual)
    with advised(hint, WRITTEN_IN):
        for case in others:
            check_steps(submission, *case)
        check_stop(submission, *draw(rng, 80, 2.0, 0.1, 200))
    with advised(hint, AGAIN):
        check_steps(submission, *others[1])


def draw(rng, n, start, lr, steps):
    """(x, y, w, b, lr, steps): points round a line that nobody knows."""
    x = uniform(rng, (n,), -2, 2)
    slope, shift = (float(normal(rng, (1,), 3)) for _n in range(2))
    y = slope * x + shift + 0.3 * normal(rng, (n,))
    w, b = (start * normal(rng, (1,)) for _n in range(2))
    return x, y, w, b, lr, steps


def check_steps(submission, x, y, w, b, lr, steps):
    got = ask(submission, x, y, w, b, lr, 0.0, steps)
    right = near(got, descent(x, y, w, b, lr, steps)[-1]) or near(
        got, own_descent(submission, x, y, w, b, lr, steps)
    )
    require(right, _("For other points or another start fit gives other numbers than gradient descent."))


def check_stop(submission, x, y, w, b, lr, steps):
    """Stopped by a bound that is met after five steps: with or without the step in which it is met."""
    stopped = []
    for rate in (lr, lr / len(x)):  # on a sum over the points, which is judged by itself, a smaller one
        states = [(float(w), float(b))] + [ask(submission, x, y, w, b, rate, 0.0, n) for n in range(1, 7)]
        for loss in (loss_of, own_loss(submission)):
            at, before = (loss(x, y, *states[n]) for n in (5, 4))
            if at < 0.999 * before:
                got = ask(submission, x, y, w, b, rate, math.sqrt(at * before), steps)
                stopped.append(near(got, states[5]) or near(got, states[6]))
        if stopped:
            break
    require(any(stopped), _("With another bound fit does not stop where the loss is below it."))


def own_loss(submission):
    """The student's own loss of the student's own line, which may be the one that is bounded; NaN where there is none."""

    def loss(x, y, w, b):
        w, b = torch.tensor([w]).float(), torch.tensor([b]).float()
        try:
            return float(submission.call("mse", submission.call("predict", x, w, b), y))
        except (AssertionError, ProbeFailure, TypeError, ValueError, RuntimeError):
            return math.nan

    return loss


def own_descent(submission, x, y, w, b, lr, steps):
    """Where the student's own loss of the student's own line leads; NaN where it cannot be told."""
    try:
        for _step in range(steps):
            y_pred = submission.call("predict", x, w, b)
            (by_prediction,) = submission.gradients("mse", y_pred, y, wrt=(0,))
            by_w, by_b = submission.gradients("predict", x, w, b, wrt=(1, 2), cotangent=by_prediction)
            w, b = w - lr * by_w, b - lr * by_b
        return float(w), float(b)
    except (AssertionError, ProbeFailure, ValueError, RuntimeError):
        return math.nan, math.nan


def ask(submission, x, y, w, b, lr, stop, steps):
    """The two numbers that fit returns; the tensors that it is given want gradients where it descends from them."""
    try:
        answer = submission.call("fit", x, y, w, b, lr, stop, steps)
    except Raised as failure:
        if "does not require grad" not in str(failure) and "leaf" not in str(failure):
            raise
        held = (submission.make("torch.nn.Parameter", p.clone()) for p in (w, b))
        answer = submission.call("fit", x, y, *held, lr, stop, steps)
    fine = isinstance(answer, list | tuple) and len(answer) in (2, 3)
    require(fine, _("fit should return three things: (w, b, losses)."))
    numbers = [torch.as_tensor(v) if isinstance(v, int | float | torch.Tensor) else None for v in answer[:2]]
    fine = all(v is not None and v.numel() == 1 for v in numbers)
    require(fine, _("fit should return w and b as one number each."))
    return tuple(float(v) for v in numbers)


def descent(x, y, w, b, lr, steps):
    """[(w, b)] from the start on, after each step, in float64."""
    x, y = x.double(), y.double()
    states = [(float(w), float(b))]
    for _step in range(steps):
        w, b = states[-1]
        away = w * x + b - y
        states.append((w - lr * float(2 * (away * x).mean()), b - lr * float(2 * away.mean())))
    return states


def loss_of(x, y, w, b):
    return float(((w * x.double() + b - y.double()) ** 2).mean())


def near(got, wanted):
    return all(math.isclose(a, b, rel_tol=RTOL, abs_tol=RTOL) for a, b in zip(got, wanted, strict=True))


@pytest.mark.criterion("arguments-unchanged")
def test_arguments_are_left_alone(submission, rng, hint):
    """fit leaves x, y, w and b as they were"""
    text = "Descend from copies, as the first two lines of the given fit make them: w.detach().clone().requires_grad_()."
    with advised(hint, text):
        given = draw(rng, 20, 1.0, 0.05, 3)
        arguments = (*given[:4], given[4], 0.0, given[5])
        after = submission.call_keeping_arguments("fit", *arguments)[1]
        for before, now in zip(given[:4], after, strict=False):
            same = isinstance(now, torch.Tensor) and now.shape == before.shape and bool((now == before).all())
            require(same, _("After the call some argument of fit is no longer what it was."))
