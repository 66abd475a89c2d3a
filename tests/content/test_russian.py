"""The course in Russian says what the course says, in the same places, and its code stays the same code."""

from __future__ import annotations

import ast
import json
import re
import shutil
from collections import Counter
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from quick import ASSIGNMENTS, ROOT, header, judge, listed, run, sources

from torchgrade.errors import SpecError
from torchgrade.i18n import speaking
from torchgrade.notebook import dump, same_code, translate_handout
from torchgrade.pipeline import course_test
from torchgrade.spec import catalogues, load_assignment

IDS = sorted(p.name for p in (ROOT / "assignments").iterdir() if p.is_dir())
CATALOGUES = [ROOT / kind / id / "locale" / "ru.po" for kind in ("assignments", "graders") for id in IDS]
PAPERS = [*(p.parent / "README.ru.md" for p in (ROOT / "assignments").glob("*/README.md"))]
PAPERS += [ROOT / "student_template" / "README.ru.md", ROOT / "docs" / "students.ru.md"]

#: Said in both languages alike: names, and code to copy.
ALIKE = ("LeNet-5", "results = [", "a tanh", "a ReLU")


def entries(path: Path) -> dict[str, str]:
    with path.open(encoding="utf-8") as file:
        return {str(m.id): str(m.string) for m in read_po(file, abort_invalid=True) if m.id}


def cells(path: Path) -> list[dict]:
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def handouts(id: str) -> tuple[Path, Path]:
    folder = ROOT / "assignments" / id
    return folder / f"{id}.ipynb", folder / f"{id}.ru.ipynb"


def braces(text: str) -> list[str]:
    return sorted(re.findall(r"\{[^{}]*\}", text))


# --- catalogues --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda p: "-".join(p.parts[-4:-2]))
def test_a_catalogue_is_whole(path):
    with path.open(encoding="utf-8") as file:
        catalogue = read_po(file, abort_invalid=True)
    assert str(catalogue.locale) == "ru"
    assert catalogue.num_plurals == 3
    assert not [m.id for m in catalogue if m.id and (m.fuzzy or not m.string)]
    assert not catalogue.obsolete
    assert not any(m.locations for m in catalogue)


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda p: "-".join(p.parts[-4:-2]))
def test_what_is_filled_in_is_the_same_on_both_sides(path):
    for english, russian in entries(path).items():
        if "\n" not in english and "$" not in english:
            assert braces(russian) == braces(english), english
        assert re.findall(r"\$[^$]+\$", russian) == re.findall(r"\$[^$]+\$", english), english


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda p: "-".join(p.parts[-4:-2]))
def test_every_entry_is_in_russian_and_keeps_its_code(path):
    for english, russian in entries(path).items():
        assert re.search("[а-яёА-Я]", russian) or english.startswith(ALIKE), english
        assert (russian[-1] in ".?") == (english[-1] in ".?"), english
        if not english.startswith(("def ", "class ", "try:", "import ", "#", "MEAN")):
            spans = [re.findall(r"`([^`\n]+)`", text) for text in (english, russian)]
            assert {s.replace("README.md", "README.ru.md") for s in spans[0] if s.isascii()} <= set(spans[1]) | {
                "(random number from 0 to 1 - 0.5) / 10"
            }, english


@pytest.mark.parametrize("id", IDS)
def test_what_ships_gives_no_hidden_hint_away(id):
    """The catalogue of a kit holds no hint of a known wrong answer that the public grader does not give itself."""
    public = (ROOT / "graders" / id / "test_public.py").read_text(encoding="utf-8")
    said = {n.value for n in ast.walk(ast.parse(public)) if isinstance(n, ast.Constant)}
    hints = {header(p).get("hint", "") for p in (ROOT / "graders" / id / "answers" / "wrong").glob("*.py")}
    assert not (hints - said - {""}) & set(entries(ROOT / "assignments" / id / "locale" / "ru.po"))


# --- handouts ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("id", IDS)
def test_every_text_of_the_handout_is_translated(id):
    english, russian = (cells(path) for path in handouts(id))
    assert [c["id"] for c in russian] == [c["id"] for c in english]
    assert [c["cell_type"] for c in russian] == [c["cell_type"] for c in english]
    texts = [c["source"] for c in russian if c["cell_type"] == "markdown"]
    assert all(re.search("[а-яё]", "".join(text)) for text in texts)


@pytest.mark.parametrize("id", IDS)
def test_the_russian_handout_is_derived_from_the_catalogue(id):
    english, russian = handouts(id)
    known = entries(ROOT / "assignments" / id / "locale" / "ru.po")
    assert russian.read_text(encoding="utf-8") == dump(translate_handout({"cells": cells(english)}, known))


@pytest.mark.parametrize("id", IDS)
def test_the_russian_handout_holds_the_same_code(id):
    for english, russian in zip(*(cells(path) for path in handouts(id)), strict=True):
        if english["cell_type"] == "code":
            one, other = ("".join(cell["source"]) for cell in (english, russian))
            assert same_code(one, other), other
            assert plain(one) == plain(other), other
            assert not literals(other) - literals(one), other  # what is in Latin letters was there before


def plain(source: str) -> list[object]:
    """All names and numbers: read by another way than ``same_code``."""
    nodes = list(ast.walk(ast.parse(source)))
    names = [n.id if isinstance(n, ast.Name) else n.attr for n in nodes if isinstance(n, ast.Name | ast.Attribute)]
    return names + [n.value for n in nodes if isinstance(n, ast.Constant) and not isinstance(n.value, str)]


def literals(source: str) -> Counter[str]:
    nodes = ast.walk(ast.parse(source))
    values = [n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    return Counter(v for v in values if v.isascii())


@pytest.mark.parametrize("id", ASSIGNMENTS)
def test_the_untouched_russian_handout_runs_and_earns_nothing(id):
    space, errors = run(id, sources(handouts(id)[1]))
    assert errors == []
    assert not [c for c, result in judge(id, space).results.items() if result == "passed"]


def notebook(kind: str, source: str) -> dict:
    return {"cells": [{"cell_type": kind, "id": "one", "metadata": {}, "source": source}]}


@pytest.mark.parametrize(
    ("kind", "source"), [("markdown", "Some text"), ("code", "# a comment"), ("code", 'print("It is here:", 1)')]
)
def test_a_cell_without_a_translation_is_named(kind, source):
    with pytest.raises(SpecError, match=r"cell 1.*has no translation"):
        translate_handout(notebook(kind, source), {}, "some.ipynb")


def test_code_that_says_nothing_needs_no_translation():
    made = translate_handout(notebook("code", 'import torch\nx = torch.tensor([1.0], device="cpu")'), {})
    assert made["cells"][0]["source"].startswith("import torch")


@pytest.fixture
def padding(tmp_path):
    """A course with one assignment of ours."""
    (tmp_path / "course.yaml").write_text("title: A course\nyear: 2026\n")
    for kind in ("assignments", "solutions", "graders"):
        shutil.copytree(ROOT / kind / "padding", tmp_path / kind / "padding")
    return load_assignment(tmp_path, "padding")


def fresh(assignment, *, fix=False):
    """What ``ci`` finds about the Russian handout."""
    catalogue = assignment.folder / "locale" / "ru.po"
    return course_test._translated_handout_is_fresh(assignment, catalogue, fix=fix).problem


def test_ci_tells_of_a_stale_russian_handout_and_mends_it(padding):
    path = padding.folder / "padding.ru.ipynb"
    before = path.read_bytes()
    assert fresh(padding) == ""
    path.write_text(path.read_text(encoding="utf-8").replace("Какое", "Которое"), encoding="utf-8")
    assert "padding.ru.ipynb is stale; `torchgrade ci --fix`" in fresh(padding)
    assert fresh(padding, fix=True) == ""
    assert path.read_bytes() == before


def test_ci_names_the_cell_that_has_no_translation(padding):
    catalogue = padding.folder / "locale" / "ru.po"
    text = catalogue.read_text(encoding="utf-8")
    catalogue.write_text(text.replace('"## Which padding?', '"## What padding?'), encoding="utf-8")
    problem = fresh(padding)
    assert "cell 3" in problem
    assert "## Which padding?" in problem
    assert fresh(padding, fix=True) == problem


SOURCE = 'x = f(2, "cuda")  # a comment\nprint(f"It is {x:.1f} long")'


def test_keys_are_no_sentences():
    assert same_code('row = {"name": "a name"}', 'row = {"name": "имя"}')
    assert not same_code('row = {"name": "a name"}', 'row = {"имя": "a name"}')
    assert not same_code('row["name"] = "a name"', 'row["имя"] = "a name"')


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ('x = f(2, "cuda")  # замечание\nprint(f"Длина {x:.1f} см")', True),
        ('x = f(3, "cuda")  # замечание\nprint(f"Длина {x:.1f} см")', False),
        ('x = f(2, "cpu")  # замечание\nprint(f"Длина {x:.1f} см")', False),
        ('x = f(2, "cuda")  # замечание\nprint(f"Длина {x:.2f} см")', False),
        ('x = f(2, "cuda")  # замечание\nprint(f"Длина {y:.1f} см")', False),
        ('x = f(2, "cuda")  # замечание\nprint("Длина")', False),
        ('x = f(2, "cuda")  # замечание\nprint(f"Длина {x:.1f} см"', False),
    ],
)
def test_only_comments_and_sentences_of_code_may_differ(other, same):
    assert same_code(SOURCE, other) is same
    if not same:
        with pytest.raises(SpecError, match=r"cell 1.*changes the code"):
            translate_handout(notebook("code", SOURCE), {SOURCE: other}, "some.ipynb")


# --- graders -----------------------------------------------------------------------------------------------------


WRONG = [
    pytest.param(a, path, id=f"{a}-{path.stem}")
    for a in ASSIGNMENTS
    for path in sorted((ROOT / "graders" / a / "answers" / "wrong").glob("*.py"))
]


@pytest.mark.slow
@pytest.mark.parametrize(("id", "path"), WRONG)
def test_a_wrong_answer_is_judged_alike_and_told_in_russian(id, path):
    """Points and hints are those of the English course: no grader reads a sentence that may be translated."""
    space, _ = run(id, sources(path))
    english = judge(id, space)
    space, _ = run(id, sources(path))
    with speaking("ru", catalogues(ROOT, [id], "ru")):
        russian = judge(id, space)
    assert russian.lost == english.lost == listed(header(path)["loses"])
    known = entries(ROOT / "assignments" / id / "locale" / "ru.po")
    known |= entries(ROOT / "graders" / id / "locale" / "ru.po")
    for criterion, hint in english.hints.items():
        assert russian.hints[criterion] in (hint, known.get(hint)), criterion
        assert not hint or hint in known, hint
    for criterion in russian.lost:
        if isinstance(failure := russian.results[criterion], AssertionError):
            assert re.search("[а-яё]", str(failure)), str(failure)


# --- papers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PAPERS, ids=lambda p: p.parent.name)
def test_a_paper_has_the_parts_of_the_english_one(path):
    russian = path.read_text(encoding="utf-8")
    english = path.with_name(path.name.replace(".ru.md", ".md")).read_text(encoding="utf-8")
    for part in (
        r"(?m)^#+ ",
        r"(?m)^ *\|",
        r"(?m)^ *(?:-|\d+\.) ",
        r"(?m)^ {4,}(?:torchgrade|python|from|check).*",
    ):
        one, other = re.findall(part, english), re.findall(part, russian)
        assert one == other, part
    assert re.findall(r"\$\$[^$]+\$\$", russian) == re.findall(r"\$\$[^$]+\$\$", english)
    points = [re.findall(r"(?m)\| ([\d.]+) \|$", text) for text in (english, russian)]
    assert points[0] == points[1]
    assert max(map(len, (line for line in russian.splitlines() if "|" not in line))) <= 125
