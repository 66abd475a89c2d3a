"""Streams that end, stall, trickle or are closed give WireClosed or WireTimeout, in time."""

from __future__ import annotations

import socket
import threading
import time

import numpy as np
import pytest
from wire_tools import LIMITS, Bytes, frame_bytes, raw_frame, read

from torchgrade.wire import (
    WireClosed,
    WireError,
    WireTimeout,
    receive_frame,
    send_frame,
)

WHOLE = frame_bytes({"x": np.arange(5.0), "y": [1, "two", None], "z": np.zeros((2, 0))}, nonce="n")


@pytest.mark.parametrize("length", range(len(WHOLE)))
def test_a_frame_cut_short_anywhere_is_a_closed_stream(length):
    with pytest.raises(WireClosed):
        read(WHOLE[:length])


def test_a_frame_may_come_in_single_bytes():
    frame = receive_frame(Bytes(WHOLE, part=1), LIMITS, 5.0)
    assert frame.fields["nonce"] == "n" and frame.arrays[0].tolist() == [0, 1, 2, 3, 4]


def test_what_follows_a_frame_is_left_in_the_stream():
    stream = Bytes(WHOLE + WHOLE)
    assert receive_frame(stream, LIMITS, 1.0).fields == receive_frame(stream, LIMITS, 1.0).fields
    with pytest.raises(WireClosed):
        receive_frame(stream, LIMITS, 1.0)


@pytest.mark.parametrize("sent", [0, 3, 20, len(WHOLE) - 1])
def test_a_stalled_stream_times_out(sent):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(WHOLE[:sent])
        begin = time.monotonic()
        with pytest.raises(WireTimeout):
            receive_frame(ours, LIMITS, 0.2)
        assert 0.15 < time.monotonic() - begin < 2


def test_a_trickle_does_not_move_the_deadline():
    ours, theirs = socket.socketpair()
    stop = threading.Event()

    def trickle() -> None:
        for n in range(len(WHOLE)):
            if stop.wait(0.02):
                return
            theirs.sendall(WHOLE[n : n + 1])

    with ours, theirs:
        thread = threading.Thread(target=trickle)
        thread.start()
        begin = time.monotonic()
        with pytest.raises(WireTimeout):
            receive_frame(ours, LIMITS, 0.3)
        elapsed = time.monotonic() - begin
        stop.set()
        thread.join()
    assert elapsed < 2


def test_no_deadline_waits_for_the_frame():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        timer = threading.Timer(0.1, theirs.sendall, [WHOLE])
        timer.start()
        assert receive_frame(ours, LIMITS, None).fields["nonce"] == "n"
        timer.join()


def test_a_reader_that_does_not_read_times_out_the_sender():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        begin = time.monotonic()
        with pytest.raises(WireTimeout):
            send_frame(ours, {}, [np.zeros(4_000_000)], 0.3)
        assert time.monotonic() - begin < 3


def test_a_reader_that_has_gone_closes_the_sender():
    ours, theirs = socket.socketpair()
    theirs.close()
    with ours, pytest.raises(WireClosed):
        send_frame(ours, {}, [np.zeros(1000)], 1.0)


def test_a_stream_that_this_side_closed_is_closed_too():
    ours, theirs = socket.socketpair()
    with theirs:
        ours.close()
        with pytest.raises(WireClosed):
            send_frame(ours, {}, [], 1.0)
        with pytest.raises(WireClosed):
            receive_frame(ours, LIMITS, 1.0)


def test_a_header_that_promises_more_than_comes_does_not_take_the_memory():
    """np.empty() reserves addresses alone, and the kernel gives pages only as bytes arrive."""
    import resource

    promised = 100 << 20
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(raw_frame({"arrays": [["|u1", [promised], promised]]}, b"x" * 1000))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with pytest.raises(WireTimeout):
            receive_frame(ours, LIMITS, 0.1)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20 << 10


def test_errors_are_of_one_family():
    assert issubclass(WireClosed, WireError) and issubclass(WireTimeout, WireError)
