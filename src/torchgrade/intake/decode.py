"""From bytes to JSON data, bounded in memory, with what other programs put into notebooks mended on the way."""

from __future__ import annotations

import json
import math
import re
import sys
from typing import Any

from torchgrade.intake.entries import Refused

MAX_VALUES = 2_000_000  # JSON values in one notebook: some hundred bytes each once read
MAX_TEXT = 2**27  # bytes that Python may need for the text: one emoji makes every character four bytes wide

_AGAIN = "Download the notebook again from Jupyter or Colab and hand that in."
_TOO_LARGE = "Its stored outputs are too large to read. Clear the notebook's outputs and hand it in again."

_OTHER_KINDS = (
    (b"PK\x03\x04", "a zip archive"),
    (b"%PDF", "a PDF"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x89PNG", "a picture"),
    (b"<", "a web page (HTML)"),
)
_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)


def decode(raw: bytes) -> tuple[Any, list[str]]:
    """JSON data and the repairs it took. Nothing in it is NaN or infinite. Raises Refused with the place."""
    notes: list[str] = []
    if not raw.strip(b"\0 \t\r\n\xef\xbb\xbf\xff\xfe"):
        what = "empty (0 bytes)" if not raw else "blank"
        raise Refused(f"The file is {what}: there is no notebook in it. Save the notebook and hand it in again.")
    for mark, kind in _OTHER_KINDS:
        if raw[:64].lstrip().startswith(mark):
            raise Refused(f"The file is {kind}, not a notebook. {_AGAIN}")
    text = _text(raw, notes)
    if sys.getsizeof(text) > MAX_TEXT:
        raise Refused(_TOO_LARGE)
    _check_count(text)
    return _parse(text, notes), notes


def _text(raw: bytes, notes: list[str]) -> str:
    encoding = json.detect_encoding(raw)
    if encoding == "utf-8-sig":
        notes.append("A byte order mark at the beginning of the file was left out.")
    elif encoding != "utf-8":
        notes.append(f"The file was read as {encoding[:6].upper()}; notebooks are normally UTF-8.")
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError:
        notes.append(f"Bytes that are not {encoding[:6].rstrip('-').upper()} text were replaced by '\ufffd'.")
        return raw.decode(encoding, "replace").removeprefix("\ufeff")


def _check_count(text: str) -> None:
    """Refuse a text of millions of tiny values, which would take many times its size in memory."""
    if _punctuation(text, 0, len(text)) <= MAX_VALUES:
        return
    count = end = 0
    while (start := text.find('"', end)) >= 0 and count <= MAX_VALUES:
        count += _punctuation(text, end, start)
        string = _STRING.match(text, start)  # what stands inside strings costs nothing
        if string is None:
            return  # never closed: the parser stops here, too
        end = string.end()
    if count + _punctuation(text, end, len(text)) > MAX_VALUES:
        raise Refused(_TOO_LARGE)


def _punctuation(text: str, start: int, end: int) -> int:
    return sum(text.count(mark, start, end) for mark in ",:[{")


def _parse(text: str, notes: list[str]) -> Any:
    hooks = _Hooks()
    try:
        try:
            data = hooks.loads(text, strict=True)
        except json.JSONDecodeError as e:
            if not e.msg.startswith("Invalid control character"):
                raise
            data = hooks.loads(text, strict=False)
            notes.append("Line breaks or tabs that stood unescaped inside JSON texts were accepted.")
    except json.JSONDecodeError as e:
        raise Refused(_why_no_json(text, e)) from None
    except (RecursionError, MemoryError):
        raise Refused(f"The file's JSON is nested too deeply to be a notebook. {_AGAIN}") from None
    if hooks.numbers:
        notes.append("Numbers that JSON does not know (NaN, Infinity, far too large) were read as null.")
    if hooks.twice:
        notes.append("Some JSON keys stood there twice: the last one counts.")
    return data


class _Hooks:
    """What Python's parser calls for numbers and objects; remembers what it had to mend."""

    def __init__(self) -> None:
        self.numbers = self.twice = False

    def loads(self, text: str, strict: bool) -> Any:
        return json.loads(
            text,
            strict=strict,
            parse_constant=self._odd,
            parse_float=self._float,
            parse_int=self._int,
            object_pairs_hook=self._object,
        )

    def _odd(self, _: str) -> Any:
        self.numbers = True
        return None

    def _float(self, digits: str) -> float | None:
        value = float(digits)
        return value if math.isfinite(value) else self._odd(digits)

    def _int(self, digits: str) -> int | None:
        return int(digits) if len(digits) < 300 else self._odd(digits)

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        data = dict(pairs)
        self.twice = self.twice or len(data) < len(pairs)
        return data


def _why_no_json(text: str, error: json.JSONDecodeError) -> str:
    where = f"line {error.lineno}, column {error.colno}"
    cut_in_a_word = len(text) - error.pos <= 6 and not text.rstrip().endswith("}")
    if not text[error.pos :].strip() or "Unterminated" in error.msg or cut_in_a_word:
        return f"The file breaks off in the middle (at {where} its JSON is not complete). {_AGAIN}"
    return f"The file is not a notebook: it is not valid JSON at {where} ({error.msg}). {_AGAIN}"
