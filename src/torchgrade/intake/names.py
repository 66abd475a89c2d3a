"""Names: a student's from a file's, a file's from a student's, and how a message shows either."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

NO_NAME = "[no name]"

_MAX_BYTES = 120  # leaves room for suffixes below the 255 bytes of common file systems
_MAX_SHOWN = 80
_HASH_DIGITS = 16

_RESERVED = re.compile(r"(con|prn|aux|nul|(com|lpt)[0-9¹²³])(\..*)?", re.IGNORECASE)


def student_name(stem: str) -> str:
    """A student's name from the name of a file or folder, fit to be shown.

    NFC; characters that hide or turn text round (controls, bidi overrides, zero width, undecodable bytes) are
    written out as ``[U+202E]``.
    """
    name = unicodedata.normalize("NFC", "".join(map(_visible, stem))).strip()
    return name or NO_NAME


def same_key(student: str) -> str:
    """Equal for names that a person or a file system could take for the same."""
    return unicodedata.normalize("NFC", student.casefold())


def shown(name: str) -> str:
    """A file name as a message quotes it: visible characters, never long."""
    text = "".join(map(_visible, name))
    return text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 1] + "…"


def safe_name(student: str) -> str:
    """A portable file name for a student's reports, the same each time; different students get different ones.

    Letters of any script, digits and ``. _ -`` stay, the rest is percent-encoded (``urllib.parse.unquote`` gives
    it back), as are a leading or trailing dot and names that Windows keeps for itself. A long name is cut and
    ends in a hash. Two names that differ in case alone differ in case alone here too: see ``safe_names``.
    """
    name = unicodedata.normalize("NFC", student)
    pieces = [c if _stays(c) else _percent(c) for c in name]
    if (pieces and pieces[0] == ".") or _RESERVED.fullmatch(name):
        pieces[0] = _percent(name[0])
    if pieces and pieces[-1] == ".":
        pieces[-1] = _percent(".")
    if not pieces:
        return "%empty"
    whole = "".join(pieces)
    return whole if len(whole.encode()) <= _MAX_BYTES else _cut(pieces, name)


def safe_names(students: Iterable[str]) -> dict[str, str]:
    """``safe_name`` of each student, also apart on file systems that do not tell upper from lower case."""
    names = {student: safe_name(student) for student in students}
    count = Counter(same_key(name) for name in names.values())
    return {s: f"{n}%-{_hash(s)}" if count[same_key(n)] > 1 else n for s, n in names.items()}


def _visible(char: str) -> str:
    hidden = unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")
    return f"[U+{ord(char):04X}]" if hidden else char


def _stays(char: str) -> bool:
    return char in "._-" or unicodedata.category(char)[0] in "LM" or unicodedata.category(char) == "Nd"


def _percent(char: str) -> str:
    return "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "surrogatepass"))


def _cut(pieces: list[str], name: str) -> str:
    """As many whole pieces as fit, then ``%-`` (which no encoded name holds) and a hash of the full name."""
    room = _MAX_BYTES - _HASH_DIGITS - 2
    kept: list[str] = []
    for piece in pieces:
        room -= len(piece.encode())
        if room < 0:
            break
        kept.append(piece)
    return f"{''.join(kept)}%-{_hash(name)}"


def _hash(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH_DIGITS]
