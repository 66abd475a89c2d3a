"""``torchgrade data`` and the lines of ``doctor``: clear words, exit codes 0 and 2."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from torchgrade import data
from torchgrade.cli.data import app
from torchgrade.data import MNIST, splitting
from torchgrade.data.splitting import Sizes
from torchgrade.pipeline import doctor


@pytest.fixture
def here(course: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """In a course's folder, with stand-ins that are drawn in no time."""
    monkeypatch.setattr(splitting, "MNIST_STANDIN", Sizes(50, 20, 10))
    monkeypatch.setattr(splitting, "CIFAR10_STANDIN_EACH", Sizes(5, 2, 1))
    (course / "course.yaml").write_text("title: A course\nyear: 2026\n")
    monkeypatch.chdir(course)
    return course


def test_list_tells_what_is_here_and_where_it_looked(here: Path) -> None:
    done = CliRunner().invoke(app, ["list"])
    assert done.exit_code == 0
    assert "• mnist     MNIST: not here; a procedural stand-in takes its place" in done.output
    assert str(here / "data") in done.output and str(data.own_root()) in done.output


def test_the_ten_are_listed_and_made_like_the_others(here: Path) -> None:
    assert "• cifar10   CIFAR-10: not here" in CliRunner().invoke(app, ["list"]).output
    made = CliRunner().invoke(app, ["make", "cifar10"])
    assert made.exit_code == 0
    assert made.output == "a stand-in for CIFAR-10 is in data/cifar-10-batches-py, marked as one\n"
    assert "CIFAR-10: not here" in CliRunner().invoke(app, ["list"]).output
    data.prepare(here, ("cifar10",), b"s")
    assert "(cifar10): as it was written" in CliRunner().invoke(app, ["verify"]).output


def test_make_then_list_still_says_that_the_real_one_is_not_here(here: Path) -> None:
    made = CliRunner().invoke(app, ["make", "mnist"])
    assert made.exit_code == 0 and made.output == "a stand-in for MNIST is in data/MNIST/raw, marked as one\n"
    assert "MNIST: not here" in CliRunner().invoke(app, ["list"]).output


def test_verify_finds_a_wrong_file_and_a_changed_split(here: Path) -> None:
    assert CliRunner().invoke(app, ["verify"]).exit_code == 0
    prepared = data.prepare(here, ("mnist",), b"s")
    right = CliRunner().invoke(app, ["verify"])
    assert (
        right.exit_code == 0
        and f"prepared split {prepared.folder.name} (mnist): as it was written" in right.output
    )
    (prepared.folder / "held" / "mnist-labels.npy").unlink()
    folder = here / "data" / MNIST.folder
    folder.mkdir(parents=True)
    for name, _ in MNIST.files:
        (folder / name).write_bytes(b"wrong")
    wrong = CliRunner().invoke(app, ["verify"])
    assert wrong.exit_code == 2
    assert (
        "train-images-idx3-ubyte: this is not MNIST's file" in wrong.output and "is gone; delete" in wrong.output
    )


def test_the_real_mnist_is_listed_and_verified(
    here: Path, real_mnist: data.Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(data.VARIABLE, str(real_mnist.root))
    listed, verified = (CliRunner().invoke(app, [word]) for word in ("list", "verify"))
    assert f"✓ mnist     MNIST: real, in {real_mnist.root}" in listed.output
    assert verified.exit_code == 0 and f"every file in {real_mnist.root} is the official one" in verified.output


def test_an_unknown_set_ends_in_one_line_and_code_2(here: Path) -> None:
    for word in ("fetch", "make"):
        done = subprocess.run(
            [sys.executable, "-m", "torchgrade", "data", word, "cifar-100"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 2 and done.stdout == ""
        assert done.stderr == "torchgrade: no data set 'cifar-100'; did you mean 'cifar100'?\n"


def test_help_imports_neither_torch_nor_numpy() -> None:
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom torchgrade.cli.commands import app\n"
        "import torchgrade.data\n"
        "done = CliRunner().invoke(app, ['data', '--help'])\n"
        "assert done.exit_code == 0 and 'verify' in done.output\n"
        "print([m for m in ('torch', 'numpy', 'torchvision') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_doctor_tells_which_sets_are_here(here: Path) -> None:
    lines = list(doctor._data_sets(here))
    assert [(line.subject, line.state) for line in lines] == [("data set", "note")] * 3
    for line, name in zip(lines[1:], ("cifar10", "cifar100"), strict=True):
        assert f"`torchgrade data fetch {name}` gets it where there is a network" in line.text
