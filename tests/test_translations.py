"""Every sentence in every language: the catalogues are whole, and a Russian student reads Russian."""

from __future__ import annotations

import copy
import html
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from torchgrade import i18n
from torchgrade.errors import SpecError
from torchgrade.feedback.inline import render_inline
from torchgrade.feedback.terminal import as_text
from torchgrade.grading import retelling as rooms
from torchgrade.notebook import dump, from_percent
from torchgrade.pipeline import course_test, sentences
from torchgrade.pipeline import retelling as arrivals
from torchgrade.pipeline.checking import Checked, Checker, as_document
from torchgrade.spec import catalogues, load_course, speak
from torchgrade.spec.loading import assignment_ids

ROOT = Path(__file__).resolve().parents[1]
LANGUAGE = "ru"
PAGE_BYTES = 300_000
#: What stays as it is in Russian: names of code, of types and of programs.
CODE = {
    *("softmax", "torch", "tensor", "float", "python", "numpy", "pytest", "torchgrade", "nbclient", "ipykernel"),
    *("cpu", "dim", "keepdim", "exp", "sum", "log", "nan", "inf", "batch", "logits", "out", "matmul", "relu"),
    *("ctrl", "html", "pytorch", "ivanov", "notebook", "utc", "values", "shape", "int", "true", "none", "gpu"),
}


@pytest.fixture(autouse=True)
def _speak_english_again() -> Iterator[None]:
    yield
    i18n.use_language("en")


# --- the catalogues ----------------------------------------------------------------------------------------------


def test_the_engine_says_everything_in_every_language() -> None:
    assert list(sentences.complaints(LANGUAGE)) == []


@pytest.mark.parametrize("id", assignment_ids(ROOT))
def test_the_course_says_everything_in_every_language(id: str) -> None:
    course = load_course(ROOT, only=id)
    assert list(sentences.course_complaints(course, LANGUAGE)) == []


def test_no_catalogue_has_a_translation_that_nobody_looked_at() -> None:
    for path in (i18n.engine_catalogue(LANGUAGE), *catalogues(ROOT, assignment_ids(ROOT), LANGUAGE)):
        assert [m.id for m in sentences.read(path, LANGUAGE) if m.id and m.fuzzy] == [], path


def test_merging_changes_nothing_in_a_catalogue_that_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, merged = i18n.engine_catalogue(LANGUAGE), tmp_path / "torchgrade.po"
    shutil.copy(before, merged)
    monkeypatch.setattr(sentences, "engine_catalogue", lambda language: merged)
    sentences.update_engine(LANGUAGE)
    assert merged.read_text(encoding="utf-8") == before.read_text(encoding="utf-8")


def test_merging_adds_what_is_new_and_keeps_what_is_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    merged = tmp_path / "torchgrade.po"
    shutil.copy(i18n.engine_catalogue(LANGUAGE), merged)
    monkeypatch.setattr(sentences, "engine_catalogue", lambda language: merged)
    found = sentences.engine_sentences()
    monkeypatch.setattr(sentences, "engine_sentences", lambda: (found - {"Hint"}) | {"A new one, {name}."})
    sentences.update_engine(LANGUAGE)
    said = list(sentences.complaints(LANGUAGE))
    assert said == ["engine: lacks “A new one, {name}.”", "engine: out of use “Hint”"]
    assert '#~ msgid "Hint"\n#~ msgstr "Подсказка"' in merged.read_text(encoding="utf-8")


def test_braces_that_differ_are_told(tmp_path: Path) -> None:
    path = tmp_path / "ru.po"
    path.write_text('msgid "{count} of {total}"\nmsgstr "{count} из {all}"\n', encoding="utf-8")
    assert sentences.unlike_braces(sentences.read(path, LANGUAGE)) == ["{count} of {total}"]


GRADER = '''
import pytest
from torchgrade.testing import ComparisonFailure, require

LATER = "A constant is read."

@pytest.mark.criterion("double")
def test_double(submission, hint, award):
    """The first line.

    Not this one.
    """
    hint("A hint." if submission else LATER)
    award(0.5, because="An award.")
    require(submission, "A requirement.", safe="A safe one.", got=None)
    assert submission, "An assertion."
    raise ComparisonFailure(f"An f-string {submission}.")
'''


def test_sentences_of_a_grader_are_found_where_they_stand(tmp_path: Path) -> None:
    path = tmp_path / "test_public.py"
    path.write_text(GRADER, encoding="utf-8")
    said = [text for text, _place in sentences._said_in(path)]
    assert sorted(said) == sorted(
        [
            *("The first line.", "A hint.", "A constant is read.", "An award.", "A requirement.", "A safe one."),
            *("An assertion.", "f'An f-string {submission}.'"),
        ]
    )


# --- what is counted does not depend on the reader ---------------------------------------------------------------


def test_a_sentence_in_another_language_knows_its_english() -> None:
    with i18n.speaking(LANGUAGE):
        said = i18n._("`{name}` has no state that can be examined").format(name="model")
        assert said == "`model`: нет состояния, которое можно проверить"
        assert i18n.english(said) == "`model` has no state that can be examined"
        outer = i18n._("The answer {look}.").format(look=i18n._("is all zeros"))
        assert i18n.english(outer) == "The answer is all zeros."
        assert i18n.english(copy.deepcopy(outer)) == "The answer is all zeros."
    assert i18n.english("as it is") == "as it is"


def test_speaking_elsewhere_keeps_the_course_that_the_process_speaks_for(tmp_path: Path) -> None:
    po = tmp_path / "locale" / "ru.po"
    po.parent.mkdir()
    po.write_text('msgid "A title"\nmsgstr "Заголовок"\n', encoding="utf-8")
    i18n.use_language("en", [po.with_name("en.po")])
    with i18n.speaking(LANGUAGE):
        assert i18n._("A title") == "Заголовок"
    po.write_text('msgid "A title"\nmsgstr "Название"\n', encoding="utf-8")
    os.utime(po, ns=(1, 1))
    with i18n.speaking(LANGUAGE):
        assert i18n._("A title") == "Название"  # a catalogue that changed is read again


# --- what a Russian student reads --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def course_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled course with its softmax alone, which needs no data set for code that draws its own numbers."""
    root = tmp_path_factory.mktemp("course")
    (root / "course.yaml").write_text(re.sub(r"\nvariants:[\s\S]*", "\n", (ROOT / "course.yaml").read_text()))
    for kind in ("assignments", "graders", "solutions"):
        shutil.copytree(ROOT / kind / "softmax", root / kind / "softmax", ignore=shutil.ignore_patterns("cohort"))
    shutil.copytree(ROOT / "locale", root / "locale")
    spec = root / "assignments" / "softmax" / "assignment.yaml"
    spec.write_text(re.sub(r"^data:.*\n", "", spec.read_text(), flags=re.MULTILINE))
    wrong = (ROOT / "graders" / "softmax" / "answers" / "wrong" / "dim_zero.py").read_text(encoding="utf-8")
    (root / "in").mkdir()
    (root / "in" / "ivanov.ipynb").write_text(dump(from_percent(wrong)), encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def checked(course_folder: Path) -> Iterator[Checked]:
    """A wrong softmax, checked in Russian."""
    course = speak(load_course(course_folder, only="softmax"), LANGUAGE)
    checker = Checker()
    try:
        yield checker.check(course, course_folder / "in" / "ivanov.ipynb", "softmax")
    finally:
        checker.close()


def check_code(course_folder: Path, code: str, language: str) -> Checked:
    """A softmax of one's own, checked."""
    path = course_folder / "own.ipynb"
    path.write_text(dump(from_percent(f"# %%\n{code}")), encoding="utf-8")
    checker = Checker()
    try:
        return checker.check(speak(load_course(course_folder, only="softmax"), language), path, "softmax")
    finally:
        checker.close()


@pytest.fixture(scope="module")
def graded(course_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run in Russian."""
    out = tmp_path_factory.mktemp("out")
    command = [sys.executable, "-m", "torchgrade", "grade", "softmax", "in", "--out", str(out), "--lang", LANGUAGE]
    done = subprocess.run(command, cwd=course_folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return out


def english_in(text: str) -> list[str]:
    """Latin words beside each other that are not all names of code: a sentence of ours that nobody translated."""
    text = re.sub(r"`[^`]*`|[\w.]*\([^()]*\)|[\w.-]+\.\w+|\S*[_=]\S*", " · ", text)
    found = re.findall(r"[A-Za-z]{2,}(?: [A-Za-z]{2,})+", text)
    return [words for words in found if not set(words.lower().split()) <= CODE]


def words_of(page: str) -> str:
    """What a reader sees of a page and what is read aloud, but for the notebook and its code."""
    page = re.sub(r"<style>[\s\S]*?</style>|<script>[\s\S]*?</script>", "", page)
    page = page.split('<section aria-labelledby="h-notebook">')[0] + page.rpartition("</section>")[2]
    page = re.sub(r"<(code|pre)\b[\s\S]*?</\1>", " · ", page)
    told = re.findall(r'(?:aria-label|alt|title)="([^"]*)"', page)
    return html.unescape(" · ".join([*told, re.sub(r"<[^>]+>", " · ", page)]))


def test_the_page_of_a_student_is_russian(graded: Path) -> None:
    page = (graded / "students" / "ivanov.html").read_text(encoding="utf-8")
    assert '<html lang="ru">' in page and "Softmax своими руками" in page
    assert "по измерению" in page and "Подсказка" in page  # what it looks like, and what to do
    assert english_in(words_of(page)) == []
    assert len(page.encode()) < PAGE_BYTES


def test_the_page_of_a_cohort_is_russian(graded: Path) -> None:
    page = (graded / "index.html").read_text(encoding="utf-8")
    assert '<html lang="ru">' in page and "Глубокое обучение на PyTorch" in page
    assert english_in(words_of(page)) == []


def test_the_results_hold_russian_sentences(graded: Path) -> None:
    found = json.loads((graded / "results.json").read_text(encoding="utf-8"))
    for criterion in found["submissions"][0]["criteria"]:
        for key in ("title", "message", "hint"):
            assert english_in(criterion[key]) == [] and re.search("[а-я]", criterion[key] or "а"), criterion


@pytest.mark.parametrize("render", [as_text, render_inline])
def test_the_terminal_and_the_notebook_speak_russian(course_folder: Path, checked: Checked, render: Any) -> None:
    speak(load_course(course_folder), LANGUAGE)
    said = render(checked.told)
    assert "открыт" in said and "размерность" in said and "ожидалось" in said
    assert english_in(words_of(said)) == [] and ("<div" not in said or '<div role="group" lang="ru"' in said)


def test_the_document_for_programs_speaks_russian(checked: Checked) -> None:
    for criterion in as_document(checked)["criteria"]:
        assert english_in(criterion["message"]) == [], criterion


def test_a_mistake_has_the_same_name_in_every_language(course_folder: Path, checked: Checked) -> None:
    english = speak(load_course(course_folder, only="softmax"), "en")
    checker = Checker()
    try:
        other = checker.check(english, course_folder / "in" / "ivanov.ipynb", "softmax")
    finally:
        checker.close()
    names = [[(c.id, c.outcome, c.fingerprint) for c in each.verdict.criteria] for each in (checked, other)]
    assert names[0] == names[1] and any(name for _id, _outcome, name in names[0])


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("def softmx(x):\n    return x", "не определено; самое близкое из определённых имён: `softmx`"),
        (
            "def softmax(x):\n    raise ValueError('no')",
            "ValueError: no, в строке `raise ValueError('no')`",
        ),
        ("def softmax(x):\n    return {1, 2}", "`softmax`: значение типа set нельзя передать"),
        ("import os\ndef softmax(x):\n    os._exit(1)", "завершает весь процесс Python"),
    ],
)
def test_what_a_room_says_is_retold_in_russian(course_folder: Path, code: str, said: str) -> None:
    found = check_code(course_folder, code, LANGUAGE)
    messages = [c.message for c in found.verdict.criteria]
    assert any(said in message for message in messages), messages
    assert [english_in(message) for message in messages if english_in(message)] == []


def test_every_sentence_that_is_retold_is_still_said() -> None:
    """Else a reader gets English again, and nobody notices."""
    folders = ("sandbox", "wire", "intake", "data", "pipeline")
    files = (
        p for f in folders for p in (ROOT / "src" / "torchgrade" / f).rglob("*.py") if p.name != "retelling.py"
    )
    source = " ".join(re.sub(r'"\s*f?"', "", p.read_text(encoding="utf-8")) for p in files)
    for sentence in (*rooms.SENTENCES, *arrivals.SENTENCES):
        pieces = [piece.strip() for piece in re.split(r"\{\w+\}|: |, | \(|(?<=\.) |;", sentence)]
        assert max(pieces, key=len) in source, sentence


def test_a_verdict_in_another_language_is_another_verdict(course_folder: Path) -> None:
    from torchgrade.model import Submission
    from torchgrade.pipeline.machine import choose_place
    from torchgrade.pipeline.plan import GradeOptions, Plan

    course = load_course(course_folder, only="softmax")
    assignment, submission = course.assignments[0], Submission("a", None, {"cells": []}, "digest")
    plans = [
        Plan.make(replace(course, language=each), assignment, choose_place("cpu", assignment), GradeOptions())
        for each in ("en", LANGUAGE)
    ]
    assert plans[0].key(submission) != plans[1].key(submission)
    assert [plan.setup.language for plan in plans] == ["en", LANGUAGE]


# --- at the door -------------------------------------------------------------------------------------------------


def run_here(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "torchgrade", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_an_unknown_language_is_one_line(course_folder: Path) -> None:
    done = run_here(course_folder, "check", "in/ivanov.ipynb", "--lang", "de")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "torchgrade: --lang de: there is no such language; known: en, ru\n"


@pytest.mark.parametrize(
    ("before", "after", "key"),
    [
        ("language: en ", "language: de ", "language: "),
        ("languages: [en, ru]", "languages: [en, de]", "languages[1]: "),
    ],
)
def test_an_unknown_language_of_a_course_is_refused_with_its_line(
    course_folder: Path, tmp_path: Path, before: str, after: str, key: str
) -> None:
    text = (course_folder / "course.yaml").read_text(encoding="utf-8")
    (tmp_path / "course.yaml").write_text(text.replace(before, after), encoding="utf-8")
    with pytest.raises(SpecError, match=re.escape(key) + "must be one of 'en' or 'ru', found 'de'"):
        load_course(tmp_path)


def test_json_is_not_printed_again_and_again(course_folder: Path) -> None:
    done = run_here(course_folder, "check", "in/ivanov.ipynb", "--watch", "--json")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "choose one of them" in done.stderr


def test_what_is_wrong_is_said_in_the_language_of_the_course(course_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(course_folder, tmp_path / "course")
    path = tmp_path / "course" / "course.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("language: en ", "language: ru "), encoding="utf-8")
    empty = tmp_path / "course" / "empty"
    empty.mkdir()
    done = run_here(empty, "check")
    assert (done.returncode, done.stderr) == (2, f"torchgrade: нет ноутбука в папке {empty}\n")


def test_the_courses_own_test_says_what_is_missing(course_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(course_folder, tmp_path / "course")
    course = load_course(tmp_path / "course")
    (whole,) = course_test.translation_findings(course, course.assignments[0])
    assert (whole.subject, whole.problem) == ("every sentence is there in ru", "")
    po = tmp_path / "course" / "assignments" / "softmax" / "locale" / "ru.po"
    po.write_text(
        po.read_text(encoding="utf-8").replace('msgid "Softmax by hand"', 'msgid "Another"'), encoding="utf-8"
    )
    (lacking,) = course_test.translation_findings(course, course.assignments[0])
    assert lacking.problem.startswith(
        "assignments/softmax/locale/ru.po lacks “Softmax by hand” (of assignment.yaml)"
    )
    path = tmp_path / "course" / "course.yaml"
    path.write_text(re.sub(r"\nlanguages:.*", "", path.read_text(encoding="utf-8")), encoding="utf-8")
    assert list(course_test.translation_findings(course, course.assignments[0])) == []  # nothing is promised


def test_a_student_without_the_hidden_catalogue_reads_russian_all_the_same(
    course_folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(course_folder, tmp_path / "kit", ignore=shutil.ignore_patterns("solutions", "test_hidden.py"))
    shutil.rmtree(tmp_path / "kit" / "graders" / "softmax" / "locale")
    shutil.rmtree(tmp_path / "kit" / "graders" / "softmax" / "answers")
    done = run_here(tmp_path / "kit", "check", "in/ivanov.ipynb", "--assignment", "softmax", "--lang", LANGUAGE)
    assert done.returncode == 1, done.stderr
    assert "Каждая строка softmax(x)" in done.stdout and english_in(done.stdout) == []
