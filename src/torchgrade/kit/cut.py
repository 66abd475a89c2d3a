"""Files of a course cut to what a student may see: course.yaml, assignment.yaml, catalogues.

Each keeps what is listed here and nothing else; comments, which are a teacher's, are not kept.
"""

from __future__ import annotations

import ast
import contextlib
import io
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from torchgrade.model import Assignment, Visibility
from torchgrade.policy import written
from torchgrade.policy.late import moment_words
from torchgrade.policy.moments import elapsed
from torchgrade.spec import load_policy
from torchgrade.spec.loading import COURSE_FILE
from torchgrade.spec.tree import read_tree

_COURSE_KEYS = ("title", "year", "limits", "split")
_ASSIGNMENT_KEYS = ("id", "title", "defines", "aliases", "device", "limits", "files", "data")
_CRITERION_KEYS = ("id", "title", "points", "visibility", "needs", "bonus", "manual")
_LATER = "Checked after you hand in"
_HEAD = '# {what}\nmsgid ""\nmsgstr ""\n"Language: {language}\\n"\n"MIME-Version: 1.0\\n"\n' + (
    '"Content-Type: text/plain; charset=utf-8\\n"\n"Content-Transfer-Encoding: 8bit\\n"\n'
    '"Plural-Forms: {plural_forms}\\n"\n\n'
)


def course_file(root: Path, ids: Collection[str], language: str) -> str:
    """course.yaml with the rules of these assignments alone. Raises SpecError."""
    data = read_tree(root, COURSE_FILE).data
    kept: dict[str, Any] = {key: data[key] for key in _COURSE_KEYS if key in data}
    kept["language"] = language
    if variants := {id: rule for id, rule in data.get("variants", {}).items() if id in ids}:
        kept["variants"] = variants
    return _dump(kept)


def assignment_file(assignment: Assignment) -> str:
    """assignment.yaml with its public criteria; of the others a student learns how many there are. With the due
    date, in a zone of its own.

    Raises SpecError.
    """
    root = assignment.folder.parent.parent
    data = read_tree(root, (assignment.folder / "assignment.yaml").relative_to(root)).data
    kept: dict[str, Any] = {key: data[key] for key in _ASSIGNMENT_KEYS if key in data}
    if (due := load_policy(root, assignment.id).due) is not None:
        kept["due"] = _due(due)
    public = [c for c in data["rubric"] if c.get("visibility", Visibility.PUBLIC) == Visibility.PUBLIC]
    kept["rubric"] = [{key: c[key] for key in _CRITERION_KEYS if key in c} for c in public]
    kept["rubric"] += _placeholders(len(data["rubric"]) - len(public), {c["id"] for c in public})
    return _dump(kept)


def _placeholders(count: int, taken: Collection[str]) -> Iterable[dict[str, Any]]:
    """So that a check can say how many criteria come later."""
    free = (id for n in range(1, 10_000) if (id := f"later-{n}") not in taken)
    for id, _number in zip(free, range(count), strict=False):
        yield {"id": id, "title": _LATER, "points": 0, "visibility": "hidden"}


def _due(due: datetime) -> str:
    """As a teacher would write it: in its zone by name, or by the offset of that moment where a name would mean
    another one (the hour that a clock shows twice)."""
    for said in (moment_words(due), due.isoformat(timespec="seconds")):
        with contextlib.suppress(ValueError):
            if elapsed(written(said).at(None), due) == 0:
                return said
    return due.astimezone(UTC).isoformat(timespec="seconds")


def _dump(data: dict[str, Any]) -> str:
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=110)


def public_sentences(assignment: Assignment) -> set[str]:
    """Whatever a student's own check may say of this assignment: titles, and every literal of the public graders
    and of the files that are handed out."""
    said = {assignment.title}
    said |= {c.title for c in assignment.criteria if c.visibility is Visibility.PUBLIC}
    for path in (assignment.graders / "test_public.py", *assignment.files):
        if path.suffix == ".py" and path.is_file():
            said |= set(_literals(path))
    return said


def _literals(path: Path) -> Iterable[str]:
    """Strings in the code; of docstrings also the first line, which is a criterion's sentence."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
            yield from (line.strip() for line in node.value.strip().splitlines()[:1])


def catalogue(path: Path, sentences: Collection[str], what: str) -> str:
    """The entries of a catalogue (.po) for these sentences, without comments; empty where none is left."""
    from babel.messages import Catalog
    from babel.messages.pofile import read_po, write_po

    with path.open(encoding="utf-8") as file:
        whole = read_po(file, locale=path.stem)
    kept = Catalog(locale=path.stem)
    for message in whole:
        first = message.id[0] if isinstance(message.id, list | tuple) else message.id
        if message.id and message.string and not message.fuzzy and first in sentences:
            kept.add(message.id, message.string)
    if not len(kept):
        return ""
    body = io.BytesIO()
    write_po(body, kept, width=100, no_location=True, omit_header=True, sort_output=True)
    head = _HEAD.format(what=what, language=path.stem, plural_forms=whole.plural_forms)
    return head + body.getvalue().decode("utf-8").strip() + "\n"
