"""What a run wrote, read as a browser, a spreadsheet and a strict parser would."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NoReturn

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_ADDRESSES = {"href", "src", "action", "formaction", "xlink:href", "srcset", "poster", "data", "background"}
_FOREIGN = {"iframe", "object", "embed", "base", "form", "applet", "frame"}


def strict_json(text: str) -> Any:
    """JSON as the standard says: no NaN, no Infinity. Raises ValueError."""

    def refuse(word: str) -> NoReturn:
        raise ValueError(f"{word} is not JSON")

    return json.loads(text, parse_constant=refuse)


def faults(path: Path, max_bytes: int) -> list[str]:
    """What is wrong with one file of a report, in words; nothing for kinds that are not known here."""
    said = [f"{path.stat().st_size} bytes"] if path.stat().st_size > max_bytes else []
    readers = {".html": html_faults, ".json": _json_faults, ".csv": csv_faults, ".xml": _xml_faults}
    if reader := readers.get(path.suffix):
        said += reader(path.read_text(encoding="utf-8", errors="surrogateescape"))
    return said


def _json_faults(text: str) -> list[str]:
    try:
        strict_json(text)
    except ValueError as error:
        return [f"not strict JSON: {error}"]
    return []


def _xml_faults(text: str) -> list[str]:
    try:
        ET.fromstring(text)
    except ET.ParseError as error:
        return [f"not well-formed: {error}"]
    return []


def csv_faults(text: str) -> list[str]:
    """Cells that a spreadsheet would calculate; a plain negative number is none."""
    return [
        f"line {number}: a formula {cell[:40]!r}"
        for number, row in enumerate(csv.reader(text.splitlines(keepends=True)), 1)
        for cell in row
        if cell.startswith(_FORMULA) and not re.fullmatch(r"-?\d+(\.\d+)?", cell)
    ]


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.said: list[str] = []
        self.policy = ""
        self.scripts: list[str] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "script":
            self._inside = True
            self.scripts.append("")
        if tag == "meta" and values.get("http-equiv", "").lower() == "content-security-policy":
            self.policy = values.get("content", "")
        if tag in _FOREIGN or (tag == "meta" and values.get("http-equiv", "").lower() == "refresh"):
            self.said.append(f"<{tag}>")
        self.said += [f"handler {name} in <{tag}>" for name in values if name.startswith("on")]
        self.said += [f"{n}={v[:60]!r}" for n, v in values.items() if n in _ADDRESSES and _leads_away(v)]

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag != "script"

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.scripts[-1] += data


def _leads_away(address: str) -> bool:
    """Whether an address runs something or leaves the file; pictures in ``data:`` do neither."""
    plain = re.sub(r"[\x00-\x20]", "", address).lower()
    scheme = re.match(r"[a-z][a-z0-9+.-]*:", plain)
    return plain.startswith("//") or (scheme is not None and not plain.startswith("data:image/"))


def html_faults(text: str) -> list[str]:
    """Scripts that the page's own policy does not name, handlers, links that leave the file."""
    page = _Page()
    page.feed(text)
    page.close()
    said = list(page.said)
    if "default-src 'none'" not in page.policy:
        said.append("no policy with default-src 'none'")
    for script in page.scripts:
        name = base64.b64encode(hashlib.sha256(script.encode("utf-8", "surrogateescape")).digest()).decode()
        if f"'sha256-{name}'" not in page.policy:
            said.append(f"a script that the policy does not name: {script[:60]!r}")
    return said


def disguises(canary: str) -> set[bytes]:
    """A canary as it is, and as a thief might write it: reversed, in hex, in base64 at any offset."""
    plain = canary.encode()
    found = {plain, plain[::-1], plain.hex().encode()}
    for shift in range(3):
        whole = base64.b64encode(b"x" * shift + plain)
        found.add(whole[4:-4])  # both ends mix with what stands around
    return found


def leaks(data: bytes, canaries: dict[str, str], marks: dict[str, str]) -> list[str]:
    """Which canaries are in a file, and which marks were printed (their words stand in sources as well)."""
    said = [place for place, text in canaries.items() if any(form in data for form in disguises(text))]
    for mark, follows in (("REMEMBERED", rb"\s+[/~\w]"), ("HIDDEN-INPUT", rb"\s+\(")):
        word = marks.get(mark, mark).encode()
        if re.search(re.escape(word) + follows, data):
            said.append(f"printed {mark}")
    return said
