"""From what two runs said to what was promised: pure functions, so that they can be tested without a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from measuring.cohort import PLAIN, Case

Entry = Mapping[str, Any]  # one submission of results.json
STATUSES = ("graded", "unreadable", "limit", "broken")
GRACE_SECONDS = 10.0
NEIGHBOUR_SLACK = 0.25  # seconds: twice of a quarter of a second is noise


@dataclass(frozen=True)
class Promise:
    """One line of the table: kept where there is no breach."""

    name: str
    figure: str
    breaches: tuple[str, ...] = ()


@dataclass(frozen=True)
class RunFacts:
    """What one call of ``torchgrade grade`` left behind."""

    exit_code: int
    seconds: float
    entries: dict[str, Entry]
    host: tuple[str, ...] = ()  # changes, residue, markers
    connections: tuple[str, ...] = ()
    leaks: tuple[str, ...] = ()
    papers: tuple[str, ...] = ()
    largest_bytes: int = 0
    peak_mb: float = 0.0


def read_entries(results: Mapping[str, Any]) -> dict[str, Entry]:
    """The submissions of a results.json by student. Raises ValueError for another schema."""
    if results.get("schema") != "torchgrade/results/v1":
        raise ValueError(f"results.json has the schema {results.get('schema')!r}")
    return {entry["student"]: entry for entry in results["submissions"]}


def total(entry: Entry) -> float:
    """All that was earned, the bonus included."""
    return float(entry["points"]) + float(entry.get("bonus", 0.0))


def grade(entry: Entry) -> tuple[Any, ...]:
    """All of an entry that must be the same for the same work."""
    lines = tuple((c["id"], c["outcome"], c["points"]) for c in entry["criteria"])
    return entry["status"], entry["points"], entry.get("bonus", 0.0), lines


def judge(cases: list[Case], runs: list[RunFacts], wall_limit: float, max_mb: float = 512.0) -> list[Promise]:
    """Every promise, kept or not. ``wall_limit``: the seconds that one submission may take at most."""
    per_run = [
        ("no forged grade", "points above what was earned, or right work docked", _forged),
        ("no leak", "canaries, remembered or hidden inputs", lambda c, run: run.leaks),
        ("no crashed run", "submissions without a verdict and a reason", _speechless),
        ("host intact", "changes, markers, residue after 2 s", lambda c, run: run.host),
        ("nothing leaves", "connections taken by the sinks", lambda c, run: run.connections),
        ("bounded time", f"submissions past {wall_limit + GRACE_SECONDS:.0f} s", _late(wall_limit)),
        ("neighbours", "honest runs beside a bomb slower than twice the usual", _slowed),
        ("inert report", "scripts, handlers, outside links, formulas, size", lambda c, run: run.papers),
    ]
    promises = [_over_runs(name, what, cases, runs, find) for name, what, find in per_run]
    biggest = max((run.largest_bytes for run in runs), default=0) / 2**20
    peak = max((run.peak_mb for run in runs), default=0.0)
    over = (f"{peak:.0f} MB",) if peak >= max_mb else ()
    return [
        _unharmed(cases, runs),
        *promises,
        _repeatable(cases, runs),
        Promise("bounded memory", f"{peak:.0f} MB at most outside the rooms (limit {max_mb:.0f})", over),
        Promise("bounded report", f"{biggest:.2f} MB the largest file (limit 5)"),  # breaches: inert report
    ]


def _over_runs(
    name: str,
    what: str,
    cases: list[Case],
    runs: list[RunFacts],
    find: Callable[[list[Case], RunFacts], Iterable[str]],
) -> Promise:
    told = [f"run {n}: {breach}" for n, run in enumerate(runs, 1) for breach in find(cases, run)]
    return Promise(name, f"{len(told)} {what}", tuple(told))


def _entry_of(run: RunFacts, cases: list[Case], **wanted: str) -> Entry | None:
    """The entry of the first case with these fields."""
    named = (c for c in cases if all(getattr(c, name) == value for name, value in wanted.items()))
    return next((run.entries[c.student] for c in named if c.student in run.entries), None)


def _forged(cases: list[Case], run: RunFacts) -> list[str]:
    """Cases whose points break the rule of their score. Without the yardsticks nothing can be told."""
    full = _entry_of(run, cases, slug=PLAIN)
    rods = {name: _entry_of(run, cases, kind="yardstick", slug=name) for name in ("zeros", "uniform")}
    if full is None or rods["zeros"] is None or rods["uniform"] is None:
        return ["the plain control or a yardstick has no verdict"]
    if total(full) <= total(rods["zeros"]):
        return [f"right work earns {total(full):g}, no more than zeros: nothing was measured"]
    told = []
    for case in cases:
        entry = run.entries.get(case.student)
        rod = rods[case.like]
        if case.kind in ("attack", "malformed", "victim") and entry is not None and rod is not None:
            problem = points_problem(case.score, entry, full, rod)
            told += [f"{case.slug} ({case.student}): {problem}"] if problem else []
    return told


def points_problem(score: str, entry: Entry, full: Entry, rod: Entry) -> str:
    """What is wrong with the points of an attack of this ``score``, or nothing.

    ``full`` is the entry of right work, ``rod`` of honest work that returns what the attack returns.
    """
    most, earned = total(rod), total(entry)
    if "public tests may pass" in score:
        most += sum(c["max_points"] for c in full["criteria"] if c.get("visibility", "public") == "public")
    is_low, is_full = earned <= most + 1e-9, entry["points"] == full["points"]
    if score.startswith("full or"):
        return "" if is_low or is_full else f"{earned:g} points, neither all nor nothing"
    if score.startswith("0"):
        return "" if is_low else f"{earned:g} points where {most:g} were earned"
    if score.startswith(("full", "softmax full")):
        return "" if is_full else f"{entry['points']:g} points of {full['points']:g} that its code earns"
    return ""


def _unharmed(cases: list[Case], runs: list[RunFacts]) -> Promise:
    """Controls have one grade wherever they stand, and those of right work the grade of right work."""
    told: list[str] = []
    grades: dict[str, dict[tuple[Any, ...], str]] = {}
    count = 0
    for n, run in enumerate(runs, 1):
        full = _entry_of(run, cases, slug=PLAIN)
        for case in (c for c in cases if c.kind == "control"):
            count += 1
            entry, where = run.entries.get(case.student), f"run {n}, {case.place} ({case.student})"
            if entry is None or full is None:
                told.append(f"{case.slug}: {where}: no verdict")
                continue
            grades.setdefault(case.slug, {}).setdefault(grade(entry), where)
            if case.score.startswith("full") and entry["points"] != full["points"]:
                told.append(f"{case.slug}: {where}: {entry['points']:g} points of {full['points']:g}")
    for slug, seen in grades.items():
        if len(seen) > 1:
            told.append(f"{slug}: different grades at {'; '.join(seen.values())}")
    return Promise("honest work unharmed", f"{count} controls, {len(told)} changed", tuple(told))


def _repeatable(cases: list[Case], runs: list[RunFacts]) -> Promise:
    """The points of each attack are the same in both runs."""
    told = []
    for case in cases:
        seen = {(e["status"], total(e)) for run in runs if (e := run.entries.get(case.student)) is not None}
        if len(seen) > 1:
            told.append(f"{case.slug} ({case.student}): {sorted(seen)}")
    return Promise("same grade each time", f"{len(told)} submissions graded differently", tuple(told))


def _speechless(cases: list[Case], run: RunFacts) -> list[str]:
    told = [] if run.exit_code == 0 else [f"torchgrade ended with {run.exit_code}"]
    for case in cases:
        entry, who = run.entries.get(case.student), f"{case.slug} ({case.student})"
        if entry is None:
            told.append(f"{who}: no verdict")
        elif entry["status"] not in STATUSES or entry["status"] == "broken":
            told.append(f"{who}: status {entry['status']}: {entry.get('reason', '')}")
        elif not _has_reason(entry):
            told.append(f"{who}: status {entry['status']} and no reason")
    return told


def _has_reason(entry: Entry) -> bool:
    """Whether it is said why points are missing, where some are, or why there was nothing to grade."""
    if entry["status"] == "graded" and entry["points"] >= entry["max_points"]:
        return True
    return bool(entry.get("reason")) or any(c.get("message") for c in entry["criteria"])


def _late(wall_limit: float) -> Callable[[list[Case], RunFacts], list[str]]:
    def find(cases: list[Case], run: RunFacts) -> list[str]:
        took = {c: run.entries[c.student]["seconds"] for c in cases if c.student in run.entries}
        return [f"{c.slug} ({c.student}): {s:.0f} s" for c, s in took.items() if s > wall_limit + GRACE_SECONDS]

    return find


def _slowed(cases: list[Case], run: RunFacts) -> list[str]:
    """Honest runs beside a bomb against the median of those beside other attacks, or before and after."""
    beside: dict[bool, dict[Case, float]] = {True: {}, False: {}}
    last_category = ""
    for case in cases:
        if case.kind in ("attack", "malformed"):
            last_category = case.category
        elif case.slug == PLAIN and case.student in run.entries:
            is_tried = case.place == "beside" and last_category == "resource-exhaustion"
            beside[is_tried][case] = float(run.entries[case.student]["seconds"])
    if not beside[True] or not beside[False]:
        return []
    most = 2 * median(beside[False].values()) + NEIGHBOUR_SLACK
    return [f"{c.student}: {s:.2f} s, at most {most:.2f}" for c, s in beside[True].items() if s > most]


def table(promises: list[Promise]) -> str:
    """The promises as a Markdown table, every breach below it."""
    rows = [f"| {p.name} | {p.figure} | {'BREACH' if p.breaches else 'kept'} |" for p in promises]
    lines = ["| Promise | Measured | |", "|---|---|---|", *rows]
    for promise in promises:
        if promise.breaches:
            lines += ["", f"{promise.name}:", *(f"  - {breach}" for breach in promise.breaches)]
    return "\n".join(lines)
