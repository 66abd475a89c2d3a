"""The data sets that the course knows: their names, files and official md5 sums."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from torchgrade.errors import UsageError


@dataclass(frozen=True)
class KnownSet:
    """One data set on disk as torchvision lays it out. ``files`` are (path below a root, md5)."""

    name: str
    title: str
    folder: str  # the folder of ``files`` below a root
    files: tuple[tuple[str, str], ...]
    classes: int
    image_shape: tuple[int, ...]
    archive: tuple[str, str] = ("", "")  # one file with all others in it, and its md5


MNIST = KnownSet(
    name="mnist",
    title="MNIST",
    folder="MNIST/raw",
    files=(
        ("train-images-idx3-ubyte", "6bbc9ace898e44ae57da46a324031adb"),
        ("train-labels-idx1-ubyte", "a25bea736e30d166cdddb491f175f624"),
        ("t10k-images-idx3-ubyte", "2646ac647ad5339dbf082846283269ea"),
        ("t10k-labels-idx1-ubyte", "27ae3e4e09519cfbb04c329615203637"),
    ),
    classes=10,
    image_shape=(28, 28),
)
CIFAR100 = KnownSet(
    name="cifar100",
    title="CIFAR-100",
    folder="cifar-100-python",
    files=(
        ("train", "16019d7e3df5f24257cddd939b257f8d"),
        ("test", "f0ef6b0ae62326f3e7ffdfab6717acfc"),
        ("meta", "7973b15100ade9c7d40fb424638fde48"),
    ),
    classes=100,
    image_shape=(32, 32, 3),
    archive=("cifar-100-python.tar.gz", "eb9058c3a382ffc7106e4002c42a8d85"),
)
KNOWN = {s.name: s for s in (MNIST, CIFAR100)}


def known_set(name: str) -> KnownSet:
    """The set of this name. Raises UsageError with the nearest right spelling."""
    if name in KNOWN:
        return KNOWN[name]
    near = difflib.get_close_matches(name.lower().replace("-", ""), KNOWN, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(KNOWN)}"
    raise UsageError(f"no data set {name!r}; {hint}")
