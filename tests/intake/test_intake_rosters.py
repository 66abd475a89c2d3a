"""Rosters as spreadsheets save them: read as they are meant, or refused in one line with the place."""

from __future__ import annotations

from pathlib import Path

import pytest
from handed_in import put, roster_file

from torchgrade.errors import SpecError
from torchgrade.intake.gitlist import read_list
from torchgrade.intake.roster import read_roster

RUSSIAN = ("student,name,group", "ivanov,Иван Иванов,ИУ5-31Б", '"Ёлкина, Анна","«Ёлкина» №2",ИУ5')


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1251"])
def test_encodings_of_spreadsheets_are_read(tmp_path: Path, encoding: str) -> None:
    roster = read_roster(roster_file(tmp_path, *RUSSIAN, encoding=encoding))
    assert roster.students == ("ivanov", "Ёлкина, Анна")
    assert roster.fields["ivanov"] == {"name": "Иван Иванов", "group": "ИУ5-31Б"}


@pytest.mark.parametrize("encoding", ["koi8-r", "cp866", "cp1252", "utf-16-le"])
def test_what_cannot_be_told_for_certain_is_refused(tmp_path: Path, encoding: str) -> None:
    lines = ("student,name", "helene,Hélène Müller") if encoding == "cp1252" else RUSSIAN
    text = "\n".join(lines).replace("№", "").replace("«", "").replace("»", "")
    path = put(tmp_path, "roster.csv", text.encode(encoding))
    with pytest.raises(SpecError, match="the roster is not UTF-8; save it as “CSV UTF-8”"):
        read_roster(path)


def test_a_workbook_is_called_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="is an Excel workbook"):
        read_roster(put(tmp_path, "roster.csv", b"PK\x03\x04rest"))


@pytest.mark.parametrize("between", [",", ";", "\t"])
def test_cells_keep_what_they_hold(tmp_path: Path, between: str) -> None:
    lines = (
        between.join(line)
        for line in (
            (" student ", "name", "sid"),
            ('"Иванов, ""Ваня"""', "=1+1", '="0012"'),
            ("=cmd", "'quoted", "@x"),
        )
    )
    roster = read_roster(roster_file(tmp_path, *lines))
    assert roster.students == ('Иванов, "Ваня"', "=cmd")
    assert roster.fields['Иванов, "Ваня"'] == {"name": "=1+1", "sid": "0012"}
    assert roster.fields["=cmd"] == {"name": "'quoted", "sid": "@x"}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1251"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_table_as_excel_makes_it_is_read(tmp_path: Path, encoding: str, end: str) -> None:
    lines = ("sep=;", '"student";"name";"group";;', '"ivanov";"Иван, Иванович";"ИУ5";;', ";;;;", "petrov;;8;;")
    roster = read_roster(put(tmp_path, "roster.csv", (end.join(lines) + end).encode(encoding)))
    assert roster.students == ("ivanov", "petrov")
    assert roster.fields["ivanov"] == {"name": "Иван, Иванович", "group": "ИУ5"}
    assert roster.lines == {"ivanov": 3, "petrov": 5}, "as an editor counts them"


@pytest.mark.parametrize("first", ["sep=,", '"sep=,"', "SEP=,", "sep=\t", "sep=|", "sep=;;;"])
def test_a_line_that_names_the_separator_is_obeyed_and_no_header(tmp_path: Path, first: str) -> None:
    between = "\t" if "\t" in first else ";" if ";" in first else "|" if "|" in first else ","
    rows = (between.join(row) for row in (("student", "why"), ("anna", "a, b; c"), ("anna", "")))
    with pytest.raises(SpecError, match=r"roster\.csv:4: student: 'anna' is listed twice"):
        read_roster(roster_file(tmp_path, first, *(r.replace("a, b; c", '"a, b; c"') for r in rows)))
    with pytest.raises(SpecError, match=r"roster\.csv:2: student: .*did you mean 'student' by 'Name'"):
        read_roster(roster_file(tmp_path, first, between.join(("Name", "group"))))


def test_a_list_of_repositories_may_name_its_separator_too(tmp_path: Path) -> None:
    path = put(tmp_path, "repositories.csv", b"sep=;\r\nstudent;url\r\nanna;https://example.org/anna.git\r\n")
    assert [(one.student, one.address) for one in read_list(path)] == [("anna", "https://example.org/anna.git")]


@pytest.mark.parametrize("header", ["Student", "STUDENT", "studnet", "students", "login", "ФИО", "Логин", "name"])
def test_another_name_of_the_column_is_answered_by_the_right_one(tmp_path: Path, header: str) -> None:
    with pytest.raises(SpecError, match=f"roster.csv:1: student: .*; did you mean 'student' by '{header}'\\?"):
        read_roster(roster_file(tmp_path, f"group,{header}", "8,anna"))


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (
            ("student", "anna", "Anna"),
            ":3: student: 'Anna' stands in line 2 already but for the case of its letters",
        ),
        (("student", "anna", "anna"), ":3: student: 'anna' is listed twice"),
        (("student,email", "a,x@y", "b,X@y"), ":3: email: 'X@y' stands in line 2 already"),
        (("student,Moodle_ID", "a,7", "b,8", "c,7"), ":4: Moodle_ID: '7' stands in line 2 already"),
        (("student,student", "a,b"), ":1: student: two columns have this name"),
        (("student,name", "a,Ivanov, Ivan"), ":2: more cells than the first line has names; a comma in a cell"),
    ],
)
def test_what_would_make_one_student_two_is_refused_with_its_line(
    tmp_path: Path, lines: tuple[str, ...], told: str
) -> None:
    with pytest.raises(SpecError) as caught:
        read_roster(roster_file(tmp_path, *lines))
    assert f"roster.csv{told}" in str(caught.value)


@pytest.mark.parametrize("between", [",", ";", "\t"])
def test_empty_rows_below_a_table_are_nobody(tmp_path: Path, between: str) -> None:
    lines = ["student,name", "a,Ivan", ",", " , ", "", "b,Anna", ","]
    assert read_roster(roster_file(tmp_path, *(x.replace(",", between) for x in lines))).students == ("a", "b")
    with pytest.raises(SpecError, match=r"roster\.csv:2: student: a row without a student"):
        read_roster(roster_file(tmp_path, "student,name", ",Ivan"))


def test_names_may_be_alike(tmp_path: Path) -> None:
    assert len(read_roster(roster_file(tmp_path, "student,name", "a,Ivan", "b,Ivan")).students) == 2
