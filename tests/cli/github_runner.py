"""What GitHub's runner makes of a log, by its documentation and what is known of its reader: a small model."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_COMMAND = re.compile(r"::(?P<name>[\w-]+)(?: (?P<properties>.*?))?::(?P<data>.*)", re.DOTALL)
_OLD = re.compile(r"##\[(?P<name>[\w-]+)(?: (?P<properties>[^\]]*))?\](?P<data>.*)", re.DOTALL)


@dataclass
class Runner:
    """``obeyed``: (name, properties, data) of each command, in order; ``deaf_to``: the word that it waits for."""

    obeyed: list[tuple[str, dict[str, str], str]] = field(default_factory=list)
    deaf_to: str = ""

    def read(self, log: str) -> Runner:
        """Every line: a carriage return ends one too."""
        for line in re.split(r"\r\n|\r|\n", log):
            self._line(line)
        return self

    def _line(self, line: str) -> None:
        if self.deaf_to:
            if line.strip() == f"::{self.deaf_to}::":
                self.deaf_to = ""
            return
        found = _COMMAND.fullmatch(line.strip()) or _OLD.search(line)
        if found is None:
            return
        if found["name"] == "stop-commands":
            self.deaf_to = found["data"]
            return
        listed = (one.partition("=") for one in (found["properties"] or "").split(",") if one)
        properties = {key.strip(): _unescaped(value) for key, _, value in listed}
        self.obeyed.append((found["name"], properties, _unescaped(found["data"])))


def _unescaped(text: str) -> str:
    for escaped, plain in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(escaped, plain)
    return text
