"""Which name of a notebook may be meant where another one is missing; none rather than a far-fetched one."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

_NEAR = 0.8  # of the letters are the same, in the same order
_SHORTEST = 4  # letters; of fewer, any two are alike


def near_name(name: str, known: Iterable[str]) -> str:
    """The name among ``known`` that is ``name`` misspelt, or in other letters (``LeNet_5``); empty if none is.

    Names that differ in their numbers (``weights_1``, ``weights_2``) or in a part of one letter (``X_train``,
    ``y_train``) mean two things, and short ones must be the same but for case and underscores.
    """
    others = [other for other in known if other != name]
    same = next((other for other in others if _folded(other) == _folded(name)), "")
    if same or len(_folded(name)) < _SHORTEST:
        return same
    near = [other for other in others if len(_folded(other)) >= _SHORTEST and not _mean_two_things(name, other)]
    by_folded = {_folded(other): other for other in near}
    found = difflib.get_close_matches(_folded(name), by_folded, 1, _NEAR)
    return by_folded[found[0]] if found else ""


def _folded(name: str) -> str:
    return name.casefold().replace("_", "")


def _mean_two_things(name: str, other: str) -> bool:
    numbers = [re.findall(r"\d+", n) for n in (name, other)]
    letters = [[part for part in n.split("_") if len(part) == 1 and part.isalpha()] for n in (name, other)]
    return (all(numbers) and numbers[0] != numbers[1]) or letters[0] != letters[1]
