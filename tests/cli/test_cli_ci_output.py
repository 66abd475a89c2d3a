"""``check --ci``: what a pipeline is told, and that nothing of a student's is taken for more than text."""

from __future__ import annotations

import html
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from fake_examiner import FakeExaminer
from github_runner import Runner
from hypothesis import given
from hypothesis import strategies as st
from small_course import DOUBLE_RIGHT, add_assignment, double_course, write_notebook

from torchgrade import i18n
from torchgrade.cli import ci_checks
from torchgrade.feedback.ci import files, summary, workflow
from torchgrade.feedback.ci.findings import Examined, Finding, findings
from torchgrade.feedback.ci.places import FileLines
from torchgrade.model import CellReport, CriterionResult, Outcome, Verdict
from torchgrade.pipeline import workers
from torchgrade.spec import load_course

#: What a student could print, raise, or call something, to be obeyed.
INJECTIONS = (
    "::error::forged", "\n::add-path::/tmp/evil", "\r::set-output name=a::b", "\r\n::stop-commands::x",
    "##[error]forged", "%0A::error::forged", "\u2028::error::x", "\x1b[2K\r::error::x", "  ::notice::x",
    "::0123456789abcdef::", "\x1b[0Ksection_start:0:x\r", "a,file=x::y",
)  # fmt: skip
FENCED = "</pre></details><script>alert(1)</script>\n\n# heading\n\n![x](http://x) @somebody | `code`"


@pytest.fixture(autouse=True)
def _speak_english_again() -> Any:
    yield
    i18n.use_language("en")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course, which is the current folder, and a pretended examiner that knows of jobs of a check."""

    class Examiner(FakeExaminer):
        def examine(self, job: dict[str, Any], seconds: float) -> Verdict:
            return super().examine({"attempt": 1, "seed": "", "digests": {}, **job}, seconds)

    made = double_course(tmp_path / "course").root
    monkeypatch.chdir(made)
    monkeypatch.setattr(workers.warm, "start", Examiner)
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE", "CI_PROJECT_DIR"):
        monkeypatch.delenv(name, raising=False)
    return made


@pytest.fixture
def github(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """On GitHub; the file of the summary."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(root))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    return tmp_path / "summary.md"


# --- the command -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("points", "threshold", "code"), [(3, 100, 0), (2, 100, 1), (2, 66.6, 0), (2, 67, 1), (0, 0, 0)]
)
@pytest.mark.parametrize("flag", [(), ("--ci",)])
def test_the_exit_code_goes_by_the_threshold(
    root: Path, run: Any, points: int, threshold: float, code: int, flag: tuple[str, ...]
) -> None:
    write_notebook(root / "double.ipynb", f"points {points}")
    assert run("check", *flag, "--threshold", threshold).code == code


def test_files_for_other_programs_lie_in_the_report(root: Path, run: Any, tmp_path: Path) -> None:
    write_notebook(root / "double.ipynb", "points 1")
    said = run("check", "--ci", "--out", tmp_path / "r")
    assert {p.name for p in (tmp_path / "r").iterdir()} == {"double.html", "junit.xml", "code-quality.json"}
    assert "1 of 3" in said.out and said.err == ""
    assert "::" not in said.out, "no command where nobody reads them"


def test_on_github_the_annotation_is_at_the_cell(github: Path, root: Path, run: Any) -> None:
    path = write_notebook(root / "work" / "double.ipynb", "points 1", DOUBLE_RIGHT)
    said = run("check", path, "--ci", "--assignment", "double")
    runner = Runner().read(said.out)
    assert (said.code, said.err, runner.deaf_to) == (1, "", "")
    ((name, properties, data),) = runner.obeyed
    assert (name, properties["file"], properties["title"]) == ("error", "work/double.ipynb", "D")
    assert "failed (1 of 3)\nsaid\nHint: said" in data
    assert "<h3>About double <code>work/double.ipynb</code></h3>" in github.read_text()


@pytest.mark.parametrize("injected", INJECTIONS)
def test_nothing_that_a_student_says_is_obeyed(
    github: Path, root: Path, run: Any, monkeypatch: pytest.MonkeyPatch, injected: str
) -> None:
    """By message, hint, exception, note, source of a cell, and what their code writes where it should not."""

    class Loud(FakeExaminer):
        def examine(self, job: dict[str, Any], seconds: float) -> Verdict:
            print(injected)
            print(injected, file=sys.stderr)
            verdict = super().examine({"attempt": 1, "seed": "", "digests": {}, **job}, seconds)
            wrong = CriterionResult("c", injected, Outcome.FAILED, 0, 3, message=injected, hint=injected)
            cells = (CellReport(0, "error", 1.0, injected, injected, 1),)
            return replace(verdict, points=0.0, criteria=(wrong,), cells=cells, reason=injected, notes=(injected,))

    monkeypatch.setattr(workers.warm, "start", Loud)
    write_notebook(root / "double.ipynb", "points 1", f"x = {injected!r}")
    said = run("check", "--ci")
    runner = Runner().read(said.out)
    assert said.err == "", "one stream, so that its order is that of the lines"
    assert runner.deaf_to == ""
    assert [name for name, _p, _d in runner.obeyed] == ["error", "warning"]
    assert {p["file"] for _n, p, _d in runner.obeyed} == {"double.ipynb"}
    assert all(set(p) == {"file", "line", "title"} for _n, p, _d in runner.obeyed)


def test_what_processes_of_ours_write_to_standard_error_keeps_its_place() -> None:
    """A runner reads two streams in no order; so there is one, until the silence is over."""
    code = (
        "import os, sys\n"
        "from torchgrade.cli import ci_checks\n"
        "def guarded(wanted, environment):\n"
        "    os.write(2, b'::error::forged')\n"
        "    return 0, ['::notice::ours']\n"
        "ci_checks._guarded = guarded\n"
        "ci_checks.check_in_ci(ci_checks.Wanted(), {'GITHUB_ACTIONS': 'true'})\n"
        "print('back again', file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert "::error::forged" in done.stdout and done.stderr == "back again\n"
    assert Runner().read(done.stdout).obeyed == [("notice", {}, "ours")]


def test_the_runner_above_would_have_obeyed() -> None:
    obeyed = [bool(Runner().read(f"{text}::y").obeyed or Runner().read(text).deaf_to) for text in INJECTIONS]
    assert sum(obeyed) >= 7


def test_the_word_that_ends_the_silence_is_another_each_time(github: Path, root: Path, run: Any) -> None:
    write_notebook(root / "double.ipynb", "points 1")
    words = {re.findall(r"(?m)^::stop-commands::(\w{32})$", run("check", "--ci").out)[0] for _ in range(3)}
    assert len(words) == 3


@pytest.mark.parametrize("name", ["::error::x.ipynb", "a\n::add-mask::x\n.ipynb", "b,line=1.ipynb"])
def test_the_name_of_a_file_is_a_name(github: Path, root: Path, run: Any, name: str) -> None:
    write_notebook(root / name, "points 1", DOUBLE_RIGHT)
    runner = Runner().read(run("check", "--ci").out)
    ((_name, properties, _data),) = runner.obeyed
    assert (properties["file"], properties["line"]) == (name.replace("\n", "\n"), properties["line"])
    assert runner.deaf_to == ""


@pytest.mark.parametrize(
    ("cell", "said"),
    [("raise", "OSError: our own disk"), ("broken", "broken on purpose"), ("no number at all", "")],
)
def test_what_is_our_fault_is_one_annotation_and_code_2(
    github: Path, root: Path, run: Any, cell: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not said:
        monkeypatch.setattr(ci_checks, "_examined", lambda *_: 1 / 0)
        said = "this is a fault of torchgrade itself"
    write_notebook(root / "double.ipynb", cell)
    done = run("check", "--ci")
    runner = Runner().read(done.out)
    assert (done.code, runner.deaf_to) == (2, "")
    ((name, _properties, data),) = runner.obeyed
    assert name == "error" and said in data


def test_bad_input_ends_in_code_2_wherever_it_runs(root: Path, run: Any) -> None:
    said = run("check", "--ci")
    assert said.code == 2 and "there is no notebook in" in said.err
    assert run("check", "--ci", "--json").code == 2
    assert run("check", "--ci", "--watch").code == 2


# --- several notebooks -------------------------------------------------------------------------------------------


@pytest.fixture
def two(root: Path) -> Path:
    """A kit of two assignments: each notebook as it was given lies in assignments/<id>."""
    add_assignment(root, "triple", defines="triple", solution=("points 3", "def triple(x):\n    return 3 * x"))
    for id in ("double", "triple"):
        given = root / "assignments" / id / f"{id}.ipynb"
        (root / f"{id}.ipynb").write_bytes(given.read_bytes())
    return root


def test_notebooks_that_were_not_begun_are_passed_over(two: Path, run: Any) -> None:
    write_notebook(two / "triple.ipynb", "points 3")
    said = run("check", "--ci")
    assert said.code == 0
    assert "double.ipynb has not been begun yet: passed over" in said.out
    assert "About double" not in said.out
    assert len(ElementTree.parse(two / "torchgrade-report/junit.xml").getroot()) == 1


def test_a_report_that_cannot_be_written_is_one_line_with_its_place(two: Path, run: Any, tmp_path: Path) -> None:
    write_notebook(two / "triple.ipynb", "points 3")
    (tmp_path / "file").write_text("kept")
    said = run("check", "--ci", "--out", tmp_path / "file")
    assert said.code == 2
    assert said.err == f"torchgrade: {tmp_path / 'file'}: the report cannot be written (File exists)\n"


def test_a_handout_in_another_language_is_passed_over_too(two: Path, run: Any) -> None:
    for place in (two, two / "assignments" / "double"):
        write_notebook(place / "double.ru.ipynb", "points 0")
    write_notebook(two / "double.ipynb", "points 3")
    said = run("check", "--ci")
    assert said.code == 0 and "double.ru.ipynb has not been begun yet: passed over" in said.out


def test_each_that_was_begun_must_reach_the_threshold(two: Path, run: Any) -> None:
    write_notebook(two / "triple.ipynb", "points 3")
    write_notebook(two / "double.ipynb", "points 1")
    assert run("check", "--ci").code == 1
    assert run("check", "--ci", "--threshold", 30).code == 0


def test_where_nothing_was_begun_nothing_fails(two: Path, run: Any, github: Path) -> None:
    assert run("check", "--ci").code == 0
    assert "Not begun yet: double.ipynb, triple.ipynb" in github.read_text()
    assert json.loads((two / "torchgrade-report/code-quality.json").read_text()) == []


def test_saving_and_running_a_notebook_is_no_beginning(two: Path) -> None:
    document = json.loads((two / "double.ipynb").read_text())
    document["cells"][0] |= {
        "outputs": [],
        "execution_count": 7,
        "source": "".join(document["cells"][0]["source"]),
    }
    document["cells"].append({"cell_type": "markdown", "id": "m", "metadata": {}, "source": "a note"})
    (two / "double.ipynb").write_text(json.dumps(document))
    assert ci_checks._is_as_given(two / "double.ipynb")
    document["cells"][0]["source"] += "\nx = 1"
    (two / "double.ipynb").write_text(json.dumps(document))
    assert not ci_checks._is_as_given(two / "double.ipynb")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("aside.ipynb", "", "which assignment is aside.ipynb?"),
        ("double.ipynb", '{"cells": [', "The file breaks off"),
        ("double.ipynb", '{"cells": ' + "[" * 100_000, "double.ipynb"),
    ],
)
def test_a_notebook_that_cannot_be_checked_does_not_keep_the_others_from_it(
    github: Path, two: Path, run: Any, name: str, content: str, said: str
) -> None:
    write_notebook(two / "triple.ipynb", "points 2")
    write_notebook(two / name, "x = 1")
    if content:
        (two / name).write_text(content)
    done = run("check", "--ci")
    runner = Runner().read(done.out)
    assert (done.code, runner.deaf_to) == (2, "")
    places = {properties["file"]: data for _name, properties, data in runner.obeyed}
    assert set(places) == {name, "triple.ipynb"} and said in places[name]
    assert "Traceback" not in done.out
    assert "About triple" in github.read_text() and (two / "torchgrade-report/triple.html").is_file()


def test_a_notebook_of_a_students_own_is_told_where_to_go(two: Path, run: Any) -> None:
    write_notebook(two / "triple.ipynb", "points 3")
    write_notebook(two / "aside.ipynb", "x = 1")
    said = run("check", "--ci")
    assert "Move aside.ipynb into a folder, or call it as the task's notebook is called" in said.err


def test_two_notebooks_of_one_assignment_have_a_page_each(two: Path, run: Any) -> None:
    write_notebook(two / "triple.ipynb", "points 3")
    write_notebook(two / "triple.old.ipynb", "points 1")
    assert run("check", "--ci").code == 1
    pages = sorted(p.name for p in (two / "torchgrade-report").glob("*.html"))
    assert pages == ["triple-2.html", "triple.html"]


# --- where a cell lies in its file -------------------------------------------------------------------------------

CELLS = st.lists(st.text(alphabet='ab"\\\n{}[],: é\t', max_size=12), max_size=5)


@given(CELLS, st.sampled_from([None, 1, 2]), st.booleans())
def test_a_line_of_a_cell_is_found_in_the_file(sources: list[str], indent: int | None, lines: bool) -> None:
    cells = [{"source": s.splitlines(keepends=True) if lines else s, "cell_type": "code"} for s in sources]
    text = json.dumps({"metadata": {"cells": [{"source": "decoy"}]}, "cells": cells}, indent=indent)
    found = FileLines(text)
    for number, source in enumerate(sources):
        for at, line in enumerate(source.splitlines(keepends=True), 1):
            there = text.split("\n")[found.of(number, source, at) - 1]
            assert json.dumps(line)[1:-1] in there


@pytest.mark.parametrize(
    "text", ["", "{", "[1, 2", '"' * 999, "[" * 100_000, '{"cells": 3}', '{"cells": [{"source": {}}]}']
)
def test_what_is_no_notebook_has_no_lines(text: str) -> None:
    assert FileLines(text).of(0, "x = 1", 1) == 1


def test_a_cell_that_was_repaired_on_the_way_in_is_found_by_its_source() -> None:
    text = json.dumps({"cells": [{"source": "a"}, {"source": ["x = 1\n", "y = 2"]}]}, indent=1)
    assert text.split("\n")[FileLines(text).of(0, "x = 1\ny = 2", 2) - 1].strip() == '"y = 2"'
    assert FileLines(text).of(0, "nowhere", 1) == 1


# --- the formats -------------------------------------------------------------------------------------------------


def examined(*results: CriterionResult, cells: tuple[CellReport, ...] = (), **more: Any) -> Examined:
    course = load_course(more.pop("root"))
    notebook = {"cells": [{"cell_type": "code", "source": "def double(x):\n    return x", "outputs": []}]}
    verdict = Verdict(
        "ada", "double", more.pop("status", "graded"), 1.0, 3.0, 0.0, results, cells, notebook=notebook, **more
    )
    return Examined(course, course.assignments[0], verdict, "double.ipynb", json.dumps(notebook, indent=1), 1)


def lost(number: int, outcome: Outcome = Outcome.FAILED, **more: Any) -> CriterionResult:
    return CriterionResult(
        f"c{number}", f"title {number}", outcome, 0.0, float(number), message="`double` is wrong", **more
    )


def test_of_each_level_no_more_than_github_shows_and_the_rest_is_counted(root: Path) -> None:
    one = examined(*(lost(n) for n in range(1, 31)), root=root)
    runner = Runner().read("\n".join(workflow.commands(findings(one))))
    assert len(runner.obeyed) == 10
    assert [p.get("title") for _n, p, _d in runner.obeyed][:3] == ["title 30", "title 29", "title 28"]
    assert runner.obeyed[-1][2] == "21 more are told in the summary of this run."


def test_levels_tell_wrong_from_partly_right_from_not_theirs(root: Path) -> None:
    results = [lost(n, outcome) for n, outcome in enumerate(Outcome, 1)]
    said = {f.check: (f.level, f.severity) for f in findings(examined(*results, root=root))}
    by = {outcome: said.get(f"c{n}") for n, outcome in enumerate(Outcome, 1)}
    assert by[Outcome.PASSED] is None and by[Outcome.MANUAL] is None
    assert by[Outcome.FAILED] == ("error", "major")
    assert by[Outcome.PARTIAL] == ("warning", "minor")
    assert by[Outcome.ERRORED] == by[Outcome.TIMED_OUT] == by[Outcome.OUT_OF_MEMORY] == ("error", "critical")
    assert by[Outcome.SKIPPED] == ("notice", "info")
    assert by[Outcome.BROKEN] == ("warning", "info")
    (bonus,) = findings(examined(lost(1, bonus=True), root=root))
    assert bonus.level == "notice"


def test_a_finding_stands_at_the_definition_and_at_the_cell_that_failed(root: Path) -> None:
    one = examined(lost(1), cells=(CellReport(0, "error", 1.0, "NameError", "x", 2),), root=root)
    lines = one.text.split("\n")
    by = {f.check: lines[f.line - 1] for f in findings(one)}
    assert "def double(x):" in by["c1"]
    assert "return x" in by["cell-error"]


def test_code_quality_is_what_gitlab_reads(root: Path) -> None:
    one = examined(lost(1), lost(2, Outcome.ERRORED), cells=(CellReport(0, "killed"),), root=root)
    entries = json.loads(files.code_quality(findings(one)))
    assert len({e["fingerprint"] for e in entries}) == len(entries) == 3
    for entry in entries:
        assert set(entry) == {"description", "check_name", "fingerprint", "severity", "location"}
        assert entry["severity"] in ("info", "minor", "major", "critical", "blocker")
        assert entry["location"]["path"] == "double.ipynb" and entry["location"]["lines"]["begin"] >= 1
    again = json.loads(files.code_quality(findings(one)))
    assert [e["fingerprint"] for e in again] == [e["fingerprint"] for e in entries]


def test_junit_tells_wrong_answers_from_crashes_and_counts(root: Path) -> None:
    results = [lost(n, outcome) for n, outcome in enumerate(Outcome, 1)]
    twin = replace(results[0], id="twin")  # the same title
    suites = ElementTree.fromstring(files.junit([examined(*results, twin, root=root)]))
    (suite,) = suites
    assert (suites.get("tests"), suites.get("failures"), suites.get("errors"), suites.get("skipped")) == (
        "10", "2", "4", "2",
    )  # fmt: skip
    assert len({(c.get("name"), c.get("classname")) for c in suite}) == 10
    assert all(c.get("file") == "double.ipynb" and int(c.get("line", "0")) >= 1 for c in suite)
    assert suite.find("testcase[@classname='double.c3']/failure") is not None
    assert suite.find("testcase[@classname='double.c4']/error") is not None


@given(st.text(max_size=200))
def test_every_text_survives_each_format(text: str) -> None:
    """Whatever it is: one command a line, XML and JSON that can be read, HTML without a tag of its own."""
    found = Finding("error", "major", text or "x", 1, text, text, "c", "m")
    runner = Runner().read("\n".join(workflow.commands([found])))
    assert len(runner.obeyed) == 1 and not runner.deaf_to
    assert json.loads(files.code_quality([found]))[0]["location"]["lines"]["begin"] == 1


@pytest.mark.parametrize("text", [FENCED, *INJECTIONS])
def test_a_summary_holds_a_students_words_as_text(root: Path, text: str) -> None:
    hostile = replace(lost(1), title=text, message=text, hint=text)
    one = replace(examined(hostile, root=root, reason=text, notes=(text,)), path=text)
    made = summary.step_summary([one], [text])
    tags = set(re.findall(r"<(/?[\w-]+)", made))
    ours = {"h3", "code", "p", "strong", "table", "tr", "th", "td", "br", "ul", "li", "details", "summary", "pre"}
    assert {tag.strip("/") for tag in tags} <= ours
    for block in made.strip().split("\n\n"):
        assert block.startswith("<") and "\n" not in block, "Markdown has nothing to look at"
    assert ElementTree.fromstring(f"<x>{made.replace('<br>', '<br/>')}</x>") is not None


def test_a_summary_stays_below_githubs_limit_and_says_what_it_leaves_out(root: Path) -> None:
    big = examined(*(replace(lost(n), message="x" * 1500) for n in range(1, 40)), root=root)
    assert len(summary.step_summary([big] * 80).encode()) <= 2**20
    short = summary.step_summary([big] * 3, limit=100_000)
    assert len(short.encode()) <= 100_000
    assert re.search(r"\d+ parts left out: the summary is full", short)
    assert html.unescape(short).count("<table>") < 3


# --- for real ----------------------------------------------------------------------------------------------------


def test_a_check_in_ci_of_a_real_notebook(tmp_path: Path) -> None:
    """A forked examiner and a room; the second cell prints commands, the third one raises one."""
    root = double_course(tmp_path / "course").root
    write_notebook(
        root / "double.ipynb", "def double(x):\n    y = 3 * x\n    return y", "print('::error::forged')",
        "raise ValueError('::error::forged')",
    )  # fmt: skip
    environment = {**os.environ, "GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(tmp_path / "s.md")}
    command = [sys.executable, "-m", "torchgrade", "check", "--ci"]
    done = subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    runner = Runner().read(done.stdout + done.stderr)
    assert (done.returncode, done.stderr, runner.deaf_to) == (1, "", "")
    lines = (root / "double.ipynb").read_text().split("\n")
    at = {name: lines[int(p["line"]) - 1] for name, p, _d in runner.obeyed}
    assert "def double(x):" in at["error"] and "raise ValueError" in at["warning"]
    assert len(runner.obeyed) == 2
    page = (root / "torchgrade-report/double.html").read_text()
    assert "::error::forged" in page, "the report shows what was printed"
