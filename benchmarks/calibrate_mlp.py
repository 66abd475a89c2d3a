"""What the course's MLP reaches on three classes of CIFAR-100 or its stand-in: the figures behind the thresholds.

    python benchmarks/calibrate_mlp.py [--seeds 5] [--epochs 250] [WHAT …]

3072-10-ReLU-3, SGD at 0.005, batch 128, 250 epochs, as the course has it; each seed has a variant and a split of
its own. One process, one thread. Each line: lowest to highest of the seeds, on 1500 training, 150 test and 150
kept images, at the end and at the epoch that is best on the test images.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from torchgrade import data
from torchgrade.data import scenes, splitting

ROOT = Path(__file__).resolve().parents[1]
MEAN, STD = torch.tensor([0.5074, 0.4867, 0.4411]), torch.tensor([0.2011, 0.1987, 0.2025])
#: By the course's rule: group + 15, variant + 56, variant + 21.
VARIANTS = ((16, 57, 22), (17, 62, 27), (19, 68, 33), (20, 75, 40), (22, 80, 45), (18, 59, 24), (21, 71, 36))
PARTS = ("train", "test", "kept")


@dataclass(frozen=True)
class Recipe:
    """A way to train; the defaults are the course's."""

    hidden: tuple[int, ...] = (10,)
    activation: Callable[[], nn.Module] = nn.ReLU
    normalise: bool = True
    rate: float = 0.005
    batch: int = 128


RECIPES = {
    "course": Recipe(),
    "divided-by-255": Recipe(normalise=False),
    "no-activation": Recipe(activation=nn.Identity),
    "wider": Recipe(hidden=(100, 15)),
    "slow": Recipe(rate=0.001),
}

Sets = dict[str, tuple[Tensor, Tensor]]


def three_classes(classes: tuple[int, ...], seed: bytes) -> Sets:
    """Images (N, 32, 32, 3) and labels 0…2 of each part: of the real set where it is, else of the stand-in."""
    source = data.find(data.CIFAR100, ROOT)
    if source is not None:
        drawn = data.split("cifar100", source, seed)
        masks = {part: np.isin(a.labels, classes) for part, a in drawn.items()}
        return {
            part: (torch.from_numpy(a.images[masks[part]]), _numbered(a.labels[masks[part]], classes))
            for part, a in drawn.items()
        }
    out = {}
    for part in PARTS:
        each = getattr(splitting.CIFAR_EACH, part)
        images = [scenes.draw_scenes(c, each, seed + part.encode()) for c in classes]
        out[part] = (torch.from_numpy(np.concatenate(images)), torch.arange(3).repeat_interleave(each))
    return out


def _numbered(labels: np.ndarray, classes: tuple[int, ...]) -> Tensor:
    return torch.tensor([classes.index(int(v)) for v in labels])


def prepared(images: Tensor, recipe: Recipe) -> Tensor:
    """(N, 3072) floats."""
    scaled = images.float() / 255
    return ((scaled - MEAN) / STD if recipe.normalise else scaled).flatten(1)


def trained(recipe: Recipe, sets: Sets, seed: int, epochs: int) -> dict[str, float]:
    """Accuracy at the end for each part, and on the kept part at the epoch that is best on the test part."""
    torch.manual_seed(seed)
    sizes = (3072, *recipe.hidden, 3)
    layers = [m for a, b in itertools.pairwise(sizes) for m in (nn.Linear(a, b), recipe.activation())]
    model, loss = nn.Sequential(*layers[:-1]), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), recipe.rate)
    given = {part: (prepared(x, recipe), y) for part, (x, y) in sets.items()}
    images, labels = given["train"]
    best = (0.0, 0.0)
    for _ in range(epochs):
        for batch in torch.randperm(len(images)).split(recipe.batch):
            optimizer.zero_grad()
            loss(model(images[batch]), labels[batch]).backward()
            optimizer.step()
        best = max(best, (accuracy(model, *given["test"]), accuracy(model, *given["kept"])))
    end = {part: accuracy(model, *given[part]) for part in PARTS}
    return {**end, "best test": best[0], "kept then": best[1]}


@torch.no_grad()
def accuracy(model: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Share of right answers."""
    return float((model(images).argmax(1) == labels).double().mean())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("what", nargs="*", metavar="WHAT", help=", ".join(RECIPES))
    parser.add_argument("--epochs", type=int, default=250)
    parser.add_argument("--seeds", type=int, default=5, choices=range(1, len(VARIANTS) + 1))
    options = parser.parse_args()
    torch.set_num_threads(1)
    which = "real" if data.find(data.CIFAR100, ROOT) else f"stand-in {scenes.VERSION}"
    print(f"CIFAR-100 {which}, torch {torch.__version__}, one thread, seeds 0–{options.seeds - 1}, variants")
    print(*VARIANTS[: options.seeds])
    sets = [three_classes(VARIANTS[n], f"calibration {n}".encode()) for n in range(options.seeds)]
    for name in options.what or RECIPES:
        begin = time.perf_counter()
        rows = [trained(RECIPES[name], s, n, options.epochs) for n, s in enumerate(sets)]
        spread = "  ".join(f"{k} {min(r[k] for r in rows):.3f}–{max(r[k] for r in rows):.3f}" for k in rows[0])
        print(f"{name:15} {spread}  ({(time.perf_counter() - begin) / len(rows):.1f} s each)", flush=True)


if __name__ == "__main__":
    main()
