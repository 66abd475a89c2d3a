"""The data sets that the course knows: their names, files and official md5 sums."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from torchgrade.errors import UsageError


@dataclass(frozen=True)
class Batches:
    """How a CIFAR set lies in pickled batches: which files, in order, and under which keys."""

    train: tuple[str, ...]
    test: tuple[str, ...]
    meta: str
    labels: str  # in a batch
    names: str  # in ``meta``: of the classes

    def of(self, part: str) -> tuple[str, ...]:
        """The files of ``train`` or ``test``."""
        return {"train": self.train, "test": self.test}[part]


@dataclass(frozen=True)
class KnownSet:
    """One data set on disk as torchvision lays it out. ``files`` are (path below a root, md5)."""

    name: str
    title: str
    folder: str  # the folder of ``files`` below a root
    files: tuple[tuple[str, str], ...]
    classes: int
    image_shape: tuple[int, ...]
    loader: str  # torchvision's class
    archive: tuple[str, str] = ("", "")  # one file with all others in it, and its md5
    batches: Batches | None = None


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
    loader="MNIST",
)
CIFAR10 = KnownSet(
    name="cifar10",
    title="CIFAR-10",
    folder="cifar-10-batches-py",
    files=(
        ("data_batch_1", "c99cafc152244af753f735de768cd75f"),
        ("data_batch_2", "d4bba439e000b95fd0a9bffe97cbabec"),
        ("data_batch_3", "54ebc095f3ab1f0389bbae665268c751"),
        ("data_batch_4", "634d18415352ddfa80567beed471001a"),
        ("data_batch_5", "482c414d41f54cd18b22e5b47cb7c3cb"),
        ("test_batch", "40351d587109b95175f43aff81a1287e"),
        ("batches.meta", "5ff9c542aee3614f3951f8cda6e48888"),
    ),
    classes=10,
    image_shape=(32, 32, 3),
    loader="CIFAR10",
    archive=("cifar-10-python.tar.gz", "c58f30108f718f92721af3b95e74349a"),
    batches=Batches(
        train=tuple(f"data_batch_{number}" for number in range(1, 6)),
        test=("test_batch",),
        meta="batches.meta",
        labels="labels",
        names="label_names",
    ),
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
    loader="CIFAR100",
    archive=("cifar-100-python.tar.gz", "eb9058c3a382ffc7106e4002c42a8d85"),
    batches=Batches(train=("train",), test=("test",), meta="meta", labels="fine_labels", names="fine_label_names"),
)
KNOWN = {s.name: s for s in (MNIST, CIFAR10, CIFAR100)}


def known_set(name: str) -> KnownSet:
    """The set of this name. Raises UsageError with the nearest right spelling."""
    if name in KNOWN:
        return KNOWN[name]
    near = difflib.get_close_matches(name.lower().replace("-", ""), KNOWN, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(KNOWN)}"
    raise UsageError(f"no data set {name!r}; {hint}")
