"""MNIST's file format: two zeros, type 8 (uint8), the number of dimensions, their sizes, the bytes."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def header(shape: tuple[int, ...]) -> bytes:
    """The bytes before the data."""
    return struct.pack(f">BBBB{len(shape)}I", 0, 0, 8, len(shape), *shape)


def write_idx(path: Path, array: np.ndarray) -> None:
    """Write ``array`` as uint8."""
    import numpy as np

    with path.open("wb") as file:
        file.write(header(array.shape))
        file.write(np.ascontiguousarray(array, np.uint8).tobytes())


def parse_idx(data: bytes) -> np.ndarray:
    """The uint8 array in the bytes of a file. Raises ValueError."""
    import numpy as np

    if len(data) < 4 or data[:3] != b"\0\0\x08":
        raise ValueError("not an IDX file of bytes")
    start = 4 + 4 * data[3]
    if len(data) < start:
        raise ValueError("an IDX file that ends in its header")
    shape = struct.unpack(f">{data[3]}I", data[4:start])
    array = np.frombuffer(data, np.uint8, offset=start)
    size = 1
    for length in shape:
        size *= length
    if array.size != size:
        raise ValueError(f"an IDX file of {array.size} numbers that promises {size}")
    return array.reshape(shape)
