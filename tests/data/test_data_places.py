"""Where a real set is looked for, in which forms, and what is never taken for one."""

from __future__ import annotations

import gzip
import shutil
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from torchgrade import data
from torchgrade.data import CIFAR100, MNIST, Found, find, places
from torchgrade.errors import UsageError


def put(root: Path, *, zipped: bool = False) -> Path:
    """Files with MNIST's names below a root."""
    folder = root / MNIST.folder
    folder.mkdir(parents=True)
    for name, _ in MNIST.files:
        content = name.encode()
        path = folder / (f"{name}.gz" if zipped else name)
        path.write_bytes(gzip.compress(content) if zipped else content)
    return root


def test_the_search_goes_from_the_nearest_to_the_cache(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = course.parent / "named"
    order = [named, course / "data", course.parent / "shared" / "data", data.own_root()]
    monkeypatch.setenv(data.VARIABLE, str(named))
    assert list(data.roots(course)) == order
    for root in reversed(order):
        put(root)
        assert find(MNIST, course) == Found(MNIST, root)
    assert find(CIFAR100, course) is None


def test_outside_a_course_the_variable_and_the_cache_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(data.VARIABLE, "~/sets")
    assert data.roots(None) == (Path("~/sets").expanduser(), data.own_root())


def test_half_a_set_is_none(course: Path) -> None:
    put(course / "data")
    (course / "data" / MNIST.folder / "t10k-labels-idx1-ubyte").unlink()
    assert find(MNIST, course) is None


def test_a_set_with_the_mark_of_a_standin_is_passed_over(course: Path) -> None:
    put(course / "data")
    (course / "data" / MNIST.folder / places.MARK).touch()
    assert find(MNIST, course) is None


def test_gzipped_files_are_read_and_checked_unpacked(course: Path) -> None:
    put(course / "data", zipped=True)
    found = find(MNIST, course)
    assert found is not None
    with pytest.raises(UsageError, match=r"ubyte\.gz: this is not MNIST's file"):
        found.read("train-labels-idx1-ubyte")
    import hashlib

    sums = tuple((n, hashlib.md5(n.encode()).hexdigest()) for n, _ in MNIST.files)
    assert (
        replace(found, known=replace(MNIST, files=sums)).read("train-labels-idx1-ubyte")
        == b"train-labels-idx1-ubyte"
    )


def test_a_torn_gzip_is_told(course: Path) -> None:
    path = put(course / "data", zipped=True) / MNIST.folder / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-6])
    with pytest.raises(UsageError, match=r"train-images-idx3-ubyte\.gz: cannot be read"):
        Found(MNIST, course / "data").verify()


def test_cifars_archive_does_for_its_files(course: Path, tmp_path: Path) -> None:
    folder = tmp_path / CIFAR100.folder
    folder.mkdir()
    (folder / "meta").write_bytes(b"not the official one")
    (course / "data").mkdir()
    with tarfile.open(course / "data" / CIFAR100.archive[0], "w:gz") as archive:
        archive.add(folder, CIFAR100.folder)
    shutil.rmtree(folder)
    found = find(CIFAR100, course)
    assert found is not None
    with pytest.raises(UsageError, match="this is not CIFAR-100's file"):
        found.read("meta")
    with pytest.raises(UsageError, match="cannot be read"):
        found.read("train")


def test_the_real_mnist_verifies(real_mnist: Found) -> None:
    real_mnist.verify()
