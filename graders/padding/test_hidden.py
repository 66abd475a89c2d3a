"""Hidden criteria of padding: fresh sizes, drawn from the course's secret. Never shipped."""

import contextlib

import pytest
import torch

from torchgrade.testing import ProbeFailure, _, require

PICTURES, KERNELS, SIZES = 6, 6, 40  # how many are drawn


@pytest.mark.criterion("pads-any-size")
def test_other_pictures_and_kernels(submission, rng, hint):
    """get_pads gives the padding for any picture, given by H= and W=, and any kernels and wanted sizes"""
    answers = []  # all are asked before any is judged: on the first alone, several mistakes look the same
    for _n in range(PICTURES):
        height, width = draw(rng, 9, 40), draw(rng, 9, 40)
        kernels = [(draw(rng, 1, 9), draw(rng, 1, 9)) for _ in range(KERNELS)]
        padded = [(draw(rng, 0, 7), draw(rng, 0, 7)) for _ in range(KERNELS)]
        # The wanted size is what a real convolution makes of a padding, so it can be had.
        wanted = [real_size(height, width, k, 1, p) for k, p in zip(kernels, padded, strict=True)]
        with advice(hint, PICTURE, ARGUMENTS_ALONE):
            answers.append((as_lists(submission.call("get_pads", kernels, wanted, H=height, W=width)), padded))
    hint(ARGUMENTS_ALONE)
    for pads, padded in answers:
        is_list = isinstance(pads, list) and len(pads) == KERNELS and all(is_pair(p) for p in pads)
        require(is_list, _("get_pads does not return one (pad_h, pad_w) for each kernel."))
        whole = all(is_whole(n) for pair in pads for n in pair)
        require(whole, _("get_pads does not return whole numbers (int): `/` gives a float, `//` an int."))
        right = [tuple(pair) == p for pair, p in zip(pads, padded, strict=True)]
        require(all(right), _("With the padding that came back a Conv2d does not give the wanted size."))


ARGUMENTS_ALONE = (
    "Use the arguments alone, H and W by these names, and begin anew in every call: there may be any number of kernels, "
    "and pictures, kernels and sizes of any shape."
)
PICTURE = "The size of the picture is given by name: get_pads(kernel_sizes, H_W, H=8, W=16) takes H and W."


@pytest.mark.criterion("size-any")
def test_other_sizes_strides_and_paddings(submission, rng, hint):
    """conv_output_size gives the size that a real Conv2d answers with, whatever its kernel, stride and padding"""
    answers = []
    for n in range(SIZES):
        picture = draw(rng, 9, 60), draw(rng, 9, 60), draw(rng, 1, 9)
        stride, padding = draw(rng, 1, 4), draw(rng, 0, 5)
        with advice(hint, NAMES, IN_ORDER):
            if n % 2:
                answer = submission.call("conv_output_size", *picture, stride, padding)
            else:
                answer = submission.call("conv_output_size", *picture, S=stride, P=padding)
        answers.append((as_lists(answer), real_size(*picture, stride, padding)))
    hint(IN_ORDER)
    for found, expected in answers:
        require(is_pair(found), _("conv_output_size does not return a pair (H_out, W_out)."))
        whole = all(map(is_whole, found))
        require(whole, _("conv_output_size does not return whole numbers (int): `/` gives a float, `//` an int."))
        require(tuple(found) == expected, _("The size is not what a real Conv2d answers with."))


IN_ORDER = (
    "The arguments come in the order H, W, F, S, P. Padding is on both sides, the division by the stride rounds down, and "
    "only then 1 is added."
)
NAMES = "S and P are given by these names, as in conv_output_size(1024, 768, 5, S=2): call your arguments as the task does."


@contextlib.contextmanager
def advice(hint, names, usual):
    """Give a hint where the call inside fails: ``names`` where an argument is called otherwise."""
    try:
        yield
    except ProbeFailure as failure:
        hint(names if "unexpected keyword" in str(failure) else usual)
        raise


def draw(rng, low, high):
    """A whole number from low to high, both included."""
    return int(torch.randint(low, high + 1, (), generator=rng))


def real_size(height, width, kernel, stride, padding):
    """(H_out, W_out) from a real Conv2d, on a device that computes shapes alone."""
    convolution = torch.nn.Conv2d(1, 1, kernel, stride=stride, padding=padding, device="meta")
    return tuple(convolution(torch.empty(1, 1, height, width, device="meta")).shape[-2:])


def as_lists(answer):
    """Small arrays and tuples as lists, deep enough for pairs."""
    if isinstance(answer, torch.Tensor) and answer.numel() <= 2 * KERNELS:
        return answer.tolist()
    return [as_lists(part) for part in answer] if isinstance(answer, list | tuple) else answer


def is_pair(value):
    return isinstance(value, list) and len(value) == 2


def is_whole(value):
    return isinstance(value, int) and not isinstance(value, bool)
