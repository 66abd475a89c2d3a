"""Moodle: what its importers would make of our files, by the rules of mod/assign/feedback."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path

import pytest
from graded import SOFTMAX, broken, excused, row

from torchgrade.errors import UsageError
from torchgrade.exports import moodle
from torchgrade.exports.moodle import Participant, Worksheet
from torchgrade.exports.rows import Row
from torchgrade.exports.tables import read_table

HEADER = (
    "Identifier,Full name,Email address,Status,Grade,Maximum Grade,Grade can be changed,"
    "Last modified (submission),Last modified (grade),Feedback comments"
)
WHEN = '"Friday, 20 November 2026, 9:15 AM"'
SHEET = f"""{HEADER}
Participant 41,Anna Ivanova,anna@uni.example,Submitted,,10.00,Yes,{WHEN},-,
Participant 42,"Petrov, Boris",boris@uni.example,Submitted,7.50,10.00,Yes,{WHEN},{WHEN},"Good, but late"
Participant 43,Eva O'Neil,eva@uni.example,,,10.00,No,-,-,
"""
RUSSIAN = (
    "\ufeffИдентификатор;Полное имя;Оценка;Максимальная оценка;Последнее изменение (оценка)\n"
    "Участник 41;Анна Иванова;7,50;10,00;-\n"
)


def imported(content: bytes, hidden_user: str = "Participant ") -> dict[str, float]:
    """Grade by participant's number, as Moodle's offline importer reads them; skipped ones are not in it."""
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    assert {"Identifier", "Grade", "Last modified (grade)"} <= set(rows[0] if rows else HEADER.split(","))
    read = {r["Identifier"][len(hidden_user) :]: r for r in rows}
    grades = {number: float(r["Grade"]) for number, r in read.items() if r["Grade"]}
    return {number: grade for number, grade in grades.items() if 0 <= grade <= 10}


def delivered(name: str, participants: set[int]) -> tuple[int, str] | None:
    """(participant, file) as Moodle's zip importer reads a path; None: passed over."""
    parts = name.split("/")
    if parts[-1].startswith((".", "~")):
        return None
    for at, part in enumerate(parts):
        info = part.split("_", 4)
        if len(info) < 4 or not info[1].isdigit() or int(info[1]) not in participants:
            continue
        assert info[2:4] == ["assignsubmission", "file"]
        return int(info[1]), "/".join([*([info[4]] if len(info) > 4 and info[4] else []), *parts[at + 1 :]])
    return None


@pytest.fixture
def sheet(tmp_path: Path) -> Path:
    path = tmp_path / "Grades-DL-Softmax.csv"
    path.write_text(SHEET, encoding="utf-8")
    return path


def filled(path: Path, *rows: Row, **more: object) -> Worksheet:
    return moodle.fill(read_table(path), rows, SOFTMAX, **more)  # type: ignore[arg-type]


def refused(path: Path, *rows: Row, **more: object) -> str:
    with pytest.raises(UsageError) as caught:
        filled(path, *rows, **more)
    return str(caught.value)


def test_grades_go_to_their_participants_and_to_nobody_else(sheet: Path) -> None:
    made = filled(sheet, row("anna@uni.example", 9.25), broken("boris@uni.example"))
    assert imported(made.filled.content) == {"41": 9.25}, "a row that is not there changes nothing"
    assert "Good, but late" not in made.filled.content.decode(), "nor is its feedback written over"
    assert [(p.number, p.name) for p in made.participants] == [("41", "Anna Ivanova")]
    assert any("left as they are: boris@uni.example" in note for note in made.filled.notes)


def test_the_rest_of_a_row_stays(sheet: Path) -> None:
    made = filled(sheet, row("boris@uni.example", 8.0)).filled
    read = list(csv.reader(io.StringIO(made.content.decode())))
    assert read[1] == [
        *list(csv.reader(io.StringIO(SHEET)))[2][:4],
        "8",
        *list(csv.reader(io.StringIO(SHEET)))[2][5:],
    ]
    assert [(c.before, c.after, c.kind) for c in made.changes] == [("7.50", "8", "changed")]


def test_what_moodle_would_pass_over_without_a_word_is_told(sheet: Path) -> None:
    made = filled(sheet, row("anna@uni.example", 10.0, bonus=0.5), row("eva@uni.example"), excused("boris"))
    assert imported(made.filled.content) == {"41": 10.0}, "over the maximum it would be skipped"
    told = "\n".join(made.filled.notes)
    assert "over Moodle's maximum, so cut to it: anna@uni.example" in told
    assert "“Grade can be changed” says no, so left as they are: eva@uni.example" in told
    assert "excused, for which Moodle's worksheet has no word; left as they are: boris" in told


@pytest.mark.parametrize(
    ("student", "fields"),
    [
        ("x", {"moodle_id": "41"}),
        ("x", {"moodle_id": "Participant 41"}),
        ("x", {"email": "ANNA@uni.example"}),
        ("x", {"name": "Ivanova, Anna"}),
        ("Anna Ivanova", {}),
        ("anna@uni.example", {}),
    ],
)
def test_a_student_is_found_by(sheet: Path, student: str, fields: dict[str, str]) -> None:
    assert imported(filled(sheet, row(student, 3.0, **fields)).filled.content) == {"41": 3.0}


def test_a_numeric_login_is_not_taken_for_a_participant(sheet: Path) -> None:
    made = filled(sheet, row("42", 3.0)).filled
    assert imported(made.content) == {} and f"not in {sheet.name}, so left out: 42" in made.notes


def test_a_worksheet_in_russian_is_read_with_its_decimal_commas(sheet: Path) -> None:
    sheet.write_text(RUSSIAN, encoding="utf-8")
    made = filled(sheet, row("Анна Иванова", 9.25)).filled
    assert made.content.decode() == RUSSIAN.replace("7,50", "9.25"), "Moodle reads a point in every language"
    same = filled(sheet, row("Анна Иванова", 7.5)).filled
    assert [(c.before, c.after, c.kind) for c in same.changes] == [("7,50", "7.5", "same")]


def test_in_another_language_the_columns_are_found_by_what_is_in_them_and_by_name(sheet: Path) -> None:
    text = "Kennung,Name,Bewertung,Zuletzt geändert\nTeilnehmer 41,Anna Ivanova,,-\n"
    sheet.write_text(text, encoding="utf-8")
    assert "there is no column 'Grade' (the grade; name it with --column" in refused(sheet, row("Anna Ivanova"))
    made = filled(sheet, row("x", 9.0, moodle_id="41"), column="Bewertung")
    assert made.filled.content.decode() == text.replace(",,-", ",9,-")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (SHEET.replace("Identifier", "Name2").replace("Participant ", ""), "there is no column 'Identifier'"),
        (SHEET.replace("Last modified (grade)", "x"), "there is no column 'Last modified (grade)'"),
        (SHEET.replace("Participant 42", "Participant x"), ":3: Identifier: 'Participant x' has no number"),
        (
            SHEET.replace("Participant 42", "Participant 41"),
            "the Identifier '41' stands there twice (lines 2 and 3)",
        ),
        (SHEET.replace('"Petrov, Boris"', "Petrov, Boris"), ":3: 11 cells under 10 columns"),
        (SHEET.replace("10.00", "100.00"), "is out of 100 points, here it is 10"),
    ],
)
def test_what_is_no_worksheet_is_one_line(sheet: Path, text: str, said: str) -> None:
    sheet.write_text(text, encoding="utf-8")
    found = refused(sheet, row("anna@uni.example"))
    assert said in found and "\n" not in found


def test_another_maximum_may_be_scaled(sheet: Path) -> None:
    sheet.write_text(SHEET.replace("10.00", "100.00"), encoding="utf-8")
    made = filled(sheet, row("anna@uni.example", 7.25), scaled=True)
    assert b",72.5,100.00," in made.filled.content


def test_namesakes_are_never_guessed(sheet: Path) -> None:
    sheet.write_text(SHEET + "Participant 44,Anna Ivanova,anna2@uni.example,,,10.00,Yes,-,-,\n", encoding="utf-8")
    assert "'Anna Ivanova' could be any of the lines 2, 5 (by Full name)" in refused(sheet, row("Anna Ivanova"))


NAMES = [
    "Anna Ivanova",
    "Анна_Иванова",
    "../../etc",
    "a/b\\c",
    ". .",
    "~x",
    'Q "T" <b>',
    "李小龍",
    "x" * 300,
    "12_34",
]


@pytest.mark.parametrize("name", NAMES)
def test_feedback_is_delivered_whatever_a_student_is_called(tmp_path: Path, name: str) -> None:
    participant = Participant("41", name, row("anna"))
    assert moodle.write_feedback(tmp_path / "f.zip", [(participant, "softmax.html", b"<p>")]) == 1
    (entry,) = zipfile.ZipFile(tmp_path / "f.zip").namelist()
    assert delivered(entry, {41, 34}) == (41, "softmax.html")
    assert ".." not in entry and not entry.startswith("/") and "\\" not in entry and len(entry.encode()) < 400


def test_the_reading_above_tells_wrong_names_from_right_ones() -> None:
    assert delivered("Anna_Ivanova_41_assignsubmission_file_/x.html", {41}) is None
    assert delivered("Anna_41_assignsubmission_file_/.x.html", {41}) is None
