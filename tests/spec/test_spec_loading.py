"""course.yaml and assignment.yaml: what is read, and one line with an address for each thing that is wrong."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from torchgrade.errors import SpecError
from torchgrade.model import Limits, Visibility
from torchgrade.spec import find_course, load_assignment, load_course

YAML = "assignments/softmax/assignment.yaml"
Edit = Callable[[str, str, str], None]


def fault(root: Path) -> str:
    """The one line that loading the course ends with."""
    with pytest.raises(SpecError) as caught:
        load_course(root)
    line = str(caught.value)
    assert "\n" not in line
    return line


def test_a_course_is_read_in_full(course: Path) -> None:
    read = load_course(course)
    assert (read.title, read.year, read.language, read.root) == ("Deep learning", "2026", "en", course.resolve())
    assert read.limits == Limits(cell_seconds=30.0, memory_mb=1024)
    (softmax,) = read.assignments
    assert softmax.defines == ("softmax", "out")
    assert softmax.aliases == {"softmax": ("soft_max",)}
    assert softmax.device == "cpu"
    assert softmax.limits == Limits(cell_seconds=5.0, memory_mb=1024)
    assert softmax.files == (course.resolve() / "assignments/softmax/files/helper.py",)
    assert softmax.handout == course.resolve() / "assignments/softmax/softmax.ipynb"
    assert softmax.solution == course.resolve() / "solutions/softmax/softmax.ipynb"
    assert softmax.graders == course.resolve() / "graders/softmax"
    assert softmax.max_points == 3.5
    rows, stable = softmax.criteria[1:3]
    assert rows.needs == ("values",) and rows.visibility is Visibility.PUBLIC
    assert stable.bonus and stable.visibility is Visibility.HIDDEN
    assert softmax.criteria[3].manual


def test_one_assignment_can_be_read_alone(course: Path) -> None:
    assert load_assignment(course, "softmax").limits.memory_mb == Limits().memory_mb
    with pytest.raises(
        SpecError, match=r"assignments/sotfmax: there is no such assignment; did you mean 'softmax'\?"
    ):
        load_assignment(course, "sotfmax")


def test_the_course_file_of_this_repository(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    assert find_course(root / "src") == root
    shutil.copy(root / "course.yaml", tmp_path)
    course = load_course(tmp_path)
    assert (course.title, course.year, course.language) == ("Deep learning with PyTorch", "2026", "en")
    assert course.limits == Limits()  # the same defaults in both places


def test_find_course_walks_up(course: Path) -> None:
    assert find_course(course / "assignments/softmax/files") == course.resolve()
    assert find_course(course / YAML) == course.resolve()
    (course / "course.yaml").unlink()
    assert find_course(course / "assignments") is None


def test_the_listed_order_is_the_order_of_display(course: Path, edit: Edit) -> None:
    other = course / "assignments/a_later"
    shutil.copytree(course / "assignments/softmax", other)
    edit("assignments/a_later/assignment.yaml", "id: softmax", "id: a_later")
    assert [a.id for a in load_course(course).assignments] == ["a_later", "softmax"]
    edit("course.yaml", "language: en", "assignments: [softmax, a_later]")
    assert [a.id for a in load_course(course).assignments] == ["softmax", "a_later"]
    edit("course.yaml", "[softmax, a_later]", "[softmax]")
    assert [a.id for a in load_course(course).assignments] == ["softmax"]


def test_hidden_folders_are_passed_over(course: Path) -> None:
    (course / "assignments/.ipynb_checkpoints").mkdir()
    (course / "assignments/_drafts").mkdir()
    assert [a.id for a in load_course(course).assignments] == ["softmax"]


# One row for each thing that can be wrong: (what stands there, what is put in its place, the line that is told).
WRONG = [
    ("    points: 1.5", "    pionts: 1.5", ":16: rubric[1].pionts: unknown key; did you mean 'points'?"),
    (
        "    visibility: hidden",
        "    visibilty: hidden",
        ":21: rubric[2].visibilty: unknown key; did you mean 'visibility'?",
    ),
    ("device: cpu", "colour: red", ":6: colour: unknown key; known: id, title, rubric, defines, aliases, device"),
    ("  cell_time: 5 s", "  celltime: 5 s", ":8: limits.celltime: unknown key; did you mean 'cell_time'?"),
    (
        "device: cpu",
        "device: gpu",
        ":6: device: must be one of 'auto', 'cpu' or 'cuda', found 'gpu'; did you mean 'cpu'?",
    ),
    ("visibility: hidden", "visibility: hiden", "found 'hiden'; did you mean 'hidden'?"),
    ("device: cpu", "device: [cpu]", ":6: device: must be one of 'auto', 'cpu' or 'cuda', found a list"),
    ("points: 1.5", "points: two", ":16: rubric[1].points: must be a number, found 'two'"),
    ("points: 1.5", 'points: "1.5"', ":16: rubric[1].points: must be a number, found '1.5'"),
    ("points: 1.5", "points: .nan", ":16: rubric[1].points: must be a finite number"),
    ("points: 1.5", "points: NaN", ":16: rubric[1].points: must be a number, found 'NaN'"),
    ("points: 1.5", "points: .inf", ":16: rubric[1].points: must be a"),
    ("points: 1.5", "points: -1", ":16: rubric[1].points: must not be negative"),
    ("points: 1.5", "points: 1e300", ":16: rubric[1].points: must be a"),
    ("points: 1.5", "points: 10000001", ":16: rubric[1].points: must be at most 1e+06"),
    ("points: 1.5", "points: true", ":16: rubric[1].points: must be a number, found true"),
    ("points: 1.5", "points:", ":16: rubric[1].points: must be a number, found nothing"),
    ("    points: 1.5\n", "", ":14: rubric[1].points: missing key"),
    ("title: Softmax by hand\n", "", ":1: title: missing key"),
    (
        "title: Softmax by hand",
        "title: 2026-01-01",
        ":2: title: must be text, found 2026-01-01 (put it in quotes)",
    ),
    ("title: Softmax by hand", "title: no", ":2: title: must be text, found false (put it in quotes)"),
    ("title: Softmax by hand", "title: ' '", ":2: title: must not be empty"),
    ("title: Softmax by hand", 'title: "a\\nb"', ":2: title: must be one line of text"),
    ("title: Softmax by hand", "title: [a]", ":2: title: must be text, found a list"),
    ("id: softmax", "id: soft max", ":1: id: must begin with a Latin letter or digit"),
    ("id: softmax", "id: softmx", ":1: id: is 'softmx', but the folder is 'softmax': they must be the same"),
    ("bonus: true", "bonus: maybe", ":22: rubric[2].bonus: must be true or false, found 'maybe'"),
    ("id: rows", "id: values", ":14: rubric[1].id: a criterion 'values' stands above already"),
    (
        "needs: [values]",
        "needs: [value]",
        ":17: rubric[1].needs[0]: there is no criterion 'value'; did you mean 'values'?",
    ),
    ("needs: [values]", "needs: [rows]", ":17: rubric[1].needs: goes round in a circle: rows needs rows"),
    ("needs: [values]", "needs: [stable]", "'stable' is not public, but 'rows', which needs it, is"),
    ("needs: [values]", "needs: values", ":17: rubric[1].needs: must be a list, found 'values'"),
    ("defines: [softmax, out]", "defines: [softmax, softmax]", ":3: defines[1]: 'softmax' is listed twice"),
    ("defines: [softmax, out]", "defines: [softmax, 2out]", ":3: defines[1]: '2out' cannot be a Python name"),
    ("defines: [softmax, out]", "defines: [softmax, class]", ":3: defines[1]: 'class' cannot be a Python name"),
    (
        "softmax: [soft_max]",
        "sofmax: [soft_max]",
        ":5: aliases.sofmax: 'sofmax' is not in defines; did you mean 'softmax'?",
    ),
    ("[soft_max]", "[out]", ":5: aliases.softmax[0]: 'out' already stands in defines"),
    ("[soft_max]", "[s, s]", ":5: aliases.softmax[1]: 's' already stands in aliases.softmax"),
    ("aliases:\n  softmax: [soft_max]", "aliases:", ":4: aliases: must be a mapping (key: value), found nothing"),
    ("[helper.py]", "[helpr.py]", ":9: files[0]: there is no file files/helpr.py; did you mean 'helper.py'?"),
    ("[helper.py]", "[helper.py, helper.py]", ":9: files[1]: 'helper.py' is listed twice"),
    ("[helper.py]", "[../../../course.yaml]", ":9: files[0]: must be a file name inside"),
    ("[helper.py]", "[/etc/passwd]", ":9: files[0]: must be a file name inside"),
    ("device: cpu", "title: again", ":6: title: the key stands here twice (first in line 2)"),
    ("    points: 1.5", "    title: again", ":16: rubric[1].title: the key stands here twice (first in line 15)"),
    ("device: cpu", "3: cpu", ":6: a key must be text; put '3' in quotes"),
    ("device: cpu", "<<: {device: cpu}", ":6: merge keys (<<) are not used here"),
    ("device: cpu", "device: !!python/object:os.system cpu", ":6: device: the tag"),
    ("device: cpu", "device: !!int cpu", ":6: device: the value cannot be read"),
    ("device: cpu", "device: 2026-99-99", ":6: device: the value cannot be read"),
    ("device: cpu", "device: [cpu", "bad YAML: "),
    ("device: cpu", "\tdevice: cpu", ":6: bad YAML: found character '\\t'"),
    ("device: cpu", "device: *nobody", ":6: bad YAML: found undefined alias"),
    ("device: cpu", "device: \x07", ":6: bad YAML: character U+0007 is not allowed"),
    ("device: cpu", "---\nsecond: document", "bad YAML: but found another document"),
    ("device: cpu", "device: &a [*a]", "too many values or too deep a nest"),
    ("device: cpu", "device: " + "[" * 2000, "bad YAML: nested too deeply"),
    (
        "  cell_time: 5 s",
        "  cell_time: 5",
        ":8: limits.cell_time: needs a unit; allowed: ms, s, min, h (such as '20 s')",
    ),
    (
        "  cell_time: 5 s",
        "  memory: 2 GB",
        ":8: limits.memory: unknown unit 'GB'; allowed: KiB, MiB, GiB; did you mean 'GiB'?",
    ),
    ("  cell_time: 5 s", "  processes: many", ":8: limits.processes: must be a whole number, found 'many'"),
    ("  cell_time: 5 s", "  processes: 1.5", ":8: limits.processes: must be a whole number, found 1.5"),
    ("  cell_time: 5 s", "  processes: 0", ":8: limits.processes: must be at least 1"),
    ("limits:\n  cell_time: 5 s", "limits: none", ":7: limits: must be a mapping (key: value), found 'none'"),
]


@pytest.mark.parametrize(
    ("old", "new", "told"), WRONG, ids=[f"{new[:30]}-{i}" for i, (_, new, _) in enumerate(WRONG)]
)
def test_each_fault_has_an_address(course: Path, edit: Edit, old: str, new: str, told: str) -> None:
    edit(YAML, old, new)
    line = fault(course)
    assert line.startswith(YAML + ":") and told in line


def test_an_empty_rubric_is_a_fault(course: Path) -> None:
    text = (course / YAML).read_text(encoding="utf-8")
    (course / YAML).write_text(text[: text.index("rubric:")] + "rubric: []\n", encoding="utf-8")
    assert fault(course) == f"{YAML}:10: rubric: must not be empty"


def test_a_circle_of_needs_is_told_in_the_order_of_needing(course: Path, edit: Edit) -> None:
    edit(YAML, "    title: Right values", "    title: Right values\n    needs: [rows]")
    told = fault(course)
    assert told.endswith("values needs rows needs values") or told.endswith("rows needs values needs rows")


def test_the_first_fault_by_line_is_told(course: Path, edit: Edit) -> None:
    edit(YAML, "points: 3", "points: three")
    edit(YAML, "device: cpu", "device: gpu")
    assert f"{YAML}:6: device" in fault(course)


def test_aliases_of_aliases_come_to_an_end(course: Path, edit: Edit) -> None:
    levels = [f"  l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 9)}]" for i in range(1, 10)]
    edit(YAML, "device: cpu", "\n".join(["bomb:", "  l0: &l0 [x]", *levels]))
    assert "too many values" in fault(course)


def test_a_plain_yaml_alias_is_fine(course: Path, edit: Edit) -> None:
    edit(YAML, "title: Right values", "title: &t Right values")
    edit(YAML, "title: Rows sum to 1", "title: *t")
    assert load_course(course).assignments[0].criteria[1].title == "Right values"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", ": the file is empty"),
        (b"# only a comment\n", ": the file is empty"),
        (b"id: softmax\ntitle: \xff\xfe\n", ":2: not UTF-8: byte 0xff is not text"),
        (b"- a\n- b\n", ":1: must be a mapping (key: value), found a list"),
        (b"just text\n", ":1: must be a mapping (key: value), found 'just text'"),
        (b"#" * (2**20 + 1), ": the file is larger than 1 MiB"),
    ],
)
def test_a_file_that_is_no_assignment_at_all(course: Path, content: bytes, told: str) -> None:
    (course / YAML).write_bytes(content)
    assert fault(course) == YAML + told


def test_a_byte_order_mark_does_no_harm(course: Path) -> None:
    (course / YAML).write_bytes(b"\xef\xbb\xbf" + (course / YAML).read_bytes())
    assert load_course(course).assignments[0].id == "softmax"


def test_missing_files_are_named(course: Path) -> None:
    (course / YAML).unlink()
    assert fault(course) == f"{YAML}: the file does not exist"
    (course / YAML).mkdir()
    assert fault(course).startswith(f"{YAML}: cannot be read")
    (course / "course.yaml").unlink()
    assert fault(course) == "course.yaml: the file does not exist"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("language: en", "language: de", "course.yaml:3: language: must be one of 'en' or 'ru', found 'de'"),
        (
            "language: en",
            "assignments: [sofmax]",
            "assignments[0]: there is no folder assignments/sofmax; did you mean",
        ),
        ("language: en", "assignments: [softmax, softmax]", "assignments[1]: 'softmax' is listed twice"),
        ("language: en", "assignments: ['../x']", "course.yaml:3: assignments[0]: must begin with"),
        ("year: 2026", "year: [2026]", "course.yaml:2: year: must be text, found a list"),
        ("year: 2026", "yaer: 2026", "course.yaml:2: yaer: unknown key; did you mean 'year'?"),
    ],
)
def test_faults_of_the_course_file(course: Path, edit: Edit, old: str, new: str, told: str) -> None:
    edit("course.yaml", old, new)
    assert told in fault(course)


def test_a_year_may_be_a_span(course: Path, edit: Edit) -> None:
    edit("course.yaml", "year: 2026", "year: 2026/27")
    assert load_course(course).year == "2026/27"


def test_a_course_without_assignments_is_empty(course: Path) -> None:
    shutil.rmtree(course / "assignments")
    assert load_course(course).assignments == ()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.binary(max_size=200), st.text("ab:-[]{}&*!#|>'\"\n\t 01", max_size=80).map(str.encode)))
def test_no_file_ends_in_anything_but_a_spec_error(course: Path, content: bytes) -> None:
    (course / YAML).write_bytes(content)
    assert fault(course).startswith(YAML)


def test_importing_the_spec_is_cheap() -> None:
    code = "import sys, torchgrade.spec; print({'torch', 'numpy', 'nbformat', 'pytest'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_half_written_neighbour_does_not_stand_in_the_way(course: Path) -> None:
    (course / "assignments" / "half").mkdir()
    assert "half" in fault(course)
    assert [a.id for a in load_course(course, only="softmax").assignments] == ["softmax"]
    assert load_course(course, only="nowhere").assignments == ()
