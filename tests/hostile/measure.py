"""Measure the promises against hostile notebooks, with honest students before, beside and after each.

    python tests/hostile/measure.py --attacks DIR… --out DIR [--only SLUG] [--jobs 2] [--report]

DIR holds a corpus: to_ipynb.py, make_malformed.py, controls/ and folders of attacks; or percent files and
controls/ alone, as tests/hostile/kinds does, which is what is tried without --attacks. They are armed and run by
``torchgrade grade`` alone, which seals them into rooms; this script never executes one. The cohort is graded
twice, each time into a fresh folder and gradebook, in a copy of the course with strings planted where thieves
look. Prints a table, with --report also into OUT/report.md and OUT/report.json. Exit code 1 on any breach.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).parent))

from measuring import host, papers
from measuring.cohort import Case, make_cohort, make_corpus
from measuring.promises import Promise, RunFacts, judge, read_entries, table

REPOSITORY = Path(__file__).resolve().parents[2]
KINDS = Path(__file__).with_name("kinds")
MAX_FILE_BYTES = 5 * 2**20
SECONDS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0}
DEFAULT_TIMES = {"notebook_time": "300 s", "probe_time": "20 s"}


@dataclasses.dataclass(frozen=True)
class Stage:
    """Where everything of one measurement lies, and what was planted there."""

    work: Path
    cases: list[Case]
    canaries: dict[str, str]
    marks: dict[str, str]

    @property
    def trees(self) -> tuple[Path, ...]:
        """What no submission may change."""
        engine = REPOSITORY / "src" / "torchgrade"
        return (self.work / "course", self.work / "submissions", self.work / "home", engine)

    @property
    def marker_words(self) -> set[str]:
        """Names of files that attacks leave where they got out, disguised and (of uploads) as they are."""
        names = ("ATTACK_PWNED", "ATTACK_STATE")
        return {*names, *(self.marks.get(name, name) for name in names)}


def main() -> int:
    """Measure; 0 where every promise is kept, 1 where one is broken."""
    options = _options()
    seed = options.seed or secrets.token_hex(4)
    options.out.mkdir(parents=True, exist_ok=True)
    if any(options.out.iterdir()):
        sys.exit(f"{options.out} is not empty")
    host.adopt_orphans()
    with tempfile.TemporaryDirectory(prefix="measure-") as scratch:
        stage = _set_stage(Path(scratch), options, seed)
        limit = wall_limit(stage.work / "course", options.assignment)
        print(f"{len(stage.cases)} submissions, disguise {seed}, wall limit {limit:.0f} s", flush=True)
        runs = [_grade(stage, options, number) for number in (1, 2)]
    promises = judge(stage.cases, runs, limit)
    print(table(promises))
    if options.report:
        _write_report(options.out, seed, stage.cases, runs, promises)
    return 1 if any(promise.breaches for promise in promises) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--attacks", type=Path, nargs="+", default=[KINDS], help="folders of attacks")
    parser.add_argument("--out", type=Path, required=True, help="empty or absent folder for what the runs write")
    parser.add_argument("--only", metavar="SLUG", help="one attack or malformed upload, with few controls")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--report", action="store_true", help="write OUT/report.md and OUT/report.json")
    parser.add_argument("--assignment", default="softmax")
    parser.add_argument("--course", type=Path, default=REPOSITORY, help="folder of course.yaml")
    parser.add_argument("--seed", help="of the disguise, to repeat a measurement")
    parser.add_argument("--timeout", type=float, default=3600.0, help="seconds for one run of the cohort")
    tool = Path(sys.executable).with_name("torchgrade")
    parser.add_argument("--torchgrade", default=str(tool), help="the command that grades")
    return parser.parse_args()


def _set_stage(work: Path, options: argparse.Namespace, seed: str) -> Stage:
    canaries = host.plant_course(options.course, work / "course", options.assignment)
    canaries["home folder"] = host.plant_home(work / "home")
    canaries["environment"] = host.canary("environment")
    canaries["another student"] = host.canary("student")
    corpus = make_corpus(options.attacks, work / "corpus", seed)
    cases = make_cohort(corpus, work / "submissions", canaries["another student"], options.only)
    if options.only and not any(case.slug == options.only for case in cases if case.kind != "control"):
        sys.exit(f"no attack or malformed upload is called {options.only}")
    shutil.rmtree(work / "corpus")  # the names of the attacks must not lie about
    return Stage(work, cases, canaries, corpus.marks)


def wall_limit(course: Path, assignment: str) -> float:
    """Seconds that one submission may take: its notebook, and one probe for each criterion."""
    whole = yaml.safe_load((course / "course.yaml").read_text(encoding="utf-8")) or {}
    path = course / "assignments" / assignment / "assignment.yaml"
    part = yaml.safe_load(path.read_text(encoding="utf-8"))
    times = DEFAULT_TIMES | (whole.get("limits") or {}) | (part.get("limits") or {})
    return seconds(times["notebook_time"]) + len(part["rubric"]) * seconds(times["probe_time"])


def seconds(text: object) -> float:
    """``5 min`` in seconds; a bare number is seconds. Raises ValueError."""
    found = re.fullmatch(r"\s*([\d.]+)\s*(ms|s|min|h|)\s*", str(text))
    if found is None:
        raise ValueError(f"no time: {text!r}")
    return float(found[1]) * SECONDS[found[2] or "s"]


def _grade(stage: Stage, options: argparse.Namespace, number: int) -> RunFacts:
    """Grade the cohort once, and look at all that the run did to the host and wrote."""
    out, temporary = options.out / f"run-{number}", stage.work / f"tmp-{number}"
    temporary.mkdir()
    before, marked = host.snapshot(*stage.trees), host.markers(stage.marker_words, stage.work)
    children = set(host.descendants(os.getpid()))  # a test session may have started a server, say
    sinks = host.Sinks(Path(tempfile.gettempdir()) / f"measure-{secrets.token_hex(4)}.sock")
    began = time.monotonic()
    try:
        exit_code, watch = _call(stage, options, out.resolve(), temporary)
    finally:
        took = time.monotonic() - began
        sinks.close()
    changes = [*_leftovers(children), *host.settled(before, *stage.trees)]
    changes += [f"marker {path}" for path in host.markers(stage.marker_words, stage.work) - marked]
    changes += [f"left in the temporary folder: {path.name}" for path in temporary.iterdir()]
    print(f"run {number}: {took:.0f} s, exit code {exit_code}", flush=True)
    return _facts(stage, out, exit_code, took, watch, changes, sinks.taken)


def _call(stage: Stage, options: argparse.Namespace, out: Path, temporary: Path) -> tuple[int, host.Watch]:
    """Run ``torchgrade grade`` with secrets about it; its exit code and the memory that it took."""
    command = [options.torchgrade, "grade", options.assignment, str(stage.work / "submissions")]
    command += ["--out", str(out), "--jobs", str(options.jobs), "--gradebook", f"sqlite:///{out}.db"]
    secret = stage.canaries["environment"]
    places = {"HOME": str(stage.work / "home"), "TMPDIR": str(temporary), "PYTHONDONTWRITEBYTECODE": "1"}
    environment = os.environ | places | {"GRADER_SECRET_TOKEN": secret, "CANARY": secret}
    watch = host.Watch()
    with (out.parent / f"{out.name}.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=stage.work / "course", env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        watch.start(process.pid)
        try:
            return process.wait(options.timeout), watch
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait(), watch
        finally:
            watch.stop()


def _leftovers(children: set[int]) -> list[str]:
    """Processes that outlive a run by two seconds; they are ended here, being our own descendants.

    ``children`` were there before the run, and what they start is theirs.
    """
    until = time.monotonic() + host.SETTLE_SECONDS
    while (found := _new_descendants(children)) and time.monotonic() < until:
        time.sleep(0.1)
    for pid in found:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    return [f"process left: {name} ({pid})" for pid, name in sorted(found.items())]


def _new_descendants(children: set[int]) -> dict[int, str]:
    theirs = children.union(*(host.descendants(pid) for pid in children))
    return {pid: name for pid, name in host.descendants(os.getpid()).items() if pid not in theirs}


def _facts(
    stage: Stage,
    out: Path,
    exit_code: int,
    took: float,
    watch: host.Watch,
    changes: list[str],
    taken: list[str],
) -> RunFacts:
    files = sorted(path for path in out.rglob("*") if path.is_file())
    told = {str(path.relative_to(out)): path for path in files}
    victim = next(case.student for case in stage.cases if case.kind == "victim")
    leaks = [f"{name}: {leak}" for name, path in told.items() for leak in _leaks(path, stage, victim)]
    return RunFacts(
        exit_code=exit_code,
        seconds=took,
        entries=_entries(out),
        host=tuple(changes),
        connections=tuple(taken),
        leaks=tuple(leaks),
        papers=tuple(f"{n}: {f}" for n, path in told.items() for f in papers.faults(path, MAX_FILE_BYTES)),
        largest_bytes=max((path.stat().st_size for path in files), default=0),
        peak_mb=watch.peak_mb,
    )


def _leaks(path: Path, stage: Stage, victim: str) -> list[str]:
    """Planted strings in a file; the other student's own report may of course show that student's notebook."""
    own = path.stem == victim or victim in path.parts
    canaries = {w: c for w, c in stage.canaries.items() if not (own and w == "another student")}
    return papers.leaks(path.read_bytes(), canaries, stage.marks)


def _entries(out: Path) -> dict[str, Any]:
    try:
        return dict(read_entries(papers.strict_json((out / "results.json").read_text(encoding="utf-8"))))
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"{out / 'results.json'}: {error}", file=sys.stderr)
        return {}


def _write_report(out: Path, seed: str, cases: list[Case], runs: list[RunFacts], promises: list[Promise]) -> None:
    """The table for people, and the same with every case for programs."""
    (out / "report.md").write_text(table(promises) + "\n", encoding="utf-8")
    rows = [
        {**dataclasses.asdict(case), "runs": [_row(run.entries.get(case.student)) for run in runs]}
        for case in cases
    ]
    report = {"seed": seed, "seconds": [round(run.seconds, 1) for run in runs]}
    report |= {"promises": [dataclasses.asdict(promise) for promise in promises], "cases": rows}
    (out / "report.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def _row(entry: Any) -> dict[str, Any]:
    kept = ("status", "points", "bonus", "seconds", "reason")
    return {} if entry is None else {name: entry[name] for name in kept if name in entry}


if __name__ == "__main__":
    sys.exit(main())
