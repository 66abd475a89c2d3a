"""``doctor``: what this machine can do, in words that one can act on."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from torchgrade import __version__
from torchgrade.errors import RoomError, SpecError, TorchgradeError
from torchgrade.model import Limits, Tier
from torchgrade.pipeline import datasets, gpus
from torchgrade.spec import check_graders, find_course, load_course

_NEEDED = ("torch", "numpy", "pytest", "nbformat", "nbclient", "ipykernel")
_USEFUL = ("torchvision", "matplotlib", "tqdm")


@dataclass(frozen=True)
class Diagnosis:
    """One line. ``state``: ok, note (works, with less), problem (grading will not work)."""

    subject: str
    state: str
    text: str


def diagnose(start: Path) -> Iterator[Diagnosis]:
    """Look at versions, rooms, GPU, course and data sets, one after the other."""
    yield _python()
    yield from _packages()
    yield from _rooms()
    yield _gpu()
    yield _course(start)
    yield from _data_sets(start)


def _python() -> Diagnosis:
    text = f"{platform.python_version()} on {platform.system()} {platform.machine()}, torchgrade {__version__}"
    return Diagnosis("Python", "ok" if sys.version_info >= (3, 11) else "problem", text)


def _packages() -> Iterator[Diagnosis]:
    for name in (*_NEEDED, *_USEFUL):
        try:
            yield Diagnosis(name, "ok", metadata.version(name))
        except metadata.PackageNotFoundError:
            if name in _NEEDED:
                yield Diagnosis(name, "problem", f"not installed; pip install {name}")
            else:
                yield Diagnosis(name, "note", f"not installed: notebooks that import {name} will fail")


def _rooms() -> Iterator[Diagnosis]:
    if sys.platform != "linux":
        text = "`check` works with a plain kernel; grading a cohort wants Linux (WSL 2 or a container will do)"
        yield Diagnosis("sandbox", "note", text)
        return
    from torchgrade.sandbox import landlock
    from torchgrade.sandbox.policy import OF_TIER
    from torchgrade.sandbox.room import Zygote, make_request

    zygote = Zygote.start()
    try:
        for tier in (Tier.FULL, Tier.LANDLOCK):
            try:
                zygote.open(make_request(OF_TIER[tier], Limits(), wall_seconds=30)).end()
            except RoomError as error:
                yield Diagnosis(f"sandbox: {tier}", "note", f"{error}. {_advice(tier)}")
            else:
                text = "works" if tier == Tier.FULL else f"works (Landlock version {landlock.abi()})"
                yield Diagnosis(f"sandbox: {tier}", "ok", text)
    except RoomError as error:
        yield Diagnosis("sandbox", "problem", str(error))
    finally:
        zygote.close()


def _advice(tier: Tier) -> str:
    if tier == Tier.LANDLOCK:
        return "Landlock needs Linux 5.13 or newer, enabled at boot (lsm=landlock,…)."
    return (
        "User namespaces are blocked here: allow them (sysctl kernel.unprivileged_userns_clone=1, "
        "kernel.apparmor_restrict_unprivileged_userns=0), run as root, or grade with --sandbox landlock."
    )


def _gpu() -> Diagnosis:
    found = gpus.find_gpus()
    names = "; ".join(f"{g.name}, {g.memory_mb} MiB, driver {g.driver}" for g in found)
    if reason := gpus.why_not(found):
        return Diagnosis("GPU", "note", f"{names + ': ' if names else ''}{reason}. Assignments run on the CPU")
    return Diagnosis("GPU", "ok", f"{names}; PyTorch is built for CUDA {gpus.torch_cuda()}")


def _course(start: Path) -> Diagnosis:
    root = find_course(start)
    if root is None:
        return Diagnosis("course", "note", f"no course.yaml in {start.resolve()} or above it")
    try:
        course = load_course(root)
        for assignment in course.assignments:
            check_graders(assignment, public_only=not (assignment.graders / "test_hidden.py").is_file())
    except (SpecError, TorchgradeError) as error:
        return Diagnosis("course", "problem", str(error))
    ids = ", ".join(a.id for a in course.assignments)
    return Diagnosis("course", "ok", f"{course.title} in {root}: {ids}")


def _data_sets(start: Path) -> Iterator[Diagnosis]:
    for name, real, text in datasets.list_sets(find_course(start)):
        advice = "" if real else f"; `torchgrade data fetch {name}` gets it where there is a network"
        yield Diagnosis("data set", "ok" if real else "note", text + advice)
