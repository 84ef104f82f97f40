"""A real PostgreSQL for tests: on loopback, with a password, in a folder of its own, stopped and started at will."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

USER, PASSWORD = "tunesmith", "c0rrect@h0rse"

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",  # quick: the tests end servers, never the machine
    "shared_buffers": "16MB",
    "max_connections": "40",
}
_PATIENCE_S = 30.0


def binaries() -> Path | None:
    """Find the folder of PostgreSQL's programs, None if it is not installed."""
    places = [shutil.which("postgres"), *sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin/postgres")))[::-1]]
    if shutil.which("pg_config"):
        folder = subprocess.run(["pg_config", "--bindir"], check=True, capture_output=True, text=True).stdout.strip()
        places.insert(1, f"{folder}/postgres")
    for place in places:
        if place and (Path(place).parent / "initdb").exists() and Path(place).exists():
            return Path(place).parent
    return None


class PostgresServer:
    """One server, running from the start.

    Attributes:
        port: Where it listens on 127.0.0.1, also after a stop and a start.
        password: Its only user's, who owns everything.
    """

    password = PASSWORD

    def __init__(self, programs: Path) -> None:
        """Make an empty cluster of databases and start the server.

        Args:
            programs: The folder of PostgreSQL's programs.
        """
        self._programs = programs
        self._as: dict[str, Any] = {}
        self._folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        if os.geteuid() == 0:  # which PostgreSQL refuses to run as
            self._as = {"user": "postgres", "group": "postgres", "extra_groups": []}
            shutil.chown(self._folder, "postgres", "postgres")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        words = self._folder / "password"
        words.write_text(PASSWORD, encoding="utf-8")
        words.chmod(0o644)
        self._run(
            "initdb", "--no-sync", "--auth=scram-sha-256", f"--username={USER}", f"--pwfile={words}", "--encoding=UTF8",
            "--locale=C", f"--pgdata={self._folder / 'data'}",
        )  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def url(self, database: str, *, password: str = PASSWORD) -> str:
        """Give a database's address as SQLAlchemy reads it; an empty password is left out."""
        secret = f":{quote(password, safe='')}" if password else ""
        return f"postgresql+psycopg://{USER}{secret}@127.0.0.1:{self.port}/{database}"

    def create(self, database: str) -> str:
        """Make an empty database and give its address."""
        self.execute(f'CREATE DATABASE "{database}"')
        return self.url(database)

    def execute(self, statement: str, database: str = "postgres") -> list[Any]:
        """Run one statement and give the rows that it gives."""
        import psycopg

        with psycopg.connect(
            host="127.0.0.1", port=self.port, user=USER, password=PASSWORD, dbname=database, autocommit=True
        ) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def start(self) -> None:
        """Start the server, again on the same port and data, and wait until it answers."""
        assert self._process is None
        options = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
        with (self._folder / "log").open("ab") as log:
            process = subprocess.Popen[bytes](
                [self._programs / "postgres", "-D", self._folder / "data", "-p", str(self.port), *options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self._folder, **self._as,
            )  # fmt: skip
        self._process = process
        deadline = time.monotonic() + _PATIENCE_S
        while not self._answers():
            late = time.monotonic() > deadline
            assert process.poll() is None and not late, (self._folder / "log").read_text()  # noqa: PT018
            time.sleep(0.05)

    def stop(self) -> None:
        """End the server at once, as a crash would: connections break, what was committed is kept."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(_PATIENCE_S)
            self._process = None

    def start_again(self) -> None:
        """Start the server if it is stopped."""
        if self._process is None:
            self.start()

    def close(self) -> None:
        """End the server and remove its data."""
        self.stop()
        shutil.rmtree(self._folder)

    def _answers(self) -> bool:
        import psycopg

        try:
            self.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._programs / program, *arguments], check=False, capture_output=True, text=True, cwd=self._folder,
            **self._as,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
