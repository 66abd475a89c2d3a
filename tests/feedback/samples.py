"""Verdicts as a course would see them: right, wrong, crashed, slow, unreadable, broken, and a cohort of sixty."""

from __future__ import annotations

import base64
import random
import struct
import zlib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from torchgrade.model import (
    Assignment,
    CellReport,
    Course,
    Criterion,
    CriterionResult,
    Evidence,
    Outcome,
    Status,
    Tier,
    Verdict,
    Visibility,
)

NOW = datetime(2026, 9, 14, 10, 30, tzinfo=UTC)

CRITERIA = (
    Criterion("softmax-shape", "softmax returns one row of probabilities per row of x", 1),
    Criterion("softmax-values", "softmax gives the right values for any batch", 2, needs=("softmax-shape",)),
    Criterion("rows-sum-to-one", "Every row sums to one", 2),
    Criterion("argument-kept", "softmax leaves its argument unchanged", 1),
    Criterion("network-output", "out is the raw output of the network, (64, 10)", 1),
    Criterion("any-size", "softmax works for any number of rows and classes", 1, Visibility.AFTER_DUE),
    Criterion("gradient", "Gradients flow through softmax", 1, Visibility.AFTER_DUE),
    Criterion("no-loop", "softmax is vectorised", 1, Visibility.HIDDEN),
    Criterion("stable", "softmax stays finite for inputs of ±1000", 0.5, Visibility.AFTER_DUE, bonus=True),
    Criterion("explanation", "You explain why the divisor has shape (64, 1)", 2, manual=True),
)
ASSIGNMENT = Assignment("softmax", "Softmax from raw tensors", CRITERIA, ("softmax", "out"))
COURSE = Course(Path("course"), "Deep learning with PyTorch", "2026", assignments=(ASSIGNMENT,))

VERSIONS = {"torchgrade": "0.1.0", "torch": "2.13.0", "python": "3.11.9"}
DIGESTS = {"notebook": "9f2c" * 16, "graders": "77aa" * 16, "solution": "51ce" * 16}

EVIDENCE = (
    Evidence("input x", (3, 4), "float32", (
        ("0.50", "-1.25", "2.00", "0.10"), ("1.75", "0.25", "-0.50", "0.00"), ("-2.00", "1.00", "0.75", "1.50"))),
    Evidence("expected", (3, 4), "float32", (
        ("0.1578", "0.0274", "0.7072", "0.1076"), ("0.6676", "0.1490", "0.0704", "0.1130"),
        ("0.0139", "0.2789", "0.2172", "0.4900"))),
    Evidence("got", (3, 4), "float32", (
        ("0.2195", "0.0653", "0.7292", "0.1577"), ("0.7662", "0.2926", "0.0599", "0.1427"),
        ("0.0180", "0.6195", "0.2090", "0.6395"))),
)  # fmt: skip


def png(width: int = 220, height: int = 120) -> str:
    """A real PNG, as base64: a falling curve on white."""
    rows = []
    for y in range(height):
        row = bytearray(b"\xff\xff\xff" * width)
        for x in range(width):
            curve = height * (0.12 + 0.75 * (1 - 2.72 ** (-x / 45)))
            if abs(y - curve) < 1.6 or y == height - 6 or x == 6:
                row[3 * x : 3 * x + 3] = b"\x1d\x4f\xa3" if abs(y - curve) < 1.6 else b"\x99\xa0\xad"
        rows.append(bytes(row))
    return png_of(rows)


def png_of(rows: list[bytes]) -> str:
    """A PNG of these rows of RGB bytes, as base64."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", len(rows[0]) // 3, len(rows), 8, 2, 0, 0, 0)
    data = zlib.compress(b"".join(b"\x00" + row for row in rows))
    raw = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    return base64.b64encode(raw).decode()


def code(source: str, *outputs: dict[str, Any], ran: int | None = 1) -> dict[str, Any]:
    """A code cell of nbformat 4."""
    return {"cell_type": "code", "source": source, "outputs": list(outputs), "execution_count": ran,
            "metadata": {}, "id": "x"}  # fmt: skip


def text(source: str) -> dict[str, Any]:
    """A Markdown cell."""
    return {"cell_type": "markdown", "source": source, "metadata": {}, "id": "y"}


def stream(text: str, name: str = "stdout") -> dict[str, Any]:
    """An output stream."""
    return {"output_type": "stream", "name": name, "text": text}


def result(data: dict[str, Any], kind: str = "execute_result") -> dict[str, Any]:
    """A displayed value."""
    return {"output_type": kind, "data": data, "metadata": {}, "execution_count": 1}


def error(name: str, value: str, traceback: list[str]) -> dict[str, Any]:
    """An uncaught exception."""
    return {"output_type": "error", "ename": name, "evalue": value, "traceback": traceback}


def notebook(*cells: dict[str, Any]) -> dict[str, Any]:
    """A notebook of nbformat 4.5."""
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells)}


TRACEBACK = [
    "\x1b[0;31m---------------------------------------------------------------------------\x1b[0m",
    "\x1b[0;31mRuntimeError\x1b[0m                              Traceback (most recent call last)",
    "Cell \x1b[0;32mIn[4], line 6\x1b[0m\n\x1b[1;32m      4\x1b[0m B1 = torch.randn(256)\n"
    "\x1b[0;32m----> 6\x1b[0m h = activation(torch.mm(images, W1) + B1)\n",
    "\x1b[0;31mRuntimeError\x1b[0m: self must be a matrix",
]

LAB = notebook(
    text("# Softmax from raw tensors\n\nFill the gaps. Keep the **names**: the grader asks for `softmax`, `out`."),
    code("import torch\nfrom torchvision import datasets, transforms\n\ntorch.manual_seed(7)",
         result({"text/plain": "<torch._C.Generator at 0x7f3a>"})),
    text("## The network\n\nA batch of 64 images goes through 784-256(sigmoid)-10.\n\n"
         "```python\nout.shape == (64, 10)\n```\nSee the [documentation](https://pytorch.org/docs/stable/)."),
    code('def activation(x):\n    """Sigmoid, element by element."""\n    return 1 / (1 + torch.exp(-x))\n\n'
         "# Flatten the batch: (64, 1, 28, 28) to (64, 784)\ninputs = images.view(images.shape[0], -1)\n"
         "w1, b1 = torch.randn(784, 256), torch.randn(256)\nw2, b2 = torch.randn(256, 10), torch.randn(10)\n"
         "h = activation(torch.mm(inputs, w1) + b1)\nout = torch.mm(h, w2) + b2\nprint(out.shape)",
         stream("torch.Size([64, 10])\n"), ran=2),
    code("def softmax(x):\n    return torch.exp(x) / torch.sum(torch.exp(x), dim=0).view(1, -1)\n\n"
         "probabilities = softmax(out)\nprint(probabilities.shape)\nprint(probabilities.sum(dim=1))",
         stream("torch.Size([64, 10])\ntensor([0.7730, 1.2471, 0.9928, 1.0412, 0.8837, 1.1102, 1.0306])\n"),
         ran=3),
    code("import matplotlib.pyplot as plt\nplt.plot(losses)\nplt.show()",
         result({"image/png": png(), "text/plain": "<Figure size 640x480 with 1 Axes>"}, "display_data"), ran=4),
)  # fmt: skip

CRASHED = notebook(
    *LAB["cells"][:3],
    code("W1 = torch.randn(784, 256)\nW2 = torch.randn(256, 10)\nB2 = torch.randn(10)\nB1 = torch.randn(256)\n\n"
         "h = activation(torch.mm(images, W1) + B1)\nout = torch.mm(h, W2) + B2",
         stream("UserWarning: the default of lr_scheduler changed\n", "stderr"),
         error("RuntimeError", "self must be a matrix", TRACEBACK), ran=4),
    code("def softmax(x):\n    return torch.exp(x) / torch.sum(torch.exp(x), dim=1).view(-1, 1)", ran=5),
    code("print(softmax(out).sum(dim=1))", error("NameError", "name 'out' is not defined", [
        "\x1b[0;31mNameError\x1b[0m: name 'out' is not defined"]), ran=6),
)  # fmt: skip


def judged(
    criterion: Criterion,
    outcome: Outcome,
    share: float | None = None,
    message: str = "",
    hint: str = "",
    **more: Any,
) -> CriterionResult:
    """A result for this criterion; ``share`` of its points is earned (1 where passed, else 0)."""
    share = (1.0 if outcome is Outcome.PASSED else 0.0) if share is None else share
    return CriterionResult(
        criterion.id, criterion.title, outcome, criterion.points * share, criterion.points, criterion.bonus,
        criterion.visibility, message, hint, **more,
    )  # fmt: skip


def verdict(student: str, results: list[CriterionResult], **more: Any) -> Verdict:
    """A verdict whose totals are the sums of its results."""
    counted = [r for r in results if not r.bonus and r.outcome is not Outcome.MANUAL]
    values: dict[str, Any] = {
        "status": Status.GRADED,
        "seconds": 0.31,
        "peak_memory_mb": 412.0,
        "versions": VERSIONS,
        "digests": DIGESTS,
        "seed": "course-seed-1f6a",
        "notebook": LAB,
        "cells": tuple(CellReport(i, "ok", 0.05) for i in (1, 3, 4, 5)),
        **more,
    }
    return Verdict(
        student=student,
        assignment=ASSIGNMENT.id,
        points=sum(r.points for r in counted),
        max_points=ASSIGNMENT.max_points,
        bonus=sum(r.points for r in results if r.bonus),
        criteria=tuple(results),
        **values,
    )


def all_with(outcome: Outcome, **more: Any) -> list[CriterionResult]:
    """Every criterion with this outcome, but what a teacher reads."""
    return [judged(c, Outcome.MANUAL if c.manual else outcome, **more) for c in CRITERIA]


def right(student: str = "anna.petrova") -> Verdict:
    """Everything passes, the bonus too."""
    return verdict(student, all_with(Outcome.PASSED))


def wrong(student: str = "ivanov") -> Verdict:
    """The classic mistake: normalised over the wrong dimension, with arrays to look at."""
    results = all_with(Outcome.PASSED)
    results[1] = judged(
        CRITERIA[1], Outcome.PARTIAL, 0.25,
        "softmax(x) has the right shape (3, 4), but 12 of 12 numbers differ from the expected ones; the largest "
        "relative error is 1.22. The answer looks normalised over dim=0 instead of dim=1.",
        "The sum runs over the classes of one image: look at the dim of torch.sum and the divisor's shape.",
        evidence=EVIDENCE,
    )  # fmt: skip
    results[2] = judged(
        CRITERIA[2], Outcome.FAILED, None, "Rows should sum to 1. The first three sum to 1.17, 1.26 and 1.49.",
        evidence=(Evidence("got", (3,), "float32", (("1.1717", "1.2614", "1.4860"),)),
                  Evidence("expected", (3,), "float32", (("1.0000", "1.0000", "1.0000"),))),
    )  # fmt: skip
    results[5] = judged(CRITERIA[5], Outcome.FAILED, None, "Wrong values at another size.",
                        "Try a batch of one row.", detail="x drawn from seed 99: SECRET-INPUT")  # fmt: skip
    results[8] = judged(CRITERIA[8], Outcome.FAILED, None, "The answer for large inputs is not finite.")
    return verdict(student, results, seconds=0.42, notes=("The file had the name softmax(1).ipynb.",))


def crashed(student: str = "k.sidorova") -> Verdict:
    """Cells raise; what was defined before them is still graded."""
    results = all_with(Outcome.PASSED)
    results[4] = judged(CRITERIA[4], Outcome.ERRORED, None,
                        "The notebook defines no `out`; cell 4 raised before it.",
                        "Flatten the batch first: images.view(images.shape[0], -1).")  # fmt: skip
    results[6] = judged(CRITERIA[6], Outcome.SKIPPED)
    cells = (
        CellReport(1, "ok", 1.2),
        CellReport(3, "error", 0.01, "RuntimeError", "self must be a matrix", 6),
        CellReport(4, "ok", 0.0),
        CellReport(5, "error", 0.0, "NameError", "name 'out' is not defined", 1),
    )
    return verdict(student, results, notebook=CRASHED, cells=cells)


def slow(student: str = "morozov") -> Verdict:
    """A training loop that does not end."""
    results = all_with(Outcome.TIMED_OUT)
    results[0] = judged(CRITERIA[0], Outcome.PASSED)
    results[3] = judged(CRITERIA[3], Outcome.OUT_OF_MEMORY)
    loop = code(
        "while True:\n    loss = step(loss)", stream("epoch 1: 10%\repoch 1: 55%\repoch 1: 100%\n"), ran=None
    )
    return verdict(
        student, results, status=Status.LIMIT, reason="Cell 2 ran longer than 60 s and was stopped.",
        notebook=notebook(text("## Training"), loop, code("evaluate(model)", ran=None)), sandbox=Tier.LANDLOCK,
        cells=(CellReport(1, "interrupted", 60.02), CellReport(2, "skipped")), seconds=61.8, device="cuda:0",
    )  # fmt: skip


def unreadable(student: str = "orlov") -> Verdict:
    """Not a notebook at all."""
    return verdict(student, [], status=Status.UNREADABLE, notebook=None, cells=(), seconds=0.0, peak_memory_mb=0.0,
                   reason="softmax.ipynb is not JSON: line 1, column 1. It looks like a PDF.")  # fmt: skip


def broken(student: str = "zaitsev") -> Verdict:
    """The grader failed: loud, and free of charge."""
    results = all_with(Outcome.PASSED)
    results[6] = judged(CRITERIA[6], Outcome.BROKEN)
    return verdict(student, results, status=Status.BROKEN, reason="The grader of one criterion failed.")


_FAMILY = """Abramov Belova Chernov Danilova Efimov Fomina Gusev Ilyina Karpov Lebedeva Makarov Nikitina Osipov
Pavlova Romanov Sergeeva Titov Ulyanova Vlasov Yakovleva"""
FAMILY = _FAMILY.split()


def cohort(size: int = 60) -> list[Verdict]:
    """A cohort with the usual spread; the same one each time."""
    rng = random.Random(5)
    special = [right(), wrong(), crashed(), slow(), unreadable(), broken()]
    return (special + [_random_verdict(i, rng) for i in range(size - len(special))])[:size]


def _random_verdict(i: int, rng: random.Random) -> Verdict:
    skill = rng.betavariate(4, 1.6)
    results = [judged(c, Outcome.MANUAL if c.manual else _outcome(skill, rng)) for c in CRITERIA]
    results = [replace(r, points=r.max_points / 2) if r.outcome is Outcome.PARTIAL else r for r in results]
    name = f"{FAMILY[i % len(FAMILY)].lower()}.{'abcdefgh'[i // len(FAMILY)]}"
    return verdict(name, results, seconds=0.2 + rng.random(), peak_memory_mb=350 + 200 * rng.random())


def _outcome(skill: float, rng: random.Random) -> Outcome:
    if rng.random() < skill:
        return Outcome.PASSED
    return rng.choice([Outcome.FAILED] * 4 + [Outcome.PARTIAL] * 2 + [Outcome.ERRORED, Outcome.SKIPPED])
