"""What an honest sender says arrives as it was."""

from __future__ import annotations

import math
import socket
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from wire_tools import LIMITS, arrays_pass, round_trip, same

from torchgrade.wire import (
    DTYPES,
    Decoder,
    Encoder,
    Plain,
    Reference,
    receive_frame,
    send_frame,
)

arrays = hnp.arrays(
    dtype=st.sampled_from(sorted(DTYPES)).map(np.dtype),
    shape=hnp.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=4),
)
texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
integers = st.integers(1 - 2**1023, 2**1023 - 1)
leaves = st.none() | st.booleans() | integers | st.floats() | texts | arrays
keys = st.none() | st.booleans() | integers | st.floats(allow_nan=False) | texts | st.tuples(texts, integers)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(keys, inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(values)
def test_any_plain_value_comes_back_as_it_was(value):
    assert same(round_trip(value), value)


@pytest.mark.parametrize("dtype", sorted(DTYPES))
@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (1,), (2, 3), (1,) * 16])
def test_every_dtype_in_every_shape(dtype, shape):
    size = math.prod(shape)
    array = np.arange(1, size + 1).astype(dtype).reshape(shape)
    assert same(round_trip(array), array)


@pytest.mark.parametrize(
    "view",
    [
        np.arange(24.0).reshape(4, 6).T,
        np.arange(24.0)[::-2],
        np.arange(24.0)[::5][:1],
        np.broadcast_to(np.float32(3), (5, 7)),
        np.asfortranarray(np.arange(6).reshape(2, 3)),
        np.frombuffer(b"\1\2\3\4", np.uint8),  # read-only
    ],
    ids=["transposed", "reversed", "one with a stride", "broadcast", "fortran", "read-only"],
)
def test_a_view_arrives_as_the_values_it_shows(view):
    arrived = round_trip(view)
    assert same(arrived, np.ascontiguousarray(view).reshape(view.shape))
    assert arrived.flags.writeable and arrived.flags.c_contiguous


@pytest.mark.parametrize(
    "number", [float("nan"), float("inf"), -float("inf"), -0.0, 5e-324, 1.7976931348623157e308]
)
def test_floats_at_the_edges(number):
    assert same(round_trip(number), number)
    assert same(round_trip(np.array([number, 1.0])), np.array([number, 1.0]))


@pytest.mark.parametrize("number", [2**53, -(2**53), 2**53 + 1, 2**64, 1 - 2**1023, 2**1023 - 1])
def test_integers_beyond_what_a_float_tells_apart(number):
    assert round_trip(number) == number
    assert math.isfinite(float(number))  # whoever compares or draws an answer may make a float of it


def test_a_bool_array_holds_only_zero_and_one_whatever_the_bytes():
    from wire_tools import raw_frame, read

    (array,) = read(raw_frame({"arrays": [["|b1", [4], 4]]}, b"\x00\x01\x02\xff")).arrays
    assert array.tobytes() == b"\x00\x01\x01\x01"
    (scalar,) = read(raw_frame({"arrays": [["|b1", [], 1]]}, b"\x80")).arrays
    assert scalar.shape == () and scalar.tobytes() == b"\x01"


def test_relatives_of_plain_values_and_handles():
    class Size(tuple):
        """Stands for torch.Size."""

    def special(value):
        return Plain(tuple(value)) if isinstance(value, Size) else Reference(7)

    encoder = Encoder(special, LIMITS)
    node = encoder.encode([Size((2, 3)), object()])
    assert Decoder([], LIMITS, handle=lambda n: ("handle", n)).decode(node) == [(2, 3), ("handle", 7)]


def test_a_large_value_crosses_a_real_socket_in_parts():
    ours, theirs = socket.socketpair()
    array = np.arange(3_000_000, dtype=np.float32)
    encoder = Encoder(arrays_pass, LIMITS)
    node = encoder.encode({"x": array, "n": [1, 2]})
    with ours, theirs:
        sender = threading.Thread(target=send_frame, args=(theirs, {"value": node}, encoder.arrays, 20.0))
        sender.start()
        frame = receive_frame(ours, LIMITS, 20.0)
        sender.join()
    assert same(Decoder(frame.arrays, LIMITS).decode(frame.fields["value"]), {"x": array, "n": [1, 2]})
