"""Hand-ins as platforms make them: notebooks, zips, rosters, git repositories."""

from __future__ import annotations

import json
import os
import subprocess
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

from torchgrade.intake import Choice, collect
from torchgrade.intake.roster import read_roster
from torchgrade.model import Submission


def raw_notebook(source: str = "x = 1") -> bytes:
    cell = {
        "cell_type": "code",
        "id": "a",
        "metadata": {},
        "execution_count": None,
        "outputs": [],
        "source": source,
    }
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]}).encode()


def put(root: Path, name: str, content: bytes | None = None) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw_notebook() if content is None else content)
    return path


def zipped(path: Path, *members: str | tuple[str, bytes]) -> Path:
    """A zip of members: a name of a notebook that holds its own name, or a name and bytes."""
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as z:
        for member in members:
            name, content = (member, raw_notebook(f"x = {member!r}")) if isinstance(member, str) else member
            z.writestr(name, content)
    return put(path.parent, path.name, file.getvalue())


class Cohort(dict[str, Submission]):
    """Submissions by student, and what was told of the whole."""

    told: list[str]

    def source(self, student: str) -> str:
        notebook = self[student].notebook
        assert notebook, self[student].problem
        return str(notebook["cells"][0]["source"])


def read(source: Path, roster: Path | None = None, **options: Any) -> Cohort:
    told: list[str] = []
    known = read_roster(roster) if roster else None
    options.setdefault("choice", Choice())
    found = Cohort({s.student: s for s in collect(source, roster=known, tell=told.append, **options)})
    found.told = told
    return found


def roster_file(folder: Path, *lines: str, encoding: str = "utf-8") -> Path:
    return put(folder, "roster.csv", ("\n".join(lines) + "\n").encode(encoding))


class Repository:
    """A student's clone. Dates are given, as they can be forged."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str, date: str = "2026-10-01T12:00:00+00:00") -> str:
        who = {f"GIT_{role}_{what}": "s@x" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        dates = {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
        nobody = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "HOME": str(self.folder)}
        environment = {"PATH": os.environ["PATH"], **who, **dates, **nobody}
        done = subprocess.run(
            ["git", *arguments], cwd=self.folder, env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def commit(self, source: str, date: str = "2026-10-01T12:00:00+00:00", name: str = "softmax.ipynb") -> str:
        put(self.folder, name, raw_notebook(source))
        self.git("add", "-A")
        self.git("commit", "-q", "-m", source, date=date)
        return self.git("rev-parse", "HEAD")
