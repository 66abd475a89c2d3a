"""The bands behind the curves of a student's report: loss and accuracy of the course's own trainings by epoch.

    python benchmarks/calibrate_bands.py [lenet5|mlp] [--set standin|real] [--epochs N] [--seeds 5]

lenet5: the mean loss over the batches of each epoch and the accuracy on the test images after it, Adam at 1e-3,
batch 100, images 0…255. mlp: loss and accuracy on the test images after each epoch, 3072-10-ReLU-3, SGD at 0.005,
batch 128. Each seed has a split of its own (and a variant, of the mlp). One process, one thread. Prints lowest and
highest of the seeds for each epoch, of the loss and of the accuracy.
"""

from __future__ import annotations

import argparse
import tempfile

import calibrate_lenet5
import calibrate_mlp
import torch
from torch import nn

from torchgrade import data

Epoch = tuple[float, float]


def lenet5(split: data.Split, seed: int, epochs: int) -> list[Epoch]:
    """Loss and accuracy of each epoch."""
    torch.manual_seed(seed)
    model, loss = calibrate_lenet5.network(calibrate_lenet5.RECIPES["right"]), nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    images, labels = split.train.images.float()[:, None], split.train.labels
    return [
        (_epoch(model, loss, optimizer, images, labels, 100), calibrate_lenet5.measured(model, split.test))
        for _ in range(epochs)
    ]


def mlp(sets: calibrate_mlp.Sets, seed: int, epochs: int) -> list[Epoch]:
    """Loss and accuracy on the test images after each epoch."""
    torch.manual_seed(seed)
    recipe = calibrate_mlp.RECIPES["course"]
    model = nn.Sequential(nn.Linear(3072, 10), nn.ReLU(), nn.Linear(10, 3))
    loss, optimizer = nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), recipe.rate)
    (x, y), (test_x, test_y) = ((calibrate_mlp.prepared(a, recipe), b) for a, b in (sets["train"], sets["test"]))
    out = []
    for _ in range(epochs):
        _epoch(model, loss, optimizer, x, y, recipe.batch)
        with torch.no_grad():
            logits = model(test_x)
        out.append((loss(logits, test_y).item(), float((logits.argmax(1) == test_y).double().mean())))
    return out


def _epoch(
    model: nn.Module,
    loss: nn.Module,
    optimizer: torch.optim.Optimizer,
    x: torch.Tensor,
    y: torch.Tensor,
    size: int,
) -> float:
    """One epoch; its mean loss."""
    total = 0.0
    for batch in torch.randperm(len(x)).split(size):
        optimizer.zero_grad()
        found = loss(model(x[batch]), y[batch])
        found.backward()
        optimizer.step()
        total += found.item() * len(batch)
    return total / len(x)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("what", choices=("lenet5", "mlp"))
    parser.add_argument("--set", choices=("standin", "real"), default="standin")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for n in range(options.seeds):
        seed = f"calibration {n}".encode()
        if options.what == "mlp":
            sets = calibrate_mlp.three_classes(calibrate_mlp.VARIANTS[n % len(calibrate_mlp.VARIANTS)], seed)
            rows.append(mlp(sets, n, options.epochs))
        else:
            with tempfile.TemporaryDirectory() as folder:
                split = calibrate_lenet5.split_of(options.set, seed, folder)
            rows.append(lenet5(split, n, options.epochs))
    print(f"{options.what} {options.set}, torch {torch.__version__}, seeds 0–{options.seeds - 1}")
    for epoch, column in enumerate(zip(*rows, strict=True), 1):
        losses, shares = zip(*column, strict=True)
        print(
            f"{epoch:4} ({min(losses):.3f}, {max(losses):.3f}) ({min(shares):.3f}, {max(shares):.3f})", flush=True
        )


if __name__ == "__main__":
    main()
