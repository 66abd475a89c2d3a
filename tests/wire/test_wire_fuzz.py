"""Mutated frames: the reader gives values of the declared kinds or WireError, and nothing else."""

from __future__ import annotations

import copy
import json
import os
import random
import struct
import tracemalloc
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from wire_tools import Bytes, frame_bytes, is_declared, raw_frame

from torchgrade.wire import Decoder, WireError, WireLimits, receive_frame

LIMITS = WireLimits(header_bytes=1 << 16, array_bytes=1 << 20)
FRAMES = int(os.environ.get("TORCHGRADE_FUZZ_FRAMES", "20000"))
#: A header's JSON may become this many times as large in Python's objects: `{},{},…`.
_GROWTH = 64

SEEDS = [
    frame_bytes(value, nonce="0123456789abcdef", ok=True)
    for value in (
        None,
        [1, -2.5, "text", True, None],
        {"weights": np.arange(6.0).reshape(2, 3), "bias": np.zeros(0, np.int64), 3: (1, 2)},
        [float("nan"), 2**80, (), {}, [[[[[]]]]]],
        [np.array(True), np.zeros((2, 0, 3), np.float16), np.arange(4, dtype=np.uint8)],
        {"a": {"b": {"c": [np.ones(3, np.complex64)]}}},
    )
]
#: Bytes that mean something in a header; a mutation writes them where they do harm.
_WORDS = [
    *(b'null true false NaN -Infinity 1e999 -1 0 1.0 "" [] {} [[ ]] , : \\ \\ud800 \xff \x00'.split(b" ")),
    *(w.encode() for w in ('"arrays"', '"array"', '"dict"', '"list"', '"tuple"', '"int"', '"float"', '"handle"')),
    *(w.encode() for w in ('"|O"', '"<f8"', '"|b1"', "4294967296", "281474976710656", "9" * 400, "[" * 300)),
]


def _flip(data: bytearray, draw: random.Random) -> None:
    data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)


def _word(data: bytearray, draw: random.Random) -> None:
    at = draw.randrange(len(data) + 1)
    data[at : at + draw.choice((0, 1, 4))] = draw.choice(_WORDS)


def _cut(data: bytearray, draw: random.Random) -> None:
    at = draw.randrange(len(data))
    del data[at : at + draw.randrange(1, 12)]


def _copy(data: bytearray, draw: random.Random) -> None:
    start, at = draw.randrange(len(data)), draw.randrange(len(data))
    data[at:at] = data[start : start + draw.randrange(1, 40)]


def mutated_bytes(draw: random.Random) -> bytes:
    """An honest frame with a few bytes changed; most of the time with a length that fits again."""
    data = bytearray(draw.choice(SEEDS))
    (length,) = struct.unpack_from("<I", data)
    header, body = data[4 : 4 + length], data[4 + length :]
    for _ in range(draw.choice((1, 1, 2, 4, 8))):
        draw.choice((_flip, _word, _cut, _copy))(header if header and draw.random() < 0.9 else data, draw)
    if draw.random() < 0.1:
        return bytes(data)
    return struct.pack("<I", len(header)) + bytes(header) + bytes(body) + b"\0" * draw.choice((0, 0, 64))


_LEAVES: list[Any] = [
    None, True, False, 0, -1, 1, 2**31, 2**53, 2**64, 10**400, 0.5, "", "nan", "x", "\ud800",
    "1_0", " 7 ", "٣", [], {}, "<f4", "|O", [0, 2**47, 2**47], [2**47], [-1], [1] * 20,
]  # fmt: skip


def mutated_tree(draw: random.Random) -> bytes:
    """A frame whose header is well-formed JSON with parts exchanged: it reaches further than wrong bytes do."""
    data = draw.choice(SEEDS)
    (length,) = struct.unpack_from("<I", data)
    header = json.loads(data[4 : 4 + length])
    for _ in range(draw.choice((1, 1, 2, 3))):
        places = list(_places(header))
        holder, key = draw.choice(places)
        other, place = draw.choice(places)
        # A copy: a part that held itself would be walked for ever.
        holder[key] = copy.deepcopy(draw.choice(_LEAVES) if draw.random() < 0.7 else other[place])
    return raw_frame(header, data[4 + length :] + b"\0" * draw.choice((0, 64)))


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Every (dict or list, key or index) of the tree."""
    for key in list(tree) if isinstance(tree, dict) else range(len(tree)):
        yield tree, key
        if isinstance(tree[key], (dict, list)):
            yield from _places(tree[key])


def examine(data: bytes) -> bool:
    """Read one frame; True when it was taken. Anything but declared values or WireError fails the test."""
    try:
        frame = receive_frame(Bytes(data), LIMITS, 5.0)
        value = Decoder(frame.arrays, LIMITS, handle=lambda n: n).decode(frame.fields.get("value"))
    except WireError:
        return False
    assert all(is_declared(a) for a in frame.arrays), data
    assert is_declared(value), data
    return True


def _fuzz(frames: int, seed: int) -> int:
    draw = random.Random(seed)
    taken = 0
    for number in range(frames):
        data = (mutated_bytes if number % 2 else mutated_tree)(draw)
        try:
            taken += examine(data)
        except Exception as error:
            raise AssertionError(f"frame {number} of seed {seed}: {error!r}: {data!r}") from error
    return taken


def test_the_seeds_are_honest():
    assert all(examine(seed) for seed in SEEDS)


def test_mutated_frames_give_declared_values_or_wire_errors():
    taken = _fuzz(FRAMES, seed=20_261_121)
    assert 0 < taken < FRAMES  # the mutations neither break every frame nor leave every one whole


def test_mutated_frames_do_not_take_memory():
    tracemalloc.start()
    try:
        _fuzz(600, seed=7)
        assert tracemalloc.get_traced_memory()[1] < _GROWTH * LIMITS.header_bytes + 2 * LIMITS.array_bytes
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("part", [b"{},", b"[],", b'{"":0},', b"1.5,", b'"ab",', b"[0],"])
def test_a_full_header_of_small_parts_stays_bounded(part):
    body = part * ((1 << 20) // len(part) - 40)
    data = raw_frame(b'{"arrays": [], "value": {"list": [' + body + b"null]}}")
    limits = WireLimits(header_bytes=1 << 20)
    tracemalloc.start()
    try:
        frame = receive_frame(Bytes(data), limits, 5.0)
        with pytest.raises(WireError):
            Decoder(frame.arrays, limits).decode(frame.fields["value"])
        assert tracemalloc.get_traced_memory()[1] < _GROWTH << 20
    finally:
        tracemalloc.stop()


@pytest.mark.slow
def test_a_million_mutated_frames():
    taken = _fuzz(1_000_000, seed=1)
    assert 0 < taken < 1_000_000
