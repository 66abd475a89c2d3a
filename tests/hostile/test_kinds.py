"""Our own kinds of attack, armed and disguised, against real grading: a quick part each time, the rest when asked.

The promises are judged by the same code as the corpus's (tests/hostile/measure.py), from one run each.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import measure  # noqa: E402
from measuring import host, percent  # noqa: E402
from measuring.cohort import PLAIN, make_cohort  # noqa: E402
from measuring.promises import RunFacts, judge  # noqa: E402

KINDS = sorted(measure.KINDS.glob("*.py"))
HEADERS = {path: percent.read(path)[0] for path in KINDS}
QUICK = [path for path in KINDS if HEADERS[path]["quick"] == "yes"]
SLOW = [path for path in KINDS if path not in QUICK]
#: Not judged here: one run cannot differ from itself, and this machine may be busy with other tests.
_NOT_HERE = {"same grade each time", "neighbours"}

pytestmark = pytest.mark.skipif(not Path("/proc/self/ns").is_dir(), reason="rooms are Linux's")


@pytest.mark.parametrize("path", KINDS, ids=lambda p: p.stem)
def test_a_kind_has_the_header_of_the_corpus_and_attacks_softmax(path: Path) -> None:
    header, cells = percent.read(path)
    assert header["attack"].replace("-", "_") == path.stem
    assert {"category", "expects", "score", "bounds", "quick"} <= header.keys()
    assert header["score"] in ("0", "full") and header["quick"] in ("yes", "no")
    assert "def softmax(" in "".join(cells)
    for cell in cells:
        compile(re.sub(r"(?m)^!.*$", "", cell), path.name, "exec")


def test_there_are_enough_kinds_and_no_two_are_the_same() -> None:
    texts = ["".join(percent.read(path)[1]) for path in KINDS]
    assert len(KINDS) >= 20 and len(set(texts)) == len(texts)
    assert len({HEADERS[path]["category"] for path in KINDS}) >= 5
    assert len(QUICK) >= 20


def test_percent_files_become_armed_and_disguised_notebooks(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("# attack: a-kind\n# score: 0\n\n# %%\nx = 'LOOT'\n\n# %%\nATTACK_ARMED\n")
    found = percent.convert(tmp_path, tmp_path / "out", "seed", armed=True)
    path, header = found["a-kind"]
    text = path.read_text()
    assert header["score"] == "0" and not any(mark in text for mark in percent.MARKS)
    assert text.count(percent.words("seed")["ATTACK_ARMED"]) == 2 and percent.words("seed")["LOOT"] in text


def grade(paths: list[Path], work: Path) -> tuple[list[measure.Case], RunFacts, dict[str, str]]:
    """Grade these kinds, with honest students about them, as measure.py does."""
    kinds = work / "kinds"
    (kinds / "controls").mkdir(parents=True)
    for path in paths:
        (kinds / path.name).write_bytes(path.read_bytes())
    for path in (measure.KINDS / "controls").glob("*.py"):
        (kinds / "controls" / path.name).write_bytes(path.read_bytes())
    options = argparse.Namespace(
        attacks=[kinds], out=work / "out", only=None, jobs=2, assignment="softmax", course=measure.REPOSITORY,
        timeout=1500.0, torchgrade=str(Path(sys.executable).with_name("torchgrade")),
    )  # fmt: skip
    options.out.mkdir()
    (work / "stage").mkdir()
    stage = measure._set_stage(work / "stage", options, "test")
    measure.shutil.rmtree(stage.work / "submissions")
    canary = stage.canaries["another student"]
    corpus = measure.make_corpus(options.attacks, work / "again", "test")
    stage = measure.dataclasses.replace(
        stage, cases=make_cohort(corpus, stage.work / "submissions", canary, beside=6)
    )
    facts = measure._grade(stage, options, 1)
    return stage.cases, facts, stage.marks


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[measure.Case], RunFacts]:
    cases, facts, _ = grade(QUICK, tmp_path_factory.mktemp("kinds"))
    return cases, facts


def promises(cases: list[measure.Case], facts: RunFacts) -> dict[str, tuple[str, ...]]:
    """Breaches by promise."""
    return {p.name: p.breaches for p in judge(cases, [facts], 370.0) if p.name not in _NOT_HERE}


def test_no_quick_kind_breaks_a_promise(quick) -> None:
    cases, facts = quick
    assert not {name: told for name, told in promises(cases, facts).items() if told}
    assert len(facts.entries) == len(cases)


def test_quick_kinds_earn_what_honest_code_would(quick) -> None:
    cases, facts = quick
    full = next(facts.entries[c.student]["points"] for c in cases if c.slug == PLAIN)
    assert full > 0
    for case in cases:
        if case.score == "full":
            assert facts.entries[case.student]["points"] == full, case


@pytest.mark.slow
def test_no_slow_kind_breaks_a_promise(tmp_path: Path) -> None:
    cases, facts, _ = grade(SLOW, tmp_path)
    assert not {name: told for name, told in promises(cases, facts).items() if told}


def test_the_sinks_take_datagrams_and_names_too(tmp_path: Path) -> None:
    """Otherwise a promise that nothing arrives says nothing."""
    import socket

    sinks = host.Sinks(tmp_path / "s.sock")
    try:
        kinds = [(w.split()[0], w.split(maxsplit=1)[1]) for w in sinks.watched]
        assert sum(kind == "SOCK_DGRAM" for kind, _ in kinds) >= 3
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            ports = [eval(a) for k, a in kinds if k == "SOCK_DGRAM" and a.startswith("('127.0.0.1'")]
            s.sendto(b"x", ports[-1])
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.sendto(b"x", str(tmp_path / "s.dgram"))
            s.sendto(b"x", "\0s.dgram")
        with socket.socket(socket.AF_UNIX) as s:
            s.connect("\0s.sock")
        until = time.monotonic() + 5
        while len(sinks.taken) < 4 and time.monotonic() < until:
            time.sleep(0.01)
    finally:
        sinks.close()
    assert len(sinks.taken) == 4 and list(tmp_path.iterdir()) == []
