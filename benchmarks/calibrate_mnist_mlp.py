"""What a perceptron of three layers and its usual mistakes reach on MNIST or its stand-in.

    python benchmarks/calibrate_mnist_mlp.py [--set standin|real] [--epochs 2] [--train 20000] [WHAT …]

Gradient descent at 0.1, pixels 0…1, one process, one thread. Each line: what was trained, accuracy on the kept
images after each epoch (lowest to highest of the seeds), seconds.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from calibrate_lenet5 import split_of
from torch import Tensor, nn
from torch.nn import functional

from torchgrade import data


@dataclass(frozen=True)
class Recipe:
    """A way to build and train the network; the defaults are the handout's."""

    sizes: tuple[int, ...] = (784, 128, 64, 10)
    activation: Callable[[], nn.Module] = nn.ReLU
    loss: Callable[[Tensor, Tensor], Tensor] = functional.cross_entropy
    clears_gradients: bool = True
    rate: float = 0.1
    trains: bool = True


def softmax_twice(out: Tensor, y: Tensor) -> Tensor:
    """The misconception: probabilities given to what takes a softmax itself."""
    return functional.cross_entropy(out.softmax(1), y)


RECIPES = {
    "right": Recipe(),
    "narrow 32-16": Recipe(sizes=(784, 32, 16, 10)),
    "wide 512-256": Recipe(sizes=(784, 512, 256, 10)),
    "sigmoid": Recipe(activation=nn.Sigmoid),
    "no-activation": Recipe(activation=nn.Identity),
    "one linear layer": Recipe(sizes=(784, 10)),
    "softmax-twice": Recipe(loss=softmax_twice),
    "gradients-pile-up": Recipe(clears_gradients=False),
    "rate-0.01": Recipe(rate=0.01),
    "rate-3": Recipe(rate=3.0),
    "untrained": Recipe(trains=False),
}


def network(recipe: Recipe) -> nn.Sequential:
    """Linear layers with the activation between them."""
    layers: list[nn.Module] = []
    for a, b in zip(recipe.sizes, recipe.sizes[1:], strict=False):
        layers += [nn.Linear(a, b), recipe.activation()]
    return nn.Sequential(*layers[:-1])


def pixels(images: Tensor) -> Tensor:
    """(N, 28, 28) of 0…255 as (N, 784) of 0…1."""
    return images.flatten(1).float() / 255


def accuracies(recipe: Recipe, split: data.Split, seed: int, epochs: int, count: int, size: int) -> list[float]:
    """Accuracy on the kept images after each epoch on the first ``count`` training images."""
    torch.manual_seed(seed)
    model, out = network(recipe), []
    optimizer = torch.optim.SGD(model.parameters(), recipe.rate)
    x, y, asked = pixels(split.train.images[:count]), split.train.labels[:count], pixels(split.kept.images)
    for _ in range(epochs):
        for batch in torch.randperm(len(x)).split(size) if recipe.trains else ():
            if recipe.clears_gradients:
                optimizer.zero_grad()
            recipe.loss(model(x[batch]), y[batch]).backward()
            optimizer.step()
        with torch.no_grad():
            out.append(float((model(asked).argmax(1) == split.kept.labels).double().mean()))
    return out


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("what", nargs="*", metavar="WHAT", help=", ".join(RECIPES))
    parser.add_argument("--set", choices=("standin", "real"), default="standin")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--train", type=int, default=0, help="training images; 0: all of the split")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        splits = [split_of(options.set, f"calibration {n}".encode(), folder) for n in range(options.seeds)]
    count = options.train or len(splits[0].train.labels)
    print(f"MNIST {options.set}, {count} images, batches of {options.batch}, seeds 0–{options.seeds - 1}")
    for name in options.what or RECIPES:
        begin = time.perf_counter()
        asked = (options.epochs, count, options.batch)
        rows = [accuracies(RECIPES[name], s, n, *asked) for n, s in enumerate(splits)]
        spread = "  ".join(f"{min(column):.4f}–{max(column):.4f}" for column in zip(*rows, strict=True))
        print(f"{name:18} {spread}  ({(time.perf_counter() - begin) / len(rows):.1f} s each)", flush=True)


if __name__ == "__main__":
    main()
