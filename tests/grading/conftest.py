"""One warm parent of rooms for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from torchgrade.sandbox.room import Zygote


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    """Opens rooms in tests that need no grader."""
    started = Zygote.start()
    started.wait_ready()
    yield started
    started.close()
