"""Which array of a student's network stands in which place of ours: by layers, by shapes, and in other orders.

Shapes alone do not tell equal layers apart, and a student may define them in any order. So there are several ways
to pair them, the likeliest first; which of them is right shows when the two networks are asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain, islice, permutations

import torch

from torchgrade.testing.look import plain

MOST_PAIRINGS = 120  # of one network: all orders of five equal layers, or of four that may lie either way round
_MOST_TRIED = 2000  # orders that are looked at for them, where shapes rule most out

_KINDS = ("same", "turned", "reshaped")  # of moves, the likeliest first

Arrays = Mapping[str, torch.Tensor]


@dataclass(frozen=True)
class Move:
    """How an array comes into our layout: ``same``, ``turned`` (a weight made for x @ W) or ``reshaped``."""

    kind: str
    shape: tuple[int, ...]

    def __call__(self, value: torch.Tensor) -> torch.Tensor:
        return value.T if self.kind == "turned" else value.reshape(self.shape)


@dataclass(frozen=True)
class Pairing:
    """``theirs``: their name for each of ours; ``moves``: how its array comes into our layout."""

    theirs: dict[str, str]
    moves: dict[str, Move]

    def arrays(self, state: Arrays) -> dict[str, torch.Tensor]:
        """Our names and what ``state`` (by their names) holds for them, ready for ``load_state_dict``."""
        return {name: self.moves[name](plain(state[other])) for name, other in self.theirs.items()}

    def moved(self, name: str, found: Arrays) -> torch.Tensor | None:
        """What ``found`` (by their names) holds for our ``name``, in our layout; None if it holds nothing."""
        value = found.get(self.theirs[name])
        return None if value is None else self.moves[name](value)


def in_order(places: Arrays, given: Arrays) -> tuple[Pairing, list[str], list[str]]:
    """Pair by shape and order: the same shape first, then transposed and reshaped ones.

    Also our names for which nothing is there, and theirs that are left over.
    """
    theirs: dict[str, str] = {}
    moves: dict[str, Move] = {}
    free = dict(given)
    for kind in _KINDS:
        for name, place in places.items():
            if name in theirs:
                continue
            other = next((o for o, value in free.items() if _move(value, place, (kind,))), None)
            if other is not None and (move := _move(free.pop(other), place, (kind,))):
                theirs[name], moves[name] = other, move
    return Pairing(theirs, moves), [name for name in places if name not in theirs], list(free)


def orders(places: Arrays, given: Arrays, first: Pairing, most: int = MOST_PAIRINGS) -> Iterator[Pairing]:
    """At most ``most`` different ways to pair them, the likeliest first; ``first`` is the one of ``in_order``."""
    found = chain(_by_layers(places, given), (first,), _by_shapes(places, given))
    return islice(_distinct(places, (each for one in found for each in _ways_round(one, places, given))), most)


def _distinct(places: Arrays, found: Iterator[Pairing]) -> Iterator[Pairing]:
    seen = set()
    for pairing in found:
        key = tuple((pairing.theirs[name], pairing.moves[name].kind) for name in places)
        if key not in seen:
            seen.add(key)
            yield pairing


def _move(value: torch.Tensor, place: torch.Tensor, kinds: Sequence[str] = _KINDS) -> Move | None:
    """How ``value`` comes into ``place`` by one of these ways; None if by none."""
    fits = {
        "same": value.shape == place.shape,
        "turned": _turned(value, place),
        "reshaped": _reshaped(value, place),
    }
    kind = next((kind for kind in kinds if fits[kind]), None)
    return Move(kind, tuple(place.shape)) if kind else None


def _turned(value: torch.Tensor, place: torch.Tensor) -> bool:
    return value.ndim == 2 and value.T.shape == place.shape


def _reshaped(value: torch.Tensor, place: torch.Tensor) -> bool:
    """A convolution over the whole picture is a linear layer in another layout; a bias may be (1, C, 1, 1)."""
    longer = [[n for n in t.shape if n > 1][:1] for t in (value, place)]
    return value.numel() == place.numel() and longer[0] == longer[1]


# --- whole layers ------------------------------------------------------------------------------------------------


def _by_layers(places: Arrays, given: Arrays) -> Iterator[Pairing]:
    """What one layer holds stays together. Theirs are told by ``fc1.``, or by the numbers in ``w1`` and ``b1``."""
    ours = _grouped(places, _prefix)
    for key in (_prefix, _number):
        theirs = _grouped(given, key)
        if (classes := _alike(ours, theirs)) is not None:
            yield from _matched(classes, ours, theirs)
            return


def _prefix(name: str) -> str:
    return name.rpartition(".")[0]


def _number(name: str) -> str:
    return ".".join(re.findall(r"\d+", name))


def _grouped(arrays: Arrays, key: Callable[[str], str]) -> dict[str, dict[str, torch.Tensor]]:
    groups: dict[str, dict[str, torch.Tensor]] = {}
    for name, value in arrays.items():
        groups.setdefault(key(name), {})[name] = value
    return groups


def _layer(places: Arrays, given: Arrays) -> Pairing | None:
    """One layer's arrays: by the last part of their names where these are the same, else by shape and order."""
    by_part = {name.rpartition(".")[2]: name for name in given}
    theirs = {name: by_part.get(name.rpartition(".")[2], "") for name in places}
    if sorted(theirs.values()) == sorted(given):
        moves = {name: _move(given[other], places[name]) for name, other in theirs.items()}
        if all(moves.values()):
            return Pairing(theirs, {name: move for name, move in moves.items() if move})
    pairing, missing, free = in_order(places, given)
    return None if missing or free else pairing


def _by_shapes(places: Arrays, given: Arrays) -> Iterator[Pairing]:
    """Each array by itself."""
    ours, theirs = ({name: {name: value} for name, value in arrays.items()} for arrays in (places, given))
    if (classes := _alike(ours, theirs)) is not None:
        yield from _matched(classes, ours, theirs)


# --- orders ------------------------------------------------------------------------------------------------------

Classes = list[tuple[list[str], list[str]]]  # groups of ours and of theirs that may be each other's


def _alike(ours: Mapping[str, Arrays], theirs: Mapping[str, Arrays]) -> Classes | None:
    """Groups of arrays by the sizes of these; None where ours and theirs are not as many of each."""
    sizes = [
        {name: tuple(sorted(v.numel() for v in g.values())) for name, g in side.items()} for side in (ours, theirs)
    ]
    if sorted(sizes[0].values()) != sorted(sizes[1].values()):
        return None
    kinds = list(dict.fromkeys(sizes[0].values()))
    return [
        ([n for n, k in sizes[0].items() if k == kind], [n for n, k in sizes[1].items() if k == kind])
        for kind in kinds
    ]


def _matched(classes: Classes, ours: Mapping[str, Arrays], theirs: Mapping[str, Arrays]) -> Iterator[Pairing]:
    """Every order of their groups in which each goes with ours: as defined, the other way round, and the rest."""
    places = [name for mine, _given in classes for name in mine]
    found = _permuted([given for _mine, given in classes])
    reverse = [name for _mine, given in classes for name in reversed(given)]
    pair = cache(lambda a, b: _layer(ours[a], theirs[b]))
    for order in islice(chain(islice(found, 1), (reverse,), found), _MOST_TRIED):
        parts = [pair(a, b) for a, b in zip(places, order, strict=True)]
        if all(parts):
            kept = [part for part in parts if part]
            yield Pairing(
                {name: other for part in kept for name, other in part.theirs.items()},
                {name: move for part in kept for name, move in part.moves.items()},
            )


def _permuted(classes: Sequence[Sequence[str]]) -> Iterator[list[str]]:
    """All orders within the classes, one after the other: there may be far too many to be kept."""
    if not classes:
        yield []
        return
    for order in permutations(classes[0]):
        for rest in _permuted(classes[1:]):
            yield [*order, *rest]


def _ways_round(pairing: Pairing, places: Arrays, given: Arrays) -> Iterator[Pairing]:
    """Square matrices as they are and transposed: as the others lie, where they tell it, comes first."""
    shapes = {name: given[other].shape for name, other in pairing.theirs.items()}
    square = [n for n, s in shapes.items() if len(s) == 2 and s[0] == s[1] > 1 and places[n].shape == s]
    if not square:
        yield pairing
        return
    turned = Pairing(pairing.theirs, pairing.moves | {n: Move("turned", tuple(shapes[n])) for n in square})
    others = {
        m.kind for n, m in pairing.moves.items() if len(shapes[n]) == 2 and min(shapes[n]) > 1 and n not in square
    }
    yield from (turned, pairing) if others == {"turned"} else (pairing, turned)
