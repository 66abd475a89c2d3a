"""Canvas: what its importer would make of our file, by the rules of lib/gradebook_importer.rb."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest
from graded import SOFTMAX, broken, excused, row, verdict, waiting

from torchgrade.errors import SpecError, UsageError
from torchgrade.exports import canvas
from torchgrade.exports.changes import Filled, diff_table
from torchgrade.exports.rows import Row
from torchgrade.exports.tables import read_table
from torchgrade.policy import Standing

HEADER = "Student,ID,SIS User ID,SIS Login ID,Section,Warming up (11),Softmax by hand (12),Current Score"
EXPORT = f"""{HEADER}
,,,,,Manual Posting,,
    Points Possible,,,,,3,10,(read only)
"Ivanova, Anna",101,s1,anna@uni.example,IU5-61,3,,50
"Petrov, Boris",102,s2,boris@uni.example,IU5-61,2,7.50,40
"O'Neil, ""Eva"" E",103,s3,eva@uni.example,IU5-62,,4,30
"Student, Test",104,,test,IU5-61,,,
"""


def imported(content: bytes) -> tuple[list[str], dict[str, str], dict[str, str]]:
    """(assignments, points possible of each, grade of the last of them by student) as Canvas reads it."""
    text = content.decode("utf-8")
    heads = [line.count(";") for line in text.splitlines()[:3]]
    delimiter = ";" if len(set(heads)) == 1 and heads[0] > text.splitlines()[0].count(",") else ","
    rows = list(csv.reader(io.StringIO(text), delimiter=delimiter))
    header = rows[0]
    assert len(header) > 3 and "Student" in header[0] and "ID" in header[1]
    identity = 3
    if re.search(r"SIS\s+Login\s+ID", header[2]):
        identity += 1
    elif re.search(r"SIS\s+User\s+ID", header[2]) and re.search(r"SIS\s+Login\s+ID", header[3]):
        integration = bool(re.search(r"Integration\s+ID", header[4]))
        identity += 2 + integration + bool(re.search(r"Root\s+Account", header[4 + integration]))
    assert "Section" in header[identity - 1]
    titles, points, grades = header[identity:], {}, {}
    for cells in rows[1:]:
        if "Points Possible" in cells[0]:
            points = dict(zip(titles, cells[identity:], strict=True))
        else:
            assert cells[1] and cells[1] not in grades
            grades[cells[1]] = cells[identity:][-1].strip()
    return titles, points, grades


@pytest.fixture
def export(tmp_path: Path) -> Path:
    path = tmp_path / "grades.csv"
    path.write_text(EXPORT, encoding="utf-8")
    return path


def filled(path: Path, *rows: Row, **more: object) -> Filled:
    return canvas.fill(read_table(path), rows, SOFTMAX, **more)  # type: ignore[arg-type]


def refused(path: Path, *rows: Row, **more: object) -> str:
    with pytest.raises((UsageError, SpecError)) as caught:
        filled(path, *rows, **more)
    return str(caught.value)


def test_grades_go_to_their_assignment_and_to_nobody_else(export: Path) -> None:
    made = filled(export, row("anna@uni.example", 9.25, bonus=0.5), row("x", 7.5, canvas_id="102"))
    assert imported(made.content) == (
        ["Softmax by hand (12)"], {"Softmax by hand (12)": "10"}, {"101": "9.75", "102": "7.5"},
    )  # fmt: skip


def test_no_blank_takes_the_place_of_a_score(export: Path) -> None:
    made = filled(export, row("anna@uni.example", 1.0), broken("boris@uni.example"), waiting("s3"))
    assert imported(made.content)[2] == {"101": "1"}, "who has no grade here is not in the file"
    told = "\n".join(made.notes)
    assert "tries again); left as they are: boris@uni.example" in told
    assert "waiting for a teacher (`torchgrade serve`); left as they are: s3" in told
    assert "without a grade here: 3 of the 4 students of grades.csv; 2 of them have a score in Canvas" in told


def test_the_difference_is_shown_before_anything_is_handed_over(export: Path) -> None:
    made = filled(export, row("anna@uni.example", 9.0), row("s2", 7.5), row("s3", 5.0))
    assert [(c.student, c.person, c.before, c.after, c.kind) for c in made.changes] == [
        ("anna@uni.example", "Ivanova, Anna", "", "9", "new"),
        ("s2", "Petrov, Boris", "7.50", "7.5", "same"),
        ("s3", 'O\'Neil, "Eva" E', "4", "5", "changed"),
    ]
    table = list(diff_table(made.changes))
    assert table[0].split() == ["student", "before", "after"]
    assert table[1].endswith("(blank)      9  new")
    assert table[2].startswith("s3 (O'Neil") and table[2].endswith("4      5  changed")
    assert sorted(table[-1].split(", ")) == ["1 changed", "1 new", "1 same"]


def test_an_excused_student_is_excused_there(export: Path) -> None:
    made = filled(export, excused("s3"), excused("x", canvas_id="102"))
    assert imported(made.content)[2] == {"102": "EX", "103": "EX"}
    assert {c.kind for c in made.changes} == {"excused"}


def test_points_are_those_that_count_after_lateness(export: Path) -> None:
    late = Row("s1", {}, verdict("s1", 10.0), Standing(8.0, 10.0, 10.0, bonus=0.25, late_seconds=60.0))
    assert imported(filled(export, late).content)[2] == {"101": "8.25"}


# Who is who


@pytest.mark.parametrize(
    ("student", "fields"),
    [
        ("x", {"canvas_id": "101"}),
        ("x", {"sis_user_id": "s1"}),
        ("x", {"SIS User ID": "S1"}),
        ("x", {"sid": "s1"}),
        ("x", {"login": "anna@uni.example"}),
        ("x", {"email": "Anna@Uni.example"}),
        ("x", {"name": "Anna Ivanova"}),
        ("s1", {}),
        ("anna@uni.example", {}),
        ("Ivanova, Anna", {}),
        ("anna  ivanova", {}),
    ],
)
def test_a_student_is_found_by(export: Path, student: str, fields: dict[str, str]) -> None:
    assert imported(filled(export, row(student, 3.0, **fields)).content)[2] == {"101": "3"}


def test_an_id_that_is_not_there_is_not_made_good_by_a_name(export: Path) -> None:
    made = filled(export, row("Ivanova, Anna", 3.0, canvas_id="999"), row("s2", 1.0))
    assert imported(made.content)[2] == {"102": "1"}
    assert "not in grades.csv, so left out: Ivanova, Anna" in made.notes


def test_the_number_of_a_university_is_not_taken_for_canvas_own(export: Path) -> None:
    made = filled(export, row("103", 3.0), row("s1", 1.0, sid="102"))
    assert imported(made.content)[2] == {"101": "1"} and "not in grades.csv, so left out: 103" in made.notes


def test_strangers_are_told_and_left_out(export: Path) -> None:
    made = filled(export, row("nobody"), row("s1", 2.0))
    assert imported(made.content)[2] == {"101": "2"} and "not in grades.csv, so left out: nobody" in made.notes


def test_namesakes_are_never_guessed(export: Path) -> None:
    export.write_text(EXPORT + '"Ivanova, Anna",105,s5,anna2@uni.example,IU5-62,,,\n', encoding="utf-8")
    said = refused(export, row("Anna Ivanova"))
    assert said == (
        f"{export}: 'Anna Ivanova' could be any of the lines 4, 8 (by Student); "
        "name canvas_id or sis_user_id or sis_login_id in the roster"
    )
    assert imported(filled(export, row("Anna Ivanova", 4.0, canvas_id="105")).content)[2] == {"105": "4"}


def test_each_double_identifier_is_one_line(export: Path) -> None:
    export.write_text(EXPORT + "A,102,,,,,,\nB,103,,,,,,\n", encoding="utf-8")
    lines = refused(export, row("s1", 1.0)).splitlines()
    assert lines == [
        f"{export}:8: the ID '102' stands there twice (lines 5 and 8)",
        f"{export}:9: the ID '103' stands there twice (lines 6 and 9)",
    ]


def test_two_of_ours_for_one_of_theirs_is_refused(export: Path) -> None:
    said = refused(export, row("s1", 1.0), row("anna", 2.0, canvas_id="101"))
    assert said == f"{export}:4: 's1' and 'anna' are both taken for this student"


# The column


def test_the_column_may_be_named(export: Path) -> None:
    made = filled(export, row("s1", 3.0), column="Warming up (11)", scaled=True)
    assert imported(made.content) == (["Warming up (11)"], {"Warming up (11)": "3"}, {"101": "0.9"})
    assert "did you" not in refused(export, row(), column="Other")
    assert "There are: 'Warming up (11)', 'Softmax by hand (12)'" in refused(export, row(), column="Other")


def test_another_maximum_is_told_or_scaled(export: Path) -> None:
    export.write_text(EXPORT.replace(",3,10,", ",3,100,"), encoding="utf-8")
    assert "'Softmax by hand (12)' is out of 100 points, here it is 10" in refused(export, row("s1"))
    assert imported(filled(export, row("s1", 7.25), scaled=True).content)[2] == {"101": "72.5"}


def test_a_column_that_canvas_passes_over_is_refused(export: Path) -> None:
    export.write_text(EXPORT.replace(",3,10,", ",3,(read only),"), encoding="utf-8")
    assert "'Softmax by hand (12)' is read only" in refused(export, row("s1"))


def test_two_assignments_of_one_title_are_not_guessed(export: Path) -> None:
    export.write_text(EXPORT.replace("Warming up (11)", "Softmax by hand (11)"), encoding="utf-8")
    said = refused(export, row("s1"))
    assert said.endswith("'Softmax by hand (11)' and 'Softmax by hand (12)': which one? Say it with --column")


# The file


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1251", "utf-16"])
def test_names_survive_whatever_the_encoding(export: Path, encoding: str) -> None:
    export.write_bytes(EXPORT.replace("Ivanova, Anna", "Иванова, Анна").encode(encoding))
    made = filled(export, row("Анна Иванова", 3.0))
    assert "Иванова, Анна" in made.content.decode("utf-8")
    assert made.content.startswith(b"\xef\xbb\xbf") == (encoding == "utf-8-sig")
    assert ("is not UTF-8" in "".join(made.notes)) == (encoding in ("cp1251", "utf-16"))


def test_semicolons_and_line_ends_stay(export: Path) -> None:
    text = EXPORT.replace(",", ";").replace("Ivanova; Anna", "Ivanova, Anna").replace("\n", "\r\n")
    export.write_bytes(text.encode())
    made = filled(export, row("s1", 3.0))
    assert imported(made.content)[2] == {"101": "3"}
    assert made.content.count(b"\r\n") == made.content.count(b"\n") == 3 and b";" in made.content


def test_other_forms_of_the_header_are_read(export: Path) -> None:
    for identity in ("Student,ID,SIS Login ID,Section", "Student,ID,Section"):
        cells = "X,101" + ",x" * (identity.count(",") - 1)
        export.write_text(f"{identity},Softmax by hand (12)\n{cells},\n", encoding="utf-8")
        assert imported(filled(export, row("x", 3.0, canvas_id="101")).content)[2] == {"101": "3"}
    long = "Student,ID,SIS User ID,SIS Login ID,Integration ID,Root Account,Section"
    export.write_text(f"{long},Softmax by hand (12)\nX,101,s1,a,i,r,S,\n", encoding="utf-8")
    assert imported(filled(export, row("s1", 3.0)).content)[2] == {"101": "3"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("name,points\nanna,3\n", ":1: is no export of a Canvas gradebook"),
        (EXPORT.replace("Section", "Sektion"), "there is no column 'Section'"),
        (EXPORT.replace("Student,ID", "Student,Id number"), "there is no column 'ID'"),
        (EXPORT.replace('"Petrov, Boris"', "Petrov, Boris"), ":5: 9 cells under 8 columns; a name with a comma"),
        (EXPORT.replace("O'Neil,", 'O"Neil,'), "not CSV"),
    ],
)
def test_what_is_no_gradebook_is_one_line(export: Path, text: str, said: str) -> None:
    export.write_text(text, encoding="utf-8")
    found = refused(export, row("s1"))
    assert said in found and "\n" not in found


def test_bytes_of_no_known_encoding_are_one_line(export: Path) -> None:
    export.write_bytes(EXPORT.replace("Anna", "Hélène").encode("latin-1"))
    assert "save it as “CSV UTF-8”" in refused(export, row("s1"))
    export.write_bytes(b"PK\x03\x04 a workbook")
    assert "Excel workbook" in refused(export, row("s1"))


def test_what_canvas_wrote_is_given_back_as_it_is(export: Path) -> None:
    export.write_text(EXPORT.replace("Ivanova, Anna", "=Anna"), encoding="utf-8")
    made = filled(export, row("s1", 3.0))
    assert b"\n=Anna,101,s1," in made.content, "the name must match in Canvas"
    assert any("names like formulas on the lines 4" in note for note in made.notes)


# Without an export


def test_a_file_may_be_made_from_the_roster() -> None:
    rows = [row("anna", 9.0, canvas_id="101", name="Anna, Ivanova", email="a@b"), excused("eva", sis_user_id="s3")]
    made = canvas.fresh(rows, SOFTMAX, column="Softmax by hand (12)")
    lines = list(csv.reader(io.StringIO(made.content.decode())))
    assert lines[0] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Softmax by hand (12)"]
    assert lines[1] == ["    Points Possible", "", "", "", "", "10"]
    assert lines[2:] == [["Anna, Ivanova", "101", "", "a@b", "", "9"], ["eva", "", "s3", "", "", "EX"]]


def test_a_title_without_canvas_number_would_make_an_assignment_and_is_refused() -> None:
    with pytest.raises(UsageError, match="would make a new assignment"):
        canvas.fresh([row()], SOFTMAX, column="Softmax")


def test_names_are_neutral_and_identifiers_whole() -> None:
    rows = [row("=1+1", 9.0, canvas_id="101", login="+7900")]
    made = canvas.fresh(rows, SOFTMAX, column="S (1)")
    assert list(csv.reader(io.StringIO(made.content.decode())))[2] == ["'=1+1", "101", "", "'+7900", "", "9"]
    with pytest.raises(UsageError) as caught:
        canvas.fresh([row("a", login="+7900"), row("=b", login="=b")], SOFTMAX, column="S (1)")
    assert [line.split(":")[0] for line in str(caught.value).splitlines()] == ["'=b'", "'a'"]


def test_double_identifiers_of_the_roster_are_refused() -> None:
    rows = [row("anna", canvas_id="7"), row("boris", canvas_id="7")]
    with pytest.raises(UsageError, match="'anna' and 'boris' have the same ID: '7'"):
        canvas.fresh(rows, SOFTMAX, column="S (1)")


def test_a_file_from_the_roster_has_an_identifier_for_each_student() -> None:
    """Of two namesakes, Canvas would give one the grade of the other."""
    rows = [row("smith1", 9.0, name="John Smith"), row("smith2", 0.0, name="John Smith"), row("anna", sid="7")]
    with pytest.raises(UsageError) as caught:
        canvas.fresh(rows, SOFTMAX, column="S (1)")
    (line,) = str(caught.value).splitlines()
    assert "sis_login_id" in line and "smith1, smith2" in line and "anna" not in line
