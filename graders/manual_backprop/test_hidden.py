"""Hidden criteria of manual_backprop: fresh inputs, drawn from the course's secret. Never shipped."""

import contextlib

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
    normal,
    uniform,
    widest_answer,
)

NAMES = ("weights_1", "bias_1", "weights_2", "bias_2")
ALLOWED = {torch.float64: 1e-6, torch.float32: 1e-4}  # relative errors, as in the public criteria
USUAL = (500, 64)  # points, hidden units; what fails for these has a mistake of another kind
SIZES = ((7, 5), (40, 3), (3, 100), (1, 4))
USUAL_FIRST = "What is wrong here is wrong for 500 points and 64 hidden units as well: begin there."
WRITTEN_IN = (
    "Is 500 or 64 written in a function, or does it read X or y of the notebook? len(X) and the shapes of the globals "
    "tell the sizes."
)


@pytest.mark.criterion("any-size")
def test_any_number_of_points_and_hidden_units(submission, reference, rng, award, hint):
    """forward and backward work for any number of points and hidden units"""
    failures = {}
    with own_globals_kept(submission):
        case = draw(rng, *USUAL)
        usual = failed_parts(submission, reference, *case, rng)
        if usual.keys() <= {"forward"}:
            usual |= measured(submission, reference, *case, rng)
        failures |= usual
        for sizes in SIZES:
            failures |= failed_parts(submission, reference, *draw(rng, *sizes), rng)
    parts = ("forward", *NAMES)
    hint(USUAL_FIRST if failures.keys() <= usual.keys() else WRITTEN_IN)
    if len(failures) == len(parts):
        raise failures["forward"]
    if failures:
        gradient = _("the gradient by {part}")
        missed = [p if p == "forward" else gradient.format(part=p) for p in parts if p in failures]
        text = _("At other sizes not everything is right: {missed}.").format(missed=", ".join(missed))
        award(1 - len(failures) / len(parts), text)


def failed_parts(submission, reference, parameters, x, rng):
    """What is wrong at this size, with its failure: ``forward``, or a parameter whose gradient is wrong."""
    for name, value in parameters.items():
        reference.define(name, value)
    predicted = reference.call("forward", x)
    residual = uniform(rng, x.shape, 0.25, 1.25, torch.float64)  # of one sign: sums of few must not cancel
    expected = reference.gradients("forward", x, wrt=NAMES, cotangent=2 * residual)
    failed = {}
    try:
        answer = widest_answer(lambda dtype: ask_forward(submission, parameters, x, dtype))[0]
        # Sums of many terms: rounding in float32 is measured by the largest of them.
        atol = 1e-6 * max(1.0, float(predicted.abs().max()))
        assert_tensor_close(answer, predicted, atol=atol, name="forward(x)")
    except (Raised, BadAnswer, Missing, ComparisonFailure) as failure:
        failed["forward"] = failure
    return failed | failed_gradients(
        submission, parameters, (x, predicted - residual, predicted), dict(zip(NAMES, expected, strict=True))
    )


def failed_gradients(submission, parameters, arguments, expected):
    """The parameters whose gradient is wrong, with their failures."""

    def ask(dtype):
        with contextlib.suppress(Raised, BadAnswer, Missing):
            ask_forward(submission, parameters, arguments[0], dtype)
        return submission.call("backward", *(a.to(dtype) for a in arguments))

    try:
        answer, dtype = widest_answer(ask)
        found = by_name(answer)
        asked = autograd_in(submission, "backward")
        if asked or not answers_without_graph(submission, lambda: ask(dtype)):
            raise ComparisonFailure(_("The gradients are to be worked out by hand, but backward asks autograd."))
    except (Raised, BadAnswer, Missing, ComparisonFailure) as failure:
        return dict.fromkeys(NAMES, failure)
    failed = {}
    for name in NAMES:
        try:
            assert_gradients(found, expected, rtol=ALLOWED[dtype], judged=[name])
        except ComparisonFailure as failure:
            failed[name] = failure
    return failed


# How far from an input a hidden unit turns on or off: float64 tells it apart, a step of differences crosses it.
NEXT_TO = 1e-9


def measured(submission, reference, parameters, x, rng):
    """Failures for gradients that are measured, as differences of two losses with a parameter moved a little.

    The bends lie next to inputs. What was worked out is right on both sides of one; a difference goes across it. Code
    in float32 is not asked.
    """
    w1 = parameters["weights_1"]
    parameters = parameters | {"bias_1": parameters["bias_1"] + (0.5 / 64 - NEXT_TO) * w1[0]}
    for name, value in parameters.items():
        reference.define(name, value)
    predicted = reference.call("forward", x)
    residual = uniform(rng, x.shape, 0.25, 1.25, torch.float64)
    (expected,) = reference.gradients("forward", x, wrt=("bias_1",), cotangent=2 * residual)
    try:
        with contextlib.suppress(Raised, BadAnswer, Missing):
            ask_forward(submission, parameters, x, torch.float64)
        found = by_name(submission.call("backward", x, predicted - residual, predicted)).get("bias_1")
    except (Raised, BadAnswer, Missing, ComparisonFailure):
        return {}
    if not isinstance(found, torch.Tensor) or found.dtype != torch.float64:
        return {}
    try:
        assert_gradients({"bias_1": found}, {"bias_1": expected}, rtol=1e-4)
    except ComparisonFailure:
        text = _("The gradients are to be worked out by hand, but backward takes differences of losses.")
        return dict.fromkeys(NAMES, ComparisonFailure(text))
    return {}


def answers_without_graph(submission, ask):
    """Whether backward answers where torch keeps no graph as well: who works by hand does not need one."""
    before = submission.make("torch.is_grad_enabled").call("__int__")
    submission.make("torch.set_grad_enabled", False)
    try:
        ask()
    except Raised:
        return False
    finally:
        submission.make("torch.set_grad_enabled", bool(before))
    return True


def by_name(answer):
    """The gradients by parameter. With fewer than four, the first ones are taken for what they are in order."""
    if not isinstance(answer, list | tuple) or not 0 < len(answer) <= len(NAMES):
        raise ComparisonFailure(_("backward should return four tensors: (dW1, db1, dW2, db2)."))
    return dict(zip(NAMES, answer, strict=False))


def ask_forward(submission, parameters, x, dtype):
    for name, value in parameters.items():
        submission.define(name, value.to(dtype))
    return submission.call("forward", x.to(dtype))


def draw(rng, points, hidden):
    """Parameters by name and inputs, in float64, that stay away from the kinks.

    The inputs are multiples of 1/64, and every unit turns on or off half-way between two of these. Some units
    answer with numbers far above 6, where one that is cut off shows.
    """
    double = torch.float64
    x = torch.randint(-64, 65, (points, 1), generator=rng).to(double) / 64
    turns = (torch.randint(-48, 48, (hidden,), generator=rng).to(double) + 0.5) / 64
    sign = torch.randint(0, 2, (1, hidden), generator=rng).to(double) * 2 - 1
    w1 = sign * uniform(rng, (1, hidden), 0.5, 8, double)
    w2, b2 = normal(rng, (hidden, 1), 0.5, double), normal(rng, (1,), 1.0, double)
    return dict(zip(NAMES, (w1, -turns * w1[0], w2, b2), strict=True)), x


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
