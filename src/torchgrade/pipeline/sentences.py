"""Every sentence that a reader meets, and whether it is there in another language.

``python -m torchgrade.pipeline.sentences`` says what lacks a translation, and what is translated though nobody
says it any more; ``--update`` also merges the engine's new sentences into its catalogue, to wait for words.

The engine's sentences are found by Babel: ``_("…")``, ``plural("…", "…", n)`` and ``later("…")`` in modules and
templates. A course's stand where a course keeps them: titles, first lines of docstrings, literals given to
``hint``, ``award``, ``require`` and the like, hints of known answers and of hints.yaml, text and commented code of
the handout.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torchgrade
from torchgrade.errors import SpecError
from torchgrade.grading.answers import load_answers, read_trusted
from torchgrade.i18n import LANGUAGES, engine_catalogue
from torchgrade.model import Assignment, Course
from torchgrade.notebook import derive_handout, translate_handout
from torchgrade.spec import catalogues, load_hints
from torchgrade.spec.graders import PUBLIC_FILE

if TYPE_CHECKING:
    from babel.messages import Catalog

#: A sentence's English; the singular and the plural of one that counts.
Key = str | tuple[str, str]

_KEYWORDS = {"_": None, "later": None, "plural": (1, 2)}
#: Of these calls, which arguments are read by a student, by place and by name.
_SPEAKING: dict[str, tuple[tuple[int, ...], tuple[str, ...]]] = {
    "_": ((0,), ()),
    "hint": ((0,), ()),
    "award": ((1,), ("because",)),
    "require": ((1,), ("message", "safe")),
    "Network": ((0,), ("name", "hint")),
    "ComparisonFailure": ((0,), ("safe",)),
    "Mismatch": ((0,), ("safe",)),
    "fail": ((0,), ()),
    "skip": ((0,), ()),
}
_ANYWHERE = ("hint", "safe")  # keywords that are read whatever is called
_NAMES = ("name", "label")  # keywords that are mostly names of code
_PROSE = re.compile(r"[^\W\d_]{2,}[,:]? +[^\W\d_]{2,}")
_BRACES = re.compile(r"\{([^{}]*)\}")
_SHOWN = 70
_HEADER = """\
# {what}
msgid ""
msgstr ""
"Language: {language}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: {plural_forms}\\n"

"""


@dataclass(frozen=True)
class Missing:
    """A sentence that a catalogue lacks. ``place``: where it is said."""

    catalogue: Path
    text: str
    place: str

    @property
    def shown(self) -> str:
        """Its beginning, in a line."""
        line = " ".join(self.text.split())
        return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 1]}…"


# --- the engine --------------------------------------------------------------------------------------------------


def engine_sentences() -> set[Key]:
    """What modules and templates say."""
    from babel.messages.extract import extract

    from torchgrade.feedback.templates import folder

    modules = Path(torchgrade.__file__).parent.rglob("*.py")
    files = [*(("python", p) for p in modules), *(("jinja2", p) for p in folder().rglob("*.j2"))]
    found: set[Key] = set()
    for method, path in files:
        with path.open("rb") as file:
            for _line, message, _comments, _context in extract(method, file, keywords=_KEYWORDS):
                found.add(message if isinstance(message, str) else (message[0], message[1]))
    return found - {key[0] for key in found if not isinstance(key, str)}  # that entry serves for both


def hidden_calls() -> list[str]:
    """Where a module says something inside an f-string, which Babel does not see: file and line."""
    found = []
    for path in Path(torchgrade.__file__).parent.rglob("*.py"):
        for text in ast.walk(ast.parse(path.read_bytes())):
            calls = ast.walk(text) if isinstance(text, ast.JoinedStr) else ()
            found += [f"{path.name}:{call.lineno}" for call in calls if _says_a_literal(call)]  # type: ignore[attr-defined]
    return sorted(set(found))


def _says_a_literal(node: ast.AST) -> bool:
    return _called(node) in _KEYWORDS and isinstance(node, ast.Call) and isinstance(node.args[0], ast.Constant)


def read(path: Path, language: str) -> Catalog:
    """A catalogue; an empty one where there is no file."""
    from babel.messages import Catalog
    from babel.messages.pofile import read_po

    if not path.is_file():
        return Catalog(locale=language)
    with path.open(encoding="utf-8") as file:
        return read_po(file, locale=language)


def update_engine(language: str) -> None:
    """Merge the engine's sentences into its catalogue. What is said no more stays, put out of use."""
    from babel.messages import Catalog

    path, template = engine_catalogue(language), Catalog()
    for key in engine_sentences():
        template.add(key)
    catalogue = read(path, language)
    catalogue.update(template, no_fuzzy_matching=True)
    write(catalogue, path, "The engine's sentences: reports, the terminal, a notebook.", language)


def write(catalogue: Catalog, path: Path, what: str, language: str) -> None:
    """In the order of the English, without dates and places: the file changes when a sentence does."""
    import io

    from babel.messages.pofile import write_po

    body = io.BytesIO()
    write_po(body, catalogue, width=100, no_location=True, omit_header=True, sort_output=True)
    head = _HEADER.format(what=what, language=language, plural_forms=catalogue.plural_forms)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(head + body.getvalue().decode("utf-8").strip() + "\n", encoding="utf-8")


def translated(catalogue: Catalog) -> set[Key]:
    """The sentences that have all their words in it, fuzzy ones left out."""
    return {_key(m.id) for m in catalogue if m.id and not m.fuzzy and _is_whole(m.string, catalogue)}


def unlike_braces(catalogue: Catalog) -> list[str]:
    """Sentences of which a translation names other values than the English does, or not all of them."""
    return [_first(m.id) for m in catalogue if m.id and not _braces_agree(m)]


def _braces_agree(message: Any) -> bool:
    said = message.string if isinstance(message.string, tuple | list) else (message.string,)
    wanted = set(_BRACES.findall(_first(message.id, last=True)))
    return all(set(_BRACES.findall(text)) == wanted for text in said if text)


def _is_whole(said: Any, catalogue: Catalog) -> bool:
    if isinstance(said, tuple | list):
        return len(said) == catalogue.num_plurals and all(said)
    return bool(said)


def _key(id: Any) -> Key:
    return (id[0], id[1]) if isinstance(id, tuple | list) else str(id)


def _first(id: Any, *, last: bool = False) -> str:
    key = _key(id)
    return key if isinstance(key, str) else key[-1 if last else 0]


# --- a course ----------------------------------------------------------------------------------------------------


def missing_in(course: Course, assignment: Assignment, language: str) -> list[Missing]:
    """The sentences of an assignment, and the course's title, that lack a translation. Raises SpecError.

    What a student may have must stand in the catalogue that a student has.
    """
    own, hidden, whole = catalogues(course.root, [assignment.id], language)
    engine = _strings(engine_catalogue(language), language)
    shipped = _strings(own, language) | engine
    known = {own: shipped, hidden: shipped | _strings(hidden, language), whole: _strings(whole, language)}
    wanted = [(own, *each) for each in _public(assignment)] + [(hidden, *each) for each in _kept_back(assignment)]
    wanted.append((whole, course.title, "course.yaml"))
    lacking = (Missing(where, text, place) for where, text, place in wanted if text not in known[where])
    return list(dict.fromkeys(lacking))


def left_over_in(course: Course, assignment: Assignment, language: str) -> list[Missing]:
    """Entries of an assignment's catalogues that its files no longer say."""
    own, hidden, _whole = catalogues(course.root, [assignment.id], language)
    said = {text for text, _place in (*_public(assignment), *_kept_back(assignment))}
    for path in (*assignment.graders.rglob("*.py"), *assignment.folder.rglob("*.py")):
        constants = (n.value for n in ast.walk(_parsed(path)) if isinstance(n, ast.Constant))
        said |= {value for value in constants if isinstance(value, str)}
    return [
        Missing(path, text, path.name)
        for path in (own, hidden)
        for text in sorted(_strings(path, language))
        if text not in said
    ]


def _strings(path: Path, language: str) -> set[str]:
    """Every English text that a catalogue translates, those that count by both of their forms."""
    keys = translated(read(path, language))
    return {text for key in keys for text in ((key,) if isinstance(key, str) else key)}


def _public(assignment: Assignment) -> Iterator[tuple[str, str]]:
    """(sentence, place) of what a student may have."""
    yield assignment.title, "assignment.yaml"
    for criterion in assignment.criteria:
        yield criterion.title, "assignment.yaml"
    yield from _said_in(assignment.graders / PUBLIC_FILE)
    for number, cell in enumerate(_cells(assignment), 1):
        if _needs_translation(cell):
            yield "".join(cell["source"]), f"{assignment.handout.name}, cell {number}"


def _cells(assignment: Assignment) -> list[dict[str, Any]]:
    handout = derive_handout(read_trusted(assignment.solution), assignment.solution)
    return list(handout["cells"])


def _needs_translation(cell: dict[str, Any]) -> bool:
    """As the handout's own translation asks."""
    try:
        translate_handout({"cells": [cell]}, {})
    except SpecError:
        return True
    return False


def _kept_back(assignment: Assignment) -> Iterator[tuple[str, str]]:
    """(sentence, place) of what never ships."""
    for path in sorted(assignment.graders.glob("*.py")):
        if path.name != PUBLIC_FILE:
            yield from _said_in(path)
    for answer in load_answers(assignment.graders, "wrong"):
        if answer.hint:
            yield answer.hint, f"answers/wrong/{answer.path.name}"
    for entry in load_hints(assignment).values():
        yield entry.hint, "hints.yaml"


def _said_in(path: Path) -> Iterator[tuple[str, str]]:
    """What a grader says: first lines of its tests' docstrings, and literals in calls that speak."""
    tree = _parsed(path)
    constants = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        for text in _said_by(node):
            for literal in _literals(text, constants):
                yield literal, f"{path.name}:{getattr(node, 'lineno', 1)}"


def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_bytes()) if path.is_file() else ast.Module([], [])


def _said_by(node: ast.AST) -> Iterator[ast.expr]:
    if isinstance(node, ast.FunctionDef) and node.name.startswith("test"):
        lines = (ast.get_docstring(node) or "").strip().splitlines()
        yield from (ast.Constant(line.strip()) for line in lines[:1])
    elif isinstance(node, ast.Assert) and node.msg is not None:
        yield node.msg
    elif isinstance(node, ast.Call):
        name = _called(node)
        places, keywords = _SPEAKING.get(name, ((), ()))
        yield from (node.args[place] for place in places if place < len(node.args))
        yield from (node.args[:2] if name == "plural" else ())
        yield from (k.value for k in node.keywords if k.arg in (*keywords, *_ANYWHERE))
        named = (k.value for k in node.keywords if k.arg in _NAMES and k.arg not in keywords)
        yield from (v for v in named if isinstance(v, ast.Constant) and _PROSE.search(str(v.value)))


def _called(node: ast.AST) -> str:
    if not isinstance(node, ast.Call):
        return ""
    return getattr(node.func, "id", getattr(node.func, "attr", ""))


def _literals(text: ast.expr, constants: dict[str, ast.expr]) -> Iterator[str]:
    """The literals that an expression may be; an f-string as it is written, which no catalogue can hold."""
    if isinstance(text, ast.Constant) and isinstance(text.value, str) and text.value:
        yield text.value
    elif isinstance(text, ast.IfExp):
        yield from _literals(text.body, constants)
        yield from _literals(text.orelse, constants)
    elif isinstance(text, ast.Name) and text.id in constants:
        yield from _literals(constants[text.id], {})
    elif isinstance(text, ast.JoinedStr) and any(isinstance(part, ast.Constant) for part in text.values):
        yield ast.unparse(text)


# --- the command -------------------------------------------------------------------------------------------------


def complaints(language: str) -> Iterator[str]:
    """A line for whatever is wrong with the engine's sentences in this language."""
    catalogue = read(engine_catalogue(language), language)
    said, known = engine_sentences(), translated(catalogue)
    yield from (f"{place}: a sentence inside an f-string is not seen" for place in hidden_calls())
    yield from (f"engine: lacks “{_first(key)}”" for key in sorted(said - known, key=_first))
    there = {_key(m.id) for m in catalogue if m.id}
    yield from (f"engine: nobody says “{_first(key)}”" for key in sorted(there - said, key=_first))
    yield from (f"engine: out of use “{_first(key)}”" for key in catalogue.obsolete)
    yield from (f"engine: other braces in “{text}”" for text in unlike_braces(catalogue))


def course_complaints(course: Course, language: str) -> Iterator[str]:
    """The same for a course."""
    for assignment in course.assignments:
        for one in missing_in(course, assignment, language):
            yield f"{one.catalogue.relative_to(course.root)}: lacks “{one.shown}” ({one.place})"
        for one in left_over_in(course, assignment, language):
            yield f"{one.catalogue.relative_to(course.root)}: nobody says “{one.shown}”"
        for path in catalogues(course.root, [assignment.id], language):
            catalogue, name = read(path, language), path.relative_to(course.root)
            yield from (f"{name}: other braces in “{text}”" for text in unlike_braces(catalogue))
            yield from (f"{name}: fuzzy “{_first(m.id)}”" for m in catalogue if m.id and m.fuzzy)


def main(arguments: Iterable[str]) -> int:
    """1 where something is wrong."""
    from torchgrade.pipeline.folders import course_root
    from torchgrade.spec import load_course

    course, wrong = load_course(course_root(Path.cwd())), 0
    for language in LANGUAGES[1:]:
        if "--update" in arguments:
            update_engine(language)
        for line in (*complaints(language), *course_complaints(course, language)):
            wrong += 1
            print(line)
    print(f"{wrong} not as they must be" if wrong else "every sentence is there in every language")
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
