"""What a grader is given in a real room: the student's variant, and PyTorch's own things made there."""

from __future__ import annotations

import pytest
from small_course import add_assignment, examine, of, write_course

from torchgrade.grading import warm
from torchgrade.model import Outcome

RUBRIC = """\
- {id: made, title: made in the room, points: 1}
- {id: frozen, title: gradients of a frozen layer, points: 1}
- {id: fails, title: fails, points: 1}
- {id: skipped, title: the last of its file is skipped, points: 1, needs: [fails]}
- {id: classes, title: the student's own classes, points: 1, visibility: hidden}
"""

PUBLIC = '''
@pytest.mark.criterion("made")
def test_made(submission):
    """fit trains a model that the examiner made in the room, and a tensor of the examiner's is looked at again"""
    model = submission.make("torch.nn.Linear", 2, 1)
    x = submission.make("torch.clone", torch.ones(3, 2))
    before = model.state()
    assert submission.call("fit", model, x) == "done"
    assert not torch.equal(model.state()["weight"], before["weight"])
    assert x.call("clone")[0, 0] == 7
    assert submission.build("kind", submission.make("torch.device", "cpu")).call("__str__") == "device"


@pytest.mark.criterion("frozen")
def test_frozen(submission):
    """A frozen layer has no gradient, and the others still have theirs"""
    assert set(submission.object("net").gradients(torch.ones(1, 2))) == {"1.weight"}


@pytest.mark.criterion("fails")
def test_fails(submission):
    """one() is 2"""
    assert submission.call("one") == 2


@pytest.mark.criterion("skipped")
def test_skipped(submission):
    """one() is 1"""
    assert submission.call("one") == 1
'''

HIDDEN = '''
@pytest.mark.criterion("classes")
def test_classes(submission, variant):
    """CLASSES are the student's own"""
    assert submission.value("CLASSES") == list(variant.classes)
'''

CELLS = (
    """
    import torch

    def one():
        return 1

    def fit(model, x):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        model(x).sum().backward()
        optimizer.step()
        x[0, 0] = 7
        return "done"

    def kind(device):
        return type(device).__name__

    net = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 1, bias=False))
    net[0].requires_grad_(False)
    """,
)

RULE = "variants:\n  own:\n    classes: [group + 15, 7]\n    default: {group: 1}\n"


@pytest.fixture(scope="module")
def examiner(tmp_path_factory):
    root = add_assignment(
        write_course(tmp_path_factory.mktemp("course")),
        "own",
        rubric=RUBRIC,
        public=PUBLIC,
        hidden=HIDDEN,
        solution=[*CELLS, "CLASSES = [16, 7]"],
        defines="one, fit",
    )
    with (root / "course.yaml").open("a", encoding="utf-8") as file:
        file.write(RULE)
    started = warm.start(warm.Setup(str(root), "own"))
    started.wait_ready()
    yield started
    started.close()


def test_the_examiner_s_own_model_tensor_and_device(examiner):
    verdict = examine(examiner, "own", *CELLS, "CLASSES = [16, 7]")
    assert of(verdict, "made").outcome == Outcome.PASSED, of(verdict, "made").detail
    assert of(verdict, "frozen").outcome == Outcome.PASSED, of(verdict, "frozen").detail


def test_what_the_examiner_makes_is_float32_whatever_the_notebook_prefers(examiner):
    verdict = examine(examiner, "own", *CELLS, "CLASSES = [16, 7]\ntorch.set_default_dtype(torch.float64)")
    assert of(verdict, "made").outcome == Outcome.PASSED, of(verdict, "made").detail


def test_a_criterion_passed_over_at_the_end_of_a_file_costs_the_next_file_nothing(examiner):
    verdict = examine(examiner, "own", *CELLS, "CLASSES = [16, 7]")
    assert of(verdict, "skipped").outcome == Outcome.SKIPPED
    assert of(verdict, "classes").outcome == Outcome.PASSED


def test_the_variant_is_that_of_the_student_s_row(examiner):
    cells = (*CELLS, "CLASSES = [20, 7]")
    assert of(examine(examiner, "own", *cells), "classes").outcome == Outcome.FAILED
    own = examine(examiner, "own", *cells, fields={"group": "5", "name": "Ada"})
    assert of(own, "classes").outcome == Outcome.PASSED
