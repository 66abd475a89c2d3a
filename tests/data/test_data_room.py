"""A room has the data sets in torchvision's places, and not one picture of the kept part."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy as np
import pytest
from small_course import notebook

from torchgrade import data
from torchgrade.data import PreparedData, splitting
from torchgrade.data.splitting import Sizes
from torchgrade.errors import RoomError
from torchgrade.model import Limits
from torchgrade.sandbox import policy
from torchgrade.sandbox.plain import PlainRoom
from torchgrade.sandbox.room import Room, Zygote, make_request
from torchgrade.sandbox.runner import run_notebook

LIMITS = Limits(cell_seconds=60, notebook_seconds=120, memory_mb=3072, disk_mb=64)


@pytest.fixture(params=["full", "landlock", "plain"])
def room(request: pytest.FixtureRequest, both: PreparedData) -> Iterator[Room]:
    """A room of each kind with both sets."""
    root = str(both.room_root)
    if request.param == "plain":
        opened: Room = PlainRoom.open(data_root=root)
    else:
        zygote: Zygote = request.getfixturevalue("zygote")
        tier = policy.OF_TIER[policy.Tier(request.param)]
        try:
            opened = zygote.open(make_request(tier, LIMITS, wall_seconds=120, data_root=root))
        except RoomError as error:
            pytest.skip(str(error))
    yield opened
    opened.end()


@pytest.fixture
def sealed(zygote: Zygote, both: PreparedData) -> Iterator[Room]:
    """A fully sealed room with both sets."""
    root = str(both.room_root)
    opened = zygote.open(make_request(policy.FULL, LIMITS, wall_seconds=120, data_root=root))
    yield opened
    opened.end()


def outputs(room: Room, *cells: str) -> list[str]:
    """What each cell printed; a cell that raised fails the test."""
    run = run_notebook(room, notebook(*cells), LIMITS)
    for cell in run.notebook["cells"]:
        for output in cell["outputs"]:
            assert output["output_type"] != "error", "\n".join(output["traceback"])
    return ["".join(o.get("text", "") for o in c["outputs"]) for c in run.notebook["cells"]]


def said(room: Room, code: str) -> Any:
    """The JSON that a cell printed, and nothing else."""
    return json.loads(outputs(room, dedent(code))[0])


def test_torchvision_finds_mnist_whatever_root_it_is_given(room: Room, both: PreparedData) -> None:
    """And prints nothing: the output of the cell is the JSON alone, warnings included."""
    found = said(
        room,
        """
        import hashlib, json, warnings
        warnings.simplefilter("error")
        from torchvision import datasets, transforms
        images = transforms.ToTensor()
        train = datasets.MNIST("~/.pytorch/MNIST_data/", download=True, train=True, transform=images)
        test = datasets.MNIST("made/up", train=False)
        print(json.dumps({
            "sizes": [len(train), len(test)], "first": list(train[0][0].shape),
            "images": hashlib.sha256(test.data.numpy().tobytes()).hexdigest(),
            "old": [list(train.train_data.shape), len(train.train_labels)],
            "old test": [len(test.test_data), len(test.test_labels)],
        }))
        """,
    )
    test = both.load("mnist").test
    assert found == {
        "sizes": [20_000, 5_000],
        "first": [1, 28, 28],
        "images": hashlib.sha256(test.images.numpy().tobytes()).hexdigest(),
        "old": [[20_000, 28, 28], 20_000],
        "old test": [5_000, 5_000],
    }


def test_torchvision_finds_cifar_whatever_root_it_is_given(room: Room, both: PreparedData) -> None:
    found = said(
        room,
        """
        import hashlib, json, warnings
        warnings.simplefilter("error")
        from torchvision import datasets
        test = datasets.CIFAR100(root="/nowhere/at/all", download=True, train=False)
        train = datasets.CIFAR100("data", True)
        print(json.dumps({
            "sizes": [len(train), len(test)], "classes": [len(test.classes), test.classes[58]],
            "images": hashlib.sha256(test.data.tobytes()).hexdigest(), "labels": test.targets[:50],
            "old": [list(train.train_data.shape), len(train.train_labels), len(test.test_labels)],
        }))
        """,
    )
    test = both.load("cifar100").test
    assert found == {
        "sizes": [50_000, 5_000],
        "classes": [100, "pickup_truck"],
        "images": hashlib.sha256(np.ascontiguousarray(test.images.numpy()).tobytes()).hexdigest(),
        "labels": test.labels[:50].tolist(),
        "old": [[50_000, 32, 32, 3], 50_000, 5_000],
    }


@pytest.fixture
def ten(monkeypatch: pytest.MonkeyPatch) -> Iterator[PreparedData]:
    """CIFAR-10 alone, small, where a room of another user may pass."""
    monkeypatch.setattr(splitting, "CIFAR10_STANDIN_EACH", Sizes(7, 3, 2))
    with tempfile.TemporaryDirectory(prefix="torchgrade-test-") as place:
        os.chmod(place, 0o755)
        yield data.prepare(Path(place) / "course", ("cifar10",), b"s")


def test_torchvision_finds_the_ten_and_leaves_the_hundred_alone(zygote: Zygote, ten: PreparedData) -> None:
    """CIFAR100 is a CIFAR10 to torchvision: where it is not at hand it must not show the ten's pictures."""
    opened = zygote.open(make_request(policy.FULL, LIMITS, wall_seconds=120, data_root=str(ten.room_root)))
    try:
        found = said(
            opened,
            """
            import hashlib, json, os, pickle, warnings
            warnings.simplefilter("error")
            from torchvision import datasets
            test = datasets.CIFAR10(root="/nowhere/at/all", download=True, train=False)
            train = datasets.CIFAR10("data", True, download=True)
            try:
                hundred = len(datasets.CIFAR100("data"))
            except RuntimeError as error:
                hundred = str(error)[:17]
            with open("data/cifar-10-batches-py/data_batch_2", "rb") as file:
                batch = pickle.load(file, encoding="latin1")
            print(json.dumps({
                "sizes": [len(train), len(test)], "classes": test.classes[:2], "hundred": hundred,
                "images": hashlib.sha256(train.data.tobytes()).hexdigest(), "labels": train.targets,
                "old": [list(train.train_data.shape), len(test.test_labels)], "by hand": list(batch["data"].shape),
            }))
            """,
        )
    finally:
        opened.end()
    train = ten.load("cifar10").train
    assert found == {
        "sizes": [70, 30],
        "classes": ["airplane", "automobile"],
        "hundred": "Dataset not found",
        "images": hashlib.sha256(np.ascontiguousarray(train.images.numpy()).tobytes()).hexdigest(),
        "labels": train.labels.tolist(),
        "old": [[70, 32, 32, 3], 30],
        "by hand": [14, 3072],
    }


def test_other_sets_of_torchvision_are_not_mistaken_for_mnist(sealed: Room) -> None:
    found = said(
        sealed,
        """
        import json
        from torchvision import datasets
        class Mine(datasets.MNIST): pass
        try:
            datasets.FashionMNIST(".")
        except RuntimeError as error:
            print(json.dumps([str(error)[:17], len(Mine("x", download=True))]))
        """,
    )
    assert found == ["Dataset not found", 20_000]


def test_what_was_downloaded_can_be_opened_by_hand(sealed: Room) -> None:
    found = said(
        sealed,
        """
        import json, pickle, os
        from torchvision import datasets
        datasets.MNIST("here", download=True)
        datasets.CIFAR100("here", download=True, train=False)
        with open("here/cifar-100-python/test", "rb") as file:
            batch = pickle.load(file, encoding="latin1")
        print(json.dumps([os.path.getsize("here/MNIST/raw/t10k-labels-idx1-ubyte"), list(batch["data"].shape)]))
        """,
    )
    assert found == [5_008, [5_000, 3_072]]


def test_an_ordinary_kernel_leaves_no_link_in_the_students_folders(both: PreparedData) -> None:
    """There a notebook names folders of its own, in which its next run would find the course's split."""
    room = PlainRoom.open(data_root=str(both.room_root))
    try:
        download = "from torchvision import datasets\ndatasets.MNIST('own', download=True)"
        assert "own" not in outputs(room, download, "import os\nprint(os.listdir())")[1]
    finally:
        room.end()


#: Finds windows of 24 bytes at every offset of every file, by a hash of their first eight.
SEARCH = """
import json, os
import numpy as np
MIX, SHIFT = np.uint64(0x9E3779B97F4A7C15), np.uint64(40)
needles = {bytes.fromhex(n) for n in NEEDLES}
table = np.zeros(1 << 24, bool)
first = np.frombuffer(b"".join(n[:8] for n in needles), "<u8")
table[(first * MIX >> SHIFT).astype(np.int64)] = True
found, files = set(), []
for folder, _, names in os.walk("/data"):
    for name in names:
        files.append(name)
        with open(os.path.join(folder, name), "rb") as file:
            data = file.read()
        for shift in range(8):
            count = (len(data) - shift) // 8
            for start in range(0, count, 1 << 20):
                many = min(1 << 20, count - start)
                windows = np.frombuffer(data, "<u8", many, shift + 8 * start)
                for place in np.flatnonzero(table[(windows * MIX >> SHIFT).astype(np.int64)]).tolist():
                    at = shift + 8 * (start + place)
                    if data[at : at + 24] in needles:
                        found.add(data[at : at + 24].hex())
print(json.dumps([sorted(files), sorted(found)]))
"""


def windows(images: np.ndarray) -> list[str]:
    """From each picture (N, bytes) the 24 bytes that vary most, in hexadecimal."""
    varied = np.abs(np.diff(images.astype(np.int16))).astype(np.int64)
    sums = np.cumsum(np.pad(varied, ((0, 0), (1, 0))), axis=1)
    starts = (sums[:, 23:] - sums[:, :-23]).argmax(axis=1)
    return [image[s : s + 24].tobytes().hex() for image, s in zip(images, starts, strict=True)]


def test_no_kept_picture_is_in_any_file_of_the_room(sealed: Room, both: PreparedData) -> None:
    """Pieces of kept pictures are searched in every file under /data; pieces of test pictures are all found."""
    mnist, cifar = both.load("mnist"), both.load("cifar100")

    def pieces(digits: Any, scenes: Any) -> tuple[list[str], list[str]]:
        """As the files have them, and CIFAR's also with the colours together, as a picture is shown."""
        flat, shown = digits.numpy().reshape(len(digits), -1), scenes.numpy()
        planar = np.ascontiguousarray(shown.transpose(0, 3, 1, 2))
        return windows(flat) + windows(planar.reshape(len(shown), -1)), windows(shown.reshape(len(shown), -1))

    kept, kept_shown = pieces(mnist.kept.images, cifar.kept.images[:1000])
    there, _ = pieces(mnist.test.images[:500], cifar.test.images[:500])
    files, found = said(sealed, f"NEEDLES = {kept + kept_shown + there}" + SEARCH)
    assert set(found) == set(there)
    assert files == [
        ".test.json", ".train.json", "meta", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte", "test", "train",
        "train-images-idx3-ubyte", "train-labels-idx1-ubyte",
    ]  # fmt: skip


def test_the_folder_of_the_split_is_out_of_reach(sealed: Room, both: PreparedData) -> None:
    folder = str(both.folder)
    found = said(
        sealed,
        f"""
        import json, os
        def tried(path):
            try:
                return os.listdir(path)
            except OSError as error:
                return type(error).__name__
        print(json.dumps([tried({folder!r}), tried("/data/.."), tried("/data/../held"), sorted(tried("/data"))]))
        """,
    )
    assert found[0] == found[2] == "FileNotFoundError" and "held" not in found[1]
    assert found[3] == ["MNIST", "cifar-100-python"]


def test_pixels_are_mapped_so_that_rooms_share_them_and_writing_is_private(
    sealed: Room, both: PreparedData
) -> None:
    found = said(
        sealed,
        """
        import json
        from torchvision import datasets
        def private(name):
            \"""Whether its pixels are mapped, and how many kB of them are this process's own copies.\"""
            lines = open("/proc/self/smaps").read().splitlines()
            begins = [n for n, line in enumerate(lines) if line.endswith(name)]
            dirty = [line for n in begins for line in lines[n : n + 25] if line.startswith("Anonymous:")]
            return bool(begins), sum(int(line.split()[1]) for line in dirty)
        sets = {"train-images-idx3-ubyte": datasets.MNIST("a"), "/cifar-100-python/train": datasets.CIFAR100("b")}
        read = {name: [int(d.data[0].sum()), *private(name)] for name, d in sets.items()}
        for d in sets.values():
            d.data[0] = 0
        print(json.dumps([read, {name: [int(d.data[0].sum()), *private(name)] for name, d in sets.items()}]))
        """,
    )
    read, written = found
    for name, (total, mapped, dirty) in read.items():
        assert total > 0 and mapped and dirty == 0
        assert written[name][0] == 0 and 0 < written[name][2] < 100
    assert int(both.load("mnist").train.images[0].sum()) == read["train-images-idx3-ubyte"][0]


def test_the_data_cannot_be_changed(sealed: Room) -> None:
    found = said(
        sealed,
        """
        import json, os
        def tried(action, *a):
            try:
                action(*a)
            except OSError as error:
                return error.errno
        path = "/data/MNIST/raw/train-labels-idx1-ubyte"
        print(json.dumps([tried(open, path, "r+b"), tried(os.unlink, path), tried(os.chmod, path, 0o666),
                          tried(os.mkdir, "/data/x"), tried(open, "/opt/torchgrade/wget", "w")]))
        """,
    )
    assert all(code in (1, 13, 30) for code in found), found


def test_wget_and_curl_answer_in_the_room(sealed: Room) -> None:
    _, fetched, elsewhere = outputs(
        sealed,
        "import os",
        "!wget -q http://yann.lecun.com/exdb/mnist/t10k-labels-idx1-ubyte.gz && gunzip t10k-labels-idx1-ubyte.gz\n"
        "print(os.path.getsize('t10k-labels-idx1-ubyte'))",
        "!curl -O https://example.org/notes.txt; echo code $?",
    )
    assert fetched.strip() == "5008"
    assert "there is no network in this room" in elsewhere and "code 6" in elsewhere


def test_a_room_without_data_sets_is_left_as_it_is(zygote: Zygote) -> None:
    room = zygote.open(make_request(policy.FULL, LIMITS, wall_seconds=60))
    try:
        code = """
        import os, json
        from torchvision import datasets
        names = [datasets.CIFAR100.base_folder, datasets.MNIST.download.__module__]
        print(json.dumps([os.path.exists("/data"), *names]))
        """
        assert said(room, code) == [False, "cifar-100-python", "torchvision.datasets.mnist"]
    finally:
        room.end()


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="only root gives its rights up")
def test_a_weak_room_that_cannot_reach_its_data_is_refused(zygote: Zygote, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    (closed / "room").mkdir(parents=True)
    closed.chmod(0o700)
    with pytest.raises(RoomError, match=r"may not pass through .*closed"):
        zygote.open(make_request(policy.LANDLOCK, LIMITS, wall_seconds=30, data_root=str(closed / "room")))
