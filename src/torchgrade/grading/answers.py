"""Answers beside the graders, in percent format: known wrong ones, and legitimate variants."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torchgrade import notebook as notebooks
from torchgrade.errors import SpecError

HEADER_KEYS = ("title", "hint", "loses", "misses", "borrows")


@dataclass(frozen=True)
class KnownAnswer:
    """A wrong answer or a legitimate variant, in percent format, with what its header says."""

    path: Path
    title: str
    hint: str
    loses: tuple[str, ...]  # exactly these criteria, for a wrong answer
    misses: tuple[str, ...]  # bonus criteria that a right answer does not earn
    borrows: tuple[str, ...]  # globals to take over from the student before a replay
    notebook: dict[str, Any]
    strays: tuple[str, ...] = ()  # keys of the header that mean nothing

    @property
    def slug(self) -> str:
        """The file's name without its ending."""
        return self.path.stem


def load_answers(graders: Path, kind: str) -> list[KnownAnswer]:
    """All answers of ``graders/<id>/answers/<kind>``, ``wrong`` or ``right``, by file name."""
    return [_load(path) for path in sorted((graders / "answers" / kind).glob("*.py"))]


def _load(path: Path) -> KnownAnswer:
    text = path.read_text(encoding="utf-8")
    header = notebooks.percent_header(text)

    def listed(key: str) -> tuple[str, ...]:
        return tuple(part.strip() for part in header.get(key, "").split(",") if part.strip())

    return KnownAnswer(
        path=path,
        title=header.get("title", path.stem),
        hint=header.get("hint", ""),
        loses=listed("loses"),
        misses=listed("misses"),
        borrows=listed("borrows"),
        notebook=notebooks.from_percent(text, path),
        strays=tuple(key for key in header if key not in HEADER_KEYS),
    )


def read_trusted(path: Path) -> dict[str, Any]:
    """A notebook of the course's own. Raises SpecError where it is missing or is none."""
    import nbformat  # 0.1 s, which a command that warms an examiner up can spend meanwhile

    try:
        # It compiles its schema, too (40 ms): examiners that are forked later check outputs by it.
        return dict(nbformat.read(path, as_version=4))
    except FileNotFoundError:
        raise SpecError(path, None, "", "the notebook does not exist") from None
    except OSError as error:
        raise SpecError(path, None, "", f"cannot be read: {error.strerror}") from None
    except Exception as error:  # nbformat raises all kinds for a file that is no notebook
        raise SpecError(path, None, "", f"is not a notebook ({type(error).__name__})") from None
