"""docs/reference.md, written from the code: commands and options, keys of the course's files, what graders use.

``python -m torchgrade.cli.reference [FILE]`` prints it, or writes FILE. A test fails while docs/reference.md says
anything else, and while a key of a course's file has no sentence in ``MEANINGS``.
"""

from __future__ import annotations

import inspect
import re
import sys
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from typer.models import ArgumentInfo

from torchgrade.cli import app

#: What each key means, by the file and the path of the key; a list's entries are ``[]``, any name is ``*``.
MEANINGS: dict[str, dict[str, str]] = {
    "course.yaml": {
        "title": "The course's name.",
        "year": "`2026` or `2026/27`. Grades of another year are counted by themselves.",
        "language": "`en` or `ru`: the language of all sentences. `--lang` says another for one command.",
        "languages": "In these everything is to be said: `torchgrade ci` fails where a translation is missing.",
        "limits": "For every assignment, unless it has its own.",
        "policy": "Dates and attempts, for every assignment that says nothing else.",
        "policy.zone": "A time zone, such as `Europe/Moscow`, for dates that name none.",
        "policy.grace": "How long after the due date nothing is taken off: `15 min`.",
        "policy.late": "What being late costs; `none`: nothing.",
        "policy.attempts": "`best` or `last`: which attempt counts. Or the two keys below.",
        "assignments": "The ids of those that count, in order; default: every folder of assignments/.",
        "split": "`own`: real data sets are split anew from the course's secret; `official`: as published.",
        "variants": "By assignment: how a student's own task follows from the roster.",
        "variants.*.classes": "A formula for each class: a column plus or minus a number, or a number.",
        "variants.*.tracks": "By the column `track`: this class in the last one's place.",
        "variants.*.default": "The columns of a student of whom no roster tells.",
        "variants.*.within": "The lowest and the highest class that there is.",
    },
    "assignment.yaml": {
        "id": "The folder's name.",
        "title": "The line above every report.",
        "rubric": "The criteria. Points are here and nowhere else.",
        "rubric[].id": 'What the grader says: `@pytest.mark.criterion("id")`.',
        "rubric[].title": "What it asks, for the student.",
        "rubric[].points": "What it is worth.",
        "rubric[].visibility": "`public`: students have the test. `after_due`, `hidden`: never its inputs.",
        "rubric[].needs": "Criteria without which this one is skipped.",
        "rubric[].bonus": "Adds points beyond the maximum, and costs nothing.",
        "rubric[].manual": "Waits for a teacher (`torchgrade serve`).",
        "defines": "The names that a notebook must define.",
        "aliases": "Other names under which one of them is taken, too.",
        "device": "`auto`: a GPU where there is one; `cpu`; `cuda`: refused without one.",
        "limits": "Over the course's.",
        "files": "Files of the folder files/ that lie beside the notebook when it runs.",
        "data": "Data sets that room and graders see.",
        "due": "`2026-03-01 23:59 Europe/Moscow`, `2026-03-01T23:59+03:00`, or without a zone in the course's.",
        "grace": "Over the course's.",
        "late": "Over the course's; `none`: nothing is taken off.",
        "attempts": "Over the course's.",
        "groups": "`true`: one hand-in counts for all of a group (column `group` of the roster).",
    },
    "limits": {
        "cell_time": "Wall time of one cell.",
        "notebook_time": "Wall time of the whole notebook.",
        "probe_time": "Wall time of one question that a grader puts.",
        "memory": "Of everything in the room together.",
        "processes": "And threads, together.",
        "disk": "All that is written, in memory or on disk.",
        "output": "What is kept of the output.",
        "training_time": "What graders may let the student's code train, all questions together.",
    },
    "late": {
        "minus": "`10 %` of what the work earned, or `0.5 points`, for each `per` that has begun.",
        "per": "`hour` or `day`.",
        "steps": "Instead of these two: so much from a moment on.",
        "steps[].after": "`1 h`, `2 d`: this long after the due date.",
        "steps[].minus": "What is taken off from then on; the last step that was begun counts.",
        "floor": "The least that is left, in the same units.",
        "closed": "After this nothing counts: `7 d`.",
    },
    "attempts": {
        "count": "`best` or `last`.",
        "limit": "How many count at most.",
    },
    "hints.yaml": {
        "hints": "A hint for a wrong answer that a cohort gave.",
        "hints[].key": "The mistake's name, by which it is counted.",
        "hints[].criterion": "Its criterion.",
        "hints[].fingerprint": "From the cohort's report.",
        "hints[].hint": "The sentence.",
    },
}
#: Parts of a file that several files share, and are told of once.
_SHARED = {"LimitsSpec": "limits", "LateSpec": "late", "AttemptsSpec": "attempts"}


_COMMANDS = """## Commands

Exit codes: 0 well; 1 points lost, or the course fails its own test; 2 bad input, or our fault."""


def reference() -> str:
    """The whole page, Markdown."""
    parts = [
        "# Reference\n\nWritten by `python -m torchgrade.cli.reference docs/reference.md` from the code itself.",
        _COMMANDS,
        *_commands(),
        "## Files of a course",
        *_files(),
        "## What a grader is given\n\nFixtures of pytest, in graders/*/test_public.py and test_hidden.py.",
        _table(("Fixture", "What it is"), _fixtures()),
        "`submission` and `reference` have these methods; what lives in the room comes as a handle.",
        _table(("Method", "What it does"), _methods("Examinee")),
        "A handle has these.",
        _table(("Method", "What it does"), _methods("Handle")),
        "## What a grader imports\n\n`from torchgrade.testing import …`",
        _table(("Name", "What it does"), _exported()),
    ]
    return "\n\n".join(parts) + "\n"


# --- commands --------------------------------------------------------------------------------------------------


def _commands() -> Iterator[str]:
    told = {f"torchgrade {_name(info)}": info.callback for info in app.registered_commands}
    for group in app.registered_groups:
        inner = group.typer_instance.registered_commands if group.typer_instance else ()
        told |= {f"torchgrade {group.name} {_name(info)}": info.callback for info in inner}
    for name, function in sorted(told.items()):
        yield _command(name, function)


def _name(info: Any) -> str:
    return str(info.name or info.callback.__name__.replace("_", "-"))


def _command(name: str, function: Any) -> str:
    usage, rows = [name], []
    for parameter, default, kind, said in _parameters(function):
        if isinstance(said, ArgumentInfo):
            word = f"{parameter.upper()}{'…' if typing.get_origin(kind) is list else ''}"
            word = word if default is inspect.Parameter.empty else f"[{word}]"
            usage.append(word)
        else:
            word = " ".join(filter(None, (_option(parameter, said), _value(kind, said))))
        rows.append((f"`{word}`", _flat(said.help)))
    head = f"### {name}\n\n`{' '.join(usage)}`\n\n{_flat(inspect.getdoc(function))}"
    return f"{head}\n\n{_table(('Argument or option', 'Meaning'), rows)}" if rows else head


def _parameters(function: Any) -> Iterator[tuple[str, Any, Any, Any]]:
    """Of each argument and option its name, default, type, and what was said to typer of it."""
    hints = typing.get_type_hints(function, include_extras=True)
    for name, parameter in inspect.signature(function).parameters.items():
        kind, said = hints[name].__origin__, hints[name].__metadata__[0]
        kinds = [k for k in typing.get_args(kind) if k is not type(None)]
        yield name, parameter.default, kinds[0] if kinds and typing.get_origin(kind) is not list else kind, said


def _option(name: str, said: Any) -> str:
    # Inside of Annotated, typer takes the first name for a default.
    names = [n for n in (said.default, *(said.param_decls or ())) if isinstance(n, str) and n.startswith("-")]
    return ", ".join(names or [f"--{name.replace('_', '-')}"])


def _value(kind: Any, said: Any) -> str:
    if kind is bool:
        return ""
    if said.metavar:
        return str(said.metavar)
    if inspect.isclass(kind) and issubclass(kind, Enum):
        return "|".join(str(one.value) for one in kind)
    return {Path: "PATH", int: "N", float: "X"}.get(kind, "TEXT")


# --- files -----------------------------------------------------------------------------------------------------


def _files() -> Iterator[str]:
    from torchgrade.spec import hints, schema
    from torchgrade.spec.policies import AttemptsSpec, LateSpec

    told: dict[str, tuple[str, type[BaseModel]]] = {
        "course.yaml": ("### course.yaml", schema.CourseSpec),
        "assignment.yaml": ("### assignments/*id*/assignment.yaml", schema.AssignmentSpec),
        "limits": ("### limits\n\nTimes: ms, s, min, h. Sizes: KiB, MiB, GiB.", schema.LimitsSpec),
        "late": ("### late", LateSpec),
        "attempts": ("### attempts", AttemptsSpec),
        "hints.yaml": ("### graders/*id*/hints.yaml", hints._Hints),
    }
    for file, (head, model) in told.items():
        meanings = MEANINGS[file]
        rows = [(f"`{path}`", meanings[path]) for path in keys(model)]
        yield f"{head}\n\n{_table(('Key', 'Meaning'), rows)}"


def keys(model: type[BaseModel], above: str = "") -> Iterator[str]:
    """The path of each key that a file may have, as in ``MEANINGS``."""
    for name, field in model.model_fields.items():
        path = f"{above}{name}"
        yield path
        for inner, between in _inner(field.annotation):
            if inner.__name__ not in _SHARED:
                yield from keys(inner, f"{path}{between}.")


def _inner(annotation: Any) -> Iterator[tuple[type[BaseModel], str]]:
    """The models inside of a type, with what stands for an index or a name."""
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        yield annotation, ""
        return
    origin = getattr(annotation, "__origin__", None)
    mark = "[]" if origin is list else ".*" if origin is dict else ""
    for argument in getattr(annotation, "__args__", ()):
        for model, between in _inner(argument):
            yield model, f"{mark}{between}"


# --- graders ---------------------------------------------------------------------------------------------------


def _fixtures() -> Iterator[tuple[str, str]]:
    from torchgrade.grading.fixtures import GraderFixtures

    for name, made in vars(GraderFixtures).items():
        if type(made).__name__ == "FixtureFunctionDefinition":
            yield f"`{name}`", _first(made._get_wrapped_function())


def _methods(protocol: str) -> Iterator[tuple[str, str]]:
    from torchgrade.testing import examinee

    for name, method in vars(getattr(examinee, protocol)).items():
        if inspect.isfunction(method) and not name.startswith("_"):
            yield f"`{_signature(name, method)}`", _first(method)


def _exported() -> Iterator[tuple[str, str]]:
    from torchgrade import testing

    for name in sorted(testing.__all__, key=str.lower):
        made = getattr(testing, name)
        if inspect.isfunction(made):
            yield f"`{_signature(name, made)}`", _first(made)
        elif inspect.isclass(made) and made.__module__.startswith("torchgrade."):
            yield f"`{name}`", _first(made)


def _signature(name: str, function: Any) -> str:
    """The call, without types: those are in the code."""
    shown: list[str] = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name == "self":
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not any(p.startswith("*") for p in shown):
            shown.append("*")
        stars = "*" * (
            (parameter.kind is parameter.VAR_POSITIONAL) + 2 * (parameter.kind is parameter.VAR_KEYWORD)
        )
        default = "" if parameter.default is parameter.empty else f"={_default(parameter.default)}"
        shown.append(f"{stars}{parameter.name}{default}")
    return f"{name}({', '.join(shown)})"


def _default(value: Any) -> str:
    plain = isinstance(value, (int, float, str, bool, tuple, type(None)))
    return repr(value) if plain and len(repr(value)) < 30 else "…"


def _first(made: Any) -> str:
    """The first paragraph of what it says of itself."""
    return _flat((inspect.getdoc(made) or "").split("\n\n", 1)[0])


# --- Markdown --------------------------------------------------------------------------------------------------


def _flat(text: str | None) -> str:
    return re.sub(r"\s+", " ", (text or "").strip()).replace("``", "`")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def unexplained() -> Mapping[str, list[str]]:
    """Keys of ``MEANINGS`` that no file has any more, by file; a key without a sentence is a KeyError above."""
    text = reference()
    return {
        file: [path for path in meanings if f"`{path}`" not in text]
        for file, meanings in MEANINGS.items()
        if any(f"`{path}`" not in text for path in meanings)
    }


if __name__ == "__main__":
    if sys.argv[1:]:
        Path(sys.argv[1]).write_text(reference(), encoding="utf-8")
    else:
        sys.stdout.write(reference())
