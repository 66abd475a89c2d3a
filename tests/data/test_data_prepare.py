"""The split on disk: built once, whole or not at all, readable by rooms, and with the kept part beside them."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import stat
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from torchgrade import data
from torchgrade.data import MNIST, PreparedData, prepare, splitting
from torchgrade.data.splitting import Sizes
from torchgrade.errors import BrokenError, UsageError


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand-ins that are drawn in no time."""
    monkeypatch.setattr(splitting, "MNIST_STANDIN", Sizes(50, 20, 10))
    monkeypatch.setattr(splitting, "CIFAR_EACH", Sizes(3, 2, 1))
    monkeypatch.setattr(splitting, "CIFAR10_STANDIN_EACH", Sizes(7, 2, 1))


def test_both_standins_have_the_promised_shapes(both: PreparedData) -> None:
    mnist, cifar = both.load("mnist"), both.load("cifar100")
    for part, count in ((mnist.train, 20_000), (mnist.test, 5_000), (mnist.kept, 5_000)):
        assert part.images.shape == (count, 28, 28) and part.images.dtype == torch.uint8
        assert part.labels.shape == (count,) and part.labels.dtype == torch.int64
    for part, each in ((cifar.train, 500), (cifar.test, 50), (cifar.kept, 50)):
        assert part.images.shape == (100 * each, 32, 32, 3) and part.images.dtype == torch.uint8
        assert part.labels.bincount().tolist() == [each] * 100
    assert mnist.standin and cifar.standin and both.standin == ("cifar100", "mnist")
    assert both.notes == (
        "a procedural stand-in takes the place of CIFAR-100",
        "a procedural stand-in takes the place of MNIST",
    )


def test_what_is_loaded_is_what_was_drawn(small: None, course: Path) -> None:
    names = ("mnist", "cifar10", "cifar100")
    prepared = prepare(course, names, b"s")
    for name in names:
        drawn, loaded = splitting.split(name, None, b"s"), prepared.load(name)
        for part, kept in (("train", loaded.train), ("test", loaded.test), ("kept", loaded.kept)):
            assert np.array_equal(kept.images.numpy(), drawn[part].images)
            assert np.array_equal(kept.labels.numpy(), drawn[part].labels)


def test_a_grader_that_writes_into_the_images_changes_nothing_for_the_next(small: None, course: Path) -> None:
    prepared = prepare(course, ("mnist",), b"s")
    before = prepared.load("mnist").train.images.clone()
    prepared.load("mnist").train.images.zero_()
    assert torch.equal(prepared.load("mnist").train.images, before) and prepared.verify() == []


def test_it_is_built_once_and_told_once(small: None, course: Path) -> None:
    told: list[str] = []
    first = prepare(course, ("mnist",), b"s", tell=told.append)
    again = prepare(course, ("mnist", "mnist"), b"s", tell=told.append)
    assert first == again and told == ["preparing MNIST as a procedural stand-in: the real set is not here"]


def test_two_secrets_two_courses_and_the_public_seed_all_differ(small: None, course: Path) -> None:
    one, other = prepare(course, ("mnist",), b"one"), prepare(course, ("mnist",), b"other")
    public = prepare(course, ("mnist",), kept=False)
    assert len({p.digest for p in (one, other, public)}) == len({p.folder for p in (one, other, public)}) == 3
    elsewhere = prepare(course.parent / "copy", ("mnist",), b"one")
    assert elsewhere.digest == one.digest and elsewhere.folder != one.folder


def test_without_kept_it_is_on_no_disk(small: None, course: Path) -> None:
    public = prepare(course, ("mnist",), kept=False)
    assert not list((public.folder / "held").iterdir())
    with pytest.raises(BrokenError, match="kept images of MNIST are for hidden criteria"):
        _ = public.load("mnist").kept


def test_the_public_view_of_a_split_has_no_kept(small: None, course: Path) -> None:
    whole = prepare(course, ("mnist",), b"s").load("mnist")
    assert len(whole.kept.labels) == 10 and torch.equal(whole.public().test.images, whole.test.images)
    with pytest.raises(BrokenError, match=r"must do with \.train and \.test"):
        _ = whole.public().kept


def test_the_secret_is_nowhere_in_it(small: None, course: Path) -> None:
    secret = b"do not write this down"
    folder = prepare(course, ("mnist",), secret).folder
    assert all(secret not in p.read_bytes() for p in folder.rglob("*") if p.is_file())


def test_rooms_may_read_and_nobody_writes(small: None, course: Path) -> None:
    before = os.umask(0o077)
    try:
        prepared = prepare(course, ("mnist", "cifar100"), b"s")
    finally:
        os.umask(before)
    for path in (prepared.folder, prepared.room_root, *prepared.room_root.rglob("*")):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o755 if path.is_dir() else 0o444), path
    assert stat.S_IMODE((prepared.folder / "held").stat().st_mode) == 0o700


def test_a_set_that_the_assignment_does_not_name_is_our_fault(small: None, course: Path) -> None:
    with pytest.raises(BrokenError, match=r"dataset\('cifar100'\).*it names: mnist"):
        prepare(course, ("mnist",), b"s").load("cifar100")


def test_a_prepared_split_that_is_gone_is_our_fault(tmp_path: Path) -> None:
    with pytest.raises(BrokenError, match="the prepared data sets are gone"):
        PreparedData.open(tmp_path / "nothing")


def test_a_change_on_disk_is_found(small: None, course: Path) -> None:
    prepared = prepare(course, ("mnist",), b"s")
    path = prepared.room_root / MNIST.folder / "train-labels-idx1-ubyte"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"\0" + b"x")
    (prepared.folder / "held" / "mnist-labels.npy").unlink()
    assert [p.split(" ", 1)[1] for p in prepared.verify()] == ["is gone", "has changed"]


def test_a_folder_that_cannot_be_made_is_told(small: None, course: Path) -> None:
    (course / ".torchgrade").write_text("in the way")
    with pytest.raises(UsageError, match="the data sets cannot be written there"):
        prepare(course, ("mnist",), b"s")


def test_a_build_that_fails_leaves_nothing(small: None, course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("torchgrade.data.prepared._describe", fail)
    with pytest.raises(UsageError, match="No space left"):
        prepare(course, ("mnist",), b"s")
    assert not list((course / ".torchgrade" / "data").iterdir())


def test_what_a_killed_build_left_is_removed_after_a_while(small: None, course: Path) -> None:
    home = course / ".torchgrade" / "data"
    for name in (".growing-old", ".growing-now"):
        (home / name).mkdir(parents=True)
    os.utime(home / ".growing-old", (time.time() - 7200,) * 2)
    prepare(course, ("mnist",), b"s")
    assert not (home / ".growing-old").exists() and (home / ".growing-now").exists()


def _prepare_at_once(course: str, barrier: object, answers: object) -> None:
    splitting.MNIST_STANDIN = Sizes(400, 20, 10)
    barrier.wait()  # type: ignore[attr-defined]
    answers.put(prepare(Path(course), ("mnist",), b"s").digest)  # type: ignore[attr-defined]


def test_several_processes_may_prepare_at_once(course: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    barrier, answers = spawn.Barrier(3), spawn.Queue()
    workers = [spawn.Process(target=_prepare_at_once, args=(str(course), barrier, answers)) for _ in range(3)]
    for worker in workers:
        worker.start()
    digests = {answers.get(timeout=60) for _ in workers}
    for worker in workers:
        worker.join(60)
    assert [w.exitcode for w in workers] == [0, 0, 0] and len(digests) == 1
    (built,) = (course / ".torchgrade" / "data").iterdir()  # nothing half, nothing twice
    assert PreparedData.open(built).verify() == []


def test_one_that_is_slower_takes_what_the_faster_one_built(
    small: None, course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have looked and found nothing; the other one is done first."""
    first = prepare(course, ("mnist",), b"s")
    aside = course / "aside"
    shutil.move(first.folder, aside)
    real = splitting.split

    def meanwhile(*args: object, **kwargs: object) -> object:
        shutil.copytree(aside, first.folder)
        return real(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(splitting, "split", meanwhile)
    again = prepare(course, ("mnist",), b"s")
    assert again == first and [p.name for p in first.folder.parent.iterdir()] == [first.folder.name]


def test_the_real_mnist_is_taken_and_not_marked(real_mnist: data.Found, course: Path) -> None:
    (course / "data").symlink_to(real_mnist.root)
    prepared = prepare(course, ("mnist",), b"s")
    split = prepared.load("mnist")
    assert prepared.standin == prepared.notes == () and not split.standin
    assert [len(p.labels) for p in (split.train, split.test, split.kept)] == [60_000, 5_000, 5_000]
    said = json.loads((prepared.folder / "prepared.json").read_text())
    assert said["names"] == ["mnist"] and said["with_kept"] is True


def test_a_wrong_real_file_stops_the_preparation(real_mnist: data.Found, course: Path) -> None:
    folder = course / "data" / MNIST.folder
    folder.mkdir(parents=True)
    for name, _ in MNIST.files:
        (folder / name).write_bytes(real_mnist.read(name))
    (folder / "t10k-labels-idx1-ubyte").write_bytes(real_mnist.read("t10k-labels-idx1-ubyte")[:-1])
    with pytest.raises(UsageError, match=r"md5 \w{32}, the official one is 27ae3e4e"):
        prepare(course, ("mnist",), b"s")
    assert not list((course / ".torchgrade" / "data").iterdir())


def test_a_course_that_takes_the_official_split_says_so(small: None, course: Path, real_mnist: data.Found) -> None:
    place = course / "data"
    place.mkdir()
    (place / "MNIST").symlink_to(real_mnist.root / "MNIST")
    official, own = (prepare(course, ("mnist",), b"s", official=which) for which in (True, False))
    assert official.notes == ("the test images of MNIST are the official, public ones",)
    assert PreparedData.open(official.folder).official == ("mnist",)
    assert own.notes == () and own.folder != official.folder
    held = official.load("mnist")
    assert held.kept is not None and torch.equal(held.kept.images, held.test.images)
