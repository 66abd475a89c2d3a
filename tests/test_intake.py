"""Files, folders and zips: each bad thing costs one student an explanation, and no other student anything."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import stat
import struct
import tracemalloc
import unicodedata
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from torchgrade.errors import UsageError
from torchgrade.intake import collect, entries, safe_name, safe_names
from torchgrade.model import Submission


def raw_notebook(source: str = "x = 1", **more: Any) -> bytes:
    cell = {
        "cell_type": "code",
        "id": "a",
        "metadata": {},
        "execution_count": None,
        "outputs": [],
        "source": source,
    }
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell], **more}).encode()


def zip_bytes(*members: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as z:
        for name, content in members:
            z.writestr(name, content)
    return file.getvalue()


def put(root: Path, name: str, content: bytes | None = None) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw_notebook() if content is None else content)
    return path


def collected(root: Path, **options: Any) -> dict[str, Submission]:
    found = collect(root, **options)
    names = [s.student for s in found]
    assert names == sorted(set(names))
    assert all(bool(s.problem) == (s.notebook is None) and len(s.digest) == 64 for s in found)
    return {s.student: s for s in found}


@pytest.fixture
def cohort(tmp_path: Path) -> Path:
    """A folder where good.ipynb lies already: it must come through whatever lies beside it."""
    put(tmp_path / "cohort", "good.ipynb")
    return tmp_path / "cohort"


def one_problem(cohort: Path) -> str:
    """The problem of the only other student."""
    found = collected(cohort)
    assert found.pop("good").notebook
    (bad,) = found.values()
    return bad.problem


# Layouts


def test_files_and_folders_may_be_mixed(cohort: Path) -> None:
    put(cohort, "ivanov.ipynb", raw_notebook("y = 2"))
    put(cohort, "petrova/anything.ipynb")
    put(cohort, "sidorov/work/deep.ipynb")
    found = collected(cohort)
    assert list(found) == ["good", "ivanov", "petrova", "sidorov"]
    assert not any(s.problem or s.notes for s in found.values())
    assert found["ivanov"].notebook is not None
    assert found["ivanov"].notebook["cells"][0]["source"] == "y = 2"
    assert found["ivanov"].digest == hashlib.sha256(raw_notebook("y = 2")).hexdigest()
    assert found["sidorov"].path == cohort / "sidorov/work/deep.ipynb"


def test_strays_are_ignored(cohort: Path) -> None:
    for name in (
        "README.md",
        "roster.csv",
        ".DS_Store",
        "._good.ipynb",
        "__MACOSX/._good.ipynb",
        "Thumbs.db",
        ".git/x.ipynb",
    ):
        put(cohort, name)
    (cohort / "list.txt").symlink_to("/etc/passwd")
    assert list(collected(cohort)) == ["good"]


def test_checkpoints_do_not_count(cohort: Path) -> None:
    put(cohort, "ivanov/a.ipynb")
    put(cohort, "ivanov/.ipynb_checkpoints/a-checkpoint.ipynb")
    put(cohort, ".ipynb_checkpoints/good-checkpoint.ipynb")
    found = collected(cohort)
    assert list(found) == ["good", "ivanov"]
    assert found["ivanov"].path == cohort / "ivanov/a.ipynb"


def test_a_checkpoint_alone_is_no_notebook(cohort: Path) -> None:
    put(cohort, "ivanov/.ipynb_checkpoints/a-checkpoint.ipynb")
    assert one_problem(cohort).startswith("There is no notebook")


def test_several_notebooks_are_listed_and_none_is_chosen(cohort: Path) -> None:
    put(cohort, "ivanov/a.ipynb")
    put(cohort, "ivanov/old/b.ipynb")
    assert one_problem(cohort) == "There are several notebooks: 'a.ipynb', 'old/b.ipynb'. Hand in one."


def test_many_notebooks_are_not_all_listed(cohort: Path) -> None:
    for i in range(9):
        put(cohort, f"ivanov/{i}.ipynb")
    assert "'4.ipynb' and 4 more" in one_problem(cohort)


@pytest.mark.parametrize("name", ["work.pdf", "work.py", "work.txt", "work.html"])
def test_a_folder_without_a_notebook_says_what_was_found(cohort: Path, name: str) -> None:
    put(cohort, f"ivanov/{name}")
    assert one_problem(cohort) == (
        f"There is no notebook: a file with the ending .ipynb is needed. Found only: '{name}'."
    )


def test_an_empty_folder_is_told(cohort: Path) -> None:
    (cohort / "ivanov").mkdir()
    assert one_problem(cohort).endswith("Nothing else was found either.")


def test_a_folder_called_like_a_notebook_is_a_folder(cohort: Path) -> None:
    put(cohort, "ivanov.ipynb/a.ipynb")
    assert collected(cohort)["ivanov.ipynb"].notebook


@pytest.mark.parametrize("name", ["ivanov.IPYNB", "ivanov.ipynb.txt", "ivanov.ipynb.json"])
def test_endings_that_browsers_change_are_accepted(cohort: Path, name: str) -> None:
    put(cohort, name)
    assert collected(cohort)["ivanov"].notebook


@pytest.mark.parametrize(
    "other", ["ivanov/b.ipynb", "Ivanov.ipynb", "IVANOV/x.ipynb", "ivanov.zip", " ivanov.ipynb"]
)
def test_one_name_twice_is_several_notebooks(cohort: Path, other: str) -> None:
    put(cohort, "ivanov.ipynb")
    put(cohort, other)
    found = collected(cohort)
    assert found.pop("good").notebook
    assert found.keys() == {"ivanov", Path(other).parts[0].strip().split(".")[0]}
    for submission in found.values():
        assert submission.problem.startswith("There are several submissions under this name: '")
        assert "'ivanov.ipynb'" in submission.problem


def test_a_folder_without_notebook_beside_the_notebook_does_no_harm(cohort: Path) -> None:
    put(cohort, "ivanov.ipynb")
    put(cohort, "ivanov/data.csv")
    assert collected(cohort)["ivanov"].notebook


def test_composed_and_decomposed_letters_are_one_name(cohort: Path) -> None:
    name = "Йорг"
    put(cohort, unicodedata.normalize("NFD", name) + ".ipynb")
    assert collected(cohort)[name].notebook
    put(cohort, unicodedata.normalize("NFC", name) + "/a.ipynb")
    assert collected(cohort)[name].problem


def test_names_that_hide_something_are_written_out(cohort: Path) -> None:
    put(cohort, "iv\u202eanov.ipynb")
    put(cohort, "iv\x1b[31m.ipynb")
    put(cohort, "a\nb/x.ipynb")
    put(cohort, ".ipynb")
    put(cohort, "   .ipynb/a.ipynb")
    (cohort / os.fsdecode(b"\xff.ipynb")).write_bytes(raw_notebook())
    assert set(collected(cohort)) == {
        "good", "iv[U+202E]anov", "iv[U+001B][31m", "a[U+000A]b", "[no name]", ".ipynb", "[U+DCFF]",
    }  # fmt: skip


def test_a_single_notebook_is_one_submission(tmp_path: Path) -> None:
    path = put(tmp_path, "hw.ipynb")
    (only,) = collect(path)
    assert (only.student, only.path) == ("hw", path)
    (tmp_path / "link.ipynb").symlink_to(path)  # named on the command line, so meant
    assert collected(tmp_path / "link.ipynb")["link"].notebook


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("nowhere", "there is no such file or folder"),
        ("empty", "no submissions found"),
        ("x.pdf", "is not a notebook"),
    ],
)
def test_a_source_that_holds_nothing_is_a_usage_error(tmp_path: Path, name: str, told: str) -> None:
    (tmp_path / "empty").mkdir()
    put(tmp_path / "empty", "README.md")
    put(tmp_path, "x.pdf")
    with pytest.raises(UsageError, match=told) as caught:
        collect(tmp_path / name)
    assert "<student>.ipynb" in str(caught.value)


# Files that must not be opened or followed


@pytest.mark.parametrize("target", ["/etc/passwd", "nowhere", "good.ipynb"])
def test_a_link_is_never_followed(cohort: Path, target: str) -> None:
    (cohort / "ivanov.ipynb").symlink_to(target)
    assert one_problem(cohort) == (
        "'ivanov.ipynb' is a symbolic link, which is not followed. Hand in the file itself."
    )


def test_a_student_folder_that_is_a_link_is_not_followed(cohort: Path, tmp_path: Path) -> None:
    put(tmp_path / "elsewhere", "secret.ipynb")
    (cohort / "ivanov").symlink_to(tmp_path / "elsewhere")
    assert "'ivanov' is a symbolic link" in one_problem(cohort)


def test_a_link_inside_a_student_folder_is_not_followed(cohort: Path, tmp_path: Path) -> None:
    put(tmp_path / "elsewhere", "secret.ipynb")
    (cohort / "ivanov").mkdir()
    (cohort / "ivanov/work").symlink_to(tmp_path / "elsewhere")
    assert "'work' is a symbolic link" in one_problem(cohort)
    (cohort / "ivanov/hw.ipynb").symlink_to(tmp_path / "elsewhere/secret.ipynb")
    assert "'hw.ipynb' is a symbolic link" in one_problem(cohort)


def test_a_file_that_became_a_link_is_refused_when_opened(tmp_path: Path) -> None:
    link = tmp_path / "a.ipynb"
    link.symlink_to(put(tmp_path, "b.ipynb"))
    with pytest.raises(entries.Refused, match="symbolic link"):
        entries.read_regular(link, 1000)


@pytest.mark.parametrize("inside", ["", "ivanov/"])
def test_a_fifo_does_not_block(cohort: Path, inside: str) -> None:
    (cohort / inside).mkdir(exist_ok=True)
    os.mkfifo(cohort / inside / "ivanov.ipynb")
    assert "is not a regular file, so it was not opened" in one_problem(cohort)


def test_a_fifo_is_refused_even_when_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a")
    with pytest.raises(entries.Refused, match="not a regular file"):
        entries.read_regular(tmp_path / "a", 1000)


def test_a_socket_and_a_device_are_refused(cohort: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        here = Path.cwd()
        os.chdir(cohort)  # the path of a socket must be short
        try:
            listener.bind("ivanov.ipynb")
        finally:
            os.chdir(here)
        assert "is not a regular file" in one_problem(cohort)
        with pytest.raises(entries.Refused, match="not a regular file"):
            entries.read_regular(cohort / "ivanov.ipynb", 10)
    with pytest.raises(entries.Refused, match="not a regular file"):
        entries.read_regular(Path("/dev/zero"), 10)


def test_a_file_without_permission_is_told(cohort: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(cohort, "ivanov.ipynb")
    real_open = os.open

    def refuse(path: Any, *args: Any, **more: Any) -> int:
        if Path(path).name == "ivanov.ipynb":
            raise PermissionError(13, "Permission denied", str(path))
        return real_open(path, *args, **more)

    monkeypatch.setattr(os, "open", refuse)
    assert one_problem(cohort) == "'ivanov.ipynb' may not be read: its permissions forbid it. Hand it in again."


def test_a_folder_without_permission_is_told(cohort: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(cohort, "ivanov/a.ipynb")
    real_scan = os.scandir

    def refuse(path: Any) -> Any:
        if Path(path).name == "ivanov":
            raise PermissionError(13, "Permission denied", str(path))
        return real_scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert "'ivanov' may not be read" in one_problem(cohort)


def test_a_huge_file_is_never_read(cohort: Path) -> None:
    with (cohort / "ivanov.ipynb").open("wb") as file:
        file.truncate(200 * 2**20)
    tracemalloc.start()
    problem = one_problem(cohort)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert problem == "'ivanov.ipynb' is larger than 64 MiB. Clear the notebook's outputs and hand it in again."
    assert peak < 4 * 2**20


def test_the_size_limit_is_exact(cohort: Path) -> None:
    size = len(raw_notebook())
    assert collected(cohort, max_bytes=size)["good"].notebook
    assert "is larger than" in collected(cohort, max_bytes=size - 1)["good"].problem


def test_a_folder_of_thousands_of_files_is_refused(cohort: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entries, "_MAX_FILES", 5)
    for i in range(6):
        put(cohort, f"ivanov/{i}.txt")
    assert one_problem(cohort) == "The folder holds more than 5 files. Hand in the notebook alone."


def test_folders_are_not_walked_without_end(cohort: Path) -> None:
    put(cohort, "ivanov/" + "d/" * 30 + "a.ipynb")
    assert one_problem(cohort).startswith("There is no notebook")


# Zip files of students


@pytest.mark.parametrize("place", ["ivanov.zip", "ivanov/work.ZIP"])
def test_the_one_notebook_of_a_zip_is_read(cohort: Path, place: str) -> None:
    put(cohort, place, zip_bytes(("hw/lab.ipynb", raw_notebook("z = 3")), ("hw/data.csv", b"1")))
    ivanov = collected(cohort)["ivanov"]
    assert ivanov.notebook and ivanov.notebook["cells"][0]["source"] == "z = 3"
    assert ivanov.notes == ("The notebook was read from a zip file (lab.ipynb).",)
    assert ivanov.digest == hashlib.sha256(raw_notebook("z = 3")).hexdigest()


def test_a_notebook_counts_more_than_a_zip_beside_it(cohort: Path) -> None:
    put(cohort, "ivanov/hw.ipynb")
    put(cohort, "ivanov/data.zip", b"no zip at all")
    assert collected(cohort)["ivanov"].notebook


def test_paths_that_leave_the_zip_are_left_out(cohort: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    bad = ("../../up.ipynb", "/tmp/absolute.ipynb", "C:\\windows.ipynb", "..\\up.ipynb", "a/../../b.ipynb")
    put(cohort, "ivanov.zip", zip_bytes(*((name, raw_notebook()) for name in bad), ("hw.ipynb", raw_notebook())))
    ivanov = collected(cohort)["ivanov"]
    assert ivanov.notebook
    assert "left out (5)" in ivanov.notes[1]
    assert sorted(tmp_path.rglob("*")) == sorted([*before, cohort / "ivanov.zip"])


def link_member() -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("hw.ipynb")
    info.create_system = 3
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


def encrypted(raw: bytes) -> bytes:
    """The flag that says 'encrypted' set in both places where a zip keeps it."""
    return raw.replace(b"PK\x03\x04\x14\0\0", b"PK\x03\x04\x14\0\1").replace(
        b"PK\x01\x02\x14\x03\x14\0\0", b"PK\x01\x02\x14\x03\x14\0\1"
    )


def with_bytes_changed(raw: bytes) -> bytes:
    place = raw.index(b"hw.ipynb") + 20
    return raw[:place] + b"\xff\xff\xff" + raw[place + 3 :]


def lzma_zip() -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_LZMA) as z:
        z.writestr("hw.ipynb", raw_notebook())
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "The zip file is damaged"),
        (b"not a zip", "The zip file is damaged"),
        (raw_notebook(), "The zip file is damaged"),
        (zip_bytes(("hw.ipynb", raw_notebook()))[:-30], "The zip file is damaged"),
        (with_bytes_changed(zip_bytes(("hw.ipynb", raw_notebook()))), "'hw.ipynb' in the zip is damaged"),
        (encrypted(zip_bytes(("hw.ipynb", raw_notebook()))), "'hw.ipynb' in the zip is encrypted"),
        (zip_bytes((link_member(), b"/etc/passwd")), "'hw.ipynb' in the zip is a link"),
        (zip_bytes(), "There is no notebook"),
        (zip_bytes(("hw.pdf", b"%PDF")), "Found only: 'hw.pdf'"),
        (zip_bytes(("a.ipynb", b"{}"), ("b.ipynb", b"{}")), "There are several notebooks: 'a.ipynb', 'b.ipynb'"),
        (zip_bytes(("../a.ipynb", raw_notebook())), "There is no notebook"),
        (zip_bytes(("inner.zip", zip_bytes(("hw.ipynb", raw_notebook())))), "Found only: 'inner.zip'"),
        (zip_bytes(("hw.ipynb", b"")), "The file is empty"),
        (zip_bytes(("hw.ipynb", b" " * 20 * 2**20)), "would grow beyond measure"),
        (zip_bytes(("hw.ipynb", os.urandom(2**14) * 4100)), "'hw.ipynb' is larger than 64 MiB"),
        (lzma_zip(), "'hw.ipynb' in the zip is packed in an uncommon way"),
    ],
)  # fmt: skip
def test_zips_that_cannot_be_read(cohort: Path, content: bytes, told: str) -> None:
    put(cohort, "ivanov.zip", content)
    assert told in one_problem(cohort)


def test_a_path_inside_the_zip_is_shown(cohort: Path) -> None:
    put(cohort, "ivanov.zip", zip_bytes(("x/a.ipynb", b"{}"), ("y/a.ipynb", b"{}")))
    assert "'x/a.ipynb', 'y/a.ipynb'" in one_problem(cohort)


def test_a_member_that_lies_about_its_size_is_cut_off(cohort: Path) -> None:
    raw = zip_bytes(("hw.ipynb", b'{"cells": []' + b" " * 2**20))
    place = raw.index(b"PK\x01\x02") + 24
    put(cohort, "ivanov.zip", raw[:place] + struct.pack("<I", 100) + raw[place + 4 :])
    assert "hw.ipynb" in one_problem(cohort) or "breaks off" in one_problem(cohort)


def test_a_zip_of_very_many_members_is_not_opened(cohort: Path) -> None:
    put(cohort, "ivanov.zip", b"PK\x01\x02" * 20_001 + zip_bytes(("hw.ipynb", raw_notebook())))
    assert "holds more than 20000 files" in one_problem(cohort)


def test_mac_leftovers_in_a_zip_do_not_count(cohort: Path) -> None:
    members = ("hw.ipynb", "__MACOSX/._hw.ipynb", ".ipynb_checkpoints/hw-checkpoint.ipynb")
    put(cohort, "ivanov.zip", zip_bytes(*((name, raw_notebook()) for name in members)))
    assert collected(cohort)["ivanov"].notebook


@pytest.mark.parametrize("name", ["ivanov.rar", "ivanov.7z", "ivanov.tar.gz"])
def test_other_archives_are_told_not_lost(cohort: Path, name: str) -> None:
    put(cohort, name, b"x")
    assert f"Found only: '{name}'" in one_problem(cohort)
    assert "ivanov" in collected(cohort)


# A learning platform's zip as the source


def platform_zip(tmp_path: Path, *members: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    return put(tmp_path, "export.zip", zip_bytes(*members))


def test_a_platform_zip_is_read_like_a_folder(tmp_path: Path) -> None:
    found = collected(
        platform_zip(
            tmp_path,
            ("ivanov.ipynb", raw_notebook()),
            ("petrova/a.ipynb", raw_notebook("y = 1")),
            ("sidorov.zip", zip_bytes(("x/hw.ipynb", raw_notebook("z = 1")))),
            ("kuznetsov/", b""),
            ("orlov/report.pdf", b"%PDF"),
            ("../evil.ipynb", raw_notebook()),
            ("README.txt", b"hello"),
            ("__MACOSX/._ivanov.ipynb", b"x"),
        )
    )
    assert list(found) == ["ivanov", "kuznetsov", "orlov", "petrova", "sidorov"]
    assert [s for s in found if found[s].notebook] == ["ivanov", "petrova", "sidorov"]
    assert "report.pdf" in found["orlov"].problem
    assert list(tmp_path.iterdir()) == [tmp_path / "export.zip"]


def test_the_folder_round_a_platform_zip_is_taken_off(tmp_path: Path) -> None:
    wrapped = platform_zip(tmp_path, ("all/a.ipynb", raw_notebook()), ("all/b/x.ipynb", raw_notebook()))
    assert list(collected(wrapped)) == ["a", "b"]
    single = platform_zip(tmp_path, ("ivanov/x.ipynb", raw_notebook()))
    assert list(collected(single)) == ["ivanov"]


@pytest.mark.parametrize("flagless", ["cp866", "utf-8"])
def test_names_in_a_zip_without_the_utf8_flag(tmp_path: Path, flagless: str) -> None:
    name = "Иванов.ipynb".encode(flagless)
    raw = zip_bytes(("x" * len(name), raw_notebook()), ("b.ipynb", raw_notebook())).replace(b"x" * len(name), name)
    assert list(collected(put(tmp_path, "export.zip", raw))) == ["b", "Иванов"]


def test_other_old_names_are_kept_as_they_are(tmp_path: Path) -> None:
    raw = zip_bytes(("x.ipynb", raw_notebook())).replace(b"x.ipynb", b"\x81.ipynb")  # ü in cp437
    assert list(collected(put(tmp_path, "export.zip", raw))) == ["Б"]  # a Cyrillic letter comes first


def test_a_bomb_costs_one_student_alone(tmp_path: Path) -> None:
    found = collected(platform_zip(tmp_path, ("bomb.ipynb", b"0" * 30 * 2**20), ("good.ipynb", raw_notebook())))
    assert "beyond measure" in found["bomb"].problem
    assert found["good"].notebook


def test_a_platform_zip_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the zip file is damaged"):
        collect(put(tmp_path, "export.zip", b"PK nonsense"))
    with pytest.raises(UsageError, match="no submissions found"):
        collect(platform_zip(tmp_path))


@pytest.mark.parametrize(("name", "limit"), [("_MAX_COHORT_MEMBERS", 1), ("_MAX_COHORT_BYTES", 10)])
def test_a_platform_zip_beyond_all_bounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, limit: int
) -> None:
    monkeypatch.setattr(f"torchgrade.intake.cohort.{name}", limit)
    with pytest.raises(UsageError, match="more than"):
        collect(platform_zip(tmp_path, ("a.ipynb", raw_notebook()), ("b.ipynb", raw_notebook())))


# Whatever bytes


fuzzed = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@fuzzed
@given(st.binary(max_size=300))
def test_any_bytes_are_a_submission(cohort: Path, content: bytes) -> None:
    put(cohort, "ivanov.ipynb", content)
    put(cohort, "petrov.zip", content)
    assert set(collected(cohort)) == {"good", "ivanov", "petrov"}


@fuzzed
@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=8))
def test_a_zip_with_any_bytes_changed_is_a_submission(cohort: Path, changes: list[tuple[int, int]]) -> None:
    raw = bytearray(zip_bytes(("hw.ipynb", raw_notebook()), ("Ж/b.txt", b"text")))
    for place, value in changes:
        raw[place % len(raw)] = value
    put(cohort, "ivanov.zip", bytes(raw))
    assert set(collected(cohort)) == {"good", "ivanov"}


@fuzzed
@given(st.integers(0, 10_000), st.binary(max_size=3))
def test_a_notebook_with_any_bytes_changed_is_a_submission(cohort: Path, place: int, inserted: bytes) -> None:
    raw = raw_notebook("print('привет')")
    place %= len(raw)
    put(cohort, "ivanov.ipynb", raw[:place] + inserted + raw[place + 1 :])
    assert set(collected(cohort)) == {"good", "ivanov"}


# File names for reports


@pytest.mark.parametrize("name", ["ivanov", "Иванов_Пётр", "o.b-c_1", "李雷", "हिन्दी", "a.b", "con1", "console"])
def test_names_that_need_no_change_stay(name: str) -> None:
    assert safe_name(name) == name


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("a b", "a%20b"), ("../x", "%2E.%2Fx"), (".hidden", "%2Ehidden"), ("dot.", "dot%2E"), (".", "%2E"),
        ("", "%empty"), ("CON", "%43ON"), ("nul.txt", "%6Eul.txt"), ("com¹", "%63om%C2%B9"), ("50%", "50%25"),
        ("a/b\\c:d*", "a%2Fb%5Cc%3Ad%2A"), ("=cmd()", "%3Dcmd%28%29"), ("\udcff", "%ED%B3%BF"), ("a\x00", "a%00"),
    ],
)  # fmt: skip
def test_other_names_are_encoded(name: str, file: str) -> None:
    assert safe_name(name) == file


def test_long_names_are_cut_and_stay_apart() -> None:
    one, other = safe_name("я" * 300), safe_name("я" * 299 + "ю")
    assert one != other and len(one.encode()) <= 120 and one.startswith("яяя")


@given(st.text(max_size=80), st.text(max_size=80))
def test_safe_names_are_portable_and_unique(one: str, other: str) -> None:
    file = safe_name(one)
    assert file and len(file.encode()) <= 120
    assert not set(file) & set('/\\:*?"<>| \0\n') and file[0] != "." and file[-1] != "."
    if "%-" not in file and file != "%empty":
        assert unquote(file) == unicodedata.normalize("NFC", one)
    if unicodedata.normalize("NFC", one) != unicodedata.normalize("NFC", other):
        assert file != safe_name(other)


@given(st.lists(st.text("aAbBßSsıİ.", max_size=4).map(lambda t: unicodedata.normalize("NFC", t)), max_size=8))
def test_safe_names_of_a_cohort_differ_without_case(students: list[str]) -> None:
    names = safe_names(students)
    assert names.keys() == set(students)
    assert len({n.casefold() for n in names.values()}) == len(set(students))


def test_names_that_differ_in_case_alone_get_apart() -> None:
    names = safe_names(["Ivanov", "ivanov", "petrov"])
    assert names["petrov"] == "petrov"
    assert names["Ivanov"].startswith("Ivanov%-") and names["ivanov"].startswith("ivanov%-")


def test_the_helper_that_unpacks_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of a zip is ever written: extraction is not so much as called."""

    def forbidden(*_: Any, **__: Any) -> Callable[..., Any]:
        raise AssertionError("extracted")

    monkeypatch.setattr(zipfile.ZipFile, "extract", forbidden)
    monkeypatch.setattr(zipfile.ZipFile, "extractall", forbidden)
    assert collected(platform_zip(tmp_path, ("a.ipynb", raw_notebook())))["a"].notebook
