#!/usr/bin/env python3
"""Runs torchgrade on somebody else's platform and never leaves without a result.

This file is the whole of what the platform starts: `run_autograder` (Gradescope), `autograder.py` (Classroom 50)
or `grade.py` (PrairieLearn). It needs nothing but Python 3.8. What it starts below, torchgrade, is ended before
the platform ends everything, since a platform's own time-out scores 0 and says nothing.

Settings: torchgrade.json in the bundle. `AUTOGRADER_ROOT` and `GRADE_ROOT` move /autograder and /grade;
`TORCHGRADE_PYTHON` names the interpreter that has torchgrade.
"""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
BEGIN = time.monotonic()
SPARE_SECONDS = 15.0  # for writing the result, before the platform's own limit
GRACE_SECONDS = 5.0
SORRY = (
    "This work could not be examined. That is not your fault; tell your teacher, who will run it again.\n"
    "Эту работу не удалось проверить. Это не ваша вина; скажите преподавателю, он запустит проверку ещё раз."
)
PLATFORMS = {"run_autograder": "gradescope", "autograder.py": "classroom50", "grade.py": "prairielearn"}
PLATFORM = PLATFORMS.get(Path(__file__).name, "classroom50")


def bundle() -> Path:
    """The folder of torchgrade.json. Gradescope copies this file out of it."""
    if PLATFORM != "gradescope":
        return HERE
    root = os.environ.get("AUTOGRADER_ROOT")
    return (Path(root) if root else HERE if HERE.name != "source" else HERE.parent) / "source"


def places() -> tuple[Path, Path, Path]:
    """Where the hand-in lies, where the result goes, and what tells about the student (may be missing)."""
    if PLATFORM == "gradescope":
        root = bundle().parent
        return root / "submission", root / "results" / "results.json", root / "submission_metadata.json"
    if PLATFORM == "prairielearn":
        root = Path(os.environ.get("GRADE_ROOT") or "/grade")
        return root / "student", root / "results" / "results.json", root / "data" / "data.json"
    here = Path.cwd()
    return here, here / "result.json", here / "nothing"


def interpreter() -> str:
    """The Python that has torchgrade: the one named, or that which setup.sh made, or this one."""
    made = bundle().parent / "torchgrade-venv" / "bin" / "python"
    return os.environ.get("TORCHGRADE_PYTHON") or (str(made) if made.is_file() else sys.executable)


def install() -> None:
    """Classroom 50 has no step for it: torchgrade is installed here, where the image does not bring it along."""
    there = os.environ.get("TORCHGRADE_PYTHON") or importlib.util.find_spec("torchgrade") is not None
    if PLATFORM == "classroom50" and not there:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "-r", "requirements.txt"]
        subprocess.run(command, cwd=str(bundle()), check=True)


def examine(seconds: float) -> str:
    """Start torchgrade and wait, not for ever. What went wrong, in a sentence; empty where there is a result."""
    hand_in, result, about = places()
    if result.is_file():
        result.unlink()  # a student cannot bring one along
    command = [interpreter(), "-P", "-m", "torchgrade.pipeline.platforms", str(bundle() / "torchgrade.json")]
    command += [str(hand_in), str(result), str(about)]
    child = subprocess.Popen(command, cwd=str(bundle()), stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        code = child.wait(max(1.0, seconds - SPARE_SECONDS - (time.monotonic() - BEGIN)))
    except subprocess.TimeoutExpired:
        end(child)
        return f"torchgrade took longer than the platform allows ({seconds:g} s)"
    if code != 0:
        return f"torchgrade ended with code {code}"
    return "" if readable(result) else "torchgrade wrote no result"


def end(child: subprocess.Popen[bytes]) -> None:
    """End a process and all that it started. First it may close its rooms itself."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(child.pid, number)
            child.wait(GRACE_SECONDS)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue


def readable(path: Path) -> bool:
    """Whether a whole JSON object lies there."""
    try:
        return isinstance(json.loads(path.read_text(encoding="utf-8")), dict)
    except (OSError, ValueError):
        return False


def fallback(most: float) -> dict[str, object] | None:
    """A valid result that says sorry; None for Classroom 50, which makes one itself where an autograder fails."""
    if PLATFORM == "gradescope":
        test = {"name": "torchgrade", "score": 0.0, "max_score": most, "status": "failed", "visibility": "visible"}
        return {"output": SORRY, "output_format": "text", "stdout_visibility": "hidden", "tests": [test]}
    return {"gradable": False, "format_errors": [SORRY]} if PLATFORM == "prairielearn" else None


def write(path: Path, document: dict[str, object]) -> None:
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    spare = path.with_name(path.name + ".tmp")
    spare.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    os.replace(str(spare), str(path))


def main() -> int:
    """The exit code: 0, but for Classroom 50, which wants to hear of an autograder's own faults by it."""
    most = 0.0
    try:
        settings = json.loads((bundle() / "torchgrade.json").read_text(encoding="utf-8"))
        most = float(settings["max_points"])
        install()
        problem = examine(float(settings["seconds"]))
    except Exception as error:  # whatever it is, the platform gets its result
        problem = f"{type(error).__name__}: {error}"
    if not problem:
        return 0
    print(f"torchgrade: {problem}", file=sys.stderr)
    document = fallback(most)
    if document is None:
        return 1
    write(places()[1], document)
    return 0


if __name__ == "__main__":
    sys.exit(main())
