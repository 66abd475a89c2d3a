"""What a network 2-100-3 and its usual mistakes reach on the spiral of module_list: accuracy on fresh points.

    python benchmarks/calibrate_spiral.py [--seeds 20]

All 300 points at once, one thread; each seed has points of its own, and 3000 fresh ones to be asked about.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

EPOCHS = (50, 100, 200, 500)


@dataclass(frozen=True)
class Recipe:
    """A way to build and train the network; the defaults are the course's."""

    width: int = 100
    activation: Callable[[], nn.Module] = nn.ReLU
    optimizer: Callable[..., torch.optim.Optimizer] = partial(torch.optim.Adam, lr=0.1)
    clears_gradients: bool = True
    softmax: bool = False


RECIPES = {
    "right": Recipe(),
    "tanh": Recipe(activation=nn.Tanh),
    "ten units": Recipe(width=10),
    "no-activation": Recipe(activation=nn.Identity),
    "softmax-twice": Recipe(softmax=True),
    "gradients-pile-up": Recipe(clears_gradients=False),
    "Adam at 0.001": Recipe(optimizer=partial(torch.optim.Adam, lr=1e-3)),
    "Adam at 0.01": Recipe(optimizer=partial(torch.optim.Adam, lr=1e-2)),
    "descent at 0.1": Recipe(optimizer=partial(torch.optim.SGD, lr=0.1)),
    "the last layer alone": Recipe(optimizer=lambda p: torch.optim.Adam(list(p)[2:], lr=0.1)),
}


def spiral(n: int) -> tuple[Tensor, Tensor]:
    """n points (3 * n, 2) of each of three arms, and their classes."""
    radius, arms = torch.linspace(0, 1, n), []
    for k in range(3):
        angle = torch.linspace(4 * k, 4 * k + 4, n) + 0.2 * torch.randn(n)
        arms.append(torch.stack([radius * angle.sin(), radius * angle.cos()], dim=1))
    return torch.cat(arms), torch.arange(3).repeat_interleave(n)


def accuracies(recipe: Recipe, seed: int) -> list[float]:
    """Accuracy on fresh points after so many epochs."""
    torch.manual_seed(seed)
    (x, y), (fresh, truth), out = spiral(100), spiral(1000), []
    model = nn.Sequential(nn.Linear(2, recipe.width), recipe.activation(), nn.Linear(recipe.width, 3))
    optimizer = recipe.optimizer(model.parameters())
    for epoch in range(1, max(EPOCHS) + 1):
        if recipe.clears_gradients:
            optimizer.zero_grad()
        logits = model(x)
        functional.cross_entropy(logits.softmax(1) if recipe.softmax else logits, y).backward()
        optimizer.step()
        if epoch in EPOCHS:
            out.append(float((model(fresh).argmax(1) == truth).double().mean()))
    return out


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seeds", type=int, default=20)
    seeds = parser.parse_args().seeds
    torch.set_num_threads(1)
    print(f"{'':22}" + "".join(f"{f'{n} epochs':16}" for n in EPOCHS))
    for name, recipe in RECIPES.items():
        rows = [accuracies(recipe, seed) for seed in range(seeds)]
        print(
            f"{name:22}" + "".join(f"{min(c):.3f}–{max(c):.3f}     " for c in zip(*rows, strict=True)), flush=True
        )


if __name__ == "__main__":
    main()
