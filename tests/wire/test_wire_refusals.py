"""What is not of the agreed form is refused with WireError, whatever it is, before memory is taken."""

from __future__ import annotations

import datetime
import json
import struct
import tracemalloc

import numpy as np
import pytest
from wire_tools import LIMITS, arrays_pass, frame_bytes, raw_frame, read

from torchgrade.wire import Decoder, Encoder, Plain, WireClosed, WireError, WireLimits, send_frame

# --- headers -----------------------------------------------------------------------------------------------

NOT_HEADERS = {
    "empty": b"",
    "not json": b"hello",
    "not utf-8": b'{"arrays": [], "x": "\xff"}',
    "half a surrogate as bytes": b'{"arrays": [], "x": "\xed\xa0\x80"}',
    "a list": b"[]",
    "a number": b"1",
    "no arrays": b"{}",
    "arrays is a dict": b'{"arrays": {}}',
    "bare NaN": b'{"arrays": [], "value": NaN}',
    "bare Infinity": b'{"arrays": [], "value": -Infinity}',
    "an integer of 5000 digits": b'{"arrays": [], "value": ' + b"1" * 5000 + b"}",
    "nested 100 000 deep": b'{"arrays": [], "value": ' + b"[" * 100_000,
    "nested 100 000 deep and closed": b'{"arrays": [], "v": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "two values": b'{"arrays": []}{"arrays": []}',
}


@pytest.mark.parametrize("header", NOT_HEADERS.values(), ids=NOT_HEADERS)
def test_a_header_that_is_not_one(header):
    with pytest.raises(WireError):
        read(raw_frame(header))


def test_a_header_longer_than_the_limit_is_refused_before_it_is_read():
    stream = struct.pack("<I", LIMITS.header_bytes + 1) + b"x" * 100
    tracemalloc.start()
    with pytest.raises(WireError, match="too long"):
        read(stream)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


NOT_ARRAYS = {
    "not a list": "x",
    "two parts": ["<f4", [1]],
    "four parts": ["<f4", [1], 4, 0],
    "unknown dtype": ["<f16", [1], 16],
    "object dtype": ["|O", [1], 8],
    "object dtype, short": ["O", [1], 8],
    "structured dtype": [[["a", "<f4"]], [1], 4],
    "bytes dtype": ["|S4", [1], 4],
    "void dtype": ["|V4", [1], 4],
    "datetime dtype": ["<M8[s]", [1], 8],
    "big endian": [">f4", [1], 4],
    "dtype with a shape": ["(2,)<f4", [1], 8],
    "dtype is a number": [4, [1], 4],
    "dtype is unhashable": [{}, [1], 4],
    "shape is a number": ["<f4", 1, 4],
    "shape holds a string": ["<f4", ["1"], 4],
    "shape holds a float": ["<f4", [1.0], 4],
    "shape holds a bool": ["<f4", [True], 4],
    "shape holds a list": ["<f4", [[1]], 4],
    "negative dimension": ["<f4", [-1], -4],
    "two negative dimensions": ["<f4", [-1, -1], 4],
    "nbytes too small": ["<f4", [2], 4],
    "nbytes too large": ["<f4", [1], 8],
    "nbytes negative": ["<f4", [1], -4],
    "nbytes a float": ["<f4", [1], 4.0],
    "nbytes a bool": ["|u1", [1], True],
    "huge": ["<f4", [1 << 40], 4 << 40],
    "huge product": ["<f8", [1 << 20, 1 << 20], 8 << 40],
    "product past 64 bits": ["<f8", [1 << 47] * 3, 8 << 141],
    "a dimension past 64 bits": ["|u1", [1 << 70], 1 << 70],
    "empty with a huge product": ["<f8", [0, 1 << 47, 1 << 47], 0],
    "empty with one huge dimension": ["|u1", [1 << 47, 0], 0],
    "too many dimensions": ["|u1", [1] * 17, 1],
}


@pytest.mark.parametrize("listed", NOT_ARRAYS.values(), ids=NOT_ARRAYS)
def test_an_array_that_is_not_one_is_refused_before_memory_is_taken(listed):
    tracemalloc.start()
    try:
        with pytest.raises(WireError):
            read(raw_frame({"arrays": [listed]}, b"\0" * 64))
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def test_too_many_arrays_and_too_many_bytes_in_all():
    with pytest.raises(WireError, match="too many arrays"):
        read(raw_frame({"arrays": [["|u1", [0], 0]] * (LIMITS.arrays + 1)}))
    half = LIMITS.array_bytes // 2 + 1
    with pytest.raises(WireError, match="too large"):
        read(raw_frame({"arrays": [["|u1", [half], half]] * 2}))


def test_an_answer_cannot_take_more_memory_than_a_grader_may_use():
    assert LIMITS.array_bytes <= 128 << 20


# --- nodes -------------------------------------------------------------------------------------------------

NOT_NODES = {
    "a bare list": [1, 2],
    "an empty dict": {},
    "two tags": {"list": [], "tuple": []},
    "an unknown tag": {"pickle": "gASV"},
    "list of nothing": {"list": None},
    "list of a string": {"list": "abc"},
    "tuple of a dict": {"tuple": {}},
    "dict of a dict": {"dict": {"a": 1}},
    "dict with a single": {"dict": [[1]]},
    "dict with a triple": {"dict": [[1, 2, 3]]},
    "dict with a string of two": {"dict": ["ab"]},
    "a key that is a list": {"dict": [[{"list": []}, 1]]},
    "a key that is a dict": {"dict": [[{"dict": []}, 1]]},
    "a key that is a tuple of lists": {"dict": [[{"tuple": [{"list": []}]}, 1]]},
    "a key that is an array": {"dict": [[{"array": 0}, 1]]},
    "an array that did not come": {"array": 1},
    "array minus one": {"array": -1},
    "array true": {"array": True},
    "array by name": {"array": "0"},
    "array by float": {"array": 0.0},
    "handle where none is known": {"handle": 1},
    "handle negative": {"handle": -1},
    "handle too large": {"handle": 1 << 31},
    "int of a number": {"int": 1},
    "int of words": {"int": "one"},
    "int of nothing": {"int": ""},
    "int of 320 digits": {"int": "9" * 320},
    "int of 5000 digits": {"int": "9" * 5000},
    "int that no float can hold": {"int": str(2**1024 - 1)},
    "a bare int past 53 bits": 2**53 + 1 << 4,
    "a bare int of 4000 digits": 10**4000,
    "float of a number": {"float": 1.0},
    "float of a list": {"float": []},
    "float of another word": {"float": "Infinity"},
    "an infinite float": float("inf"),
    "half a surrogate": "\ud800",
    "half a surrogate as a key": {"dict": [["\udfff", 1]]},
}


@pytest.mark.parametrize("node", NOT_NODES.values(), ids=NOT_NODES)
def test_a_node_that_is_not_one(node):
    with pytest.raises(WireError):
        Decoder([np.zeros(2)], LIMITS).decode(node)


def test_a_number_too_large_for_a_float_in_json():
    frame = read(raw_frame(b'{"arrays": [], "value": 1e999}'))
    with pytest.raises(WireError, match="not finite"):
        Decoder([], LIMITS).decode(frame.fields["value"])


def test_nesting_and_number_of_parts_are_bounded_in_both_directions():
    deep: object = 1
    node: object = 1
    for _ in range(LIMITS.depth + 1):
        deep, node = [deep], {"list": [node]}
    with pytest.raises(WireError, match="deep"):
        Encoder(arrays_pass, LIMITS).encode(deep)
    with pytest.raises(WireError, match="deep"):
        Decoder([], LIMITS).decode(node)
    with pytest.raises(WireError, match="many parts"):
        Encoder(arrays_pass, LIMITS).encode([0] * LIMITS.nodes)
    with pytest.raises(WireError, match="many parts"):
        Decoder([], LIMITS).decode({"list": [0] * LIMITS.nodes})


def test_keys_made_to_have_one_hash_are_refused_before_they_are_compared():
    """Each would be compared with all before it: a header's worth of them took a minute and more."""

    class Key(int):
        """An integer that counts how often one of them is compared."""

        compared = 0

        def __eq__(self, other):
            Key.compared += 1
            return int(self) == int(other)

        __hash__ = int.__hash__

    decoder = Decoder([], LIMITS)
    decoder.handle = lambda number: Key(number * (2**61 - 1))
    with pytest.raises(WireError, match="same hash"):
        decoder.decode({"dict": [[{"handle": n}, 0] for n in range(1, 10_000)]})
    assert Key.compared < 1000
    many = {"dict": [[{"int": str(n << 61)}, 0] for n in range(5000)]}
    assert len(Decoder([], LIMITS).decode(many)) == 5000


def test_a_node_far_deeper_than_the_recursion_limit():
    node: object = 1
    for _ in range(100_000):
        node = {"tuple": [node]}
    with pytest.raises(WireError):
        Decoder([], LIMITS).decode(node)


# --- senders -----------------------------------------------------------------------------------------------

CANNOT_BE_SENT = {
    "an object": object(),
    "bytes": b"x",
    "a set": {1},
    "a date": datetime.date(2026, 1, 1),
    "a complex number": 1j,
    "a function": len,
    "an object array": np.array([object()]),
    "a string array": np.array(["a"]),
    "a date array": np.array(["2026-01-01"], "<M8[s]"),
    "a structured array": np.zeros(1, [("a", "<f4")]),
    "a long double": np.zeros(1, np.longdouble),
    "big endian": np.zeros(1, ">f4"),
    "an integer that no float can hold": 2**1024 - 1,
    "a long string": "x" * (1 << 20),
    "half a surrogate": "\udc00",
    "an empty array of a huge shape": np.lib.stride_tricks.as_strided(np.zeros(0), (0, 1 << 47)),
    "seventeen dimensions": np.zeros((1,) * 17),
}


@pytest.mark.parametrize("value", CANNOT_BE_SENT.values(), ids=CANNOT_BE_SENT)
def test_a_value_that_cannot_be_sent_is_refused_by_its_sender(value):
    with pytest.raises(WireError):
        Encoder(arrays_pass, LIMITS).encode([value])


def test_a_value_that_stands_for_itself_for_ever():
    with pytest.raises(WireError, match="deep"):
        Encoder(Plain, LIMITS).encode(object())


def test_arrays_beyond_the_limits_are_refused_by_their_sender():
    limits = WireLimits(array_bytes=100, arrays=3)
    with pytest.raises(WireError, match="too large"):
        Encoder(arrays_pass, limits).encode([np.zeros(12), np.zeros(1)])
    with pytest.raises(WireError, match="too large"):
        Encoder(arrays_pass, limits).encode([np.zeros(1)] * 4)


@pytest.mark.parametrize("text", ["\x00" * 500_000, "\U0001f600" * 500_000, "é" * 500_000])
def test_a_header_that_no_reader_would_take_is_not_sent(text):
    """A string may grow twelvefold in JSON. Half a frame would end the stream for every later question."""

    class Closed:
        def settimeout(self, _):
            raise AssertionError("nothing may be sent")

    node = [Encoder(arrays_pass, LIMITS).encode(text)] * 4
    with pytest.raises(WireError) as caught:
        send_frame(Closed(), {"value": {"list": node}}, [], 1.0)
    assert not isinstance(caught.value, WireClosed)


def test_what_a_sender_accepts_its_reader_accepts():
    """The two sides have the same limits: an honest answer is never a broken stream."""
    value = {"ints": list(range(20_000)), "text": "é" * 300_000, "floats": [float("nan")] * 10_000}
    data = frame_bytes(value)
    assert json.loads(data[4:])["arrays"] == []
    assert len(Decoder([], LIMITS).decode(read(data).fields["value"])["text"]) == 300_000
