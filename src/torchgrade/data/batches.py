"""CIFAR's file format: pickles as Python 2 wrote them, read by today's loaders as ``latin1`` or as bytes.

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

from torchgrade.data.known import CIFAR100, Batches
from torchgrade.data.records import Arrays

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

_SIDE = 32
assert CIFAR100.batches is not None
_HUNDRED = CIFAR100.batches

# Names of the classes in the order of their labels: of CIFAR-10's ten, of the 100, and of the 20 groups of five.
TEN = "airplane automobile bird cat deer dog frog horse ship truck".split()  # noqa: SIM905
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


def names_of(form: Batches) -> list[str]:
    """The classes, in the order of their labels."""
    return CLASSES if form == _HUNDRED else TEN


def write_parts(folder: Path, form: Batches, parts: Mapping[str, Arrays]) -> dict[str, int]:
    """Write ``train`` and ``test`` and the names, in as many files as the set has.

    Returns where in the first file of each part the pixels begin.
    """
    write_meta(folder / form.meta, form)
    places = {}
    for part, kind in (("train", "training"), ("test", "testing")):
        files = form.of(part)
        pieces = _pieces(parts[part], len(files))
        at = [
            write_batch(folder / name, piece, f"{kind} batch {number} of {len(files)}", form)
            for number, (name, piece) in enumerate(zip(files, pieces, strict=True), 1)
        ]
        places[part] = at[0]
    return places


def _pieces(part: Arrays, count: int) -> list[Arrays]:
    """The part cut into so many pieces of the same size, or nearly so."""
    import numpy as np

    return [Arrays(*two) for two in zip(*(np.array_split(whole, count) for whole in part), strict=True)]


def planar(images: np.ndarray) -> np.ndarray:
    """Images (N, 32, 32, 3) as the files have them, each colour by itself: (N, 3072)."""
    import numpy as np

    return np.ascontiguousarray(images.transpose(0, 3, 1, 2)).reshape(len(images), -1)


def write_batch(path: Path, part: Arrays, title: str, form: Batches = _HUNDRED) -> int:
    """Write images (N, 32, 32, 3) and labels (N,). Returns where in the file the pixels begin, planar by image."""
    labels, names = [int(v) for v in part.labels], names_of(form)
    pixels = planar(part.images)
    with path.open("wb") as file:
        file.write(b"\x80\x02}(")
        _write(file, "filenames", [f"{names[v]}_s_{n:06}.png" for n, v in enumerate(labels)])
        _write(file, "batch_label", title)
        _write(file, form.labels, labels)
        if form == _HUNDRED:
            _write(file, "coarse_labels", [GROUP_OF[v] for v in labels])
        file.write(_text("data"))
        place = _write_array(file, pixels)
        file.write(b"u.")
    return place


def write_meta(path: Path, form: Batches = _HUNDRED) -> None:
    """Write the names of the classes, and what else the official file says."""
    with path.open("wb") as file:
        file.write(b"\x80\x02}(")
        _write(file, form.names, list(names_of(form)))
        if form == _HUNDRED:
            _write(file, "coarse_label_names", list(GROUPS))
        else:
            _write(file, "num_cases_per_batch", 10_000)
            _write(file, "num_vis", 3 * _SIDE * _SIDE)
        file.write(b"u.")


def _write(file: BinaryIO, key: str, value: str | int | list[str] | list[int]) -> None:
    file.write(_text(key))
    if isinstance(value, list):
        file.write(b"](" + b"".join(_item(v) for v in value) + b"e")
    else:
        file.write(_item(value))


def _item(value: str | int) -> bytes:
    return _text(value) if isinstance(value, str) else b"J" + struct.pack("<i", value)


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


def parse_part(files: list[bytes], form: Batches) -> Arrays:
    """``parse_batch`` of all files of a part, one behind the other."""
    import numpy as np

    pieces = [parse_batch(data, form) for data in files]
    return Arrays(*(np.concatenate(whole) for whole in zip(*pieces, strict=True)))


def parse_batch(data: bytes, form: Batches = _HUNDRED) -> Arrays:
    """Images (N, 32, 32, 3) uint8 and labels (N,) int64. Raises ValueError."""
    import numpy as np

    try:
        entry = _ArraysOnly(io.BytesIO(data), encoding="latin1").load()
        pixels = np.asarray(entry["data"], np.uint8).reshape(-1, 3, _SIDE, _SIDE)
        labels = np.asarray(entry[form.labels], np.int64)
    except Exception as error:  # a broken pickle raises nearly anything
        raise ValueError(f"not a batch of CIFAR's pictures ({type(error).__name__}: {error})") from None
    if labels.shape != (len(pixels),):
        raise ValueError(f"a batch with {len(pixels)} pictures and {labels.size} labels")
    return Arrays(pixels.transpose(0, 2, 3, 1), labels)
