"""What kind of thing a file is, by its name: a notebook, a zip, another archive, or nothing to grade."""

from __future__ import annotations

import re

from torchgrade.intake.entries import Entry
from torchgrade.intake.names import NO_NAME, student_name

# Browsers and mail programs like to add a suffix to what they do not know.
NOTEBOOK = re.compile(r"(?P<stem>.*)\.ipynb(\.txt|\.json)?", re.IGNORECASE | re.DOTALL)
ZIP = re.compile(r"(?P<stem>.*)\.zip", re.IGNORECASE | re.DOTALL)

_OTHER_ARCHIVE = re.compile(r"(?P<stem>.*)\.(rar|7z|tar|tgz|tar\.(gz|bz2|xz))", re.IGNORECASE | re.DOTALL)
_OTHER_FILE = re.compile(
    r".*\.(csv|docx?|gif|html?|jpe?g|json|log|md|pdf|png|py|toml|txt|xlsx?|ya?ml)", re.IGNORECASE
)
_JUNK = {"__macosx", "thumbs.db", "desktop.ini", "__pycache__"}


def is_junk(parts: tuple[str, ...]) -> bool:
    """Hidden files and what systems leave behind. A file called just '.ipynb' is somebody's notebook."""
    return any((p.startswith(".") and p.casefold() != ".ipynb") or p.casefold() in _JUNK for p in parts)


def is_candidate(entry: Entry) -> bool:
    """Whether a notebook may be in it."""
    kinds = (NOTEBOOK, ZIP, _OTHER_ARCHIVE)
    return not entry.folder and not is_junk(entry.parts) and any(k.fullmatch(entry.name) for k in kinds)


def student_of_file(entry: Entry) -> str | None:
    """Whose a file is that lies beside those of others; None for a stray one."""
    for kind in (NOTEBOOK, ZIP, _OTHER_ARCHIVE):
        if match := kind.fullmatch(entry.name):
            return student_name(match["stem"]) if match["stem"] else NO_NAME
    # A link or device without a suffix may stand where a student's folder should be.
    return student_name(entry.name) if entry.refusal and not _OTHER_FILE.fullmatch(entry.name) else None


def stem_of(name: str) -> str:
    """The name of a notebook without its ending."""
    match = NOTEBOOK.fullmatch(name)
    return match["stem"] if match else name
