"""What LeNet5 and its usual mistakes reach on MNIST or its stand-in: the figures behind the thresholds.

    python benchmarks/calibrate_lenet5.py [--set standin|real] [--epochs 3] [--train 20000] [--seeds 5] [WHAT …]

One process, one thread. Each line: what was trained, the seeds, accuracy on the kept images after each epoch
(lowest to highest of the seeds), seconds.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from torchgrade import data

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Recipe:
    """A way to build and train the network; the defaults are the course's."""

    activation: Callable[[], nn.Module] = nn.Tanh
    pool: Callable[[int], nn.Module] = nn.AvgPool2d
    softmax: bool = False
    clears_gradients: bool = True
    rate: float = 1e-3
    trains: bool = True


RECIPES = {
    "right": Recipe(),
    "relu": Recipe(activation=nn.ReLU),
    "max-pool": Recipe(pool=nn.MaxPool2d),
    "softmax-inside": Recipe(softmax=True),
    "no-activation": Recipe(activation=nn.Identity),
    "gradients-pile-up": Recipe(clears_gradients=False),
    "rate-0.1": Recipe(rate=0.1),
    "untrained": Recipe(trains=False),
}


def network(recipe: Recipe) -> nn.Sequential:
    """LeNet5 after a recipe."""
    act, pool = recipe.activation, recipe.pool
    layers = [nn.Conv2d(1, 6, 5, padding=2), act(), pool(2), nn.Conv2d(6, 16, 5), act(), pool(2), nn.Flatten()]
    layers += [nn.Linear(400, 120), act(), nn.Linear(120, 84), act(), nn.Linear(84, 10)]
    return nn.Sequential(*layers, *([nn.Softmax(1)] if recipe.softmax else []))


def accuracies(recipe: Recipe, split: data.Split, seed: int, epochs: int, count: int) -> list[float]:
    """Accuracy on the kept images after each epoch on the first ``count`` training images."""
    torch.manual_seed(seed)
    model, loss = network(recipe), nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), recipe.rate)
    images, labels = split.train.images[:count].float()[:, None], split.train.labels[:count]
    out = []
    for _ in range(epochs):
        for batch in torch.randperm(len(images)).split(100) if recipe.trains else ():
            if recipe.clears_gradients:
                optimizer.zero_grad()
            loss(model(images[batch]), labels[batch]).backward()
            optimizer.step()
        out.append(measured(model, split.kept))
    return out


@torch.no_grad()
def measured(model: nn.Module, part: data.Part) -> float:
    """Accuracy, in batches."""
    right = [model(x.float()[:, None]).argmax(1) == y for x, y in zip(*map(_batches, part), strict=True)]
    return float(torch.cat(right).double().mean())


def _batches(values: Tensor) -> tuple[Tensor, ...]:
    return values.split(500)


def split_of(which: str, seed: bytes, folder: str) -> data.Split:
    """The split of the real set, found as the course finds it, or the stand-in's."""
    root = ROOT if which == "real" else Path(folder)
    drawn = data.split("mnist", data.find(data.MNIST, root) if which == "real" else None, seed)
    if which == "real" and len(drawn["train"].labels) != 60_000:
        raise SystemExit("the real MNIST is not here; `torchgrade data list` says where it is looked for")
    parts = {name: data.Part(*map(torch.from_numpy, part)) for name, part in drawn.items()}
    return data.Split("mnist", "MNIST", which != "real", parts["train"], parts["test"], parts["kept"])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("what", nargs="*", metavar="WHAT", help=", ".join(RECIPES))
    parser.add_argument("--set", choices=("standin", "real"), default="standin")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--train", type=int, default=0, help="training images; 0: all of the split")
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        splits = [split_of(options.set, f"calibration {n}".encode(), folder) for n in range(options.seeds)]
    count = options.train or len(splits[0].train.labels)
    print(
        f"MNIST {options.set}, {count} images, torch {torch.__version__}, one thread, seeds 0–{options.seeds - 1}"
    )
    for name in options.what or RECIPES:
        begin = time.perf_counter()
        rows = [accuracies(RECIPES[name], s, n, options.epochs, count) for n, s in enumerate(splits)]
        spread = "  ".join(f"{min(column):.4f}–{max(column):.4f}" for column in zip(*rows, strict=True))
        print(f"{name:18} {spread}  ({(time.perf_counter() - begin) / len(rows):.1f} s each)", flush=True)


if __name__ == "__main__":
    main()
