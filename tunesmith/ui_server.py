"""MLflow's server for ``tunesmith ui``: a process that answers only to exact host names, and logs to a file."""

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
from ipaddress import ip_address
from pathlib import Path
from typing import Self

from data_prep.errors import BadInputError

LOG = "mlflow-server.log"
"""The file in the home folder with the server's output."""

_NAME = re.compile(r"[\w.:%-]+", re.ASCII)
"""A valid --host; MLflow would interpret "*" in an allowed host as a pattern."""

_OWN_ADDRESS = "--host is a name or an address of this machine"
_OMIT = "omit it for 127.0.0.1"
_HTTP_PORT = 80
_GRACE_S = 10.0
_OPTIONS = ("--workers", "1", "--uvicorn-opts", "--log-level warning --no-access-log")
_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "PYTHONSAFEPATH": "1",  # the folder may contain a models.py
}


def allowed_hosts(host: str, port: int) -> list[str]:
    """Return the accepted values of a request's Host header: exact names with the port.

    This protects against DNS rebinding: if a web page lets its own name resolve to this machine, the browser sends that
    name, which is not accepted.

    Args:
        host: The address that the server listens on; for all addresses (0.0.0.0, ::), this machine's host name is
            accepted.
        port: The server's port.

    Returns:
        The values.
    """
    own = (socket.gethostname(), socket.getfqdn()) if _is_everywhere(host) else (host,)
    names = dict.fromkeys(["localhost", "127.0.0.1", "[::1]", *(_in_url(name.lower()) for name in own)])
    return [f"{name}:{port}" for name in names] + [*(names if port == _HTTP_PORT else ())]


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _is_everywhere(host: str) -> bool:
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return False


def check_address(host: str, port: int) -> None:
    """Check that this machine can listen on an address.

    Args:
        host: A name or an address of this machine.
        port: The port.

    Raises:
        BadInputError: If the host is not this machine's, or the port is in use or requires privileges.
    """
    if not _NAME.fullmatch(host):
        raise BadInputError(_OWN_ADDRESS, f"{host!r} is unknown", remedy=_OMIT)
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, ValueError) as error:
        raise BadInputError(_OWN_ADDRESS, f"{host!r} is unknown ({error})", remedy=_OMIT) from None
    for family, kind, protocol, _, address in addresses:
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(address)
            except OSError as error:
                raise _unusable(host, port, error) from None


def _unusable(host: str, port: int, error: OSError) -> BadInputError:
    if error.errno == errno.EADDRINUSE:
        return BadInputError(f"port {port} of {host} is in use by another program", remedy="name another with --port")
    if error.errno == errno.EADDRNOTAVAIL:
        return BadInputError(_OWN_ADDRESS, f"{host} is not", remedy=_OMIT)
    return BadInputError(f"port {port} of {host} cannot be used ({error.strerror})", remedy="name another with --port")


class UiServer:
    """MLflow's server for a store, which runs for the duration of a ``with`` block.

    Attributes:
        root: The server's URL.
        log: The file with the server's output.
    """

    def __init__(self, store: str, folder: Path, host: str, port: int) -> None:
        """Prepare the server; ``with`` starts it.

        Args:
            store: The URI of the store.
            folder: The home folder, for the log.
            host: The address to listen on.
            port: The port.
        """
        self._host, self._port, self._folder = host, port, folder
        self.root = f"http://{_in_url('localhost' if _is_everywhere(host) else host)}:{port}"
        self.log = folder / LOG
        self._store = store
        self._command = [sys.executable, "-P", "-m", "mlflow", "server"]
        self._command += ["--host", host, "--port", str(port), *_OPTIONS]
        self._command += ["--allowed-hosts", ",".join(allowed_hosts(host, port))]

    def __enter__(self) -> Self:
        """Start the server without the user's MLflow variables, which could weaken its restrictions."""
        inherited = {name: value for name, value in os.environ.items() if "MLFLOW_" not in name}
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command,
                env={
                    **inherited,
                    **_ENVIRONMENT,
                    "MLFLOW_BACKEND_STORE_URI": self._store,
                },  # not an option, which ps shows
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # so that Ctrl-C reaches only this process, which stops the server
            )
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the server and its processes."""
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
        """Wait until the server answers.

        Raises:
            BadInputError: If it ends instead.
        """
        while not self._answers():
            if self._process.poll() is not None:
                raise self._ended()
            time.sleep(0.2)

    def _answers(self) -> bool:
        host = "127.0.0.1" if _is_everywhere(self._host) else self._host
        connection = http.client.HTTPConnection(host, self._port, timeout=5)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def wait(self) -> None:
        """Wait until the server ends.

        Raises:
            BadInputError: When it ends, since it should run until it is stopped.
        """
        self._process.wait()
        raise self._ended()

    def _ended(self) -> BadInputError:
        lines = self.log.read_text(encoding="utf-8", errors="replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "it printed nothing")
        return BadInputError("MLflow's server must keep running", f"it ended: {last[:300]}", f"log: {self.log}")
