"""The split on disk: what the room may see in the official formats, and beside it what it never sees.

    <course>/.torchgrade/data/<key>/room/MNIST/raw/…            read-only in the room
                                   /room/cifar-100-python/…    and .train.json: where the pixels begin, the labels
                                   /room/cifar-10-batches-py/… and .train.pixels: of its five files, in one piece
                                   /labels/mnist-train.npy …    for the examiner, of what the room has
                                   /held/mnist-images.npy …     kept for the examiner; not there for `check`
                                   /prepared.json

Built in a folder of its own and renamed when it is whole, so that two processes may build it at once and one
that is killed leaves nothing half.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from torchgrade.data import batches, digits, idx, places, scenes, splitting
from torchgrade.data.known import KNOWN, Batches, KnownSet, known_set
from torchgrade.data.records import Arrays, Part, Split
from torchgrade.errors import BrokenError, UsageError
from torchgrade.i18n import _

if TYPE_CHECKING:
    import numpy as np

#: Draws the split of a student's own check: the same for everybody, and nothing is kept.
PUBLIC_SEED = b"public"
_FORMAT = "prepared-3"
_ABANDONED_SECONDS = 3600.0
_SHOWN = ("train", "test")
_IDX_NAMES = {"train": "train", "test": "t10k"}

Tell = Callable[[str], None]


def _say_nothing(_: str) -> None:
    return None


@dataclass(frozen=True)
class PreparedData:
    """Data sets of an assignment, split.

    ``digest`` is over the bytes; ``standin`` names what is not real, ``official`` what is as it was published.
    """

    folder: Path
    names: tuple[str, ...]
    standin: tuple[str, ...]
    digest: str
    with_kept: bool
    official: tuple[str, ...] = ()
    pixels_at: dict[str, dict[str, int]] = field(default_factory=dict)  # where in a file they begin
    files: dict[str, str] = field(default_factory=dict)  # sha256 by path below ``folder``

    @classmethod
    def open(cls, folder: Path) -> PreparedData:
        """Read what ``prepare`` has written. Raises BrokenError where it is not (any more) there."""
        try:
            said = json.loads((folder / "prepared.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise BrokenError(f"{folder}: the prepared data sets are gone ({error})") from None
        names = {key: tuple(said.get(key, ())) for key in ("names", "standin", "official")}
        return cls(folder, **{**said, **names})

    @property
    def room_root(self) -> Path:
        """What a room sees as its data root: no picture of the kept part is below it."""
        return self.folder / "room"

    @property
    def notes(self) -> tuple[str, ...]:
        """What every verdict must say about the data."""
        return (
            *(f"a procedural stand-in takes the place of {KNOWN[n].title}" for n in self.standin),
            *(f"the test images of {KNOWN[n].title} are the official, public ones" for n in self.official),
        )

    def load(self, name: str) -> Split:
        """The three parts, mapped from disk: forks share the pages. Raises BrokenError for a set not prepared."""
        if name not in self.names:
            there = ", ".join(self.names) or "none"
            raise BrokenError(f"dataset({name!r}): the assignment's `data` does not name it; it names: {there}")
        known, raw = KNOWN[name], self.room_root / KNOWN[name].folder
        held = self._held(name) if self.with_kept else None
        form = known.batches
        if form is None:
            train, test = (self._mapped(name, p, raw / f"{_IDX_NAMES[p]}-images-idx3-ubyte") for p in _SHOWN)
        else:
            train, test = (self._mapped(name, p, raw / _in_one_piece(form, p)) for p in _SHOWN)
        return Split(name, known.title, name in self.standin, train, test, held)

    def _mapped(self, name: str, part: str, path: Path) -> Part:
        """The pixels lie in one piece in both formats, so that nothing is parsed. CIFAR's are planar."""
        import numpy as np

        labels = np.load(self.folder / "labels" / f"{name}-{part}.npy", allow_pickle=False)
        height, width, *colours = KNOWN[name].image_shape
        shape = (len(labels), *colours, height, width)
        pixels = np.memmap(path, np.uint8, mode="c", offset=self.pixels_at[name][part], shape=shape)
        return _part(pixels.transpose(0, 2, 3, 1) if colours else pixels, labels)

    def verify(self) -> list[str]:
        """Files that are not as they were written, as sentences."""
        out = []
        for name, digest in self.files.items():
            path = self.folder / name
            if not path.is_file():
                out.append(f"{path} is gone")
            elif _sha256(path) != digest:
                out.append(f"{path} has changed")
        return out

    def _held(self, name: str) -> Part:
        import numpy as np

        images = np.load(self.folder / "held" / f"{name}-images.npy", mmap_mode="c", allow_pickle=False)
        return _part(images, np.load(self.folder / "held" / f"{name}-labels.npy", allow_pickle=False))


def prepare(
    course_root: Path,
    names: tuple[str, ...],
    secret: bytes = PUBLIC_SEED,
    *,
    kept: bool = True,
    official: bool = False,
    tell: Tell = _say_nothing,
) -> PreparedData:
    """The split of these sets under ``secret``, built at first use. ``kept=False``: that part is not even drawn.

    ``official``: real sets stay as they were published. ``tell`` hears one line where it takes a while. Raises
    UsageError for an unknown set, for a file that is not the official one, and where the folder cannot be written.
    """
    sources = {n: places.find(known_set(n), course_root) for n in sorted(set(names))}
    home = course_root / ".torchgrade" / "data"
    folder = home / _key(sources, secret, kept=kept, official=official)
    if not (folder / "prepared.json").is_file():
        for name, source in sources.items():
            said = _("preparing {name} as a procedural stand-in: the real set is not here")
            said = _("preparing {name} from {folder}") if source else said
            tell(said.format(name=KNOWN[name].title, folder=source.root if source else ""))
        try:
            _build(home, folder, sources, secret, kept=kept, official=official)
        except OSError as error:
            raise UsageError(f"{home}: the data sets cannot be written there ({error.strerror})") from None
    return PreparedData.open(folder)


def _key(sources: dict[str, places.Found | None], secret: bytes, *, kept: bool, official: bool) -> str:
    """The folder's name. Real files need no digest here: only the official ones are ever taken."""
    sets = {name: "real" if source else "standin" for name, source in sources.items()}
    versions = (_FORMAT, splitting.VERSION, digits.VERSION, scenes.HUNDRED.version, scenes.TEN.version)
    text = json.dumps(
        [versions, sets, kept, official, hashlib.sha256(b"data\0" + secret).hexdigest()], sort_keys=True
    )
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _build(
    home: Path,
    folder: Path,
    sources: dict[str, places.Found | None],
    secret: bytes,
    *,
    kept: bool,
    official: bool,
) -> None:
    home.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(home)
    growing = Path(tempfile.mkdtemp(prefix=".growing-", dir=home))
    try:
        pixels_at = {}
        (growing / "labels").mkdir()
        (growing / "held").mkdir(mode=0o700)
        for name, source in sources.items():
            drawn = splitting.split(name, source, secret, kept=kept, official=official)
            pixels_at[name] = write_set(growing / "room", KNOWN[name], drawn)
            if (form := KNOWN[name].batches) is not None:
                raw = growing / "room" / KNOWN[name].folder
                pixels_at[name] = _write_places(raw, form, pixels_at[name], drawn)
            _write_labels(growing / "labels", name, drawn)
            if kept:
                _write_held(growing / "held", name, drawn["kept"])
        _describe(growing, sources, pixels_at, kept=kept, official=official)
        _let_rooms_read(growing)
        try:
            os.rename(growing, folder)
        except OSError:
            if not (folder / "prepared.json").is_file():
                raise  # it was not another process that was faster
    finally:
        shutil.rmtree(growing, ignore_errors=True)


def write_set(root: Path, known: KnownSet, drawn: splitting.Drawn) -> dict[str, int]:
    """Write ``train`` and ``test`` as torchvision finds them. Returns where in a file the pixels begin."""
    raw = root / known.folder
    raw.mkdir(parents=True, exist_ok=True)
    if known.batches is not None:
        return batches.write_parts(raw, known.batches, drawn)
    for part, prefix in _IDX_NAMES.items():
        idx.write_idx(raw / f"{prefix}-images-idx3-ubyte", drawn[part].images)
        idx.write_idx(raw / f"{prefix}-labels-idx1-ubyte", drawn[part].labels)
    return {part: len(idx.header(drawn[part].images.shape)) for part in _IDX_NAMES}


def _in_one_piece(form: Batches, part: str) -> str:
    """The file in which all pixels of a part lie one behind the other."""
    files = form.of(part)
    return files[0] if len(files) == 1 else f".{part}.pixels"


def _write_places(
    folder: Path, form: Batches, pixels_at: dict[str, int], drawn: splitting.Drawn
) -> dict[str, int]:
    """Beside CIFAR's pickles what lets a room map their pixels (``sandbox.room_data``); where they begin."""
    out = {}
    for part, place in pixels_at.items():
        file = _in_one_piece(form, part)
        if file not in form.of(part):
            batches.planar(drawn[part].images).tofile(folder / file)
            place = 0
        said = {"file": file, "pixels_at": place, "labels": drawn[part].labels.tolist()}
        (folder / f".{part}.json").write_text(json.dumps(said), encoding="utf-8")
        out[part] = place
    return out


def _write_labels(folder: Path, name: str, drawn: splitting.Drawn) -> None:
    import numpy as np

    for part in _SHOWN:
        np.save(folder / f"{name}-{part}.npy", drawn[part].labels.astype(np.int64))


def _write_held(folder: Path, name: str, kept: Arrays) -> None:
    import numpy as np

    np.save(folder / f"{name}-images.npy", np.ascontiguousarray(kept.images))
    np.save(folder / f"{name}-labels.npy", kept.labels.astype(np.int64))


def _describe(
    folder: Path,
    sources: dict[str, places.Found | None],
    pixels_at: dict[str, dict[str, int]],
    *,
    kept: bool,
    official: bool,
) -> None:
    found = sorted(p for p in folder.rglob("*") if p.is_file())
    files = {p.relative_to(folder).as_posix(): _sha256(p) for p in found}
    said = {
        "names": list(sources),
        "standin": [name for name, source in sources.items() if source is None],
        "official": [name for name, source in sources.items() if source is not None and official],
        "digest": hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest(),
        "with_kept": kept,
        "pixels_at": pixels_at,
        "files": files,
    }
    (folder / "prepared.json").write_text(json.dumps(said, indent=1), encoding="utf-8")


def _let_rooms_read(folder: Path) -> None:
    """Rooms have a user of their own, whatever the umask of the one who prepares; nobody writes here again."""
    folder.chmod(0o755)
    for path in (folder / "room", *(folder / "room").rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o444)


def _remove_abandoned(home: Path) -> None:
    """What a killed process left behind."""
    for path in home.glob(".growing-*"):
        if time.time() - path.stat().st_mtime > _ABANDONED_SECONDS:
            shutil.rmtree(path, ignore_errors=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _part(images: np.ndarray, labels: np.ndarray) -> Part:
    import torch

    return Part(torch.from_numpy(images), torch.from_numpy(labels))
