"""Data sets: where they lie, how the course splits them, and what stands in for one that is not to be had.

``prepare(course_root, names, secret)`` is what the pipeline calls; ``PreparedData.load(name)`` gives graders
their ``Split``. Light to import: numpy and torch come with the first use.
"""

from torchgrade.data.fetching import fetch, make
from torchgrade.data.known import CIFAR10, CIFAR100, KNOWN, MNIST, KnownSet, known_set
from torchgrade.data.places import VARIABLE, Found, find, own_root, roots
from torchgrade.data.prepared import PUBLIC_SEED, PreparedData, prepare
from torchgrade.data.records import Arrays, Part, Split
from torchgrade.data.splitting import split

__all__ = [
    "CIFAR10",
    "CIFAR100",
    "KNOWN",
    "MNIST",
    "PUBLIC_SEED",
    "VARIABLE",
    "Arrays",
    "Found",
    "KnownSet",
    "Part",
    "PreparedData",
    "Split",
    "fetch",
    "find",
    "known_set",
    "make",
    "own_root",
    "prepare",
    "roots",
    "split",
]
