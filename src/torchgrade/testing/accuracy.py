"""Accuracy, measured outside the room: inputs go in, predictions come out, labels stay here."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch

from torchgrade.i18n import _, plural
from torchgrade.model import Evidence
from torchgrade.testing.close import Mismatch, require_tensor
from torchgrade.testing.examinee import Examinee
from torchgrade.testing.outcomes import Missing, ProbeFailure

Predict = Callable[[torch.Tensor], torch.Tensor]

_SHOWN_CLASSES = 7  # more do not fit into one piece of evidence


def predictions(
    predict: Predict, inputs: torch.Tensor, *, batch: int = 500, rng: torch.Generator | None = None
) -> torch.Tensor:
    """The column of the largest output for each of ``inputs`` (N, …), in their order: (N,) int64.

    ``predict`` takes a batch and gives (n, K). With ``rng`` they are asked in a shuffled order, so that the
    order tells nothing. Raises ``ComparisonFailure`` for outputs that are not (n, K) finite numbers.
    """
    order = torch.arange(len(inputs)) if rng is None else torch.randperm(len(inputs), generator=rng)
    asked = [_columns(predict, inputs[order[i : i + batch]]) for i in range(0, len(order), batch)]
    found = torch.empty(len(inputs), dtype=torch.int64)
    found[order] = torch.cat(asked) if asked else found[order]
    return found


def _columns(predict: Predict, part: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        out = require_tensor(predict(part), name=_("the network's output"))
    if out.ndim != 2 or len(out) != len(part):
        text = plural(
            "For {count} input the output has shape {shape}: a row for each is wanted.",
            "For {count} inputs the output has shape {shape}: a row for each is wanted.",
            len(part),
        ).format(count=len(part), shape=tuple(out.shape))
        raise Mismatch(text, kind=("accuracy", "shape"), safe=_("The output has not one row for each input."))
    return out.argmax(dim=1)


def accuracy(found: torch.Tensor, labels: torch.Tensor) -> float:
    """The share of ``labels`` (N,) that ``found`` (N,) names rightly."""
    return float((found == labels).double().mean())


def assert_accuracy(
    predict: Predict,
    inputs: torch.Tensor,
    labels: torch.Tensor,
    at_least: float,
    *,
    classes: Sequence[str] | None = None,
    batch: int = 500,
    rng: torch.Generator | None = None,
    name: str = "",
) -> float:
    """The accuracy of ``predict`` on ``inputs`` (N, …) with ``labels`` (N,); a ``Mismatch`` below ``at_least``.

    The failure shows which classes are taken for which; ``classes`` are their names, in the order of the columns.
    """
    name = _(name) or _("the network")
    found = predictions(predict, inputs, batch=batch, rng=rng)
    reached = accuracy(found, labels)
    if reached >= at_least:
        return reached
    text = _("{name} gives {share} of {count} inputs the right class; at least {wanted} is wanted.")
    share = math.floor(1000 * reached) / 1000  # 92.96% must not be told as 93.0% where 93.0% is wanted
    text = text.format(name=name, share=f"{share:.1%}", count=len(labels), wanted=f"{at_least:.1%}")
    text += _favourite(found)
    names = list(classes or (str(i) for i in range(int(labels.max()) + 1)))
    safe = _("{name} gives too few inputs the right class.").format(name=name) + _favourite(found)
    raise Mismatch(text, kind=("accuracy", "low"), safe=safe, evidence=confusion(found, labels, names))


def _favourite(found: torch.Tensor) -> str:
    """Said where nearly every image gets the same answer: nothing was learned then, or all of it was lost."""
    most = int(found.bincount().max()) if len(found) else 0
    return " " + _("Nearly every input gets the same answer.") if most > 0.9 * len(found) else ""


def confusion(found: torch.Tensor, labels: torch.Tensor, names: Sequence[str]) -> tuple[Evidence, ...]:
    """The confusion matrix (rows: what it is, columns: what was said); for many classes the worst pairs."""
    size = max(len(names), int(found.max()) + 1 if len(found) else 0, int(labels.max()) + 1)
    table = torch.zeros(size, size, dtype=torch.int64)
    table.index_put_((labels, found), torch.ones(len(labels), dtype=torch.int64), accumulate=True)
    titles = [*names, *(_("column {number}").format(number=i) for i in range(len(names), size))]
    return (_matrix(table, titles),) if size <= _SHOWN_CLASSES else (_worst_pairs(table, titles),)


def by_class(found: torch.Tensor, labels: torch.Tensor, names: Sequence[str]) -> str:
    """What a classification report tells, in one sentence: for each class recall (found) and precision (right)."""
    told = []
    for i, name in enumerate(names):
        there, said, hit = (
            int((labels == i).sum()),
            int((found == i).sum()),
            int(((labels == i) & (found == i)).sum()),
        )
        right = _("{share} of what is called so is right").format(share=f"{hit / said:.0%}") if said else ""
        line = _("{name}: {hit} of {there} found, {right}")
        told.append(line.format(name=name, hit=hit, there=there, right=right or _("never named")))
    return "; ".join(told)


def prepared(submission: Examinee, images: torch.Tensor, name: str = "preprocess") -> list[torch.Tensor]:
    """The ways in which a network may want images (N, 28, 28) of 0 to 255: float32 tensors (N, 1, 28, 28).

    As the notebook's function ``name`` makes them, where it makes such: it may be written for batches with the
    channel or without, for float32 or uint8. And as they are, which is all where there is no such function.
    """
    plain = images[:, None].float()
    for given in (plain, plain[:, 0], images[:, None], images):
        try:
            made = submission.call(name, given)
        except Missing:
            break
        except ProbeFailure:
            continue
        if isinstance(made, torch.Tensor) and made.shape == plain.shape and made.is_floating_point():
            return [made, plain]
    return [plain]


def _matrix(table: torch.Tensor, titles: Sequence[str]) -> Evidence:
    rows = [("", *titles), *((title, *map(str, row)) for title, row in zip(titles, table.tolist(), strict=True))]
    label = _("rows: what it is; columns: what was said")
    return Evidence(label, tuple(table.shape), "int64", tuple(map(tuple, rows)), kind="confusion")


def _worst_pairs(table: torch.Tensor, titles: Sequence[str]) -> Evidence:
    wrong = table.clone().fill_diagonal_(0)
    order = wrong.flatten().argsort(descending=True, stable=True)[:_SHOWN_CLASSES].tolist()
    pairs = [(i // len(titles), i % len(titles)) for i in order]
    rows = [
        (titles[a], titles[b], str(int(wrong[a, b])), str(int(table[a].sum()))) for a, b in pairs if wrong[a, b]
    ]
    head = (_("what it is"), _("taken for"), _("times"), _("of"))
    label = _("most frequent confusions")
    return Evidence(label, tuple(table.shape), "int64", (head, *rows), cut=True, kind="table")
