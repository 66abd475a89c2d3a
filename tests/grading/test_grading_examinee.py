"""What a grader sees: odd answers, handles, gradients, aliases, nearest names. One room for all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from small_course import notebook, tensor

from torchgrade.grading.attempt import Attempt
from torchgrade.grading.examinee import RoomExaminee
from torchgrade.model import Assignment, Limits
from torchgrade.sandbox import policy
from torchgrade.sandbox.room import Zygote, make_request
from torchgrade.testing.outcomes import BadAnswer, Missing, ProbeFailure, Raised

CELLS = (
    """
    import torch, numpy as np, collections, typing
    print("printed in the first cell")
    W = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    b = torch.zeros(2, requires_grad=True)
    whole = 7
    model = torch.nn.Linear(2, 1)
    def affine(x): return x @ W + b
    def scaled(x, *, by=1.0): return by * x
    def soft_max(x): return torch.softmax(x, 1)
    def Normalise(x): return x / x.norm()
    def cut(x): return torch.from_numpy(np.tanh(x.detach().numpy()))
    def partly_cut(x): return x + x.detach() ** 2
    def unused(x): return W.sum() * 1.0
    def as_number(x): return float(x.sum())
    def twice(f, x): return f(f(x))
    class Net(torch.nn.Module):
        def __init__(self, width, bias=True):
            super().__init__()
            self.first = torch.nn.Linear(2, width, bias=bias)
            self.second = torch.nn.Linear(width, 1)
            self.steps = 0
        def forward(self, x): return self.second(torch.tanh(self.first(x)))
        def step(self, by=1):
            self.steps += by
            return self.steps
    class Plain:
        def area(self, a, b=2): return a * b
    plain = Plain()
    print("printed last")
    """,
    """
    class AlwaysEqual:
        def __eq__(self, other): return True
        def __ne__(self, other): return False
        def __hash__(self): return 0
        def __float__(self): return 1.0
        def __bool__(self): return True
    class EqualTensor(torch.Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None): return True
    class EqualFloat(float):
        def __eq__(self, other): return True
        __hash__ = float.__hash__
    class EqualDict(dict):
        def __eq__(self, other): return True
    class EndlessList(list):
        def __iter__(self):
            while True: yield 1
    Pair = collections.namedtuple("Pair", "left right")
    deep = []
    for _ in range(500): deep = [deep]
    loop = []
    loop.append(loop)
    answers = {
        "always equal": lambda: AlwaysEqual(),
        "in a list": lambda: [1, AlwaysEqual()],
        "generator": lambda: (i for i in range(3)),
        "module": lambda: torch.nn.Linear(2, 2),
        "function": lambda: affine,
        "class": lambda: Net,
        "python module": lambda: np,
        "meta tensor": lambda: torch.empty(3, device="meta"),
        "objects": lambda: np.array([AlwaysEqual(), None], dtype=object),
        "text array": lambda: np.array(["a", "b"]),
        "huge view": lambda: torch.zeros(1).expand(1 << 40),
        "huge sparse": lambda: torch.sparse_coo_tensor(torch.zeros(1, 1).long(), torch.ones(1), (1 << 40,)),
        "deep nest": lambda: deep,
        "loop": lambda: loop,
        "bytes": lambda: b"bytes",
        "set": lambda: {1, 2},
        "huge integer": lambda: 1 << 5000,
        "huge text": lambda: "x" * (1 << 24),
        "quantized": lambda: torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.quint8),
        "nested": lambda: torch.nested.nested_tensor([torch.ones(1), torch.ones(2)]),
        "many arrays": lambda: [torch.ones(1)] * 10_000,
        "sparse": lambda: torch.eye(2).to_sparse(),
        "complex": lambda: torch.tensor([1 + 2j]),
        "bfloat16": lambda: torch.tensor([1.5], dtype=torch.bfloat16),
        "half": lambda: torch.tensor([1.5], dtype=torch.float16),
        "conjugate": lambda: torch.tensor([1 + 2j]).conj(),
        "with gradient": lambda: b,
        "parameter": lambda: torch.nn.Parameter(torch.ones(1)),
        "transposed": lambda: W.t(),
        "array": lambda: np.arange(3.0),
        "big endian": lambda: np.arange(3.0).astype(">f8"),
        "numpy number": lambda: np.float64(2.5),
        "truth": lambda: np.bool_(True),
        "text": lambda: "text",
        "none": lambda: None,
        "nan": lambda: float("nan"),
        "infinity": lambda: [float("inf"), -float("inf")],
        "long integer": lambda: 1 << 70,
        "size": lambda: W.shape,
        "named tuple": lambda: Pair(1, 2),
        "return type": lambda: torch.max(W, dim=1),
        "ordered": lambda: collections.OrderedDict(a=1),
        "equal float": lambda: EqualFloat(2.0),
        "equal dict": lambda: EqualDict(a=1),
        "empty": lambda: torch.empty(0, 3),
        "scalar": lambda: torch.tensor(2.0),
        "equal tensor": lambda: torch.ones(2).as_subclass(EqualTensor),
        "endless list": lambda: EndlessList([1, 2]),
    }
    def answer(kind): return answers[kind]()
    """,
    "outcome = 1 / 0",
)


@pytest.fixture(scope="module")
def submission(zygote: Zygote) -> Iterator[RoomExaminee]:
    limits = Limits(probe_seconds=5.0, memory_mb=800)
    attempt = Attempt(
        lambda: zygote.open(make_request(policy.FULL, limits, wall_seconds=120)), notebook(*CELLS), limits
    )
    attempt.run()
    assignment = Assignment("a", "A", (), ("softmax",), aliases={"softmax": ("softmaks", "soft_max")})
    yield RoomExaminee(attempt, assignment)
    attempt.close()


# --- answers that are no values ----------------------------------------------------------------------------

NO_VALUES = [
    "always equal", "in a list", "generator", "module", "function", "class", "python module", "meta tensor",
    "objects", "text array", "huge view", "huge sparse", "deep nest", "loop", "bytes", "set", "huge integer",
    "huge text", "quantized", "nested", "many arrays",
]  # fmt: skip


@pytest.mark.parametrize("kind", NO_VALUES)
def test_what_is_no_plain_value_does_not_cross(submission: RoomExaminee, kind: str) -> None:
    with pytest.raises(ProbeFailure) as failure:
        submission.call("answer", kind)
    assert isinstance(failure.value, BadAnswer | Raised)
    assert "answer" in failure.value.safe


def test_nothing_but_plain_values_ever_comes_out(submission: RoomExaminee) -> None:
    """Whatever class the student gives it, what a grader compares has our own comparison."""
    for kind, wanted in (("equal float", float), ("equal dict", dict), ("named tuple", tuple), ("ordered", dict)):
        assert type(submission.call("answer", kind)) is wanted, kind
    assert submission.call("answer", "equal float") != 3.0
    assert type(submission.call("answer", "equal tensor")) is torch.Tensor


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("numpy number", 2.5),
        ("truth", True),
        ("text", "text"),
        ("none", None),
        ("infinity", [float("inf"), -float("inf")]),
        ("long integer", 1 << 70),
        ("size", (2, 2)),
        ("named tuple", (1, 2)),
        ("ordered", {"a": 1}),
    ],
)
def test_plain_values_cross_unchanged(submission: RoomExaminee, kind: str, expected: Any) -> None:
    found = submission.call("answer", kind)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("sparse", torch.eye(2)),
        ("complex", torch.tensor([1 + 2j])),
        ("conjugate", torch.tensor([1 - 2j])),
        ("bfloat16", torch.tensor([1.5])),
        ("half", torch.tensor([1.5], dtype=torch.float16)),
        ("with gradient", torch.zeros(2)),
        ("parameter", torch.ones(1)),
        ("transposed", torch.tensor([[1.0, 3.0], [2.0, 4.0]])),
        ("array", torch.arange(3.0, dtype=torch.float64)),
        ("empty", torch.empty(0, 3)),
        ("scalar", torch.tensor(2.0)),
    ],
)
def test_tensors_and_arrays_cross_detached(submission: RoomExaminee, kind: str, expected: torch.Tensor) -> None:
    found = submission.call("answer", kind)
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    assert torch.equal(found, expected)
    assert not found.requires_grad


def test_nan_crosses(submission: RoomExaminee) -> None:
    found = submission.call("answer", "nan")
    assert found != found


def test_several_values_cross_together(submission: RoomExaminee) -> None:
    values, indices = submission.call("answer", "return type")
    assert (values.tolist(), indices.tolist()) == ([2, 4], [1, 1])


def test_the_room_is_still_there_after_all_this(submission: RoomExaminee) -> None:
    for kind in (*NO_VALUES, "endless list", "big endian"):
        try:
            submission.call("answer", kind)
        except ProbeFailure:
            continue
    assert submission.call("scaled", 3, by=2) == 6


# --- names -------------------------------------------------------------------------------------------------


def test_an_alias_stands_in_for_a_missing_name(submission: RoomExaminee) -> None:
    assert submission.call("softmax", torch.zeros(1, 2)).tolist() == [[0.5, 0.5]]


def test_a_missing_name_tells_the_nearest(submission: RoomExaminee) -> None:
    with pytest.raises(Missing, match="`afine` is not defined; the nearest name that is: `affine`"):
        submission.call("afine", 1)


def test_a_name_in_other_letters_is_the_nearest(submission: RoomExaminee) -> None:
    with pytest.raises(Missing, match="the nearest name that is: `Normalise`"):
        submission.call("NORMALISE", 1)


def test_a_name_like_no_other_has_no_nearest(submission: RoomExaminee) -> None:
    with pytest.raises(Missing) as missing:
        submission.value("zzzzzzzz")
    assert str(missing.value) == "`zzzzzzzz` is not defined"


def test_what_ipython_defines_is_not_the_students(submission: RoomExaminee) -> None:
    with pytest.raises(Missing) as missing:
        submission.value("get_ipythn")
    assert "get_ipython" not in str(missing.value)


# --- calls, values, globals --------------------------------------------------------------------------------


def test_arguments_by_position_and_by_name(submission: RoomExaminee) -> None:
    assert submission.call("scaled", tensor(1, 2), by=3).tolist() == [3, 6]


def test_a_value_is_read(submission: RoomExaminee) -> None:
    assert submission.value("whole") == 7
    assert submission.value("W").tolist() == [[1, 2], [3, 4]]


def test_a_global_can_be_set_and_is_read_by_the_students_code(submission: RoomExaminee) -> None:
    before = submission.value("W")
    submission.define("W", torch.zeros(2, 2))
    try:
        assert submission.call("affine", torch.ones(1, 2)).tolist() == [[0, 0]]
    finally:
        submission.define("W", before)
    assert submission.call("affine", torch.ones(1, 2)).tolist() == [[4, 6]]


def test_setting_an_alias_sets_the_students_name(submission: RoomExaminee) -> None:
    """`softmax` is called `soft_max` in this notebook, so that is the name that its code reads."""
    original = submission.object("softmax")
    submission.define("softmax", original)
    assert submission.call("soft_max", torch.zeros(1, 2)).tolist() == [[0.5, 0.5]]
    assert "softmax" not in submission._defined()


def test_the_arguments_after_a_call_are_told(submission: RoomExaminee) -> None:
    answer, after = submission.call_keeping_arguments("scaled", tensor(1, 2), by=3)
    assert (answer.tolist(), after[0].tolist()) == ([3, 6], [1, 2])


def test_every_call_is_remembered_with_what_came_of_it(submission: RoomExaminee) -> None:
    submission.calls = []
    submission.call("scaled", 2, by=4)
    with pytest.raises(Raised):
        submission.call("scaled", "a", by="b")
    done, failed = submission.calls
    assert (done.name, done.args, done.kwargs, done.result, done.failure) == ("scaled", (2,), {"by": 4}, 8, None)
    assert failed.failure is not None
    assert failed.failure.name == "TypeError"


# --- handles -----------------------------------------------------------------------------------------------


def test_an_object_is_examined_where_it_is(submission: RoomExaminee) -> None:
    model = submission.object("model")
    state = model.state()
    assert {k: tuple(v.shape) for k, v in state.items()} == {"weight": (1, 2), "bias": (1,)}
    x = tensor(1, 2).reshape(1, 2)
    assert torch.allclose(model.forward(x), x @ state["weight"].T + state["bias"])


def test_an_object_gives_gradients_by_parameter(submission: RoomExaminee) -> None:
    found = submission.object("model").gradients(torch.ones(3, 2), cotangent=torch.ones(3, 1))
    assert (found["weight"].tolist(), found["bias"].tolist()) == ([[3, 3]], [3])


def test_a_class_is_built_with_arguments(submission: RoomExaminee) -> None:
    net = submission.build("Net", 5, bias=False)
    assert {k: tuple(v.shape) for k, v in net.state().items()} == {
        "first.weight": (5, 2), "second.weight": (1, 5), "second.bias": (1,),
    }  # fmt: skip


def test_two_instances_are_two(submission: RoomExaminee) -> None:
    one, other = submission.build("Net", 2), submission.build("Net", 2)
    assert one.call("step") == 1
    assert one.call("step", by=3) == 4
    assert other.call("step") == 1


def test_a_method_of_a_method_is_reached_by_dots(submission: RoomExaminee) -> None:
    assert tuple(submission.build("Net", 3).call("first.forward", torch.ones(4, 2)).shape) == (4, 3)


def test_a_handle_may_be_an_argument(submission: RoomExaminee) -> None:
    function = submission.object("Normalise")
    assert torch.allclose(submission.call("twice", function, tensor(3, 4)), tensor(0.6, 0.8))


def test_a_missing_method_is_missing(submission: RoomExaminee) -> None:
    with pytest.raises(Missing, match="has no `volume`"):
        submission.object("plain").call("volume", 1)


def test_what_is_no_module_has_no_state(submission: RoomExaminee) -> None:
    with pytest.raises(BadAnswer, match=r"an nn.Module is wanted here, not Plain"):
        submission.object("plain").state()


def test_a_handle_is_lost_with_its_room_and_says_so(zygote: Zygote) -> None:
    limits = Limits(probe_seconds=5.0)
    cells = "import os, torch\nmodel = torch.nn.Linear(1, 1)\ndef leave(): os._exit(0)"
    attempt = Attempt(
        lambda: zygote.open(make_request(policy.FULL, limits, wall_seconds=60)), notebook(cells), limits
    )
    attempt.run()
    student = RoomExaminee(attempt, Assignment("a", "A", (), ()))
    try:
        held = student.object("model")
        with pytest.raises(ProbeFailure):
            student.call("leave")
        fresh = student.object("model")  # in a new room, where numbers begin anew
        with pytest.raises(ProbeFailure, match="is gone"):
            held.state()
        assert set(fresh.state()) == {"weight", "bias"}
    finally:
        attempt.close()


# --- gradients ---------------------------------------------------------------------------------------------


def test_gradients_with_respect_to_arguments_and_globals(submission: RoomExaminee) -> None:
    x = torch.ones(1, 2)
    by_x, by_w, by_b = submission.gradients("affine", x, wrt=(0, "W", "b"), cotangent=tensor(1, 10).reshape(1, 2))
    assert by_x.tolist() == [[21, 43]]
    assert by_w.tolist() == [[1, 10], [1, 10]]
    assert by_b.tolist() == [1, 10]
    assert submission.value("W").tolist() == [[1, 2], [3, 4]]  # put back as it was


def test_gradients_through_an_alias(submission: RoomExaminee) -> None:
    (found,) = submission.gradients("softmax", torch.zeros(1, 2), cotangent=torch.ones(1, 2))
    assert found.tolist() == [[0, 0]]


def test_gradients_through_numpy_say_that_the_graph_is_cut(submission: RoomExaminee) -> None:
    with pytest.raises(BadAnswer, match=r"no gradient flows through `cut`.*NumPy"):
        submission.gradients("cut", torch.ones(2))


def test_a_graph_that_is_cut_in_part_gives_the_part(submission: RoomExaminee) -> None:
    (found,) = submission.gradients("partly_cut", tensor(3.0))
    assert found.tolist() == 1


def test_what_the_answer_does_not_depend_on_has_a_gradient_of_zero(submission: RoomExaminee) -> None:
    found = submission.gradients("unused", torch.ones(2), wrt=(0, "W"))
    assert found[0].tolist() == [0, 0]
    assert found[1].tolist() == [[1, 1], [1, 1]]


def test_a_number_has_no_gradient(submission: RoomExaminee) -> None:
    with pytest.raises(BadAnswer, match="a tensor is wanted here, not float"):
        submission.gradients("as_number", torch.ones(2))


def test_a_cotangent_of_another_shape_names_both(submission: RoomExaminee) -> None:
    with pytest.raises(BadAnswer, match=r"shape \(2,\), not \(3,\)"):
        submission.gradients("scaled", torch.ones(2), cotangent=torch.ones(3))


@pytest.mark.parametrize("wrt", ["whole", "nowhere"])
def test_a_global_that_cannot_be_differentiated_is_the_students_failure(
    submission: RoomExaminee, wrt: str
) -> None:
    with pytest.raises(ProbeFailure):
        submission.gradients("affine", torch.ones(1, 2), wrt=(wrt,))


# --- read outside ------------------------------------------------------------------------------------------


def test_the_source_of_a_definition_is_read_outside(submission: RoomExaminee) -> None:
    assert submission.source("affine") == "def affine(x): return x @ W + b"
    assert submission.source("nowhere") == ""


def test_the_source_of_an_alias_is_found(submission: RoomExaminee) -> None:
    assert submission.source("softmax").startswith("def soft_max(x)")


def test_what_was_printed_is_read_outside(submission: RoomExaminee) -> None:
    assert submission.outputs == [
        f"printed in the first cell{os.linesep}printed last\n",
        "",
        "ZeroDivisionError: division by zero\n",
    ]


def test_large_answers_are_not_kept_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search for a small example puts 60 questions: 60 answers of 128 MiB took all of the grader's memory."""
    examinee = RoomExaminee(None, Assignment("a", "A", (), ()))  # type: ignore[arg-type]
    monkeypatch.setattr(examinee, "_ask", lambda *_: torch.zeros(1 << 22))
    for _ in range(10):
        assert examinee.call("f", 1).shape == (1 << 22,)
    kept = [c.result.nbytes for c in examinee.calls if c.failure is None]
    assert len(examinee.calls) == 10 and sum(kept) <= 64 << 20
    assert [c.failure.name for c in examinee.calls if c.failure] == [""] * (10 - len(kept))
