"""padding: whole numbers of any kind are read, made-up answers earn nothing, and no message tells an answer."""

from __future__ import annotations

import re

import pytest
import torch
from quick import ROOT, judge, load, run

PUBLIC = load(ROOT / "graders" / "padding" / "test_public.py")

PADS = """
import numpy as np
import torch

def get_pads(kernel_sizes, H_W, H=8, W=16):
    return [((a - 1 - H + k) // 2, (b - 1 - W + l) // 2) for (k, l), (a, b) in zip(kernel_sizes, H_W)]
"""
SIZE = """
def conv_output_size(H, W, F, S=1, P=0):
    return (H - F + 2 * P) // S + 1, (W - F + 2 * P) // S + 1
"""
RIGHT = {"neuron_parameters": 401, "first_conv_numbers": 4704, "halvings": 5, "input_order": "NCHW"}
ANSWERS = f"answers = {RIGHT}"
PARTS = {"pads": PADS, "size": SIZE, "answers": ANSWERS}
PAD_CRITERIA, SIZE_CRITERIA = {"pads-table", "pads-any-size"}, {"size-examples", "size-any"}
QUIZ = {f"quiz-{key.replace('_', '-')}" for key in RIGHT}


def judged(seed=0, **changes):
    """The verdict on right work with these parts in place of its own; an empty part is left out."""
    space, errors = run("padding", [part for part in (PARTS | changes).values() if part])
    assert errors == []
    return judge("padding", space, seed)


def pads(expression):
    """A get_pads that makes something else of the right ``pads``."""
    changed = f"\n_right = get_pads\ndef get_pads(*a, **k):\n    pads = _right(*a, **k)\n    return {expression}\n"
    return PADS + changed


def size(expression):
    """A conv_output_size that makes something else of the right ``size``."""
    changed = "\n_size = conv_output_size\ndef conv_output_size(*a, **k):\n    size = _size(*a, **k)\n"
    return f"{SIZE}{changed}    return {expression}\n"


@pytest.mark.parametrize("seed", range(8))
def test_right_work_loses_nothing(seed):
    assert judged(seed).lost == set()


@pytest.mark.parametrize(("part", "lost"), [("pads", PAD_CRITERIA), ("size", SIZE_CRITERIA), ("answers", QUIZ)])
def test_a_missing_part_loses_its_own_criteria(part, lost):
    assert judged(**{part: ""}).lost == lost


@pytest.mark.parametrize(
    "expression",
    [
        "tuple(pads)",
        "[list(p) for p in pads]",
        "[tuple(np.int64(n) for n in p) for p in pads]",
        "[tuple(torch.tensor(n) for n in p) for p in pads]",
        "np.array(pads)",
        "torch.tensor(pads)",
        "[np.array(p) for p in pads]",
        "[torch.Size(p) for p in pads]",
        "print(pads) or pads",
    ],
)
def test_pairs_of_whole_numbers_of_any_kind(expression):
    assert judged(pads=pads(expression)).lost == set()


@pytest.mark.parametrize(
    "expression",
    [
        "[(float(p), float(q)) for p, q in pads]",
        "[(p, q / 1) for p, q in pads]",
        "np.array(pads, dtype=float)",
        "torch.tensor(pads) / 1",
        "[(str(p), str(q)) for p, q in pads]",
        "[(p, q, 0) for p, q in pads]",
        "[(p,) for p, q in pads]",
        "[p for pair in pads for p in pair]",
        "[p[0] for p in pads]",
        "pads[:-1]",
        "pads + pads",
        "dict(enumerate(pads))",
        "str(pads)",
        "[(q, p) for p, q in pads]",
        "[(p + 1, q) for p, q in pads]",
        "[(-p, -q) for p, q in pads]",
        "[(p + 10**300, q) for p, q in pads]",
        "[(None, None) for p in pads]",
        "[(True, True) for p in pads]",
        "[[[p], [q]] for p, q in pads]",
        "torch.zeros(1000, 1000, dtype=torch.int64)",
        "[]",
        "None",
        "0",
        "object()",
        "iter(pads)",
        "map(tuple, pads)",
        "(p for p in pads)",
    ],
)
def test_other_pads_earn_nothing(expression):
    assert judged(pads=pads(expression)).lost == PAD_CRITERIA


def test_a_float_is_told_by_its_type():
    told = str(judged(pads=pads("[(float(p), float(q)) for p, q in pads]")).results["pads-table"])
    assert "float 1.0" in told
    assert "`//` gives an int" in told


def test_a_wrong_padding_is_told_by_what_it_gives():
    told = str(judged(pads=pads("[(p, p) for p, q in pads]")).results["pads-table"])
    assert "For kernel (3, 5) and the wanted size (8, 16) the padding (1, 1) came back: it gives (8, 14)." in told


@pytest.mark.parametrize(
    "expression",
    ["list(size)", "torch.Size(size)", "np.array(size)", "torch.tensor(size)", "tuple(np.int32(n) for n in size)"],
)
def test_sizes_of_any_kind(expression):
    assert judged(size=size(expression)).lost == set()


@pytest.mark.parametrize(
    "expression",
    ["size[0]", "size[::-1] + size", "tuple(map(float, size))", "(size[0], float(size[1]))", "str(size)", "None",
     "{'H': size[0], 'W': size[1]}", "size[0] * size[1]", "(size[0], size[0])", "(size[1], size[0])",
     "(size[0] + 1, size[1])", "torch.zeros(*size)", "(size, size)", "{*size}"],
)  # fmt: skip
def test_other_sizes_earn_nothing(expression):
    assert judged(size=size(expression)).lost == SIZE_CRITERIA


def test_strides_and_paddings_may_come_by_place_or_by_name():
    only_by_place = SIZE.replace("S=1, P=0", "S=1, P=0, /")
    assert judged(size=only_by_place).lost == SIZE_CRITERIA  # the task's signature has names
    small_letters = SIZE.replace("H, W, F", "h, w, f").replace("H - F", "h - f").replace("W - F", "w - f")
    assert judged(size=small_letters).lost == set()


# --- the questions -----------------------------------------------------------------------------------------


def answered(key, value):
    """What becomes of one answer: the failure or ``passed``. The others are right and stay so."""
    found = judged(answers=f"import numpy as np\nimport torch\nanswers = {RIGHT}\nanswers[{key!r}] = {value}")
    criterion = f"quiz-{key.replace('_', '-')}"
    assert found.lost <= {criterion}
    return found.results[criterion]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("neuron_parameters", "16 * 5 * 5 + 1"),
        ("neuron_parameters", "401.0"),
        ("neuron_parameters", "np.int64(401)"),
        ("neuron_parameters", "torch.tensor(401)"),
        ("halvings", "np.log2(32)"),
        ("halvings", "torch.tensor([5])"),
        ("input_order", "'nchw'"),
        ("input_order", "' N, C, H, W. '"),
        ("input_order", "'(N,C,H,W)'"),
        ("input_order", "'N x C x H x W'.replace('x', '×')"),
        ("input_order", "('N', 'C', 'H', 'W')"),
        ("input_order", "['n', 'c', 'h', 'w']"),
        ("input_order", "'N\u0421\u041dW'"),
        ("input_order", "'n\u0441\u043dw'"),
        ("input_order", "'N x C x H x W'"),
        ("input_order", "'NxCxHxW'"),
        ("input_order", "'(N,Cin,Hin,Win)'"),
        ("input_order", "'N\u0445C\u0445H\u0445W'"),
        ("input_order", "'N \u0445 C \u0445 H \u0445 W'"),
        ("input_order", "'(N, C_in, H_in, W_in)'"),
        ("input_order", "'NCHW (batch, channels, height, width)'"),
        ("input_order", "'N - batch, C - channels, H - height, W - width'"),
        ("input_order", "'N=4, C=3, H=8, W=16'"),
        ("input_order", "'NCHW: N pictures, C channels, H height, W width'"),
        ("input_order", "'N - \u0431\u0430\u0442\u0447, C, H, W - \u0448\u0438\u0440\u0438\u043d\u0430'"),
    ],
)
def test_right_answers_however_they_are_written(key, value):
    assert answered(key, value) == "passed"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("neuron_parameters", "400"),
        ("neuron_parameters", "401.5"),
        ("neuron_parameters", "'401'"),
        ("neuron_parameters", "[401]"),
        ("neuron_parameters", "None"),
        ("neuron_parameters", "True"),
        ("neuron_parameters", "float('nan')"),
        ("neuron_parameters", "torch.tensor([401, 401])"),
        ("first_conv_numbers", "784"),
        ("first_conv_numbers", "-4704"),
        ("halvings", "6"),
        ("halvings", "[5, 5]"),
        ("input_order", "'NHWC'"),
        ("input_order", "'CHW'"),
        ("input_order", "'NCHWN'"),
        ("input_order", "''"),
        ("input_order", "4"),
        ("input_order", "[0, 1, 2, 3]"),
        ("input_order", "'batch, channels, height, width'"),
        ("input_order", "'BCHW'"),
        ("input_order", "'NHWC, or NCHW'"),
        ("input_order", "'NCNC'"),
        ("input_order", "'N x H x W x C'"),
        ("input_order", "'W_in, H_in, C_in, N'"),
        ("input_order", "'N, Hin, Win, Cin'"),
        ("halvings", "'5'"),
        ("halvings", "lambda: 5"),
    ],
)
def test_wrong_answers_are_lost_and_no_message_tells_the_right_one(key, value):
    failure = answered(key, value)
    assert failure != "passed"
    said = re.sub(re.escape(value.strip("'[]{}")), "", str(failure))
    assert not re.search(r"\b(401|4704)\b|NCHW|: 5\b", said)


@pytest.mark.parametrize(
    "answers", ["401, 4704, 5, 'NCHW'", "None", "{}", "[401, 4704, 5, 'NCHW']", "'NCHW'", "object()"]
)
def test_answers_that_are_no_dict_of_answers(answers):
    assert judged(answers=f"answers = {answers}").lost == QUIZ


def test_a_key_that_is_nearly_right_is_named():
    wrong = ANSWERS.replace("halvings", "halving")
    assert "`answers` has no key 'halvings'; the nearest one is 'halving'." in str(
        judged(answers=wrong).results["quiz-halvings"]
    )


def test_further_keys_do_no_harm():
    assert judged(answers=f"{ANSWERS}\nanswers['name'] = 'Ivanov'\nanswers[5] = 1.5").lost == set()
    assert judged(answers=f"{ANSWERS}\nanswers['how'] = lambda n: n // 2").lost == set()
    assert judged(answers=f"{ANSWERS}\nanswers['halvings'] = range(5)").lost == {"quiz-halvings"}


def test_hints_fit_what_was_handed_over():
    assert "without quotes" in judged(answers=ANSWERS.replace("401", "'401'")).hints["quiz-neuron-parameters"]
    assert judged(pads=pads("zip(*zip(*pads))")).hints["pads-table"] == PUBLIC.A_LIST
    assert (
        judged(pads=pads("kept.extend(pads) or kept") + "kept = [(1, 1)] * 8").hints["pads-table"] == PUBLIC.ANEW
    )
    assert judged(pads=pads("[(q, p) for p, q in pads]")).hints["pads-table"] == PUBLIC.FORMULA


def test_a_call_by_other_names_is_told_the_names():
    otherwise = SIZE.replace("S=1, P=0", "stride=1, pad=0").replace("* P", "* pad").replace("// S", "// stride")
    pads = PADS.replace("H=8, W=16", "h=8, w=16").replace("- H", "- h").replace("- W", "- w")
    found = judged(size=otherwise, pads=pads)
    hints = found.hints
    assert found.lost == {"pads-any-size", *SIZE_CRITERIA}
    assert hints["size-examples"] == hints["size-any"] == PUBLIC.NAMES
    assert "H=8, W=16" in hints["pads-any-size"]


# --- the questions of the graders --------------------------------------------------------------------------


def test_the_table_is_that_of_the_task():
    text = (ROOT / "assignments" / "padding" / "README.md").read_text(encoding="utf-8")
    for title, pairs in (("Kernel", PUBLIC.KERNELS), ("Wanted", PUBLIC.WANTED)):
        assert f"| {title} | {' | '.join(map(str, pairs))} |" in text


def test_a_real_convolution_agrees_with_the_course():
    pads = [(1, 1), (2, 2), (3, 3), (4, 4), (1, 2), (8, 8), (1, 1), (1, 1)]
    for kernel, wanted, pad in zip(PUBLIC.KERNELS, PUBLIC.WANTED, pads, strict=True):
        assert PUBLIC.size_after(8, 16, kernel, pad) == wanted
        assert torch.nn.Conv2d(3, 10, kernel, padding=pad)(torch.zeros(4, 3, 8, 16)).shape == (4, 10, *wanted)
    assert PUBLIC.real_size(50, 50, 3) == (48, 48)
    assert PUBLIC.real_size(1024, 768, 5, S=2) == (510, 382)
