"""What the benchmarks make of their measurements, and the simulation of the queue, on numbers known beforehand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks import cohort, heavy, light, measuring, phases, scale, spied  # noqa: E402
from benchmarks.peers import __main__ as peers  # noqa: E402
from benchmarks.peers import checks, environments, with_nbgrader, with_otter  # noqa: E402

# --- the queue -----------------------------------------------------------------------------------------------


def test_one_slot_takes_the_sum():
    assert scale.simulate([3, 1, 2], 1).makespan == pytest.approx(6)


def test_the_first_free_slot_takes_the_next_submission():
    # 4 | 1 2 → 3 | then 3 goes to the slot that is free at 3: 6
    outcome = scale.simulate([4, 1, 2, 3], 2)
    assert outcome.makespan == pytest.approx(6)
    assert outcome.used == pytest.approx(10 / 12)


def test_equal_submissions_fill_all_slots():
    assert scale.simulate([2.0] * 12, 4).used == pytest.approx(1)


def test_no_schedule_beats_work_over_slots_nor_the_longest():
    for seed in range(20):
        durations = scale.drawn([0.1, 1, 5, 30], 50, seed)
        for slots in (1, 3, 8, 100):
            span = scale.simulate(durations, slots).makespan
            assert span >= max(sum(durations) / slots, *durations) - 1e-9
            assert span <= sum(durations) / slots + max(durations) + 1e-9


def test_a_slow_harness_bounds_the_whole():
    assert scale.simulate([0.01] * 100, 50, record=1.0).makespan >= 100


def test_what_is_recorded_while_slots_work_costs_nothing():
    with_records = scale.simulate([10.0] * 8, 2, record=0.1).makespan
    assert with_records == pytest.approx(40, abs=0.5)


def test_a_small_window_leaves_slots_idle():
    assert scale.simulate([1.0] * 8, 4, window=1).makespan == pytest.approx(8)


def test_nothing_to_do_takes_no_time():
    assert scale.simulate([], 3) == scale.Outcome(0.0, 0.0)


def test_drawn_times_are_recorded_ones_and_repeatable():
    assert set(scale.drawn([1.0, 2.0], 100, 0)) == {1.0, 2.0}
    assert scale.drawn([1.0, 2.0], 100, 3) == scale.drawn([1.0, 2.0], 100, 3) != scale.drawn([1.0, 2.0], 100, 4)


def test_slots_are_those_of_the_pipeline():
    assert len(scale.layout(8, 16)) == 16
    assert {slot.gpu for slot in scale.layout(8, 16)} == {f"GPU-{n}" for n in range(8)}


def test_the_real_scheduler_does_all_and_keeps_the_slots_busy():
    assert scale.real_scheduler([0.02] * 20, 2, 4) >= 20 * 0.02 / 4


def test_the_recorded_times_that_ship_can_be_used():
    for path in scale.RECORDED.glob("*.json"):
        said = json.loads(path.read_text(encoding="utf-8"))
        assert said["about"] and len(said["seconds"]) >= 5 and min(said["seconds"]) > 0


@pytest.mark.parametrize("seconds, words", [(90, "90 s"), (600, "10 min"), (9000, "2.5 h")])
def test_times_are_told_in_a_persons_unit(seconds, words):
    assert scale.hours(seconds) == words


# --- the cohort ----------------------------------------------------------------------------------------------


def test_a_cohort_is_graded_once_and_known_the_second_time(tmp_path):
    folder, out = tmp_path / "cohort", tmp_path / "out"
    light.write_cohort(folder, 3)
    first = cohort.grade_here(folder, out)
    assert (first.verdicts, first.known) == (3, 0)
    assert len(list((out / "students").iterdir())) == 3
    again = cohort.grade_here(folder, out)
    assert (again.verdicts, again.known) == (3, 3)


def test_instant_verdicts_are_as_long_as_real_ones(tmp_path):
    folder, out = tmp_path / "cohort", tmp_path / "out"
    light.write_cohort(folder, 1)
    cohort.grade_here(folder, out)
    (result,) = json.loads((out / "results.json").read_text(encoding="utf-8"))["submissions"]
    assert {c["outcome"] for c in result["criteria"]} == {"passed", "failed"}
    page = next((out / "students").iterdir()).read_text(encoding="utf-8")
    assert "sums to 1.7" in page and "torch.Size([64, 10])" in page


def test_the_seam_is_put_back():
    from torchgrade.grading import warm

    kept = warm.start
    with pytest.raises(KeyError), cohort.instant_examiner():
        assert warm.start is cohort.InstantExaminer
        raise KeyError
    assert warm.start is kept


def test_the_start_is_taken_away_from_each():
    start, cost = cohort.Cost(2.0, 1.0, 50, 1, 0), cohort.Cost(3.0, 1.5, 60, 101, 0)
    each = cohort.Each.of(cost, start, 101)
    assert each.whole == pytest.approx(3000 / 101)
    assert each.wall == pytest.approx(10) and each.cpu == pytest.approx(5)


# --- processes -----------------------------------------------------------------------------------------------


def test_forks_are_told_apart_by_their_parents_command():
    assert measuring.kind_of("python\0-m\0torchgrade.sandbox.zygote\x005\0") == "rooms and their parent"
    assert measuring.kind_of("python\0-P\0-m\0torchgrade.grading.warmed\x005\0") == "examiners"
    assert measuring.kind_of("python\0-m\0torchgrade\0grade\0") == "harness and others"


def test_a_tree_holds_children_of_children_and_no_strangers():
    assert measuring.descendants(2, {2: 1, 3: 2, 4: 3, 5: 1, 6: 5}) == {2, 3, 4}


def test_parents_are_found_whatever_the_name(tmp_path):
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "stat").write_text("7 (a) b (c) S 3 7 7 0")
    (tmp_path / "self").mkdir()
    assert measuring.all_parents(tmp_path) == {7: 3}


def test_pss_is_read_from_the_line_of_that_name():
    assert (
        measuring.pss_kb("00400000-7fff ---p 00000000 00:00 0 [rollup]\nRss: 9 kB\nPss: 5 kB\nPss_Anon: 4 kB\n")
        == 5
    )


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="Linux tells this")
def test_memory_of_a_child_is_counted():
    child = subprocess.Popen(
        [sys.executable, "-c", "x = b'x' * 2**26; print(len(x), flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        child.stdout.readline()
        memory = measuring.Memory()
        memory.look(child.pid)
        assert memory.peak_mb > 64 and memory.processes == 1 and not memory.unread
        memory = measuring.Memory()
        memory.look(os.getpid())
        assert memory.processes >= 2
    finally:
        child.communicate(b"\n")


SMAPS = """\
7f00-7f10 r--s 00000000 fe:00 123                        /somewhere/train-images
Size:                100 kB
Rss:                  80 kB
Pss:                  40 kB
Private_Dirty:         0 kB
VmFlags: rd sh mr
7f10-7f20 rw-p 00000000 fe:00 999                        /somewhere/else: 123
Rss:                   7 kB
Pss:                   7 kB
Private_Dirty:         7 kB
7f20-7f30 rw-p 00000000 fe:00 124 /a file
Rss:                  10 kB
Pss:                   5 kB
Private_Dirty:         4 kB
7f30-7f40 rw-p 00000000 00:00 0
Rss:                   1 kB
"""


def test_mappings_are_told_by_inode():
    assert heavy.mapped(SMAPS, {123, 124}, room=True) == heavy.Mapped(1, 1, 90, 45, 4)
    assert heavy.mapped(SMAPS, {555}, room=True) == heavy.Mapped()


@pytest.mark.parametrize(
    "most, words",
    [
        (heavy.Mapped(4, 2, 400 << 10, 50 << 10, 0), "memory holds once"),
        (heavy.Mapped(4, 0, 100 << 10, 50 << 10, 0), "no room does"),
        (heavy.Mapped(4, 2, 400 << 10, 200 << 10, 9 << 10), "9 MB of copies"),
    ],
)
def test_how_data_are_held_is_told(most, words):
    assert words in heavy.told_data(most, 60 << 10, 2)


# --- phases --------------------------------------------------------------------------------------------------


@pytest.fixture
def profile():
    one = {
        "all": 1.0, "room opened": 0.1, "notebook": 0.4, "files": 0.05, "asking": 0.15, "training": 0.1,
        "examination": 0.32, "pytest": 0.3, "verdict": 0.01, "room closed": 0.04,
    }  # fmt: skip
    harness = {"examine": 2.2, "waiting for the warm examiner": 1, "records": 0.1, "pages": 0.1}
    harness["the cohort's report"] = 0.1
    return phases.Profile(4.0, 1.5, 2.2, 1, harness, {"a": one, "b": one}, {"a": 0.3, "b": 0.3}, {"a": 1, "b": 1})


def test_the_parts_of_a_notebook_exclude_each_other(profile):
    parts = phases.of_one(profile)
    assert sum(parts.values()) == pytest.approx(1.1)  # what the harness waited for each
    assert parts["graders outside"] == pytest.approx(0.1)
    assert parts["messages around the cells"] == pytest.approx(0.1)
    assert min(parts.values()) >= 0


def test_the_share_of_own_code_counts_cells_and_trainings(profile):
    share = heavy.Share.of(profile)
    assert (
        share.own == pytest.approx(0.8)
        and share.slots == pytest.approx(4)
        and share.examined == pytest.approx(2.2)
    )
    assert "20.0%" in heavy.told_share(share) and "NOT kept" in heavy.told_share(share)


def test_the_profile_is_told(profile):
    assert "slots busy 100%" in phases.told(profile)


def test_questions_that_train_are_told_apart():
    watch = spied.Stopwatch()
    ask = watch.over_questions(lambda *_: "answer")
    assert ask(None, "softmax", "call", {}, {}) == "answer"
    assert set(watch.seconds) == {"asking"}
    ask(None, "train", "call", {}, {})
    ask(None, "anything", "call", {}, {}, 5.0)
    assert set(watch.seconds) == {"asking", "training"}


def test_the_stopwatch_fits_the_engine():
    """Every name of the engine that it is put over is there."""
    code = "from benchmarks import spied; spied.fit(spied.Stopwatch()); print('fits')"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "fits", done.stderr


@pytest.mark.slow
def test_a_cohort_is_profiled_for_real(tmp_path):
    light.write_cohort(tmp_path, 2)
    found = phases.run_apart("softmax", tmp_path, 2)
    assert set(found.inside) == {"student000", "student001"}
    parts = phases.of_one(found)
    assert min(parts.values()) >= -0.001 and parts["opening the room"] > 0


# --- peers ---------------------------------------------------------------------------------------------------


def namespace(wrong: bool) -> dict:
    space: dict = {}
    for cell in light.cells_of(3, wrong=wrong):
        exec(cell, space)
    return space


def lost(wrong: bool) -> set[str]:
    space, out = namespace(wrong), set()
    for check in checks.CHECKS:
        found: dict = {}
        exec(check.function("check"), found)
        try:
            found["check"](space["softmax"], space["out"])
        except AssertionError:
            out.add(check.id)
    return out


def test_right_notebooks_lose_the_bonus_alone(capsys):
    assert lost(wrong=False) == {"softmax-stable"}
    assert lost(wrong=True) > {"softmax-values", "rows-sum-to-one"}


def test_a_stable_softmax_passes_every_check():
    for check in checks.CHECKS:
        found: dict = {}
        exec(check.function("check"), found)
        found["check"](lambda x: torch.softmax(x, 1), torch.randn(64, 10))


def test_peers_are_asked_the_same_criteria_for_the_same_points():
    from torchgrade.spec import load_assignment

    spec = load_assignment(ROOT, "softmax")
    assert {c.id: c.points for c in checks.CHECKS} == {c.id: c.points for c in spec.criteria}
    assert {c.id for c in checks.CHECKS if c.hidden} == {c.id for c in spec.criteria if c.visibility != "public"}
    assert sum(c.points for c in checks.CHECKS) == checks.FULL + checks.BONUS
    assert spec.max_points == checks.FULL


@pytest.mark.parametrize("kind", light.KINDS)
def test_nbgraders_source_has_each_check_once_and_hides_the_hidden(kind):
    source = with_nbgrader.source_cells(light.KINDS[kind])
    cells = [c for c in source if c.metadata["nbgrader"]["grade"]]
    assert [c.metadata["nbgrader"]["grade_id"] for c in cells] == [c.id for c in checks.CHECKS]
    for cell, check in zip(cells, checks.CHECKS, strict=True):
        assert cell.source.startswith("### BEGIN HIDDEN TESTS") == check.hidden
        compile(cell.source, "cell", "exec")


def test_otters_files_are_python():
    for check in checks.CHECKS:
        text = with_otter.test_file(check)
        compile(text, "file", "exec")
        assert f"hidden={check.hidden}" in text and f"points = {check.points}" in text


def test_points_are_checked():
    peers.check_points("x", {"student000": 10, "student001": 4, "student002": 10.5}, 3, 10, 0.5)
    for points in (
        {"student000": 10, "student001": 10},  # the wrong one got everything
        {"student000": 9, "student001": 4},  # a right one lost something
        {"student000": 10.5, "student001": 4},  # more than there is
        {"student001": 4},  # one was not graded
    ):
        with pytest.raises(AssertionError):
            peers.check_points("x", points, 2, 10)


def test_a_samples_time_is_put_down_to_the_whole():
    assert peers.whole(8.0, 4, 2.0, 11) == pytest.approx(2 + 10 * 2)  # starts in 0, 2 each
    assert peers.whole(7.0, 5, 3.0, 9) == pytest.approx(3 + 8)  # starts in 2, 1 each
    assert peers.whole(7.0, 48, 3.0, 48) == 7.0


def timed(name: str, count: int, *seconds: float) -> peers.Timed:
    return peers.Timed(name, "", count, count, list(seconds))


def test_ratios_are_taken_within_a_round():
    ours, theirs = timed("torchgrade", 10, 1, 2), timed("nbgrader", 5, 10, 20)
    assert peers.ratios(theirs, ours) == pytest.approx([20, 20])


def test_promises_kept_and_broken_are_told():
    ours, limit = timed("torchgrade", 10, 10), timed("the limit", 10, 2)
    said = peers.report(ours, limit, [timed("nbgrader", 10, 300), timed("otter-grader", 10, 300)])
    assert "30.0 times faster than nbgrader; promised 25: kept" in said
    assert "30.0 times faster than otter-grader; promised 35: NOT kept" in said
    assert "5.0 times the limit; promised at most 6: kept" in said


def test_memory_that_could_not_be_seen_keeps_no_promise():
    assert ": kept" in peers.report_memory(measuring.Memory(600, 9, 40), 2)
    assert "NOT kept" in peers.report_memory(measuring.Memory(800, 9, 40), 2)
    assert "NOT kept" in peers.report_memory(measuring.Memory(600, 9, 40, unread={7}), 2)


def test_torch_is_pinned_as_the_project_pins_it():
    assert environments.pins("a==1\ntorch==2.13.0\ntorchvision==0.28.0\n", ["torch"]) == ["torch==2.13.0"]
    with pytest.raises(ValueError, match="does not pin numpy"):
        environments.pins("torch==2.13.0\n", ["numpy"])
    assert environments.pins((ROOT / "constraints.txt").read_text(encoding="utf-8"))


def test_a_peers_environment_is_not_led_out_of_itself(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    monkeypatch.setenv("JUPYTER_PATH", "/somewhere")
    found = environments.environment(Path("/peer/bin"))
    assert found["PATH"].startswith("/peer/bin:") and not {"PYTHONPATH", "JUPYTER_PATH"} & set(found)


def test_a_peer_that_fails_ends_the_benchmark_with_what_it_said(tmp_path):
    code = "import sys; print('no such kernel'); sys.exit(3)"
    with pytest.raises(SystemExit, match="no such kernel"):
        environments.run([sys.executable, "-c", code], Path(sys.executable).parent, tmp_path)


def test_the_limit_executes_every_notebook(tmp_path):
    light.write_cohort(tmp_path, 2)
    assert peers.time_limit(tmp_path, 2) > 0
    light.write_notebook(tmp_path / "student009.ipynb", ["raise KeyError"])
    with pytest.raises(subprocess.CalledProcessError):
        peers.time_limit(tmp_path, 2)


def test_the_courses_own_notebook_runs_in_the_limit_with_what_it_imports(tmp_path):
    own = light.KINDS["own"]
    paths = light.write_cohort(tmp_path, 2, frozenset({1}), own)
    assert [light._OWN_DIVISOR.format(0) in path.read_text(encoding="utf-8") for path in paths] == [False, True]
    assert peers.time_limit(tmp_path, 2, own) > 0
    with pytest.raises(subprocess.CalledProcessError):
        peers.time_limit(tmp_path, 2)  # its helper lies beside the assignment


def test_tables_line_up():
    assert measuring.table(("a", "b"), [("long", "1"), ("x", "22")]) == textwrap.dedent("""\
        a      b
        long   1
        x     22""")


def test_every_benchmark_has_help():
    for name in ("light", "cohort", "phases", "heavy", "scale", "peers"):
        command = [sys.executable, "-m", f"benchmarks.{name}", "--help"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0 and "usage" in done.stdout, done.stderr
        assert f"benchmarks.{name}" in (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")


def test_every_promise_is_about_a_peer_that_is_measured():
    assert set(peers.PEERS) == {*environments.PEERS, "fresh kernels"}
