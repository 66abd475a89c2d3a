"""A course of two assignments in which every place that no student may see holds a word of its own."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from small_course import DOUBLE_HIDDEN, DOUBLE_PUBLIC, add_assignment, write_course, write_notebook

from torchgrade.model import Course
from torchgrade.notebook import derive_handout, dump, translate_handout
from torchgrade.spec import load_course

#: Where each word stands. None may come out.
CANARIES = {
    "hidden test": "kestrel-in-the-hidden-test",
    "hidden title": "Heron: right for large numbers",
    "hidden id": "heron-large",
    "hidden points": "7.3125",
    "hidden title in Russian": "Цапля: верно для больших чисел",
    "solution": "bittern_in_the_solution",
    "solution-only cell": "curlew-for-the-teacher-alone",
    "output of the solution": "plover-was-printed",
    "wrong answer": "godwit_in_a_wrong_answer",
    "hint of a wrong answer": "dunlin hints at the mistake",
    "right answer": "whimbrel_in_a_right_answer",
    "hints.yaml": "sanderling hints by fingerprint",
    "graders' catalogue": "Зуёк подсказывает",
    "hand-in of a cohort": "turnstone_handed_in",
    "the secret": "phalarope5ec7e7",
    "comment in course.yaml": "avocet remarks on the course",
    "comment in assignment.yaml": "lapwing remarks on the rubric",
    "comment in a catalogue": "ruff remarks on the translation",
    "out of use in a catalogue": "Кулик больше не говорит",
    "file that is not listed": "redshank_is_not_listed",
    "another assignment": "snipe",
    "rule of another assignment": "woodcock",
}

RUBRIC = f"""\
- {{id: doubles, title: double(x) is twice x, points: 2}}  # {CANARIES["comment in assignment.yaml"]}
- id: {CANARIES["hidden id"]}
  title: "{CANARIES["hidden title"]}"
  points: 7.3125
  visibility: hidden
  needs: [doubles]
- {{id: essay, title: Say why, points: 1, manual: true}}
"""
SOLUTION = f"""\
def double(x):
    # Twice.
    ### BEGIN SOLUTION
    {CANARIES["solution"]} = 2 * x
    return {CANARIES["solution"]}
    ### END SOLUTION
"""
PO = 'msgid ""\nmsgstr ""\n"Language: ru\\n"\n"Content-Type: text/plain; charset=utf-8\\n"\n\n'
RUSSIAN = {
    "About double": "О функции double",
    "double(x) is twice x": "double(x) вдвое больше x",
    "Twice is two times.": "Вдвое — это два раза.",
    "Say why": "Скажите почему",
}


def entry(english: str, russian: str) -> str:
    return f"msgid {json.dumps(english)}\nmsgstr {json.dumps(russian, ensure_ascii=False)}\n\n"


def canary_course(root: Path) -> Course:
    """The course. `double` is what is released; `snipe` is not."""
    write_course(root)
    (root / "course.yaml").write_text(
        f"# {CANARIES['comment in course.yaml']}\ntitle: Small course\nyear: 2026\nlimits: {{cell_time: 20 s}}\n"
        "variants:\n  snipe: {classes: [woodcock + 1], default: {woodcock: 1}}\n"
        "  double: {classes: [group + 1], default: {group: 1}}\n",
        encoding="utf-8",
    )
    _double(root)
    add_assignment(root, "snipe", rubric="- {id: doubles, title: snipe, points: 2}\n", hidden="")
    (root / ".torchgrade").mkdir()
    (root / ".torchgrade" / "secret").write_text(CANARIES["the secret"], encoding="utf-8")
    _history(root)
    return load_course(root)


def _double(root: Path) -> None:
    hidden = DOUBLE_HIDDEN.replace("doubles-large", CANARIES["hidden id"])
    add_assignment(
        root,
        rubric=RUBRIC,
        public=DOUBLE_PUBLIC,
        hidden=hidden + f"\n# {CANARIES['hidden test']}\n",
        solution=(SOLUTION, f"# {CANARIES['solution-only cell']}"),
        files={"helper.py": "TWO = 2\n"},
        answers={
            "wrong/triples.py": "# %% [markdown]\n# title: triples\n# loses: doubles\n"
            f"# hint: {CANARIES['hint of a wrong answer']}\n# %%\n{CANARIES['wrong answer']} = 3\n",
            "right/sum.py": f"# %%\n{CANARIES['right answer']} = 2\n",
        },
        handout=False,
    )
    folder, graders = root / "assignments" / "double", root / "graders" / "double"
    (folder / "README.md").write_text("# Double it\n", encoding="utf-8")
    (folder / "README.ru.md").write_text("# Удвойте\n", encoding="utf-8")
    (folder / "files" / "teacher.txt").write_text(CANARIES["file that is not listed"], encoding="utf-8")
    (graders / "hints.yaml").write_text(
        "hints:\n  - key: k\n    criterion: doubles\n    fingerprint: out-0123456789ab\n"
        f"    hint: {CANARIES['hints.yaml']}\n",
        encoding="utf-8",
    )
    _solution_with_traces(root / "solutions" / "double" / "double.ipynb")
    write_notebook(graders / "cohort" / "ada.ipynb", CANARIES["hand-in of a cohort"])
    (graders / "locale").mkdir()
    said = entry(CANARIES["hints.yaml"], CANARIES["graders' catalogue"])
    (graders / "locale" / "ru.po").write_text(PO + said, encoding="utf-8")
    (root / "locale").mkdir(exist_ok=True)
    (root / "locale" / "ru.po").write_text(PO + entry("Small course", "Малый курс"), encoding="utf-8")
    _handouts(root)


def _solution_with_traces(path: Path) -> None:
    """As a teacher who has run it saves it: with outputs and tags."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    notebook["cells"][1]["metadata"] = {"tags": ["solution-only"]}
    notebook["cells"][0]["outputs"] = [
        {"output_type": "stream", "name": "stdout", "text": CANARIES["output of the solution"]}
    ]
    path.write_text(json.dumps(notebook), encoding="utf-8")


def _handouts(root: Path) -> None:
    folder = root / "assignments" / "double"
    solution = json.loads((root / "solutions" / "double" / "double.ipynb").read_text(encoding="utf-8"))
    handout = derive_handout(solution)
    (cell,) = ["".join(c["source"]) for c in handout["cells"]]
    russian = {**RUSSIAN, cell: cell.replace("Twice.", "Вдвое.")}
    (folder / "locale").mkdir()
    (folder / "locale" / "ru.po").write_text(
        PO
        + "".join(entry(*pair) for pair in russian.items())
        + f"# {CANARIES['comment in a catalogue']}\n"
        + entry(CANARIES["hidden title"], CANARIES["hidden title in Russian"])
        + f'#~ msgid "gone"\n#~ msgstr "{CANARIES["out of use in a catalogue"]}"\n',
        encoding="utf-8",
    )
    (folder / "double.ipynb").write_text(dump(handout), encoding="utf-8")
    (folder / "double.ru.ipynb").write_text(dump(translate_handout(handout, russian)), encoding="utf-8")


def _history(root: Path) -> None:
    """The course is a repository itself, as courses are; nothing of its history belongs to a kit."""
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    for command in (
        ("init", "-q"),
        ("add", "-A", "-f"),
        (*identity, "commit", "-q", "-m", CANARIES["the secret"]),
    ):
        subprocess.run(["git", *command], cwd=root, check=True, capture_output=True, timeout=60)


def all_that_can_be_read(folder: Path) -> bytes:
    """Names and bytes of every file below ``folder``, and of every object in the git repositories there, also such
    as no branch leads to."""
    parts: list[bytes] = []
    for path in sorted(folder.rglob("*")):
        parts.append(str(path.relative_to(folder)).encode())
        if path.is_file():
            parts.append(path.read_bytes())
        elif path.name == ".git":
            shown = ["git", "cat-file", "--batch-all-objects", "--batch", "--unordered"]
            done = subprocess.run(shown, cwd=path.parent, check=True, capture_output=True, timeout=60)
            parts.append(done.stdout)
    return b"\n".join(parts)


def found_in(folder: Path) -> set[str]:
    """The places whose word can be read somewhere below ``folder``."""
    text = all_that_can_be_read(folder)
    escaped = {name: json.dumps(word)[1:-1] for name, word in CANARIES.items()}
    return {name for name, word in CANARIES.items() if word.encode() in text or escaped[name].encode() in text}
