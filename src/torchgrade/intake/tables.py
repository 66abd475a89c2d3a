"""Tables that people make: CSV by any spreadsheet, in the encodings that these choose."""

from __future__ import annotations

import re
from pathlib import Path

from torchgrade.errors import SpecError

_MAX_BYTES = 16 * 2**20
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_DECLARED = re.compile(r"""\A"?sep=(?P<separator>[,;|\t])"?[,; \t]*(?P<end>\r\n|\n|\r|\Z)""", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+")
_RUSSIAN = re.compile(r"[А-ЯЁ]?[а-яё]+|[А-ЯЁ]+|№")


def table_text(path: Path, what: str) -> str:
    """The text of a table, its lines ended by ``\\n``. ``what``: how an error calls it. Raises SpecError."""
    try:
        with path.open("rb") as file:
            raw = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise SpecError(path, None, "", f"{what} cannot be read ({error.strerror})") from None
    if len(raw) > _MAX_BYTES:
        raise SpecError(path, None, "", f"{what} is larger than {_MAX_BYTES // 2**20} MiB")
    if raw.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise SpecError(path, None, "", f"{what} is an Excel workbook; save it as “CSV UTF-8”")
    text = _decoded(raw)
    if text is None or "\0" in text:
        raise SpecError(path, None, "", f"{what} is not UTF-8; save it as “CSV UTF-8”")
    return text


def separator(text: str) -> str:
    """What stands between the cells: a comma, a semicolon or a tab, by the first line; or what a line `sep=;`
    before it says, which spreadsheets obey and do not show."""
    if declared := _DECLARED.match(text):
        return declared["separator"]
    first = text.split("\n", 1)[0]
    return max(",;\t", key=first.count)


def undeclared(text: str) -> str:
    """The text with a blank line in place of `sep=;`, so that every other line keeps its number."""
    return _DECLARED.sub(r"\g<end>", text, count=1)


def unwrapped(cell: str) -> str:
    """A cell without blanks round it; ``="0012"`` is how spreadsheets are told to leave digits alone."""
    cell = cell.strip()
    return (
        cell[2:-1].replace('""', '"') if len(cell) > 2 and cell.startswith('="') and cell.endswith('"') else cell
    )


def _decoded(raw: bytes) -> str | None:
    """None where it is no encoding that can be told from others for certain."""
    try:
        if raw.startswith(_UTF_16):
            return raw.decode("utf-16")
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None if raw.startswith(_UTF_16) else _windows_1251(raw)


def _windows_1251(raw: bytes) -> str | None:
    """Text of a Russian Windows, if every word of it reads like one: 'Hélène' would become 'Hйlиne'."""
    try:
        text = raw.decode("cp1251")
    except UnicodeDecodeError:
        return None
    odd = "".join(c for c in text if not c.isascii() and not c.isalpha() and c not in "№«»–—…“”„’\xa0")
    words = [word for word in _WORD.findall(text) if not word.isascii()]
    return text if not odd and words and all(_RUSSIAN.fullmatch(word) for word in words) else None
