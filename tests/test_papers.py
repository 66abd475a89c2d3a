"""The papers of the repository say what is true of it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from torchgrade.cli import app

ROOT = Path(__file__).parents[1]
COMMANDS = {info.name or info.callback.__name__ for info in app.registered_commands} | {"data", "import"}
PAPERS = [*ROOT.glob("docs/*.md"), *ROOT.glob("docs/decisions/*.md"), ROOT / "student_template" / "README.md"]


def test_each_dependency_has_a_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    asked = project["build-system"]["requires"] + project["project"]["dependencies"]
    asked += [one for extra in project["project"]["optional-dependencies"].values() for one in extra]
    names = {re.match(r"[\w.-]+", one)[0] for one in asked} - {"torchgrade"}  # type: ignore[index]
    page = (ROOT / "docs" / "decisions" / "dependencies.md").read_text()
    assert set(re.findall(r"(?m)^\| ([\w.-]+) \| \S", page)) - {"Package"} == names


@pytest.mark.parametrize("paper", PAPERS, ids=lambda path: path.name)
def test_papers_show_commands_that_there_are(paper: Path) -> None:
    shown = re.findall(r"(?:^ {4,}|`)torchgrade (\w+)", paper.read_text(), re.MULTILINE)
    assert set(shown) <= COMMANDS


def test_decisions_stay_under_a_page() -> None:
    for paper in ROOT.glob("docs/decisions/*.md"):
        assert len(paper.read_text().splitlines()) <= 90, paper.name


@pytest.mark.parametrize("file", [".github/workflows/check.yml", ".gitlab-ci.yml"])
def test_the_students_pipelines_check(file: str) -> None:
    job = yaml.safe_load((ROOT / "student_template" / file).read_text())
    check = job["jobs"]["check"]["steps"] if "jobs" in job else job["check"]["script"]
    assert "torchgrade check" in str(check[-1]) and "requirements.txt" in str(check)
