"""What a student gets of a course: files by their path in the kit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from torchgrade.errors import SpecError, UsageError
from torchgrade.grading.answers import read_trusted
from torchgrade.kit import cut
from torchgrade.model import Assignment, Course
from torchgrade.notebook import derive_handout, dump, translate_handout
from torchgrade.spec.graders import PUBLIC_FILE

Files = dict[str, bytes]


def student_files(course: Course, assignments: Sequence[Assignment], language: str) -> Files:
    """Everything of the course that goes into a kit in ``language``, by path.

    Raises SpecError where a file of the course is wrong or missing, UsageError where a handout is stale or two
    assignments bring different files of one name.
    """
    ids = [a.id for a in assignments]
    files: Files = {"course.yaml": cut.course_file(course.root, ids, language).encode()}
    _add_catalogues(files, course.root / "locale", "locale", {course.title}, "The course's title.")
    for assignment in assignments:
        for path, content in _of_assignment(assignment, language):
            if files.setdefault(path, content) != content:
                raise UsageError(
                    f"{assignment.id} brings another {path} than an assignment before: release them apart"
                )
    return files


def _of_assignment(assignment: Assignment, language: str) -> Iterator[tuple[str, bytes]]:
    home = f"assignments/{assignment.id}"
    notebook = handout_of(assignment, language).encode()
    yield f"{assignment.id}.ipynb", notebook  # to work in
    yield f"{home}/{assignment.id}.ipynb", notebook  # as it was given
    yield f"{home}/assignment.yaml", cut.assignment_file(assignment).encode()
    if (text := in_language(assignment.folder / "README.md", language)) is not None:
        yield f"{home}/{text.name}", text.read_bytes()  # by this name the handout speaks of it
    for path in assignment.files:
        inside = path.relative_to(assignment.folder / "files").as_posix()
        yield f"{home}/files/{inside}", path.read_bytes()
        yield inside, path.read_bytes()  # beside the notebook, which imports it
    yield f"graders/{assignment.id}/{PUBLIC_FILE}", (assignment.graders / PUBLIC_FILE).read_bytes()
    found: Files = {}
    sentences = cut.public_sentences(assignment)
    _add_catalogues(
        found, assignment.folder / "locale", f"{home}/locale", sentences, f"{assignment.id}: what it says."
    )
    yield from found.items()


def _add_catalogues(files: Files, folder: Path, inside: str, sentences: set[str], what: str) -> None:
    for path in sorted(folder.glob("*.po")):
        if text := cut.catalogue(path, sentences, what):
            files[f"{inside}/{path.name}"] = text.encode()


def in_language(path: Path, language: str) -> Path | None:
    """``name.ru.md`` where there is one, else ``name.md``; None where there is neither."""
    own = path.with_suffix(f".{language}{path.suffix}")
    return next((p for p in (own, path) if p.is_file()), None)


def handout_of(assignment: Assignment, language: str) -> str:
    """The handout as text, derived from the solution anew: a file that says something else is not handed out.

    Raises SpecError where the solution cannot be read, UsageError where the handout is stale.
    """
    path = in_language(assignment.handout, language)
    fresh = dump(_derived(assignment, language, translated=path is not None and path != assignment.handout))
    if path is None or path.read_text(encoding="utf-8") != fresh:
        shown = (path or assignment.handout).relative_to(assignment.folder.parent.parent)
        raise UsageError(f"{shown} is missing or stale; `torchgrade ci {assignment.id} --fix` derives it anew")
    return fresh


def _derived(assignment: Assignment, language: str, *, translated: bool) -> dict[str, Any]:
    handout = derive_handout(read_trusted(assignment.solution), assignment.solution)
    if not translated:
        return handout
    catalogue = assignment.folder / "locale" / f"{language}.po"
    if not catalogue.is_file():
        raise SpecError(catalogue, None, "", "the file does not exist; the handout is translated by it")
    return translate_handout(handout, _sentences(catalogue), assignment.handout)


def _sentences(catalogue: Path) -> Mapping[str, str]:
    from babel.messages.pofile import read_po

    with catalogue.open(encoding="utf-8") as file:
        return {str(m.id): str(m.string) for m in read_po(file) if m.id and m.string and not m.fuzzy}
