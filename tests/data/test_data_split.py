"""Who gets which pictures: sizes, nothing twice, nothing lost, and a split of its own for each secret."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from torchgrade.data import CIFAR10, CIFAR100, Arrays, Found, batches, idx, split, splitting
from torchgrade.data.known import MNIST
from torchgrade.data.splitting import Sizes
from torchgrade.errors import UsageError


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


def prints(part: Arrays) -> list[tuple[bytes, int]]:
    """Each picture with its label, to find it again."""
    return [(i.tobytes(), int(n)) for i, n in zip(part.images, part.labels, strict=True)]


@pytest.fixture
def small_mnist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Found:
    """A set in MNIST's form: 70 to train and 30 to test, re-split as 80, 12, 8."""
    random = np.random.default_rng(1)
    raw = tmp_path / "root" / MNIST.folder
    raw.mkdir(parents=True)
    for prefix, count in (("train", 70), ("t10k", 30)):
        idx.write_idx(raw / f"{prefix}-images-idx3-ubyte", random.integers(0, 256, (count, 28, 28), np.uint8))
        idx.write_idx(raw / f"{prefix}-labels-idx1-ubyte", random.integers(0, 10, count).astype(np.uint8))
    monkeypatch.setattr(splitting, "MNIST_REAL", Sizes(80, 12, 8))
    return Found(replace(MNIST, files=tuple((n, md5(raw / n)) for n, _ in MNIST.files)), tmp_path / "root")


@pytest.fixture
def small_cifar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Found:
    """A set in CIFAR-100's form: 5 and 4 of each class, re-split as 5, 2, 2."""
    random = np.random.default_rng(2)
    folder = tmp_path / "root" / CIFAR100.folder
    folder.mkdir(parents=True)
    for name, each in (("train", 5), ("test", 4)):
        labels = random.permutation(np.repeat(np.arange(100), each))
        images = random.integers(0, 256, (len(labels), 32, 32, 3), np.uint8)
        batches.write_batch(folder / name, Arrays(images, labels), name)
    batches.write_meta(folder / "meta")
    monkeypatch.setattr(splitting, "CIFAR_EACH", Sizes(5, 2, 2))
    files = tuple((name, md5(folder / name)) for name, _ in CIFAR100.files)
    return Found(replace(CIFAR100, files=files), tmp_path / "root")


@pytest.fixture
def small_ten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Found:
    """A set in CIFAR-10's form: 10 and 4 of each class in five files and one, re-split as 9, 3, 2."""
    random = np.random.default_rng(4)
    folder = tmp_path / "root" / CIFAR10.folder
    folder.mkdir(parents=True)
    parts = {}
    for part, each in (("train", 10), ("test", 4)):
        labels = random.permutation(np.repeat(np.arange(10), each))
        parts[part] = Arrays(random.integers(0, 256, (len(labels), 32, 32, 3), np.uint8), labels)
    assert CIFAR10.batches is not None
    batches.write_parts(folder, CIFAR10.batches, parts)
    monkeypatch.setattr(splitting, "CIFAR10_EACH", Sizes(9, 3, 2))
    files = tuple((name, md5(folder / name)) for name, _ in CIFAR10.files)
    return Found(replace(CIFAR10, files=files), tmp_path / "root")


def test_mnist_is_split_anew_and_nothing_is_lost(small_mnist: Found) -> None:
    parts = split("mnist", small_mnist, b"secret")
    assert [len(parts[p].labels) for p in ("train", "test", "kept")] == [80, 12, 8]
    everything = [p for part in parts.values() for p in prints(part)]
    raw = small_mnist.root / MNIST.folder
    official = [
        idx.parse_idx((raw / f"{part}-{what}").read_bytes())
        for what in ("images-idx3-ubyte", "labels-idx1-ubyte")
        for part in ("train", "t10k")
    ]
    pool = Arrays(np.concatenate(official[:2]), np.concatenate(official[2:]))
    assert sorted(everything) == sorted(prints(pool))


def test_cifar_gives_every_class_the_same_shares(small_cifar: Found) -> None:
    parts = split("cifar100", small_cifar, b"secret")
    for part, each in (("train", 5), ("test", 2), ("kept", 2)):
        assert np.bincount(parts[part].labels).tolist() == [each] * 100
    everything = {p for part in parts.values() for p in prints(part)}
    assert len(everything) == 900
    assert parts["train"].labels[:20].tolist() != sorted(parts["train"].labels[:20].tolist()), "classes are mixed"


def test_the_ten_are_split_class_by_class_from_all_their_files(small_ten: Found) -> None:
    parts = split("cifar10", small_ten, b"secret")
    for part, each in (("train", 9), ("test", 3), ("kept", 2)):
        assert np.bincount(parts[part].labels).tolist() == [each] * 10
    everything = [p for part in parts.values() for p in prints(part)]
    assert len(set(everything)) == 140
    official = split("cifar10", small_ten, b"secret", official=True)
    assert [len(official[p].labels) for p in ("train", "test", "kept")] == [100, 40, 40]
    assert {p for part in ("train", "test") for p in prints(official[part])} == set(everything)
    path = small_ten.root / CIFAR10.folder / "data_batch_3"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(UsageError, match=r"data_batch_3: this is not CIFAR-10's file: md5 \w{32}"):
        split("cifar10", small_ten, b"secret")


def test_the_kept_part_takes_from_both_official_parts(small_cifar: Found) -> None:
    official = {p for n in ("test",) for p in prints(batches.parse_batch(small_cifar.read(n)))}
    kept = set(prints(split("cifar100", small_cifar, b"secret")["kept"]))
    assert 0 < len(kept & official) < len(kept)


@pytest.mark.parametrize("name", ["mnist", "cifar100"])
def test_each_secret_has_a_split_of_its_own(name: str, small_mnist: Found, small_cifar: Found) -> None:
    source = small_mnist if name == "mnist" else small_cifar
    one, again, other = (split(name, source, s) for s in (b"one", b"one", b"other"))
    for part in ("train", "test", "kept"):
        assert prints(one[part]) == prints(again[part])
        assert set(prints(one[part])) != set(prints(other[part]))


def test_without_kept_the_rest_is_the_same(small_mnist: Found) -> None:
    whole, public = split("mnist", small_mnist, b"s"), split("mnist", small_mnist, b"s", kept=False)
    assert set(public) == {"train", "test"}
    assert all(prints(public[p]) == prints(whole[p]) for p in public)


def test_a_standin_is_drawn_afresh_for_each_part_and_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(splitting, "MNIST_STANDIN", Sizes(60, 30, 30))
    monkeypatch.setattr(splitting, "CIFAR_EACH", Sizes(2, 1, 1))
    monkeypatch.setattr(splitting, "CIFAR10_STANDIN_EACH", Sizes(2, 1, 1))
    for name in ("mnist", "cifar10", "cifar100"):
        one, other = split(name, None, b"one"), split(name, None, b"other")
        drawn = [i for parts in (one, other) for part in parts.values() for i, _ in prints(part)]
        assert len(set(drawn)) == len(drawn)
        assert prints(split(name, None, b"one")["kept"]) == prints(one["kept"])
        assert set(split(name, None, b"one", kept=False)) == {"train", "test"}
    counts = {part: np.bincount(a.labels).tolist() for part, a in one.items()}
    assert counts == {"train": [2] * 100, "test": [1] * 100, "kept": [1] * 100}


def test_a_file_that_is_not_the_official_one_is_told(small_mnist: Found) -> None:
    path = small_mnist.root / MNIST.folder / "t10k-labels-idx1-ubyte"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(UsageError, match=r"t10k-labels-idx1-ubyte: this is not MNIST's file: md5 \w{32}"):
        split("mnist", small_mnist, b"s")


def test_an_unknown_name_is_told_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean 'cifar100'"):
        split("CIFAR-100", None, b"s")
    with pytest.raises(UsageError, match="there are: mnist, cifar10, cifar100"):
        split("imagenet", None, b"s")


def test_the_real_mnist_is_split_as_promised(real_mnist: Found) -> None:
    parts = split("mnist", real_mnist, b"secret")
    assert [len(parts[p].labels) for p in ("train", "test", "kept")] == [60_000, 5_000, 5_000]
    assert np.bincount(np.concatenate([p.labels for p in parts.values()])).tolist() == [
        6903, 7877, 6990, 7141, 6824, 6313, 6876, 7293, 6825, 6958,
    ]  # fmt: skip
    assert len({i.tobytes() for p in parts.values() for i in p.images}) == 70_000


def test_the_official_split_is_left_as_it_was_published(small_mnist: Found, small_cifar: Found) -> None:
    raw = small_mnist.root / MNIST.folder
    parts = split("mnist", small_mnist, b"secret", official=True)
    assert [len(parts[p].labels) for p in ("train", "test", "kept")] == [70, 30, 30]
    for part, prefix in (("train", "train"), ("test", "t10k"), ("kept", "t10k")):
        published = idx.parse_idx((raw / f"{prefix}-images-idx3-ubyte").read_bytes())
        assert np.array_equal(parts[part].images, published), part
    cifar = split("cifar100", small_cifar, b"secret", official=True)
    assert [len(cifar[p].labels) for p in ("train", "test", "kept")] == [500, 400, 400]
    assert np.array_equal(cifar["train"].labels, batches.parse_batch(small_cifar.read("train")).labels)


def test_a_standin_has_no_official_split(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(splitting, "MNIST_STANDIN", Sizes(6, 4, 4))
    own, official = (split("mnist", None, b"secret", official=which) for which in (False, True))
    assert all(np.array_equal(own[part].images, official[part].images) for part in own)
