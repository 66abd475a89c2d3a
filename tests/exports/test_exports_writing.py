"""Files appear whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from torchgrade.errors import UsageError
from torchgrade.exports import writing


def test_a_file_is_replaced_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.csv"
    writing.write_files({path: b"1"})
    writing.write_files({path: b"2"})
    assert path.read_bytes() == b"2" and list(path.parent.iterdir()) == [path]


def test_where_one_cannot_be_written_none_is(tmp_path: Path) -> None:
    good, bad = tmp_path / "a.csv", tmp_path / "file" / "b.csv"
    good.write_bytes(b"before")
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(
            UsageError, match=r"cannot be written \(Not a directory\)|cannot be written \(File exists\)"
        ),
        writing.told(),
    ):
        writing.write_files({good: b"after", bad: b"x"})
    assert good.read_bytes() == b"before" and sorted(p.name for p in tmp_path.iterdir()) == ["a.csv", "file"]


def test_of_a_spare_file_nobody_is_told_the_name(tmp_path: Path) -> None:
    spare = writing.spare_beside(tmp_path / "a.csv")
    for path, said in ((spare, tmp_path), (tmp_path / "a.csv", tmp_path / "a.csv")):
        with pytest.raises(UsageError) as caught, writing.told():
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        assert str(caught.value) == f"{said}: cannot be written (Permission denied)"


def test_a_finished_file_is_moved_and_goes_where_something_fails(tmp_path: Path) -> None:
    spare = writing.spare_beside(tmp_path / "a.zip")
    spare.write_bytes(b"zip")
    writing.write_files({tmp_path / "a.zip": spare})
    assert (tmp_path / "a.zip").read_bytes() == b"zip" and not spare.exists()


def test_a_folder_takes_the_place_of_an_earlier_one(tmp_path: Path) -> None:
    folder = tmp_path / "lti"
    writing.write_folder(folder, {"mark.json": b"1", "scores/a.json": b"a"}, "mark.json")
    writing.write_folder(folder, {"mark.json": b"2", "scores/b.json": b"b"}, "mark.json")
    found = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    assert found == ["mark.json", "scores/b.json"] and os.listdir(tmp_path) == ["lti"]


def test_a_folder_of_something_else_is_left(tmp_path: Path) -> None:
    (tmp_path / "lti").mkdir()
    writing.write_folder(tmp_path / "lti", {"mark.json": b"1"}, "mark.json")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").write_text("x")
    with pytest.raises(UsageError, match="other: holds something else"):
        writing.write_folder(tmp_path / "other", {"mark.json": b"1"}, "mark.json")
    assert (tmp_path / "other" / "thesis.tex").read_text() == "x"
