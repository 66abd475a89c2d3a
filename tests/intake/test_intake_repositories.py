"""Git repositories: the commit that counts is read as objects; nothing that lies in a repository is ever run."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from handed_in import Repository, put, raw_notebook, read, roster_file

from torchgrade.errors import SpecError, UsageError
from torchgrade.intake import Choice, git, gitlist, gitrun, moment

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")

EARLY, LATE = "2026-10-01T12:00:00+00:00", "2026-10-03T12:00:00+03:00"
BETWEEN = Choice(until=datetime(2026, 10, 2, tzinfo=UTC))


@pytest.fixture
def clones(tmp_path: Path) -> Path:
    """Anna has two commits, a tag on the first, and something that she never committed."""
    anna = Repository(tmp_path / "in" / "anna")
    anna.commit("early", EARLY)
    anna.git("tag", "-a", "-m", "done", "handed-in")
    anna.commit("late", LATE)
    put(anna.folder, "softmax.ipynb", raw_notebook("never committed"))
    return tmp_path / "in"


def test_the_newest_commit_counts_where_nothing_is_asked_for(clones: Path) -> None:
    found = read(clones)
    assert found.source("anna") == "late"
    assert found["anna"].handed_in == datetime(2026, 10, 3, 9, tzinfo=UTC)
    assert found["anna"].notes[0].endswith(" of 2026-10-03 09:00 UTC was taken.")
    assert any("what each student's computer said" in line for line in found.told)


def test_a_tag_or_a_deadline_chooses_the_commit(clones: Path) -> None:
    assert read(clones, choice=Choice(tag="handed-in")).source("anna") == "early"
    assert read(clones, choice=BETWEEN).source("anna") == "early"
    assert read(clones, choice=Choice(until=moment("2026-10-03 09:00 UTC", "--until"))).source("anna") == "late"


def test_what_cannot_be_chosen_is_told_in_a_line(clones: Path) -> None:
    Repository(clones / "boris")
    put(clones, "vera/softmax.ipynb")
    Repository(clones / "dima").commit("x", LATE)
    found = read(clones, choice=BETWEEN)
    assert found.source("anna") == "early"
    assert found["boris"].problem == "The git repository holds no commit."
    assert found["vera"].problem == "There is no git repository here."
    assert found["dima"].problem == "The git repository holds no commit until 2026-10-02 00:00 UTC."
    tags = read(clones, choice=Choice(tag="v1"))
    assert tags["anna"].problem == "The git repository has no tag 'v1'. Its tags: 'handed-in'."
    assert tags["dima"].problem == "The git repository has no tag 'v1'. It has none."


def test_bare_repositories_packed_references_and_other_hashes(clones: Path) -> None:
    anna = clones / "anna"
    subprocess.run(["git", "clone", "-q", "--bare", str(anna), str(clones / "bare.git")], check=True)
    subprocess.run(["git", "-C", str(clones / "bare.git"), "gc", "-q"], check=True)
    assert (clones / "bare.git" / "packed-refs").exists()
    found = read(clones, choice=Choice(tag="handed-in"))
    assert found.source("bare") == found.source("anna") == "early"
    newer = Repository(clones / "newer")
    shutil.rmtree(newer.folder / ".git")
    newer.git("init", "-q", "-b", "main", "--object-format=sha256")
    newer.commit("sha256")
    assert read(clones).source("newer") == "sha256"


def test_a_shallow_clone_has_its_newest_commit(clones: Path, tmp_path: Path) -> None:
    target = tmp_path / "shallow" / "anna"
    subprocess.run(["git", "clone", "-q", "--depth=1", f"file://{clones / 'anna'}", str(target)], check=True)
    assert read(tmp_path / "shallow").source("anna") == "late"
    assert "no commit until" in read(tmp_path / "shallow", choice=BETWEEN)["anna"].problem


def test_a_repository_without_a_notebook_says_what_it_holds(tmp_path: Path) -> None:
    Repository(tmp_path / "in" / "anna").commit("x", name="data/notes.md")
    assert "There is no notebook" in read(tmp_path / "in")["anna"].problem
    assert "'data/notes.md'" in read(tmp_path / "in")["anna"].problem


def test_one_student_s_folder_with_a_git_in_it_makes_no_cohort_of_repositories(clones: Path) -> None:
    put(clones, "boris.ipynb")
    assert read(clones).source("anna") == "never committed"


def test_one_clone_alone_is_read_where_a_commit_is_asked_for(clones: Path) -> None:
    assert read(clones / "anna", choice=BETWEEN).source("anna") == "early"


@pytest.mark.parametrize(("choice", "option"), [(Choice(tag="x"), "--tag"), (BETWEEN, "--until")])
def test_asking_for_a_commit_where_there_is_no_repository_is_one_line(
    tmp_path: Path, choice: Choice, option: str
) -> None:
    put(tmp_path, "in/anna.ipynb")
    with pytest.raises(UsageError, match=f"{option} is for git repositories"):
        read(tmp_path / "in", choice=choice)


def test_repositories_are_found_in_the_roster_by_login_and_by_ending(clones: Path, tmp_path: Path) -> None:
    for name in ("softmax-maria-garcia", "softmax-vz", "softmax-zoe"):
        Repository(clones / name).commit(name)
    roster = roster_file(
        tmp_path, "student,git", "anna,", "maria-garcia,", "garcia,", "zima,https://git.example/vz.git"
    )
    found = read(clones, roster)
    assert {s.student for s in found.values()} == {"anna", "maria-garcia", "zima", "softmax-zoe"}
    assert found.told[-1] == "not in the roster, and graded all the same: 'softmax-zoe'"


# --- hostile ones ------------------------------------------------------------------------------------------------


@pytest.fixture
def alarm(tmp_path: Path) -> Path:
    """A program that leaves a trace when it is run."""
    program = tmp_path / "alarm"
    program.write_text(f"#!/bin/sh\necho run >> {tmp_path}/RUN\nexit 1\n")
    program.chmod(0o755)
    return program


def test_nothing_of_a_repository_is_run(clones: Path, alarm: Path) -> None:
    repository = clones / "anna"
    put(repository, ".gitattributes", b"*.ipynb filter=bad diff=bad merge=bad working-tree-encoding=UTF-16\n")
    put(repository, ".git/info/attributes", b"*.ipynb filter=bad diff=bad\n")
    subprocess.run(["git", "-C", str(repository), "add", ".gitattributes"], check=True)
    (repository / ".git" / "hooks").mkdir(exist_ok=True)
    for hook in ("post-checkout", "reference-transaction", "pre-auto-gc", "post-index-change"):
        shutil.copy(alarm, repository / ".git" / "hooks" / hook)
    settings = {
        "core.fsmonitor": alarm,
        "core.hooksPath": alarm.parent,
        "core.pager": alarm,
        "core.editor": alarm,
        "core.sshCommand": alarm,
        "core.alternateRefsCommand": alarm,
        "filter.bad.clean": alarm,
        "filter.bad.smudge": alarm,
        "filter.bad.process": alarm,
        "diff.bad.textconv": alarm,
        "diff.external": alarm,
        "gpg.program": alarm,
        "log.showSignature": "true",
        "uploadpack.packObjectsHook": alarm,
        "credential.helper": f"!{alarm}",
        "alias.cat-file": f"!{alarm}",
        "alias.ls-tree": f"!{alarm}",
        "extensions.partialClone": "origin",
        "remote.origin.url": f"ext::{alarm}",
        "remote.origin.promisor": "true",
    }
    for name, value in settings.items():
        config = ["git", "config", "--file", str(repository / ".git" / "config"), name, str(value)]
        subprocess.run(config, check=True)
    for choice in (Choice(), Choice(tag="handed-in"), BETWEEN):
        assert read(clones, choice=choice)["anna"].notebook
    assert not (alarm.parent / "RUN").exists()
    subprocess.run(["git", "-C", str(repository), "status"], capture_output=True, check=False, timeout=60)
    assert (alarm.parent / "RUN").exists(), "the trap does not work, so nothing was shown"


def test_a_missing_object_is_not_fetched(clones: Path, alarm: Path) -> None:
    repository = clones / "anna"
    blob = subprocess.run(
        ["git", "-C", str(repository), "rev-parse", "HEAD:softmax.ipynb"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    (repository / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    with (repository / ".git" / "config").open("a") as config:
        config.write(f'[remote "origin"]\n\turl = {clones}\n\tuploadpack = {alarm}\n\tpromisor = true\n')
    assert "git cannot read it" in read(clones)["anna"].problem
    assert not (alarm.parent / "RUN").exists()
    subprocess.run(
        ["git", "-C", str(repository), "cat-file", "-p", blob], capture_output=True, check=False, timeout=60
    )
    assert (alarm.parent / "RUN").exists(), "the trap does not work, so nothing was shown"


def test_the_settings_of_the_user_are_not_asked(
    clones: Path, alarm: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    put(
        home,
        ".gitconfig",
        f"[core]\n\tfsmonitor = {alarm}\n\tpager = {alarm}\n[alias]\n\tls-tree = !{alarm}\n".encode(),
    )
    for name, value in {
        "HOME": home,
        "GIT_DIR": "/nowhere",
        "GIT_TRACE": tmp_path / "trace",
        "GIT_PAGER": alarm,
    }.items():
        monkeypatch.setenv(name, str(value))
    assert read(clones).source("anna") == "late"
    assert not (tmp_path / "RUN").exists() and not (tmp_path / "trace").exists()


def test_objects_of_another_repository_are_not_looked_into(clones: Path, tmp_path: Path) -> None:
    secret = Repository(tmp_path / "secret")
    commit = secret.commit("the teacher's own")
    put(clones, "anna/.git/objects/info/alternates", f"{secret.folder}/.git/objects\n".encode())
    put(clones, "anna/.git/refs/heads/main", f"{commit}\n".encode())
    assert "keeps its objects in another one" in read(clones)["anna"].problem


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("HEAD", b"ref: ../../../../etc/passwd\n"),
        ("HEAD", b"ref: refs/heads/../../../secret\n"),
        ("HEAD", b"ref: refs/heads/.invalid\n"),
        ("HEAD", b"ref: refs/heads/" + b"a" * 300),
        ("HEAD", b"\xff\xfe"),
        ("HEAD", b"x" * 10_000),
        ("refs/heads/main", b"ref: refs/heads/main\n"),
        ("refs/heads/main", b"--upload-pack=x\n"),
        ("refs/heads/main", b"0" * 40),
        ("objects/pack/pack-1.idx", b"junk"),
    ],
)
def test_a_repository_that_is_made_up_is_one_line_and_no_fault(clones: Path, name: str, content: bytes) -> None:
    Repository(clones / "boris").commit("fine")
    put(clones, f"anna/.git/{name}", content)
    found = read(clones)
    assert found.source("boris") == "fine"
    assert found["anna"].notebook or found["anna"].problem.startswith("The git repository")


def test_links_in_place_of_a_repository_are_not_followed(clones: Path, tmp_path: Path) -> None:
    other = Repository(tmp_path / "other")
    other.commit("not yours")
    for name, make in {
        "link": lambda p: p.symlink_to(other.folder),
        "git-link": lambda p: (p.mkdir(), (p / ".git").symlink_to(other.folder / ".git")),
        "git-file": lambda p: (p.mkdir(), (p / ".git").write_text(f"gitdir: {other.folder}/.git\n")),
    }.items():
        make(clones / name)
    found = read(clones, choice=BETWEEN)
    assert found.source("anna") == "early"
    assert {found[n].problem for n in ("link", "git-link", "git-file")} == {"There is no git repository here."}


@pytest.mark.parametrize("linked", ["objects/pack", "objects/pack/*", "objects/??"])
def test_links_among_the_objects_are_not_followed(clones: Path, tmp_path: Path, linked: str) -> None:
    other = Repository(tmp_path / "other")
    commit = other.commit("not yours")
    if "pack" in linked:
        other.git("gc", "-q")
    shutil.rmtree(clones / "anna" / ".git" / "objects" / "pack")
    for found in (other.folder / ".git").glob(linked):
        link = clones / "anna" / ".git" / found.relative_to(other.folder / ".git")
        link.parent.mkdir(exist_ok=True)
        if not link.exists():
            link.symlink_to(found)
    put(clones, "anna/.git/refs/heads/main", f"{commit}\n".encode())
    assert "keeps its objects in another one" in read(clones)["anna"].problem


def test_links_and_repositories_within_a_commit_are_not_followed(clones: Path) -> None:
    boris = Repository(clones / "boris")
    (boris.folder / "softmax.ipynb").symlink_to("/etc/passwd")
    boris.git("add", "-A")
    boris.git("commit", "-q", "-m", "link")
    vera = Repository(clones / "vera")
    vera.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},sub.ipynb")
    vera.git("commit", "-q", "-m", "submodule")
    found = read(clones)
    assert "symbolic link" in found["boris"].problem and "There is no notebook" in found["vera"].problem


def test_a_huge_notebook_is_never_read_out_of_a_repository(clones: Path) -> None:
    Repository(clones / "boris").commit("x" * 20_000)
    found = read(clones, max_bytes=10_000)
    assert "'softmax.ipynb' is larger than 10000 bytes" in found["boris"].problem and found["anna"].notebook


def test_a_tree_that_unfolds_without_end_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git, "_MAX_LISTING", 2**20)
    bomb = Repository(tmp_path / "in" / "bomb")
    bomb.commit("x")
    tree = bomb.git("rev-parse", "HEAD^{tree}")
    for _level in range(12):
        listing = "".join(f"040000 tree {tree}\td{i}\n" for i in range(10))
        done = subprocess.run(
            ["git", "mktree"], cwd=bomb.folder, input=listing, capture_output=True, text=True, check=True
        )
        tree = done.stdout.strip()
    commit = bomb.git("commit-tree", "-m", "bomb", tree)
    bomb.git("update-ref", "refs/heads/main", commit)
    assert read(tmp_path / "in")["bomb"].problem == "The git repository is too large."


def test_git_that_hangs_is_ended_with_all_that_it_started(
    clones: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sleeper = tmp_path / "git"
    sleeper.write_text(f"#!/bin/sh\nsleep 600 &\necho $! > {tmp_path}/pid\nwait\n")
    sleeper.chmod(sleeper.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(gitrun, "_git", lambda: str(sleeper))
    monkeypatch.setattr(gitrun, "_SECONDS", 0.5)
    assert read(clones)["anna"].problem == "Reading the git repository takes too long."
    child = int((tmp_path / "pid").read_text())
    for _ in range(100):
        if not Path(f"/proc/{child}").exists() or "Z" in Path(f"/proc/{child}/stat").read_text().split(")")[1][:3]:
            return
        time.sleep(0.05)
    os.kill(child, 9)
    pytest.fail("what git started is still running")


# --- a list ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["student,url\nanna,in/anna\n", "anna in/anna\n# a remark\n\n", "name;url;student\nA;in/anna;anna\n"]
)
def test_a_list_may_name_folders_beside_it(clones: Path, tmp_path: Path, text: str) -> None:
    found = read(put(tmp_path, "list.csv", text.encode()), choice=BETWEEN)
    assert list(found) == ["anna"] and found.source("anna") == "early"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("anna,ext::sh -c id", "'ext::sh -c id' is not fetched"),
        ("anna,file:///etc", "'file:///etc' is not fetched"),
        ("anna,http://host/x.git", "is not fetched"),
        ("anna,/etc", "'/etc' is not fetched"),
        ("anna,../x", "'../x' is not fetched"),
        ("anna,--upload-pack=id", "is not fetched"),
        ("anna,ssh://-oProxyCommand=id/x", "is not fetched"),
        ("anna,-oProxyCommand=id@host:x", "is not fetched"),
        ("anna,ftp://user:secret@host/x", "'ftp://host/x' is not fetched"),
        ("anna", "a line needs a student and the address"),
        ("boris,in/x", "'boris' stands in line 1 already"),
        ("BORIS,in/x", "'BORIS' stands in line 1 already"),
    ],
)
def test_a_bad_line_of_a_list_is_refused_before_anything_is_fetched(
    tmp_path: Path, line: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gitlist, "clone", lambda *a, **k: pytest.fail("something was fetched"))
    with pytest.raises(SpecError) as caught:
        read(put(tmp_path, "list.csv", f"boris,https://host/b.git\n{line}\n".encode()))
    assert str(caught.value).startswith(f"{tmp_path}/list.csv:2: ") and told in str(caught.value)


def test_addresses_are_fetched_and_who_has_none_is_told(
    clones: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gitrun, "PROTOCOLS", ("file",))
    monkeypatch.setattr(gitlist, "PROTOCOLS", ("file",))
    text = f"anna,file://{clones}/anna\nboris,file://{clones}/boris\n"
    before = set(tmp_path.iterdir())
    found = read(put(tmp_path, "list.txt", text.encode()), choice=Choice(tag="handed-in"))
    assert found.source("anna") == "early"
    assert found["boris"].problem.startswith("The git repository could not be fetched: ")
    assert set(tmp_path.iterdir()) == {*before, tmp_path / "list.txt"}


def test_a_clone_that_grows_without_end_is_stopped(
    clones: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gitrun, "PROTOCOLS", ("file",))
    monkeypatch.setattr(gitlist, "PROTOCOLS", ("file",))
    monkeypatch.setattr(gitlist, "_MAX_BYTES", 10)
    found = read(put(tmp_path, "list.txt", f"anna,file://{clones}/anna\n".encode()))
    assert found["anna"].problem == "The git repository could not be fetched: The git repository is too large."


def test_where_nothing_can_be_fetched_it_is_not_the_students_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gitrun, "PROTOCOLS", ("file",))
    monkeypatch.setattr(gitlist, "PROTOCOLS", ("file",))
    with pytest.raises(UsageError, match="none of 2 repositories could be fetched"):
        read(put(tmp_path, "list.txt", b"a,file:///nowhere/a\nb,file:///nowhere/b\n"))


def test_a_list_of_nothing_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="lists no repositories; expected lines of student,url"):
        read(put(tmp_path, "list.csv", b"student,url\n"))


# --- moments -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("2026-11-01T23:59+03:00", 20),
        ("2026-11-01 23:59:30 Europe/Moscow", 20),
        ("2026-11-01T23:59Z", 23),
        ("2026-11-01 23:59 UTC", 23),
        ("2026-11-01 23:59 -0100", 0),
        ("2026-10-25 02:30 Europe/Berlin", 1),  # shown twice: the second, as for `due`
    ],
)
def test_a_moment_has_a_zone(text: str, hour: int) -> None:
    assert moment(text, "--until").astimezone(UTC).hour == hour


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("2026-11-01 23:59", "says no time zone"),
        ("2026-11-01T23:59:00", "says no time zone"),
        ("2026-11-01", "is not a day with a time and a zone"),
        ("tomorrow", "is not a day with a time and a zone"),
        ("2026-02-30 12:00 UTC", "there is no such day or time"),
        ("2026-02-20 12:00 MSK", "there is no time zone 'MSK'"),
        ("2026-03-29 02:30 Europe/Berlin", "2026-03-29 02:30 does not exist in Europe/Berlin"),
        ("2026-02-20 12:00 Europe/Nowhere", "there is no time zone"),
        ("2026-02-20 12:00 ../../etc/passwd", "there is no time zone"),
        ("2026-02-20 12:00 +99:00", "there is no time zone"),
    ],
)
def test_a_moment_without_one_is_refused_in_a_line(text: str, told: str) -> None:
    with pytest.raises(UsageError, match=told) as caught:
        moment(text, "--until")
    assert str(caught.value).startswith(f"--until {text}: ") and "\n" not in str(caught.value)
