"""Public criteria of manual_backprop. They ship with the handout: a student can run them before handing in."""

import contextlib
from dataclasses import dataclass

import pytest
import torch

from torchgrade.testing import (
    BadAnswer,
    ComparisonFailure,
    Missing,
    ProbeFailure,
    Raised,
    _,
    assert_gradients,
    assert_tensor_close,
    autograd_in,
    describe,
    normal,
    require,
    require_tensor,
    uniform,
    widest_answer,
)

POINTS, HIDDEN = 500, 64  # of the task
NAMES = ("weights_1", "bias_1", "weights_2", "bias_2")
SHAPES = ((1, HIDDEN), (HIDDEN,), (HIDDEN, 1), (1,))

# Relative errors that a gradient may have. Right code stays below 1e-12 and 1e-5; half precision is at 5e-4.
ALLOWED = {torch.float64: 1e-6, torch.float32: 1e-4}

# What a network is judged by: its mean squared distance from the curve without noise. Of 60 honest trainings 58
# ended below 0.00025. All of them wait for long at 0.0022, and two never left it. Initial weights are at 0.3.
NOISE = 0.05**2
FOLLOWS, WAITS = 0.0010, 0.0030


@pytest.mark.criterion("trained")
def test_trained_globals_follow_the_curve(submission, award, hint):
    """The four globals, as the notebook left them, follow the curve: the mean loss is at most 0.0035"""
    parameters = [trained(submission, name, shape, hint) for name, shape in zip(NAMES, SHAPES, strict=True)]
    x = (torch.arange(100, dtype=torch.float64) / 100 - 0.5)[:, None]
    far = float(((network(x, *parameters) - torch.sigmoid(10 * x)) ** 2).mean())
    if far <= FOLLOWS:
        return
    if far <= WAITS and waits_for_ever(x, *parameters[:2]):
        award(1.0, UNLUCKY)
        return
    hint(ALIKE if all_alike(*parameters[:2]) else MORE_STEPS if far <= WAITS else HARDLY_TRAINED)
    found = _("the mean loss is {loss:.4g}, and 0.0035 is asked (0.0025 of it are noise)").format(loss=far + NOISE)
    require(far <= WAITS, _("The network does not follow the curve: {found}.").format(found=found))
    award(0.5, _("The network follows the middle of the curve, but not its ends: {found}.").format(found=found))


@pytest.mark.criterion("forward-values")
def test_forward(submission, rng, hint):
    """forward(x) gives relu(x @ weights_1 + bias_1) @ weights_2 + bias_2 with whatever the globals hold"""
    hint("Two layers, with a ReLU between them and none at the end. Read the four globals anew in every call.")
    with own_globals_kept(submission):
        for _ in range(2):
            case = draw(rng)
            answer = in_either_dtype(lambda dtype, case=case: ask_forward(submission, case.to(dtype)))
            expected = network(case.x, *case.parameters)
            # Sums of many terms: rounding in float32 is measured by the largest of them.
            atol = 1e-6 * max(1.0, float(expected.abs().max()))
            assert_tensor_close(answer, expected, atol=atol, name="forward(x)", input={"x": case.x})


@pytest.mark.criterion("loss-values")
def test_loss(submission, rng, hint):
    """loss(y, y_) gives the squared errors or their sum"""
    hint("(y - y_) squared for each row, or all of these added up: a sum, not a mean, and no square root.")
    for n in (9, 5):
        y, y_ = normal(rng, (n, 1)), normal(rng, (n, 1))
        answer = ask_loss(submission, y, y_)
        if isinstance(answer, int | float) and not isinstance(answer, bool):
            answer = torch.tensor(answer, dtype=torch.float64)
        errors = ((y - y_) ** 2)[:, 0]
        got = require_tensor(answer, name="loss(y, y_)")
        if got.shape == (n, 1):
            got = got[:, 0]
        elif got.numel() == 1:
            got, errors = got.reshape(()), errors.sum()
        assert_tensor_close(got, errors, name="loss(y, y_)", input={"y": y, "y_": y_})


@pytest.mark.criterion("gradient-weights-1")
def test_gradient_by_weights_1(submission, rng, hint):
    """The first gradient of backward(X, y, y_pred) is that of the summed loss by weights_1"""
    text = "Every row sends its gradient back through weights_2 and the ReLU; X then joins it to weights_1."
    judge_gradient(submission, rng, "weights_1", hint, text)


@pytest.mark.criterion("gradient-bias-1")
def test_gradient_by_bias_1(submission, rng, hint):
    """The second gradient of backward(X, y, y_pred) is that of the summed loss by bias_1"""
    text = "It is what arrives at z = X @ weights_1 + bias_1, summed over the rows: a number for each hidden unit."
    judge_gradient(submission, rng, "bias_1", hint, text)


@pytest.mark.criterion("gradient-weights-2")
def test_gradient_by_weights_2(submission, rng, hint):
    """The third gradient of backward(X, y, y_pred) is that of the summed loss by weights_2"""
    text = "Each weight is multiplied with a hidden unit behind its ReLU: that is what it scales its gradient by."
    judge_gradient(submission, rng, "weights_2", hint, text)


@pytest.mark.criterion("gradient-bias-2")
def test_gradient_by_bias_2(submission, rng, hint):
    """The fourth gradient of backward(X, y, y_pred) is that of the summed loss by bias_2"""
    text = "bias_2 is added to every prediction, so it collects the gradient of the loss by all of them."
    judge_gradient(submission, rng, "bias_2", hint, text)


@pytest.mark.criterion("optimize-step")
def test_one_step(submission, rng, hint):
    """optimize(params, grads, lr) gives each parameter minus lr times its gradient"""
    hint("params and grads come in the order W1, b1, W2, b2: use these arguments alone, and return all four.")
    with own_globals_kept(submission):
        for lr, scale in ((0.1, 1), (0.5, 1000)):
            params, grads = [normal(rng, s) for s in SHAPES], [normal(rng, s, scale) for s in SHAPES]
            stepped = [p - lr * g for p, g in zip(params, grads, strict=True)]
            found = ask_optimize(submission, params, grads, lr)
            for name, got, expected in zip(NAMES, found, stepped, strict=True):
                assert_tensor_close(got, expected, name=_("the new {name}").format(name=name))


# --- the task's own network --------------------------------------------------------------------------------


@dataclass
class Case:
    """Inputs (N, 1), right answers (N, 1) and the four parameters."""

    x: torch.Tensor
    y: torch.Tensor
    parameters: list[torch.Tensor]

    def to(self, dtype):
        return Case(self.x.to(dtype), self.y.to(dtype), [p.to(dtype) for p in self.parameters])


def network(x, w1, b1, w2, b2):
    """The answers of the network, (N, 1)."""
    return torch.relu(x @ w1 + b1) @ w2 + b2


def draw(rng, points=POINTS, hidden=HIDDEN):
    """A case in float64 that stays away from the kinks, and with residuals that do not cancel in their sum.

    The inputs are multiples of 1/64, and every unit turns on or off half-way between two of these. Some units
    answer with numbers far above 6, where one that is cut off shows.
    """
    double = torch.float64
    x = torch.randint(-64, 65, (points, 1), generator=rng).to(double) / 64
    turns = (torch.randint(-48, 48, (hidden,), generator=rng).to(double) + 0.5) / 64
    sign = torch.randint(0, 2, (1, hidden), generator=rng).to(double) * 2 - 1
    w1 = sign * uniform(rng, (1, hidden), 0.5, 8, double)
    parameters = [w1, -turns * w1[0], normal(rng, (hidden, 1), 0.5, double), normal(rng, (1,), 1.0, double)]
    y = network(x, *parameters) + normal(rng, (points, 1), 1.0, double) + 0.5
    return Case(x, y, parameters)


def right_gradients(case):
    """The four gradients of the summed loss by autograd, by name."""
    leaves = [p.clone().requires_grad_() for p in case.parameters]
    total = ((case.y - network(case.x, *leaves)) ** 2).sum()
    return dict(zip(NAMES, torch.autograd.grad(total, leaves), strict=True))


# --- questions ---------------------------------------------------------------------------------------------


@contextlib.contextmanager
def own_globals_kept(submission):
    """Whatever the four globals are set to inside, afterwards they are the student's again."""
    kept = {}
    for name in NAMES:
        with contextlib.suppress(ProbeFailure):
            kept[name] = submission.value(name)
    try:
        yield
    finally:
        for name, value in kept.items():
            with contextlib.suppress(ProbeFailure):
                submission.define(name, value)


def in_either_dtype(ask):
    """The answer in float64; in float32 where the code does not take float64."""
    try:
        return ask(torch.float64)
    except (Raised, BadAnswer):
        return ask(torch.float32)


def ask_forward(submission, case):
    for name, value in zip(NAMES, case.parameters, strict=True):
        submission.define(name, value)
    return submission.call("forward", case.x)


def ask_backward(submission, case):
    """What backward answers. forward is called before it, as in training, for code that keeps its hidden layer."""
    with contextlib.suppress(Raised, BadAnswer, Missing):
        ask_forward(submission, case)
    return submission.call("backward", case.x, case.y, network(case.x, *case.parameters))


def ask_loss(submission, y, y_):
    """What loss answers. Where a training gave the name to its last value, the function has another of its names."""
    try:
        return submission.call("loss", y, y_)
    except (Raised, BadAnswer) as failure:
        if "not callable" not in str(failure):
            raise
    for name in ("loss_function", "loss_fn", "loss_func"):
        with contextlib.suppress(Missing):
            return submission.call(name, y, y_)
    raise ComparisonFailure(_("`loss` is no function any more: a cell gave its name to something else."))


def ask_optimize(submission, params, grads, lr):
    """The four new parameters: what was returned or, where nothing was, the list that was handed over."""
    try:
        answer, after = submission.call_keeping_arguments("optimize", params, grads, lr)
    except BadAnswer as failure:
        return one_after_the_other(submission.build("optimize", params, grads, lr), failure)
    found = after[0] if answer is None else answer
    fits = isinstance(found, list | tuple) and len(found) == len(NAMES)
    text = _("optimize should return the four new parameters, but {found} came back.")
    require(fits, text.format(found=describe(answer)))
    return found


def one_after_the_other(kept, failure):
    """The four items of a generator or a map. ``failure`` where it is none, or holds another number."""
    found = []
    try:
        while len(found) <= len(NAMES):
            found.append(kept.call("__next__"))
    except Missing:
        raise failure from None
    except Raised:
        pass  # it has no more
    text = _("optimize should return the four new parameters, but {found} came back.").format(found=len(found))
    require(len(found) == len(NAMES), text)
    return found


# How far from an input a hidden unit turns on or off: float64 tells it apart, a step of differences crosses it.
NEXT_TO = 1e-9


def by_differences(submission, case, answer):
    """Whether a gradient by bias_1, right in this answer, is lost when the bends lie next to inputs.

    What was worked out is right on both sides of a bend. What is measured, as the difference of two losses with a
    parameter moved a little, goes across it. Code in float32 is not asked.
    """
    w1, b1, w2, b2 = case.parameters
    parameters = [w1, b1 + (0.5 / 64 - NEXT_TO) * w1[0], w2, b2]
    moved = network(case.x, *parameters) - network(case.x, *case.parameters)
    near = Case(case.x, case.y + moved, parameters)
    try:
        assert_gradients(by_name(answer), right_gradients(case), rtol=ALLOWED[torch.float64], judged=["bias_1"])
        again = by_name(ask_backward(submission, near))
    except (ComparisonFailure, Raised, BadAnswer):
        return False
    try:
        assert_gradients(again, right_gradients(near), rtol=1e-4, judged=["bias_1"])
    except ComparisonFailure:
        return True
    return False


BY_HAND = "Your gradients are right, but they are measured: the loss again, with each parameter moved a little. Work them out on paper and write them down: that is the exercise."
BY_AUTOGRAD = "Your gradients are right, but autograd made them. Work them out on paper and write them down: that is the exercise."


def judge_gradient(submission, rng, name, hint, advice):
    """Fail unless the gradient by this parameter is right; the others are shown beside it."""
    case = draw(rng)
    try:
        with own_globals_kept(submission):
            answer, dtype = widest_answer(lambda dtype: ask_backward(submission, case.to(dtype)))
            assert_gradients(by_name(answer), right_gradients(case), rtol=ALLOWED[dtype], judged=[name])
            asked = autograd_in(submission, "backward")
            again = None if asked else asked_without_graph(submission, case.to(dtype))
            measured = again is not None and dtype == torch.float64 and by_differences(submission, case, again)
        if again is not None:
            assert_gradients(by_name(again), right_gradients(case), rtol=ALLOWED[dtype], judged=[name])
            if not measured:
                return
    except (ComparisonFailure, ProbeFailure):
        hint(advice)
        raise
    if measured:
        hint(BY_HAND)
        raise ComparisonFailure(
            _("The gradients are to be worked out by hand, but backward takes differences of losses.")
        )
    hint(BY_AUTOGRAD)
    text = _("The gradients are to be worked out by hand, but backward asks autograd.")
    where = _("The gradients are to be worked out by hand, but backward asks autograd: `{asked}`.")
    raise ComparisonFailure(where.format(asked=asked) if asked else text)


def asked_without_graph(submission, case):
    """What backward answers where torch keeps no graph; None if it cannot. Who works by hand does not need one."""
    before = submission.make("torch.is_grad_enabled").call("__int__")
    submission.make("torch.set_grad_enabled", False)
    try:
        return ask_backward(submission, case)
    except Raised:
        return None
    finally:
        submission.make("torch.set_grad_enabled", bool(before))


def by_name(answer):
    """The gradients by parameter. With fewer than four, the first ones are taken for what they are in order."""
    in_order = isinstance(answer, list | tuple) and 0 < len(answer) <= len(NAMES)
    text = _("backward should return (dW1, db1, dW2, db2), four tensors, but {found} came back.")
    safe = _("backward should return four tensors: (dW1, db1, dW2, db2).")
    require(in_order, text.format(found=describe(answer)), safe=safe)
    return dict(zip(NAMES, answer, strict=False))


# --- the training ------------------------------------------------------------------------------------------


def trained(submission, name, shape, hint):
    """A trained global as float64; a failure, with a hint, that says what else it holds."""
    try:
        value = submission.value(name)
    except ProbeFailure:
        hint(NO_GLOBALS)
        raise
    try:
        return require_tensor(value, shape, name=f"`{name}`").double()
    except ComparisonFailure:
        is_odd = isinstance(value, torch.Tensor) and value.shape == shape and value.is_floating_point()
        hint(OVERSHOT if is_odd else NO_GLOBALS)
        raise


def waits_for_ever(x, w1, b1):
    """Whether no unit is left that could bend one end of the curve: all that live are on for two thirds of it.

    Units that turn on within the last third are the ones that end the waiting. A start may lose them all.
    """
    on = (x @ w1 + b1 > 0).sum(dim=0)  # (H,), of 100 places
    alive = on[on > 0]
    return len(alive) > 0 and int(alive.min()) > 55 and int(alive.max()) < 80


def all_alike(w1, b1):
    """Whether all hidden units have the same weight and bias: with the same gradients they stay alike."""
    return all(float(p.max() - p.min()) <= 1e-6 for p in (w1, b1))


NO_GLOBALS = (
    "When the notebook has run, weights_1, bias_1, weights_2 and bias_2 hold the trained numbers, in the shapes (1, 64), "
    "(64,), (64, 1) and (1,)."
)
OVERSHOT = (
    "NaN or infinity in the weights: the steps were so large that each one overshot more than the last. The task's lr is "
    "1e-4."
)
HARDLY_TRAINED = (
    "So high a loss is that of weights hardly trained, or by wrong gradients: see their criteria first. Do the new "
    "parameters reach the four globals after each step, with lr 1e-4 and 50 000 steps?"
)
ALIKE = (
    "All hidden units have the same weight and the same bias. They began alike, so each step moves them alike, and together "
    "they are no more than one unit: draw the weights at random, (rand - 0.5) / 10."
)
MORE_STEPS = "At a loss of about 0.0045 every training stands still for long before it goes on: give it more steps, 50 000 in all. If one of your gradients is wrong, begin there."
UNLUCKY = (
    "The training did what it could: this start has lost all the units that could bend the ends of the curve, so the "
    "loss stays near 0.0045. That is bad luck and costs nothing. Another seed shows how it goes on, to 0.0025."
)
