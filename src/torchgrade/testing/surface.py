"""What a classifier of points in the plane says everywhere: its decision surface, with the points on it.

def test_points(submission, exhibit):
    model = submission.object("model")
    exhibit(lambda: decision_surface(lambda x: answer(model, x), points, labels, ("0", "1")))
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from torchgrade.i18n import _
from torchgrade.model import Evidence
from torchgrade.testing.describe import number
from torchgrade.testing.look import plain

SIDE = 28  # cells along each axis
CLASSES = 5  # as many can be told apart
POINTS = 50  # of each class that are drawn
_MARGIN = 0.1  # of the points' range, on each side
_LEVELS = 3  # of how sure it is


def decision_surface(
    predict: Callable[[torch.Tensor], object],
    points: torch.Tensor,
    labels: torch.Tensor,
    names: Sequence[str],
    label: str = "",
) -> Evidence | None:
    """Which class is said where, and how surely: ``points`` (N, 2), ``labels`` (N,) int64, a name for each class.

    ``predict`` is asked once, about a grid round the points and the points themselves, (M, 2) float32. It gives
    (M,) or (M, 1) probabilities of class 1, (M, K) scores or probabilities of K classes, or (M,) classes as int64.
    None for an answer of another shape, or one that is not finite, and for more than five classes.
    Only for points that the student has.
    """
    spots = plain(points).float()
    truth = plain(labels).reshape(-1).long()
    low, high = _range(spots)
    grid = _grid(low, high)
    said = _said(predict(torch.cat([grid, spots])), len(grid) + len(spots), len(names))
    if said is None:
        return None
    found, level = said
    cells, at_points = found[: len(grid)], found[len(grid) :]
    rows = [_row(name, n, cells, at_points, truth) for n, name in enumerate(names)]
    places = [(truth == n).nonzero().flatten() for n in range(len(names))]
    shown = [place[torch.linspace(0, len(place) - 1, min(POINTS, len(place))).round().long()] for place in places]
    return Evidence(
        label or _("Decision surface"),
        (SIDE, SIDE),
        "",
        ((_("class"), _("share of the area"), _("points"), _("of them right")), *rows),
        cut=any(len(some) < len(every) for some, every in zip(shown, places, strict=True)),
        kind="surface",
        drawn=(_cells(low, high, cells, level[: len(grid)]), *(_spots(spots, at_points, some) for some in shown)),
    )


def _range(points: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(lowest, highest) along the two axes, each (2,), with a margin."""
    low, high = points.amin(0), points.amax(0)
    room = ((high - low) * _MARGIN).clamp(min=1e-3)
    return low - room, high + room


def _grid(low: torch.Tensor, high: torch.Tensor) -> torch.Tensor:
    """The middles of the cells (SIDE * SIDE, 2), row by row from the top."""
    share = (torch.arange(SIDE) + 0.5) / SIDE
    across, up = (low[n] + (high[n] - low[n]) * share for n in (0, 1))
    y, x = torch.meshgrid(up.flip(0), across, indexing="ij")
    return torch.stack([x.flatten(), y.flatten()], dim=1)


def _said(given: object, count: int, classes: int) -> tuple[torch.Tensor, torch.Tensor] | None:
    """The class (M,) and how sure that is (M,), 0 to 2, of each answer; None where it cannot be read."""
    if not 2 <= classes <= CLASSES or not isinstance(given, torch.Tensor):
        return None
    answers = plain(given)
    if answers.shape == (count, 1):
        answers = answers[:, 0]
    if not answers.dtype.is_floating_point:
        fine = answers.shape == (count,) and int(answers.min()) >= 0 and int(answers.max()) < classes
        return (answers.long(), torch.full((count,), _LEVELS - 1)) if fine else None
    answers = answers.double()
    if not bool(answers.isfinite().all()):
        return None
    if answers.shape == (count,) and classes == 2:
        answers = torch.stack([1 - answers, answers], dim=1)
    if answers.shape != (count, classes):
        return None
    sums = bool((answers >= 0).all()) and bool(((answers.sum(1) - 1).abs() < 1e-3).all())
    sure, found = (answers if sums else answers.softmax(1)).max(1)
    share = (sure - 1 / classes) / (1 - 1 / classes)
    return found, (share * _LEVELS).long().clamp(0, _LEVELS - 1)


def _row(
    name: str, n: int, cells: torch.Tensor, found: torch.Tensor, truth: torch.Tensor
) -> tuple[str, str, str, str]:
    own = truth == n
    area = f"{float((cells == n).double().mean()):.0%}"
    return name, area, str(int(own.sum())), str(int((found[own] == n).sum()))


def _cells(low: torch.Tensor, high: torch.Tensor, found: torch.Tensor, level: torch.Tensor) -> str:
    """The ranges of both axes, then a word for each row: a letter a cell, three for each class."""
    ranges = [f"{number(float(a))}:{number(float(b))}" for a, b in zip(low, high, strict=True)]
    letters = [chr(ord("a") + n) for n in (found * _LEVELS + level).tolist()]
    return " ".join([*ranges, *("".join(letters[y * SIDE : (y + 1) * SIDE]) for y in range(SIDE))])


def _spots(points: torch.Tensor, found: torch.Tensor, which: torch.Tensor) -> str:
    """A class's points as ``x:y:class that was said``."""
    return " ".join(
        f"{number(x)}:{number(y)}:{said}"
        for (x, y), said in zip(points[which].tolist(), found[which].tolist(), strict=True)
    )
