"""A warm process that begins before the course is read: the same verdicts, and nothing is left over unused."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from small_course import DOUBLE_RIGHT, add_assignment, examine, write_course

from torchgrade.errors import BrokenError
from torchgrade.grading import ahead, warm

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux forks its examiners")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return add_assignment(write_course(tmp_path_factory.mktemp("ahead")))


def test_what_has_begun_examines_as_one_that_was_told_everything_at_once(root: Path) -> None:
    with ahead.begun(True) as process:
        assert process is not None
        examiner = warm.WarmExaminer.start(warm.Setup(str(root), "double"), process)
    try:
        assert examiner.process is process.process
        assert examine(examiner, "double", DOUBLE_RIGHT).points == 3
    finally:
        examiner.close()
    assert process.process.returncode == 0


def test_what_nobody_took_is_ended() -> None:
    with pytest.raises(ZeroDivisionError), ahead.begun(True) as process:
        assert process is not None and process.process.poll() is None
        1 / 0  # noqa: B018
    assert process is not None and process.process.returncode == -9


def test_what_dies_early_is_told_when_it_is_asked(root: Path) -> None:
    with ahead.begun(True) as process:
        assert process is not None
        process.process.kill()
        process.process.wait()
        examiner = warm.WarmExaminer.start(warm.Setup(str(root), "double"), process)
    with pytest.raises(BrokenError, match="did not start: it ended with exit code -9"):
        examiner.wait_ready()
    examiner.close()


def test_nothing_begins_unless_it_is_sure_to_be_needed(tmp_path: Path) -> None:
    with ahead.begun(False) as process:
        assert process is None
    assert ahead.examines_for_sure(tmp_path, "", "", force=False)
    assert not ahead.examines_for_sure(tmp_path, "", "tcp://127.0.0.1:8786", force=True)
    assert not ahead.examines_for_sure(tmp_path, "book.sqlite", "", force=False)
    (tmp_path / "gradebook.sqlite").touch()
    assert not ahead.examines_for_sure(tmp_path, "", "", force=False)
    assert ahead.examines_for_sure(tmp_path, "", "", force=True)
