"""``torchgrade grade`` on what platforms and git give: who is graded, what is told, what is refused in a line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, NoReturn

import pytest
from fake_examiner import FakeExaminer
from handed_in import Repository, put, raw_notebook, roster_file, zipped
from small_course import double_course

from torchgrade.cli import main
from torchgrade.pipeline import keys, workers


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder is a course; nothing is ever examined."""

    class Unused(FakeExaminer):
        def examine(self, job: dict[str, Any], seconds: float) -> NoReturn:
            raise AssertionError("bad input reached an examiner")

    monkeypatch.setattr(workers.warm, "start", Unused)
    monkeypatch.setenv(keys.SECRET_VARIABLE, "s")
    monkeypatch.chdir(double_course(tmp_path / "course").root)
    return tmp_path


def run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: object
) -> tuple[int, str, str]:
    command = ["torchgrade", "grade", "double", *map(str, arguments)]
    monkeypatch.setattr(sys, "argv", command)
    code: object = 0
    capsys.readouterr()
    try:
        main()
    except SystemExit as end:
        code = end.code
    said = capsys.readouterr()
    return int(code or 0), said.out, said.err  # type: ignore[call-overload]


def test_a_dry_run_knows_people_by_the_roster(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    download = zipped(
        here / "d.zip",
        "Анна Ёлкина_7_assignsubmission_file_/hw.ipynb",
        "Zoe Zed_8_assignsubmission_file_/hw.ipynb",
        ("Boris Orlov_9_assignsubmission_file_/hw.pdf", b"%PDF"),
    )
    roster = roster_file(here, "student;name", "elkina;Ёлкина Анна", "orlov;Борис Орлов", encoding="cp1251")
    code, out, err = run(
        capsys, monkeypatch, download, "--out", here / "out", "--roster", roster, "--dry-run", "--lang", "en"
    )
    assert (code, err) == (0, "") and not (here / "out").exists()
    assert "not in the roster, and graded all the same: 'Zoe Zed', 'Boris Orlov'" in out
    assert "elkina: no verdict yet" in out and "orlov: nothing was handed in" in out
    assert "Zoe Zed: no verdict yet" in out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--until", "2026-11-01 23:59"), "torchgrade: --until 2026-11-01 23:59: says no time zone; write "),
        (("--until", "2026-11-01 23:59 UTC"), "torchgrade: --until is for git repositories, and "),
        (("--tag", "v1"), "torchgrade: --tag is for git repositories, and "),
        (("--tag", "v1", "--until", "2026-11-01 23:59 UTC"), "torchgrade: --tag and --until each choose a commit"),
    ],
)
def test_bad_options_are_one_line_and_nothing_is_written(
    here: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    said: str,
) -> None:
    put(here, "in/anna.ipynb")
    code, out, err = run(capsys, monkeypatch, here / "in", "--out", here / "out", *options)
    assert (code, out) == (2, "") and err.startswith(said) and err.count("\n") == 1
    assert not (here / "out").exists()


def test_unreadable_repositories_are_graded_and_dates_are_called_what_they_are(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Repository(here / "in" / "anna").commit("x", date="2026-10-05T00:00:00+00:00")
    put(here, "in/boris/hw.ipynb", raw_notebook())
    until = ("--until", "2026-10-04 23:59 Europe/Moscow")
    code, out, err = run(capsys, monkeypatch, here / "in", "--out", here / "out", *until)
    assert code == 0
    assert (
        "anna: 0 of 3 (0.0 s)  unreadable: The git repository holds no commit until 2026-10-04 20:59 UTC." in out
    )
    assert "boris: 0 of 3 (0.0 s)  unreadable: There is no git repository here." in out
    assert "note: git's dates are what each student's computer said" in err
