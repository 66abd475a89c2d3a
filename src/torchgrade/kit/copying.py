"""copier, by which a kit is rendered from its template and, later, brought up to date."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from torchgrade.errors import TorchgradeError, UsageError
from torchgrade.kit.contents import Files
from torchgrade.kit.repository import read_files

ANSWERS = ".copier-answers.yml"
_SOURCE = re.compile(rb"(?m)^_src_path:.*$")


def render(template: Path, version: str, source: str) -> Files:
    """The kit that copier makes of a version of the template, by path.

    ``source`` is where a student's copier will look for the template: no path of this machine is written down.
    Raises UsageError where copier is not installed.
    """
    try:
        from copier import run_copy
        from copier.errors import CopierError
    except ImportError:
        raise UsageError("`torchgrade release` needs copier: pip install 'torchgrade[release]'") from None
    with tempfile.TemporaryDirectory() as spare:
        try:
            run_copy(str(template), spare, vcs_ref=version, defaults=True, quiet=True)
        except CopierError as error:
            raise TorchgradeError(f"copier could not make the kit: {error}") from error
        files = read_files(Path(spare))
    files[ANSWERS] = _SOURCE.sub(lambda _: f"_src_path: {source}".encode(), files[ANSWERS])
    return files
