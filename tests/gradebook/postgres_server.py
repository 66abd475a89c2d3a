"""A PostgreSQL server of a test's own: made, started, stopped and thrown away. Never another's server."""

from __future__ import annotations

import contextlib
import getpass
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

#: Where Debian and Fedora keep the programs that they leave out of PATH.
_PLACES = ("/usr/lib/postgresql/*/bin/initdb", "/usr/pgsql-*/bin/initdb")
NAME, PASSWORD = "teacher", "hunter2"


def find_initdb() -> Path | None:
    """``initdb`` of the newest PostgreSQL here, or None."""
    if found := shutil.which("initdb"):
        return Path(found).resolve()
    all_found = [path for place in _PLACES for path in Path("/").glob(place.lstrip("/"))]
    return max(all_found, key=lambda path: int((re.findall(r"\d+", str(path)) or ["0"])[0]), default=None)


class Server:
    """One throw-away server on a port of 127.0.0.1, with a superuser ``teacher``."""

    def __init__(self, folder: Path, initdb: Path) -> None:
        self.data, self.bin, self.port = folder / "data", initdb.parent, _free_port()
        self._log = folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        word = folder / "password"
        word.write_text(PASSWORD)
        self._user = None
        if os.geteuid() == 0:  # the server refuses to run as root
            names = {entry.pw_name for entry in pwd.getpwall()}
            self._user = "postgres" if "postgres" in names else "nobody"
            for path in (folder, word):
                shutil.chown(path, self._user)
        command = [initdb, "-D", self.data, "-U", NAME, "--pwfile", word, "-A", "scram-sha-256", "-E", "UTF8"]
        done = subprocess.run(
            [*command, "--locale=C", "--no-sync"], user=self._user, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

    def start(self) -> None:
        """Start it, and wait until it answers."""
        settings = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self.data.parent,
        }
        settings |= {"fsync": "off", "max_connections": 30, "shared_buffers": "16MB"}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [self.bin / "postgres", "-D", self.data, *options], user=self._user, stdout=log, stderr=log
            )
        self._wait()

    def _wait(self) -> None:
        import psycopg

        deadline = time.monotonic() + 60
        while True:
            try:
                psycopg.connect(self.url("postgres").replace("+psycopg", "")).close()
                return
            except psycopg.OperationalError:
                assert time.monotonic() < deadline and self._process and self._process.poll() is None, (
                    self._log.read_text()
                )
                time.sleep(0.05)

    def stop(self) -> None:
        """Stop it as an operator would: connections are ended."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)  # "fast shutdown"
            self._process.wait(60)
            self._process = None

    def url(self, database: str, *, name: str = NAME, password: str = PASSWORD, port: int = 0) -> str:
        """What ``--gradebook`` takes."""
        return f"postgresql+psycopg://{name}:{password}@127.0.0.1:{port or self.port}/{database}"

    def ask(self, sql: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run statements of one's own; rows of the last one, where it has any."""
        import psycopg

        with psycopg.connect(self.url(database).replace("+psycopg", ""), autocommit=True) as connection:
            done = connection.execute(sql.encode())
            return done.fetchall() if done.description else []

    def new_database(self) -> str:
        """The name of an empty database."""
        name = f"grades_{secrets.token_hex(6)}"
        self.ask(f"CREATE DATABASE {name}")
        return name


@contextlib.contextmanager
def running_server(initdb: Path) -> Iterator[Server]:
    """A server that is gone afterwards, its folder too."""
    folder = Path(tempfile.mkdtemp(prefix=f"torchgrade-postgres-{getpass.getuser()}-", dir="/tmp"))
    try:
        server = Server(folder, initdb)
        try:
            server.start()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
