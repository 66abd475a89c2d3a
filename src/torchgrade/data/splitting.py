"""Who gets which pictures: a re-split of the whole real set, or fresh draws of the stand-in.

The official test images are public: a notebook could carry their labels. So the course draws its own split
from its secret, and keeps a part that no room ever sees.

MNIST is drawn as a whole, not class by class: neither are the official parts, the classes are nearly equal,
and stratifying would narrow the spread of a measured accuracy by next to nothing. Of CIFAR-100 and CIFAR-10 each
class is drawn by itself, because three of the hundred must give exactly 1500, 150 and 150.

A course may choose the official split instead: then what graders measure on is public, and verdicts say so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torchgrade.data import batches, digits, idx, scenes
from torchgrade.data.draws import Draws
from torchgrade.data.known import CIFAR10, MNIST, KnownSet, known_set
from torchgrade.data.places import Found
from torchgrade.data.records import Arrays

if TYPE_CHECKING:
    import numpy as np

VERSION = "split-1"
PARTS = ("train", "test", "kept")


@dataclass(frozen=True)
class Sizes:
    """Pictures in each part: of the whole set, or of each class."""

    train: int
    test: int
    kept: int


MNIST_REAL = Sizes(60_000, 5_000, 5_000)
MNIST_STANDIN = Sizes(20_000, 5_000, 5_000)
CIFAR_EACH = Sizes(500, 50, 50)
CIFAR10_EACH = Sizes(5_000, 500, 500)
CIFAR10_STANDIN_EACH = Sizes(2_000, 300, 300)

Drawn = dict[str, Arrays]


def split(name: str, source: Found | None, seed: bytes, *, kept: bool = True, official: bool = False) -> Drawn:
    """``train``, ``test`` and ``kept`` of a set, drawn from ``seed``. Without a ``source``: the stand-in.

    ``official`` leaves a real set as it was published, with the test images as the kept ones too; a stand-in has
    no official split. Without ``kept`` that part is left out; the others do not change. Raises UsageError for an
    unknown name and where a file of the source is not the official one.
    """
    known = known_set(name)
    if source is None:
        parts = _standin(known, seed, kept=kept)
    else:
        parts = _as_published(source) if official else _resplit(source, seed)
    if not kept:
        parts.pop("kept", None)
    return parts


def _standin(known: KnownSet, seed: bytes, *, kept: bool) -> Drawn:
    return {part: draw_standin(known, part, _about(seed, known, part)) for part in PARTS if kept or part != "kept"}


def draw_standin(known: KnownSet, part: str, seed: bytes) -> Arrays:
    """Fresh pictures for one part."""
    import numpy as np

    if known.name == MNIST.name:
        return digits.draw_digits(getattr(MNIST_STANDIN, part), seed)
    each, kind = getattr(_sizes_of_a_class(known, real=False), part), _kind(known)
    order = Draws(seed, "order").order(each * known.classes)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    images = np.empty((len(order), *known.image_shape), np.uint8)
    for label in range(known.classes):
        images[place[label * each : (label + 1) * each]] = scenes.draw_scenes(label, each, seed, kind)
    return Arrays(images, np.repeat(np.arange(known.classes), each)[order])


def _sizes_of_a_class(known: KnownSet, *, real: bool) -> Sizes:
    """Pictures of each class in each part of a CIFAR set."""
    if known.name == CIFAR10.name:
        return CIFAR10_EACH if real else CIFAR10_STANDIN_EACH
    return CIFAR_EACH


def _kind(known: KnownSet) -> scenes.Kind:
    return scenes.TEN if known.name == CIFAR10.name else scenes.HUNDRED


def _about(seed: bytes, known: KnownSet, part: str) -> bytes:
    return b"\0".join((VERSION.encode(), known.name.encode(), part.encode(), seed))


def _resplit(source: Found, seed: bytes) -> Drawn:
    pool = _pool(source)
    draws = Draws(_about(seed, source.known, "order"))
    order = draws.order(len(pool.labels))
    if source.known.name == MNIST.name:
        sizes, chosen = MNIST_REAL, {}
        bounds = (0, sizes.train, sizes.train + sizes.test, sizes.train + sizes.test + sizes.kept)
        for part, start, end in zip(PARTS, bounds, bounds[1:], strict=False):
            chosen[part] = order[start:end]
    else:
        chosen = _by_class(pool, order, _sizes_of_a_class(source.known, real=True))
    return {part: Arrays(pool.images[where], pool.labels[where]) for part, where in chosen.items()}


def _by_class(pool: Arrays, order: np.ndarray, sizes: Sizes) -> dict[str, np.ndarray]:
    """Positions in ``pool`` for each part: of every class the first of the order, then the next, then the rest."""
    import numpy as np

    ordered = pool.labels[order]
    rank = np.empty(len(ordered), np.int64)
    for label in range(int(ordered.max()) + 1):
        where = np.flatnonzero(ordered == label)
        rank[where] = np.arange(len(where))
    test, kept = sizes.train, sizes.train + sizes.test
    masks = {"train": rank < test, "test": (rank >= test) & (rank < kept), "kept": rank >= kept}
    return {part: order[mask] for part, mask in masks.items()}


def _as_published(source: Found) -> Drawn:
    train, test = _published(source)
    return {"train": train, "test": test, "kept": test}


def _pool(source: Found) -> Arrays:
    """All pictures of a real set, training first. Raises UsageError where a file is not the official one."""
    import numpy as np

    train, test = _published(source)
    return Arrays(np.concatenate((train.images, test.images)), np.concatenate((train.labels, test.labels)))


def _published(source: Found) -> tuple[Arrays, Arrays]:
    """The official training and test part. Raises UsageError where a file is not the official one."""
    import numpy as np

    form = source.known.batches
    if form is None:
        train, test = (
            Arrays(
                idx.parse_idx(source.read(f"{part}-images-idx3-ubyte")),
                idx.parse_idx(source.read(f"{part}-labels-idx1-ubyte")).astype(np.int64),
            )
            for part in ("train", "t10k")
        )
        return train, test
    source.read(form.meta)
    train, test = (batches.parse_part([source.read(n) for n in form.of(p)], form) for p in ("train", "test"))
    return train, test
