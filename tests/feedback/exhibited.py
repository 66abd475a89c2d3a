"""Verdicts with everything that a grader can show: curves, matrices, pictures, tables, a traceback."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import samples
from samples import CRITERIA, png_of

from torchgrade.model import Evidence, Outcome, Verdict

NAMES = tuple("0123456789")
HEAD = ("", "first", "lowest", "highest", "last")


def noise(side: int, seed: int) -> str:
    """A coloured PNG that cannot be pressed together."""
    rng = random.Random(seed)
    return png_of([rng.randbytes(3 * side) for _ in range(side)])


def curves(points: int = 30, seed: int = 0) -> Evidence:
    """Two losses and a band."""
    rng = random.Random(seed)
    values = [2.3 * 0.9**n + 0.1 * rng.random() for n in range(points)]
    other = [v * 1.2 for v in values]
    return Evidence(
        "Loss by epoch", (points,), "", (
            HEAD,
            ("history", f"{values[0]:.4g}", f"{min(values):.4g}", f"{max(values):.4g}", f"{values[-1]:.4g}"),
            ("test_losses", f"{other[0]:.4g}", f"{min(other):.4g}", f"{max(other):.4g}", f"{other[-1]:.4g}"),
            ("the course's own", "2.1–2.4", "0.1", "2.4", "0.1–0.3"),
        ), kind="curves", drawn=(
            "head",
            " ".join(["line", *(f"{v:.4g}" for v in values)]),
            " ".join(["line", *(f"{v:.4g}" for v in other)]),
            " ".join(["band", *(f"{v * 0.9:.4g}:{v * 1.1:.4g}" for v in values)]),
        ), note="The band: five trainings of the course's network, Adam at 1e-3.",
    )  # fmt: skip


def confusion(seed: int = 0) -> Evidence:
    """Ten classes, mostly right."""
    rng = random.Random(seed)
    rows = tuple(
        (name, *(str(rng.randint(150, 200) if x == y else rng.randint(0, 30)) for x in range(10)))
        for y, name in enumerate(NAMES)
    )
    return Evidence("Confusion matrix", (10, 10), "int64", (("", *NAMES), *rows), kind="confusion")


def surface(classes: int = 3, seed: int = 0, side: int = 28) -> Evidence:
    """Areas of several classes with points, some of them wrong, as ragged as can be."""
    rng = random.Random(seed)
    letters = "abcdefghijklmno"[: 3 * classes]
    grid = ["".join(rng.choice(letters) for _ in range(side)) for _ in range(side)]
    spots = [
        " ".join(f"{rng.random():.4g}:{rng.random():.4g}:{rng.randrange(classes)}" for _ in range(50))
        for _ in range(classes)
    ]
    rows = tuple((f"class {n}", "33%", "400", "390") for n in range(classes))
    return Evidence(
        "Decision surface", (side, side), "", (("class", "share of the area", "points", "of them right"), *rows),
        cut=True, kind="surface", drawn=(" ".join(["-0.1:1.1", "-0.1:1.1", *grid]), *spots),
    )  # fmt: skip


def images(count: int = 8, side: int = 28) -> Evidence:
    """Images that were taken for something else."""
    return Evidence(
        "Images taken for something else", (side, side), "uint8", tuple((str(n % 10), "7") for n in range(count)),
        kind="images", drawn=tuple(noise(side, n) for n in range(count)), note=f"{count} of 40 that went wrong.",
    )  # fmt: skip


def filters(count: int = 6) -> Evidence:
    """Weights of a first layer."""
    return Evidence(
        "First layer: conv1.weight", (count, 1, 5, 5), "", tuple((str(n),) for n in range(count)),
        kind="filters", drawn=tuple(noise(5, 50 + n) for n in range(count)), note="Blue is below 0.",
    )  # fmt: skip


LAYERS = Evidence("Layers", (2,), "", (
    ("layer", "weights", "output", "parameters"), ("conv1", "6×1×5×5", "–", "156"),
    ("fc3", "10×84", "N×10", "850"), ("together", "", "", "1 006")), kind="layers")  # fmt: skip
TRACE = Evidence(
    "Traceback", (2,), "", (("Cell 4, line 2, in softmax",), ("ValueError: <b>wrong</b>",)), kind="trace"
)
ERRORS = Evidence("relative error of each gradient", (2,), "float64", (
    ("weights_1", "0.5", "1e-06"), ("bias_1", "2.2e-16", "1e-06")), kind="errors")  # fmt: skip


def every() -> tuple[Evidence, ...]:
    """One of each kind."""
    return (*samples.EVIDENCE, ERRORS, curves(), surface(side=14), confusion(), images(), filters(), LAYERS, TRACE)


def verdict(student: str = "tanya", shown: tuple[Evidence, ...] | None = None, **more: Any) -> Verdict:
    """A training assignment: all kinds in the first lost criterion, some with one that was passed."""
    shown = every() if shown is None else shown
    results = samples.all_with(Outcome.PASSED)
    results[0] = samples.judged(
        CRITERIA[0], Outcome.PASSED, None, "98.2% of 2000 test images", evidence=shown[-4:]
    )
    results[1] = samples.judged(
        CRITERIA[1], Outcome.FAILED, None, "softmax(x) has the wrong values.", "Look at the dim.", evidence=shown
    )
    results[7] = samples.judged(CRITERIA[7], Outcome.FAILED, None, "softmax has a loop.", evidence=shown)
    return samples.verdict(student, results, **more)


def long_verdict() -> Verdict:
    """More than a page holds: every criterion with every exhibit, and a notebook of hundreds of long cells."""
    shown = (*every(), curves(200), surface(5, 1), images(16, 40), filters(16), confusion(3))
    results = [
        samples.judged(c, Outcome.FAILED, None, "Wrong. " * 40, "Look. " * 40, evidence=shown) for c in CRITERIA
    ]
    cells = [
        samples.code(f"softmax = {n}\n" + "x = softmax(x)  # & <\n" * 40, samples.stream("loss 0.5\n" * 80))
        for n in range(150)
    ]
    drawn = samples.code("plt.show()", samples.result({"image/png": samples.png(400, 300)}, "display_data"))
    notebook = samples.notebook(*cells, *[drawn] * 40)
    return replace(samples.verdict("long", results), notebook=notebook)
