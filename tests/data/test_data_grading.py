"""Data sets on their way through the engine: the room, `dataset()`, notes, digests and keys of verdicts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from small_course import add_assignment, examine, of, write_course, write_notebook

from torchgrade import data
from torchgrade.data import splitting
from torchgrade.data.splitting import Sizes
from torchgrade.grading import warm
from torchgrade.model import Course, Outcome, Status, Tier, Verdict
from torchgrade.pipeline import GradeOptions, check, cohort, datasets, grade
from torchgrade.pipeline.machine import Place
from torchgrade.pipeline.plan import Plan
from torchgrade.spec import load_course

RUBRIC = """\
- {id: counted, title: count says how many there are to train, points: 1}
- {id: greedy, title: a public criterion that wants too much, points: 1}
- {id: held-out, title: brightest works on kept images, points: 1, visibility: hidden}
"""
PUBLIC = """
@pytest.mark.criterion("counted")
def test_counted(submission, dataset):
    \"\"\"count is the number of training images\"\"\"
    assert submission.value("count") == len(dataset("mnist").train.labels)
    assert submission.value("first") == dataset("mnist").train.labels[0]

@pytest.mark.criterion("greedy")
def test_greedy(submission, dataset):
    \"\"\"a public grader cannot have the kept images\"\"\"
    submission.call("brightest", dataset("mnist").kept.images)
"""
HIDDEN = """
@pytest.mark.criterion("held-out")
def test_held_out(submission, reference, dataset):
    \"\"\"brightest(images) is the brightest pixel of each\"\"\"
    images, labels = dataset("mnist").kept
    assert len(labels) == 10 and images.dtype == torch.uint8
    assert_tensor_close(submission.call("brightest", images), reference.call("brightest", images))
"""
SOLUTION = """
from torchvision import datasets
train = datasets.MNIST("~/anywhere", download=True)
count, first = len(train), int(train.targets[0])
def brightest(images):
    ### BEGIN SOLUTION
    return images.amax((1, 2))
    ### END SOLUTION
"""


@pytest.fixture
def course_with_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Course:
    """One assignment with `data: [mnist]` and a stand-in that is drawn in no time."""
    monkeypatch.setattr(splitting, "MNIST_STANDIN", Sizes(50, 20, 10))
    root = add_assignment(
        write_course(tmp_path / "place" / "course"), "bright", rubric=RUBRIC, public=PUBLIC, hidden=HIDDEN,
        solution=(SOLUTION,), defines="brightest, count", more="data: [mnist]\n",
    )  # fmt: skip
    return load_course(root)


class Quiet:
    """A Progress that keeps what was prepared."""

    def __init__(self) -> None:
        self.prepared: list[str] = []

    def planned(self, total: int, known: int) -> None: ...
    def preparing(self, what: str) -> None:
        self.prepared.append(what)

    def started(self, student: str) -> None: ...
    def finished(self, verdict: Verdict) -> None: ...


def test_room_and_graders_have_the_same_split_and_public_ones_no_kept(
    course_with_data: Course, zygote: object
) -> None:
    course, assignment = course_with_data, course_with_data.assignments[0]
    prepared = datasets.prepare_for(course, assignment, b"s")
    assert prepared is not None
    examiner = warm.start(warm.Setup(str(course.root), "bright", data=str(prepared.folder)))
    try:
        examiner.wait_ready()
        verdict = examine(examiner, "bright", SOLUTION)
        wrong = examine(examiner, "bright", SOLUTION.replace("amax", "amin"))
    finally:
        examiner.close()
    assert of(verdict, "counted").outcome == of(verdict, "held-out").outcome == Outcome.PASSED
    greedy = of(verdict, "greedy")
    assert greedy.outcome == Outcome.BROKEN and "kept images of MNIST are for hidden criteria" in greedy.detail
    assert of(wrong, "held-out").outcome == Outcome.FAILED


def test_grade_prepares_first_and_every_verdict_tells_of_the_standin(
    course_with_data: Course, zygote: object, tmp_path: Path
) -> None:
    hand_ins = tmp_path / "hand-ins"
    write_notebook(hand_ins / "ada.ipynb", SOLUTION)
    (hand_ins / "bob.ipynb").write_text("no notebook")
    heard = Quiet()
    options = GradeOptions(jobs=1)
    summary = grade(course_with_data, course_with_data.assignments[0], hand_ins, tmp_path / "out", options, heard)
    ada, bob = summary.verdicts
    assert heard.prepared == ["preparing MNIST as a procedural stand-in: the real set is not here"]
    for verdict in (ada, bob):
        assert "a procedural stand-in takes the place of MNIST" in verdict.notes
        assert len(verdict.digests["data"]) == 64
    assert of(ada, "held-out").outcome == Outcome.PASSED and bob.status == Status.UNREADABLE
    assert (
        "A procedural stand-in takes the place of MNIST."
        in (tmp_path / "out" / "students" / "ada.html").read_text()
    )


def test_keys_hang_on_the_data(course_with_data: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    course, assignment = course_with_data, course_with_data.assignments[0]
    submissions = cohort.collect(write_notebook(course.root / "hand-ins" / "ada.ipynb", SOLUTION))
    keys = []
    for sizes in (Sizes(50, 20, 10), Sizes(51, 20, 10)):
        monkeypatch.setattr(splitting, "MNIST_STANDIN", sizes)
        monkeypatch.setattr(splitting, "VERSION", f"split of {sizes.train}")
        prepared = datasets.prepare_for(course, assignment, b"s")
        made = Plan.make(course, assignment, Place(), GradeOptions(), prepared)
        assert made.setup.data and made.digests["data"]
        keys.append(made.key(submissions[0]))
    assert keys[0] != keys[1]


def test_check_uses_the_public_split_and_keeps_nothing(course_with_data: Course, tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "bright.ipynb", SOLUTION)
    told: list[str] = []
    checked = check(course_with_data, notebook, plain=True, tell=told.append)
    verdict = checked.verdict
    assert told == ["preparing MNIST as a procedural stand-in: the real set is not here"]
    assert of(verdict, "counted").outcome == Outcome.PASSED and verdict.sandbox == Tier.NONE
    assert "a procedural stand-in takes the place of MNIST" in verdict.notes and verdict.digests["data"]
    (folder,) = (course_with_data.root / ".torchgrade" / "data").iterdir()
    assert not list((folder / "held").iterdir())
    assert json.loads((folder / "prepared.json").read_text())["with_kept"] is False


def test_an_examiner_refuses_a_split_that_is_gone(course_with_data: Course, tmp_path: Path) -> None:
    examiner = warm.start(warm.Setup(str(course_with_data.root), "bright", data=str(tmp_path / "gone")))
    try:
        with pytest.raises(Exception, match="the prepared data sets are gone"):
            examiner.wait_ready()
    finally:
        examiner.close()


def test_an_assignment_without_data_prepares_none(course_with_data: Course) -> None:
    import dataclasses

    bare = dataclasses.replace(course_with_data.assignments[0], data=())
    assert datasets.prepare_for(course_with_data, bare, b"s") is None
    assert datasets.digests_of(None) == {} and datasets.folder_of(None) == ""
    assert not (course_with_data.root / ".torchgrade" / "data").exists()


def test_the_real_set_is_used_by_check_where_it_is(
    course_with_data: Course, real_mnist: data.Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(data.VARIABLE, str(real_mnist.root))
    prepared = datasets.prepare_for(course_with_data, course_with_data.assignments[0], None)
    assert prepared is not None and prepared.standin == () and not prepared.with_kept
    assert len(prepared.load("mnist").train.labels) == 60_000
