"""``new``: an assignment that the course's test passes at once; and what it says of a half-written grader."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from small_course import HEAD, QUICK, add_assignment, write_course

from torchgrade import i18n
from torchgrade.errors import SpecError, UsageError
from torchgrade.pipeline import course_test, creating
from torchgrade.pipeline.creating import Wanted, create
from torchgrade.pipeline.scaffold import WORDS
from torchgrade.spec import check_graders, idle_tests, load_assignment, load_course

INDENTED = "".join(f"  {line}\n" for line in QUICK.splitlines())


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """The course's test speaks the course's language from then on."""
    yield
    i18n.use_language("en")


def course(root: Path, more: str = "") -> Path:
    root.mkdir(parents=True, exist_ok=True)
    (root / "course.yaml").write_text(f"title: Small\nyear: 2026\n{more}limits:\n{INDENTED}", encoding="utf-8")
    if "languages" in more:
        (root / "locale").mkdir()
        (root / "locale" / "ru.po").write_text(
            'msgid ""\nmsgstr "Language: ru\\n"\n\nmsgid "Small"\nmsgstr "Малый"\n'
        )
    return root


def found(root: Path) -> list[tuple[str, str]]:
    return [(f.subject, f.problem) for f in course_test.test_course(load_course(root))]


def files(root: Path) -> set[str]:
    return {p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file()}


THREE = {"assignments/centre/assignment.yaml", "solutions/centre/centre.ipynb", "graders/centre/test_public.py"}


@pytest.mark.parametrize(
    "more", ["", "language: ru\n", "languages: [en, ru]\n"], ids=["English", "Russian", "both promised"]
)
def test_a_new_assignment_passes_the_course_s_test_at_once(tmp_path: Path, more: str) -> None:
    root = course(tmp_path / "course", more)
    made = create(root, Wanted("centre", 'A "title": {with} # signs'))
    assert made.listed and {str(p) for p in made.files} >= THREE
    assert files(root) - {"course.yaml", "locale/ru.po"} == {str(p) for p in made.files}
    assert load_assignment(root, "centre").title == 'A "title": {with} # signs'
    tried = found(root)
    assert len(tried) >= 3 and [problem for _subject, problem in tried] == [""] * len(tried)


def test_names_are_made_of_the_id_where_none_are_given(tmp_path: Path) -> None:
    root = course(tmp_path)
    create(root, Wanted("linear-regression"))
    create(root, Wanted("2.hw"))
    first, second = load_assignment(root, "linear-regression"), load_assignment(root, "2.hw")
    assert (first.title, first.defines) == ("Linear regression", ("linear_regression",))
    assert (second.title, second.defines) == ("2 hw", ("solve",))
    for each in (first, second):
        check_graders(each)
        assert list(idle_tests(each)) == []


def test_the_language_is_the_course_s_or_the_one_that_is_asked_for(tmp_path: Path) -> None:
    root = course(tmp_path, "language: ru\n")
    create(root, Wanted("a"))
    create(root, Wanted("b", language="en"))
    assert "верна" in load_assignment(root, "a").criteria[0].title
    assert "is right" in load_assignment(root, "b").criteria[0].title


def test_where_translations_are_promised_the_files_are_in_english(tmp_path: Path) -> None:
    root = course(tmp_path, "language: ru\nlanguages: [ru]\n")
    create(root, Wanted("a"))
    assert "is right" in load_assignment(root, "a").criteria[0].title
    with pytest.raises(UsageError, match="promises ru"):
        create(root, Wanted("b", language="ru"))


def test_the_sentences_are_the_same_in_every_language() -> None:
    assert set(WORDS) == set(i18n.LANGUAGES)
    assert len({(len(w.public), len(w.hidden)) for w in WORDS.values()}) == 1


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        (Wanted("double"), "there is an assignment 'double' already"),
        (Wanted("Double"), "there is an assignment 'double' already"),
        (Wanted("../evil"), "cannot be the id of an assignment"),
        (Wanted("a/b"), "cannot be the id of an assignment"),
        (Wanted(""), "cannot be the id of an assignment"),
        (Wanted("new", function="no-name"), "--function no-name: cannot be the name"),
        (Wanted("new", function="class"), "--function class: cannot be the name"),
        (Wanted("new", title="two\nlines"), "must be one line"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(tmp_path: Path, wanted: Wanted, told: str) -> None:
    root = add_assignment(write_course(tmp_path / "course"))
    before = files(tmp_path)
    with pytest.raises(UsageError, match=told):
        create(root, wanted)
    assert files(tmp_path) == before


@pytest.mark.parametrize("kind", ["solutions", "graders"])
def test_a_folder_that_is_there_is_left_alone(tmp_path: Path, kind: str) -> None:
    root = course(tmp_path)
    (root / kind / "centre").mkdir(parents=True)
    with pytest.raises(UsageError, match=f"{kind}/centre is there already; nothing was written"):
        create(root, Wanted("centre"))
    assert files(root) == {"course.yaml"}


def test_nothing_half_written_is_left_where_writing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, rename = course(tmp_path), os.rename

    def failing(source: Path, target: Path) -> None:
        if "graders" in str(target):
            raise OSError(28, "No space left on device", str(target))
        rename(source, target)

    monkeypatch.setattr(creating.os, "rename", failing)
    with pytest.raises(UsageError, match=r"cannot be written \(No space left on device\); nothing was written"):
        create(root, Wanted("centre"))
    assert files(root) == {"course.yaml"} and not list(root.glob(".new-*"))


def test_a_course_that_lists_its_assignments_is_told_of(tmp_path: Path) -> None:
    root = add_assignment(write_course(tmp_path / "course"))
    path = root / "course.yaml"
    path.write_text(path.read_text() + "assignments: [double]\n", encoding="utf-8")
    assert not create(root, Wanted("centre")).listed


def test_the_walk_through_of_the_guide_is_an_assignment_that_passes(tmp_path: Path) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "teachers.md").read_text(encoding="utf-8")
    section = guide.partition("### A new one in ten minutes")[2].partition("\n### ")[0]
    spec, solution, public, hidden, wrong = re.findall(r"```(?:yaml|python)\n(.*?)```", section, re.DOTALL)
    root = course(tmp_path / "course")
    create(root, Wanted("smoothing"))
    (root / "assignments/smoothing/assignment.yaml").write_text(spec, encoding="utf-8")
    notebook = root / "solutions/smoothing/smoothing.ipynb"
    data = json.loads(notebook.read_text(encoding="utf-8"))
    data["cells"][-1]["source"] = solution
    notebook.write_text(json.dumps(data), encoding="utf-8")
    for name, tests in (("public", public), ("hidden", hidden)):
        grader = root / f"graders/smoothing/test_{name}.py"
        head = grader.read_text(encoding="utf-8").partition("@pytest")[0]  # what `new` wrote above its test
        grader.write_text(head + tests, encoding="utf-8")
    answers = root / "graders/smoothing/answers/wrong"
    answers.mkdir(parents=True)
    (answers / "begins_at_zero.py").write_text(wrong, encoding="utf-8")
    list(course_test.test_course(load_course(root), fix=True))
    tried = found(root)
    assert {subject for subject, _problem in tried} >= {"solution earns everything", "wrong/begins_at_zero"}
    assert [problem for _subject, problem in tried if problem] == []


# Half-written graders


def problems(root: Path, public: str) -> list[str]:
    """What the course's test says of this public grader."""
    add_assignment(root, public=public)
    return [problem for _subject, problem in found(root) if problem]


MARK = '@pytest.mark.criterion("doubles")\n'
WHERE = "graders/double/test_public.py"
LINE = HEAD.count("\n")


@pytest.mark.parametrize(
    ("public", "told"),
    [
        ("\ndef test_a(submission)\n    pass\n", f"{WHERE}:{LINE + 2}: not valid Python: expected ':'"),
        ("\ndef test_a(submission):\n    assert 1\n", f"{WHERE}:{LINE + 2}: test_a: has no mark"),
        ('\n@pytest.mark.criterion("dubbles")\ndef test_a(submission):\n    assert 1\n',
         f"{WHERE}:{LINE + 3}: test_a: there is no criterion 'dubbles'; did you mean 'doubles'?"),
    ],
)  # fmt: skip
def test_what_can_be_seen_without_running_is_told_first(tmp_path: Path, public: str, told: str) -> None:
    with pytest.raises(SpecError) as caught:
        problems(write_course(tmp_path / "course"), public)
    assert str(caught.value).startswith(told) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("public", "told"),
    [
        (f"\n{MARK}def test_a(submision):\n    assert 1\n",
         f"broken: doubles: {WHERE}:{LINE + 2}: test_a: there is no fixture 'submision'; "
         "did you mean 'submission'?"),
        (f"\nimport torhc\n\n{MARK}def test_a(submission):\n    assert 1\n",
         f"broken: doubles: {WHERE}:{LINE + 2}: ModuleNotFoundError: No module named 'torhc'"),
        (f"\n{MARK}def test_a(submission):\n    x = 1\n    assert torch.tesnor(x)\n",
         f"broken: doubles: {WHERE}:{LINE + 5}: AttributeError: module 'torch' has no attribute 'tesnor'"),
        (f"\n{MARK}def test_a(submission):\n    submission.call('double', torch.ones(1))\n",
         f"{WHERE}:{LINE + 3}: test_a: asserts nothing, so whatever comes back passes"),
    ],
    ids=["unknown fixture", "unknown module", "mistyped name", "no assert"],
)  # fmt: skip
def test_what_is_wrong_with_a_grader_is_one_line_with_its_place(tmp_path: Path, public: str, told: str) -> None:
    said = problems(write_course(tmp_path / "course"), public)
    assert said and said[0] == told


@pytest.fixture
def idle(tmp_path: Path) -> Callable[[str], list[str]]:
    """Names of the tests in such a file that judge nothing."""
    root = write_course(tmp_path / "course")

    def names(public: str) -> list[str]:
        add_assignment(root, public=public)
        return [error.key for error in idle_tests(load_assignment(root, "double"))]

    return names


@pytest.mark.parametrize(
    "body",
    [
        "assert submission", "assert_tensor_close(1, 1)", "require(True, 'm')", "award(0.5, 'half')", "helper(1)",
        "torch.testing.assert_close(1, 1)", "require_tensor(submission)", "raise AssertionError",
        "pytest.fail('no')", "ours.compare(1)", "compare(1)", "for_all(lambda x: helper(x))",
    ],
)  # fmt: skip
def test_a_test_may_judge_in_many_ways(idle: Callable[[str], list[str]], body: str) -> None:
    helpers = "import ours\nfrom common import compare\n\ndef helper(x):\n    return inner(x)\n\n"
    helpers += "def inner(x):\n    assert x\n"
    assert idle(f"{helpers}\n{MARK}def test_a(submission, award):\n    {body}\n") == []


@pytest.mark.parametrize(
    "body", ["pass", "x = torch.ones(1)", "submission.call('double', 1)", "helper(1)", "loop(1)"]
)
def test_a_test_that_judges_nothing_is_found(idle: Callable[[str], list[str]], body: str) -> None:
    helpers = "import math\n\ndef helper(x):\n    return x\n\ndef loop(x):\n    return loop(x)\n"
    assert idle(f"{helpers}\n{MARK}def test_a(submission):\n    {body}\n") == ["test_a"]
