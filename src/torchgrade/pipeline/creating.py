"""``new``: an assignment that passes the course's test at once, small enough to be written over."""

from __future__ import annotations

import contextlib
import keyword
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torchgrade.errors import UsageError
from torchgrade.i18n import LANGUAGES
from torchgrade.model import Course
from torchgrade.notebook import derive_handout, dump, translate_handout
from torchgrade.notebook.cells import new_cell, new_notebook
from torchgrade.pipeline.scaffold import HIDDEN, PUBLIC, SOLUTION, SPEC, WORDS, Words
from torchgrade.spec import assignment_ids, languages_of, load_course

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_KINDS = ("assignments", "solutions", "graders")


@dataclass(frozen=True)
class Wanted:
    """What a new assignment is to be called. Empty: made of the id."""

    id: str
    title: str = ""
    function: str = ""
    language: str = ""  # of the files; empty: the course's, or English where the course promises translations


@dataclass(frozen=True)
class Created:
    """Files that were written, as seen from the course's root; ``listed``: whether course.yaml knows the id."""

    files: tuple[Path, ...]
    listed: bool = True


def default_title(id: str) -> str:
    """``linear-regression`` as ``Linear regression``."""
    words = re.sub(r"[._-]+", " ", id).strip()
    return words[:1].upper() + words[1:]


def default_function(id: str) -> str:
    """The id where it can be a name in Python, else ``solve``."""
    name = re.sub(r"[.-]", "_", id)
    return name if _is_name(name) else "solve"


def check_id(root: Path, id: str) -> None:
    """Raise UsageError where there can be no new assignment of this id."""
    if not _ID.fullmatch(id):
        raise UsageError(
            f"{id!r} cannot be the id of an assignment: it must begin with a Latin letter or digit "
            "and hold only letters, digits, '-', '_' and '.'"
        )
    taken = {name.casefold(): name for name in assignment_ids(root)}
    if id.casefold() in taken:
        raise UsageError(f"there is an assignment {taken[id.casefold()]!r} already; nothing was written")
    for kind in _KINDS:
        if (root / kind / id).exists():
            raise UsageError(f"{kind}/{id} is there already; nothing was written")


def create(root: Path, wanted: Wanted) -> Created:
    """Write a new assignment, all of it or nothing. Raises UsageError, SpecError."""
    course = load_course(root, only="")
    check_id(root, wanted.id)
    title = wanted.title.strip() or default_title(wanted.id)
    function = wanted.function.strip() or default_function(wanted.id)
    if not _is_name(function):
        raise UsageError(f"--function {function}: cannot be the name of a function in Python")
    if not title.isprintable():
        raise UsageError("--title: must be one line of text")
    language, others = _languages(course, wanted.language)
    files = dict(_files(wanted.id, title, function, language, others))
    with _told(root), _staged(root, files) as staged:
        _move(root, staged, wanted.id)
    listed = wanted.id in {a.id for a in load_course(root).assignments}
    return Created(tuple(Path(name) for name in files), listed)


def _languages(course: Course, wanted: str) -> tuple[str, tuple[str, ...]]:
    """The language of the files, and those into which the course promises to translate them."""
    promised = languages_of(course.root)
    if not promised:
        return wanted or course.language, ()
    if wanted not in ("", LANGUAGES[0]):
        raise UsageError(
            f"--lang {wanted}: course.yaml promises {', '.join(promised)}, so sentences stand in English in the "
            "files and in other languages in locale/; both are written"
        )
    return LANGUAGES[0], tuple(language for language in promised if language != LANGUAGES[0])


def _files(
    id: str, title: str, function: str, language: str, others: tuple[str, ...]
) -> Iterator[tuple[str, str]]:
    """(path in the course, text) of every file."""
    words = WORDS[language]
    names = {"id": id, "function": function, "title": title}
    solution = _solution(words, names)
    yield f"assignments/{id}/assignment.yaml", _filled(SPEC, words, names, quoted=True)
    yield f"solutions/{id}/{id}.ipynb", dump(solution)
    yield f"graders/{id}/test_public.py", _filled(PUBLIC, words, names)
    yield f"graders/{id}/test_hidden.py", _filled(HIDDEN, words, names)
    handout = derive_handout(solution)
    yield f"assignments/{id}/{id}.ipynb", dump(handout)
    for other in others:
        yield from _translations(id, handout, names, words, other)


def _translations(
    id: str, handout: dict[str, Any], names: dict[str, str], words: Words, language: str
) -> Iterator[tuple[str, str]]:
    theirs = WORDS[language]
    translated = derive_handout(_solution(theirs, names))
    cells = {
        ours["source"]: _gaps(other["source"], theirs)
        for ours, other in zip(handout["cells"], translated["cells"], strict=True)
    }
    own = {names["title"]: names["title"]}
    pairs = zip((*words.public, *words.hidden), (*theirs.public, *theirs.hidden), strict=True)
    own |= {_said(one, names): _said(other, names) for one, other in pairs}
    own |= {one: other for one, other in cells.items() if one != other}
    yield f"assignments/{id}/{id}.{language}.ipynb", dump(translate_handout(handout, own))
    yield f"assignments/{id}/locale/{language}.po", _catalogue(own, language)


def _solution(words: Words, names: dict[str, str]) -> dict[str, Any]:
    task = new_cell("markdown", _said(words.task, names), "task")
    first = new_cell("code", "import torch", "imports")
    return new_notebook([task, first, new_cell("code", SOLUTION.format(**names), "solution")])


def _gaps(source: str, words: Words) -> str:
    """What the handout puts in place of a solution is English by itself."""
    for english, other in words.gaps:
        source = source.replace(english, other)
    return source


def _filled(template: str, words: Words, names: dict[str, str], *, quoted: bool = False) -> str:
    """The template with its sentences; ``quoted``: as YAML wants them."""
    import json

    sentences = {f"public{n}": _said(text, names) for n, text in enumerate(words.public)}
    sentences |= {f"hidden{n}": _said(text, names) for n, text in enumerate(words.hidden)}
    filling = {**sentences, "title": names["title"]}
    if quoted:
        filling = {name: json.dumps(text, ensure_ascii=False) for name, text in filling.items()}
    return template.format(**{**names, **filling})


def _said(sentence: str, names: dict[str, str]) -> str:
    return sentence.format(**names)


def _catalogue(entries: dict[str, str], language: str) -> str:
    import io

    from babel.messages import Catalog
    from babel.messages.pofile import write_po

    made, out = Catalog(locale=language), io.BytesIO()
    for english, other in entries.items():
        made.add(english, other)
    write_po(out, made, width=0, omit_header=False, sort_output=False)
    header = f'msgid ""\nmsgstr ""\n"Language: {language}\\n"\n"Content-Type: text/plain; charset=utf-8\\n"\n'
    header += f'"Plural-Forms: {made.plural_forms}\\n"\n'
    body = out.getvalue().decode("utf-8").split("\n\n", 1)[1]
    return f"{header}\n{body.strip()}\n"


@contextlib.contextmanager
def _staged(root: Path, files: dict[str, str]) -> Iterator[Path]:
    """All files in a folder beside their places, which is gone afterwards."""
    staged = root / f".new-{secrets.token_hex(6)}"
    try:
        for name, text in files.items():
            path = staged / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        yield staged
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _move(root: Path, staged: Path, id: str) -> None:
    """The folders into their places; where one cannot be, those before it go again."""
    moved: list[Path] = []
    try:
        for kind in _KINDS:
            target = root / kind / id
            target.parent.mkdir(exist_ok=True)
            if target.exists():  # somebody was faster
                raise FileExistsError(17, "it is there already", str(target))
            os.rename(staged / kind / id, target)
            moved.append(target)
    except BaseException:
        for target in moved:
            shutil.rmtree(target, ignore_errors=True)
        raise


@contextlib.contextmanager
def _told(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        place = error.filename or root
        raise UsageError(f"{place}: cannot be written ({error.strerror}); nothing was written") from None


def _is_name(name: str) -> bool:
    return name.isidentifier() and not keyword.iskeyword(name)
