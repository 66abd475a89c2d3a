"""Plain values over a byte stream: a JSON header and raw array bytes. No pickle in either direction.

A frame is ``u32 header length (little endian) | header | array bytes…``. The header is a JSON object with
the sender's fields, and ``arrays``: a list of ``[dtype, shape, nbytes]`` in the order of the bytes that
follow. A value is a tree of the tagged nodes that ``Encoder`` writes and ``Decoder`` reads.

Both sides of the wall use this package, so it knows numpy and the standard library alone. The reader
believes nothing: sizes are checked against its limits before memory is taken.
"""

from torchgrade.wire.frames import Frame, pack_header, parse_header, receive_frame, send_frame
from torchgrade.wire.limits import DTYPES, Array, WireClosed, WireError, WireLimits, WireTimeout
from torchgrade.wire.values import Decoder, Encoder, Plain, Reference

__all__ = [
    "DTYPES",
    "Array",
    "Decoder",
    "Encoder",
    "Frame",
    "Plain",
    "Reference",
    "WireClosed",
    "WireError",
    "WireLimits",
    "WireTimeout",
    "pack_header",
    "parse_header",
    "receive_frame",
    "send_frame",
]
