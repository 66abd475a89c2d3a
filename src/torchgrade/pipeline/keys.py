"""What a verdict depends on: digests, versions, the course's secret, and the key made of them."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import hmac
import json
import os
import secrets
import time
from functools import cache
from importlib import metadata
from pathlib import Path

from torchgrade import __version__
from torchgrade.errors import UsageError
from torchgrade.model import Assignment, Submission
from torchgrade.policy.exceptions import of_policy
from torchgrade.spec import text_without_policy

#: Overrides the file; for CI and for machines that share a course.
SECRET_VARIABLE = "TORCHGRADE_SECRET"  # noqa: S105 - the variable's name, not a secret
_PACKAGES = ("torch", "numpy", "nbclient", "ipykernel", "pytest")
_PASSED_OVER = ("__pycache__", ".ipynb_checkpoints")
_SECRET_LOOKS = 20


def course_secret(root: Path) -> bytes:
    """The secret from which hidden inputs are drawn; made at first use. Raises UsageError if it cannot be."""
    if text := os.environ.get(SECRET_VARIABLE):
        return text.encode()
    path = root / ".torchgrade" / "secret"
    try:
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            _make_secret(path)
        return _read_secret(path)
    except OSError as error:
        raise UsageError(
            f"{path}: the course's secret can be neither read nor made ({error.strerror}); set {SECRET_VARIABLE}"
        ) from None


def _make_secret(path: Path) -> None:
    with contextlib.suppress(FileExistsError):  # another process was faster
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32))


def _read_secret(path: Path) -> bytes:
    """What the file holds. A process that made it a moment ago may not have written yet."""
    for _ in range(_SECRET_LOOKS):
        if secret := path.read_bytes().strip():
            return secret
        time.sleep(0.05)
    raise UsageError(f"{path}: the course's secret is empty; remove the file, and a new one is made")


def attempt_seed(secret: bytes, assignment: str, submission: Submission) -> str:
    """Seed of the hidden inputs: the same at every re-grade, known to nobody who lacks the secret."""
    text = f"{assignment}|{submission.student}|{submission.digest}"
    return hmac.new(secret, text.encode("utf-8", "backslashreplace"), hashlib.sha256).hexdigest()


def folder_digest(*paths: Path) -> str:
    """sha256 over names and bytes of all files below the given files and folders."""
    total = hashlib.sha256()
    for top in paths:
        files = [top] if top.is_file() else sorted(p for p in top.rglob("*") if p.is_file())
        for path in files:
            name = path.relative_to(top.parent)  # wherever the course lies
            if not any(part in _PASSED_OVER for part in name.parts):
                content = path.read_bytes()
                total.update(f"{name.as_posix()}\0{len(content)}\0".encode("utf-8", "surrogateescape"))
                total.update(content)
    return total.hexdigest()


@cache
def engine_digest() -> str:
    """sha256 of the engine's own code, and of its sentences in other languages."""
    package = Path(__file__).resolve().parents[1]
    total = hashlib.sha256()
    for path in sorted((*package.rglob("*.py"), *package.rglob("*.po"))):
        total.update(path.read_bytes())
    return total.hexdigest()


@cache
def _versions() -> tuple[tuple[str, str], ...]:
    import platform

    found = [("torchgrade", __version__), ("python", platform.python_version())]
    for name in _PACKAGES:
        try:
            found.append((name, metadata.version(name)))
        except metadata.PackageNotFoundError:
            continue
    return tuple(found)


def versions() -> dict[str, str]:
    """Versions of what a verdict may depend on."""
    return dict(_versions())


def assignment_digests(assignment: Assignment) -> dict[str, str]:
    """Digests of all that the course gives; a cohort under ``graders`` is data, not a grader."""
    graders = [p for p in sorted(assignment.graders.glob("*")) if p.name not in ("cohort", *_PASSED_OVER)]
    return {
        "spec": _spec_digest(assignment.folder),
        "files": folder_digest(*assignment.files),
        "graders": folder_digest(*graders),
        "solution": folder_digest(assignment.solution) if assignment.solution.is_file() else "",
        "engine": engine_digest(),
    }


def _spec_digest(folder: Path) -> str:
    """Of assignment.yaml but for dates and attempts, and of its translations."""
    text = text_without_policy((folder / "assignment.yaml").read_text(encoding="utf-8-sig"))
    return hashlib.sha256(f"{folder_digest(folder / 'locale')}\0{text}".encode()).hexdigest()


def graded_fields(assignment: Assignment, submission: Submission) -> dict[str, str]:
    """Columns of the roster on which a verdict may depend: an extension changes no verdict, and without a rule for
    variants no column does."""
    if assignment.variant is None:
        return {}
    return {column: text for column, text in submission.fields.items() if not of_policy(column)}


def verdict_key(
    assignment: Assignment,
    submission: Submission,
    digests: dict[str, str],
    *,
    tier: str,
    device: str,
    secret: bytes,
    language: str = "en",
) -> str:
    """Two runs with the same key reach the same verdict, so the second need not be made."""
    content = {
        "student": submission.student,
        "assignment": assignment.id,
        "notebook": submission.digest,
        "digests": digests,
        "versions": versions(),
        "tier": tier,
        "device": device,
        "limits": dataclasses.asdict(assignment.limits),
        "secret": hashlib.sha256(secret).hexdigest(),
        "problem": submission.problem,
        "fields": graded_fields(assignment, submission),
        "variant": dataclasses.asdict(assignment.variant) if assignment.variant else None,
        "language": language,  # the sentences of a verdict are put down as they were said
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
