"""Bundles for platforms that run the engine themselves: a zip with one assignment of the course, and what the
platform starts.

Gradescope and PrairieLearn keep a bundle to themselves, so theirs holds hidden graders, the solution and a secret
of its own. Classroom 50 publishes it on a web page and runs it in the student's repository, so that one holds what
students have anyway: the public graders.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import math
import uuid
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import yaml

from torchgrade import __version__
from torchgrade.errors import UsageError
from torchgrade.exports.rows import possible
from torchgrade.model import Assignment, Course, Limits, Tier, Visibility
from torchgrade.spec.policies import KEYS as POLICY_KEYS

SETTINGS = "torchgrade.json"
SCHEMA = "torchgrade/bundle/v1"
_START_SECONDS = (
    100.0  # importing torch on half a processor, the reference, the last answer: beside the examination
)
_SCRIPTS = Path(__file__).parent / "platforms"
_COURSE_FOLDERS = ("assignments", "graders", "locale")
_PASSED_OVER = ("__pycache__", ".ipynb_checkpoints", "cohort")
_CLASSROOM_BYTES = 10 * 2**20
_OVERHEAD_MB = 1024  # of the engine beside the room


class Platform(StrEnum):
    """Who runs a bundle."""

    GRADESCOPE = "gradescope"
    CLASSROOM50 = "classroom50"
    PRAIRIELEARN = "prairielearn"


#: The longest that each waits by its own settings, in seconds, and what it gives unless told otherwise.
MOST_SECONDS = {Platform.GRADESCOPE: 2400, Platform.CLASSROOM50: 21600, Platform.PRAIRIELEARN: 600}
USUAL_SECONDS = {Platform.GRADESCOPE: 600, Platform.CLASSROOM50: 3600, Platform.PRAIRIELEARN: 600}


@dataclass(frozen=True)
class BundleOptions:
    """What a teacher chose. ``weakest``: the weakest sandbox in which the platform may examine."""

    platform: Platform
    weakest: Tier = Tier.LANDLOCK
    seconds: float = 0.0  # how long the platform waits; 0: as usual there
    wheel: Path | None = None
    roster: Path | None = None
    image: str = ""  # PrairieLearn's


@dataclass(frozen=True)
class Bundle:
    """Names and contents, and what the teacher is told."""

    files: Mapping[str, bytes]
    notes: tuple[str, ...]

    def as_zip(self) -> bytes:
        """The zip: the same bytes for the same files."""
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in sorted(self.files):
                entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
                mode = 0o755 if name.rpartition("/")[2] in _RUNNABLE else 0o644
                entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, (0o100000 | mode) << 16
                archive.writestr(entry, self.files[name])
        return out.getvalue()


_RUNNABLE = ("setup.sh", "run_autograder", "autograder.py", "grade.py")


def make_bundle(
    course: Course,
    assignment: Assignment,
    options: BundleOptions,
    secret: bytes,
    student: Mapping[str, bytes] | None = None,
) -> Bundle:
    """Everything the platform needs. ``secret`` is the course's: only what follows from it is put in. ``student``:
    the files of a student's kit by path; what students can read holds nothing else. Raises UsageError."""
    public = options.platform is Platform.CLASSROOM50
    options = replace(options, seconds=options.seconds or USUAL_SECONDS[options.platform])
    _check(assignment, options, public)
    limits = fit(assignment.limits, options.seconds)
    files = dict(_public_files(student or {}) if public else _course_files(course, assignment))
    spec = (assignment.folder / "assignment.yaml").relative_to(course.root).as_posix()
    files[spec] = _with_limits(files[spec], limits)
    if options.roster is not None:
        files["roster.csv"] = _read(options.roster)
    files["requirements.txt"] = _requirements(options).encode()
    if options.wheel is not None:
        files[options.wheel.name] = _read(options.wheel)
    files[SETTINGS] = _settings(assignment, options, secret, public)
    files = _with_scripts(files, assignment, options)
    bundle = Bundle(files, tuple(_notes(assignment, options, limits, public)))
    if public and len(bundle.as_zip()) > _CLASSROOM_BYTES:
        raise UsageError(f"the bundle is larger than {_CLASSROOM_BYTES >> 20} MiB, which Classroom 50 refuses")
    return bundle


def derived(secret: bytes, assignment: Assignment, platform: Platform) -> str:
    """A secret for one bundle: whoever gets hold of it learns nothing of the course's."""
    return hmac.new(secret, f"bundle|{platform}|{assignment.id}".encode(), hashlib.sha256).hexdigest()


def fit(limits: Limits, seconds: float) -> Limits:
    """Limits of time with which an examination ends inside ``seconds`` of a platform's. Raises UsageError."""
    room = seconds - _START_SECONDS
    if room < 60:
        raise UsageError(
            f"--seconds {seconds:g}: give at least {_START_SECONDS + 60:g}; starting alone takes its time"
        )
    if limits.examination_seconds <= room:
        return limits
    share = (room - 30.0) / (limits.examination_seconds - 30.0)

    def part(value: float) -> float:
        return max(1.0, math.floor(value * share)) if value else 0.0

    notebook = part(limits.notebook_seconds)
    return replace(
        limits,
        notebook_seconds=notebook,
        cell_seconds=min(limits.cell_seconds, notebook),
        probe_seconds=part(limits.probe_seconds),
        training_seconds=part(limits.training_seconds),
    )


# Parts


def _check(assignment: Assignment, options: BundleOptions, public: bool) -> None:
    most = MOST_SECONDS[options.platform]
    if options.seconds > most:
        raise UsageError(f"--seconds {options.seconds:g}: {options.platform} gives {most} s at most")
    if public and not any(_is_public(c.visibility) and not c.manual for c in assignment.criteria):
        raise UsageError(f"{assignment.id} has no public criterion, and Classroom 50 may know no other")
    if options.platform is Platform.PRAIRIELEARN and not options.image:
        raise UsageError("--image is missing: the name of the Docker image in which PrairieLearn shall grade")
    if options.wheel is not None and options.wheel.suffix != ".whl":
        raise UsageError(f"{options.wheel}: is no wheel (.whl)")
    if assignment.device == "cuda":
        raise UsageError(f"{assignment.id} wants a GPU (`device: cuda`), which {options.platform} has not")
    own = assignment.variant is not None
    nobody = f"{options.platform} tells nobody whose work it is"
    if options.roster is not None and options.platform is not Platform.GRADESCOPE:
        raise UsageError(f"--roster: {nobody}, so a roster is of no use there")
    if own and options.platform is Platform.PRAIRIELEARN:
        raise UsageError(f"{assignment.id} gives each student a task of their own, and {nobody}")
    if own and options.roster is None and not public:
        raise UsageError(f"{assignment.id} gives each student a task of their own; name the --roster of these")


def _course_files(course: Course, assignment: Assignment) -> Iterator[tuple[str, bytes]]:
    yield "course.yaml", _read(course.root / "course.yaml")
    folders = (course.root / "locale", assignment.folder, assignment.solution.parent, assignment.graders)
    for folder in folders:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            name = path.relative_to(course.root)
            if not any(part in _PASSED_OVER or part.startswith(".") for part in name.parts):
                yield name.as_posix(), _read(path)


def _public_files(student: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """Of a kit, what makes it a course; what lies beside is the student's own folder."""
    for name, content in student.items():
        if name == "course.yaml" or name.partition("/")[0] in _COURSE_FOLDERS:
            yield name, content


def _with_limits(spec: bytes, limits: Limits) -> bytes:
    """assignment.yaml with the limits of time that the platform allows. Due dates are the platform's affair."""
    read: dict[str, Any] = yaml.safe_load(spec)
    data = {key: value for key, value in read.items() if key not in POLICY_KEYS}
    written = {
        "cell_time": limits.cell_seconds,
        "notebook_time": limits.notebook_seconds,
        "probe_time": limits.probe_seconds,
        "training_time": limits.training_seconds,
    }
    times = {key: f"{value:g} s" for key, value in written.items() if value}
    data["limits"] = {**(data.get("limits") or {}), **times}
    return yaml.safe_dump(data, allow_unicode=True, sort_keys=False).encode()


def _requirements(options: BundleOptions) -> str:
    """What pip installs; a wheel lies beside the file."""
    extra = "[course]"
    wanted = f"./{options.wheel.name}{extra}" if options.wheel is not None else f"torchgrade{extra}=={__version__}"
    return f"# A line `--extra-index-url …` with PyTorch's index for the CPU makes the image smaller.\n{wanted}\n"


def _settings(assignment: Assignment, options: BundleOptions, secret: bytes, public: bool) -> bytes:
    counted = [c for c in assignment.criteria if not public or _is_public(c.visibility)]
    said = {
        "schema": SCHEMA,
        "platform": str(options.platform),
        "assignment": assignment.id,
        "weakest": str(options.weakest),
        "seconds": options.seconds,
        "public_only": public,
        "secret": "" if public else derived(secret, assignment, options.platform),
        "max_points": possible(replace(assignment, criteria=tuple(counted))),
        "version": __version__,
    }
    return (json.dumps(said, ensure_ascii=False, indent=1) + "\n").encode()


def _with_scripts(files: dict[str, bytes], assignment: Assignment, options: BundleOptions) -> dict[str, bytes]:
    outer = _read(_SCRIPTS / "outer.py")
    if options.platform is Platform.GRADESCOPE:
        setup = _read(_SCRIPTS / "setup.sh")
        sets = "".join(f"{name}\n" for name in assignment.data).encode()
        return {**files, "setup.sh": setup, "run_autograder": outer, "data-sets.txt": sets}
    if options.platform is Platform.CLASSROOM50:
        return {**files, "autograder.py": outer}
    question = f"questions/torchgrade-{assignment.id}"
    inside = {f"{question}/tests/{name}": content for name, content in files.items()}
    built = {name: files[name] for name in files if name == "requirements.txt" or name.endswith(".whl")}
    page = _read(_SCRIPTS / "question.html").replace(b"__NOTEBOOK__", f"{assignment.id}.ipynb".encode())
    return {
        **inside,
        **{f"image/{name}": content for name, content in built.items()},
        "image/Dockerfile": _read(_SCRIPTS / "Dockerfile"),
        f"{question}/tests/grade.py": outer,
        f"{question}/question.html": page,
        f"{question}/info.json": _info(assignment, options),
    }


def _info(assignment: Assignment, options: BundleOptions) -> bytes:
    """PrairieLearn's description of the question; the same uuid each time, or it would be another question."""
    said = {
        "uuid": str(uuid.uuid5(uuid.NAMESPACE_URL, f"torchgrade:{assignment.id}")),
        "title": assignment.title,
        "topic": "torchgrade",
        "type": "v3",
        "gradingMethod": "External",
        "singleVariant": True,
        "externalGradingOptions": {
            "enabled": True,
            "image": options.image,
            "entrypoint": ["python3", "/grade/tests/grade.py"],
            "timeout": int(options.seconds),
        },
    }
    return (json.dumps(said, ensure_ascii=False, indent=2) + "\n").encode()


def _notes(assignment: Assignment, options: BundleOptions, limits: Limits, public: bool) -> Iterator[str]:
    was = assignment.limits
    if limits != was:
        yield (
            f"to end within {options.seconds:g} s: notebook {limits.notebook_seconds:g} s (was "
            f"{was.notebook_seconds:g} s), a question {limits.probe_seconds:g} s (was {was.probe_seconds:g} s)"
            + (
                f", training {limits.training_seconds:g} s (was {was.training_seconds:g} s)"
                if was.training_seconds
                else ""
            )
        )
    if options.platform is not Platform.CLASSROOM50:
        yield f"give the container {was.memory_mb + _OVERHEAD_MB} MiB of memory or more"
    hidden = sum(not _is_public(c.visibility) for c in assignment.criteria)
    if public and hidden:
        are = "criterion that is not public is" if hidden == 1 else "criteria that are not public are"
        yield f"{hidden} {are} left out: students can read this bundle"
    if not public:
        yield "it holds hidden graders and the solution: upload it, and show it to nobody"
    if options.weakest is Tier.NONE:
        yield "it may examine without a sandbox where the platform allows none, as you asked; each result says so"
    if options.wheel is None:
        yield f"it will install torchgrade {__version__} from a package index; --wheel puts a file in instead"


def _is_public(visibility: Visibility) -> bool:
    return visibility is Visibility.PUBLIC


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from None
