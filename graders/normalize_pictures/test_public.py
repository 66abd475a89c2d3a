"""Public criteria of normalize_pictures. They ship with the handout: a student can run them before handing in."""

import contextlib
from itertools import chain, combinations

import pytest
import torch

from torchgrade.testing import (
    ComparisonFailure,
    ProbeFailure,
    Raised,
    _,
    assert_tensor_close,
    for_each_input,
    normal,
    require,
    require_tensor,
    uniform,
)

CHANNELS = (0, 2, 3)  # what one mean and one standard deviation are taken over
# A small number added to the divisor stays within this; the nearest wrong reading is off by 0.02 or more.
NEAR = 0.003
# That every picture is standard by itself shows elsewhere: this much is between n and n - 1 of one picture.
STANDARD = 0.01
CALL = "normalize_pictures(A)"


@pytest.mark.criterion("channels-standard")
def test_every_channel_is_standard(submission, rng, hint):
    """Every channel of the result has mean 0 and standard deviation 1, over all pictures together"""

    def check(A):
        got = require_tensor(submission.call("normalize_pictures", A), A.shape, name=CALL)
        if flat(A):  # a small example that was looked for: no right answer has standard deviation 1 there
            return
        centred(got, A)
        spread(got, A)

    with advice(
        hint,
        "Take away the mean of the channel, then divide by its standard deviation: one of each for a channel.",
    ):
        for_each_input(submission, check, [pictures(rng, 16, 3, 12, 10)], label="A[N, C, H, W]")


@pytest.mark.criterion("picture-values")
def test_values_for_a_batch(submission, rng, hint):
    """normalize_pictures(A) has the right values: one mean and one standard deviation for each channel"""

    def check(A):
        got = submission.call("normalize_pictures", A)
        if fits(got, A):
            return
        name_the_mistake(got, A, hint)
        assert_tensor_close(got, standard(A), rtol=NEAR, atol=NEAR, name=CALL, input=A)

    with advice(
        hint, "Over dimensions 0, 2 and 3 together: all pictures, all rows, all columns. Only dimension 1 stays."
    ):
        check(pictures(rng, 16, 3, 12, 10))
        check(pictures(rng, 32, 3, 6, 8))


@pytest.mark.criterion("light-kept")
def test_light_stays_lighter(submission, rng, hint):
    """A light picture of the batch stays lighter than a dark one, in every channel"""
    A = 0.05 * normal(rng, (5, 3, 10, 10)) + torch.linspace(0.2, 0.8, 5).view(5, 1, 1, 1)
    with advice(hint, LIGHT):
        got = require_tensor(submission.call("normalize_pictures", A), A.shape, name=CALL)
        means = got.double().mean(dim=(2, 3))
        alike = bool((means - means.mean(dim=0)).abs().max() < STANDARD)
    with advice(hint, PER_PICTURE if alike else LIGHT):
        require(
            means[1:] - means[:-1] > 0.1 * got.double().std(),
            _("Each picture of the batch is lighter than the one before, but after normalize_pictures it is not."),
            got=means,
            expected=standard(A).mean(dim=(2, 3)),
        )


# --- what hints say ------------------------------------------------------------------------------------------

PER_PICTURE = (
    "Each picture is normalised by itself, as in older notebooks: a dark one and a light one then look alike. What is "
    "asked: one mean and one std for each channel, over the whole batch."
)
LIGHT = "One mean and one std for each channel, over the whole batch, keep the pictures in the order of their brightness."
BROADCAST = (
    "A mean of shape (C,) is matched with the last dimension of A, the columns, not with the channels. Keep the "
    "dimensions, or view it as (1, C, 1, 1)."
)
PER_PIXEL = (
    "Every place of the picture has a mean of its own, over the pictures alone. All places of a channel should share "
    "one: rows and columns are to be averaged as well."
)
TOGETHER = (
    "All channels share one mean and one standard deviation. Each channel should have its own: dimension 1 is the one "
    "that is not averaged."
)
WHOLE_PICTURE = (
    "Each picture has one mean for all its channels. It should be the other way round: each channel has one mean for "
    "all pictures."
)
CHANNELS_LAST = (
    "The last dimension is taken for the channels, as matplotlib has it. In PyTorch a batch is (N, C, H, W): the "
    "channels are dimension 1."
)
ONE_STD = "The means are those of the channels, but the divisor is not: take the standard deviation over the same dimensions."
ONE_MEAN = "The divisors are those of the channels, but the means are not: take the mean over the same dimensions."
MEAN_OF_STDS = (
    "Your divisor is the average of the pictures' own standard deviations. It leaves out how much the pictures differ "
    "from each other: take it over the batch at once."
)
VARIANCE = "You divide by the variance. The standard deviation is its square root."
ONLY_CENTRED = "The means are 0 already, but the contrasts are as they were: divide by the standard deviation."
ONLY_SCALED = "The contrasts are right already, but the means are not 0: subtract them before you divide."
DIVIDED_FIRST = (
    "You divide first and subtract the old mean then: after the division the mean is another. Subtract first."
)
RANGE = "That puts the smallest number to 0 and the largest to 1. Asked are mean 0 and standard deviation 1."
SIGN = "What is above the mean should become positive: it is A - mean, not mean - A."
ROOT = "A.std is the root of the variance already: no further root is wanted."
TIMES = "A channel of little contrast should get more of it, so it is divided by its standard deviation."
BRACKETS = "A - mean / std divides the mean alone. Brackets make it (A - mean) / std."
UNCHANGED = (
    "What comes back is A itself. Return the new tensor, after the mean is taken away and the std divided by."
)
MIXED_UP = (
    "A reshape or view to (C, -1) does not sort by channels: pictures come first in memory. Use "
    "A.permute(1, 0, 2, 3) before it, and the way back after it."
)
TYPED = (
    "The numbers that you subtract and divide by are typed in. They are to be computed from the batch A itself."
)
OTHER_DIMENSIONS = (
    "The mean and the standard deviation run over other dimensions. Which of the four is the one that must stay?"
)
NAME_TAKEN = (
    "When the notebook has run, `normalize_pictures` is no function any more: a cell gives its name to something else. "
    "Choose another name there."
)


@contextlib.contextmanager
def advice(hint, text):
    """Give this hint if what is asked inside fails; another one where the name stands for something else by now."""
    try:
        yield
    except (AssertionError, ProbeFailure) as failure:
        hint(by_error(failure) or text)
        raise


def by_error(failure):
    """Advice on an error of the student's code; empty where there is none, or another one."""
    if not isinstance(failure, Raised):
        return ""
    if "object is not callable" in str(failure) and not failure.line:
        return NAME_TAKEN
    return BROADCAST if "must match the size" in str(failure) else ""


# --- right values, and what wrong ones are ---------------------------------------------------------------------


def pictures(rng, n, c, h, w):
    """A batch whose channels, pictures and rows differ in brightness, and whose channels and pictures in contrast."""
    base = uniform(rng, (1, c, 1, 1), 0.2, 0.7)
    contrast = uniform(rng, (1, c, 1, 1), 0.05, 0.2) * uniform(rng, (n, 1, 1, 1), 0.4, 1.6)
    light = 0.15 * normal(rng, (n, 1, 1, 1)) + 0.05 * normal(rng, (1, 1, h, 1)) + 0.05 * normal(rng, (1, 1, 1, w))
    return base + light + contrast * normal(rng, (n, c, h, w))


def standard(A, over=CHANNELS, std_over=CHANNELS, correction=1):
    """(A - mean) / std in float64, the two taken over these dimensions; ``correction`` 0 divides by n in the std."""
    A = A.double()
    return (A - A.mean(dim=over, keepdim=True)) / A.std(dim=std_over, correction=correction, keepdim=True)


def near(got, expected):
    return got.shape == expected.shape and bool(
        ((got.double() - expected).abs() <= NEAR + NEAR * expected.abs()).all()
    )


def fits(got, A):
    """Whether these are the right values, with n or with n - 1 in the standard deviation."""
    return isinstance(got, torch.Tensor) and any(near(got, standard(A, correction=k)) for k in (0, 1))


def flat(A):
    """Whether some channel is as good as the same number everywhere."""
    A = A.double()
    return bool((A.std(dim=CHANNELS, correction=0) <= 1e-3 * A.abs().amax(dim=CHANNELS)).any())


def centred(got, A):
    """The mean of every channel is 0."""
    means = got.double().mean(dim=CHANNELS)
    worst = int(means.abs().argmax())
    text = _("Channel {channel} of the result has mean {mean:.4g}, but every channel should have mean 0.")
    require(
        means.abs() <= STANDARD,
        text.format(channel=worst, mean=float(means[worst])),
        safe=_("The channels of the result have not the mean 0."),
        input=A,
        got=got,
    )


def spread(got, A):
    """The standard deviation of every channel is 1, with n or with n - 1."""
    count = got.numel() // got.shape[1]
    stds = got.double().std(dim=CHANNELS, correction=0)
    low = (1 - 1 / count) ** 0.5
    worst = int((stds - 1).abs().argmax())
    text = _("Channel {channel} of the result has standard deviation {std:.4g}, but every channel should have 1.")
    require(
        (stds <= 1 + STANDARD) & (stds >= low - STANDARD),
        text.format(channel=worst, std=float(stds[worst])),
        safe=_("The channels of the result have not the standard deviation 1."),
        input=A,
        got=got,
    )


def name_the_mistake(got, A, hint):
    """Raise with the name of the mistake where these are the values of a known one; give its hint."""
    if not isinstance(got, torch.Tensor) or got.shape != A.shape or not got.dtype.is_floating_point:
        return
    name, text = known_mistake(got, A)
    if name:
        hint(text)
        raise ComparisonFailure(name, safe=name)


def known_mistake(got, A):
    """Name and hint of the mistake whose values these are; two empty texts where there is none."""
    for over, name, text in readings():
        if any(near(got, standard(A, over, over, k)) for k in (0, 1)):
            return name, text
    for values, name, text in slips(A):
        if any(near(got, value) for value in values):
            return name, text
    return mixed(got, A)


def readings():
    """Other dimensions to take both over, the usual ones first, each with a sentence and a hint."""
    usual = [
        (
            (2, 3),
            _("Every picture is normalised by itself, not the batch: mean and std are taken over dim=(2, 3)."),
            PER_PICTURE,
        ),
        ((0,), _("Every pixel is normalised by itself: mean and std are taken over dim=0 alone."), PER_PIXEL),
        ((0, 1, 2, 3), _("All channels are normalised together: there is one mean and one std in all."), TOGETHER),
        (
            (1, 2, 3),
            _("Every picture is normalised as a whole: mean and std are taken over dim=(1, 2, 3)."),
            WHOLE_PICTURE,
        ),
        (
            (0, 1, 2),
            _("The columns are taken for channels: mean and std are taken over dim=(0, 1, 2)."),
            CHANNELS_LAST,
        ),
    ]
    known = {CHANNELS, *(over for over, _name, _hint in usual)}
    text = _("Mean and std are taken over dim={over}, not over all pictures, rows and columns.")
    others = [(over, text.format(over=over), OTHER_DIMENSIONS) for over in subsets() if over not in known]
    return usual + others


def subsets():
    """Every choice of the four dimensions but none."""
    return list(chain.from_iterable(combinations(range(4), size) for size in (1, 2, 3, 4)))


def slips(A):
    """Values of usual slips, each with a sentence and a hint."""
    A = A.double()
    mean = A.mean(dim=CHANNELS, keepdim=True)
    both = [A.std(dim=CHANNELS, correction=k, keepdim=True) for k in (0, 1)]
    own = [A.std(dim=(2, 3), correction=k).mean(dim=0).view(1, -1, 1, 1) for k in (0, 1)]
    n, c, h, w = A.shape
    rows = A.reshape(c, n * h * w)
    mixed_up = [((rows - rows.mean(dim=1, keepdim=True)) / rows.std(dim=1, keepdim=True)).reshape(A.shape)]
    low, high = A.amin(dim=CHANNELS, keepdim=True), A.amax(dim=CHANNELS, keepdim=True)
    return [
        ([A], _("The batch comes back as it was."), UNCHANGED),
        ([(mean - A) / s for s in both], _("The signs are turned: the pixel is subtracted from the mean."), SIGN),
        (
            [(A - mean) / s.sqrt() for s in both],
            _("It is divided by the square root of the standard deviation."),
            ROOT,
        ),
        ([(A - mean) * s for s in both], _("It is multiplied by the standard deviation, not divided."), TIMES),
        (
            [A - mean / s for s in both],
            _("The mean is divided by the standard deviation, but A is not."),
            BRACKETS,
        ),
        (mixed_up, _("The channels are mixed up with the pictures by a reshape."), MIXED_UP),
        ([(A - 0.5) / 0.5], _("0.5 is subtracted, and divided by, whatever the pictures are."), TYPED),
        ([A - mean], _("The mean is subtracted, but nothing is divided."), ONLY_CENTRED),
        (
            [A / s for s in both],
            _("It is divided by the standard deviation, but no mean is subtracted."),
            ONLY_SCALED,
        ),
        ([A / s - mean for s in both], _("The mean is subtracted after the division, not before."), DIVIDED_FIRST),
        (
            [(A - mean) / s**2 for s in both],
            _("It is divided by the variance, not by the standard deviation."),
            VARIANCE,
        ),
        (
            [(A - mean) / s for s in own],
            _("The divisor is the mean of the standard deviations that the pictures have by themselves."),
            MEAN_OF_STDS,
        ),
        (
            [(A - low) / (high - low), (A - A.min()) / (A.max() - A.min())],
            _("The pixels are stretched to 0…1; that is another normalisation."),
            RANGE,
        ),
    ]


def mixed(got, A):
    """The mistake where one of the two is right, and the other is taken over other dimensions."""
    for over in subsets():
        if over == CHANNELS:
            continue
        for k in (0, 1):
            if near(got, standard(A, CHANNELS, over, k)):
                return _("The std is taken over dim={over}, the mean over the right ones.").format(
                    over=over
                ), ONE_STD
            if near(got, standard(A, over, CHANNELS, k)):
                return _("The mean is taken over dim={over}, the std over the right ones.").format(
                    over=over
                ), ONE_MEAN
    return "", ""
