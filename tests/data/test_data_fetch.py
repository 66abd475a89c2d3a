"""Fetching ends in the real set or in one clear line; a stand-in on disk is marked."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from torchgrade import data
from torchgrade.data import CIFAR100, MNIST, idx, places, splitting
from torchgrade.data.splitting import Sizes
from torchgrade.errors import UsageError
from torchgrade.pipeline import datasets
from torchgrade.sandbox import compat


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """No name can be looked up; the list holds the names that were tried."""
    asked: list[Any] = []

    def refuse(host: Any, *_: object, **__: object) -> Any:
        asked.append(host)
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    compat.import_torchvision()
    return asked


@pytest.mark.parametrize("name", ["mnist", "cifar10", "cifar100"])
def test_offline_it_ends_in_one_clear_line(
    name: str, offline: list[Any], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = socket.getdefaulttimeout()
    with pytest.raises(UsageError) as caught:
        data.fetch(name, tmp_path)
    line = str(caught.value)
    assert "\n" not in line and "could not be fetched (" in line and "name resolution" in line
    assert str(tmp_path / data.KNOWN[name].folder) in line and "a stand-in takes its place" in line
    assert offline and capfd.readouterr() == ("", "") and socket.getdefaulttimeout() == before


def test_what_was_fetched_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compat.import_torchvision()
    from torchvision import datasets as theirs

    def loader(root: str, *, download: bool) -> None:
        assert download
        folder = Path(root) / MNIST.folder
        folder.mkdir(parents=True)
        for name, _ in MNIST.files:
            (folder / name).write_bytes(b"a page that says: not found")

    monkeypatch.setattr(theirs, "MNIST", loader)
    with pytest.raises(UsageError, match="this is not MNIST's file"):
        data.fetch("mnist", tmp_path)


def test_where_the_files_lie_nothing_is_fetched(
    real_mnist: data.Found, offline: list[Any], tmp_path: Path
) -> None:
    folder = tmp_path / MNIST.folder
    folder.mkdir(parents=True)
    for name, _ in MNIST.files:
        (folder / name).write_bytes(real_mnist.read(name))
    assert datasets.fetch_set("mnist", tmp_path) == f"MNIST is in {tmp_path}, its md5 sums are right"
    assert offline == []


def test_an_unknown_set_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="did you mean 'mnist'"):
        datasets.fetch_set("minst", tmp_path)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(splitting, "MNIST_STANDIN", Sizes(50, 20, 10))
    monkeypatch.setattr(splitting, "CIFAR_EACH", Sizes(3, 2, 1))
    monkeypatch.setattr(splitting, "CIFAR10_STANDIN_EACH", Sizes(3, 2, 1))


def test_a_standin_is_made_in_the_official_form_and_marked(small: None, tmp_path: Path) -> None:
    for name in ("mnist", "cifar10", "cifar100"):
        folder = data.make(name, tmp_path)
        assert (folder / places.MARK).read_text().endswith(f"They are not {data.KNOWN[name].title}.\n")
        assert {p.name for p in folder.iterdir()} == {*(n for n, _ in data.KNOWN[name].files), places.MARK}
    read = idx.parse_idx((tmp_path / MNIST.folder / "train-images-idx3-ubyte").read_bytes())
    assert read.shape == (50, 28, 28)


def test_a_standin_is_never_taken_for_the_real_set(small: None, course: Path) -> None:
    data.make("mnist", course / "data")
    assert data.find(MNIST, course) is None
    assert data.prepare(course, ("mnist",), b"s").standin == ("mnist",)
    with pytest.raises(UsageError, match="holds a stand-in"):
        data.fetch("mnist", course / "data")


def test_making_again_gives_the_same_and_real_files_stay(small: None, tmp_path: Path) -> None:
    folder = data.make("mnist", tmp_path)
    first = {p.name: p.read_bytes() for p in folder.iterdir()}
    assert {p.name: p.read_bytes() for p in data.make("mnist", tmp_path).iterdir()} == first
    real = tmp_path / CIFAR100.folder
    real.mkdir()
    (real / "train").write_text("somebody's")
    with pytest.raises(UsageError, match="holds files that are no stand-in"):
        data.make("cifar100", tmp_path)
    assert (real / "train").read_text() == "somebody's"


def test_what_a_student_makes_at_home_is_not_what_is_kept(small: None, tmp_path: Path, course: Path) -> None:
    """The public stand-in, however it is come by, shares no picture with a course's kept part."""
    made = data.make("mnist", tmp_path)
    public = {
        i.tobytes()
        for part in ("train", "t10k")
        for i in idx.parse_idx((made / f"{part}-images-idx3-ubyte").read_bytes())
    }
    kept = data.prepare(course, ("mnist",), b"s").load("mnist").kept.images.numpy()
    assert not public & {i.tobytes() for i in kept}
