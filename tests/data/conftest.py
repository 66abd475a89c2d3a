"""Tests of the data sets see no set of this machine but the real MNIST beside the course, where a test asks."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from torchgrade import data
from torchgrade.data import Found, PreparedData
from torchgrade.errors import RoomError
from torchgrade.model import Limits
from torchgrade.sandbox.policy import FULL
from torchgrade.sandbox.room import Zygote, make_request

ROOT = Path(__file__).parents[2]
SECRET = b"a course of the tests"

sys.path.insert(0, str(ROOT / "tests" / "grading"))  # its small courses


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable and no cache of whoever runs the tests."""
    monkeypatch.delenv(data.VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """The folder of a course with nothing beside it."""
    root = tmp_path / "somewhere" / "course"
    root.mkdir(parents=True)
    return root


@pytest.fixture
def real_mnist() -> Found:
    """The real MNIST, where it lies beside the repository."""
    found = data.find(data.MNIST, ROOT)
    if found is None:
        pytest.skip("the real MNIST is not on this machine")
    return found


@pytest.fixture(scope="session")
def both() -> Iterator[PreparedData]:
    """Stand-ins of both sets, split for one secret, where a room of another user may pass."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory(prefix="torchgrade-test-") as place:
        os.chmod(place, 0o755)
        patch.delenv(data.VARIABLE, raising=False)
        patch.setenv("XDG_CACHE_HOME", f"{place}/cache")
        yield data.prepare(Path(place) / "course", ("mnist", "cifar100"), SECRET)


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    """Opens fully sealed rooms; the tests are skipped where there can be none."""
    if sys.platform != "linux":
        pytest.skip("rooms are sealed on Linux alone")
    warm = Zygote.start()
    try:
        try:
            warm.open(make_request(FULL, Limits(), wall_seconds=30)).end()
        except RoomError as error:
            pytest.skip(f"no fully sealed room can be had here: {error}")
        yield warm
    finally:
        warm.close()
