"""Jinja2, set up so that a template cannot forget to be safe, and the page's own style and script."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from torchgrade.errors import TorchgradeError
from torchgrade.feedback.clean import plain, shorten
from torchgrade.i18n import _, language, plural

_LONGEST = 8000  # characters of one value in a template; views cut earlier, this is the net below them


@dataclass(frozen=True)
class Inline:
    """A style or script that stands in the page, with its hash for the Content-Security-Policy."""

    text: Markup
    digest: str


def folder() -> Path:
    """Where the templates are: inside an installed wheel, else at the root of the source tree."""
    package = Path(__file__).resolve().parents[1]
    places = (package / "_templates", package.parents[1] / "reports" / "templates")
    for place in places:
        if (place / "student.html.j2").is_file():
            return place
    raise TorchgradeError(f"report templates are missing: looked in {places[0]} and {places[1]}")


@cache
def environment() -> Environment:
    """The environment: everything is escaped, everything is ``plain``, nothing may be undefined.

    Templates speak by ``_``, ``plural`` and ``language``, which look up the language in use each time.
    """
    made = Environment(
        loader=FileSystemLoader(folder()),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    made.globals.update({"_": _, "plural": plural, "language": language})
    return made


def _finalize(value: Any) -> Any:
    if isinstance(value, str) and not isinstance(value, Markup):
        return shorten(plain(value), _LONGEST)
    return value


@cache
def inline(*names: str) -> Inline:
    """The named files as one text; comments and indentation of a style are dropped to keep pages small."""
    text = "\n".join((folder() / name).read_text(encoding="utf-8") for name in names)
    if names[0].endswith(".css"):
        text = re.sub(r"\s*\n\s*", "\n", re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)).strip()
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return Inline(Markup(text), f"sha256-{digest}")  # noqa: S704 (our own file, nothing of a student's)


def policy(style: Inline, script: Inline | None = None) -> str:
    """The page's Content-Security-Policy: our style, our script, pictures in the page, nothing else."""
    rules = ["default-src 'none'", f"style-src '{style.digest}'", "img-src data:"]
    rules += [f"script-src '{script.digest}'"] if script else []
    return "; ".join([*rules, "base-uri 'none'", "form-action 'none'"])


def compile_all() -> None:
    """Compile the templates of reports, a fifth of a second, at a moment when others are waited for."""
    for name in environment().list_templates(filter_func=lambda name: name.endswith(".j2") and "/" not in name):
        environment().get_template(name)


def render(template: str, **values: Any) -> str:
    """The page as text."""
    return environment().get_template(template).render(**values)
