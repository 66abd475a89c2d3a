"""`wget` and `curl` of the room: files of the data sets, and clear words for all else."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from torchgrade.data import CIFAR10, CIFAR100, MNIST, PreparedData
from torchgrade.sandbox.policy import OWN_TOOLS

sys.path.insert(0, OWN_TOOLS)
import handout

MNIST_URL = "http://yann.lecun.com/exdb/mnist/train-labels-idx1-ubyte.gz"
CIFAR_URL = "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder of a notebook."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def root(both: PreparedData) -> Path:
    return both.room_root


@pytest.mark.parametrize(
    ("program", "words", "place"),
    [
        ("wget", "URL", "train-labels-idx1-ubyte.gz"),
        ("wget", "-q -nc --no-check-certificate URL", "train-labels-idx1-ubyte.gz"),
        ("wget", "-O labels.gz URL", "labels.gz"),
        ("wget", "-qO labels.gz URL", "labels.gz"),
        ("wget", "--output-document=labels.gz URL", "labels.gz"),
        ("wget", "URL -P a/b", "a/b/train-labels-idx1-ubyte.gz"),
        ("wget", "--directory-prefix a URL", "a/train-labels-idx1-ubyte.gz"),
        ("wget", "--header 'A: b' -t 3 --tries=5 URL?raw=true", "train-labels-idx1-ubyte.gz"),
        ("curl", "-O URL", "train-labels-idx1-ubyte.gz"),
        ("curl", "-sLO URL", "train-labels-idx1-ubyte.gz"),
        ("curl", "-L -o labels.gz URL", "labels.gz"),
        ("curl", "-fsSL --output labels.gz --retry 3 URL", "labels.gz"),
        ("curl", "--create-dirs --output-dir a -O --url URL", "a/train-labels-idx1-ubyte.gz"),
    ],
)
def test_the_usual_options_put_the_file_where_they_should(
    program: str, words: str, place: str, here: Path, root: Path
) -> None:
    import shlex

    arguments = [w.replace("URL", MNIST_URL) for w in shlex.split(words)]
    assert handout.main(program, arguments, root) == 0
    assert [p.relative_to(here).as_posix() for p in here.rglob("*") if p.is_file()] == [place]
    assert gzip.decompress((here / place).read_bytes()) == (root / MNIST.folder / MNIST.files[1][0]).read_bytes()


def test_a_name_without_gz_gives_the_plain_file(here: Path, root: Path) -> None:
    assert handout.main("wget", ["-q", MNIST_URL.removesuffix(".gz")], root) == 0
    name = MNIST.files[1][0]
    assert (here / name).read_bytes() == (root / MNIST.folder / name).read_bytes()


def test_the_archive_of_cifar_unpacks_to_what_the_room_has(here: Path, root: Path, tmp_path: Path) -> None:
    small = tmp_path / "small" / CIFAR100.folder
    small.mkdir(parents=True)
    shutil.copy(root / CIFAR100.folder / "meta", small)
    shutil.copy(root / CIFAR100.folder / "test", small)
    assert handout.main("wget", ["-q", CIFAR_URL], small.parent) == 0
    with tarfile.open(here / "cifar-100-python.tar.gz") as archive:
        assert {m.name for m in archive} == {CIFAR100.folder, f"{CIFAR100.folder}/meta", f"{CIFAR100.folder}/test"}
        assert all(m.mode & 0o200 for m in archive), "or `rm` asks back, and nobody answers"
        # `filter` came with Python 3.11.4, and later versions warn where it is left out.
        archive.extractall(here, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    for name in ("meta", "test"):
        assert (here / CIFAR100.folder / name).read_bytes() == (small / name).read_bytes()


def test_the_archive_of_the_ten_holds_the_official_files_alone(here: Path, tmp_path: Path) -> None:
    small = tmp_path / "small" / CIFAR10.folder
    small.mkdir(parents=True)
    for name in ("data_batch_1", "batches.meta", ".train.json", ".train.pixels"):
        (small / name).write_bytes(name.encode())
    url = f"https://www.cs.toronto.edu/~kriz/{CIFAR10.archive[0]}"
    assert handout.main("curl", ["-O", url], small.parent) == 0
    with tarfile.open(here / CIFAR10.archive[0]) as archive:
        names = {m.name for m in archive}
    assert names == {CIFAR10.folder, f"{CIFAR10.folder}/data_batch_1", f"{CIFAR10.folder}/batches.meta"}


def test_keeping_leaves_what_is_there(here: Path, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "train-labels-idx1-ubyte.gz").write_text("mine")
    assert handout.main("wget", ["-nc", MNIST_URL], root) == 0
    assert (here / "train-labels-idx1-ubyte.gz").read_text() == "mine"
    assert "already there" in capsys.readouterr().err


@pytest.mark.parametrize(("program", "code"), [("wget", 4), ("curl", 6)])
@pytest.mark.parametrize("url", ["https://example.org/mnist.pkl.gz", "example.org", "http://a/../../etc/passwd"])
def test_all_else_is_refused_in_words(
    program: str, code: int, url: str, here: Path, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert handout.main(program, ["-O", url] if program == "curl" else [url], root) == code
    said = capsys.readouterr().err
    assert "there is no network in this room" in said and "cifar-100-python.tar.gz" in said
    assert list(here.iterdir()) == []


def test_a_room_without_data_says_so_too(here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert handout.main("wget", [MNIST_URL], tmp_path / "nothing") == 4
    assert "at hand" not in capsys.readouterr().err


@pytest.mark.parametrize(("program", "words"), [("wget", []), ("curl", ["-o"]), ("wget", ["-q"])])
def test_a_command_line_without_url_is_misused(program: str, words: list[str], here: Path, root: Path) -> None:
    assert handout.main(program, words, root) == 2


@pytest.mark.parametrize(("program", "code"), [("wget", 3), ("curl", 23)])
def test_a_place_that_cannot_be_written_is_told(program: str, code: int, here: Path, root: Path) -> None:
    (here / "folder").mkdir()
    option = "-O" if program == "wget" else "-o"
    assert handout.main(program, [option, "folder", MNIST_URL], root) == code


@pytest.mark.skipif(sys.platform == "win32", reason="shell scripts")
@pytest.mark.parametrize(("program", "options"), [("wget", ["-qO-"]), ("curl", ["-s"])])
def test_as_programs_they_write_to_a_pipe(program: str, options: list[str], root: Path) -> None:
    path = f"{OWN_TOOLS}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "TORCHGRADE_ROOM_DATA": str(root)}
    found = shutil.which(program, path=path)
    assert found == f"{OWN_TOOLS}/{program}", "first on the path, and executable"
    done = subprocess.run([found, *options, MNIST_URL], env=environment, capture_output=True, check=True)
    plain = gzip.GzipFile(fileobj=io.BytesIO(done.stdout)).read()
    there = (root / MNIST.folder / MNIST.files[1][0]).read_bytes()
    assert hashlib.sha256(plain).digest() == hashlib.sha256(there).digest()
