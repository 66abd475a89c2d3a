"""Public criteria of padding. They ship with the handout: a student can run them before handing in."""

import difflib
import re

import pytest
import torch

from torchgrade.testing import BadAnswer, ComparisonFailure, ProbeFailure, _, describe, require

KERNELS = [(3, 3), (5, 5), (7, 7), (9, 9), (3, 5), (3, 3), (4, 4), (2, 2)]
WANTED = [(8, 16), (8, 16), (8, 16), (8, 16), (8, 16), (22, 30), (7, 15), (9, 17)]

# H, W, F and then S, P: first as the task has them, then LeNet's two convolutions, then an odd one.
EXAMPLES = (
    ((50, 50, 3), {}),
    ((1024, 768, 5), {"S": 2}),
    ((28, 28, 5), {"P": 2}),
    ((14, 14, 5), {}),
    ((30, 17, 4), {"S": 3, "P": 1}),
)


@pytest.mark.criterion("pads-table")
def test_table_of_the_task(submission, hint):
    """get_pads(kernel_sizes, H_W) gives the padding for each of the eight kernels of the task"""
    try:
        answer = as_list(submission.call("get_pads", KERNELS, WANTED))
    except ProbeFailure as failure:
        lazy = LAZY.search(str(failure)) if isinstance(failure, BadAnswer) else None
        hint(A_LIST if lazy else FORMULA)
        if lazy is None:
            raise
        text = _("get_pads should return a list of (pad_h, pad_w), but a {kind} came back.").format(kind=lazy[1])
        raise ComparisonFailure(text) from None
    hint(ANEW if holds_too_many(answer) else FORMULA)
    pads = whole_pairs(answer, len(KERNELS), "get_pads")
    for kernel, wanted, pad in zip(KERNELS, WANTED, pads, strict=True):
        found = size_after(8, 16, kernel, pad)
        text = _("For kernel {kernel} and the wanted size {wanted} the padding {pad} came back: it gives {found}.")
        require(found == wanted, text.format(kernel=kernel, wanted=wanted, pad=pad, found=found))


FORMULA = (
    "With stride 1 the output is H + 2 * pad - kernel + 1 high. Solve that for pad, and the same with W for the width; pad "
    "is the same above and below, so it counts twice."
)
LAZY = re.compile(
    r"\b(zip|map|filter|generator|\w+_iterator)\b"
)  # what the failure calls an answer that is no list yet
A_LIST = (
    "It makes its pairs only when somebody goes through it, and only once. list(...) around it makes them a list."
)
ANEW = (
    "The list holds pairs of an earlier call as well: it is made outside the function, or as a default argument. Begin "
    "with an empty list in every call."
)


def holds_too_many(answer):
    """Whether there are pairs, but several times as many as kernels."""
    pairs = isinstance(answer, list) and all(isinstance(p, list | tuple) and len(p) == 2 for p in answer)
    return pairs and len(answer) > len(KERNELS) and len(answer) % len(KERNELS) == 0


@pytest.mark.criterion("size-examples")
def test_sizes_of_the_task(submission, hint):
    """conv_output_size(H, W, F, S, P) gives the size that a real Conv2d answers with"""
    # All are asked before any is judged: on the first alone, several mistakes look the same.
    try:
        answers = [submission.call("conv_output_size", *sizes, **options) for sizes, options in EXAMPLES]
    except ProbeFailure as failure:
        hint(NAMES if "unexpected keyword" in str(failure) else ROUNDED_DOWN)
        raise
    hint(ROUNDED_DOWN)
    for (sizes, options), answer in zip(EXAMPLES, answers, strict=True):
        found = whole_pair(answer, "conv_output_size")
        expected = real_size(*sizes, **options)
        asked = ", ".join([*map(str, sizes), *(f"{key}={value}" for key, value in options.items())])
        text = _("conv_output_size({asked}) should be {expected}, but {found} came back.")
        require(found == expected, text.format(asked=asked, expected=expected, found=found))


ROUNDED_DOWN = (
    "(H - F + 2 * P) / S, rounded down, and then 1 more: the kernel stops where it would stick out. Use // to round down "
    "to a whole number."
)
NAMES = "S and P are given by these names, as in conv_output_size(1024, 768, 5, S=2): call your arguments as the task does."


@pytest.mark.criterion("quiz-neuron-parameters")
def test_parameters_of_a_neuron(submission, hint):
    """answers["neuron_parameters"] counts the weights of one neuron and its bias"""
    right = sum(p.numel() for p in torch.nn.Conv2d(16, 1, 5).parameters())
    hints = {
        right - 1: "These are the weights. A neuron has a bias as well.",
        5 * 5 + 1: "One kernel of 5 × 5 for each of the 16 channels: a neuron looks at all of them.",
        5
        * 5: "One kernel of 5 × 5 for each of the 16 channels: a neuron looks at all of them, and has a bias as well.",
        16 * (5 * 5 + 1): "A neuron has one bias, not one for each channel that it looks at.",
    }
    usual = "A neuron has one weight for every number that it looks at, over all channels, and one bias."
    judge_number(submission, "neuron_parameters", right, hints, usual, hint)


@pytest.mark.criterion("quiz-first-conv-numbers")
def test_numbers_after_the_first_convolution(submission, hint):
    """answers["first_conv_numbers"] counts the numbers that come out of LeNet's first convolution"""
    convolution = torch.nn.Conv2d(1, 6, 5, padding=2, device="meta")
    right = convolution(torch.empty(1, 1, 28, 28, device="meta")).numel()
    hints = {
        6 * 24 * 24: "24 × 24 would come out without the padding. With it the picture keeps its size.",
        28 * 28: "That is one output channel. How many are there?",
        6
        * 14
        * 14: "The halving comes later, with the pooling. The question is what the convolution itself gives.",
        6 * 5 * 5 + 6: "These are the parameters of the layer. The question is how many numbers come out of it.",
    }
    usual = "The number of output channels, times the height and the width of each."
    judge_number(submission, "first_conv_numbers", right, hints, usual, hint)


@pytest.mark.criterion("quiz-halvings")
def test_halvings(submission, hint):
    """answers["halvings"] counts how often 32 can be halved until 1 is left"""
    size, right = 32, 0
    while size > 1:
        size, right = size // 2, right + 1
    hints = {
        right + 1: "Count the steps between the sizes, not the sizes themselves.",
        right - 1: "After so many there are still 2 × 2 left.",
        16: "Half of 32 is the size after the first of them. The question is how many it takes to reach 1.",
    }
    usual = "Write the sizes down one after the other, from 32 to 1, and count the steps between them."
    judge_number(submission, "halvings", right, hints, usual, hint)


@pytest.mark.criterion("quiz-input-order")
def test_order_of_the_dimensions(submission, hint):
    """answers["input_order"] names the dimensions that nn.Conv2d wants, in order"""
    usual = (
        "Look at the shape of `images` in the notebook, which a Conv2d takes: what is its 4, its 3, its 8, its 16?"
    )
    value = answered(submission, "input_order", usual, hint)
    parts = value if isinstance(value, list | tuple) else [value]
    readable = all(isinstance(part, str) for part in parts)
    letters = letters_of(" ".join(parts)) if readable else ""
    channels_last = "Channels last is the order of matplotlib and of many picture files. PyTorch has it otherwise."
    hint(channels_last if letters == "NHWC" else usual)
    require(readable, _('answers["input_order"] should be text, but it is {what}.').format(what=describe(value)))
    shown = repr((value if isinstance(value, str) else " ".join(parts))[:40])
    text = _('answers["input_order"] is {shown}: the letters C, H, N and W are asked, each of them once.')
    require(sorted(letters) == sorted("CHNW"), text.format(shown=shown))
    text = _('answers["input_order"] is {shown}, and nn.Conv2d wants another order.')
    require(letters == "NCHW", text.format(shown=shown))


# --- whole numbers -----------------------------------------------------------------------------------------


def whole_pairs(answer, count, name):
    """The answer as pairs of int; a ComparisonFailure that says what else it is."""
    answer = as_list(answer)
    is_list = isinstance(answer, list | tuple)
    found = describe(answer)
    text = _("{name} should return a list of (pad_h, pad_w), but {found} came back.").format(
        name=name, found=found
    )
    require(is_list, text + lost(answer))
    text = _("{name} should return {count} pairs here, but {found} came back.")
    require(len(answer) == count, text.format(name=name, count=count, found=found))
    return [whole_pair(pair, _("each item that {name} returns").format(name=name)) for pair in answer]


def whole_pair(answer, name):
    """Two whole numbers as a tuple of int; a ComparisonFailure that says what else they are."""
    answer = as_list(answer)
    is_pair = isinstance(answer, list | tuple) and len(answer) == 2
    text = _("{name} should be a pair of whole numbers, but it is {found}.")
    require(is_pair, text.format(name=name, found=describe(answer)) + lost(answer))
    numbers = tuple(n.item() if isinstance(n, torch.Tensor) and n.numel() == 1 else n for n in answer)
    odd = [n for n in numbers if not isinstance(n, int) or isinstance(n, bool)]
    if odd:
        slash = _("`/` gives a float, also where nothing is left over; `//` gives an int.")
        advice = f" {slash}" if isinstance(odd[0], float) else ""
        text = _("{name} should hold whole numbers (int), as Conv2d wants them, but {found} is among them.")
        require(False, text.format(name=name, found=describe(odd[0])) + advice)
    return numbers


def as_list(answer):
    """A small array as lists: its rows are as good as pairs."""
    return answer.tolist() if isinstance(answer, torch.Tensor) and answer.numel() <= 2 * len(KERNELS) else answer


def lost(answer):
    return " " + _("Is a `return` missing?") if answer is None else ""


# --- a real convolution ------------------------------------------------------------------------------------


def size_after(height, width, kernel, pad):
    """What a convolution of stride 1 makes of this picture, in words where it cannot be had."""
    size = tuple(s + 2 * p - k + 1 for s, k, p in zip((height, width), kernel, pad, strict=True))
    if min(pad) < 0:
        return _("an error, for a padding cannot be negative")
    return size if min(size) > 0 else _("an error, for the kernel does not fit")


def real_size(H, W, F, S=1, P=0):
    """(H_out, W_out) from a real Conv2d, on a device that computes shapes alone."""
    convolution = torch.nn.Conv2d(1, 1, F, stride=S, padding=P, device="meta")
    return tuple(convolution(torch.empty(1, 1, H, W, device="meta")).shape[-2:])


# --- the questions -----------------------------------------------------------------------------------------


def answered(submission, key, usual, hint):
    """What ``answers`` holds for this key; a failure with the usual hint where there is nothing."""
    try:
        answers = read_answers(submission, key)
        text = _("`answers` should be a dict, but it is {what}.").format(what=describe(answers))
        require(isinstance(answers, dict), text)
        near = difflib.get_close_matches(key, [k for k in answers if isinstance(k, str)], 1, 0.7)
        text = (
            _("`answers` has no key '{key}'; the nearest one is '{near}'.")
            if near
            else _("`answers` has no key '{key}'.")
        )
        require(key in answers, text.format(key=key, near=near[0][:40] if near else ""))
        require(answers[key] is not None, _('answers["{key}"] is not answered yet.').format(key=key))
    except (ProbeFailure, ComparisonFailure):
        hint(usual)
        raise
    return answers[key]


def read_answers(submission, key):
    """The dict. Where something in it cannot be handed over, this key alone: the other answers count all the same."""
    try:
        return submission.value("answers")
    except BadAnswer:
        return {key: submission.object("answers").call("get", key)}


def judge_number(submission, key, right, hints, usual, hint):
    """Fail unless the answer is this number; what it is instead decides the hint. The message tells no answer."""
    value = answered(submission, key, usual, hint)
    if isinstance(value, torch.Tensor) and value.numel() == 1:
        value = value.item()
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    as_text = "Write the answer as a number: worked out to the end, and without quotes."
    hint(hints.get(value, usual) if is_number else as_text if isinstance(value, str) else usual)
    what = describe(value)
    require(is_number, _('answers["{key}"] should be a number, but it is {what}.').format(key=key, what=what))
    require(value == right, _('answers["{key}"] is {what}, and that is not right.').format(key=key, what=what))


def letters_of(text):
    """The letters C, H, N, W in their order, from all words that have no other letter: what else is said, and the x of
    "N x C" or "NxC", does not count, nor does the "in" of "C_in" or "Cin". Cyrillic letters that look the same are read as Latin.
    """
    text = re.sub(r"(?:_|(?<=\b[CHW]))(IN|OUT)\b", "", text.upper().translate(str.maketrans("СНХ", "CHX")))
    words = re.findall(r"[^\W\d_]+", re.sub(r"(?<=[CHNW])X(?=[CHNW])", " ", text))
    letters = "".join(word for word in words if set(word) <= set("CHNW"))
    return letters[:4] if letters == letters[:4] * (len(letters) // 4) else letters  # said again is said once
