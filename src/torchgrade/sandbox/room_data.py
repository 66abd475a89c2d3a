"""Makes torchvision find the room's data sets, whatever root a notebook names, and without a network.

Real notebooks say ``MNIST('~/.pytorch/MNIST_data', download=True)``: in the room that finds the course's split
and prints nothing. The loaders' idea of where the files lie is changed, and pixels are mapped instead of read: all
rooms share them, and a room that writes into them has the pages that it writes to itself.
"""

from __future__ import annotations

import contextlib
import json
import operator
import os
import struct
from pathlib import Path
from typing import Any

#: Names the room's data root to the kernel, and to `wget` and `curl`.
VARIABLE = "TORCHGRADE_ROOM_DATA"
#: Beside CIFAR's pickles, for each part: in which file the pixels lie and where they begin, and the labels.
MAPPED = ".{part}.json"
#: torchvision's loaders of the CIFAR sets, and the folder of each below a root.
CIFAR = {"CIFAR100": "cifar-100-python", "CIFAR10": "cifar-10-batches-py"}
_OLD_NAMES = {"train_data": "data", "test_data": "data", "train_labels": "targets", "test_labels": "targets"}


def install(folder: str | None = None, *, link: bool = False) -> None:
    """Point torchvision's MNIST and CIFAR sets at ``folder``, by default what the environment names, if any.

    With ``link``, downloading leaves a link where the notebook wanted the files: only where all that it writes
    is thrown away afterwards, never in anybody's own folders.
    """
    root = folder or os.environ.get(VARIABLE, "")
    if not root or not os.path.isdir(root):
        return
    try:
        from torchvision import datasets
    except (ImportError, RuntimeError):
        return
    if os.path.isdir(f"{root}/MNIST/raw"):
        _point_mnist(datasets.MNIST, root, link)
    for loader, name in CIFAR.items():
        if os.path.isdir(f"{root}/{name}"):
            _point_cifar(getattr(datasets, loader), root, name, link)


def _point_mnist(mnist: Any, root: str, link: bool) -> None:
    elsewhere = mnist.raw_folder
    others = {c for c in _descendants(mnist) if c.__module__.startswith("torchvision.")}  # FashionMNIST, …

    def raw_folder(self: Any) -> Any:
        return elsewhere.fget(self) if type(self) in others else f"{root}/MNIST/raw"

    download = mnist.download

    def find(self: Any) -> None:
        if type(self) in others:
            download(self)
        elif link:
            _link(self.root, root, "MNIST")

    mnist.raw_folder = property(raw_folder)
    read = mnist._load_data

    def load(self: Any) -> Any:
        if type(self) in others:
            return read(self)
        from torchvision.datasets.mnist import read_label_file

        prefix = f"{root}/MNIST/raw/{'train' if self.train else 't10k'}"
        return _mapped_idx(f"{prefix}-images-idx3-ubyte"), read_label_file(f"{prefix}-labels-idx1-ubyte")

    mnist.download = find
    mnist._load_data = load
    _add_old_names(mnist)


def _point_cifar(cifar: Any, root: str, name: str, link: bool) -> None:
    from torchvision.datasets import VisionDataset

    # CIFAR100 is a CIFAR10 to torchvision: where only the ten are at hand, the hundred stay as they were.
    others = {c for c in _descendants(cifar) if c.__module__.startswith("torchvision.")}
    official, download = cifar.__init__, cifar.download

    def find(self: Any) -> None:
        if isinstance(self, tuple(others)):
            download(self)
        elif link:
            _link(self.root, root, name)

    folder = f"{root}/{name}"
    cifar.base_folder = folder  # an absolute path: joined to any root, it stays what it is
    for files in ("train_list", "test_list"):  # the course's split has sums of its own
        setattr(cifar, files, [[file, None] for file, _md5 in getattr(cifar, files)])
    cifar.meta = {**cifar.meta, "md5": None}

    def load(
        self: Any,
        root: Any,
        train: bool = True,
        transform: Any = None,
        target_transform: Any = None,
        download: bool = False,
    ) -> None:
        if isinstance(self, tuple(others)):
            official(self, root, train, transform, target_transform, download)
            return
        VisionDataset.__init__(self, root, transform=transform, target_transform=target_transform)
        self.train = train
        if download:
            self.download()
        self.data, self.targets = _mapped_batch(folder, "train" if train else "test")
        self._load_meta()

    cifar.download = find
    cifar.__init__ = load
    _add_old_names(cifar)


def _mapped_idx(path: str) -> Any:
    """Images (N, 28, 28), uint8: a tensor over the file, which writing leaves as it is."""
    import numpy as np
    import torch

    with open(path, "rb") as file:
        _, *shape = struct.unpack(">4I", file.read(16))
    return torch.from_numpy(np.memmap(path, np.uint8, mode="c", offset=16, shape=tuple(shape)))


def _mapped_batch(folder: str, part: str) -> tuple[Any, list[int]]:
    """Images (N, 32, 32, 3), uint8, in the memory order of torchvision's own, and their labels."""
    import numpy as np

    with open(f"{folder}/{MAPPED.format(part=part)}", encoding="utf-8") as file:
        said = json.load(file)
    labels, path = said["labels"], f"{folder}/{said['file']}"
    shape = (len(labels), 3, 32, 32)
    planar = np.memmap(path, np.uint8, mode="c", offset=said["pixels_at"], shape=shape)
    return np.asarray(planar).transpose(0, 2, 3, 1), labels


def _add_old_names(loader: Any) -> None:
    """The attributes of 2018, which a fifth of the course's notebooks still use; here without a warning."""
    for old, new in _OLD_NAMES.items():
        setattr(loader, old, property(operator.attrgetter(new)))


def _descendants(loader: Any) -> set[Any]:
    return {d for c in loader.__subclasses__() for d in (c, *_descendants(c))}


def _link(wanted: Any, root: str, name: str) -> None:
    """Show the files where the notebook asked for them too: some open them by hand afterwards."""
    with contextlib.suppress(OSError, TypeError, ValueError):
        place = Path(wanted).expanduser() / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if not os.path.lexists(place):
            place.symlink_to(Path(root) / name, target_is_directory=True)
