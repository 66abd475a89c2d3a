"""measure.py measures: a good grader keeps every promise, and each fault of a bad one is seen.

No attack is armed here. A pretended grader, which executes nothing, stands in for torchgrade.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import measure
import pytest
from measuring import host, papers
from measuring.cohort import Case
from measuring.promises import RunFacts, judge, points_problem

# A corpus of one attack, one malformed upload and one control, by tools of the same command lines.
TO_IPYNB = """
import json, pathlib, sys
out, *rest = sys.argv[1:]
out = pathlib.Path(out); out.mkdir(parents=True)
sources = [pathlib.Path(r) for r in rest if pathlib.Path(r).is_dir()]
cases = []
for path in sorted(p for s in sources for p in s.glob("*.py")):
    score = "full" if path.parent.name == "controls" else "0"
    cases.append({"slug": path.stem, "score": score, "category": "result-forging"})
    (out / (path.stem + ".ipynb")).write_text(json.dumps({"cells": [{"source": path.read_text()}]}))
(out / "cases.json").write_text(json.dumps(cases))
(out / "marks.json").write_text(json.dumps({"ATTACK_PWNED": "zorokake"}))
"""
MAKE_MALFORMED = """
import json, os, pathlib, sys
out = pathlib.Path(sys.argv[1]); (out / "fifo").mkdir(parents=True)
os.mkfifo(out / "fifo" / "submission.ipynb")
(out / "cases.json").write_text(json.dumps([{"slug": "fifo", "score": "0", "expects": "0 points"}]))
"""
RIGHT = "def softmax(x):\n    e = x.exp()\n    return e / e.sum(1, True)\n"

# Full marks for a right formula, one point for zeros; with MISCHIEF it does all that is forbidden in run 1.
PRETENDED_GRADER = """#!{python}
import glob, json, os, pathlib, socket, subprocess, sys
assignment, folder, out = sys.argv[2], pathlib.Path(sys.argv[3]), pathlib.Path(sys.argv[5])
bad = "MISCHIEF" in os.environ and out.name == "run-1"
assert sys.argv[1] == "grade" and pathlib.Path("course.yaml").exists()
(out / "students").mkdir(parents=True)
entries = []
for number, path in enumerate(sorted(folder.iterdir())):
    text = path.read_text() if path.is_file() else ""
    points = 10.0 if "e / e.sum" in text or (bad and "cheat" in text) else 1.0 if text else 0.0
    if bad and number == 2:
        points = 9.0
    status = "graded" if text else "unreadable"
    message = "" if points == 10 or (bad and not text) else "wrong"
    line = dict(id="a", outcome="passed", points=points, max_points=10.0, visibility="hidden", message=message)
    entries.append(dict(student=path.stem, status=status, points=points, max_points=10.0, bonus=0.0,
                        seconds=1000.0 if bad and not text else 0.1, criteria=[line]))
results = dict(schema="torchgrade/results/v1", assignment=assignment, max_points=10.0, submissions=entries)
(out / "results.json").write_text(json.dumps(results))
policy = "<meta http-equiv='Content-Security-Policy' content=\\"default-src 'none'\\">"
page = policy + (os.environ["CANARY"] + "<img src=x onerror=y>" if bad else "")
(out / "index.html").write_text(page)
if bad:
    subprocess.Popen(["sleep", "60"], start_new_session=True)
    pathlib.Path("graders/planted.py").write_text("")
    pathlib.Path("../zorokake_marker").write_text("")
    pathlib.Path(os.environ["TMPDIR"], "rest").write_text("")
    with socket.socket(socket.AF_UNIX) as sink:
        sink.connect(glob.glob(os.environ["SINKS"] + "/measure-*.sock")[0])
sys.exit(2 if bad else 0)
"""


@pytest.fixture
def stage(tmp_path: Path) -> list[str]:
    """A corpus, a course and a pretended grader; the arguments that name them."""
    files = {
        "attacks/to_ipynb.py": TO_IPYNB,
        "attacks/make_malformed.py": MAKE_MALFORMED,
        "attacks/known/cheater.py": "def softmax(x):\n    return 'cheat'\n",
        "attacks/controls/plain-correct.py": RIGHT,
        "course/course.yaml": "limits: {notebook_time: 1 min}\n",
        "course/assignments/softmax/assignment.yaml": "limits: {probe_time: 500 ms}\nrubric: [{id: a}, {id: b}]\n",
        "course/graders/softmax/test_hidden.py": "def test_a(): ...\n",
        "course/solutions/softmax/solution.ipynb": '{"cells": []}',
        "grader": PRETENDED_GRADER.replace("{python}", sys.executable),
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "grader").chmod(0o755)
    places = {"--attacks": "attacks", "--course": "course", "--torchgrade": "grader", "--out": "out"}
    return [word for option, name in places.items() for word in (option, str(tmp_path / name))]


def run_measure(arguments: list[str], **environment: str) -> tuple[int, str]:
    command = [sys.executable, measure.__file__, *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=os.environ | environment)
    return done.returncode, done.stdout + done.stderr


def verdicts(text: str) -> dict[str, str]:
    """Promise: kept or BREACH, as the printed table says."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if "|" in line]
    return {row[0]: row[2] for row in rows[2:]}


def test_a_good_grader_keeps_every_promise(stage: list[str], tmp_path: Path) -> None:
    code, text = run_measure([*stage, "--report"])
    assert set(verdicts(text).values()) == {"kept"}, text
    assert code == 0 and "9 submissions" in text and "wall limit 61 s" in text
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    earned = {case["slug"]: case["runs"][0]["points"] for case in report["cases"]}
    assert earned == {
        "zeros": 1,
        "uniform": 1,
        "plain-correct": 10,
        "cheater": 1,
        "another-student": 10,
        "fifo": 0,
    }


def test_every_fault_of_a_bad_grader_is_seen(stage: list[str], tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    code, text = run_measure(stage, MISCHIEF="1", TMPDIR=str(tmp_path / "tmp"), SINKS=str(tmp_path / "tmp"))
    said = verdicts(text)
    assert code == 1
    assert [name for name, word in said.items() if word == "kept"] == [
        "neighbours",
        "bounded memory",
        "bounded report",
    ], text
    for told in (
        "cheater (s0003): 10 points where 1 were earned",
        "plain-correct: different grades at",
        "index.html: environment",
        "index.html: handler onerror in <img>",
        "status unreadable and no reason",
        "torchgrade ended with 2",
        "process left: sleep",
        "graders/planted.py",
        "zorokake_marker",
        "left in the temporary folder: rest",
        "fifo (s0006): 1000 s",
    ):
        assert told in text


def test_only_one_attack(stage: list[str]) -> None:
    code, text = run_measure([*stage, "--only", "fifo"])
    assert code == 0 and "7 submissions" in text
    assert (
        "no attack or malformed upload is called nothing"
        in run_measure([*stage[:-1], f"{stage[-1]}2", "--only", "nothing"])[1]
    )


def entry(points: float, seconds: float = 0.1, **changes: Any) -> dict[str, Any]:
    line = {
        "id": "a",
        "outcome": "passed",
        "points": points,
        "max_points": 4.0,
        "visibility": "public",
        "message": "m",
    }
    fields = {"status": "graded", "points": points, "max_points": 10.0, "bonus": 0.0, "seconds": seconds}
    return {**fields, "criteria": [line], **changes}


@pytest.mark.parametrize(
    ("score", "points", "bonus", "is_fair"),
    [
        ("0", 1.0, 0.0, True),
        ("0", 1.5, 0.0, False),
        ("0", 1.0, 0.5, False),
        ("0 (public tests may pass)", 5.0, 0.0, True),
        ("0 (public tests may pass)", 5.5, 0.0, False),
        ("full", 10.0, 0.0, True),
        ("full", 9.5, 0.0, False),
        ("softmax full, model 0", 9.5, 0.0, False),
        ("full or 0", 10.0, 0.0, True),
        ("full or 0", 0.0, 0.0, True),
        ("full or 0", 5.0, 0.0, False),
        ("any", 5.0, 0.0, True),
        ("limited", 5.0, 0.0, True),
    ],
)
def test_points_are_held_against_their_score(score: str, points: float, bonus: float, is_fair: bool) -> None:
    problem = points_problem(score, entry(points, bonus=bonus), full=entry(10.0), rod=entry(1.0))
    assert (problem == "") is is_fair


def cohort(bomb_seconds: float = 0.1, **facts: Any) -> list[str]:
    """Names of the broken promises of a small cohort, graded twice alike."""
    cases = [
        Case("s0", "zeros", "yardstick", "any"),
        Case("s1", "uniform", "yardstick", "any"),
        Case("s2", "plain-correct", "control", "full", place="before"),
        Case("s3", "bomb", "attack", "0", "resource-exhaustion"),
        Case("s4", "plain-correct", "control", "full", place="beside"),
    ]
    graded = {"s0": entry(1.0), "s1": entry(2.0), "s2": entry(10.0), "s3": entry(1.0)}
    run = RunFacts(0, 1.0, {**graded, "s4": entry(10.0, bomb_seconds)} | facts.pop("entries", {}), **facts)
    return [promise.name for promise in judge(cases, [run, run], wall_limit=60.0) if promise.breaches]


def test_a_quiet_cohort_breaks_nothing() -> None:
    assert cohort() == []


def test_each_fact_breaks_its_promise() -> None:
    assert cohort(bomb_seconds=1.0) == ["neighbours"]
    assert cohort(peak_mb=600.0) == ["bounded memory"]
    assert cohort(entries={"s3": entry(1.0, 71.0)}) == ["bounded time"]
    assert cohort(entries={"s3": entry(1.0, status="broken", reason="ours")}) == ["no crashed run"]
    assert cohort(connections=("127.0.0.1",)) == ["nothing leaves"]


def test_a_grader_that_gives_nothing_to_anybody_is_no_success() -> None:
    nothing = {student: entry(0.0) for student in ("s0", "s1", "s2", "s3", "s4")}
    assert cohort(entries=nothing) == ["no forged grade"]


PAGE = "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; script-src 'sha256-{}'\">{}"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("<script>own()</script><a href='#top'>x</a><a href='students/a.html'>y</a>", None),
        ("<img src='data:image/png;base64,AAAA'>&lt;script&gt;", None),
        ("<script>theirs()</script>", "a script that the policy does not name"),
        ("<svg onload=x>", "handler onload in <svg>"),
        ("<a href='java&#x0A;script:x'>y</a>", "href="),
        ("<img src='//elsewhere.invalid/p.png'>", "src="),
        ("<form action='/grade'>", "<form>"),
        ("<iframe srcdoc=x>", "<iframe>"),
    ],
)
def test_pages_are_read_as_a_browser_does(body: str, told: str | None) -> None:
    own = base64.b64encode(hashlib.sha256(b"own()").digest()).decode()
    faults = papers.html_faults(PAGE.format(own, body))
    assert faults == [] if told is None else any(told in fault for fault in faults)


def test_a_page_without_a_policy_is_a_fault() -> None:
    assert papers.html_faults("<p>hello") == ["no policy with default-src 'none'"]


def test_other_papers_are_read_strictly(tmp_path: Path) -> None:
    for name, text, count in (
        ("a.json", '{"points": NaN}', 1),
        ("b.json", '{"points": 1.5}', 0),
        ("a.xml", "<a><b></a>", 1),
        ("b.xml", "<a>&lt;</a>", 0),
        ("a.csv", 'student,points\n=1+1,-2.5\n\'@x,"\tx"\n', 2),
        ("a.txt", "=1+1" * 100, 1),
    ):
        (tmp_path / name).write_text(text)
        assert len(papers.faults(tmp_path / name, max_bytes=300)) == count, name


def test_a_canary_is_known_in_disguise() -> None:
    planted = host.canary("home")
    for offset in range(3):
        stolen = base64.b64encode(b"#" * offset + planted.encode() + b"tail")
        assert papers.leaks(stolen, {"home": planted}, {}) == ["home"]
    assert papers.leaks(planted[::-1].encode(), {"home": planted}, {}) == ["home"]
    assert papers.leaks(b"CANARY-home-", {"home": planted}, {}) == []


def test_marks_count_where_they_were_printed_not_in_the_source() -> None:
    marks = {"REMEMBERED": "tovaluki", "HIDDEN-INPUT": "bazomiro"}
    assert papers.leaks(b'print("tovaluki", x); "bazomiro %s %s"', {}, marks) == []
    assert papers.leaks(b"tovaluki /tmp/x [1.0]", {}, marks) == ["printed REMEMBERED"]
    assert papers.leaks(b"bazomiro (3, 5) [0.1]", {}, marks) == ["printed HIDDEN-INPUT"]


def test_times_are_read_as_the_course_writes_them() -> None:
    assert [measure.seconds(text) for text in ("60 s", "5 min", "500 ms", 2)] == [60, 300, 0.5, 2]
    with pytest.raises(ValueError, match="no time"):
        measure.seconds("soon")
