"""How surely training on the test images is told from honest work: the figures behind FAMILIAR in cifar100_mlp.

    python benchmarks/calibrate_seen.py [--draws 20]

Each draw has three classes and a split of its own. Honest networks see 1500 training images, and most keep the
epoch that is best on the 150 test images, as the course asks; the others train on the test images too. Each line:
the least and the largest number of standard errors by which a kind knows the test images better than new ones.
Several minutes on one thread.
"""

from __future__ import annotations

import argparse
import importlib.util
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import calibrate_mlp
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

ROOT = Path(__file__).resolve().parents[1]
Loss = Callable[[Tensor, Tensor], Tensor]


def grader() -> ModuleType:
    """The hidden graders of cifar100_mlp as a module."""
    path = ROOT / "graders" / "cifar100_mlp" / "test_hidden.py"
    spec = importlib.util.spec_from_file_location("hidden", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def networks() -> Iterator[tuple[str, nn.Module, float, int, Loss]]:
    """Kinds of networks that students hand in, with the rate of Adam and the epochs."""
    entropy, squares = (
        functional.cross_entropy,
        lambda out, y: functional.mse_loss(out, functional.one_hot(y, 3).float()),
    )
    first = lambda units: nn.Linear(3072, units)  # noqa: E731
    yield "plain", nn.Sequential(first(32), nn.ReLU(), nn.Linear(32, 3)), 1e-3, 12, entropy
    yield "by heart", nn.Sequential(first(64), nn.ReLU(), nn.Linear(64, 3)), 1e-3, 40, entropy
    yield "dropout", nn.Sequential(first(128), nn.ReLU(), nn.Dropout(), nn.Linear(128, 3)), 1e-3, 20, entropy
    yield (
        "batch norm",
        nn.Sequential(first(64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 3)),
        1e-3,
        15,
        entropy,
    )
    yield (
        "deep",
        nn.Sequential(first(100), nn.ELU(), nn.Linear(100, 15), nn.ELU(), nn.Linear(15, 3)),
        1e-3,
        15,
        entropy,
    )
    yield "squared errors", nn.Sequential(first(32), nn.Tanh(), nn.Linear(32, 3)), 1e-3, 15, squares


def fit(model: nn.Module, train: tuple[Tensor, Tensor], rate: float, epochs: int, loss: Loss, judge) -> nn.Module:
    """The model at its last epoch, or with ``judge`` (images, labels) at the one that recognises most of them."""
    optimizer, best, state = torch.optim.Adam(model.parameters(), rate), -1.0, model.state_dict()
    for _ in range(epochs):
        model.train()
        for batch in torch.randperm(len(train[0])).split(64):
            optimizer.zero_grad()
            loss(model(train[0][batch]), train[1][batch]).backward()
            optimizer.step()
        model.eval()
        if judge is not None and (reached := calibrate_mlp.accuracy(model, *judge)) > best:
            best, state = reached, {k: v.clone() for k, v in model.state_dict().items()}
    model.load_state_dict(state)
    return model.eval()


def measured(draw: int, hidden: ModuleType) -> Iterator[tuple[str, float]]:
    """(kind, standard errors) for one draw of classes and images."""
    torch.manual_seed(draw)
    classes = tuple(np.random.default_rng(draw).choice(100, 3, replace=False).tolist())
    sets = calibrate_mlp.three_classes(classes, f"seen {draw}".encode())
    parts = {k: SimpleNamespace(images=x, labels=torch.tensor(classes)[y]) for k, (x, y) in sets.items()}
    others = hidden.plain_networks(SimpleNamespace(**parts), classes, torch.Generator().manual_seed(draw))
    train, test, kept = (hidden.chosen_part(parts[k], sorted(classes)) for k in calibrate_mlp.PARTS)
    together = torch.cat([train[0], test[0]]), torch.cat([train[1], test[1]])
    for honest, given, judge in ((True, train, test), (True, train, None), (False, together, None)):
        for name, model, rate, epochs, loss in networks():
            fit(model, given, rate, epochs, loss, judge)
            with torch.no_grad():
                margins = [hidden.margins(model(x).double(), y) for x, y in (test, kept)]
            yield (
                f"{'honest' if honest else 'trained on test images'}: {name}",
                hidden.familiarity(margins, others),
            )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--draws", type=int, default=20)
    options = parser.parse_args()
    torch.set_num_threads(1)
    hidden, found = grader(), defaultdict(list)
    for draw in range(options.draws):
        for kind, errors in measured(draw, hidden):
            found[kind].append(errors)
    for kind, errors in sorted(found.items()):
        print(f"{kind:40} {min(errors):5.2f} to {max(errors):5.2f}  ({len(errors)} networks)", flush=True)


if __name__ == "__main__":
    main()
