"""``torchgrade serve`` before it listens, and ``report`` with what teachers decided."""

from __future__ import annotations

import csv
import json
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from serving import make_verdict, record

from torchgrade.errors import UsageError
from torchgrade.gradebook import Decisions, Gradebook, Wish
from torchgrade.pipeline import ReportOptions, report
from torchgrade.serve import ServeOptions, serve
from torchgrade.serve.running import hosts, is_loopback, others_alone
from torchgrade.spec import load_course

pytestmark = pytest.mark.skipif(find_spec("starlette") is None, reason="pip install 'torchgrade[serve]'")


def refused(root: Path, **options: Any) -> str:
    with pytest.raises(UsageError) as caught:
        serve(root, ServeOptions(**options), lambda address: pytest.fail("it listens"))
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("missing", ["starlette", "uvicorn"])
def test_without_its_packages_it_says_what_to_install(
    root: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    said = refused(root)
    assert f"needs {missing}" in said and "pip install 'torchgrade[serve]'" in said


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "grades.example.org"])
def test_a_host_that_others_reach_must_be_asked_for_by_the_risk(root: Path, host: str) -> None:
    said = refused(root, host=host)
    assert "--unencrypted-network" in said and "nothing is encrypted" in said


@pytest.mark.parametrize(
    "token", ["short", "fifteen-letters", "with a blank in it", "<script>alert</script>", "ключ" * 9]
)
def test_a_token_that_could_be_guessed_or_is_no_part_of_an_address_is_refused(root: Path, token: str) -> None:
    assert refused(root, token=token).startswith("--token: has at least 16")


def test_there_must_be_a_gradebook(root: Path, tmp_path: Path) -> None:
    assert "there is no gradebook" in refused(root, out=tmp_path)
    assert not (tmp_path / "gradebook.sqlite").exists(), "none is made"


def test_a_file_is_no_folder_for_released_pages(root: Path, book: Gradebook, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said = refused(root, gradebook=str(tmp_path / "gradebook.sqlite"), out=tmp_path / "file")
    assert said == f"--out {tmp_path / 'file'}: is a file; name the folder for released pages"


def test_a_gradebook_of_other_courses_alone_is_noticed(root: Path, book: Gradebook) -> None:
    here = load_course(root, only="")
    assert others_alone(book, here) == []
    assert others_alone(book, replace(here, title="Another")) == ["Small course, 2026"]


def test_a_port_that_is_taken_is_told(root: Path, book: Gradebook, tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"cannot listen at 127.0.0.1, port {port}" in refused(root, out=tmp_path, port=port)


def test_which_hosts_are_this_machine_alone() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.8.8.8", "::1", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "10.0.0.1", "localhost.example.org", "")))


def test_beyond_this_machine_no_foreign_name_is_served_either() -> None:
    everywhere, named = hosts("0.0.0.0", 8000), hosts("grades.example.org", 8000)
    assert everywhere.has("10.0.0.7:8000") and everywhere.has("[fe80::1]:8000")
    assert not everywhere.has("evil.example:8000") and not everywhere.has("10.0.0.7:80")
    assert named.has("grades.example.org:8000") and not named.has("10.0.0.7:8000")
    assert hosts("127.0.0.1", 80).has("127.0.0.1"), "a browser leaves out the port of the scheme"


# report


def test_a_report_has_the_final_points_and_what_they_were_made_of(root: Path, tmp_path: Path) -> None:
    with Gradebook.open(tmp_path / "gradebook.sqlite") as book:
        record(book, make_verdict("anna"), make_verdict("boris"))
        mine = Decisions(book, "Small course, 2026")
        wishes = [Wish("words", 3.0, comment="Well said."), Wish("doubles", 1.0, "A typo.")]
        mine.decide("double", "anna", wishes, who="eva", notebook_digest="anna one")
    report(root, ReportOptions(tmp_path))
    anna, boris = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))["submissions"]
    assert (anna["points"], anna["max_points"], anna["machine"]["points"]) == (5.0, 6.0, 1.0)
    assert (
        anna["decisions"]["doubles"]["reason"] == "A typo." and anna["decisions"]["doubles"]["machine_points"] == 0
    )
    assert (boris["points"], boris["max_points"]) == (1.0, 3.0) and "decisions" not in boris
    rows = list(csv.DictReader((tmp_path / "grades.csv").read_text(encoding="utf-8").splitlines()))
    assert [(r["student"], r["points"], r["words"]) for r in rows] == [("anna", "5", "3"), ("boris", "1", "")]
    page = (tmp_path / "students" / "anna.html").read_text(encoding="utf-8")
    assert "Well said." in page and "A typo." in page and "the grader gave 0" in page


def test_a_report_without_decisions_is_as_before(root: Path, tmp_path: Path) -> None:
    with Gradebook.open(tmp_path / "gradebook.sqlite") as book:
        record(book, make_verdict("anna"))
    report(root, ReportOptions(tmp_path))
    (anna,) = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))["submissions"]
    assert anna["points"] == 1.0 and not {"machine", "decisions"} & set(anna)
