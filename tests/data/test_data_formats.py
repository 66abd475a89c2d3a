"""Both formats are read by torchvision, by hand as the course's notebooks do, and by us."""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path

import numpy as np
import pytest

from torchgrade.data import CIFAR10, CIFAR100, MNIST, KnownSet, batches, idx
from torchgrade.data.records import Arrays
from torchgrade.sandbox import compat


@pytest.fixture
def part() -> Arrays:
    random = np.random.default_rng(0)
    return Arrays(random.integers(0, 256, (7, 32, 32, 3), np.uint8), np.array([3, 99, 0, 55, 58, 0, 1], np.int64))


def test_idx_comes_back(tmp_path: Path) -> None:
    images = np.arange(2 * 28 * 28, dtype=np.uint8).reshape(2, 28, 28)
    idx.write_idx(tmp_path / "images", images)
    data = (tmp_path / "images").read_bytes()
    assert data[:16] == bytes.fromhex("00000803 00000002 0000001c 0000001c")
    assert np.array_equal(idx.parse_idx(data), images)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not an IDX"),
        (b"\x1f\x8b\x08\x00junk", "not an IDX"),
        (b"\0\0\x08\x03\0\0", "ends in its header"),
        (b"\0\0\x08\x01\0\0\0\x05abc", "3 numbers that promises 5"),
    ],
)
def test_a_broken_idx_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        idx.parse_idx(data)


@pytest.mark.parametrize("encoding", ["latin1", "bytes"])
def test_a_batch_is_read_as_python_2_wrote_it(part: Arrays, tmp_path: Path, encoding: str) -> None:
    """With latin1 the keys are strings, with bytes they are bytes: notebooks do either."""
    batches.write_batch(tmp_path / "train", part, "training batch 1 of 1")
    with (tmp_path / "train").open("rb") as file:
        entry = pickle.load(file, encoding=encoding)
    named = {k if isinstance(k, str) else k.decode(): v for k, v in entry.items()}
    assert set(named) == {"filenames", "batch_label", "fine_labels", "coarse_labels", "data"}
    assert isinstance(next(iter(entry)), str if encoding == "latin1" else bytes)
    assert named["data"].shape == (7, 3072) and named["data"].dtype == np.uint8
    assert np.array_equal(named["data"].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), part.images)
    assert named["fine_labels"] == part.labels.tolist()
    assert named["coarse_labels"] == [batches.GROUP_OF[v] for v in part.labels]


def test_a_batch_read_with_the_default_encoding_fails_like_the_official_one(part: Arrays, tmp_path: Path) -> None:
    batches.write_batch(tmp_path / "train", part, "x")
    with (tmp_path / "train").open("rb") as file, pytest.raises(UnicodeDecodeError):
        pickle.load(file)


def test_the_pixels_lie_where_write_batch_says(part: Arrays, tmp_path: Path) -> None:
    place = batches.write_batch(tmp_path / "test", part, "testing batch 1 of 1")
    raw = (tmp_path / "test").read_bytes()[place : place + 7 * 3072]
    assert np.array_equal(np.frombuffer(raw, np.uint8).reshape(7, 3, 32, 32).transpose(0, 2, 3, 1), part.images)


def test_a_batch_comes_back(part: Arrays, tmp_path: Path) -> None:
    batches.write_batch(tmp_path / "train", part, "x")
    images, labels = batches.parse_batch((tmp_path / "train").read_bytes())
    assert np.array_equal(images, part.images) and np.array_equal(labels, part.labels)


def test_a_batch_that_would_run_something_is_refused(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (str(tmp_path / "ran"),)

    with pytest.raises(ValueError, match="has no place in a batch"):
        batches.parse_batch(pickle.dumps({"data": Evil(), "fine_labels": []}, protocol=2))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("data", [b"", b"\x80\x02}.", pickle.dumps([1]), pickle.dumps({"data": "abc"})])
def test_what_is_no_batch_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a batch"):
        batches.parse_batch(data)


def test_torchvision_reads_what_we_write(part: Arrays, tmp_path: Path) -> None:
    compat.import_torchvision()
    from torchvision import datasets

    folder = tmp_path / "cifar-100-python"
    folder.mkdir()
    for name in ("train", "test"):
        batches.write_batch(folder / name, part, name)
    batches.write_meta(folder / "meta")
    sums = {p.name: hashlib.md5(p.read_bytes()).hexdigest() for p in folder.iterdir()}

    lists = {f"{n}_list": [[n, sums[n]]] for n in ("train", "test")}
    ours = type("Ours", (datasets.CIFAR100,), {**lists, "meta": {**datasets.CIFAR100.meta, "md5": sums["meta"]}})
    read = ours(tmp_path, train=False)
    assert np.array_equal(read.data, part.images) and read.targets == part.labels.tolist()
    assert read.classes == list(batches.CLASSES) and read[0][0].size == (32, 32)


def test_the_ten_are_read_by_torchvision_and_by_us_from_five_files(tmp_path: Path) -> None:
    compat.import_torchvision()
    from torchvision import datasets

    random = np.random.default_rng(3)
    train, test = (
        Arrays(random.integers(0, 256, (n, 32, 32, 3), np.uint8), random.integers(0, 10, n)) for n in (25, 7)
    )
    form = CIFAR10.batches
    assert form is not None
    folder = tmp_path / CIFAR10.folder
    folder.mkdir()
    places = batches.write_parts(folder, form, {"train": train, "test": test})
    assert {p.name for p in folder.iterdir()} == {name for name, _ in CIFAR10.files}
    entry = pickle.loads((folder / "data_batch_5").read_bytes(), encoding="bytes")
    assert set(entry) == {b"filenames", b"batch_label", b"labels", b"data"} and entry[b"data"].shape == (5, 3072)
    assert entry[b"batch_label"] == b"training batch 5 of 5"
    meta = pickle.loads((folder / "batches.meta").read_bytes(), encoding="latin1")
    assert meta == {"label_names": batches.TEN, "num_cases_per_batch": 10_000, "num_vis": 3072}
    raw = (folder / "test_batch").read_bytes()[places["test"] : places["test"] + 7 * 3072]
    assert raw == batches.planar(test.images).tobytes()

    sums = {p.name: hashlib.md5(p.read_bytes()).hexdigest() for p in folder.iterdir()}
    lists = {f"{part}_list": [[n, sums[n]] for n in form.of(part)] for part in ("train", "test")}
    meta_of_ours = {**datasets.CIFAR10.meta, "md5": sums["batches.meta"]}
    ours = type("Ours", (datasets.CIFAR10,), {**lists, "meta": meta_of_ours})
    for part, wanted in ((True, train), (False, test)):
        read = ours(tmp_path, train=part)
        assert np.array_equal(read.data, wanted.images) and read.targets == wanted.labels.tolist()
    assert read.classes == batches.TEN
    again = batches.parse_part([(folder / name).read_bytes() for name in form.train], form)
    assert np.array_equal(again.images, train.images) and np.array_equal(again.labels, train.labels)


@pytest.mark.parametrize("known", [CIFAR10, CIFAR100], ids=lambda k: k.name)
def test_our_sums_and_names_are_torchvisions(known: KnownSet) -> None:
    compat.import_torchvision()
    from torchvision import datasets

    theirs = vars(datasets)[known.loader]
    listed = [*theirs.train_list, *theirs.test_list, [theirs.meta["filename"], theirs.meta["md5"]]]
    assert [list(f) for f in known.files] == listed
    assert known.archive == (theirs.filename, theirs.tgz_md5) and known.folder == theirs.base_folder
    assert known.batches is not None and known.batches.names == theirs.meta["key"]
    assert [f"{name}.gz" for name, _ in MNIST.files] == [name for name, _ in datasets.MNIST.resources]


def test_names_of_classes_are_whole() -> None:
    assert len(batches.TEN) == 10 and sorted(batches.TEN) == batches.TEN
    assert len(batches.CLASSES) == 100 and len(batches.GROUPS) == 20 and sorted(batches.CLASSES) == batches.CLASSES
    assert np.bincount(batches.GROUP_OF).tolist() == [5] * 20
    for name, group in (("apple", "fruit_and_vegetables"), ("wolf", "large_carnivores"), ("worm", None)):
        found = batches.GROUPS[batches.GROUP_OF[batches.CLASSES.index(name)]]
        assert found == (group or "non-insect_invertebrates")
