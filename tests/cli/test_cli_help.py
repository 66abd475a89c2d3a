"""Help: there for every command, and there at once."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.main import get_command

from torchgrade import __version__
from torchgrade.cli.commands import app

#: pydantic is missing from this list because typer itself imports it.
HEAVY = ("torch", "numpy", "nbclient", "nbformat", "pytest", "sqlalchemy", "yaml", "distributed", "zmq")


def commands() -> Iterator[tuple[tuple[str, ...], Any]]:
    """(path, command) of every command, those of groups included."""
    waiting: list[tuple[tuple[str, ...], Any]] = [((), get_command(app))]
    while waiting:
        path, command = waiting.pop()
        yield path, command
        for name, below in getattr(command, "commands", {}).items():
            waiting.append(((*path, name), below))


PATHS = [path for path, _ in commands()]


def test_the_commands_of_the_design_are_there() -> None:
    assert {p[0] for p in PATHS if p} >= {"demo", "check", "grade", "ci", "doctor"}


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_every_command_has_help(run: Any, path: tuple[str, ...], flag: str) -> None:
    said = run(*path, flag)
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith(f"Usage: torchgrade {' '.join(path)}".rstrip())


@pytest.mark.parametrize(("path", "command"), list(commands()), ids=[" ".join(p) or "torchgrade" for p in PATHS])
def test_every_command_and_option_says_what_it_does(path: tuple[str, ...], command: Any) -> None:
    assert command.help
    for parameter in command.params:
        assert getattr(parameter, "help", "") or parameter.name == "help", f"{path}: {parameter.name}"


def test_the_version_is_told(run: Any) -> None:
    said = run("--version")
    assert (said.code, said.out) == (0, f"torchgrade {__version__}\n")


def test_without_a_command_the_help_is_shown(run: Any) -> None:
    said = run()
    assert "Usage: torchgrade" in said.out + said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize("arguments", [["--help"], ["grade", "--help"], ["check", "--help"], ["--version"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    """torch alone takes seconds to import; --help has to be there in a third of one."""
    code = (
        "import json, sys\n"
        "from torchgrade.cli import main\n"
        f"sys.argv = ['torchgrade', *{arguments!r}]\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(json.dumps(sorted(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    loaded = set(json.loads(done.stderr.splitlines()[-1]))
    assert not loaded & set(HEAVY)
    assert "torchgrade.cli.commands" in loaded


def test_the_check_above_would_see_torch() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import torchgrade.grading.plugin, sys; print('torch' in sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == "True\n"


def test_the_module_is_a_command_too() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "torchgrade", "--version"], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == f"torchgrade {__version__}\n"


def test_the_app_is_typers() -> None:
    assert isinstance(app, typer.Typer)
