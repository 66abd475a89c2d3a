"""CIFAR-100's file format: pickles as Python 2 wrote them, read by today's loaders as ``latin1`` or as bytes.

Written opcode by opcode, because Python 3 writes bytes so that a reader with ``latin1`` finds no key ``data``.
Read by an unpickler that knows numpy's array and nothing else, and only files of ours or with an official md5:
nothing that comes from a student is ever unpickled.
"""

from __future__ import annotations

import io
import pickle
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from torchgrade.data.records import Arrays

if TYPE_CHECKING:
    import numpy as np

_SIDE = 32

# Names of the 100 classes in the order of their labels, and of the 20 groups of five.
CLASSES = (  # noqa: SIM905 - a list literal would take a hundred lines
    "apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly "
    "camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup "
    "dinosaur dolphin elephant flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower "
    "leopard lion lizard lobster man maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid "
    "otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine possum rabbit raccoon ray "
    "road rocket rose sea seal shark shrew skunk skyscraper snail snake spider squirrel streetcar "
    "sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle "
    "wardrobe whale willow_tree wolf woman worm"
).split()
GROUPS = (  # noqa: SIM905
    "aquatic_mammals fish flowers food_containers fruit_and_vegetables household_electrical_devices "
    "household_furniture insects large_carnivores large_man-made_outdoor_things "
    "large_natural_outdoor_scenes large_omnivores_and_herbivores medium_mammals non-insect_invertebrates "
    "people reptiles small_mammals trees vehicles_1 vehicles_2"
).split()
GROUP_OF = (
    4, 1, 14, 8, 0, 6, 7, 7, 18, 3, 3, 14, 9, 18, 7, 11, 3, 9, 7, 11, 6, 11, 5, 10, 7, 6, 13, 15, 3, 15,
    0, 11, 1, 10, 12, 14, 16, 9, 11, 5, 5, 19, 8, 8, 15, 13, 14, 17, 18, 10, 16, 4, 17, 4, 2, 0, 17, 4, 18, 17,
    10, 3, 2, 12, 12, 16, 12, 1, 9, 19, 2, 10, 0, 1, 16, 12, 9, 13, 15, 13, 16, 19, 2, 4, 6, 19, 5, 5, 8, 19,
    18, 1, 2, 15, 6, 0, 17, 8, 14, 13,
)  # fmt: skip


def write_batch(path: Path, part: Arrays, title: str) -> int:
    """Write images (N, 32, 32, 3) and labels (N,). Returns where in the file the pixels begin, planar by image."""
    import numpy as np

    labels = [int(v) for v in part.labels]
    pixels = np.ascontiguousarray(part.images.transpose(0, 3, 1, 2)).reshape(len(labels), -1)
    with path.open("wb") as file:
        file.write(b"\x80\x02}(")
        _write(file, "filenames", [f"{CLASSES[v]}_s_{n:06}.png" for n, v in enumerate(labels)])
        _write(file, "batch_label", title)
        _write(file, "fine_labels", labels)
        _write(file, "coarse_labels", [GROUP_OF[v] for v in labels])
        file.write(_text("data"))
        place = _write_array(file, pixels)
        file.write(b"u.")
    return place


def write_meta(path: Path) -> None:
    """Write the names of classes and groups."""
    with path.open("wb") as file:
        file.write(b"\x80\x02}(")
        _write(file, "fine_label_names", list(CLASSES))
        _write(file, "coarse_label_names", list(GROUPS))
        file.write(b"u.")


def _write(file: BinaryIO, key: str, value: str | list[str] | list[int]) -> None:
    file.write(_text(key))
    if isinstance(value, str):
        file.write(_text(value))
        return
    items = b"".join(_text(v) if isinstance(v, str) else b"J" + struct.pack("<i", v) for v in value)
    file.write(b"](" + items + b"e")


def _text(text: str) -> bytes:
    """SHORT_BINSTRING: the ``str`` of Python 2."""
    data = text.encode("ascii")
    return b"U" + bytes([len(data)]) + data


def _write_array(file: BinaryIO, pixels: np.ndarray) -> int:
    """A uint8 array of (N, 3072) as numpy pickled it under Python 2. Returns where its bytes begin."""
    empty = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85U\x01btR"
    state = struct.pack("<ci", b"J", 3) + _text("|") + b"NNN" + struct.pack("<ciciB", b"J", -1, b"J", -1, 0x4B)
    kind = b"cnumpy\ndtype\n(U\x02u1K\x00K\x01tR(" + state + b"\x00tb"
    shape = struct.pack("<cici", b"J", pixels.shape[0], b"J", pixels.shape[1]) + b"\x86"
    file.write(empty + b"(K\x01" + shape + kind + b"\x89")
    file.write(b"T" + struct.pack("<i", pixels.size))
    place = file.tell()
    file.write(pixels.tobytes())
    file.write(b"tb")
    return place


class _ArraysOnly(pickle.Unpickler):
    """Builds dicts, lists, strings, numbers and numpy arrays; any other name in the file is refused."""

    def find_class(self, module: str, name: str) -> Any:
        import numpy as np

        if (module, name) == ("numpy", "ndarray"):
            return np.ndarray
        if (module, name) == ("numpy", "dtype"):
            return np.dtype
        if module in ("numpy.core.multiarray", "numpy._core.multiarray") and name == "_reconstruct":
            return np.empty(0, np.uint8).__reduce__()[0]
        raise pickle.UnpicklingError(f"{module}.{name} has no place in a batch of pictures")


def parse_batch(data: bytes) -> Arrays:
    """Images (N, 32, 32, 3) uint8 and labels (N,) int64. Raises ValueError."""
    import numpy as np

    try:
        entry = _ArraysOnly(io.BytesIO(data), encoding="latin1").load()
        pixels = np.asarray(entry["data"], np.uint8).reshape(-1, 3, _SIDE, _SIDE)
        labels = np.asarray(entry["fine_labels"], np.int64)
    except Exception as error:  # a broken pickle raises nearly anything
        raise ValueError(f"not a batch of CIFAR-100 ({type(error).__name__}: {error})") from None
    if labels.shape != (len(pixels),):
        raise ValueError(f"a batch with {len(pixels)} pictures and {labels.size} labels")
    return Arrays(pixels.transpose(0, 2, 3, 1), labels)
