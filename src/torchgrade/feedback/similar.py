"""Pairs of notebooks that share more than the task explains. They are something to read, and no proof.

copydetect (the extra ``similar``) makes fingerprints of the code by winnowing (Schleimer, Wilkerson, Aiken,
"Winnowing: local algorithms for document fingerprinting", SIGMOD 2003): comments, blanks and the names of
variables do not count. What the handout gave is left out, and so is what many have, as MOSS does: a right answer
of three lines is alike in half of the cohort.
"""

from __future__ import annotations

import io
import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torchgrade.errors import UsageError
from torchgrade.feedback.clean import encodable, joined

_K = 25  # characters of the shortest passage that counts, after names were shortened to a letter
_COMMON = 10  # a passage in more notebooks than this is common knowledge
_SHARE, _LEAST = 0.4, 150  # of what is the student's own, and characters in common (names as one letter)
_PAIRS = 50
_LONGEST = 60_000  # characters of one notebook's code; a longer one is compared as far as this

Piece = tuple[str, bool]  # text, and whether both have it


@dataclass(frozen=True)
class Pair:
    """Two students, the share of the smaller work that both have, and the code of both in pieces."""

    first: str
    second: str
    share: float
    left: tuple[Piece, ...]
    right: tuple[Piece, ...]


def similar_pairs(codes: Mapping[str, str], handout: str) -> list[Pair]:
    """The most similar pairs among these notebooks' code (by student), the most similar first.

    Raises UsageError where copydetect is not installed.
    """
    compare = _load()
    prints = {student: compare.fingerprint(code) for student, code in sorted(codes.items()) if code.strip()}
    given = compare.fingerprint(handout).hashes
    shared_by = Counter(h for one in prints.values() for h in one.hashes)
    most = min(_COMMON, max(3, len(prints) // 3))
    known = set(given) | {h for h, n in shared_by.items() if n > most}
    for one in prints.values():
        _forget(compare, one, known)
    found = [pair for a, b in _candidates(prints) if (pair := _pair(compare, a, b, prints))]
    return sorted(found, key=lambda pair: (-pair.share, pair.first, pair.second))[:_PAIRS]


def code_of(notebook: Mapping[str, Any]) -> str:
    """The code cells of a notebook as one text."""
    cells = notebook.get("cells")
    cells = cells if isinstance(cells, list) else []
    sources = [joined(c.get("source")) for c in cells if isinstance(c, dict) and c.get("cell_type") == "code"]
    return encodable("\n\n".join(sources))[:_LONGEST]


@dataclass(frozen=True)
class _Copydetect:
    """What is used of copydetect, imported when somebody asks for it: it brings matplotlib's plots along."""

    make: Callable[..., Any]
    compare: Callable[[Any, Any], Any]
    coverage: Callable[..., Any]

    def fingerprint(self, code: str) -> Any:
        return self.make("notebook.py", _K, 1, language="python", fp=io.StringIO(code))


def _load() -> _Copydetect:
    try:
        from copydetect import (  # type: ignore[import-not-found, import-untyped, unused-ignore]
            CodeFingerprint,
            compare_files,
        )
        from copydetect.utils import (  # type: ignore[import-not-found, import-untyped, unused-ignore]
            get_token_coverage,
        )
    except ImportError:
        raise UsageError(
            "similar notebooks are found by copydetect, which is not installed: pip install 'torchgrade[similar]'"
        ) from None
    return _Copydetect(CodeFingerprint, compare_files, get_token_coverage)


def _forget(compare: _Copydetect, one: Any, known: set[int]) -> None:
    """Take these passages out of a notebook's fingerprints. (copydetect's own way drops what repeats, too.)"""
    one.hashes = one.hashes - known
    one.hash_idx = {h: places for h, places in one.hash_idx.items() if h in one.hashes}
    one.token_coverage = compare.coverage(one.hash_idx, _K, len(one.filtered_code))


def _candidates(prints: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Pairs that share a passage. They are few now that what many have is out; of 1000, all are half a million."""
    having: dict[int, list[str]] = defaultdict(list)
    for student, one in prints.items():
        for h in one.hashes:
            having[h].append(student)
    return iter(sorted({pair for some in having.values() for pair in itertools.combinations(some, 2)}))


def _pair(compare: _Copydetect, a: str, b: str, prints: Mapping[str, Any]) -> Pair | None:
    overlap, (share_a, share_b), slices = compare.compare(prints[a], prints[b])
    share = min(float(max(share_a, share_b)), 1.0)
    if overlap < _LEAST or share < _SHARE:
        return None
    left, right = (_pieces(prints[s].raw_code, places) for s, places in zip((a, b), slices, strict=True))
    return Pair(a, b, share, left, right)


def _pieces(code: str, places: Sequence[Sequence[float]]) -> tuple[Piece, ...]:
    """The code cut at the ends of what both have; whole lines, for half a name is hard to read."""
    ends = sorted((int(start), int(end)) for start, end in zip(*places, strict=True))
    pieces: list[Piece] = []
    at = 0
    for start, end in ends:
        start, end = code.rfind("\n", 0, max(start, 0)) + 1, code.find("\n", min(max(end - 1, 0), len(code)))
        end = len(code) if end < 0 else end + 1
        if end <= at:
            continue
        if start > at:
            pieces.append((code[at:start], False))
        pieces.append((code[max(start, at) : end], True))
        at = end
    return tuple(p for p in [*pieces, (code[at:], False)] if p[0])
