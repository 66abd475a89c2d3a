"""What a grader may show beside its words: curves, a confusion matrix, images, first weights, a table of layers.
The decision surface of a network that is given points in the plane is in ``surface``.

def test_accuracy(submission, dataset, exhibit):
    exhibit(lambda: confusion_matrix(found, labels, names))

An exhibit decides nothing. What cannot be shown is left out; a criterion that is not public shows none to anybody.
Images come from the training or the test part of a data set, which the student has, never from the kept one.
"""

from __future__ import annotations

import base64
import itertools
import math
import struct
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch

from torchgrade.i18n import _
from torchgrade.model import Evidence
from torchgrade.testing.describe import number
from torchgrade.testing.examinee import Examinee
from torchgrade.testing.look import plain
from torchgrade.testing.outcomes import ProbeFailure
from torchgrade.testing.weights import spaced

POINTS, CLASSES, IMAGES, FILTERS, LAYERS, TRACE = 60, 12, 12, 16, 40, 30
LARGE_FILTERS = 8  # of more than a hundred pixels
_SIDE = 64  # pixels of a picture

Exhibits = Evidence | Sequence[Evidence] | None


def collected(make: Callable[[], Exhibits] | Exhibits) -> tuple[Evidence, ...]:
    """The exhibits that ``make`` is, or gives. Empty where a question about them has no usable answer."""
    try:
        made = make() if callable(make) else make
    except (AssertionError, ProbeFailure):
        return ()
    return (made,) if isinstance(made, Evidence) else tuple(made or ())


def traceback_of(failure: ProbeFailure) -> tuple[Evidence, ...]:
    """The traceback through the student's own code, where there is one: its last lines."""
    lines = failure.traceback.strip().splitlines()
    if not lines:
        return ()
    rows = tuple((line[:200],) for line in lines[-TRACE:])
    return (Evidence(_("Traceback"), (len(lines),), "", rows, cut=len(lines) > TRACE, kind="trace"),)


# --- curves ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Band:
    """Where a reference lies. ``values``: (lowest, highest) by epoch, with straight lines between those that are
    given. ``source``: a whole sentence that says what was measured, and how often."""

    name: str
    values: Mapping[int, tuple[float, float]]
    source: str

    def until(self, longest: int) -> list[tuple[float, float]]:
        """(lowest, highest) for each epoch from 1 to ``longest``, as far as the band goes."""
        known = sorted(self.values)
        if not known or known[0] != 1:
            return []
        found = [self.values[1]]
        for a, b in itertools.pairwise(known):
            (low, high), (low_then, high_then) = self.values[a], self.values[b]
            shares = [(epoch - a) / (b - a) for epoch in range(a + 1, b + 1)]
            found += [(low + s * (low_then - low), high + s * (high_then - high)) for s in shares]
        return found[:longest]


def curves(
    label: str, lines: Mapping[str, Sequence[float]], band: Band | None = None, *, unit: str = "epoch"
) -> Evidence | None:
    """Numbers by epoch, or by another ``unit`` ("step", "batch"), drawn as lines before the band of a reference.

    All lines begin at 1. None where no line has two finite numbers. A band is drawn as far as the lines go.
    """
    kept = {name: [float(v) for v in values] for name, values in lines.items()}
    kept = {name: values for name, values in kept.items() if len(values) > 1 and all(map(math.isfinite, values))}
    if not kept:
        return None
    along = {"epoch": _("epoch"), "step": _("step"), "batch": _("batch")}[unit]
    longest = max(map(len, kept.values()))
    known = band.until(longest) if band else []
    places = {name: [values[i] for i in _spread(len(values), longest)] for name, values in kept.items()}
    rows = [(name, *map(number, (v[0], min(v), max(v), v[-1]))) for name, v in kept.items()]
    drawn = [" ".join(("line", *map(number, values))) for values in places.values()]
    if band and len(known) > 1:
        row, points = _band(band, known, longest)
        rows.append(row)
        drawn.append(points)
    return Evidence(
        label,
        (longest,),
        "",
        ((along, _("first"), _("lowest"), _("highest"), _("last")), *rows),
        cut=longest > POINTS,
        kind="curves",
        drawn=("head", *drawn),
        note=band.source if band and len(known) > 1 else "",
    )


def _band(band: Band, known: Sequence[tuple[float, float]], longest: int) -> tuple[tuple[str, ...], str]:
    """The band's row, and what is drawn of it."""
    first, last = (f"{number(low)}–{number(high)}" for low, high in (known[0], known[-1]))
    low, high = number(min(k[0] for k in known)), number(max(k[1] for k in known))
    points = (f"{number(known[i][0])}:{number(known[i][1])}" for i in _spread(len(known), longest))
    return (band.name, first, low, high, last), " ".join(("band", *points))


def _spread(count: int, longest: int) -> list[int]:
    """The places that are drawn of ``count`` numbers: all, or those that are spread over the longest line."""
    if longest <= POINTS:
        return list(range(count))
    places = (round(i * (longest - 1) / (POINTS - 1)) for i in range(POINTS))
    return [p for p in places if p < count]


#: Names under which notebooks keep one number for each epoch: (loss, accuracy).
LOSSES = (
    "history", "losses", "loss_history", "train_losses", "train_loss", "losses_train", "epoch_losses",
    "loss_train", "test_losses", "test_loss", "losses_val", "val_losses", "val_loss", "losses_test",
)  # fmt: skip
SHARES = (
    "train_accs", "train_acc", "accs", "accuracies", "test_accs", "test_acc", "test_accuracies", "test_accuracy",
    "val_accs", "val_acc", "val_accuracy",
)  # fmt: skip


def told_by(submission: Examinee, names: Iterable[str], most: int = 3) -> dict[str, list[float]]:
    """The lists of plain numbers that the notebook keeps under these names, at most ``most`` of them."""
    found: dict[str, list[float]] = {}
    for name in names:
        try:
            value = submission.value(name)
        except ProbeFailure:
            continue
        values = _numbers(value)
        if len(values) > 1 and values not in found.values():
            found[name] = values
        if len(found) == most:
            break
    return found


def _numbers(value: object) -> list[float]:
    """A list of finite numbers, or nothing."""
    rows = value.tolist() if isinstance(value, torch.Tensor) else value
    if not isinstance(rows, list | tuple):
        return []
    rows = [r.item() if isinstance(r, torch.Tensor) and r.numel() == 1 else r for r in rows]
    fine = all(isinstance(r, int | float) and not isinstance(r, bool) and math.isfinite(r) for r in rows)
    return [float(r) for r in rows] if fine else []


# --- what a classifier says --------------------------------------------------------------------------------------


def confusion_matrix(found: torch.Tensor, labels: torch.Tensor, names: Sequence[str]) -> Evidence | None:
    """How many of each class (a row) were taken for each (a column): ``found`` and ``labels`` (N,) int64.

    None for more than 12 classes, or where an answer is none of them.
    """
    size = len(names)
    if not 1 < size <= CLASSES or len(found) != len(labels) or not len(labels):
        return None
    if int(min(found.min(), labels.min())) < 0 or int(max(found.max(), labels.max())) >= size:
        return None
    table = torch.zeros(size, size, dtype=torch.int64)
    table.index_put_((labels, found), torch.ones(len(labels), dtype=torch.int64), accumulate=True)
    rows = [(name, *map(str, row)) for name, row in zip(names, table.tolist(), strict=True)]
    label = _("Confusion matrix: rows are what it is, columns what was said")
    return Evidence(label, (size, size), "int64", (("", *names), *rows), kind="confusion")


def misclassified(
    images: torch.Tensor, found: torch.Tensor, labels: torch.Tensor, names: Sequence[str], most: int = IMAGES
) -> Evidence | None:
    """The first images (N, H, W) or (N, H, W, 3) of 0 to 255 that were taken for something else; None if none was.

    Only for images that the student has: of the training or the test part.
    """
    wrong = (found != labels).nonzero().flatten().tolist()
    shown = [i for i in wrong if max(int(found[i]), int(labels[i])) < len(names)][: min(most, IMAGES)]
    if not shown:
        return None
    return Evidence(
        _("Images taken for something else"),
        tuple(images.shape[1:]),
        "uint8",
        tuple((names[int(labels[i])], names[int(found[i])]) for i in shown),
        cut=len(shown) < len(wrong),
        kind="images",
        drawn=tuple(png(_coarse(images[i])) for i in shown),
        note=_("{shown} of {count} that went wrong, of {total} images.").format(
            shown=len(shown), count=len(wrong), total=len(labels)
        ),
    )


# --- weights -----------------------------------------------------------------------------------------------------


def first_filters(state: Mapping[str, torch.Tensor], pixels: tuple[int, ...] = ()) -> Evidence | None:
    """The weights of the first layer as pictures: kernels of a convolution, or rows over ``pixels`` (H, W[, 3]).

    Blue is below 0, orange above it, white 0; where there are three colours, each is its own and grey is 0.
    Of many units those with the largest weights are shown.
    """
    found = ((name, value, _kernels(plain(value).float(), pixels)) for name, value in state.items())
    name, value, weights = next((f for f in found if f[2] is not None), ("", torch.empty(0), None))
    if weights is None:
        return None
    order = weights.flatten(1).norm(dim=1).argsort(descending=True, stable=True)
    order = order[: FILTERS if weights[0].numel() <= 100 else LARGE_FILTERS].sort().values
    shown, coloured = weights[order], weights.ndim == 4
    note = (
        _("Grey is 0; each picture has a scale of its own.")
        if coloured
        else _("Blue is below 0, orange above it.")
    )
    return Evidence(
        _("First layer: {name}").format(name=name),
        tuple(value.shape),
        "",
        tuple((str(n),) for n in order.tolist()),
        cut=len(shown) < len(weights),
        kind="filters",
        drawn=tuple(png(_painted(w)) for w in shown),
        note=note,
    )


def _kernels(weights: torch.Tensor, pixels: tuple[int, ...]) -> torch.Tensor | None:
    """(units, H, W) or (units, H, W, 3); None where these are not the weights of a first layer."""
    if not bool(weights.isfinite().all()):
        return None
    if weights.ndim == 4 and weights.shape[1] in (1, 3) and max(weights.shape[2:]) <= _SIDE:
        return weights[:, 0] if weights.shape[1] == 1 else weights.permute(0, 2, 3, 1)
    if pixels and weights.ndim == 2 and math.prod(pixels) in weights.shape:
        rows = weights if weights.shape[1] == math.prod(pixels) else weights.T
        return rows.reshape(-1, *pixels)
    return None


_BELOW, _ABOVE = torch.tensor([27.0, 99.0, 184.0]), torch.tensor([196.0, 78.0, 6.0])


def _painted(weights: torch.Tensor) -> torch.Tensor:
    """Weights (H, W) or (H, W, 3) as colours of 0 to 255 (H, W, 3)."""
    share = weights / weights.abs().max().clamp(min=1e-12)
    if weights.ndim == 3:
        return _coarse(127.5 + 127.5 * share)
    away = torch.where(share[..., None] < 0, 255 - _BELOW, 255 - _ABOVE)
    return 255 - away * share.abs()[..., None]


def _coarse(image: torch.Tensor) -> torch.Tensor:
    """A coloured image with 16 shades of each colour: half the bytes, and hardly to be told apart when small."""
    return (image.float() / 17).round() * 17 if image.ndim == 3 else image


def layer_table(state: Mapping[str, torch.Tensor], outputs: Mapping[str, Sequence[int]] | None = None) -> Evidence:
    """Layers by the names of their parameters: the shape of the weights, of the output, and how many numbers.

    ``outputs``: the shapes of the outputs where they are known; of a linear layer it follows from its weights.
    """
    layers: dict[str, list[torch.Tensor]] = {}
    for name, value in state.items():
        layers.setdefault(name.rpartition(".")[0] or name, []).append(value)
    rows = []
    for name, values in layers.items():
        widest = max(values, key=lambda v: v.ndim)
        known = (outputs or {}).get(name) or ((widest.shape[0],) if widest.ndim == 2 else ())
        out = _times(("N", *known)) if known else "–"
        rows.append((name, _times(widest.shape), out, spaced(sum(v.numel() for v in values))))
    total = (_("together"), "", "", spaced(sum(v.numel() for v in state.values())))
    head = (_("layer"), _("weights"), _("output"), _("parameters"))
    return Evidence(
        _("Layers"),
        (len(rows),),
        "",
        (head, *rows[:LAYERS], total),
        cut=len(rows) > LAYERS,
        kind="layers",
    )


def _times(shape: Iterable[object]) -> str:
    return "×".join(map(str, shape)) or "1"


# --- pictures ----------------------------------------------------------------------------------------------------


def png(image: torch.Tensor) -> str:
    """An image (H, W) or (H, W, 3) of 0 to 255 as PNG in base64. Raises ValueError for another or a larger one."""
    pixels = plain(image).float().round().clamp(0, 255).to(torch.uint8)
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] != 3) or max(pixels.shape[:2]) > _SIDE:
        raise ValueError(
            f"an image of shape {tuple(pixels.shape)} is not (H, W) or (H, W, 3), at most {_SIDE} pixels"
        )
    height, width = pixels.shape[:2]
    rows = bytes(pixels.reshape(height, -1).numpy().tobytes())
    step = len(rows) // height
    lines = b"".join(b"\0" + rows[i * step : (i + 1) * step] for i in range(height))
    colour = 0 if pixels.ndim == 2 else 2
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)),
        (b"IDAT", zlib.compress(lines, 9)),
        (b"IEND", b""),
    )
    chunks = (struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in parts)
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"".join(chunks)).decode()
