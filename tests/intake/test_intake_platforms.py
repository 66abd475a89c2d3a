"""Downloads of learning platforms are recognised by their layout; they say whose each hand-in is, and when."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from handed_in import put, raw_notebook, read, roster_file, zipped

from torchgrade.errors import UsageError

FILE, TEXT = "assignsubmission_file_", "assignsubmission_onlinetext_"
PAGE = b"<p>my answer</p>"


# Moodle


@pytest.mark.parametrize("slash", ["/", ""], ids=["with folders", "without folders"])
def test_moodle_gives_full_names(tmp_path: Path, slash: str) -> None:
    found = read(
        zipped(
            tmp_path / "download.zip",
            f"Anna Petrova_101_{FILE}{slash}hw.ipynb",
            f"Иван Ёлкин_102_{FILE}{slash}работа.ipynb",
            (f"Иван Ёлкин_102_{TEXT}{slash}onlinetext.html", PAGE),
            (f"Olga Smirnova_103_{TEXT}{slash}onlinetext.html", PAGE),
        )
    )
    assert list(found) == ["Anna Petrova", "Olga Smirnova", "Иван Ёлкин"]
    assert found["Иван Ёлкин"].notebook and found["Anna Petrova"].handed_in is None
    assert "Found only: 'onlinetext.html'" in found["Olga Smirnova"].problem


def test_moodle_s_folder_may_lack_the_last_underscore_and_be_unpacked(tmp_path: Path) -> None:
    put(tmp_path, "in/Anna Petrova_101_assignsubmission_file/sub/hw.ipynb")
    put(tmp_path, "in/Boris_Orlov_102_assignsubmission_file_/hw.zip", b"no zip")
    (tmp_path / "in" / "Vera Zima_103_assignsubmission_file_").mkdir()
    found = read(tmp_path / "in")
    assert list(found) == ["Anna Petrova", "Boris Orlov", "Vera Zima"]
    assert found["Anna Petrova"].notebook and found["Anna Petrova"].path
    assert found["Anna Petrova"].path.name == "hw.ipynb"
    assert "damaged" in found["Boris Orlov"].problem and "no notebook" in found["Vera Zima"].problem


def test_namesakes_in_moodle_stay_apart(tmp_path: Path) -> None:
    found = read(zipped(tmp_path / "d.zip", *(f"Участник_{n}_{FILE}/hw.ipynb" for n in (7, 8))))
    assert list(found) == ["Участник (7)", "Участник (8)"]
    assert all(s.notebook for s in found.values())


def test_moodle_s_people_are_found_in_the_roster(tmp_path: Path) -> None:
    roster = roster_file(
        tmp_path,
        "student,name,moodle_id",
        'petrova,"Petrova, Anna",',
        "elkin,Елкин Иван,",
        "smirnova,,103",
        "ivanov1,Ivan Ivanov,",
        "ivanov2,Ivan Ivanov,",
    )
    download = zipped(
        tmp_path / "d.zip",
        f"Anna Petrova_101_{FILE}/hw.ipynb",
        f"Иван Ёлкин_102_{FILE}/hw.ipynb",
        f"O'Smirnova Olga_103_{FILE}/hw.ipynb",
        f"Ivan Ivanov_104_{FILE}/hw.ipynb",
        f"Some Stranger_105_{FILE}/hw.ipynb",
    )
    found = read(download, roster)
    assert list(found) == ["Ivan Ivanov", "Some Stranger", "elkin", "petrova", "smirnova"]
    assert all(s.notebook for s in found.values())
    assert found.told == [
        "Ivan Ivanov may be several students of the roster: 'ivanov1', 'ivanov2'; graded under this name",
        "not in the roster, and graded all the same: 'Some Stranger'",
    ]


def test_one_line_of_the_roster_is_not_given_to_two_namesakes(tmp_path: Path) -> None:
    roster = roster_file(tmp_path, "student,name", "ivanov,Ivan Ivanov")
    download = zipped(tmp_path / "d.zip", *(f"Ivan Ivanov_{n}_{FILE}/hw.ipynb" for n in (1, 2)))
    found = read(download, roster)
    assert list(found) == ["Ivan Ivanov (1)", "Ivan Ivanov (2)"] and len(found.told) == 2


# Canvas


def test_canvas_gives_names_run_together_and_says_who_is_late(tmp_path: Path) -> None:
    download = zipped(
        tmp_path / "submissions.zip",
        "petrovaanna_2001_90001_hw.ipynb",
        "orlovboris_LATE_2002_90002_hw.ipynb",
        ("orlovboris_LATE_2002_90003_notes.pdf", b"%PDF"),
        ("zimavera_2003_text.html", PAGE),
    )
    found = read(download)
    assert list(found) == ["orlovboris", "petrovaanna", "zimavera"]
    assert found["orlovboris"].notes == ("Canvas marks this hand-in as late.",)
    assert found["petrovaanna"].notes == () and found["petrovaanna"].handed_in is None
    assert "Found only: 'text.html'" in found["zimavera"].problem


def test_of_versions_in_canvas_the_newest_counts(tmp_path: Path) -> None:
    download = zipped(
        tmp_path / "s.zip",
        "orlov_2002_90007_hw-1.ipynb",
        "orlov_2002_90002_hw.ipynb",
        "zima_2003_90001_lab-2.ipynb",
    )
    found = read(download)
    assert "90007" in found.source("orlov")
    assert found["orlov"].notes == ("Of several versions of one file the newest was taken (hw-1.ipynb).",)
    assert found["zima"].notebook and found["zima"].notes == ()


def test_canvas_s_people_are_found_in_the_roster(tmp_path: Path) -> None:
    roster = roster_file(tmp_path, "student,name,canvas_id", "petrova,Anna Petrova,", "orlov,,2002", "zima,,2003")
    download = zipped(tmp_path / "s.zip", "petrovaanna_2001_90001_hw.ipynb", "borisorlov_2002_90002_hw.ipynb")
    assert list(read(download, roster)) == ["orlov", "petrova"]


def test_hidden_names_in_canvas_are_kept(tmp_path: Path) -> None:
    assert list(
        read(zipped(tmp_path / "s.zip", "anon_x7Ab2_90001_hw.ipynb", "anon_LATE_b9Qz1_90002_hw.ipynb"))
    ) == [
        "anon_b9Qz1",
        "anon_x7Ab2",
    ]


def test_names_with_numbers_of_the_students_own_are_not_canvas_s(tmp_path: Path) -> None:
    for name in ("ivanov_2026_10_hw", "petrov_2026_10_hw"):
        put(tmp_path, f"in/{name}.ipynb")
    assert list(read(tmp_path / "in")) == ["ivanov_2026_10_hw", "petrov_2026_10_hw"]


# Gradescope

METADATA = """---
submission_501:
  :submitters:
  - :name: Anna Petrova
    :sid: '0012'
    :email: anna@uni.edu
  :created_at: 2026-10-05 09:08:07.123456000 +03:00
  :score: 3.0
  :history: []
submission_502:
  :submitters:
  - :name: Boris Orlov
    :email: boris@uni.edu
  - :name: Vera Zima
    :email: vera@uni.edu
  :created_at: !ruby/object:ActiveSupport::TimeWithZone
    utc: &1 2026-10-06 10:00:00.000000000 Z
    zone: !ruby/object:ActiveSupport::TimeZone
      name: Etc/UTC
    time: *1
submission_503:
  :submitters:
  - :name: Nobody There
"""


@pytest.mark.parametrize("wrap", ["", "assignment_9_export/"])
@pytest.mark.parametrize("packed", [True, False])
def test_gradescope_says_who_and_when(tmp_path: Path, wrap: str, packed: bool) -> None:
    members = {
        f"{wrap}submission_metadata.yml": METADATA.encode(),
        f"{wrap}submission_501/hw.ipynb": raw_notebook(),
    }
    members[f"{wrap}submission_502/hw.ipynb"] = raw_notebook("y = 2")
    source = tmp_path / "in"
    for name, content in members.items():
        put(source, name, content)
    found = read(zipped(tmp_path / "export.zip", *members.items()) if packed else source)
    assert list(found) == ["Anna Petrova", "Boris Orlov", "Nobody There", "Vera Zima"]
    assert found["Anna Petrova"].handed_in == datetime(2026, 10, 5, 6, 8, 7, 123456, tzinfo=UTC)
    assert found["Vera Zima"].handed_in == datetime(2026, 10, 6, 10, tzinfo=UTC)
    assert found["Vera Zima"].digest == found["Boris Orlov"].digest
    assert found["Vera Zima"].notes == ("This was handed in by 2 students together.",)
    assert "no notebook" in found["Nobody There"].problem


def test_gradescope_s_people_are_found_in_the_roster(tmp_path: Path) -> None:
    put(tmp_path, "in/submission_metadata.yml", METADATA.encode())
    roster = roster_file(tmp_path, "student,email,sid", "petrova,,0012", "orlov,Boris@uni.edu,", "vera@uni.edu,,")
    assert list(read(tmp_path / "in", roster)) == ["Nobody There", "orlov", "petrova", "vera@uni.edu"]


@pytest.mark.parametrize(
    ("text", "told"),
    [("a: [", "is not YAML"), ("- 1", "is not a list of submissions"), ("a: !!python/none x", "YAML")],
)
def test_gradescope_s_list_that_cannot_be_read_is_one_line(tmp_path: Path, text: str, told: str) -> None:
    put(tmp_path, "in/submission_metadata.yml", text.encode())
    with pytest.raises(UsageError, match=told) as caught:
        read(tmp_path / "in")
    assert "\n" not in str(caught.value)


def test_an_impossible_date_costs_no_cohort(tmp_path: Path) -> None:
    put(tmp_path, "in/submission_metadata.yml", METADATA.replace("2026-10-05", "2026-02-31").encode())
    assert read(tmp_path / "in")["Anna Petrova"].handed_in is None


# nbgrader


@pytest.mark.parametrize(
    ("stamp", "moment"),
    [
        ("2026-10-05 09:08:07.5 UTC", datetime(2026, 10, 5, 9, 8, 7, 500000, tzinfo=UTC)),
        ("2026-10-05 09:08:07", datetime(2026, 10, 5, 9, 8, 7, tzinfo=UTC)),
        ("2026-10-05 09:08:07 America/Los_Angeles\n", datetime(2026, 10, 5, 16, 8, 7, tzinfo=UTC)),
        ("2026-10-05 09:08:07 PST", None),
        ("yesterday", None),
    ],
)
def test_nbgrader_s_tree_says_when(tmp_path: Path, stamp: str, moment: datetime | None) -> None:
    put(tmp_path, "submitted/bitdiddle/ps1/problem1.ipynb")
    put(tmp_path, "submitted/bitdiddle/ps1/timestamp.txt", stamp.encode())
    put(tmp_path, "submitted/hacker/ps1/problem1.ipynb")
    put(tmp_path, "submitted/README.md", b"x")
    found = read(tmp_path / "submitted")
    assert list(found) == ["bitdiddle", "hacker"] and found["hacker"].handed_in is None
    assert found["bitdiddle"].handed_in == moment
    assert found["bitdiddle"].notes == (() if moment else ("The time in timestamp.txt could not be read.",))


def test_of_several_assignments_and_notebooks_the_one_that_is_graded_is_read(tmp_path: Path) -> None:
    for student in ("ada", "bob"):
        for place in ("ps1/problem1", "ps1/problem2", "ps2/problem9"):
            put(tmp_path, f"submitted/{student}/{place}.ipynb", raw_notebook(place))
    assert read(tmp_path / "submitted", wanted="problem2").source("ada") == "ps1/problem2"
    assert read(tmp_path / "submitted", wanted="ps2").source("bob") == "ps2/problem9"
    with pytest.raises(UsageError, match=r"several assignments of nbgrader lie here \('ps1', 'ps2'\)"):
        read(tmp_path / "submitted", wanted="softmax")


def test_nbgrader_s_tree_of_one_student_in_a_zip(tmp_path: Path) -> None:
    packed = zipped(
        tmp_path / "s.zip", "ada/ps1/problem1.ipynb", ("ada/ps1/timestamp.txt", b"2026-10-05 09:08:07 UTC")
    )
    assert read(packed)["ada"].handed_in == datetime(2026, 10, 5, 9, 8, 7, tzinfo=UTC)


def test_one_student_s_timestamp_does_not_change_how_others_are_read(tmp_path: Path) -> None:
    put(tmp_path, "in/eve/data/timestamp.txt", b"2026-10-05 09:08:07 UTC")
    put(tmp_path, "in/eve/data/hw.ipynb")
    put(tmp_path, "in/anna/hw.ipynb")
    put(tmp_path, "in/boris/my/hw.ipynb")
    found = read(tmp_path / "in")
    assert list(found) == ["anna", "boris", "eve"] and all(s.notebook for s in found.values())
    (tmp_path / "in/anna/hw.ipynb").unlink()
    assert read(tmp_path / "in")["boris"].notebook


# All


def test_a_name_that_reads_the_same_backwards_takes_nobody_s_place(tmp_path: Path) -> None:
    roster = roster_file(tmp_path, "student", "ivan_petrov")
    put(tmp_path, "in/ivan_petrov.ipynb")
    put(tmp_path, "in/petrov_ivan.ipynb")
    found = read(tmp_path / "in", roster)
    assert list(found) == ["ivan_petrov", "petrov_ivan"] and all(s.notebook for s in found.values())
    assert len(found.told) == 1 and "petrov_ivan has the name of 'ivan_petrov'" in found.told[0]


def test_the_notebook_of_the_assignment_is_taken_from_several(tmp_path: Path) -> None:
    for name in ("Softmax.ipynb", "other.ipynb", ".ipynb_checkpoints/softmax.ipynb"):
        put(tmp_path, f"in/anna/{name}", raw_notebook(name))
    found = read(tmp_path / "in", wanted="softmax")
    assert found.source("anna") == "Softmax.ipynb"
    assert found["anna"].notes == ("Of several notebooks 'Softmax.ipynb' was taken.",)
    assert "There are several notebooks" in read(tmp_path / "in", wanted="lenet5")["anna"].problem


def test_a_file_or_a_folder_of_another_case_is_the_student_of_the_roster(tmp_path: Path) -> None:
    roster = roster_file(tmp_path, "student,email", "ivanov,", "petrov,p.petrov@uni.edu")
    put(tmp_path, "in/Ivanov.ipynb")
    put(tmp_path, "in/p.petrov@uni.edu/hw.ipynb")
    assert list(read(tmp_path / "in", roster)) == ["ivanov", "petrov"]


def test_two_hand_ins_that_the_roster_knows_as_one_student_are_told(tmp_path: Path) -> None:
    roster = roster_file(tmp_path, "student,email", "petrov,p@uni.edu")
    put(tmp_path, "in/petrov.ipynb")
    put(tmp_path, "in/p@uni.edu.ipynb")
    (problem,) = (s.problem for s in read(tmp_path / "in", roster).values())
    assert problem.startswith("There are several submissions under this name: 'p@uni.edu.ipynb', 'petrov.ipynb'.")


def test_paths_out_of_a_platform_s_zip_are_left_out_and_told(tmp_path: Path) -> None:
    download = zipped(tmp_path / "d.zip", f"Anna_1_{FILE}/hw.ipynb", f"../Eve_2_{FILE}/hw.ipynb", "/etc/x.ipynb")
    found = read(download)
    assert list(found) == ["Anna"]
    assert found.told == ["d.zip: paths that point outside the zip were left out (2)"]
    assert [p.name for p in tmp_path.iterdir()] == ["d.zip"]
