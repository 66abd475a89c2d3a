"""Public criteria of module_list. They ship with the handout: a student can run them before handing in."""

import contextlib
import math
import re

import pytest
import torch
import torch.nn.functional as F

from torchgrade.testing import (
    BadAnswer,
    Mismatch,
    Raised,
    _,
    accuracy,
    advised,
    answer,
    assert_tensor_close,
    confusion,
    count,
    curves,
    decision_surface,
    draw_weights,
    layer_table,
    must,
    normal,
    numbers_in,
    parameters_of,
    predictions,
    set_mode,
    settle,
    shortened,
    wants_double,
    weights_of,
)

# Fifty epochs of Adam at 0.1 give 0.983 or more on fresh points, two hundred 0.989; a network without an activation
# 0.54 at most, gradients that pile up 0.71.
ENOUGH = 0.95
CALL = "train(model, X, y, epochs)"


HIDDEN = "PyTorch looks for modules among the attributes of a module, not inside a list or a dict: nn.ModuleList is a list that it looks into."
NO_RETURN = "forward computes its answer and forgets it: what comes back is None. What should its last line say?"
LAYER = "A layer stands where its output is wanted: layer is the layer, layer(x) is what it makes of x. A ModuleList is no function; go through it with a for."
CHAIN = "Each layer takes as many numbers as the one before it gives: sizes[0] to sizes[1], sizes[1] to sizes[2], and so on."


NO_GRAPH = "loss must come from the output of the model by operations of PyTorch alone: item(), argmax and numbers of one's own have no gradient."
NESTED = "An nn.ModuleList is made of modules, in one list: not of a list of lists, nor of numbers."
NO_MODULE = "model = Net([2, 100, 3]), and then train(model, X, y, epochs): what is handed in is the network itself, trained."


def layer_advice(failure):
    """The hint for the mistakes that are made in a module again and again; empty for another one."""
    text, kind = str(failure), getattr(failure, "kind", ())
    if kind == ("network", "no module"):
        return NO_MODULE
    if "is not a Module subclass" in text:
        return NESTED
    if "does not require grad" in text:
        return NO_GRAPH
    if kind == ("network", "empty") or "optimizer got an empty parameter list" in text:
        return HIDDEN
    if kind == ("type", "NoneType"):
        return NO_RETURN
    layer = re.search(r"not (Linear|ReLU|ModuleList|Affine)\b|'(Linear|ReLU|Affine)'|ModuleList", text)
    if isinstance(failure, BadAnswer) or (isinstance(failure, Raised) and layer):
        return LAYER
    return CHAIN if isinstance(failure, Raised) and "cannot be multiplied" in text else ""


@contextlib.contextmanager
def else_advised(advice, words=""):
    """Give this hint for an error of the student's that no other hint is known for, or that holds these words."""
    try:
        yield
    except Raised as failure:
        if (words and words in str(failure)) or not layer_advice(failure):
            failure.advice = advice
        raise


# --- what PyTorch finds ----------------------------------------------------------------------------------------


@pytest.mark.criterion("count-parameters")
def test_count(submission, hint):
    """count_parameters(module) counts the numbers of all parameters, and plain_count says what a plain list hides"""
    make = submission.make
    asked = (
        ("nn.Linear(3, 4)", make("torch.nn.Linear", 3, 4), 16),
        ("nn.ReLU()", make("torch.nn.ReLU"), 0),
        ("nn.Bilinear(2, 3, 4)", make("torch.nn.Bilinear", 2, 3, 4), 28),
        (
            "nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 2))",
            make(
                "torch.nn.Sequential",
                make("torch.nn.Linear", 5, 7),
                make("torch.nn.ReLU"),
                make("torch.nn.Linear", 7, 2),
            ),
            58,
        ),
        ("nn.BatchNorm1d(4)", make("torch.nn.BatchNorm1d", 4), 8),
    )
    with advised(hint, known=layer_advice):
        for name, module, wanted in asked:
            found = whole(submission.call("count_parameters", module))
            text = _("For {module} count_parameters gives {found}, but there are {wanted} parameters.")
            advice = GIVES if found is None else BUFFERS if (wanted, found) == (8, 17) else NUMEL
            must(found == wanted, text.format(module=name, found=found, wanted=wanted), advice)
        found = whole(plain_count(submission))
        text = _("plain_count is {found}. What does count_parameters find in PlainNet([2, 100, 3])?")
        must(found == 0, text.format(found=found), PLAIN)


def plain_count(submission):
    """What is stored under this name."""
    try:
        return submission.value("plain_count")
    except BadAnswer as failure:
        failure.advice = PLAIN
        raise


GIVES = "count_parameters returns the number: what is printed alone is lost to the code that called it."
BUFFERS = "state_dict() and buffers() hold more than parameters: a batch norm keeps means there, which no optimiser trains."


NUMEL = "parameters() gives tensors, a weight or a bias each. What is asked for is how many numbers are in them all: see numel()."
PLAIN = "plain_count = count_parameters(PlainNet([2, 100, 3])), with the PlainNet of the notebook as it is, plain list and all."


def whole(value):
    """The value as an int, if it is a whole number; else as it is."""
    if isinstance(value, torch.Tensor) and value.numel() == 1:
        value = value.item()
    fine = isinstance(value, int | float) and not isinstance(value, bool) and value == value // 1
    return int(value) if fine else value


@pytest.mark.criterion("net-size")
def test_net(submission, rng, hint, exhibit):
    """Net([2, 100, 3]) takes (N, 2), gives (N, 3), and PyTorch finds all its 603 parameters"""
    with advised(hint, "Net(sizes)", known=layer_advice), else_advised(NET_CALL):
        network = submission.build("Net", [2, 100, 3])
        settle(network, torch.zeros(2, 2))
        exhibit(lambda: layer_table(parameters_of(network)))
        y = answer(network, normal(rng, (5, 2)))
        text = _("For points of shape (5, 2) the output has shape {shape}, not (5, 3).")
        must(y.shape == (5, 3), text.format(shape=tuple(y.shape)), SIZES)
        found = count(weights_of(network))
        text = _("PyTorch finds {found} parameters in Net([2, 100, 3]), but 603 are expected.")
        must(found == 603, text.format(found=found), COUNTS.get(found, SIZES))


NET_CALL = "It is called as Net([2, 100, 3]): sizes is one argument, a list, and its length says how many layers there are."
SIZES = "For each pair of neighbours in sizes there is one linear layer, with a bias: 2 to 100 and 100 to 3. All of them stand in an nn.ModuleList."
COUNTS = {
    300: "Of 603 parameters 303 are missing: is only the first layer found? All of them belong into an nn.ModuleList.",
    303: "Of 603 parameters 300 are missing: is only the last layer found? All of them belong into an nn.ModuleList.",
    1206: "Every layer is there twice: each is made once, and the same one is called in forward.",
    500: "All biases are missing: leave bias=False out.",
}


@pytest.mark.criterion("affine-values")
def test_affine(submission, rng, hint):
    """Affine(5, 4)(x) is x @ W + b, where W and b are parameters that PyTorch finds, and W is drawn"""
    with (
        advised(hint, "Affine(n_in, n_out)", known=layer_advice),
        else_advised(AFFINE_SHAPES, "cannot be multiplied"),
    ):
        layer = submission.build("Affine", 5, 4)
        x = normal(rng, (6, 5))
        settle(layer, x)
        try:
            parameters = parameters_of(layer)
        except Mismatch as mismatch:
            mismatch.advice = PARAMETER
            raise
        found = count(parameters)
        text = _("PyTorch finds {found} parameters in Affine(5, 4), but 24 are expected.")
        must(found == 24, text.format(found=found), ONE_BIAS if found == 21 else PARAMETER)
        weight, _bias = weight_and_bias(parameters)
        drawn = len(weight.unique()) > 10
        must(drawn, _("The weights of Affine(5, 4) are all alike: draw them at random."), DRAWN)
        draw_weights(layer, rng)  # a bias that is 0 may be forgotten unseen
        weight, bias = weight_and_bias(parameters_of(layer))
        is_affine(answer(layer, x), x.double() @ weight.double(), bias.double())


PARAMETER = (
    "A tensor that is an attribute is no parameter yet: nn.Parameter(tensor) is. What is computed with a parameter, as in "
    "nn.Parameter(…) * 0.1, is a plain tensor again."
)
DRAWN = "With equal weights all units of a layer learn the same. See torch.randn, or nn.init."
ONE_BIAS = "b has a number for each output: Affine(5, 4) has four of them."
AFFINE_SHAPES = "x of (N, n_in) times W of (n_in, n_out) gives (N, n_out). The matrix product is @, and n_in comes first in Affine(n_in, n_out)."
NO_B = "b is a parameter, but it is not added."
AFFINE = "Each output is a weighted sum of the inputs, and its bias: x @ W + b, and nothing behind it."


def weight_and_bias(parameters):
    """W (5, 4), whichever way round it is kept, and b (4,)."""
    shapes = {tuple(v.shape): v for v in parameters.values()}
    text = _(
        "The parameters of Affine(5, 4) have the shapes {shapes}: a W of (5, 4) or (4, 5) and a b of (4,) are expected."
    )
    known = [s for s in ((5, 4), (4, 5)) if s in shapes], [s for s in ((4,), (1, 4)) if s in shapes]
    must(all(known), text.format(shapes=", ".join(map(str, shapes))), PARAMETER)
    weight, bias = (shapes[found[0]] for found in known)
    return (weight if weight.shape == (5, 4) else weight.T), bias.reshape(4)


def is_affine(y, product, bias):
    """Fail unless y is product + bias."""
    try:
        assert_tensor_close(y, product + bias, name="Affine(5, 4)(x)")
    except AssertionError as failure:
        alone = y.shape == product.shape and torch.allclose(y.double(), product, rtol=1e-3, atol=1e-4)
        failure.advice = NO_B if alone else AFFINE
        raise


# --- the loop --------------------------------------------------------------------------------------------------


@pytest.mark.criterion("train-history")
def test_history(submission, rng, hint, exhibit):
    """train returns a list with one plain number for each epoch, without a graph behind it"""
    with advised(hint, CALL, known=layer_advice):
        x, y = clusters(rng, 60)
        model = little(submission)
        before = model.state()
        history = submission.build("train", model, x, y, 12)
        text = history.call("__repr__")
        must(text != "None", _("train returns nothing: is a `return` missing?"), A_LIST)
        plain = "grad_fn" not in text and "requires_grad" not in text
        must(plain, _("The history still holds the graph of the losses: turn each into a plain number."), GRAPH)
        values = numbers_in(history)
        found = _("train should return a list of numbers, but it is {found}.").format(found=shortened(text))
        must(values is not None, found, A_LIST)
        many = _("Trained for 12 epochs, the history has the length {count}: one number for each epoch is wanted.")
        if len(values) != 12:
            again = numbers_in(submission.build("train", little(submission), x, y, 12)) or []
            must(False, many.format(count=len(values)), FRESH_LIST if len(again) > len(values) else ONE_EACH)
        must(all(math.isfinite(v) for v in values), _("The history holds NaN or infinity."), ONE_EACH)
        set_mode(model, "cpu")
        learned = loss_of(model.state(), x, y) < 0.9 * loss_of(before, x, y)
        text = _(
            "The loss falls, but the numbers that train returns do not: {first:.3g} at first, {last:.3g} at last."
        )
        falls = sum(values[-6:]) < sum(values[:6])
        must(falls or not learned, text.format(first=values[0], last=values[-1]), FALLING)
        exhibit(
            lambda: curves(
                _("Loss by epoch, of a small network on points that are easy to tell apart"), {"train": values}
            )
        )


GRAPH = "A loss that is a tensor keeps the graph of its whole forward pass alive. loss.item() is the number alone."
A_LIST = "Return the list of losses alone, such as [1.1, 0.8, 0.4]; what else is of interest can be printed."
FRESH_LIST = "The list grows from call to call: it begins empty inside train, before the loop."
FALLING = "Is it the loss that is appended, not an accuracy? One number for each epoch, that epoch's own."
ONE_EACH = "return stands behind the loop over the epochs, and one number is appended in each epoch."


@pytest.mark.criterion("train-learns")
def test_learns(submission, rng, hint):
    """train lowers the loss of the model that it is given"""
    with advised(hint, CALL, known=layer_advice):
        x, y = clusters(rng, 60)
        model = little(submission)
        before = model.state()
        submission.build("train", model, x, y, 60)
        set_mode(model, "cpu")
        after = model.state()
        moved = any(not torch.equal(before[k], after[k]) for k in before)
        must(moved, _("After train the model has the same weights as before: it was not trained."), LEARNS)
        old, new = loss_of(before, x, y), loss_of(after, x, y)
        text = _(
            "On points that are easy to tell apart, 60 epochs take the loss from {old:.3g} only to {new:.3g}."
        )
        must(new < 0.5 * old, text.format(old=old, new=new), LEARNS)


LEARNS = (
    "In each epoch: zero_grad, forward, loss, backward, step. The optimiser gets the parameters of the model that came as "
    "an argument, and the loss is that of the X and y that came with it."
)

# --- the spiral ------------------------------------------------------------------------------------------------


@pytest.mark.criterion("spiral-accuracy")
def test_spiral(submission, rng, hint, award, exhibit):
    """model tells the three arms of the spiral apart"""
    with advised(hint, known=layer_advice):
        points, labels = spiral(rng, 200)
        network = submission.object("model")
        settle(network, points[:4])
        parameters_of(network)  # says it where PyTorch finds none
        exhibit(lambda: decision_surface(lambda x: answer(network, x), points, labels, ("0", "1", "2")))
        found = predictions(network.forward, points)
        share, evidence = accuracy(found, labels), confusion(found, labels, ("0", "1", "2"))
        if share < ENOUGH:
            text = _("model tells {share} of {count} points of the spiral apart; at least {wanted} is wanted.")
            text = text.format(share=f"{share:.1%}", count=len(labels), wanted=f"{ENOUGH:.0%}")
            failure = Mismatch(text, kind=("accuracy", "low"), safe=text, evidence=evidence)
            failure.advice = LEARN
            raise failure
        text = _("model tells {share} of {count} points of the spiral apart")
        award(1.0, text.format(share=f"{share:.1%}", count=len(labels)))


LEARN = "Look at the loss: it should fall below 0.1. model = Net([2, 100, 3]) is trained by train on the points X, y of spiral(100)."


def spiral(rng, n):
    """n points (3 * n, 2) of each of three arms, and their classes, as in the notebook."""
    radius, arms = torch.linspace(0, 1, n), []
    for k in range(3):
        angle = torch.linspace(4 * k, 4 * k + 4, n) + 0.2 * torch.randn(n, generator=rng)
        arms.append(torch.stack([radius * angle.sin(), radius * angle.cos()], dim=1))
    return torch.cat(arms), torch.arange(3).repeat_interleave(n)


# --- what the tests above ask with -----------------------------------------------------------------------------


def little(submission):
    """A small network of three classes; made here, so that a mistake in Net costs nothing twice."""
    make = submission.make
    parts = make("torch.nn.Linear", 2, 8), make("torch.nn.Tanh"), make("torch.nn.Linear", 8, 3)
    model = make("torch.nn.Sequential", *parts)
    # A notebook may have set another dtype.
    set_mode(model, "double" if wants_double(submission, "Net", [2, 4, 3]) else "float")
    return model


def loss_of(state, x, y):
    """The cross-entropy of the little network with this state."""
    state = {name: value.float() for name, value in state.items()}
    hidden = torch.tanh(x @ state["0.weight"].T + state["0.bias"])
    return float(F.cross_entropy(hidden @ state["2.weight"].T + state["2.bias"], y))


def clusters(rng, n):
    """n points (n, 2) round three places, and their classes."""
    places = torch.tensor([[-2.0, 0.0], [2.0, 0.0], [0.0, 2.5]])
    y = torch.randperm(n, generator=rng) % 3
    return places[y] + 0.4 * torch.randn(n, 2, generator=rng), y
