"""The copier template of a release: student_template, the course's values, and the student's files as they are."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from torchgrade.errors import TorchgradeError, UsageError
from torchgrade.kit.contents import Files

INSIDE = "template/"  # where copier finds what it renders
SETTINGS = "copier.yml"
_RENDERED = ".jinja"
_MARKUP = re.compile(r"\{[{%#]|#%")


@dataclass(frozen=True)
class KitSettings:
    """What the files of student_template are filled with. Names are those that they use."""

    title: str
    language: str
    assignments: tuple[dict[str, Any], ...]  # id, title, text, points
    data: tuple[str, ...]
    requirements: tuple[str, ...]
    python: str  # "3.11"
    runner: str = ""  # label of the machine that checks; empty: the host's own
    threshold: float = 100
    url: str = ""  # where students find the template


def folder() -> Path:
    """Where student_template lies: inside an installed wheel, else at the root of the source tree."""
    package = Path(__file__).resolve().parents[1]
    places = (package / "_student_template", package.parents[1] / "student_template")
    for place in places:
        if (place / SETTINGS).is_file():
            return place
    raise TorchgradeError(f"student_template is missing: looked in {places[0]} and {places[1]}")


def template_files(settings: KitSettings, student: Mapping[str, bytes]) -> Files:
    """All files of the template repository, by path. Raises UsageError for a name that copier would change."""
    files = _own_files(settings.language)
    for path, content in student.items():
        if _MARKUP.search(path) or path.endswith(_RENDERED):
            raise UsageError(f"{path}: a kit cannot hold a file of this name; copier would take it for a template")
        if f"{path}{_RENDERED}" in files:
            raise UsageError(f"{path}: the kit has a file of this name of its own; call the course's another")
        files[path] = content
    made = {f"{INSIDE}{path}": content for path, content in files.items()}
    head = (folder() / SETTINGS).read_text(encoding="utf-8")
    return {SETTINGS: (head + _values(settings)).encode(), **made}


def _own_files(language: str) -> Files:
    """Those of student_template, all of them Jinja; of a file in several languages (name.ru.md) the right one."""
    files: Files = {}
    for path in sorted(folder().rglob("*")):
        name = path.relative_to(folder()).as_posix()
        if path.is_file() and name != SETTINGS and "__pycache__" not in path.parts:
            stem, _, said = path.stem.rpartition(".")
            translated = bool(stem) and path.suffix == ".md"
            plain = f"{name[: -len(path.name)]}{stem}.md" if translated else name
            if not translated or said == language:
                files[f"{plain}{_RENDERED}"] = path.read_bytes()
    return files


def _values(settings: KitSettings) -> str:
    """The settings as a question that copier never asks: it is computed anew from each release.

    copier renders a default, so what looks like markup in it is written in JSON's own escapes.
    """
    said = json.dumps(dataclasses.asdict(settings), ensure_ascii=False)
    harmless = _MARKUP.sub(lambda found: f"\\u{ord(found[0][0]):04x}{found[0][1:]}", said)
    return yaml.safe_dump(
        {"kit": {"type": "json", "when": False, "default": harmless}}, allow_unicode=True, width=110
    )


def settings_in(text: str) -> KitSettings | None:
    """The settings of a release from its copier.yml; None where it says none that this version knows."""
    try:
        said = json.loads(yaml.safe_load(text)["kit"]["default"])
        lists = {key: tuple(said.get(key, ())) for key in ("assignments", "data", "requirements")}
        return KitSettings(**{**said, **lists})
    except (yaml.YAMLError, KeyError, TypeError, ValueError):
        return None
