"""Hidden criteria of cifar100_mlp: the student's own classes, new images, and what reaches the first layer."""

import itertools
import math
import time

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from torchgrade.testing import (
    BadAnswer,
    Raised,
    accuracy,
    answer,
    draw_weights,
    normal,
    predictions,
    require,
    set_mode,
    uniform,
)

MEAN = torch.tensor([0.5074, 0.4867, 0.4411], dtype=torch.float64)
DEVIATION = torch.tensor([0.2011, 0.1987, 0.2025], dtype=torch.float64)
PIXELS = 32 * 32 * 3
TEMPLATE = {0, 55, 58}
ENOUGH = 0.60
BANDS = ((0.70, 1.0), (0.67, 2 / 3), (0.64, 1 / 3))


@pytest.mark.criterion("own-classes")
def test_classes(submission, variant, hint):
    """CLASSES are the three that follow from the student's group and variant"""
    told = OWN
    try:
        value = submission.value("CLASSES")
        value = value.tolist() if isinstance(value, torch.Tensor) else value
        told = (
            EXAMPLE
            if isinstance(value, list | tuple) and set(map(str, value)) == set(map(str, TEMPLATE))
            else told
        )
        listed = (
            isinstance(value, list | tuple) and len(value) == 3 and all(isinstance(v, int | float) for v in value)
        )
        require(
            listed and sorted(value) == sorted(variant.classes),
            "CLASSES are not the ones of your group and variant.",
        )
    finally:
        hint(told)


OWN = "Your classes follow from your group and your variant: see the first point of the task. Group and variant are those of the roster."
EXAMPLE = "These are the classes of the example. Yours follow from your group and your variant: see the first point of the task."


# --- normalisation -----------------------------------------------------------------------------------------------

NOT_IN = "Divide the pixels by 255, subtract the mean of their colour and divide by its standard deviation, inside the network: it is given 0 to 255."
WAYS = {
    "no normalisation at all": (lambda x: x, NOT_IN),
    "a division by 255 alone": (
        lambda x: x / 255,
        "After the division by 255 the mean and the standard deviation of each colour are still to be taken out.",
    ),
    "mean and deviation without the division by 255": (
        lambda x: (x - MEAN) / DEVIATION,
        "Mean and deviation are those of pixels from 0 to 1: divide by 255 first.",
    ),
    "the mean alone": (lambda x: x / 255 - MEAN, "Divide by the standard deviation too."),
    "the deviation alone": (lambda x: x / 255 / DEVIATION, "Subtract the mean first."),
    "multiplication by the deviation": (
        lambda x: (x / 255 - MEAN) * DEVIATION,
        "Divide by the standard deviation; do not multiply.",
    ),
    "pixels from -1 to 1": (
        lambda x: x / 127.5 - 1,
        "The mean and the deviation of each colour are given in the task.",
    ),
    "the colours in the order blue, green, red": (
        lambda x: (x / 255 - MEAN.flip(0)) / DEVIATION.flip(0),
        "The numbers are given for red, green and blue, in the order of the last dimension.",
    ),
    "the numbers of another data set": (
        lambda x: (x / 255 - torch.tensor([0.485, 0.456, 0.406])) / torch.tensor([0.229, 0.224, 0.225]),
        "These are the numbers of ImageNet; those of CIFAR-100 are in the task.",
    ),
    "the deviation of all colours together": (
        lambda x: (x / 255 - MEAN) / DEVIATION.mean(),
        "Every colour has its own mean and its own deviation.",
    ),
    "the normalisation of each image by itself": (
        lambda x: (x - x.mean()) / x.std(),
        "Mean and deviation are fixed numbers, the same for every image.",
    ),
}


@pytest.mark.criterion("normalisation")
def test_normalisation(submission, rng, hint):
    """What reaches the first linear layer is (pixel / 255 - mean) / deviation, by colour"""
    told = NOT_IN
    try:
        x = images(rng)
        reached, exact = first_input(submission, x, rng)
        if not seen_as(reached, normalised(x), exact):
            name, told = next(
                ((n, h) for n, (way, h) in WAYS.items() if seen_as(reached, way(x.double()), exact)), ("", NOT_IN)
            )
            known = f": it looks like {name}" if name else ""
            require(False, f"The first layer does not get the normalised pixels{known}.")
    finally:
        hint(told)


def normalised(x):
    return (x.double() / 255 - MEAN) / DEVIATION


def images(rng):
    """One image (1, 32, 32, 3) of 0 to 255 whose colours differ."""
    levels = uniform(rng, (1, 1, 1, 3), 40, 200)
    return (levels + uniform(rng, (1, 32, 32, 3), -40, 55)).round()


def first_input(submission, x, rng):
    """What the first linear layer is given for x, and whether its size is known too, not only its direction.

    For one image the gradient by a weight matrix is (gradient by the bias) times (input of the layer): so the input
    can be read off the gradients, whatever the layers behind it are.
    """
    network = submission.build("Cifar100_MLP", 12, 4)
    for mode in ("cpu", "eval"):
        set_mode(network, mode)
    for attempt in range(4):
        if attempt:
            draw_weights(network, rng)  # every unit may have been cut off by its ReLU
        gradients = gradients_of(network, x, rng)
        for name, g in gradients.items():
            g = g.double()
            g = g.T if g.ndim == 2 and g.shape[0] == PIXELS else g
            if g.ndim == 2 and g.shape[1] == PIXELS and float(g.abs().max()) > 0:
                unit = int(g.norm(dim=1).argmax())
                bias = gradients.get(name.removesuffix("weight") + "bias")
                exact = (
                    name.endswith("weight")
                    and bias is not None
                    and bias.shape == (len(g),)
                    and float(bias[unit]) != 0
                )
                return (g[unit] / float(bias[unit]) if exact else g[unit]), exact
    require(False, "No linear layer over the 3072 numbers of an image gets a gradient.")
    return None


def gradients_of(network, x, rng):
    """In float64, or in float32 where the code fixes the dtype."""
    set_mode(network, "float")
    cotangent = normal(rng, answer(network, x).shape)
    set_mode(network, "double")
    try:
        return network.gradients(x.double(), cotangent=cotangent.double())
    except (Raised, BadAnswer):
        set_mode(network, "float")
        return network.gradients(x, cotangent=cotangent)


def seen_as(reached, expected, exact):
    """Whether the layer's input is ``expected`` (1, 32, 32, 3), flattened in any fixed order of its dimensions."""
    for order in itertools.permutations((1, 2, 3)):
        wanted = expected.permute(0, *order).flatten()
        ratio = 1.0 if exact else float(reached @ wanted / wanted.square().sum())
        if float((reached - ratio * wanted).norm()) <= 1e-3 * float((ratio * wanted).norm()):
            return True
    return False


# --- accuracy ----------------------------------------------------------------------------------------------------


@pytest.mark.criterion("new-accuracy")
def test_new_accuracy(submission, dataset, variant, rng, hint, award):
    """model recognises at least 60 % of the test images and as many new ones"""
    hint(
        "What counts is what model does with images that it has not seen. Stop when the test error is least; never train on the test images."
    )
    test, kept, pooled, n = both(submission, dataset, variant, rng)
    spread = math.sqrt(2 * pooled * (1 - pooled) / n)
    seen = test - kept > 3.5 * spread
    require(
        not seen,
        f"model recognises {test:.1%} of the test images but {kept:.1%} of new ones: the test images took part in the training.",
        safe="model recognises the test images far better than new ones: they took part in the training.",
    )
    require(
        pooled >= ENOUGH,
        f"model recognises {pooled:.1%} of {2 * n} images, half of them new; at least {ENOUGH:.0%} is wanted.",
        safe="model recognises too few images.",
    )
    award(1.0, f"model recognises {pooled:.1%} of {2 * n} images, half of them new")


@pytest.mark.criterion("accuracy-bands")
def test_bands(submission, dataset, variant, rng, award):
    """model recognises 64, 67 or 70 % of the test images and as many new ones"""
    pooled = both(submission, dataset, variant, rng)[2]
    fraction = next((f for edge, f in BANDS if pooled >= edge), 0.0)
    award(fraction, f"model recognises {pooled:.1%} of the images")


def both(submission, dataset, variant, rng):
    """Accuracy on test images, on new ones, on both together, and how many there are of each."""
    network = submission.object("model")
    for mode in ("cpu", "float", "eval"):
        set_mode(network, mode)
    data, parts = dataset("cifar100"), []
    order = columns(submission, variant.classes)
    for part in (data.test, data.kept):
        chosen = torch.isin(part.labels, torch.tensor(variant.classes))
        found = predictions(network.forward, part.images[chosen].float(), batch=250, rng=rng)
        parts.append((found, part.labels[chosen]))
    ways = [
        [accuracy(found, torch.tensor([o.index(int(n)) for n in labels])) for found, labels in parts]
        for o in order
    ]
    test, kept = max(ways, key=sum)
    return test, kept, (test + kept) / 2, len(parts[0][1])


def columns(submission, classes):
    """The orders in which the columns may stand: that of CLASSES, and sorted."""
    value = submission.value("CLASSES")
    value = value.tolist() if isinstance(value, torch.Tensor) else list(value)
    return [[int(v) for v in value], sorted(classes)]


# --- rows, trained again -----------------------------------------------------------------------------------------

ROWS, STEPS, SECONDS, UNITS = 2, 8000, 20, 512


@pytest.mark.criterion("rows-again")
def test_rows_again(submission, dataset, variant, rng, award):
    """Rows of results that name their widths give about the same accuracy when they are trained again"""
    data = dataset("cifar100")
    told, away = [], []
    for row in [r for r in submission.value("results") if possible(r)][:ROWS]:
        ours, n = trained_again(row, data, columns(submission, variant.classes)[0], rng)
        if ours is None:
            continue
        spread = math.sqrt(2 * max(ours * (1 - ours), 0.05) / n)
        told.append(f"“{str(row['config'])[:60]}”: the row says {row['test']:.3f}, the examiner gets {ours:.3f}")
        away += told[-1:] if abs(ours - row["test"]) > 3 * spread else []
    text = "Trained again with SGD, these rows come out otherwise (it costs nothing): " + "; ".join(away)
    require(
        not away,
        text,
        safe="Some rows come out otherwise when they are trained again with SGD. This costs nothing.",
    )
    award(1.0, "; ".join(told) or "no row could be trained again")


def possible(row):
    """Whether a row names widths and a training that takes seconds."""
    hidden = row.get("hidden")
    if not isinstance(hidden, list | tuple) or not 0 < len(hidden) <= 4:
        return False
    if not all(isinstance(h, int) and 0 < h <= UNITS for h in hidden):
        return False
    steps = row["epochs"] * math.ceil(1500 / max(1, row["batch_size"]))
    return row["batch_size"] >= 1 and 0 < row["lr"] <= 10 and 0 < steps <= STEPS


def trained_again(row, data, classes, rng):
    """The test accuracy of an MLP with these widths, trained by SGD as the row says; None if it takes too long."""
    torch.manual_seed(int(torch.randint(1 << 30, (1,), generator=rng)))
    (x, y), (tx, ty) = (chosen_part(part, classes) for part in (data.train, data.test))
    sizes = [PIXELS, *row["hidden"]]
    layers = [part for a, b in itertools.pairwise(sizes) for part in (nn.Linear(a, b), nn.ReLU())]
    model = nn.Sequential(*layers, nn.Linear(sizes[-1], len(classes)))
    optimizer = torch.optim.SGD(model.parameters(), lr=float(row["lr"]))
    end = time.monotonic() + SECONDS
    for _ in range(int(row["epochs"])):
        if time.monotonic() > end:
            return None, len(ty)
        for batch in torch.randperm(len(x)).split(int(row["batch_size"])):
            optimizer.zero_grad()
            F.cross_entropy(model(x[batch]), y[batch]).backward()
            optimizer.step()
    with torch.no_grad():
        return accuracy(model(tx).argmax(dim=1), ty), len(ty)


def chosen_part(part, classes):
    chosen = torch.isin(part.labels, torch.tensor(classes))
    x = normalised(part.images[chosen]).float().flatten(1)
    return x, torch.tensor([classes.index(int(n)) for n in part.labels[chosen]])
