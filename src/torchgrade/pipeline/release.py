"""``release``: a student kit, made so that repositories already handed out can be brought up to date.

DIR/template   the copier template: a commit and a tag (v1, v2, …) for each release; kits update from it
DIR/kit        what a student starts from, rendered from the newest version
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

from torchgrade import __version__
from torchgrade.errors import SpecError, UsageError
from torchgrade.exports.writing import spare_beside, told, write_files
from torchgrade.feedback.words import number
from torchgrade.i18n import _
from torchgrade.kit import KitSettings, Repository, render, settings_in, student_files, template_files
from torchgrade.kit.copying import ANSWERS
from torchgrade.kit.repository import blob_digest
from torchgrade.kit.template import INSIDE, SETTINGS
from torchgrade.model import Assignment, Course, Visibility
from torchgrade.pipeline import keys
from torchgrade.spec import check_graders, speak

_BESIDE = "../template"  # where a copy of the kit finds its template without an address
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_ADDRESS = re.compile(r"[^\s#'\"{}\[\]]+")
_WHEEL = re.compile(r"torchgrade-(?P<version>[^-]+)-py3-none-any\.whl")
_WHEELS = "wheels/"
_SHORTEST_SECRET = 8


@dataclass(frozen=True)
class ReleaseOptions:
    """What a teacher chose; None: as in the release before, or the default."""

    language: str = ""  # empty: as before, or the course's
    url: str | None = None
    runner: str | None = None
    threshold: float | None = None
    wheel: Path | None = None
    bundle: Path | None = None


@dataclass(frozen=True)
class Change:
    """One file of the kit. ``kind``: new, changed, gone."""

    kind: str
    path: str


@dataclass(frozen=True)
class Released:
    """What a release did. ``changes`` are those of the kit."""

    version: str
    changes: tuple[Change, ...]
    made: bool  # false: nothing had changed since ``version``
    template: Path
    kit: Path
    bundle: Path | None = None


def release(course: Course, assignments: Sequence[Assignment], folder: Path, options: ReleaseOptions) -> Released:
    """Write the next version into ``folder``. Raises UsageError, SpecError.

    What was killed half-way is finished by the next release.
    """
    _refuse_inside(folder)
    template, kit = Repository(folder / "template"), Repository(folder / "kit")
    template.check()
    kit.check()
    files = compose(course, assignments, template, options)
    with told():
        if options.bundle is not None:
            write_bundle(course, assignments, options.bundle, folder)
        newest = (template.versions() or [0])[-1]
        made = template.commit(files, f"Release {newest + 1}: {', '.join(a.id for a in assignments)}")
        if not template.tagged():
            newest += 1
            template.tag(newest)
        before = kit.digests()
        rendered = render(template.folder, f"v{newest}", _source(files))
        kit.commit(rendered, f"Release {newest}")
    changes = tuple(_changes(before, rendered))
    return Released(f"v{newest}", changes, made, template.folder, kit.folder, options.bundle)


def would_change(
    course: Course, assignments: Sequence[Assignment], folder: Path, options: ReleaseOptions
) -> list[Change]:
    """What the next release would change in a student's repository; nothing in ``folder`` is touched.

    Raises UsageError, SpecError.
    """
    _refuse_inside(folder)
    files = compose(course, assignments, Repository(folder / "template"), options)
    with tempfile.TemporaryDirectory() as spare:
        draft = Repository(Path(spare) / "template")
        draft.commit(files, "Draft")
        draft.tag(1)
        rendered = render(draft.folder, "v1", _source(files))
    return list(_changes(Repository(folder / "kit").digests(), rendered))


def compose(
    course: Course, assignments: Sequence[Assignment], template: Repository, options: ReleaseOptions
) -> dict[str, bytes]:
    """The files of the template. Raises UsageError, SpecError."""
    before = settings_in((template.file(SETTINGS) or b"").decode())
    _refuse_to_take_back(assignments, before, template.folder.parent)
    options = _as_before(options, before)
    course = speak(course, options.language)
    for assignment in assignments:
        check_graders(assignment)
    student = student_files(course, assignments, course.language)
    student |= (wheel := _wheel(options, template))
    settings = _settings(course, assignments, options, student, next(iter(wheel), ""))
    files = template_files(settings, student)
    _refuse_the_secret(course, files)
    return files


def _as_before(options: ReleaseOptions, before: KitSettings | None) -> ReleaseOptions:
    """The options, with those of the release before where a teacher says nothing."""
    _check(options)
    if before is None:
        before = KitSettings("", "", (), (), (), "")
    return replace(
        options,
        language=options.language or before.language,
        url=before.url if options.url is None else options.url,
        runner=before.runner if options.runner is None else options.runner,
        threshold=before.threshold if options.threshold is None else options.threshold,
    )


def _refuse_to_take_back(assignments: Sequence[Assignment], before: KitSettings | None, folder: Path) -> None:
    """copier deletes what a template no longer has, a notebook with a student's work in it like any other file."""
    given = {str(one["id"]) for one in before.assignments} if before else set()
    if gone := sorted(given - {a.id for a in assignments}):
        raise UsageError(
            f"{folder}: {', '.join(gone)} was handed out from here: name it, too, or the next update would delete "
            "students' notebooks. For a kit without it choose another folder"
        )


def _refuse_inside(folder: Path) -> None:
    if (folder / ANSWERS).is_file() or (folder / SETTINGS).is_file():
        raise UsageError(f"{folder}: was made by a release; name the folder that holds kit and template")


def _check(options: ReleaseOptions) -> None:
    if options.runner and not _LABEL.fullmatch(options.runner):
        raise UsageError(f"--runner {options.runner}: a label has letters, digits, '.', '_' and '-'")
    if options.url and not _ADDRESS.fullmatch(options.url):
        raise UsageError(f"--url {options.url}: is no address of a git repository")
    if options.threshold is not None and not 0 <= options.threshold <= 100:
        raise UsageError(f"--threshold {options.threshold:g}: must be from 0 to 100")


def _settings(
    course: Course,
    assignments: Sequence[Assignment],
    options: ReleaseOptions,
    student: Mapping[str, bytes],
    wheel: str,
) -> KitSettings:
    return KitSettings(
        title=f"{_(course.title)}, {course.year}",
        language=course.language,
        assignments=tuple(_listed(a, student) for a in assignments),
        data=tuple(dict.fromkeys(name for a in assignments for name in a.data)),
        requirements=tuple(_requirements(wheel)),
        python=f"{sys.version_info.major}.{sys.version_info.minor}",
        runner=options.runner or "",
        threshold=float(options.threshold or 0.0),
        url=options.url or "",
    )


def _listed(assignment: Assignment, student: Mapping[str, bytes]) -> dict[str, Any]:
    """A line of the README: only points that a student can check."""
    counted = (
        c for c in assignment.criteria if c.visibility is Visibility.PUBLIC and not c.bonus and not c.manual
    )
    home = f"assignments/{assignment.id}"
    text = next((p for p in student if p.startswith(f"{home}/README.")), f"{home}/{assignment.id}.ipynb")
    points = number(sum(c.points for c in counted))
    return {"id": assignment.id, "title": _(assignment.title), "text": text, "points": points}


def _requirements(wheel: str) -> Iterator[str]:
    """torchgrade itself, by the wheel if the kit brings one; then what it and notebooks import, in the versions
    that are installed here, by which the course was tried."""
    yield f"./{wheel}[course]" if wheel else f"torchgrade[course]=={__version__}"
    wanted = metadata.requires("torchgrade") or []
    direct = (line for line in wanted if "extra ==" not in line or re.search(r"extra == .course.", line))
    names = sorted({re.split(r"[^\w.-]", line, maxsplit=1)[0].lower() for line in direct} - {"torchgrade"})
    for name in names:
        try:
            yield f"{name}=={metadata.version(name).partition('+')[0]}"
        except metadata.PackageNotFoundError:
            continue  # of an extra that is not installed here; pip chooses


def _wheel(options: ReleaseOptions, template: Repository) -> dict[str, bytes]:
    """The wheel of torchgrade that the kit brings along, by path; none where students get it from an index."""
    if options.wheel is not None:
        _check_wheel(options.wheel.name)
        try:
            return {f"{_WHEELS}{options.wheel.name}": options.wheel.read_bytes()}
        except OSError as error:
            raise UsageError(f"--wheel {options.wheel}: cannot be read ({error.strerror})") from None
    there = (p for p in template.digests() if p.startswith(f"{INSIDE}{_WHEELS}"))
    kept = {path.removeprefix(INSIDE): template.file(path) or b"" for path in there}
    for path in kept:
        _check_wheel(path.removeprefix(_WHEELS))
    return kept


def _check_wheel(name: str) -> None:
    found = _WHEEL.fullmatch(name)
    if found is None or found["version"] != __version__:
        raise UsageError(
            f"{name}: is not the wheel of torchgrade {__version__}, by which this is released; say --wheel"
        )


def _source(files: Mapping[str, bytes]) -> str:
    settings = settings_in(files[SETTINGS].decode())
    return settings.url if settings and settings.url else _BESIDE


def _changes(before: Mapping[str, str], after: Mapping[str, bytes]) -> Iterator[Change]:
    """What is another file in ``after``; which version it is (copier's answers) says nothing to a student."""
    for path in sorted({*before, *after} - {ANSWERS}):
        if path not in before:
            yield Change("new", path)
        elif path not in after:
            yield Change("gone", path)
        elif blob_digest(after[path]) != before[path]:
            yield Change("changed", path)


def _refuse_the_secret(course: Course, files: Mapping[str, bytes]) -> None:
    """Nothing puts it there; should a teacher have pasted it into a text, it stays here all the same."""
    path = course.root / ".torchgrade" / "secret"
    known = {
        path.read_bytes().strip() if path.is_file() else b"",
        os.environ.get(keys.SECRET_VARIABLE, "").encode(),
    }
    for name, content in files.items():
        if any(len(secret) >= _SHORTEST_SECRET and secret in content for secret in known):
            raise UsageError(
                f"{name.removeprefix(INSIDE)}: holds the course's secret; take it out before you release"
            )


# --- for a teacher's own pipeline --------------------------------------------------------------------------------


def write_bundle(course: Course, assignments: Sequence[Assignment], path: Path, folder: Path) -> None:
    """A zip with all that `torchgrade grade` needs but the secret: for a repository that no student can read.

    Raises UsageError where it would lie in ``folder``, which students get, and SpecError where a part is missing.
    """
    if path.resolve().is_relative_to(folder.resolve()):
        raise UsageError(f"--bundle {path}: holds solutions and hidden graders; put it outside {folder}")
    if not path.resolve().parent.is_dir():
        raise UsageError(f"--bundle {path}: the folder {path.parent} does not exist")
    spare = spare_beside(path)
    try:
        with zipfile.ZipFile(spare, "x", zipfile.ZIP_DEFLATED) as archive:
            for one in _private(course, assignments):
                archive.write(one, one.relative_to(course.root).as_posix())
        write_files({path: spare})
    finally:
        spare.unlink(missing_ok=True)


def _private(course: Course, assignments: Sequence[Assignment]) -> Iterator[Path]:
    yield course.root / "course.yaml"
    yield from sorted((course.root / "locale").glob("*.po"))
    for assignment in assignments:
        if not assignment.solution.is_file():
            raise SpecError(assignment.solution, None, "", "the notebook does not exist")
        for top in (assignment.folder, assignment.graders, assignment.solution.parent):
            yield from (p for p in sorted(top.rglob("*")) if p.is_file() and not _is_left(p.relative_to(top)))


def _is_left(path: Path) -> bool:
    """Hand-ins of a cohort, and what programs leave behind."""
    return path.parts[0] == "cohort" or any(part in ("__pycache__", ".ipynb_checkpoints") for part in path.parts)
