"""One warm process for all tests of the room."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest
from room_tools import LIMITS, SECRET, Inside, inside

from torchgrade.errors import RoomError
from torchgrade.sandbox.policy import FULL
from torchgrade.sandbox.room import Zygote, make_request


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    """A warm process that can open fully sealed rooms; the tests are skipped where there can be none."""
    if sys.platform != "linux":
        pytest.skip("rooms are sealed on Linux alone")
    os.environ["TORCHGRADE_TEST_SECRET"] = SECRET
    warm = Zygote.start()
    try:
        try:
            warm.open(make_request(FULL, LIMITS, wall_seconds=30)).end()
        except RoomError as error:
            pytest.skip(f"no fully sealed room can be had here: {error}")
        yield warm
    finally:
        warm.close()
        assert warm.process.returncode == 0
        del os.environ["TORCHGRADE_TEST_SECRET"]


@pytest.fixture(scope="module")
def student(zygote: Zygote) -> Iterator[Inside]:
    """A fully sealed room that a module's tests share."""
    with inside(zygote) as room:
        yield room
