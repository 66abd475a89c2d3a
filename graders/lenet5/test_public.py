"""Public criteria of lenet5. They ship with the handout: a student can run them before handing in."""

import contextlib
import math

import pytest
import torch
import torch.nn.functional as F

from torchgrade.testing import (
    LOSSES,
    SHARES,
    Band,
    Mismatch,
    ProbeFailure,
    _,
    accuracy,
    advised,
    answer,
    assert_accuracy,
    confusion_matrix,
    count,
    curves,
    draw_weights,
    ends_raw,
    first_filters,
    layer_table,
    misclassified,
    must,
    normal,
    numbers_in,
    on_enough,
    parameters_of,
    predictions,
    prepared,
    set_mode,
    settle,
    shortened,
    spaced,
    told_by,
    weights_of,
)

PARAMETERS = 61_706
# One epoch gives 0.959 or more on MNIST, 0.911 or more on the drawn digits (20 000 of them); without an activation
# 0.904 and 0.82 at most.
ENOUGH = {False: 0.93, True: 0.88}
CALL = "train(model, X_train, y_train, epochs, device)"
# Not of one grey: who takes an image's own mean and deviation would divide by 0.
SOME_IMAGES = torch.arange(2 * 784).remainder(256).float().view(2, 1, 28, 28)


# --- the network -----------------------------------------------------------------------------------------------


@pytest.mark.criterion("network-size")
def test_size(submission, rng, hint, exhibit):
    """LeNet5() takes (N, 1, 28, 28), gives (N, 10), and has 61 706 parameters"""
    with advised(hint, "LeNet5()"):
        network = built(submission)
        exhibit(lambda: layers_of(network))
        y = answer(network, normal(rng, (4, 1, 28, 28)))
        must(
            y.shape == (4, 10),
            _("For images of shape (4, 1, 28, 28) the output has shape {shape}, not (4, 10).").format(
                shape=tuple(y.shape)
            ),
            LAYERS,
        )
        there = count(parameters_of(network))
        must(
            PARAMETERS in (there, count(weights_of(network))),
            _("The network has {there} parameters, but {wanted} are expected.").format(
                there=spaced(there), wanted=spaced(PARAMETERS)
            ),
            SIZES.get(there, LAYERS),
        )


def layers_of(network):
    """The table of layers; of the first convolution it is also seen what it makes of an image."""
    state = parameters_of(network)
    first = next((name.rpartition(".")[0] for name, value in state.items() if value.ndim == 4), "")
    outputs = {}
    with contextlib.suppress(AssertionError, ProbeFailure):
        made = network.call(f"{first}.forward", torch.zeros(1, 1, 28, 28)) if first else None
        outputs = {first: tuple(made.shape[1:])} if isinstance(made, torch.Tensor) else {}
    return layer_table(state, outputs)


LAYERS = (
    "Convolution 1 to 6 (5 x 5, padding 2), pooling, convolution 6 to 16 (5 x 5, no padding), pooling, then linear "
    "layers 400-120-84-10, all with biases, and no layer beside them."
)
# What a wrong number of parameters comes from.
SIZES = {
    44_426: "Without padding in the first convolution 4 x 4 x 16 = 256 numbers reach the first linear layer. Which padding keeps 28 x 28 through a 5 x 5 kernel?",
    107_786: "The second convolution has padding too, so 7 x 7 x 16 numbers reach the first linear layer. It should have none.",
}


@pytest.mark.criterion("logits")
def test_logits(submission, rng, hint):
    """LeNet5() gives raw logits, each image by itself, in training and in evaluation mode"""
    with advised(hint, "LeNet5()"):
        network = built(submission)
        draw_weights(network, rng)
        x = normal(rng, (6, 1, 28, 28))
        y = answer(network, x)
        text = _("The output has shape {shape}, not (6, 10).").format(shape=tuple(y.shape))
        must(y.ndim == 2 and y.shape[1] == 10, text, RAW)
        must(same(answer(network, x), y), _("The same images get other logits at each call."), CHANCE)
        must(same(each_alone(network, x), y), _("An image gets other logits in a batch than alone."), ACROSS)
        known = distribution(y.exp()) or distribution(y)
        must(not known, _("The rows are probabilities (or their logarithms) already, not logits."), RAW)
        raw = ends_raw(network, x, rng)
        must(raw, _("Something acts behind the last linear layer: these are not raw logits."), RAW)
        set_mode(network, "train")
        steady = same(answer(network, x), y)
        must(steady, _("In training mode the same image gets other logits than in evaluation mode."), MODES)


RAW = "The last linear layer's numbers are the output, with nothing behind them: CrossEntropyLoss takes the softmax itself."
CHANCE = "F.dropout acts in evaluation mode too unless it is told training=self.training; LeNet-5 has no dropout."
ACROSS = "Flatten with x.flatten(1) or x.view(x.shape[0], -1), so that every image keeps its own row; and a softmax over dimension 0 would add up images."
MODES = "A dropout or a batch norm acts in training. LeNet-5 has none."
SQUEEZED = (
    "squeeze() without a dimension takes the batch away too when it holds a single image: flatten(1) does not."
)


def same(a, b):
    return a.shape == b.shape and torch.allclose(a, b, rtol=1e-3, atol=1e-4)


def each_alone(network, x):
    """The logits of each image in a batch of its own."""
    try:
        return torch.cat([answer(network, x[i : i + 1]) for i in range(len(x))])
    except Mismatch as mismatch:
        if mismatch.kind == ("shape", "rows"):
            mismatch.advice = SQUEEZED
        raise


# --- the loop --------------------------------------------------------------------------------------------------


@pytest.mark.criterion("train-history")
def test_history(submission, rng, hint, exhibit):
    """train returns a list with one plain number for each epoch, without a graph behind it, and they fall"""
    with advised(hint, CALL):
        on_enough(lambda n: check_history(submission, *patterns(rng, n), exhibit), FEW, MANY)


GRAPH = (
    "A loss that is a tensor keeps the graph of its whole forward pass alive, and memory fills up epoch by epoch. "
    "loss.item() is the number alone. Average over the batches of an epoch, or take the last."
)
ONE_EACH = "return stands behind the loop over the epochs, and one number is appended in each epoch: the average over its batches, or the last."
A_LIST = "Return the list of losses alone, such as [1.9, 0.8, 0.4]; what else is of interest can be printed."
FALLING = "Is it the loss that is appended, not an accuracy? And is the sum of an epoch set back to 0 before the next one begins?"


def check_history(submission, x, y, exhibit):
    history = trained(submission, little(submission), x, y, 3)
    text = history.call("__repr__")
    must(text != "None", _("train returns nothing: is a `return` missing?"), A_LIST)
    plain = "grad_fn" not in text and "requires_grad" not in text
    must(plain, _("The history still holds the graph of the losses: turn each into a plain number."), GRAPH)
    values = numbers_in(history)
    must(
        values is not None,
        _("train should return a list of numbers, but it is {found}.").format(found=shortened(text)),
        A_LIST,
    )
    must(
        len(values) == 3,
        _("Trained for 3 epochs, the history has the length {count}: one number for each epoch is wanted.").format(
            count=len(values)
        ),
        ONE_EACH,
    )
    must(all(math.isfinite(v) for v in values), _("The history holds NaN or infinity."), idle=True)
    model = little(submission)
    before = model.state()
    longer = numbers_in(trained(submission, model, x, y, 12)) or values
    exhibit(
        lambda: curves(_("Loss by epoch, of a small network on a set that is easy to learn"), {"train": longer})
    )
    old, new, half = loss_of(before, x, y), loss_of(model, x, y), len(longer) // 2
    must(new != old or len(x) > FEW, _("Nothing was trained."), idle=True)
    must(
        new > 0.9 * old or sum(longer[-half:]) < sum(longer[:half]),
        _(
            "On a set that is easy to learn the numbers do not fall: {first:.3g} at first, {last:.3g} at last."
        ).format(first=longer[0], last=longer[-1]),
        FALLING,
    )


@pytest.mark.criterion("train-learns")
def test_learns(submission, rng, hint):
    """train lowers the loss of the model that it is given"""
    with advised(hint, CALL):
        on_enough(lambda n: check_learning(submission, *patterns(rng, n)), FEW, MANY)


LEARNS = (
    "In each batch: zero_grad, forward, loss, backward, step. The optimiser gets the parameters of the model that came "
    "as an argument, and a batch is made of the same places of the X_train and the y_train that came with it."
)


def check_learning(submission, x, y):
    model = little(submission)
    before = model.state()
    trained(submission, model, x, y, 30)
    old, new = loss_of(before, x, y), loss_of(model, x, y)
    after = model.state()
    moved = any(not torch.equal(before[k], after[k]) for k in before)
    must(moved, _("After train the model has the same weights as before: it was not trained."), LEARNS, idle=True)
    must(
        new < 0.8 * old,
        _("On a set that is easy to learn, 30 epochs take the loss from {old:.3g} only to {new:.3g}.").format(
            old=old, new=new
        ),
        LEARNS,
    )


# --- what was handed in ----------------------------------------------------------------------------------------


@pytest.mark.criterion("test-accuracy")
def test_accuracy(submission, dataset, hint, award, exhibit):
    """lenet5 recognises the test images"""
    with advised(hint):
        digits = dataset("mnist")
        images, labels, enough = digits.test.images[:2000], digits.test.labels[:2000], ENOUGH[digits.standin]
        network = submission.object("lenet5")
        way = way_in(submission, network, images, labels)
        must_be_instance(submission, network)
        outputs = []

        def predict(part):
            outputs.append(network.forward(way(part)))
            return outputs[-1]

        def show():
            exhibit(lambda: looked_at(images, labels, outputs))
            exhibit(lambda: first_filters(parameters_of(network)))
            exhibit(lambda: own_curves(submission, digits))

        try:
            reached = assert_accuracy(predict, images, labels, enough, name="lenet5")
        except Mismatch as mismatch:
            show()
            if mismatch.kind == ("accuracy", "low"):
                mismatch.advice = SCALED if trained_on_scaled(network, images, labels, enough) else LEARN
            raise
        show()
        text = _("lenet5 recognises {share} of {count} test images")
        award(1.0, text.format(share=f"{reached:.1%}", count=len(labels)))


DIGITS = [str(n) for n in range(10)]
OWN = "the course's own"
DRAWN = "The band: five trainings of the course's network on 20 000 drawn digits, Adam at 1e-3, batches of 100."
REAL = "The band: three trainings of the course's network on 60 000 images of MNIST, Adam at 1e-3, batches of 100."
# The mean loss of each epoch, and the accuracy on the test images: lowest and highest, by benchmarks/calibrate_bands.py.
LOSS_BANDS = {
    True: Band(
        OWN,
        {1: (0.654, 0.833), 2: (0.130, 0.204), 3: (0.075, 0.112), 4: (0.052, 0.071), 5: (0.037, 0.050)},
        DRAWN,
    ),
    False: Band(OWN, {1: (0.219, 0.260), 2: (0.062, 0.069), 3: (0.046, 0.049)}, REAL),
}
ACCURACY_BANDS = {
    True: Band(
        OWN,
        {1: (0.908, 0.955), 2: (0.947, 0.974), 3: (0.965, 0.978), 4: (0.971, 0.978), 5: (0.977, 0.985)},
        DRAWN,
    ),
    False: Band(OWN, {1: (0.976, 0.980), 2: (0.981, 0.984), 3: (0.979, 0.985)}, REAL),
}


def looked_at(images, labels, outputs):
    """The confusion matrix, and some of the test images that were taken for something else."""
    found = torch.cat(outputs).argmax(dim=1)
    return [
        e
        for e in (confusion_matrix(found, labels, DIGITS), misclassified(images, found, labels, DIGITS))
        if e is not None
    ]


def spoken(band):
    """The band with its words in the reader's language."""
    return Band(_(band.name), band.values, _(band.source))


def own_curves(submission, digits):
    """What the notebook kept of its own training, beside the course's."""
    drawn = digits.standin
    losses = curves(
        _("Loss by epoch, as the notebook tells"), told_by(submission, LOSSES), spoken(LOSS_BANDS[drawn])
    )
    told = told_by(submission, SHARES)
    fits = all(0 <= share <= 1 for shares in told.values() for share in shares)  # not per cent
    shares = curves(
        _("Accuracy by epoch, as the notebook tells"), told, spoken(ACCURACY_BANDS[drawn]) if fits else None
    )
    return [e for e in (losses, shares) if e is not None]


LEARN = (
    "Train longer, or look at the loss: it should fall from epoch to epoch. lenet5 must be the trained instance itself, "
    "and it is given images of 0 to 255."
)
SCALED = (
    "Your network reads well when the pixels are scaled, but it is given images of 0 to 255. Put the scaling into a "
    "function preprocess(x): images then go through it."
)
INSTANCE = "lenet5 = LeNet5(), and then train(lenet5, …): what is handed in is your LeNet-5 itself, trained."


def way_in(submission, network, images, labels):
    """A function from images (N, 28, 28) to what the network wants: its preprocess's, where they are read better so.

    Raises what the network raises of plain images where no way suits it.
    """
    few, right = images[:200], labels[:200]
    reached, first = {}, None
    for way in (through_preprocess, plainly):
        try:
            settle(network, way(submission, few[:4]))
            found = predictions(lambda part, way=way: network.forward(way(submission, part)), few)
            reached[way] = accuracy(found, right)
        except (AssertionError, ProbeFailure) as failure:
            first = failure
    if not reached:
        raise first
    best = max(reached, key=reached.get)
    settle(network, best(submission, few[:4]))
    return lambda part: best(submission, part)


def through_preprocess(submission, images):
    return prepared(submission, images)[0]


def plainly(_, images):
    return images[:, None].float()


def must_be_instance(submission, network):
    """Fail where lenet5 is certainly another network than LeNet5: neither of that class nor of its shapes."""
    try:
        wanted = built(submission)
        names = [n.call("__class__.__name__.__str__") for n in (network, wanted)]
    except (AssertionError, ProbeFailure):
        return
    shapes = [sorted(tuple(t.shape) for t in parameters_of(n).values()) for n in (network, wanted)]
    alike = names[0] == names[1] or shapes[0] == shapes[1]
    must(alike, _("lenet5 is another network than your class LeNet5 makes."), INSTANCE)


def trained_on_scaled(network, images, labels, enough):
    """Whether the network reads well when the pixels are scaled in one of the usual ways."""
    for shift, scale in ((0, 255), (127.5, 127.5), (0.1307 * 255, 0.3081 * 255)):
        try:
            found = predictions(
                lambda part: network.forward((part[:, None].float() - shift) / scale), images[:1000]
            )
        except (AssertionError, ProbeFailure):
            return False
        if accuracy(found, labels[:1000]) >= enough - 0.03:
            return True
    return False


# --- what the tests above ask with -----------------------------------------------------------------------------


def built(submission):
    """A fresh LeNet5(), ready to be asked."""
    network = submission.build("LeNet5")
    settle(network, SOME_IMAGES)
    return network


def distribution(p):
    """Whether every row is positive and sums to 1."""
    return bool((p >= 0).all()) and bool(((p.sum(dim=1) - 1).abs() < 1e-3).all())


def little(submission):
    """A small network that any train can train; made here, so that a mistake in LeNet5 costs nothing twice.

    Where LeNet5 ends in a logarithm of probabilities, so does this one: the train beside it may take NLLLoss then.
    """
    make = submission.make
    parts = [
        make("torch.nn.Flatten"),
        make("torch.nn.LayerNorm", 784, elementwise_affine=False),  # pixels up to 255 would saturate the tanh
        make("torch.nn.Linear", 784, 16),
        make("torch.nn.Tanh"),
        make("torch.nn.Linear", 16, 10),
        *([make("torch.nn.LogSoftmax", 1)] if gives_logarithms(submission) else []),
    ]
    return make("torch.nn.Sequential", *parts)


def gives_logarithms(submission):
    """Whether LeNet5() gives logarithms of probabilities."""
    try:
        rows = settle(submission.build("LeNet5"), SOME_IMAGES).exp().sum(dim=1)
    except (AssertionError, ProbeFailure):
        return False
    return bool(((rows - 1).abs() < 1e-3).all())


def little_output(state, x):
    """What the little network with this state makes of x."""
    pixels = F.layer_norm(x.flatten(1), (784,))
    hidden = torch.tanh(pixels @ state["2.weight"].T + state["2.bias"])
    return hidden @ state["4.weight"].T + state["4.bias"]


def loss_of(model, x, y):
    """The cross-entropy of the little network, or of one with such a state."""
    if not isinstance(model, dict):
        set_mode(model, "cpu")
        model = model.state()
    return float(F.cross_entropy(little_output(model, x), y))


def patterns(rng, n):
    """n images (n, 1, 28, 28) of 0 to 255, and their classes: ten patterns with noise."""
    shapes = (torch.rand(10, 1, 28, 28, generator=rng) < 0.2).float()
    y = torch.arange(n) % 10
    noise = torch.rand(n, 1, 28, 28, generator=rng)
    return (shapes[y] * 215 + 40 * noise).round(), y


FEW, MANY = 200, 2100


def trained(submission, model, x, y, epochs):
    """What train returned, held in the room."""
    return submission.build("train", model, x, y, epochs, submission.make("torch.device", "cpu"))
