"""A gradebook in PostgreSQL: what is particular to a server. What holds of all gradebooks runs over both kinds."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from postgres_server import PASSWORD, Server

from torchgrade.errors import UsageError
from torchgrade.gradebook import Gradebook
from torchgrade.model import Verdict

Make = Callable[..., Verdict]


@pytest.fixture
def url(postgres: Server) -> str:
    """An empty database."""
    return postgres.url(postgres.new_database())


def refusal(url: str, *, wait_seconds: float = 2.0) -> str:
    with pytest.raises(UsageError) as told:
        Gradebook.open(url, wait_seconds=wait_seconds)
    said = str(told.value)
    assert "\n" not in said and PASSWORD not in said
    return said


def test_who_may_not_come_in_is_told_in_one_line(postgres: Server, url: str) -> None:
    database = url.rpartition("/")[2]
    assert "the server refuses this name or password" in refusal(postgres.url(database, password="wrong"))
    assert "the server refuses this name or password" in refusal(postgres.url(database, name="nobody"))
    assert "the server asks for a password" in refusal(url.replace(f":{PASSWORD}", ""))
    assert "there is no such database" in refusal(postgres.url("elsewhere"))


def test_an_absent_server_is_told_in_one_line(postgres: Server, url: str) -> None:
    assert "no server answers there" in refusal(postgres.url("grades", port=1))
    assert "no server of that name" in refusal(url.replace("127.0.0.1", "nowhere.invalid"))
    assert "the URL cannot be read" in refusal(url.replace(f":{postgres.port}", ":port"))
    assert "an option that the driver does not know" in refusal(url + "?colour=blue")


def test_one_who_may_only_look_is_told_before_an_hour_of_grading(postgres: Server, url: str) -> None:
    database = url.rpartition("/")[2]
    postgres.ask("DROP ROLE IF EXISTS guest; CREATE ROLE guest LOGIN PASSWORD 'guest'")
    guest = postgres.url(database, name="guest", password="guest")
    assert "may not make or write tables there" in refusal(guest)
    Gradebook.open(url).close()
    assert "may not make or write tables there" in refusal(guest)


def test_a_gradebook_of_a_newer_torchgrade_is_left_alone(postgres: Server, url: str) -> None:
    Gradebook.open(url).close()
    postgres.ask("UPDATE torchgrade_revision SET version_num = '0999'", url.rpartition("/")[2])
    assert "newer torchgrade (revision 0999)" in refusal(url)


def test_a_second_writer_waits_for_its_turn_and_no_longer(url: str, verdict: Make) -> None:
    with Gradebook.open(url) as one, Gradebook.open(url, wait_seconds=0.3) as other:
        run = one.start_run("softmax", {})
        with one._writing():
            assert [each.id for each in other.runs()] == [run], "a reader does not wait"
            with pytest.raises(UsageError, match="in use by another program"):
                other.record(verdict(), "k1", run)
        other.record(verdict(), "k1", run)
        assert one.verdicts(run) == [verdict()]


def test_two_writers_reach_one_verdict_and_one_number(url: str, verdict: Make) -> None:
    students = [f"s{n}" for n in range(20)]
    begin = threading.Barrier(2)

    def write() -> None:
        with Gradebook.open(url) as book:
            run = book.start_run("softmax", {})
            begin.wait()
            for student in students:
                numbers.append(book.attempt_numbers("softmax", [(student, "d1")]))
                book.record(verdict(student), student, run)

    Gradebook.open(url).close()
    numbers: list[list[int]] = []
    threads = [threading.Thread(target=write) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with Gradebook.open(url) as book:
        assert numbers == [[1]] * 40
        assert [run.verdicts for run in book.runs()] == [20, 20]
        assert sorted(book.finished("softmax", students)) == sorted(students)


def test_a_connection_that_was_ended_meanwhile_is_made_again(postgres: Server, url: str, verdict: Make) -> None:
    with Gradebook.open(url) as book:
        run = book.start_run("softmax", {})
        postgres.ask(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{book_name(url)}'")
        book.record(verdict(), "k1", run)
        assert book.verdicts(run) == [verdict()]


def test_a_server_that_goes_away_is_told_and_what_was_recorded_stays(
    postgres: Server, url: str, verdict: Make
) -> None:
    with Gradebook.open(url, wait_seconds=2) as book:
        run = book.start_run("softmax", {})
        book.record(verdict("ivanov"), "k1", run)
        postgres.stop()
        try:
            with pytest.raises(UsageError, match="no server answers there"):
                book.record(verdict("petrov"), "k2", run)
        finally:
            postgres.start()
        book.record(verdict("petrov"), "k2", run)
        assert [each.student for each in book.verdicts(run)] == ["ivanov", "petrov"]


def test_a_name_longer_than_an_index_of_other_databases_allows(url: str, verdict: Make) -> None:
    student = "\udcff" * 255  # a file name of bytes that are no text
    with Gradebook.open(url) as book:
        run = book.start_run("softmax", {}, course="К" * 300)
        book.attempt_numbers("softmax", [(student, "d1")], course="К" * 300)
        book.record(verdict(student), "k1", run)
        assert book.verdicts(run) == [verdict(student)]


def book_name(url: str) -> str:
    return url.rpartition("/")[2]


RECORDER = """
import sys
from itertools import count
sys.path.insert(0, sys.argv[2])
from conftest import make_verdict
from torchgrade.gradebook import Gradebook
book = Gradebook.open(sys.argv[1])
run = book.start_run("softmax", {})
done = book.finished("softmax", [f"k{n}" for n in range(10_000)])
for n in count():
    if f"k{n}" not in done:
        book.record(make_verdict(f"student-{n}"), f"k{n}", run)
        print(f"k{n}", flush=True)
"""


@pytest.fixture
def recorder(url: str) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Begins a program that records until it is ended."""
    started: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        command = [sys.executable, "-c", RECORDER, url, str(Path(__file__).parent)]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_a_recorder_that_is_killed_loses_and_doubles_nothing(
    url: str, recorder: Callable[[], subprocess.Popen[str]]
) -> None:
    reported: list[str] = []
    for lines in (1, 7, 20):
        process = recorder()
        assert process.stdout is not None
        seen = [process.stdout.readline() for _ in range(lines)]
        time.sleep(0.004)
        process.kill()
        text = "".join(seen) + process.stdout.read()
        reported += text.rpartition("\n")[0].split()
    assert len(reported) == len(set(reported)) >= 28
    with Gradebook.open(url) as book:
        assert sorted(book.finished("softmax", reported)) == sorted(reported)
