"""MLflow's server for ``tunesmith ui``: a process that answers to exact names only, logs to a file and ends with us."""

import errno
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Self

from data_prep.errors import BadInputError

LOG = "mlflow-server.log"
"""The file in the home folder that takes what the server prints."""

_NAME = re.compile(r"[\w.:%-]+", re.ASCII)
"""What --host may be: MLflow takes a "*" among allowed hosts for a pattern, and resolvers take it for an address."""

_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104  (compared with, not bound)
_HTTP_PORT = 80
_GRACE_S = 10.0
_OPTIONS = ("--workers", "1", "--uvicorn-opts", "--log-level warning --no-access-log")
_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "PYTHONSAFEPATH": "1",  # a models.py in the folder is not ours
}


def allowed_hosts(host: str, port: int) -> list[str]:
    """Give the values of a request's Host header that are answered: exact names with the port, no patterns.

    A page in a browser may have its own name resolved to this machine (DNS rebinding); the browser then sends that
    name, which is none of these.

    Args:
        host: Where the server listens; for all addresses (0.0.0.0, ::) this machine's own name counts.
        port: Its port.

    Returns:
        The values.
    """
    own = (socket.gethostname(), socket.getfqdn()) if host in _EVERYWHERE else (host,)
    names = dict.fromkeys(["localhost", "127.0.0.1", "[::1]", *(_in_url(name.lower()) for name in own)])
    return [f"{name}:{port}" for name in names] + [*(names if port == _HTTP_PORT else ())]


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def refuse_unusable(host: str, port: int) -> None:
    """Refuse an address that cannot be listened on.

    Args:
        host: A name or an address of this machine.
        port: The port.

    Raises:
        BadInputError: If it is none of this machine's, another program has the port, or it needs other rights.
    """
    try:
        if not _NAME.fullmatch(host):
            raise ValueError("it has other characters than a name or an address")  # noqa: TRY301  (told alike)
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, ValueError) as error:
        raise BadInputError(
            f"--host is a name or an address of this machine: {host!r} is unknown ({error}); leave it out for 127.0.0.1"
        ) from None
    for family, kind, protocol, _, address in found:
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(address)
            except OSError as error:
                raise _unusable(host, port, error) from None


def _unusable(host: str, port: int, error: OSError) -> BadInputError:
    if error.errno == errno.EADDRINUSE:
        return BadInputError(f"port {port} of {host} is taken by another program: name another with --port")
    if error.errno == errno.EADDRNOTAVAIL:
        return BadInputError(f"--host is an address of this machine: {host} is not; leave it out for 127.0.0.1")
    return BadInputError(f"port {port} of {host} cannot be used ({error.strerror}): name another with --port")


class UiServer:
    """MLflow's server on one store, from ``with`` to its end.

    Attributes:
        root: Its address, as a browser takes it.
        log: The file with what it prints.
    """

    def __init__(self, store: str, folder: Path, host: str, port: int) -> None:
        """Prepare it; ``with`` starts it.

        Args:
            store: The URI of the store.
            folder: The home folder, which takes the log.
            host: Where it listens.
            port: The port.
        """
        self._host, self._port, self._folder = host, port, folder
        self.root = f"http://{_in_url('localhost' if host in _EVERYWHERE else host)}:{port}"
        self.log = folder / LOG
        self._command = [sys.executable, "-P", "-m", "mlflow", "server", "--backend-store-uri", store]
        self._command += ["--host", host, "--port", str(port), *_OPTIONS]
        self._command += ["--allowed-hosts", ",".join(allowed_hosts(host, port))]

    def __enter__(self) -> Self:
        """Start it. What the shell says to MLflow is left out: it could open what is closed here."""
        inherited = {name: value for name, value in os.environ.items() if "MLFLOW_" not in name}
        with self.log.open("wb") as log:
            self._process = self._start({**inherited, **_ENVIRONMENT}, log)
        return self

    def _start(self, environment: dict[str, str], log: IO[bytes]) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(  # noqa: S603  (an argument list, no shell)
            self._command,
            env=environment,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C reaches us alone, and we end it
        )

    def __exit__(self, *_: object) -> None:
        """End it and its processes."""
        self._signal(signal.SIGTERM)
        try:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_GRACE_S)
        finally:
            self._signal(signal.SIGKILL)
            self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def wait_until_it_answers(self) -> None:
        """Wait for its first answer.

        Raises:
            BadInputError: If it ends instead.
        """
        while not self._answers():
            if self._process.poll() is not None:
                raise self._ended()
            time.sleep(0.2)

    def _answers(self) -> bool:
        host = "127.0.0.1" if self._host in _EVERYWHERE else self._host
        connection = http.client.HTTPConnection(host, self._port, timeout=5)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def wait(self) -> None:
        """Wait until it ends, which it does not by itself.

        Raises:
            BadInputError: When it does.
        """
        self._process.wait()
        raise self._ended()

    def _ended(self) -> BadInputError:
        lines = self.log.read_text(encoding="utf-8", errors="replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "it says nothing")
        return BadInputError(f"MLflow's server must run, and ended: {last[:300]} (all that it said: {self.log})")
