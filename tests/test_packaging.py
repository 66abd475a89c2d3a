"""What is built for others: the engine and its templates, none of the course; and that it works once installed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from torchgrade import __version__

ROOT = Path(__file__).parents[1]
WHEEL = f"torchgrade-{__version__}-py3-none-any.whl"
SDIST = f"torchgrade-{__version__}"
sys.path.insert(0, str(Path(__file__).parent / "grading"))

from small_course import DOUBLE_RIGHT, double_course, write_notebook  # noqa: E402

#: Parts that no import asks for, so that nothing but a use would miss them.
PARTS = (
    "locale/ru/LC_MESSAGES/torchgrade.po", "_templates/student.html.j2", "_templates/base.css",
    "_templates/serve/base.html.j2", "_templates/serve/serve.css", "sandbox/tools/wget", "sandbox/tools/curl",
    "sandbox/tools/handout.py", "gradebook/migrations/env.py",
    "gradebook/migrations/versions/v0001_first_tables.py",
    "_student_template/copier.yml", "_student_template/.copier-answers.yml", "_student_template/README.ru.md",
    "_student_template/.github/workflows/check.yml", "_student_template/.gitlab-ci.yml",
    "_student_template/.gitignore", "_student_template/requirements.txt",
)  # fmt: skip


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(built / WHEEL) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def sdist(built: Path) -> dict[str, bytes]:
    with tarfile.open(built / f"{SDIST}.tar.gz") as archive:
        files = [m for m in archive.getmembers() if m.isfile()]
        return {m.name.removeprefix(f"{SDIST}/"): archive.extractfile(m).read() for m in files}  # type: ignore[union-attr]


def test_the_wheel_has_the_whole_engine(wheel: dict[str, bytes]) -> None:
    source = ROOT / "src"
    for path in source.rglob("*"):
        if path.is_file() and not {"__pycache__"} & set(path.parts) and path.suffix != ".pyc":
            assert path.relative_to(source).as_posix() in wheel, path
    for part in PARTS:
        assert f"torchgrade/{part}" in wheel, part


@pytest.mark.parametrize(
    ("folder", "inside"), [("reports/templates", "_templates"), ("student_template", "_student_template")]
)
def test_the_wheel_has_every_template(wheel: dict[str, bytes], folder: str, inside: str) -> None:
    files = [p for p in (ROOT / folder).rglob("*") if p.is_file()]
    assert files
    for path in files:
        name = f"torchgrade/{inside}/{path.relative_to(ROOT / folder).as_posix()}"
        assert wheel.get(name) == path.read_bytes(), name


def test_programs_of_the_room_can_be_run(built: Path) -> None:
    with zipfile.ZipFile(built / WHEEL) as archive:
        for name in ("wget", "curl"):
            assert archive.getinfo(f"torchgrade/sandbox/tools/{name}").external_attr >> 16 & 0o111 == 0o111


def course_files() -> Iterator[Path]:
    """Everything of the course in this repository that a student may not see, and its texts."""
    for kind in ("solutions", "graders", "assignments"):
        yield from (p for p in (ROOT / kind).rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    yield from (p for p in (ROOT / ".torchgrade").glob("secret") if p.is_file())


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_nothing_of_the_course_is_in_it(kind: str, request: pytest.FixtureRequest) -> None:
    files: dict[str, bytes] = request.getfixturevalue(kind)
    allowed = {"torchgrade", f"{SDIST}.dist-info"}
    if kind == "sdist":
        allowed = {"src", "reports", "student_template", "README.md", "LICENSE", "CHANGELOG.md", "PKG-INFO",
                   "pyproject.toml", ".gitignore"}  # fmt: skip
    assert {name.split("/")[0] for name in files} == allowed
    for name in files:
        assert Path(name).name not in ("test_hidden.py", "test_public.py", "hints.yaml", "secret"), name
        assert not name.endswith((".ipynb", ".sqlite", ".pyc")), name
        assert not {"answers", "solutions", "cohort", ".torchgrade"} & set(name.split("/")), name
    contents = set(files.values())
    for path in course_files():
        content = path.read_bytes()
        assert len(content) < 40 or content not in contents, path


def test_no_line_of_a_hidden_grader_is_in_it(wheel: dict[str, bytes], sdist: dict[str, bytes]) -> None:
    everything = b"\n".join((*wheel.values(), *sdist.values()))
    hidden = sorted((ROOT / "graders").glob("*/test_hidden.py"))
    assert hidden
    for path in hidden:
        names = [line.split("(")[0][4:] for line in path.read_text().splitlines() if line.startswith("def test_")]
        assert names
        assert not [name for name in names if name.encode() + b"(" in everything], path


def test_both_are_the_same_engine(wheel: dict[str, bytes], sdist: dict[str, bytes]) -> None:
    """The wheel was built from the sdist alone: nothing outside it was needed."""
    ours = {name: text for name, text in sdist.items() if name.startswith("src/")}
    assert ours and all(wheel[name.removeprefix("src/")] == text for name, text in ours.items())


# --- installed ---------------------------------------------------------------------------------------------------


class Installed:
    """An environment that has torchgrade from the wheel; nothing of this checkout is on its path."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.bin, self.home = folder / "bin", home

    def run(self, *command: object, cwd: Path, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        kept = ("PATH", "LANG", "TMPDIR", "CUDA_VISIBLE_DEVICES")
        environment = {name: os.environ[name] for name in kept if name in os.environ}
        environment |= {"HOME": str(self.home), "TORCHGRADE_SECRET": "s", "GIT_CONFIG_GLOBAL": os.devnull}
        program = [str(self.bin / str(command[0])), *map(str, command[1:])]
        return subprocess.run(
            program, cwd=cwd, env=environment, capture_output=True, text=True, timeout=timeout, check=False
        )


def make(folder: Path, *pip: str) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True, timeout=120)
    install = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(folder / "bin/python")]
    command = [*install, "install", "--quiet", *pip]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1500, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The engine from the wheel, what it depends on from the environment of these tests."""
    folder = tmp_path_factory.mktemp("installed") / "venv"
    make(folder, "--no-deps", "--no-index", str(built / WHEEL))
    (site,) = folder.glob("lib/python*/site-packages")
    # As if it were another prefix of this Python: a room shows its own packages and no other folder on the path.
    purelib = sysconfig.get_path("purelib")
    also = f"import site, sys; site.PREFIXES.append({sys.prefix!r}); sys.path.append({purelib!r})\n"
    (site / "dependencies.pth").write_text(also)
    return Installed(folder, tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def kit(installed: Installed, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Released by the installed torchgrade itself, so that it must find student_template."""
    root = double_course(tmp_path_factory.mktemp("packaged") / "course").root
    bundle = root.parent / "private.zip"
    done = installed.run("torchgrade", "release", "double", root.parent / "out", "--bundle", bundle, cwd=root)
    assert done.returncode == 0, done.stdout + done.stderr
    return root.parent / "out" / "kit"


def test_what_runs_is_the_wheels(installed: Installed, tmp_path: Path) -> None:
    code = "import torchgrade, torch; print(torchgrade.__file__)"
    done = installed.run("python", "-c", code, cwd=tmp_path)
    assert Path(done.stdout.strip()).is_relative_to(installed.bin.parent), done.stderr
    assert installed.run("torchgrade", "--version", cwd=tmp_path).stdout == f"torchgrade {__version__}\n"


def test_it_checks_a_released_kit(installed: Installed, kit: Path) -> None:
    right = write_notebook(kit / "double.ipynb", DOUBLE_RIGHT)
    done = installed.run("torchgrade", "check", "--json", cwd=kit)
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout)
    assert (said["points"], said["max_points"], said["later"]) == (2, 2, 1)
    write_notebook(right, "def double(x):\n    return 3 * x\n")
    done = installed.run("torchgrade", "check", "--ci", "--lang", "ru", cwd=kit)
    assert (done.returncode, done.stderr) == (1, "")
    assert "не пройден" in done.stdout, "its Russian came along"
    assert {p.name for p in (kit / "torchgrade-report").iterdir()} == {
        "double.html", "junit.xml", "code-quality.json"
    }  # fmt: skip


def grading_steps() -> dict[str, str]:
    """The shell steps of the teacher's workflow in docs/ci.md, by name."""
    (block,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "ci.md").read_text(encoding="utf-8"), re.DOTALL)
    steps = yaml.safe_load(block)["jobs"]["grade"]["steps"]
    return {step["name"]: step["run"].replace("softmax", "double") for step in steps if "name" in step}


@pytest.fixture
def private(kit: Path, tmp_path: Path) -> Path:
    """A teacher's private repository in the middle of that workflow, the student's beside the bundle."""
    shutil.copy(kit.parents[1] / "private.zip", tmp_path / "private.zip")
    (tmp_path / "student").mkdir()
    return tmp_path


def take_notebook(installed: Installed, private: Path) -> subprocess.CompletedProcess[str]:
    step = grading_steps()["Take the notebook and nothing else"]
    script = f'PATH="{installed.bin}:$PATH"; REPOSITORY=class/ada\n{step}'
    return subprocess.run(
        ["bash", "-e", "-c", script], cwd=private, capture_output=True, text=True, timeout=60, check=False
    )


def test_a_teachers_pipeline_grades_by_the_bundle_alone(installed: Installed, private: Path) -> None:
    """As docs/ci.md has it; with gradebook, migrations and pages of the wheel."""
    write_notebook(private / "student" / "double.ipynb", DOUBLE_RIGHT)
    done = take_notebook(installed, private)
    assert done.returncode == 0, done.stderr
    done = installed.run(*grading_steps()["Grade"].split(), cwd=private / "course")
    assert done.returncode == 0, done.stdout + done.stderr
    (one,) = json.loads((private / "out/results.json").read_text())["submissions"]
    assert (one["student"], one["points"], len(one["criteria"])) == ("ada", 3, 2), "hidden criteria too"


@pytest.mark.parametrize("target", ["../course/solutions/double/double.ipynb", "../private.zip"])
def test_a_link_is_not_taken_for_work(installed: Installed, private: Path, target: str) -> None:
    """Neither before the bundle is unpacked, nor where a student guesses what lies there already."""
    (private / "student" / "double.ipynb").symlink_to(target)
    assert take_notebook(installed, private).returncode != 0
    assert not (private / "submissions").exists() and not (private / "course").exists()


@pytest.mark.slow  # torch alone is 200 MB
@pytest.mark.network
def test_in_an_empty_environment_it_checks_a_released_kit(built: Path, kit: Path, tmp_path: Path) -> None:
    make(tmp_path / "venv", str(built / WHEEL))
    empty = Installed(tmp_path / "venv", tmp_path)
    write_notebook(kit / "double.ipynb", DOUBLE_RIGHT)
    done = empty.run("torchgrade", "check", "--json", cwd=kit)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["points"] == 2
