"""``torchgrade data``, and the data sets of an assignment before the first room opens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from torchgrade import data
from torchgrade.data import KNOWN, PUBLIC_SEED, PreparedData, find, known_set, own_root, roots
from torchgrade.errors import TorchgradeError, UsageError
from torchgrade.model import Assignment, Course

#: Draws the split when the course tests itself: the same everywhere, so that its verdicts are too.
COURSE_TEST_SEED = b"the course tests itself"

Tell = Callable[[str], None]


def silent(_: str) -> None:
    """Nobody wants to hear of it."""


def prepare_for(
    course: Course, assignment: Assignment, seed: bytes | None, tell: Tell = silent
) -> PreparedData | None:
    """The data sets that an assignment names, split by ``seed``; None where it names none.

    Without a seed: as a student's own check sees them, from the public seed and with nothing kept. Raises
    UsageError.
    """
    if not assignment.data:
        return None
    official = course.split == "official"
    if seed is None:
        return data.prepare(course.root, assignment.data, PUBLIC_SEED, kept=False, official=official, tell=tell)
    return data.prepare(course.root, assignment.data, seed, official=official, tell=tell)


def digests_of(prepared: PreparedData | None) -> dict[str, str]:
    """What the data sets add to the digests of a verdict."""
    return {"data": prepared.digest} if prepared else {}


def folder_of(prepared: PreparedData | None) -> str:
    """The folder that an examiner opens, as a setup carries it."""
    return str(prepared.folder) if prepared else ""


def list_sets(course_root: Path | None) -> Iterator[tuple[str, bool, str]]:
    """For each known set: its name, whether the real one is here, and where, in words."""
    for name, known in KNOWN.items():
        found = find(known, course_root)
        if found:
            yield name, True, f"{known.title}: real, in {found.root}"
        else:
            yield name, False, f"{known.title}: not here; a procedural stand-in takes its place"


def searched(course_root: Path | None) -> list[str]:
    """The folders that are looked at, in order."""
    return [str(root) for root in roots(course_root)]


def fetch_set(name: str, root: Path | None) -> str:
    """Download a set; a sentence for the terminal. Raises UsageError."""
    from torchgrade.sandbox import compat

    known = known_set(name)
    place = root or own_root()
    try:
        compat.import_torchvision()  # also where torch's and torchvision's builds differ
    except (ImportError, RuntimeError):
        raise UsageError("fetching needs torchvision: pip install 'torchgrade[course]'") from None
    found = data.fetch(name, place)
    return f"{known.title} is in {found.root}, its md5 sums are right"


def make_set(name: str, root: Path) -> str:
    """Draw a stand-in; a sentence for the terminal. Raises UsageError."""
    folder = data.make(name, root)
    return f"a stand-in for {known_set(name).title} is in {folder}, marked as one"


def verify_sets(course_root: Path | None) -> Iterator[tuple[bool, str]]:
    """Check the md5 of every real set and the sha256 of every prepared split: (right?, sentence)."""
    for known in KNOWN.values():
        found = find(known, course_root)
        if found is None:
            yield True, f"{known.title}: not here, nothing to check"
            continue
        try:
            found.verify()
        except TorchgradeError as error:
            yield False, str(error)
        else:
            yield True, f"{known.title}: every file in {found.root} is the official one"
    home = course_root / ".torchgrade" / "data" if course_root else None
    for described in sorted(home.glob("*/prepared.json")) if home else ():
        prepared = PreparedData.open(described.parent)
        wrong = prepared.verify()
        for problem in wrong:
            yield False, f"{problem}; delete {prepared.folder}, it is built again"
        if not wrong:
            yield True, f"prepared split {prepared.folder.name} ({', '.join(prepared.names)}): as it was written"
