"""Public criteria of cifar100_mlp. They ship with the handout: a student can run them before handing in."""

import contextlib
import math

import pytest
import torch

from torchgrade.testing import (
    BadAnswer,
    Band,
    ComparisonFailure,
    Missing,
    ProbeFailure,
    Raised,
    _,
    accuracy,
    advised,
    answer,
    by_class,
    confusion_matrix,
    count,
    curves,
    describe,
    draw_weights,
    ends_raw,
    first_filters,
    layer_table,
    misclassified,
    must,
    parameters_of,
    predictions,
    settle,
    spaced,
    uniform,
    weights_of,
)

PIXELS = 32 * 32 * 3
KEYS = {
    "config": str,
    "lr": float,
    "batch_size": float,
    "epochs": float,
    "train": float,
    "test": float,
    "comment": str,
}
TRAIN, TEST = 0.80, 0.60
MEAN = torch.tensor([0.5074, 0.4867, 0.4411])
DEVIATION = torch.tensor([0.2011, 0.1987, 0.2025])
CALL = "Cifar100_MLP(hidden_size, classes)"


# --- the class -------------------------------------------------------------------------------------------------


@pytest.mark.criterion("both-arguments")
def test_arguments(submission, rng, hint):
    """Cifar100_MLP(hidden_size, classes) has a first layer of hidden_size units and an output for each class"""
    with advised(hint, CALL):
        for hidden, classes in ((10, 3), (7, 4), (12, 2)):
            network = built(submission, hidden, classes)
            y = answer(network, images(rng, 5))
            must(
                y.shape == (5, classes),
                _(
                    "Cifar100_MLP({hidden}, {classes}) gives shape {shape} for 5 images; (5, {classes}) is expected."
                ).format(hidden=hidden, classes=classes, shape=tuple(y.shape)),
                ARGUMENTS,
            )
            state = parameters_of(network)
            first = any(t.ndim == 2 and sorted(t.shape) == sorted((hidden, PIXELS)) for t in state.values())
            there = spaced(count(state))
            must(
                first,
                _(
                    "Cifar100_MLP({hidden}, {classes}) has {there} parameters, but none of shape ({hidden}, 3072): the "
                    "first layer should have hidden_size units."
                ).format(hidden=hidden, classes=classes, there=there),
                ARGUMENTS,
            )


ARGUMENTS = (
    "nn.Linear(3072, hidden_size) comes first and the last layer ends in classes: no 10 and no 3 inside the class. The "
    "images come as (N, 32, 32, 3) and are flattened inside."
)


@pytest.mark.criterion("mlp-logits")
def test_logits(submission, rng, hint):
    """Cifar100_MLP gives raw logits, each image by itself, and is more than one linear layer"""
    with advised(hint, CALL):
        network = built(submission, 16, 5)
        draw_weights(network, rng)
        x = images(rng, 8)
        y = answer(network, x)
        must(same(answer(network, x), y), _("The same images get other logits at each call."), CHANCE)
        alone = torch.cat([answer(network, x[i : i + 1]) for i in range(len(x))])
        must(same(alone, y), _("An image gets other logits in a batch than alone."), ACROSS)
        known = y.ndim != 2 or distribution(y) or distribution(y.exp())
        must(not known, _("The rows are probabilities (or their logarithms) already, not logits."), RAW)
        raw = ends_raw(network, x, rng)
        must(raw, _("Something acts behind the last linear layer: these are not raw logits."), RAW)
        # However the pixels are scaled inside, one of these reaches the bend of an activation.
        bent = any(is_bent(network, x * scale) for scale in (1.0, 255.0, 255.0**2))
        must(
            bent,
            _("The network is linear: halfway between two images it gives exactly halfway between their logits."),
            BENT,
        )


RAW = "The last layer's numbers are the output, with nothing behind them: CrossEntropyLoss takes the softmax itself, and a second one slows the training down."
CHANCE = (
    "F.dropout acts in evaluation mode too unless it is told training=self.training; nn.Dropout knows by itself."
)
ACROSS = "Every image is looked at by itself. Flatten with x.flatten(1) or x.reshape(len(x), -1), so that each keeps its own row; and no mean, deviation or softmax over dimension 0, which goes from image to image."
BENT = "Between two linear layers belongs an activation, or they are only one."


def same(a, b):
    return a.shape == b.shape and torch.allclose(a, b, rtol=1e-3, atol=1e-4)


def is_bent(network, x):
    """Whether halfway between two images the logits are not halfway."""
    half, y = len(x) // 2, answer(network, x)
    middle = answer(network, (x[:half] + x[half:]) / 2)
    away, size = (middle - (y[:half] + y[half:]) / 2).abs().max(), (y[:half] - y[half:]).abs().max()
    return bool(away > 1e-3 * size)


# --- what was handed in ----------------------------------------------------------------------------------------


@pytest.mark.criterion("model-form")
def test_model(submission, rng, hint, exhibit):
    """model is a fully connected network that takes (N, 32, 32, 3) and gives (N, 3)"""
    with advised(hint):
        model = held(submission)
        exhibit(lambda: layer_table(parameters_of(model)))
        exhibit(lambda: first_filters(parameters_of(model), (32, 32, 3)))
        y = answer(model, images(rng, 4))
        must(
            y.shape == (4, 3),
            _("For 4 images model gives shape {shape}; (4, 3) is expected.").format(shape=tuple(y.shape)),
            "model tells three classes apart: as many outputs as CLASSES has members, and a row for each image.",
        )
        shapes = [tuple(t.shape) for t in weights_of(model).values()]
        must(
            all(len([n for n in s if n > 1]) <= 2 for s in shapes),
            _("model holds weights of more than two dimensions: convolutions are for a later exercise."),
            CONNECTED,
        )
        must(
            any(PIXELS in s for s in shapes if len(s) == 2),
            _("No layer of model looks at all 3072 numbers of an image."),
            CONNECTED,
        )


CONNECTED = "model is an instance of your class (or another nn.Module) with linear layers over the 3072 numbers of an image: no convolutions, no pooling."


@pytest.mark.criterion("train-accuracy")
def test_train_accuracy(submission, dataset, hint, award, exhibit):
    """model recognises at least 80 % of the training images"""
    with advised(hint):
        award(1.0, recognised(submission, dataset("cifar100").train, TRAIN, _("training images"), MORE, exhibit))


@pytest.mark.criterion("test-accuracy")
def test_test_accuracy(submission, dataset, hint, award, exhibit):
    """model recognises at least 60 % of the test images"""
    with advised(hint):
        award(1.0, recognised(submission, dataset("cifar100").test, TEST, _("test images"), EARLIER, exhibit))


MORE = (
    "Train longer, or at a higher rate: a fully connected network can learn these images by heart. And look whether the "
    "labels are those of your classes."
)
EARLIER = (
    "Look at the error on the test images from epoch to epoch: when it rises again, stop earlier. A smaller rate, dropout "
    "or weight decay may help."
)
PREPARED = "model recognises {share} of them when it is given {what}. It is asked with images as they are, (N, 32, 32, 3) from 0 to 255: what you do to them belongs into forward."


@pytest.mark.criterion("results-table")
def test_table(submission, hint):
    """results is a list of dicts with what was tried and what came of it"""
    with advised(hint):
        for n, row in enumerate(rows_of(submission), 1):
            text = _("Row {n} of results should be a dict, but it is {what}.").format(n=n, what=describe(row))
            must(isinstance(row, dict), text, EXAMPLE)
            for key, kind in KEYS.items():
                must(key in row, _("Row {n} of results has no '{key}'.").format(n=n, key=key), EXAMPLE)
                fine = isinstance(row[key], str) if kind is str else number(row[key]) is not None
                text = (
                    _("Row {n} of results: '{key}' is {told}, but it should be text.")
                    if kind is str
                    else _("Row {n} of results: '{key}' is {told}, but it should be a number.")
                )
                must(fine, text.format(n=n, key=key, told=describe(row[key])), EXAMPLE)
            for key in ("train", "test"):
                share = number(row[key])
                text = _("Row {n} of results: '{key}' is {share:.4g}, but an accuracy is from 0 to 1.")
                must(0 <= share <= 1, text.format(n=n, key=key, share=share), _("0.7 is 70 %."))


EXAMPLE = "results = [{'config': 'FC(10), FC(3)', 'lr': 0.005, 'batch_size': 128, 'epochs': 250, 'train': 0.95, 'test': 0.7, 'comment': '…'}, …]"
PLAIN = "results is a plain list of dicts; df.to_dict('records') makes one of a DataFrame."


def rows_of(submission):
    """The rows of results; a failure that says what else it is."""
    try:
        rows = submission.value("results")
    except (BadAnswer, Missing) as failure:
        failure.advice = PLAIN if isinstance(failure, BadAnswer) else EXAMPLE
        raise
    listed = isinstance(rows, list | tuple) and len(rows) > 0
    must(
        listed,
        _("results should be a list with a dict for each configuration, but it is {what}.").format(
            what=describe(rows)
        ),
        EXAMPLE,
    )
    return rows


@pytest.mark.criterion("results-describe-model")
def test_row_of_model(submission, dataset, hint):
    """One row of results has the test accuracy of model, within 0.01"""
    with advised(hint):
        reached = measured(submission, dataset("cifar100").test)[0]
        told = [number(row.get("test")) for row in submission.value("results")]
        listed = ", ".join(f"{t:.3f}" for t in told[:8])
        must(
            any(abs(t - reached) <= 0.01 + 1e-6 for t in told),
            _(
                "model recognises {reached:.3f} of the test images, but the rows of results tell of {listed}."
            ).format(reached=reached, listed=listed),
            "Compute the accuracy of model itself, in evaluation mode, after the last training, over all images together (the mean over batches is another number), and write that into its row.",
            safe=_("No row has the test accuracy of model."),
        )


# --- what there is to look at ----------------------------------------------------------------------------------


@pytest.mark.criterion("report")
def test_report(submission, dataset, award, exhibit):
    """Class by class, and the epoch from which on the network learns by heart"""
    data = dataset("cifar100")
    found, right, order = measured(submission, data.test)[1:]
    names = [class_named(n) for n in order]
    exhibit(lambda: own_curves(submission, data.standin))
    exhibit(lambda: misclassified(chosen(data.test, order), found, right, names, 8))
    parts = [_("Of the test images: {told}.").format(told=by_class(found, right, names))]
    told = classes_told(submission)
    if order != told:
        text = _("The outputs stand in the order {order}, as np.unique sorts them, not in that of CLASSES.")
        parts.append(text.format(order=", ".join(map(str, order))))
    award(1.0, " ".join([*parts, overfitting(submission)]))


#: Names under which notebooks keep what the test images told in each epoch: the course's own first.
LOSSES = (
    "losses_val", "test_losses", "test_loss", "val_losses", "val_loss", "losses_test", "loss_test", "loss_val",
    "valid_losses", "valid_loss", "test_loss_history", "val_loss_history", "test_errors", "val_errors",
)  # fmt: skip
SHARES = (
    "test_accs", "test_acc", "test_accuracies", "test_accuracy", "val_accs", "val_acc", "val_accuracies",
    "val_accuracy", "accs_test", "acc_test", "acc_val", "accuracy_test", "accuracy_val", "test_acc_history",
)  # fmt: skip
TOGETHER = ("history", "hist", "histories", "history_best", "best_history", "log", "logs", "metrics", "curves")
FEWEST = 5
OWN = "the course's own"
SOURCE = (
    "The band: five trainings of 3072-10-3 on drawn images, SGD at 0.005, batches of 128, on 150 test images; each had "
    "three classes of its own."
)
# Loss and accuracy on the test images, lowest and highest of five: benchmarks/calibrate_bands.py.
LOSS_BAND = Band(
    OWN,
    {
        1: (1.080, 1.137), 10: (0.863, 0.998), 20: (0.694, 0.874), 30: (0.578, 0.836), 40: (0.511, 0.823),
        50: (0.476, 0.819), 75: (0.442, 0.828), 100: (0.435, 0.866), 150: (0.438, 0.942), 200: (0.441, 1.038),
        250: (0.450, 1.121),
    },
    SOURCE,
)  # fmt: skip
ACCURACY_BAND = Band(
    OWN,
    {
        1: (0.333, 0.453), 10: (0.360, 0.713), 20: (0.600, 0.813), 30: (0.653, 0.840), 40: (0.673, 0.840),
        50: (0.653, 0.853), 75: (0.640, 0.853), 100: (0.633, 0.867), 150: (0.613, 0.880), 200: (0.627, 0.867),
        250: (0.607, 0.867),
    },
    SOURCE,
)  # fmt: skip


def spoken(band):
    """The band with its words in the reader's language."""
    return Band(_(band.name), band.values, _(band.source))


def own_curves(submission, standin):
    """What the notebook kept of its own trainings; beside the course's where the images are drawn, as those were."""
    lines = {True: {}, False: {}}
    for name, rising, values in histories(submission):
        if len(lines[rising]) < 3 and values not in lines[rising].values():
            lines[rising][name] = values
    fits = standin and all(0 <= share <= 1 for shares in lines[True].values() for share in shares)  # not per cent
    losses = curves(
        _("Test loss by epoch, as the notebook tells"), lines[False], spoken(LOSS_BAND) if standin else None
    )
    shares = curves(
        _("Test accuracy by epoch, as the notebook tells"), lines[True], spoken(ACCURACY_BAND) if fits else None
    )
    return [e for e in (losses, shares) if e is not None]


def chosen(part, classes):
    """The images of these classes."""
    return part.images[torch.isin(part.labels, torch.tensor(classes))]


def overfitting(submission):
    """From which epoch on the test loss rises (or the test accuracy falls), by the notebook's own history."""
    for name, rising, values in histories(submission):
        best = max if rising else min
        at, epochs = values.index(best(values)), len(values)
        text = _(BEST_ACCURACY) if rising else _(BEST_LOSS)
        told = text.format(name=name, epoch=at + 1, epochs=epochs, best=values[at])
        if at + 1 > 0.95 * epochs:
            return _("{told}: no sign of overfitting until the end.").format(told=told)
        text = _("{told}, and {last:.3g} at the end: from then on it learns by heart.")
        return text.format(told=told, last=values[-1])
    return _(NO_HISTORY)


BEST_ACCURACY = "By `{name}` the test accuracy is best in epoch {epoch} of {epochs}, at {best:.3g}"
BEST_LOSS = "By `{name}` the test loss is best in epoch {epoch} of {epochs}, at {best:.3g}"
NO_HISTORY = (
    "No history of the test loss was found: keep one number for each epoch in a list `test_losses`, and the epoch from "
    "which on the network overfits is told here."
)


def histories(submission):
    """(name, whether more is better, a number for each epoch) of each that is found; losses first."""
    for name in (*LOSSES, *TOGETHER, *SHARES):
        try:
            value = submission.value(name)
        except ProbeFailure:
            continue
        yield from series_in(name, value)


def series_in(name, value):
    """The series that a value holds: a list of numbers, the course's list of (loss, accuracy), or a dict of lists."""
    rows = list(value) if isinstance(value, list | tuple | torch.Tensor) else []
    if len(rows) >= FEWEST and all(isinstance(row, dict) for row in rows):
        value = {key: [row.get(key) for row in rows] for key in rows[0]}
    if isinstance(value, dict):
        for key in (k for k in (*LOSSES, *SHARES) if k in value):
            yield from ((f"{name}['{key}']", rising, values) for _, rising, values in series_in(key, value[key]))
    elif len(rows) >= FEWEST and name not in TOGETHER:
        values = [first_number(row) for row in rows]
        if all(v is not None for v in values):
            yield name, name in SHARES, values


def first_number(value):
    """A number, or the first of those that one epoch left: mean loss, mean accuracy, quartiles."""
    while isinstance(value, list | tuple) and value:
        value = value[0]
    if isinstance(value, torch.Tensor) and value.numel() > 1:
        value = value.flatten()[0]
    return number(value)


# --- what the tests above ask with -----------------------------------------------------------------------------


def built(submission, hidden, classes):
    """A fresh Cifar100_MLP, ready to be asked."""
    return ready(submission.build("Cifar100_MLP", hidden, classes))


def held(submission):
    """model, ready to be asked."""
    return ready(submission.object("model"))


LAYOUTS = {
    "colours first, (N, 3, 32, 32)": lambda x: x.permute(0, 3, 1, 2),
    "flattened images, (N, 3072)": lambda x: x.flatten(1),
}
LAYOUT = (
    "Your code wants {layout}; it is given images as they come, (N, 32, 32, 3), and turns or flattens them itself."
)


def ready(network):
    """A network that was asked once; where it fails on images as they come, but not on others, that is said."""
    # Not of one grey: who takes an image's own mean and deviation would divide by 0.
    x = torch.arange(2 * PIXELS).remainder(256).float().view(2, 32, 32, 3)
    try:
        settle(network, x)
    except Raised as failure:
        for name, layout in LAYOUTS.items():
            with contextlib.suppress(AssertionError, ProbeFailure):
                answer(network, layout(x))
                failure.advice = _(LAYOUT).format(layout=_(name))
                break
        raise
    return network


def images(rng, n):
    """Images of (n, 32, 32, 3), 0 to 255: noise at three scales."""
    coarse = uniform(rng, (n, 4, 4, 3), 0, 255)
    fine = uniform(rng, (n, 32, 32, 3), 0, 255)
    return (0.7 * coarse.repeat_interleave(8, 1).repeat_interleave(8, 2) + 0.3 * fine).round()


def distribution(p):
    """Whether every row is positive and sums to 1."""
    return bool((p >= 0).all()) and bool(((p.sum(dim=1) - 1).abs() < 1e-3).all())


def classes_told(submission):
    """CLASSES as three ints; a failure that says what is wrong with them."""
    advice = "CLASSES is a list of three whole numbers: [group + 15, variant + 56, variant + 21]."
    try:
        value = submission.value("CLASSES")
    except (BadAnswer, Missing) as failure:
        failure.advice = advice
        raise
    value = value.tolist() if isinstance(value, torch.Tensor) else value
    numbers = [number(v) for v in value] if isinstance(value, list | tuple) else []
    fine = len(numbers) == 3 and all(v is not None and v.is_integer() and 0 <= v <= 99 for v in numbers)
    must(
        fine and len(set(numbers)) == 3,
        _("CLASSES should be three different whole numbers from 0 to 99, but it is {what}.").format(
            what=describe(value)
        ),
        advice,
        safe=_("CLASSES should be three different whole numbers from 0 to 99."),
    )
    return [int(v) for v in numbers]


def measured(submission, part, prepare=lambda x: x):
    """(accuracy, columns found, columns right, names) on the images of CLASSES, in the better of the two orders."""
    classes = classes_told(submission)
    chosen = torch.isin(part.labels, torch.tensor(classes))
    model = held(submission)
    found = predictions(lambda x: model.forward(prepare(x)), part.images[chosen].float(), batch=250)
    best = None
    for order in (classes, sorted(classes)):
        right = torch.tensor([order.index(int(n)) for n in part.labels[chosen]])
        reached = accuracy(found, right)
        if best is None or reached > best[0]:
            best = reached, found, right, order
    return best


def recognised(submission, part, at_least, what, usual, exhibit):
    """A sentence about the accuracy; a failure below ``at_least``."""
    reached, found, right, order = measured(submission, part)
    exhibit(lambda: confusion_matrix(found, right, [class_named(n) for n in order]))
    if reached < at_least:
        text = _("model recognises {share} of {count} {what}; at least {wanted} is wanted.").format(
            share=f"{math.floor(1000 * reached) / 1000:.1%}", count=len(right), what=what, wanted=f"{at_least:.0%}"
        )
        failure = ComparisonFailure(text, safe=_("model recognises too few images."))
        failure.advice = prepared_outside(submission, part, at_least) or usual
        raise failure
    text = (
        _("model recognises {share} of {count} {what} (columns by their numbers)")
        if order == sorted(order)
        else _("model recognises {share} of {count} {what} (columns in the order of CLASSES)")
    )
    return text.format(share=f"{reached:.1%}", count=len(right), what=what)


def class_named(number):
    return _("class {number}").format(number=number)


#: What some do to the images before the network sees them.
BEFORE = {
    "normalised pixels": lambda x: (x / 255 - MEAN) / DEVIATION,
    "pixels divided by 255": lambda x: x / 255,
    "colours first": lambda x: x.permute(0, 3, 1, 2),
    "normalised pixels, colours first": lambda x: ((x / 255 - MEAN) / DEVIATION).permute(0, 3, 1, 2),
}


def prepared_outside(submission, part, at_least):
    """The hint for a network that reads well when the images are prepared outside of it; empty for others."""
    for name, prepare in BEFORE.items():
        with contextlib.suppress(AssertionError, ProbeFailure):
            reached = measured(submission, part, prepare)[0]
            if reached >= at_least:
                return _(PREPARED).format(share=f"{reached:.0%}", what=_(name))
    return ""


def number(value):
    """A finite float, or None."""
    value = value.item() if isinstance(value, torch.Tensor) and value.numel() == 1 else value
    fine = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if fine else None
